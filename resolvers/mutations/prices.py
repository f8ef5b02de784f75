"""What the mutations cost in REST calls: the write, and the reads that belong to it.

A source that has to know something before a write (`WritePreparer`) is asked once for it, and after a reply
once more, to tell what it has become. What the payload shows is read back where it is selected. A refusal
costs less; a repeat under a known key sends nothing.
"""

from gateway.domain.catalog import Source
from gateway.domain.ids import EntityType
from gateway.domain.ports import (
    CaseMessageCreator,
    MessageConfirmer,
    NotificationSubscriptionWriter,
    Replier,
    TicketCreator,
    TicketUpdater,
    WritePreparer,
)
from gateway.plans.price import NO_CALLS, Calls, Price
from resolvers import prices
from resolvers.access import WRITES
from resolvers.context import AnyFetch
from resolvers.mutations.confirm_messages import MAX_MESSAGES, ConfirmMessagesInput
from resolvers.mutations.create_case_message import CreateCaseMessageInput
from resolvers.mutations.create_ticket import CreateTicketInput
from resolvers.mutations.notification_subscriptions import (
    CreateNotificationSubscriptionInput,
    DeleteNotificationSubscriptionInput,
    UpdateNotificationSubscriptionInput,
)
from resolvers.mutations.reply import ReplyInput
from resolvers.mutations.update_ticket import UpdateTicketInput
from resolvers.references import by_guid, by_id, by_native_id

_CONVERSATIONS = (EntityType.CASE, EntityType.TICKET)
_OF_ID = frozenset({"id", "__typename"})


def _before(source: Source) -> int:
    return 0 if source.port(WritePreparer) is None else 1


def _and_read_back(count: int, read: Calls) -> Calls:
    return Calls(count + read.count, paid=read.paid)


def _reply(fetch: AnyFetch, input: ReplyInput) -> Calls:
    if input.to_ref is not None:
        source, ref = by_native_id(fetch, input.to_ref, "input.toRef", *_CONVERSATIONS)
    else:
        source, ref = by_id(fetch, input.to or "", "input.to", *_CONVERSATIONS, EntityType.MESSAGE)
    if source.port(Replier) is None:
        return NO_CALLS
    count = 1 + 2 * _before(source)
    shown = fetch.selection.at("conversation")
    if not shown.names:
        return Calls(count)
    conversation = source.conversation_of(ref) if ref.type is EntityType.MESSAGE else ref
    return _and_read_back(count, prices.conversation(fetch, conversation, shown))


def _create_case_message(fetch: AnyFetch, input: CreateCaseMessageInput) -> Calls:
    if input.guid is None:
        source, _ = by_id(fetch, input.case or "", "input.case", EntityType.CASE)
    else:
        source = fetch.context.catalog.of(
            by_guid(fetch, input.guid, "input.guid", needs=WRITES["createCaseMessage"])[0]
        )
    return NO_CALLS if source.port(CaseMessageCreator) is None else Calls(1 + _before(source))


def _create_ticket(fetch: AnyFetch, input: CreateTicketInput) -> Calls:
    source = fetch.context.catalog.named(input.source, argument="input.source")
    if source.port(TicketCreator) is None:
        return NO_CALLS
    count = 1 + _before(source)
    shown = fetch.selection.at("ticket")
    if not shown.names:
        return Calls(count)
    return _and_read_back(count, prices.new_conversation(source, shown))


def _confirm_messages(fetch: AnyFetch, input: ConfirmMessagesInput) -> Calls:
    """What is confirmed already is looked for first: the messages of each case are one read."""
    count = len(input.message_ids)
    if not 1 <= count <= MAX_MESSAGES:
        return NO_CALLS
    named = [by_id(fetch, given, "input.messageIds", EntityType.MESSAGE) for given in input.message_ids]
    confirmer = named[0][0].port(MessageConfirmer)
    if confirmer is None:
        return NO_CALLS
    reads = len({source.conversation_of(ref) for source, ref in named})
    sends = -(-count // confirmer.confirm_limit)
    shown = fetch.selection.at("confirmed") | fetch.selection.at("alreadyConfirmed")
    if shown.attributes <= _OF_ID:
        return Calls(reads + sends, objects=count)
    return Calls(reads + sends + reads, objects=count, paid=frozenset({prices.MESSAGES}))


def _update_ticket(fetch: AnyFetch, input: UpdateTicketInput) -> Calls:
    source, ref = by_id(fetch, input.id, "input.id", EntityType.TICKET)
    if source.port(TicketUpdater) is None:
        return NO_CALLS
    count = 1 + _before(source)
    shown = fetch.selection.at("ticket")
    return _and_read_back(count, prices.conversation(fetch, ref, shown)) if shown.names else Calls(count)


def _create_subscription(fetch: AnyFetch, input: CreateNotificationSubscriptionInput) -> Calls:
    able = [
        each
        for each in fetch.context.catalog
        if input.source in {None, each.key} and each.port(NotificationSubscriptionWriter) is not None
    ]
    return Calls(max((1 + _before(source) for source in able), default=0))


def _change_subscription(
    fetch: AnyFetch, input: UpdateNotificationSubscriptionInput | DeleteNotificationSubscriptionInput
) -> Calls:
    source, _ = by_id(fetch, input.id, "input.id", EntityType.NOTIFICATION_SUBSCRIPTION)
    return NO_CALLS if source.port(NotificationSubscriptionWriter) is None else Calls(1 + _before(source))


reply = Price(_reply)
create_case_message = Price(_create_case_message)
create_ticket = Price(_create_ticket)
confirm_messages = Price(_confirm_messages)
update_ticket = Price(_update_ticket)
create_subscription = Price(_create_subscription)
change_subscription = Price(_change_subscription)
