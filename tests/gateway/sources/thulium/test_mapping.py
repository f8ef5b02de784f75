"""Thulium's JSON -> records. The fixtures have the documented shapes with invented content."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import msgspec
import pytest

from gateway.domain.ids import EntityType, Ref
from gateway.domain.records import (
    Account,
    AccountKind,
    AccountState,
    Attachment,
    AuthorRole,
    Body,
    Coded,
    ConversationState,
    Fetched,
    Message,
    MessageAuthor,
    MessageType,
    Origin,
    OriginKind,
    TextFormat,
    Ticket,
    Visibility,
)
from gateway.sources.status import StatusTable
from gateway.sources.thulium import mapping, messages, times, wire
from gateway.sources.thulium.matching import find_replies, is_same_text

FIXTURES = Path(__file__).parents[3] / "fixtures" / "thulium"
NOW = datetime(2025, 3, 3, 8, tzinfo=UTC)
FETCHED = Fetched(NOW)
WARSAW = ZoneInfo("Europe/Warsaw")
STATUSES = StatusTable(mapping.STATUSES, {})
TICKET = Ref(EntityType.TICKET, "pl", ("88120",))
OLA = Ref(EntityType.ACCOUNT, "pl", ("CUSTOMER", "40177"))
MARTA = Ref(EntityType.ACCOUNT, "pl", ("AGENT", "m.lis"))

T = TypeVar("T")


def fixture(name: str, into: type[T]) -> T:
    return msgspec.json.decode((FIXTURES / f"{name}.json").read_bytes(), type=into, strict=False)


def sent(into: type[T], **fields: object) -> T:
    return msgspec.json.decode(msgspec.json.encode(fields), type=into, strict=False)


def ticket(sent: wire.Row, statuses: StatusTable = STATUSES) -> Ticket:
    return mapping.ticket_record("pl", sent, statuses, WARSAW, FETCHED)


def message_ids(*natives: dict[str, Any]) -> list[tuple[str, str]]:
    """What becomes of native messages: the message's own id and its kind."""
    read = sent(wire.Ticket, ticket_id=1, messages=natives)
    return [
        (record.ref.parts[1], record.kind.value.value)
        for record in messages.message_records("pl", read, WARSAW, FETCHED)
        if record.kind is not None
    ]


