"""The protocol over real sockets, around an app that does what its path says."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send
from uvicorn.server import ServerState

from gateway.commands.serve import served
from gateway.domain.errors import ErrorCode
from gateway.http.patience import PatientProtocol
from gateway.http.security_headers import ALWAYS
from gateway.http.settings import ConnectionSettings
from tests.raw_client import FIN, RawClient, connected, until

HOST = b"Host: localhost\r\n"
GET = b"GET /said HTTP/1.1\r\n" + HOST + b"\r\n"
# More than all buffers between two sockets take.
HUGE = 64 * 1024 * 1024
# Tests that are about one of the times use it; the others never come to an end.
SOON, NEVER = 0.05, 300.0


@dataclass
class App:
    """Answers with what it was asked."""

    asked: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        self.asked.append(path)
        if path == "/early":
            await answer(send, b"not read")
            return
        if path == "/held":
            await self.gate.wait()
        body = b""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.ended.append("disconnect")
                await answer(send, b"nobody hears this")
                return
            body += message["body"]
            if not message["more_body"]:
                break
        host = dict(scope["headers"]).get(b"host", b"").decode()
        said = json.dumps([scope["method"], path, host, len(body)]).encode()
        await answer(send, bytes(HUGE) if path == "/huge" else said)
        self.ended.append("answered")


async def answer(send: Callable[[Message], Awaitable[None]], body: bytes) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": 200, "headers": [length]})
    await send({"type": "http.response.body", "body": body})


@dataclass(frozen=True)
class Served:
    url: str
    app: App
    state: ServerState


@asynccontextmanager
async def serving(**limits: Any) -> AsyncIterator[Served]:
    never = {"head_timeout_s": NEVER, "body_timeout_s": NEVER, "write_timeout_s": NEVER, "keep_alive_s": 300}
    app, state = App(), ServerState()
    config = served(app, ConnectionSettings(**{**never, **limits}), look_every_s=0.005)
    config.load()
    loop = asyncio.get_running_loop()
    make: Any = config.http_protocol_class
    server = await loop.create_server(
        lambda: make(config=config, server_state=state, app_state={}, _loop=loop), "127.0.0.1", 0
    )
    try:
        yield Served(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", app, state)
    finally:
        server.close()
        app.gate.set()
        for connection in list(state.connections):
            connection.transport.abort()
        await until(lambda: not state.connections and not state.tasks)


def refusal(said: bytes) -> tuple[int, str]:
    """The status and message of an answer by the protocol itself, which must have all that answers have."""
    head, _, body = said.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    headers = dict(line.split(b": ", 1) for line in lines)
    assert dict(ALWAYS).items() <= headers.items()
    assert headers[b"content-type"] == b"application/json; charset=utf-8"
    assert headers[b"connection"] == b"close"
    assert int(headers[b"content-length"]) == len(body)
    assert b"server" not in headers
    (error,) = json.loads(body)["errors"]
    assert error["extensions"] == {
        "code": ErrorCode.BAD_USER_INPUT,
        "retryable": False,
        "requestId": headers[b"x-request-id"].decode(),
    }
    return int(first.split(b" ")[1]), error["message"]


async def refused(url: str, sent: bytes) -> tuple[int, str]:
    async with connected(url) as client:
        client.send(sent)
        said, end = await client.read_all()
        assert end == FIN
        return refusal(said)


async def one_connection(gateway: Served) -> PatientProtocol:
    """The gateway's end of the only connection there is."""
    await until(lambda: gateway.state.connections)
    (connection,) = gateway.state.connections
    assert isinstance(connection, PatientProtocol)
    return connection


def statuses(said: bytes) -> list[int]:
    return [int(each) for each in re.findall(rb"HTTP/1\.1 (\d+)", said)]


async def ask(client: RawClient, sent: bytes = GET) -> Any:
    client.send(sent)
    status, body = await client.read_answer()
    assert status == 200
    return json.loads(body)


# -- slow clients


HEAD_LATE = (408, "The request's line and headers took too long to arrive.")
BODY_LATE = (408, "The request's body took too long to arrive.")


@pytest.mark.parametrize(
    "sent",
    [
        b"G",
        b"GET / HTTP/1.1\r\n",
        b"GET / HTTP/1.1\r\n" + HOST,
        b"GET / HTTP/1.1\r\nX: a",
        b"\r\n",
        b"GET /\r\n",
    ],
)
async def test_a_head_that_does_not_end_is_cut(sent: bytes) -> None:
    async with serving(head_timeout_s=SOON) as gateway:
        assert await refused(gateway.url, sent) == HEAD_LATE
        assert gateway.app.asked == []


