"""`reply`: an answer in a case or ticket."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

import strawberry

from gateway.domain.catalog import Source
from gateway.domain.errors import Refusal
from gateway.domain.ids import EntityType, Ref
from gateway.domain.ports import Replier
from gateway.domain.writes import Reply
from resolvers.context import AnyFetch
from resolvers.mutations.authors import AuthorInput, writing_as
from resolvers.mutations.performing import (
    check_key,
    client_for,
    confirmed,
    intend,
    known_message,
    outgoing,
    payload,
    perform,
    refused,
    sent_message,
    shown_conversation,
    unsupported,
    upload_tokens,
)
from resolvers.references import by_id, by_native_id, exactly_one
from resolvers.types.enums import TextFormat
from resolvers.types.inputs import SourceRef

_CONVERSATIONS = (EntityType.CASE, EntityType.TICKET)


@strawberry.input(description="A reply. A field that the source doesn't know is refused, with nothing sent.")
class ReplyInput:
    to: strawberry.ID | None = strawberry.field(
        default=None, description="The case, ticket or message to reply to. Give this or `toRef`."
    )
    to_ref: SourceRef | None = strawberry.field(
        default=None, description="The case or ticket by its source's own id. Give this or `to`."
    )
    body: str = strawberry.field(description="The text.")
    format: TextFormat = strawberry.field(
        default=TextFormat.PLAIN, description="How `body` is written. HTML is sanitised before it leaves."
    )
    kind: str | None = strawberry.field(
        default=None, description="The source's own word; `serviceComment` at Service Order Hub by default."
    )
    declared_at: datetime | None = strawberry.field(default=None, description="When it really happened.")
    external_id: str | None = strawberry.field(default=None, description="Your own reference for it.")
    internal: bool | None = strawberry.field(default=None, description="Only for the staff's eyes.")
    attachments: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Handles that `POST /uploads` gave."
    )
    agent: str | None = strawberry.field(
        default=None,
        description="Log-in of the agent to reply as: yours, else the source's default agent, otherwise. "
        "Another one needs the scope `messages:write_as`.",
    )
    sent_at: datetime | None = strawberry.field(
        default=None, description="The reply's date; now by default. Needs `messages:write_as`."
    )
    author: AuthorInput | None = strawberry.field(
        default=None,
        description="The human author; yourself by default. Another one needs `messages:write_as`.",
    )
    idempotency_key: str = strawberry.field(
        description="1 to 255 characters, new for each new reply: a repeat with the same key and input "
        "tells the first one's outcome and sends nothing."
    )


async def reply(
    fetch: AnyFetch, input: Annotated[ReplyInput, strawberry.argument(description="The reply.")]
) -> Any:
    """Send a reply once."""
    source, named = _addressee(fetch, input)
    replier = client_for(fetch, "reply", source, Replier)
    if replier is None:
        return unsupported(source, "reply", message=None, conversation=None)
    conversation, parent, unknown = await _within(fetch, source, named)
    agent, author = writing_as(fetch, source, agent=input.agent, author=input.author, sent_at=input.sent_at)
    wanted = Reply(
        conversation=conversation,
        parent=parent,
        body=await outgoing(input.body, input.format),
        format=input.format,
        kind=input.kind,
        declared_at=input.declared_at,
        external_id=input.external_id,
        internal=input.internal,
        attachments=None if input.attachments is None else tuple(input.attachments),
        agent=agent,
        sent_at=input.sent_at,
        author_name=author.name,
        author_email=author.email,
    )
    tokens, forgotten = upload_tokens(fetch, source, input.attachments)
    refusals = (*check_key(input.idempotency_key), *unknown, *replier.check_reply(wanted))
    if refusals:
        return refused((*refusals, *forgotten), message=None, conversation=None)
    intent = intend(fetch, source, "reply", wanted, key=input.idempotency_key, target=conversation)
    # The source's own tokens go to the source alone: the ledger and the key's fingerprint have the handles.
    sent = replace(wanted, attachments=tokens)
    outcome = await perform(
        fetch, intent, lambda attempt: replier.send_reply(sent, attempt), forgotten=forgotten
    )
    fetch.context.forget(conversation)
    return payload(
        outcome,
        message=await sent_message(fetch, outcome),
        conversation=await shown_conversation(fetch, conversation, "conversation")
        if confirmed(outcome)
        else None,
    )


def _addressee(fetch: AnyFetch, given: ReplyInput) -> tuple[Source, Ref]:
    """The source, and the conversation or message that is replied to."""
    exactly_one("input.to", to=given.to, toRef=given.to_ref)
    if given.to_ref is not None:
        return by_native_id(fetch, given.to_ref, "input.toRef", *_CONVERSATIONS)
    return by_id(fetch, given.to or "", "input.to", *_CONVERSATIONS, EntityType.MESSAGE)


async def _within(fetch: AnyFetch, source: Source, named: Ref) -> tuple[Ref, Ref | None, tuple[Refusal, ...]]:
    """The conversation, the message within it that is replied to, and why it can't be."""
    if named.type is EntityType.MESSAGE:
        return source.conversation_of(named), *await known_message(fetch, named, "to")
    return named, None, ()
