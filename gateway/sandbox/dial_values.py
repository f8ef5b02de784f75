"""How the values of the dials' options are written: each reads a text into what it changes on the dial."""

import math
from collections.abc import Callable
from typing import Any

import orjson

from gateway.sandbox.dial_json import read_dial
from gateway.sandbox.faults import Mishap

# A JSON Merge Patch, as the control endpoint takes it.
Changes = dict[str, Any]


class Unreadable(ValueError):
    """A value of another form; the option knows an example."""


def number(field: str) -> Callable[[str], Changes]:
    """Any number; the dial itself says which it takes."""
    return lambda text: {field: _as_number(text)}


def whole(field: str) -> Callable[[str], Changes]:
    """A whole number."""
    return lambda text: {field: _as_whole(text)}


def whole_or_none(field: str) -> Callable[[str], Changes]:
    """A whole number, or `none`."""
    return lambda text: {field: None if text == "none" else _as_whole(text)}


def switch(field: str) -> Callable[[str], Changes]:
    """`on` or `off`."""

    def read(text: str) -> Changes:
        if text not in {"on", "off"}:
            raise Unreadable
        return {field: text == "on"}

    return read


def share(field: str) -> Callable[[str], Changes]:
    """`NAME:SHARE`; the dial itself says which names there are."""

    def read(text: str) -> Changes:
        name, _, number = text.partition(":")
        return {field: {name: _as_number(number)}}

    return read


def error(text: str) -> Changes:
    """`STATUS:SHARE`."""
    status, _, number = text.partition(":")
    return {"errors": {str(_as_whole(status)): _as_number(number)}}


def shapes(text: str) -> Changes:
    """Names with commas between them, or `any`."""
    return {"shapes": [] if text == "any" else text.split(",")}


def flap(text: str) -> Changes:
    """`UP/DOWN`, or `off`."""
    if text == "off":
        return {"flap_up_s": 0, "flap_down_s": 0}
    up_s, _, down_s = text.partition("/")
    return {"flap_up_s": _as_number(up_s), "flap_down_s": _as_number(down_s)}


def while_down(text: str) -> Changes:
    """The name of a mishap, for every request, or a whole dial as JSON."""
    if text in list(Mishap):
        return {"while_down": {"read_mishaps": {text: 1}, "mishaps": {text: 1}}}
    try:
        wanted = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise Unreadable from None
    if not isinstance(wanted, dict):
        raise Unreadable
    try:
        read_dial(wanted)
    except ValueError as exc:
        raise ValueError(f"while_down: {exc}") from None
    return {"while_down": wanted}


def _as_number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise Unreadable from None
    if not math.isfinite(number):  # JSON has no word for it.
        raise Unreadable
    return number


def _as_whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise Unreadable from None
