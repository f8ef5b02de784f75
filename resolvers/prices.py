"""What fetching fields cost in REST calls: the functions behind the prices that they declare.

Each mirrors what its field does, as far as the arguments and the selection tell. A record by its own id is
taken to be one call, which is what most sources document.
"""

from gateway.domain.catalog import Source
from gateway.domain.ids import EntityType, Ref
from gateway.domain.ports import ConversationNamer, MessageReader, TicketWithMessagesReader
from gateway.domain.records import AccountKind
from gateway.plans.price import NO_CALLS, Calls, Price
from gateway.plans.selection import Selection
from resolvers.batches.completion import name_conversation, named_account
from resolvers.context import AnyFetch
from resolvers.merging import OVERLAP
from resolvers.paging import MAX_SIZE, page_size

# The two reads of one conversation: itself, and all of its messages. Whatever is asked of it shares them.
RECORD = "record"
MESSAGES = "messages"
_BOTH = frozenset({RECORD, MESSAGES})

_UNREAD_ACCOUNT = named_account(Ref(EntityType.ACCOUNT, "", (AccountKind.UNKNOWN.value, ""))).missing
_OF_MESSAGES = frozenset({"messages", "last_message", "message_count", "unconfirmed_count"})
_AT_HAND = _OF_MESSAGES | {"id", "guid", "origin", "kind", "capabilities", "__typename"}
_OF_ID = frozenset({"id", "__typename"})


# -- of references


def _account(fetch: AnyFetch) -> Calls:
    return Calls(1) if fetch.selection.attributes & _UNREAD_ACCOUNT else NO_CALLS


def _referred(fetch: AnyFetch) -> Calls:
    return NO_CALLS if fetch.selection.attributes <= _OF_ID else Calls(1)


held_account = Price(_account)
referred_node = Price(_referred)


def conversation(fetch: AnyFetch, ref: Ref, selection: Selection) -> Calls:
    """A case or ticket by its reference: `completion.find_conversation`."""
    source = fetch.context.catalog.of(ref)
    named = name_conversation(fetch, ref)
    if named is not None and not named.missing and source.port(ConversationNamer) is not None:
        return Calls(0, paid=_with_record(source, RECORD))
    missing = selection.attributes if named is None else named.missing
    return _conversation(source, missing, selection)


def new_conversation(source: Source, selection: Selection) -> Calls:
    """One that has no reference yet."""
    return _conversation(source, selection.attributes - _AT_HAND, selection)


def _conversation(source: Source, missing: frozenset[str], selection: Selection) -> Calls:
    wanted = selection.attributes
    if wanted & _OF_MESSAGES and not wanted & missing:
        return Calls(0, paid=_with_record(source))
    return Calls(1, paid=_with_record(source, RECORD))


def _with_record(source: Source, *read: str) -> frozenset[str]:
    """What needs no call any more, once this much of a conversation has been read."""
    if source.port(MessageReader) is None:
        return frozenset({*read, MESSAGES})
    return _BOTH if read and source.port(TicketWithMessagesReader) is not None else frozenset(read)


def message(fetch: AnyFetch, ref: Ref) -> Calls:
    """A message by its reference: by way of its conversation's list."""
    source = fetch.context.catalog.of(ref)
    if source.port(MessageReader) is None:
        return Calls(0, paid=frozenset({MESSAGES}))
    return Calls(1, paid=frozenset({MESSAGES}) if source.port(TicketWithMessagesReader) is None else _BOTH)


def node(fetch: AnyFetch, ref: Ref) -> Calls:
    """Any object by its reference: `nodes.find_node`."""
    match ref.type:
        case EntityType.SOURCE | EntityType.WRITE:
            return NO_CALLS
        case EntityType.CASE | EntityType.TICKET:
            return conversation(fetch, ref, fetch.selection)
        case EntityType.MESSAGE:
            return message(fetch, ref)
        case _:
            return Calls(1)


# -- of messages and their conversations


def _messages(_: AnyFetch, first: int | None = None, last: int | None = None) -> Calls:
    return Calls(1, objects=page_size(first) if last is None else page_size(last))


def _replies(_: AnyFetch, first: int | None = None) -> Calls:
    return Calls(1, objects=page_size(first))


def _conversation_of(fetch: AnyFetch) -> Calls:
    wanted = fetch.selection.attributes
    return NO_CALLS if wanted & _OF_MESSAGES and wanted <= _AT_HAND else Calls(1)


messages = Price(_messages, shared=MESSAGES, same_whole=True)
replies = Price(_replies, shared=MESSAGES, same_whole=True)
of_messages = Price(Calls(1), shared=MESSAGES, same_whole=True)
conversation_of_message = Price(_conversation_of, shared=RECORD, same_whole=True)


# -- of lists


def page_reads(first: int | None, after: str | None, max_limit: int = MAX_SIZE) -> int:
    """How often a feed is read for a page: behind a cursor, a little from before it is read again."""
    wanted = page_size(first) + (0 if after is None else OVERLAP)
    return -(-wanted // max_limit)


def _of_account(_: AnyFetch, first: int | None = None, after: str | None = None) -> Calls:
    """A list of one account, at its own source, which has one feed of it at most."""
    return Calls(page_reads(first, after), objects=page_size(first))


list_of_account = Price(_of_account)
