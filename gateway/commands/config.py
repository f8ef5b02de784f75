"""`config`: the effective settings in the form of the configuration's file, secrets masked."""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr

MASKED = "**********"
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def show(settings: BaseModel, files: Mapping[tuple[str, ...], Path]) -> int:
    """Print every setting with its value; `files` are those that secrets came from, by their place."""
    sys.stdout.writelines(f"{line}\n" for line in lines(settings, files))
    return 0


def lines(settings: BaseModel, files: Mapping[tuple[str, ...], Path]) -> Iterator[str]:
    """The settings as TOML; what was not given is marked as a default, what has no value is a comment."""
    yield from _table(settings, (), files)


def _table(model: BaseModel, place: tuple[str, ...], files: Mapping[tuple[str, ...], Path]) -> Iterator[str]:
    inner: list[tuple[str, Any]] = []
    for name, value in model:
        if isinstance(value, BaseModel) or _are_tables(value):
            inner.append((name, value))
            continue
        source = files.get((*place, name))
        note = f"  # from {_text(str(source))}" if source is not None else ""
        if name not in model.model_fields_set:
            note = "  # default"
        if value is None:
            yield f"# {_key(name)} is unset"
        else:
            yield f"{_key(name)} = {_value(value)}{note}"
    for name, value in inner:
        yield from _below(value, (*place, name), files)


def _below(value: Any, place: tuple[str, ...], files: Mapping[tuple[str, ...], Path]) -> Iterator[str]:
    header = ".".join(map(_key, place))
    match value:
        case BaseModel():
            yield from ("", f"[{header}]", *_table(value, place, files))
        case Mapping():
            for key, each in value.items():
                yield from _below(each, (*place, str(key)), files)
        case _:
            for each in value:
                yield from ("", f"[[{header}]]", *_table(each, place, files))


def _are_tables(value: Any) -> bool:
    several = value.values() if isinstance(value, Mapping) else value if isinstance(value, tuple) else ()
    return bool(several) and all(isinstance(each, BaseModel) for each in several)


def _value(value: Any) -> str:
    match value:
        case SecretStr():
            return _text(MASKED)
        case bool():
            return str(value).lower()
        case Enum():
            return _value(value.value)
        case int() | float():
            return str(value)
        case Mapping():
            return (
                "{ " + ", ".join(f"{_key(str(key))} = {_value(each)}" for key, each in value.items()) + " }"
            )
        case list() | tuple() | set() | frozenset():
            return "[" + ", ".join(map(_value, value)) + "]"
        case _:
            return _text(str(value))


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else _text(name)


def _text(text: str) -> str:
    # JSON's strings are TOML's, but for one character that JSON leaves as it is.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
