"""Messages."""

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, cast

import strawberry
from strawberry.types import Info

from gateway.domain import records
from gateway.domain.errors import BadInput
from gateway.plans.fields import OPEN, batch_field
from gateway.plans.price import free
from gateway.security import html
from resolvers import access, prices
from resolvers.batches import messages as batches
from resolvers.batches.held_accounts import account_at
from resolvers.types.connections import MessageConnection
from resolvers.types.enums import AuthorRole, MessageType, RemoteImages, TextFormat, Visibility
from resolvers.types.node import Node
from resolvers.types.source import Origin
from resolvers.types.write import Write

if TYPE_CHECKING:
    from resolvers.types.account import Account
    from resolvers.types.conversation import Conversation

_MAX_PREVIEW = 1000
# Mails have long heads of styles, which show nothing.
_MAX_PREVIEWED = 100_000


def _is_markup(body: records.Body) -> bool:
    if body.format is records.TextFormat.UNKNOWN:
        return html.looks_like_html(body.content)
    return body.format is records.TextFormat.HTML


def _as_text(body: records.Body) -> str:
    return html.to_text(body.content) if _is_markup(body) else body.content


def _text(root: strawberry.Parent[records.Body], info: Info[Any, Any]) -> str:
    return cast("str", info.context.letters.form(root, "text", lambda: _as_text(root)))


def _as_html(body: records.Body, images: RemoteImages) -> str:
    if not _is_markup(body):
        return html.escape(body.content)
    return html.sanitize(body.content, remote_images=images is RemoteImages.REMOTE)


def _html(
    root: strawberry.Parent[records.Body],
    info: Info[Any, Any],
    images: Annotated[
        RemoteImages,
        strawberry.argument(
            description="Which pictures it may load. A picture's host learns when and from where it is read."
        ),
    ] = RemoteImages.NONE,
) -> str:
    return cast("str", info.context.letters.form(root, images.value, lambda: _as_html(root, images)))


def _preview(
    root: strawberry.Parent[records.Message],
    info: Info[Any, Any],
    length: Annotated[
        int, strawberry.argument(description=f"At most so many characters, 1 to {_MAX_PREVIEW}.")
    ] = 140,
) -> str | None:
    if not 1 <= length <= _MAX_PREVIEW:
        raise BadInput(f"`length` must be 1 to {_MAX_PREVIEW}, not {length}.", argument="length")
    if root.body is None:
        return None
    body = root.body

    def make() -> str:
        # A beginning of the markup is enough for the beginning of its text.
        text = " ".join(_as_text(replace(body, content=body.content[:_MAX_PREVIEWED])).split())
        return text if len(text) <= length else text[: length - 1].rstrip() + "…"

    return cast("str", info.context.letters.form(body, f"preview {length}", make))


@strawberry.type(description="What a message is: the graph's word and the source's own.")
class MessageKind:
    value: MessageType = strawberry.field(description="The graph's word.")
    raw: str | None = strawberry.field(description="The source's own word.")


@strawberry.type(description="A message's text, harmless in both forms.")
class MessageBody:
    text: str = strawberry.field(resolver=_text, description="As plain text; links with their address.")
    html: str = strawberry.field(
        resolver=_html,
        description="As HTML reduced to an allow-list: nothing in it runs, or loads from another host unless "
        "`images` says so. Words in brackets stand for pictures.",
    )
    format: TextFormat = strawberry.field(description="How the source keeps it.")


@strawberry.type(description="Who wrote a message, as far as its source says.")
class MessageAuthor:
    role: AuthorRole = strawberry.field(description="On whose side the author stands.")
    name: str | None = strawberry.field(description="The author's name.")
    email: str | None = strawberry.field(description="The author's e-mail address.")
    account: Annotated["Account", strawberry.lazy("resolvers.types.account")] | None = batch_field(
        account_at("account"),
        description="The author's account, where the source names it.",
        needs=access.ACCOUNTS,
        calls=prices.held_account,
    )


@strawberry.type(description="A file of a message. How to fetch it is not documented by any source.")
class Attachment:
    name: str | None = strawberry.field(description="The file's name.")
    content_type: str | None = strawberry.field(description="The media type.")
    size_bytes: int | None = strawberry.field(description="The size in bytes.")


@strawberry.type(description="One message of a case or ticket.")
class Message(Node):
    origin: Origin = strawberry.field(description="Where it comes from.")
    conversation: Annotated["Conversation", strawberry.lazy("resolvers.types.conversation")] | None = (
        batch_field(
            batches.conversations_of,
            description="The case or ticket that it belongs to.",
            needs=access.CONVERSATIONS,
            calls=prices.conversation_of_message,
        )
    )
    author: MessageAuthor | None = strawberry.field(description="Who wrote it.")
    kind: MessageKind | None = strawberry.field(description="What it is.")
    heading: str | None = strawberry.field(description="Its own heading, where the source has one.")
    body: MessageBody | None = strawberry.field(description="Its text.")
    preview: str | None = strawberry.field(
        resolver=_preview, description="The beginning of its text on one line."
    )
    parent: "Message | None" = batch_field(
        batches.parents_of,
        description="The message that it answers.",
        needs=access.MESSAGES,
        calls=prices.of_messages,
    )
    replies: MessageConnection | None = batch_field(
        batches.replies,
        description="The messages that answer it, oldest first.",
        needs=access.MESSAGES,
        calls=prices.replies,
    )
    visibility: Visibility | None = strawberry.field(description="Whether the customer can see it.")
    external_id: str | None = strawberry.field(description="The id that its sender gave it.")
    attachments: list[Attachment] | None = strawberry.field(
        description="Its files; null where the source doesn't say."
    )
    created_at: datetime | None = strawberry.field(
        description="When the source stored it; if it comes from the ledger and the source didn't say, when "
        "it was sent."
    )
    updated_at: datetime | None = strawberry.field(description="When it last changed.")
    declared_at: datetime | None = strawberry.field(description="When it happened, by its sender's word.")
    confirmed_at: datetime | None = strawberry.field(
        description="When the receiver confirmed it; null until then, and where there is no confirming."
    )
    write: Write | None = batch_field(
        batches.writes_of,
        description="Your own write that has become this message; null for everybody else's unless you "
        "`operate` its source, and for messages that were not written through this gateway.",
        needs=OPEN,
        calls=free,
    )

    @classmethod
    def is_type_of(cls, obj: object, _info: object) -> bool:
        return isinstance(obj, records.Message)
