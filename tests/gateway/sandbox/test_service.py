"""Arrivals, the fault dial and the control endpoint, over real sockets."""

import asyncio
from datetime import datetime

import httpx
import pytest
from starlette.types import Message

from gateway.sandbox import Arrival, Faults, Mishap, Running, Sandbox, Service
from tests.raw_client import Gate, until

HEALTHY: dict[str, object] = {
    "latency_ms": 0.0,
    "latency_sigma": 0.0,
    "error_rate": 0.0,
    "error_status": 500,
    "errors": {},
    "timeout": False,
    "malformed_json": False,
    "throttle": False,
    "retry_after_s": None,
    "retry_after_share": 1.0,
    "retry_after_form": "seconds",
    "mishaps": {},
    "only_writes": True,
    "read_mishaps": {},
    "apply_after_s": 1.0,
    "slow_bytes_per_s": 1000.0,
    "slow_pieces": None,
    "slow_pause_s": 0.1,
    "shapes": [],
    "page_items": 1,
    "flap_up_s": 0.0,
    "flap_down_s": 0.0,
    "while_down": None,
}


@pytest.fixture
def service(sandbox: Sandbox) -> Service:
    return sandbox.services["thulium"]


@pytest.fixture
def control(running: Running) -> str:
    return running.base_urls["thulium"].removesuffix("/api") + "/__sandbox__"


class TestArrivals:
    async def test_a_request_is_kept_whole(
        self, client: httpx.AsyncClient, running: Running, service: Service, now: datetime
    ) -> None:
        url = running.base_urls["thulium"] + "/tickets/%C5%82?a=1&b=%20x"
        await client.post(url, content="żółw".encode(), headers={"X-Trace": "T"})
        arrival = service.arrivals[0]
        assert service.arrivals == [
            Arrival(
                "POST",
                "/api/tickets/ł",
                "a=1&b=%20x",
                arrival.headers,
                "żółw".encode(),
                now,
                mishap=None,
                applied=False,
            )
        ]
        assert arrival.headers["x-trace"] == "T"
        assert "authorization" not in arrival.headers

    async def test_it_is_kept_before_login_and_faults(
        self, client: httpx.AsyncClient, running: Running, service: Service
    ) -> None:
        url = running.base_urls["thulium"] + "/tickets"
        assert (await client.get(url)).status_code == 401
        service.faults = Faults(error_rate=1, error_status=503)
        assert (await client.get(url)).status_code == 503
        service.faults = Faults(timeout=True)
        with pytest.raises(httpx.ReadTimeout):
            await client.get(url, timeout=0.05)
        assert [(each.path, each.mishap, each.applied) for each in service.arrivals] == [
            ("/api/tickets", None, False),
            ("/api/tickets", Mishap.ERROR_BEFORE, False),
            ("/api/tickets", Mishap.TIMEOUT_BEFORE, False),
        ]

    async def test_it_is_kept_before_its_latency_and_open_until_then(self) -> None:
        gate = Gate()
        sandbox = Sandbox(faults={"netevia": Faults(latency_ms=50, malformed_json=True)}, sleep=gate)
        service = sandbox.services["netevia"]
        async with httpx.AsyncClient(transport=httpx.ASGITransport(service.app)) as client:
            asked = asyncio.create_task(client.get("http://sandbox/api/LinkedAccount/users"))
            await until(lambda: gate.asked)
            assert [(each.mishap, each.applied) for each in service.arrivals] == [
                (Mishap.MALFORMED_JSON, None)
            ]
            gate.open()
            await asked
        assert (gate.asked, [each.applied for each in service.arrivals]) == ([0.05], [False])

    async def test_it_says_what_was_carried_out(self, thulium: httpx.AsyncClient, service: Service) -> None:
        await thulium.get("/tickets/1234")
        await thulium.put("/tickets/1234", json={"status_id": "6"})
        await thulium.put("/tickets/999999", json={"status_id": "6"})
        await thulium.put("/tickets/1234", json={"status_id": []})
        assert [each.applied for each in service.arrivals] == [True, True, False, False]

    async def test_the_others_hear_nothing(self, thulium: httpx.AsyncClient, sandbox: Sandbox) -> None:
        await thulium.get("/tickets")
        assert {kind: len(each.arrivals) for kind, each in sandbox.services.items()} == dict.fromkeys(
            sandbox.services, 0
        ) | {"thulium": 1}


