"""All that watches one gateway, made by the composition root and handed to what is watched."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from gateway.observability.counts import RequestCounts, SourceReading, WriteCounts
from gateway.observability.redaction import Redactor
from gateway.observability.settings import MetricsSettings, TracingSettings
from gateway.observability.tracing import Tracer


class Observing:
    """Counts, spans and the redactor of one gateway.

    Attributes:
        requests, writes: What is counted as it happens.
        sources: How to read each source's counts, by its key.
        count_in_doubt: Asks the ledger how many writes are in doubt; None: that isn't shown.
    """

    def __init__(
        self, metrics: MetricsSettings, tracing: TracingSettings, *, secrets: Iterable[str] = ()
    ) -> None:
        self._metrics = metrics
        self.redactor = Redactor(secrets)
        self.tracer = Tracer(tracing, self.redactor)
        self.requests = RequestCounts()
        self.writes = WriteCounts()
        self.sources: dict[str, Callable[[], SourceReading]] = {}
        self.unknown_documents: Callable[[], Mapping[str, int]] | None = None
        self.count_in_doubt: Callable[[], Awaitable[int]] | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Export spans and serve metrics while it lasts, as far as configured.

        Raises:
            ConfigError: The metrics' port can't be had.
        """
        async with AsyncExitStack() as stack:
            if self._metrics.port is not None:
                # Their library takes 90 ms and some memory, for nothing where no one reads them.
                from gateway.observability.metrics import Metrics  # noqa: PLC0415
                from gateway.observability.metrics_server import serving_metrics  # noqa: PLC0415

                metrics = Metrics(self)
                await stack.enter_async_context(
                    serving_metrics(self._metrics.host, self._metrics.port, metrics)
                )
            await stack.enter_async_context(self.tracer.exporting())
            yield
