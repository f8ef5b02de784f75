import contextvars
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gateway.domain.errors import SourceTimeout
from gateway.observability.logs import configure_logs
from gateway.observability.redaction import Redactor
from gateway.observability.settings import TracingSettings
from gateway.observability.tracing import Tracer, carried, carry
from gateway.resilience.traced import Place, Traced
from gateway.transport import Call
from tests.collector import Collector, collecting, told
from tests.gateway.resilience.transports import OK, READ, Source, outcome_of, status

PLACE = Place("desk", "desk.example", 8443)
TAKES = Place("desk", "desk.example", takes_context=True)
SECRET = Call(
    "get ticket",
    "GET",
    "tickets/jo%40example.org",
    safe=True,
    query=(("token", "hunter22"),),
    headers={"authorization": "Bearer hunter22"},
    body=b"hunter22",
)


@pytest.fixture(autouse=True)
def _logs() -> Iterator[None]:
    configure_logs()
    yield
    logging.getLogger("opentelemetry").setLevel(logging.NOTSET)


@asynccontextmanager
async def tracing(**settings: Any) -> AsyncIterator[tuple[Tracer, Collector]]:
    with collecting() as (collector, address):
        given = {"endpoint": address, "sample_ratio": 1.0, **settings}
        tracer = Tracer(TracingSettings.model_validate(given), Redactor())
        async with tracer.exporting():
            yield tracer, collector


async def test_a_call_has_a_span_of_its_own_without_what_it_carries() -> None:
    async with tracing() as (tracer, collector):
        with tracer.request("POST /graphql"):
            assert await Traced(Source(status(201)), PLACE).send(SECRET) == status(201)
    call, request = collector.spans()
    assert (call.name, call.parent_span_id, call.kind) == ("get ticket", request.span_id, 3)
    assert told(call) == {
        "helpdesk.source": "desk",
        "helpdesk.operation": "get ticket",
        "http.request.method": "GET",
        "http.response.status_code": 201,
        "server.address": "desk.example",
        "server.port": 8443,
    }
    for secret in (b"hunter22", b"example.org", b"tickets/"):
        assert secret not in b"".join(collector.bodies)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (status(404), "404"),
        (status(503), "503"),
        (SourceTimeout("desk", detail="hunter22"), "SOURCE_TIMEOUT"),
        (ValueError("hunter22"), "ValueError"),
    ],
)
async def test_a_call_that_fails_says_why_by_a_name(answer: Any, reason: str) -> None:
    async with tracing() as (tracer, collector):
        with tracer.request("POST /graphql"):
            assert await outcome_of(Traced(Source(answer), PLACE).send(READ)) is answer
    call = collector.spans()[0]
    assert (told(call)["error.type"], call.status.code) == (reason, 2)
    assert b"hunter22" not in b"".join(collector.bodies)


@pytest.mark.parametrize("ratio", [0.0, 1.0])
async def test_only_a_source_configured_for_it_learns_of_the_trace(ratio: float) -> None:
    stranger, taker = Source(OK), Source(OK)
    caller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    async with tracing(sample_ratio=ratio) as (tracer, collector):
        with tracer.request("POST /graphql", caller, "vendor=x"):
            await Traced(stranger, PLACE).send(SECRET)
            await Traced(taker, TAKES).send(SECRET)
    assert stranger.calls == [SECRET]
    (sent,) = taker.calls
    _, trace, parent, flags = sent.headers["traceparent"].split("-")
    assert set(sent.headers) == {"authorization", "traceparent", "tracestate"}
    assert (trace, int(flags, 16) & 1) == ("0af7651916cd43dd8448eb211c80319c", int(ratio))
    spans = [each.span_id.hex() for each in collector.spans() if each.kind == 3]
    assert spans[1:] == ([parent] if ratio else [])


@pytest.mark.parametrize("place", [PLACE, TAKES])
async def test_outside_of_a_request_a_call_passes_as_it_is(place: Place) -> None:
    source = Source(OK)
    context = contextvars.Context()
    context.run(carry, carried())
    assert await Traced(source, place).send(SECRET) is OK
    assert source.calls[0] is SECRET


async def test_closing_closes_what_is_inside() -> None:
    source = Source()
    await Traced(source, PLACE).close()
    assert source.closed == 1
