"""The whole gateway as its factory makes it, and over a real socket where ASGI can't show it."""

import asyncio
import io
import json
import re
import socket
from collections.abc import Iterator
from contextlib import redirect_stderr
from pathlib import Path

import httpx
import pytest
from starlette.routing import Mount, Route

from gateway import config
from gateway.app import create_app
from gateway.assembly import open_catalog
from gateway.commands.dev import sandbox_sources
from gateway.config import ServerSettings, Settings
from gateway.domain.errors import SourceUnavailable
from gateway.observability.logs import configure_logs
from gateway.sandbox import Sandbox
from tests.answers import errors_of
from tests.callers import NO_LOGIN
from tests.ledgers import new_ledger
from tests.processes import running

UNREACHED = {
    "support": {"kind": "netevia", "base_url": "http://127.0.0.1:9/", "token": "t", "name": "Support"},
    "spare": {"kind": "netevia", "base_url": "http://127.0.0.1:9/", "token": "t", "enabled": False},
}


def client(app: object) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost")  # type: ignore[arg-type]


async def test_every_address_is_served() -> None:
    app = create_app(Settings(server=ServerSettings(explorer=True)))
    routes = {
        each.path: getattr(each, "methods", None) for each in app.routes if isinstance(each, Route | Mount)
    }
    assert routes == {
        "/": {"GET", "HEAD"},
        "/graphql": {"GET", "HEAD", "POST"},
        "/uploads": {"POST"},
        "/healthz": {"GET", "HEAD"},
        "/readyz": {"GET", "HEAD"},
        "/explorer": None,
    }


async def test_enabled_sources_are_in_the_graph_and_no_others(tmp_path: Path) -> None:
    app = create_app(
        config.check({**NO_LOGIN, "ledger": {"url": new_ledger(tmp_path)}, "sources": UNREACHED})
    )
    async with app.router.lifespan_context(app), client(app) as http:
        answer = await http.post("/graphql", json={"query": "{ sources { key kind name } }"})
    assert answer.json() == {"data": {"sources": [{"key": "support", "kind": "netevia", "name": "Support"}]}}


async def test_the_configured_names_are_served_and_no_others() -> None:
    app = create_app(Settings(server=ServerSettings(allowed_hosts=("desk.example", "[fd00::1]"))))
    async with client(app) as http:
        statuses = [
            (await http.get("/healthz", headers={"host": host})).status_code
            for host in ("desk.example", "DESK.example:80", "[fd00::1]:8000", "localhost", "[::1]")
        ]
    assert statuses == [200, 200, 200, 421, 421]


async def test_connections_are_closed_with_the_app() -> None:
    sandbox = Sandbox()
    async with sandbox.serve() as served:
        settings = config.check({"sources": sandbox_sources(sandbox, served)})
        async with open_catalog(settings) as catalog:
            source = catalog.named("thulium", argument=None)
            await source.client.check()  # type: ignore[attr-defined]
        with pytest.raises((SourceUnavailable, RuntimeError)):
            await source.client.check()  # type: ignore[attr-defined]


async def test_concurrent_operations_share_nothing(tmp_path: Path) -> None:
    sandbox = Sandbox()
    async with sandbox.serve() as served:
        settings = {"ledger": {"url": new_ledger(tmp_path)}, "sources": sandbox_sources(sandbox, served)}
        app = create_app(config.check({**settings, **NO_LOGIN}))
        async with app.router.lifespan_context(app), client(app) as http:
            said = io.StringIO()
            with redirect_stderr(said):
                configure_logs()
            await served.stop("thulium")
            query = {"query": '{ ticket(ref: {source: "thulium", nativeId: "1234"}) { subject } }'}
            answers = await asyncio.gather(
                *(http.post("/graphql", json=query, headers={"x-request-id": f"r-{n}"}) for n in range(20))
            )
    for number, answer in enumerate(answers):
        (error,) = errors_of(answer)
        assert (error["extensions"]["requestId"], error["extensions"]["code"]) == (
            f"r-{number}",
            "SOURCE_UNAVAILABLE",
        )
    lines = [json.loads(line) for line in said.getvalue().splitlines()]
    assert sorted(each["request_id"] for each in lines) == sorted(f"r-{n}" for n in range(20))
    for each in lines:
        # For whoever runs it: which call failed and how, but not its URL.
        assert each["detail"].endswith("ConnectError, connection refused")
        assert "http" not in each["detail"]


