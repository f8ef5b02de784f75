"""A verdict that can't turn red is worth nothing: each is fed what it is there for."""

from dataclasses import replace

import pytest

from gateway.domain.ledger import Entry, WriteState
from gateway.sandbox.faults import Mishap
from tests.chaos import pieces
from tests.chaos.kinds import Tells
from tests.chaos.pieces import HUB, NETEVIA, TULO
from tests.chaos.plan import Phase, Planned
from tests.chaos.samples import (
    ABSENT,
    CONFIRMED,
    DOUBT,
    IN_DOUBT,
    REJECTED,
    REPEATABLE,
    TEXT,
    arrived,
    part,
    planned,
    row,
    told,
)
from tests.chaos.witness import Seen, Told, Verdict, Word, gather, judge


def verdicts(wanted: Planned, rows: list[Entry], seen: list[Seen], answers: list[Told]) -> list[Verdict]:
    cases, stray = gather([wanted], rows, seen, answers)
    return [each.verdict for each in judge(cases, stray)]


def test_a_write_that_arrived_once_and_is_confirmed_is_in_order() -> None:
    assert verdicts(planned(), [row(WriteState.CONFIRMED)], [arrived()], told(CONFIRMED)) == []


def test_nothing_is_wrong_with_a_write_that_never_arrived_and_is_rejected() -> None:
    assert verdicts(planned(), [row(WriteState.REJECTED)], [], told(IN_DOUBT, ABSENT)) == []


@pytest.mark.parametrize(
    "first",
    [
        arrived(),
        arrived(mishap=Mishap.LOST_ANSWER),
        # The gateway can't know that these did nothing, so to send again was a gamble.
        arrived(mishap=Mishap.RESET_BEFORE, applied=False),
        arrived(mishap=Mishap.TIMEOUT_BEFORE, applied=False),
        arrived(mishap=Mishap.ERROR_BEFORE, applied=False),
        arrived(mishap=Mishap.APPLIED_LATE, applied=None),
        arrived(applied=False),
    ],
)
def test_whatever_comes_after_an_arrival_that_may_have_been_applied_is_sent_twice(first: Seen) -> None:
    found = verdicts(planned(), [row(WriteState.CONFIRMED)], [first, arrived()], told(CONFIRMED))
    assert found == [Verdict.SENT_TWICE]


@pytest.mark.parametrize(
    ("source", "first"),
    [
        (HUB, arrived(mishap=Mishap.THROTTLED, applied=False)),
        (TULO, arrived(applied=False, source=TULO)),
    ],
)
def test_a_write_that_was_refused_before_work_may_be_sent_again(source: str, first: Seen) -> None:
    seen = [first, arrived(source=source)]
    wanted = planned(source=source)
    assert verdicts(wanted, [row(WriteState.CONFIRMED)], seen, told(REPEATABLE, CONFIRMED)) == []


def test_a_confirmed_write_that_never_arrived_is_missing() -> None:
    found = verdicts(planned(), [row(WriteState.CONFIRMED)], [], told(CONFIRMED))
    assert found == [Verdict.CONFIRMED_MISSING]


def test_a_confirmed_write_that_arrived_and_was_not_carried_out_is_missing() -> None:
    seen = [arrived(mishap=Mishap.RESET_BEFORE, applied=False)]
    found = verdicts(planned(), [row(WriteState.CONFIRMED)], seen, told(CONFIRMED))
    assert found == [Verdict.CONFIRMED_MISSING]


def test_a_rejected_write_that_was_carried_out_has_landed() -> None:
    seen = [arrived(mishap=Mishap.RESET_AFTER)]
    found = verdicts(planned(), [row(WriteState.REJECTED)], seen, told(REJECTED))
    assert found == [Verdict.REJECTED_LANDED]


def test_an_arrival_without_a_row_is_seen() -> None:
    assert verdicts(planned(), [], [arrived()], told(failure="gone")) == [Verdict.NO_ROW, Verdict.NO_ANSWER]


def test_an_arrival_that_nobody_asked_for_is_seen() -> None:
    found = verdicts(
        planned(), [row(WriteState.CONFIRMED)], [arrived(), arrived("chaos-7-000002")], told(CONFIRMED)
    )
    assert found == [Verdict.STRAY]


def test_an_arrival_that_is_about_nothing_known_is_seen() -> None:
    unknown = Seen(HUB, frozenset(), None, applied=True)
    assert verdicts(planned(), [row(WriteState.CONFIRMED)], [arrived(), unknown], told(CONFIRMED)) == [
        Verdict.STRAY
    ]


def test_one_key_has_one_row() -> None:
    rows = [row(WriteState.CONFIRMED), row(WriteState.CONFIRMED)]
    assert verdicts(planned(), rows, [arrived()], told(CONFIRMED)) == [Verdict.TWO_ROWS]


def test_a_row_may_not_stay_pending() -> None:
    found = verdicts(planned(), [row(WriteState.PENDING)], [], told(Word(WriteState.PENDING)))
    assert found == [Verdict.LEFT_PENDING]


