"""Sent once: what every adapter must hold to, against servers that break off at every point.

A write is given up with `sent=True` as soon as any of it may have arrived, so that `writes` calls it in
doubt; `sent=False` is for what certainly never arrived. Neither an adapter nor a layer around it sends one
again.
"""

import asyncio
import itertools
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import pytest

from gateway.domain.errors import SourceAuthError, SourceError, SourceTimeout, SourceUnavailable
from gateway.resilience.cache import CacheOptions
from gateway.resilience.retry import RetryOptions
from gateway.resilience.stack import StackOptions, build_stack
from gateway.sources.auth import Auth, FixedCredential, Session, SessionToken, in_header
from gateway.sources.authorised import Authorised
from gateway.sources.rest import Rest
from gateway.transport import Call, Transport, TransportOptions
from gateway.transport.httpx import HttpxTransport
from gateway.transport.routed import open_transport
from tests.raw_server import (
    Behaviour,
    Cut,
    Ending,
    RawServer,
    Received,
    Stage,
    answer,
    full,
    hold,
    refusing,
    reset,
    saying,
    send_fin,
    send_reset,
    silent,
    unknown,
)

# Whatever may carry writes. What carries reads alone is in test_reading_transports.py.
ADAPTERS: dict[str, Callable[[str, TransportOptions], Transport]] = {
    "httpx": HttpxTransport,
    "routed": open_transport,
}

CERTIFICATE = Path(__file__).parents[1] / "fixtures" / "tls" / "self_signed.pem"
# Longer than anything here takes but what never ends, of which there are a few dozen.
SOON_S = 0.05
READ = Call("read case", "GET", "/case", safe=True)
BODIES = {"small": b'{"text":"Hello"}', "300 kB": b'{"text":"' + b"x" * 300_000 + b'"}'}
WRITES = {
    f"{method} {size}": Call("reply", method, "/reply", safe=False, body=body)
    for method in ("POST", "PUT", "DELETE")
    for size, body in BODIES.items()
}
POST = WRITES["POST small"]
each_write = pytest.mark.parametrize("call", WRITES.values(), ids=WRITES.keys())
each_call = pytest.mark.parametrize("call", [READ, *WRITES.values()], ids=["GET", *WRITES.keys()])


class Opening(Protocol):
    """Opens a transport to a place, and closes it in the end."""

    def __call__(self, base_url: str, **options: float) -> AbstractAsyncContextManager[Transport]: ...


@pytest.fixture(params=ADAPTERS.values(), ids=list(ADAPTERS))
def bare(request: pytest.FixtureRequest) -> Opening:
    """Each adapter by itself."""
    adapter = request.param
    generous = {"connect_timeout_s": 10.0, "read_timeout_s": 10.0, "pool_timeout_s": 10.0}

    @asynccontextmanager
    async def opened(base_url: str, **given: Any) -> AsyncIterator[Transport]:
        wire: Transport = adapter("hub", TransportOptions(base_url, **(generous | given)))
        try:
            yield wire
        finally:
            await wire.close()

    return opened


def layers(wire: Transport, *, attempt_timeout_s: float) -> Transport:
    """Those that a source gets. Reads are neither repeated nor kept: that would hide what an adapter does."""
    options = StackOptions(
        attempt_timeout_s=attempt_timeout_s,
        retry=RetryOptions(max_retries=0),
        cache=CacheOptions(ttl_s=lambda _: 0.0, max_stale_s=0.0),
    )
    return build_stack(wire, options, source="hub", authorise=lambda inner: inner).transport


@pytest.fixture(params=[False, True], ids=["bare", "layered"])
def opening(request: pytest.FixtureRequest, bare: Opening) -> Opening:
    """Each adapter by itself, and inside the layers that a source gets."""

    @asynccontextmanager
    async def layered(base_url: str, **given: float) -> AsyncIterator[Transport]:
        async with bare(base_url, **given) as wire:
            yield layers(wire, attempt_timeout_s=60)

    return layered if request.param else bare


async def failure(transport: Transport, call: Call) -> SourceError:
    with pytest.raises(SourceError) as raised:
        await transport.send(call)
    return raised.value


async def result(transport: Transport, call: Call) -> tuple[int | None, bool | None]:
    """The reply's status, or whether what failed was sent."""
    try:
        return (await transport.send(call)).status, None
    except SourceError as error:
        return None, error.sent


