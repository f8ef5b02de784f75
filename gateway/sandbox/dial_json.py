"""The dial as JSON: what the control endpoint reads and says."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

import msgspec
import orjson

from gateway.sandbox.faults import Faults

_KNOWN = frozenset(field.name for field in fields(Faults))


def read_dial(wanted: object) -> Faults:
    """A dial of its JSON; what is left out is as on a healthy service.

    Raises:
        ValueError: There is no such setting, or it doesn't go that far.
    """
    _refuse_unknown(wanted)
    return msgspec.convert(wanted, Faults, str_keys=True)


def turned(faults: Faults, changes: object) -> Faults:
    """The dial with what a JSON Merge Patch (RFC 7396) says changed, and the rest as it was.

    So null takes a setting back to its default or a mishap out of `mishaps`, whose others stay. One thing
    is not merged: a new `while_down` is a whole dial.

    Raises:
        ValueError: There is no such setting, or it doesn't go that far.
    """
    if not isinstance(changes, dict):
        raise ValueError("Expected `object`: the settings to change")  # noqa: TRY004 - as for any bad dial
    _refuse_unknown(changes)
    settings = told(faults)
    if "while_down" in changes:
        del settings["while_down"]
    return read_dial(_merged(settings, changes))


def told(faults: Faults) -> dict[str, Any]:
    """Every setting, ready for JSON."""
    settings: dict[str, Any] = orjson.loads(orjson.dumps(asdict(faults), option=orjson.OPT_NON_STR_KEYS))
    return settings


def told_briefly(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Only the settings that differ from a healthy service's, and no shares of 0."""
    healthy = told(Faults())
    brief = {}
    for name, value in settings.items():
        if name == "while_down" and value is not None:
            brief[name] = told_briefly(value)
        elif isinstance(value, dict):
            brief[name] = {each: share for each, share in value.items() if share}
        else:
            brief[name] = value
    return {name: value for name, value in brief.items() if value != healthy.get(name)}


def _refuse_unknown(wanted: object) -> None:
    if not isinstance(wanted, dict):
        return
    if unknown := sorted(set(wanted) - _KNOWN):
        raise ValueError(f"Unknown fault {', '.join(unknown)}; known are {', '.join(sorted(_KNOWN))}")
    _refuse_unknown(wanted.get("while_down"))


def _merged(value: Any, changes: Any) -> Any:
    if not isinstance(changes, dict):
        return changes
    merged = dict(value) if isinstance(value, dict) else {}
    for name, change in changes.items():
        if change is None:
            merged.pop(name, None)
        else:
            merged[name] = _merged(merged.get(name), change)
    return merged
