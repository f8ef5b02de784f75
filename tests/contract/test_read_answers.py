"""What a source may answer to a read, however large, packed or malformed: every adapter takes or refuses the same."""

import asyncio
import gzip
import tracemalloc
import zlib

import pytest

from gateway.domain.errors import SourceProtocolError, SourceUnavailable
from tests.contract.reading import (
    ADAPTERS,
    READ,
    Opening,
    failure,
    opening_with,
    source,
)
from tests.raw_server import (
    RawServer,
    Received,
    answer,
    saying,
    send_fin,
)

LIMIT = 100_000


@pytest.fixture(params=ADAPTERS.values(), ids=list(ADAPTERS))
def opening(request: pytest.FixtureRequest) -> Opening:
    """Each adapter by itself."""
    return opening_with(request.param)


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

    async with source(opening, behave, max_reply_bytes=LIMIT) as (_, transport), asyncio.timeout(10):
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
