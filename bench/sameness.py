"""Whether all servers give the same data."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from gateway.domain.errors import BadInput
from gateway.domain.ids import parse_global_id

# What Thulium's moments are in, and what the peers pass on.
_ZONE = ZoneInfo("Europe/Warsaw")


def plain(value: Any, name: str = "") -> Any:
    """An answer's data with ids and moments in one form, whoever wrote them."""
    match value:
        case Mapping():
            return {key: plain(each, key) for key, each in value.items()}
        case list():
            return [plain(each, name) for each in value]
        case str() if name == "id":
            return _native(value)
        case str() if name.endswith("At"):
            return _utc(value)
        case _ if name == "number" and value is not None:
            return int(value)
        case _:
            return value


def _native(given: str) -> str:
    """The source's own id: the gateway's hold that of the source and of the kind too."""
    try:
        ref = parse_global_id(given)
    except BadInput:
        return given
    return ":".join(ref.parts)


def _utc(given: str) -> str:
    moment = datetime.fromisoformat(given)
    zoned = moment.replace(tzinfo=_ZONE) if moment.tzinfo is None else moment
    return zoned.astimezone(UTC).isoformat()


def difference(one: Any, other: Any, path: str = "$") -> str | None:
    """Where two values first differ; None if nowhere."""
    if isinstance(one, dict) and isinstance(other, dict):
        if one.keys() != other.keys():
            return f"{path}: has {sorted(one)} here and {sorted(other)} there"
        found = (difference(each, other[key], f"{path}.{key}") for key, each in one.items())
        return next(filter(None, found), None)
    if isinstance(one, list) and isinstance(other, list):
        if len(one) != len(other):
            return f"{path}: {len(one)} items here and {len(other)} there"
        found = (difference(a, b, f"{path}[{at}]") for at, (a, b) in enumerate(zip(one, other, strict=True)))
        return next(filter(None, found), None)
    return None if one == other else f"{path}: {one!r} here and {other!r} there"
