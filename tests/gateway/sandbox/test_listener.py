"""Crashes: with and without the data, by the handle and by the control endpoint."""

import asyncio
import socket
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import httpx
import pytest
import uvloop

from gateway.sandbox import Faults, Running, Sandbox, Service
from tests.raw_client import RST, TICKET, Gate, connected, netevia_write, request, stored, until

KIND = "netevia"
DEAD = (b"", RST)


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def sandbox(gate: Gate) -> Sandbox:
    return Sandbox(sleep=gate)


@pytest.fixture
def service(sandbox: Sandbox) -> Service:
    return sandbox.services[KIND]


@pytest.fixture
async def running(sandbox: Sandbox) -> AsyncIterator[Running]:
    async with sandbox.serve() as running:
        yield running


def control(running: Running, what: str) -> str:
    return f"{running.base_urls[KIND]}/__sandbox__/{what}"


def address(running: Running) -> tuple[str, int]:
    port = urlsplit(running.base_urls[KIND]).port
    assert port
    return "127.0.0.1", port


async def write(running: Running, service: Service, text: str = "Hello") -> int:
    async with connected(running.base_urls[KIND]) as client:
        client.send(netevia_write(service, text))
        return (await client.read_answer())[0]


async def assert_refused(running: Running) -> None:
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(*address(running))


async def until_it_listens(running: Running) -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                async with connected(running.base_urls[KIND]):
                    return
            except ConnectionRefusedError:
                await asyncio.sleep(0)


class TestConnections:
    async def crash(self, sandbox: Sandbox) -> None:
        service = sandbox.services[KIND]
        async with sandbox.serve() as running:
            url = running.base_urls[KIND]
            async with (
                connected(url) as fresh,
                connected(url) as idle,
                connected(url) as halfway,
                connected(url) as waiting,
            ):
                idle.send(request(service, "GET", "/api/LinkedAccount/users"))
                await idle.read_answer()
                service.faults = Faults(timeout=True)
                halfway.send(netevia_write(service)[:-3])
                waiting.send(netevia_write(service))
                await until(lambda: len(service.arrivals) == 2)

                await running.crash(KIND, forget=False)

                for client in (fresh, idle, halfway, waiting):
                    assert await client.read_to_the_end() == DEAD
                await assert_refused(running)
                assert [arrival.applied for arrival in service.arrivals] == [True, False]

    async def test_each_is_reset_whatever_it_is_doing(self) -> None:
        await self.crash(Sandbox())

    def test_each_is_reset_on_uvloop_too(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self.crash(Sandbox()))

    async def test_a_stop_resets_them_too(self, running: Running) -> None:
        async with connected(running.base_urls[KIND]) as client:
            await running.stop(KIND)
            assert await client.read_to_the_end() == DEAD

    async def test_the_others_stay(self, running: Running) -> None:
        async with connected(running.base_urls["thulium"]) as other:
            await running.crash(KIND, forget=True)
            other.send(b"GET /api/tickets HTTP/1.1\r\nhost: sandbox\r\n\r\n")
            assert (await other.read_answer())[0] == 401


class TestState:
    async def test_without_its_state_the_data_are_as_seeded_and_the_witness_stays(
        self, running: Running, sandbox: Sandbox, service: Service
    ) -> None:
        sandbox.world.thulium.tickets[1234].status_id = "6"
        service.faults = Faults(error_status=502)
        assert await write(running, service, "before") == 200

        await running.crash(KIND, forget=True)
        await running.start(KIND)

        assert stored(sandbox) == []
        assert await write(running, service, "after") == 200
        (comment,) = sandbox.world.netevia.tickets[TICKET].comments
        assert (comment.id, comment.text) == (987654, "after"), "the lost message had this id"
        assert [arrival.applied for arrival in service.arrivals] == [True, True]
        assert service.faults == Faults(error_status=502)
        assert sandbox.world.thulium.tickets[1234].status_id == "6", "the others forget nothing"

    async def test_with_its_state_nothing_is_lost(
        self, running: Running, sandbox: Sandbox, service: Service
    ) -> None:
        assert await write(running, service, "before") == 200
        await running.crash(KIND, forget=False)
        await running.start(KIND)
        assert await write(running, service, "after") == 200
        assert stored(sandbox) == ["before", "after"]
        assert len(service.arrivals) == 2

    async def test_a_log_in_is_forgotten_and_no_token_is_given_twice(
        self, running: Running, sandbox: Sandbox, client: httpx.AsyncClient
    ) -> None:
        url = running.base_urls["telecomx"]
        login = {key: sandbox.services["telecomx"].credentials[key] for key in ("username", "password")}

        async def log_in() -> str:
            token: str = (await client.post(f"{url}/auth/login", json=login)).json()["token"]
            return token

        async def status(token: str) -> int:
            return (await client.get(f"{url}/employeeSubscription?token={token}")).status_code

        before = await log_in()
        await running.crash("telecomx", forget=True)
        await running.start("telecomx")
        after = await log_in()
        assert (before != after, await status(before), await status(after)) == (True, 401, 200)

    @pytest.mark.parametrize("end", ["crash", "crash that forgets", "stop"])
    async def test_what_waits_for_its_latency_is_never_carried_out(
        self, running: Running, sandbox: Sandbox, service: Service, gate: Gate, end: str
    ) -> None:
        service.faults = Faults(latency_ms=200)
        async with connected(running.base_urls[KIND]) as client:
            client.send(netevia_write(service))
            await until(lambda: gate.asked)
            (arrival,) = service.arrivals
            assert (gate.asked, arrival.applied) == ([0.2], None)
            match end:
                case "stop":
                    await running.stop(KIND)
                case _:
                    await running.crash(KIND, forget=end == "crash that forgets")
            assert await client.read_to_the_end() == DEAD
        gate.open()
        assert (stored(sandbox), arrival.applied) == ([], False)

    async def test_one_that_is_down_already_only_forgets(
        self, running: Running, sandbox: Sandbox, service: Service, gate: Gate
    ) -> None:
        assert await write(running, service) == 200
        await running.crash(KIND, forget=False)
        await running.crash(KIND, forget=True, down_s=1)
        assert (stored(sandbox), gate.asked) == ([], [])
        await assert_refused(running)


