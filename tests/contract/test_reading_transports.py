"""What carries reads: every adapter keeps connections, and what is on them, apart.

What becomes of calls that break off is in test_transports.py; here is the rest of what `Transport` promises
for reads.
"""

import asyncio
import gzip
import random
import ssl
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.domain.callers import Credential
from gateway.domain.errors import SourceError, SourceProtocolError, SourceTimeout, SourceUnavailable
from gateway.resilience.attempt_timeout import AttemptTimeout
from gateway.transport import Call, Reply, Transport, TransportOptions
from gateway.transport import httpx as httpx_adapter
from gateway.transport.httpx import HttpxTransport
from gateway.transport.pyreqwest import PyreqwestTransport
from tests.raw_client import until
from tests.raw_server import (
    Behaviour,
    Cut,
    Ending,
    RawServer,
    Received,
    Stage,
    answer,
    hold,
    saying,
    send_fin,
    send_reset,
)

# The adapters that reads may go through.
ADAPTERS: dict[str, Callable[[str, TransportOptions], Transport]] = {
    "httpx": HttpxTransport,
    "pyreqwest": PyreqwestTransport,
}

TLS_FILES = Path(__file__).parents[1] / "fixtures" / "tls"
# Longer than anything here takes but what never ends.
SOON_S = 0.05
TOKEN = "t0ken"
READ = Call("read case", "GET", "/case", safe=True, query=(("accessToken", TOKEN),))
LIMIT = 100_000

Opening = Callable[..., AbstractAsyncContextManager[Transport]]
ENDINGS: dict[str, Ending] = {"a close": send_fin, "a reset": send_reset}
each_ending = pytest.mark.parametrize("end", ENDINGS.values(), ids=ENDINGS.keys())


@pytest.fixture(params=ADAPTERS.values(), ids=list(ADAPTERS))
def opening(request: pytest.FixtureRequest) -> Opening:
    """Each adapter by itself."""
    generous = {"connect_timeout_s": 10.0, "read_timeout_s": 10.0, "pool_timeout_s": 30.0}

    @asynccontextmanager
    async def opened(base_url: str, **given: Any) -> AsyncIterator[Transport]:
        wire: Transport = request.param("hub", TransportOptions(base_url, **(generous | given)))
        try:
            yield wire
        finally:
            await wire.close()

    return opened


@asynccontextmanager
async def source(
    opening: Opening, behave: Behaviour, *, tls: ssl.SSLContext | None = None, **given: Any
) -> AsyncIterator[tuple[RawServer, Transport]]:
    server = RawServer(behave)
    async with server.listen(tls), opening(server.base_url, **given) as transport:
        yield server, transport


def read(path: str, **given: Any) -> Call:
    return Call("read case", "GET", path, safe=True, **given)


async def failure(transport: Transport, call: Call = READ) -> tuple[type[SourceError], bool, str]:
    """What a failing call raises, after a look at whether any of it tells the URL or the token."""
    with pytest.raises(SourceError) as raised:
        await transport.send(call)
    error = raised.value
    for text in (str(error), repr(error), error.message, error.detail, repr(error.args)):
        assert not any(secret in text for secret in (TOKEN, "accessToken", "127.0.0.1", "http:", "https:"))
    assert error.source == "hub"
    return type(error), error.sent, error.detail


async def echo(request: Received, writer: asyncio.StreamWriter) -> None:
    """Answer with what was asked for."""
    writer.write(answer(request.target.encode()))


# -- what goes out


@pytest.mark.parametrize("base", ["", "/", "/api", "/api/"])
async def test_a_read_goes_out_as_it_is_described(opening: Opening, base: str) -> None:
    server = RawServer(saying(answer(b"[1]", X_Total_Count="7")))
    call = read("cases/a%2Fb", query=(("q", "a b&c"), ("q", "ż")), headers={"X-Api-Key": "k"})
    async with server.listen(), opening(server.base_url + base) as transport:
        reply = await transport.send(call)

    assert reply == Reply(200, {"content-length": "3", "x-total-count": "7"}, b"[1]")
    [sent] = server.received
    target = f"{base.rstrip('/')}/cases/a%2Fb?q=a+b%26c&q=%C5%BC"
    assert (sent.method, sent.target, sent.body) == ("GET", target, b"")
    assert {name: value for name, value in sent.headers.items() if name != "connection"} == {
        "host": server.base_url.removeprefix("http://"),
        "user-agent": "helpdesk-gateway",
        "accept": "application/json",
        "accept-encoding": "gzip",
        "x-api-key": "k",
    }


