"""Tulo's JSON as its pages print it, and what the graph makes of it."""

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import msgspec
import pytest

from gateway.domain.errors import SourceProtocolError
from gateway.domain.ids import EntityType, Ref
from gateway.domain.records import (
    Account,
    AccountKind,
    AccountState,
    AuthorRole,
    Body,
    Coded,
    ConversationState,
    Fetched,
    Message,
    MessageAuthor,
    MessageTemplate,
    MessageType,
    Origin,
    OriginKind,
    ProductSubscription,
    SubscriptionState,
    TextFormat,
    Ticket,
)
from gateway.sources.status import StatusTable
from gateway.sources.tulo import mapping, wire

NOW = datetime(2026, 1, 22, 9, 0, tzinfo=UTC)
FETCHED = Fetched(NOW)
READING = mapping.Reading("tulo", ZoneInfo("Europe/Stockholm"), FETCHED)
STATUSES = StatusTable(mapping.STATES, {})

ACCOUNT_ID = "66d0000000000000000000a1"
MESSAGE_ID = "68f0a1b2c3d4e5f607182930"
ACCOUNT_REF = Ref(EntityType.ACCOUNT, "tulo", ("SUBSCRIBER", ACCOUNT_ID))
TICKET_REF = Ref(EntityType.TICKET, "tulo", (ACCOUNT_ID, MESSAGE_ID))

PENDING = b"""{
    "id": "68f0a1b2c3d4e5f607182930", "account_id": "66d0000000000000000000a1",
    "account": {"id": "66d0000000000000000000a1", "first_name": "Ida", "last_name": "Ek",
                "contact_email": "ida@example.org", "mobile_number": "0700000001",
                "customer_number": null, "status": "active", "verified": true, "has_products": true},
    "assignee_id": "5e0000000000000000000009",
    "assignee": {"id": "5e0000000000000000000009", "first_name": "Nils", "last_name": null,
                 "contact_email": "nils@example.org", "mobile_number": null, "status": "active"},
    "created_at": "2026-01-12T09:30:00.100+01:00", "updated_at": "2026-01-12T10:30:00+01:00",
    "resolved_at": null, "heading": "Paper missing", "message": "No paper on Saturday.",
    "type": "request", "identifier": "", "state": "pending", "comments": []
}"""
SENDER = Account(
    ref=ACCOUNT_REF,
    origin=Origin("tulo", ACCOUNT_ID, fetched_at=NOW),
    kind=AccountKind.SUBSCRIBER,
    name="Ida Ek",
    email="ida@example.org",
    phone="0700000001",
    status=Coded(AccountState.ACTIVE, "active"),
)
BARE = wire.HelpdeskMessage(id=MESSAGE_ID, account_id=ACCOUNT_ID)


def test_a_pending_message_brings_its_sender_and_assignee_along() -> None:
    sent = msgspec.json.decode(PENDING, type=wire.HelpdeskMessage)

    assert mapping.ticket_record(READING, sent, STATUSES) == Ticket(
        ref=TICKET_REF,
        origin=Origin("tulo", MESSAGE_ID, fetched_at=NOW),
        subject="Paper missing",
        status=Coded(ConversationState.OPEN, "pending"),
        created_at=datetime(2026, 1, 12, 8, 30, 0, 100_000, tzinfo=UTC),
        updated_at=datetime(2026, 1, 12, 9, 30, tzinfo=UTC),
        requester=SENDER,
        assignee=Account(
            ref=Ref(EntityType.ACCOUNT, "tulo", ("AGENT", "5e0000000000000000000009")),
            origin=Origin("tulo", "5e0000000000000000000009", fetched_at=NOW),
            kind=AccountKind.AGENT,
            name="Nils",
            email="nils@example.org",
            status=Coded(AccountState.ACTIVE, "active"),
        ),
    )


def test_a_ticket_is_one_message_of_the_same_text() -> None:
    sent = msgspec.json.decode(PENDING, type=wire.HelpdeskMessage)

    assert mapping.message_record(READING, sent) == Message(
        ref=Ref(EntityType.MESSAGE, "tulo", (ACCOUNT_ID, MESSAGE_ID, "0")),
        origin=Origin("tulo", MESSAGE_ID, fetched_at=NOW),
        conversation=TICKET_REF,
        author=MessageAuthor(AuthorRole.CUSTOMER, name="Ida Ek", email="ida@example.org", account=SENDER),
        kind=Coded(MessageType.MESSAGE, "request"),
        heading="Paper missing",
        body=Body("No paper on Saturday.", TextFormat.PLAIN),
        created_at=datetime(2026, 1, 12, 8, 30, 0, 100_000, tzinfo=UTC),
    )


