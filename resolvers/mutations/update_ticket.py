"""`updateTicket`."""

from typing import Annotated, Any

import strawberry

from gateway.domain.ids import EntityType
from gateway.domain.ports import TicketUpdater
from gateway.domain.writes import TicketChanges
from resolvers.context import AnyFetch
from resolvers.mutations.performing import (
    check_key,
    client_for,
    confirmed,
    intend,
    payload,
    perform,
    refused,
    shown_conversation,
    unsupported,
)
from resolvers.references import by_id
from resolvers.types.enums import ConversationState


@strawberry.input(one_of=True, description="A status: exactly one of its forms.")
class TicketStatusInput:
    native: str | None = strawberry.field(
        default=strawberry.UNSET, description="The source's own word or id."
    )
    value: ConversationState | None = strawberry.field(
        default=strawberry.UNSET,
        description="The graph's word, if the source's table maps exactly one native status to it.",
    )


@strawberry.input(description="Changes of a ticket; what is left out or null stays as it is.")
class UpdateTicketInput:
    id: strawberry.ID = strawberry.field(description="The ticket.")
    status: TicketStatusInput | None = strawberry.field(default=None, description="The new status.")
    assignee: str | None = strawberry.field(default=None, description="Log-in of the agent who gets it.")
    queue: str | None = strawberry.field(default=None, description="The queue's id.")
    category: str | None = strawberry.field(default=None, description="The category's id.")
    tags: list[str] | None = strawberry.field(default=None, description="Tags.")
    action_needed: bool | None = strawberry.field(
        default=None, description="True: the staff must act; false: waiting for the customer."
    )
    idempotency_key: str | None = strawberry.field(
        default=None, description="1 to 255 characters; a repeat with the same key sends nothing."
    )


async def update_ticket(
    fetch: AnyFetch, input: Annotated[UpdateTicketInput, strawberry.argument(description="The changes.")]
) -> Any:
    """Change a ticket."""
    source, ref = by_id(fetch, input.id, "input.id", EntityType.TICKET)
    updater = client_for(fetch, "updateTicket", source, TicketUpdater)
    if updater is None:
        return unsupported(source, "change tickets", ticket=None)
    status = input.status or TicketStatusInput()
    wanted = TicketChanges(
        ticket=ref,
        status_native=status.native or None,
        status_value=status.value or None,
        assignee=input.assignee,
        queue=input.queue,
        category=input.category,
        tags=None if input.tags is None else tuple(input.tags),
        action_needed=input.action_needed,
    )
    refusals = (*check_key(input.idempotency_key), *updater.check_changes(wanted))
    if refusals:
        return refused(refusals, ticket=None)
    intent = intend(fetch, source, "updateTicket", wanted, key=input.idempotency_key, target=ref)
    outcome = await perform(fetch, intent, lambda _: updater.update_ticket(wanted))
    fetch.context.forget(ref)
    return payload(
        outcome, ticket=await shown_conversation(fetch, ref, "ticket") if confirmed(outcome) else None
    )