async def assert_sent_once(
    opening: Opening,
    call: Call,
    server: RawServer,
    *,
    begun: int = 1,
    whole: bool = True,
    **options: float,
) -> SourceError:
    """The call fails in doubt, and one request is all that ever came of it."""
    async with server.listen():
        async with opening(server.base_url, **options) as transport:
            error = await failure(transport, call)
        await server.settled()
        assert (error.source, error.sent) == ("hub", True)
        assert (server.connections, server.begun) == (1, begun)
        assert [(each.method, each.body) for each in server.received] == [
            (call.method, call.body or b"")
        ] * whole
    return error


# -- broken off after the request

_ENDINGS: dict[str, Ending] = {"a close": send_fin, "a reset": send_reset}
_BEGINNINGS = {
    "nothing": b"",
    "half a status line": b"HTTP/1.1 2",
    "a status line": b"HTTP/1.1 200 OK\r\n",
    "half a head": b"HTTP/1.1 200 OK\r\ncontent-le",
    "a head": b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n",
    "half a body": b'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{"id"',
    "half a chunk": b'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\na\r\n{"id"',
    "no last chunk": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n",
    "100 Continue": b"HTTP/1.1 100 Continue\r\n\r\n",
    "102 Processing": b"HTTP/1.1 102 Processing\r\n\r\n",
    "103 Early Hints": b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n",
    "another protocol": b"SSH-2.0-OpenSSH_9.6\r\n",
    "noise": bytes(range(256)),
    "a head without end": b"HTTP/1.1 200 OK\r\nx: " + b"x" * 200_000,
}


@each_write
@pytest.mark.parametrize("end", _ENDINGS.values(), ids=_ENDINGS.keys())
@pytest.mark.parametrize("said", _BEGINNINGS.values(), ids=_BEGINNINGS.keys())
async def test_an_answer_that_breaks_off(opening: Opening, call: Call, said: bytes, end: Ending) -> None:
    await assert_sent_once(opening, call, RawServer(saying(said, then=end)))