def test_what_an_inline_account_lacks_is_missing_and_not_null() -> None:
    sent = msgspec.json.decode(
        b"""{"id": "68f0a1b2c3d4e5f607182930", "account_id": "66d0000000000000000000a1",
             "account": {"id": "66d0000000000000000000a1", "last_name": "Ek", "mobile_number": null},
             "assignee_id": "5e0000000000000000000009"}""",
        type=wire.HelpdeskMessage,
    )

    ticket = mapping.ticket_record(READING, sent, STATUSES)

    assert ticket.requester == Account(
        ref=ACCOUNT_REF,
        origin=Origin("tulo", ACCOUNT_ID, fetched_at=NOW),
        kind=AccountKind.SUBSCRIBER,
        name="Ek",
        missing=frozenset({"email", "status"}),
    )
    # An agent can't be read again, so nothing of it is said to be missing.
    assert ticket.assignee == Account(
        ref=Ref(EntityType.ACCOUNT, "tulo", ("AGENT", "5e0000000000000000000009")),
        origin=Origin("tulo", "5e0000000000000000000009", fetched_at=NOW),
        kind=AccountKind.AGENT,
    )


def test_a_message_with_nothing_but_ids_is_of_its_account() -> None:
    assert mapping.ticket_record(READING, BARE, STATUSES) == Ticket(
        ref=TICKET_REF, origin=Origin("tulo", MESSAGE_ID, fetched_at=NOW), requester=ACCOUNT_REF
    )
    assert mapping.message_record(READING, BARE) == Message(
        ref=Ref(EntityType.MESSAGE, "tulo", (ACCOUNT_ID, MESSAGE_ID, "0")),
        origin=Origin("tulo", MESSAGE_ID, fetched_at=NOW),
        conversation=TICKET_REF,
        author=MessageAuthor(AuthorRole.CUSTOMER, account=ACCOUNT_REF),
        kind=Coded(MessageType.UNKNOWN, None),
    )


def test_a_ticket_known_by_reference_alone_has_its_sender() -> None:
    assert mapping.named_ticket(TICKET_REF) == Ticket(
        ref=TICKET_REF,
        origin=Origin("tulo", MESSAGE_ID, kind=OriginKind.REFERENCE),
        requester=ACCOUNT_REF,
        missing=frozenset({"subject", "status", "created_at", "updated_at", "assignee", "closed_at"}),
    )


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2025-03-28T12:05:24.389+01:00", datetime(2025, 3, 28, 11, 5, 24, 389_000, tzinfo=UTC)),
        ("2025-08-18T12:00:00+01:00", datetime(2025, 8, 18, 11, 0, tzinfo=UTC)),
        ("2020-04-23 12:16:50 +0200", datetime(2020, 4, 23, 10, 16, 50, tzinfo=UTC)),
        # Without an offset, in the configured zone: summer time in Stockholm.
        ("2020-04-23 12:16:50", datetime(2020, 4, 23, 10, 16, 50, tzinfo=UTC)),
        ("", None),
        (None, None),
    ],
)
def test_each_form_of_a_date_is_one_moment(text: str | None, moment: datetime | None) -> None:
    sent = wire.HelpdeskMessage(id=MESSAGE_ID, account_id=ACCOUNT_ID, created_at=text)

    assert mapping.ticket_record(READING, sent, STATUSES).created_at == moment


@pytest.mark.parametrize("text", ["yesterday", "0001-01-01T00:00:00", "9999-12-31T23:59:59-01:00"])
def test_a_text_that_is_no_date_or_none_that_utc_has_breaks_the_contract(text: str) -> None:
    sent = wire.HelpdeskMessage(id=MESSAGE_ID, account_id=ACCOUNT_ID, updated_at=text)

    with pytest.raises(SourceProtocolError) as caught:
        mapping.ticket_record(READING, sent, STATUSES)

    assert caught.value.json_path == "$..updated_at"


