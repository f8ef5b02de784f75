"""Every query finds its rows by an index: the ledger's thread must not walk over a year of writes."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event

from gateway.domain.audit import AuditFilter, AuditKind
from gateway.domain.ledger import EntryFilter, Retention, WriteState
from gateway.store import events, operations
from tests.databases import Database
from tests.gateway.store.entries import NOW, STAMPS, entry, event_of, message, settled, ticket
from tests.gateway.store.test_migrate import on

Query = Callable[[Connection], Any]
_DUE = EntryFilter(principal="ola", state=WriteState.CONFIRMED)
QUERIES: dict[str, tuple[Query, str]] = {
    "get": (lambda c: operations.get(c, "1"), "pk"),
    "by_key": (lambda c: operations.by_key(c, "ola", "k"), "uq_writes_claim"),
    "by_results": (lambda c: operations.by_results(c, [message("1")]), "uq_writes_result"),
    "sent_to": (lambda c: operations.sent_to(c, ticket("1"), "c1"), "ix_writes_target"),
    "due": (lambda c: operations.due(c, NOW, 9), "ix_writes_due"),
    "page": (lambda c: operations.page(c, EntryFilter(), 9, (NOW, "1")), "ix_writes_submitted"),
    "page of a principal": (lambda c: operations.page(c, _DUE, 9, (NOW, "1")), "ix_writes_principal"),
    "page of what is in doubt": (
        lambda c: operations.page(c, EntryFilter(state=WriteState.IN_DOUBT), 9, None),
        "ix_writes_open",
    ),
    "replace": (lambda c: operations.replace(c, entry(1), settled(1), event_of(settled(1))), "pk"),
    "replace without an event": (lambda c: operations.replace(c, entry(1), entry(1, looks=1), None), "pk"),
    "purge": (
        lambda c: operations.purge(c, Retention(NOW, NOW, NOW), 9, STAMPS.next()),
        "pk ix_writes_submitted ix_writes_settled_input ix_writes_settled_claim",
    ),
}


@contextmanager
def explaining(connection: Connection, plans: list[str]) -> Iterator[None]:
    """Have each statement explained before it is executed."""
    explain = "EXPLAIN QUERY PLAN " if connection.dialect.name == "sqlite" else "EXPLAIN "

    def before(_: Any, cursor: Any, statement: str, parameters: Any, *__: Any) -> None:
        cursor.execute(explain + statement, parameters)
        plans.append("\n".join(str(row[-1]) for row in cursor.fetchall()))

    event.listen(connection, "before_cursor_execute", before)
    try:
        yield
    finally:
        event.remove(connection, "before_cursor_execute", before)


@pytest.mark.parametrize(("query", "indexes"), QUERIES.values(), ids=QUERIES)
async def test_rows_are_found_by_an_index(database: Database, query: Query, indexes: str) -> None:
    plans: list[str] = []

    def explain(connection: Connection) -> None:
        if connection.dialect.name == "postgresql":
            # These tables are empty, and it would rather read them whole.
            connection.exec_driver_sql("SET enable_seqscan = off")
            connection.exec_driver_sql("SET enable_bitmapscan = off")
        with explaining(connection, plans):
            query(connection)

    await on(database.url, explain)

    primary = {"sqlite_autoindex_writes_1": "pk", "writes_pkey": "pk"}
    used = re.findall(r"writes USING (?:COVERING )?INDEX (\w+)|using (\w+) on writes\b", "\n".join(plans))
    names = {primary.get(name, name) for found in used for name in found if name}
    # Of an empty table PostgreSQL knows too little to prefer one principal's rows to the newest.
    if database.url.startswith("postgresql") and names == {"ix_writes_submitted"}:
        names = names if "ix_writes_principal" not in indexes else {"ix_writes_principal"}
    assert names == set(indexes.split())
    assert not re.search(r"SCAN writes(?! USING)|Seq Scan on writes\b|TEMP B-TREE|Sort", "\n".join(plans)), (
        plans
    )


AFTER = "0" * 32
AUDIT: dict[str, tuple[Query, str]] = {
    "a page": (lambda c: events.newest(c, AuditFilter(), 9, AFTER), "pk"),
    "a page of a time": (lambda c: events.newest(c, AuditFilter(since=NOW, until=NOW), 9, None), "pk"),
    "the history": (lambda c: events.oldest(c, AuditFilter(since=NOW), 9, AFTER), "pk"),
    "a principal's": (
        lambda c: events.newest(c, AuditFilter(principal="ola"), 9, AFTER),
        "ix_audit_events_principal",
    ),
    "a write's": (lambda c: events.newest(c, AuditFilter(write_id="1"), 9, None), "ix_audit_events_write"),
    "what is of no write": (
        lambda c: events.newest(c, AuditFilter(kind=AuditKind.KEY_CREATED), 9, AFTER),
        "ix_audit_events_other",
    ),
    "purging": (lambda c: events.purge(c, NOW - timedelta(days=400), 9), "pk"),
}


@pytest.mark.parametrize(("query", "index"), AUDIT.values(), ids=AUDIT)
async def test_events_are_found_by_an_index(database: Database, query: Query, index: str) -> None:
    plans: list[str] = []

    def explain(connection: Connection) -> None:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SET enable_seqscan = off")
            connection.exec_driver_sql("SET enable_bitmapscan = off")
        with explaining(connection, plans):
            query(connection)
        connection.rollback()

    await on(database.url, explain)

    plan = "\n".join(plans)
    used = re.findall(
        r"audit_events USING (?:COVERING )?(INDEX \w+|PRIMARY KEY)|using (\w+) on audit_events", plan
    )
    primary = {"PRIMARY KEY": "pk", "audit_events_pkey": "pk"}
    names = {primary.get(name, name.removeprefix("INDEX ")) for found in used for name in found if name}
    assert names == {index}, plan
    assert not re.search(r"SCAN audit_events|Seq Scan on audit_events|TEMP B-TREE|Sort", plan), plan
