"""How many REST calls an operation has caused, and how many it may."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from types import MappingProxyType

from gateway.domain.errors import TooManySourceCalls


@dataclass(frozen=True, slots=True)
class CallCaps:
    """At most so many reads per operation: in all, and to one source."""

    in_all: int = 150
    per_source: int = 60


class Spending:
    """Counts the calls of one operation.

    What the cache answers is no call. A read that is shared with another operation counts for each of
    them, and its retries for none: so the same operation costs the same whatever else goes on.
    """

    def __init__(self, caps: CallCaps) -> None:
        self._caps = caps
        self._by_source: dict[str, int] = {}
        self._in_all = 0

    @property
    def in_all(self) -> int:
        """How many there were."""
        return self._in_all

    @property
    def by_source(self) -> Mapping[str, int]:
        """How many there were to each source that was asked."""
        return MappingProxyType(self._by_source)

    def spend(self, source: str, *, capped: bool) -> None:
        """Count a call that is about to be made.

        Args:
            source: Whom it goes to.
            capped: Whether it may be refused. A write may not: it has been recorded by then.
        Raises:
            TooManySourceCalls: It must not be made.
        """
        spent = self._by_source.get(source, 0)
        if capped and spent >= self._caps.per_source:
            raise TooManySourceCalls(source, f"more than {self._caps.per_source} calls to {source}")
        if capped and self._in_all >= self._caps.in_all:
            raise TooManySourceCalls(source, f"more than {self._caps.in_all} calls to sources")
        self._by_source[source] = spent + 1
        self._in_all += 1


_current: ContextVar[Spending | None] = ContextVar("spending", default=None)


def current_spending() -> Spending | None:
    """That of the operation in whose context this runs; None outside of one."""
    return _current.get()


@contextmanager
def counted_by(spending: Spending) -> Iterator[None]:
    """Have what runs inside, and the tasks that it starts, counted."""
    token = _current.set(spending)
    try:
        yield
    finally:
        _current.reset(token)