class TestTickets:
    def test_a_ticket_is_read_whole(self) -> None:
        assert ticket(fixture("ticket", wire.Ticket)) == Ticket(
            ref=TICKET,
            origin=Origin("pl", "88120", fetched_at=NOW),
            number="88120",
            subject="Brak faktury",
            status=Coded(ConversationState.OPEN, "W realizacji - u dostawcy"),
            created_at=datetime(2025, 3, 2, 8, 14, tzinfo=UTC),
            updated_at=datetime(2025, 3, 2, 9, 2, tzinfo=UTC),
            last_activity_at=datetime(2025, 3, 2, 9, 2, tzinfo=UTC),
            closed_at=None,
            requester=OLA,
            assignee=MARTA,
            queue="pomoc@sklep.example",
            category="9",
            missing=frozenset(),
        )

    def test_numbers_may_come_as_strings_and_ids_as_numbers(self) -> None:
        read = ticket(sent(wire.Row, ticket_id="88120", customer_id="40177", category_id=9, subject=71))
        assert (read.ref, read.requester, read.category, read.subject) == (TICKET, OLA, "9", "71")

    @pytest.mark.parametrize("none", ["", None])
    def test_empty_and_null_are_known_to_be_none(self, none: str | None) -> None:
        names = wire.Row.__struct_encode_fields__[1:]
        read = ticket(sent(wire.Row, ticket_id=88120, **dict.fromkeys(names, none)))
        assert read == Ticket(ref=TICKET, origin=Origin("pl", "88120", fetched_at=NOW), number="88120")

    def test_a_row_says_what_it_lacks(self) -> None:
        read = ticket(sent(wire.Row, ticket_id=88120, subject="Brak faktury", updated_at="2025-03-02 10:02"))
        assert read == Ticket(
            ref=TICKET,
            origin=Origin("pl", "88120", fetched_at=NOW),
            number="88120",
            subject="Brak faktury",
            updated_at=datetime(2025, 3, 2, 9, 2, tzinfo=UTC),
            last_activity_at=datetime(2025, 3, 2, 9, 2, tzinfo=UTC),
            missing=frozenset(
                {"status", "created_at", "closed_at", "requester", "assignee", "queue", "category"}
            ),
        )

    def test_a_row_with_nothing_but_its_id_lacks_what_a_named_ticket_lacks(self) -> None:
        named = mapping.named_ticket(TICKET)
        assert named == Ticket(
            ref=TICKET,
            origin=Origin("pl", "88120", kind=OriginKind.REFERENCE),
            number="88120",
            missing=mapping.UNREAD_TICKET,
        )
        assert ticket(sent(wire.Row, ticket_id=88120)).missing == named.missing

    @pytest.mark.parametrize("bad", ["", "0", 0, -1, "x", None])
    def test_a_row_without_a_number_is_refused(self, bad: object) -> None:
        with pytest.raises(msgspec.ValidationError):
            sent(wire.Row, ticket_id=bad)
        with pytest.raises(msgspec.ValidationError):
            sent(wire.Row, subject="no number at all")

    def test_a_ticket_without_messages_breaks_the_contract(self) -> None:
        with pytest.raises(msgspec.ValidationError, match="messages"):
            sent(wire.Ticket, ticket_id=1)

    @pytest.mark.parametrize("login", ["..", "a/b", "a b", "x" * 129])
    def test_a_login_that_no_path_could_hold_is_no_reference(self, login: str) -> None:
        assert ticket(sent(wire.Row, ticket_id=1, user_login=login)).assignee is None

    @pytest.mark.parametrize("login", ["m.lis", "jan@sklep.example", "żaneta_k-2", ".kropka"])
    def test_logins_hold_letters_dots_and_signs(self, login: str) -> None:
        assert ticket(sent(wire.Row, ticket_id=1, user_login=login)).assignee == replace(
            MARTA, parts=("AGENT", login)
        )


class TestStatuses:
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("Nowe", ConversationState.NEW),
            ("Oczekuje na klienta", ConversationState.PENDING),
            ("Odłożone", ConversationState.ON_HOLD),
            ("Połączone", ConversationState.CLOSED),
            ("W realizacji", ConversationState.OPEN),
            ("Zamknięte", ConversationState.CLOSED),
            ("Zamknięte - bez odpowiedzi", ConversationState.CLOSED),
            ("Reklamacja", ConversationState.UNKNOWN),
        ],
    )
    def test_the_products_own_statuses_are_known_by_name(self, name: str, value: ConversationState) -> None:
        read = ticket(sent(wire.Row, ticket_id=1, status_id="3", full_status_name=name))
        assert read.status == Coded(value, name)

    @pytest.mark.parametrize(
        ("configured", "value"),
        [
            ({"17": ConversationState.SOLVED}, ConversationState.SOLVED),
            ({"17": ConversationState.SOLVED, "Nowe": ConversationState.OPEN}, ConversationState.SOLVED),
            ({"Nowe - pilne": ConversationState.PENDING}, ConversationState.PENDING),
            ({"Nowe": ConversationState.OPEN}, ConversationState.OPEN),
            ({"18": ConversationState.SOLVED}, ConversationState.NEW),
        ],
    )
    def test_a_configured_id_goes_before_the_name(
        self, configured: dict[str, ConversationState], value: ConversationState
    ) -> None:
        row = sent(wire.Row, ticket_id=1, status_id=17, full_status_name="Nowe - pilne")
        assert ticket(row, StatusTable(mapping.STATUSES, configured)).status == Coded(value, "Nowe - pilne")

    def test_without_a_name_the_id_is_the_sources_word_and_the_name_is_missing(self) -> None:
        row = sent(wire.Row, ticket_id=1, status_id="17")
        read = ticket(row, StatusTable({}, {"17": ConversationState.OPEN}))
        assert read.status == Coded(ConversationState.OPEN, "17")
        assert "status" in read.missing


