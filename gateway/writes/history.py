"""The ledger as it is read: what was written, who may see it, and what it has become."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

from gateway.domain.catalog import Catalog, written_message
from gateway.domain.ids import EntityType, Ref
from gateway.domain.ledger import Entry, EntryFilter, Ledger
from gateway.domain.records import Message, Ticket
from gateway.writes import serving


class History:
    """The reading side of a ledger. All coroutines raise LedgerUnavailable.

    `entries`, `by_results` and `sent_to` give anybody's entries: nobody sees one but through `own`, nor
    what it has become but through `message` and `ticket`.
    """

    def __init__(self, ledger: Ledger, catalog: Catalog) -> None:
        self._ledger = ledger
        self._catalog = catalog

    async def entries(self, ids: Sequence[str]) -> list[Entry | None]:
        """One slot per id."""
        return await asyncio.gather(*map(self._ledger.get, ids))

    async def by_results(self, results: Sequence[Ref]) -> list[Entry | None]:
        """The writes that have become these objects: one slot each, in one query."""
        found = {entry.result: entry for entry in await self._ledger.by_results(results)}
        return [found.get(result) for result in results]

    async def sent_to(self, conversation: Ref) -> list[Entry]:
        """What was written to a conversation with its source's credentials, oldest first."""
        return await self._ledger.sent_to(conversation, self._catalog.of(conversation).credential)

    async def by_key(self, principal: str, key: str) -> Entry | None:
        """The write that this key of a principal stands for."""
        return await self._ledger.by_key(principal, key)

    async def page(
        self, wanted: EntryFilter, *, limit: int, after: tuple[datetime, str] | None
    ) -> list[Entry]:
        """The writes that a filter leaves, newest first, beginning behind a (`submitted_at`, `id`)."""
        return await self._ledger.page(wanted, limit=limit, after=after)

    def own(self, entry: Entry | None, principal: str) -> Entry | None:
        """An entry as its principal may see it: nobody else may."""
        return entry if entry is not None and entry.principal == principal else None

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
