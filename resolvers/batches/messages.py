"""The fields about a conversation's messages that fetch: all from one list per conversation."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import strawberry

from gateway.domain.catalog import entry_id_of
from gateway.domain.errors import BadInput, Unsupported
from gateway.domain.ids import Ref
from gateway.domain.ports import MessageConfirmer, MessageReader, Replier
from gateway.domain.records import Conversation, Message
from resolvers.arguments import After, Before, First, Last
from resolvers.batches.completion import find_conversation
from resolvers.context import AnyFetch
from resolvers.paging import Connection, Edge, PageInfo, mark, page_size
from resolvers.slots import gather_slots
from resolvers.types.inputs import MessageFilter


async def messages(
    parents: Sequence[Conversation],
    fetch: AnyFetch,
    first: First = None,
    after: After = None,
    last: Last = None,
    before: Before = None,
    filter: Annotated[
        MessageFilter | None, strawberry.argument(description="Which messages; all by default.")
    ] = None,
) -> list[Any]:
    """A page of each conversation's messages."""
    if first is not None and last is not None:
        raise BadInput("Pass `first` or `last`, not both.", argument="last")
    size = page_size(last, argument="last") if last is not None else page_size(first)

    async def one(parent: Conversation) -> Connection[Message] | None:
        found = await messages_of(fetch, parent.ref)
        if found is None:
            return None
        wanted = [message for message in found if _wanted(message, filter)]
        return _window(wanted, size, after=after, before=before, from_end=last is not None)

    return await gather_slots([one(parent) for parent in parents])


async def replies(
    parents: Sequence[Message], fetch: AnyFetch, first: First = None, after: After = None
) -> list[Any]:
    """The messages that name the parent as the one they answer."""
    size = page_size(first)

    async def one(parent: Message) -> Connection[Message] | None:
        found = await messages_of(fetch, parent.conversation)
        if found is None:
            return None
        return _window([each for each in found if each.parent == parent.ref], size, after=after)

    return await gather_slots([one(parent) for parent in parents])


def _of_all(pick: Callable[[Sequence[Message]], object]) -> Any:
    """A batch function for what a conversation's messages tell; null where it has none to show."""

    async def batch(parents: Sequence[Conversation], fetch: AnyFetch) -> list[Any]:
        async def one(parent: Conversation) -> object:
            try:
                found = await messages_of(fetch, parent.ref)
            except Unsupported:
                return None
            return None if found is None else pick(found)

        return await gather_slots([one(parent) for parent in parents])

    return batch


last_message = _of_all(lambda found: found[-1] if found else None)
message_count = _of_all(len)


async def unconfirmed_count(parents: Sequence[Conversation], fetch: AnyFetch) -> list[Any]:
    """How many messages wait to be confirmed; null where the source knows no confirming."""

    async def one(parent: Conversation) -> int | None:
        if fetch.context.catalog.of(parent.ref).port(MessageConfirmer) is None:
            return None
        found = await fetch.context.records.messages(parent.ref)
        return None if found is None else sum(message.confirmed_at is None for message in found)

    return await gather_slots([one(parent) for parent in parents])


async def parents_of(parents: Sequence[Message], fetch: AnyFetch) -> list[Any]:
    """The message that each one answers."""
    return await gather_slots(
        [_nothing() if each.parent is None else find_message(fetch, each.parent) for each in parents]
    )


async def conversations_of(parents: Sequence[Message], fetch: AnyFetch) -> list[Any]:
    """The case or ticket of each message."""
    return await gather_slots(
        [find_conversation(fetch, each.conversation, fetch.selection) for each in parents]
    )


async def writes_of(parents: Sequence[Message], fetch: AnyFetch) -> list[Any]:
    """The caller's own write that each message was. The messages stand, even if the ledger doesn't answer."""
    slots = await gather_slots([fetch.context.recall.write_of(each.ref) for each in parents])
    for slot in slots:
        if isinstance(slot, Exception):
            fetch.context.report_or_raise(slot, fetch)
    return [None if isinstance(slot, Exception) else slot for slot in slots]


async def messages_of(fetch: AnyFetch, conversation: Ref) -> Sequence[Message] | None:
    """All messages of a conversation, oldest first.

    Where its source shows none at all: those sent through the gateway. Of a ticket that its source
    doesn't show any more: the one that it was created with.
    """
    source, recall = fetch.context.catalog.of(conversation), fetch.context.recall
    if source.port(MessageReader) is None and source.port(Replier) is not None:
        return await recall.messages_to(conversation)
    found = await fetch.context.records.messages(conversation)
    return await recall.messages_of_ticket(conversation) if found is None else found


async def find_message(fetch: AnyFetch, ref: Ref) -> Message | None:
    """One message: its source's own, else as the ledger knows it."""
    known = await fetch.context.recall.resolved(ref)
    if known is None:
        return None
    return await read_message(fetch, known) or await fetch.context.recall.message(known)


async def read_message(fetch: AnyFetch, ref: Ref) -> Message | None:
    """One message as its source shows it, by way of its conversation."""
    source = fetch.context.catalog.of(ref)
    if source.port(MessageReader) is None or entry_id_of(ref) is not None:
        return None
    found = await fetch.context.records.messages(source.conversation_of(ref))
    return next((message for message in found or () if message.ref == ref), None)


async def _nothing() -> None:
    return None


def _wanted(message: Message, wanted: MessageFilter | None) -> bool:
    if wanted is None:
        return True
    if wanted.confirmed is not None and (message.confirmed_at is not None) != wanted.confirmed:
        return False
    if wanted.kinds is not None and (message.kind is None or message.kind.value not in wanted.kinds):
        return False
    return wanted.since is None or (message.created_at is not None and message.created_at >= wanted.since)


def _window(
    found: Sequence[Message],
    size: int,
    *,
    after: str | None = None,
    before: str | None = None,
    from_end: bool = False,
) -> Connection[Message]:
    """A Relay page of a list that is at hand whole. A cursor is its message's mark."""
    cursors = [mark(message.ref.global_id) for message in found]
    start = 0 if after is None else _index(cursors, after, "after") + 1
    end = len(found) if before is None else _index(cursors, before, "before")
    if from_end:
        start = max(start, end - size)
    else:
        end = min(end, start + size)
    end = max(start, end)
    edges = [
        Edge(cursor, message) for cursor, message in zip(cursors[start:end], found[start:end], strict=True)
    ]
    return Connection(
        edges,
        PageInfo(
            has_next_page=end < len(found),
            has_previous_page=start > 0,
            start_cursor=edges[0].cursor if edges else None,
            end_cursor=edges[-1].cursor if edges else None,
        ),
        total_count=len(found),
    )


def _index(cursors: Sequence[str], cursor: str, argument: str) -> int:
    try:
        return cursors.index(cursor)
    except ValueError:
        raise BadInput(
            f"`{argument}` is no cursor of these messages. Pass one that an earlier page gave.",
            argument=argument,
        ) from None
