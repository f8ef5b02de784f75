"""Service Order Hub's part of the world: repair cases between partners (shops) and providers (workshops).

Figures the tests hold: 12 partners, 8 providers, 10 departments; 121 cases, of which the partner token's
party (partner 12) has 91 and the provider token's party (provider 4) 81, 61 of them both. The ten newest
cases of partner 12 have exactly 20 messages that a partner may see. Messages 1 and 2 are the original
document's and alone in their case; 4377 to 4380 are unconfirmed and visible to both tokens; 11 does not
exist; 22 belongs to a case of neither token.
"""

import random
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.sandbox.times import utc_millis
from gateway.sandbox.world.people import Language, Person, firm, person
from gateway.sandbox.world.texts import write

DOCUMENTED_GUID = "1e0abcb7-b94c-4072-a9c0-37072a1ef015"
MESSAGE_TYPES = (
    "serviceComment",
    "customerCenterReply",
    "costProposalRejectRur",
    "costProposalRejectScrap",
    "statusRequest",
    "spareParts",
    "reminder",
    "costProposal",
    "shipment",
    "forwarding",
)
STATUSES = (
    "booked",
    "shipped",
    "arrived",
    "examined",
    "awaitingparts",
    "costproposal",
    "repaired",
    "returned",
    "closed",
)
TAGS = ((1, "VIP"), (2, "insurance"), (3, "Second repair"), (4, "loaner"))
_COUNTRIES: dict[str, Language] = {"SE": "sv", "DK": "da", "GB": "en"}
_PROBLEMS: dict[Language, tuple[str, ...]] = {
    "sv": ("Ingen bild", "Batteriet laddar ur på en timme", "Startar inte", "Knastrar i högtalaren"),
    "da": ("Intet billede", "Batteriet løber tør på en time", "Starter ikke", "Skratter i højttaleren"),
    "en": ("No picture", "Battery lasts an hour", "Does not start", "Speaker crackles"),
}
_TRADES: dict[Language, tuple[str, str]] = {
    "sv": ("Elektronik", "Verkstad"),
    "da": ("Hvidevarer", "Værksted"),
    "en": ("Electronics", "Repairs"),
}
_MAKERS = ("Auralux", "Nordtek", "Pixelund", "Voltbro")
_PRODUCTS = ("Phone", "Television", "Laptop", "Headphones", "Coffee machine")


@dataclass(slots=True)
class HubMessage:
    """A message; the wire's `guid` is the case's."""

    id: int
    case_guid: str
    sender_account_id: int
    sender_type: str | None
    content: str | None
    type: str
    created_at: datetime
    updated_at: datetime
    declared_at: datetime
    external_id: str | None = None
    confirmed_at: datetime | None = None
    parent_message_id: int | None = None
    user_name: str | None = None
    user_email: str | None = None
    is_internal: bool = False


@dataclass(slots=True)
class HubCase:
    """A case; `details` is the wire's object less what stands beside it here."""

    id: int
    guid: str
    partner_id: int
    provider_id: int
    status: str | None
    created_at: datetime
    details: dict[str, Any]


@dataclass(slots=True)
class HubWorld:
    """Everything the hub stores; `partners`, `providers`, `departments` are wire objects by id."""

    partners: dict[int, dict[str, Any]] = field(default_factory=dict)
    providers: dict[int, dict[str, Any]] = field(default_factory=dict)
    departments: dict[int, dict[str, Any]] = field(default_factory=dict)
    cases: dict[str, HubCase] = field(default_factory=dict)
    messages: dict[int, HubMessage] = field(default_factory=dict)

    def messages_of(self, guid: str) -> list[HubMessage]:
        """A case's messages by ascending id."""
        return sorted((m for m in self.messages.values() if m.case_guid == guid), key=lambda m: m.id)

    def next_message_id(self) -> int:
        return max(self.messages) + 1


