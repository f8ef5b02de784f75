"""Objects by their references, whatever their type."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any

from gateway.domain.ids import EntityType, Ref
from gateway.domain.ports import TemplateReader
from gateway.domain.records import (
    Case,
    Message,
    MessageTemplate,
    NotificationSubscription,
    Origin,
    OriginKind,
    Ticket,
)
from gateway.plans.selection import Selection
from resolvers.access import reading
from resolvers.batches.completion import find_conversation
from resolvers.batches.messages import find_message
from resolvers.context import AnyFetch
from resolvers.slots import gather_slots

_OF_ID = frozenset({"id", "__typename"})


async def find_node(fetch: AnyFetch, ref: Ref, selection: Selection) -> Any:
    """The object that a reference stands for, read as far as the selection asks; None if it isn't there."""
    records, recall = fetch.context.records, fetch.context.recall
    refusal = reading(fetch.context.principal.grants, ref)
    if refusal is not None:
        raise refusal
    if ref.type is EntityType.SOURCE:
        return fetch.context.catalog.get(ref.source)
    readers: Mapping[EntityType, Callable[[], Awaitable[Any]]] = {
        EntityType.ACCOUNT: lambda: records.accounts.load(ref),
        EntityType.CASE: lambda: find_conversation(fetch, ref, selection),
        EntityType.TICKET: lambda: find_conversation(fetch, ref, selection),
        EntityType.MESSAGE: lambda: find_message(fetch, ref),
        EntityType.NOTIFICATION_SUBSCRIPTION: lambda: records.subscriptions.load(ref),
        EntityType.PRODUCT_SUBSCRIPTION: lambda: records.subscriptions.load(ref),
        EntityType.MESSAGE_TEMPLATE: lambda: _template(fetch, ref),
        EntityType.WRITE: lambda: recall.write(ref),
    }
    return await readers[ref.type]()


async def referred(fetch: AnyFetch, refs: Sequence[Ref | None], selection: Selection) -> list[Any]:
    """The objects that records refer to: one slot each. Where only ids are asked for, nothing is read."""

    async def one(ref: Ref | None) -> Any:
        if ref is None or fetch.context.catalog.get(ref.source) is None:
            return None
        if selection.attributes <= _OF_ID:
            return named_node(fetch, ref)
        return await find_node(fetch, ref, selection)

    return await gather_slots([one(ref) for ref in refs])


def node_at(path: str) -> Callable[[Sequence[Any], AnyFetch], Awaitable[list[Any]]]:
    """A batch function for the object that parents refer to at an attribute, such as `target`."""
    held = attrgetter(path)

    async def batch(parents: Sequence[Any], fetch: AnyFetch) -> list[Any]:
        return await referred(fetch, [held(parent) for parent in parents], fetch.selection)

    batch.__name__ = batch.__qualname__ = f"node_at_{path}"
    return batch


def named_node(fetch: AnyFetch, ref: Ref) -> Any:
    """A record of which nothing but its id may be asked."""
    origin = Origin(ref.source, ref.parts[-1], kind=OriginKind.REFERENCE)
    match ref.type:
        case EntityType.CASE:
            return Case(ref=ref, origin=origin, guid=ref.parts[-1])
        case EntityType.MESSAGE:
            conversation = fetch.context.catalog.of(ref).conversation_of(ref)
            return Message(ref=ref, origin=origin, conversation=conversation)
        case EntityType.NOTIFICATION_SUBSCRIPTION:
            return NotificationSubscription(ref=ref, origin=origin)
        case _:
            return Ticket(ref=ref, origin=origin)


async def _template(fetch: AnyFetch, ref: Ref) -> MessageTemplate | None:
    reader = fetch.context.catalog.of(ref).port(TemplateReader)
    found = await reader.read_templates() if reader else ()
    return next((template for template in found if template.ref == ref), None)
