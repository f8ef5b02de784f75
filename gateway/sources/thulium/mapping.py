"""Thulium's accounts and tickets -> the graph's records. Pure; messages have a module of their own."""

import re
from zoneinfo import ZoneInfo

from msgspec import UNSET

from gateway.domain.ids import EntityType, Ref
from gateway.domain.records import (
    Account,
    AccountKind,
    AccountState,
    Coded,
    ConversationState,
    Fetched,
    Origin,
    OriginKind,
    Ticket,
)
from gateway.sources.status import StatusTable
from gateway.sources.thulium import times, wire

# The statuses that the product ships with, https://support.thulium.com/en/show/205-ticket-statuses.
# Ids are each tenant's own, so only the names are known here.
STATUSES = {
    "Nowe": ConversationState.NEW,
    "Oczekuje na klienta": ConversationState.PENDING,
    "Odłożone": ConversationState.ON_HOLD,
    "Połączone": ConversationState.CLOSED,
    "W realizacji": ConversationState.OPEN,
    "Zamknięte": ConversationState.CLOSED,
}

NUMBER = r"[1-9][0-9]{0,17}"
# Goes into a path, so never only dots, which a URL would take for a step up.
LOGIN = r"(?!\.+\Z)[\w.@+-]{1,128}"

ACCOUNT_IDS = {AccountKind.CUSTOMER: NUMBER, AccountKind.COMPANY: NUMBER, AccountKind.AGENT: LOGIN}

# What only a full read tells, by the wire field whose absence from a row leaves it open.
_FILLED_BY = {
    "subject": ("subject",),
    "full_status_name": ("status",),
    "created_at": ("created_at",),
    "updated_at": ("updated_at", "last_activity_at"),
    "closed_at": ("closed_at",),
    "customer_id": ("requester",),
    "user_login": ("assignee",),
    "ticket_queue_name": ("queue",),
    "category_id": ("category",),
}
UNREAD_TICKET = frozenset(name for names in _FILLED_BY.values() for name in names)


def text(sent: wire.Loose) -> str | None:
    """A field's value as text; `""` is Thulium's null."""
    return None if sent is UNSET or sent is None or sent == "" else str(sent)


def number(sent: wire.Loose) -> str | None:
    """An id in its one form; `""`, 0 and what is no number are none."""
    digits = text(sent)
    return digits if digits is not None and re.fullmatch(NUMBER, digits) else None


# -- accounts


def account_ref(source: str, kind: AccountKind, native_id: str) -> Ref:
    """Customers and companies go by number, agents by login: three id spaces."""
    return Ref(EntityType.ACCOUNT, source, (kind.value, native_id))


def is_account_ref(ref: Ref) -> bool:
    """Whether the id is one that its kind can have: a pattern per part can't tell."""
    kind, native_id = ref.parts
    return re.fullmatch(ACCOUNT_IDS[AccountKind(kind)], native_id) is not None


def agent_ref(source: str, login: wire.Loose) -> Ref | None:
    """An agent; none where the login is of a form that could not be read back."""
    known = text(login)
    if known is None or not re.fullmatch(LOGIN, known):
        return None
    return account_ref(source, AccountKind.AGENT, known)


def customer_record(source: str, sent: wire.Customer, fetched: Fetched) -> Account:
    """A person of the CRM."""
    company = number(sent.company_id)
    phones = sent.phone_numbers if isinstance(sent.phone_numbers, tuple) else ()
    return Account(
        ref=account_ref(source, AccountKind.CUSTOMER, str(sent.customer_id)),
        origin=fetched.origin(source, str(sent.customer_id)),
        kind=AccountKind.CUSTOMER,
        name=_full_name(sent.name, sent.surname),
        email=text(sent.email),
        phone=text(sent.phone_number) or next(filter(None, map(text, phones)), None),
        organization=None if company is None else account_ref(source, AccountKind.COMPANY, company),
        missing=_absent(
            name=sent.surname, email=sent.email, phone=sent.phone_number, organization=sent.company_id
        ),
    )


