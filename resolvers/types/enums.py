"""The domain's closed sets as GraphQL enums, every value described.

The domain's own classes are exposed: import them from here, so that they are.
"""

from enum import Enum, StrEnum

import strawberry

from gateway.domain.access import LoginKind
from gateway.domain.catalog import Capability
from gateway.domain.errors import RefusalCode
from gateway.domain.health import CircuitState, HealthState
from gateway.domain.ledger import WriteState
from gateway.domain.pages import SliceState
from gateway.domain.records import (
    AccountKind,
    AccountState,
    AuthorRole,
    Channel,
    ConversationState,
    MessageType,
    OriginKind,
    SubscriptionState,
    TextFormat,
    Visibility,
)

__all__ = [
    "AccountKind",
    "AccountState",
    "AuthorRole",
    "Capability",
    "Channel",
    "CircuitState",
    "ConversationState",
    "HealthState",
    "LoginKind",
    "MessageType",
    "OriginKind",
    "RefusalCode",
    "RemoteImages",
    "SliceState",
    "SubscriptionKind",
    "SubscriptionState",
    "TextFormat",
    "TicketChannel",
    "TicketDirection",
    "Visibility",
    "WriteState",
]


class SubscriptionKind(StrEnum):
    """The kinds of subscriptions; the value is the GraphQL type's name."""

    NOTIFICATION = "NotificationSubscription"
    PRODUCT = "ProductSubscription"


class RemoteImages(StrEnum):
    """What a message's HTML may load from other hosts."""

    NONE = "NONE"
    REMOTE = "REMOTE"


class TicketChannel(StrEnum):
    """How a ticket came in; the value is Thulium's word."""

    EMAIL = "email"
    PHONE = "phone"
    SMS = "sms"
    CHAT = "chat"
    WWW = "www"


class TicketDirection(StrEnum):
    """Whose side a new ticket is written from; the value is Thulium's word."""

    IN_BEHALF_OF = "in_behalf_of"
    OUT = "out"


def _expose(members: type[Enum], name: str, description: str, values: dict[str, str]) -> None:
    """Expose an enum. Every member needs its description, and only members may have one."""
    if set(values) != {member.name for member in members}:
        raise TypeError(f"{name}: describe exactly {[member.name for member in members]}")
    exposed = strawberry.enum(members, name=name, description=description)
    for value in exposed.__strawberry_definition__.values:  # type: ignore[attr-defined]
        value.description = values[value.name]


