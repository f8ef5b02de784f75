"""Keyed loaders: each record is read once per operation, whichever fields ask for it.

A source that fails fills its own keys' slots with the error; a source without the ability, with
`Unsupported`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from aiodataloader import DataLoader

from gateway.domain.catalog import Catalog, Source
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

T = TypeVar("T")
P = TypeVar("P")

Thread = tuple[Ticket, tuple[Message, ...]]


class RecordLoaders:
    """One loader per kind of record. Make it inside the running loop, fresh per operation."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self.accounts: DataLoader[Ref, Account | None] = self._loader(
            AccountReader, AccountReader.read_accounts
        )
        self.cases: DataLoader[Ref, Case | None] = self._loader(CaseReader, CaseReader.read_cases)
        self.subscriptions: DataLoader[Ref, ServiceSubscription | None] = self._loader(
            SubscriptionReader, SubscriptionReader.read_subscriptions
        )
        self.subscribers: DataLoader[Ref, Subscribers | None] = self._loader(
            SubscriberReader, SubscriberReader.read_subscribers
        )
        self._threads: DataLoader[Ref, Thread | None] = self._loader(
            TicketWithMessagesReader, TicketWithMessagesReader.read_ticket_with_messages
        )
        self._tickets: DataLoader[Ref, Ticket | None] = self._loader(TicketReader, TicketReader.read_tickets)
        self._messages: DataLoader[Ref, tuple[Message, ...] | None] = self._loader(
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
        loaders: tuple[DataLoader[Ref, Any], ...] = (
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
    ) -> "DataLoader[Ref, T | None]":
        method = read.__name__

        async def load(refs: list[Ref]) -> list[Any]:
            by_source: dict[str, list[Ref]] = {}
            for ref in refs:
                by_source.setdefault(ref.source, []).append(ref)
            groups = await asyncio.gather(
                *(_read(self._catalog.get(key), key, port, method, group) for key, group in by_source.items())
            )
            found = {
                ref: slot
                for group, slots in zip(by_source.values(), groups, strict=True)
                for ref, slot in zip(group, slots, strict=True)
            }
            return [found[ref] for ref in refs]

        return DataLoader(load)


async def _read(source: Source | None, key: str, port: type[Any], method: str, refs: list[Ref]) -> list[Any]:
    client = source and source.port(port)
    if client is None:
        return [Unsupported(f"{key} can't read this.", source=key)] * len(refs)
    try:
        slots: list[Any] = await getattr(client, method)(refs)
    except Exception as error:  # noqa: BLE001 - a fault of one adapter, too, costs its own source's fields
        return [as_source_error(error, key)] * len(refs)
    return slots