# -- over a socket


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A gateway of its own: it is sent garbage, which it may complain of."""
    sources = json.dumps({"support": UNREACHED["support"]})
    changes = {
        "HELPDESK_GATEWAY_SOURCES": sources,
        "HELPDESK_GATEWAY_SERVER__PORT": "0",
        "HELPDESK_GATEWAY_AUTH__REQUIRED": "false",
    }
    with running("serve", until="listens", **changes) as (process, said):
        listens = re.search(r":(\d+)/", said[0])
        assert listens
        yield int(listens[1])
        process.terminate()
        assert process.stdout is not None
        complaints = process.stdout.read()
        assert process.wait(60) == 0
        assert "Traceback" not in complaints
        logged = [json.loads(line) for line in complaints.splitlines()]
        assert {(each["logger"], each["level"]) for each in logged} <= {("uvicorn.error", "warning")}


def exchange(port: int, sent: bytes, *, close: bool = False) -> bytes:
    """Send bytes and read all that comes back."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(sent)
        if close:
            return b""
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
        return received


def healthy(port: int) -> bool:
    request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    return exchange(port, request).startswith(b"HTTP/1.1 200 OK\r\n")


HEAD = b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
UPLOAD = b"POST /uploads?source=support&filename=a HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\n"


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"\r\n\r\n",
        b"garbage\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64),
        b"GET /graphql HTTP/9.9\r\n\r\n",
        b"GET /graphql\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        HEAD + b"Content-Length: x\r\n\r\n{}",
        HEAD + b"Content-Length: -1\r\n\r\n{}",
        HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nnonsense\r\n",
        HEAD + b"Bad Header\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: " + b"a" * 1_000_000,
    ],
    ids=lambda sent: repr(sent[-40:]),
)
@pytest.mark.parametrize("close", [False, True], ids=["read", "closed"])
def test_what_is_no_http_ends_its_own_connection_alone(port: int, sent: bytes, close: bool) -> None:
    answer = exchange(port, sent, close=close)
    assert not answer or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4"))
    assert b"Traceback" not in answer
    assert healthy(port)


@pytest.mark.parametrize(
    "sent",
    [
        HEAD + b'Content-Length: 100\r\n\r\n{"query": "{__type',
        HEAD + b'Transfer-Encoding: chunked\r\n\r\n5\r\n{"que',
        UPLOAD + b"Content-Length: 1000\r\n\r\nabc",
        UPLOAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ],
)
def test_a_body_that_breaks_off_ends_its_own_request_alone(port: int, sent: bytes) -> None:
    exchange(port, sent, close=True)
    assert healthy(port)


def test_a_large_body_without_a_length_is_refused_on_the_way(port: int) -> None:
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    answer = exchange(port, HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 5)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"The request's body may have 262144 bytes at most." in answer


def test_a_head_request_has_no_body(port: int) -> None:
    request = b"HEAD /graphql?query={__typename} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    head, _, body = exchange(port, request).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert body == b""


def test_a_websocket_is_not_offered(port: int) -> None:
    request = b"GET /graphql HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
    answer = exchange(port, request)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"Send a GraphQL document as `query`, or the `documentId` of a trusted one." in answer


@pytest.mark.parametrize(
    "host", [b"", b"Host: evil.example\r\n", b"Host: localhost\r\nHost: evil.example\r\n"]
)
def test_a_request_under_no_or_a_strange_name_is_refused(port: int, host: bytes) -> None:
    answer = exchange(port, b"GET /healthz HTTP/1.1\r\n" + host + b"Connection: close\r\n\r\n")
    assert re.match(rb"HTTP/1\.1 4(00|21) ", answer)


def test_the_server_does_not_tell_what_it_is(port: int) -> None:
    with httpx.Client(trust_env=False) as http:
        answer = http.get(f"http://127.0.0.1:{port}/healthz")
    assert "server" not in answer.headers