class TestTimes:
    @pytest.mark.parametrize(
        ("local", "moment"),
        [
            ("2025-01-20 08:00", datetime(2025, 1, 20, 7, tzinfo=UTC)),
            ("2025-07-20 08:00", datetime(2025, 7, 20, 6, tzinfo=UTC)),
            ("2025-07-20 08:00:59", datetime(2025, 7, 20, 6, 0, 59, tzinfo=UTC)),
            ("2025-07-20", datetime(2025, 7, 19, 22, tzinfo=UTC)),
            # The hour that autumn repeats: the first one, still summer time.
            ("2025-10-26 02:30", datetime(2025, 10, 26, 0, 30, tzinfo=UTC)),
            # The hour that spring skips: the clock put forward, 03:30.
            ("2025-03-30 02:30", datetime(2025, 3, 30, 1, 30, tzinfo=UTC)),
            ("0000-00-00 00:00", None),
            # Before the first moment that UTC has.
            ("0001-01-01 00:00", None),
            ("soon", None),
            (None, None),
        ],
    )
    def test_local_minutes_become_utc(self, local: str | None, moment: datetime | None) -> None:
        assert times.parse(local, WARSAW) == moment

    def test_a_moment_is_sent_in_local_minutes(self) -> None:
        assert times.minutes(datetime(2025, 7, 20, 6, 0, 59, tzinfo=UTC), WARSAW) == "2025-07-20 08:00"

    @pytest.mark.parametrize(
        ("moment", "local"),
        [
            (datetime(2025, 7, 20, 6, 0, 59, tzinfo=UTC), "2025-07-20 08:00"),
            (datetime(2025, 10, 26, 0, 30, tzinfo=UTC), "2025-10-26 01:30"),
            (datetime(2025, 10, 26, 1, 30, tzinfo=UTC), "2025-10-26 01:30"),
            (datetime(2025, 10, 26, 2, 0, tzinfo=UTC), "2025-10-26 03:00"),
        ],
    )
    def test_a_window_starts_early_enough_in_the_repeated_hour(self, moment: datetime, local: str) -> None:
        assert times.since(moment, WARSAW) == local
        start = times.parse(local, WARSAW)
        assert start is not None
        assert start <= moment

    @pytest.mark.parametrize(
        ("local", "moment", "is_before"),
        [
            ("2025-07-20 07:59", datetime(2025, 7, 20, 6, 0, 59, tzinfo=UTC), True),
            ("2025-07-20 07:59:59", datetime(2025, 7, 20, 6, 0, 59, tzinfo=UTC), True),
            ("2025-07-20 08:00", datetime(2025, 7, 20, 6, 0, 59, tzinfo=UTC), False),
            ("2025-07-20 08:01", datetime(2025, 7, 20, 6, 0, 59, tzinfo=UTC), False),
            # 02:10 in the repeated hour may be earlier or later than 02:30, whichever of the two that is.
            ("2025-10-26 02:10", datetime(2025, 10, 26, 0, 30, tzinfo=UTC), False),
            ("2025-10-26 02:10", datetime(2025, 10, 26, 1, 30, tzinfo=UTC), False),
            ("2025-10-26 02:59", datetime(2025, 10, 26, 2, 0, tzinfo=UTC), True),
            ("soon", datetime(2025, 7, 20, 6, tzinfo=UTC), False),
            (None, datetime(2025, 7, 20, 6, tzinfo=UTC), False),
        ],
    )
    def test_a_minute_is_before_a_moment_only_if_it_is_so_for_certain(
        self, local: str | None, moment: datetime, is_before: bool
    ) -> None:
        assert times.is_before(local, moment, WARSAW) is is_before


