"""The ledger's SQL, made once for each database.

Whatever reads an entry reads its parts in the same statement: two could see two versions of it.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    Column,
    ColumnElement,
    Delete,
    Insert,
    Select,
    Text,
    Update,
    and_,
    bindparam,
    cast,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from gateway.domain.ledger import WriteState
from gateway.store.rows import STORED
from gateway.store.tables import audit_events, write_parts, writes

Parts = ColumnElement[Any]
_c, _p = writes.c, write_parts.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Statements:
    """Each of the ledger's statements; names of parameters stand in `operations`."""

    insert: Insert
    insert_parts: Insert
    replace: Update
    replace_part: Update
    entries: Select[Any]
    get: Select[Any]
    by_key: Select[Any]
    by_ids: Select[Any]
    by_results: Select[Any]
    sent_to: Select[Any]
    due: Select[Any]
    free_keys: Update
    erase_inputs: Update
    delete_entries: Delete


@cache
def statements(dialect: str) -> Statements:
    """The statements for SQLite or PostgreSQL."""
    entries = select(*(_c[name] for name in STORED), _PARTS[dialect].label("parts_json"))
    return Statements(
        insert=_INSERTS[dialect],
        insert_parts=insert(write_parts).inline(),
        replace=update(writes)
        .where(_c.id == bindparam("old_id"), _c.version == bindparam("old_version"))
        .values(version=_c.version + 1),
        replace_part=update(write_parts).where(
            _p.write_id == bindparam("old_id"), _p.position == bindparam("old_position")
        ),
        entries=entries,
        get=entries.where(_c.id == bindparam("id")),
        by_key=entries.where(_c.principal == bindparam("principal"), _c.claim == bindparam("key")),
        by_ids=entries.where(_c.id.in_(bindparam("entry_ids", expanding=True))),
        by_results=entries.where(_c.result.in_(bindparam("results", expanding=True))),
        sent_to=entries.where(
            _c.target == bindparam("target"),
            _c.credential == bindparam("credential"),
            _c.state == WriteState.CONFIRMED.value,
        ).order_by(_c.submitted_at, _c.id),
        due=entries.where(_c.due_at <= bindparam("now")).order_by(_c.due_at, _c.id).limit(bindparam("limit")),
        free_keys=_recorded(_c.claim.is_not(None)).values(claim=None),
        erase_inputs=_recorded(_c.input.is_not(None)).values(input=None),
        # What was settled before a moment was submitted before it; of that there is an index.
        delete_entries=delete(writes).where(_c.id.in_(_settled(_c.submitted_at < bindparam("before")))),
    )


@cache
def inserted_with_event() -> Insert:
    """PostgreSQL's own: a new row and its event in one statement, which is a transaction by itself.

    Parameters are the row's columns behind `new_` and the event's behind `event_`.
    """
    row = {column.name: _given("new", column) for column in _c}
    return _with_event(postgresql.insert(writes).values(row).on_conflict_do_nothing())


@cache
def replaced_with_event(names: frozenset[str]) -> Insert:
    """The same for a change of these columns."""
    changed = {name: _given("new", _c[name]) for name in sorted(names)}
    return _with_event(
        update(writes)
        .where(_c.id == bindparam("old_id"), _c.version == bindparam("old_version"))
        .values(changed | {"version": _c.version + 1})
    )


def _with_event(change: Insert | Update) -> Insert:
    done = change.returning(_c.id).cte("done")
    event = select(*(_given("event", column) for column in audit_events.c)).select_from(done)
    return (
        insert(audit_events)
        .inline()
        .from_select([column.name for column in audit_events.c], event)
        .execution_options(preserve_rowcount=True)
    )


def _given(prefix: str, column: Column[Any]) -> BindParameter[Any]:
    return bindparam(f"{prefix}_{column.name}", type_=column.type)


def _settled(*having: ColumnElement[bool]) -> Select[Any]:
    """Ids of entries settled before a moment, of which everything is known.

    Their rows are locked, so that none is taken that changes meanwhile; what somebody else has locked is
    left for the next purge. (SQLite locks as a whole, and its dialect drops these words.)
    """
    open_part = exists().where(
        _p.write_id == _c.id, _p.state.in_((WriteState.PENDING.value, WriteState.IN_DOUBT.value))
    )
    known = or_(
        _c.state.in_((WriteState.CONFIRMED.value, WriteState.REJECTED.value)),
        and_(_c.state == WriteState.PARTIAL.value, ~open_part),
    )
    return (
        select(_c.id)
        .where(_c.settled_at < bindparam("before"), known, *having)
        .limit(bindparam("limit"))
        .with_for_update(skip_locked=True)
    )


def _recorded(having: ColumnElement[bool]) -> Update:
    """A change of settled entries, counted: who has read such a row before can't replace it any more."""
    return update(writes).where(_c.id.in_(_settled(having))).values(version=_c.version + 1)


_OF_THIS = _p.write_id == _c.id
_PARTS: dict[str, Parts] = {
    "sqlite": select(
        func.json_group_array(func.json_array(_p.position, _p.target, _p.state, _p.already, _p.problem))
    )
    .where(_OF_THIS)
    .scalar_subquery(),
    "postgresql": select(
        cast(
            func.json_agg(func.json_build_array(_p.position, _p.target, _p.state, _p.already, _p.problem)),
            Text,
        )
    )
    .where(_OF_THIS)
    .scalar_subquery(),
}
_INSERTS: dict[str, Insert] = {
    "sqlite": sqlite.insert(writes)
    .on_conflict_do_nothing()
    .inline()
    .execution_options(preserve_rowcount=True),
    "postgresql": postgresql.insert(writes)
    .on_conflict_do_nothing()
    .inline()
    .execution_options(preserve_rowcount=True),
}
