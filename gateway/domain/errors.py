"""Everything that can go wrong, as values with a public code and message.

GatewayError(code, message, retryable)
|- RequestError                     the caller's doing
|  |- BadInput(argument)            a malformed or foreign id, a wrong page size, a wrong cursor
|  |- Unauthenticated               no credential, or one that isn't good (any more)
|  |- Forbidden(scope, source)      who asks may not see or do this
|  |- LimitExceeded                 the operation is larger than operations may be
|  `- RateLimited(retry_after_s)    too much in too short a time
|- SourceError(source)              a call to a REST API brought nothing: by its doing, or as below
|  |- DeadlineExceeded              the operation's time ran out first
|  |- TooManySourceCalls            the operation would cause too many calls
|  |- SourceUnavailable             no connection, a broken one, 5xx
|  |  `- CircuitOpen(retry_after_s)  it failed so often that it isn't asked for now
|  |- SourceTimeout                 an attempt ran out of time
|  |- SourceOverloaded              too many calls to it are waiting already
|  |- SourceThrottled(retry_after_s)
|  |- SourceAuthError               it refused our credentials
|  |  `- NotForwarded               the caller has forwarded none
|  |- SourceProtocolError(json_path)  the answer breaks its contract
|  |- SourceRejected(refusals)      understood and refused
|  |- SourceCutShort                it gave only a part of what had to be looked through
|  `- SourceFault                   our adapter failed on it
|- LedgerUnavailable                writes can't be recorded, so none is sent (domain/ledger.py)
`- Unsupported(source)              the source has no such ability

ConfigError is for start-up alone and is not a GatewayError: no client ever sees it.

Messages may be read by strangers: no URL, body, credential or foreign id goes into one.
"""

from dataclasses import dataclass
from enum import StrEnum


class ErrorCode(StrEnum):
    """`errors[].extensions.code` (GRAPH, "Codes")."""

    GRAPHQL_PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
    GRAPHQL_VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
    BAD_USER_INPUT = "BAD_USER_INPUT"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    LIMIT_EXCEEDED = "LIMIT_EXCEEDED"
    RATE_LIMITED = "RATE_LIMITED"
    TOO_MANY_SOURCE_CALLS = "TOO_MANY_SOURCE_CALLS"
    SOURCE_UNAVAILABLE = "SOURCE_UNAVAILABLE"
    SOURCE_TIMEOUT = "SOURCE_TIMEOUT"
    SOURCE_OVERLOADED = "SOURCE_OVERLOADED"
    SOURCE_THROTTLED = "SOURCE_THROTTLED"
    SOURCE_AUTH_FAILED = "SOURCE_AUTH_FAILED"
    SOURCE_PROTOCOL_ERROR = "SOURCE_PROTOCOL_ERROR"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    LEDGER_UNAVAILABLE = "LEDGER_UNAVAILABLE"
    INTERNAL_SERVER_ERROR = "INTERNAL_SERVER_ERROR"


class RefusalCode(StrEnum):
    """`userErrors[].code` (GRAPH, "Codes")."""

    INVALID = "INVALID"
    TOO_LONG = "TOO_LONG"
    REQUIRED = "REQUIRED"
    NOT_FOUND = "NOT_FOUND"
    NO_ACCESS = "NO_ACCESS"
    UNSUPPORTED_BY_SOURCE = "UNSUPPORTED_BY_SOURCE"
    UNSUPPORTED_FIELD = "UNSUPPORTED_FIELD"
    CONFLICT = "CONFLICT"
    IDEMPOTENCY_CONFLICT = "IDEMPOTENCY_CONFLICT"
    REJECTED_BY_SOURCE = "REJECTED_BY_SOURCE"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a write was not done.

    `field` is the path inside the mutation's input (`("messageIds", "3")`); `source_code` the
    source's own word, where it gave one.
    """

    code: RefusalCode
    message: str
    field: tuple[str, ...] = ()
    source: str | None = None
    source_code: str | None = None


class GatewayError(Exception):
    """An error with a public code and message."""

    code = ErrorCode.INTERNAL_SERVER_ERROR
    retryable = False
    source: str | None = None

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class RequestError(GatewayError):
    """The caller's request can't be served as it is."""

    code = ErrorCode.BAD_USER_INPUT


class BadInput(RequestError):
    """An argument is malformed or foreign; `argument` is its path, such as `filter.guids.2`."""

    def __init__(self, message: str, *, argument: str | None = None) -> None:
        super().__init__(message)
        self.argument = argument


class Unauthenticated(RequestError):
    """The request needs a credential, or has one that isn't good (any more). It doesn't say which."""

    code = ErrorCode.UNAUTHENTICATED

    def __init__(self) -> None:
        super().__init__("This request needs a valid API key or token: `Authorization: Bearer ...`.")


class Forbidden(RequestError):
    """Who asks may not see or do this."""

    code = ErrorCode.FORBIDDEN

    def __init__(self, scope: str, *, source: str | None = None) -> None:
        where = "" if source is None else f" at {source}"
        super().__init__(f"You may not do this{where}: it needs the scope `{scope}`.")
        self.scope = scope
        self.source = source


class LimitExceeded(RequestError):
    """The operation is larger than operations may be: nothing of it was run."""

    code = ErrorCode.LIMIT_EXCEEDED


class RateLimited(RequestError):
    """Too much in too short a time; nothing was run."""

    code = ErrorCode.RATE_LIMITED
    retryable = True

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Unsupported(RequestError):
    """The source has no such ability: nothing was sent."""

    def __init__(self, message: str, *, source: str | None = None) -> None:
        super().__init__(message)
        self.source = source


class SourceError(GatewayError):
    """A call to a REST API brought nothing that can be used.

    `sent` is False only where it is certain that the source got no part of the request.
    `detail` is for the log, never for a client.
    """

    code = ErrorCode.SOURCE_UNAVAILABLE
    retryable = True
    text = "The source could not be reached."

    def __init__(self, source: str, *, detail: str = "", sent: bool = True) -> None:
        super().__init__(self.text)
        self.source = source
        self.detail = detail
        self.sent = sent

    def __str__(self) -> str:
        """For logs: the public text with the detail that clients don't get."""
        said = f"{self.source}: {self.message}"
        return f"{said} ({self.detail})" if self.detail else said


