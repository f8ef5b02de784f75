"""Which cases a Service Order Hub search finds.

Equality per key, nested objects for nested keys, `{"$gt": v}` / `{"$lt": v}` for ranges, `tags` (the case
has all, case-sensitive) and `commonSearch` (a substring, whatever the case).
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

_RANGES = {"$gt", "$lt"}
_CONTACTS = ("customer", "consumer", "sender", "receiver", "pickupDst", "returnDst")
_CONTACT_FIELDS = (
    "name",
    "firstName",
    "lastName",
    "organizationName",
    "postalCode",
    "city",
    "phone",
    "mobile",
    "email",
)
_NOT_SEARCHED = {
    "orderData": {"files", "consents", "webhooks"},
    "productData": {"problemText", "accessory", "purchaseDate", "password"},
}


def matches(case: Mapping[str, Any], filters: Mapping[str, Any]) -> bool:
    """Whether a case, as sent on the wire, fulfils every filter."""
    return all(_fulfils(case, name, wanted) for name, wanted in filters.items())


def _fulfils(case: Mapping[str, Any], name: str, wanted: Any) -> bool:
    match name:
        case "commonSearch":
            return any(wanted.casefold() in text.casefold() for text in _searched(case))
        case "tags":
            return set(wanted) <= {tag["name"] for tag in case["tags"]}
        case "createdAt":
            return _equals(_moment(case[name]), _moments(wanted))
        case _:
            return _equals(case.get(name), wanted)


def _equals(value: Any, wanted: Any) -> bool:
    if not isinstance(wanted, dict):
        return bool(value == wanted)
    if wanted and set(wanted) <= _RANGES:
        try:
            return all(value > limit if sign == "$gt" else value < limit for sign, limit in wanted.items())
        except TypeError:  # null, or a number against a text: no order, so not in the range
            return False
    return isinstance(value, dict) and all(_equals(value.get(key), part) for key, part in wanted.items())


def _moments(wanted: Any) -> Any:
    return (
        {sign: _moment(limit) for sign, limit in wanted.items()}
        if isinstance(wanted, dict)
        else _moment(wanted)
    )


def _moment(text: object) -> datetime | None:
    """A bare date is its midnight in UTC; no date matches nothing."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _searched(case: Mapping[str, Any]) -> Iterator[str]:
    for name, left_out in _NOT_SEARCHED.items():
        yield from (
            value for key, value in case[name].items() if key not in left_out and isinstance(value, str)
        )
    yield case["productType"]["name"]
    yield case["manufacturer"]["name"]
    for contact in filter(None, (case[name] for name in _CONTACTS)):
        yield from (contact[name] for name in _CONTACT_FIELDS if contact[name])