@each_write
@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 ", b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{"])
async def test_an_answer_that_never_comes_or_never_ends(opening: Opening, call: Call, said: bytes) -> None:
    async def behave(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        await hold(request, writer)

    error = await assert_sent_once(opening, call, RawServer(behave), read_timeout_s=SOON_S)
    assert type(error) is SourceTimeout


@each_write
async def test_an_attempt_that_takes_too_long_in_all(bare: Opening, call: Call) -> None:
    @asynccontextmanager
    async def impatient(base_url: str, **options: float) -> AsyncIterator[Transport]:
        async with bare(base_url, **options) as wire:
            yield layers(wire, attempt_timeout_s=SOON_S)

    error = await assert_sent_once(impatient, call, RawServer(hold))
    assert type(error) is SourceTimeout


@pytest.mark.parametrize("end", _ENDINGS.values(), ids=_ENDINGS.keys())
@pytest.mark.parametrize("said", _BEGINNINGS.values(), ids=_BEGINNINGS.keys())
async def test_no_adapter_repeats_a_read_either(bare: Opening, said: bytes, end: Ending) -> None:
    """What may be repeated is for the layers to say, not for a library."""
    await assert_sent_once(bare, READ, RawServer(saying(said, then=end)))


# -- broken off within the request


@each_write
@pytest.mark.parametrize("end", _ENDINGS.values(), ids=_ENDINGS.keys())
@pytest.mark.parametrize("stage", [Stage.A_BYTE, Stage.THE_HEAD, Stage.HALF_THE_BODY])
async def test_a_request_that_is_cut_off(opening: Opening, call: Call, stage: Stage, end: Ending) -> None:
    await assert_sent_once(opening, call, RawServer(hold, cut=Cut(stage, end)), whole=False)


@each_write
@pytest.mark.parametrize("end", _ENDINGS.values(), ids=_ENDINGS.keys())
async def test_a_connection_that_ends_as_soon_as_it_is_there(
    opening: Opening, call: Call, end: Ending
) -> None:
    """Nobody has read anything, but who sends can't know."""
    server = RawServer(hold, cut=Cut(Stage.NOTHING, end))
    await assert_sent_once(opening, call, server, whole=False, begun=0)


@each_write
async def test_an_answer_that_comes_before_the_request_has_ended(opening: Opening, call: Call) -> None:
    async def refuse(writer: asyncio.StreamWriter) -> None:
        writer.write(answer(status="413 Content Too Large"))
        await send_fin(writer)

    server = RawServer(hold, cut=Cut(Stage.THE_HEAD, refuse))
    async with server.listen():
        async with opening(server.base_url) as transport:
            outcome = await result(transport, call)
        await server.settled()
    # The answer is lost where the system makes a reset of the close, as something was left unread.
    assert outcome in ((413, None), (None, True))
    assert (server.connections, server.begun, server.received) == (1, 1, [])


# -- answered, whatever the answer is


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Again", "308 For Ever"])
async def test_a_redirect_is_not_followed(opening: Opening, method: str, status: str) -> None:
    call = Call("any", method, "/reply", safe=method == "GET", body=None if method == "GET" else b"{}")
    server = RawServer(saying(answer(status=status, location="/elsewhere")))
    async with server.listen():
        async with opening(server.base_url) as transport:
            reply = await transport.send(call)
        await server.settled()
    assert (reply.status, reply.headers["location"]) == (int(status[:3]), "/elsewhere")
    assert server.arrivals == [(1, method, "/reply")]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
@pytest.mark.parametrize("status", [401, 407, 408, 409, 417, 421, 425, 429, 500, 502, 503, 504])
async def test_no_answer_makes_it_be_sent_again(opening: Opening, method: str, status: int) -> None:
    said = answer(
        status=f"{status} No", retry_after="0", www_authenticate="Basic", proxy_authenticate="Basic"
    )
    server = RawServer(saying(said))
    async with server.listen():
        async with opening(server.base_url) as transport:
            reply = await transport.send(Call("reply", method, "/reply", safe=False, body=b"{}"))
        await server.settled()
    assert reply.status == status
    assert server.arrivals == [(1, method, "/reply")]


async def test_an_upgrade_that_nobody_asked_for_is_no_success(opening: Opening) -> None:
    server = RawServer(saying(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n", then=send_fin))
    async with server.listen():
        async with opening(server.base_url) as transport:
            outcome = await result(transport, POST)
        await server.settled()
    assert outcome in ((101, None), (None, True))
    assert len(server.received) == server.begun == 1


async def test_interim_answers_are_read_over(opening: Opening) -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"
    server = RawServer(saying(interim + answer(status="201 Created")))
    async with server.listen(), opening(server.base_url) as transport:
        assert (await transport.send(POST)).status == 201
        assert len(server.received) == 1


@pytest.mark.parametrize("extra", [b"\x00\xff", answer(b"poison"), b"HTTP/1.1 500 No\r\n\r\n"])
@pytest.mark.parametrize("status", ["200 OK", "204 No Content", "304 Not Modified"])
async def test_bytes_that_nobody_asked_for_are_nobodys_answer(
    opening: Opening, extra: bytes, status: str
) -> None:
    count = 0

    async def behave(request: Received, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        count += 1
        said = answer(b"" if status != "200 OK" else b"own", status=status, x_number=str(count))
        writer.write(said + extra)

    server = RawServer(behave)
    async with server.listen():
        async with opening(server.base_url) as transport:
            replies = [await transport.send(call) for call in (POST, POST, READ, READ, POST)]
        await server.settled()
    assert [reply.headers["x-number"] for reply in replies] == ["1", "2", "3", "4", "5"]
    assert {(reply.status, reply.body) for reply in replies} == {
        (int(status[:3]), b"own" if status == "200 OK" else b"")
    }
    assert [each.method for each in server.received] == ["POST", "POST", "GET", "GET", "POST"]


# -- connections that others have used


async def test_every_write_gets_a_fresh_connection_and_leaves_none(opening: Opening) -> None:
    server = RawServer(saying(answer()))
    calls = [READ, *WRITES.values(), READ]
    async with server.listen(), opening(server.base_url) as transport:
        for call in calls:
            await transport.send(call)
        for connection in range(2, len(WRITES) + 2):
            await server.ended(connection)
        assert [each.connection for each in server.received] == [1, *range(2, len(WRITES) + 2), 1]


@each_write
@pytest.mark.parametrize("end", _ENDINGS.values(), ids=_ENDINGS.keys())
@pytest.mark.parametrize("when", ["before the write", "during the write", "as the write comes"])
async def test_a_write_never_meets_an_idle_connection_that_the_source_gives_up(
    opening: Opening, call: Call, end: Ending, when: str
) -> None:
    """On such a one it would be lost, or silently sent again."""
    given_up = asyncio.Event()

    async def behave(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(answer())
        if request.method == "GET" and when != "as the write comes":
            await given_up.wait()
            await end(writer)

    server = RawServer(behave, cut=Cut(Stage.A_BYTE, end, request=2))
    async with server.listen():
        async with opening(server.base_url) as transport:
            await transport.send(READ)
            given_up.set()
            if when == "before the write":
                await server.ended(1)
            assert (await transport.send(call)).status == 200
        await server.settled()
    assert server.arrivals == [(1, "GET", "/case"), (2, call.method, "/reply")]
    assert server.begun == 2


# -- never sent


@each_call
@pytest.mark.parametrize(
    ("place", "connect_timeout_s", "expected"),
    [
        pytest.param(refusing, 10.0, SourceUnavailable, id="refused"),
        pytest.param(full, SOON_S, SourceTimeout, id="full"),
        pytest.param(silent, SOON_S, SourceTimeout, id="silent"),
        pytest.param(unknown, 10.0, SourceUnavailable, id="unknown"),
    ],
)
async def test_without_a_connection_nothing_was_sent(
    opening: Opening,
    call: Call,
    place: Callable[[], AbstractContextManager[str]],
    connect_timeout_s: float,
    expected: type[SourceError],
) -> None:
    with place() as base_url:
        async with opening(base_url, connect_timeout_s=connect_timeout_s) as transport:
            error = await failure(transport, call)
    assert (type(error), error.sent) == (expected, False)


@each_call
async def test_a_certificate_that_nobody_vouches_for(opening: Opening, call: Call) -> None:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(CERTIFICATE)
    server = RawServer(saying(answer()))
    async with server.listen(tls), opening(server.base_url) as transport:
        error = await failure(transport, call)
        assert (type(error), error.sent) == (SourceUnavailable, False)
        assert (server.received, server.begun) == ([], 0)

        host, port = server.base_url.removeprefix("https://").split(":")
        trusting = ssl.create_default_context(cafile=CERTIFICATE)
        _, writer = await asyncio.open_connection(host, int(port), ssl=trusting)
        writer.transport.abort()  # The server itself is sound.


@each_call
async def test_a_port_that_speaks_no_tls(opening: Opening, call: Call) -> None:
    """All that comes there is the beginning of a handshake."""

    async def complain(writer: asyncio.StreamWriter) -> None:
        writer.write(answer(status="400 Bad Request"))
        await send_fin(writer)

    server = RawServer(hold, cut=Cut(Stage.A_BYTE, complain))
    async with server.listen():
        async with opening(server.base_url.replace("http:", "https:")) as transport:
            error = await failure(transport, call)
        await server.settled()
    assert (type(error), error.sent) == (SourceUnavailable, False)
    assert (server.connections, server.received) == (1, [])


# -- cancelled by the caller


@asynccontextmanager
async def cancelled(
    opening: Opening, server: RawServer, call: Call, *, once: Callable[[], bool]
) -> AsyncIterator[None]:
    """Cancel a write at a moment; what follows may look at what came, and another write works."""
    async with server.listen():
        async with opening(server.base_url) as transport:
            sending = asyncio.ensure_future(transport.send(call))
            await server.when(once)
            sending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sending
            await server.ended(1)
            yield
            server.behave = saying(answer())
            assert (await transport.send(POST)).status == 200
        await server.settled()
        assert (server.connections, server.begun) == (2, 2)
        assert (server.received[-1].connection, server.received[-1].body) == (2, POST.body)


@each_write
async def test_one_that_waits_for_its_answer(opening: Opening, call: Call) -> None:
    server = RawServer(hold)
    async with cancelled(opening, server, call, once=lambda: len(server.received) == 1):
        assert [(each.method, each.body) for each in server.received] == [(call.method, call.body)]


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_one_in_the_middle_of_its_body(opening: Opening, method: str) -> None:
    async def content() -> AsyncIterator[bytes]:
        yield b"half"
        await asyncio.Event().wait()

    server = RawServer(hold)
    call = Call("upload", method, "/files", safe=False, body=content())
    async with cancelled(opening, server, call, once=lambda: server.begun == 1):
        assert server.received == []


@each_write
async def test_one_in_the_middle_of_its_answer(opening: Opening, call: Call) -> None:
    said = asyncio.Event()

    async def behave(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{")
        await writer.drain()
        said.set()
        server.look_again()
        await hold(request, writer)

    server = RawServer(behave)
    async with cancelled(opening, server, call, once=said.is_set):
        assert len(server.received) == 1


@pytest.mark.parametrize("call", [READ, POST], ids=["reads", "writes"])
async def test_many_at_once_leave_room_for_others(bare: Opening, call: Call) -> None:
    """Those that wait for a connection are not sent any more; the others' places come free.

    Without layers: inside them, equal reads are one, and nobody's cancelling ends it.
    """
    going_on = asyncio.Event()

    async def behave(request: Received, writer: asyncio.StreamWriter) -> None:
        await going_on.wait()
        writer.write(answer())

    server = RawServer(behave)
    async with server.listen():
        async with bare(server.base_url, max_connections=4, pool_timeout_s=60) as transport:
            for round_ in range(1, 6):
                going_on.clear()
                sending = [asyncio.ensure_future(transport.send(call)) for _ in range(20)]
                await server.until(4 * round_)
                for each in sending:
                    each.cancel()
                outcomes = await asyncio.gather(*sending, return_exceptions=True)
                assert {type(each) for each in outcomes} == {asyncio.CancelledError}
                going_on.set()
            replies = await asyncio.gather(*(transport.send(call) for _ in range(8)))
            assert [reply.status for reply in replies] == [200] * 8
        await server.settled()
    assert server.begun == len(server.received) == 28


# -- with credentials: a 401 says that nothing was done


def session() -> Auth:
    """Credentials by log-in: `token 1`, `token 2` and so on."""
    numbers = itertools.count(1)

    async def log_in() -> SessionToken:
        return SessionToken(f"token {next(numbers)}", None)

    return Session(log_in, clock=lambda: datetime.now(UTC))


def sequence(*behaviours: Behaviour) -> Behaviour:
    """One after the other."""
    left = list(behaviours)

    async def behave(request: Received, writer: asyncio.StreamWriter) -> None:
        await left.pop(0)(request, writer)

    return behave


_UNAUTHORIZED = saying(answer(status="401 Unauthorized"))


@asynccontextmanager
async def rest(opening: Opening, server: RawServer, auth: Auth) -> AsyncIterator[Rest]:
    async with server.listen():
        async with opening(server.base_url) as transport:
            layer = Authorised(
                transport, put=in_header("x-token"), auth=auth, is_log_in_refused=lambda _: True
            )
            yield Rest("hub", layer, clock=lambda: datetime.now(UTC), explain=lambda _: ())
        await server.settled()
        assert server.begun == len(server.received)


@each_write
class TestCredentials:
    async def test_a_401_is_followed_by_one_more_with_a_fresh_token(
        self, opening: Opening, call: Call
    ) -> None:
        server = RawServer(sequence(_UNAUTHORIZED, saying(answer(status="201 Created"))))
        async with rest(opening, server, session()) as client:
            assert (await client.send(call)).status == 201
        assert [(each.connection, each.headers["x-token"], each.body) for each in server.received] == [
            (1, "token 1", call.body),
            (2, "token 2", call.body),
        ]

    async def test_and_never_by_two(self, opening: Opening, call: Call) -> None:
        server = RawServer(_UNAUTHORIZED)
        async with rest(opening, server, session()) as client:
            with pytest.raises(SourceAuthError):
                await client.send(call)
        assert [each.headers["x-token"] for each in server.received] == ["token 1", "token 2"]

    async def test_what_breaks_off_then_is_in_doubt(self, opening: Opening, call: Call) -> None:
        server = RawServer(sequence(_UNAUTHORIZED, reset))
        async with rest(opening, server, session()) as client:
            with pytest.raises(SourceUnavailable) as raised:
                await client.send(call)
        assert (raised.value.sent, len(server.received)) == (True, 2)

    async def test_what_breaks_off_is_not_sent_with_another_token(self, opening: Opening, call: Call) -> None:
        server = RawServer(reset)
        async with rest(opening, server, session()) as client:
            with pytest.raises(SourceUnavailable) as raised:
                await client.send(call)
        assert (raised.value.sent, len(server.received)) == (True, 1)

    async def test_a_401_to_the_only_credential_is_the_end(self, opening: Opening, call: Call) -> None:
        server = RawServer(_UNAUTHORIZED)
        auth = FixedCredential("the only one")
        async with rest(opening, server, auth) as client:
            with pytest.raises(SourceAuthError):
                await client.send(call)
        assert [each.headers["x-token"] for each in server.received] == ["the only one"]
