"""API keys as rows and back, and what is done with them: functions over a connection, as in `operations`."""

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, RowMapping, insert, select, update

from gateway.domain import audit
from gateway.domain.access import WriteAs
from gateway.domain.api_keys import ApiKey
from gateway.domain.audit import AuditEvent
from gateway.store import events
from gateway.store.events import Stamp
from gateway.store.tables import api_keys

_c = api_keys.c
_scopes = msgspec.json.Decoder(tuple[str, ...])
_writes_as = msgspec.json.Decoder(dict[str, WriteAs])


def add(connection: Connection, key: ApiKey, event: AuditEvent) -> None:
    connection.execute(insert(api_keys).inline(), _columns_of(key))
    events.append(connection, event)


def all_keys(connection: Connection) -> list[ApiKey]:
    query = select(api_keys).order_by(_c.created_at, _c.id)
    return [_key_of(row) for row in connection.execute(query).mappings()]


def revoke(connection: Connection, key_id: str, at: datetime, stamp: Stamp) -> ApiKey | None:
    """The key as it is then: what has been revoked stays so since its first time."""
    sql = update(api_keys).where(_c.id == key_id, _c.revoked_at.is_(None)).values(revoked_at=at)
    done = connection.execute(sql).rowcount == 1
    row = connection.execute(select(api_keys).where(_c.id == key_id)).mappings().one_or_none()
    if row is None:
        return None
    key = _key_of(row)
    if done:
        events.append(connection, stamp.on(audit.key_revoked(key)))
    return key


def _columns_of(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "digest": key.digest,
        "scopes": msgspec.json.encode(key.scopes).decode(),
        "writes_as": msgspec.json.encode(dict(key.writes_as)).decode(),
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
    }


def _key_of(row: RowMapping) -> ApiKey:
    stored: dict[str, Any] = dict(**row)
    stored["scopes"] = _scopes.decode(stored["scopes"])
    stored["writes_as"] = _writes_as.decode(stored["writes_as"])
    return ApiKey(**stored)
