"""What is written, and what befalls the programs meanwhile. Pure and seeded: the same for the same seed."""

import random
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from tests.chaos import pieces
from tests.chaos.kinds import KINDS, Draft, Kind, Supply
from tests.chaos.targets import Targets

# How long clients wait for an answer before they ask again, and how many of them do so: the gateway itself
# lets a repeat wait 30 s for its twin.
_PATIENCE_S = {40.0: 7, 3.0: 2, 0.3: 1}
_TWINS = 0.15


class Phase(StrEnum):
    """What goes wrong while a write is under way."""

    STORM = "storm"  # Every mishap, kills, crashes; a late write lands before it would be called rejected.
    LATE = "late"  # Every write lands after it would be called rejected.
    FORGETFUL = "forgetful"  # Services lose their data, so what they show proves nothing.


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One write, as its clients want it.

    Attributes:
        number: Its place in the plan.
        phase: What goes wrong around it.
        kind: What it is.
        key: Its idempotency key.
        input: The mutation's input, the key included.
        pieces: What its arrivals are known by: one, or one for each message that it confirms.
        twins: How many clients send it at the same moment, each to another worker.
        patience_s: How long they wait for an answer.
    """

    number: int
    phase: Phase
    kind: Kind
    key: str
    input: Mapping[str, object]
    pieces: tuple[str, ...]
    twins: int = 1
    patience_s: float = 40.0


class Planner:
    """Makes the writes of one run."""

    def __init__(self, targets: Targets, *, seed: int) -> None:
        self._seed = seed
        self._draw = random.Random(f"chaos writes {seed}")  # noqa: S311 - repeatable, not secret
        self._supply = Supply(targets, self._draw)
        self._numbers = iter(range(1_000_000))

    def writes(self, count: int, phase: Phase, *, kinds: Collection[Kind] = KINDS) -> list[Planned]:
        """So many writes in the kinds' proportions; twins and impatient clients in a storm only."""
        return [self._one(phase, list(kinds)) for _ in range(count)]

    def _one(self, phase: Phase, kinds: list[Kind]) -> Planned:
        number = next(self._numbers)
        text = pieces.mark(self._seed, number)
        kind, draft = self._draft(kinds, text)
        key = f"key-{self._seed}-{number}"
        (patience_s,) = self._draw.choices(list(_PATIENCE_S), list(_PATIENCE_S.values()))
        twins = 2 if self._draw.random() < _TWINS else 1
        storm = phase is Phase.STORM
        return Planned(
            number=number,
            phase=phase,
            kind=kind,
            key=key,
            input={**draft.input, "idempotencyKey": key},
            pieces=draft.pieces or (text,),
            twins=twins if storm else 1,
            patience_s=patience_s if storm else max(_PATIENCE_S),
        )

    def _draft(self, kinds: list[Kind], text: str) -> tuple[Kind, Draft]:
        """A write of a kind whose targets aren't used up; some kinds have no end."""
        while True:
            (kind,) = self._draw.choices(kinds, [each.weight for each in kinds])
            draft = kind.make(self._supply, text)
            if draft is not None:
                return kind, draft


class Mischief(StrEnum):
    """What befalls a program."""

    KILL = "kill"  # A worker, by SIGKILL, at the moment when a write arrives at a source.
    CRASH = "crash"  # A service: its connections are reset, and for a moment it refuses new ones.
    FORGET = "forget"  # The same, and what was written to it is lost.
    STOP_DATABASE = "stop_database"  # PostgreSQL, as by a power cut.


@dataclass(frozen=True, slots=True, order=True)
class Accident:
    """Happens once so many writes of its phase have an answer. `victim`: which worker or service."""

    after: int
    mischief: Mischief
    victim: int
    down_s: float


def accidents(
    wanted: Mapping[Mischief, int], *, seed: int, writes: int, first: float = 0.04, last: float = 0.8
) -> list[Accident]:
    """So many of each, spread over a phase of so many writes, in their order.

    Args:
        wanted: How many of each.
        seed: The run's.
        writes: How many the phase has.
        first: No accident before this share of them.
        last: None after it.
    """
    draw = random.Random(f"chaos accidents {seed}")  # noqa: S311 - repeatable, not secret

    def spread(mischief: Mischief, count: int) -> Iterator[Accident]:
        step = (last - first) / max(count, 1)
        for number in range(count):
            after = round(writes * (first + step * (number + draw.random())))
            yield Accident(after, mischief, draw.randrange(1000), draw.uniform(0.2, 1.5))

    return sorted(each for mischief, count in wanted.items() for each in spread(mischief, count))
