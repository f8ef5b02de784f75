"""On whose behalf something is done, for the audit log: known wherever it is done."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from gateway.domain.access import LoginKind, Principal


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something.

    Attributes:
        principal: The principal's subject; `system` and `operator` for the two below.
        login: How it has logged in. None for those two: no principal can pass for one of them.
        credential_id: Which of its credentials it came with.
        request_id: The request that it is done in.
    """

    principal: str
    login: LoginKind | None = None
    credential_id: str | None = None
    request_id: str | None = None

    @classmethod
    def of(cls, principal: Principal, *, request_id: str | None = None) -> "Actor":
        """Somebody who has sent a request."""
        return cls(principal.subject, principal.login, principal.credential_id, request_id)


SYSTEM = Actor("system")
"""The gateway itself: its reconciler, its purges."""
OPERATOR = Actor("operator")
"""Whoever runs a command on the gateway's machine."""

_current: ContextVar[Actor] = ContextVar("actor", default=SYSTEM)


def actor() -> Actor:
    """Who acts, in whose context this runs."""
    return _current.get()


@contextmanager
def acting_as(who: Actor) -> Iterator[None]:
    """Run on somebody's behalf. Tasks that start inside, a write's too, remember it."""
    token = _current.set(who)
    try:
        yield
    finally:
        _current.reset(token)
