"""The ledger: a row per write, committed before it is sent and again once its outcome is known.

An entry is a value: `gateway.writes.states` makes the next one out of it, and a ledger puts that in the
old one's place only if nobody else has done so meanwhile. Nothing here holds a transaction across a call
to a source.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from gateway.domain.audit import AuditKind, AuditLog
from gateway.domain.errors import ErrorCode, GatewayError, Refusal
from gateway.domain.ids import EntityType, Ref


class WriteState(StrEnum):
    """What is known of a write (DESIGN, section 5)."""

    PENDING = "PENDING"
    CONFIRMED = "CONFIRMED"
    REJECTED = "REJECTED"
    IN_DOUBT = "IN_DOUBT"
    PARTIAL = "PARTIAL"


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a write, or a part of one, isn't confirmed.

    `code` is an ErrorCode or RefusalCode. `repeatable`: it was certainly not applied, through no fault
    of what was written, so the same key may be sent again. `by_absence`: it was rejected because the
    source didn't show it, so a later sight of it still counts.
    """

    code: str
    message: str
    repeatable: bool = False
    by_absence: bool = False
    refusals: tuple[Refusal, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """One of several objects that a write is about. `already`: it had been so before; nothing was sent."""

    target: Ref
    state: WriteState = WriteState.PENDING
    already: bool = False
    problem: Problem | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One write. Times are aware and UTC.

    Attributes:
        id: 32 hexadecimal digits, rising with time.
        principal: Who asked for it.
        credential: Stable id of the credentials it was sent with (`Source.credential`).
        operation: The mutation's name.
        source: The source's key.
        target: What is written to or changed; None for what had no place before.
        key: The caller's idempotency key, or one that the gateway made.
        fingerprint: Hash of what the key stands for, hexadecimal.
        reference: What the source was told to know it by, where it takes such a thing.
        baseline: What the adapter read before the write, to tell it from what was there.
        input: What is written, as JSON; None once it has been erased.
        submitted_at: When it was recorded.
        settled_at: When it got its present outcome; None while PENDING.
        attempts: How often it has been given to the transport.
        leased_until: Until then somebody is at work on it: the sender while PENDING, then a reconciler.
        looks: How often the source has been asked whether it landed.
        next_look_at: When to ask again; None for never.
        result: What it has become at the source, where that is known.
        applied_at: When, by the source's own word.
        problem: Why it isn't CONFIRMED.
        parts: In the caller's order; empty for a write of one call.
        version: Counts the changes of this row.
        replayed: Not stored: this is being told again, not done.
    """

    id: str
    principal: str
    credential: str
    operation: str
    source: str
    target: Ref | None
    key: str
    fingerprint: str
    baseline: str | None = field(default=None, repr=False)
    input: bytes | None = field(default=None, repr=False)
    state: WriteState = WriteState.PENDING
    submitted_at: datetime
    settled_at: datetime | None = None
    attempts: int = 1
    leased_until: datetime | None = None
    looks: int = 0
    next_look_at: datetime | None = None
    result: Ref | None = None
    applied_at: datetime | None = None
    problem: Problem | None = None
    parts: tuple[Part, ...] = ()
    version: int = 1
    replayed: bool = False

    @property
    def ref(self) -> Ref:
        """What the graph knows it by."""
        return Ref(EntityType.WRITE, self.source, (self.id,))

    @property
    def reference(self) -> str:
        """What the source is told to know it by: the same for every attempt."""
        return f"gw-{self.id}"


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """Which entries to list; None doesn't narrow. `sources` is for who may not see all of them."""

    principal: str | None = None
    state: WriteState | None = None
    source: str | None = None
    operation: str | None = None
    since: datetime | None = None
    sources: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Retention:
    """Until when things are kept; what is older goes. An entry whose outcome isn't known keeps everything.

    Attributes:
        keys_before: Keys of writes settled before this moment may be used anew.
        bodies_before: The inputs of writes settled before it are erased.
        entries_before: Whole entries settled before it are deleted.
        events_before: Events of the audit log older than it are deleted; None keeps them all.
    """

    keys_before: datetime
    bodies_before: datetime
    entries_before: datetime
    events_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Purged:
    """How many entries a purge has touched, and how many events have gone."""

    keys: int
    bodies: int
    entries: int
    events: int = 0


class LedgerUnavailable(GatewayError):
    """The ledger can't be reached or written: nothing was sent."""

    code = ErrorCode.LEDGER_UNAVAILABLE
    retryable = True

    def __init__(self, detail: str = "") -> None:
        super().__init__(
            "The ledger of writes can't be reached. No write is sent without it. Try again later."
        )
        self.detail = detail

    def __str__(self) -> str:
        """For logs: with the detail that clients don't get."""
        return f"{self.message} ({self.detail})" if self.detail else self.message


class ResultTaken(Exception):
    """Another entry has this result already: one object can't be the outcome of two writes."""


class Ledger(AuditLog, Protocol):
    """Where entries are kept. All methods raise LedgerUnavailable; each is one transaction.

    Whatever changes what is known of a write appends its event to the audit log in that transaction.
    """

    async def insert(self, entry: Entry) -> Entry | None:
        """Commit a new entry. If its principal's key is in force, commit nothing and return that entry."""

    async def replace(self, old: Entry, new: Entry, *, kind: AuditKind = AuditKind.WRITE_SETTLED) -> bool:
        """Put `new` in the place of `old` if the row still has `old.version`; else change nothing, say False.

        `kind` is what the audit log calls it, if anything has changed that is known of the write.

        `new.version` is ignored: the row's version rises by one. Id, principal, key, fingerprint and
        input never change here.

        Raises:
            ResultTaken: `new.result` is another entry's.
        """

    async def get(self, entry_id: str) -> Entry | None:
        """One entry."""

    async def by_ids(self, entry_ids: Sequence[str]) -> list[Entry]:
        """The entries of these ids, in no order."""

    async def by_key(self, principal: str, key: str) -> Entry | None:
        """The entry that this key stands for, while it is in force."""

    async def by_results(self, results: Sequence[Ref]) -> list[Entry]:
        """The entries that have become these objects, in no order."""

    async def sent_to(self, target: Ref, credential: str) -> list[Entry]:
        """The CONFIRMED entries with this target, oldest first."""

    async def page(
        self, wanted: EntryFilter, *, limit: int, after: tuple[datetime, str] | None = None
    ) -> list[Entry]:
        """Entries, newest first, beginning behind the one of that (`submitted_at`, `id`)."""

    async def count_in_doubt(self) -> int:
        """How many entries are in doubt as a whole."""

    async def due(self, now: datetime, *, limit: int) -> list[Entry]:
        """Entries that somebody has to look at, the longest due first.

        Those are PENDING ones whose lease has run out, and others whose `next_look_at` has come and that
        nobody holds a lease on.
        """

    async def purge(self, retention: Retention) -> Purged:
        """Free keys, erase inputs and delete entries and events that are old enough."""

    async def close(self) -> None:
        """Finish what is queued and release the connections."""
