"""What tests of single resolvers share: a context over a ledger, unreachable unless one is given."""

from datetime import UTC, datetime

from gateway.domain.access import EVERYTHING, Grants, Principal
from gateway.domain.catalog import Catalog, Source
from gateway.domain.ledger import Ledger
from gateway.store import open_ledger
from gateway.writes.history import History
from gateway.writes.reconcile import Reconciler
from gateway.writes.service import Writes
from gateway.writes.uploads import Uploads
from resolvers.context import Context

START = datetime(2026, 1, 1, tzinfo=UTC)


def clock() -> datetime:
    return START


def context(
    *sources: Source,
    ledger: Ledger | None = None,
    request_id: str = "r1",
    principal: str = "local",
    grants: Grants = EVERYTHING,
) -> Context:
    """One operation's surroundings."""
    catalog = Catalog(sources)
    kept = open_ledger("sqlite:////nowhere/ledger.db") if ledger is None else ledger
    return Context(
        catalog=catalog,
        writes=Writes(kept, clock=clock),
        history=History(kept, catalog),
        audit=kept,
        reconciler=Reconciler(kept, catalog, clock=clock),
        uploads=Uploads(clock),
        clock=clock,
        request_id=request_id,
        principal=Principal(principal, principal, grants=grants),
    )