def seed(rng: random.Random, now: datetime) -> HubWorld:
    """The hub's data, all older than `now`."""
    world = HubWorld()
    _seed_accounts(world, rng, now)
    _seed_documented(world, rng)
    next_id = 5001
    for index, parties in enumerate(_parties(rng)):
        case = _case(world, rng, 50001 + index, parties, now - timedelta(hours=17 * (120 - index) + 30))
        world.cases[case.guid] = case
        visible = 20 if index >= 110 else rng.randint(8, 20)
        next_id = _converse(world, rng, case, next_id, visible)
        if index == 0:
            _seed_confirmable(world, rng, case)
        if parties == (13, 5) and 22 not in world.messages:
            message = next(m for m in world.messages_of(case.guid) if not m.is_internal)
            del world.messages[message.id]
            message.id = 22
            world.messages[22] = message
            for other in world.messages_of(case.guid):
                other.parent_message_id = None
    return world


def _parties(rng: random.Random) -> list[tuple[int, int]]:
    """Who ordered and who repairs, in order of creation: the first and the ten newest are partner 12's."""
    mixed = (
        [(12, 4)] * 49
        + [(12, 5)] * 20
        + [(12, 6)] * 10
        + [(13, 4)] * 12
        + [(14, 4)] * 8
        + [(13, 5)] * 6
        + [(15, 7)] * 4
    )
    rng.shuffle(mixed)
    return [(12, 4), *mixed, *[(12, 4)] * 10]


