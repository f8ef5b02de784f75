"""Structured logs: one JSON object a line, on standard error; the libraries' warnings among them."""

import asyncio
import logging
import re
import sys
import threading
from types import TracebackType

import structlog
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import EventDict, Processor, WrappedLogger

from gateway.observability.redaction import Redactor
from gateway.observability.request import request_id
from gateway.observability.tracing import Recorded, current

# What a terminal would take for a command.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

_log = structlog.get_logger("gateway.observability")


def configure_logs(redactor: Redactor | None = None, *, readable: bool = False) -> None:
    """Send the gateway's events, and the libraries' warnings, to standard error, through the redactor.

    Libraries below warnings stay silent: httpx would log every URL. May be called again, once the
    configuration's secrets are known.

    Args:
        redactor: Masks each line; without one, by the patterns alone.
        readable: For people at a terminal, instead of JSON.
    """
    chain: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        _add_request,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        # Without the frames' locals: they hold credentials and customers' letters.
        structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
        # The last one before rendering: nothing comes in behind it.
        _masking(redactor or Redactor()),
    ]
    render = _rendered_readably if readable else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[*chain, render],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    uvicorn_log = logging.getLogger("uvicorn.error")
    if _is_no_cancellation not in uvicorn_log.filters:
        uvicorn_log.addFilter(_is_no_cancellation)
    root = logging.getLogger()
    root.setLevel(logging.WARNING)
    for earlier in [each for each in root.handlers if isinstance(each, _Libraries)]:
        root.removeHandler(earlier)
    root.addHandler(_Libraries([*chain, render]))


def log_crashes() -> None:
    """Log what nobody has caught, in place of Python's own tracebacks: those pass by the redactor."""

    def crashed(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
        if not issubclass(kind, KeyboardInterrupt):
            _log.critical("crashed", exc_info=(kind, error, trace))

    sys.excepthook = crashed
    threading.excepthook = lambda told: crashed(told.exc_type, told.exc_value, told.exc_traceback)
    logging.captureWarnings(capture=True)


class _Libraries(logging.Handler):
    """Gives what libraries log the form of the gateway's own events."""

    def __init__(self, processors: list[Processor]) -> None:
        super().__init__()
        self._processors = processors

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line: object = {
                "event": "library_log",
                "logger": record.name,
                "message": record.getMessage(),
                "exc_info": record.exc_info,
            }
            for processor in self._processors:
                line = processor(None, record.levelname.lower(), line)  # type: ignore[arg-type]
            sys.stderr.write(f"{line}\n")
            sys.stderr.flush()
        except Exception:  # noqa: BLE001 - logging's own way would print the record with its arguments
            sys.stderr.write('{"event": "library_log_lost", "level": "error"}\n')


def _masking(redactor: Redactor) -> Processor:
    def mask(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        return redactor.fields(event)

    return mask


def _add_request(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    known = request_id()
    if known is not None:
        event.setdefault("request_id", known)
    span = current()
    if isinstance(span, Recorded):
        event.update(span.ids())
    return event


def _rendered_readably(_: WrappedLogger, __: str, event: EventDict) -> str:
    """An event on one line, and its exceptions below."""
    chain = event.pop("exception", None)
    known = {name: event.pop(name, "") for name in ("timestamp", "level", "event")}
    rest = (
        f"{name}={value!r}" if isinstance(value, str) else f"{name}={value}" for name, value in event.items()
    )
    lines = [" ".join(map(str, (known["timestamp"], known["level"], known["event"], *rest)))]
    for each in chain if isinstance(chain, list) else []:
        lines.append(f"  {each.get('exc_type')}: {each.get('exc_value')}")
        lines += [
            f"    {at.get('filename')}:{at.get('lineno')} {at.get('name')}" for at in each.get("frames", [])
        ]
    return _CONTROLS.sub("?", "\n".join(lines))


def _is_no_cancellation(record: logging.LogRecord) -> bool:
    """A request that is cut when the gateway stops has not failed: uvicorn would log a traceback."""
    return not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError))
