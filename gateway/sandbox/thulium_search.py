"""Thulium's list filters and paging."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, TypeVar

from gateway.sandbox.thulium_input import Fields
from gateway.sandbox.world.thulium import ThuliumTicket, ThuliumWorld

_Row = TypeVar("_Row")


def find_tickets(
    tickets: Collection[ThuliumTicket], customers: Mapping[int, Mapping[str, Any]], fields: Fields
) -> tuple[int, list[ThuliumTicket]]:
    """How many tickets match, and the wanted page of them, most recently changed first.

    Source: https://api.thulium.com/docs/api/tickets/get_tickets
    """
    since, until = fields.since("date_from"), fields.until("date_to")
    created_since, created_until = fields.since("create_date_from"), fields.until("create_date_to")
    company_id, message_id = fields.number("company_id"), fields.number("message_id")
    exact = {
        "customer_id": fields.number("customer_id"),
        "user_login": fields.text("user_login"),
        "source": fields.text("source"),
        "queue_id": fields.number("ticket_queue_id"),
        "category_id": fields.text("category_id"),
    }
    exact = {name: value for name, value in exact.items() if value is not None}
    status_ids = fields.texts("status_id[]")
    custom_fields = fields.mapping("custom_fields") or {}
    limit, offset = fields.number("limit", at_least=1, at_most=100), fields.number("offset")

    def wanted(ticket: ThuliumTicket) -> bool:
        customer = customers.get(ticket.customer_id or 0, {})
        return (
            (since is None or ticket.updated_at >= since)
            and (until is None or ticket.updated_at < until)
            and (created_since is None or ticket.created_at >= created_since)
            and (created_until is None or ticket.created_at < created_until)
            and (company_id is None or customer.get("company_id") == company_id)
            and (message_id is None or any(message.id == message_id for message in ticket.messages))
            and all(getattr(ticket, name) == value for name, value in exact.items())
            and (status_ids is None or ticket.status_id in status_ids)
            and _has(ticket.custom_fields, custom_fields)
        )

    found = sorted(filter(wanted, tickets), key=lambda ticket: (ticket.updated_at, ticket.id), reverse=True)
    return len(found), _page(found, limit, offset)


def find_customers(world: ThuliumWorld, fields: Fields) -> tuple[int, list[dict[str, Any]]]:
    """Source: https://api.thulium.com/docs/api/crm/get_customers."""
    company_id, company_flag = fields.number("company_id"), fields.flag("company_flag")

    def wanted(customer: Mapping[str, Any]) -> bool:
        return (company_id is None or customer["company_id"] == company_id) and (
            company_flag is None or (customer["company_flag"] is True) == company_flag
        )

    return _find_accounts(filter(wanted, world.customers.values()), fields)


def find_companies(world: ThuliumWorld, fields: Fields) -> tuple[int, list[dict[str, Any]]]:
    """Source: https://api.thulium.com/docs/api/crm/get_companies."""
    return _find_accounts(world.companies.values(), fields)


def _find_accounts(accounts: Iterable[dict[str, Any]], fields: Fields) -> tuple[int, list[dict[str, Any]]]:
    """The filters that people and companies share; an empty value finds those without."""
    exact = {
        name: fields.text(name) for name in ("identifier", "email", "phone_number", "nip", "type", "group")
    }
    custom_fields = fields.mapping("custom_fields") or {}
    limit, offset = fields.number("limit", at_least=1, at_most=1000), fields.number("offset")
    with_custom_fields = fields.flag("include_custom_fields")

    def wanted(account: Mapping[str, Any]) -> bool:
        return all(value is None or account.get(name, "") == value for name, value in exact.items()) and _has(
            account["custom_fields"], custom_fields
        )

    found = list(filter(wanted, accounts))
    page = _page(found, limit, offset)
    if not with_custom_fields:
        page = [
            {name: value for name, value in account.items() if name != "custom_fields"} for account in page
        ]
    return len(found), page


def _has(values: Mapping[str, Any], wanted: Mapping[str, list[str]]) -> bool:
    """Every named custom field holds one of its alternatives."""
    return all(values.get(name) in alternatives for name, alternatives in wanted.items())


def _page(rows: list[_Row], limit: int | None, offset: int | None) -> list[_Row]:
    start = offset or 0
    return rows[start : start + (limit or 100)]