async def test_a_read_may_have_a_body(opening: Opening) -> None:
    async with source(opening, saying(answer())) as (server, transport):
        headers = {"content-type": "application/json", "accept": "text/plain"}
        await transport.send(Call("search", "POST", "find", safe=True, headers=headers, body=b'{"q":1}'))

    [sent] = server.received
    assert (sent.method, sent.target, sent.body) == ("POST", "/find", b'{"q":1}')
    assert (sent.headers["content-type"], sent.headers["accept"]) == ("application/json", "text/plain")


_UNTOUCHED = "/a/b;c=d,e!$&'()*+:@~-._%41%7e%2F..%2F/%20/.../..a/b../"


async def test_a_path_and_a_query_arrive_letter_by_letter(opening: Opening) -> None:
    query = (("q", "1\r\nx-admin: 1\r\n\r\n&b=#\x00'\"<>[]{}|^`\\%"), ("~*", "é"))
    async with source(opening, saying(answer())) as (server, transport):
        await transport.send(read(_UNTOUCHED, query=query))

    quoted = "1%0D%0Ax-admin%3A+1%0D%0A%0D%0A%26b%3D%23%00%27%22%3C%3E%5B%5D%7B%7D%7C%5E%60%5C%25"
    assert server.arrivals == [(1, "GET", f"{_UNTOUCHED}?q={quoted}&~%2A=%C3%A9")]


@pytest.mark.parametrize("path", ["http://evil.invalid/x", "//evil.invalid/x", "///evil.invalid/x"])
async def test_no_path_leads_elsewhere(opening: Opening, path: str) -> None:
    async with source(opening, saying(answer())) as (server, transport):
        await transport.send(read(path))

    [(_, _, target)] = server.arrivals
    assert target == "/" + path.lstrip("/")


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"x-agent": "ola\r\nx-admin: 1"}, id="a line end in a value"),
        pytest.param({"x-agent": "ola\nx-admin: 1"}, id="a bare line feed in a value"),
        pytest.param({"x-agent": "ola\rx-admin: 1"}, id="a bare carriage return in a value"),
        pytest.param({"x-agent": "ola\r\n\r\nGET /x-admin HTTP/1.1\r\n"}, id="a second request in a value"),
        pytest.param({"x-agent": "ola\n"}, id="a line feed at the end"),
        pytest.param({"x-agent": "ola\x00"}, id="a null byte in a value"),
        pytest.param({"x-agent": "\x7f"}, id="a control character in a value"),
        pytest.param({"x-agent": " ola"}, id="a blank before a value"),
        pytest.param({"x-agent": "é"}, id="a value that is Latin-1"),
        pytest.param({"x-agent": "Żółć"}, id="a value that is not even Latin-1"),
        pytest.param({"x-agent": "\udc0a"}, id="half a character in a value"),
        pytest.param({"x-agent: 1\r\nx-admin": "1"}, id="a line end in a name"),
        pytest.param({"x-agent\n": "1"}, id="a line feed after a name"),
        pytest.param({"x\x00agent": "1"}, id="a null byte in a name"),
        pytest.param({"x agent": "1"}, id="a blank in a name"),
        pytest.param({"x-agent:": "1"}, id="a colon in a name"),
        pytest.param({"x-ągent": "1"}, id="a name that is not ASCII"),
        pytest.param({"": "1"}, id="an empty name"),
    ],
)
async def test_a_header_cannot_smuggle_anything(opening: Opening, headers: dict[str, str]) -> None:
    async with source(opening, saying(answer())) as (server, transport):
        refused = (SourceProtocolError, False, "read case: headers that can't be sent")
        assert await failure(transport, read("/case", headers=headers)) == refused
        assert (await transport.send(READ)).status == 200, "others are not disturbed"
        assert (server.connections, len(server.received)) == (1, 1)


