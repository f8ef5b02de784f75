"""The metrics on a port of their own, in the gateway's own loop: one per process."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import structlog
import uvicorn
from prometheus_client import make_asgi_app

from gateway.observability.listening import listener_on
from gateway.observability.metrics import Metrics

_PATH = "/metrics"

_log = structlog.get_logger("gateway.observability")


@asynccontextmanager
async def serving_metrics(host: str, port: int, metrics: Metrics) -> AsyncIterator[None]:
    """Serve them while it lasts; port 0 takes a free one.

    Raises:
        ConfigError: The port can't be had: another process has it, for example.
    """
    listener = listener_on(host, port)
    server = _Server(
        uvicorn.Config(
            _app(metrics),
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            limit_concurrency=20,
            timeout_graceful_shutdown=1,
        )
    )
    host, port, *_ = listener.getsockname()
    _log.info("metrics_served", host=host, port=port)
    tasks = [asyncio.create_task(server.serve([listener])), asyncio.create_task(metrics.watch_loop())]
    try:
        yield
    finally:
        server.should_exit = True
        tasks[1].cancel()
        # The server closes the listener.
        await asyncio.gather(*tasks, return_exceptions=True)


def _app(metrics: Metrics) -> Any:
    exposition = make_asgi_app(metrics.registry)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] != _PATH or scope["method"] not in {"GET", "HEAD"}:
            await _answer(send, 404 if scope["path"] != _PATH else 405)
            return
        await metrics.refresh()
        try:
            await exposition(scope, receive, send)
        except (TypeError, ValueError):
            # The library reads a version from the Accept header, whatever stands there.
            await _answer(send, 400)

    return app


async def _answer(send: Any, status: int) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(b"allow", b"GET, HEAD")]})
    await send({"type": "http.response.body"})


class _Server(uvicorn.Server):
    """Leaves the signals to the gateway's own server."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
