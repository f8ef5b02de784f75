"""What the ledger knows for one operation: each thing asked for once, and only if a field wants it."""

from collections.abc import Collection, Sequence
from itertools import chain
from typing import Any

from aiodataloader import DataLoader

from gateway.domain.catalog import Catalog, entry_id_of
from gateway.domain.ids import EntityType, Ref
from gateway.domain.ledger import Entry
from gateway.domain.ports import MessageReader
from gateway.domain.records import Message, Ticket, Visibility
from gateway.writes.history import History
from resolvers.slots import gather_slots


class Recall:
    """Looks things up in the ledger for one caller. Make it inside the running loop, fresh per operation.

    Its coroutines raise LedgerUnavailable.
    """

    def __init__(
        self,
        history: History,
        catalog: Catalog,
        owners: Collection[str],
        operated: frozenset[str] | None = frozenset(),
    ) -> None:
        """Look for somebody.

        Args:
            history: The ledger.
            catalog: The sources.
            owners: The names under which the caller owns writes.
            operated: The sources of which they may see everybody's; None for all.
        """
        self._history = history
        self._catalog = catalog
        self._owners = owners
        self._operated = operated
        self._entries: DataLoader[str, Entry | None] = DataLoader(history.entries)
        self._by_results: DataLoader[Ref, Entry | None] = DataLoader(history.by_results)
        self._sent: DataLoader[Ref, Sequence[Entry]] = DataLoader(self._load_sent)

    async def write(self, ref: Ref) -> Entry | None:
        """The write of this reference, if the caller may see it."""
        entry = await self._entries.load(ref.parts[0])
        return self._visible(entry) if entry is not None and entry.ref == ref else None

    async def write_of(self, message: Ref) -> Entry | None:
        """The write that has become a message, if the caller may see it."""
        return self._visible(await self._entry_of(message))

    async def messages_to(self, conversation: Ref) -> tuple[Message, ...]:
        """The messages that were sent to a conversation, oldest first."""
        entries = await self._sent.load(conversation)
        return tuple(message for entry in entries if (message := self._history.message(entry)) is not None)

    async def resolved(self, message: Ref) -> Ref | None:
        """The reference that a message has at its source by now. One of the source's own costs no query.

        The gateway's own stays while the source hasn't told; it is None if it stands for no message that
        may be seen.
        """
        if entry_id_of(message) is None:
            return message
        served = await self._served(message)
        return None if served is None else served.ref

    async def message(self, ref: Ref) -> Message | None:
        """A message that its source doesn't show, though it may be there."""
        served = await self._served(ref)
        if served is None or entry_id_of(ref) is not None:
            return served
        unread = self._catalog.of(ref).port(MessageReader) is None
        internal = served.visibility is Visibility.INTERNAL
        return served if unread or internal or _is_found_in_lists(served.conversation) else None

    async def ticket(self, ref: Ref) -> Ticket | None:
        """A ticket that its source doesn't show, though it may be there."""
        entry = await self._by_results.load(ref) if _is_found_in_lists(ref) else None
        return None if entry is None else self._history.ticket(entry)

    async def messages_of_ticket(self, ref: Ref) -> tuple[Message, ...] | None:
        """The messages of such a ticket: the one that it was created with."""
        entry = await self._by_results.load(ref) if _is_found_in_lists(ref) else None
        served = None if entry is None else self._history.message(entry)
        return None if served is None else (served,)

    def forget(self) -> None:
        """Let the next look see what a write has changed."""
        loaders: tuple[DataLoader[Any, Any], ...] = (self._entries, self._by_results, self._sent)
        for loader in loaders:
            loader.clear_all()

    def _visible(self, entry: Entry | None) -> Entry | None:
        return self._history.own(entry, self._owners, operated=self._operated)

    async def _served(self, message: Ref) -> Message | None:
        entry = await self._entry_of(message)
        return None if entry is None else self._history.message(entry)

    async def _entry_of(self, message: Ref) -> Entry | None:
        """The write that has become a message: by the source's reference, or by one of the gateway's own."""
        source = self._catalog.of(message)
        conversation = source.conversation_of(message)
        entry_id = entry_id_of(message)
        if entry_id is None:
            # A conversation of one message is that message: the write has become both.
            one = message == source.only_message(conversation)
            return await self._by_results.load(conversation if one else message)
        entry = await self._entries.load(entry_id)
        return entry if entry is not None and conversation in {entry.target, entry.result} else None

    async def _load_sent(self, conversations: Sequence[Ref]) -> list[Any]:
        """One query per conversation. It answers, too, which write each of the messages was."""
        found = await gather_slots([self._history.sent_to(each) for each in conversations])
        for entry in chain.from_iterable(slot for slot in found if not isinstance(slot, Exception)):
            self._entries.prime(entry.id, entry)
            if entry.result is not None:
                self._by_results.prime(entry.result, entry)
        return found


def _is_found_in_lists(ticket: Ref) -> bool:
    """Whether its source has no single read of it: what is in no list any more may be there all the same."""
    return ticket.type is EntityType.TICKET and len(ticket.parts) > 1
