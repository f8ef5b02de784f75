"""From the hub's JSON to the graph's records."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any

import pytest

from gateway.domain.errors import SourceProtocolError
from gateway.domain.ids import EntityType, Ref
from gateway.domain.records import (
    Account,
    AccountKind,
    AuthorRole,
    Body,
    Case,
    CaseContact,
    CaseProduct,
    Coded,
    ConversationState,
    Message,
    MessageAuthor,
    MessageType,
    Origin,
    OriginKind,
    TextFormat,
    Visibility,
)
from gateway.sources.service_order_hub import mapping
from gateway.sources.service_order_hub.client import ServiceOrderHub

NOW = datetime(2026, 11, 22, 10, 30, 15, 250000, tzinfo=UTC)
GUID = "1e0abcb7-b94c-4072-a9c0-37072a1ef015"
CASE = Ref(EntityType.CASE, "se", (GUID,))
PARTNER = Ref(EntityType.ACCOUNT, "se", ("PARTNER", "12"))
PROVIDER = Ref(EntityType.ACCOUNT, "se", ("PROVIDER", "4"))

# The original document's answer to create.
MESSAGE: Mapping[str, Any] = {
    "id": 1,
    "caseId": 7748,
    "guid": GUID,
    "senderAccountId": 1009,
    "senderType": "partner",
    "content": "Test message",
    "type": "serviceComment",
    "externalId": "test-42",
    "confirmedAt": None,
    "createdAt": "2017-07-26T14:02:02.170Z",
    "updatedAt": "2017-07-26T14:02:02.170Z",
    "declaredAt": "2017-07-25T10:12:54.003Z",
}
WHOLE_CASE: Mapping[str, Any] = {
    "id": 50771,
    "guid": GUID,
    "country": "SE",
    "partnerId": 12,
    "serviceProviderId": 4,
    "currentStatus": "arrived",
    "createdAt": "2026-02-27T10:00:01.000Z",
    "productData": {
        "model": "AB-100",
        "serial": "S1",
        "problemText": "No picture",
        "purchaseDate": "2025-04-01",
        "accessory": [],
        "password": "geheim-1234",
    },
    "orderData": {"refNo": "R-881", "files": []},
    "customer": {"id": 8, "name": "Shop", "doorCode": "geheim-5678"},
    "consumer": {
        "id": 7,
        "name": None,
        "firstName": "Ada",
        "lastName": "Berg",
        "organizationName": "Berg AB",
        "email": "ada@example.org",
        "phone": "0800",
        "mobile": "0700",
        "doorCode": "geheim-5678",
    },
    "servicePartner": {"id": 12, "name": "Example Retail"},
    "serviceProvider": {"id": 4, "name": "Example Workshop"},
    "manufacturer": {"id": 31, "name": "Auralux"},
    "productType": {"id": 51, "name": "Television"},
    "tags": [{"id": 3, "name": "Lowcost"}, {"id": 4, "name": "onsite"}],
    "externalRequests": [{"body": "geheim-9012"}],
}

Build = Callable[..., ServiceOrderHub]


@pytest.fixture
def read_message(connect: Build, canned: Callable[..., Any]) -> Callable[..., Any]:
    """What becomes of a case's one message, sent as the document has it but for these fields."""

    async def read(**changed: object) -> object:
        (slot,) = await connect(canned(json.dumps([{**MESSAGE, **changed}]).encode())).read_messages([CASE])
        return slot[0] if isinstance(slot, tuple) else slot

    return read


@pytest.fixture
def read_case(connect: Build, canned: Callable[..., Any]) -> Callable[..., Any]:
    """What becomes of a case with these fields."""

    async def read(case: Mapping[str, Any], **settings: object) -> object:
        (slot,) = await connect(canned(json.dumps(case).encode()), **settings).read_cases([CASE])
        return slot

    return read