@pytest.mark.parametrize(
    ("native", "state"),
    [
        ("created", AccountState.INACTIVE),
        ("active", AccountState.ACTIVE),
        ("inactive", AccountState.INACTIVE),
        ("archived", AccountState.DELETED),
        ("candidate", AccountState.UNKNOWN),
    ],
)
def test_an_account_is_its_name_and_ways_to_reach_it(native: str, state: AccountState) -> None:
    sent = msgspec.json.decode(
        b"""{"id": "66d0000000000000000000a1", "email": "ida@example.org", "status": "%s",
             "verified": true, "customer_number": null, "first_name": "Ida", "last_name": "Ek",
             "mobile_phone_number": "0700000001", "social_security_number": "000000-0000",
             "address": {"street": "Gatan"}, "user_products": []}"""
        % native.encode(),
        type=wire.Account,
    )

    assert mapping.account_record(READING, sent) == Account(
        ref=ACCOUNT_REF,
        origin=Origin("tulo", ACCOUNT_ID, fetched_at=NOW),
        kind=AccountKind.SUBSCRIBER,
        name="Ida Ek",
        email="ida@example.org",
        phone="0700000001",
        status=Coded(state, native),
    )


def test_what_must_not_surface_is_not_even_read() -> None:
    read = {name for struct in vars(wire).values() for name in getattr(struct, "__struct_fields__", ())}

    assert not read & {
        "social_security_number",
        "social_security_number_century",
        "address",
        "birth_date",
        "payment_option_details",
        "credit_card_masked_number",
    }


SUBSCRIPTION = b"""{
    "id": "66d0000000000000000000b7", "order_id": "ORG-15", "created": "2026-01-01T00:00:00+01:00",
    "updated": "2026-01-01T00:00:00+01:00", "product_code": "x_digital", "title_code": "x",
    "valid_from": "2026-01-01T00:00:00+01:00", "valid_to": "", "provision_service": "tulo",
    "subscription_type": "recurring", "subscription_number": "ORG10077",
    "subscription_next_price": 129.10, "payment_option": "card",
    "payment_option_details": {"credit_card_masked_number": "1234"}, "state": "activated",
    "has_pending_change_request": false, "campaign_end_date": null, "subscription_end_date": null,
    "external_start_date": ""
}"""


def test_a_subscriptions_price_keeps_every_digit() -> None:
    sent = msgspec.json.decode(SUBSCRIPTION, type=wire.Subscription)

    record = mapping.subscription_record(READING, ACCOUNT_ID, sent)

    assert record == ProductSubscription(
        ref=Ref(EntityType.PRODUCT_SUBSCRIPTION, "tulo", (ACCOUNT_ID, "66d0000000000000000000b7")),
        origin=Origin("tulo", "66d0000000000000000000b7", fetched_at=NOW),
        title="x_digital",
        status=Coded(SubscriptionState.ACTIVE, "activated"),
        account=ACCOUNT_REF,
        product="x_digital",
        number="ORG10077",
        valid_from=datetime(2025, 12, 31, 23, 0, tzinfo=UTC),
        next_price=Decimal("129.10"),
        provisioned_by="tulo",
    )
    assert str(record.next_price) == "129.10"


@pytest.mark.parametrize(
    ("native", "status"),
    [
        ("pending", Coded(SubscriptionState.PENDING, "pending")),
        ("cancelled", Coded(SubscriptionState.CANCELLED, "cancelled")),
        ("paused", Coded(SubscriptionState.UNKNOWN, "paused")),
        (None, None),
    ],
)
def test_an_open_set_of_states_keeps_the_sources_word(
    native: str | None, status: Coded[SubscriptionState] | None
) -> None:
    sent = wire.Subscription(id="66d0000000000000000000b7", state=native)

    assert mapping.subscription_record(READING, ACCOUNT_ID, sent).status == status


def test_a_template_is_in_its_organisations_language() -> None:
    sent = msgspec.json.decode(
        b"""{"id": "66d0000000000000000000c1", "heading": "Delivery", "message": "We are sorry.",
             "type": "request", "enabled": true, "created_at": "2025-08-18T12:00:00.000+01:00",
             "organisation": {"id": "66d0000000000000000000d1", "name": "X", "locale": "en-SE"}}""",
        type=wire.Template,
    )

    assert mapping.template_record(READING, sent) == MessageTemplate(
        ref=Ref(EntityType.MESSAGE_TEMPLATE, "tulo", ("66d0000000000000000000c1",)),
        origin=Origin("tulo", "66d0000000000000000000c1", fetched_at=NOW),
        heading="Delivery",
        text="We are sorry.",
        locale="en-SE",
        enabled=True,
    )
    assert mapping.template_record(READING, wire.Template(id="1")).locale is None
