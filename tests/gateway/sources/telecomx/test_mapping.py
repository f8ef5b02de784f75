"""Telecomx's JSON as its pages print it, and what the graph makes of it."""

from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest

from gateway.domain.ids import EntityType, Ref
from gateway.domain.records import (
    Account,
    AccountKind,
    AccountState,
    AuthorRole,
    Body,
    Channel,
    Coded,
    ConversationState,
    Fetched,
    Message,
    MessageAuthor,
    MessageType,
    NotificationSubscription,
    Origin,
    OriginKind,
    Subscribers,
    TextFormat,
    Ticket,
)
from gateway.sources.status import StatusTable
from gateway.sources.telecomx import mapping, wire

NOW = datetime(2026, 1, 22, 9, 0, tzinfo=UTC)
FETCHED = Fetched(NOW)
HELP_CENTER = mapping.HelpCenter("65a0f1c2d3e4b5a697880031", "Kundeservice", "hjaelp@example.org")
CASE_REF = Ref(
    EntityType.TICKET, "tx", ("65a0f1c2d3e4b5a697880031", "AAQkAGEx+Zz0=", "65a0f1c2d3e4b5a697880030")
)
CASE = b"""{
    "_id": "65a0f1c2d3e4b5a697880030", "caseNumber": 4711, "conversationId": "AAQkAGEx+Zz0=",
    "latestMessageId": "AAMkAGEx", "subject": "Router restarts", "state": "UNHANDLED",
    "createdAt": "2026-01-20T07:00:00.000Z", "customer": "53a0f1c2d3e4b5a697880010",
    "company": "Example ApS", "customerName": "Bo Holm", "emailAddress": "bo@example.org",
    "phoneNumber": "+4511111111", "helpCenterId": "65a0f1c2d3e4b5a697880031", "actionNeeded": true,
    "messages": [
        {"content": "It restarts every night.", "sentBy": "Bo@example.org"},
        {"content": "<p>We look into it.</p>", "sentBy": "hjaelp@example.org"},
        {"content": "Any news?", "sentBy": "eva@example.org"},
        {"content": "Called them.", "sentBy": "Eva Lund"},
        {}
    ]
}"""
BARE_CASE = b'{"_id": "65a0f1c2d3e4b5a697880030", "conversationId": "AAQkAGEx+Zz0="}'


def statuses(**configured: ConversationState) -> StatusTable:
    return StatusTable(mapping.STATES, configured)


@pytest.mark.parametrize(
    ("sent", "moment"),
    [
        (datetime.fromisoformat("2026-01-20T07:00:00"), datetime(2026, 1, 20, 7, 0, tzinfo=UTC)),
        (
            datetime(2026, 1, 20, 7, 0, tzinfo=timezone(timedelta(hours=1))),
            datetime(2026, 1, 20, 6, 0, tzinfo=UTC),
        ),
        (datetime.min.replace(tzinfo=timezone(timedelta(hours=1))), None),
    ],
)
def test_a_time_is_utc_or_none_where_utc_has_no_such_time(sent: datetime, moment: datetime | None) -> None:
    case = wire.Case(id=CASE_REF.parts[2], conversation_id=CASE_REF.parts[1], created_at=sent)

    assert mapping.case_record("tx", HELP_CENTER, case, statuses(), FETCHED).created_at == moment


def test_a_case_becomes_a_ticket_of_its_help_centre() -> None:
    ticket = mapping.case_record(
        "tx", HELP_CENTER, msgspec.json.decode(CASE, type=wire.CaseWithMails), statuses(), FETCHED
    )

    assert ticket == Ticket(
        ref=CASE_REF,
        origin=Origin("tx", "65a0f1c2d3e4b5a697880030", fetched_at=NOW),
        subject="Router restarts",
        status=Coded(ConversationState.NEW, "UNHANDLED"),
        created_at=datetime(2026, 1, 20, 7, 0, tzinfo=UTC),
        requester=Ref(EntityType.ACCOUNT, "tx", ("CUSTOMER", "53a0f1c2d3e4b5a697880010")),
        number="4711",
        queue="Kundeservice",
    )


