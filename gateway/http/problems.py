"""Requests that can't be served at all, before any operation runs."""

from dataclasses import dataclass, field

from gateway.domain.errors import ErrorCode


@dataclass(frozen=True)
class HttpProblem(Exception):
    """A request refused with a status; `message` may be read by strangers."""

    status: int
    message: str
    code: ErrorCode = ErrorCode.BAD_USER_INPUT
    headers: dict[str, str] = field(default_factory=dict)
