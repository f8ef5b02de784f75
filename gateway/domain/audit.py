"""The audit log: who did what where, when, and what came of it.

It tells of changes and holds none of what was written: no body, subject, name, address or error text, and
no idempotency key, for a caller may put anything into one. Whoever may read it need not be allowed to read
messages. What is added stays as it is until it has been kept long enough.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from gateway.domain.acting import Actor
from gateway.domain.api_keys import ApiKey
from gateway.domain.ids import EntityType, Ref

if TYPE_CHECKING:
    from gateway.domain.ledger import Entry, Purged

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LAST = 16**14 - 1  # In the year 4253.


class AuditKind(StrEnum):
    """What has happened."""

    WRITE_SUBMITTED = "WRITE_SUBMITTED"
    WRITE_PROGRESSED = "WRITE_PROGRESSED"
    WRITE_SETTLED = "WRITE_SETTLED"
    WRITE_LAPSED = "WRITE_LAPSED"
    WRITE_RECONCILED = "WRITE_RECONCILED"
    WRITE_SETTLED_BY_HAND = "WRITE_SETTLED_BY_HAND"
    ACCESS_REFUSED = "ACCESS_REFUSED"
    KEY_CREATED = "KEY_CREATED"
    KEY_REVOKED = "KEY_REVOKED"
    LEDGER_PURGED = "LEDGER_PURGED"


OF_WRITES = frozenset(kind for kind in AuditKind if kind.startswith("WRITE_"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What has been done; make one with the functions below.

    Attributes:
        kind: Which of the things that are recorded.
        owner: Whose write it is (`Entry.principal`), whoever has changed it; of a key, its name.
        operation: The mutation's name.
        source: The source's key.
        target: Global id of what is written to.
        write_id: The entry's id in the ledger, which may have gone since.
        state: The write's state from then on.
        problem: Why it isn't confirmed: a code.
        attempts: How often it has been given to the transport by then.
        key_id: The API key that was made or revoked.
        detail: For people; never of what was written.
    """

    kind: AuditKind
    owner: str | None = None
    operation: str | None = None
    source: str | None = None
    target: str | None = None
    write_id: str | None = None
    state: str | None = None
    problem: str | None = None
    attempts: int | None = None
    key_id: str | None = None
    detail: str | None = None

    @property
    def write(self) -> Ref | None:
        """The write as the graph knows it."""
        if self.write_id is None or self.source is None:
            return None
        return Ref(EntityType.WRITE, self.source, (self.write_id,))


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """A deed as it is kept.

    `id` is made of `at`, so that ids rise with time, and no two events of a process are of one moment.
    """

    id: str
    at: datetime
    by: Actor
    deed: Deed


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Which events to list; None doesn't narrow. `since` is included, `until` isn't.

    `sources` is for who may not see all of them; what has no source is not among them.
    """

    principal: str | None = None
    kind: AuditKind | None = None
    source: str | None = None
    sources: frozenset[str] | None = None
    operation: str | None = None
    write_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class AuditLog(Protocol):
    """Where events are kept: beside the ledger. Methods raise LedgerUnavailable.

    Changes of writes and keys are recorded with the change, by whatever makes it: nobody has to think of it.
    """

    async def append(self, deed: Deed) -> None:
        """Commit what whoever acts has done just now."""

    async def audit_page(
        self, wanted: AuditFilter, *, limit: int, after: str | None = None
    ) -> list[AuditEvent]:
        """Events, newest first, beginning behind the one of that id."""

    async def audit_history(
        self, wanted: AuditFilter, *, limit: int, after: str | None = None
    ) -> list[AuditEvent]:
        """Events, oldest first, beginning behind the one of that id."""


def lowest_id(moment: datetime) -> str:
    """What the ids of events since a moment are not below."""
    passed = (moment - _EPOCH) // _MICROSECOND
    return f"{min(max(passed, 0), _LAST):014x}"


def submitted(entry: "Entry") -> Deed:
    """A write has been recorded, and is about to be sent."""
    return _of_write(AuditKind.WRITE_SUBMITTED, entry)


def changed(old: "Entry", new: "Entry", kind: AuditKind) -> Deed | None:
    """What is known of a write has changed; None for what is the ledger's own business, such as a lease."""
    if (old.state, old.attempts) == (new.state, new.attempts) and _states(old) == _states(new):
        return None
    return _of_write(kind, new)


def key_created(key: ApiKey) -> Deed:
    """An API key has been made."""
    scopes = ", ".join(key.scopes) or "no scopes"
    return Deed(kind=AuditKind.KEY_CREATED, owner=key.name, key_id=key.id, detail=scopes)


def key_revoked(key: ApiKey) -> Deed:
    """An API key has been made worthless."""
    return Deed(kind=AuditKind.KEY_REVOKED, owner=key.name, key_id=key.id)


def access_refused(operation: str, scope: str, *, source: str | None, target: Ref | None = None) -> Deed:
    """Somebody wanted to write and lacks that scope: nothing was recorded or sent."""
    return Deed(
        kind=AuditKind.ACCESS_REFUSED,
        operation=operation,
        source=source,
        target=None if target is None else target.global_id,
        problem="FORBIDDEN",
        detail=f"needs {scope}",
    )


def purged(what: "Purged") -> Deed:
    """Something has gone that was kept long enough."""
    counts = f"{what.keys} keys, {what.bodies} bodies, {what.entries} writes, {what.events} events"
    return Deed(kind=AuditKind.LEDGER_PURGED, detail=counts)


def _of_write(kind: AuditKind, entry: "Entry") -> Deed:
    return Deed(
        kind=kind,
        owner=entry.principal,
        operation=entry.operation,
        source=entry.source,
        target=None if entry.target is None else entry.target.global_id,
        write_id=entry.id,
        state=entry.state.value,
        problem=None if entry.problem is None else entry.problem.code,
        attempts=entry.attempts,
        detail=_summary(_states(entry)),
    )


def _states(entry: "Entry") -> Sequence[str]:
    return [part.state.value for part in entry.parts]


def _summary(states: Sequence[str]) -> str | None:
    """How many parts are in which state: `3 CONFIRMED, 1 REJECTED`."""
    return ", ".join(f"{count} {state}" for state, count in sorted(Counter(states).items())) or None
