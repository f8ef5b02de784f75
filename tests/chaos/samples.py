"""Made-up writes, rows, arrivals and answers for the tests of what compares them."""

from datetime import UTC, datetime

from gateway.domain.ids import EntityType, Ref
from gateway.domain.ledger import Entry, Part, Problem, WriteState
from gateway.sandbox.faults import Mishap
from tests.chaos import pieces
from tests.chaos.kinds import Draft, Kind, Tells
from tests.chaos.pieces import HUB
from tests.chaos.plan import Phase, Planned
from tests.chaos.witness import Seen, Told, Word

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
TEXT = pieces.mark(7, 1)
DOUBT = Problem("SOURCE_TIMEOUT", "It may have been applied.")

CONFIRMED = Word(WriteState.CONFIRMED)
REJECTED = Word(WriteState.REJECTED)
ABSENT = Word(WriteState.REJECTED, by_absence=True)
REPEATABLE = Word(WriteState.REJECTED, repeatable=True)
IN_DOUBT = Word(WriteState.IN_DOUBT)


def planned(
    *,
    source: str = HUB,
    tells: Tells = Tells.ALL,
    known_by: tuple[str, ...] = (TEXT,),
    phase: Phase = Phase.STORM,
    twins: int = 1,
) -> Planned:
    kind = Kind(source=source, operation="reply", weight=1, tells=tells, make=lambda *_: Draft({}))
    return Planned(number=1, phase=phase, kind=kind, key="key-1", input={}, pieces=known_by, twins=twins)


def row(state: WriteState, problem: Problem | None = None, *, parts: tuple[Part, ...] = ()) -> Entry:
    return Entry(
        id="0" * 32,
        principal="anybody",
        credential="",
        operation="reply",
        source=HUB,
        target=None,
        key="key-1",
        fingerprint="",
        state=state,
        submitted_at=NOW,
        problem=problem,
        parts=parts,
    )


def part(number: int, state: WriteState) -> Part:
    return Part(Ref(EntityType.MESSAGE, HUB, ("guid", str(number))), state)


def arrived(*of: str, mishap: Mishap | None = None, applied: bool | None = True, source: str = HUB) -> Seen:
    return Seen(source, frozenset(of or (TEXT,)), mishap, applied)


def told(*words: Word, client: int = 0, refusals: tuple[str, ...] = (), failure: str = "") -> list[Told]:
    answers = [Told(1, client, {TEXT: word}) for word in words]
    return answers or [Told(1, client, {}, refusals=refusals, failure=failure)]
