"""Telecomx's part of the world: a Danish telecom platform with resellers, their customers and help centres.

Figures the tests hold: 64 customers, of which 3 are resellers (the original document's
1234567890ABCDEF12345678, in capitals, another one, and a sub-reseller of the documented one) and 61
ordinary ones, five of them deleted; 92 employees; 28 notification topics, 4 of them global; two help
centres of the documented reseller with 48 cases each, and an empty one of the other reseller. Six
employees can log in, one per access level from VIEWER to ADMIN; the RESELLER also holds a machine token.
"""

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from gateway.sandbox.world.people import firm, person
from gateway.sandbox.world.texts import subject, write

DOCUMENTED_RESELLER = "1234567890ABCDEF12345678"
OTHER_RESELLERS = ("53a0f1c2d3e4b5a697880002", "53a0f1c2d3e4b5a697880003")
HELP_CENTERS = ("65a0f1c2d3e4b5a697880031", "65a0f1c2d3e4b5a697880032")
OTHER_HELP_CENTER = "65a0f1c2d3e4b5a697880033"
MACHINE_TOKEN = "telecomx-machine-token-7c41e9d0"
ACCESS_LEVELS = ("NO_LOGIN", "PERSONAL", "VIEWER", "MANAGER", "OWNER", "RESELLER", "RESELLER_ADMIN", "ADMIN")
_TOPICS = ("Planlagte servicevinduer", "Driftsforstyrrelser", "Nye produkter", "Prisændringer", "Ferielukket")


@dataclass(slots=True)
class TelecomxTopic:
    """A notification topic (`employeeSubscription`); without a reseller it is global."""

    id: str
    reseller: str | None
    title: str
    description: str | None
    email: bool
    sms: bool
    subscribers: list[str] = field(default_factory=list)


@dataclass(slots=True)
class TelecomxMail:
    id: str
    content: str
    sent_by: str
    sent_at: datetime


@dataclass(slots=True)
class TelecomxCase:
    """A help centre case; `customer_id` and `company` are None where the sender is not matched."""

    id: str
    case_number: int
    conversation_id: str
    subject: str
    state: str
    created_at: datetime
    help_center_id: str
    customer_id: str | None
    company: str | None
    customer_name: str
    email_address: str
    phone_number: str | None
    action_needed: bool
    messages: list[TelecomxMail] = field(default_factory=list)


@dataclass(slots=True)
class TelecomxLogin:
    username: str
    password: str
    employee_id: str


@dataclass(slots=True)
class TelecomxSession:
    """A token; `expires_at` is None for a persistent one."""

    employee_id: str
    expires_at: datetime | None


@dataclass(slots=True)
class TelecomxWorld:
    """Everything Telecomx stores; ids keep their case, look them up without it.

    Attributes:
        customers: Wire objects (full) by id; `isReseller` beside them in `resellers`.
        resellers: Ids of the customers that are resellers.
        employees: Wire objects by id; `accessLevel` decides what a login may do.
        topics: By id.
        help_centers: As `helpCenters[]` of the settings shows them, secrets included, and their `reseller`.
        cases: By conversation id.
        images: Message id to the `images` of its mail.
        logins: By user name.
        sessions: By token.
    """

    customers: dict[str, dict[str, Any]] = field(default_factory=dict)
    resellers: list[str] = field(default_factory=list)
    employees: dict[str, dict[str, Any]] = field(default_factory=dict)
    topics: dict[str, TelecomxTopic] = field(default_factory=dict)
    help_centers: dict[str, dict[str, Any]] = field(default_factory=dict)
    cases: dict[str, TelecomxCase] = field(default_factory=dict)
    images: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    logins: dict[str, TelecomxLogin] = field(default_factory=dict)
    sessions: dict[str, TelecomxSession] = field(default_factory=dict)
    last_id: int = 0x65A0F1C2D3E4B5A697890000

    def next_id(self) -> str:
        """A new id of 24 hex characters."""
        self.last_id += 1
        return f"{self.last_id:024x}"


