"""What a source's client can be asked, port by port, and what comes of it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from functools import partial
from typing import Any, TypeAlias, TypeVar

from gateway.domain import ports
from gateway.domain.catalog import Source
from gateway.domain.errors import Refusal, SourceError
from gateway.domain.ids import EntityType, Ref
from gateway.domain.pages import Feed, NoFeed
from gateway.domain.ports import (
    AccountFilter,
    AccountKey,
    CaseFilter,
    ConversationFilter,
    Slot,
    SubscriptionFilter,
)
from gateway.domain.writes import (
    Attempt,
    Confirmation,
    NewCaseMessage,
    NewNotificationSubscription,
    NewTicket,
    NotificationSubscriptionChanges,
    Removal,
    Reply,
    Sighting,
    TicketChanges,
    WriteInput,
)
from tests.sources import REFERENCE

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Upload:
    """A file to hand over."""

    filename: str
    content: bytes

    async def stream(self) -> AsyncIterator[bytes]:
        """The content in two pieces."""
        half = len(self.content) // 2
        yield self.content[:half]
        yield self.content[half:]


Filter: TypeAlias = AccountFilter | CaseFilter | ConversationFilter | SubscriptionFilter
Write: TypeAlias = WriteInput | Upload
Act: TypeAlias = Callable[[], Awaitable[Any]]


def all_ports() -> dict[str, type]:
    """Every port that there is, by its name."""
    return {
        name: each
        for name, each in vars(ports).items()
        if getattr(each, "_is_protocol", False) and name != "Protocol"
    }


def members(port: type) -> frozenset[str]:
    """What a client must have to fulfil a port."""
    return frozenset({*vars(port), *vars(port).get("__annotations__", {})}) - {
        name for name in {*vars(port), "__annotations__"} if name.startswith("_")
    }


def feeds(source: Source, wanted: Filter) -> tuple[Feed[Any], ...]:
    """The lists under a filter that the source must know."""
    found: tuple[Feed[Any], ...] | NoFeed
    match wanted:
        case AccountFilter():
            found = _port(source, ports.AccountLister).list_accounts(wanted)
        case CaseFilter():
            found = _port(source, ports.CaseLister).list_cases(wanted)
        case SubscriptionFilter():
            found = _port(source, ports.SubscriptionLister).list_subscriptions(wanted)
        case ConversationFilter():
            if cases := source.port(ports.ConversationLister):
                found = cases.list_conversations(wanted)
            else:
                found = _port(source, ports.TicketLister).list_tickets(wanted)
    assert isinstance(found, tuple), found
    return found


def readers(source: Source) -> dict[EntityType, Callable[[Sequence[Ref]], Awaitable[list[Slot[Any]]]]]:
    """The plural read of each type of record that can be read by reference."""
    reads: dict[EntityType, Any] = {}
    if accounts := source.port(ports.AccountReader):
        reads[EntityType.ACCOUNT] = accounts.read_accounts
    if cases := source.port(ports.CaseReader):
        reads[EntityType.CASE] = cases.read_cases
    if tickets := source.port(ports.TicketReader):
        reads[EntityType.TICKET] = tickets.read_tickets
    if subscriptions := source.port(ports.SubscriptionReader):
        reads[EntityType.NOTIFICATION_SUBSCRIPTION] = subscriptions.read_subscriptions
        reads[EntityType.PRODUCT_SUBSCRIPTION] = subscriptions.read_subscriptions
    return {entity: read for entity, read in reads.items() if entity in source.shapes}


def reads(
    source: Source,
    refs: dict[EntityType, tuple[Ref, ...]],
    lists: tuple[Filter, ...],
    keys: tuple[AccountKey, ...],
) -> dict[str, Act]:
    """One call of every read of every port, by the method's name and what is read."""
    acts: dict[str, Act] = {"check": _port(source, ports.Checker).check}
    for entity, read in readers(source).items():
        acts[f"read {entity.value}"] = partial(_only, read, refs[entity][0])
    conversation = next(
        (refs[each][0] for each in (EntityType.CASE, EntityType.TICKET) if refs.get(each)), None
    )
    if (messages := source.port(ports.MessageReader)) and conversation:
        acts["read_messages"] = partial(_only, messages.read_messages, conversation)
    if (both := source.port(ports.TicketWithMessagesReader)) and conversation:
        acts["read_ticket_with_messages"] = partial(_only, both.read_ticket_with_messages, conversation)
    if subscribers := source.port(ports.SubscriberReader):
        topic = refs[EntityType.NOTIFICATION_SUBSCRIPTION][0]
        acts["read_subscribers"] = partial(_only, subscribers.read_subscribers, topic)
    if templates := source.port(ports.TemplateReader):
        acts["read_templates"] = templates.read_templates
    if finder := source.port(ports.AccountFinder):
        acts |= {f"find_account {key.name}": partial(finder.find_account, key) for key in keys}
    for number, wanted in enumerate(lists):
        for feed in feeds(source, wanted):
            acts[f"{type(wanted).__name__} {number} {feed.key}"] = partial(feed.read, 0, 7)
    return acts


