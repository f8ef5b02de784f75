"""One call that writes: what its answer, or its silence, tells."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.domain import errors
from gateway.domain.errors import (
    BadInput,
    CircuitOpen,
    DeadlineExceeded,
    ErrorCode,
    GatewayError,
    NotForwarded,
    Refusal,
    RefusalCode,
    SourceAuthError,
    SourceCutShort,
    SourceError,
    SourceFault,
    SourceOverloaded,
    SourceProtocolError,
    SourceRejected,
    SourceThrottled,
    SourceTimeout,
    SourceUnavailable,
    TooManySourceCalls,
    Unsupported,
)
from gateway.domain.ids import EntityType, Ref
from gateway.domain.ledger import LedgerUnavailable, Problem
from gateway.domain.records import Message, NotificationSubscription, Origin
from gateway.writes.sending import Sent, not_begun, refused, send_once
from gateway.writes.states import Event, Landed, Lost, Refused
from tests.gateway.writes.desk import DOUBT_TEXT, TICKET, message, source

_DESK = source()
_NO = Refusal(RefusalCode.TOO_LONG, "Too long.", ("body",), "desk", "E17")
_NOR = Refusal(RefusalCode.INVALID, "Not that either.")
_PLAIN_NO = Refusal(RefusalCode.REJECTED_BY_SOURCE, "The source refused it.")


async def _answer(answer: object) -> Sent[Any]:
    async def send() -> object:
        if isinstance(answer, BaseException):
            raise answer
        return answer

    return await send_once(_DESK, send)


def _again(code: ErrorCode, message: str) -> Refused:
    return Refused(Problem(code.value, f"{message} The write was not applied.", repeatable=True))


def _doubt(code: ErrorCode) -> Lost:
    return Lost(Problem(code.value, DOUBT_TEXT))


def _unsent(error: SourceError) -> SourceError:
    error.sent = False
    return error


_NOT_REACHED = _again(ErrorCode.SOURCE_UNAVAILABLE, "The source could not be reached.")
_NO_TIME = _again(ErrorCode.SOURCE_TIMEOUT, "The source did not answer in time.")
_SLOWER = _again(ErrorCode.SOURCE_THROTTLED, "The source asked for fewer requests.")
_NO_LOGIN = _again(ErrorCode.SOURCE_AUTH_FAILED, "The source refused the credentials.")
_NOT_FORWARDED = _again(
    ErrorCode.SOURCE_AUTH_FAILED,
    "The source needs a credential of yours, and the request carried none for it.",
)
# Its text is of the time when it was made, and then it had been sent.
_LATE = _again(ErrorCode.DEADLINE_EXCEEDED, "The request's time ran out before the source had answered.")
_TOO_MANY = _again(
    ErrorCode.TOO_MANY_SOURCE_CALLS,
    "This operation needs more than 1 call, which is more than one may cause. Ask for less at once.",
)
_UNCLEAR = _again(ErrorCode.SOURCE_PROTOCOL_ERROR, "The source's answer could not be understood.")
_CUT_SHORT = _again(
    ErrorCode.SOURCE_UNAVAILABLE, "It was not among the records of the source that may be looked through."
)
_OUR_FAULT = _again(ErrorCode.INTERNAL_SERVER_ERROR, "The gateway failed on this source.")
_LEFT_ALONE = _again(
    ErrorCode.SOURCE_UNAVAILABLE, "The source has failed too often of late and is left alone for a while."
)
_FULL = _again(ErrorCode.SOURCE_OVERLOADED, "Too many calls to the source are waiting already.")
_REFUSED = Refused(Problem("TOO_LONG", "Too long.", refusals=(_NO,)))

# What a source's error tells: if it may have got the request, and if it certainly got none of it.
_ERRORS: list[tuple[SourceError, Event, Event]] = [
    (SourceError("desk"), _doubt(ErrorCode.SOURCE_UNAVAILABLE), _NOT_REACHED),
    (SourceUnavailable("desk"), _doubt(ErrorCode.SOURCE_UNAVAILABLE), _NOT_REACHED),
    (CircuitOpen("desk", retry_after_s=3.0), _LEFT_ALONE, _LEFT_ALONE),
    (SourceOverloaded("desk"), _FULL, _FULL),
    (SourceTimeout("desk"), _doubt(ErrorCode.SOURCE_TIMEOUT), _NO_TIME),
    (SourceThrottled("desk", retry_after_s=3.0), _SLOWER, _SLOWER),
    (SourceAuthError("desk"), _NO_LOGIN, _NO_LOGIN),
    (NotForwarded("desk"), _NOT_FORWARDED, _NOT_FORWARDED),
    (DeadlineExceeded("desk"), _doubt(ErrorCode.DEADLINE_EXCEEDED), _LATE),
    (TooManySourceCalls("desk", "more than 1 call"), _TOO_MANY, _TOO_MANY),
    (SourceProtocolError("desk"), _doubt(ErrorCode.SOURCE_PROTOCOL_ERROR), _UNCLEAR),
    (SourceCutShort("desk"), _doubt(ErrorCode.SOURCE_UNAVAILABLE), _CUT_SHORT),
    (SourceFault("desk"), _doubt(ErrorCode.INTERNAL_SERVER_ERROR), _OUR_FAULT),
    (SourceRejected("desk", (_NO,)), _REFUSED, _REFUSED),
]


def test_every_error_of_a_source_is_in_the_table() -> None:
    known = {
        each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, SourceError)
    }

    assert {type(error) for error, _, _ in _ERRORS} == known


@pytest.mark.parametrize(("error", "sent", "unsent"), _ERRORS, ids=lambda given: type(given).__name__)
async def test_each_error_of_a_source_tells_what_the_table_says(
    error: SourceError, sent: Event, unsent: Event
) -> None:
    def expected(event: Event) -> Sent[Any]:
        repeatable = isinstance(event, Refused) and event.problem.repeatable
        return Sent(event, error=error if repeatable else None)

    assert await _answer(error) == expected(sent)
    assert await _answer(_unsent(error)) == expected(unsent)


@pytest.mark.parametrize(
    "fault",
    [
        LookupError("a fault of ours"),
        BadInput("No.", argument="to"),
        Unsupported("No.", source="desk"),
        GatewayError("No."),
        LedgerUnavailable("gone"),
        ExceptionGroup("several", [SourceUnavailable("desk", sent=False)]),
    ],
    ids=lambda fault: type(fault).__name__,
)
async def test_after_a_fault_of_our_own_nobody_knows(fault: Exception) -> None:
    with capture_logs() as logs:
        assert await _answer(fault) == Sent(_doubt(ErrorCode.INTERNAL_SERVER_ERROR))

    assert logs == [
        {"event": "adapter_failed", "log_level": "error", "source": "desk", "exc_info": True},
    ]


async def test_a_timeout_that_an_adapter_lets_through_is_a_doubt() -> None:
    assert await _answer(TimeoutError()) == Sent(_doubt(ErrorCode.SOURCE_TIMEOUT))


async def test_a_send_without_an_end_is_cut_and_in_doubt() -> None:
    never = asyncio.Event()

    with capture_logs() as logs:
        async with asyncio.timeout(5):
            sent = await send_once(source(write_timeout_s=0.001), never.wait)

    assert sent == Sent(_doubt(ErrorCode.SOURCE_TIMEOUT))
    assert logs == [
        {
            "event": "write_failed",
            "log_level": "warning",
            "source": "desk",
            "code": "SOURCE_TIMEOUT",
            "sent": True,
        }
    ]


async def test_a_sender_that_is_cancelled_claims_nothing() -> None:
    never = asyncio.Event()
    task = asyncio.create_task(send_once(_DESK, never.wait))
    await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_log_holds_the_detail_that_the_ledger_does_not() -> None:
    with capture_logs() as logs:
        sent = await _answer(SourceUnavailable("desk", detail="ReadError at /tickets"))

    assert sent == Sent(Lost(Problem("SOURCE_UNAVAILABLE", DOUBT_TEXT)))
    assert logs == [
        {
            "event": "write_failed",
            "log_level": "warning",
            "source": "desk",
            "code": "SOURCE_UNAVAILABLE",
            "detail": "ReadError at /tickets",
            "sent": True,
        }
    ]


# -- what it became


_MOMENT = datetime(2026, 1, 2, tzinfo=UTC)
_ORIGIN = Origin("desk", "7")
_MESSAGE = Message(ref=message(7), origin=_ORIGIN, conversation=TICKET, created_at=_MOMENT)
_TOPIC = Ref(EntityType.NOTIFICATION_SUBSCRIPTION, "desk", ("9",))


@pytest.mark.parametrize(
    ("value", "event"),
    [
        (TICKET, Landed(TICKET)),
        (_MESSAGE, Landed(message(7), _MOMENT)),
        (NotificationSubscription(ref=_TOPIC, origin=_ORIGIN), Landed(_TOPIC)),
        (None, Landed()),
        ([None], Landed()),
    ],
    ids=["reference", "message", "subscription", "nothing", "slots"],
)
async def test_an_answer_tells_what_the_write_became(value: object, event: Event) -> None:
    assert await _answer(value) == Sent(event, value)


# -- refusals


@pytest.mark.parametrize(
    ("refusals", "problem"),
    [
        ((_NO,), Problem("TOO_LONG", "Too long.", refusals=(_NO,))),
        ((_NOR, _NO), Problem("INVALID", "Not that either.", refusals=(_NOR, _NO))),
        ((), Problem("REJECTED_BY_SOURCE", "The source refused it.", refusals=(_PLAIN_NO,))),
    ],
)
async def test_a_refusal_is_final_and_kept_whole(refusals: tuple[Refusal, ...], problem: Problem) -> None:
    assert refused(refusals) == problem
    assert await _answer(SourceRejected("desk", refusals)) == Sent(Refused(problem))


# -- several objects in one call


@pytest.mark.parametrize(
    ("slots", "events"),
    [
        ([None, None], [Landed(), Landed()]),
        ((None, _NO), [Landed(), Refused(Problem("TOO_LONG", "Too long.", refusals=(_NO,)))]),
        ([], []),
    ],
)
async def test_each_object_of_a_call_has_its_own_outcome(
    slots: Sequence[Refusal | None], events: list[Event]
) -> None:
    assert (await _answer(slots)).per_part(len(slots)) == events


@pytest.mark.parametrize("answer", [SourceTimeout("desk"), SourceRejected("desk", (_NO,))])
async def test_what_befell_a_call_befell_all_its_objects(answer: SourceError) -> None:
    sent = await _answer(answer)

    assert sent.per_part(3) == [sent.event] * 3


def test_a_call_that_was_not_made_leaves_all_as_it_was() -> None:
    sent = not_begun(_DESK)

    assert sent.event == _NOT_REACHED
    assert (type(sent.error), sent.value) == (SourceUnavailable, None)
    assert isinstance(sent.error, SourceUnavailable)
    assert (sent.error.source, sent.error.sent, sent.error.detail) == ("desk", False, "not sent")
