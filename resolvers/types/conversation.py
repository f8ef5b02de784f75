"""Cases and tickets, and what they have in common."""

from datetime import date, datetime
from typing import Any

import strawberry
from strawberry.types import Info

from gateway.domain import records
from gateway.plans.fields import batch_field
from resolvers import access, prices
from resolvers.batches import messages as batches
from resolvers.batches.held_accounts import account_at
from resolvers.context import Context
from resolvers.types.account import Account
from resolvers.types.connections import MessageConnection
from resolvers.types.enums import Capability, ConversationState
from resolvers.types.message import Message
from resolvers.types.node import Node
from resolvers.types.source import Origin


def _capabilities(root: strawberry.Parent[Any], info: Info[Context, Any]) -> Any:
    return info.context.catalog.of(root.ref).conversation_capabilities


@strawberry.type(description="A status: the graph's word and the source's own.")
class ConversationStatus:
    value: ConversationState = strawberry.field(
        description="The graph's word, by the source's configured table."
    )
    raw: str | None = strawberry.field(description="The source's own word.")


@strawberry.interface(description="A case or a ticket: enough for an inbox.")
class Conversation(Node):
    origin: Origin = strawberry.field(description="Where it comes from.")
    subject: str | None = strawberry.field(description="What it is about.")
    status: ConversationStatus | None = strawberry.field(description="Where it stands.")
    created_at: datetime | None = strawberry.field(description="When it was opened.")
    updated_at: datetime | None = strawberry.field(description="When it last changed.")
    last_activity_at: datetime | None = strawberry.field(
        description="When something last happened, as far as its source says."
    )
    tags: list[str] | None = strawberry.field(description="Its tags; null where the source has none.")
    requester: Account | None = batch_field(
        account_at("requester"),
        description="Who asks for help.",
        needs=access.ACCOUNTS,
        calls=prices.held_account,
    )
    assignee: Account | None = batch_field(
        account_at("assignee"),
        description="Who deals with it.",
        needs=access.ACCOUNTS,
        calls=prices.held_account,
    )
    capabilities: list[Capability] = strawberry.field(
        resolver=_capabilities, description="What can be done with it."
    )
    messages: MessageConnection | None = batch_field(
        batches.messages,
        description="Its messages, oldest first. One REST call per conversation. Where its source shows none "
        "(Netevia): those sent through this gateway.",
        needs=access.MESSAGES,
        calls=prices.messages,
    )
    last_message: Message | None = batch_field(
        batches.last_message,
        description="The newest message. Costs as much as `messages`.",
        needs=access.MESSAGES,
        calls=prices.of_messages,
    )
    message_count: int | None = batch_field(
        batches.message_count,
        description="How many messages it has. Costs as much as `messages`.",
        needs=access.MESSAGES,
        calls=prices.of_messages,
    )
    unconfirmed_count: int | None = batch_field(
        batches.unconfirmed_count,
        description="How many messages wait to be confirmed; null where the source knows no confirming. "
        "Costs as much as `messages`.",
        needs=access.MESSAGES,
        calls=prices.of_messages,
    )


@strawberry.type(description="The end customer of a repair.")
class CaseContact:
    name: str | None = strawberry.field(description="The person's name.")
    organization: str | None = strawberry.field(description="The organisation's name.")
    email: str | None = strawberry.field(description="The e-mail address.")
    phone: str | None = strawberry.field(description="The phone number.")


@strawberry.type(description="What is to be repaired.")
class CaseProduct:
    model: str | None = strawberry.field(description="The model.")
    serial: str | None = strawberry.field(description="The serial number.")
    problem: str | None = strawberry.field(description="What is wrong with it.")
    manufacturer: str | None = strawberry.field(description="Who made it.")
    purchase_date: date | None = strawberry.field(description="When it was bought.")


@strawberry.type(description="A repair case (Service Order Hub).")
class Case(Conversation):
    guid: strawberry.ID = strawberry.field(description="The hub's own id of the case.")
    number: int | None = strawberry.field(description="The case number, for people.")
    partner: Account | None = batch_field(
        account_at("partner"),
        description="Who ordered the repair.",
        needs=access.ACCOUNTS,
        calls=prices.held_account,
    )
    provider: Account | None = batch_field(
        account_at("provider"), description="The workshop.", needs=access.ACCOUNTS, calls=prices.held_account
    )
    customer: CaseContact | None = strawberry.field(description="Whose product it is.")
    product: CaseProduct | None = strawberry.field(description="What is to be repaired.")

    @classmethod
    def is_type_of(cls, obj: object, _info: object) -> bool:
        return isinstance(obj, records.Case)


@strawberry.type(
    description="A ticket (Thulium, Netevia), a helpdesk message (Tulo) or a help centre case (Telecomx)."
)
class Ticket(Conversation):
    number: str | None = strawberry.field(description="The ticket number, for people.")
    queue: str | None = strawberry.field(description="The queue or help centre that it lies in.")
    category: str | None = strawberry.field(description="Its category, in the source's own words.")
    closed_at: datetime | None = strawberry.field(description="When it was closed.")

    @classmethod
    def is_type_of(cls, obj: object, _info: object) -> bool:
        return isinstance(obj, records.Ticket)