class TestMessages:
    def test_all_messages_are_read_oldest_first(self) -> None:
        def origin(native_id: str) -> Origin:
            return Origin("pl", native_id, fetched_at=NOW)

        def ref(message_id: str) -> Ref:
            return Ref(EntityType.MESSAGE, "pl", ("88120", message_id))

        ten = datetime(2025, 3, 2, 9, 2, tzinfo=UTC)
        assert messages.message_records("pl", fixture("ticket", wire.Ticket), WARSAW, FETCHED) == (
            Message(
                ref=ref("9011"),
                origin=origin("9011"),
                conversation=TICKET,
                author=MessageAuthor(AuthorRole.CUSTOMER, email="ola@klient.example", account=OLA),
                kind=Coded(MessageType.MESSAGE, "MAIL"),
                body=Body("<p>Proszę o fakturę</p>", TextFormat.UNKNOWN),
                visibility=Visibility.PUBLIC,
                attachments=(),
                created_at=datetime(2025, 3, 2, 8, 14, tzinfo=UTC),
            ),
            Message(
                ref=ref("9012"),
                origin=origin("9012"),
                conversation=TICKET,
                author=MessageAuthor(AuthorRole.AGENT, account=MARTA),
                kind=Coded(MessageType.REPLY, "REPLY"),
                body=Body("Wysyłam w załączniku.", TextFormat.UNKNOWN),
                visibility=Visibility.PUBLIC,
                attachments=(Attachment(), Attachment()),
                created_at=ten,
            ),
            Message(
                ref=ref("9012-system"),
                origin=origin("9012"),
                conversation=TICKET,
                author=MessageAuthor(AuthorRole.SYSTEM),
                kind=Coded(MessageType.SYSTEM, "system_comment"),
                body=Body("Changed status from [Nowe] to [W realizacji]", TextFormat.UNKNOWN),
                visibility=Visibility.INTERNAL,
                attachments=(),
                created_at=ten,
            ),
            Message(
                ref=ref("9013-comment"),
                origin=origin("9013"),
                conversation=TICKET,
                author=MessageAuthor(AuthorRole.AGENT, account=MARTA),
                kind=Coded(MessageType.NOTE, "comment"),
                body=Body("Klient dzwonił.", TextFormat.UNKNOWN),
                visibility=Visibility.INTERNAL,
                attachments=(Attachment(),),
                created_at=ten,
            ),
        )

    @pytest.mark.parametrize("kind", ["MAIL", "REPLY", "COMMENT", "CHAT"])
    def test_an_id_stays_valid_whatever_texts_come_to_it(self, kind: str) -> None:
        texts = {"body": "a", "comment": "b", "system_comment": "c"}
        whole = message_ids({"message_id": 5, "type": kind, **texts})
        assert [message_id for message_id, _ in whole] == ["5", "5-comment", "5-system"]
        for name, alone in zip(texts, whole, strict=True):
            assert message_ids({"message_id": 5, "type": kind, name: "text"}) == [alone]

    @pytest.mark.parametrize(
        ("kind", "value", "visibility", "role"),
        [
            ("MAIL", MessageType.MESSAGE, Visibility.PUBLIC, AuthorRole.CUSTOMER),
            ("REPLY", MessageType.REPLY, Visibility.PUBLIC, AuthorRole.AGENT),
            ("COMMENT", MessageType.NOTE, Visibility.INTERNAL, AuthorRole.AGENT),
            ("CHAT", MessageType.UNKNOWN, None, AuthorRole.UNKNOWN),
            ("", MessageType.UNKNOWN, None, AuthorRole.UNKNOWN),
        ],
    )
    def test_what_a_body_is_goes_by_the_type(
        self, kind: str, value: MessageType, visibility: Visibility | None, role: AuthorRole
    ) -> None:
        read = sent(wire.Ticket, ticket_id=1, messages=[{"message_id": 5, "type": kind, "body": "a"}])
        (record,) = messages.message_records("pl", read, WARSAW, FETCHED)
        assert (record.kind, record.visibility) == (Coded(value, kind or None), visibility)
        assert record.author is not None
        assert record.author.role is role

    def test_a_message_without_any_text_is_still_there(self) -> None:
        assert message_ids({"message_id": 5, "type": "MAIL"}) == [("5", "MESSAGE")]

    def test_files_without_a_text_of_their_own_are_a_message(self) -> None:
        texts = {"message_id": 5, "type": "REPLY", "body": "", "system_comment": "c", "attachments": ["x"]}
        assert message_ids(texts) == [("5", "REPLY"), ("5-system", "SYSTEM")]

    @pytest.mark.parametrize("none", ["", None])
    def test_no_files_may_be_said_as_empty_or_null(self, none: object) -> None:
        assert message_ids({"message_id": 5, "type": "MAIL", "attachments": none}) == [("5", "MESSAGE")]

    def test_minutes_tie_and_then_the_number_decides(self) -> None:
        minute = {"type": "MAIL", "body": "a", "created_at": "2025-03-02 10:02"}
        later = {"message_id": 2, "type": "MAIL", "body": "a", "created_at": "2025-03-02 10:03"}
        undated = {"message_id": 12, "type": "MAIL", "body": "a"}
        found = message_ids({"message_id": 10, **minute}, later, {"message_id": 9, **minute}, undated)
        assert [message_id for message_id, _ in found] == ["12", "9", "10", "2"]

    @pytest.mark.parametrize(
        ("message_id", "fits"),
        [("9012", True), ("9012-comment", True), ("9012-system", True), ("09", False), ("9-body", False)],
    )
    def test_message_ids_have_one_form(self, message_id: str, fits: bool) -> None:
        assert bool(re.fullmatch(messages.MESSAGE_ID, message_id)) is fits


