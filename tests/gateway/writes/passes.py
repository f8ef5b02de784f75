"""Passes of a reconciler over the desk, and what the tests of it have in common."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from structlog.testing import capture_logs
from structlog.typing import EventDict

from gateway.domain.catalog import Catalog, Source
from gateway.domain.ledger import Entry, Ledger, WriteState
from gateway.domain.writes import Sighting
from gateway.writes.reconcile import Reconciler
from tests.gateway.writes.desk import TIMED_OUT, Hands, at, entry, message, source

# In doubt since 10 s after the start, to be looked for at 12, settled at 910.
DOUBT = entry(WriteState.IN_DOUBT, problem=TIMED_OUT, next_look_at=at(12))
THERE, NOT_THERE = Sighting((message(7),)), Sighting(absence_proves=True)
LANDED: dict[str, Any] = {
    "state": WriteState.CONFIRMED,
    "problem": None,
    "result": message(7),
    "next_look_at": None,
}


def twin(number: int, known: Entry = DOUBT, **changes: Any) -> Entry:
    """Another row of an equal write."""
    return replace(known, id=f"{number:032x}", key=f"k{number}", **changes)


def reconciler(ledger: Ledger, clock: Callable[[], datetime], *sources: Source) -> Reconciler:
    return Reconciler(ledger, Catalog(sources), clock=clock)


async def after_one_pass(
    ledger: Ledger, clock: Hands, client: object, *known: Entry, **changes: Any
) -> tuple[list[Entry | None], list[EventDict]]:
    """The rows of these entries after one pass over that desk, and what was logged."""
    for each in known:
        assert await ledger.insert(each) is None
    with capture_logs() as logs:
        await reconciler(ledger, clock, source(client, **changes)).run_once()
    return [await ledger.get(each.id) for each in known], logs


def event(name: str, level: str = "warning", **said: Any) -> dict[str, Any]:
    return {"event": name, "log_level": level, "write": DOUBT.id, "source": "desk", **said}
