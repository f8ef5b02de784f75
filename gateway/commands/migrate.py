"""`migrate`: brings the ledger's database to the form that this version needs."""

import asyncio
import sys

from gateway.config import Settings
from gateway.store.migrate import migrate as migrate_database


def migrate(settings: Settings) -> int:
    """Make or change the tables. Harmless to repeat, and while the gateway runs.

    Raises:
        LedgerUnavailable: The database can't be reached.
    """
    asyncio.run(migrate_database(settings.ledger.url.get_secret_value()))
    sys.stdout.write("The ledger's tables are those of this version.\n")
    return 0
