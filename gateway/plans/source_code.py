"""Generated Python: reads one selection of a list of objects.

Nothing of a document stands in the source. Names of the answer and of the schema are constants that it is
given; attributes are written out where they are plain identifiers of the schema's Python side.
"""

import keyword
from collections.abc import Mapping
from functools import lru_cache
from types import CodeType
from typing import Any

from gateway.plans.leaves import LeafCompleting
from gateway.plans.reading import Attribute, Call, Fetched, Resolved, Typename
from gateway.plans.shapes import FieldPlan, Read
from gateway.plans.values import attributes, called, resolved, settled


def generate(fields: Mapping[str, FieldPlan], type_name: str) -> Read:
    """The function that reads these fields of objects of a type."""
    lines = ["def read(run, batch):", " objects = batch.objects"]
    names: dict[str, Any] = {
        "attributes": attributes, "called": called, "resolved": resolved, "settled": settled
    }  # fmt: skip
    entries, columns = [], []
    for number, field in enumerate(fields.values()):
        names[f"key{number}"] = field.key
        names[f"field{number}"] = field
        match field.way:
            case Typename():
                names[f"value{number}"] = type_name
                entries.append(f"key{number}: value{number}")
                continue
            case Fetched():
                lines.append(f" run.ask(field{number}, batch)")
                entries.append(f"key{number}: None")
                continue
            case Attribute(name):
                lines += _attribute(number, name, names)
            case Call():
                lines.append(f" column{number} = called(run, batch, field{number})")
            case Resolved():
                lines.append(f" column{number} = resolved(run, batch, field{number})")
        lines += _settle(number, field, names)
        columns.append(number)
        entries.append(f"key{number}: value{number}")
    values = "".join(f"value{each}, " for each in columns)
    zipped = f"zip({', '.join(f'column{each}' for each in columns)})" if columns else "objects"
    lines.append(f" return [{{{', '.join(entries)}}} for {values or '_'} in {zipped}]")
    exec(_compiled("\n".join(lines)), names)  # noqa: S102 - see above for what stands in it
    read: Read = names["read"]
    return read


def _attribute(number: int, name: str, names: dict[str, Any]) -> list[str]:
    names[f"name{number}"] = name
    if not (name.isascii() and name.isidentifier()) or keyword.iskeyword(name):
        return [f" column{number} = attributes(objects, name{number})"]
    return [
        " try:",
        f"  column{number} = [each.{name} for each in objects]",
        " except Exception:",
        f"  column{number} = attributes(objects, name{number})",
    ]


def _settle(number: int, field: FieldPlan, names: dict[str, Any]) -> list[str]:
    settle = f"column{number} = settled(run, batch, field{number}, column{number})"
    leaf = field.completing
    if isinstance(leaf, LeafCompleting) and leaf.exact and field.check is None:
        names[f"exact{number}"] = leaf.exact
        return [f" if not exact{number}.issuperset(map(type, column{number})): {settle}"]
    return [f" {settle}"]


@lru_cache(maxsize=512)
def _compiled(source: str) -> CodeType:
    """The same for all selections of the same form."""
    return compile(source, "<selection>", "exec")
