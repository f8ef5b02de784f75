"""`createTicket`."""

from dataclasses import replace
from functools import partial
from typing import Annotated, Any

import strawberry

from gateway.domain.errors import Refusal, RefusalCode
from gateway.domain.ids import EntityType, Ref
from gateway.domain.ports import TicketCreator
from gateway.domain.records import Conversation
from gateway.domain.writes import NewTicket
from gateway.writes.service import Outcome
from resolvers.batches.completion import find_conversation, name_conversation
from resolvers.context import AnyFetch
from resolvers.mutations.performing import (
    check_key,
    client_for,
    confirmed,
    intend,
    outgoing,
    payload,
    perform,
    read_back,
    refused,
    unsupported,
    upload_tokens,
)
from resolvers.references import by_id
from resolvers.types.enums import TextFormat, TicketChannel, TicketDirection


@strawberry.input(description="A new ticket. A field that the source doesn't know is refused.")
class CreateTicketInput:
    source: str = strawberry.field(description="The source's key.")
    requester: strawberry.ID | None = strawberry.field(
        default=None, description="Who asks: an account of the same source."
    )
    requester_email: str | None = strawberry.field(
        default=None, description="Who asks, by e-mail address, where the source takes one."
    )
    subject: str = strawberry.field(description="What it is about.")
    body: str = strawberry.field(description="The text.")
    format: TextFormat = strawberry.field(
        default=TextFormat.PLAIN, description="How `body` is written. HTML is sanitised before it leaves."
    )
    mailbox: str | None = strawberry.field(
        default=None, description="The mailbox that it comes into; the source's default one otherwise."
    )
    queue: str | None = strawberry.field(default=None, description="The queue's id.")
    category: str | None = strawberry.field(default=None, description="The category's id.")
    tags: list[str] | None = strawberry.field(default=None, description="Tags.")
    cc: list[str] | None = strawberry.field(default=None, description="E-mail addresses that get a copy.")
    assignee: str | None = strawberry.field(default=None, description="Log-in of the agent who gets it.")
    channel: TicketChannel | None = strawberry.field(default=None, description="How it came in.")
    direction: TicketDirection | None = strawberry.field(
        default=None, description="Whose side it is written from; the customer's by default."
    )
    attachments: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Handles that `POST /uploads` gave."
    )
    idempotency_key: str = strawberry.field(
        description="1 to 255 characters, new for each new ticket: a repeat with the same key and input "
        "tells the first one's outcome and creates nothing."
    )


async def create_ticket(
    fetch: AnyFetch, input: Annotated[CreateTicketInput, strawberry.argument(description="The ticket.")]
) -> Any:
    """Create a ticket once."""
    source = fetch.context.catalog.named(input.source, argument="input.source")
    creator = client_for(fetch, "createTicket", source, TicketCreator)
    if creator is None:
        return unsupported(source, "create tickets", ticket=None)
    requester = None
    refusals: tuple[Refusal, ...] = ()
    if input.requester is not None:
        owner, requester = by_id(fetch, input.requester, "input.requester", EntityType.ACCOUNT)
        if owner is not source:
            message = f"`requester` is an account of {owner.key}, not of {source.key}."
            refusals = (Refusal(RefusalCode.INVALID, message, ("requester",), source.key),)
    wanted = NewTicket(
        subject=input.subject,
        body=await outgoing(input.body, input.format),
        format=input.format,
        requester=requester,
        requester_email=input.requester_email,
        mailbox=input.mailbox,
        queue=input.queue,
        category=input.category,
        tags=None if input.tags is None else tuple(input.tags),
        cc=None if input.cc is None else tuple(input.cc),
        assignee=input.assignee,
        channel=input.channel and input.channel.value,
        direction=input.direction and input.direction.value,
        attachments=None if input.attachments is None else tuple(input.attachments),
    )
    tokens, forgotten = upload_tokens(fetch, source, input.attachments)
    refusals = (*check_key(input.idempotency_key), *refusals)
    if problems := refusals or creator.check_ticket(wanted):
        return refused((*refusals, *forgotten) or problems, ticket=None)
    intent = intend(fetch, source, "createTicket", wanted, key=input.idempotency_key, target=None)
    sent = replace(wanted, attachments=tokens)
    outcome = await perform(
        fetch, intent, lambda attempt: creator.create_ticket(sent, attempt), forgotten=forgotten
    )
    fetch.context.forget()
    return payload(outcome, ticket=await _created(fetch, outcome))


async def _created(fetch: AnyFetch, outcome: Outcome[Ref]) -> Conversation | None:
    """The new ticket as its source shows it; else as the ledger, or its reference alone, knows it."""
    entry = confirmed(outcome)
    ref = outcome.value or (None if entry is None else entry.result)
    if entry is None or ref is None:
        return None
    read = await read_back(fetch, "ticket", ref, partial(find_conversation, fetch, ref))
    return read or fetch.context.history.ticket(entry) or name_conversation(fetch, ref)
