"""`reply`: an answer in a case or ticket."""

from datetime import datetime
from typing import Annotated, Any

import strawberry

from gateway.domain.catalog import Source
from gateway.domain.ids import EntityType, Ref
from gateway.domain.ports import Replier
from gateway.domain.writes import Reply
from resolvers.context import AnyFetch
from resolvers.mutations.performing import (
    check_key,
    outgoing,
    payload,
    perform,
    read_back,
    unsupported,
    upload_tokens,
)
from resolvers.references import by_id, by_native_id, exactly_one
from resolvers.types.enums import TextFormat
from resolvers.types.inputs import SourceRef

_CONVERSATIONS = (EntityType.CASE, EntityType.TICKET)


@strawberry.input(description="Who wrote a message, where the source takes a name and an address.")
class AuthorInput:
    name: str | None = strawberry.field(default=None, description="The person's name.")
    email: str | None = strawberry.field(default=None, description="The person's e-mail address.")


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
        default=None, description="Log-in of the agent to reply as; the source's default agent otherwise."
    )
    sent_at: datetime | None = strawberry.field(default=None, description="The reply's date; now by default.")
    author: AuthorInput | None = strawberry.field(default=None, description="The human author.")
    idempotency_key: str = strawberry.field(
        description="1 to 255 characters, new for each new reply: a repeat with the same key and input "
        "tells the first one's outcome and sends nothing."
    )


async def reply(
    fetch: AnyFetch, input: Annotated[ReplyInput, strawberry.argument(description="The reply.")]
) -> Any:
    """Send a reply once."""
    source, conversation, parent = _addressee(fetch, input)
    replier = source.port(Replier)
    if replier is None:
        return unsupported(source, "reply", message=None, conversation=None)
    attachments, refused_uploads = upload_tokens(fetch, source, input.attachments)
    author = input.author or AuthorInput()
    wanted = Reply(
        conversation=conversation,
        parent=parent,
        body=outgoing(input.body, input.format),
        format=input.format,
        kind=input.kind,
        declared_at=input.declared_at,
        external_id=input.external_id,
        internal=input.internal,
        attachments=attachments,
        agent=input.agent,
        sent_at=input.sent_at,
        author_name=author.name,
        author_email=author.email,
    )
    refusals = (*check_key(input.idempotency_key), *refused_uploads, *replier.check_reply(wanted))
    if refusals:
        return payload(refusals, message=None, conversation=None)
    outcome = await perform(
        fetch,
        source,
        "reply",
        key=input.idempotency_key,
        write=wanted,
        send=lambda: replier.send_reply(wanted),
    )
    fetch.context.records.forget(conversation)
    read = None if outcome.refusals else await read_back(fetch, conversation, "conversation")
    return payload(outcome.refusals, message=outcome.value, conversation=read)


def _addressee(fetch: AnyFetch, given: ReplyInput) -> tuple[Source, Ref, Ref | None]:
    """The source, the conversation, and the message within it that is replied to."""
    exactly_one("input.to", to=given.to, toRef=given.to_ref)
    if given.to_ref is not None:
        return *by_native_id(fetch, given.to_ref, "input.toRef", *_CONVERSATIONS), None
    source, ref = by_id(fetch, given.to or "", "input.to", *_CONVERSATIONS, EntityType.MESSAGE)
    if ref.type is EntityType.MESSAGE:
        return source, source.conversation_of(ref), ref
    return source, ref, None