def _seed_accounts(world: HubWorld, rng: random.Random, now: datetime) -> None:
    languages: tuple[Language, ...] = ("sv", "da", "en")
    for number in range(30):
        language = languages[number % 3]
        someone = person(rng, language, 300 + number)
        contact = _contact(300 + number, someone, language, now - timedelta(days=900 + number))
        if number < 12:
            account_id, accounts = 12 + number, world.partners
        elif number < 20:
            account_id, accounts = 4 + number - 12, world.providers
        else:
            account_id, accounts = 101 + number - 20, world.departments
        name = firm(language, number // 3, trade=_TRADES[language][accounts is not world.partners])
        contact |= {"organizationName": name, "firstName": None, "lastName": None, "mobile": None}
        accounts[account_id] = {"id": account_id, "name": name, "contactData": contact}
        if accounts is world.departments:
            accounts[account_id]["externalData"] = None if number % 2 else {"costCentre": f"CC-{number}"}


def _contact(contact_id: int, someone: Person, language: Language, created_at: datetime) -> dict[str, Any]:
    country = next(code for code, spoken in _COUNTRIES.items() if spoken == language)
    return {
        "id": contact_id,
        "name": someone.name,
        "firstName": someone.first,
        "lastName": someone.last,
        "organizationName": None,
        "organizationNumber": None,
        "addName": None,
        "address": f"{someone.street} {someone.house}",
        "postalCode": someone.postal_code,
        "city": someone.city,
        "countryCode": country,
        "phone": None,
        "mobile": someone.phone,
        "email": someone.email,
        "floor": None,
        "entrance": None,
        "doorCode": None,
        "createdAt": utc_millis(created_at),
    }


def _case(
    world: HubWorld, rng: random.Random, case_id: int, parties: tuple[int, int], created_at: datetime
) -> HubCase:
    country = rng.choice(("SE", "SE", "DK", "DK", "GB"))
    language = _COUNTRIES[country]
    partner_id, provider_id = parties
    maker, product = rng.randrange(len(_MAKERS)), rng.randrange(len(_PRODUCTS))
    serial = f"{rng.randrange(16**10):010X}" if rng.random() < 0.8 else None
    bought = (
        (created_at - timedelta(days=rng.randint(30, 900))).date().isoformat() if rng.random() < 0.7 else None
    )
    consumer = person(rng, language, case_id)
    return HubCase(
        id=case_id,
        guid=str(uuid.UUID(int=rng.getrandbits(128), version=4)),
        partner_id=partner_id,
        provider_id=provider_id,
        status=rng.choice(STATUSES) if rng.random() < 0.95 else None,
        created_at=created_at,
        details={
            "country": country,
            "manufacturerId": 31 + maker,
            "serviceTypeId": 2,
            "serviceLocationId": 8,
            "productTypeId": 51 + product,
            "productData": {
                "model": f"{_MAKERS[maker][:2].upper()}-{rng.randint(100, 999)}",
                "serial": serial,
                "imei": f"{rng.randrange(10**15):015d}" if product == 0 else None,
                "problemText": rng.choice(_PROBLEMS[language]),
                "purchaseDate": bought,
                "accessory": rng.sample(["charger", "case", "remote control"], rng.randint(0, 2)),
                "password": "1234" if rng.random() < 0.2 else None,
            },
            "orderData": {
                "refNo": f"R-{case_id}",
                "bookingType": "companyToPrivate",
                "originatorType": rng.choice(("helpdesk", "registered")),
                "files": [],
                "shipmentData": None,
                "partnerSpecific": None,
                "providerSpecific": None,
            },
            "customer": None,
            "consumer": _contact(70000 + case_id, consumer, language, created_at),
            "sender": None,
            "receiver": None,
            "pickupDst": None,
            "returnDst": None,
            "serviceType": {"id": 2, "name": "Repair"},
            "productType": {"id": 51 + product, "name": _PRODUCTS[product]},
            "manufacturer": {"id": 31 + maker, "name": _MAKERS[maker]},
            "serviceLocation": {"id": 8, "name": "Workshop"},
            "serviceProvider": {"id": provider_id, "name": world.providers[provider_id]["name"]},
            "servicePartner": {"id": partner_id, "name": world.partners[partner_id]["name"]},
            "freightTrackings": [],
            "tags": [{"id": tag, "name": name} for tag, name in TAGS if rng.random() < 0.15],
        },
    )


def _converse(world: HubWorld, rng: random.Random, case: HubCase, next_id: int, visible: int) -> int:
    """Give a case `visible` public messages and now and then an internal one; returns the next free id."""
    language = _COUNTRIES[case.details["country"]]
    at = case.created_at
    author = person(rng, language, case.id + 1000)
    said: list[int] = []
    while visible:
        internal = rng.random() < 0.04
        from_partner = not internal and rng.random() < 0.5
        at += timedelta(minutes=rng.randint(1, 60), milliseconds=rng.randrange(1000))
        old = rng.random() < 0.02
        message = HubMessage(
            id=next_id,
            case_guid=case.guid,
            sender_account_id=997 + case.partner_id if from_partner else 2000 + case.provider_id,
            sender_type=None if old else "partner" if from_partner else "provider",
            content=None
            if rng.random() < 0.01
            else write(rng, "repair", language, "customer" if from_partner else "staff"),
            type="serviceComment" if rng.random() < 0.6 else rng.choice(MESSAGE_TYPES),
            created_at=at,
            updated_at=at,
            declared_at=at - timedelta(seconds=rng.choice((0, 0, 2, 90))),
            external_id=f"ext-{next_id}" if rng.random() < 0.4 else None,
            parent_message_id=rng.choice(said) if said and not internal and rng.random() < 0.2 else None,
            is_internal=internal,
        )
        if from_partner and rng.random() < 0.5:
            message.user_name, message.user_email = author.name, author.email
        if not internal and rng.random() < 0.7:
            message.confirmed_at = message.updated_at = at + timedelta(minutes=rng.randint(2, 50))
        world.messages[next_id] = message
        if not internal:
            said.append(next_id)
            visible -= 1
        next_id += 1
    return next_id


def _seed_documented(world: HubWorld, rng: random.Random) -> None:
    """Case 7748 with the two messages that the original document prints."""
    case = _case(world, rng, 7748, (12, 4), datetime(2017, 7, 24, 8, 0, tzinfo=UTC))
    case.guid = DOCUMENTED_GUID
    case.status = "arrived"
    world.cases[case.guid] = case
    first = datetime(2017, 7, 26, 13, 43, 44, 512000, tzinfo=UTC)
    second = datetime(2017, 7, 26, 13, 54, 53, 58000, tzinfo=UTC)
    kind, sender = "serviceComment", (1009, "provider")
    world.messages[1] = HubMessage(1, case.guid, *sender, "Hello!", kind, first, first, first, "test-42")
    world.messages[2] = HubMessage(2, case.guid, *sender, "Test comemnt", kind, second, second, second)


def _seed_confirmable(world: HubWorld, rng: random.Random, case: HubCase) -> None:
    """The ids of the original's confirm example: the provider's, not confirmed yet."""
    for message_id in range(4377, 4381):
        at = case.created_at + timedelta(minutes=message_id - 4376)
        text = write(rng, "repair", _COUNTRIES[case.details["country"]], "staff")
        world.messages[message_id] = HubMessage(
            message_id, case.guid, 2000 + case.provider_id, "provider", text, "statusRequest", at, at, at
        )
