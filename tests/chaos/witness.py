"""Compares what the ledger and the clients say with what came in at the sources. Pure.

The sources' logs of arrivals are the truth: they tell of every request whether it was carried out.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gateway.domain.ledger import Entry, Problem, WriteState
from gateway.sandbox.faults import Mishap
from tests.chaos import pieces
from tests.chaos.kinds import Tells
from tests.chaos.pieces import TELECOMX, TULO
from tests.chaos.plan import Phase, Planned

# Where a request may be refused for its token alone, and so be sent again with a new one.
_LOGS_IN = frozenset({TELECOMX, TULO})


class Verdict(StrEnum):
    """What may never be."""

    SENT_TWICE = "sent twice"
    CONFIRMED_MISSING = "CONFIRMED, but not at the source"
    REJECTED_LANDED = "REJECTED, but at the source"
    NO_ROW = "arrived without a row"
    STRAY = "arrived, and nobody had asked for it"
    TWO_ROWS = "two rows for one key"
    LEFT_PENDING = "left PENDING"
    LEFT_IN_DOUBT = "left IN_DOUBT where the source can tell"
    NO_REASON = "IN_DOUBT without a reason"
    TOO_EARLY = "called rejected for want of being shown, while it was at the source"
    TWO_OUTCOMES = "two outcomes told for one key"
    TOLD_OTHERWISE = "told otherwise than the ledger says"
    NO_ANSWER = "a client got no outcome"
    COMPLAINT = "a worker logged an error"


# What a source that has lost its data says proves nothing, for the gateway as for us.
_NOT_COMPARED = {
    Phase.FORGETFUL: frozenset(
        {
            Verdict.CONFIRMED_MISSING,
            Verdict.REJECTED_LANDED,
            Verdict.LEFT_IN_DOUBT,
            Verdict.NO_REASON,
            Verdict.TOO_EARLY,
        }
    )
}


@dataclass(frozen=True, slots=True)
class Seen:
    """A request that changes something, as it arrived; `applied` is None while it is still to be applied."""

    source: str
    pieces: frozenset[str]
    mishap: Mishap | None
    applied: bool | None
    request: str = ""

    @property
    def refused_unread(self) -> bool:
        """Whether the gateway can be sure that nothing was done, so that it may send again."""
        if self.applied is not False:
            return False
        return self.mishap is Mishap.THROTTLED or (self.mishap is None and self.source in _LOGS_IN)


@dataclass(frozen=True, slots=True)
class Word:
    """What a client was told of a write, or of one of the messages that it confirms; `code` is the problem's."""

    state: WriteState
    repeatable: bool = False
    by_absence: bool = False
    code: str = ""

    @property
    def final(self) -> WriteState | None:
        """The outcome, where this can't become another one any more."""
        if self.state is WriteState.CONFIRMED:
            return self.state
        if self.state is WriteState.REJECTED and not self.repeatable and not self.by_absence:
            return self.state
        return None


