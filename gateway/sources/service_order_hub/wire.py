"""What Service Order Hub sends, as far as the gateway reads it. Unknown fields are ignored.

Pages: https://docs.serviceorderhub.com/en/latest/Messages/ and "Working with cases", read 2026-05-06.
"""

from datetime import datetime
from typing import Annotated, Generic, TypeAlias, TypeVar

import msgspec
from msgspec import Meta

T = TypeVar("T")

# Ids go into references, which are of these forms.
Id: TypeAlias = Annotated[int, Meta(ge=0, lt=10**10)]
Guid: TypeAlias = Annotated[str, Meta(pattern=r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")]


class Wire(msgspec.Struct, rename="camel"):
    """Names are camelCase on the wire."""


class Message(Wire):
    """A case message. The optional ones appear in webhooks and the newest examples only."""

    id: Id
    guid: Guid
    type: str | None = None
    content: str | None = None
    sender_type: str | None = None
    external_id: str | None = None
    confirmed_at: datetime | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    declared_at: datetime | None = None
    is_internal: bool | None = None
    parent_message_id: Id | None = None
    user_name: str | None = None
    user_email: str | None = None


class Contact(Wire):
    """Contact data, without addresses and door codes."""

    name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    organization_name: str | None = None
    phone: str | None = None
    mobile: str | None = None
    email: str | None = None


class Party(Wire):
    """A partner, provider, department or manufacturer: by itself, or named inside a case."""

    id: Id
    name: str | None = None
    contact_data: Contact | None = None


class Product(Wire):
    """What is repaired. `purchaseDate` is a bare date on the page; times have been seen."""

    model: str | None = None
    serial: str | None = None
    problem_text: str | None = None
    purchase_date: str | None = None


class Named(Wire):
    """Anything of which only the name matters."""

    name: str | None = None


class Case(Wire):
    """A repair case, without its foreign payloads."""

    guid: Guid
    id: int | None = None
    partner_id: Id | None = None
    service_provider_id: Id | None = None
    current_status: str | None = None
    created_at: datetime | None = None
    product_data: Product | None = None
    customer: Contact | None = None
    consumer: Contact | None = None
    service_partner: Party | None = None
    service_provider: Party | None = None
    manufacturer: Named | None = None
    product_type: Named | None = None
    # Objects by the page on updates; what other forms there are isn't documented.
    tags: tuple[str | int | Named | None, ...] | None = None


class Pagination(Wire):
    """`count` is the number of all matches."""

    count: int | None = None


class Cases(Wire):
    """An answer of the search."""

    data: tuple[Case, ...]
    pagination: Pagination | None = None


class ConfirmError(Wire):
    """Why one message was not confirmed."""

    id: int
    message: str | None = None


class Confirmation(Wire):
    """The answer to a confirmation: 200 and `success: true` even if every id failed."""

    errors: tuple[ConfirmError, ...]
    success: bool = True


class Enveloped(Wire, Generic[T]):
    """`{"data": ...}`. The pages show payloads both with and without this wrapper."""

    data: T


class ErrorDetail(Wire):
    """An error as an object."""

    message: str | None = None


class Error(Wire):
    """An error body: an object on most pages, a plain string on one."""

    error: ErrorDetail | str
