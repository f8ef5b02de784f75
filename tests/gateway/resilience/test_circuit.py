"""The circuit's states, one transition after another."""

import pytest

from gateway.domain.health import CircuitState
from gateway.resilience.circuit import (
    CircuitOptions,
    Closed,
    HalfOpen,
    Open,
    Outcome,
    Rules,
    State,
    opened,
)

_OPTIONS = CircuitOptions(
    window_s=30,
    min_calls=10,
    failure_rate=0.5,
    slow_rate=0.8,
    first_pause_s=4,
    max_pause_s=30,
    probes=3,
)
_LONGEST = Rules(_OPTIONS, uniform=lambda _, high: high)
_SHORTEST = Rules(_OPTIONS, uniform=lambda low, _: low)


def _after(state: State, *outcomes: Outcome, now_s: float = 100.0) -> State:
    for outcome in outcomes:
        assert not isinstance(state, Open)
        state = state.next(outcome, now_s)
    return state


def _half_open(probes: int) -> HalfOpen:
    """With so many probes under way."""
    state = HalfOpen(_LONGEST, since_s=100.0, openings=1)
    for _ in range(probes):
        assert state.admit(100.0) is state
    return state


# -- closed


def test_closed_lets_every_call_through() -> None:
    closed = Closed(_LONGEST, since_s=0.0)

    assert [closed.admit(100.0) for _ in range(100)] == [closed] * 100


@pytest.mark.parametrize(
    ("counted", "state"),
    [
        # Fewer calls than the minimum say too little, however bad they are.
        ({Outcome.FAILED: 9}, CircuitState.CLOSED),
        ({Outcome.FAILED: 10}, CircuitState.OPEN),
        ({Outcome.WELL: 6, Outcome.FAILED: 5}, CircuitState.CLOSED),
        ({Outcome.WELL: 5, Outcome.FAILED: 5}, CircuitState.OPEN),
        ({Outcome.WELL: 100, Outcome.FAILED: 99}, CircuitState.CLOSED),
        ({Outcome.WELL: 100, Outcome.FAILED: 100}, CircuitState.OPEN),
        # Slow calls have a rate of their own,
        ({Outcome.WELL: 3, Outcome.SLOW: 7}, CircuitState.CLOSED),
        ({Outcome.WELL: 2, Outcome.SLOW: 8}, CircuitState.OPEN),
        # and one that failed slowly counts for both.
        ({Outcome.WELL: 6, Outcome.FAILED: 2, Outcome.FAILED_SLOWLY: 3}, CircuitState.CLOSED),
        ({Outcome.WELL: 5, Outcome.FAILED: 2, Outcome.FAILED_SLOWLY: 3}, CircuitState.OPEN),
        ({Outcome.WELL: 2, Outcome.SLOW: 5, Outcome.FAILED_SLOWLY: 3}, CircuitState.OPEN),
        # What tells nothing of the source isn't even a call.
        ({Outcome.CUT: 50, Outcome.NOT_SENT: 50, Outcome.FAILED: 9}, CircuitState.CLOSED),
        ({Outcome.CUT: 50, Outcome.NOT_SENT: 50, Outcome.FAILED: 10}, CircuitState.OPEN),
    ],
)
def test_closed_opens_by_the_shares_of_enough_calls(counted: dict[Outcome, int], state: CircuitState) -> None:
    outcomes = [outcome for outcome, count in counted.items() for _ in range(count)]

    assert _after(Closed(_LONGEST, 0.0), *outcomes).name is state


def test_what_is_long_past_does_not_count() -> None:
    closed = _after(Closed(_LONGEST, 0.0), *[Outcome.FAILED] * 9, now_s=100.0)

    assert _after(closed, Outcome.FAILED, now_s=131.0) is closed


def test_doing_well_never_opens() -> None:
    # Most of what failed has just been outnumbered; a success is no occasion to judge.
    closed = _after(Closed(_LONGEST, 0.0), *[Outcome.FAILED] * 9)

    assert _after(closed, *[Outcome.WELL] * 20) is closed


# -- open


@pytest.mark.parametrize(("rules", "until_s"), [(_LONGEST, 104.0), (_SHORTEST, 102.0)])
def test_opening_says_until_when(rules: Rules, until_s: float) -> None:
    state = _after(Closed(rules, 0.0), *[Outcome.FAILED] * 10, now_s=100.0)

    assert isinstance(state, Open)
    assert (state.since_s, state.until_s, state.openings) == (100.0, until_s, 1)


def test_open_lets_nothing_through_until_its_time_is_over() -> None:
    state = opened(_LONGEST, 100.0, openings=0)

    assert [state.admit(now_s) for now_s in (100.0, 102.0, 103.999)] == [None, None, None]


def test_the_first_call_after_that_is_a_probe() -> None:
    probing = opened(_LONGEST, 100.0, openings=0).admit(104.0)

    assert isinstance(probing, HalfOpen)
    assert (probing.since_s, probing.under_way, probing.passed, probing.openings) == (104.0, 1, 0, 1)


def test_each_opening_in_a_row_lasts_twice_as_long_up_to_a_limit() -> None:
    pauses = [opened(_LONGEST, 100.0, openings=before).until_s - 100 for before in range(6)]

    assert pauses == [4, 8, 16, 30, 30, 30]


# -- half-open


def test_half_open_lets_as_many_probes_through_as_are_needed() -> None:
    state = _half_open(probes=3)

    assert state.admit(100.0) is None


def test_a_probe_that_did_well_makes_no_room_for_a_further_one() -> None:
    state = _half_open(probes=3)

    assert _after(state, Outcome.WELL) is state
    assert state.admit(100.0) is None


@pytest.mark.parametrize("outcome", [Outcome.CUT, Outcome.NOT_SENT])
def test_a_probe_that_tells_nothing_makes_room_for_another(outcome: Outcome) -> None:
    state = _half_open(probes=3)

    assert _after(state, outcome) is state
    assert (state.admit(100.0), state.admit(100.0)) == (state, None)


def test_half_open_closes_once_all_probes_did_well() -> None:
    state = _after(_half_open(probes=3), *[Outcome.WELL] * 3, now_s=107.0)

    assert isinstance(state, Closed)
    assert (state.since_s, list(state.window.totals(107.0))) == (107.0, [0, 0, 0, 0])


@pytest.mark.parametrize("passed", [0, 1, 2])
@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.SLOW, Outcome.FAILED_SLOWLY])
def test_one_probe_that_did_not_do_well_opens_it_again_for_longer(passed: int, outcome: Outcome) -> None:
    state = _after(_half_open(probes=3), *[Outcome.WELL] * passed, outcome, now_s=107.0)

    assert isinstance(state, Open)
    assert (state.since_s, state.until_s, state.openings) == (107.0, 115.0, 2)


# -- and again


def test_a_source_that_flaps_is_left_alone_for_longer_each_time() -> None:
    closed = _after(_half_open(probes=3), *[Outcome.WELL] * 3, now_s=110.0)

    state = _after(closed, *[Outcome.FAILED] * 10, now_s=120.0)

    assert isinstance(state, Open)
    assert (state.until_s - 120.0, state.openings) == (8.0, 2)


def test_after_a_quiet_window_the_pauses_begin_anew() -> None:
    closed = _after(_half_open(probes=3), *[Outcome.WELL] * 3, now_s=110.0)

    state = _after(closed, *[Outcome.FAILED] * 10, now_s=140.0)

    assert isinstance(state, Open)
    assert (state.until_s - 140.0, state.openings) == (4.0, 1)
