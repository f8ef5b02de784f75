"""Ports: what a source may be able to do, one narrow Protocol per ability.

An adapter's client fulfils the ports of its abilities and no others; the graph asks with
`source.port(TicketReader)` and never by the source's name. Plural reads return one slot per
argument in the same order: the record, None where the source has no such record, or the error.
All coroutines raise SourceError.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias, TypeVar, runtime_checkable

from gateway.domain.errors import Refusal, SourceError
from gateway.domain.ids import Ref
from gateway.domain.pages import Feed, NoFeed
from gateway.domain.records import (
    Account,
    AccountKind,
    Case,
    Conversation,
    ConversationState,
    Message,
    MessageTemplate,
    NotificationSubscription,
    ServiceSubscription,
    Subscribers,
    Ticket,
)
from gateway.domain.writes import (
    Attempt,
    NewCaseMessage,
    NewNotificationSubscription,
    NewTicket,
    NotificationSubscriptionChanges,
    Reply,
    Sighting,
    TicketChanges,
    UploadedFile,
    WriteInput,
)

T = TypeVar("T")
Slot: TypeAlias = T | SourceError | None


@dataclass(frozen=True, slots=True)
class AccountKey:
    """One exact key of an account: `name` is the field of AccountLookup that was given."""

    name: str
    value: str
    kind: AccountKind | None = None


@dataclass(frozen=True, slots=True)
class AccountFilter:
    """Which accounts to list."""

    kind: AccountKind | None = None
    search: str | None = None
    organization: Ref | None = None


@dataclass(frozen=True, slots=True)
class CaseFilter:
    """Which cases to list."""

    search: str | None = None
    status: tuple[ConversationState, ...] | None = None
    partner: Ref | None = None
    provider: Ref | None = None
    tags: tuple[str, ...] | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class ConversationFilter:
    """Which tickets, or cases and tickets, to list."""

    account: Ref | None = None
    status: tuple[ConversationState, ...] | None = None
    assignee: Ref | None = None
    queue: str | None = None
    updated_after: datetime | None = None
    search: str | None = None


@dataclass(frozen=True, slots=True)
class SubscriptionFilter:
    """Which subscriptions to list. `kind` is the GraphQL type's name."""

    account: Ref | None = None
    reseller: Ref | None = None
    kind: str | None = None
    is_global: bool | None = None


@runtime_checkable
class Checker(Protocol):
    """Can tell whether the source answers and takes the credentials."""

    async def check(self) -> None:
        """Call the cheapest read."""


@runtime_checkable
class AccountReader(Protocol):
    """Reads accounts by reference."""

    async def read_accounts(self, refs: Sequence[Ref]) -> list[Slot[Account]]: ...


@runtime_checkable
class AccountFinder(Protocol):
    """Finds one account by one exact key."""

    account_keys: frozenset[str]

    async def find_account(self, key: AccountKey) -> Account | None: ...


@runtime_checkable
class AccountLister(Protocol):
    """Lists accounts."""

    def list_accounts(self, wanted: AccountFilter) -> tuple[Feed[Account], ...] | NoFeed: ...


@runtime_checkable
class ConversationNamer(Protocol):
    """Makes a conversation of its reference alone, without a call (`from: REFERENCE`)."""

    def name_conversation(self, ref: Ref) -> Conversation: ...


@runtime_checkable
class CaseReader(Protocol):
    """Reads cases by reference."""

    async def read_cases(self, refs: Sequence[Ref]) -> list[Slot[Case]]: ...


@runtime_checkable
class CaseLister(Protocol):
    """Lists cases."""

    def list_cases(self, wanted: CaseFilter) -> tuple[Feed[Case], ...] | NoFeed: ...


@runtime_checkable
class TicketReader(Protocol):
    """Reads tickets by reference."""

    async def read_tickets(self, refs: Sequence[Ref]) -> list[Slot[Ticket]]: ...


@runtime_checkable
class TicketLister(Protocol):
    """Lists tickets."""

    def list_tickets(self, wanted: ConversationFilter) -> tuple[Feed[Ticket], ...] | NoFeed: ...


@runtime_checkable
class ConversationLister(Protocol):
    """Lists cases as conversations, by what cases and tickets have in common."""

    def list_conversations(self, wanted: ConversationFilter) -> tuple[Feed[Case], ...] | NoFeed: ...


@runtime_checkable
class TextSearch(Protocol):
    """Its lists take a free text; `search_fields` says in words where it looks."""

    search_fields: tuple[str, ...]


