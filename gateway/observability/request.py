"""What is noted of the request that a context belongs to, from wherever it is known."""

import random
import re
from contextvars import ContextVar, Token
from dataclasses import dataclass, field
from typing import Final

from gateway.observability.tracing import Span, span

# What a caller may name a request: it is written to logs and back to the caller.
REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


def new_request_id() -> str:
    """A name for a request that its caller has not named."""
    return f"{random.getrandbits(64):016x}"


@dataclass(slots=True)
class Notes:
    """Made at the edge, filled in below, counted at the end.

    Attributes:
        operation: `query`, `mutation` or `subscription`; `none` until there is one.
        codes: Those of the answer's errors.
    """

    request_id: str
    operation: str = "none"
    codes: list[str] = field(default_factory=list)


_notes: ContextVar[Notes | None] = ContextVar("request_notes", default=None)


def enter(notes: Notes) -> "Token[Notes | None]":
    """Begin a request in this context."""
    return _notes.set(notes)


def leave(token: "Token[Notes | None]") -> None:
    """End it."""
    _notes.reset(token)


def request_id() -> str | None:
    """The request's id, inside one."""
    notes = _notes.get()
    return None if notes is None else notes.request_id


def note_error(code: str) -> None:
    """The answer carries an error with this code."""
    notes = _notes.get()
    if notes is not None:
        notes.codes.append(code)


def operation(kind: str, name: str | None = None) -> Span:
    """Around an operation: which kind it is, and its span."""
    notes = _notes.get()
    if notes is not None:
        notes.operation = kind
    named = {"graphql.operation.name": name} if name else {}
    return span(kind, {"graphql.operation.type": kind, **named})
