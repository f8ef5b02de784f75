"""The outermost middleware, around small apps that do as a test says."""

import asyncio
import io
import json
import logging
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, redirect_stderr
from typing import Any

import httpx
import pytest
import structlog
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.http.endpoint import request_id_of
from gateway.http.observed import Observed
from gateway.observability.counts import RequestCounts
from gateway.observability.logs import configure_logs
from gateway.observability.redaction import Redactor
from gateway.observability.request import note_error, operation, request_id
from gateway.observability.settings import TracingSettings
from gateway.observability.tracing import Tracer
from tests.collector import Collector, collecting, told

OFF = TracingSettings()


@pytest.fixture(autouse=True)
def _logs() -> Iterator[None]:
    configure_logs()
    yield
    logging.getLogger("opentelemetry").setLevel(logging.NOTSET)


def answering(status: int = 200, *codes: str, kind: str | None = None, text: str = "") -> ASGIApp:
    """An app that answers so, as the endpoint would."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if kind is not None:
            with operation(kind, "Mine"):
                await asyncio.sleep(0)
        for code in codes:
            note_error(code)
        await PlainTextResponse(text, status)(scope, receive, send)

    return app


class Edge:
    """A middleware, what it counts, and a client for it. Each request takes as long as `seconds` says."""

    def __init__(self, app: ASGIApp, tracer: Tracer | None = None, **options: Any) -> None:
        self.counts = RequestCounts()
        self.moments = iter(range(1000))
        self.app = Observed(
            app,
            tracer=tracer or Tracer(OFF, Redactor()),
            counts=self.counts,
            now=lambda: next(self.moments) * 0.5,
            **options,
        )

    async def ask(self, method: str = "POST", path: str = "/graphql", **headers: str) -> httpx.Response:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
            return await http.request(method, path, headers=named)

    def counted(self) -> dict[tuple[str, str], tuple[int, float]]:
        return {key: (sum(each.counts), each.sum_s) for key, each in self.counts.durations().items()}


@asynccontextmanager
async def traced(**settings: Any) -> AsyncIterator[tuple[Tracer, Collector]]:
    with collecting() as (collector, address):
        given = {"endpoint": address, "sample_ratio": 1.0, **settings}
        tracer = Tracer(TracingSettings.model_validate(given), Redactor())
        async with tracer.exporting():
            yield tracer, collector


@pytest.mark.parametrize(
    ("app", "counted"),
    [
        (answering(kind="query"), ("query", "ok")),
        (answering(kind="mutation"), ("mutation", "ok")),
        (answering(200, "SOURCE_TIMEOUT", kind="query"), ("query", "errors")),
        (answering(200, "GRAPHQL_PARSE_FAILED"), ("none", "errors")),
        (answering(400, "BAD_USER_INPUT"), ("none", "refused")),
        (answering(500, "INTERNAL_SERVER_ERROR", kind="query"), ("query", "failed")),
    ],
)
async def test_a_request_is_counted_by_what_it_was_and_how_it_ended(
    app: ASGIApp, counted: tuple[str, str]
) -> None:
    edge = Edge(app)
    await edge.ask()
    assert edge.counted() == {counted: (1, 0.5)}
    assert edge.counts.under_way == 0


async def test_errors_are_counted_by_code() -> None:
    edge = Edge(answering(200, "SOURCE_TIMEOUT", "SOURCE_TIMEOUT", "BAD_USER_INPUT"))
    await edge.ask()
    await edge.ask()
    assert edge.counts.errors() == {"SOURCE_TIMEOUT": 4, "BAD_USER_INPUT": 2}


async def test_an_upload_is_one_of_its_own_and_other_paths_are_not_counted() -> None:
    edge = Edge(answering(201))
    await edge.ask(path="/uploads")
    await edge.ask("GET", "/healthz")
    await edge.ask("GET", "/of/a/client")
    assert edge.counted() == {("upload", "ok"): (1, 0.5)}


async def test_a_request_that_is_cut_is_counted_as_that() -> None:
    arrived = asyncio.Event()

    async def never(scope: Scope, receive: Receive, send: Send) -> None:
        arrived.set()
        await asyncio.get_running_loop().create_future()

    edge = Edge(never)
    asking = asyncio.create_task(edge.ask())
    await arrived.wait()
    assert edge.counts.under_way == 1
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    assert edge.counted() == {("none", "cut"): (1, 0.5)}
    assert edge.counts.under_way == 0


async def test_what_is_no_http_passes() -> None:
    seen: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope)

    async def nothing(*_: object) -> Any:
        return {}

    await Edge(app).app({"type": "lifespan"}, nothing, nothing)
    assert seen == [{"type": "lifespan"}]


@pytest.mark.parametrize(
    ("given", "kept"), [("r-1", True), ("r 1", False), ("", False), ("x" * 65, False), (None, False)]
)
async def test_inside_and_outside_a_request_has_the_same_id(given: str | None, kept: bool) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        ids = [
            str(request_id()),
            request_id_of(Request(scope)),
            *Request(scope).headers.getlist("x-request-id"),
        ]
        await PlainTextResponse(" ".join(ids))(scope, receive, send)

    answer = await Edge(app).ask(**({} if given is None else {"x_request_id": given}))
    first, second, third = answer.text.split(" ")
    assert first == second == third
    assert (first == given) is kept
    assert re.fullmatch("[0-9a-f]{16}|r-1", first)
    assert request_id() is None


async def test_a_callers_credentials_are_hidden_while_its_request_runs() -> None:
    said = io.StringIO()
    with redirect_stderr(said):
        configure_logs()
    log = structlog.get_logger()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        log.info("inside", detail="plain-bearer plain-cookie plain-own plain-other")
        await PlainTextResponse("")(scope, receive, send)

    await Edge(app, credential_headers=["X-Desk-Token"]).ask(
        authorization="Bearer plain-bearer",
        cookie="plain-cookie",
        x_desk_token="plain-own",
        x_other="plain-other",
    )
    log.info("outside", detail="plain-bearer")
    inside, outside = map(json.loads, said.getvalue().splitlines())
    assert inside["detail"] == "[redacted] [redacted] [redacted] plain-other"
    assert re.fullmatch("[0-9a-f]{16}", inside["request_id"])
    assert (outside["detail"], "request_id" in outside) == ("plain-bearer", False)


async def test_the_requests_span_says_what_it_was() -> None:
    async with traced(incoming="follow") as (tracer, collector):
        await Edge(answering(200, kind="query", text="x"), tracer).ask(
            x_request_id="r-1", traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        )
    inner, request = collector.spans()
    assert (request.name, request.kind, request.parent_span_id.hex()) == (
        "POST /graphql",
        2,
        "b7ad6b7169203331",
    )
    assert told(request) == {
        "helpdesk.request.id": "r-1",
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "http.route": "/graphql",
    }
    assert (inner.name, told(inner)) == (
        "query",
        {"graphql.operation.name": "Mine", "graphql.operation.type": "query"},
    )


async def test_an_answer_of_ours_that_failed_marks_the_span() -> None:
    async with traced() as (tracer, collector):
        await Edge(answering(500), tracer).ask("BREW")
    (request,) = collector.spans()
    assert (request.name, told(request)["error.type"]) == ("_OTHER /graphql", "500")


async def test_an_orchestrators_question_is_not_traced() -> None:
    async with traced() as (tracer, collector):
        await Edge(answering(), tracer).ask("GET", "/healthz")
    assert collector.bodies == []
