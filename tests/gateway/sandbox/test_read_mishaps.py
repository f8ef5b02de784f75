"""What each fault looks like to a client that only reads, over real sockets, and that it stays at its service."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime

import httpx
import orjson
import pytest

from gateway.sandbox import KINDS, Faults, Mishap, Running, Sandbox, Service
from gateway.sandbox.faults import OF_READS_ALONE, OF_WRITES_ALONE
from tests.gateway.sandbox.conftest import NO_TLS
from tests.raw_client import FIN, RST, SILENCE, Gate, RawClient, connected, request, until

PATH = "/api/LinkedAccount/users"
INJECTED = b'{"success":false,"message":"Injected fault"}'
HTML = (
    b"<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head>\n"
    b"<body><h1>502 Bad Gateway</h1><p>Injected fault</p></body></html>\n"
)
THROTTLED = b'{"success":false,"message":"Too many requests"}'
# The status of an answer; how much of its body is the healthy one's, or another body (None: the list as an
# object); and how the connection ends.
EXPECTED: dict[Mishap, tuple[int | None, float | bytes | None, str]] = {
    Mishap.RESET_BEFORE: (None, b"", RST),
    Mishap.TIMEOUT_BEFORE: (None, b"", SILENCE),
    Mishap.ERROR_BEFORE: (502, INJECTED, SILENCE),
    Mishap.THROTTLED: (429, THROTTLED, SILENCE),
    Mishap.LOST_ANSWER: (None, b"", FIN),
    Mishap.RESET_AFTER: (None, b"", RST),
    Mishap.TIMEOUT_AFTER: (None, b"", SILENCE),
    Mishap.ERROR_AFTER: (502, INJECTED, SILENCE),
    Mishap.HALF_ANSWER: (200, 0.5, FIN),
    Mishap.HANG_IN_BODY: (200, 0.5, SILENCE),
    Mishap.SLOW_BODY: (200, 1.0, SILENCE),
    Mishap.MALFORMED_JSON: (200, 0.5, SILENCE),
    Mishap.NOT_JSON: (200, HTML, SILENCE),
    Mishap.WRONG_SHAPE: (200, None, SILENCE),
}


@pytest.fixture
def service(sandbox: Sandbox) -> Service:
    return sandbox.services["netevia"]


def of_reads(mishap: Mishap) -> Faults:
    return Faults(
        read_mishaps={mishap: 1},
        error_status=502,
        slow_pieces=4,
        slow_pause_s=0.001,
        shapes=["list_as_object"],
    )


async def read(running: Running, service: Service) -> tuple[bytes, bytes, str]:
    """Head, body and end of an answer, once the service has done what it does."""
    service.arrivals.clear()
    async with connected(running.base_urls["netevia"]) as client:
        client.send(request(service, "GET", PATH))
        await until(lambda: service.arrivals and service.arrivals[-1].applied is not None)
        said, end = await client.read_to_the_end()
    head, _, body = said.partition(b"\r\n\r\n")
    return head, body, end


@pytest.mark.parametrize("mishap", EXPECTED)
async def test_a_read_that_meets_it(mishap: Mishap, running: Running, service: Service) -> None:
    healthy_head, healthy, _ = await read(running, service)
    service.faults = of_reads(mishap)
    head, body, end = await read(running, service)

    status, expected, expected_end = EXPECTED[mishap]
    match expected:
        case None:
            wanted = orjson.dumps({str(number): row for number, row in enumerate(orjson.loads(healthy))})
        case bytes():
            wanted = expected
        case _:
            wanted = healthy[: int(len(healthy) * expected)]
    assert (int(head.split(b" ")[1]) if head else None, body, end) == (status, wanted, expected_end)
    if mishap in {Mishap.HALF_ANSWER, Mishap.HANG_IN_BODY, Mishap.SLOW_BODY}:
        length = b"content-length: %d" % len(healthy)
        assert length in healthy_head.lower()
        assert length in head.lower()
    assert [each.mishap for each in service.arrivals] == [mishap]


def test_every_mishap_of_reads_is_met() -> None:
    assert set(EXPECTED) == set(Mishap) - OF_WRITES_ALONE - OF_READS_ALONE  # Pages: test_paging.py.


async def test_writes_do_not_meet_them(running: Running, service: Service, client: httpx.AsyncClient) -> None:
    service.faults = of_reads(Mishap.RESET_BEFORE)
    answer = await client.post(
        running.base_urls["netevia"] + "/api/tickets/message",
        headers={"authorization": f"Bearer {service.credentials['token']}"},
        json={"ticketId": 123456, "text": "Hello"},
    )
    assert answer.json()["success"] is True


async def test_a_html_page_says_that_it_is_one(running: Running, service: Service) -> None:
    service.faults = of_reads(Mishap.NOT_JSON)
    head, _, _ = await read(running, service)
    assert b"content-type: text/html; charset=utf-8" in head.lower().split(b"\r\n")
    assert head.lower().count(b"content-type") == head.lower().count(b"content-length") == 1


async def test_a_refusal_too_becomes_a_page_with_200(thulium: httpx.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.services["thulium"].faults = of_reads(Mishap.NOT_JSON)
    answer = await thulium.get("/tickets/1")
    assert (answer.status_code, answer.content) == (200, HTML)
    assert [each.applied for each in sandbox.services["thulium"].arrivals] == [False]


async def test_a_share_comes_the_same_way_again_and_with_its_statuses(
    thulium: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    async def statuses() -> list[int]:
        service = sandbox.services["thulium"]
        service.reset()
        service.faults = Faults(errors={503: 0.3, 404: 0.2}, read_mishaps={"not_json": 0.2})
        return [(await thulium.get("/agents")).status_code for _ in range(30)]

    first = await statuses()
    assert set(first) == {200, 404, 503}
    assert await statuses() == first


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("tulo", {"code": "internal_server_error", "message": "Injected fault"}),
        ("service_order_hub", {"error": {"message": "Injected fault"}}),
        ("netevia", {"success": False, "message": "Injected fault"}),
        ("telecomx", {"message": "conflict"}),
        ("thulium", {"request_id": "0000000000000", "errors": [{"message": "Injected fault", "code": 409}]}),
    ],
)
async def test_an_error_has_the_vendors_own_form(
    kind: str, body: dict[str, object], sandbox: Sandbox, running: Running, client: httpx.AsyncClient
) -> None:
    sandbox.services[kind].faults = Faults(errors={409: 1})
    answer = await client.get(running.base_urls[kind])
    said = answer.json()
    said.pop("pw_correlation_id", None)
    assert (answer.status_code, said) == (409, body)


class TestRetryAfter:
    async def headers(self, thulium: httpx.AsyncClient, sandbox: Sandbox, **dial: object) -> list[str | None]:
        sandbox.services["thulium"].faults = replace(
            Faults(read_mishaps={"throttled": 1}),
            **dial,  # type: ignore[arg-type]
        )
        answers = [await thulium.get("/agents") for _ in range(20)]
        assert {answer.status_code for answer in answers} == {429}
        return [answer.headers.get("retry-after") for answer in answers]

    async def test_with_or_without_or_by_the_share(
        self, thulium: httpx.AsyncClient, sandbox: Sandbox
    ) -> None:
        assert set(await self.headers(thulium, sandbox)) == {None}
        assert set(await self.headers(thulium, sandbox, retry_after_s=7)) == {"7"}
        assert set(await self.headers(thulium, sandbox, retry_after_s=7, retry_after_share=0)) == {None}
        sandbox.reset()
        first = await self.headers(thulium, sandbox, retry_after_s=7, retry_after_share=0.5)
        assert set(first) == {None, "7"}
        sandbox.reset()
        assert await self.headers(thulium, sandbox, retry_after_s=7, retry_after_share=0.5) == first

    async def test_as_a_date_by_the_services_clock_never_too_early(
        self, thulium: httpx.AsyncClient, sandbox: Sandbox, now: datetime
    ) -> None:
        assert now == datetime(2026, 11, 22, 10, 30, 15, 250000, tzinfo=UTC)
        dates = await self.headers(thulium, sandbox, retry_after_s=7, retry_after_form="date")
        assert set(dates) == {"Sun, 22 Nov 2026 10:30:23 GMT"}


class TestSlowBody:
    """Served on sockets of their own, with a sleep that the test ends."""

    @pytest.fixture
    def gate(self) -> Gate:
        return Gate()

    @pytest.fixture
    def sandbox(self, gate: Gate) -> Sandbox:
        return Sandbox(sleep=gate)

    @pytest.fixture
    async def running(self, sandbox: Sandbox) -> AsyncIterator[Running]:
        async with sandbox.serve() as running:
            yield running

    @pytest.fixture
    async def reader(self, running: Running, service: Service) -> AsyncIterator[RawClient]:
        async with connected(running.base_urls["netevia"]) as client:
            client.send(request(service, "GET", PATH))
            await client.read_answer()
            yield client

    @pytest.mark.parametrize(
        ("dial", "pieces"),
        [
            (Faults(read_mishaps={"slow_body": 1}, slow_pieces=4, slow_pause_s=2.5), 4),
            (Faults(read_mishaps={"slow_body": 1}, slow_bytes_per_s=10_000), 2),
            (Faults(read_mishaps={"slow_body": 1}, slow_bytes_per_s=200), 73),
        ],
    )
    async def test_it_comes_piece_by_piece(
        self, reader: RawClient, service: Service, gate: Gate, dial: Faults, pieces: int
    ) -> None:
        reader.send(request(service, "GET", PATH))
        _, healthy = await reader.read_answer()
        assert len(healthy) == 1442
        service.faults = dial
        reader.send(request(service, "GET", PATH))
        await until(lambda: gate.asked)

        said, end = await reader.read_to_the_end()
        head, _, body = said.partition(b"\r\n\r\n")
        assert (body, end) == (healthy[: 1442 // pieces], SILENCE)
        assert b"content-length: 1442" in head.lower()

        gate.open()
        rest, end = await reader.read_to_the_end()
        assert (body + rest, end) == (healthy, SILENCE)
        pause_s = dial.slow_pause_s if dial.slow_pieces else 1442 / pieces / dial.slow_bytes_per_s
        assert gate.asked == [pytest.approx(pause_s)] * (pieces - 1)

        service.faults = Faults()
        reader.send(request(service, "GET", PATH))
        assert await reader.read_answer() == (200, healthy)

    async def test_a_client_that_leaves_ends_it(self, running: Running, service: Service, gate: Gate) -> None:
        service.faults = Faults(read_mishaps={"slow_body": 1})
        before = asyncio.all_tasks()
        async with connected(running.base_urls["netevia"]) as client:
            client.send(request(service, "GET", PATH))
            await until(lambda: gate.asked)
        await until(lambda: asyncio.all_tasks() == before)
        assert len(gate.asked) == 1

    async def test_a_crash_ends_it(self, running: Running, service: Service, gate: Gate) -> None:
        service.faults = Faults(read_mishaps={"slow_body": 1})
        async with connected(running.base_urls["netevia"]) as client:
            client.send(request(service, "GET", PATH))
            await until(lambda: gate.asked)
            await running.crash("netevia", forget=False)
            _, end = await client.read_to_the_end()
            assert end == RST
        assert len(gate.asked) == 1

    async def test_in_process_it_is_whole_in_the_end(self, service: Service, gate: Gate) -> None:
        gate.open()
        service.faults = Faults(read_mishaps={"slow_body": 1}, slow_pieces=3, slow_pause_s=1)
        headers = {"authorization": f"Bearer {service.credentials['token']}"}
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(service.app), base_url="http://sandbox", headers=headers
        ) as client:
            answer = await client.get(PATH)
        assert (answer.status_code, type(answer.json()), gate.asked) == (200, list, [1, 1])


class TestWrongShape:
    async def test_an_answer_breaks_in_one_place_the_same_way_again(
        self, thulium: httpx.AsyncClient, sandbox: Sandbox
    ) -> None:
        healthy = (await thulium.get("/tickets/1234")).json()

        async def wrong() -> list[object]:
            sandbox.services["thulium"].reset()
            sandbox.services["thulium"].faults = Faults(read_mishaps={"wrong_shape": 1})
            return [(await thulium.get("/tickets/1234")).json() for _ in range(20)]

        first = await wrong()
        assert healthy not in first
        assert len({orjson.dumps(each) for each in first}) > 10
        assert await wrong() == first

    async def test_only_the_shapes_that_were_asked_for(
        self, thulium: httpx.AsyncClient, sandbox: Sandbox
    ) -> None:
        healthy = (await thulium.get("/tickets?limit=2")).json()
        sandbox.services["thulium"].faults = Faults(
            read_mishaps={"wrong_shape": 1}, shapes=["list_as_object"]
        )
        seen = [(await thulium.get("/tickets?limit=2")).json() for _ in range(20)]
        rows = {str(number): row for number, row in enumerate(healthy["result"])}
        assert healthy | {"result": rows} in seen
        assert {isinstance(each, dict) and set(each) == set(healthy) for each in seen} == {True}


class TestTheOthers:
    @pytest.fixture
    async def clients(
        self, running: Running, sandbox: Sandbox
    ) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
        """One per service, logged in."""
        async with AsyncExitStack() as stack:
            found = {}
            for kind in KINDS:
                login = sandbox.services[kind].credentials
                client = httpx.AsyncClient(base_url=running.base_urls[kind], verify=NO_TLS)
                found[kind] = await stack.enter_async_context(client)
                match kind:
                    case "tulo":
                        client.headers["Accept"] = "application/json"
                        form = {
                            "client_id": login["clientId"],
                            "client_secret": login["clientSecret"],
                            "grant_type": "none",
                            "scope": login["scope"],
                        }
                        given = await client.post("/api/authorization/access_token", data=form)
                        client.headers["Authorization"] = f"Bearer {given.json()['access_token']}"
                        client.headers["Content-Type"] = "application/json"
                    case "thulium":
                        client.auth = httpx.BasicAuth(login["username"], login["password"])
                    case "netevia":
                        client.headers["Authorization"] = f"Bearer {login['token']}"
                    case "telecomx":
                        client.params = httpx.QueryParams(token=login["resellerMachineToken"])
                    case _:
                        client.headers["X-Hub-Api-Token"] = login["token"]
            yield found

    async def read(self, kind: str, client: httpx.AsyncClient) -> tuple[int, bytes]:
        path = {
            "tulo": "/external/api/v1/accounts?id=66d986b4ad659dea5ceb9b62",
            "service_order_hub": "/v3/providers",
            "netevia": PATH,
            "telecomx": "/customer?offset=2&limit=2",
            "thulium": "/tickets?offset=2&limit=2",
        }[kind]
        url = httpx.URL(path)
        answer = await client.get(url.path, params=dict(url.params))
        return answer.status_code, answer.content

    @pytest.mark.parametrize("sick", KINDS)
    async def test_each_fault_leaves_the_other_four_alone(
        self, sick: str, sandbox: Sandbox, clients: dict[str, httpx.AsyncClient]
    ) -> None:
        others = [kind for kind in KINDS if kind != sick]
        healthy = {kind: await self.read(kind, clients[kind]) for kind in others}
        assert {status for status, _ in healthy.values()} == {200}
        dials = [
            Faults(latency_ms=60_000),
            Faults(timeout=True),
            Faults(throttle=True, retry_after_s=1),
            Faults(errors={503: 1}),
            Faults(malformed_json=True),
            Faults(flap_up_s=0.001, flap_down_s=1),
            *(Faults(read_mishaps={mishap: 1}) for mishap in [*EXPECTED, *OF_READS_ALONE]),
        ]
        for dial in dials:
            sandbox.services[sick].faults = dial
            sandbox.services[sick].arrivals.clear()
            met = asyncio.create_task(self.read(sick, clients[sick]))
            await until(lambda: sandbox.services[sick].arrivals)
            assert {kind: await self.read(kind, clients[kind]) for kind in others} == healthy, dial
            met.cancel()
            await asyncio.gather(met, return_exceptions=True)
        befallen = {kind: {each.mishap for each in sandbox.services[kind].arrivals} for kind in others}
        assert befallen == {kind: {None} for kind in others}
