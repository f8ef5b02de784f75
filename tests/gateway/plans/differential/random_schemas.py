"""Random Strawberry schemas, operations and data, each from a seed.

The schema is written as a module's text: as types, resolvers and batch functions stand in a real one. The
data is wrong at any place: errors raised or returned, nulls, values of other types, awaitables.
"""

import sys
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from random import Random
from types import ModuleType
from typing import Any

from graphql import GraphQLSchema

HEAD = """
from enum import Enum
from typing import Annotated, Any, Union

import strawberry

from gateway.plans.fields import OPEN, Fetch, batch_field, root_field
from gateway.plans.price import free
from tests.gateway.plans.differential.random_schemas import Thing, hidden, twice


@strawberry.enum
class Color(Enum):
    RED = "red"
    GREEN = "green"


@strawberry.input
class Choice:
    color: Color | None = None
    names: list[str] | None = None


Twice = strawberry.scalar(name="Twice", serialize=twice, parse_value=lambda value: value)


class _Twice:
    pass


def at(root, name, *given):
    return root.give(name, *given)
"""

LEAVES = ("int", "str", "float", "bool", "strawberry.ID", "Color", "_Twice")
WAYS = ("attribute", "attribute", "attribute", "called", "asked", "late", "batch")


class Hidden(Exception):
    """What the guard says."""


def twice(value: Any) -> Any:
    """A scalar that takes strings and numbers, and gives nothing for some."""
    if value == "nothing":
        return None
    if not isinstance(value, str | int | float):
        raise TypeError("not twice")
    return [value, value]


def hidden(context: Any, found: Any) -> Exception | None:
    """The guard's check."""
    return Hidden(f"hidden {found.number}") if isinstance(found, Thing) and found.number % 11 == 10 else None


class Later:
    """An awaitable: it may be awaited never, or twice, as graphql-core pleases."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __await__(self) -> Generator[None, None, Any]:
        yield from ()
        if isinstance(self.value, Raised):
            raise self.value.error
        return self.value

    def __repr__(self) -> str:
        return "<later>"


@dataclass
class Raised:
    """A value whose reading fails."""

    error: Exception


class Thing:
    """An object: its values are made when they are first asked for, the same in each run of a seed."""

    def __init__(self, world: "World", kind: str, number: int, depth: int) -> None:
        self.world, self.kind, self.number, self.depth = world, kind, number, depth

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("f"):
            raise AttributeError(name)
        return self.give(name)

    def give(self, name: str, *given: Any) -> Any:
        """A field's value."""
        value = self.world.value(self, name, given)
        if isinstance(value, Raised):
            raise value.error
        return value

    def slot(self, name: str, *given: Any) -> Any:
        """A batch's: errors are values."""
        value = self.world.value(self, name, given)
        return value.error if isinstance(value, Raised) else value

    def __repr__(self) -> str:
        return f"<{self.kind} {self.number}>"


@dataclass(frozen=True)
class Field:
    """A field of a random type: how it is come by, and its type as Strawberry writes it."""

    name: str
    way: str
    type: str
    takes: bool


