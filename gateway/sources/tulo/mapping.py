"""Tulo's shapes <-> the graph's records. Pure."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import msgspec

from gateway.domain.errors import SourceProtocolError
from gateway.domain.ids import EntityType, Ref
from gateway.domain.records import (
    Account,
    AccountKind,
    AccountState,
    AuthorRole,
    Body,
    Coded,
    ConversationState,
    Fetched,
    Message,
    MessageAuthor,
    MessageTemplate,
    MessageType,
    Origin,
    OriginKind,
    ProductSubscription,
    SubscriptionState,
    TextFormat,
    Ticket,
)
from gateway.sources.status import StatusTable
from gateway.sources.tulo import wire

# Pending is what the helpdesk has still to do; the graph's PENDING waits for the customer.
STATES: dict[str, ConversationState] = {
    "pending": ConversationState.OPEN,
    "resolved": ConversationState.SOLVED,
}
# The only state that a list shows.
LISTED_STATE = "pending"

_ACCOUNT_STATES = {
    "created": AccountState.INACTIVE,
    "active": AccountState.ACTIVE,
    "inactive": AccountState.INACTIVE,
    "archived": AccountState.DELETED,
}
# An open set: these are the words that the page has.
_SUBSCRIPTION_STATES = {
    "activated": SubscriptionState.ACTIVE,
    "pending": SubscriptionState.PENDING,
    "cancelled": SubscriptionState.CANCELLED,
}
_TYPES = {"request": MessageType.MESSAGE}

# What only the pending list of its account tells of a helpdesk message.
UNREAD_TICKET = frozenset({"subject", "status", "created_at", "updated_at", "assignee", "closed_at"})


@dataclass(frozen=True, slots=True)
class Reading:
    """What every record of one answer shares: its source, the zone of zoneless times, how it came."""

    source: str
    zone: ZoneInfo
    fetched: Fetched

    def origin(self, native_id: str) -> Origin:
        """The origin of one of them."""
        return self.fetched.origin(self.source, native_id)


def account_ref(source: str, kind: AccountKind, account_id: str) -> Ref:
    """Subscribers are read by id. Helpdesk users (AGENT) are only ever seen on their messages."""
    return Ref(EntityType.ACCOUNT, source, (kind.value, account_id))


def ticket_ref(source: str, account_id: str, ticket_id: str) -> Ref:
    """A helpdesk message has no single read, so its account goes along.

    Callers may spell an account's id in either case, and what a write has become must have one name.
    """
    return Ref(EntityType.TICKET, source, (account_id.lower(), ticket_id.lower()))


def account_record(reading: Reading, sent: wire.Account) -> Account:
    """A subscriber, read in full."""
    return Account(
        ref=account_ref(reading.source, AccountKind.SUBSCRIBER, sent.id),
        origin=reading.origin(sent.id),
        kind=AccountKind.SUBSCRIBER,
        name=_name(sent.first_name, sent.last_name),
        email=sent.email,
        phone=sent.mobile_phone_number,
        status=_account_status(sent.status),
    )


def named_ticket(ref: Ref) -> Ticket:
    """A helpdesk message by nothing but its reference, which names its sender."""
    account_id, ticket_id = ref.parts
    return Ticket(
        ref=ref,
        origin=Origin(ref.source, ticket_id, kind=OriginKind.REFERENCE),
        requester=account_ref(ref.source, AccountKind.SUBSCRIBER, account_id),
        missing=UNREAD_TICKET,
    )


def ticket_record(reading: Reading, sent: wire.HelpdeskMessage, statuses: StatusTable) -> Ticket:
    """A pending helpdesk message. Sender and assignee come with it."""
    return Ticket(
        ref=ticket_ref(reading.source, sent.account_id, sent.id),
        origin=reading.origin(sent.id),
        subject=sent.heading,
        status=statuses.coded(sent.state),
        created_at=_moment(reading, sent.created_at, "created_at"),
        updated_at=_moment(reading, sent.updated_at, "updated_at"),
        requester=_sender(reading, sent),
        assignee=_assignee(reading, sent),
        closed_at=_moment(reading, sent.resolved_at, "resolved_at"),
    )


def message_record(reading: Reading, sent: wire.HelpdeskMessage) -> Message:
    """What the account wrote: one message per ticket, of the same id."""
    sender = _sender(reading, sent)
    ticket = ticket_ref(reading.source, sent.account_id, sent.id)
    return Message(
        # The parts are the ticket's and one more, as at every source.
        ref=Ref(EntityType.MESSAGE, reading.source, (*ticket.parts, "0")),
        origin=reading.origin(sent.id),
        conversation=ticket,
        author=MessageAuthor(
            AuthorRole.CUSTOMER,
            name=sender.name if isinstance(sender, Account) else None,
            email=sender.email if isinstance(sender, Account) else None,
            account=sender,
        ),
        kind=Coded(_TYPES.get(sent.type or "", MessageType.UNKNOWN), sent.type),
        heading=sent.heading,
        body=None if sent.message is None else Body(sent.message, TextFormat.PLAIN),
        created_at=_moment(reading, sent.created_at, "created_at"),
    )


def subscription_record(reading: Reading, account_id: str, sent: wire.Subscription) -> ProductSubscription:
    """A product subscription of an account; titled by its product, for want of a name."""
    return ProductSubscription(
        ref=Ref(EntityType.PRODUCT_SUBSCRIPTION, reading.source, (account_id, sent.id)),
        origin=reading.origin(sent.id),
        title=sent.product_code,
        status=None
        if sent.state is None
        else Coded(_SUBSCRIPTION_STATES.get(sent.state, SubscriptionState.UNKNOWN), sent.state),
        account=account_ref(reading.source, AccountKind.SUBSCRIBER, account_id),
        product=sent.product_code,
        number=sent.subscription_number,
        valid_from=_moment(reading, sent.valid_from, "valid_from"),
        valid_to=_moment(reading, sent.valid_to, "valid_to"),
        next_price=sent.subscription_next_price,
        provisioned_by=sent.provision_service,
    )


def template_record(reading: Reading, sent: wire.Template) -> MessageTemplate:
    """A template in its organisation's language."""
    return MessageTemplate(
        ref=Ref(EntityType.MESSAGE_TEMPLATE, reading.source, (sent.id,)),
        origin=reading.origin(sent.id),
        heading=sent.heading,
        text=sent.message,
        locale=None if sent.organisation is None else sent.organisation.locale,
        enabled=sent.enabled,
    )


