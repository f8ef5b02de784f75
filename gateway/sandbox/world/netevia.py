"""Netevia's part of the world: business-banking customers in the US, writing English.

Figures the tests hold: 14 linked users, 27 tickets: the original document's 123456 and the 23 after it may
be written to, 200001 to 200003 exist but belong to somebody else.
"""

import random
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from gateway.sandbox.world.people import firm, person
from gateway.sandbox.world.texts import subject

DOCUMENTED_TICKET = 123456


@dataclass(slots=True)
class NeteviaComment:
    id: int
    text: str
    created_at: datetime


@dataclass(slots=True)
class NeteviaTicket:
    """A support ticket; nothing in the API reads it back."""

    id: int
    title: str
    writable: bool
    comments: list[NeteviaComment] = field(default_factory=list)


@dataclass(slots=True)
class NeteviaWorld:
    """Everything Netevia stores; `linked_users` is the answer of `GET /api/LinkedAccount/users`."""

    linked_users: list[dict[str, Any]] = field(default_factory=list)
    tickets: dict[int, NeteviaTicket] = field(default_factory=dict)
    webhooks: dict[int, dict[str, Any]] = field(default_factory=dict)
    last_comment_id: int = 987653

    def next_comment_id(self) -> int:
        self.last_comment_id += 1
        return self.last_comment_id


def seed(rng: random.Random, _: datetime) -> NeteviaWorld:
    """Netevia's data."""
    world = NeteviaWorld()
    for number in range(14):
        someone = person(rng, "en", number)
        kind = (1, 2, 4)[number % 3]
        world.linked_users.append(
            {
                "id": 311 + number,
                "nickName": None if number == 5 else f"{someone.last.lower()}-{number}",
                "firstName": someone.first,
                "lastName": someone.last,
                "dba": None if kind == 1 else firm("en", number),
                "type": kind,
            }
        )
    for ticket_id in (*range(DOCUMENTED_TICKET, DOCUMENTED_TICKET + 24), 200001, 200002, 200003):
        world.tickets[ticket_id] = NeteviaTicket(ticket_id, subject(rng, "bank"), writable=ticket_id < 200000)
    return world