class TestAccounts:
    def test_a_customer_is_read_whole(self) -> None:
        assert mapping.customer_record("pl", fixture("customer", wire.Customer), FETCHED) == Account(
            ref=OLA,
            origin=Origin("pl", "40177", fetched_at=NOW),
            kind=AccountKind.CUSTOMER,
            name="Ola Bąk",
            email="ola@klient.example",
            phone="600100200",
            organization=Ref(EntityType.ACCOUNT, "pl", ("COMPANY", "61")),
        )

    def test_a_customer_with_a_second_phone_only(self) -> None:
        row = sent(wire.Customer, customer_id=40177, phone_number="", phone_numbers=["", "600100201"])
        assert mapping.customer_record("pl", row, FETCHED) == Account(
            ref=OLA,
            origin=Origin("pl", "40177", fetched_at=NOW),
            kind=AccountKind.CUSTOMER,
            phone="600100201",
            missing=frozenset({"name", "email", "organization"}),
        )

    def test_the_first_phone_is_the_one_that_counts(self) -> None:
        row = sent(wire.Customer, customer_id=1, phone_number=600100200, phone_numbers=["600100201"])
        assert mapping.customer_record("pl", row, FETCHED).phone == "600100200"

    def test_a_company_goes_by_its_own_id_and_not_by_its_customers(self) -> None:
        assert mapping.company_record("pl", fixture("company", wire.Company), FETCHED) == Account(
            ref=Ref(EntityType.ACCOUNT, "pl", ("COMPANY", "61")),
            origin=Origin("pl", "61", fetched_at=NOW),
            kind=AccountKind.COMPANY,
            name="Sklep Sp. z o.o.",
        )

    def test_an_agent_goes_by_login(self) -> None:
        assert mapping.agent_record("pl", fixture("agent", wire.Agent), FETCHED) == Account(
            ref=MARTA,
            origin=Origin("pl", "m.lis", fetched_at=NOW),
            kind=AccountKind.AGENT,
            name="Marta Lis",
            email="m.lis@sklep.example",
            status=Coded(AccountState.ACTIVE, "true"),
        )

    @pytest.mark.parametrize(
        ("active", "status"),
        [
            (False, Coded(AccountState.INACTIVE, "false")),
            ("0", Coded(AccountState.INACTIVE, "0")),
            (1, Coded(AccountState.ACTIVE, "1")),
            ("zawieszony", Coded(AccountState.UNKNOWN, "zawieszony")),
            ("", None),
        ],
    )
    def test_an_agents_status_may_come_in_any_form(
        self, active: object, status: Coded[AccountState] | None
    ) -> None:
        row = sent(wire.Agent, login="m.lis", active=active)
        assert mapping.agent_record("pl", row, FETCHED).status == status


