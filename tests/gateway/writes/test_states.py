"""The life of a write, step by step and in sequences that nobody thought of."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.ids import Ref
from gateway.domain.ledger import Entry, Part, Problem, WriteState
from gateway.writes.states import (
    Absent,
    Event,
    ImpossibleStep,
    Landed,
    Lost,
    Refused,
    in_doubt,
    lapsed,
    may_repeat,
    reopened,
    settle,
    settle_parts,
    state_of,
    step,
    summed_up,
    unsure,
)
from tests.gateway.writes.desk import (
    ABSENT,
    FINAL,
    GONE,
    NOT_SENT,
    TICKET,
    TIMED_OUT,
    at,
    entry,
    message,
    messages,
    parted,
)

PENDING, CONFIRMED, REJECTED = WriteState.PENDING, WriteState.CONFIRMED, WriteState.REJECTED
IN_DOUBT, PARTIAL = WriteState.IN_DOUBT, WriteState.PARTIAL

_NEWS = Problem("SOURCE_UNAVAILABLE", "Nobody knows.")
_NO = Problem("INVALID", "No.")
_LATER = Problem("SOURCE_THROTTLED", "Not now.", repeatable=True)
_UNSEEN = Problem("REJECTED_BY_SOURCE", "Not there.")

_EVENTS: tuple[Event, ...] = (Landed(), Refused(_NO), Refused(_LATER), Lost(_NEWS), Absent(_UNSEEN))

# What an event leads to: a state with its problem, KEPT (all stays as it was), or None for ImpossibleStep.
_Result = tuple[WriteState, Problem | None] | str | None
_DONE: _Result = (CONFIRMED, None)
_NOT_: _Result = (REJECTED, _NO)
_WAIT: _Result = (REJECTED, _LATER)
_DARK: _Result = (IN_DOUBT, _NEWS)
_LOST: _Result = (REJECTED, replace(_UNSEEN, by_absence=True))
KEPT = "kept"

# One row per state and problem: what Landed, Refused (finally), Refused (repeatably), Lost, Absent lead to.
_STEPS: dict[tuple[WriteState, Problem | None], tuple[_Result, ...]] = {
    (PENDING, None): (_DONE, _NOT_, _WAIT, _DARK, None),
    (PENDING, FINAL): (_DONE, _NOT_, _WAIT, _DARK, None),
    (PENDING, NOT_SENT): (_DONE, _NOT_, _WAIT, _DARK, None),
    (PENDING, TIMED_OUT): (_DONE, _NOT_, _WAIT, _DARK, None),
    (PENDING, ABSENT): (_DONE, _NOT_, _WAIT, _DARK, None),
    (IN_DOUBT, None): (_DONE, _NOT_, _WAIT, _DARK, _LOST),
    (IN_DOUBT, FINAL): (_DONE, _NOT_, _WAIT, _DARK, _LOST),
    (IN_DOUBT, NOT_SENT): (_DONE, _NOT_, _WAIT, _DARK, _LOST),
    (IN_DOUBT, TIMED_OUT): (_DONE, _NOT_, _WAIT, _DARK, _LOST),
    (IN_DOUBT, ABSENT): (_DONE, _NOT_, _WAIT, _DARK, _LOST),
    (CONFIRMED, None): (_DONE, None, None, _DONE, None),
    (CONFIRMED, FINAL): (_DONE, None, None, _DONE, None),
    (CONFIRMED, NOT_SENT): (_DONE, None, None, _DONE, None),
    (CONFIRMED, TIMED_OUT): (_DONE, None, None, _DONE, None),
    (CONFIRMED, ABSENT): (_DONE, None, None, _DONE, None),
    (REJECTED, None): (None, None, None, None, None),
    (REJECTED, FINAL): (None, None, None, None, None),
    (REJECTED, NOT_SENT): (None, None, None, None, None),
    (REJECTED, TIMED_OUT): (None, None, None, None, None),
    (REJECTED, ABSENT): (_DONE, KEPT, KEPT, KEPT, KEPT),
    (PARTIAL, None): (None, None, None, None, None),
    (PARTIAL, FINAL): (None, None, None, None, None),
    (PARTIAL, NOT_SENT): (None, None, None, None, None),
    (PARTIAL, TIMED_OUT): (None, None, None, None, None),
    (PARTIAL, ABSENT): (None, None, None, None, None),
}


def test_every_state_with_every_problem_is_in_the_table() -> None:
    assert list(_STEPS) == list(
        product((PENDING, IN_DOUBT, CONFIRMED, REJECTED, PARTIAL), (None, FINAL, NOT_SENT, TIMED_OUT, ABSENT))
    )
    assert {state for state, _ in _STEPS} == set(WriteState)


@pytest.mark.parametrize(("before", "results"), _STEPS.items(), ids=lambda given: str(given[0]))
def test_each_event_leads_where_the_table_says(
    before: tuple[WriteState, Problem | None], results: tuple[_Result, ...]
) -> None:
    def result(event: Event) -> _Result:
        try:
            after = step(*before, event)
        except ImpossibleStep:
            return None
        return KEPT if after == before and before[0] is REJECTED else after

    assert tuple(map(result, _EVENTS)) == results


# -- a write of one call


def test_a_write_that_landed_is_confirmed_with_what_it_became() -> None:
    before = entry()

    assert settle(before, Landed(message(7), at(3)), now=at(4)) == replace(
        before, state=CONFIRMED, result=message(7), applied_at=at(3), settled_at=at(4), leased_until=None
    )


@pytest.mark.parametrize(
    ("event", "state", "problem"),
    [
        (Refused(FINAL), REJECTED, FINAL),
        (Refused(NOT_SENT), REJECTED, NOT_SENT),
        (Lost(TIMED_OUT), IN_DOUBT, TIMED_OUT),
    ],
)
def test_a_write_that_did_not_land_says_why(event: Event, state: WriteState, problem: Problem) -> None:
    before = entry()

    assert settle(before, event, now=at(4)) == replace(
        before, state=state, problem=problem, settled_at=at(4), leased_until=None
    )


def test_a_success_after_a_doubt_takes_the_doubt_away_and_every_plan_to_look() -> None:
    before = entry(IN_DOUBT, problem=TIMED_OUT, looks=3, leased_until=at(90), next_look_at=at(50))

    assert settle(before, Landed(message(7)), now=at(60)) == replace(
        before,
        state=CONFIRMED,
        problem=None,
        result=message(7),
        settled_at=at(60),
        leased_until=None,
        next_look_at=None,
    )


def test_what_is_absent_is_rejected_so_that_a_later_sight_still_counts() -> None:
    before = entry(IN_DOUBT, problem=TIMED_OUT)
    rejected = settle(before, Absent(_UNSEEN), now=at(950))

    assert rejected == replace(
        before, state=REJECTED, problem=replace(_UNSEEN, by_absence=True), settled_at=at(950)
    )
    assert settle(rejected, Landed(message(7)), now=at(2000)) == replace(
        before, state=CONFIRMED, problem=None, result=message(7), settled_at=at(2000)
    )


def test_a_doubt_told_again_is_as_old_as_at_first() -> None:
    before = entry(IN_DOUBT, problem=GONE)

    assert settle(before, Lost(TIMED_OUT), now=at(70)) == replace(before, problem=TIMED_OUT)


def test_what_a_change_became_is_its_target_and_no_new_object() -> None:
    before = entry()

    assert settle(before, Landed(TICKET), now=at(4)) == replace(
        before, state=CONFIRMED, settled_at=at(4), leased_until=None
    )


@pytest.mark.parametrize("later", [Landed(), Landed(message(8), at(9)), Landed(TICKET), Lost(TIMED_OUT)])
def test_a_result_once_known_stays(later: Event) -> None:
    before = entry(CONFIRMED, result=message(7), applied_at=at(3))

    assert settle(before, later, now=at(60)) == before


def test_a_confirmed_write_without_a_result_gets_it_later() -> None:
    before = entry(CONFIRMED, next_look_at=at(20))

    assert settle(before, Landed(message(7), at(3)), now=at(60)) == replace(
        before, result=message(7), applied_at=at(3), next_look_at=None
    )


def test_a_contradiction_is_no_step() -> None:
    with pytest.raises(ImpossibleStep, match="Refused after CONFIRMED"):
        settle(entry(CONFIRMED), Refused(FINAL), now=at(60))


def test_nobody_looks_for_a_write_that_is_being_sent() -> None:
    with pytest.raises(ImpossibleStep, match="being sent"):
        settle(entry(), Absent(_UNSEEN), now=at(60))


# -- a write of several calls

_SUMS: dict[frozenset[WriteState], WriteState] = {
    frozenset({PENDING}): PENDING,
    frozenset({CONFIRMED}): CONFIRMED,
    frozenset({REJECTED}): REJECTED,
    frozenset({IN_DOUBT}): IN_DOUBT,
    frozenset({PENDING, CONFIRMED}): PENDING,
    frozenset({PENDING, REJECTED}): PENDING,
    frozenset({PENDING, IN_DOUBT}): PENDING,
    frozenset({CONFIRMED, REJECTED}): PARTIAL,
    frozenset({CONFIRMED, IN_DOUBT}): PARTIAL,
    frozenset({REJECTED, IN_DOUBT}): PARTIAL,
    frozenset({PENDING, CONFIRMED, REJECTED}): PENDING,
    frozenset({PENDING, CONFIRMED, IN_DOUBT}): PENDING,
    frozenset({PENDING, REJECTED, IN_DOUBT}): PENDING,
    frozenset({CONFIRMED, REJECTED, IN_DOUBT}): PARTIAL,
    frozenset({PENDING, CONFIRMED, REJECTED, IN_DOUBT}): PENDING,
}


def test_several_parts_are_together_what_the_table_says() -> None:
    every = [PENDING, CONFIRMED, REJECTED, IN_DOUBT]
    seen = {
        states: state_of(tuple(map(Part, messages(len(states)), states)))
        for length in (1, 2, 3, 4)
        for states in product(every, repeat=length)
    }

    assert seen == {states: _SUMS[frozenset(states)] for states in seen}
    assert {frozenset(states) for states in seen} == set(_SUMS)


def test_parts_become_known_one_after_the_other_under_one_lease() -> None:
    first, second, third = messages(3)
    before = parted(Part(first), Part(second), Part(third))

    some = settle_parts(before, {0: Landed(already=True), 2: Refused(FINAL)}, now=at(4))
    assert some == replace(
        before,
        parts=(
            Part(first, CONFIRMED, already=True),
            Part(second),
            Part(third, REJECTED, problem=FINAL),
        ),
    )

    assert settle_parts(some, {1: Lost(TIMED_OUT)}, now=at(9)) == replace(
        some,
        state=PARTIAL,
        parts=(some.parts[0], Part(second, IN_DOUBT, problem=TIMED_OUT), some.parts[2]),
        problem=TIMED_OUT,
        settled_at=at(9),
        leased_until=None,
    )


def test_a_part_that_had_been_so_before_stays_told_as_such() -> None:
    before = parted(Part(message(1), CONFIRMED, already=True), Part(message(2)))

    assert settle_parts(before, {0: Landed(), 1: Landed()}, now=at(4)).parts == (
        Part(message(1), CONFIRMED, already=True),
        Part(message(2), CONFIRMED),
    )


def test_a_sum_is_as_old_as_its_last_change() -> None:
    doubt = Part(message(1), IN_DOUBT, problem=TIMED_OUT)
    before = parted(doubt, replace(doubt, target=message(2)), state=IN_DOUBT, problem=TIMED_OUT)

    same = settle_parts(before, {}, now=at(60))
    assert same == before

    partial = settle_parts(before, {0: Landed()}, now=at(60))
    assert partial == replace(
        before, state=PARTIAL, settled_at=at(60), parts=(Part(message(1), CONFIRMED), before.parts[1])
    )

    assert settle_parts(partial, {1: Landed()}, now=at(70)) == replace(
        partial,
        state=CONFIRMED,
        problem=None,
        settled_at=at(70),
        parts=(Part(message(1), CONFIRMED), Part(message(2), CONFIRMED)),
    )


def test_nothing_to_send_is_settled_at_once() -> None:
    before = parted(Part(message(1), CONFIRMED, already=True))

    assert summed_up(before, now=at(1)) == replace(
        before, state=CONFIRMED, settled_at=at(1), leased_until=None
    )


def test_one_contradicted_part_changes_no_other() -> None:
    before = parted(Part(message(1)), Part(message(2), REJECTED, problem=FINAL))

    with pytest.raises(ImpossibleStep, match="Landed after REJECTED"):
        settle_parts(before, {0: Landed(), 1: Landed()}, now=at(4))


def test_the_parts_that_nobody_is_sure_of_are_told_by_their_places() -> None:
    known = parted(
        Part(message(1), IN_DOUBT, problem=TIMED_OUT),
        Part(message(2), CONFIRMED),
        Part(message(3), REJECTED, problem=ABSENT),
        Part(message(4), REJECTED, problem=FINAL),
        Part(message(5), IN_DOUBT, problem=TIMED_OUT),
        Part(message(6)),
        state=PARTIAL,
    )

    assert in_doubt(known) == (0, 4)
    assert unsure(known) == (0, 2, 4)
    assert (in_doubt(entry(IN_DOUBT)), unsure(entry(IN_DOUBT))) == ((), ())


# -- a sender that is gone


def test_a_write_whose_sender_is_gone_is_in_doubt_and_to_be_looked_at_at_once() -> None:
    before = entry()

    assert lapsed(before, GONE, now=at(80)) == replace(
        before, state=IN_DOUBT, problem=GONE, settled_at=at(80), leased_until=None, next_look_at=at(80)
    )


def test_of_several_parts_only_those_without_an_outcome_are_in_doubt_then() -> None:
    before = parted(Part(message(1), CONFIRMED), Part(message(2)), Part(message(3)))

    assert lapsed(before, GONE, now=at(80)) == replace(
        before,
        state=PARTIAL,
        parts=(
            Part(message(1), CONFIRMED),
            Part(message(2), IN_DOUBT, problem=GONE),
            Part(message(3), IN_DOUBT, problem=GONE),
        ),
        problem=GONE,
        settled_at=at(80),
        leased_until=None,
        next_look_at=at(80),
    )


# -- a new attempt

_REPEATABLE: list[tuple[Entry, bool]] = [
    (entry(), False),
    (entry(CONFIRMED), False),
    (entry(IN_DOUBT, problem=TIMED_OUT), False),
    (entry(IN_DOUBT, problem=NOT_SENT), False),
    (entry(REJECTED, problem=FINAL), False),
    (entry(REJECTED, problem=ABSENT), False),
    (entry(REJECTED, problem=None), False),
    (entry(REJECTED, problem=NOT_SENT), True),
    (parted(Part(message(1)), Part(message(2), REJECTED, problem=NOT_SENT)), False),
    (parted(Part(message(1), CONFIRMED), state=CONFIRMED), False),
    (parted(Part(message(1), REJECTED, problem=FINAL), state=REJECTED, problem=NOT_SENT), False),
    (parted(Part(message(1), IN_DOUBT, problem=NOT_SENT), state=IN_DOUBT), False),
    (parted(Part(message(1), REJECTED, problem=NOT_SENT), state=REJECTED), True),
    (
        parted(
            Part(message(1), IN_DOUBT, problem=TIMED_OUT),
            Part(message(2), REJECTED, problem=NOT_SENT),
            state=PARTIAL,
        ),
        True,
    ),
]


@pytest.mark.parametrize(("known", "repeatable"), _REPEATABLE)
def test_only_what_was_certainly_not_applied_may_be_sent_again(known: Entry, repeatable: bool) -> None:
    assert may_repeat(known) is repeatable
    if not repeatable:
        with pytest.raises(ImpossibleStep, match=f"a new attempt after {known.state}"):
            reopened(known, baseline=None, leased_until=at(100))


def test_a_new_attempt_is_the_same_write_under_a_new_lease() -> None:
    before = entry(REJECTED, problem=NOT_SENT, attempts=2, version=5)

    assert reopened(before, baseline="seen: 9", leased_until=at(100)) == replace(
        before,
        state=PENDING,
        problem=None,
        settled_at=None,
        baseline="seen: 9",
        attempts=3,
        leased_until=at(100),
    )


def test_a_new_attempt_is_only_at_the_parts_that_were_certainly_not_applied() -> None:
    kept = (
        Part(message(1), CONFIRMED, already=True),
        Part(message(2), IN_DOUBT, problem=TIMED_OUT),
        Part(message(3), REJECTED, problem=FINAL),
        Part(message(4), REJECTED, problem=ABSENT),
    )
    before = parted(
        *kept,
        Part(message(5), REJECTED, problem=NOT_SENT),
        state=PARTIAL,
        problem=TIMED_OUT,
        next_look_at=at(30),
    )

    assert reopened(before, baseline=None, leased_until=at(100)) == replace(
        before,
        state=PENDING,
        problem=None,
        settled_at=None,
        attempts=2,
        leased_until=at(100),
        next_look_at=None,
        parts=(*kept, Part(message(5))),
    )


# -- sequences

_RESULTS = st.none() | st.sampled_from([TICKET, message(7), message(8)])
_EVENT = st.one_of(
    st.builds(Landed, _RESULTS, st.none() | st.just(at(3)), st.booleans()),
    st.sampled_from([Refused(FINAL), Refused(NOT_SENT), Lost(TIMED_OUT), Absent(_UNSEEN)]),
)
_AGAIN, _LAPSE = "again", "lapse"
_IDENTITY = (
    "id", "principal", "credential", "operation", "source", "target", "key", "fingerprint", "input",
    "submitted_at", "looks", "version", "replayed",
)  # fmt: skip


def _identity(known: Entry) -> list[object]:
    return [getattr(known, name) for name in _IDENTITY]


def _follows(before: WriteState, was: Problem | None, after: WriteState, told: Problem | None) -> None:
    """What must hold of two states one after the other, whatever happened."""
    if before is CONFIRMED:
        assert after is CONFIRMED, "a confirmed write stays so"
    if before is REJECTED and was is not None and not was.repeatable and not was.by_absence:
        assert (after, told) == (before, was), "a final refusal is final"
    if before is REJECTED and after is PENDING:
        assert was is not None
        assert was.repeatable, "sent again only if certainly not applied"
    if before is IN_DOUBT:
        assert after is not PENDING, "never sent again while nobody knows"
    assert (told is None) is (after in {PENDING, CONFIRMED}), "a problem exactly where something is wrong"


def _next(known: Entry, event: Event | str, now_s: int) -> Entry:
    if event == _AGAIN:
        return reopened(known, baseline="again", leased_until=at(now_s + 75))
    if event == _LAPSE:
        return lapsed(known, GONE, now=at(now_s)) if known.state is PENDING else known
    assert not isinstance(event, str)
    return settle(known, event, now=at(now_s))


@given(st.lists(_EVENT | st.sampled_from([_AGAIN, _LAPSE]), max_size=12))
def test_no_sequence_of_events_makes_an_impossible_entry(events: list[Event | str]) -> None:
    known = entry()
    for second, event in enumerate(events, start=100):
        try:
            after = _next(known, event, second)
        except ImpossibleStep:
            continue
        _follows(known.state, known.problem, after.state, after.problem)
        assert _identity(after) == _identity(known)
        assert (after.settled_at is None) is (after.state is PENDING)
        assert (after.leased_until is None) is (after.state is not PENDING)
        assert after.attempts - known.attempts == (event == _AGAIN)
        assert after.result != TICKET
        if known.result is not None:
            assert after.result == known.result
        known = after


@given(
    st.integers(1, 4),
    st.lists(
        st.dictionaries(st.integers(0, 3), _EVENT, max_size=4) | st.sampled_from([_AGAIN, _LAPSE]),
        max_size=12,
    ),
)
def test_no_sequence_of_events_makes_impossible_parts(
    count: int, steps: Sequence[dict[int, Event] | str]
) -> None:
    known = parted(*map(Part, messages(count)))
    for second, each in enumerate(steps, start=100):
        try:
            if isinstance(each, str):
                after = _next(known, each, second)
            else:
                events = {position: event for position, event in each.items() if position < count}
                after = settle_parts(known, events, now=at(second))
        except ImpossibleStep:
            continue
        targets: list[Ref] = []
        for part, new in zip(known.parts, after.parts, strict=True):
            _follows(part.state, part.problem, new.state, new.problem)
            assert new.already or not part.already
            targets.append(new.target)
        assert targets == list(messages(count))
        assert _identity(after) == _identity(known)
        assert after.state is _SUMS[frozenset(part.state for part in after.parts)]
        assert (after.problem is None) is (after.state in {PENDING, CONFIRMED})
        assert (after.settled_at is None) is (after.state is PENDING)
        assert (after.leased_until is None) is (after.state is not PENDING)
        known = after
