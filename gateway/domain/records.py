"""What the five sources have in common: frozen records that adapters make and the graph serves.

Times are aware and UTC. Text is as the source sent it, untrusted: the graph sanitises it.
A conversation may be known in part only (a list's short row, or nothing but its id): `missing` then
names the attributes that a full read would fill, so that the graph can tell "null" from "not read".
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Generic, TypeVar

from gateway.domain.ids import Ref


class OriginKind(StrEnum):
    """Where the served data comes from."""

    SOURCE = "SOURCE"
    CACHE = "CACHE"
    LEDGER = "LEDGER"
    REFERENCE = "REFERENCE"


class AccountKind(StrEnum):
    """What an account is to its source."""

    SUBSCRIBER = "SUBSCRIBER"
    CUSTOMER = "CUSTOMER"
    COMPANY = "COMPANY"
    AGENT = "AGENT"
    EMPLOYEE = "EMPLOYEE"
    RESELLER = "RESELLER"
    PARTNER = "PARTNER"
    PROVIDER = "PROVIDER"
    DEPARTMENT = "DEPARTMENT"
    LINKED_USER = "LINKED_USER"
    UNKNOWN = "UNKNOWN"


class AccountState(StrEnum):
    """An account's status in the graph's words."""

    ACTIVE = "ACTIVE"
    INACTIVE = "INACTIVE"
    BLOCKED = "BLOCKED"
    DELETED = "DELETED"
    UNKNOWN = "UNKNOWN"


class ConversationState(StrEnum):
    """A case's or ticket's status in the graph's words."""

    NEW = "NEW"
    OPEN = "OPEN"
    PENDING = "PENDING"
    ON_HOLD = "ON_HOLD"
    SOLVED = "SOLVED"
    CLOSED = "CLOSED"
    UNKNOWN = "UNKNOWN"


class MessageType(StrEnum):
    """What a message is, in the graph's words."""

    MESSAGE = "MESSAGE"
    REPLY = "REPLY"
    NOTE = "NOTE"
    SYSTEM = "SYSTEM"
    STATUS_REQUEST = "STATUS_REQUEST"
    COST_PROPOSAL = "COST_PROPOSAL"
    REMINDER = "REMINDER"
    SHIPMENT = "SHIPMENT"
    SPARE_PARTS = "SPARE_PARTS"
    FORWARDING = "FORWARDING"
    UNKNOWN = "UNKNOWN"


class AuthorRole(StrEnum):
    """Who wrote a message."""

    CUSTOMER = "CUSTOMER"
    AGENT = "AGENT"
    PARTNER = "PARTNER"
    PROVIDER = "PROVIDER"
    SYSTEM = "SYSTEM"
    UNKNOWN = "UNKNOWN"


class TextFormat(StrEnum):
    """How a text is written; UNKNOWN where the source doesn't say."""

    PLAIN = "PLAIN"
    HTML = "HTML"
    UNKNOWN = "UNKNOWN"


class Visibility(StrEnum):
    """Whether the customer can see a message."""

    PUBLIC = "PUBLIC"
    INTERNAL = "INTERNAL"


class SubscriptionState(StrEnum):
    """A subscription's status in the graph's words."""

    ACTIVE = "ACTIVE"
    PENDING = "PENDING"
    CANCELLED = "CANCELLED"
    ENDED = "ENDED"
    UNKNOWN = "UNKNOWN"


class Channel(StrEnum):
    """How a notification reaches its subscribers."""

    EMAIL = "EMAIL"
    SMS = "SMS"


