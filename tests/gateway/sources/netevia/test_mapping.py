"""Netevia's JSON -> records. The fixture has the documented shape with invented content."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

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
from gateway.sources.netevia import mapping, wire

FIXTURES = Path(__file__).parents[3] / "fixtures" / "netevia"
NOW = datetime(2025, 3, 3, 8, tzinfo=UTC)
FETCHED = Fetched(NOW)
TICKET = Ref(EntityType.TICKET, "us", ("50817",))


def test_a_linked_user_is_a_firm_or_a_person_or_a_nickname() -> None:
    body = (FIXTURES / "linked_users.json").read_bytes()
    users = msgspec.json.decode(body, type=tuple[wire.LinkedUser, ...], strict=False)
    names = {"311": "Corner Shop LLC", "312": "Owen Hartley", "313": "harvest", "314": None}
    assert [mapping.account_record("us", user, FETCHED) for user in users] == [
        Account(
            ref=Ref(EntityType.ACCOUNT, "us", ("LINKED_USER", native_id)),
            origin=Origin("us", native_id, fetched_at=NOW),
            kind=AccountKind.LINKED_USER,
            name=name,
        )
        for native_id, name in names.items()
    ]


@pytest.mark.parametrize("body", [b"[{}]", b'[{"id": "x"}]', b'{"users": []}'])
def test_users_without_a_number_break_the_contract(body: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(body, type=tuple[wire.LinkedUser, ...], strict=False)


def test_a_ticket_is_its_number_and_nothing_is_missing_as_nothing_can_be_read() -> None:
    assert mapping.named_ticket(TICKET) == Ticket(
        ref=TICKET,
        origin=Origin("us", "50817", kind=OriginKind.REFERENCE),
        number="50817",
        subject=None,
        missing=frozenset(),
    )


def test_a_sent_message_says_what_was_sent_and_no_more() -> None:
    reply = Reply(conversation=TICKET, body="The card still shows as suspended.")
    assert mapping.message_record(reply, "771204", "2025-02-03T08:15:00Z", FETCHED) == Message(
        ref=Ref(EntityType.MESSAGE, "us", ("50817", "771204")),
        origin=Origin("us", "771204", fetched_at=NOW),
        conversation=TICKET,
        author=MessageAuthor(AuthorRole.UNKNOWN),
        kind=Coded(MessageType.MESSAGE, None),
        body=Body("The card still shows as suspended.", TextFormat.PLAIN),
        created_at=datetime(2025, 2, 3, 8, 15, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("created", "moment"),
    [
        ("2025-02-03T08:15:00.250Z", datetime(2025, 2, 3, 8, 15, 0, 250000, tzinfo=UTC)),
        ("2025-02-03T08:15:00", datetime(2025, 2, 3, 8, 15, tzinfo=UTC)),
        ("2025-02-03T09:15:00+01:00", datetime(2025, 2, 3, 8, 15, tzinfo=UTC)),
        ("0001-01-01T00:00:00+01:00", None),
        ("yesterday", None),
        ("", None),
        (None, None),
        (1738570500, None),
    ],
)
def test_an_odd_date_is_none(created: object, moment: datetime | None) -> None:
    reply = Reply(conversation=TICKET, body="Hello")
    assert mapping.message_record(reply, "1", created, FETCHED).created_at == moment
