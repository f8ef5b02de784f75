"""Tulo's part of the world: readers of Swedish newspapers.

Figures the tests hold: 64 accounts, among them the original document's 66d986b4ad659dea5ceb9b62, which has
three of the 26 pending helpdesk messages (four more are resolved, so no list shows them), two
subscriptions, two comments and one bought article; 69 product subscriptions; 5 message templates, one of
them disabled. The documented account is also `crm` / `C-1000` to an outside system, the next one `C-1001`
and so on.
"""

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from gateway.sandbox.times import offset_millis, offset_seconds, spaced_offset
from gateway.sandbox.world.people import Person, person
from gateway.sandbox.world.texts import subject, write

DOCUMENTED_ACCOUNT = "66d986b4ad659dea5ceb9b62"
_PRODUCTS = (
    ("kuriren_digital", "kuriren", 129.0),
    ("kuriren_helg", "kuriren", 199.0),
    ("posten_plus", "posten", 89.0),
)


@dataclass(slots=True)
class TuloHelpdeskMessage:
    id: str
    account_id: str
    heading: str
    message: str
    created_at: datetime
    updated_at: datetime
    type: str = "request"
    identifier: str = ""
    state: str = "pending"
    assignee_id: str | None = None
    resolved_at: datetime | None = None


@dataclass(slots=True)
class TuloToken:
    """An access token that the token endpoint gave out."""

    scopes: frozenset[str]
    expires_at: datetime


@dataclass(slots=True)
class TuloWorld:
    """Everything Tulo stores; keys are lower-case ids.

    Attributes:
        accounts: The `item` of `GET /v1/accounts`, less `user_products`; helpdesk users are not in it.
        external_ids: Key and value of an outside system to account id.
        articles: Account id to the `active_articles` it bought one by one.
        comments: Account id to the `items` of `GET /v1/accounts/comments`, newest first.
        subscriptions: Account id to the `items` of `GET /v1/subscription/get_by_account`.
        staff: Helpdesk users by id, as an `assignee` shows them.
        templates: The `items` of `GET /v1/helpdesk_message_templates/all`, disabled ones too.
        tokens: What was logged in, by access token.
    """

    accounts: dict[str, dict[str, Any]] = field(default_factory=dict)
    external_ids: dict[tuple[str, str], str] = field(default_factory=dict)
    articles: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    comments: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    subscriptions: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    helpdesk_messages: dict[str, TuloHelpdeskMessage] = field(default_factory=dict)
    staff: dict[str, dict[str, Any]] = field(default_factory=dict)
    templates: list[dict[str, Any]] = field(default_factory=list)
    tokens: dict[str, TuloToken] = field(default_factory=dict)
    last_id: int = 0x68F0A1B2C3D4E5F607180000

    def next_id(self) -> str:
        """A new id of 24 hex characters."""
        self.last_id += 1
        return f"{self.last_id:024x}"


def seed(rng: random.Random, now: datetime) -> TuloWorld:
    """Tulo's data, all older than `now`."""
    world = TuloWorld()
    for number in range(2):
        agent = person(rng, "sv", 900 + number)
        staff_id = f"{rng.getrandbits(96):024x}"
        world.staff[staff_id] = _short(staff_id, agent)
    for number in range(64):
        account_id = DOCUMENTED_ACCOUNT if number == 0 else f"{rng.getrandbits(96):024x}"
        world.accounts[account_id] = _account(rng, account_id, person(rng, "sv", number), number)
        held = 2 if number < 6 else 0 if number == 63 else 1
        world.subscriptions[account_id] = [
            _subscription(rng, world, now, may_end=number + place > 0) for place in range(held)
        ]
        world.external_ids["crm", f"C-{1000 + number}"] = account_id
        commented = 2 if number == 0 else rng.choice((0, 0, 1, 3))
        world.comments[account_id] = [
            _comment(rng, world, now - timedelta(days=5 + 9 * age)) for age in range(commented)
        ]
    ids = list(world.accounts)
    for number in range(30):
        account_id = ids[0] if number < 3 else ids[number - 2]
        at = now - timedelta(hours=7 * (30 - number), seconds=rng.randrange(3600))
        message = TuloHelpdeskMessage(
            id=world.next_id(),
            account_id=account_id,
            heading=subject(rng, "newspaper"),
            message=write(rng, "newspaper", "sv", "customer"),
            created_at=at,
            updated_at=at + timedelta(minutes=rng.choice((0, 0, 45))),
            identifier="" if rng.random() < 0.7 else f"web-{number}",
            assignee_id=rng.choice(list(world.staff)) if rng.random() < 0.4 else None,
        )
        if number >= 26:
            message.state, message.resolved_at = "resolved", message.updated_at + timedelta(hours=1)
        world.helpdesk_messages[message.id] = message
    world.articles[DOCUMENTED_ACCOUNT] = [_article(world, now)]
    world.templates = [_template(world, heading, now, enabled=heading != "Jul") for heading in _TEMPLATES]
    return world


_TEMPLATES = {
    "Utebliven tidning": "Hej! Vi beklagar att tidningen uteblev och har krediterat dagen.",
    "Inloggning": "Hej! Använd länken nedan för att välja ett nytt lösenord.",
    "Uppehåll": "Hej! Ditt uppehåll är registrerat.",
    "Faktura": "Hej! Här kommer en kopia av fakturan.",
    "Jul": "God jul! Vi svarar åter den 27 december.",
}


