"""Writes that are applied when nobody expects them any more."""

import asyncio

import httpx
import pytest

from gateway.sandbox import Arrival, Faults, Mishap, Running, Sandbox, Service
from tests.raw_client import RST, Gate, connected, netevia_write, stored, until

LATE = Faults(mishaps={"applied_late": 1}, apply_after_s=3600)


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def sandbox(gate: Gate) -> Sandbox:
    return Sandbox(faults={"netevia": LATE}, sleep=gate)


@pytest.fixture
def service(sandbox: Sandbox) -> Service:
    return sandbox.services["netevia"]


async def write(running: Running, service: Service, text: str = "Hello", ticket_id: int = 123456) -> Arrival:
    """Send one that will be late, see the connection die, and return what the log holds of it."""
    async with connected(running.base_urls["netevia"]) as client:
        client.send(netevia_write(service, text, ticket_id))
        assert await client.read_to_the_end() == (b"", RST)
    return service.arrivals[-1]


def late_tasks() -> list[str]:
    return [task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("sandbox late")]


def control(running: Running, what: str) -> str:
    return f"{running.base_urls['netevia']}/__sandbox__/{what}"


async def test_it_is_applied_when_its_time_has_come(sandbox: Sandbox, service: Service, gate: Gate) -> None:
    async with sandbox.serve() as running:
        arrival = await write(running, service)
        assert (arrival.mishap, arrival.applied) == (Mishap.APPLIED_LATE, None)
        assert (stored(sandbox), len(service.late), gate.asked) == ([], 1, [3600])

        gate.open()
        await until(lambda: arrival.applied is not None)

        assert (stored(sandbox), arrival.applied, len(service.late)) == (["Hello"], True, 0)
        assert service.arrivals == [arrival]


async def test_it_needs_nobody_to_apply_it() -> None:
    sandbox = Sandbox(faults={"netevia": Faults(mishaps={"applied_late": 1}, apply_after_s=0)})
    async with sandbox.serve() as running:
        arrival = await write(running, sandbox.services["netevia"])
        await until(lambda: arrival.applied)
    assert stored(sandbox) == ["Hello"]


async def test_it_can_be_applied_at_once_and_is_not_applied_again(
    sandbox: Sandbox, service: Service, gate: Gate, client: httpx.AsyncClient
) -> None:
    async with sandbox.serve() as running:
        arrivals = [await write(running, service, text) for text in ("one", "two", "three")]
        assert (await client.get(control(running, "late"))).json() == {"pending": 3}

        assert (await client.post(control(running, "apply-late"))).json() == {"carried_out": 3}

        assert stored(sandbox) == ["one", "two", "three"]
        assert [arrival.applied for arrival in arrivals] == [True] * 3
        assert (await client.get(control(running, "late"))).json() == {"pending": 0}
        gate.open()
        await until(lambda: not late_tasks())
        assert (await service.apply_late(), len(stored(sandbox))) == (0, 3)


async def test_one_that_the_vendor_refuses_late_is_not_applied(sandbox: Sandbox, service: Service) -> None:
    async with sandbox.serve() as running:
        arrival = await write(running, service, ticket_id=200001)  # Somebody else's.
        assert await service.apply_late() == 1
    assert (arrival.applied, stored(sandbox)) == (False, [])


async def test_one_that_is_being_refused_is_neither_cut_nor_counted(
    sandbox: Sandbox, service: Service, gate: Gate
) -> None:
    async with sandbox.serve() as running:
        arrival = await write(running, service, ticket_id=200001)
        gate.open()
        await until(lambda: not len(service.late))
        assert await service.apply_late() == 0
        service.late.drop()
        await until(lambda: arrival.applied is not None)
    assert arrival.applied is False


@pytest.mark.parametrize("end", ["reset", "reset everything", "stop", "crash that forgets"])
async def test_what_ends_it(sandbox: Sandbox, service: Service, gate: Gate, end: str) -> None:
    async with sandbox.serve() as running:
        arrival = await write(running, service)
        match end:
            case "reset":
                service.reset()
            case "reset everything":
                sandbox.reset()
            case "stop":
                await running.stop("netevia")
                assert late_tasks() == []
            case _:
                await running.crash("netevia", forget=True)
        assert (len(service.late), arrival.applied) == (0, False)
        gate.open()
        await until(lambda: not late_tasks())
    assert (stored(sandbox), arrival.applied) == ([], False)


async def test_nothing_is_left_over_at_the_end(sandbox: Sandbox, service: Service) -> None:
    before = asyncio.all_tasks()
    async with sandbox.serve() as running:
        await write(running, service)
        assert late_tasks() == ["sandbox late write"]
    assert (late_tasks(), asyncio.all_tasks(), len(service.late)) == ([], before, 0)


async def test_it_outlives_a_crash_that_keeps_its_state_up_or_down(
    sandbox: Sandbox, service: Service, gate: Gate
) -> None:
    async with sandbox.serve() as running:
        arrival = await write(running, service)
        await running.crash("netevia", forget=False)
        assert (len(service.late), arrival.applied) == (1, None)

        gate.open()
        await until(lambda: arrival.applied)

        assert stored(sandbox) == ["Hello"]