async def _only(read: Callable[[Sequence[Ref]], Awaitable[list[Slot[T]]]], ref: Ref) -> T | None:
    (slot,) = await read([ref])
    if isinstance(slot, SourceError):
        raise slot
    return slot


async def prepare(source: Source, write: Write, since: datetime, *, reference: str = REFERENCE) -> Attempt:
    """A write's attempt, as the gateway makes it just before it records and sends the write."""
    preparer = None if isinstance(write, Upload) else source.port(ports.WritePreparer)
    baseline = await preparer.prepare(write) if preparer and not isinstance(write, Upload) else None
    return Attempt(reference, baseline, since)


def send(source: Source, write: Write, attempt: Attempt) -> Awaitable[Any]:
    """Send a write once."""
    match write:
        case Reply():
            return _port(source, ports.Replier).send_reply(write, attempt)
        case NewCaseMessage():
            return _port(source, ports.CaseMessageCreator).create_case_message(write, attempt)
        case NewTicket():
            return _port(source, ports.TicketCreator).create_ticket(write, attempt)
        case TicketChanges():
            return _port(source, ports.TicketUpdater).update_ticket(write)
        case NewNotificationSubscription():
            return _port(source, ports.NotificationSubscriptionWriter).create_subscription(write, attempt)
        case NotificationSubscriptionChanges():
            return _port(source, ports.NotificationSubscriptionWriter).update_subscription(write)
        case Removal(subscription=subscription):
            return _port(source, ports.NotificationSubscriptionWriter).delete_subscription(subscription)
        case Confirmation(messages=messages):
            return _port(source, ports.MessageConfirmer).confirm_messages(messages)
        case Upload(filename):
            return _port(source, ports.FileUploader).upload(filename, write.stream())


def find(source: Source, write: WriteInput, attempt: Attempt) -> Awaitable[Sighting]:
    """Look whether it landed."""
    return _port(source, ports.WriteFinder).find_write(write, attempt)


def made(write: WriteInput, result: Any) -> tuple[Ref, ...]:
    """What a write has become: what its answer names, or its own target."""
    match write:
        case Confirmation(messages=messages):
            return messages
        case Removal(subscription=target) | NotificationSubscriptionChanges(subscription=target):
            return (target,)
        case TicketChanges(ticket=target):
            return (target,)
        case _:
            return (result if isinstance(result, Ref) else result.ref,)


def check(source: Source, write: Write) -> tuple[Refusal, ...]:
    """What goes before sending it; some writes have nothing to check."""
    match write:
        case Reply():
            return _port(source, ports.Replier).check_reply(write)
        case NewCaseMessage():
            return _port(source, ports.CaseMessageCreator).check_case_message(write)
        case NewTicket():
            return _port(source, ports.TicketCreator).check_ticket(write)
        case TicketChanges():
            return _port(source, ports.TicketUpdater).check_changes(write)
        case NewNotificationSubscription():
            return _port(source, ports.NotificationSubscriptionWriter).check_new_subscription(write)
        case NotificationSubscriptionChanges():
            return _port(source, ports.NotificationSubscriptionWriter).check_subscription_changes(write)
        case Confirmation() | Removal() | Upload():
            return ()


async def outcome(act: Awaitable[T]) -> T | SourceError:
    """The value or the source's error; any other exception is a fault of the adapter."""
    try:
        return await act
    except SourceError as error:
        return error


def _port(source: Source, port: type[T]) -> T:
    found = source.port(port)
    assert found is not None, f"{source.kind} has no {port.__name__}"
    return found


def inside(record: object) -> Iterator[object]:
    """A record and everything that it holds."""
    yield record
    if is_dataclass(record):
        for each in fields(record):
            yield from inside(getattr(record, each.name))
    elif isinstance(record, tuple | list):
        for each in record:
            yield from inside(each)