class World:
    """The data of a seed."""

    def __init__(self, schema: "RandomSchema", seed: int, wrong: float, *, late: bool) -> None:
        self._schema, self._seed, self._wrong, self._late = schema, seed, wrong, late
        self._values: dict[tuple[int, str, str], Any] = {}
        self._numbers: dict[tuple[int, str, str, str], int] = {}

    @property
    def root(self) -> Thing:
        """Where it begins."""
        return Thing(self, "Query", 0, 0)

    def value(self, thing: Thing, name: str, given: Sequence[Any]) -> Any:
        """The same for the same object, field and arguments."""
        key = thing.number, name, repr(given)
        if key not in self._values:
            field = self._schema.fields[thing.kind][name]
            draw = Random(f"{self._seed} {key}")  # noqa: S311 - no secret
            self._values[key] = self._made(
                draw, field.type, thing.depth, f"{thing.number}.{name}{given or ''}"
            )
        value = self._values[key]
        return iter(value.items) if isinstance(value, Once) else value

    def _made(self, draw: Random, type_: str, depth: int, where: str) -> Any:
        optional = type_.endswith(" | None")
        chance = draw.random()
        if chance < self._wrong:
            return self._mistake(draw, type_.removesuffix(" | None"), depth, where)
        if optional and chance > 0.8:
            return None
        bare = type_.removesuffix(" | None")
        if bare.startswith("list["):
            inner = bare[len("list[") : -1]
            size = draw.choice((0, 1, 2, 3)) if depth < 4 else 0
            items = [self._made(draw, inner, depth, f"{where}[{index}]") for index in range(size)]
            items = [Later(each) if isinstance(each, Raised) else each for each in items]
            if not self._late:
                items = [each.value.error if isinstance(each, Later) else each for each in items]
            form = draw.random()
            return tuple(items) if form < 0.1 else Once(items) if form < 0.13 else items
        return self._one(draw, bare, depth)

    def _one(self, draw: Random, bare: str, depth: int) -> Any:
        match bare:
            case "int":
                return draw.choice((0, 1, -5, 2**31 - 1))
            case "str" | "strawberry.ID":
                return draw.choice(("", "a", "snowman", "7"))
            case "float":
                return draw.choice((0.5, 3, -1e10))
            case "bool":
                return draw.random() < 0.5
            case "Color":
                return draw.choice(list(self._schema.module.Color))
            case "_Twice":
                return draw.choice(("x", 3))
        kind = draw.choice(self._schema.kinds(bare))
        return Thing(self, kind, draw.randrange(1, 10**6), depth + 1)

    def _mistake(self, draw: Random, bare: str, depth: int, where: str) -> Any:
        wrong: list[Any] = [
            None, Raised(LookupError(f"raised {where}")), ValueError(f"returned {where}"), 2**40, "nothing", [], {},
            object, float("inf"), Thing(self, draw.choice(self._schema.kinds("")), draw.randrange(1, 99), depth + 1),
        ]  # fmt: skip
        if self._late:
            wrong += [
                Later(self._made(draw, bare, depth, where)),
                Later(Raised(LookupError(f"late {where}"))),
            ]
        return draw.choice(wrong)


@dataclass
class Once:
    """A list that is given as an iterator."""

    items: list[Any]


