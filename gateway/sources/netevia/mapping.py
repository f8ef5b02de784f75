"""Netevia's shapes -> the graph's records. Pure."""

from datetime import UTC, datetime

from gateway.domain.ids import EntityType, Ref
from gateway.domain.records import (
    Account,
    AccountKind,
    AuthorRole,
    Body,
    Coded,
    Fetched,
    Message,
    MessageAuthor,
    MessageType,
    Origin,
    OriginKind,
    TextFormat,
    Ticket,
)
from gateway.domain.writes import Reply
from gateway.sources.netevia import wire


def account_ref(source: str, user_id: int) -> Ref:
    """A linked user, found again in the list of all."""
    return Ref(EntityType.ACCOUNT, source, (AccountKind.LINKED_USER.value, str(user_id)))


def account_record(source: str, sent: wire.LinkedUser, fetched: Fetched) -> Account:
    """A linked user: a firm under the name that it trades by, else a person."""
    person = " ".join(filter(None, (sent.first_name, sent.last_name)))
    return Account(
        ref=account_ref(source, sent.id),
        origin=fetched.origin(source, str(sent.id)),
        kind=AccountKind.LINKED_USER,
        name=sent.dba or person or sent.nick_name or None,
    )


def named_ticket(ref: Ref) -> Ticket:
    """A ticket by its number. Nothing of it can be read back, so nothing is missing either."""
    (ticket_id,) = ref.parts
    return Ticket(ref=ref, origin=Origin(ref.source, ticket_id, kind=OriginKind.REFERENCE), number=ticket_id)


def message_record(reply: Reply, comment_id: str, created_date: object, fetched: Fetched) -> Message:
    """The message that a reply has become. As whom Netevia shows it, and to whom, isn't documented."""
    ticket = reply.conversation
    return Message(
        ref=Ref(EntityType.MESSAGE, ticket.source, (*ticket.parts, comment_id)),
        origin=fetched.origin(ticket.source, comment_id),
        conversation=ticket,
        author=MessageAuthor(AuthorRole.UNKNOWN),
        kind=Coded(MessageType.MESSAGE, None),
        body=Body(reply.body, TextFormat.PLAIN),
        created_at=_utc(created_date),
    )


def _utc(sent: object) -> datetime | None:
    """ISO 8601 in UTC, with milliseconds on some pages. An odd date must not put a sent message in doubt."""
    try:
        moment = datetime.fromisoformat(sent if isinstance(sent, str) else "")
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