@pytest.mark.parametrize("empty", ["", ', "customer": null, "state": null, "caseNumber": null'])
def test_a_case_without_its_optional_properties_has_nulls(empty: str) -> None:
    sent = msgspec.json.decode(BARE_CASE[:-1] + empty.encode() + b"}", type=wire.CaseWithMails)

    assert mapping.case_record("tx", HELP_CENTER, sent, statuses(), FETCHED) == Ticket(
        ref=CASE_REF, origin=Origin("tx", "65a0f1c2d3e4b5a697880030", fetched_at=NOW), queue="Kundeservice"
    )
    assert mapping.message_records(CASE_REF, HELP_CENTER, sent, FETCHED) == ()


@pytest.mark.parametrize(
    ("native", "state"),
    [
        ("UNHANDLED", ConversationState.NEW),
        ("HANDLING", ConversationState.OPEN),
        ("CLOSED", ConversationState.CLOSED),
        ("PARKED", ConversationState.UNKNOWN),
    ],
)
def test_states_keep_their_own_word_beside_the_graphs(native: str, state: ConversationState) -> None:
    sent = wire.Case(id="65a0f1c2d3e4b5a697880030", conversation_id="AAQ=", state=native)

    assert mapping.case_record("tx", HELP_CENTER, sent, statuses(), FETCHED).status == Coded(state, native)


def test_native_states_keep_the_apis_spelling_whatever_the_configurations() -> None:
    table = statuses(unhandled=ConversationState.OPEN)

    assert mapping.natives_of(ConversationState.OPEN, table) == ("UNHANDLED", "HANDLING")
    assert mapping.natives_of(ConversationState.NEW, table) == ()


def test_mails_are_messages_by_their_place_in_the_case() -> None:
    sent = msgspec.json.decode(CASE, type=wire.CaseWithMails)

    def message(index: int, author: MessageAuthor | None, text: str | None) -> Message:
        return Message(
            ref=Ref(EntityType.MESSAGE, "tx", (*CASE_REF.parts, str(index))),
            origin=Origin("tx", f"65a0f1c2d3e4b5a697880030/{index}", fetched_at=NOW),
            conversation=CASE_REF,
            author=author,
            kind=Coded(MessageType.MESSAGE, None),
            body=None if text is None else Body(text, TextFormat.UNKNOWN),
        )

    assert mapping.message_records(CASE_REF, HELP_CENTER, sent, FETCHED) == (
        message(0, MessageAuthor(AuthorRole.CUSTOMER, email="Bo@example.org"), "It restarts every night."),
        message(1, MessageAuthor(AuthorRole.AGENT, email="hjaelp@example.org"), "<p>We look into it.</p>"),
        message(2, MessageAuthor(AuthorRole.UNKNOWN, email="eva@example.org"), "Any news?"),
        message(3, MessageAuthor(AuthorRole.UNKNOWN, name="Eva Lund"), "Called them."),
        message(4, None, None),
    )


def test_a_case_known_by_reference_alone_says_what_was_not_read() -> None:
    assert mapping.named_case(CASE_REF, "Kundeservice") == Ticket(
        ref=CASE_REF,
        origin=Origin("tx", "65a0f1c2d3e4b5a697880030", kind=OriginKind.REFERENCE),
        queue="Kundeservice",
        missing=frozenset({"subject", "status", "created_at", "requester", "number"}),
    )


def test_a_customer_belongs_to_its_reseller() -> None:
    sent = msgspec.json.decode(
        b"""{"_id": "53a0f1c2d3e4b5a697880010", "name": "Example ApS", "phoneNumber": "+4522222222",
             "state": "BLOCKED", "parentReseller": "53a0f1c2d3e4b5a697880002",
             "emailAddress": "info@example.org", "notes": "pays late",
             "finance": {"vatNumber": "DK00000000"}, "integrations": [{"grantToken": "secret"}]}""",
        type=wire.Customer,
    )

    assert mapping.customer_record("tx", AccountKind.CUSTOMER, sent, FETCHED) == Account(
        ref=Ref(EntityType.ACCOUNT, "tx", ("CUSTOMER", "53a0f1c2d3e4b5a697880010")),
        origin=Origin("tx", "53a0f1c2d3e4b5a697880010", fetched_at=NOW),
        kind=AccountKind.CUSTOMER,
        name="Example ApS",
        email="info@example.org",
        phone="+4522222222",
        status=Coded(AccountState.BLOCKED, "BLOCKED"),
        organization=Ref(EntityType.ACCOUNT, "tx", ("RESELLER", "53a0f1c2d3e4b5a697880002")),
    )


