"""The life of a write, pure: an entry and what became known make the next entry.

PENDING -> CONFIRMED | REJECTED | IN_DOUBT       by its sender, or by its sender's lease running out
IN_DOUBT -> CONFIRMED | REJECTED                 by a look at the source, or by a person
REJECTED -> PENDING                              only if certainly not applied, and asked for again
REJECTED -> CONFIRMED                            only if rejected by absence, and seen after all

A write of several calls has this life for each part; its own state sums them up.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

from gateway.domain.ids import Ref
from gateway.domain.ledger import Entry, Part, Problem, WriteState


@dataclass(frozen=True, slots=True)
class Landed:
    """It is at the source: it answered so, or shows it. `already`: it had been so before."""

    result: Ref | None = None
    applied_at: datetime | None = None
    already: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """It was certainly not applied: the source said no, or never got it."""

    problem: Problem


@dataclass(frozen=True, slots=True)
class Lost:
    """It was sent, and nobody can say what became of it."""

    problem: Problem


@dataclass(frozen=True, slots=True)
class Absent:
    """Long after it was sent, the source doesn't show it, and would if it had been applied."""

    problem: Problem


Event = Landed | Refused | Lost | Absent


class ImpossibleStep(Exception):
    """What became known contradicts what was known."""


def step(state: WriteState, problem: Problem | None, event: Event) -> tuple[WriteState, Problem | None]:
    """The next state of a write, or of one part.

    Raises:
        ImpossibleStep: The event can't follow this state.
    """
    match state:
        case WriteState.PENDING | WriteState.IN_DOUBT:
            return _open_step(state, event)
        case WriteState.CONFIRMED:
            # A sender that was given up learns of its own doubt later than others of the success.
            if isinstance(event, Landed | Lost):
                return state, None
        case WriteState.REJECTED:
            if problem is not None and problem.by_absence:
                return (WriteState.CONFIRMED, None) if isinstance(event, Landed) else (state, problem)
        case WriteState.PARTIAL:
            pass
        case _:
            assert_never(state)
    raise ImpossibleStep(f"{type(event).__name__} after {state}")


def _open_step(state: WriteState, event: Event) -> tuple[WriteState, Problem | None]:
    match event:
        case Landed():
            return WriteState.CONFIRMED, None
        case Refused(problem):
            return WriteState.REJECTED, problem
        case Lost(problem):
            return WriteState.IN_DOUBT, problem
        case Absent(problem):
            if state is WriteState.PENDING:
                raise ImpossibleStep("nobody looks for a write that is being sent")
            return WriteState.REJECTED, replace(problem, by_absence=True)
        case _:
            assert_never(event)


def settle(entry: Entry, event: Event, *, now: datetime) -> Entry:
    """The next entry of a write of one call; whoever held it lets go.

    Raises:
        ImpossibleStep: The event can't follow the entry's state.
    """
    state, problem = step(entry.state, entry.problem, event)
    landed = event if isinstance(event, Landed) else Landed()
    # What a change has become is its target: that is no new object.
    result = None if landed.result == entry.target else landed.result
    return replace(
        entry,
        state=state,
        problem=problem,
        result=entry.result or result,
        applied_at=entry.applied_at or landed.applied_at,
        settled_at=now if state is not entry.state else entry.settled_at,
        leased_until=None,
        next_look_at=None,
    )


def settle_parts(entry: Entry, events: Mapping[int, Event], *, now: datetime) -> Entry:
    """The next entry of a write of several calls, of which some parts became known. A lease stays.

    Args:
        entry: It.
        events: Position of a part -> what became known of it.
        now: The time.
    Raises:
        ImpossibleStep: An event can't follow its part's state.
    """
    parts = list(entry.parts)
    for position, event in events.items():
        part = parts[position]
        state, problem = step(part.state, part.problem, event)
        already = part.already or (isinstance(event, Landed) and event.already)
        parts[position] = replace(part, state=state, problem=problem, already=already)
    return summed_up(replace(entry, parts=tuple(parts)), now=now)


def summed_up(entry: Entry, *, now: datetime) -> Entry:
    """An entry whose state and problem say what its parts' do."""
    state = state_of(entry.parts)
    problems = [part.problem for part in entry.parts if part.problem is not None]
    changed = state is not entry.state
    open_ = state is WriteState.PENDING
    return replace(
        entry,
        state=state,
        problem=problems[0] if problems and not open_ else None,
        settled_at=None if open_ else now if changed or entry.settled_at is None else entry.settled_at,
        leased_until=entry.leased_until if open_ else None,
        next_look_at=None,
    )


def state_of(parts: tuple[Part, ...]) -> WriteState:
    """What several parts are together: PENDING while one is, PARTIAL where they differ."""
    states = {part.state for part in parts}
    if WriteState.PENDING in states:
        return WriteState.PENDING
    return states.pop() if len(states) == 1 else WriteState.PARTIAL


def lapsed(entry: Entry, problem: Problem, *, now: datetime) -> Entry:
    """A PENDING entry whose sender has not been heard of within its lease: in doubt, and to be looked for."""
    if entry.parts:
        pending = [index for index, part in enumerate(entry.parts) if part.state is WriteState.PENDING]
        doubtful = settle_parts(entry, dict.fromkeys(pending, Lost(problem)), now=now)
    else:
        doubtful = settle(entry, Lost(problem), now=now)
    # Whoever found it may go before looking for it, or not look at all.
    return replace(doubtful, next_look_at=now)


def may_repeat(entry: Entry) -> bool:
    """Whether something of it was certainly not applied, and the same key may send that again."""
    if entry.state is WriteState.PENDING:
        return False
    if not entry.parts:
        return entry.state is WriteState.REJECTED and _repeatable(entry.problem)
    return any(part.state is WriteState.REJECTED and _repeatable(part.problem) for part in entry.parts)


def reopened(entry: Entry, *, baseline: str | None, leased_until: datetime) -> Entry:
    """The entry of a new attempt at what was certainly not applied.

    Raises:
        ImpossibleStep: There is nothing of the kind.
    """
    if not may_repeat(entry):
        raise ImpossibleStep(f"a new attempt after {entry.state}")
    parts = tuple(
        Part(part.target) if part.state is WriteState.REJECTED and _repeatable(part.problem) else part
        for part in entry.parts
    )
    return replace(
        entry,
        parts=parts,
        state=WriteState.PENDING,
        problem=None,
        baseline=baseline,
        attempts=entry.attempts + 1,
        settled_at=None,
        leased_until=leased_until,
        next_look_at=None,
    )


def in_doubt(entry: Entry) -> tuple[int, ...]:
    """Positions of the parts that are in doubt."""
    return tuple(index for index, part in enumerate(entry.parts) if part.state is WriteState.IN_DOUBT)


def unsure(entry: Entry) -> tuple[int, ...]:
    """Positions of the parts that a look can tell something about: in doubt, or rejected by absence."""
    return tuple(
        index
        for index, part in enumerate(entry.parts)
        if part.state is WriteState.IN_DOUBT or (part.problem is not None and part.problem.by_absence)
    )


def _repeatable(problem: Problem | None) -> bool:
    return problem is not None and problem.repeatable
