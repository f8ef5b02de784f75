"""Telecomx's shapes <-> the graph's records. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime

from gateway.domain.ids import EntityType, Ref
from gateway.domain.records import (
    Account,
    AccountKind,
    AccountState,
    AuthorRole,
    Body,
    Channel,
    Coded,
    ConversationState,
    Fetched,
    Message,
    MessageAuthor,
    MessageType,
    NotificationSubscription,
    Origin,
    OriginKind,
    Subscribers,
    TextFormat,
    Ticket,
)
from gateway.sources.status import StatusTable
from gateway.sources.telecomx import wire

STATES: dict[str, ConversationState] = {
    "UNHANDLED": ConversationState.NEW,
    "HANDLING": ConversationState.OPEN,
    "CLOSED": ConversationState.CLOSED,
}
_CUSTOMER_STATES = {
    "ACTIVE": AccountState.ACTIVE,
    "BLOCKED": AccountState.BLOCKED,
    "DELETED": AccountState.DELETED,
}
_EMPLOYEE_STATES = {
    "ENABLED": AccountState.ACTIVE,
    "DISABLED": AccountState.INACTIVE,
    "DELETED": AccountState.DELETED,
}

# What only a look through the help centre's list tells.
UNREAD_CASE = frozenset({"subject", "status", "created_at", "requester", "number"})


@dataclass(frozen=True, slots=True)
class HelpCenter:
    """One configured help centre. `email` is the address it answers from."""

    id: str
    name: str
    email: str | None = None


def natives_of(state: ConversationState, statuses: StatusTable) -> tuple[str, ...]:
    """The API's states that the table gives this meaning, in the API's spelling."""
    return tuple(native for native in STATES if statuses.coded(native) == Coded(state, native))


def account_ref(source: str, kind: AccountKind, account_id: str) -> Ref:
    """Employees and customers are two id spaces; a reseller is a customer read as what it is."""
    return Ref(EntityType.ACCOUNT, source, (kind.value, account_id))


def case_ref(source: str, help_center: str, conversation_id: str, case_id: str) -> Ref:
    """A case is listed by its help centre, changed by its conversation, and known by its own id."""
    return Ref(EntityType.TICKET, source, (help_center, conversation_id, case_id))


def topic_ref(source: str, topic_id: str) -> Ref:
    """A topic has a single read."""
    return Ref(EntityType.NOTIFICATION_SUBSCRIPTION, source, (topic_id,))


def customer_record(source: str, kind: AccountKind, sent: wire.Customer, fetched: Fetched) -> Account:
    """A customer, or a reseller: whoever asks knows which, the answer doesn't say."""
    parent = sent.parent_reseller
    return Account(
        ref=account_ref(source, kind, sent.id),
        origin=fetched.origin(source, sent.id),
        kind=kind,
        name=sent.name,
        email=sent.email_address,
        phone=sent.phone_number,
        status=_account_status(_CUSTOMER_STATES, sent.state),
        organization=account_ref(source, AccountKind.RESELLER, parent) if parent else None,
    )


def employee_record(source: str, sent: wire.Employee, fetched: Fetched) -> Account:
    """A person. `smsNumber` is where log-in codes go, not a number to call, so it isn't the phone."""
    return Account(
        ref=account_ref(source, AccountKind.EMPLOYEE, sent.id),
        origin=fetched.origin(source, sent.id),
        kind=AccountKind.EMPLOYEE,
        name=sent.name,
        email=None if sent.no_email else sent.email_address,
        status=_account_status(_EMPLOYEE_STATES, sent.state),
        organization=account_ref(source, AccountKind.CUSTOMER, sent.customer) if sent.customer else None,
    )


def named_case(ref: Ref, queue: str | None) -> Ticket:
    """A case of which nothing but its reference is known, and so its help centre."""
    return Ticket(
        ref=ref,
        origin=Origin(ref.source, ref.parts[2], kind=OriginKind.REFERENCE),
        queue=queue,
        missing=UNREAD_CASE,
    )


def case_record(
    source: str, center: HelpCenter, sent: wire.Case, statuses: StatusTable, fetched: Fetched
) -> Ticket:
    """A case as its help centre's list shows it: there is no fuller form.

    Lists are sorted by when the last mail was sent, a moment that isn't in the answer, so
    `last_activity_at` stays null.
    """
    return Ticket(
        ref=case_ref(source, center.id, sent.conversation_id, sent.id),
        origin=fetched.origin(source, sent.id),
        subject=sent.subject,
        status=statuses.coded(sent.state),
        created_at=_utc(sent.created_at),
        requester=account_ref(source, AccountKind.CUSTOMER, sent.customer) if sent.customer else None,
        number=None if sent.case_number is None else str(sent.case_number),
        queue=center.name,
    )


def message_records(
    case: Ref, center: HelpCenter, sent: wire.CaseWithMails, fetched: Fetched
) -> tuple[Message, ...]:
    """A case's mails in the order of the answer. They have no ids: the index in the case is theirs."""
    return tuple(
        Message(
            ref=Ref(EntityType.MESSAGE, case.source, (*case.parts, str(index))),
            origin=fetched.origin(case.source, f"{sent.id}/{index}"),
            conversation=case,
            author=_author(mail.sent_by, sent.email_address, center.email),
            kind=Coded(MessageType.MESSAGE, None),
            # Mails come over Microsoft Graph, which has both texts and HTML; no page says which.
            body=None if mail.content is None else Body(mail.content, TextFormat.UNKNOWN),
        )
        for index, mail in enumerate(sent.messages or ())
    )


def topic_record(source: str, sent: wire.Topic, fetched: Fetched) -> NotificationSubscription:
    """A topic; without a reseller it is a global one."""
    channels = ((Channel.EMAIL, sent.email), (Channel.SMS, sent.sms))
    return NotificationSubscription(
        ref=topic_ref(source, sent.id),
        origin=fetched.origin(source, sent.id),
        title=sent.title,
        account=account_ref(source, AccountKind.RESELLER, sent.reseller) if sent.reseller else None,
        description=sent.description,
        channels=tuple(channel for channel, on in channels if on),
        is_global=not sent.reseller,
    )


def subscribers_record(sent: wire.Subscribers) -> Subscribers:
    """Who gets the notifications."""
    return Subscribers(emails=sent.email or (), phones=sent.sms or ())


def channel_properties(channels: tuple[Channel, ...]) -> dict[str, bool]:
    """Both are always sent: whether a left-out one means "off" or "as it was" isn't documented."""
    return {"email": Channel.EMAIL in channels, "sms": Channel.SMS in channels}


def _account_status(states: dict[str, AccountState], native: str | None) -> Coded[AccountState] | None:
    return None if native is None else Coded(states.get(native, AccountState.UNKNOWN), native)


def _author(sent_by: str | None, customer_email: str | None, staff_email: str | None) -> MessageAuthor | None:
    if not sent_by:
        return None
    address = sent_by.casefold()
    role = AuthorRole.UNKNOWN
    if customer_email and address == customer_email.casefold():
        role = AuthorRole.CUSTOMER
    elif staff_email and address == staff_email.casefold():
        role = AuthorRole.AGENT
    return MessageAuthor(role, email=sent_by) if "@" in sent_by else MessageAuthor(role, name=sent_by)


def _utc(moment: datetime | None) -> datetime | None:
    """Times are UTC; one without a zone is taken as such."""
    if moment is None:
        return None
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:  # Midnight of the year 1 further east: a blank, not a date.
        return None