@pytest.mark.parametrize(
    "path",
    [
        *("/a\r\nx-admin: 1", "/a\n", "/a\x00", "/a\tb", "/\x7f", "/a b", "/ż", "/\udc0a"),
        *("/a?b", "/a#b", "/a\\b", "/a%", "/a%2", "/a%zz", '/"', "/<", "/{", "/[", "/|"),
        *("..", ".", "/a/../b", "/a/./b", "/a/..", "/%2e%2E/b", "/.%2e/b", "/%2e", "../../b"),
    ],
)
async def test_a_path_cannot_smuggle_anything(opening: Opening, path: str) -> None:
    async with source(opening, saying(answer())) as (server, transport):
        refused = (SourceProtocolError, False, "read case: path that can't be sent")
        assert await failure(transport, read(path)) == refused
        assert server.connections == 0


@pytest.mark.parametrize("query", [("q", "\udc0a"), ("\udc0a", "q")])
async def test_a_query_that_is_no_text_is_not_sent(opening: Opening, query: tuple[str, str]) -> None:
    async with source(opening, saying(answer())) as (server, transport):
        refused = (SourceProtocolError, False, "read case: query that can't be sent")
        assert await failure(transport, read("/a", query=(query,))) == refused
        assert server.connections == 0


async def test_an_endless_query_is_not_sent(opening: Opening) -> None:
    async with source(opening, saying(answer())) as (server, transport):
        ours, sent, _ = await failure(transport, read("/a", query=(("q", "x" * 100_000),)))
        assert (ours, sent, server.connections) == (SourceProtocolError, False, 0)


# -- what a source must not be able to do


async def test_a_redirect_is_not_followed_and_a_cookie_not_sent_back(opening: Opening) -> None:
    said = answer(status="302 Found", location="/elsewhere", set_cookie="session=abc; Path=/")
    async with source(opening, saying(said)) as (server, transport):
        replies = [await transport.send(READ) for _ in range(2)]

    assert [(reply.status, reply.headers["location"]) for reply in replies] == [(302, "/elsewhere")] * 2
    assert [(each.headers.get("cookie"), each.headers.get("referer")) for each in server.received] == [
        (None, None)
    ] * 2


async def test_the_environment_names_no_proxy_and_no_credentials(
    opening: Opening, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password mine\n")
    monkeypatch.setenv("NETRC", str(netrc))

    async with source(opening, saying(answer())) as (server, transport):
        await transport.send(READ)

    assert [each.headers.get("authorization") for each in server.received] == [None]


# -- how large an answer may be

_TOO_LARGE = (SourceProtocolError, True, f"an answer of more than {LIMIT} bytes")


@pytest.mark.parametrize("size", [0, 1, LIMIT])
async def test_an_answer_of_just_the_allowed_size_is_taken(opening: Opening, size: int) -> None:
    async with source(opening, saying(answer(b"x" * size)), max_reply_bytes=LIMIT) as (_, transport):
        assert (await transport.send(READ)).body == b"x" * size


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "packed"])
async def test_a_larger_answer_is_refused(opening: Opening, packed: bool) -> None:
    said = b"x" * (LIMIT + 1)
    whole = answer(gzip.compress(said), content_encoding="gzip") if packed else answer(said)
    async with source(opening, saying(whole), max_reply_bytes=LIMIT) as (_, transport):
        assert await failure(transport) == _TOO_LARGE


_STORED_NOTHING = b"\x00\x00\x00\xff\xff"  # A block of deflate without a byte in it.


