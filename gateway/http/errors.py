"""Errors as clients see them: our codes and messages, and nothing of what is inside."""

from typing import Any

import structlog
from graphql import GraphQLError

from gateway.domain.errors import BadInput, ErrorCode, GatewayError, SourceError, WriteInDoubt

_log = structlog.get_logger("gateway.http")


def formatted(error: GraphQLError, *, request_id: str) -> dict[str, Any]:
    """An error of an executed field, or of its arguments; anything unknown is masked and logged."""
    original = error.original_error
    if isinstance(original, GatewayError):
        return _entry(original.message, error, _gateway_extensions(original, request_id))
    if original is None and error.path is None:
        return _entry(error.message, error, _extensions(ErrorCode.BAD_USER_INPUT, request_id))
    _log.error(
        "operation_failed",
        request_id=request_id,
        path=error.path,
        error=error.message,
        exc_info=original or error,
    )
    message = (
        f"Something went wrong inside the gateway. Quote the request id {request_id} when you report it."
    )
    return _entry(message, error, _extensions(ErrorCode.INTERNAL_SERVER_ERROR, request_id))


def refused(error: GraphQLError, code: ErrorCode, *, request_id: str) -> dict[str, Any]:
    """An error of the document itself: what the parser or the validation says of it."""
    return _entry(error.message, error, _extensions(code, request_id))


def problem(message: str, code: ErrorCode, *, request_id: str) -> dict[str, Any]:
    """An error of a request that has no document yet."""
    return {"message": message, "extensions": _extensions(code, request_id)}


def log_source_error(error: GatewayError, *, request_id: str) -> None:
    """A source's failure is no fault of ours: a warning, with the detail that clients don't get."""
    if isinstance(error, SourceError):
        _log.warning(
            "source_failed",
            request_id=request_id,
            source=error.source,
            code=error.code.value,
            detail=error.detail,
        )
    elif isinstance(error, WriteInDoubt):
        _log.warning(
            "write_in_doubt",
            request_id=request_id,
            source=error.source,
            code=error.code.value,
            exc_info=error,
        )


def _entry(message: str, error: GraphQLError, extensions: dict[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = {"message": message}
    if error.locations:
        entry["locations"] = [{"line": each.line, "column": each.column} for each in error.locations]
    if error.path is not None:
        entry["path"] = list(error.path)
    entry["extensions"] = extensions
    return entry


def _gateway_extensions(error: GatewayError, request_id: str) -> dict[str, Any]:
    extensions = _extensions(error.code, request_id)
    extensions["retryable"] = error.retryable
    if error.source is not None:
        extensions["source"] = error.source
    if isinstance(error, BadInput) and error.argument is not None:
        extensions["argument"] = error.argument
    return extensions


def _extensions(code: ErrorCode, request_id: str) -> dict[str, Any]:
    return {"code": code.value, "retryable": False, "requestId": request_id}
