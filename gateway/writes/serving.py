"""What a write has become, as far as the ledger's entry tells: `origin` says LEDGER. Pure.

Only a CONFIRMED write has become something. Once its input has been erased, its texts are None.
"""

from datetime import datetime
from functools import partial

from gateway.domain.ids import EntityType, Ref
from gateway.domain.ledger import Entry, WriteState
from gateway.domain.records import (
    Attachment,
    AuthorRole,
    Body,
    Coded,
    Message,
    MessageAuthor,
    MessageType,
    Origin,
    OriginKind,
    TextFormat,
    Ticket,
    Visibility,
)
from gateway.domain.writes import NewCaseMessage, NewTicket, Reply
from gateway.writes import inputs

# Operations that put a message into the conversation that they are about.
_MESSAGES = frozenset({"reply", "createCaseMessage"})


def conversation(entry: Entry) -> Ref | None:
    """Where the message lies that an entry has become; None if it has become none, or none yet."""
    if entry.operation not in _MESSAGES:
        return _ticket_ref(entry)
    return entry.target if entry.state is WriteState.CONFIRMED else None


def message(entry: Entry, ref: Ref) -> Message | None:
    """The message that an entry has become, under this reference; of a new ticket, its first one.

    As whom a source shows it, and to whom, only the source can tell.
    """
    place = conversation(entry)
    if place is None:
        return None
    written = inputs.decode(entry)
    record = partial(
        Message,
        ref=ref,
        # A ticket and its first message have one id at a source where they are the same.
        origin=_origin(ref if entry.operation in _MESSAGES else place),
        conversation=place,
        created_at=_created_at(entry),
    )
    match written:
        case Reply():
            return record(
                author=_author(written),
                kind=_kind(written),
                body=Body(written.body, written.format),
                parent=written.parent,
                visibility=_visibility(written),
                external_id=written.external_id,
                attachments=_files(written),
                declared_at=written.declared_at or written.sent_at,
            )
        case NewCaseMessage():
            return record(
                author=_author(written),
                kind=_kind(written),
                body=None if written.content is None else Body(written.content, TextFormat.UNKNOWN),
                parent=written.parent,
                visibility=_visibility(written),
                external_id=written.external_id,
                declared_at=written.declared_at,
            )
        case NewTicket():
            return record(
                author=_requester(written),
                kind=Coded(MessageType.MESSAGE, None),
                heading=written.subject,
                body=Body(written.body, written.format),
                attachments=_files(written),
            )
        case _:
            return record()


def ticket(entry: Entry) -> Ticket | None:
    """The ticket that an entry has become."""
    ref = _ticket_ref(entry)
    if ref is None:
        return None
    record = partial(Ticket, ref=ref, origin=_origin(ref), created_at=_created_at(entry))
    match inputs.decode(entry):
        case NewTicket() as written:
            return record(
                subject=written.subject,
                tags=written.tags,
                requester=written.requester,
                queue=written.queue,
                category=written.category,
            )
        case _:
            return record()


def _ticket_ref(entry: Entry) -> Ref | None:
    if entry.state is not WriteState.CONFIRMED or entry.result is None:
        return None
    return entry.result if entry.result.type is EntityType.TICKET else None


def _origin(ref: Ref) -> Origin:
    return Origin(ref.source, ref.parts[-1], kind=OriginKind.LEDGER)


def _created_at(entry: Entry) -> datetime:
    """By the source's word; else when it was given to the source, which is just before."""
    return entry.applied_at or entry.submitted_at


def _author(written: Reply | NewCaseMessage) -> MessageAuthor:
    return MessageAuthor(AuthorRole.UNKNOWN, name=written.author_name, email=written.author_email)


def _requester(written: NewTicket) -> MessageAuthor:
    """Its requester, unless it is the helpdesk that wrote to them."""
    if written.direction == "out":
        return MessageAuthor(AuthorRole.AGENT)
    return MessageAuthor(AuthorRole.CUSTOMER, email=written.requester_email, account=written.requester)


def _kind(written: Reply | NewCaseMessage) -> Coded[MessageType]:
    """What the source's own word means, only its adapter knows."""
    return Coded(MessageType.MESSAGE if written.kind is None else MessageType.UNKNOWN, written.kind)


def _visibility(written: Reply | NewCaseMessage) -> Visibility | None:
    if written.internal is None:
        return None
    return Visibility.INTERNAL if written.internal else Visibility.PUBLIC


def _files(written: Reply | NewTicket) -> tuple[Attachment, ...] | None:
    """As many as there were: of each, the ledger keeps the upload's handle alone."""
    return None if written.attachments is None else tuple(Attachment() for _ in written.attachments)
