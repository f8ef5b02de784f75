"""What mutations answer."""

from typing import Any

import strawberry
from strawberry.types import Info

from gateway.domain.errors import Refusal
from gateway.plans.price import at_most
from resolvers.context import Context
from resolvers.types.conversation import Conversation, Ticket
from resolvers.types.enums import RefusalCode
from resolvers.types.message import Message
from resolvers.types.source import Source
from resolvers.types.subscription import NotificationSubscription
from resolvers.types.write import MAX_PARTS, Write

_ERRORS = "Why it was refused, or a part of it; empty when all was done, or nobody knows: see `write`."
_WRITE = (
    "What the gateway knows of it: `state` says whether it was done. Null if nothing was recorded or sent."
)


def _source(root: strawberry.Parent[Refusal], info: Info[Context, Any]) -> Any:
    return None if root.source is None else info.context.catalog.get(root.source)


@strawberry.type(description="Why a mutation was refused. Nothing was sent, or the source said no.")
class UserError:
    code: RefusalCode = strawberry.field(description="What is wrong, for programs.")
    message: str = strawberry.field(description="What is wrong, for people.")
    field: list[str] = strawberry.field(
        description="The path inside `input` that it is about; empty if about all of it."
    )
    source: Source | None = strawberry.field(resolver=_source, description="The source that refused it.")
    source_code: str | None = strawberry.field(description="The source's own code.")


@strawberry.type(description="The answer to `reply`.")
class ReplyPayload:
    write: Write | None = strawberry.field(description=_WRITE)
    message: Message | None = strawberry.field(
        description="The reply as its source keeps it; from the ledger, if its source took it but doesn't "
        "show it or say which message it became. Null unless `write` is CONFIRMED."
    )
    conversation: Conversation | None = strawberry.field(description="The case or ticket, read anew.")
    user_errors: list[UserError] = strawberry.field(description=_ERRORS)


@strawberry.type(description="The answer to `createCaseMessage`.")
class CreateCaseMessagePayload:
    write: Write | None = strawberry.field(description=_WRITE)
    message: Message | None = strawberry.field(description="The message as the hub keeps it.")
    user_errors: list[UserError] = strawberry.field(description=_ERRORS)


@strawberry.type(description="The answer to `createTicket`.")
class CreateTicketPayload:
    write: Write | None = strawberry.field(description=_WRITE)
    ticket: Ticket | None = strawberry.field(
        description="The new ticket, read back from its source. Null unless `write` is CONFIRMED."
    )
    user_errors: list[UserError] = strawberry.field(description=_ERRORS)


@strawberry.type(
    description="The answer to `confirmMessages`: each message is in one of the lists, except those of which "
    "nobody knows, or that were not sent: `write { parts }` says so."
)
class ConfirmMessagesPayload:
    write: Write | None = strawberry.field(description=_WRITE)
    confirmed: list[Message] = strawberry.field(
        description="Those that were confirmed now, read back.", metadata=at_most(MAX_PARTS)
    )
    already_confirmed: list[Message] = strawberry.field(
        description="Those that had been confirmed before: nothing was sent for them.",
        metadata=at_most(MAX_PARTS),
    )
    user_errors: list[UserError] = strawberry.field(description=_ERRORS)


@strawberry.type(description="The answer to `updateTicket`.")
class UpdateTicketPayload:
    write: Write | None = strawberry.field(description=_WRITE)
    ticket: Ticket | None = strawberry.field(description="The ticket, read back from its source.")
    user_errors: list[UserError] = strawberry.field(description=_ERRORS)


@strawberry.type(description="The answer to `createNotificationSubscription`.")
class CreateNotificationSubscriptionPayload:
    write: Write | None = strawberry.field(description=_WRITE)
    subscription: NotificationSubscription | None = strawberry.field(description="The new topic.")
    user_errors: list[UserError] = strawberry.field(description=_ERRORS)


@strawberry.type(description="The answer to `updateNotificationSubscription`.")
class UpdateNotificationSubscriptionPayload:
    write: Write | None = strawberry.field(description=_WRITE)
    subscription: NotificationSubscription | None = strawberry.field(description="The changed topic.")
    user_errors: list[UserError] = strawberry.field(description=_ERRORS)


@strawberry.type(description="The answer to `deleteNotificationSubscription`.")
class DeleteNotificationSubscriptionPayload:
    write: Write | None = strawberry.field(description=_WRITE)
    deleted_id: strawberry.ID | None = strawberry.field(description="The id of what was deleted.")
    user_errors: list[UserError] = strawberry.field(description=_ERRORS)


@strawberry.type(description="The answer to `reconcileWrite`.")
class ReconcileWritePayload:
    write: Write | None = strawberry.field(description="The write as it stands after the look.")
    user_errors: list[UserError] = strawberry.field(description="Why there was no look.")