_expose(
    OriginKind,
    "OriginKind",
    "Where the served data comes from.",
    {
        "SOURCE": "Read from the source for this request.",
        "CACHE": "Read from the source a moment ago and kept.",
        "LEDGER": "Written through this gateway to a source that can't show it: the gateway's own record.",
        "REFERENCE": "Named by the caller and never verified: nothing but the id is known.",
    },
)
_expose(
    AccountKind,
    "AccountKind",
    "What an account is to its source.",
    {
        "SUBSCRIBER": "A newspaper subscriber (Tulo).",
        "CUSTOMER": "A customer (Thulium, Telecomx).",
        "COMPANY": "A company in the contact centre's CRM (Thulium).",
        "AGENT": "Someone who answers tickets (Thulium).",
        "EMPLOYEE": "A person of a customer (Telecomx).",
        "RESELLER": "A customer with customers of its own (Telecomx).",
        "PARTNER": "Who orders repairs (Service Order Hub).",
        "PROVIDER": "A workshop (Service Order Hub).",
        "DEPARTMENT": "A workshop's department (Service Order Hub).",
        "LINKED_USER": "A person or firm linked to the bank account (Netevia).",
        "UNKNOWN": "The source doesn't say.",
    },
)
_expose(
    AccountState,
    "AccountState",
    "An account's status in the graph's words.",
    {
        "ACTIVE": "In use.",
        "INACTIVE": "Not in use, or not yet.",
        "BLOCKED": "Barred by the source.",
        "DELETED": "Deleted or archived, still readable.",
        "UNKNOWN": "A word that the graph doesn't know; see `raw`.",
    },
)
_expose(
    ConversationState,
    "ConversationState",
    "A case's or ticket's status in the graph's words, by the source's configured table.",
    {
        "NEW": "Nobody has taken it up yet.",
        "OPEN": "Being worked on.",
        "PENDING": "Waiting for the customer.",
        "ON_HOLD": "Waiting for someone or something else.",
        "SOLVED": "Done; may be reopened.",
        "CLOSED": "Over.",
        "UNKNOWN": "A word that the table doesn't map; see `raw`.",
    },
)
_expose(
    MessageType,
    "MessageType",
    "What a message is, in the graph's words.",
    {
        "MESSAGE": "A message, such as a customer's mail.",
        "REPLY": "An answer to the customer.",
        "NOTE": "A note between colleagues.",
        "SYSTEM": "Written by the source itself, such as a change of status.",
        "STATUS_REQUEST": "A question for the status of a repair.",
        "COST_PROPOSAL": "About a cost proposal, or its rejection.",
        "REMINDER": "A reminder.",
        "SHIPMENT": "About a shipment.",
        "SPARE_PARTS": "About spare parts.",
        "FORWARDING": "A forwarding.",
        "UNKNOWN": "A word that the graph doesn't know; see `raw`.",
    },
)
_expose(
    AuthorRole,
    "AuthorRole",
    "Who wrote a message.",
    {
        "CUSTOMER": "The customer.",
        "AGENT": "Someone of the helpdesk.",
        "PARTNER": "The partner who ordered the repair.",
        "PROVIDER": "The workshop.",
        "SYSTEM": "The source itself.",
        "UNKNOWN": "The source doesn't say.",
    },
)
_expose(
    TextFormat,
    "TextFormat",
    "How a text is written.",
    {
        "PLAIN": "Plain text.",
        "HTML": "HTML.",
        "UNKNOWN": "The source doesn't say; the gateway looks at the text.",
    },
)
_expose(
    Visibility,
    "Visibility",
    "Whether the customer can see a message.",
    {"PUBLIC": "The customer can see it.", "INTERNAL": "Only the staff can see it."},
)
_expose(
    SubscriptionState,
    "SubscriptionState",
    "A subscription's status in the graph's words.",
    {
        "ACTIVE": "Running.",
        "PENDING": "Not begun yet, or a change is under way.",
        "CANCELLED": "Cancelled; may run on until its end.",
        "ENDED": "Over.",
        "UNKNOWN": "A word that the graph doesn't know; see `raw`.",
    },
)
_expose(
    Channel,
    "Channel",
    "How a notification reaches its subscribers.",
    {"EMAIL": "By e-mail.", "SMS": "By SMS."},
)
_expose(
    Capability,
    "Capability",
    "What a source, or one of its conversations, can do. Anything else is refused with nothing sent.",
    {
        "READ_ACCOUNT": "`account(id)` and the accounts of conversations.",
        "FIND_ACCOUNT": "`account(lookup)` by an exact key.",
        "LIST_ACCOUNTS": "Takes part in `accounts`.",
        "READ_CASE": "`case(...)`.",
        "LIST_CASES": "Takes part in `cases`.",
        "SEARCH": "Takes `search` in the filters of its lists.",
        "READ_TICKET": "`ticket(...)`.",
        "LIST_TICKETS": "Takes part in `tickets`.",
        "READ_MESSAGES": "The messages of its conversations can be read.",
        "READ_TEMPLATES": "Takes part in `messageTemplates`.",
        "CREATE_TICKET": "`createTicket`.",
        "CREATE_CASE_MESSAGE": "`createCaseMessage`.",
        "REPLY": "`reply`.",
        "CONFIRM": "`confirmMessages`.",
        "ATTACH": "Takes uploads, for `attachments`.",
        "CHANGE_STATUS": "`updateTicket`.",
        "READ_SUBSCRIPTIONS": "`subscription(...)`.",
        "LIST_SUBSCRIPTIONS": "Takes part in `subscriptions`.",
        "READ_SUBSCRIBERS": "The subscribers of a notification can be read.",
        "CREATE_SUBSCRIPTION": "`createNotificationSubscription`.",
        "UPDATE_SUBSCRIPTION": "`updateNotificationSubscription`.",
        "DELETE_SUBSCRIPTION": "`deleteNotificationSubscription`.",
    },
)
_expose(
    SliceState,
    "SliceState",
    "How one source took part in a list.",
    {
        "OK": "It answered.",
        "STALE": "It couldn't be asked; an older answer is served.",
        "UNAVAILABLE": "It couldn't be asked: its part is missing. `error` says why.",
        "UNSUPPORTED": "It has no such list, or can't filter like this. `error` says what it lacks.",
        "SKIPPED": "The filter leaves it out.",
        "FORBIDDEN": "Your scopes don't let you see its part.",
    },
)
_expose(
    HealthState,
    "HealthState",
    "A source's condition in a word.",
    {
        "HEALTHY": "It answers.",
        "DEGRADED": "One call in ten or more fails, or it is being tried out after it was down.",
        "DOWN": "It has failed so often that it isn't asked for now.",
        "UNKNOWN": "It hasn't been asked lately.",
    },
)
_expose(
    CircuitState,
    "CircuitState",
    "Whether calls to a source are let through.",
    {
        "CLOSED": "They are.",
        "OPEN": "They are refused for a while, as too many have failed.",
        "HALF_OPEN": "A few are, to see whether it is well again.",
    },
)
_expose(
    RefusalCode,
    "UserErrorCode",
    "Why a mutation was refused.",
    {
        "INVALID": "The value isn't of the right form.",
        "TOO_LONG": "The text is longer than the source takes.",
        "REQUIRED": "The source needs this field.",
        "NOT_FOUND": "There is no such record at the source, or none that the gateway may see.",
        "NO_ACCESS": "The source doesn't allow it with the gateway's credentials.",
        "UNSUPPORTED_BY_SOURCE": "The source can't do this at all.",
        "UNSUPPORTED_FIELD": "The source doesn't know this field.",
        "CONFLICT": "The record's state doesn't allow it.",
        "IDEMPOTENCY_CONFLICT": "The idempotencyKey was used for another write.",
        "REJECTED_BY_SOURCE": "The source's own reason; see `message` and `sourceCode`.",
    },
)
_expose(
    WriteState,
    "WriteState",
    "What is known of a write, or of a part of it.",
    {
        "PENDING": "Recorded, and being sent.",
        "CONFIRMED": "Its source has taken it.",
        "REJECTED": "It was not applied. `problem` says why, and whether the same key may be sent again.",
        "IN_DOUBT": "It was sent, and its source didn't say what became of it: it may have been applied. "
        "The gateway goes on looking; don't send it again under another key.",
        "PARTIAL": "Its parts have come to different ends: see `parts`.",
    },
)
_expose(
    SubscriptionKind,
    "SubscriptionKind",
    "What is subscribed to.",
    {"NOTIFICATION": "Notifications of a topic (Telecomx).", "PRODUCT": "A product (Tulo)."},
)
_expose(
    LoginKind,
    "LoginKind",
    "How somebody has logged in.",
    {
        "NONE": "Not at all: this gateway asks for no log-in.",
        "API_KEY": "With an API key of this gateway.",
        "TOKEN": "With a token (JWT) of the configured issuer.",
    },
)
_expose(
    RemoteImages,
    "RemoteImages",
    "Which pictures a message's HTML may load.",
    {
        "NONE": "None: words in brackets stand for them.",
        "REMOTE": "Those that it names on other hosts, but no tracking pixels.",
    },
)
_expose(
    TicketChannel,
    "TicketChannel",
    "How a new ticket came in.",
    {
        "EMAIL": "By e-mail.",
        "PHONE": "By phone.",
        "SMS": "By SMS.",
        "CHAT": "By chat.",
        "WWW": "Over a website.",
    },
)
_expose(
    TicketDirection,
    "TicketDirection",
    "Whose side a new ticket is written from.",
    {
        "IN_BEHALF_OF": "The customer's: nothing is sent.",
        "OUT": "The helpdesk's: the customer gets a mail.",
    },
)
