"""What of a write's change is worth an event; that events are kept is tested in contract/test_audit.py."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from gateway.domain import audit
from gateway.domain.audit import AuditKind
from gateway.domain.ids import EntityType, Ref
from gateway.domain.ledger import Entry, Part, Purged, WriteState

MESSAGES = [Ref(EntityType.MESSAGE, "desk", ("1", str(number))) for number in range(2)]
SENT = Entry(
    id="1" * 32,
    principal="ola",
    credential="c",
    operation="confirmMessages",
    source="desk",
    target=None,
    key="k",
    fingerprint="f",
    submitted_at=datetime(2026, 1, 1, tzinfo=UTC),
    parts=tuple(map(Part, MESSAGES)),
)


def test_each_kind_of_a_write_is_one_of_writes() -> None:
    assert {kind for kind in AuditKind if kind not in audit.OF_WRITES} == {
        AuditKind.ACCESS_REFUSED,
        AuditKind.KEY_CREATED,
        AuditKind.KEY_REVOKED,
        AuditKind.LEDGER_PURGED,
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"leased_until": None, "looks": 3},
        {"settled_at": SENT.submitted_at},
        {"baseline": "b"},
        {"version": 9},
    ],
)
def test_the_ledgers_own_business_is_no_event(changes: dict[str, Any]) -> None:
    assert audit.changed(SENT, replace(SENT, **changes), AuditKind.WRITE_SETTLED) is None


def test_ids_begin_with_their_moment() -> None:
    moments = [
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=1),
        datetime(2026, 1, 1, tzinfo=UTC),
        datetime(2026, 1, 1, tzinfo=UTC) + timedelta(microseconds=1),
        datetime(4200, 1, 1, tzinfo=UTC),
        datetime(9999, 12, 31, tzinfo=UTC),
    ]
    ids = [audit.lowest_id(moment) for moment in moments]

    assert {len(each) for each in ids} == {14}
    assert all(before < after for before, after in pairwise(ids))


def test_a_purge_is_told_in_numbers() -> None:
    assert audit.purged(Purged(1, 2, 3, 4)).detail == "1 keys, 2 bodies, 3 writes, 4 events"


def test_parts_are_counted() -> None:
    assert audit.submitted(SENT).detail == f"2 {WriteState.PENDING}"
