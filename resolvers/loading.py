"""Keyed loaders: each record is read once per operation, whichever fields ask for it.

A source that fails fills its own keys' slots with the error; a source without the ability, with
`Unsupported`.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

from aiodataloader import DataLoader

from gateway.domain.catalog import Catalog
from gateway.domain.errors import Unsupported, as_source_error
from gateway.domain.ids import Ref
from gateway.domain.ports import (
    AccountReader,
    CaseReader,
    MessageReader,
    Slot,
    SubscriberReader,
    SubscriptionReader,
    TicketReader,
    TicketWithMessagesReader,
)
from gateway.domain.records import Account, Case, Message, ServiceSubscription, Subscribers, Ticket
from gateway.observability.tracing import span

T = TypeVar("T")
P = TypeVar("P")

Thread = tuple[Ticket, tuple[Message, ...]]


class SourceLoaders(Generic[T]):
    """One kind of record, with a loader for each source: none waits for another's answer."""

    def __init__(self, catalog: Catalog, port: type[Any], method: str) -> None:
        self._catalog = catalog
        self._port = port
        self._method = method
        self._loaders: dict[str, DataLoader[Ref, T | None]] = {}

    async def load(self, ref: Ref) -> T | None:
        """The record; None if it isn't there.

        Raises:
            Unsupported: The source has no such records.
            SourceError: It couldn't be asked.
        """
        loader = self._loaders.get(ref.source)
        if loader is None:
            loader = self._loaders[ref.source] = DataLoader(partial(self._read, ref.source))
        return await loader.load(ref)

    def clear(self, ref: Ref) -> None:
        """Let the next load see what has changed."""
        if ref.source in self._loaders:
            self._loaders[ref.source].clear(ref)

    async def _read(self, key: str, refs: list[Ref]) -> list[Any]:
        source = self._catalog.get(key)
        client = source and source.port(self._port)
        if client is None:
            return [Unsupported(f"{key} can't read this.", source=key)] * len(refs)
        try:
            with span("batch", {"helpdesk.source": key, "helpdesk.batch.size": len(refs)}):
                slots: list[Any] = await getattr(client, self._method)(refs)
            if len(slots) != len(refs):
                raise ValueError(f"{len(slots)} slots for {len(refs)} references")
        except Exception as error:  # noqa: BLE001 - a fault of one adapter, too, costs its own source's fields
            return [as_source_error(error, key)] * len(refs)
        return slots


class RecordLoaders:
    """The loaders of each kind of record. Make it inside the running loop, fresh per operation."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self.accounts: SourceLoaders[Account] = self._loader(AccountReader, AccountReader.read_accounts)
        self.cases: SourceLoaders[Case] = self._loader(CaseReader, CaseReader.read_cases)
        self.subscriptions: SourceLoaders[ServiceSubscription] = self._loader(
            SubscriptionReader, SubscriptionReader.read_subscriptions
        )
        self.subscribers: SourceLoaders[Subscribers] = self._loader(
            SubscriberReader, SubscriberReader.read_subscribers
        )
        self._threads: SourceLoaders[Thread] = self._loader(
            TicketWithMessagesReader, TicketWithMessagesReader.read_ticket_with_messages
        )
        self._tickets: SourceLoaders[Ticket] = self._loader(TicketReader, TicketReader.read_tickets)
        self._messages: SourceLoaders[tuple[Message, ...]] = self._loader(
            MessageReader, MessageReader.read_messages
        )

    async def ticket(self, ref: Ref) -> Ticket | None:
        """One ticket; where its messages come in the same call, `messages` costs nothing more."""
        if self._has_threads(ref):
            thread = await self._threads.load(ref)
            return thread and thread[0]
        return await self._tickets.load(ref)

    async def messages(self, conversation: Ref) -> tuple[Message, ...] | None:
        """All messages of one conversation, oldest first."""
        if self._has_threads(conversation):
            thread = await self._threads.load(conversation)
            return thread and thread[1]
        return await self._messages.load(conversation)

    def forget(self, ref: Ref) -> None:
        """Let the next load of a record see what a write has changed."""
        loaders: tuple[SourceLoaders[Any], ...] = (
            self.accounts,
            self.cases,
            self.subscriptions,
            self.subscribers,
            self._threads,
            self._tickets,
            self._messages,
        )
        for loader in loaders:
            loader.clear(ref)

    def _has_threads(self, ref: Ref) -> bool:
        source = self._catalog.get(ref.source)
        return source is not None and source.port(TicketWithMessagesReader) is not None

    def _loader(
        self, port: type[P], read: Callable[[P, Sequence[Ref]], Awaitable[list[Slot[T]]]]
    ) -> SourceLoaders[T]:
        return SourceLoaders(self._catalog, port, read.__name__)
