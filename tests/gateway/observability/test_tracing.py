import asyncio
import contextvars
import logging
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gateway.domain.errors import SourceTimeout
from gateway.observability.logs import configure_logs
from gateway.observability.redaction import MASK, Redactor, hide, reset
from gateway.observability.settings import Incoming, TracingSettings
from gateway.observability.tracing import NOTHING, Recorded, Tracer, carried, carry, current, joined, span
from tests.collector import Collector, collecting, told
from tests.processes import environment

TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = f"00-{TRACE}-b7ad6b7169203331"


@pytest.fixture(autouse=True)
def _logs() -> Iterator[None]:
    configure_logs()
    yield
    logging.getLogger("opentelemetry").setLevel(logging.NOTSET)


@asynccontextmanager
async def tracing(**settings: Any) -> AsyncIterator[tuple[Tracer, Collector]]:
    """A tracer whose spans have arrived once the block has ended; everything is traced unless said otherwise."""
    with collecting() as (collector, address):
        given = {"endpoint": address, "sample_ratio": 1.0, **settings}
        tracer = Tracer(TracingSettings.model_validate(given), Redactor(["known-secret"]))
        async with tracer.exporting():
            yield tracer, collector


def tree(collector: Collector) -> set[tuple[str, str | None]]:
    """Each span's name with its parent's."""
    spans = collector.spans()
    names = {each.span_id: each.name for each in spans}
    return {(each.name, names.get(each.parent_span_id)) for each in spans}


async def test_spans_stand_below_the_one_that_they_began_in() -> None:
    async def call(name: str) -> None:
        with span(name):
            await asyncio.sleep(0)

    async with tracing() as (tracer, collector):
        with tracer.request("POST /graphql"):
            with span("query"), span("batch"):
                await asyncio.gather(call("first"), call("second"))
            with span("after"):
                pass
        with tracer.request("another"):
            pass
    assert tree(collector) == {
        ("POST /graphql", None),
        ("query", "POST /graphql"),
        ("batch", "query"),
        ("first", "batch"),
        ("second", "batch"),
        ("after", "POST /graphql"),
        ("another", None),
    }
    assert len({each.trace_id for each in collector.spans()}) == 2


async def test_what_is_said_of_a_span_is_masked_and_of_known_names() -> None:
    async with tracing() as (tracer, collector):
        with tracer.request("POST /graphql token=S3") as request:
            token = hide("callers-own")
            with span(
                "batch", {"helpdesk.source": "jo@example.org", "helpdesk.batch.size": 3, "url.full": "x"}
            ) as made:
                made.set("helpdesk.operation", "known-secret callers-own " + "x" * 1000)
                made.set("graphql.document", "{ me }")
                made.fail("SOURCE_TIMEOUT")
            reset(token)
            request.set("http.response.status_code", 200)
    batch, request_span = collector.spans()
    assert request_span.name == f"POST /graphql token={MASK}"
    assert told(request_span) == {"http.response.status_code": 200}
    assert told(batch) == {
        "helpdesk.source": MASK,
        "helpdesk.batch.size": 3,
        "helpdesk.operation": f"{MASK} {MASK} {'x' * 1000}"[:256],
        "error.type": "SOURCE_TIMEOUT",
    }


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("jo@example.org"), "ValueError"),
        (SourceTimeout("desk", detail="jo@example.org"), "SOURCE_TIMEOUT"),
        (asyncio.CancelledError("jo@example.org"), "CancelledError"),
    ],
)
async def test_an_error_is_told_by_its_name_alone(error: BaseException, reason: str) -> None:
    async with tracing() as (tracer, collector):
        with pytest.raises(type(error)), tracer.request("POST /graphql"), span("batch"):
            raise error
    assert [told(each) for each in collector.spans()] == [{"error.type": reason}] * 2
    assert [(each.status.code, each.status.message, list(each.events)) for each in collector.spans()] == [
        (2, "", [])
    ] * 2
    assert b"example.org" not in b"".join(collector.bodies)


async def test_what_is_not_sampled_costs_no_span() -> None:
    async with tracing(sample_ratio=0.0) as (tracer, collector):
        with tracer.request("POST /graphql"):
            assert span("batch") is NOTHING
            with span("batch") as made:
                made.set("helpdesk.source", "desk")
                made.fail("X")
    assert collector.bodies == []


def test_outside_of_a_traced_request_there_is_nothing() -> None:
    assert span("batch") is NOTHING
    assert current() is None
    assert Tracer(TracingSettings(), Redactor()).request("x") is NOTHING


async def test_about_the_configured_share_is_traced() -> None:
    async with tracing(sample_ratio=0.5) as (tracer, _):
        kinds = []
        for _ in range(200):
            with tracer.request("POST /graphql"):
                kinds.append(isinstance(current(), Recorded))
    # Beyond 60 of 200 on either side: once in 10^8 runs.
    assert 60 < sum(kinds) < 140


@pytest.mark.parametrize(
    ("incoming", "flags", "ratio", "is_traced", "same_trace"),
    [
        (Incoming.IGNORE, "01", 0.0, False, False),
        (Incoming.IGNORE, "00", 1.0, True, False),
        (Incoming.JOIN, "01", 0.0, False, True),
        (Incoming.JOIN, "00", 1.0, True, True),
        (Incoming.FOLLOW, "01", 0.0, True, True),
        (Incoming.FOLLOW, "00", 1.0, False, True),
    ],
)
async def test_a_caller_decides_what_it_may(
    incoming: Incoming, flags: str, ratio: float, is_traced: bool, same_trace: bool
) -> None:
    async with tracing(incoming=incoming, sample_ratio=ratio) as (tracer, collector):
        with tracer.request("POST /graphql", f"{CALLER}-{flags}", "vendor=x"):
            scope = current()
            assert scope is not None
            outgoing = scope.outgoing()
    version, trace, parent, given = outgoing["traceparent"].split("-")
    assert (version, trace == TRACE, given[1] in "13") == ("00", same_trace, is_traced)
    assert (len(trace), len(parent), set(outgoing) - {"traceparent"}) == (
        32,
        16,
        {"tracestate"} if same_trace else set(),
    )
    assert [(each.trace_id.hex() == TRACE, each.parent_span_id.hex()) for each in collector.spans()] == (
        [(same_trace, "b7ad6b7169203331" if same_trace else "")] if is_traced else []
    )


@pytest.mark.parametrize(
    "header", ["", "x", f"ff{CALLER[2:]}-01", f"00-{'0' * 32}-b7ad6b7169203331-01", "9" * 9999]
)
async def test_a_malformed_header_counts_as_none(header: str) -> None:
    async with tracing(incoming="follow", sample_ratio=0.0) as (tracer, collector):
        with tracer.request("POST /graphql", header, "vendor=x"):
            scope = current()
            assert scope is not None
            assert list(scope.outgoing()) == ["traceparent"]
            assert scope.outgoing() == scope.outgoing()
    assert collector.bodies == []


async def test_a_state_that_holds_a_secret_goes_nowhere() -> None:
    async with tracing() as (tracer, collector):
        with tracer.request("POST /graphql", f"{CALLER}-01", "vendor=jo@example.org"):
            scope = current()
            assert scope is not None
            assert list(scope.outgoing()) == ["traceparent"]
    assert b"example.org" not in b"".join(collector.bodies)


async def test_a_task_without_a_context_takes_over_the_span_and_the_secrets() -> None:
    redactor, said = Redactor(), []

    async def work() -> None:
        with span("call"):
            said.append(redactor.text("callers-own"))

    async with tracing() as (tracer, collector):
        with tracer.request("POST /graphql"):
            token = hide("callers-own")
            context = contextvars.Context()
            context.run(carry, carried())
            await asyncio.get_running_loop().create_task(work(), context=context)
            reset(token)
    assert tree(collector) == {("POST /graphql", None), ("call", "POST /graphql")}
    assert said == [MASK]


async def test_who_joins_points_at_who_began() -> None:
    async with tracing() as (tracer, collector):
        with tracer.request("first"):
            begun = carried()
            assert joined(begun) is NOTHING
        with tracer.request("second"), joined(begun):
            pass
        with tracer.request("third"), joined((None, ())):
            pass
        assert joined(begun) is NOTHING
    first, joining, _, alone, _ = collector.spans()
    assert [each.span_id for each in joining.links] == [first.span_id]
    assert list(alone.links) == []
    assert {("joined", "second"), ("joined", "third")} <= tree(collector)


async def test_two_tracers_in_one_process_share_nothing() -> None:
    async with tracing(service_name="one") as (one, ones), tracing(service_name="two") as (two, twos):
        with one.request("first"), span("batch"):
            pass
        with two.request("second"), span("batch"):
            pass
    assert [each.name for each in ones.spans()] == ["batch", "first"]
    assert [each.name for each in twos.spans()] == ["batch", "second"]
    assert b"one" in ones.bodies[0]
    assert b"two" in twos.bodies[0]


async def test_after_the_end_nothing_is_traced() -> None:
    async with tracing() as (tracer, _):
        pass
    assert tracer.request("POST /graphql") is NOTHING


async def test_the_collectors_key_goes_with_each_batch_and_the_environments_proxy_is_left_aside(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9/")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9/")
    async with tracing(headers={"X-Api-Key": "k"}) as (tracer, collector):
        with tracer.request("POST /graphql"):
            pass
    (headers,) = collector.headers
    assert (headers["x-api-key"], headers["content-encoding"]) == ("k", "gzip")


async def test_a_collector_that_fails_is_told_of_once(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs()
    async with tracing() as (tracer, collector):
        collector.status = 400
        with tracer.request("POST /graphql"):
            pass
    said = capsys.readouterr().err
    assert said.count("spans_not_exported") == 1
    assert "library_log" not in said


async def test_a_dead_collector_holds_nothing_up() -> None:
    """One that takes connections and never answers: requests go on, and the end is bounded."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        settings = TracingSettings.model_validate(
            {"endpoint": f"http://127.0.0.1:{port}/", "sample_ratio": 1.0}
        )
        tracer = Tracer(settings, Redactor())
        async with asyncio.timeout(30), tracer.exporting(last_spans_s=0.2):
            for _ in range(5_000):
                with tracer.request("POST /graphql"):
                    pass
        # The thread that waits for the collector is no reason to go on.
        waiting = [
            each
            for each in threading.enumerate()
            if each.name in {"last spans", "OtelBatchSpanRecordProcessor"}
        ]
        assert all(each.daemon for each in waiting)
    for each in waiting:
        each.join(20)


def test_without_a_collector_nothing_of_opentelemetry_is_loaded() -> None:
    code = """
import asyncio, sys
from gateway.observability.observing import Observing
from gateway.observability.settings import MetricsSettings, TracingSettings
from gateway.observability.logs import configure_logs
async def main():
    async with Observing(MetricsSettings(), TracingSettings()).running():
        pass
asyncio.run(main())
print([each for each in sys.modules if each.split(".")[0] in {"opentelemetry", "prometheus_client", "requests"}])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment()
    )
    assert done.stdout == "[]\n"


def test_the_process_ends_though_the_collector_hangs() -> None:
    code = """
import asyncio, sys
from gateway.observability.redaction import Redactor
from gateway.observability.settings import TracingSettings
from gateway.observability.tracing import Tracer
tracer = Tracer(TracingSettings(endpoint=sys.argv[1], sample_ratio=1.0), Redactor())
async def main():
    async with tracer.exporting(last_spans_s=0.2):
        with tracer.request("POST /graphql"):
            pass
asyncio.run(main())
"""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        subprocess.run([sys.executable, "-c", code, address], check=True, timeout=30, env=environment())