@dataclass(frozen=True, slots=True)
class Told:
    """One answer to one client: words by piece, or why there are none.

    Attributes:
        number: The planned write's.
        client: Which of its clients.
        words: Piece -> what was said of it.
        replayed: Whether the gateway said that it only told it again.
        refusals: Codes of `userErrors`, where nothing was recorded.
        failure: Why a client gave up without an outcome; empty where it didn't.
    """

    number: int
    client: int
    words: Mapping[str, Word]
    replayed: bool = False
    refusals: tuple[str, ...] = ()
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that may never be, with what it is seen by."""

    verdict: Verdict
    what: str
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """All that is known of one planned write."""

    planned: Planned
    rows: tuple[Entry, ...]
    seen: tuple[Seen, ...]
    told: tuple[Told, ...]

    @property
    def name(self) -> str:
        """The write, for people."""
        kind = self.planned.kind
        return f"#{self.planned.number} {self.planned.phase} {kind.source} {kind.name}"

    def states(self) -> dict[str, tuple[WriteState, Problem | None]]:
        """Piece -> what the ledger says of it."""
        if not self.rows:
            return {}
        row = self.rows[0]
        if not row.parts:
            return dict.fromkeys(self.planned.pieces, (row.state, row.problem))
        return {pieces.message(part.target.parts[1]): (part.state, part.problem) for part in row.parts}


def gather(
    planned: Sequence[Planned], rows: Iterable[Entry], seen: Iterable[Seen], told: Iterable[Told]
) -> tuple[list[Case], list[Seen]]:
    """Put together what belongs to each write; and the arrivals that belong to none."""
    by_piece = {piece: each.number for each in planned for piece in each.pieces}
    rows_of, seen_of, told_of = defaultdict(list), defaultdict(list), defaultdict(list)
    stray = []
    for row in rows:
        rows_of[row.key].append(row)
    for arrival in seen:
        owners = {by_piece.get(piece) for piece in arrival.pieces} or {None}
        for owner in owners:
            if owner is None:
                stray.append(arrival)
            else:
                seen_of[owner].append(arrival)
    for answer in told:
        told_of[answer.number].append(answer)
    cases = [
        Case(each, tuple(rows_of[each.key]), tuple(seen_of[each.number]), tuple(told_of[each.number]))
        for each in planned
    ]
    return cases, stray


def judge(cases: Iterable[Case], stray: Iterable[Seen] = ()) -> list[Violation]:
    """Everything that may never be."""
    found = [Violation(Verdict.STRAY, each.source, (each.request,)) for each in stray]
    for case in cases:
        not_compared = _NOT_COMPARED.get(case.planned.phase, frozenset())
        found += [
            Violation(verdict, case.name, tuple(_evidence(case)))
            for verdict in dict.fromkeys(_verdicts(case))
            if verdict not in not_compared
        ]
    return found


def _verdicts(case: Case) -> Iterator[Verdict]:
    yield from _of_rows(case)
    states = case.states()
    for piece in case.planned.pieces:
        arrivals = [each for each in case.seen if piece in each.pieces]
        yield from _of_arrivals(arrivals)
        if piece in states:
            yield from _of_state(case.planned, *states[piece], landed=any(each.applied for each in arrivals))
        state = states[piece][0] if piece in states else None
        words = [each.words[piece] for each in case.told if piece in each.words]
        yield from _of_words(words, state)
        at_once = any(each.applied and each.mishap is not Mishap.APPLIED_LATE for each in arrivals)
        if at_once and any(word.by_absence for word in words):
            yield Verdict.TOO_EARLY
    yield from _of_endings(case)


def _of_rows(case: Case) -> Iterator[Verdict]:
    if case.seen and not case.rows:
        yield Verdict.NO_ROW
    if len(case.rows) > 1:
        yield Verdict.TWO_ROWS


def _of_arrivals(arrivals: Sequence[Seen]) -> Iterator[Verdict]:
    if sum(each.applied is True for each in arrivals) > 1:
        yield Verdict.SENT_TWICE
    if not all(each.refused_unread for each in arrivals[:-1]):
        yield Verdict.SENT_TWICE


def _of_state(
    planned: Planned, state: WriteState, problem: Problem | None, *, landed: bool
) -> Iterator[Verdict]:
    match state:
        case WriteState.PENDING:
            yield Verdict.LEFT_PENDING
        case WriteState.CONFIRMED if not landed:
            yield Verdict.CONFIRMED_MISSING
        case WriteState.REJECTED if landed:
            yield Verdict.REJECTED_LANDED
        case WriteState.IN_DOUBT:
            if planned.kind.tells is Tells.ALL:
                yield Verdict.LEFT_IN_DOUBT
            if problem is None or not problem.message:
                yield Verdict.NO_REASON
        case _:
            pass


def _of_words(words: Sequence[Word], state: WriteState | None) -> Iterator[Verdict]:
    finals = {word.final for word in words} - {None}
    if len(finals) > 1:
        yield Verdict.TWO_OUTCOMES
    if any(final is not state for final in finals):
        yield Verdict.TOLD_OTHERWISE
    absent = any(word.state is WriteState.REJECTED and word.by_absence for word in words)
    if absent and state not in {WriteState.REJECTED, WriteState.CONFIRMED}:
        yield Verdict.TOLD_OTHERWISE


def _of_endings(case: Case) -> Iterator[Verdict]:
    """Each client's last answer."""
    last = {each.client: each for each in case.told}
    if len(last) < case.planned.twins or any(each.failure for each in last.values()):
        yield Verdict.NO_ANSWER
    if case.rows and any(each.refusals for each in last.values()):
        yield Verdict.TOLD_OTHERWISE


def _evidence(case: Case) -> Iterator[str]:
    yield f"known by {', '.join(case.planned.pieces)}"
    for row in case.rows:
        problem = "" if row.problem is None else f" {row.problem.code}: {row.problem.message}"
        yield (
            f"row {row.id} {row.state}{problem} (attempts {row.attempts}, looks {row.looks}, "
            f"submitted {_clock(row.submitted_at)}, settled {_clock(row.settled_at)}, "
            f"leased until {_clock(row.leased_until)}, next look {_clock(row.next_look_at)})"
        )
        for part in row.parts:
            yield f"  part {part.target.parts[1]} {part.state}{' already' if part.already else ''}"
    for arrival in case.seen:
        yield f"arrival {arrival.request}: {arrival.mishap or 'no mishap'}, applied: {arrival.applied}"
    for answer in case.told:
        words = ", ".join(
            f"{word.state}{' repeatable' if word.repeatable else ''}{' by absence' if word.by_absence else ''}"
            for word in answer.words.values()
        )
        again = " again" if answer.replayed else ""
        said = " ".join(filter(None, (words, *answer.refusals, answer.failure)))
        yield f"client {answer.client} was told{again}: {said}"


def _clock(moment: datetime | None) -> str:
    return "-" if moment is None else f"{moment:%H:%M:%S.%f}"
