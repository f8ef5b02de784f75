"""What Tulo sends: the same people and subscriptions under names that differ from page to page.

Pages, below https://docs.worldoftulo.com/payway/integration/payway_api/endpoints/:
helpdesk_message_api/get_pending_helpdesk_messages and account_api/v1/get_account.
"""

from collections.abc import Mapping
from typing import Any

from gateway.sandbox.times import offset_millis
from gateway.sandbox.world.tulo import TuloHelpdeskMessage, TuloWorld

_USER_PRODUCT_FIELDS = (
    "id",
    "order_id",
    "created",
    "updated",
    "product_code",
    "title_code",
    "valid_from",
    "valid_to",
    "provision_service",
    "subscription_type",
    "subscription_number",
    "state",
    "has_pending_change_request",
    "campaign_end_date",
    "subscription_end_date",
)


def helpdesk_message(
    message: TuloHelpdeskMessage, account: Mapping[str, Any], tulo: TuloWorld
) -> dict[str, Any]:
    """One of the `items` of `get_pending_messages`; a comment's shape is not documented: none is sent."""
    products = tulo.subscriptions[account["id"]]
    return {
        "id": message.id,
        "account_id": message.account_id,
        "account": {
            "id": account["id"],
            "first_name": account["first_name"],
            "last_name": account["last_name"],
            "contact_email": account["email"],
            "mobile_number": account["mobile_phone_number"],
            "customer_number": account["customer_number"],
            "status": account["status"],
            "verified": account["verified"],
            "has_products": any(product["state"] == "activated" for product in products),
        },
        "assignee_id": message.assignee_id,
        "assignee": tulo.staff[message.assignee_id] if message.assignee_id else None,
        "created_at": offset_millis(message.created_at),
        "updated_at": offset_millis(message.updated_at),
        "resolved_at": message.resolved_at and offset_millis(message.resolved_at),
        "heading": message.heading,
        "message": message.message,
        "type": message.type,
        "identifier": message.identifier,
        "state": message.state,
        "comments": [],
    }


def user_product(subscription: Mapping[str, Any]) -> dict[str, Any]:
    """A subscription as `GET /v1/accounts` shows it: without price, payment and external start."""
    return {name: subscription[name] for name in _USER_PRODUCT_FIELDS}