async def test_a_head_that_comes_byte_by_byte_gains_no_time() -> None:
    async with serving(head_timeout_s=10) as gateway, connected(gateway.url) as client:
        client.send(b"GET / HTTP/1.1\r\n")
        connection = await one_connection(gateway)
        await until(lambda: not connection._silent)
        late_s = asyncio.get_running_loop().time() + 10
        client.send(b"a: b\r\n" * 10)
        await until(lambda: connection._since == 60)
        connection.look(late_s - 5)
        assert not connection._over
        connection.look(late_s)
        assert refusal((await client.read_all())[0]) == HEAD_LATE


async def test_a_connection_that_never_says_anything_is_closed_without_a_word() -> None:
    async with serving(head_timeout_s=SOON) as gateway, connected(gateway.url) as client:
        assert await client.read_all() == (b"", FIN)


async def test_a_second_request_must_come_in_time_as_the_first() -> None:
    async with serving(head_timeout_s=SOON) as gateway, connected(gateway.url) as client:
        assert await ask(client) == ["GET", "/said", "localhost", 0]
        client.send(b"G")
        assert refusal((await client.read_all())[0]) == HEAD_LATE


@pytest.mark.parametrize("sent", [b"\r\n", b"G"])
async def test_one_byte_between_two_requests_stops_no_clock(sent: bytes) -> None:
    async with serving(head_timeout_s=SOON) as gateway, connected(gateway.url) as client:
        await ask(client)
        client.send(sent)
        assert (await client.read_all())[1] == FIN


async def test_an_idle_connection_is_closed() -> None:
    async with serving(keep_alive_s=1) as gateway, connected(gateway.url) as client:
        await ask(client)
        assert await client.read_all() == (b"", FIN)


BODIES = [
    b"Content-Length: 10\r\n\r\nabc",
    b"Content-Length: 10\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    b"Transfer-Encoding: chunked\r\n\r\n",
]


@pytest.mark.parametrize("body", BODIES)
async def test_a_body_that_does_not_end_is_cut_and_the_app_told(body: bytes) -> None:
    async with serving(body_timeout_s=SOON) as gateway, connected(gateway.url) as client:
        client.send(b"POST /said HTTP/1.1\r\n" + HOST + body)
        await until(lambda: gateway.app.ended == ["disconnect"])
        # At once, though the connection stays until the client has read why it ends.
        assert gateway.state.connections
        assert refusal((await client.read_all())[0]) == BODY_LATE


