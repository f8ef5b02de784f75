"""When the source is looked at for a write that nobody is sure of."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from gateway.domain.ledger import Entry, Part, WriteState
from gateway.writes.schedule import next_look, open_for, settled
from tests.gateway.writes.desk import (
    ABSENT,
    FINAL,
    NOT_SENT,
    TIMED_OUT,
    Desk,
    Window,
    at,
    entry,
    message,
    parted,
    source,
)

CONFIRMED, REJECTED = WriteState.CONFIRMED, WriteState.REJECTED
IN_DOUBT, PARTIAL = WriteState.IN_DOUBT, WriteState.PARTIAL

_DAY, _HOUR = 86_400, 3_600
_FOR_A_DAY, _FOR_A_RESULT = timedelta(days=1), timedelta(minutes=10)
_SEEN, _BLIND = source(Window()), source(Desk())
# Each was settled 10 s after the start: it is settled at the source at 910, and looked for until 87,310.
_DOUBT = entry(IN_DOUBT, problem=TIMED_OUT)
_ABSENT = entry(REJECTED, problem=ABSENT)
_NAMELESS = entry(CONFIRMED)

_done = Part(message(1), CONFIRMED)
_doubtful = Part(message(2), IN_DOUBT, problem=TIMED_OUT)
_absent = Part(message(3), REJECTED, problem=ABSENT)
_refused = Part(message(4), REJECTED, problem=FINAL)
_PARTLY = parted(_done, _doubtful, state=PARTIAL, problem=TIMED_OUT)


@pytest.mark.parametrize(
    ("known", "span"),
    [
        (entry(), None),
        (_DOUBT, _FOR_A_DAY),
        (_ABSENT, _FOR_A_DAY),
        (entry(REJECTED, problem=FINAL), None),
        (entry(REJECTED, problem=NOT_SENT), None),
        (_NAMELESS, _FOR_A_RESULT),
        (replace(_NAMELESS, operation="createTicket"), _FOR_A_RESULT),
        (replace(_NAMELESS, operation="createCaseMessage"), _FOR_A_RESULT),
        (replace(_NAMELESS, operation="createNotificationSubscription"), _FOR_A_RESULT),
        (replace(_NAMELESS, operation="updateTicket"), None),
        (replace(_NAMELESS, operation="updateNotificationSubscription"), None),
        (replace(_NAMELESS, operation="deleteNotificationSubscription"), None),
        (replace(_NAMELESS, result=message(7)), None),
        (parted(_done, _doubtful), _FOR_A_DAY),
        (parted(_doubtful, state=IN_DOUBT, problem=TIMED_OUT), _FOR_A_DAY),
        (_PARTLY, _FOR_A_DAY),
        (parted(_refused, _doubtful, state=PARTIAL, problem=FINAL), _FOR_A_DAY),
        (parted(_absent, state=REJECTED, problem=ABSENT), _FOR_A_DAY),
        (parted(_refused, _absent, state=REJECTED, problem=FINAL), _FOR_A_DAY),
        (parted(_done, _refused, state=PARTIAL, problem=FINAL), None),
        (parted(_done, state=CONFIRMED), None),
    ],
)
def test_an_entry_is_worth_a_look_as_long_as_something_may_be_learnt(
    known: Entry, span: timedelta | None
) -> None:
    assert open_for(known) == span


@pytest.mark.parametrize(
    ("known", "now", "expected"),
    [
        (_DOUBT, at(909.999), False),
        (_DOUBT, at(910), True),
        (_DOUBT, at(5_000), True),
        (entry(), at(899), False),
        (entry(), at(900), True),
    ],
)
def test_a_source_has_its_time_to_apply_what_it_was_sent(known: Entry, now: datetime, expected: bool) -> None:
    assert settled(known, _SEEN, now=now) is expected


# When, after how many looks -> when next.
_NEXT: list[tuple[Entry, float, int, float | None]] = [
    # A write in doubt: soon, then each pause twice as long.
    (_DOUBT, 10, 0, 12),
    (_DOUBT, 12, 1, 16),
    (_DOUBT, 16, 2, 24),
    (_DOUBT, 136, 6, 264),
    # Never past the moment from which absence counts, and from there on as before.
    (_DOUBT, 398, 8, 910),
    (_DOUBT, 900, 0, 902),
    (_DOUBT, 909, 9, 910),
    (_DOUBT, 910, 9, 1_934),
    # No pause is longer than an hour.
    (_DOUBT, 2_000, 10, 4_048),
    (_DOUBT, 4_048, 11, 7_648),
    (_DOUBT, 9_000, 1_000_000, 12_600),
    # The last look is a day and the settling time after the doubt began; an outage may make it later.
    (_DOUBT, 83_710, 30, 87_310),
    (_DOUBT, 83_711, 30, None),
    (_DOUBT, 500_000, 3, None),
    # So with several parts, of which one is in doubt.
    (_PARTLY, 10, 0, 12),
    (_PARTLY, 398, 8, 910),
    (_PARTLY, 83_711, 30, None),
    # What was rejected by absence may still be seen.
    (_ABSENT, 910, 9, 1_934),
    (_ABSENT, 100, 8, 612),
    (_ABSENT, 83_711, 30, None),
    # What a confirmed write has become is looked for less long.
    (_NAMELESS, 10, 0, 12),
    (_NAMELESS, 100, 8, 612),
    (_NAMELESS, 998, 8, 1_510),
    (_NAMELESS, 999, 8, None),
    # All the others are not looked for.
    (entry(), 10, 0, None),
    (entry(REJECTED, problem=FINAL), 10, 0, None),
    (entry(CONFIRMED, result=message(7)), 10, 0, None),
    (parted(_done, _doubtful), 10, 0, None),
]


@pytest.mark.parametrize(("known", "now_s", "looks", "then_s"), _NEXT)
def test_the_next_look_is_when_the_table_says(
    known: Entry, now_s: float, looks: int, then_s: float | None
) -> None:
    looked = replace(known, looks=looks, next_look_at=at(1))
    expected = replace(looked, next_look_at=None if then_s is None else at(then_s))

    assert next_look(looked, _SEEN, now=at(now_s)) == expected


@pytest.mark.parametrize("known", [_DOUBT, _PARTLY, _ABSENT, _NAMELESS])
def test_where_nothing_can_be_looked_at_nothing_is_planned(known: Entry) -> None:
    assert next_look(replace(known, next_look_at=at(1)), _BLIND, now=at(20)) == known


@pytest.mark.parametrize(
    ("known", "now_s", "then_s"),
    [
        (_DOUBT, 10, 10 + _HOUR),
        (_DOUBT, 5_000, 5_000 + _HOUR),
        (_DOUBT, 10 + _DAY - _HOUR, 10 + _DAY),
        (_DOUBT, 11 + _DAY - _HOUR, None),
        (_NAMELESS, 10, None),
        (entry(REJECTED, problem=FINAL), 10, None),
    ],
)
def test_a_source_that_is_not_configured_may_come_back(
    known: Entry, now_s: float, then_s: float | None
) -> None:
    expected = replace(known, next_look_at=None if then_s is None else at(then_s))

    assert next_look(known, None, now=at(now_s)) == expected


def test_a_source_says_itself_how_long_it_takes_to_settle() -> None:
    slow = source(Window(), settling_s=7_200)
    looked = replace(_DOUBT, looks=10)

    assert settled(looked, slow, now=at(7_209)) is False
    assert next_look(looked, slow, now=at(7_000)) == replace(looked, next_look_at=at(7_210))
