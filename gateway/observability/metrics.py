"""The metrics as Prometheus reads them: made from plain counts when it asks."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import accumulate
from typing import Protocol

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from gateway import __version__
from gateway.observability.counts import Durations, RequestCounts, SourceReading, WriteCounts

_LOOP_LOOK_EVERY_S = 0.5
_LEDGER_TIMEOUT_S = 1.0


class Counted(Protocol):
    """What there is to show: see `Observing`."""

    requests: RequestCounts
    writes: WriteCounts
    sources: dict[str, Callable[[], SourceReading]]
    count_in_doubt: Callable[[], Awaitable[int]] | None
    unknown_documents: Callable[[], Mapping[str, int]] | None


class Metrics(Collector):
    """What one gateway counts. Its registry is its own: two in a process don't mix."""

    def __init__(self, counted: Counted) -> None:
        self._counted = counted
        self._in_doubt: int | None = None
        self._loop_lag_s = 0.0
        self.registry = CollectorRegistry()
        self.registry.register(self)
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)

    async def refresh(self) -> None:
        """Ask what has to be asked before a scrape. A ledger that is away leaves its number out."""
        self._in_doubt = None
        count = self._counted.count_in_doubt
        if count is not None:
            with suppress(Exception):
                async with asyncio.timeout(_LEDGER_TIMEOUT_S):
                    self._in_doubt = await count()

    async def watch_loop(self) -> None:
        """Look for ever how late the event loop comes: what blocks it delays every request."""
        while True:
            due_s = time.monotonic() + _LOOP_LOOK_EVERY_S
            await asyncio.sleep(_LOOP_LOOK_EVERY_S)
            self._loop_lag_s = max(self._loop_lag_s, time.monotonic() - due_s)

    def collect(self) -> Iterator[Metric]:
        """All families; called at each scrape."""
        yield InfoMetricFamily("helpdesk_gateway_build", "The gateway's version.", {"version": __version__})
        lag_s, self._loop_lag_s = self._loop_lag_s, 0.0
        yield GaugeMetricFamily(
            "helpdesk_gateway_event_loop_lag_seconds", "The longest delay since the last scrape.", lag_s
        )
        yield from self._of_requests()
        yield from self._of_writes()
        yield from self._of_sources({key: read() for key, read in self._counted.sources.items()})

    def _of_requests(self) -> Iterator[Metric]:
        yield _histogram(
            "helpdesk_gateway_request_duration_seconds",
            "Requests to /graphql and /uploads.",
            ("operation", "outcome"),
            self._counted.requests.durations().items(),
        )
        yield GaugeMetricFamily(
            "helpdesk_gateway_requests_under_way",
            "Requests at this moment.",
            self._counted.requests.under_way,
        )
        errors = CounterMetricFamily(
            "helpdesk_gateway_errors", "Errors in answers, by their code.", labels=("code",)
        )
        for code, count in self._counted.requests.errors().items():
            errors.add_metric((code,), count)
        yield errors
        if self._counted.unknown_documents is not None:
            unknown = CounterMetricFamily(
                "helpdesk_gateway_unknown_documents",
                "Requests with a document that isn't a trusted one, where they are observed.",
                labels=("client",),
            )
            for client, count in self._counted.unknown_documents().items():
                unknown.add_metric((client,), count)
            yield unknown

    def _of_writes(self) -> Iterator[Metric]:
        writes = CounterMetricFamily(
            "helpdesk_gateway_writes", "Writes that came to a state.", labels=("source", "state")
        )
        for key, count in self._counted.writes.counts().items():
            writes.add_metric(key, count)
        yield writes
        if self._in_doubt is not None:
            yield GaugeMetricFamily(
                "helpdesk_gateway_writes_in_doubt", "Writes in doubt, in the whole ledger.", self._in_doubt
            )

    def _of_sources(self, readings: dict[str, SourceReading]) -> Iterator[Metric]:
        prefix = "helpdesk_gateway_source"
        calls = CounterMetricFamily(f"{prefix}_calls", "Attempts that ended.", labels=("source",))
        errors = CounterMetricFamily(
            f"{prefix}_errors", "Attempts that failed, by a class or a status.", labels=("source", "error")
        )
        events = CounterMetricFamily(
            f"{prefix}_events", "What became of calls besides.", labels=("source", "event")
        )
        circuit = GaugeMetricFamily(
            f"{prefix}_circuit", "1 for the state that the circuit is in.", labels=("source", "state")
        )
        now = GaugeMetricFamily(
            f"{prefix}_calls_under_way", "Calls at this moment.", labels=("source", "state")
        )
        for key, reading in readings.items():
            calls.add_metric((key,), reading.calls)
            for error, count in reading.errors.items():
                errors.add_metric((key, error), count)
            for event, count in reading.events.items():
                events.add_metric((key, event), count)
            for state in reading.circuit_states:
                circuit.add_metric((key, state), state == reading.circuit)
            for state, number in (("running", reading.running), ("waiting", reading.waiting)):
                if number is not None:
                    now.add_metric((key, state), number)
        yield from (calls, errors, events, circuit, now)
        yield _histogram(
            f"{prefix}_call_duration_seconds",
            "How long attempts took.",
            ("source",),
            (((key,), reading.durations) for key, reading in readings.items()),
        )


def _histogram(
    name: str, text: str, labels: tuple[str, ...], by_labels: Iterable[tuple[tuple[str, ...], Durations]]
) -> Metric:
    family = HistogramMetricFamily(name, text, labels=labels)
    for values, durations in by_labels:
        *bounded, every = accumulate(durations.counts)
        buckets = [(repr(float(s)), n) for s, n in zip(durations.bounds_s, bounded, strict=True)]
        family.add_metric(values, [*buckets, ("+Inf", every)], durations.sum_s)
    return family