def seed(rng: random.Random, now: datetime) -> TelecomxWorld:
    """Telecomx's data, all older than `now`."""
    world = TelecomxWorld()
    world.resellers = [DOCUMENTED_RESELLER, *OTHER_RESELLERS]
    for number, reseller_id in enumerate(world.resellers):
        above = DOCUMENTED_RESELLER if reseller_id == OTHER_RESELLERS[1] else None
        reseller = _customer(rng, world, reseller_id, f"{firm('da', number)} Tele", above)
        reseller["state"] = "ACTIVE"
        reseller["integrations"] = {"accounting": {"grantToken": f"grant-{number}-4b7d09ce"}}
        world.customers[reseller_id] = reseller
    for number in range(61):
        customer_id = world.next_id()
        parent = DOCUMENTED_RESELLER if number % 3 else OTHER_RESELLERS[number % 2]
        name = "Ærø Færgefart I/S" if number == 60 else f"{firm('da', number % 30)}{', Fyn' * (number // 30)}"
        world.customers[customer_id] = _customer(rng, world, customer_id, name, parent)
        if number % 12 == 11:
            world.customers[customer_id]["state"] = "DELETED"
    _seed_employees(world, rng)
    _seed_topics(world, rng)
    _seed_cases(world, rng, now)
    return world


def _customer(
    rng: random.Random, world: TelecomxWorld, customer_id: str, name: str, parent: str | None
) -> dict[str, Any]:
    someone = person(rng, "da", len(world.customers))
    customer: dict[str, Any] = {
        "_id": customer_id,
        "name": name,
        "phoneNumber": someone.phone,
        "state": rng.choice(("ACTIVE", "ACTIVE", "ACTIVE", "ACTIVE", "BLOCKED")) if parent else "ACTIVE",
        "emailAddress": f"info{len(world.customers)}@firma.example.net",
        "addresses": [
            {
                "_id": world.next_id(),
                "primary": True,
                "address": f"{someone.street} {someone.house}",
                "zip": someone.postal_code,
                "city": someone.city,
                "country": "DK",
            }
        ],
        "finance": {"vatNumber": f"DK{rng.randrange(10**8):08d}", "invoiceMethod": "EMAIL"},
    }
    if parent:
        customer["parentReseller"] = parent
    if rng.random() < 0.4:  # a property without a value is left out, so it is often not there
        customer["website"] = f"https://firma{len(world.customers)}.example.net"
    if rng.random() < 0.3:
        customer["notes"] = "Ring altid før kl. 15."
    if rng.random() < 0.5:
        customer["features"] = rng.sample(["IPTVBUSINESS", "PORTING", "VOIP"], rng.randint(1, 2))
    return customer


def _seed_employees(world: TelecomxWorld, rng: random.Random) -> None:
    """Six with a login, three of them at resellers, and 86 spread over the ordinary customers."""
    ordinary = [customer_id for customer_id in world.customers if customer_id not in world.resellers]
    own = next(c for c in ordinary if world.customers[c]["parentReseller"] == DOCUMENTED_RESELLER)
    logins = {
        "viewer": (own, "VIEWER"),
        "manager": (own, "MANAGER"),
        "owner": (own, "OWNER"),
        "reseller": (DOCUMENTED_RESELLER, "RESELLER"),
        "reselleradmin": (DOCUMENTED_RESELLER, "RESELLER_ADMIN"),
        "admin": (OTHER_RESELLERS[0], "ADMIN"),
    }
    for number, (name, (customer_id, level)) in enumerate(logins.items()):
        employee = _employee(rng, world, customer_id, level, number)
        employee["emailAddress"] = f"{name}@telecomx.example.net"
        login = TelecomxLogin(employee["emailAddress"], f"Sandbox-{name}-1", employee["_id"])
        world.logins[login.username] = login
    session = TelecomxSession(world.logins["reseller@telecomx.example.net"].employee_id, None)
    world.sessions[MACHINE_TOKEN] = session
    for number in range(6, 92):
        level = rng.choice(("NO_LOGIN", "PERSONAL", "VIEWER", "VIEWER", "MANAGER"))
        customer_id = ordinary[number % len(ordinary)]
        employee = _employee(rng, world, customer_id, level, number)
        if world.customers[customer_id]["state"] == "DELETED":  # deleting a customer deletes its employees
            employee["state"] = "DELETED"


