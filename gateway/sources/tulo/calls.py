"""What every call to Tulo's API looks like."""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from gateway.transport import Call

# Both are demanded of every call, also of one without a body.
# Source: https://docs.worldoftulo.com/payway/integration/payway_api/overview
_HEADERS: Mapping[str, str] = MappingProxyType(
    {"content-type": "application/json", "accept": "application/json"}
)
_BASE = "external/api/v1"

# Digits of either case are valid, and ids are sent as they were given.
ID_SHAPE = "[0-9A-Fa-f]{24}"


def get(operation: str, *query: tuple[str, str]) -> Call:
    """A read. Nothing may be added to its query: an unknown parameter is refused."""
    return Call(operation, "GET", f"{_BASE}/{operation}", safe=True, query=query, headers=_HEADERS)


def post(operation: str, body: Mapping[str, str]) -> Call:
    """A write. An unknown field is refused as well."""
    return Call(
        operation,
        "POST",
        f"{_BASE}/{operation}",
        safe=False,
        headers=_HEADERS,
        body=msgspec.json.encode(body),
    )
