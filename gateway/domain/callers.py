"""Credentials that callers bring along for sources of their own access.

A source is asked either with the one service account of the configuration, or with what each caller
forwards for it (`credentials = "forward"`). The latter is known only while that caller's request runs.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import MappingProxyType

_NONE: Mapping[str, "Credential"] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Credential:
    """One caller's credential for one source.

    Attributes:
        id: Stands for it wherever answers are shared or writes are recorded: the same for the same secret,
            and no way back to it.
        secret: What the source is sent.
    """

    id: str
    secret: str = field(repr=False)


_current: ContextVar[Mapping[str, Credential]] = ContextVar("forwarded credentials", default=_NONE)


def forwarded(source: str) -> Credential | None:
    """What the caller, in whose context this runs, has forwarded for a source."""
    return _current.get().get(source)


@contextmanager
def calling_with(credentials: Mapping[str, Credential]) -> Iterator[None]:
    """Run on behalf of a caller who has forwarded these, by source.

    Tasks that start inside, a write's too, keep them.
    """
    token = _current.set(credentials)
    try:
        yield
    finally:
        _current.reset(token)