class RandomSchema:
    """A schema of a seed."""

    def __init__(self, seed: int, *, late: bool = True) -> None:
        self.draw = Random(seed)  # noqa: S311 - no secret
        self.late = late
        self.ways = WAYS if late else ("attribute", "attribute", "called", "asked")
        self.objects = [f"T{each}" for each in range(self.draw.randint(2, 4))]
        self.members = self.draw.sample(self.objects, self.draw.randint(1, len(self.objects)))
        self.united = self.draw.sample(self.objects, self.draw.randint(2, len(self.objects)))
        self.fields: dict[str, dict[str, Field]] = {}
        common = self._fields("fi", 3)
        for name in self.objects:
            self.fields[name] = {
                **(common if name in self.members else {}), **self._fields(f"f{name[1:]}", self.draw.randint(1, 5))
            }  # fmt: skip
        self.common = common
        self.fields["Query"] = self._fields("fq", 5)
        self.module = ModuleType(f"tests.random_schema_{seed}")
        sys.modules[self.module.__name__] = self.module
        self.text = self._text()
        exec(compile(self.text, self.module.__name__, "exec"), self.module.__dict__)  # noqa: S102 - our own text
        self.schema: GraphQLSchema = self.module.SCHEMA

    def close(self) -> None:
        """Forget the module."""
        sys.modules.pop(self.module.__name__, None)

    def kinds(self, name: str) -> list[str]:
        """The object types that a value of a type may be of."""
        return {"I": self.members, "U": self.united}.get(
            name, [name] if name in self.fields else self.objects
        )

    def _fields(self, prefix: str, count: int) -> dict[str, Field]:
        made = {}
        for number in range(count):
            name = f"{prefix}_{number}"
            way = self.draw.choice(self.ways)
            made[name] = Field(name, way, self._type(), way != "attribute" and self.draw.random() < 0.5)
        return made

    def _type(self) -> str:
        draw = self.draw
        named = draw.choice((*LEAVES, *self.objects * 2, "I", "I", "U"))
        made = named if draw.random() < 0.35 else f"{named} | None"
        for _ in range(draw.choice((0, 0, 0, 1, 1, 2))):
            made = f"list[{made}]" + ("" if draw.random() < 0.4 else " | None")
        return made

    def _text(self) -> str:
        parts = [HEAD]
        parts += self._functions("I", self.common)
        parts.append(f"@strawberry.interface\nclass I:\n{self._body(self.common, 'I')}")
        for name in self.objects:
            own = {key: each for key, each in self.fields[name].items() if key not in self.common}
            parts += self._functions(name, own)
            base = "(I)" if name in self.members else ""
            parts.append(
                f"@strawberry.type\nclass {name}{base}:\n{self._body(own, name)}\n"
                f"    @classmethod\n    def is_type_of(cls, value, info):\n"
                f'        return isinstance(value, Thing) and value.kind == "{name}"\n'
            )
        parts.append(f'U = Annotated[Union[{", ".join(self.united)}], strawberry.union("U")]\n')
        parts += self._functions("Query", self.fields["Query"])
        parts.append(f"@strawberry.type\nclass Query:\n{self._body(self.fields['Query'], 'Query')}")
        parts.append(
            f"SCHEMA = strawberry.Schema(Query, types=[{', '.join(self.objects)}],"
            " scalar_overrides={_Twice: Twice})._schema\n"
        )
        if self.draw.random() < 0.5:
            guarded = self.draw.sample(["I", *self.objects], self.draw.randint(1, 1 + len(self.objects)))
            parts.append(f"from gateway.plans.guard import guard\nguard(SCHEMA, {guarded!r}, hidden)\n")
        return "\n".join(parts)

    def _functions(self, owner: str, fields: dict[str, Field]) -> list[str]:
        return [text for each in fields.values() if (text := _function(owner, each))]

    def _body(self, fields: dict[str, Field], owner: str) -> str:
        lines = []
        for each in fields.values():
            made = f"{owner}_{each.name}"
            if each.way == "attribute":
                lines.append(f'    {each.name}: "{each.type}"')
            elif each.way == "batch":
                lines.append(
                    f'    {each.name}: "{each.type}" = batch_field({made}, description="", calls=free, needs=OPEN)'
                )
            else:
                lines.append(f'    {each.name}: "{each.type}" = strawberry.field(resolver={made})')
        return "\n".join(lines) + "\n"


def _function(owner: str, field: Field) -> str:
    takes = (
        ", a: int = 3, choice: Choice | None = None, names: list[str] | None = None" if field.takes else ""
    )
    gives = ", a, str(choice), str(names)" if field.takes else ""
    head = f"{owner}_{field.name}"
    match field.way:
        case "called":
            return f"def {head}(root: strawberry.Parent[Any]{takes}):\n    return at(root, {field.name!r}{gives})\n"
        case "asked":
            return (
                f"def {head}(root: strawberry.Parent[Any], info: strawberry.Info{takes}):\n"
                f"    assert info.field_name and info.path.key\n    return at(root, {field.name!r}{gives})\n"
            )
        case "late":
            return f"async def {head}(root: strawberry.Parent[Any]{takes}):\n    return at(root, {field.name!r}{gives})\n"
        case "batch":
            return (
                f"async def {head}(parents, fetch: Fetch[Any]{takes}) -> list[Any]:\n"
                f"    return [each.slot({field.name!r}{gives}) for each in parents]\n"
            )
    return ""
