"""What carries reads: every adapter keeps connections, and what is on them, apart.

What becomes of calls that break off is in test_transports.py; here is the rest of what `Transport` promises
for reads.
"""

import asyncio
import os
import random
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.domain.callers import Credential
from gateway.domain.errors import SourceProtocolError, SourceTimeout, SourceUnavailable
from gateway.resilience.attempt_timeout import AttemptTimeout
from gateway.transport import Call, Reply
from gateway.transport import httpx as httpx_adapter
from gateway.transport.httpx import HttpxTransport
from gateway.transport.pyreqwest import PyreqwestTransport
from tests.contract.reading import (
    ADAPTERS,
    READ,
    SOON_S,
    Opening,
    echo,
    failure,
    opening_with,
    read,
    source,
)
from tests.raw_client import until
from tests.raw_server import (
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

TLS_FILES = Path(__file__).parents[1] / "fixtures" / "tls"
ENDINGS: dict[str, Ending] = {"a close": send_fin, "a reset": send_reset}
each_ending = pytest.mark.parametrize("end", ENDINGS.values(), ids=ENDINGS.keys())


_OK = b"HTTP/1.1 200 OK\r\n"
_TWO = b"content-length: 2\r\n"
_CHUNKED = _OK + b"transfer-encoding: chunked\r\n\r\n"


@pytest.fixture(params=ADAPTERS.values(), ids=list(ADAPTERS))
def opening(request: pytest.FixtureRequest) -> Opening:
    """Each adapter by itself."""
    return opening_with(request.param)


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


async def test_a_connection_that_has_been_idle_too_long_is_not_used_again(opening: Opening) -> None:
    async with source(opening, saying(answer()), keep_alive_s=0.0) as (server, transport):
        for _ in range(3):
            await transport.send(READ)
    assert [each.connection for each in server.received] == [1, 2, 3]


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
    async with source(opening, echo) as (server, transport), asyncio.timeout(10):
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

    async with (
        asyncio.timeout(10),
        source(opening, behave, max_connections=1, read_timeout_s=SOON_S) as (server, transport),
    ):
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


async def test_without_authorities_of_the_system_those_of_certifi_are_left(
    opening: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", os.devnull)
    monkeypatch.setenv("SSL_CERT_DIR", os.devnull)
    async with source(opening, echo) as (_, transport):
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
