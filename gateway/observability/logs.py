"""Structured logs: one JSON object a line, on standard error."""

import asyncio
import logging
import sys

import structlog
from structlog.tracebacks import ExceptionDictTransformer


def configure_logs() -> None:
    """Send the gateway's events, and the libraries' warnings, to standard error.

    Libraries below warnings stay silent: httpx would log every URL, tokens in the query included.
    """
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            # Without the frames' locals: they hold credentials and customers' letters.
            structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.getLogger("uvicorn.error").addFilter(_is_no_cancellation)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")


def _is_no_cancellation(record: logging.LogRecord) -> bool:
    """A request that is cut when the gateway stops has not failed: uvicorn would log a traceback."""
    return not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError))
