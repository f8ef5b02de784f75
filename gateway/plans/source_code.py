"""Generated Python: what runs once for each object and field.

Nothing of a document stands in the source. Names of the answer are constants that it is given; attributes
are written out where they are plain identifiers of the schema's Python side.
"""

import keyword
from collections.abc import Callable, Sequence
from enum import Enum
from functools import lru_cache
from types import CodeType
from typing import Any

from gateway.plans.shapes import Answer

AttributeOf = Callable[[list[Any]], list[Any]]
Build = Callable[..., list[Answer]]


class From(Enum):
    """Where a value of an answer is from."""

    COLUMN = "v"
    LATER = "n"


@lru_cache(maxsize=4096)
def attribute_of(name: str) -> AttributeOf | None:
    """A function that gives an attribute of each object; None if the name can't be written in Python."""
    if not (name.isascii() and name.isidentifier()) or keyword.iskeyword(name):
        return None
    names: dict[str, Any] = {}
    source = f"def read(objects):\n return [each.{name} for each in objects]"
    exec(compile(source, "<attribute>", "exec"), names)  # noqa: S102 - see above for what stands in it
    read: AttributeOf = names["read"]
    return read


def builder(keys: Sequence[str], kinds: Sequence[From | str]) -> Build:
    """A function that makes answers of columns: `build(objects, *columns)`.

    Args:
        keys: The names in the answer, in its order.
        kinds: For each where its value is from: a column, null for now, or this very text.
    """
    forms = "".join(each.value if isinstance(each, From) else "c" for each in kinds)
    names: dict[str, Any] = {f"key{number}": key for number, key in enumerate(keys)}
    names |= {f"constant{number}": kind for number, kind in enumerate(kinds)}
    exec(_building(forms), names)  # noqa: S102 - see above for what stands in it
    build: Build = names["build"]
    return build


@lru_cache(maxsize=1024)
def _building(forms: str) -> CodeType:
    """The same for all selections of the same form."""
    values = {"v": "value{}", "n": "None", "c": "constant{}"}
    entries = ", ".join(f"key{number}: {values[form].format(number)}" for number, form in enumerate(forms))
    columns = [number for number, form in enumerate(forms) if form == "v"]
    taken = "".join(f", column{each}" for each in columns)
    if columns:
        each = "".join(f"value{number}, " for number in columns)
        rows = f"zip({taken.removeprefix(', ')})"
    else:
        each, rows = "_", "objects"
    source = f"def build(objects{taken}):\n return [{{{entries}}} for {each} in {rows}]"
    return compile(source, "<selection>", "exec")