E = TypeVar("E", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Coded(Generic[E]):
    """A word of the graph beside the source's own word for it."""

    value: E
    raw: str | None


@dataclass(frozen=True, slots=True)
class Origin:
    """Which source an object comes from, and how."""

    source: str
    native_id: str
    url: str | None = None
    fetched_at: datetime | None = None
    stale: bool = False
    kind: OriginKind = OriginKind.SOURCE


@dataclass(frozen=True, slots=True)
class Fetched:
    """When and how the answer came that records are made of.

    Attributes:
        at: When the source was asked.
        kind: SOURCE, or CACHE where it was kept since.
        stale: Whether it was used beyond its time, as the source has failed.
    """

    at: datetime
    kind: OriginKind = OriginKind.SOURCE
    stale: bool = False

    def origin(self, source: str, native_id: str) -> Origin:
        """The origin of one of the records."""
        return Origin(source, native_id, fetched_at=self.at, stale=self.stale, kind=self.kind)


@dataclass(frozen=True, slots=True)
class Account:
    """A person or an organisation known to a source."""

    ref: Ref
    origin: Origin
    kind: AccountKind
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    status: Coded[AccountState] | None = None
    organization: "Ref | Account | None" = None
    missing: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class CaseContact:
    """The end customer of a repair case."""

    name: str | None
    organization: str | None
    email: str | None
    phone: str | None


@dataclass(frozen=True, slots=True)
class CaseProduct:
    """What is to be repaired. Never its password or door codes."""

    model: str | None
    serial: str | None
    problem: str | None
    manufacturer: str | None
    purchase_date: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """What cases and tickets have in common."""

    ref: Ref
    origin: Origin
    subject: str | None = None
    status: Coded[ConversationState] | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    last_activity_at: datetime | None = None
    tags: tuple[str, ...] | None = None
    requester: Ref | Account | None = None
    assignee: Ref | Account | None = None
    missing: frozenset[str] = frozenset()

    @property
    def moment(self) -> datetime | None:
        """What "newest first" goes by."""
        return self.last_activity_at or self.updated_at or self.created_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Case(Conversation):
    """A repair case."""

    guid: str
    number: int | None = None
    partner: Ref | Account | None = None
    provider: Ref | Account | None = None
    customer: CaseContact | None = None
    product: CaseProduct | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket(Conversation):
    """A ticket, a helpdesk message or a help centre case."""

    number: str | None = None
    queue: str | None = None
    category: str | None = None
    closed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Body:
    """A message's text as its source sent it."""

    content: str
    format: TextFormat


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file's description. Never the source's own token."""

    name: str | None = None
    content_type: str | None = None
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class MessageAuthor:
    """Who wrote a message, as far as its source says."""

    role: AuthorRole
    name: str | None = None
    email: str | None = None
    account: Ref | Account | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of a conversation. `parent` refers to a message of the same conversation."""

    ref: Ref
    origin: Origin
    conversation: Ref
    author: MessageAuthor | None = None
    kind: Coded[MessageType] | None = None
    heading: str | None = None
    body: Body | None = None
    parent: Ref | None = None
    visibility: Visibility | None = None
    external_id: str | None = None
    attachments: tuple[Attachment, ...] | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    declared_at: datetime | None = None
    confirmed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSubscription:
    """What notification and product subscriptions have in common."""

    ref: Ref
    origin: Origin
    title: str | None = None
    status: Coded[SubscriptionState] | None = None
    account: Ref | Account | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationSubscription(ServiceSubscription):
    """A topic that employees can be notified of. Global when it belongs to no reseller."""

    description: str | None = None
    channels: tuple[Channel, ...] = ()
    is_global: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductSubscription(ServiceSubscription):
    """A subscription to a product, such as a newspaper."""

    product: str | None = None
    number: str | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    next_price: Decimal | None = None
    provisioned_by: str | None = None


@dataclass(frozen=True, slots=True)
class Subscribers:
    """Addresses of those who get a notification: personal data."""

    emails: tuple[str, ...] = field(default=(), repr=False)
    phones: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class MessageTemplate:
    """A text prepared for helpdesk messages."""

    ref: Ref
    origin: Origin
    heading: str | None
    text: str | None
    locale: str | None
    enabled: bool
