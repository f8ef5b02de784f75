"""What each mishap looks like to the client, what it leaves in the data, and what the log says of it."""

import asyncio
from datetime import UTC, datetime

import httpx
import pytest
import uvloop

from gateway.sandbox import Faults, Mishap, NoConnection, Running, Sandbox, Service
from gateway.sandbox.faults import OF_READS_ALONE
from tests.raw_client import (
    FIN,
    RST,
    SILENCE,
    TICKET,
    connected,
    netevia_write,
    request,
    stored,
    until,
)

NOW = datetime(2026, 11, 22, 10, 30, 15, tzinfo=UTC)
WRITTEN = (
    b'{"success":true,"message":"Message added to ticket successfully.","ticketId":"123456",'
    b'"commentId":"987654","createdDate":"2026-11-22T10:30:15Z"}'
)
INJECTED = b'{"success":false,"message":"Injected fault"}'
HTML = (
    b"<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head>\n"
    b"<body><h1>502 Bad Gateway</h1><p>Injected fault</p></body></html>\n"
)

# The status and body that come, how the connection ends, whether it was stored, and the log's `applied`.
Seen = tuple[int | None, bytes, str, bool, bool | None]
EXPECTED: dict[Mishap | None, Seen] = {
    None: (200, WRITTEN, SILENCE, True, True),
    Mishap.RESET_BEFORE: (None, b"", RST, False, False),
    Mishap.TIMEOUT_BEFORE: (None, b"", SILENCE, False, False),
    Mishap.ERROR_BEFORE: (502, INJECTED, SILENCE, False, False),
    Mishap.THROTTLED: (429, b'{"success":false,"message":"Too many requests"}', SILENCE, False, False),
    Mishap.LOST_ANSWER: (None, b"", FIN, True, True),
    Mishap.RESET_AFTER: (None, b"", RST, True, True),
    Mishap.TIMEOUT_AFTER: (None, b"", SILENCE, True, True),
    Mishap.ERROR_AFTER: (502, INJECTED, SILENCE, True, True),
    Mishap.HALF_ANSWER: (200, WRITTEN[: len(WRITTEN) // 2], FIN, True, True),
    Mishap.HANG_IN_BODY: (200, WRITTEN[: len(WRITTEN) // 2], SILENCE, True, True),
    Mishap.SLOW_BODY: (200, WRITTEN, SILENCE, True, True),
    Mishap.MALFORMED_JSON: (200, WRITTEN[: len(WRITTEN) // 2], SILENCE, True, True),
    Mishap.NOT_JSON: (200, HTML, SILENCE, True, True),
    Mishap.WRONG_SHAPE: (200, b"null", SILENCE, True, True),
    Mishap.APPLIED_LATE: (None, b"", RST, False, None),
}
BREAKING = [
    Mishap.RESET_BEFORE,
    Mishap.LOST_ANSWER,
    Mishap.RESET_AFTER,
    Mishap.HALF_ANSWER,
    Mishap.APPLIED_LATE,
]
HANGING = [Mishap.TIMEOUT_BEFORE, Mishap.TIMEOUT_AFTER, Mishap.HANG_IN_BODY]
_LATER_S = 3600


@pytest.fixture
def service(sandbox: Sandbox) -> Service:
    return sandbox.services["netevia"]


def dial(mishap: Mishap | None) -> Faults:
    return Faults(
        mishaps={mishap: 1} if mishap else {},
        error_status=502,
        apply_after_s=_LATER_S,
        slow_pieces=5,
        slow_pause_s=0.001,
        shapes=["null"],
    )


def is_done(service: Service) -> bool:
    return bool(service.arrivals and (service.arrivals[-1].applied is not None or len(service.late)))


async def meet(
    mishap: Mishap | None, sandbox: Sandbox, running: Running, *, on_a_kept_connection: bool
) -> tuple[Seen, bytes]:
    """A write that meets a mishap: what came of it in all three places, and the answer's head."""
    service = sandbox.services["netevia"]
    async with connected(running.base_urls["netevia"]) as client:
        if on_a_kept_connection:
            client.send(request(service, "GET", "/api/LinkedAccount/users"))
            assert (await client.read_answer())[0] == 200
            service.arrivals.clear()
        service.faults = dial(mishap)
        client.send(netevia_write(service))
        await until(lambda: is_done(service))
        said, end = await client.read_to_the_end()
        head, _, body = said.partition(b"\r\n\r\n")
        status = int(head.split(b" ")[1]) if head else None
        (arrival,) = service.arrivals
        assert (arrival.method, arrival.path, arrival.mishap) == ("POST", "/api/tickets/message", mishap)
        return (status, body, end, stored(sandbox) == ["Hello"], arrival.applied), head


@pytest.mark.parametrize("on_a_kept_connection", [False, True], ids=["fresh", "kept"])
@pytest.mark.parametrize("mishap", EXPECTED)
async def test_a_write_that_meets_it(
    mishap: Mishap | None, sandbox: Sandbox, running: Running, on_a_kept_connection: bool
) -> None:
    seen, head = await meet(mishap, sandbox, running, on_a_kept_connection=on_a_kept_connection)

    assert seen == EXPECTED[mishap]
    if mishap in {Mishap.HALF_ANSWER, Mishap.HANG_IN_BODY, Mishap.SLOW_BODY}:
        assert f"content-length: {len(WRITTEN)}".encode() in head.lower()


def test_every_mishap_is_met_above() -> None:
    assert set(EXPECTED) == {None, *Mishap} - OF_READS_ALONE


def test_they_are_the_same_on_uvloop() -> None:
    async def scenario() -> None:
        sandbox = Sandbox(now=lambda: NOW)
        async with sandbox.serve() as running:
            for mishap, expected in EXPECTED.items():
                for kept in (False, True):
                    sandbox.reset()
                    seen, _ = await meet(mishap, sandbox, running, on_a_kept_connection=kept)
                    assert (mishap, kept, seen) == (mishap, kept, expected)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scenario())


@pytest.mark.parametrize("mishap", EXPECTED)
async def test_only_one_connection_suffers(
    mishap: Mishap | None, sandbox: Sandbox, running: Running, service: Service
) -> None:
    async with connected(running.base_urls["netevia"]) as bystander:
        await meet(mishap, sandbox, running, on_a_kept_connection=False)
        bystander.send(request(service, "GET", "/api/LinkedAccount/users"))
        assert (await bystander.read_answer())[0] == 200


@pytest.mark.parametrize("mishap", [m for m in EXPECTED if m and EXPECTED[m][4] is True])
async def test_what_the_vendor_refuses_is_not_applied_whatever_becomes_of_the_answer(
    mishap: Mishap, sandbox: Sandbox, running: Running, service: Service
) -> None:
    service.faults = dial(mishap)
    async with connected(running.base_urls["netevia"]) as client:
        client.send(netevia_write(service, ticket_id=200001))  # Somebody else's: 403.
        await client.read_to_the_end()

    assert [(each.mishap, each.applied) for each in service.arrivals] == [(mishap, False)]


@pytest.mark.parametrize("mishap", [Mishap.TIMEOUT_BEFORE, Mishap.TIMEOUT_AFTER])
async def test_no_request_hangs_for_ever(
    mishap: Mishap, running: Running, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.sandbox.exchange.HANG_AT_MOST_S", 0.01)
    service.faults = dial(mishap)
    async with connected(running.base_urls["netevia"]) as client:
        client.send(netevia_write(service))
        assert await client.read_answer() == (504, b'{"success":false,"message":"Gateway timeout"}')


async def test_a_body_that_hangs_comes_in_the_end(
    running: Running, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.sandbox.exchange.HANG_AT_MOST_S", 0.01)
    service.faults = dial(Mishap.HANG_IN_BODY)
    async with connected(running.base_urls["netevia"]) as client:
        client.send(netevia_write(service))
        assert await client.read_answer() == (200, WRITTEN)


@pytest.mark.parametrize("mishap", HANGING)
async def test_a_hanging_request_ends_with_its_client(
    mishap: Mishap, running: Running, service: Service
) -> None:
    service.faults = dial(mishap)
    before = asyncio.all_tasks()
    async with connected(running.base_urls["netevia"]) as client:
        client.send(netevia_write(service))
        await until(lambda: service.arrivals)
        assert asyncio.all_tasks() != before
    await until(lambda: asyncio.all_tasks() == before)


async def test_half_an_answer_without_a_body_is_half_a_head(
    thulium: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    sandbox.services["thulium"].faults = dial(Mishap.HALF_ANSWER)
    with pytest.raises(httpx.RemoteProtocolError):
        await thulium.put("/tickets/1234", json={"status_id": "6"})

    assert sandbox.world.thulium.tickets[1234].status_id == "6"


@pytest.mark.parametrize("mishap", [Mishap.HANG_IN_BODY, Mishap.SLOW_BODY])
async def test_an_answer_without_a_body_has_none_that_could_be_late(
    mishap: Mishap, thulium: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    sandbox.services["thulium"].faults = dial(mishap)
    answer = await thulium.put("/tickets/1234", json={"status_id": "6"})
    assert (answer.status_code, answer.content) == (200, b"")


class TestInProcess:
    """Over `httpx.ASGITransport` there is no connection."""

    async def ask(self, service: Service) -> httpx.Response:
        headers = {"authorization": f"Bearer {service.credentials['token']}"}
        transport = httpx.ASGITransport(service.app)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://sandbox", headers=headers
        ) as client:
            return await client.post("/api/tickets/message", json={"ticketId": TICKET, "text": "Hello"})

    @pytest.mark.parametrize("mishap", BREAKING)
    async def test_what_breaks_a_connection_is_refused_before_anything_is_done(
        self, mishap: Mishap, sandbox: Sandbox, service: Service
    ) -> None:
        service.faults = dial(mishap)
        with pytest.raises(NoConnection, match="takes the sandbox's own server"):
            await self.ask(service)

        assert [(each.mishap, each.applied) for each in service.arrivals] == [(mishap, False)]
        assert (stored(sandbox), len(service.late)) == ([], 0)

    @pytest.mark.parametrize(
        "mishap", [m for m in EXPECTED if m and EXPECTED[m][0] and m not in BREAKING + HANGING]
    )
    async def test_what_is_answered_is_the_same(self, mishap: Mishap, service: Service) -> None:
        service.faults = dial(mishap)
        response = await self.ask(service)
        assert (response.status_code, response.content) == EXPECTED[mishap][:2]

    @pytest.mark.parametrize("mishap", HANGING)
    async def test_what_hangs_hangs(self, mishap: Mishap, sandbox: Sandbox, service: Service) -> None:
        service.faults = dial(mishap)
        asked = asyncio.create_task(self.ask(service))
        await until(lambda: service.arrivals)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        assert len(stored(sandbox)) == (mishap is not Mishap.TIMEOUT_BEFORE)
