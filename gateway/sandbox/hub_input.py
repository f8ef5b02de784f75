"""What Service Order Hub accepts, refused in the words of its validator.

Shapes: https://docs.serviceorderhub.com/en/latest/Messages/ and the pages on cases. The texts of limits
and types beyond the two that the documents print are the sandbox's, in the same style.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gateway.sandbox.world.service_order_hub import MESSAGE_TYPES

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_MESSAGE_FIELDS = (
    "guid",
    "type",
    "content",
    "declaredAt",
    "externalId",
    "parentMessageId",
    "userEmail",
    "userName",
    "isInternal",
)
_FILTER_KEYS = (
    "id",
    "guid",
    "partnerId",
    "serviceProviderId",
    "manufacturerId",
    "currentStatus",
    "productData",
    "orderData",
    "serviceTypeId",
    "serviceLocationId",
    "productTypeId",
    "createdAt",
    "tags",
    "commonSearch",
)


class InvalidInput(ValueError):
    """The validator's text."""


@dataclass(frozen=True, slots=True)
class NewMessage:
    guid: str
    type: str
    content: str | None
    declared_at: datetime | None
    external_id: str | None
    parent_message_id: int | None
    user_email: str | None
    user_name: str | None
    is_internal: bool


@dataclass(frozen=True, slots=True)
class Search:
    filters: Mapping[str, Any]
    offset: int
    limit: int


def read_new_message(body: object) -> NewMessage:
    """The body of `POST /api/v3/case-messages/create`."""
    fields = _object(body, _MESSAGE_FIELDS)
    return NewMessage(
        guid=_guid(fields),
        type=_type(fields),
        content=_text(fields, "content"),
        declared_at=_moment(fields, "declaredAt"),
        external_id=_text(fields, "externalId", at_most=512),
        parent_message_id=_integer(fields, "parentMessageId"),
        user_email=_text(fields, "userEmail", at_most=512),
        user_name=_text(fields, "userName", at_most=512),
        is_internal=_flag(fields, "isInternal"),
    )


def read_ids(body: object) -> list[int]:
    """The body of `POST /api/v3/case-messages/confirm`: a bare array of message ids."""
    if not isinstance(body, list):
        raise InvalidInput('"value" must be an array')
    for position, value in enumerate(body):
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise InvalidInput(
                f'"value" at position {position} fails because ["{position}" must be a number]'
            )
        if not isinstance(value, int):
            raise InvalidInput(
                f'"value" at position {position} fails because ["{position}" must be an integer]'
            )
    return body


def read_search(body: object) -> Search:
    """The body of `POST /api/v3/search-cases`."""
    fields = _object(body, ("filters", "pagination"))
    pagination = _object(fields.get("pagination", {}), ("offset", "limit"), inside="pagination")
    offset = _integer(pagination, "offset", at_least=0, inside="pagination")
    limit = _integer(pagination, "limit", at_least=1, at_most=100, inside="pagination")
    filters = _object(fields.get("filters", {}), _FILTER_KEYS, inside="filters")
    tags = filters.get("tags", [])
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise _fails("tags", "must be an array of strings", inside="filters")
    if not isinstance(filters.get("commonSearch", ""), str):
        raise _fails("commonSearch", "must be a string", inside="filters")
    return Search(filters, 0 if offset is None else offset, 10 if limit is None else limit)


def _object(body: object, known: tuple[str, ...], *, inside: str | None = None) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise (
            InvalidInput('"value" must be an object')
            if inside is None
            else _fails(inside, "must be an object")
        )
    for name in body:
        if name not in known:
            raise (
                InvalidInput(f'"{name}" is not allowed')
                if inside is None
                else _fails(name, "is not allowed", inside)
            )
    return body


def _fails(name: str, why: str, inside: str | None = None) -> InvalidInput:
    text = f'child "{name}" fails because ["{name}" {why}]'
    return InvalidInput(text if inside is None else f'child "{inside}" fails because [{text}]')


def _guid(fields: Mapping[str, Any]) -> str:
    if "guid" not in fields:
        raise _fails("guid", "is required")
    value = fields["guid"]
    if not isinstance(value, str):
        raise _fails("guid", "must be a string")
    if not _GUID.fullmatch(value):
        raise _fails("guid", "must be a valid GUID")
    return value.lower()


def _type(fields: Mapping[str, Any]) -> str:
    if "type" not in fields:
        raise _fails("type", "is required")
    value: object = fields["type"]
    if isinstance(value, str) and len(value) > 32:
        raise _fails("type", "length must be less than or equal to 32 characters long")
    if not isinstance(value, str) or value not in MESSAGE_TYPES:
        raise _fails("type", f"must be one of [{', '.join(MESSAGE_TYPES)}]")
    return value


def _text(fields: Mapping[str, Any], name: str, *, at_most: int | None = None) -> str | None:
    if name not in fields:
        return None
    value: object = fields[name]
    if not isinstance(value, str):
        raise _fails(name, "must be a string")
    if at_most is not None and len(value) > at_most:
        raise _fails(name, f"length must be less than or equal to {at_most} characters long")
    return value


def _moment(fields: Mapping[str, Any], name: str) -> datetime | None:
    if name not in fields:
        return None
    try:
        moment = datetime.fromisoformat(fields[name])
    except (TypeError, ValueError):
        raise _fails(name, "must be a valid ISO 8601 date") from None
    if moment.tzinfo is None:
        raise _fails(name, "must carry a time zone")
    return moment.astimezone(UTC)


def _integer(
    fields: Mapping[str, Any],
    name: str,
    *,
    at_least: int | None = None,
    at_most: int | None = None,
    inside: str | None = None,
) -> int | None:
    if name not in fields:
        return None
    value: object = fields[name]
    if not isinstance(value, int) or isinstance(value, bool):
        raise _fails(name, "must be a number", inside)
    if at_least is not None and value < at_least:
        raise _fails(name, f"must be larger than or equal to {at_least}", inside)
    if at_most is not None and value > at_most:
        raise _fails(name, f"must be less than or equal to {at_most}", inside)
    return value


def _flag(fields: Mapping[str, Any], name: str) -> bool:
    value: object = fields.get(name, False)
    if not isinstance(value, bool):
        raise _fails(name, "must be a boolean")
    return value
