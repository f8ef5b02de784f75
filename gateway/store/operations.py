"""What the ledger does, each thing once: plain functions over a connection of either database.

A runner may call one again if its transaction came to nothing, so none does anything but SQL.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    Insert,
    Row,
    Select,
    Update,
    func,
    inspect,
    literal,
    select,
    text,
    tuple_,
)
from sqlalchemy.exc import IntegrityError

from gateway.domain import audit
from gateway.domain.audit import AuditEvent
from gateway.domain.ids import Ref
from gateway.domain.ledger import Entry, EntryFilter, Purged, ResultTaken, Retention, WriteState
from gateway.store import events
from gateway.store.errors import is_unique_violation
from gateway.store.events import Stamp
from gateway.store.rows import Columns, changed_parts, changes, columns_of, entry_of, parts_of
from gateway.store.statements import Statements, inserted_with_event, replaced_with_event, statements
from gateway.store.tables import OPEN, writes

_c = writes.c


def insert(connection: Connection, entry: Entry, event: AuditEvent) -> bool:
    """Whether there was no row in its way; if so, it has its event too."""
    done = _insert(connection, columns_of(entry), event)
    if done and entry.parts:
        connection.execute(_sql(connection).insert_parts, parts_of(entry))
    return done


def replace(connection: Connection, old: Entry, new: Entry, event: AuditEvent | None) -> bool:
    """Whether the row still had the old version; if so, the change has its event too, where it is worth one.

    Raises:
        ResultTaken: With nothing done; a transaction of SQLite may go on as if it had not been asked for.
    """
    values, parts = changes(old, new), changed_parts(old, new)
    of_row = {"old_id": old.id, "old_version": old.version}
    try:
        done = _replace(connection, values, of_row, event)
    except IntegrityError as error:
        if "result" in values and is_unique_violation(error):
            raise ResultTaken from None
        raise
    if done and parts:
        connection.execute(_sql(connection).replace_part, parts)
    return done


def _insert(connection: Connection, row: Columns, event: AuditEvent) -> bool:
    if _in_one_statement(connection):
        return _done(connection, inserted_with_event(), {**_named("new", row), **_event(event)})
    done = _done(connection, _sql(connection).insert, row)
    if done:
        events.append(connection, event)
    return done


def _replace(connection: Connection, values: Columns, of_row: Columns, event: AuditEvent | None) -> bool:
    if event is not None and _in_one_statement(connection):
        sql = replaced_with_event(frozenset(values))
        return _done(connection, sql, {**_named("new", values), **of_row, **_event(event)})
    done = _done(connection, _sql(connection).replace, {**values, **of_row})
    if done and event is not None:
        events.append(connection, event)
    return done


def _in_one_statement(connection: Connection) -> bool:
    """Whether a change and its event can be: to PostgreSQL each statement is a journey."""
    return connection.dialect.name == "postgresql"


def _done(connection: Connection, statement: Insert | Update, values: Columns) -> bool:
    return connection.execute(statement, values).rowcount == 1


def _event(event: AuditEvent) -> Columns:
    return _named("event", events.columns_of(event))


def _named(prefix: str, values: Columns) -> Columns:
    return {f"{prefix}_{name}": value for name, value in values.items()}


def get(connection: Connection, entry_id: str) -> Entry | None:
    return _one(connection, _sql(connection).get, id=entry_id)


def by_key(connection: Connection, principal: str, key: str) -> Entry | None:
    return _one(connection, _sql(connection).by_key, principal=principal, key=key)


def by_ids(connection: Connection, entry_ids: Sequence[str]) -> list[Entry]:
    return _all(connection, _sql(connection).by_ids, entry_ids=list(entry_ids))


def by_results(connection: Connection, results: Sequence[Ref]) -> list[Entry]:
    return _all(connection, _sql(connection).by_results, results=[ref.global_id for ref in results])


def sent_to(connection: Connection, target: Ref, credential: str) -> list[Entry]:
    return _all(connection, _sql(connection).sent_to, target=target.global_id, credential=credential)


def due(connection: Connection, now: datetime, limit: int) -> list[Entry]:
    return _all(connection, _sql(connection).due, now=now, limit=limit)


def count_in_doubt(connection: Connection) -> int:
    # Of the open ones alone, which have an index of their own and are few.
    in_doubt = _c.state == WriteState.IN_DOUBT.value
    return connection.scalar(select(func.count()).select_from(writes).where(OPEN, in_doubt)) or 0


def page(
    connection: Connection, wanted: EntryFilter, limit: int, after: tuple[datetime, str] | None
) -> list[Entry]:
    query = _sql(connection).entries
    if wanted.principal is not None:
        query = query.where(_c.principal == wanted.principal)
    if wanted.state is not None:
        query = query.where(_c.state == wanted.state.value)
        if wanted.principal is None and wanted.state not in {WriteState.CONFIRMED, WriteState.REJECTED}:
            query = query.where(OPEN)
    if wanted.source is not None:
        query = query.where(_c.source == wanted.source)
    if wanted.sources is not None:
        query = query.where(_c.source.in_(sorted(wanted.sources)))
    if wanted.operation is not None:
        query = query.where(_c.operation == wanted.operation)
    if wanted.since is not None:
        query = query.where(_c.submitted_at >= wanted.since)
    if after is not None:
        submitted_at, entry_id = after
        behind = tuple_(literal(submitted_at, _c.submitted_at.type), literal(entry_id, _c.id.type))
        query = query.where(tuple_(_c.submitted_at, _c.id) < behind)
    return _all(connection, query.order_by(_c.submitted_at.desc(), _c.id.desc()).limit(limit))


def purge(connection: Connection, retention: Retention, limit: int, stamp: Stamp) -> Purged:
    """Purge so many entries and events of each kind; if there were any, that is an event itself."""
    sql = _sql(connection)

    def done(statement: Any, before: datetime) -> int:
        return connection.execute(statement, {"before": before, "limit": limit}).rowcount

    # In this order, so that nothing is changed that goes anyway.
    entries = done(sql.delete_entries, retention.entries_before)
    bodies = done(sql.erase_inputs, retention.bodies_before)
    keys = done(sql.free_keys, retention.keys_before)
    gone = 0
    if retention.events_before is not None:
        gone = events.purge(connection, retention.events_before, limit)
    purged = Purged(keys=keys, bodies=bodies, entries=entries, events=gone)
    if purged != Purged(0, 0, 0):
        events.append(connection, stamp.on(audit.purged(purged)))
    return purged


def revisions(connection: Connection) -> frozenset[str]:
    """The schema's revision, as Alembic keeps it; none if there is no schema."""
    if not inspect(connection).has_table("alembic_version"):
        return frozenset()
    return frozenset(connection.scalars(text("SELECT version_num FROM alembic_version")))


def _sql(connection: Connection) -> Statements:
    return statements(connection.dialect.name)


def _one(connection: Connection, query: Select[Any], **values: Any) -> Entry | None:
    row = connection.execute(query, values).one_or_none()
    return None if row is None else _entry(row)


def _all(connection: Connection, query: Select[Any], **values: Any) -> list[Entry]:
    return [_entry(row) for row in connection.execute(query, values)]


def _entry(row: Row[Any]) -> Entry:
    return entry_of(row[:-1], row[-1])