@pytest.mark.parametrize(
    ("coding", "head", "block"),
    [
        pytest.param("identity", b"", b"x" * 0x1000, id="plain"),
        pytest.param("gzip", gzip.compress(b"")[:10], _STORED_NOTHING * 800, id="packed nothing"),
    ],
)
async def test_an_answer_without_end_is_cut(opening: Opening, coding: str, head: bytes, block: bytes) -> None:
    cut = asyncio.Event()

    async def behave(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 200 OK\r\ncontent-encoding: {coding}\r\n\r\n".encode() + head)
        try:
            while True:
                writer.write(block)
                await writer.drain()
        finally:
            cut.set()

    async with source(opening, behave, max_reply_bytes=LIMIT) as (_, transport):
        assert await failure(transport) == _TOO_LARGE
        await cut.wait()


async def test_an_answer_that_is_small_until_it_is_unpacked_never_fills_the_memory(opening: Opening) -> None:
    packer = zlib.compressobj(9, wbits=31)
    head = packer.compress(b"") + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(bytes(1_000_000)) + packer.flush(zlib.Z_FULL_FLUSH)  # 1 MB as about 1 kB.
    said = answer(head + block * 2_000, content_encoding="gzip")
    assert len(said) < 3_000_000

    async with source(opening, saying(said), max_reply_bytes=LIMIT) as (_, transport):
        tracemalloc.start()
        try:
            outcome = await failure(transport)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert outcome == _TOO_LARGE
    assert peak < 20_000_000, "not one chunk of 64 kB was unpacked whole, let alone the 2 GB"


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "x-gzip", " gzip "])
async def test_a_packed_answer_is_unpacked(opening: Opening, coding: str) -> None:
    said = answer(gzip.compress(b'{"items":[]}'), content_encoding=coding)
    async with source(opening, saying(said)) as (_, transport):
        assert (await transport.send(READ)).body == b'{"items":[]}'


_PACKED = gzip.compress(b"{}" * 1000)


@pytest.mark.parametrize(
    ("coding", "body", "why"),
    [
        ("br", b"\x0b\x00\x80{}\x03", "packed in a way that was not asked for"),
        ("zstd", b"\x28\xb5\x2f\xfd\x00X\x11\x00\x00{}", "packed in a way that was not asked for"),
        ("deflate", zlib.compress(b"{}"), "packed in a way that was not asked for"),
        ("compress", b"{}", "packed in a way that was not asked for"),
        ("gzip, gzip", gzip.compress(_PACKED), "packed more than once"),
        ("gzip,deflate", _PACKED, "packed more than once"),
        ("gzip\r\ncontent-encoding: gzip", gzip.compress(_PACKED), "packed more than once"),
        ("gzip", b"plain", "that is not packed as it says"),
        ("gzip", _PACKED[:-9], "that is not packed as it says"),
        ("gzip", _PACKED + b"x", "that is not packed as it says"),
        ("gzip", _PACKED[:-8] + bytes(8), "that is not packed as it says"),
    ],
)
async def test_an_answer_that_is_packed_otherwise_is_refused(
    opening: Opening, coding: str, body: bytes, why: str
) -> None:
    async with source(opening, saying(answer(body, content_encoding=coding))) as (_, transport):
        assert await failure(transport) == (SourceProtocolError, True, f"an answer {why}")


# -- all sorts of HTTP

_OK = b"HTTP/1.1 200 OK\r\n"
_TWO = b"content-length: 2\r\n"
_CHUNKED = _OK + b"transfer-encoding: chunked\r\n\r\n"
_OF_CHUNKS = {"transfer-encoding": "chunked"}
_OF_TWO = {"content-length": "2"}
_ANSWERS: dict[str, tuple[bytes, int, dict[str, str], bytes]] = {
    "no length": (_OK + b"\r\nhello", 200, {}, b"hello"),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\n\r\nhello", 200, {}, b"hello"),
    "HTTP/1.0 with a length": (b"HTTP/1.0 200 OK\r\n" + _TWO + b"\r\n{}", 200, _OF_TWO, b"{}"),
    "a length beside chunks": (
        _OK + b"content-length: 9\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        200,
        {"content-length": "9", **_OF_CHUNKS},
        b"{}",
    ),
    "chunks": (_CHUNKED + b"1\r\n{\r\n1;a=b\r\n}\r\n0\r\n\r\n", 200, _OF_CHUNKS, b"{}"),
    "trailers": (_CHUNKED + b"2\r\n{}\r\n0\r\nx-a: 1\r\nset-cookie: b\r\n\r\n", 200, _OF_CHUNKS, b"{}"),
    "interim answers": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nx-early: 1\r\n\r\n" + answer(),
        200,
        _OF_TWO,
        b"{}",
    ),
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", 204, {}, b""),
    "204 with a length": (b"HTTP/1.1 204 No Content\r\n" + _TWO + b"\r\n", 204, _OF_TWO, b""),
    "304": (b"HTTP/1.1 304 Not Modified\r\netag: a\r\n" + _TWO + b"\r\n", 304, {"etag": "a", **_OF_TWO}, b""),
    "a header of 100 kB": (
        _OK + _TWO + b"x: " + b"x" * 100_000 + b"\r\n\r\n{}",
        200,
        {**_OF_TWO, "x": "x" * 100_000},
        b"{}",
    ),
    "90 headers": (
        _OK + _TWO + b"".join(b"x%d: 1\r\n" % each for each in range(90)) + b"\r\n{}",
        200,
        {**_OF_TWO, **{f"x{each}": "1" for each in range(90)}},
        b"{}",
    ),
    "a header thrice": (
        _OK + _TWO + b"x: 1\r\nX: 2, 3\r\nx: 1\r\n\r\n{}",
        200,
        {**_OF_TWO, "x": "1, 2, 3, 1"},
        b"{}",
    ),
    "line feeds alone": (b"HTTP/1.1 200 OK\ncontent-length: 2\n\n{}", 200, _OF_TWO, b"{}"),
    "no reason": (b"HTTP/1.1 200\r\n" + _TWO + b"\r\n{}", 200, _OF_TWO, b"{}"),
    "a reason that is not ASCII": (b"HTTP/1.1 200 \xe9\r\n" + _TWO + b"\r\n{}", 200, _OF_TWO, b"{}"),
    "an unheard-of status": (b"HTTP/1.1 699 X\r\n" + _TWO + b"\r\n{}", 699, _OF_TWO, b"{}"),
}