def _template(world: TuloWorld, heading: str, now: datetime, *, enabled: bool) -> dict[str, Any]:
    made = offset_millis(now - timedelta(days=400))
    return {
        "id": world.next_id(),
        "heading": heading,
        "message": _TEMPLATES[heading],
        "type": "request",
        "enabled": enabled,
        "created_at": made,
        "updated_at": made,
        "organisation": {"id": "5f0000000000000000000001", "name": "Kuriren", "locale": "sv-SE"},
    }


def _short(account_id: str, someone: Person) -> dict[str, Any]:
    return {
        "id": account_id,
        "first_name": someone.first,
        "last_name": someone.last,
        "contact_email": someone.email,
        "mobile_number": someone.phone,
        "customer_number": None,
        "status": "active",
        "verified": True,
    }


def _account(rng: random.Random, account_id: str, someone: Person, number: int) -> dict[str, Any]:
    nameless = number % 13 == 7
    born = None if number % 3 else f"19{rng.randint(40, 99)}-0{rng.randint(1, 9)}-1{rng.randint(0, 9)}"
    return {
        "id": account_id,
        "email": someone.email,
        "status": ("active", "active", "active", "created", "inactive", "archived")[number % 6],
        "verified": number % 4 != 3,
        "customer_number": None if number % 3 == 0 else f"K{number:05d}",
        "tulo_customer_number": f"{number + 42:05d}",
        "alias": f"reader{number}" if number % 5 == 0 else None,
        "account_origin": None if number % 2 else "web",
        "company_registration_number": None,
        "first_name": None if nameless else someone.first,
        "last_name": None if nameless else someone.last,
        "mobile_phone_number": someone.phone if number % 4 else None,
        "birth_date": born,
        **(_identity(born, number, someone) if born else {}),
        "tags": rng.sample(["loyal", "student", "e-paper"], rng.randint(0, 2)),
        "address": {
            "first_name": someone.first,
            "last_name": someone.last,
            "street": someone.street,
            "street_number": someone.house,
            "staircase": None,
            "floor": None,
            "apartment_number": None,
            "zip_code": someone.postal_code,
            "city": someone.city,
            "drop_box": None,
        },
    }


_CARD = {
    "payment_method_type": "card",
    "payment_method_name": "Kortbetalning",
    "credit_card_masked_number": "0000 00** **** 0000",
    "credit_card_expire_date": "12/28",
    "credit_card_brand": "visa",
}


def _identity(born: str, number: int, someone: Person) -> dict[str, Any]:
    """What Tulo knows only of an account with a social security number.

    The numbers have days from 92 on: no person's, and no coordination number either.
    """
    year, month, day = born.split("-")
    number_without_century = f"{year[2:]}{month}{92 + int(day) % 8}-{number:04d}"
    return {
        "social_security_number": number_without_century,
        "social_security_number_century": year[:2] + number_without_century,
        "age": 2026 - int(year),  # months are between January and September: before the reference day
        "gender": "female" if someone.first in _WOMEN else "male",
    }


_WOMEN = frozenset(["Elin", "Åsa", "Malin", "Sara", "Karin", "Maja", "Ebba"])


def _article(world: TuloWorld, now: datetime) -> dict[str, Any]:
    return {
        "article_id": world.next_id(),
        "article_name": "Så blev ågatan gågata",
        "article_url": "https://kuriren.example/artikel/agatan",
        "title_name": "Kuriren",
        "title_code": "kuriren",
        "order_id": "ORG-7",
        "purchase_date": offset_seconds(now - timedelta(days=2)),
    }


def _subscription(rng: random.Random, world: TuloWorld, now: datetime, *, may_end: bool) -> dict[str, Any]:
    product, title, price = rng.choice(_PRODUCTS)
    start = (now - timedelta(days=rng.randint(20, 700))).replace(hour=23, minute=0)
    ended = may_end and rng.random() < 0.15
    external = rng.random() < 0.2
    payment = rng.choice(("invoice", "card", "autogiro"))
    return {
        "id": world.next_id(),
        "order_id": f"ORG-{rng.randint(10, 999)}",
        "created": offset_seconds(start),
        "updated": offset_seconds(start),
        "product_code": product,
        "title_code": title,
        "valid_from": offset_seconds(start),
        "valid_to": offset_seconds(now - timedelta(days=3) if ended else now + timedelta(days=200)),
        "provision_service": "kayak" if external else "tulo",
        "subscription_type": rng.choice(("recurring", "recurring", "limited")),
        "subscription_number": f"{rng.randint(10**6, 10**7)}"
        if external
        else f"ORG{rng.randint(10000, 99999)}",
        "subscription_next_price": price,
        "payment_option": payment,
        **({"payment_option_details": _CARD} if payment == "card" else {}),
        "state": "cancelled" if ended else "activated",
        "has_pending_change_request": rng.random() < 0.1,
        "campaign_end_date": None,
        "subscription_end_date": offset_seconds(now - timedelta(days=3)) if ended else None,
        "external_start_date": offset_seconds(start) if external else "",
    }


def _comment(rng: random.Random, world: TuloWorld, at: datetime) -> dict[str, Any]:
    return {
        "id": world.next_id(),
        "type": "comment",
        "message": write(rng, "newspaper", "sv", "staff"),
        "producer": rng.choice([agent["contact_email"] for agent in world.staff.values()]),
        "created_at": spaced_offset(at),
        "updated_at": spaced_offset(at),
    }