def test_a_write_may_not_stay_in_doubt_where_the_source_can_tell() -> None:
    found = verdicts(planned(), [row(WriteState.IN_DOUBT, DOUBT)], [arrived()], told(IN_DOUBT))
    assert found == [Verdict.LEFT_IN_DOUBT]


def test_elsewhere_it_may_stay_in_doubt_for_a_reason() -> None:
    wanted = planned(source=NETEVIA, tells=Tells.LITTLE)
    seen = [arrived(source=NETEVIA)]
    assert verdicts(wanted, [row(WriteState.IN_DOUBT, DOUBT)], seen, told(IN_DOUBT)) == []
    assert verdicts(wanted, [row(WriteState.IN_DOUBT)], seen, told(IN_DOUBT)) == [Verdict.NO_REASON]


def test_two_clients_are_not_told_two_outcomes() -> None:
    answers = [*told(CONFIRMED), *told(REJECTED, client=1)]
    found = verdicts(planned(twins=2), [row(WriteState.CONFIRMED)], [arrived()], answers)
    assert found == [Verdict.TWO_OUTCOMES, Verdict.TOLD_OTHERWISE]


@pytest.mark.parametrize(
    ("word", "state"),
    [
        (CONFIRMED, WriteState.IN_DOUBT),
        (REJECTED, WriteState.CONFIRMED),
        (ABSENT, WriteState.IN_DOUBT),
    ],
)
def test_what_is_told_holds(word: Word, state: WriteState) -> None:
    wanted = planned(tells=Tells.LITTLE)
    seen = [arrived(mishap=Mishap.APPLIED_LATE)]
    assert verdicts(wanted, [row(state, DOUBT)], seen, told(word)) == [Verdict.TOLD_OTHERWISE]


def test_rejected_by_absence_may_become_confirmed() -> None:
    answers = told(IN_DOUBT, ABSENT, CONFIRMED)
    seen = [arrived(mishap=Mishap.APPLIED_LATE)]
    assert verdicts(planned(), [row(WriteState.CONFIRMED)], seen, answers) == []


def test_but_not_if_it_was_at_the_source_all_the_time() -> None:
    seen = [arrived(mishap=Mishap.TIMEOUT_AFTER)]
    found = verdicts(planned(), [row(WriteState.CONFIRMED)], seen, told(ABSENT, CONFIRMED))
    assert found == [Verdict.TOO_EARLY]


def test_a_write_that_was_refused_unrecorded_has_no_row() -> None:
    refused = told(refusals=("NOT_FOUND",))
    assert verdicts(planned(), [], [], refused) == []
    assert verdicts(planned(), [row(WriteState.CONFIRMED)], [arrived()], refused) == [Verdict.TOLD_OTHERWISE]


def test_every_client_gets_an_answer() -> None:
    found = verdicts(planned(twins=2), [row(WriteState.CONFIRMED)], [arrived()], told(CONFIRMED))
    assert found == [Verdict.NO_ANSWER]


def test_each_message_of_a_confirmation_is_judged_by_itself() -> None:
    wanted = planned(known_by=(pieces.message(1), pieces.message(2), pieces.message(3)))
    parts = (
        part(1, WriteState.CONFIRMED),
        part(2, WriteState.CONFIRMED),
        part(3, WriteState.REJECTED),
    )
    entry = row(WriteState.PARTIAL, parts=parts)
    words = {"message 1": CONFIRMED, "message 2": CONFIRMED, "message 3": REJECTED}
    seen = [arrived("message 1", "message 3"), arrived("message 1")]
    assert verdicts(wanted, [entry], seen, [Told(1, 0, words)]) == [
        Verdict.SENT_TWICE,
        Verdict.CONFIRMED_MISSING,
        Verdict.REJECTED_LANDED,
    ]


def test_what_a_forgetful_source_shows_is_not_compared_but_what_was_sent_to_it_is() -> None:
    wanted = planned(phase=Phase.FORGETFUL)
    assert verdicts(wanted, [row(WriteState.REJECTED)], [arrived()], told(ABSENT)) == []
    assert verdicts(wanted, [row(WriteState.CONFIRMED)], [], told(CONFIRMED)) == []
    twice = [arrived(), arrived()]
    assert verdicts(wanted, [row(WriteState.CONFIRMED)], twice, told(CONFIRMED)) == [Verdict.SENT_TWICE]
    assert verdicts(wanted, [], [arrived()], told(failure="gone")) == [Verdict.NO_ROW, Verdict.NO_ANSWER]


def test_a_violation_shows_what_it_is_seen_by() -> None:
    cases, stray = gather([planned()], [row(WriteState.CONFIRMED)], [], told(CONFIRMED))
    (violation,) = judge(cases, stray)
    assert violation.what == "#1 storm service_order_hub reply"
    about = "(attempts 1, looks 0, submitted 12:00:00.000000, settled -, leased until -, next look -)"
    assert violation.evidence == (
        f"known by {TEXT}",
        f"row {'0' * 32} CONFIRMED {about}",
        "client 0 was told: CONFIRMED",
    )


def test_an_entry_that_is_told_again_is_no_other_entry() -> None:
    again = [replace(each, replayed=True) for each in told(CONFIRMED)]
    assert verdicts(planned(), [row(WriteState.CONFIRMED)], [arrived()], again) == []
