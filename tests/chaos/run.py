"""One run: its phases one after the other, and what came of them."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.domain.errors import ErrorCode
from gateway.domain.ledger import Entry
from gateway.sandbox import Sandbox
from tests.chaos.clients import Notes
from tests.chaos.kinds import KINDS, Tells
from tests.chaos.phases import ask_all, calm, weather
from tests.chaos.plan import Mischief, Phase, Planner, accidents
from tests.chaos.report import Result
from tests.chaos.stage import Stage, set_up
from tests.chaos.targets import prepare
from tests.chaos.witness import Seen, Verdict, Violation, gather, judge


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much of it all.

    Attributes:
        storm: Writes of the storm.
        late: Writes that land after they were called rejected.
        forgetful: Writes to services that lose their data.
        mischiefs: How many accidents the storm has.
        last: No accident after this share of the storm's writes.
        forgets: How often a service loses its data.
        clients: Writes at once.
        attempt_timeout_s: For one call to a source. A lease lasts four of it and 15 s.
        doubt_s: How long a client asks about a write in doubt.
        hurry: Have the gateway asked to look for writes in doubt, rather than wait for its next look.
    """

    storm: int
    late: int
    forgetful: int
    mischiefs: dict[Mischief, int]
    last: float = 0.8
    forgets: int = 0
    clients: int = 24
    attempt_timeout_s: float = 1.0
    doubt_s: float = 30.0
    hurry: bool = False


def long(writes: int) -> Size:
    """`make chaos`: everything, several times."""
    return Size(
        storm=writes,
        late=max(8, writes // 40),
        forgetful=max(8, writes // 20),
        mischiefs={Mischief.KILL: 6, Mischief.CRASH: 8, Mischief.STOP_DATABASE: 2},
        forgets=4,
    )


def short(writes: int) -> Size:
    """A part of `make test`, in half a minute.

    The kill comes so early that its leases run out meanwhile, and before anybody looks for writes in doubt:
    the lease of a look lasts longer than that of a write. For the same reason the database stays up.
    """
    return Size(
        storm=writes,
        late=0,
        forgetful=0,
        mischiefs={Mischief.KILL: 1, Mischief.CRASH: 2},
        last=0.08,
        clients=16,
        attempt_timeout_s=0.5,
        doubt_s=6.0,
        hurry=True,
    )


async def run(size: Size, *, seed: int) -> Result:
    """Go through all phases and compare.

    What the ledger says of the storm is taken before any service loses its data; what arrived, at the end.
    """
    began = time.monotonic()
    sandbox = Sandbox()
    planner = Planner(prepare(sandbox, writes=size.storm + size.late + size.forgetful), seed=seed)
    storm = planner.writes(size.storm, Phase.STORM)
    late = planner.writes(
        size.late, Phase.LATE, kinds=[each for each in KINDS if each.tells is not Tells.LITTLE]
    )
    forgetful = planner.writes(size.forgetful, Phase.FORGETFUL)
    accidents_of = {
        Phase.STORM: accidents(size.mischiefs, seed=seed, writes=size.storm, last=size.last),
        Phase.FORGETFUL: accidents({Mischief.FORGET: size.forgets}, seed=seed, writes=size.forgetful),
    }
    notes = Notes()
    rows: dict[str, Entry] = {}
    events: Counter[str] = Counter()
    async with set_up(sandbox, seed=seed, attempt_timeout_s=size.attempt_timeout_s) as stage:
        for planned in filter(None, (storm, late, forgetful)):
            phase = planned[0].phase
            started = time.monotonic()
            await weather(
                stage,
                planned,
                accidents_of.get(phase, []),
                notes,
                clients=size.clients,
                doubt_s=size.doubt_s,
            )
            over = time.monotonic()
            events["phase that did not settle"] += not await calm(stage, planned, hurry=size.hurry)
            await ask_all(stage, planned, notes)
            events[f"seconds of {phase}"] = round(over - started)
            events[f"seconds until {phase} had settled"] = round(time.monotonic() - over)
            rows = {row.id: row for row in await stage.rows()} | rows
        seen = stage.seen()
        events += _events(stage, seen, notes)
        complaints = [line for worker in stage.workers for line in worker.complaints()]
    cases, stray = gather([*storm, *late, *forgetful], rows.values(), seen, notes.told)
    violations = judge(cases, stray)
    if complaints:
        violations.append(Violation(Verdict.COMPLAINT, f"{len(complaints)} lines", tuple(complaints[:20])))
    return Result(seed, cases, violations, time.monotonic() - began, events)


def _events(stage: Stage, seen: Sequence[Seen], notes: Notes) -> Counter[str]:
    """What the run went through, by the services, the workers' logs and the clients."""
    events: Counter[str] = Counter()
    events["kills"] = sum(worker.kills for worker in stage.workers)
    events["sent again by clients"] = notes.repeats
    # Its own fault is what a gateway says where the one that sent the write has gone.
    lost = ErrorCode.INTERNAL_SERVER_ERROR
    events["writes whose worker was killed meanwhile"] = len(
        {told.number for told in notes.told if any(word.code == lost for word in told.words.values())}
    )
    for each in seen:
        events[f"mishap {each.mishap or 'none'}"] += 1
    for worker in stage.workers:
        events.update(f"log {event}" for event in worker.events())
    return events