@pytest.mark.parametrize("case", _ANSWERS.values(), ids=_ANSWERS.keys())
async def test_an_answer_that_http_allows(
    opening: Opening, case: tuple[bytes, int, dict[str, str], bytes]
) -> None:
    said, *expected = case
    ending = None if said.count(b"content-length") + said.count(b"chunked") or b" 204 " in said else send_fin
    async with source(opening, saying(said, then=ending)) as (_, transport):
        reply = await transport.send(READ)
    assert [reply.status, reply.headers, reply.body] == expected


@pytest.mark.parametrize("bytes_", [b"\xe9\xff", b"\xc5\xbc"], ids=["Latin-1", "UTF-8"])
async def test_a_header_that_is_not_ascii_does_not_hide_the_rest(opening: Opening, bytes_: bytes) -> None:
    """Whether that one itself can be read is the library's affair."""
    said = _OK + _TWO + b"x: " + bytes_ + b"\r\ny: 1\r\ny: 2\r\n\r\n{}"
    async with source(opening, saying(said)) as (_, transport):
        reply = await transport.send(READ)
    assert {**reply.headers, "x": ""} == {"content-length": "2", "x": "", "y": "1, 2"}
    assert (reply.status, reply.body) == (200, b"{}")


_BROKEN = {
    "HTTP/0.9": b"hello\r\n\r\n",
    "HTTP/2": b"HTTP/2 200 OK\r\n" + _TWO + b"\r\n{}",
    "HTTP/2's own form": b"\x00\x00\x12\x04\x00\x00\x00\x00\x00",
    "a status of two digits": b"HTTP/1.1 20 OK\r\n" + _TWO + b"\r\n{}",
    "a status of four digits": b"HTTP/1.1 2000 OK\r\n" + _TWO + b"\r\n{}",
    "an upgrade": b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
    "two lengths": _OK + b"content-length: 2\r\ncontent-length: 3\r\n\r\n{}x",
    "a length below zero": _OK + b"content-length: -2\r\n\r\n{}",
    "a length with a sign": _OK + b"content-length: +2\r\n\r\n{}",
    "a length in hexadecimal": _OK + b"content-length: 0x2\r\n\r\n{}",
    "an empty length": _OK + b"content-length:\r\n\r\n{}",
    "an endless length": _OK + b"content-length: 99999999999999999999999\r\n\r\n{}",
    "a length that is never reached": _OK + b"content-length: 9999999999999\r\n\r\n{}",
    "another transfer coding": _OK + b"transfer-encoding: gzip\r\n\r\n{}",
    "a coding within chunks": _OK + b"transfer-encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "chunks within chunks": _OK + b"transfer-encoding: chunked, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "a chunk's size that is none": _CHUNKED + b"zz\r\n{}\r\n0\r\n\r\n",
    "a chunk's size below zero": _CHUNKED + b"-2\r\n{}\r\n0\r\n\r\n",
    "a chunk longer than its size": _CHUNKED + b"2\r\n{}XX0\r\n\r\n",
    "a chunk that is never reached": _CHUNKED + b"fffffffffffffff\r\n{}\r\n0\r\n\r\n",
    "chunks by line feeds alone": _CHUNKED + b"2\n{}\n0\n\n",
    "a trailer that is none": _CHUNKED + b"2\r\n{}\r\n0\r\nx a 1\r\n\r\n",
    "no last chunk": _CHUNKED + b"2\r\n{}\r\n",
    "a blank before the colon": _OK + b"content-length : 2\r\n\r\n{}",
    "a header without a colon": _OK + _TWO + b"hello\r\n\r\n{}",
    "a header without a name": _OK + _TWO + b": a\r\n\r\n{}",
    "a null byte in a header": _OK + _TWO + b"x: a\x00b\r\n\r\n{}",
    "a carriage return in a header": _OK + _TWO + b"x: a\rb\r\n\r\n{}",
    "a header of 1 MB": _OK + _TWO + b"x: " + b"x" * 1_000_000 + b"\r\n\r\n{}",
}


