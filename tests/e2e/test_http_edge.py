"""The edge of the whole gateway: what browsers, foreign pages and slow or broken clients get of it."""

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway import config
from gateway.app import create_app
from gateway.http import explorer
from gateway.http.security_headers import ALWAYS
from tests.answers import errors_of, only_error
from tests.callers import NO_LOGIN
from tests.dev import Dev
from tests.ledgers import new_ledger
from tests.processes import running
from tests.raw_client import FIN, connected

DESK = "https://desk.example.com"
QUERY = "/graphql?query=%7B__typename%7D"
STATIC = sorted(each.name for each in (Path(explorer.__file__).parent / "static").iterdir())
WRITE: dict[str, Any] = {
    "query": "mutation($i: ReplyInput!) { reply(input: $i) { write { state } userErrors { code } } }",
    "variables": {
        "i": {"toRef": {"source": "netevia", "nativeId": "123456"}, "body": "x", "idempotencyKey": "csrf"}
    },
}


@asynccontextmanager
async def gateway(folder: Path, **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A gateway without sources."""
    app = create_app(config.check({**NO_LOGIN, "ledger": {"url": new_ledger(folder)}, **settings}))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as http,
    ):
        yield http


async def spoken(url: str, sent: bytes) -> bytes:
    """Send bytes, and read until the other side ends the connection."""
    async with connected(url) as client:
        client.send(sent)
        said, end = await client.read_all()
        assert end == FIN
        return said


def head_of(said: bytes) -> tuple[int, dict[str, str]]:
    first, *lines = said.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    return int(first.split(" ")[1]), dict(line.lower().split(": ", 1) for line in lines)


# -- headers


ASKED: list[tuple[int, str, str, dict[str, str], bytes]] = [
    (200, "GET", QUERY, {}, b""),
    (200, "POST", "/graphql", {"content-type": "application/json"}, b'{"query": "{__typename}"}'),
    (200, "GET", "/", {}, b""),
    (200, "GET", "/healthz", {}, b""),
    (200, "GET", "/readyz", {}, b""),
    (200, "GET", "/graphql", {"accept": "text/html"}, b""),
    *((200, "GET", f"/explorer/{name}", {}, b"") for name in STATIC),
    (304, "GET", f"/explorer/{STATIC[1]}", {"if-none-match": "*"}, b""),
    (404, "GET", "/graphql/", {}, b""),
    (400, "GET", "/graphql?query=%7B", {"accept": "application/graphql-response+json"}, b""),
    (403, "GET", QUERY, {"sec-fetch-site": "cross-site"}, b""),
    (404, "GET", "/nope", {}, b""),
    (404, "GET", "/explorer/nope.js", {}, b""),
    (405, "PUT", "/graphql", {}, b""),
    (405, "GET", "/graphql?query=mutation%7B__typename%7D", {}, b""),
    (405, "OPTIONS", "/graphql", {"origin": DESK, "access-control-request-method": "POST"}, b""),
    (405, "TRACE", "/graphql", {}, b""),
    (406, "GET", QUERY, {"accept": "text/csv"}, b""),
    (413, "POST", "/graphql", {"content-type": "application/json"}, bytes(300_000)),
    (415, "POST", "/graphql", {"content-type": "text/plain"}, b"x"),
    (415, "POST", "/uploads", {"content-type": "text/plain"}, b"x"),
    (421, "GET", "/", {"host": "evil.example"}, b""),
]


@pytest.mark.parametrize(("status", "method", "path", "headers", "body"), ASKED)
def test_every_answer_tells_browsers_what_to_leave_alone(
    dev: Dev, status: int, method: str, path: str, headers: dict[str, str], body: bytes
) -> None:
    answer = dev.http.request(method, f"{dev.url}{path}", headers=headers, content=body)
    assert answer.status_code == status
    # Pages and files have a policy of their own and may be kept.
    own = {"content-security-policy", "cache-control"} if status < 400 else set()
    expected = {name.decode(): value.decode() for name, value in ALWAYS}
    for name, value in expected.items():
        (given,) = answer.headers.get_list(name)
        assert given == value or name in own
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert not re.search(r"script-src (?!'self'(;|$))|unsafe-eval", policy)
    assert "server" not in answer.headers


class _Failing:
    """A middleware with a mistake in it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            raise RuntimeError("a secret")
        await self._app(scope, receive, send)


async def test_a_middleware_that_fails_tells_no_more_than_an_endpoint_would(tmp_path: Path) -> None:
    app = create_app(config.check({**NO_LOGIN, "ledger": {"url": new_ledger(tmp_path)}}))
    app.user_middleware.append(Middleware(_Failing))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        answer = await http.get("/healthz")
    (error,) = errors_of(answer, masked=True)
    assert (answer.status_code, error["extensions"]["code"]) == (500, "INTERNAL_SERVER_ERROR")
    assert "secret" not in answer.text
    assert {name.decode(): value.decode() for name, value in ALWAYS}.items() <= dict(answer.headers).items()


async def test_https_is_promised_as_configured(tmp_path: Path) -> None:
    async with gateway(tmp_path, headers={"hsts_max_age_s": 600}) as http:
        assert (await http.get("/nope")).headers["strict-transport-security"] == "max-age=600"


# -- other sites' pages


FORMS = [
    None,
    "",
    "text/plain",
    "text/plain; application/json",
    "text/plain, application/json",
    "application/json, text/plain",
    "TEXT/PLAIN;charset=utf-8",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/jsonp",
    "application/json-patch+json",
    "json",
    ";application/json",
]


@pytest.mark.parametrize("content_type", FORMS)
def test_what_a_form_can_send_writes_nothing(dev: Dev, content_type: str | None) -> None:
    headers = {} if content_type is None else {"content-type": content_type}
    answer = dev.http.post(f"{dev.url}/graphql", content=json.dumps(WRITE), headers=headers)
    assert only_error(answer)[0] == 415
    assert dev.arrivals("netevia") == []


def test_a_second_content_type_is_not_overlooked(dev: Dev) -> None:
    types = [("content-type", "application/json"), ("content-type", "text/plain")]
    answer = dev.http.post(f"{dev.url}/graphql", content=json.dumps(WRITE), headers=types)
    assert only_error(answer) == (415, "BAD_USER_INPUT", "Send one Content-Type.")
    assert dev.arrivals("netevia") == []


def test_a_link_writes_nothing(dev: Dev) -> None:
    parameters = {"query": WRITE["query"], "variables": json.dumps(WRITE["variables"])}
    for method in ("GET", "HEAD"):
        answer = dev.http.request(method, f"{dev.url}/graphql", params=parameters)
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert dev.arrivals("netevia") == []


def test_a_foreign_pages_blind_query_is_not_run(dev: Dev) -> None:
    query = {"query": "{ conversations(first: 1) { nodes { id } } }"}
    for headers in ({"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}, {"origin": DESK}):
        assert only_error(dev.http.get(f"{dev.url}/graphql", params=query, headers=headers))[0] == 403
    assert [dev.arrivals(kind) for kind in dev.sandbox_urls] == [[]] * len(dev.sandbox_urls)
    assert dev.http.get(f"{dev.url}/graphql", params=query).json()["data"]


def granted(answer: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.startswith("access-control-")}


async def test_no_page_may_read_unless_its_origin_is_configured(tmp_path: Path) -> None:
    asks = {"access-control-request-method": "POST", "access-control-request-headers": "content-type"}
    async with gateway(tmp_path) as http:
        assert granted(await http.options("/graphql", headers={"origin": DESK, **asks})) == {}
        assert granted(await http.get(QUERY, headers={"origin": "http://localhost"})) == {}


async def test_a_page_of_a_configured_origin_asks_and_reads_its_answers_and_refusals(tmp_path: Path) -> None:
    asks = {"access-control-request-method": "POST", "access-control-request-headers": "content-type"}
    foreign = {"origin": DESK, "sec-fetch-site": "cross-site"}
    async with gateway(tmp_path, cors={"origins": [DESK]}, auth={"required": True}) as http:
        before = await http.options("/graphql", headers={**foreign, **asks})
        assert (before.status_code, before.headers["access-control-allow-origin"]) == (204, DESK)
        posted = await http.post("/graphql", json={"query": "{__typename}"}, headers=foreign)
        got = await http.get(QUERY, headers=foreign)
        for answer in (posted, got):
            assert only_error(answer)[:2] == (401, "UNAUTHENTICATED")
            assert answer.headers["access-control-allow-origin"] == DESK
            assert {each.strip() for each in answer.headers["vary"].split(",")} >= {"Accept", "Origin"}
        stranger = await http.options("/graphql", headers={"origin": "https://evil.example", **asks})
        assert (stranger.status_code, granted(stranger)) == (403, {})


# -- compression


@pytest.mark.parametrize("encoding", ["zstd", "br", "gzip"])
def test_answers_and_files_are_compressed_as_clients_take_it(dev: Dev, encoding: str) -> None:
    headers = {"accept-encoding": encoding}
    query = {"query": "{ conversations(first: 20) { nodes { id subject } } }"}
    plain = dev.http.post(f"{dev.url}/graphql", json=query, headers={"accept-encoding": "identity"})
    answer = dev.http.post(f"{dev.url}/graphql", json=query, headers=headers)
    assert (answer.headers["content-encoding"], answer.json()) == (encoding, plain.json())
    assert {each.strip() for each in answer.headers["vary"].split(",")} == {"Accept", "Accept-Encoding"}
    script = next(name for name in STATIC if name.startswith("script-") and name.endswith(".js"))
    file = dev.http.get(f"{dev.url}/explorer/{script}", headers=headers)
    assert file.headers["content-encoding"] == encoding
    assert file.content == (Path(explorer.__file__).parent / "static" / script).read_bytes()


def test_a_small_answer_and_a_font_stay_as_they_are(dev: Dev) -> None:
    font = next(name for name in STATIC if name.endswith(".woff2"))
    for path in (QUERY, f"/explorer/{font}"):
        assert "content-encoding" not in dev.http.get(f"{dev.url}{path}").headers


@pytest.mark.parametrize("encoding", ["gzip", "br", "zstd", "deflate", "gzip, gzip", "unknown"])
def test_no_request_is_decompressed(dev: Dev, encoding: str) -> None:
    headers = {"content-type": "application/json", "content-encoding": encoding}
    answer = dev.http.post(f"{dev.url}/graphql", content=bytes(100), headers=headers)
    assert only_error(answer)[0] == 415


# -- odd requests, byte by byte

HOST = b"Host: localhost\r\n"
CLOSE = HOST + b"Connection: close\r\n\r\n"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /explorer/%00 HTTP/1.1\r\n" + CLOSE, 404),
        (b"GET /explorer/%2e%2e/%2e%2e/config.py HTTP/1.1\r\n" + CLOSE, 404),
        (b"GET /explorer/" + b"a" * 5000 + b" HTTP/1.1\r\n" + CLOSE, 404),
        (b"GET /explorer HTTP/1.1\r\n" + CLOSE, 404),
        (b"GET /%zz%ff%00 HTTP/1.1\r\n" + CLOSE, 404),
        (b"GET //evil.example/graphql HTTP/1.1\r\n" + CLOSE, 404),
        (b"GET http://evil.example/graphql HTTP/1.1\r\n" + CLOSE, 421),
        (b"GET http://localhost/healthz HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", 200),
        (b"OPTIONS * HTTP/1.1\r\n" + CLOSE, 400),
        (b"OPTIONS /graphql HTTP/1.1\r\n" + CLOSE, 405),
        (b"TRACE /graphql HTTP/1.1\r\n" + CLOSE, 405),
        (b"CONNECT localhost:80 HTTP/1.1\r\n" + CLOSE, 400),
        (b"CONNECT /graphql HTTP/1.1\r\n" + CLOSE, 405),
        (b"QUERY /graphql HTTP/1.1\r\n" + CLOSE, 405),
        (b"GET /graphql?query=%00 HTTP/1.1\r\n" + CLOSE, 200),
        (b"GET /graphql?query=%ff HTTP/1.1\r\n" + CLOSE, 200),
        (b"GET /graphql?query={__typename}\x00 HTTP/1.1\r\n" + CLOSE, 400),
        (b"GET /graphql?" + b"a&" * 5000 + b" HTTP/1.1\r\n" + CLOSE, 400),
        (b"GET /graphql?query=" + b"a" * 17_000 + b" HTTP/1.1\r\n" + CLOSE, 414),
        (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 101 + CLOSE, 431),
        (b"GET / HTTP/1.1\r\nCookie: " + b"a" * 33_000 + b"\r\n" + CLOSE, 431),
        (b"GET " + QUERY.encode() + b" HTTP/1.1\r\nAccept: " + b"a/b," * 7000 + b"*/*\r\n" + CLOSE, 406),
        (b"GET " + QUERY.encode() + b" HTTP/1.1\r\nAccept: \xff;q=\xfe, */*\r\n" + CLOSE, 200),
        (b"GET / HTTP/1.1\r\nX-Request-Id: a\x00b\r\n" + CLOSE, 400),
        (b"GET / HTTP/1.1\r\nRange: bytes=0-0,1-1,2-2\r\n" + CLOSE, 200),
        (b"POST /graphql HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n" + CLOSE, 415),
        (b"GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n" + CLOSE, 400),
    ],
)  # fmt: skip
async def test_an_odd_request_gets_an_answer_and_never_a_fault(dev: Dev, sent: bytes, status: int) -> None:
    said = await spoken(dev.url, sent)
    given, headers = head_of(said)
    assert given == status
    assert {name.decode() for name, _ in ALWAYS} <= headers.keys()


@pytest.mark.parametrize(
    "value", [b"a\tb", b"a;b", b"<b>", b"a b", b"\xc3\xa9", b"a%0d%0aInjected: b", b"x" * 65, b"a, b"]
)
async def test_no_text_of_a_client_gets_into_an_answers_head(dev: Dev, value: bytes) -> None:
    said = await spoken(
        dev.url, b"GET /nope HTTP/1.1\r\nX-Request-Id: " + value + b"\r\nOrigin: " + value + b"\r\n" + CLOSE
    )
    _, headers = head_of(said)
    assert re.fullmatch("[0-9a-f]{16}", headers["x-request-id"])
    assert value not in said


@pytest.mark.parametrize("path", ["/graphql", "/", "/healthz", "/explorer/manifest.json"])
def test_a_head_request_is_answered_like_a_get_without_its_body(dev: Dev, path: str) -> None:
    headers = {"accept": "text/html, */*", "accept-encoding": "identity"}
    got = dev.http.get(f"{dev.url}{path}", headers=headers)
    head = dev.http.head(f"{dev.url}{path}", headers=headers)
    assert (head.status_code, head.content) == (got.status_code, b"")
    ignored = {"date", "x-request-id"}

    def told(headers: Mapping[str, str]) -> dict[str, str]:
        return {name: value for name, value in headers.items() if name not in ignored}

    assert told(head.headers) == told(got.headers)


# -- slow clients, and many


@pytest.fixture(scope="module")
def impatient() -> Iterator[str]:
    """`serve` with little time for its clients."""
    short = {"head_timeout_s": 0.1, "body_timeout_s": 0.1, "write_timeout_s": 0.1, "max_connections": 20}
    source = {"kind": "netevia", "base_url": "http://127.0.0.1:9/", "token": "t"}
    with running(
        "serve",
        until="listens",
        HELPDESK_GATEWAY_SERVER__PORT="0",
        HELPDESK_GATEWAY_AUTH__REQUIRED="false",
        HELPDESK_GATEWAY_SOURCES=json.dumps({"support": source}),
        HELPDESK_GATEWAY_CONNECTIONS=json.dumps(short),
    ) as (process, said):
        listens = re.search(r"http://[^/]+", said[-1])
        assert listens
        yield listens[0]
        process.terminate()
        assert process.wait(30) == 0


@pytest.mark.parametrize(
    "sent",
    [
        b"POST /graphql HTTP/1.1\r\nContent-Type: application/json\r\n",
        b"POST /graphql HTTP/1.1\r\nContent-Type: application/json\r\n"
        + HOST
        + b"Content-Length: 30\r\n\r\n{",
    ],
    ids=["head", "body"],
)
async def test_a_slow_request_is_cut(impatient: str, sent: bytes) -> None:
    said = await spoken(impatient, sent)
    assert head_of(said)[0] == 408
    (error,) = json.loads(said.partition(b"\r\n\r\n")[2])["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


async def test_a_crowd_of_slow_clients_keeps_nobody_out(impatient: str) -> None:
    address = urlsplit(impatient)
    crowd = [socket.create_connection((address.hostname or "", address.port or 0)) for _ in range(60)]
    try:
        for each in crowd:
            each.sendall(b"GET / HTTP/1.1\r\n")
        async with httpx.AsyncClient(base_url=impatient, trust_env=False, timeout=10) as http:
            answers = await asyncio.gather(*(http.get("/healthz") for _ in range(5)))
        assert [each.status_code for each in answers] == [200] * 5
    finally:
        for each in crowd:
            each.close()
