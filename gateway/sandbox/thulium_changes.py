"""What Thulium's writes may set on a ticket, checked against the tenant's own lists."""

from datetime import datetime
from typing import Any

from gateway.sandbox import thulium_input as problems
from gateway.sandbox.thulium_input import Fields
from gateway.sandbox.thulium_shapes import full_status_name
from gateway.sandbox.world.thulium import (
    CATEGORIES,
    CUSTOM_FIELDS,
    MAILBOXES,
    STATUSES,
    SUBSTATUSES,
    ThuliumTicket,
    ThuliumWorld,
)


def read_agent(fields: Fields, data: ThuliumWorld, *, required: bool = False) -> str | None:
    """`user_login`, which must be an agent's."""
    login = fields.text("user_login", required=required)
    if login and login not in data.agents:
        fields.refuse(problems.NO_AGENT.about(login))
    return login


def read_attachments(fields: Fields, data: ThuliumWorld, now: datetime) -> list[str]:
    """`attachments`: tokens of uploads that still live."""
    tokens = fields.texts("attachments") or []
    for token in tokens:
        file = data.files.get(token)
        if file is None or (file.expires_at is not None and file.expires_at <= now):
            fields.refuse(problems.NO_FILE.about(token))
    return tokens


def read_changes(fields: Fields, data: ThuliumWorld) -> dict[str, Any]:
    """What create and update may both set, by attribute of a ticket; what is left out or null isn't in it."""
    queue_id = fields.number("ticket_queue_id")
    if queue_id is not None and queue_id not in MAILBOXES.values():
        fields.refuse(problems.INVALID.about("ticket_queue_id"))
    custom_fields = fields.mapping("custom_fields")
    for name in custom_fields or {}:
        if name not in CUSTOM_FIELDS:
            fields.refuse(problems.NO_CUSTOM_FIELD.about(name))
    changes = {
        "user_login": read_agent(fields, data),
        "status_id": fields.identifier("status_id", STATUSES),
        "substatus_id": fields.identifier("substatus_id", SUBSTATUSES),
        "category_id": fields.identifier("category_id", CATEGORIES),
        "tags": fields.texts("tags"),
        "queue_id": queue_id,
        "custom_fields": custom_fields,
    }
    return {name: value for name, value in changes.items() if value is not None}


def apply_changes(ticket: ThuliumTicket, changes: dict[str, Any]) -> None:
    """Set them; a substatus falls with its status, custom fields left out stay."""
    if changes.get("status_id", ticket.status_id) != ticket.status_id:
        ticket.substatus_id = ""
    if "queue_id" in changes:
        ticket.queue_name = next(name for name, queue in MAILBOXES.items() if queue == changes["queue_id"])
    for name, value in changes.items():
        setattr(ticket, name, ticket.custom_fields | value if name == "custom_fields" else value)


def move(ticket: ThuliumTicket, status_id: str) -> str:
    """Set another status; returns what the system notes about it."""
    before = full_status_name(ticket)
    ticket.status_id, ticket.substatus_id, ticket.closed_at = status_id, "", None
    return f"Changed status from [{before}] to [{full_status_name(ticket)}]"


def customer_of(data: ThuliumWorld, sender: str) -> int | None:
    """The customer with this mail address."""
    same = (c["customer_id"] for c in data.customers.values() if c["email"] and c["email"] == sender)
    return next(same, None)