async def test_a_body_gains_time_as_fast_as_it_comes() -> None:
    length, half = 100 * 1024, bytes(50 * 1024)
    async with (
        serving(body_timeout_s=10, min_body_bytes_per_s=1024) as gateway,
        connected(gateway.url) as client,
    ):
        client.send(b"POST /said HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % length)
        await until(lambda: gateway.app.asked)
        connection = await one_connection(gateway)
        began_s = asyncio.get_running_loop().time()
        client.send(half)
        await until(lambda: connection._since >= len(half))
        connection.look(began_s + 55)
        assert not connection._over
        client.send(half[1:])
        await until(lambda: connection._since >= length - 1)
        connection.look(began_s + 105)
        assert not connection._over
        connection.look(began_s + 115)
        assert refusal((await client.read_all())[0]) == BODY_LATE


async def test_a_body_that_nobody_reads_yet_is_not_the_clients_fault() -> None:
    async with serving(body_timeout_s=SOON) as gateway, connected(gateway.url) as client:
        size = 1024 * 1024
        client.send(b"POST /held HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % size + bytes(size))
        await until(lambda: gateway.app.asked)
        connection = await one_connection(gateway)
        await until(lambda: connection.flow.read_paused)
        # Looked at when all of its time has long gone by.
        connection.look(asyncio.get_running_loop().time() + 100 * SOON)
        gateway.app.gate.set()
        status, body = await client.read_answer()
        assert (status, json.loads(body)[3]) == (200, size)


async def test_an_answer_before_the_end_of_the_body_is_read_and_then_the_connection_ends() -> None:
    async with serving() as gateway, connected(gateway.url) as client:
        client.send(b"POST /early HTTP/1.1\r\n" + HOST + b"Content-Length: 1000000\r\n\r\nabc")
        assert await client.read_answer() == (200, b"not read")
        connection = await one_connection(gateway)
        connection.look(asyncio.get_running_loop().time() + 10)
        said, end = await client.read_all()
        assert (said, end) == (b"", FIN)


async def test_a_body_that_comes_late_but_whole_leaves_the_connection_alone() -> None:
    async with serving() as gateway, connected(gateway.url) as client:
        client.send(b"POST /early HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\n\r\n")
        assert await client.read_answer() == (200, b"not read")
        client.send(b"abc")
        assert await ask(client) == ["GET", "/said", "localhost", 0]
        connection = await one_connection(gateway)
        connection.look(asyncio.get_running_loop().time() + 10)
        assert await ask(client) == ["GET", "/said", "localhost", 0]


async def test_a_client_that_does_not_read_its_answer_is_cut_and_the_app_goes_on() -> None:
    async with serving(write_timeout_s=SOON) as gateway, connected(gateway.url) as client:
        client._reader._transport.pause_reading()  # type: ignore[attr-defined]
        client.send(b"GET /huge HTTP/1.1\r\n" + HOST + b"\r\n")
        await until(lambda: gateway.app.ended == ["answered"])
        await until(lambda: not gateway.state.connections)


async def test_a_closed_connection_waits_no_longer_for_its_rest_to_be_read() -> None:
    async with serving(write_timeout_s=SOON) as gateway, connected(gateway.url) as client:
        client._reader._transport.pause_reading()  # type: ignore[attr-defined]
        client.send(b"GET /huge HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")
        connection = await one_connection(gateway)
        await until(lambda: gateway.app.ended == ["answered"])
        # As the transport says once less than its mark is left, for which it has no word more.
        connection.resume_writing()
        await until(lambda: not gateway.state.connections)


# -- large heads


URL_TOO_LARGE = (414, "The request's target may have 256 bytes at most.")
HEAD_TOO_LARGE = (431, "The request's line and headers may have 1024 bytes at most.")
TOO_MANY = (431, "A request may have 10 headers at most.")


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (b"GET /" + b"a" * 256 + b" HTTP/1.1\r\n" + HOST + b"\r\n", URL_TOO_LARGE),
        (b"GET /" + b"a" * 2_000_000, HEAD_TOO_LARGE),
        (b"GET / HTTP/1.1\r\n" + HOST + b"a: b\r\n" * 10 + b"\r\n", TOO_MANY),
        (b"GET / HTTP/1.1\r\n" + HOST + b"a: " + b"b" * 1024 + b"\r\n\r\n", HEAD_TOO_LARGE),
        (b"GET / HTTP/1.1\r\n" + HOST + b"a" * 1024 + b": b\r\n\r\n", HEAD_TOO_LARGE),
        (b"GET / HTTP/1.1\r\n" + HOST + b"a: " + b"b" * 2_000_000, HEAD_TOO_LARGE),
        (b"GET / HTTP/1.1\r\n" + HOST + b"a: b\r\n" * 300_000, HEAD_TOO_LARGE),
        (b"\r\n" * 500_000, HEAD_TOO_LARGE),
    ],
    ids=["target", "endless target", "headers", "value", "name", "endless value", "endless headers", "endless nothing"],
)  # fmt: skip
async def test_a_head_too_large_is_refused_and_not_read_to_its_end(
    sent: bytes, expected: tuple[int, str]
) -> None:
    async with serving(max_url_bytes=256, max_head_bytes=1024, max_headers=10) as gateway:
        assert await refused(gateway.url, sent) == expected
        assert gateway.app.asked == []


async def test_a_large_body_is_no_large_head() -> None:
    body = bytes(200_000)
    post = b"POST /said HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % len(body) + body
    async with serving(max_head_bytes=1024) as gateway, connected(gateway.url) as client:
        # With a part of the next request in the last piece.
        client.send(post + GET[:10])
        assert json.loads((await client.read_answer())[1]) == ["POST", "/said", "localhost", len(body)]
        assert await ask(client, GET[10:]) == ["GET", "/said", "localhost", 0]


# -- what is no request, and what is an odd one


NO_HTTP = (400, "This is not an HTTP request.")


@pytest.mark.parametrize(
    "sent",
    [
        b"rubbish\r\n\r\n",
        b"get / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + bytes(100),
        b"GET /\x00 HTTP/1.1\r\n" + HOST + b"\r\n",
        "GET /ż HTTP/1.1\r\n\r\n".encode(),
        b"GET ?query=x HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"X: a\x00b\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"X: a\rInjected: b\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"X: a\r\n folded\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : localhost\r\n\r\n",
        b"GET / HTTP/1.1\nHost: localhost\n\n",
        b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n",
        b"CONNECT localhost:80 HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET http://localhost@evil.example/ HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET ftp://localhost/ HTTP/1.1\r\n" + HOST + b"\r\n",
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: -3\r\n\r\n",
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 99999999999999999999999999\r\n\r\n",
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    ],
)  # fmt: skip
async def test_what_is_no_request_never_reaches_the_app(sent: bytes) -> None:
    async with serving() as gateway:
        assert await refused(gateway.url, sent) == NO_HTTP
        assert gateway.app.asked == []


async def test_a_body_that_breaks_its_form_ends_the_request() -> None:
    async with serving() as gateway:
        sent = b"POST /said HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n"
        assert await refused(gateway.url, sent) == NO_HTTP
        await until(lambda: gateway.app.ended == ["disconnect"])