def test_a_top_level_reseller_belongs_to_nobody_and_keeps_its_capitals() -> None:
    sent = msgspec.json.decode(b'{"_id": "123456780ABCDEF12345678", "state": "MERGED"}', type=wire.Customer)

    assert mapping.customer_record("tx", AccountKind.RESELLER, sent, FETCHED) == Account(
        ref=Ref(EntityType.ACCOUNT, "tx", ("RESELLER", "123456780ABCDEF12345678")),
        origin=Origin("tx", "123456780ABCDEF12345678", fetched_at=NOW),
        kind=AccountKind.RESELLER,
        status=Coded(AccountState.UNKNOWN, "MERGED"),
    )


def test_an_employee_belongs_to_its_customer() -> None:
    sent = msgspec.json.decode(
        b"""{"_id": "53a0f1c2d3e4b5a697880020", "customer": "53a0f1c2d3e4b5a697880010",
             "accessLevel": "VIEWER", "state": "DISABLED", "name": "Bo Holm",
             "emailAddress": "bo@example.org", "smsNumber": "+4533333333", "language": "da"}""",
        type=wire.Employee,
    )

    assert mapping.employee_record("tx", sent, FETCHED) == Account(
        ref=Ref(EntityType.ACCOUNT, "tx", ("EMPLOYEE", "53a0f1c2d3e4b5a697880020")),
        origin=Origin("tx", "53a0f1c2d3e4b5a697880020", fetched_at=NOW),
        kind=AccountKind.EMPLOYEE,
        name="Bo Holm",
        email="bo@example.org",
        status=Coded(AccountState.INACTIVE, "DISABLED"),
        organization=Ref(EntityType.ACCOUNT, "tx", ("CUSTOMER", "53a0f1c2d3e4b5a697880010")),
    )


def test_a_plain_log_in_name_is_not_taken_for_an_address() -> None:
    sent = wire.Employee(id="53a0f1c2d3e4b5a697880020", email_address="boholm", no_email=True)

    assert mapping.employee_record("tx", sent, FETCHED).email is None


def test_the_original_documents_answer_is_a_global_topic() -> None:
    sent = msgspec.json.decode(
        b"""{"_id": "123456780ABCDEF12345678", "reseller": null, "title": "Planned service windows",
             "description": "Subscribe to this to get notified.", "email": true, "sms": false}""",
        type=wire.Topic,
    )

    assert mapping.topic_record("tx", sent, FETCHED) == NotificationSubscription(
        ref=Ref(EntityType.NOTIFICATION_SUBSCRIPTION, "tx", ("123456780ABCDEF12345678",)),
        origin=Origin("tx", "123456780ABCDEF12345678", fetched_at=NOW),
        title="Planned service windows",
        description="Subscribe to this to get notified.",
        channels=(Channel.EMAIL,),
        is_global=True,
    )


def test_a_resellers_topic_without_empty_properties() -> None:
    sent = msgspec.json.decode(
        b"""{"_id": "53a0f1c2d3e4b5a697880001", "reseller": "1234567890ABCDEF12345678", "title": "News",
             "email": true, "sms": true}""",
        type=wire.Topic,
    )

    assert mapping.topic_record("tx", sent, FETCHED) == NotificationSubscription(
        ref=Ref(EntityType.NOTIFICATION_SUBSCRIPTION, "tx", ("53a0f1c2d3e4b5a697880001",)),
        origin=Origin("tx", "53a0f1c2d3e4b5a697880001", fetched_at=NOW),
        title="News",
        account=Ref(EntityType.ACCOUNT, "tx", ("RESELLER", "1234567890ABCDEF12345678")),
        channels=(Channel.EMAIL, Channel.SMS),
    )


def test_an_unused_channel_has_no_subscribers() -> None:
    sent = msgspec.json.decode(b'{"email": ["bo@example.org"]}', type=wire.Subscribers)

    assert mapping.subscribers_record(sent) == Subscribers(emails=("bo@example.org",))


@pytest.mark.parametrize(
    ("channels", "properties"),
    [
        ((Channel.EMAIL,), {"email": True, "sms": False}),
        ((Channel.SMS,), {"email": False, "sms": True}),
        ((Channel.SMS, Channel.EMAIL), {"email": True, "sms": True}),
    ],
)
def test_both_channels_are_always_sent(channels: tuple[Channel, ...], properties: dict[str, bool]) -> None:
    assert mapping.channel_properties(channels) == properties