class TestMessages:
    async def test_the_documented_message(self, read_message: Callable[..., Any]) -> None:
        assert await read_message() == Message(
            ref=Ref(EntityType.MESSAGE, "se", (GUID, "1")),
            origin=Origin("se", "1", fetched_at=NOW),
            conversation=CASE,
            author=MessageAuthor(AuthorRole.PARTNER),
            kind=Coded(MessageType.MESSAGE, "serviceComment"),
            body=Body("Test message", TextFormat.UNKNOWN),
            visibility=Visibility.PUBLIC,
            external_id="test-42",
            created_at=datetime(2017, 7, 26, 14, 2, 2, 170000, tzinfo=UTC),
            updated_at=datetime(2017, 7, 26, 14, 2, 2, 170000, tzinfo=UTC),
            declared_at=datetime(2017, 7, 25, 10, 12, 54, 3000, tzinfo=UTC),
        )

    async def test_the_newer_fields(self, read_message: Callable[..., Any]) -> None:
        message = await read_message(
            isInternal=True,
            parentMessageId=4377,
            userName="Ada",
            userEmail="ada@example.org",
            senderType="provider",
            confirmedAt="2017-07-26T16:02:02.170+02:00",
        )
        assert (message.visibility, message.parent, message.author, message.confirmed_at) == (
            Visibility.INTERNAL,
            Ref(EntityType.MESSAGE, "se", (GUID, "4377")),
            MessageAuthor(AuthorRole.PROVIDER, "Ada", "ada@example.org"),
            datetime(2017, 7, 26, 14, 2, 2, 170000, tzinfo=UTC),
        )

    async def test_everything_that_may_be_null_or_absent(
        self, read_message: Callable[..., Any], connect: Build, canned: Callable[..., Any]
    ) -> None:
        nothing = Message(
            ref=Ref(EntityType.MESSAGE, "se", (GUID, "1")),
            origin=Origin("se", "1", fetched_at=NOW),
            conversation=CASE,
            author=MessageAuthor(AuthorRole.UNKNOWN),
            kind=Coded(MessageType.UNKNOWN, None),
            visibility=Visibility.PUBLIC,
        )
        nulls = dict.fromkeys((*MESSAGE, "isInternal", "parentMessageId", "userName", "userEmail"))
        assert await read_message(**{**nulls, "id": 1, "guid": GUID}) == nothing
        bare = canned(json.dumps([{"id": 1, "guid": GUID}]).encode())
        assert await connect(bare).read_messages([CASE]) == [(nothing,)]

    @pytest.mark.parametrize(
        ("word", "kind"),
        [
            ("serviceComment", MessageType.MESSAGE),
            ("customerCenterReply", MessageType.REPLY),
            ("costProposalRejectRur", MessageType.COST_PROPOSAL),
            ("costProposalRejectScrap", MessageType.COST_PROPOSAL),
            ("statusRequest", MessageType.STATUS_REQUEST),
            ("spareParts", MessageType.SPARE_PARTS),
            ("reminder", MessageType.REMINDER),
            ("costProposal", MessageType.COST_PROPOSAL),
            ("shipment", MessageType.SHIPMENT),
            ("forwarding", MessageType.FORWARDING),
            ("somethingNew", MessageType.UNKNOWN),
        ],
    )
    async def test_its_type_is_an_open_set(
        self, read_message: Callable[..., Any], word: str, kind: MessageType
    ) -> None:
        assert (await read_message(type=word)).kind == Coded(kind, word)

    async def test_an_unknown_kind_of_sender_and_unknown_fields_are_no_fault(
        self, read_message: Callable[..., Any]
    ) -> None:
        message = await read_message(senderType="robot", colour={"red": [1]})
        assert message.author == MessageAuthor(AuthorRole.UNKNOWN)

    async def test_a_time_without_a_zone_is_utc(self, read_message: Callable[..., Any]) -> None:
        message = await read_message(createdAt="2017-07-26 14:02:02.170")
        assert message.created_at == datetime(2017, 7, 26, 14, 2, 2, 170000, tzinfo=UTC)

    async def test_a_time_that_utc_does_not_have_is_none(self, read_message: Callable[..., Any]) -> None:
        assert (await read_message(confirmedAt="0001-01-01T00:00:00+02:00")).confirmed_at is None

    @pytest.mark.parametrize(
        ("field", "sent"),
        [
            ("id", "one"),
            ("id", None),
            ("id", -1),
            ("id", 10**10),
            ("guid", None),
            ("guid", 7),
            ("guid", "../partner"),
            ("guid", GUID + "\n"),
            ("type", 7),
            ("content", ["text"]),
            ("senderType", {}),
            ("externalId", 42),
            ("createdAt", "yesterday"),
            ("updatedAt", ""),
            ("declaredAt", "2017-07-26"),
            ("confirmedAt", True),
            ("isInternal", "no idea"),
            ("parentMessageId", "first"),
            ("userName", 1),
            ("userEmail", []),
        ],
    )
    async def test_a_wrong_type_says_where(
        self, read_message: Callable[..., Any], field: str, sent: object
    ) -> None:
        error = await read_message(**{field: sent})
        assert isinstance(error, SourceProtocolError)
        assert error.json_path == f"$[0].{field}"

    @pytest.mark.parametrize(
        "body", [b"", b"<html>", b"null", b'"text"', b"7", pytest.param(b"[" * 100_000, id="deep"), b"\xff"]
    )
    async def test_what_is_no_list_of_messages_is_refused(
        self, connect: Build, canned: Callable[..., Any], body: bytes
    ) -> None:
        (error,) = await connect(canned(body)).read_messages([CASE])
        assert isinstance(error, SourceProtocolError)
        assert (error.json_path or "").startswith("$")

    @pytest.mark.parametrize(
        ("body", "json_path"),
        [
            (b'{"data": [{"id": 1}]}', "$.data[0]"),
            (b'{"data": [{"id": "x", "guid": ""}]}', "$.data[0].id"),
            (b'{"data": null}', "$.data"),
            (b'{"data": {"id": 1}}', "$.data"),
            (b'{"messages": []}', "$"),
        ],
    )
    async def test_inside_the_wrapper_the_path_begins_at_the_wrapper(
        self, connect: Build, canned: Callable[..., Any], body: bytes, json_path: str
    ) -> None:
        (error,) = await connect(canned(body)).read_messages([CASE])
        assert isinstance(error, SourceProtocolError)
        assert error.json_path == json_path


