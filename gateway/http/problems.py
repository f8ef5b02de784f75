"""Requests that can't be served at all, before any operation runs."""

from collections.abc import Mapping

from gateway.domain.errors import ErrorCode


class HttpProblem(Exception):
    """A request refused with a status; `message` may be read by strangers."""

    def __init__(
        self,
        status: int,
        message: str,
        code: ErrorCode = ErrorCode.BAD_USER_INPUT,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.headers = headers or {}
