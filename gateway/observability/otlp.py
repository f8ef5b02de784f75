"""OpenTelemetry's SDK: spans out to a collector, by OTLP over HTTP.

A queue of a fixed size and a thread lie between a request and the collector: one that is slow or away
costs spans, never a request.
"""

import asyncio
import logging
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

import requests
import structlog
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import (
    Link,
    Span,
    SpanKind,
    Status,
    StatusCode,
    format_span_id,
    format_trace_id,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from gateway import __version__
from gateway.observability.redaction import Redactor
from gateway.observability.settings import TracingSettings
from gateway.observability.tracing import ATTRIBUTES, Attribute, Attributes, Open

_QUEUE = 2048
_BATCH = 256
_EVERY_MS = 2000.0
_EXPORT_TIMEOUT_S = 5.0
_MAX_ATTRIBUTE_CHARS = 256

_log = structlog.get_logger("gateway.observability")


@dataclass(frozen=True, slots=True)
class Caller:
    """What a caller's headers say."""

    span: Open
    sampled: bool
    unrecorded: Mapping[str, str]


class Exporting:
    """An open way to the collector."""

    def __init__(self, settings: TracingSettings, redactor: Redactor) -> None:
        # It tells of each batch that fails, and of each attempt; `_Told` says once what there is to say.
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        # Nothing from the environment: no proxy, and no credentials of a .netrc.
        session = requests.Session()
        session.trust_env = False
        self._exporter = _Told(
            OTLPSpanExporter(
                endpoint=str(settings.endpoint),
                headers={name: value.get_secret_value() for name, value in settings.headers.items()},
                timeout=_EXPORT_TIMEOUT_S,
                compression=Compression.Gzip,
                session=session,
            )
        )
        self._provider = TracerProvider(
            # Whether a request is traced has been decided before it gets here.
            sampler=ALWAYS_ON,
            resource=Resource({"service.name": settings.service_name, "service.version": __version__}),
            shutdown_on_exit=False,
            span_limits=SpanLimits(max_attribute_length=_MAX_ATTRIBUTE_CHARS),
        )
        self._provider.add_span_processor(
            BatchSpanProcessor(
                self._exporter,
                max_queue_size=_QUEUE,
                max_export_batch_size=_BATCH,
                schedule_delay_millis=_EVERY_MS,
            )
        )
        self._tracer = self._provider.get_tracer("gateway")
        self._redactor = redactor
        self._headers = TraceContextTextMapPropagator()

    def open(
        self,
        name: str,
        attributes: Attributes,
        *,
        parent: Open | None,
        server: bool = False,
        client: bool = False,
        link: Open | None = None,
    ) -> Open:
        """Begin a span."""
        context = Context() if parent is None else set_span_in_context(cast("Span", parent), Context())
        kind = SpanKind.SERVER if server else SpanKind.CLIENT if client else SpanKind.INTERNAL
        links = [Link(cast("Span", link).get_span_context())] if link is not None else []
        opened = self._tracer.start_span(self._redactor.text(name), context, kind, links=links)
        self.describe(opened, attributes)
        return opened

    def describe(self, opened: Open, attributes: Attributes) -> None:
        """Say what is masked and known by name."""
        for name, value in attributes.items():
            if name in ATTRIBUTES:
                opened.set_attribute(name, self._masked(value))

    def fail(self, opened: Open, reason: str) -> None:
        """Mark it as failed, for a reason of a small set: a code or the name of a class."""
        opened.set_attribute("error.type", self._masked(str(reason)))
        cast("Span", opened).set_status(Status(StatusCode.ERROR))

    def outgoing(self, opened: Open) -> Mapping[str, str]:
        """W3C's headers, and no baggage."""
        return self._headers_of(cast("Span", opened))

    def ids(self, opened: Open) -> Mapping[str, str]:
        """By the names that collectors look for in logs."""
        context = cast("Span", opened).get_span_context()
        return {"trace_id": format_trace_id(context.trace_id), "span_id": format_span_id(context.span_id)}

    def caller(self, traceparent: str, tracestate: str | None) -> Caller | None:
        """The caller's span; None where the header is malformed."""
        carrier = {"traceparent": traceparent}
        # It is copied to the collector and to sources, whatever it holds.
        if tracestate is not None and self._redactor.text(tracestate) == tracestate:
            carrier["tracestate"] = tracestate
        span = get_current_span(self._headers.extract(carrier, Context()))
        context = span.get_span_context()
        if not context.is_valid:
            return None
        headers = self._headers_of(span)
        headers["traceparent"] = headers["traceparent"][:-2] + "00"
        return Caller(span, context.trace_flags.sampled, headers)

    async def close(self, *, timeout_s: float) -> None:
        """Send what is left; after a while give it up."""
        loop = asyncio.get_running_loop()
        sent = loop.create_future()

        def told() -> None:
            if not sent.done():
                sent.set_result(None)

        def shut_down() -> None:
            self._provider.shutdown()
            # The loop may have gone: nobody waits then.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(told)

        # A daemon: a collector that hangs can't keep the process either.
        threading.Thread(target=shut_down, daemon=True, name="last spans").start()
        try:
            async with asyncio.timeout(timeout_s):
                await sent
        except TimeoutError:
            self._exporter.shutdown()

    def _headers_of(self, span: Span) -> dict[str, str]:
        headers: dict[str, str] = {}
        self._headers.inject(headers, set_span_in_context(span, Context()))
        return headers

    def _masked(self, value: Attribute) -> Any:
        return self._redactor.text(value) if isinstance(value, str) else value


class _Told(SpanExporter):
    """Says in the log when spans don't get through, and when they do again."""

    def __init__(self, inner: SpanExporter) -> None:
        self._inner = inner
        self._fails = False
        self._is_closed = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._inner.export(spans)
        fails = result is not SpanExportResult.SUCCESS
        if fails and not self._fails:
            _log.warning("spans_not_exported", count=len(spans))
        elif self._fails and not fails:
            _log.info("spans_exported_again")
        self._fails = fails
        return result

    def shutdown(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            self._inner.shutdown()
