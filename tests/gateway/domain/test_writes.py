from dataclasses import fields
from datetime import UTC, datetime

import pytest

from gateway.domain.ids import EntityType, Ref
from gateway.domain.records import Channel, ConversationState, TextFormat
from gateway.domain.writes import (
    NewCaseMessage,
    NewNotificationSubscription,
    NewTicket,
    NotificationSubscriptionChanges,
    Reply,
    TicketChanges,
    UploadedFile,
    WriteInput,
    given_fields,
)

_TICKET = Ref(EntityType.TICKET, "desk", ("42",))
_MESSAGE = Ref(EntityType.MESSAGE, "desk", ("42", "7"))
_ACCOUNT = Ref(EntityType.ACCOUNT, "desk", ("CUSTOMER", "1"))
_TOPIC = Ref(EntityType.NOTIFICATION_SUBSCRIPTION, "desk", ("9",))
_MOMENT = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)

_WHOLE: list[tuple[WriteInput, dict[str, object]]] = [
    (
        Reply(
            conversation=_TICKET,
            body="Hello",
            parent=_MESSAGE,
            format=TextFormat.HTML,
            kind="comment",
            declared_at=_MOMENT,
            external_id="e",
            internal=False,
            attachments=(),
            agent="ola",
            sent_at=_MOMENT,
            author_name="Ola",
            author_email="ola@example.org",
        ),
        {
            "conversation": _TICKET,
            "body": "Hello",
            "parent": _MESSAGE,
            "format": TextFormat.HTML,
            "kind": "comment",
            "declaredAt": _MOMENT,
            "externalId": "e",
            "internal": False,
            "attachments": (),
            "agent": "ola",
            "sentAt": _MOMENT,
            "author.name": "Ola",
            "author.email": "ola@example.org",
        },
    ),
    (
        NewCaseMessage(
            case=_TICKET,
            kind="comment",
            content="",
            declared_at=_MOMENT,
            external_id="e",
            parent=_MESSAGE,
            author_name="Ola",
            author_email="ola@example.org",
            internal=True,
        ),
        {
            "case": _TICKET,
            "kind": "comment",
            "content": "",
            "declaredAt": _MOMENT,
            "externalId": "e",
            "parent": _MESSAGE,
            "author.name": "Ola",
            "author.email": "ola@example.org",
            "internal": True,
        },
    ),
    (
        NewTicket(
            subject="s",
            body="b",
            format=TextFormat.PLAIN,
            requester=_ACCOUNT,
            requester_email="ola@example.org",
            mailbox="m",
            queue="1",
            category="2",
            tags=("a",),
            cc=("b",),
            assignee="ola",
            channel="c",
            direction="IN",
            attachments=("t",),
        ),
        {
            "subject": "s",
            "body": "b",
            "format": TextFormat.PLAIN,
            "requester": _ACCOUNT,
            "requesterEmail": "ola@example.org",
            "mailbox": "m",
            "queue": "1",
            "category": "2",
            "tags": ("a",),
            "cc": ("b",),
            "assignee": "ola",
            "channel": "c",
            "direction": "IN",
            "attachments": ("t",),
        },
    ),
    (
        TicketChanges(
            ticket=_TICKET,
            status_native="7",
            status_value=ConversationState.CLOSED,
            assignee="ola",
            queue="1",
            category="2",
            tags=(),
            action_needed=False,
        ),
        {
            "ticket": _TICKET,
            "status.native": "7",
            "status.value": ConversationState.CLOSED,
            "assignee": "ola",
            "queue": "1",
            "category": "2",
            "tags": (),
            "actionNeeded": False,
        },
    ),
    (
        NewNotificationSubscription(reseller=_ACCOUNT, title="t", description="d", channels=(Channel.SMS,)),
        {"reseller": _ACCOUNT, "title": "t", "description": "d", "channels": (Channel.SMS,)},
    ),
    (
        NotificationSubscriptionChanges(subscription=_TOPIC, title="t", description="", channels=()),
        {"subscription": _TOPIC, "title": "t", "description": "", "channels": ()},
    ),
]


@pytest.mark.parametrize(("write", "given"), _WHOLE, ids=[type(write).__name__ for write, _ in _WHOLE])
def test_every_field_has_its_name_in_the_input(write: WriteInput, given: dict[str, object]) -> None:
    assert given_fields(write) == given
    assert len(given) == len(fields(write)), "this test sets every field"


def test_fields_that_were_left_out_are_absent() -> None:
    assert given_fields(TicketChanges(ticket=_TICKET)) == {"ticket": _TICKET}


def test_a_field_that_names_the_target_can_be_left_out() -> None:
    changes = TicketChanges(ticket=_TICKET, queue="1")

    assert given_fields(changes, without=frozenset({"ticket"})) == {"queue": "1"}


def test_an_uploaded_files_token_is_in_no_log() -> None:
    assert repr(UploadedFile("secret", "a.pdf", 12, _MOMENT)) == (
        f"UploadedFile(filename='a.pdf', size_bytes=12, expires_at={_MOMENT!r})"
    )