@runtime_checkable
class MessageReader(Protocol):
    """Reads all messages of conversations, oldest first."""

    async def read_messages(self, conversations: Sequence[Ref]) -> list[Slot[tuple[Message, ...]]]: ...


@runtime_checkable
class TicketWithMessagesReader(Protocol):
    """Reads tickets whose messages come with them, so that one call serves both."""

    async def read_ticket_with_messages(
        self, refs: Sequence[Ref]
    ) -> list[Slot[tuple[Ticket, tuple[Message, ...]]]]: ...


@runtime_checkable
class SubscriptionReader(Protocol):
    """Reads subscriptions by reference."""

    async def read_subscriptions(self, refs: Sequence[Ref]) -> list[Slot[ServiceSubscription]]: ...


@runtime_checkable
class SubscriptionLister(Protocol):
    """Lists subscriptions."""

    def list_subscriptions(
        self, wanted: SubscriptionFilter
    ) -> tuple[Feed[ServiceSubscription], ...] | NoFeed: ...


@runtime_checkable
class SubscriberReader(Protocol):
    """Reads who gets a notification."""

    async def read_subscribers(self, refs: Sequence[Ref]) -> list[Slot[Subscribers]]: ...


@runtime_checkable
class TemplateReader(Protocol):
    """Reads the templates for messages."""

    async def read_templates(self) -> tuple[MessageTemplate, ...]: ...


@runtime_checkable
class Replier(Protocol):
    """Replies in a conversation. `check_reply` is pure and goes before `send_reply`."""

    def check_reply(self, reply: Reply) -> tuple[Refusal, ...]: ...

    async def send_reply(self, reply: Reply, attempt: Attempt) -> Message | None:
        """Send it once; None where the source took it but can't say which message it became."""


@runtime_checkable
class CaseMessageCreator(Protocol):
    """Adds messages to cases."""

    def check_case_message(self, message: NewCaseMessage) -> tuple[Refusal, ...]: ...

    async def create_case_message(self, message: NewCaseMessage, attempt: Attempt) -> Message: ...


@runtime_checkable
class MessageConfirmer(Protocol):
    """Marks messages as received and read, at most `confirm_limit` in one call."""

    confirm_limit: int

    async def confirm_messages(self, messages: Sequence[Ref]) -> list[Refusal | None]:
        """Confirm what can be confirmed: one slot per message, None where it was done."""


@runtime_checkable
class TicketCreator(Protocol):
    """Creates tickets."""

    def check_ticket(self, ticket: NewTicket) -> tuple[Refusal, ...]: ...

    async def create_ticket(self, ticket: NewTicket, attempt: Attempt) -> Ref: ...


@runtime_checkable
class TicketUpdater(Protocol):
    """Changes tickets."""

    def check_changes(self, changes: TicketChanges) -> tuple[Refusal, ...]: ...

    async def update_ticket(self, changes: TicketChanges) -> None: ...


@runtime_checkable
class NotificationSubscriptionWriter(Protocol):
    """Creates, changes and deletes notification topics."""

    def check_new_subscription(self, new: NewNotificationSubscription) -> tuple[Refusal, ...]: ...

    async def create_subscription(
        self, new: NewNotificationSubscription, attempt: Attempt
    ) -> NotificationSubscription: ...

    def check_subscription_changes(self, changes: NotificationSubscriptionChanges) -> tuple[Refusal, ...]: ...

    async def update_subscription(
        self, changes: NotificationSubscriptionChanges
    ) -> NotificationSubscription: ...

    async def delete_subscription(self, ref: Ref) -> None: ...


@runtime_checkable
class WritePreparer(Protocol):
    """Reads what has to be known before a write is recorded and sent."""

    async def prepare(self, write: WriteInput) -> str | None:
        """Read it: nothing of the write leaves, so a failure here leaves no doubt.

        Returns:
            What `Attempt.baseline` will hold, in the adapter's own form, at most 64 kB; None if there is
            nothing to know before this kind of write.
        Raises:
            SourceRejected: The write's target, or something that it names, isn't there.
        """


@runtime_checkable
class WriteFinder(Protocol):
    """Looks whether a write landed whose answer was lost."""

    async def find_write(self, write: WriteInput, attempt: Attempt) -> Sighting:
        """Ask the source, past every cache. Never changes anything there."""


@runtime_checkable
class FileUploader(Protocol):
    """Takes files for later writes."""

    async def upload(self, filename: str, content: AsyncIterator[bytes]) -> UploadedFile: ...
