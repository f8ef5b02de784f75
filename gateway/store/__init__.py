"""The ledger of writes in SQLite or PostgreSQL (`gateway.domain.ledger`)."""

from gateway.store.ledger import SchemaState, SqlLedger, open_ledger
from gateway.store.runner import LedgerOptions

__all__ = ["LedgerOptions", "SchemaState", "SqlLedger", "open_ledger"]