def company_record(source: str, sent: wire.Company, fetched: Fetched) -> Account:
    """A company. Its pages show neither e-mail nor phone."""
    return Account(
        ref=account_ref(source, AccountKind.COMPANY, str(sent.company_id)),
        origin=fetched.origin(source, str(sent.company_id)),
        kind=AccountKind.COMPANY,
        name=text(sent.name),
        missing=_absent(name=sent.name),
    )


def agent_record(source: str, sent: wire.Agent, fetched: Fetched) -> Account:
    """An agent. The status is whether the login may be used, not whether somebody sits there."""
    return Account(
        ref=account_ref(source, AccountKind.AGENT, sent.login),
        origin=fetched.origin(source, sent.login),
        kind=AccountKind.AGENT,
        name=_full_name(sent.name, sent.surname),
        email=text(sent.email),
        status=_activity(sent.active),
        missing=_absent(name=sent.surname, email=sent.email, status=sent.active),
    )


def _full_name(first: wire.Loose, last: wire.Loose) -> str | None:
    return " ".join(filter(None, (text(first), text(last)))) or None


def _activity(sent: bool | wire.Loose) -> Coded[AccountState] | None:
    word = text(sent)
    if word is None:
        return None
    states = {"true": AccountState.ACTIVE, "1": AccountState.ACTIVE}
    states |= {"false": AccountState.INACTIVE, "0": AccountState.INACTIVE}
    return Coded(states.get(word.lower(), AccountState.UNKNOWN), word.lower())


def _absent(**fields: object) -> frozenset[str]:
    return frozenset(name for name, sent in fields.items() if sent is UNSET)


# -- tickets


def ticket_ref(source: str, ticket_id: int) -> Ref:
    """A ticket is found by its number."""
    return Ref(EntityType.TICKET, source, (str(ticket_id),))


def named_ticket(ref: Ref) -> Ticket:
    """A ticket of which nothing but its number is known."""
    (ticket_id,) = ref.parts
    return Ticket(
        ref=ref,
        origin=Origin(ref.source, ticket_id, kind=OriginKind.REFERENCE),
        number=ticket_id,
        missing=UNREAD_TICKET,
    )


def ticket_record(
    source: str, sent: wire.Row, statuses: StatusTable, zone: ZoneInfo, fetched: Fetched
) -> Ticket:
    """A ticket, read by itself or from a list.

    A status without its name counts as missing, although its id may be mapped: `raw` would not be the
    word that a full read gives.
    """
    updated_at = times.parse(text(sent.updated_at), zone)
    customer = number(sent.customer_id)
    return Ticket(
        ref=ticket_ref(source, sent.ticket_id),
        origin=fetched.origin(source, str(sent.ticket_id)),
        number=str(sent.ticket_id),
        subject=text(sent.subject),
        status=_status(text(sent.status_id), text(sent.full_status_name), statuses),
        created_at=times.parse(text(sent.created_at), zone),
        updated_at=updated_at,
        last_activity_at=updated_at,
        closed_at=times.parse(text(sent.closed_at), zone),
        requester=None if customer is None else account_ref(source, AccountKind.CUSTOMER, customer),
        assignee=agent_ref(source, sent.user_login),
        queue=text(sent.ticket_queue_name),
        category=text(sent.category_id),
        missing=frozenset(
            name for field, names in _FILLED_BY.items() if getattr(sent, field) is UNSET for name in names
        ),
    )


def _status(
    status_id: str | None, full_name: str | None, statuses: StatusTable
) -> Coded[ConversationState] | None:
    """By the id where the table knows it, else by the name with its substatus, else without."""
    name = None if full_name is None else full_name.partition(" - ")[0].strip()
    found = None
    for native in (status_id, full_name, name):
        coded = statuses.coded(native, raw=full_name or status_id)
        if coded is not None and coded.value is not ConversationState.UNKNOWN:
            return coded
        found = found or coded
    return found
