"""What a sight of the source says of a write. Pure."""

from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime

from gateway.domain.errors import RefusalCode
from gateway.domain.ids import Ref
from gateway.domain.ledger import Entry, Problem, WriteState
from gateway.domain.writes import Sighting
from gateway.writes import states

_ABSENT = (
    "The write did not arrive: its source does not show it, long after it was sent. "
    "Send it again with a new idempotencyKey."
)
_SEVERAL = "Several objects at the source could be it."
_RIVAL = "The source shows one such object, and an equal write may have become that."


def judge(
    entry: Entry,
    sighting: Sighting,
    owned: AbstractSet[Ref],
    *,
    settled: bool,
    rival: bool = False,
    now: datetime,
) -> Entry:
    """The next entry of a write that was looked for.

    Args:
        entry: One that a look can tell something about.
        sighting: What the source shows.
        owned: Those of the objects seen that other writes have become.
        settled: Whether the write would have been applied by now, if it ever is.
        rival: Whether another, equal write may be what is seen.
        now: The time.
    """
    if entry.parts:
        return _judge_parts(entry, sighting, settled=settled, now=now)
    # What a change has become is its target, even if that is what another write has made.
    matches = [match for match in sighting.matches if match == entry.target or match not in owned]
    event = _event(matches, sighting, settled=settled and owned >= set(sighting.near))
    if isinstance(event, states.Landed) and rival and entry.state is not WriteState.CONFIRMED:
        event = None
    if event is None:
        reason = _RIVAL if rival and len(matches) == 1 else _SEVERAL if matches else sighting.reason
        return _because(entry, reason) if reason and entry.state is WriteState.IN_DOUBT else entry
    if isinstance(event, states.Absent) and entry.state is not WriteState.IN_DOUBT:
        return entry
    return states.settle(entry, event, now=now)


def _event(matches: list[Ref], sighting: Sighting, *, settled: bool) -> states.Event | None:
    if len(matches) == 1:
        return states.Landed(matches[0])
    if not matches and sighting.absence_proves and settled:
        return states.Absent(Problem(RefusalCode.REJECTED_BY_SOURCE.value, _ABSENT))
    return None


def _judge_parts(entry: Entry, sighting: Sighting, *, settled: bool, now: datetime) -> Entry:
    events: dict[int, states.Event] = {}
    for position in states.unsure(entry):
        target = entry.parts[position].target
        event = _event([target] if target in sighting.matches else [], sighting, settled=settled)
        if event is not None:
            events[position] = event
    return states.settle_parts(entry, events, now=now)


def _because(entry: Entry, reason: str) -> Entry:
    """The entry with the reason why it can't be told, beside what had made it doubtful."""
    assert entry.problem is not None
    said = entry.problem.message.partition(" (")[0]
    return replace(entry, problem=replace(entry.problem, message=f"{said} ({reason})"))
