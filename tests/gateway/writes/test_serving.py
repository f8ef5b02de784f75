from dataclasses import replace

import pytest

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
from gateway.domain.writes import NewCaseMessage, NewTicket, Reply, TicketChanges, WriteInput
from gateway.writes import inputs, serving
from tests.gateway.writes.desk import START, TICKET, at, entry, message, parted

_CASE = Ref(EntityType.CASE, "desk", ("guid-1",))
_CREATED = Ref(EntityType.TICKET, "desk", ("account-1", "ticket-1"))
_CUSTOMER = Ref(EntityType.ACCOUNT, "desk", ("CUSTOMER", "7"))


def done(operation: str, written: WriteInput, **changes: object) -> Entry:
    return entry(WriteState.CONFIRMED, **{"operation": operation, "input": inputs.encode(written), **changes})


def test_a_reply_is_served_as_it_was_written() -> None:
    reply = Reply(
        conversation=TICKET,
        body="<b>Hello</b>",
        format=TextFormat.HTML,
        parent=message(3),
        kind="note",
        declared_at=at(-60),
        external_id="x-1",
        internal=False,
        attachments=("handle-1", "handle-2"),
        author_name="Ola",
        author_email="ola@example.org",
    )

    assert serving.message(done("reply", reply, applied_at=at(2)), message(4)) == Message(
        ref=message(4),
        origin=Origin("desk", "4", kind=OriginKind.LEDGER),
        conversation=TICKET,
        author=MessageAuthor(AuthorRole.UNKNOWN, name="Ola", email="ola@example.org"),
        kind=Coded(MessageType.UNKNOWN, "note"),
        body=Body("<b>Hello</b>", TextFormat.HTML),
        parent=message(3),
        visibility=Visibility.PUBLIC,
        external_id="x-1",
        attachments=(Attachment(), Attachment()),
        created_at=at(2),
        declared_at=at(-60),
    )


def test_of_a_bare_reply_nothing_is_made_up() -> None:
    reply = Reply(conversation=TICKET, body="Hello", sent_at=at(-5))

    assert serving.message(done("reply", reply), message(4)) == Message(
        ref=message(4),
        origin=Origin("desk", "4", kind=OriginKind.LEDGER),
        conversation=TICKET,
        author=MessageAuthor(AuthorRole.UNKNOWN),
        kind=Coded(MessageType.MESSAGE, None),
        body=Body("Hello", TextFormat.PLAIN),
        created_at=START,
        declared_at=at(-5),
    )


@pytest.mark.parametrize(
    ("content", "body"), [("Text", Body("Text", TextFormat.UNKNOWN)), (None, None)], ids=["text", "no text"]
)
def test_a_case_message_is_served_as_it_was_written(content: str | None, body: Body | None) -> None:
    created = NewCaseMessage(
        case=_CASE, kind="shipment", content=content, declared_at=at(-9), external_id="x", internal=True
    )
    ref = Ref(EntityType.MESSAGE, "desk", ("guid-1", "9"))

    assert serving.message(done("createCaseMessage", created, target=_CASE), ref) == Message(
        ref=ref,
        origin=Origin("desk", "9", kind=OriginKind.LEDGER),
        conversation=_CASE,
        author=MessageAuthor(AuthorRole.UNKNOWN),
        kind=Coded(MessageType.UNKNOWN, "shipment"),
        body=body,
        visibility=Visibility.INTERNAL,
        external_id="x",
        created_at=START,
        declared_at=at(-9),
    )


_TICKET = NewTicket(
    subject="Heading",
    body="Text",
    requester=_CUSTOMER,
    requester_email="kund@example.org",
    queue="3",
    category="9",
    tags=("vip",),
    attachments=("handle",),
)


def test_a_new_ticket_is_served_as_it_was_written_with_its_first_message() -> None:
    made = done("createTicket", _TICKET, target=None, result=_CREATED)
    ref = Ref(EntityType.MESSAGE, "desk", (*_CREATED.parts, "0"))

    assert serving.ticket(made) == Ticket(
        ref=_CREATED,
        origin=Origin("desk", "ticket-1", kind=OriginKind.LEDGER),
        subject="Heading",
        created_at=START,
        tags=("vip",),
        requester=_CUSTOMER,
        queue="3",
        category="9",
    )
    assert serving.message(made, ref) == Message(
        ref=ref,
        origin=Origin("desk", "ticket-1", kind=OriginKind.LEDGER),
        conversation=_CREATED,
        author=MessageAuthor(AuthorRole.CUSTOMER, email="kund@example.org", account=_CUSTOMER),
        kind=Coded(MessageType.MESSAGE, None),
        heading="Heading",
        body=Body("Text", TextFormat.PLAIN),
        attachments=(Attachment(),),
        created_at=START,
    )


def test_a_ticket_that_the_helpdesk_opened_begins_with_the_helpdesks_words() -> None:
    made = done("createTicket", replace(_TICKET, direction="out"), target=None, result=_CREATED)
    served = serving.message(made, message(1))

    assert served is not None
    assert served.author == MessageAuthor(AuthorRole.AGENT)


def test_once_erased_a_write_is_served_without_its_texts() -> None:
    sent = entry(WriteState.CONFIRMED, input=None)
    created = entry(WriteState.CONFIRMED, operation="createTicket", input=None, target=None, result=_CREATED)

    assert serving.message(sent, message(4)) == Message(
        ref=message(4),
        origin=Origin("desk", "4", kind=OriginKind.LEDGER),
        conversation=TICKET,
        created_at=START,
    )
    assert serving.ticket(created) == Ticket(
        ref=_CREATED, origin=Origin("desk", "ticket-1", kind=OriginKind.LEDGER), created_at=START
    )


@pytest.mark.parametrize(
    "known",
    [
        *(entry(state) for state in WriteState if state is not WriteState.CONFIRMED),
        done("updateTicket", TicketChanges(ticket=TICKET)),
        done("createTicket", _TICKET, target=None),
        entry(WriteState.IN_DOUBT, operation="createTicket", target=None, result=_CREATED),
        parted(state=WriteState.CONFIRMED),
    ],
    ids=lambda known: f"{known.operation} {known.state}",
)
def test_what_is_not_done_or_no_message_is_not_served(known: Entry) -> None:
    assert serving.conversation(known) is None
    assert serving.message(known, message(4)) is None
    assert serving.ticket(known) is None


def test_a_reply_is_no_ticket() -> None:
    assert serving.ticket(entry(WriteState.CONFIRMED, result=message(4))) is None
