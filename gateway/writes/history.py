"""The ledger as it is read: what was written, who may see it, and what it has become."""

import asyncio
from collections.abc import Awaitable, Collection, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import chain
from typing import TypeVar

from gateway.domain.audit import AuditEvent, AuditFilter
from gateway.domain.catalog import Catalog, written_message
from gateway.domain.deadline import remaining_s
from gateway.domain.ids import EntityType, Ref
from gateway.domain.ledger import Entry, EntryFilter, Ledger, LedgerUnavailable
from gateway.domain.records import Message, Ticket
from gateway.writes import serving

T = TypeVar("T")


class History:
    """The reading side of a ledger. All coroutines raise LedgerUnavailable.

    `entries`, `by_results` and `sent_to` give anybody's entries: nobody sees one but through `own`, nor
    what it has become but through `message` and `ticket`. Who may operate sources sees everybody's writes
    to them: `operated` are these sources, None all of them.
    """

    def __init__(self, ledger: Ledger, catalog: Catalog) -> None:
        self._ledger = ledger
        self._catalog = catalog

    async def entries(self, ids: Sequence[str]) -> list[Entry | None]:
        """One slot per id, in one query."""
        found = {entry.id: entry for entry in await _in_time(self._ledger.by_ids(ids))}
        return [found.get(each) for each in ids]

    async def by_results(self, results: Sequence[Ref]) -> list[Entry | None]:
        """The writes that have become these objects: one slot each, in one query."""
        found = {entry.result: entry for entry in await _in_time(self._ledger.by_results(results))}
        return [found.get(result) for result in results]

    async def sent_to(self, conversation: Ref) -> list[Entry]:
        """What was written to a conversation with its source's credentials, oldest first."""
        credential = self._catalog.of(conversation).credential
        return [] if credential is None else await _in_time(self._ledger.sent_to(conversation, credential))

    async def by_key(self, owners: Collection[str], key: str) -> Entry | None:
        """The write that this key stands for; the newest, where a caller has used it under several names."""
        if "\0" in key:
            return None
        found = await _in_time(asyncio.gather(*(self._ledger.by_key(owner, key) for owner in owners)))
        return max((each for each in found if each is not None), key=_position, default=None)

    async def page(
        self,
        wanted: EntryFilter,
        owners: Collection[str],
        *,
        limit: int,
        after: tuple[datetime, str] | None,
        operated: frozenset[str] | None = frozenset(),
    ) -> list[Entry]:
        """The writes that may be seen and a filter leaves, newest first, behind a (`submitted_at`, `id`)."""
        if operated is None:
            return await _in_time(self._ledger.page(wanted, limit=limit, after=after))
        filters = [replace(wanted, principal=owner) for owner in owners if wanted.principal in {None, owner}]
        if operated:
            filters.append(replace(wanted, sources=operated))
        pages = await _in_time(
            asyncio.gather(*(self._ledger.page(each, limit=limit, after=after) for each in filters))
        )
        # An operator's own writes are among everybody's.
        found = {entry.id: entry for entry in chain.from_iterable(pages)}
        return sorted(found.values(), key=_position, reverse=True)[:limit]

    async def events(self, wanted: AuditFilter, *, limit: int, after: str | None) -> list[AuditEvent]:
        """What the audit log tells, newest first, beginning behind the event of that id."""
        return await _in_time(self._ledger.audit_page(wanted, limit=limit, after=after))

    def own(
        self,
        entry: Entry | None,
        owners: Collection[str],
        *,
        operated: frozenset[str] | None = frozenset(),
    ) -> Entry | None:
        """An entry as its owner, or who operates its source, may see it: nobody else may."""
        if entry is None or entry.principal in owners or operated is None:
            return entry
        return entry if entry.source in operated else None

    def message(self, entry: Entry) -> Message | None:
        """The message that an entry has become, as the ledger knows it."""
        conversation = serving.conversation(entry)
        if conversation is None or not self._may_show(entry):
            return None
        own = entry.result if entry.result is not None and entry.result.type is EntityType.MESSAGE else None
        only = self._catalog.of(conversation).only_message(conversation)
        return serving.message(entry, own or only or written_message(conversation, entry.id))

    def ticket(self, entry: Entry) -> Ticket | None:
        """The ticket that an entry has become, as the ledger knows it."""
        return serving.ticket(entry) if self._may_show(entry) else None

    def _may_show(self, entry: Entry) -> bool:
        """Whether the source is still asked with the credentials that the write was sent with."""
        source = self._catalog.get(entry.source)
        return source is not None and source.credential == entry.credential


async def _in_time(reading: Awaitable[T]) -> T:
    """Within what the operation has left: a ledger that hangs must not cost the answer."""
    try:
        async with asyncio.timeout(remaining_s()):
            return await reading
    except TimeoutError as error:
        raise LedgerUnavailable("no answer within the operation's time") from error


def _position(entry: Entry) -> tuple[datetime, str]:
    return entry.submitted_at, entry.id