def _sender(reading: Reading, sent: wire.HelpdeskMessage) -> Account | Ref:
    if sent.account is None:
        return account_ref(reading.source, AccountKind.SUBSCRIBER, sent.account_id)
    return _short_account(reading, AccountKind.SUBSCRIBER, sent.account)


def _assignee(reading: Reading, sent: wire.HelpdeskMessage) -> Account | None:
    """A helpdesk user can't be read again, so one of which only the id came is all that there is."""
    if sent.assignee is not None:
        agent = _short_account(reading, AccountKind.AGENT, sent.assignee)
    elif sent.assignee_id:
        agent = _short_account(reading, AccountKind.AGENT, wire.ShortAccount(sent.assignee_id))
    else:
        return None
    return replace(agent, missing=frozenset())


def _short_account(reading: Reading, kind: AccountKind, sent: wire.ShortAccount) -> Account:
    first, last = _set(sent.first_name), _set(sent.last_name)
    left_out = {
        "name": sent.first_name is msgspec.UNSET and sent.last_name is msgspec.UNSET,
        "email": sent.contact_email is msgspec.UNSET,
        "phone": sent.mobile_number is msgspec.UNSET,
        "status": sent.status is msgspec.UNSET,
    }
    return Account(
        ref=account_ref(reading.source, kind, sent.id),
        origin=reading.origin(sent.id),
        kind=kind,
        name=_name(first, last),
        email=_set(sent.contact_email),
        phone=_set(sent.mobile_number),
        status=_account_status(_set(sent.status)),
        missing=frozenset(name for name, missing in left_out.items() if missing),
    )


def _set(text: str | msgspec.UnsetType | None) -> str | None:
    return None if isinstance(text, msgspec.UnsetType) else text


def _name(first: str | None, last: str | None) -> str | None:
    return " ".join(part for part in (first, last) if part) or None


def _account_status(native: str | None) -> Coded[AccountState] | None:
    return None if native is None else Coded(_ACCOUNT_STATES.get(native, AccountState.UNKNOWN), native)


def _moment(reading: Reading, text: str | None, name: str) -> datetime | None:
    """Read one of the three forms in use: ISO 8601 with or without milliseconds, or with a space in it.

    Raises:
        SourceProtocolError: It is neither that nor empty.
    """
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=reading.zone)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise SourceProtocolError(reading.source, detail="not a time", json_path=f"$..{name}") from error