class TestDownTime:
    async def test_it_comes_back_by_itself_on_its_port(
        self, running: Running, service: Service, gate: Gate
    ) -> None:
        before = address(running)
        await running.crash(KIND, forget=False, down_s=30)
        assert gate.asked == [30]
        await assert_refused(running)

        gate.open()
        await until_it_listens(running)

        assert (await write(running, service), address(running)) == (200, before)

    async def test_it_comes_back_after_a_real_time(self) -> None:
        sandbox = Sandbox()
        async with sandbox.serve() as running:
            await running.crash(KIND, forget=False, down_s=0)
            await until_it_listens(running)
            assert await write(running, sandbox.services[KIND]) == 200

    async def test_a_start_ends_it_early_and_once(
        self, running: Running, service: Service, gate: Gate
    ) -> None:
        await running.crash(KIND, forget=False, down_s=3600)
        await asyncio.gather(running.start(KIND), running.start(KIND))
        assert await write(running, service) == 200
        gate.open()
        assert await write(running, service) == 200

    async def test_a_stop_ends_it_for_good(self, running: Running, gate: Gate) -> None:
        await running.crash(KIND, forget=False, down_s=3600)
        await running.stop(KIND)
        gate.open()
        await assert_refused(running)

    async def test_a_stop_while_it_comes_back_waits_for_it(self, running: Running, gate: Gate) -> None:
        await running.crash(KIND, forget=False, down_s=3600)
        gate.open()
        await asyncio.sleep(0)
        await running.stop(KIND)
        await assert_refused(running)

    async def test_nothing_is_left_over_at_the_end(self, sandbox: Sandbox) -> None:
        before = asyncio.all_tasks()
        async with sandbox.serve() as running:
            await running.crash(KIND, forget=False, down_s=3600)
        assert asyncio.all_tasks() == before

    @pytest.mark.parametrize("down", ["crash", "stop"])
    async def test_nobody_else_gets_the_port_before_the_end(self, sandbox: Sandbox, down: str) -> None:
        async with sandbox.serve() as running:
            if down == "crash":
                await running.crash(KIND, forget=False)
            else:
                await running.stop(KIND)
            with socket.socket() as other, pytest.raises(OSError, match="in use"):
                other.bind(address(running))
        with socket.socket() as other:
            other.bind(address(running))


class TestControl:
    @pytest.mark.parametrize("forget", [False, True])
    async def test_it_dies_on_request_and_answers_last(
        self,
        running: Running,
        sandbox: Sandbox,
        service: Service,
        gate: Gate,
        client: httpx.AsyncClient,
        forget: bool,
    ) -> None:
        assert await write(running, service) == 200
        async with connected(running.base_urls[KIND]) as bystander:
            answer = await client.post(control(running, "crash"), json={"forget": forget, "down_s": 2.5})

            assert (answer.status_code, answer.json()) == (
                200,
                {"crashed": KIND, "forget": forget, "down_s": 2.5},
            )
            await assert_refused(running)
            assert await bystander.read_to_the_end() == DEAD
        assert (stored(sandbox), gate.asked) == ([] if forget else ["Hello"], [2.5])

        gate.open()
        await until_it_listens(running)

        seen = (await client.get(control(running, "arrivals"))).json()
        assert [(each["path"], each["applied"]) for each in seen] == [("/api/tickets/message", True)]

    async def test_it_takes_nothing_for_an_answer(
        self, running: Running, gate: Gate, client: httpx.AsyncClient
    ) -> None:
        answer = await client.post(control(running, "crash"))
        assert answer.json() == {"crashed": KIND, "forget": False, "down_s": 1.0}
        await until(lambda: gate.asked == [1.0])

    @pytest.mark.parametrize(
        ("body", "complaint"),
        [
            (b"{", "truncated"),
            (b"[]", "Expected `object`"),
            (b'{"forget": "yes"}', "Expected `bool`"),
            (b'{"down_s": -1}', "Expected `float` >= 0.0 - at `$.down_s`"),
            (b'{"down_s": 3601}', "Expected `float` <= 3600.0 - at `$.down_s`"),
            (b'{"down": 1}', "unknown field `down`"),
        ],
    )
    async def test_a_bad_wish_is_refused_and_it_lives(
        self, running: Running, service: Service, client: httpx.AsyncClient, body: bytes, complaint: str
    ) -> None:
        answer = await client.post(control(running, "crash"), content=body)
        assert answer.status_code == 400
        assert complaint in answer.json()["error"]
        assert await write(running, service) == 200

    async def test_without_a_server_there_is_nothing_to_crash(self, service: Service) -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(service.app)) as client:
            answer = await client.post("http://sandbox/__sandbox__/crash")
        assert (answer.status_code, answer.json()) == (
            409,
            {
                "error": "Breaking connections takes the sandbox's own server (Sandbox.serve): "
                "there is none here"
            },
        )
