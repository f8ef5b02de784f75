"""Events of the audit log as rows and back, and what is done with them: functions as in `operations`."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, delete, insert, select, update

from gateway.domain.access import LoginKind
from gateway.domain.acting import Actor, actor
from gateway.domain.audit import OF_WRITES, AuditEvent, AuditFilter, AuditKind, Deed, lowest_id
from gateway.domain.clock import Clock
from gateway.store.tables import audit_events, audit_retention

Columns = dict[str, Any]

_c = audit_events.c
_ALL = select(*_c)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Stamp:
    """Who does something when; of a deed it makes an event."""

    id: str
    at: datetime
    by: Actor

    def on(self, deed: Deed) -> AuditEvent:
        """The event."""
        return AuditEvent(self.id, self.at, self.by, deed)


class Stamps:
    """Makes stamps whose moments rise, even if the clock stands or is put back."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last: datetime | None = None

    def next(self) -> Stamp:
        """One for whoever acts in this context."""
        now = self._clock()
        if self._last is not None:
            now = max(now, self._last + _MICROSECOND)
        self._last = now
        # 14 hexadecimal digits of time, and 18 by chance.
        return Stamp(f"{lowest_id(now)}{secrets.token_hex(9)}", now, actor())


def columns_of(event: AuditEvent) -> Columns:
    """A row of `audit_events`."""
    by, deed = event.by, event.deed
    return {
        "id": event.id,
        "at": event.at,
        "kind": deed.kind.value,
        "principal": by.principal,
        "login": None if by.login is None else by.login.value,
        "credential_id": by.credential_id,
        "request_id": by.request_id,
        "owner": deed.owner,
        "operation": deed.operation,
        "source": deed.source,
        "target": deed.target,
        "write_id": deed.write_id,
        "state": deed.state,
        "problem": deed.problem,
        "attempts": deed.attempts,
        "key_id": deed.key_id,
        "detail": deed.detail,
    }


def append(connection: Connection, event: AuditEvent) -> None:
    connection.execute(_APPEND, columns_of(event))


def newest(connection: Connection, wanted: AuditFilter, limit: int, after: str | None) -> list[AuditEvent]:
    query = _matching(wanted)
    if after is not None:
        query = query.where(_c.id < after)
    return _events(connection, query.order_by(_c.id.desc()).limit(limit))


def oldest(connection: Connection, wanted: AuditFilter, limit: int, after: str | None) -> list[AuditEvent]:
    query = _matching(wanted)
    if after is not None:
        query = query.where(_c.id > after)
    return _events(connection, query.order_by(_c.id).limit(limit))


def purge(connection: Connection, before: datetime, limit: int) -> int:
    """Delete so many events of before a moment. The database must be told first that they may go."""
    connection.execute(_MAY_GO, {"before": before})
    return connection.execute(
        _DELETE, {"before": before, "below": lowest_id(before), "limit": limit}
    ).rowcount


def _matching(wanted: AuditFilter) -> Select[Any]:
    query = _ALL
    if wanted.principal is not None:
        query = query.where(_c.principal == wanted.principal)
    if wanted.kind is not None:
        query = query.where(_c.kind == wanted.kind.value)
        if wanted.kind not in OF_WRITES:
            # They are rare, and have an index of their own.
            query = query.where(_c.write_id.is_(None))
    if wanted.source is not None:
        query = query.where(_c.source == wanted.source)
    if wanted.sources is not None:
        query = query.where(_c.source.in_(sorted(wanted.sources)))
    if wanted.operation is not None:
        query = query.where(_c.operation == wanted.operation)
    if wanted.write_id is not None:
        query = query.where(_c.write_id == wanted.write_id)
    if wanted.since is not None:
        query = query.where(_c.id >= lowest_id(wanted.since))
    if wanted.until is not None:
        query = query.where(_c.id < lowest_id(wanted.until))
    return query


def _events(connection: Connection, query: Select[Any]) -> list[AuditEvent]:
    return [_event_of(row) for row in connection.execute(query)]


def _event_of(row: Row[Any]) -> AuditEvent:
    event_id, at, kind, principal, login, credential_id, request_id, *rest = tuple(row)
    owner, operation, source, target, write_id, state, problem, attempts, key_id, detail = rest
    by = Actor(principal, None if login is None else LoginKind(login), credential_id, request_id)
    deed = Deed(
        kind=AuditKind(kind),
        owner=owner,
        operation=operation,
        source=source,
        target=target,
        write_id=write_id,
        state=state,
        problem=problem,
        attempts=attempts,
        key_id=key_id,
        detail=detail,
    )
    return AuditEvent(event_id, at, by, deed)


_APPEND = insert(audit_events).inline()
_MAY_GO = (
    update(audit_retention)
    .where(audit_retention.c.deletable_before < bindparam("before"))
    .values(deletable_before=bindparam("before"))
)
_DELETE = delete(audit_events).where(
    _c.id.in_(
        select(_c.id)
        .where(_c.id < bindparam("below"), _c.at < bindparam("before"))
        .order_by(_c.id)
        .limit(bindparam("limit"))
        .with_for_update(skip_locked=True)
    )
)
