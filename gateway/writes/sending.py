"""One call that writes, and what its answer, or its silence, tells."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import structlog

from gateway.domain.catalog import Source
from gateway.domain.errors import (
    ErrorCode,
    GatewayError,
    Refusal,
    RefusalCode,
    SourceAuthError,
    SourceError,
    SourceRejected,
    SourceThrottled,
    SourceUnavailable,
)
from gateway.domain.ids import Ref
from gateway.domain.ledger import Problem
from gateway.domain.records import Message, NotificationSubscription
from gateway.writes.states import Event, Landed, Lost, Refused

T = TypeVar("T")

_DOUBT = "The write was sent, but its source did not confirm it: it may have been applied."
# A worker that had the write in hand has gone: nobody knows how far it came.
LEASE_RAN_OUT = Problem(ErrorCode.INTERNAL_SERVER_ERROR.value, _DOUBT)

_log = structlog.get_logger("gateway.writes")


@dataclass(frozen=True, slots=True)
class Sent(Generic[T]):
    """What one call came to.

    Attributes:
        event: For the ledger.
        value: What the source made of it.
        error: Why it was not applied, though nothing is wrong with it.
    """

    event: Event
    value: T | None = None
    error: GatewayError | None = None

    def per_part(self: "Sent[Sequence[Refusal | None]]", count: int) -> list[Event]:
        """For each object of a call that was about several."""
        if not isinstance(self.event, Landed):
            return [self.event] * count
        return [Landed() if slot is None else Refused(refused((slot,))) for slot in self.value or ()]


def not_begun(source: Source) -> Sent[Any]:
    """A call that was not made, as it would have come too late or after one that failed."""
    error = SourceUnavailable(source.key, detail="not sent", sent=False)
    return Sent(Refused(_not_applied(error)), error=error)


async def send_once(source: Source, send: Callable[[], Awaitable[T]]) -> Sent[T]:
    """Send, within the time that one write may take.

    Only what certainly did not arrive, and what the source refused, counts as not applied. After
    everything else nobody knows.
    """
    try:
        async with asyncio.timeout(source.write_timeout_s):
            value = await send()
    except SourceRejected as error:
        return Sent(Refused(refused(error.refusals)))
    except SourceError as error:
        _log.warning(
            "write_failed", source=source.key, code=error.code.value, detail=error.detail, sent=error.sent
        )
        # A source that refuses credentials, or asks for fewer requests, has not begun to work.
        if not error.sent or isinstance(error, SourceThrottled | SourceAuthError):
            return Sent(Refused(_not_applied(error)), error=error)
        return Sent(Lost(Problem(error.code.value, _DOUBT)))
    except TimeoutError:
        _log.warning("write_failed", source=source.key, code=ErrorCode.SOURCE_TIMEOUT.value, sent=True)
        return Sent(Lost(Problem(ErrorCode.SOURCE_TIMEOUT.value, _DOUBT)))
    except Exception:  # noqa: BLE001 - whatever it is, the call may have gone out
        # Our own fault, perhaps after the call went out: to say "try again" would be a lie.
        _log.exception("adapter_failed", source=source.key)
        return Sent(Lost(Problem(ErrorCode.INTERNAL_SERVER_ERROR.value, _DOUBT)))
    return Sent(_landed(value), value)


def refused(refusals: tuple[Refusal, ...]) -> Problem:
    """Why a source said no. That is final: the same again would be refused again."""
    first = refusals[0] if refusals else Refusal(RefusalCode.REJECTED_BY_SOURCE, "The source refused it.")
    return Problem(first.code.value, first.message, refusals=refusals or (first,))


def _not_applied(error: SourceError) -> Problem:
    return Problem(error.code.value, f"{error.message} The write was not applied.", repeatable=True)


def _landed(value: object) -> Landed:
    match value:
        case Ref():
            return Landed(value)
        case Message():
            return Landed(value.ref, value.created_at)
        case NotificationSubscription():
            return Landed(value.ref)
        case _:
            return Landed()
