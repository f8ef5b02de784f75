import asyncio
import inspect
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.domain.errors import SourceError, SourceProtocolError, SourceTimeout, SourceUnavailable
from gateway.transport import Call, Reply
from gateway.transport.httpx import HttpxOptions, HttpxTransport, translate
from tests.raw_server import Behaviour, RawServer, Received, answer, hold, reset, saying

_TOKEN = "t0ken"
_CERTIFICATE = Path(__file__).parents[2] / "fixtures" / "tls" / "self_signed.pem"

_READ = Call("read case", "GET", "/case", safe=True, query=(("accessToken", _TOKEN),))


def _write(method: str = "POST", body: bytes = b'{"text":"Hello"}') -> Call:
    return Call(
        "reply", method, "/reply", safe=False, query=(("accessToken", _TOKEN),), headers={}, body=body
    )


_CALLS = [_READ, _write("POST"), _write("PUT"), _write("DELETE")]
_each_call = pytest.mark.parametrize("call", _CALLS, ids=lambda call: call.method)


@asynccontextmanager
async def _source(
    behave: Behaviour, *, tls: ssl.SSLContext | None = None, path: str = "/api", **options: Any
) -> AsyncIterator[tuple[RawServer, HttpxTransport]]:
    server = RawServer(behave)
    async with server.listen(tls):
        transport = HttpxTransport("hub", HttpxOptions(server.base_url + path, **options))
        try:
            yield server, transport
        finally:
            await transport.close()


async def _failure(transport: HttpxTransport, call: Call) -> tuple[type[SourceError], bool, str]:
    """What a failing call raises, after a look at whether any of it tells the URL or the token."""
    with pytest.raises(SourceError) as raised:
        await transport.send(call)
    error = raised.value
    for text in (str(error), repr(error), error.message, error.detail, repr(error.args), repr(call)):
        assert not any(secret in text for secret in (_TOKEN, "accessToken", "127.0.0.1", "http:"))
    assert error.source == "hub"
    assert error.message == type(error).text
    return type(error), error.sent, error.detail


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that nobody listens on, and nobody else gets meanwhile."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


# -- what goes out and comes back


async def test_a_read_goes_out_as_it_is_described() -> None:
    async with _source(saying(answer(b"[1]", X_Total_Count="7"))) as (server, transport):
        call = Call(
            "list",
            "GET",
            "cases/a%2Fb",
            safe=True,
            query=(("q", "a b&c"), ("q", "ż")),
            headers={"X-Api-Key": "k"},
        )
        reply = await transport.send(call)

    assert reply == Reply(200, {"content-length": "3", "x-total-count": "7"}, b"[1]")
    [sent] = server.received
    assert (sent.method, sent.target, sent.body) == (
        "GET",
        "/api/cases/a%2Fb?q=a+b%26c&q=%C5%BC",
        b"",
    )
    assert dict(sent.headers) == {
        "host": server.base_url.removeprefix("http://"),
        "user-agent": "helpdesk-gateway",
        "accept": "application/json",
        "accept-encoding": "gzip",
        "connection": "keep-alive",
        "x-api-key": "k",
    }


async def test_a_write_sends_its_body_and_headers() -> None:
    async with _source(saying(answer(b"", status="201 Created"))) as (server, transport):
        call = Call(
            "reply", "POST", "/reply", safe=False, headers={"content-type": "application/json"}, body=b"{}"
        )
        reply = await transport.send(call)

    assert reply == Reply(201, {"content-length": "0"}, b"")
    [sent] = server.received
    assert (sent.method, sent.target, sent.headers["content-type"], sent.body) == (
        "POST",
        "/api/reply",
        "application/json",
        b"{}",
    )


async def test_a_body_can_be_streamed() -> None:
    async def content() -> AsyncIterator[bytes]:
        for part in (b"first ", b"second ", b"third"):
            yield part

    async with _source(saying(answer())) as (server, transport):
        await transport.send(Call("upload", "POST", "/files", safe=False, body=content()))

    [sent] = server.received
    assert (sent.headers["transfer-encoding"], sent.body) == ("chunked", b"first second third")


async def test_a_failure_of_the_streamed_body_itself_passes_as_it_is() -> None:
    async def content() -> AsyncIterator[bytes]:
        yield b"first"
        raise LookupError("the client went away")

    async with _source(saying(answer())) as (server, transport):
        with pytest.raises(LookupError, match="the client went away"):
            await transport.send(Call("upload", "POST", "/files", safe=False, body=content()))

        assert server.received == [], "no whole request was sent"
        assert (await transport.send(_write())).status == 200


@pytest.mark.parametrize("status", ["400 Bad Request", "404 Not Found", "429 Slow", "500 Oops", "599 Odd"])
async def test_any_status_is_a_reply(status: str) -> None:
    async with _source(saying(answer(b"no", status=status))) as (_, transport):
        reply = await transport.send(_READ)

    assert reply == Reply(int(status[:3]), {"content-length": "2"}, b"no")


def test_neither_call_nor_reply_shows_what_may_be_secret() -> None:
    call = Call("read", "GET", "/c", safe=True, query=(("t", _TOKEN),), headers={"a": _TOKEN}, body=b"t0ken")

    assert repr(call) == "Call(operation='read', method='GET', path='/c', safe=True)"
    assert repr(Reply(200, {"set-cookie": _TOKEN}, b"t0ken")) == "Reply(status=200, age_s=None, stale=False)"


# -- connections


async def test_closing_ends_the_kept_connections() -> None:
    ended = asyncio.Event()

    async def behave(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(answer())
        await writer.drain()
        asyncio.ensure_future(writer.wait_closed()).add_done_callback(lambda _: ended.set())

    async with _source(behave) as (_, transport):
        await transport.send(_READ)
        await transport.close()
        async with asyncio.timeout(5):
            await ended.wait()
    assert ended.is_set()


async def test_a_read_on_a_connection_that_the_source_ended_takes_a_new_one() -> None:
    ended = asyncio.Event()

    async def behave(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(answer())
        if request.connection == 1:
            await writer.drain()
            writer.close()
            await writer.wait_closed()
            ended.set()
            raise ConnectionAbortedError

    async with _source(behave) as (server, transport):
        await transport.send(_READ)
        await ended.wait()
        await transport.send(_READ)

    assert [each.connection for each in server.received] == [1, 2]


# -- time


async def test_a_call_that_waits_too_long_for_a_connection_was_not_sent() -> None:
    async with _source(hold, max_connections=1, pool_timeout_s=0.02) as (server, transport):
        first = asyncio.ensure_future(transport.send(_write()))
        await server.until(1)

        assert await _failure(transport, _write("PUT")) == (
            SourceTimeout,
            False,
            "reply: no connection was free in time",
        )

        assert [each.method for each in server.received] == ["POST"]
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)


# -- what a source must not be able to do


async def test_a_cookie_is_not_sent_back() -> None:
    cookie = "session=abc; Path=/"
    async with _source(saying(answer(set_cookie=cookie))) as (server, transport):
        for call in (_READ, _READ, _write(), _write()):
            await transport.send(call)

    assert [each.headers.get("cookie") for each in server.received] == [None] * 4


_LIMIT = 100_000


@_each_call
async def test_an_answer_of_just_the_allowed_size_is_taken(call: Call) -> None:
    async with _source(saying(answer(b"x" * _LIMIT)), max_reply_bytes=_LIMIT) as (_, transport):
        assert len((await transport.send(call)).body) == _LIMIT


@_each_call
async def test_a_larger_answer_is_refused(call: Call) -> None:
    async with _source(saying(answer(b"x" * (_LIMIT + 1))), max_reply_bytes=_LIMIT) as (_, transport):
        assert await _failure(transport, call) == (
            SourceProtocolError,
            True,
            "an answer of more than 100000 bytes",
        )


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"x-agent": "ola\r\nx-admin: 1"}, id="a line end in a value"),
        pytest.param({"x-agent": "ola\nx-admin: 1"}, id="a bare line feed in a value"),
        pytest.param({"x-agent": "ola\r\n\r\nGET /x-admin HTTP/1.1\r\n"}, id="a second request in a value"),
        pytest.param({"x-agent": "ola\x00"}, id="a null byte in a value"),
        pytest.param({"x-agent: 1\r\nx-admin": "1"}, id="a line end in a name"),
        pytest.param({"x agent": "1"}, id="a blank in a name"),
        pytest.param({"x-agent": "Żółć"}, id="a value that is not ASCII"),
        pytest.param({"x-ągent": "1"}, id="a name that is not ASCII"),
        pytest.param({"": "1"}, id="an empty name"),
    ],
)
@pytest.mark.parametrize("call", [_READ, _write()], ids=["read", "write"])
async def test_a_header_cannot_smuggle_anything(call: Call, headers: dict[str, str]) -> None:
    smuggler = Call(call.operation, call.method, call.path, call.safe, call.query, headers, call.body)
    async with _source(saying(answer())) as (server, transport):
        ours, _, _ = await _failure(transport, smuggler)
        assert issubclass(ours, SourceError)
        assert server.received == []

        assert (await transport.send(call)).status == 200, "others are not disturbed"
        assert len(server.received) == 1


# -- what the log is told; what became of the call itself is for tests/contract/test_transports.py


async def test_the_log_is_told_what_failed(closed_port: int) -> None:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(_CERTIFICATE)
    details = []
    for base_url in (f"http://127.0.0.1:{closed_port}", "http://source.invalid"):
        transport = HttpxTransport("hub", HttpxOptions(base_url))
        details.append((await _failure(transport, _READ))[2])
        await transport.close()
    async with _source(saying(answer()), tls=tls) as (_, transport):
        details.append((await _failure(transport, _READ))[2])
    async with _source(hold, read_timeout_s=0.02) as (_, transport):
        details.append((await _failure(transport, _write()))[2])
    async with _source(reset) as (_, transport):
        details.append((await _failure(transport, _write()))[2])

    assert details == [
        "read case: ConnectError, connection refused",
        "read case: ConnectError, the host name is not known (DNS)",
        "read case: ConnectError, TLS: self-signed certificate",
        "reply: ReadTimeout",
        "reply: ReadError",
    ]


# -- every exception of httpx


def _exceptions() -> dict[str, type[Exception]]:
    found: dict[str, type[Exception]] = {}
    roots: list[type[Exception]] = [
        httpx.HTTPError,
        httpx.StreamError,
        httpx.InvalidURL,
        httpx.CookieConflict,
    ]
    while roots:
        each = roots.pop()
        found[each.__name__] = each
        roots += each.__subclasses__()
    return found


def test_no_exception_of_httpx_is_outside_the_four_kinds_that_are_caught() -> None:
    public = {
        name
        for name, each in inspect.getmembers(httpx, inspect.isclass)
        if issubclass(each, BaseException) and each.__module__.startswith("httpx")
    }

    assert public == set(_exceptions())


def test_every_exception_of_httpx_is_one_of_ours() -> None:
    url = f"https://hub.example/?accessToken={_TOKEN}"
    translated = {}
    for name, each in _exceptions().items():
        theirs = each.__new__(each)
        Exception.__init__(theirs, f"for url {url}")
        ours = translate(theirs, "hub", "read case")
        assert (ours.source, ours.detail) == ("hub", f"read case: {name}")
        assert _TOKEN not in f"{ours} {ours!r} {vars(ours)}"
        translated[name] = (type(ours).__name__, ours.sent)

    assert translated == {
        "CloseError": ("SourceUnavailable", True),
        "ConnectError": ("SourceUnavailable", False),
        "ConnectTimeout": ("SourceTimeout", False),
        "CookieConflict": ("SourceProtocolError", True),
        "DecodingError": ("SourceProtocolError", True),
        "HTTPError": ("SourceUnavailable", True),
        "HTTPStatusError": ("SourceUnavailable", True),
        "InvalidURL": ("SourceProtocolError", False),
        "LocalProtocolError": ("SourceProtocolError", True),
        "NetworkError": ("SourceUnavailable", True),
        "PoolTimeout": ("SourceTimeout", False),
        "ProtocolError": ("SourceUnavailable", True),
        "ProxyError": ("SourceUnavailable", False),
        "ReadError": ("SourceUnavailable", True),
        "ReadTimeout": ("SourceTimeout", True),
        "RemoteProtocolError": ("SourceUnavailable", True),
        "RequestError": ("SourceUnavailable", True),
        "RequestNotRead": ("SourceUnavailable", True),
        "ResponseNotRead": ("SourceUnavailable", True),
        "StreamClosed": ("SourceUnavailable", True),
        "StreamConsumed": ("SourceUnavailable", True),
        "StreamError": ("SourceUnavailable", True),
        "TimeoutException": ("SourceTimeout", True),
        "TooManyRedirects": ("SourceProtocolError", True),
        "TransportError": ("SourceUnavailable", True),
        "UnsupportedProtocol": ("SourceUnavailable", False),
        "WriteError": ("SourceUnavailable", True),
        "WriteTimeout": ("SourceTimeout", True),
    }


async def test_what_anyio_makes_of_an_early_reset_is_an_unavailable_source(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Under uvloop, about one in five connections that are reset at once ends so."""

    async def send(*_: object, **__: object) -> httpx.Response:
        raise AttributeError("'NoneType' object has no attribute 'getpeername'")

    monkeypatch.setattr(httpx.AsyncClient, "send", send)
    transport = HttpxTransport("hub", HttpxOptions(base_url="http://127.0.0.1:9"))
    with pytest.raises(SourceUnavailable) as raised:
        await transport.send(Call("read case", "GET", "case", safe=True))
    assert (raised.value.detail, raised.value.sent) == ("read case: AttributeError", True)
    await transport.close()