class TestFaults:
    async def test_errors_come_in_the_vendors_form_and_before_the_work(
        self, thulium: httpx.AsyncClient, service: Service
    ) -> None:
        service.faults = Faults(error_rate=1.0)
        response = await thulium.put("/tickets/1234", json={"status_id": "6"})
        assert response.status_code == 500
        assert response.json()["errors"] == [{"message": "Injected fault", "code": 500}]
        service.faults = Faults()
        assert (await thulium.get("/tickets/1234")).json()["status_id"] == "1"

    async def test_the_rate_is_drawn_the_same_way_after_a_reset(
        self, thulium: httpx.AsyncClient, service: Service
    ) -> None:
        async def statuses() -> list[int]:
            service.faults = Faults(error_rate=0.5)
            return [(await thulium.get("/agents/testowy.agent11")).status_code for _ in range(30)]

        first = await statuses()
        service.reset()
        assert await statuses() == first
        assert set(first) == {200, 500}

    async def test_mishaps_are_drawn_the_same_way_after_a_reset_whatever_is_read_between(
        self, thulium: httpx.AsyncClient, service: Service
    ) -> None:
        async def mishaps(reads: int) -> list[Mishap | None]:
            service.faults = Faults(
                mishaps={"error_before": 0.3, "error_after": 0.3}, latency_ms=0.001, latency_sigma=1
            )
            for _ in range(20):
                for _ in range(reads):
                    assert (await thulium.get("/tickets/1234")).status_code == 200
                await thulium.put("/tickets/1234", json={"status_id": "6"})
            return [each.mishap for each in service.arrivals if each.method == "PUT"]

        first = await mishaps(0)
        service.reset()
        assert await mishaps(2) == first
        assert set(first) == {None, Mishap.ERROR_BEFORE, Mishap.ERROR_AFTER}

    @pytest.mark.parametrize("sigma", [0.0, 0.2])
    async def test_latency_delays_the_answer(self, sigma: float) -> None:
        gate = Gate()
        sandbox = Sandbox(faults={"netevia": Faults(latency_ms=60, latency_sigma=sigma)}, sleep=gate)
        app = sandbox.services["netevia"].app
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
            asked = asyncio.create_task(client.get("http://sandbox/api/LinkedAccount/users"))
            await until(lambda: gate.asked)
            assert not asked.done()
            gate.open()
            assert (await asked).status_code == 401
        (waited_s,) = gate.asked
        assert (waited_s == 0.06) == (sigma == 0)

    @pytest.mark.parametrize("retry_after_s", [None, 7])
    async def test_throttling(
        self, thulium: httpx.AsyncClient, service: Service, retry_after_s: int | None
    ) -> None:
        service.faults = Faults(throttle=True, retry_after_s=retry_after_s)
        response = await thulium.get("/tickets")
        assert response.status_code == 429
        assert response.headers.get("retry-after") == (None if retry_after_s is None else "7")

    async def test_a_malformed_answer_comes_after_the_work(
        self, thulium: httpx.AsyncClient, service: Service
    ) -> None:
        whole = await thulium.get("/agents/testowy.agent11")
        service.faults = Faults(malformed_json=True)
        half = await thulium.get("/agents/testowy.agent11")
        assert (half.status_code, half.content) == (200, whole.content[: len(whole.content) // 2])
        await thulium.put("/tickets/1234", json={"status_id": "6"})
        service.faults = Faults()
        assert (await thulium.get("/tickets/1234")).json()["status_id"] == "6"

    async def test_a_hanging_request_does_nothing(self, thulium: httpx.AsyncClient, service: Service) -> None:
        service.faults = Faults(timeout=True)
        with pytest.raises(httpx.ReadTimeout):
            await thulium.put("/tickets/1234", json={"status_id": "6"}, timeout=0.05)
        service.faults = Faults()
        assert (await thulium.get("/tickets/1234")).json()["status_id"] == "1"


class TestControl:
    async def test_arrivals_can_be_read_and_forgotten(
        self, client: httpx.AsyncClient, running: Running, service: Service, control: str
    ) -> None:
        basic = (service.credentials["username"], service.credentials["password"])
        await client.post(running.base_urls["thulium"] + "/tickets?a=1", content="żółw".encode())
        seen = (await client.get(control + "/arrivals")).json()
        assert seen == [
            {
                "method": "POST",
                "path": "/api/tickets",
                "query": "a=1",
                "headers": seen[0]["headers"],
                "body": "żółw",
                "at": "2026-11-22T10:30:15.250000+00:00",
                "mishap": None,
                "applied": False,
            }
        ]
        service.faults = Faults(mishaps={"error_after": 1})
        await client.put(running.base_urls["thulium"] + "/tickets/1234", json={"status_id": "6"}, auth=basic)
        last = (await client.get(control + "/arrivals")).json()[-1]
        assert (last["method"], last["mishap"], last["applied"]) == ("PUT", "error_after", True)
        assert (await client.delete(control + "/arrivals")).json() == {"cleared": True}
        assert (await client.get(control + "/arrivals")).json() == []

    async def test_the_dial_can_be_read_and_set(
        self, client: httpx.AsyncClient, control: str, service: Service
    ) -> None:
        assert (await client.get(control + "/faults")).json() == HEALTHY
        wanted = {"latency_ms": 5, "throttle": True, "retry_after_s": 2}
        assert (await client.put(control + "/faults", json=wanted)).json() == HEALTHY | wanted
        assert service.faults == Faults(latency_ms=5, throttle=True, retry_after_s=2)
        assert (await client.put(control + "/faults", json={})).json() == HEALTHY
        chaos = {
            "mishaps": {"reset_before": 0.05, "half_answer": 0.1},
            "only_writes": False,
            "apply_after_s": 60.0,
        }
        assert (await client.put(control + "/faults", json=chaos)).json() == HEALTHY | chaos
        assert (await client.get(control + "/faults")).json() == HEALTHY | chaos
        assert service.faults == Faults(
            mishaps={Mishap.RESET_BEFORE: 0.05, Mishap.HALF_ANSWER: 0.1}, only_writes=False, apply_after_s=60
        )

    async def test_a_patch_changes_what_it_names_and_leaves_the_rest(
        self, client: httpx.AsyncClient, control: str, service: Service, sandbox: Sandbox
    ) -> None:
        steps: list[tuple[dict[str, object], dict[str, object]]] = [
            ({"errors": {"503": 0.5}, "latency_ms": 0.5}, {"errors": {"503": 0.5}, "latency_ms": 0.5}),
            ({"errors": {"404": 0.25}}, {"errors": {"404": 0.25, "503": 0.5}, "latency_ms": 0.5}),
            (
                {"latency_ms": None, "shapes": ["null"]},
                {"errors": {"404": 0.25, "503": 0.5}, "shapes": ["null"]},
            ),
            ({"errors": {"503": None}}, {"errors": {"404": 0.25}, "shapes": ["null"]}),
        ]
        for changes, dial in steps:
            answer = await client.patch(control + "/faults", json=changes)
            assert (answer.status_code, answer.json()) == (200, HEALTHY | dial)
        assert service.faults == Faults(errors={404: 0.25}, shapes=["null"])
        bad = await client.patch(control + "/faults", json={"latency_ms": 5, "error_rate": 2})
        assert (bad.status_code, bad.json()) == (400, {"error": "error_rate must lie between 0 and 1"})
        assert service.faults == Faults(errors={404: 0.25}, shapes=["null"])
        assert [each.faults for each in sandbox.services.values() if each is not service] == [Faults()] * 4

    async def test_it_says_which_service_it_is(self, client: httpx.AsyncClient, running: Running) -> None:
        for kind, base_url in running.base_urls.items():
            url = httpx.URL(base_url).join("/__sandbox__/service")
            assert (await client.get(url)).json() == {"service": kind}

    async def test_control_works_whatever_the_dial_says(
        self, client: httpx.AsyncClient, control: str, service: Service
    ) -> None:
        service.faults = Faults(
            timeout=True, throttle=True, error_rate=1, mishaps={"reset_before": 1}, only_writes=False
        )
        assert (await client.put(control + "/faults", json={})).status_code == 200

    @pytest.mark.parametrize(
        ("body", "error"),
        [
            (b"{", "unexpected end of data"),
            (b"[]", "Expected `object`"),
            (b'{"speed": 1}', "Unknown fault speed"),
            (b'{"error_rate": 2}', "error_rate must lie between 0 and 1"),
            (b'{"throttle": "yes"}', "Expected `bool`"),
            (b'{"mishaps": {"flood": 1}}', "mishaps: no such mishap flood; there are reset_before, "),
            (b'{"mishaps": {"lost_answer": 2}}', "the share of lost_answer must lie between 0 and 1"),
            (b'{"mishaps": {"lost_answer": 1, "half_answer": 1}}', "the shares add up to 2"),
            (b'{"mishaps": {"lost_answer": "1"}}', "Expected `float`, got `str`"),
            (b'{"mishaps": ["lost_answer"]}', "Expected `object`, got `array`"),
            (b'{"apply_after_s": -1}', "apply_after_s must lie between 0 and 86400"),
        ],
    )
    async def test_a_bad_dial_is_refused(
        self, client: httpx.AsyncClient, control: str, service: Service, body: bytes, error: str
    ) -> None:
        response = await client.put(control + "/faults", content=body)
        assert response.status_code == 400
        assert error in response.json()["error"]
        assert service.faults == Faults()

    async def test_reset_is_for_this_service(
        self, client: httpx.AsyncClient, thulium: httpx.AsyncClient, control: str, sandbox: Sandbox
    ) -> None:
        await thulium.put("/tickets/1234", json={"status_id": "6"})
        sandbox.services["thulium"].faults = Faults(latency_ms=1)
        sandbox.services["service_order_hub"].faults = Faults(latency_ms=2)
        assert (await client.post(control + "/reset")).json() == {"reset": "thulium"}
        assert (sandbox.services["thulium"].faults, sandbox.services["thulium"].arrivals) == (Faults(), [])
        assert sandbox.services["service_order_hub"].faults == Faults(latency_ms=2)
        assert sandbox.world == Sandbox().world

    async def test_other_paths_are_refused_and_leave_no_arrival(
        self, client: httpx.AsyncClient, control: str, service: Service
    ) -> None:
        response = await client.post(control + "/arrivals")
        assert (response.status_code, response.json()) == (
            404,
            {"error": "No control endpoint POST /__sandbox__/arrivals"},
        )
        assert service.arrivals == []


class TestSandbox:
    async def test_an_app_can_be_run_by_a_server_that_speaks_lifespan(self, service: Service) -> None:
        incoming = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
        sent: list[str] = []

        async def receive() -> Message:
            return next(incoming)

        async def send(message: Message) -> None:
            sent.append(message["type"])

        await service.app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, receive, send)
        assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]

    async def test_reset_is_for_everything(self, thulium: httpx.AsyncClient, sandbox: Sandbox) -> None:
        await thulium.put("/tickets/1234", json={"status_id": "6"})
        for service in sandbox.services.values():
            service.faults = Faults(throttle=True)
        sandbox.reset()
        assert sandbox.world == Sandbox().world
        assert [(s.faults, s.arrivals) for s in sandbox.services.values()] == [(Faults(), [])] * len(
            sandbox.services
        )

    def test_faults_at_the_start_belong_to_their_service_alone(self) -> None:
        slow = Faults(latency_ms=50)
        sandbox = Sandbox(faults={"thulium": slow})
        assert sandbox.services["thulium"].faults == slow
        assert sandbox.services["service_order_hub"].faults == Faults()
        sandbox.services["thulium"].faults.latency_ms = 1
        assert slow.latency_ms == 50

    @pytest.mark.parametrize("argument", ["faults", "forms"])
    def test_an_unknown_source_is_refused(self, argument: str) -> None:
        with pytest.raises(ValueError, match="No such source: zendesk"):
            Sandbox(**{argument: {"zendesk": {}}})  # type: ignore[arg-type]

    async def test_one_slow_service_does_not_slow_the_others(
        self, thulium: httpx.AsyncClient, hub: httpx.AsyncClient, service: Service
    ) -> None:
        service.faults = Faults(timeout=True)
        hanging = asyncio.create_task(thulium.get("/tickets"))
        assert (await hub.get("/v3/providers")).status_code == 200
        assert not hanging.done()
        hanging.cancel()
        with pytest.raises(asyncio.CancelledError):
            await hanging
