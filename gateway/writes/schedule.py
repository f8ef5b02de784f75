"""When to look at the source for a write that nobody is sure of. Pure."""

from dataclasses import replace
from datetime import datetime, timedelta

from gateway.domain.catalog import Source
from gateway.domain.ledger import Entry, WriteState
from gateway.domain.ports import WriteFinder
from gateway.writes import states

# The first look comes soon, for most writes that got no answer are there. Then each pause is twice as long.
_FIRST_PAUSE = timedelta(seconds=2)
_LONGEST_PAUSE = timedelta(hours=1)
# Nobody has seen a write land later than this: what is still in doubt then, stays so for a person.
_LOOK_FOR = timedelta(hours=24)
# A write that was confirmed, but not which object it became, is looked for less long.
_LOOK_FOR_RESULT = timedelta(minutes=10)
_HAVE_RESULTS = frozenset({"reply", "createCaseMessage", "createTicket", "createNotificationSubscription"})


def open_for(entry: Entry) -> timedelta | None:
    """How long after its outcome an entry is worth a look at the source; None for not at all."""
    if entry.state is WriteState.IN_DOUBT or states.unsure(entry):
        return _LOOK_FOR
    if entry.problem is not None and entry.problem.by_absence:
        return _LOOK_FOR
    if entry.state is WriteState.CONFIRMED and entry.result is None and entry.operation in _HAVE_RESULTS:
        return _LOOK_FOR_RESULT
    return None


def settled(entry: Entry, source: Source, *, now: datetime) -> bool:
    """Whether a write in doubt would have been applied by now, if it ever is."""
    return now >= _settling_ends(entry, source)


def next_look(entry: Entry, source: Source | None, *, now: datetime) -> Entry:
    """The entry with the time of its next look, if there is to be one.

    `source` is None where it isn't configured, or not as it was: that may come back.
    """
    span = open_for(entry)
    if span is None or entry.settled_at is None:
        return replace(entry, next_look_at=None)
    if source is None:
        later = now + _LONGEST_PAUSE
        return replace(entry, next_look_at=later if later <= entry.settled_at + span else None)
    if source.port(WriteFinder) is None:
        return replace(entry, next_look_at=None)
    at = now + min(_FIRST_PAUSE * 2 ** min(entry.looks, 20), _LONGEST_PAUSE)
    if entry.state in {WriteState.IN_DOUBT, WriteState.PARTIAL} and not settled(entry, source, now=now):
        # Absence counts from then on, so that is when to look.
        at = min(at, _settling_ends(entry, source))
    ends = entry.settled_at + span + timedelta(seconds=source.settling_s)
    return replace(entry, next_look_at=at if at <= ends else None)


def _settling_ends(entry: Entry, source: Source) -> datetime:
    return (entry.settled_at or entry.submitted_at) + timedelta(seconds=source.settling_s)
