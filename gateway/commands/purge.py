"""`purge`: lets go of what the ledger has kept long enough, as the running gateway does every hour."""

import sys

from gateway.commands.writes import with_ledger
from gateway.config import Settings
from gateway.domain.clock import utc_now
from gateway.domain.ledger import Ledger, Purged


def purge(settings: Settings) -> int:
    """Free keys, erase bodies, and delete writes and events of the audit log, by the configured times.

    Raises:
        LedgerUnavailable: The ledger can't be reached.
    """

    async def run(ledger: Ledger) -> Purged:
        return await ledger.purge(settings.ledger.retention(utc_now()))

    purged = with_ledger(settings, run)
    sys.stdout.write(
        f"{purged.keys} keys freed, {purged.bodies} bodies erased, {purged.entries} writes "
        f"and {purged.events} events deleted.\n"
    )
    return 0