class TestMatching:
    @pytest.mark.parametrize(
        ("written", "written_as", "shown"),
        [
            ("Dzień dobry,\nwysyłam.", TextFormat.PLAIN, "Dzień dobry,\nwysyłam."),
            ("Dzień dobry,\nwysyłam.", TextFormat.PLAIN, "Dzień dobry,<br />\r\nwysyłam."),
            ("a < b & c > d", TextFormat.PLAIN, "a < b & c > d"),
            ("a < b & c > d", TextFormat.PLAIN, "a &lt; b &amp; c &gt; d"),
            ("<p>Wysyłam</p>", TextFormat.HTML, "<div><p>Wysy&#322;am</p></div>"),
            ("Ż", TextFormat.PLAIN, "Z\N{COMBINING DOT ABOVE}"),
        ],
    )
    def test_a_text_is_known_again(self, written: str, written_as: TextFormat, shown: str) -> None:
        assert is_same_text(written, written_as, shown)

    @pytest.mark.parametrize("shown", ["", "Wysyłam", "Wysyłam. Pozdrawiam, Marta"])
    def test_another_text_is_not(self, shown: str) -> None:
        assert not is_same_text("Wysyłam.", TextFormat.PLAIN, shown)

    @pytest.mark.parametrize(
        ("written", "shown", "same"),
        [
            ('<img src="a.png">', '<img  src="a.png">', True),
            ('<img src="a.png">', '<img src="b.png">', False),
            ('<img src="a.png">', "", False),
        ],
    )
    def test_markup_without_words_is_compared_as_it_is(self, written: str, shown: str, same: bool) -> None:
        assert is_same_text(written, TextFormat.HTML, shown) is same

    @pytest.mark.parametrize(
        ("changed", "found", "doubtful"),
        [
            ({}, True, False),
            ({"message_id": 1}, False, False),
            ({"type": "COMMENT"}, False, False),
            ({"user_login": "j.kos"}, False, False),
            ({"user_login": "M.Lis"}, False, True),
            ({"body": "Inny tekst"}, False, False),
            ({"body": "Wysyłam. <br>Pozdrawiam, Marta"}, False, True),
            ({"body": "Wysyłam. Pozdrawiam", "user_login": "j.kos"}, False, False),
        ],
    )
    def test_a_reply_is_new_by_the_agent_and_of_the_text(
        self, changed: dict[str, Any], found: bool, doubtful: bool
    ) -> None:
        reply = {"message_id": 2, "type": "REPLY", "user_login": "m.lis", "body": "Wysyłam"} | changed
        read = sent(wire.Message, **reply)
        got = find_replies([read], known={1}, login="m.lis", body="Wysyłam", body_format=TextFormat.PLAIN)
        assert got == ([read] if found else [], [read] if doubtful else [])

    def test_markup_without_words_stands_in_every_text(self) -> None:
        read = sent(wire.Message, message_id=2, type="REPLY", user_login="m.lis", body="Wysyłam")
        got = find_replies([read], known=(), login="m.lis", body="<br>", body_format=TextFormat.HTML)
        assert got == ([], [read])

    def test_all_that_match_are_found(self) -> None:
        reply = {"type": "REPLY", "user_login": "m.lis", "body": "<p>Wysyłam</p>"}
        both = [sent(wire.Message, message_id=2, **reply), sent(wire.Message, message_id=3, **reply)]
        got = find_replies(
            both, known=(), login="m.lis", body="<div>Wysyłam</div>", body_format=TextFormat.HTML
        )
        assert got == (both, [])
