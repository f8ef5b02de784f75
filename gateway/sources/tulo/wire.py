"""What Tulo sends, as far as the gateway reads it. Unknown fields are ignored.

Social security numbers, addresses, birth dates, payment options and card data aren't read at all.
Pages: https://docs.worldoftulo.com/payway/integration/payway_api/overview
"""

from decimal import Decimal
from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")


class Wire(msgspec.Struct):
    """Names are snake_case on the wire."""


class Granted(Wire):
    """The token endpoint's answer. Without an access token it is a refusal, whatever its status."""

    access_token: str | None = None
    expires_in: float | None = None


class Item(Wire, Generic[T]):
    """One object."""

    item: T


class Items(Wire, Generic[T]):
    """Several. Lists come whole: no paging is documented."""

    items: tuple[T, ...]


class Created(Wire):
    """The answer to a write."""

    id: str


class Account(Wire):
    """An account, without what identifies a person beyond name and addresses to write to."""

    id: str
    email: str | None = None
    status: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    mobile_phone_number: str | None = None


class ShortAccount(Wire):
    """An account inside a helpdesk message, with names of its own. UNSET: the row doesn't hold it."""

    id: str
    first_name: str | msgspec.UnsetType | None = msgspec.UNSET
    last_name: str | msgspec.UnsetType | None = msgspec.UNSET
    contact_email: str | msgspec.UnsetType | None = msgspec.UNSET
    mobile_number: str | msgspec.UnsetType | None = msgspec.UNSET
    status: str | msgspec.UnsetType | None = msgspec.UNSET


class HelpdeskMessage(Wire):
    """A pending helpdesk message. Dates are texts here: "" stands for none."""

    id: str
    account_id: str
    account: ShortAccount | None = None
    assignee_id: str | None = None
    assignee: ShortAccount | None = None
    created_at: str | None = None
    updated_at: str | None = None
    resolved_at: str | None = None
    heading: str | None = None
    message: str | None = None
    type: str | None = None
    state: str | None = None


class Subscription(Wire):
    """A product subscription of an account. The price is read digit by digit, never as a float."""

    id: str
    product_code: str | None = None
    valid_from: str | None = None
    valid_to: str | None = None
    provision_service: str | None = None
    subscription_number: str | None = None
    subscription_next_price: Decimal | None = None
    state: str | None = None


class Organisation(Wire):
    """Whose template it is."""

    locale: str | None = None


class Template(Wire):
    """A template for helpdesk messages."""

    id: str
    heading: str | None = None
    message: str | None = None
    enabled: bool = True
    organisation: Organisation | None = None


class Error(Wire):
    """An error body: `code` usually, `field` on validation."""

    message: str = ""
    code: str | None = None
    field: str | None = None