@pytest.mark.parametrize("said", _BROKEN.values(), ids=_BROKEN.keys())
async def test_what_http_does_not_allow_is_no_answer(opening: Opening, said: bytes) -> None:
    server = RawServer(saying(said, then=send_fin))
    async with server.listen(), opening(server.base_url) as transport:
        ours, sent, _ = await failure(transport)
        assert (ours, sent) == (SourceUnavailable, True)
        server.behave = saying(answer())
        assert (await transport.send(READ)).status == 200
        assert [each.connection for each in server.received] == [1, 2]


# -- connections


async def test_reads_share_a_connection(opening: Opening) -> None:
    async with source(opening, echo) as (server, transport):
        bodies = [(await transport.send(read(f"/{each}"))).body for each in range(5)]

    assert bodies == [b"/0", b"/1", b"/2", b"/3", b"/4"]
    assert [each.connection for each in server.received] == [1] * 5


async def test_closing_ends_the_kept_connections(opening: Opening) -> None:
    async with source(opening, saying(answer())) as (server, transport):
        await transport.send(READ)
        await transport.close()
        async with asyncio.timeout(3):  # Kept ones are closed after 5 s.
            await server.settled()


@pytest.mark.parametrize(
    "said", [answer(connection="close"), b"HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n"]
)
async def test_a_connection_that_the_source_gives_up_is_not_used_again(opening: Opening, said: bytes) -> None:
    async with source(opening, saying(said)) as (server, transport):
        for _ in range(3):
            await transport.send(READ)
    assert [each.connection for each in server.received] == [1, 2, 3]


async def test_an_idle_connection_is_closed_in_time(opening: Opening) -> None:
    async with source(opening, saying(answer()), keep_alive_s=SOON_S) as (server, transport):
        for _ in range(2):
            await transport.send(READ)
            await asyncio.get_running_loop().run_in_executor(None, _pass, 2 * SOON_S)
        await transport.send(READ)
    assert server.connections > 1


def _pass(seconds: float) -> None:
    """Let real time pass: no clock of a library can be set."""
    import time

    time.sleep(seconds)


@each_ending
async def test_a_read_that_finds_its_connection_ended(opening: Opening, end: Ending) -> None:
    """It takes a new one, or fails as what may be sent again; and is never sent twice."""
    leaving = asyncio.Event()

    async def behave(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(answer())
        if request.connection == 1:
            await leaving.wait()
            await end(writer)

    async with source(opening, behave) as (server, transport):
        await transport.send(READ)
        leaving.set()
        await server.ended(1)
        [outcome] = await asyncio.gather(transport.send(READ), return_exceptions=True)
        if not isinstance(outcome, Reply):
            assert isinstance(outcome, SourceUnavailable)
            assert outcome.sent
        await transport.send(READ)
        assert [each.connection for each in server.received][-1] == 2
        assert server.begun in (2, 3)


@each_ending
async def test_a_kept_connection_that_breaks_off_as_the_read_comes(opening: Opening, end: Ending) -> None:
    server = RawServer(saying(answer()), cut=Cut(Stage.A_BYTE, end, request=2))
    async with server.listen(), opening(server.base_url) as transport:
        await transport.send(READ)
        ours, sent, _ = await failure(transport)
        assert (ours, sent) == (SourceUnavailable, True)
        assert (server.begun, len(server.received)) == (2, 1), "nobody sent it again"
        assert (await transport.send(READ)).status == 200


_EXTRA = {"noise": b"\x00\xff", "a line end": b"\r\n", "an answer": answer(b"poison")}
_FORMS: dict[str, Callable[[bytes], bytes]] = {
    "of a length": answer,
    "in chunks": lambda body: _CHUNKED + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body),
    "without a body": lambda body: b"HTTP/1.1 204 No Content\r\nx-target: " + body + b"\r\n\r\n",
}


