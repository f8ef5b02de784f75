"""Entries to put into ledgers, and their events."""

from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.domain import audit
from gateway.domain.audit import AuditEvent
from gateway.domain.errors import Refusal, RefusalCode
from gateway.domain.ids import EntityType, Ref
from gateway.domain.ledger import Entry, Part, Problem, WriteState
from gateway.store.events import Stamps

NOW = datetime(2026, 11, 22, 10, 30, 15, 123457, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
STAMPS = Stamps(lambda: NOW)


def message(native: str) -> Ref:
    return Ref(EntityType.MESSAGE, "desk", ("1234", native))


def ticket(native: str) -> Ref:
    return Ref(EntityType.TICKET, "desk", (native,))


def entry(number: int, **changes: Any) -> Entry:
    """An entry as its sender makes it; its id and its key are made of the number."""
    usual: dict[str, Any] = {
        "id": f"{number:032x}",
        "principal": "ola",
        "credential": "c1",
        "operation": "reply",
        "source": "desk",
        "target": ticket("1234"),
        "key": f"key-{number}",
        "fingerprint": "f" * 64,
        "input": b'{"body": "Thanks."}',
        "submitted_at": NOW,
        "leased_until": NOW + timedelta(seconds=40),
    }
    return Entry(**(usual | changes))


PROBLEM = Problem(
    "REJECTED_BY_SOURCE",
    "Zażółć gęślą jaźń 🐍 \x00 \u2028 \"'",
    repeatable=True,
    by_absence=True,
    refusals=(
        Refusal(RefusalCode.TOO_LONG, "Za długie", ("messageIds", "3"), "desk", "E-17"),
        Refusal(RefusalCode.INVALID, ""),
    ),
)
# Every attribute has a value, none the usual one, and no two times are the same.
FULL = Entry(
    id="0123456789abcdef0123456789abcdef",
    principal="użytkownik@пример.example",
    credential="poświadczenie",
    operation="confirmMessages",
    source="biurko-2",
    target=Ref(EntityType.CASE, "biurko-2", ("ścieżka/ż", "\U0001f40d", "a b")),
    key="klucz 🐍 '; DROP TABLE writes; --",
    fingerprint="0f" * 32,
    baseline='{"seen": ["ż"]}',
    input=bytes(range(256)),
    state=WriteState.PARTIAL,
    submitted_at=NOW,
    settled_at=NOW + MICROSECOND,
    attempts=3,
    leased_until=NOW + 2 * MICROSECOND,
    looks=7,
    next_look_at=NOW + 3 * MICROSECOND,
    result=Ref(EntityType.MESSAGE, "biurko-2", ("9", "wynik")),
    applied_at=datetime(1999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    problem=PROBLEM,
    parts=(
        Part(message("ż"), WriteState.CONFIRMED, already=True),
        Part(message("2"), WriteState.REJECTED, problem=PROBLEM),
        Part(message("2"), WriteState.IN_DOUBT, problem=Problem("X", "y")),
        Part(message("1")),
    ),
    version=5,
)


def settled(number: int, state: WriteState = WriteState.CONFIRMED, **changes: Any) -> Entry:
    """An entry whose outcome is known."""
    return entry(number, **({"state": state, "settled_at": NOW, "leased_until": None} | changes))


def event_of(written: Entry) -> AuditEvent:
    """A new event of an entry."""
    return STAMPS.next().on(audit.submitted(written))