def _employee(
    rng: random.Random, world: TelecomxWorld, customer_id: str, level: str, number: int
) -> dict[str, Any]:
    someone = person(rng, "da", 100 + number)
    employee_id = world.next_id()
    employee = {
        "_id": employee_id,
        "customer": customer_id,
        "accessLevel": level,
        "state": "ENABLED" if number < 6 or rng.random() < 0.9 else "DISABLED",
        "name": someone.name,
        "emailAddress": someone.email,
        "language": rng.choice(("da", "da", "en")),
        "primaryContact": number % 4 == 0,
    }
    if rng.random() < 0.6:
        employee["title"] = rng.choice(("Bogholder", "Direktør", "IT-ansvarlig", "Receptionist"))
    if rng.random() < 0.5:
        employee["smsNumber"] = someone.phone
    world.employees[employee_id] = employee
    return employee


def _seed_topics(world: TelecomxWorld, rng: random.Random) -> None:
    everybody = list(world.employees)
    for number in range(28):
        reseller = None if number < 4 else world.resellers[number % 3]
        email = number % 3 != 2
        topic = TelecomxTopic(
            id=f"{rng.getrandbits(96):024X}" if number % 2 else world.next_id(),
            reseller=reseller,
            title=f"{_TOPICS[number % len(_TOPICS)]} {number // len(_TOPICS) + 1}",
            description=None if number % 5 == 4 else "Få besked, når der er nyt om vores tjenester.",
            email=email,
            sms=not email or number % 4 == 0,
            subscribers=rng.sample(everybody, rng.randint(0, 6)),
        )
        world.topics[topic.id] = topic


def _seed_cases(world: TelecomxWorld, rng: random.Random, now: datetime) -> None:
    ordinary = [customer_id for customer_id in world.customers if customer_id not in world.resellers]
    for place, help_center_id in enumerate(HELP_CENTERS):
        name = ("Kundeservice", "Teknisk support")[place]
        address = f"{('hjaelp', 'teknik')[place]}@telecomx.example.net"
        world.help_centers[help_center_id] = _help_center(
            rng, help_center_id, name, address, DOCUMENTED_RESELLER
        )
        for number in range(48):
            sender = person(rng, "da", 200 + number % 25)
            matched = rng.random() < 0.8
            customer_id = rng.choice(ordinary) if matched else None
            created_at = now - timedelta(hours=5 * (48 - number) + 15 + 3 * place)
            case = TelecomxCase(
                id=world.next_id(),
                case_number=4711 + 2 * number + place,
                # Graph ids hold +, / and =, which a client must percent-encode in a path.
                conversation_id=f"AAQkAG{rng.getrandbits(64):016x}+{rng.getrandbits(32):08x}/{number:02d}=",
                subject=subject(rng, "telecom"),
                state=rng.choice(("UNHANDLED", "HANDLING", "CLOSED")),
                created_at=created_at,
                help_center_id=help_center_id,
                customer_id=customer_id,
                company=world.customers[customer_id]["name"] if customer_id else None,
                customer_name=sender.name,
                email_address=sender.email,
                phone_number=sender.phone if rng.random() < 0.7 else None,
                action_needed=rng.random() < 0.5,
            )
            for turn in range(rng.randint(1, 6)):
                from_customer = turn % 2 == 0
                case.messages.append(
                    TelecomxMail(
                        id=f"AAMkAG{rng.getrandbits(64):016x}",
                        content=write(rng, "telecom", "da", "customer" if from_customer else "staff"),
                        sent_by=sender.email if from_customer else address,
                        sent_at=created_at + timedelta(hours=3 * turn),
                    )
                )
            world.cases[case.conversation_id] = case
        first = next(case for case in world.cases.values() if case.help_center_id == help_center_id)
        world.images[first.messages[0].id] = [
            {"attachment": True, "contentBytes": _PIXEL, "contentType": "image/png", "contentId": "billede1"}
        ]
    world.help_centers[OTHER_HELP_CENTER] = _help_center(
        rng, OTHER_HELP_CENTER, "Salg", "salg@telecomx.example.net", OTHER_RESELLERS[0]
    )


def _help_center(
    rng: random.Random, help_center_id: str, name: str, address: str, reseller: str
) -> dict[str, Any]:
    secret = f"{rng.getrandbits(64):016x}"
    return {
        "id": help_center_id,
        "name": name,
        "emailAddress": address,
        "reseller": reseller,
        "signature": "Venlig hilsen Telecomx",
        "startDate": "01/03/2024",
        "applicationId": f"application-{secret[:6]}",
        "tenantId": f"tenant-{secret[6:10]}",
        "appClientValue": f"client-value-{secret}",
        "authSettings": {"accessToken": f"graph-{secret}", "expires": "2026-11-21T09:00:00.000Z"},
    }


_PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