@pytest.mark.parametrize("extra", _EXTRA.values(), ids=_EXTRA.keys())
@pytest.mark.parametrize("form", _FORMS.values(), ids=_FORMS.keys())
@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
async def test_bytes_that_come_with_an_answer_are_nobodys(
    opening: Opening, extra: bytes, form: Callable[[bytes], bytes], secure: bool, trusting: ssl.SSLContext
) -> None:
    """Also where others wait for the very connection."""

    async def behave(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(form(request.target.encode()) + extra)

    tls = trusting if secure else None
    async with source(opening, behave, tls=tls, max_connections=2) as (server, transport):
        replies = await asyncio.gather(*(transport.send(read(f"/{each}")) for each in range(20)))
        said = [reply.body.decode() or reply.headers["x-target"] for reply in replies]
        assert said == [f"/{each}" for each in range(20)]
        assert server.connections == 20


async def test_bytes_that_come_while_nothing_is_asked_are_nobodys(opening: Opening) -> None:
    """httpx notices when it would use the connection; pyreqwest at once, in its own thread."""
    writers = []

    async def behave(request: Received, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await echo(request, writer)

    async with source(opening, behave) as (server, transport):
        for number in range(1, 6):
            assert (await transport.send(read(f"/{number}"))).body == f"/{number}".encode()
            writers[-1].write(answer(b"poison"))
            await writers[-1].drain()
            if isinstance(transport, PyreqwestTransport):
                await server.ended(number)
    assert server.connections == 5


async def test_no_two_callers_meet_on_a_connection(opening: Opening) -> None:
    """What comes too late to be noticed on a kept one can only meet whose it was."""
    async with source(opening, echo) as (server, transport):
        for each in range(4):
            await transport.send(read(f"/{each}", credential=Credential(f"id {each % 2}", "secret")))
        for connection in range(1, 5):
            await server.ended(connection)
    assert [each.connection for each in server.received] == [1, 2, 3, 4]


# -- the pool


async def test_calls_take_turns_in_their_order(opening: Opening) -> None:
    going_on = asyncio.Event()

    async def behave(request: Received, writer: asyncio.StreamWriter) -> None:
        await going_on.wait()
        await echo(request, writer)

    async with source(opening, behave, max_connections=1) as (server, transport):
        sending = [asyncio.ensure_future(transport.send(read(f"/{each}"))) for each in range(20)]
        await server.until(1)
        for each in (3, 11, 19):
            sending[each].cancel()
        going_on.set()
        await asyncio.gather(*sending, return_exceptions=True)
    assert [target for _, _, target in server.arrivals] == [
        f"/{each}" for each in range(20) if each not in (3, 11, 19)
    ]
    assert server.connections == 1


async def test_no_more_calls_run_at_once_than_there_may_be_connections(opening: Opening) -> None:
    async with source(opening, hold, max_connections=3, pool_timeout_s=SOON_S) as (server, transport):
        running = [asyncio.ensure_future(transport.send(READ)) for _ in range(3)]
        await server.until(3)
        outcomes = [await failure(transport) for _ in range(3)]
        assert {each[:2] for each in outcomes} == {(SourceTimeout, False)}
        assert (server.connections, server.begun) == (3, 3)
        for each in running:
            each.cancel()
        await asyncio.gather(*running, return_exceptions=True)


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 2", _OK + _TWO, _OK + _TWO + b"\r\n", _CHUNKED + b"2\r\n{"])
async def test_a_read_that_nobody_answers(opening: Opening, said: bytes) -> None:
    async def behave(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        await hold(request, writer)

    async with source(opening, behave, max_connections=1, read_timeout_s=SOON_S) as (server, transport):
        for count in (1, 2):
            ours, sent, _ = await failure(transport)
            assert (ours, sent) == (SourceTimeout, True)
            await server.ended(count)
        server.behave = echo
        assert (await transport.send(read("/x"))).body == b"/x"


async def test_a_read_whose_answer_drips(opening: Opening) -> None:
    """No timeout of a single read ends it; the layer around the adapter does."""

    async def behave(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(_OK + b"content-length: 1000000\r\n\r\n")
        while True:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0)

    timeouts = {"read_timeout_s": 10 * SOON_S, "total_timeout_s": 2 * SOON_S}
    async with source(opening, behave, tls=None, **timeouts) as (server, transport):
        ours, sent, _ = await failure(AttemptTimeout(transport, source="hub", timeout_s=SOON_S))
        assert (ours, sent) == (SourceTimeout, True)
        await server.ended(1)


async def test_thousands_of_cancelled_calls_leave_nothing_behind(opening: Opening) -> None:
    """At random points of queue, request and answer; whoever gets an answer gets its own.

    A connection of httpx that is cut in the very moment in which it is made stays open until the transport is
    closed (0008); nobody waits for it, though.
    """
    chance = random.Random(4)  # noqa: S311 - any points will do
    places = 8

    async def behave(request: Received, writer: asyncio.StreamWriter) -> None:
        whole = answer(request.target.encode() * 50)
        for part in (whole[:30], whole[30:90], whole[90:]):
            writer.write(part)
            await writer.drain()
            for _ in range(len(request.target) % 4):
                await asyncio.sleep(0)

    async def call_and_leave(number: int) -> bool:
        target = f"/{number:x}"
        sending = asyncio.ensure_future(transport.send(read(target)))
        for _ in range(chance.randrange(60)):
            await asyncio.sleep(0)
        sending.cancel()
        try:
            assert (await sending).body == target.encode() * 50
        except asyncio.CancelledError:
            return True
        return False

    async with source(opening, behave, max_connections=places) as (server, transport):
        left = 0
        for round_ in range(75):
            numbers = range(round_ * 40, round_ * 40 + 40)
            left += sum(await asyncio.gather(*map(call_and_leave, numbers)))
            await until(lambda: server.open <= places or isinstance(transport, HttpxTransport))
        assert left > 1000
        replies = await asyncio.gather(*(transport.send(read(f"/clean/{each}")) for each in range(100)))
        assert [reply.body for reply in replies] == [f"/clean/{each}".encode() * 50 for each in range(100)]
        await transport.close()
        async with asyncio.timeout(3):
            await server.settled()


# -- TLS


@pytest.fixture
def trusting(monkeypatch: pytest.MonkeyPatch) -> Iterator[ssl.SSLContext]:
    """For a server at 127.0.0.1 whose authority is among the system's."""
    monkeypatch.setenv("SSL_CERT_FILE", str(TLS_FILES / "authority.pem"))
    httpx_adapter._trust.cache_clear()
    yield serving("vouched_for.pem")
    httpx_adapter._trust.cache_clear()


def serving(name: str) -> ssl.SSLContext:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(TLS_FILES / name)
    return tls


async def test_a_certificate_of_the_systems_authorities_is_taken(
    opening: Opening, trusting: ssl.SSLContext
) -> None:
    async with source(opening, echo, tls=trusting) as (_, transport):
        assert (await transport.send(read("/x"))).body == b"/x"


async def test_a_certificate_for_another_host_is_refused(opening: Opening, trusting: ssl.SSLContext) -> None:
    server = RawServer(echo)
    async with server.listen(trusting), opening(server.base_url.replace("127.0.0.1", "localhost")) as wire:
        ours, sent, detail = await failure(wire)
    assert (ours, sent, server.begun) == (SourceUnavailable, False, 0)
    assert ", TLS: " in detail


async def test_a_certificate_that_nobody_vouches_for_is_refused(opening: Opening) -> None:
    for name in ("self_signed.pem", "vouched_for.pem"):
        async with source(opening, echo, tls=serving(name)) as (server, transport):
            ours, sent, detail = await failure(transport)
            assert (ours, sent, server.begun) == (SourceUnavailable, False, 0)
            assert ", TLS: " in detail
