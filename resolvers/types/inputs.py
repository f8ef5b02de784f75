"""Filters and lookups: what queries take."""

from datetime import datetime

import strawberry

from resolvers.types.enums import (
    AccountKind,
    ConversationState,
    MessageType,
    SubscriptionKind,
    WriteState,
)

_SOURCES = "Keys of the sources to ask; all by default."
_STATUS = "Any of these, by each source's table of statuses."


@strawberry.input(description="A record by its source's own id.")
class SourceRef:
    source: str = strawberry.field(description="The source's key, as in `sources { key }`.")
    native_id: str = strawberry.field(description="The source's own id, as in `origin { nativeId }`.")


@strawberry.input(description="An account by exactly one exact key, as far as its source offers it.")
class AccountLookup:
    source: str = strawberry.field(description="The source's key.")
    native_id: str | None = strawberry.field(default=None, description="The source's own id.")
    email: str | None = strawberry.field(default=None, description="The e-mail address.")
    customer_number: str | None = strawberry.field(default=None, description="The customer number.")
    external_id: str | None = strawberry.field(
        default=None, description="The id that another system gave it. Tulo takes `key=value`."
    )
    login: str | None = strawberry.field(default=None, description="The log-in name.")
    kind: AccountKind | None = strawberry.field(
        default=None, description="Which kind, where a source has several; its most common one by default."
    )


@strawberry.input(description="Which accounts to list.")
class AccountFilter:
    sources: list[str] | None = strawberry.field(default=None, description=_SOURCES)
    kind: AccountKind | None = strawberry.field(default=None, description="Only accounts of this kind.")
    search: str | None = strawberry.field(default=None, description="Free text, where the source searches.")
    organization: strawberry.ID | None = strawberry.field(
        default=None, description="Only people of this organisation: an account's id."
    )


@strawberry.input(description="Which cases to list.")
class CaseFilter:
    sources: list[str] | None = strawberry.field(default=None, description=_SOURCES)
    guids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="These cases, in this order; goes with `sources` alone. At most 100."
    )
    search: str | None = strawberry.field(default=None, description="Free text, where the source searches.")
    status: list[ConversationState] | None = strawberry.field(default=None, description=_STATUS)
    partner: strawberry.ID | None = strawberry.field(default=None, description="The partner's account id.")
    provider: strawberry.ID | None = strawberry.field(default=None, description="The provider's account id.")
    tags: list[str] | None = strawberry.field(default=None, description="Cases that have all of these tags.")
    created_after: datetime | None = strawberry.field(default=None, description="Created after this moment.")
    created_before: datetime | None = strawberry.field(
        default=None, description="Created before this moment."
    )


@strawberry.input(description="Which tickets to list.")
class TicketFilter:
    sources: list[str] | None = strawberry.field(default=None, description=_SOURCES)
    account: strawberry.ID | None = strawberry.field(default=None, description="The requester's account id.")
    status: list[ConversationState] | None = strawberry.field(default=None, description=_STATUS)
    assignee: strawberry.ID | None = strawberry.field(default=None, description="The agent's account id.")
    queue: str | None = strawberry.field(default=None, description="The queue's id, or the help centre's.")
    updated_after: datetime | None = strawberry.field(default=None, description="Changed after this moment.")
    search: str | None = strawberry.field(default=None, description="Free text, where the source searches.")


@strawberry.input(description="Which cases and tickets to list.")
class ConversationFilter:
    sources: list[str] | None = strawberry.field(default=None, description=_SOURCES)
    account: strawberry.ID | None = strawberry.field(default=None, description="The requester's account id.")
    status: list[ConversationState] | None = strawberry.field(default=None, description=_STATUS)
    assignee: strawberry.ID | None = strawberry.field(default=None, description="The assignee's account id.")
    updated_after: datetime | None = strawberry.field(default=None, description="Changed after this moment.")
    search: str | None = strawberry.field(default=None, description="Free text, where the source searches.")


@strawberry.input(description="Which of a conversation's messages to list.")
class MessageFilter:
    confirmed: bool | None = strawberry.field(
        default=None, description="Only confirmed ones, or only unconfirmed ones."
    )
    kinds: list[MessageType] | None = strawberry.field(default=None, description="Any of these kinds.")
    since: datetime | None = strawberry.field(
        default=None, description="Created at this moment or later; messages without a time are left out."
    )


@strawberry.input(description="Which subscriptions to list.")
class SubscriptionFilter:
    sources: list[str] | None = strawberry.field(default=None, description=_SOURCES)
    account: strawberry.ID | None = strawberry.field(
        default=None, description="Of this account; for notifications, those open to this customer."
    )
    reseller: strawberry.ID | None = strawberry.field(
        default=None, description="Notifications of this reseller: an account's id."
    )
    kind: SubscriptionKind | None = strawberry.field(default=None, description="Only this kind.")
    global_: bool | None = strawberry.field(
        name="global", default=None, description="Only notifications that belong to no reseller."
    )


@strawberry.input(description="Which writes to list.")
class WriteFilter:
    state: WriteState | None = strawberry.field(default=None, description="Only writes in this state.")
    source: str | None = strawberry.field(default=None, description="Only writes to this source: its key.")
    operation: str | None = strawberry.field(
        default=None, description="Only writes by this mutation, such as `reply`."
    )
    since: datetime | None = strawberry.field(
        default=None, description="Only writes recorded at this moment or later."
    )
    principal: str | None = strawberry.field(
        default=None, description="Only this principal's, for who may `operate`: see `Write.principal`."
    )