class TestMessageOrder:
    async def order(
        self, connect: Build, canned: Callable[..., Any], *sent: tuple[int, str | None]
    ) -> list[str]:
        body = [{"id": number, "guid": GUID, "createdAt": at} for number, at in sent]
        (found,) = await connect(canned(json.dumps(body).encode())).read_messages([CASE])
        assert isinstance(found, tuple)
        return [message.origin.native_id for message in found]

    async def test_oldest_first_and_then_by_number(self, connect: Build, canned: Callable[..., Any]) -> None:
        assert await self.order(
            connect,
            canned,
            (10, "2026-01-01T10:00:00.000Z"),
            (9, "2026-01-01T10:00:00.000Z"),
            (1, "2026-01-01T10:00:00.001Z"),
            (2, "2026-01-01T11:30:00.000+02:00"),
            (3, None),
        ) == ["3", "2", "9", "10", "1"]

    async def test_times_with_and_without_a_zone_are_compared(
        self, connect: Build, canned: Callable[..., Any]
    ) -> None:
        assert await self.order(
            connect, canned, (1, "2026-01-01T10:00:00.000Z"), (2, "2026-01-01 09:00:00.000")
        ) == ["2", "1"]


class TestCases:
    async def test_a_whole_case(self, read_case: Callable[..., Any]) -> None:
        lacks = frozenset({"email", "phone"})
        partner = Account(
            PARTNER, Origin("se", "12", fetched_at=NOW), AccountKind.PARTNER, "Example Retail", missing=lacks
        )
        provider = Account(
            PROVIDER,
            Origin("se", "4", fetched_at=NOW),
            AccountKind.PROVIDER,
            "Example Workshop",
            missing=lacks,
        )
        assert await read_case(WHOLE_CASE) == Case(
            ref=CASE,
            origin=Origin("se", GUID, fetched_at=NOW),
            guid=GUID,
            number=50771,
            subject="Auralux AB-100: No picture",
            status=Coded(ConversationState.OPEN, "arrived"),
            created_at=datetime(2026, 2, 27, 10, 0, 1, tzinfo=UTC),
            tags=("Lowcost", "onsite"),
            requester=partner,
            assignee=provider,
            partner=partner,
            provider=provider,
            customer=CaseContact("Ada Berg", "Berg AB", "ada@example.org", "0700"),
            product=CaseProduct("AB-100", "S1", "No picture", "Auralux", date(2025, 4, 1)),
        )

    async def test_passwords_door_codes_and_foreign_payloads_are_not_even_held(
        self, read_case: Callable[..., Any]
    ) -> None:
        assert "geheim" not in repr(await read_case(WHOLE_CASE))

    async def test_everything_that_may_be_null_or_absent(self, read_case: Callable[..., Any]) -> None:
        nothing = Case(ref=CASE, origin=Origin("se", GUID, fetched_at=NOW), guid=GUID)
        assert await read_case({"guid": GUID}) == nothing
        assert await read_case({**dict.fromkeys(WHOLE_CASE), "guid": GUID}) == nothing

    async def test_empty_objects_say_nothing(self, read_case: Callable[..., Any]) -> None:
        case = await read_case(
            {"guid": GUID, "productData": {}, "consumer": {}, "manufacturer": {}, "tags": []}
        )
        assert (case.subject, case.product, case.customer, case.tags) == (
            None,
            CaseProduct(None, None, None, None, None),
            CaseContact(None, None, None, None),
            (),
        )

    @pytest.mark.parametrize(
        ("changed", "subject"),
        [
            ({"manufacturer": None}, "AB-100: No picture"),
            ({"productData": {"problemText": "No picture"}}, "Auralux Television: No picture"),
            ({"productData": {"model": "AB-100"}}, "Auralux AB-100"),
            ({"productData": None}, "Auralux Television"),
            ({"productData": None, "productType": None}, "Auralux"),
        ],
    )
    async def test_its_subject_is_the_product_and_its_problem(
        self, read_case: Callable[..., Any], changed: dict[str, Any], subject: str
    ) -> None:
        assert (await read_case({**WHOLE_CASE, **changed})).subject == subject

    @pytest.mark.parametrize(
        ("named", "party_id", "party"),
        [
            (None, 12, PARTNER),
            ({"id": 12, "name": None}, 12, PARTNER),
            ({"id": 12}, None, PARTNER),
            (None, None, None),
        ],
    )
    async def test_a_party_without_a_name_is_its_reference(
        self, read_case: Callable[..., Any], named: object, party_id: int | None, party: Ref | None
    ) -> None:
        case = await read_case({"guid": GUID, "servicePartner": named, "partnerId": party_id})
        assert (case.partner, case.requester) == (party, party)

    async def test_its_customer_is_the_consumer_where_there_is_one(
        self, read_case: Callable[..., Any]
    ) -> None:
        case = await read_case({"guid": GUID, "consumer": None, "customer": {"name": "Shop", "phone": "08"}})
        assert case.customer == CaseContact("Shop", None, None, "08")

    async def test_tags_are_names_in_whatever_form_they_come(self, read_case: Callable[..., Any]) -> None:
        case = await read_case(
            {"guid": GUID, "tags": ["onsite", 4, {"id": 3, "name": "Lowcost"}, {"id": 5}, None, ""]}
        )
        assert case.tags == ("onsite", "Lowcost")

    @pytest.mark.parametrize(
        ("sent", "bought"),
        [
            ("2017-04-01", date(2017, 4, 1)),
            ("2017-04-01T10:00:00.000Z", date(2017, 4, 1)),
            ("", None),
            ("April", None),
            (None, None),
        ],
    )
    async def test_the_purchase_date_is_a_date_or_nothing(
        self, read_case: Callable[..., Any], sent: str | None, bought: date | None
    ) -> None:
        case = await read_case({"guid": GUID, "productData": {"purchaseDate": sent}})
        assert case.product.purchase_date == bought

    @pytest.mark.parametrize(
        ("word", "state"),
        [
            ("arrived", ConversationState.OPEN),
            ("Arrived", ConversationState.OPEN),
            ("awaitingparts", ConversationState.ON_HOLD),
            ("awaitingParts", ConversationState.ON_HOLD),
            ("rejected", ConversationState.CLOSED),
            ("estsent", ConversationState.UNKNOWN),
        ],
    )
    async def test_its_status_goes_by_the_table(
        self, read_case: Callable[..., Any], word: str, state: ConversationState
    ) -> None:
        case = await read_case({"guid": GUID, "currentStatus": word}, statuses={"rejected": "CLOSED"})
        assert case.status == Coded(state, word)

    @pytest.mark.parametrize(
        ("changed", "json_path"),
        [
            ({"id": "x"}, "$.id"),
            ({"guid": None}, "$.guid"),
            ({"partnerId": -1}, "$.partnerId"),
            ({"serviceProviderId": {}}, "$.serviceProviderId"),
            ({"currentStatus": 7}, "$.currentStatus"),
            ({"createdAt": "now"}, "$.createdAt"),
            ({"productData": []}, "$.productData"),
            ({"productData": {"model": 7}}, "$.productData.model"),
            ({"consumer": {"email": 7}}, "$.consumer.email"),
            ({"servicePartner": {"name": "No id"}}, "$.servicePartner"),
            ({"tags": "onsite"}, "$.tags"),
        ],
    )
    async def test_a_wrong_type_says_where(
        self, read_case: Callable[..., Any], changed: dict[str, Any], json_path: str
    ) -> None:
        error = await read_case({**WHOLE_CASE, **changed})
        assert isinstance(error, SourceProtocolError)
        assert error.json_path == json_path

    async def test_an_error_names_no_content(self, read_case: Callable[..., Any]) -> None:
        error = await read_case({**WHOLE_CASE, "createdAt": "geheim"})
        assert "geheim" not in f"{error} {error!r}"

    def test_a_case_by_its_guid_alone_lacks_all_else(self) -> None:
        case = mapping.named_case(CASE)
        assert case == Case(
            ref=CASE,
            origin=Origin("se", GUID, kind=OriginKind.REFERENCE),
            guid=GUID,
            missing=mapping.UNREAD_CASE,
        )
        assert all(getattr(case, name) is None for name in case.missing)


class TestAccounts:
    @pytest.mark.parametrize(
        ("sent", "expected"),
        [
            (
                {
                    "id": 12,
                    "name": "Retail",
                    "contactData": {"email": "a@example.org", "phone": "1", "mobile": "2"},
                },
                ("Retail", "a@example.org", "1"),
            ),
            (
                {"id": 12, "name": None, "contactData": {"organizationName": "Retail AB", "mobile": "2"}},
                ("Retail AB", None, "2"),
            ),
            (
                {"id": 12, "name": "Retail", "contactData": None, "externalData": {"x": 1}},
                ("Retail", None, None),
            ),
            ({"id": 12}, (None, None, None)),
        ],
    )
    async def test_a_party(
        self,
        connect: Build,
        canned: Callable[..., Any],
        sent: dict[str, Any],
        expected: tuple[str | None, str | None, str | None],
    ) -> None:
        for body in (sent, {"data": sent}):
            found = await connect(canned(json.dumps(body).encode())).read_accounts([PARTNER])
            name, email, phone = expected
            assert found == [
                Account(PARTNER, Origin("se", "12", fetched_at=NOW), AccountKind.PARTNER, name, email, phone)
            ]
