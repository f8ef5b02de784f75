"""Thulium's messages -> the graph's records. Pure.

One native message may hold three texts, each of them a message of its own in the graph: `body` under the
bare number, the agent's `comment` under "9012-comment" and the machine's `system_comment` under
"9012-system". The suffix goes by the field alone, for every type of message, so an id stays valid
whatever texts a message gains later; a COMMENT that holds nothing but its `comment` is "9012-comment" too.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from zoneinfo import ZoneInfo

from gateway.domain.ids import EntityType, Ref
from gateway.domain.records import (
    AccountKind,
    Attachment,
    AuthorRole,
    Body,
    Coded,
    Fetched,
    Message,
    MessageAuthor,
    MessageType,
    TextFormat,
    Visibility,
)
from gateway.sources.thulium import times, wire
from gateway.sources.thulium.mapping import NUMBER, account_ref, agent_ref, number, text, ticket_ref

_COMMENT = "-comment"
_SYSTEM = "-system"
MESSAGE_ID = f"{NUMBER}({_COMMENT}|{_SYSTEM})?"

_KINDS = {"MAIL": MessageType.MESSAGE, "REPLY": MessageType.REPLY, "COMMENT": MessageType.NOTE}
_VISIBILITIES = {"MAIL": Visibility.PUBLIC, "REPLY": Visibility.PUBLIC, "COMMENT": Visibility.INTERNAL}


def message_ref(source: str, ticket_id: int, message_id: str) -> Ref:
    """A message has no single read, so its ticket's number goes along."""
    return Ref(EntityType.MESSAGE, source, (str(ticket_id), message_id))


def message_records(source: str, sent: wire.Ticket, zone: ZoneInfo, fetched: Fetched) -> tuple[Message, ...]:
    """All messages of a ticket, oldest first; minutes tie, so then by number."""
    start = datetime.min.replace(tzinfo=UTC)
    ordered = sorted(
        sent.messages,
        key=lambda each: (times.parse(text(each.created_at), zone) or start, each.message_id),
    )
    return tuple(record for each in ordered for record in _records(source, sent, each, zone, fetched))


def _records(
    source: str, ticket: wire.Ticket, sent: wire.Message, zone: ZoneInfo, fetched: Fetched
) -> Iterator[Message]:
    """One record per text; one without a body where there is no text, or files that no text comes with."""
    native_id, kind = str(sent.message_id), text(sent.type)
    body, comment, system = text(sent.body), text(sent.comment), text(sent.system_comment)
    files = tuple(Attachment() for _ in sent.attachments) if isinstance(sent.attachments, tuple) else ()
    agent = agent_ref(source, sent.user_login)
    record = partial(
        Message,
        origin=fetched.origin(source, native_id),
        conversation=ticket_ref(source, ticket.ticket_id),
        created_at=times.parse(text(sent.created_at), zone),
    )
    files_of_note = kind == "COMMENT" and comment is not None and body is None
    if body or (files and not files_of_note) or not (comment or system):
        yield record(
            ref=message_ref(source, ticket.ticket_id, native_id),
            author=_author(source, ticket, kind, agent),
            kind=Coded(_KINDS.get(kind or "", MessageType.UNKNOWN), kind),
            # Nothing tells markup from plain text.
            body=_body(body),
            visibility=_VISIBILITIES.get(kind or ""),
            attachments=() if files_of_note else files,
        )
    if comment:
        yield record(
            ref=message_ref(source, ticket.ticket_id, native_id + _COMMENT),
            author=MessageAuthor(AuthorRole.AGENT, account=agent),
            kind=Coded(MessageType.NOTE, "comment"),
            body=_body(comment),
            visibility=Visibility.INTERNAL,
            attachments=files if files_of_note else (),
        )
    if system:
        yield record(
            ref=message_ref(source, ticket.ticket_id, native_id + _SYSTEM),
            author=MessageAuthor(AuthorRole.SYSTEM),
            kind=Coded(MessageType.SYSTEM, "system_comment"),
            body=_body(system),
            visibility=Visibility.INTERNAL,
            attachments=(),
        )


def _body(sent: str | None) -> Body | None:
    return None if sent is None else Body(sent, TextFormat.UNKNOWN)


def _author(source: str, ticket: wire.Ticket, kind: str | None, agent: Ref | None) -> MessageAuthor:
    match kind:
        case "MAIL":
            customer = number(ticket.customer_id)
            return MessageAuthor(
                AuthorRole.CUSTOMER,
                email=text(ticket.sender),
                account=None if customer is None else account_ref(source, AccountKind.CUSTOMER, customer),
            )
        case "REPLY" | "COMMENT":
            return MessageAuthor(AuthorRole.AGENT, account=agent)
        case _:
            return MessageAuthor(AuthorRole.UNKNOWN, account=agent)
