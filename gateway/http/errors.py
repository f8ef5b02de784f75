"""Errors as clients see them: our codes and messages, and nothing of what is inside."""

from collections.abc import Sequence
from typing import Any

import structlog
from graphql import ArgumentNode, DirectiveNode, GraphQLError, SourceLocation, ValueNode, get_location

from gateway.domain.errors import (
    BadInput,
    ErrorCode,
    GatewayError,
    RequestError,
    SourceError,
    SourceFault,
)
from gateway.domain.ledger import LedgerUnavailable
from gateway.observability.redaction import answerable
from gateway.observability.request import note_error
from gateway.security.exceeding import DocumentTooLarge

_log = structlog.get_logger("gateway.http")


def formatted(error: GraphQLError, *, request_id: str) -> dict[str, Any]:
    """An error of an executed field, or of its arguments; anything unknown is masked and logged."""
    original = error.original_error
    if isinstance(original, GatewayError):
        return _entry(original.message, error, _gateway_extensions(original, request_id))
    if _is_about_input(error):
        return _entry(answerable(error.message), error, _extensions(ErrorCode.BAD_USER_INPUT, request_id))
    masked = internal(original or error, request_id=request_id, path=error.path)
    return _entry(masked["message"], error, masked["extensions"])


def internal(error: Exception, *, request_id: str, path: Sequence[str | int] | None = None) -> dict[str, Any]:
    """A fault of ours: all of it to the log, and to the client where to look for it."""
    _log.error("operation_failed", request_id=request_id, path=path, exc_info=error)
    message = (
        f"Something went wrong inside the gateway. Quote the request id {request_id} when you report it."
    )
    return problem(message, ErrorCode.INTERNAL_SERVER_ERROR, request_id=request_id)


def failure(error: GatewayError, *, request_id: str) -> dict[str, Any]:
    """An expected error outside of an operation."""
    return {"message": error.message, "extensions": _gateway_extensions(error, request_id)}


def limited(error: RequestError, *, request_id: str) -> dict[str, Any]:
    """A document that isn't run, or an operation that is larger than they may be."""
    entry = failure(error, request_id=request_id)
    if isinstance(error, DocumentTooLarge) and error.locations:
        entry["locations"] = [{"line": each.line, "column": each.column} for each in error.locations]
    return entry


def refused(error: GraphQLError, code: ErrorCode, *, request_id: str) -> dict[str, Any]:
    """An error of the document itself: what the parser or the validation says of it."""
    return _entry(answerable(error.message), error, _extensions(code, request_id))


def problem(message: str, code: ErrorCode, *, request_id: str) -> dict[str, Any]:
    """An error of a request that has no document yet."""
    return {"message": message, "extensions": _extensions(code, request_id)}


def log_source_error(error: GatewayError, *, request_id: str, times: int = 1) -> None:
    """A source's failure, or the ledger's, is a warning, with the detail that clients don't get."""
    more = {"times": times} if times > 1 else {}
    if isinstance(error, SourceFault):
        _log.error(
            "adapter_failed", request_id=request_id, source=error.source, **more, exc_info=error.__cause__
        )
    elif isinstance(error, SourceError):
        _log.warning(
            "source_failed",
            request_id=request_id,
            source=error.source,
            code=error.code.value,
            detail=error.detail,
            **more,
        )
    elif isinstance(error, LedgerUnavailable):
        _log.warning("ledger_unavailable", request_id=request_id, detail=error.detail)


def _is_about_input(error: GraphQLError) -> bool:
    """Whether the variables or the arguments are to blame, rather than what a resolver returned.

    graphql-core raises GraphQLError for both. Without a path nothing was resolved yet; with one, an
    argument's error points into the document, and the others at a field or nowhere.
    """
    original = error.original_error
    if error.path is None:
        return original is None or isinstance(original, GraphQLError)
    nodes = (isinstance(original, GraphQLError) and original.nodes) or ()
    return any(isinstance(node, ValueNode | ArgumentNode | DirectiveNode) for node in nodes)


def _entry(message: str, error: GraphQLError, extensions: dict[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = {"message": message}
    if locations := _locations(error):
        entry["locations"] = [{"line": each.line, "column": each.column} for each in locations]
    if error.path is not None:
        entry["path"] = list(error.path)
    entry["extensions"] = extensions
    return entry


def _locations(error: GraphQLError) -> Sequence[SourceLocation]:
    """Where in the document.

    By the nodes first: graphql-core takes the `source` of an error of ours for the document's text.
    """
    nodes = [node.loc for node in error.nodes or () if node.loc]
    return [get_location(loc.source, loc.start) for loc in nodes] or error.locations or ()


def _gateway_extensions(error: GatewayError, request_id: str) -> dict[str, Any]:
    extensions = _extensions(error.code, request_id)
    extensions["retryable"] = error.retryable
    if error.source is not None:
        extensions["source"] = error.source
    if isinstance(error, BadInput) and error.argument is not None:
        extensions["argument"] = error.argument
    return extensions


def _extensions(code: ErrorCode, request_id: str) -> dict[str, Any]:
    note_error(code.value)
    return {"code": code.value, "retryable": False, "requestId": request_id}
