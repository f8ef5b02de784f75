"""What a row keeps of a write, and what a key is bound to."""

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.ids import EntityType, Ref
from gateway.domain.records import Channel, ConversationState, TextFormat
from gateway.domain.writes import (
    Confirmation,
    NewCaseMessage,
    NewNotificationSubscription,
    NewTicket,
    NotificationSubscriptionChanges,
    Removal,
    Reply,
    TicketChanges,
    WriteInput,
)
from gateway.writes.inputs import OPERATIONS, decode, encode, fingerprint
from tests.gateway.writes.desk import REPLY, entry

_TICKET = Ref(EntityType.TICKET, "desk", ("42",))
_CASE = Ref(EntityType.CASE, "desk", ("guid-1",))
_MESSAGE = Ref(EntityType.MESSAGE, "desk", ("42", "7"))
_ACCOUNT = Ref(EntityType.ACCOUNT, "desk", ("CUSTOMER", "1"))
_TOPIC = Ref(EntityType.NOTIFICATION_SUBSCRIPTION, "desk", ("9",))
_MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)

_WHOLE: dict[str, WriteInput] = {
    "reply": Reply(
        conversation=_TICKET,
        body="Hei Ærlig! 🙂\n\u2028\x00",
        parent=_MESSAGE,
        format=TextFormat.HTML,
        kind="comment",
        declared_at=_MOMENT,
        external_id="e-1",
        internal=False,
        attachments=("t1", "t2"),
        agent="ola",
        sent_at=_MOMENT,
        author_name="Ola",
        author_email="ola@desk.example",
    ),
    "createCaseMessage": NewCaseMessage(
        case=_CASE,
        kind="serviceComment",
        content="Hello",
        declared_at=_MOMENT,
        external_id="e-1",
        parent=Ref(EntityType.MESSAGE, "desk", ("guid-1", "7")),
        author_name="Ola",
        author_email="ola@desk.example",
        internal=True,
    ),
    "createTicket": NewTicket(
        subject="No light",
        body="<b>Dark</b>",
        format=TextFormat.HTML,
        requester=_ACCOUNT,
        requester_email="eva@home.example",
        mailbox="m",
        queue="q",
        category="c",
        tags=("a", "b"),
        cc=("x@home.example",),
        assignee="ola",
        channel="mail",
        direction="out",
        attachments=("t1",),
    ),
    "updateTicket": TicketChanges(
        ticket=_TICKET,
        status_native="waiting",
        status_value=ConversationState.ON_HOLD,
        assignee="ola",
        queue="q",
        category="c",
        tags=(),
        action_needed=False,
    ),
    "confirmMessages": Confirmation(messages=(_MESSAGE, replace(_MESSAGE, parts=("42", "8")))),
    "createNotificationSubscription": NewNotificationSubscription(
        reseller=_ACCOUNT,
        title="Outages",
        description="In the north",
        channels=(Channel.EMAIL, Channel.SMS),
    ),
    "updateNotificationSubscription": NotificationSubscriptionChanges(
        subscription=_TOPIC, title="Outages", description="", channels=()
    ),
    "deleteNotificationSubscription": Removal(subscription=_TOPIC),
}


@pytest.mark.parametrize(("operation", "write"), _WHOLE.items())
def test_what_is_written_comes_back_whole(operation: str, write: WriteInput) -> None:
    plain = {each.name: each.default for each in fields(write)}
    assert [name for name, default in plain.items() if getattr(write, name) == default] == []

    back = decode(entry(operation=operation, input=encode(write)))

    assert (type(back), back) == (OPERATIONS[operation], write)


def test_every_operation_is_tried() -> None:
    assert list(_WHOLE) == list(OPERATIONS)


@given(st.text(), st.none() | st.text(), st.none() | st.lists(st.text()).map(tuple))
def test_any_text_comes_back(body: str, kind: str | None, attachments: tuple[str, ...] | None) -> None:
    write = Reply(conversation=_TICKET, body=body, kind=kind, attachments=attachments)

    assert decode(entry(input=encode(write))) == write


def test_what_has_been_erased_is_nothing() -> None:
    assert decode(entry(input=None)) is None


def test_an_operation_of_another_release_is_not_guessed_at() -> None:
    with pytest.raises(LookupError, match="mergeTickets"):
        decode(entry(operation="mergeTickets"))


def test_a_row_of_another_making_is_not_guessed_at() -> None:
    with pytest.raises(msgspec.ValidationError):
        decode(entry(operation="confirmMessages", input=encode(REPLY)))


# -- what a key is bound to


@pytest.mark.parametrize("write", _WHOLE.values(), ids=_WHOLE.keys())
def test_equal_writes_are_the_same_bytes(write: WriteInput) -> None:
    # Made anew, in another order.
    parts = {each.name: getattr(write, each.name) for each in reversed(fields(write))}
    equal = type(write)(**parts)

    assert encode(equal) == encode(write)


def test_one_moment_is_the_same_bytes_in_whichever_zone_it_was_written() -> None:
    in_oslo = _MOMENT.astimezone(timezone(timedelta(hours=1)))
    write = replace(REPLY, sent_at=_MOMENT, declared_at=_MOMENT)
    equal = replace(REPLY, sent_at=in_oslo, declared_at=in_oslo)

    assert equal == write
    assert encode(equal) == encode(write)


_CHANGES: list[dict[str, Any]] = [
    {"conversation": replace(_TICKET, parts=("43",))},
    {"conversation": replace(_TICKET, type=EntityType.CASE)},
    {"body": "Hello!"},
    {"body": ""},
    {"parent": _MESSAGE},
    {"format": TextFormat.HTML},
    {"kind": "comment"},
    {"kind": ""},
    {"declared_at": _MOMENT},
    {"external_id": "e-1"},
    {"internal": False},
    {"attachments": ()},
    {"attachments": ("t1",)},
    {"agent": "ola"},
    {"sent_at": _MOMENT},
    {"sent_at": None},
    {"author_name": "Ola"},
    {"author_email": "Ola"},
]


def test_every_field_counts_in_a_fingerprint() -> None:
    writes = [REPLY, *(replace(REPLY, **change) for change in _CHANGES)]
    prints = {fingerprint("reply", "desk", encode(write)) for write in writes}

    assert {name for change in _CHANGES for name in change} == {each.name for each in fields(Reply)}
    assert len(prints) == len(writes)


def test_operation_and_source_count_in_a_fingerprint_and_do_not_run_into_each_other() -> None:
    written = encode(REPLY)
    prints = {
        fingerprint(operation, source, written)
        for operation, source in [
            ("reply", "desk"),
            ("reply", "desk2"),
            ("createTicket", "desk"),
            ("replyd", "esk"),
            ("rep", "lydesk"),
        ]
    }

    assert len(prints) == 5
    assert fingerprint("reply", "desk", written) == fingerprint("reply", "desk", encode(replace(REPLY)))
    assert {len(each) for each in prints} == {64}
