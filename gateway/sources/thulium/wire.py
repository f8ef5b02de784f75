"""What Thulium sends, as far as the gateway reads it. Unknown fields are ignored.

Pages: https://api.thulium.com/docs/api/tickets/get_tickets_id, .../crm/get_customers_id,
.../crm/get_companies_id, .../agents/get_agents_login and .../temporary_files/post_temporary_files, as
last modified between 2024-04-17 and 2026-05-18. Numbers come as strings and the reverse, and `""` stands
for none even where a number is meant, so most fields are `Loose` and mapping reads them. UNSET is a
field that a list's row does not have at all, which is not the same as one that says none.
"""

from typing import Annotated, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

Loose: TypeAlias = str | int | UnsetType | None
Id: TypeAlias = Annotated[int, Meta(ge=1)]


class Row(msgspec.Struct):
    """A ticket, as a list shows it: which fields a row has is not documented, but it has an id."""

    ticket_id: Id
    sender: Loose = msgspec.field(default=UNSET, name="from")
    subject: Loose = UNSET
    status_id: Loose = UNSET
    full_status_name: Loose = UNSET
    customer_id: Loose = UNSET
    user_login: Loose = UNSET
    ticket_queue_id: Loose = UNSET
    ticket_queue_name: Loose = UNSET
    category_id: Loose = UNSET
    created_at: Loose = UNSET
    updated_at: Loose = UNSET
    closed_at: Loose = UNSET


class Message(msgspec.Struct):
    """One entry of a ticket, which may hold up to three texts."""

    message_id: Id
    type: Loose = UNSET
    user_login: Loose = UNSET
    body: Loose = UNSET
    comment: Loose = UNSET
    system_comment: Loose = UNSET
    created_at: Loose = UNSET
    attachments: tuple[object, ...] | Loose = UNSET


class Ticket(Row, kw_only=True):
    """A ticket, as it is read by its id: with all its messages, in no promised order."""

    messages: tuple[Message, ...]


class Customer(msgspec.Struct):
    """A person in the CRM, without national ids and addresses."""

    customer_id: Id
    name: Loose = UNSET
    surname: Loose = UNSET
    email: Loose = UNSET
    phone_number: Loose = UNSET
    phone_numbers: tuple[str | int | None, ...] | Loose = UNSET
    company_id: Loose = UNSET
    identifier: Loose = UNSET


class Company(msgspec.Struct):
    """A company. Its own `customer_id` is another number space."""

    company_id: Id
    name: Loose = UNSET


class Agent(msgspec.Struct):
    """An agent. Everything refers to agents by login, so the numeric id is left out."""

    login: Annotated[str, Meta(min_length=1)]
    name: Loose = UNSET
    surname: Loose = UNSET
    email: Loose = UNSET
    active: bool | Loose = UNSET


class Created(msgspec.Struct):
    """The answer to a new ticket."""

    ticket_id: Id


class Uploaded(msgspec.Struct):
    """The answer to an upload."""

    token: Annotated[str, Meta(min_length=1)]
    filename: str | None = None
    size: int | None = None


class ErrorDetail(msgspec.Struct):
    """One of an answer's errors. Neither texts nor codes are published."""

    message: str | None = None
    code: int | str | None = None


class Error(msgspec.Struct):
    """The error envelope, https://api.thulium.com/docs/api/error_handling."""

    errors: tuple[ErrorDetail, ...]
