"""A phase: so many writes under one kind of weather, and the calm after it."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime, timedelta

from gateway.domain.ledger import Entry, LedgerUnavailable, WriteState
from gateway.sandbox import Faults
from tests.chaos.asking import look
from tests.chaos.clients import Client, Notes
from tests.chaos.kinds import Tells
from tests.chaos.mischief import Mischiefs
from tests.chaos.plan import Accident, Phase, Planned
from tests.chaos.stage import SETTLING_S, Stage

# Together a third of all writes, so that most have none and every path is met often.
_MISHAPS = {
    "reset_before": 0.03,
    "timeout_before": 0.02,
    "error_before": 0.03,
    "throttled": 0.04,
    "lost_answer": 0.03,
    "reset_after": 0.04,
    "timeout_after": 0.02,
    "error_after": 0.03,
    "half_answer": 0.03,
    "malformed_json": 0.03,
    "applied_late": 0.03,
}
_DIALS = {
    Phase.STORM: Faults(
        latency_ms=5.0,
        latency_sigma=1.0,
        error_rate=0.01,
        mishaps=_MISHAPS,
        # Between the first look, after 2 s, and the end of the settling time.
        apply_after_s=SETTLING_S - 0.75,
    ),
    Phase.LATE: Faults(mishaps={"applied_late": 1.0}, apply_after_s=SETTLING_S + 5.0),
    Phase.FORGETFUL: Faults(mishaps=_MISHAPS, apply_after_s=SETTLING_S - 0.75),
}
# The pauses between looks double, so what was hard to see is looked for less and less often.
_CALM_AT_MOST_S = 120.0
_HOPE_AT_MOST_S = 45.0
_STILL_FOR_S = 2.0
_LOOK_TIMEOUT_S = 20.0


async def weather(
    stage: Stage,
    planned: Sequence[Planned],
    accidents: Sequence[Accident],
    notes: Notes,
    *,
    clients: int,
    doubt_s: float,
) -> None:
    """Have all of a phase's writes done, by so many clients at once, while accidents happen.

    A client that waits for somebody else to find out what became of its write takes nobody's place.
    """
    if not planned:
        return
    set_dials(stage, _DIALS[planned[0].phase])
    places = asyncio.Semaphore(clients)
    async with asyncio.TaskGroup() as group:
        mischiefs = Mischiefs(
            accidents,
            group,
            workers=stage.workers,
            sandbox=stage.sandbox,
            running=stage.running,
            database=stage.database,
        )

        def answered() -> None:
            places.release()
            mischiefs.answered()

        for each in planned:
            await places.acquire()
            all_answered = _Countdown(each.twins, answered)
            for number in range(each.twins):
                client = Client(
                    each, number, workers=stage.workers, http=stage.http, notes=notes, doubt_s=doubt_s
                )
                group.create_task(client.run(all_answered.one))
    set_dials(stage, Faults())


async def calm(stage: Stage, planned: Sequence[Planned], *, hurry: bool) -> bool:
    """Wait until nothing is under way any more and no outcome changes; whether that came about.

    What can be known by then is waited for: all that its source can tell for certain, and for a shorter
    time what it probably can. In a `hurry` the gateway is asked to look, instead of in its own time.
    """
    loop = asyncio.get_running_loop()
    began = still_since = loop.time()
    known: object = None
    while loop.time() < began + _CALM_AT_MOST_S:
        await asyncio.sleep(0.5)
        try:
            rows = await stage.rows()
        except LedgerUnavailable:
            continue
        outcomes = {row.id: (row.state, [part.state for part in row.parts]) for row in rows}
        if outcomes != known:
            known, still_since = outcomes, loop.time()
        landed = frozenset(piece for each in stage.seen() if each.applied for piece in each.pieces)
        waited_for = _waited_for(rows, planned, landed, hoping=loop.time() < began + _HOPE_AT_MOST_S)
        if not stage.late and not waited_for and loop.time() > still_since + _STILL_FOR_S:
            return True
        if hurry:
            await _ask_to_look(stage, waited_for)
    return False


async def _ask_to_look(stage: Stage, rows: Collection[Entry]) -> None:
    """Have the gateway look for writes in doubt that have had the time to land."""
    before = datetime.now(UTC) - timedelta(seconds=SETTLING_S)
    for row in rows:
        if row.settled_at is not None and row.settled_at < before:
            response = await stage.http.post(
                stage.workers[0].url, json=look(row.ref.global_id), timeout=_LOOK_TIMEOUT_S
            )
            response.raise_for_status()


async def ask_all(stage: Stage, planned: Sequence[Planned], notes: Notes) -> None:
    """Have every client ask once more what became of its write."""
    places = asyncio.Semaphore(20)

    async def ask(each: Planned, number: int) -> None:
        async with places:
            client = Client(each, number, workers=stage.workers, http=stage.http, notes=notes, doubt_s=0.0)
            await client.ask_once()

    await asyncio.gather(*(ask(each, number) for each in planned for number in range(each.twins)))


def set_dials(stage: Stage, faults: Faults) -> None:
    """One dial for all services."""
    for service in stage.sandbox.services.values():
        service.faults = faults


class _Countdown:
    """Calls once as many have reported as it was told of."""

    def __init__(self, count: int, then: Callable[[], None]) -> None:
        self._left = count
        self._then = then

    def one(self) -> None:
        self._left -= 1
        if self._left == 0:
            self._then()


def _waited_for(
    rows: Collection[Entry], planned: Collection[Planned], landed: AbstractSet[str], *, hoping: bool
) -> list[Entry]:
    """The rows whose outcome isn't known but can be, or isn't the last word.

    Args:
        rows: The whole ledger.
        planned: Those whose rows matter; nothing may be PENDING anywhere.
        landed: The pieces that were carried out.
        hoping: Whether to wait for what can perhaps be known.
    """
    by_key = {each.key: each for each in planned}
    return [
        row
        for row in rows
        if row.state is WriteState.PENDING
        or (row.key in by_key and _may_change(row, by_key[row.key], landed, hoping=hoping))
    ]


def _may_change(row: Entry, planned: Planned, landed: AbstractSet[str], *, hoping: bool) -> bool:
    tells = planned.kind.tells
    in_doubt = WriteState.IN_DOUBT in {row.state, *(part.state for part in row.parts)}
    match planned.phase:
        case Phase.STORM:
            return in_doubt and (tells is Tells.ALL or (hoping and tells is Tells.MOST))
        case Phase.LATE:
            unseen = row.state is not WriteState.CONFIRMED and not landed.isdisjoint(planned.pieces)
            return hoping and (in_doubt or unseen)
        case Phase.FORGETFUL:
            return False