@pytest.mark.parametrize(
    ("target", "host"),
    [
        (b"http://evil.example/said", "evil.example"),
        (b"http://evil.example:81/said", "evil.example:81"),
        (b"https://[::1]:8000/said", "[::1]:8000"),
        (b"/said", "localhost"),
    ],
)
async def test_a_target_with_a_host_decides_whose_request_it_is(target: bytes, host: str) -> None:
    async with serving() as gateway, connected(gateway.url) as client:
        assert await ask(client, b"GET " + target + b" HTTP/1.1\r\n" + HOST + b"\r\n") == [
            "GET",
            "/said",
            host,
            0,
        ]


async def test_no_other_protocol_is_spoken() -> None:
    async with serving() as gateway, connected(gateway.url) as client:
        upgrade = b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
        client.send(b"GET /said HTTP/1.1\r\n" + HOST + upgrade + b"anything")
        said, end = await client.read_all()
        assert (statuses(said), end, gateway.app.asked) == ([200], FIN, ["/said"])


async def test_a_client_that_asks_before_it_sends_its_body_is_told_to() -> None:
    async with serving() as gateway, connected(gateway.url) as client:
        client.send(b"POST /said HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        await until(lambda: gateway.app.asked)
        client.send(b"abc")
        said = await client._reader.readuntil(b"\r\n\r\n")
        assert said == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert json.loads((await client.read_answer())[1]) == ["POST", "/said", "localhost", 3]


# -- several requests at once


async def test_requests_sent_together_are_answered_in_turn() -> None:
    async with serving() as gateway, connected(gateway.url) as client:
        client.send(b"".join(GET.replace(b"/said", b"/%d" % n) for n in range(500)))
        answers = [json.loads((await client.read_answer())[1])[1] for _ in range(500)]
        assert answers == [f"/{n}" for n in range(500)]


@pytest.mark.parametrize(
    "rest", [b"rubbish\r\n\r\n", b"G", b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n"]
)
async def test_what_comes_behind_a_request_takes_nothing_from_its_answer(rest: bytes) -> None:
    async with serving(head_timeout_s=SOON) as gateway, connected(gateway.url) as client:
        client.send(b"GET /held HTTP/1.1\r\n" + HOST + b"\r\n" + rest)
        await until(lambda: gateway.app.asked)
        connection = await one_connection(gateway)
        await until(lambda: connection._over)
        gateway.app.gate.set()
        said, end = await client.read_all()
        assert (statuses(said), end) == ([200], FIN)
        assert said.endswith(b'["GET", "/held", "localhost", 0]')


# -- many connections


async def test_a_new_connection_takes_the_place_of_the_one_idle_for_longest() -> None:
    async with (
        serving(max_connections=2) as gateway,
        connected(gateway.url) as first,
        connected(gateway.url) as second,
    ):
        await ask(first)
        await ask(second)
        await ask(first)
        async with connected(gateway.url) as third:
            assert await ask(third) == ["GET", "/said", "localhost", 0]
            assert (await second.read_all())[0] == b""
            assert await ask(first) == ["GET", "/said", "localhost", 0]


async def test_slow_heads_cannot_keep_others_out() -> None:
    async with (
        serving(max_connections=2) as gateway,
        connected(gateway.url) as one,
        connected(gateway.url) as two,
    ):
        for client in (one, two):
            client.send(b"GET / HTTP/1.1\r\n")
        await until(lambda: len(gateway.state.connections) == 2)
        async with connected(gateway.url) as honest:
            assert await ask(honest) == ["GET", "/said", "localhost", 0]


async def test_who_is_being_served_keeps_the_place_and_the_next_is_told_to_wait() -> None:
    async with serving(max_connections=1) as gateway, connected(gateway.url) as first:
        first.send(b"GET /held HTTP/1.1\r\n" + HOST + b"\r\n")
        await until(lambda: gateway.app.asked)
        async with connected(gateway.url) as second:
            said, _ = await second.read_all()
            assert refusal(said) == (503, "Too many connections are being served. Try again.")
            assert b"\r\nRetry-After: 1\r\n" in said
        gateway.app.gate.set()
        assert json.loads((await first.read_answer())[1]) == ["GET", "/held", "localhost", 0]


async def test_nothing_is_kept_of_a_connection_that_ended() -> None:
    async with serving() as gateway:
        for _ in range(20):
            async with connected(gateway.url) as client:
                await ask(client)
        await until(lambda: not gateway.state.connections)
        assert gateway.state.tasks == set()


def test_no_header_of_the_environments_choice_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    config = served(App(), ConnectionSettings())
    config.load()
    assert isinstance(config.loaded_app, App)
