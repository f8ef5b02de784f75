"""Everything that a run needs, started: services, database, workers; and the driver's own look at the ledger.

The services run in the driver's process. They are the witness, so they must outlive every kill, and their
logs of arrivals need no fetching; that they share a processor core with the clients slows both alike.
"""

import random
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from gateway.commands.dev import sandbox_sources
from gateway.domain.ledger import Entry, EntryFilter
from gateway.sandbox import Running, Sandbox
from gateway.sandbox.writes import is_write
from gateway.store.ledger import SqlLedger, open_ledger
from tests.callers import NO_LOGIN
from tests.chaos import pieces
from tests.chaos.database import Database, running_database
from tests.chaos.pieces import THULIUM
from tests.chaos.witness import Seen
from tests.chaos.workers import Worker, running_workers

# A write that can't be seen is called rejected this long after it was last under way.
SETTLING_S = 3.0
_RECONCILE_EVERY_S = 0.5
_WORKERS = 2
_PAGE = 500


@dataclass(frozen=True, slots=True)
class Stage:
    """What runs, and what can be asked."""

    sandbox: Sandbox
    running: Running
    database: Database
    workers: list[Worker]
    ledger: SqlLedger
    http: httpx.AsyncClient

    async def rows(self) -> list[Entry]:
        """The whole ledger, whoever wrote.

        Raises:
            LedgerUnavailable: The database is down.
        """
        rows: list[Entry] = []
        while True:
            after = (rows[-1].submitted_at, rows[-1].id) if rows else None
            page = await self.ledger.page(EntryFilter(), limit=_PAGE, after=after)
            rows += page
            if len(page) < _PAGE:
                return rows

    def seen(self) -> list[Seen]:
        """What came in at the services and would change something, service by service, oldest first."""
        return [
            Seen(
                kind,
                pieces.of_request(kind, each.method, each.path, each.body),
                each.mishap,
                each.applied,
                f"{each.at:%H:%M:%S.%f} {kind} {each.method} {each.path}",
            )
            for kind, service in self.sandbox.services.items()
            for each in service.arrivals
            if is_write(kind, each.method, each.path)
        ]

    @property
    def late(self) -> int:
        """How many writes are still to be applied."""
        return sum(len(service.late) for service in self.sandbox.services.values())


@asynccontextmanager
async def set_up(sandbox: Sandbox, *, seed: int, attempt_timeout_s: float) -> AsyncIterator[Stage]:
    """Start everything; at the end, whatever happened, nothing of it is left."""
    for kind, service in sandbox.services.items():
        service.draw = random.Random(f"chaos faults {seed} {kind}")  # noqa: S311 - repeatable, not secret
        service.mishap_draw = random.Random(f"chaos mishaps {seed} {kind}")  # noqa: S311
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chaos-")))
        database = await stack.enter_async_context(running_database())
        running = await stack.enter_async_context(sandbox.serve())
        settings = _settings(sandbox, running, database.url, attempt_timeout_s)
        workers = await stack.enter_async_context(running_workers(_WORKERS, settings, folder))
        ledger = open_ledger(database.url)
        stack.push_async_callback(ledger.close)
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=20)
        http = await stack.enter_async_context(
            httpx.AsyncClient(limits=limits, timeout=None, trust_env=False)  # noqa: S113 - each call has its own
        )
        yield Stage(sandbox, running, database, workers, ledger, http)


def _settings(
    sandbox: Sandbox, running: Running, ledger_url: str, attempt_timeout_s: float
) -> dict[str, Any]:
    sources = sandbox_sources(sandbox, running)
    for source in sources.values():
        source |= {
            "connect_timeout_s": attempt_timeout_s,
            "read_timeout_s": attempt_timeout_s,
            "attempt_timeout_s": attempt_timeout_s,
            "settling_s": SETTLING_S,
            "max_connections": 100,
        }
    # One of the custom fields that the sandbox's tenant has.
    sources[THULIUM]["reference_field"] = "gateway_ref"
    return {
        **NO_LOGIN,
        "server": {"port": 0},
        "ledger": {"url": ledger_url, "reconcile_every_s": _RECONCILE_EVERY_S},
        "sources": sources,
    }
