"""Spans: `with span("batch", {...}):` records one if the request is traced, and costs next to nothing if not.

Nothing of OpenTelemetry is imported here: it takes memory and time at start, so it comes only with a
collector (`otlp.py`). There is no global provider either; two gateways in one process share nothing.
"""

import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar, Token
from types import TracebackType
from typing import TYPE_CHECKING, Final, Protocol, Self, TypeAlias

from gateway.domain.errors import GatewayError
from gateway.observability.redaction import Redactor, hidden, hide_only
from gateway.observability.settings import Incoming, TracingSettings

if TYPE_CHECKING:
    from gateway.observability.otlp import Exporting

Attribute: TypeAlias = str | int | float | bool
Attributes: TypeAlias = Mapping[str, Attribute]

# What a span may say. OpenTelemetry's names where there are some; docs/observability.md explains each.
ATTRIBUTES: Final = frozenset(
    {
        "error.type",
        "graphql.operation.name",
        "graphql.operation.type",
        "helpdesk.batch.field",
        "helpdesk.batch.size",
        "helpdesk.operation",
        "helpdesk.request.id",
        "helpdesk.source",
        "http.request.method",
        "http.response.status_code",
        "http.route",
        "server.address",
        "server.port",
    }
)


class Open(Protocol):
    """A span of OpenTelemetry, as far as it is used here."""

    def set_attribute(self, key: str, value: Attribute) -> None:
        """Say something of it."""

    def end(self) -> None:
        """Hand it to the exporter."""


class Span(Protocol):
    """What a block is given."""

    def __enter__(self) -> Self:
        """Make it the parent of what begins inside."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it; an error that comes out is noted by its name."""

    def set(self, name: str, value: Attribute) -> None:
        """Say something of it. Names that aren't among `ATTRIBUTES` are left out."""

    def fail(self, reason: str) -> None:
        """Mark it as failed where no error comes out: a code, a status or the name of a class."""


class _Nothing:
    """What a block is given where nothing is recorded: always the same."""

    __slots__ = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def set(self, name: str, value: Attribute) -> None:
        pass

    def fail(self, reason: str) -> None:
        pass


NOTHING: Final[Span] = _Nothing()


class Recorded:
    """A span that will be exported."""

    __slots__ = ("_exporting", "_token", "open")

    def __init__(self, exporting: "Exporting", opened: Open) -> None:
        self._exporting = exporting
        self._token: Token[Scope | None] | None = None
        self.open = opened

    def __enter__(self) -> Self:
        """Make it the parent of what begins inside."""
        self._token = _current.set(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it. Of an error its name is noted: its text may be anything."""
        if self._token is not None:
            _current.reset(self._token)
        if error is not None:
            self.fail(error.code if isinstance(error, GatewayError) else type(error).__name__)
        self.open.end()

    def set(self, name: str, value: Attribute) -> None:
        """See `Span.set`."""
        self._exporting.describe(self.open, {name: value})

    def fail(self, reason: str) -> None:
        """See `Span.fail`."""
        self._exporting.fail(self.open, reason)

    def child(
        self, name: str, attributes: Attributes, *, client: bool, link: "Recorded | None"
    ) -> "Recorded":
        """A span below it."""
        opened = self._exporting.open(
            name, attributes, parent=self.open, client=client, link=link.open if link else None
        )
        return Recorded(self._exporting, opened)

    def outgoing(self) -> Mapping[str, str]:
        """The headers that name it as the parent of another system's spans."""
        return self._exporting.outgoing(self.open)

    def ids(self) -> Mapping[str, str]:
        """For log lines."""
        return self._exporting.ids(self.open)


class Unrecorded:
    """A request that isn't traced, though what it calls shall know which trace it belongs to."""

    __slots__ = ("_headers", "_token")

    def __init__(self, headers: Mapping[str, str] | None) -> None:
        self._headers = headers
        self._token: Token[Scope | None] | None = None

    def __enter__(self) -> Self:
        """Make it what calls inside belong to."""
        self._token = _current.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is recorded."""
        if self._token is not None:
            _current.reset(self._token)

    def set(self, name: str, value: Attribute) -> None:
        """Nothing is recorded."""

    def fail(self, reason: str) -> None:
        """Nothing is recorded."""

    def outgoing(self) -> Mapping[str, str]:
        """That nothing is recorded here, and of which trace: that of the caller, or one of its own."""
        if self._headers is None:
            ids = f"{random.getrandbits(128) | 1:032x}-{random.getrandbits(64) | 1:016x}"
            self._headers = {"traceparent": f"00-{ids}-00"}
        return self._headers


Scope: TypeAlias = Recorded | Unrecorded
_current: ContextVar[Scope | None] = ContextVar("span", default=None)
_NO_ATTRIBUTES: Final[Attributes] = {}


def span(name: str, attributes: Attributes = _NO_ATTRIBUTES, *, client: bool = False) -> Span:
    """A span below the current one, around a block.

    Args:
        name: Constant, or of a small set.
        attributes: What to say of it, by the names among `ATTRIBUTES`.
        client: It is a call to another system.
    """
    current = _current.get()
    if isinstance(current, Recorded):
        return current.child(name, attributes, client=client, link=None)
    return NOTHING


def current() -> Scope | None:
    """What the request's calls belong to, if anything."""
    return _current.get()


Carried: TypeAlias = tuple[Scope | None, tuple[str, ...]]


def carried() -> Carried:
    """What a task with a context of its own needs from this one: its span, and what it hides."""
    return _current.get(), hidden()


def carry(given: Carried) -> None:
    """Take it over, in the new context."""
    _current.set(given[0])
    hide_only(given[1])


def joined(others: Carried) -> Span:
    """Around the wait for what somebody else has begun: a span that points at the one who did."""
    here, there = _current.get(), others[0]
    if not isinstance(here, Recorded) or here is there:
        return NOTHING
    return here.child(
        "joined", _NO_ATTRIBUTES, client=False, link=there if isinstance(there, Recorded) else None
    )


class Tracer:
    """Decides which requests are traced. Off before `exporting`, and where no collector is named."""

    def __init__(self, settings: TracingSettings, redactor: Redactor) -> None:
        self._settings = settings
        self._redactor = redactor
        self._exporting: Exporting | None = None

    @asynccontextmanager
    async def exporting(self, *, last_spans_s: float = 3.0) -> AsyncIterator[None]:
        """Export spans while it lasts; at the end what is left goes out, if it can within `last_spans_s`."""
        if self._settings.endpoint is None:
            yield
            return
        from gateway.observability.otlp import Exporting  # noqa: PLC0415 - see the module's docstring

        self._exporting = exporting = Exporting(self._settings, self._redactor)
        try:
            yield
        finally:
            self._exporting = None
            await exporting.close(timeout_s=last_spans_s)

    def request(self, name: str, traceparent: str | None = None, tracestate: str | None = None) -> Span:
        """Around a request. The headers are the caller's, as they came."""
        exporting = self._exporting
        if exporting is None:
            return NOTHING
        settings, caller = self._settings, None
        if traceparent is not None and settings.incoming is not Incoming.IGNORE:
            caller = exporting.caller(traceparent, tracestate)
        if caller is not None and settings.incoming is Incoming.FOLLOW:
            is_traced = caller.sampled
        else:
            is_traced = random.random() < settings.sample_ratio  # noqa: S311 - a sample, not a secret
        if not is_traced:
            return Unrecorded(caller.unrecorded if caller else None)
        opened = exporting.open(name, _NO_ATTRIBUTES, parent=caller.span if caller else None, server=True)
        return Recorded(exporting, opened)
