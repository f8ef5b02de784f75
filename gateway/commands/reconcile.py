"""`reconcile`: looks at the sources for writes in doubt, as the running gateway does by itself."""

import asyncio
import sys
from collections.abc import Sequence

from gateway.app import open_ledger
from gateway.assembly import open_catalog
from gateway.commands.writes import line
from gateway.config import Settings
from gateway.domain.acting import OPERATOR, acting_as
from gateway.domain.clock import utc_now
from gateway.domain.ledger import Entry
from gateway.writes.reconcile import Reconciler

_MOST = 1_000


def reconcile(settings: Settings, entry_ids: Sequence[str]) -> int:
    """Look for the named writes now, or for all whose time has come, and print a line for each.

    Raises:
        LedgerUnavailable: The ledger can't be reached.
    """
    with acting_as(OPERATOR):
        looked = asyncio.run(_reconcile(settings, entry_ids))
    sys.stdout.writelines(f"{line(entry)}\n" for entry in looked)
    if not looked:
        sys.stdout.write("Nothing to look for.\n")
    return 0


async def _reconcile(settings: Settings, entry_ids: Sequence[str]) -> list[Entry]:
    async with open_ledger(settings) as ledger, open_catalog(settings) as catalog:
        reconciler = Reconciler(ledger, catalog, clock=utc_now)
        if entry_ids:
            named = [await ledger.get(each) for each in entry_ids]
            entries = [entry for entry in named if entry is not None]
        else:
            entries = await ledger.due(utc_now(), limit=_MOST)
        return [await reconciler.look(entry) for entry in entries]