class DeadlineExceeded(SourceError):
    """The operation's time ran out before the source had answered, or before it was asked."""

    code = ErrorCode.DEADLINE_EXCEEDED

    def __init__(self, source: str, *, detail: str = "", sent: bool = True) -> None:
        super().__init__(source, detail=detail, sent=sent)
        moment = "the source had answered" if sent else "the source was asked"
        self.message = f"The request's time ran out before {moment}."


class TooManySourceCalls(SourceError):
    """The operation has caused as many calls as one may; `limit` says in words how many. Not sent."""

    code = ErrorCode.TOO_MANY_SOURCE_CALLS
    retryable = False

    def __init__(self, source: str, limit: str) -> None:
        super().__init__(source, detail=limit, sent=False)
        self.message = (
            f"This operation needs {limit}, which is more than one may cause. Ask for less at once."
        )


class SourceUnavailable(SourceError):
    """No connection, a connection that broke, or a 5xx answer."""


class CircuitOpen(SourceUnavailable):
    """The source failed so often lately that it isn't asked for now; `retry_after_s` where that is known."""

    text = "The source has failed too often of late and is left alone for a while."

    def __init__(self, source: str, *, detail: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(source, detail=detail, sent=False)
        self.retry_after_s = retry_after_s


class SourceOverloaded(SourceError):
    """Too many calls to the source are waiting already: this one was not sent."""

    code = ErrorCode.SOURCE_OVERLOADED
    text = "Too many calls to the source are waiting already."

    def __init__(self, source: str, *, detail: str = "") -> None:
        super().__init__(source, detail=detail, sent=False)


class SourceTimeout(SourceError):
    """The source didn't answer in time."""

    code = ErrorCode.SOURCE_TIMEOUT
    text = "The source did not answer in time."


class SourceThrottled(SourceError):
    """The source asked us to slow down; `retry_after_s` where it said for how long."""

    code = ErrorCode.SOURCE_THROTTLED
    text = "The source asked for fewer requests."

    def __init__(
        self, source: str, *, detail: str = "", retry_after_s: float | None = None, sent: bool = True
    ) -> None:
        super().__init__(source, detail=detail, sent=sent)
        self.retry_after_s = retry_after_s


class SourceAuthError(SourceError):
    """The source refused the credentials or their rights."""

    code = ErrorCode.SOURCE_AUTH_FAILED
    retryable = False
    text = "The source refused the credentials."


class NotForwarded(SourceAuthError):
    """Each caller uses the source with a credential of its own, and this one has sent none."""

    text = "The source needs a credential of yours, and the request carried none for it."

    def __init__(self, source: str) -> None:
        super().__init__(source, detail="no credential forwarded", sent=False)


class SourceProtocolError(SourceError):
    """The source's answer breaks its contract; `json_path` says where."""

    code = ErrorCode.SOURCE_PROTOCOL_ERROR
    retryable = False
    text = "The source's answer could not be understood."

    def __init__(self, source: str, *, detail: str = "", json_path: str | None = None) -> None:
        super().__init__(source, detail=f"{detail} at {json_path}" if json_path else detail)
        self.json_path = json_path


class SourceRejected(SourceError):
    """The source understood the request and refused it."""

    code = ErrorCode.SOURCE_PROTOCOL_ERROR
    retryable = False
    text = "The source refused the request."

    def __init__(self, source: str, refusals: tuple[Refusal, ...], *, detail: str = "") -> None:
        super().__init__(source, detail=detail)
        self.refusals = refusals


class SourceCutShort(SourceError):
    """A record was not among those that could be looked through, so nobody can say that it isn't there."""

    retryable = False
    text = "It was not among the records of the source that may be looked through."


class SourceFault(SourceError):
    """The gateway's own adapter failed: a fault of ours, kept to the source that it befell."""

    code = ErrorCode.INTERNAL_SERVER_ERROR
    retryable = False
    text = "The gateway failed on this source."


def as_source_error(error: Exception, source: str) -> SourceError:
    """What a call to an adapter raised, as an error of that source; a fault keeps its cause."""
    if isinstance(error, SourceError):
        return error
    fault = SourceFault(source, detail=type(error).__name__)
    fault.__cause__ = error
    return fault


class ConfigError(Exception):
    """The configuration can't be used; `problems` holds every one, each with its key."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems
