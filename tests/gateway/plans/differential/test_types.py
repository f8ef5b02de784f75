"""Types of objects, and scalars that take anything: what can be told by a class, and what can't."""

from dataclasses import dataclass
from typing import Any, NewType

import strawberry

from gateway.plans.fields import OPEN, Fetch, batch_field
from gateway.plans.price import free
from tests.gateway.plans.differential.comparing import Surroundings, same

Anything = strawberry.scalar(name="Anything", serialize=lambda value: value, parse_value=lambda value: value)
_Any = NewType("_Any", object)

asked: list[list[str]] = []


@dataclass(frozen=True, slots=True)
class Record:
    """Slotted: nothing but its class, and what the types ask of it, tells its type."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Named(Record):
    """It names its type itself."""

    __typename: str = "Fish"


class Loose:
    """An object with attributes of its own."""

    def __init__(self, kind: str, name: str, typename: str | None = None) -> None:
        self.kind, self.name = kind, name
        self.__typename = typename


async def shouts(parents: list[Any], fetch: Fetch[Any]) -> list[Any]:
    asked.append([each.name for each in parents])
    return [each.name.upper() for each in parents]


@strawberry.interface
class Animal:
    name: str
    shout: str | None = batch_field(shouts, description="", calls=free, needs=OPEN)


@strawberry.type
class Bird(Animal):
    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        return value.kind in {"Bird", "Both"}


@strawberry.type
class Fish(Animal):
    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        return value.kind in {"Fish", "Both"}


@strawberry.type
class Query:
    animals: list[Animal | None]
    anything: _Any | None
    things: list[_Any | None] | None


_SCHEMA = strawberry.Schema(Query, types=[Bird, Fish], scalar_overrides={_Any: Anything})._schema


@dataclass
class Root:
    animals: Any = ()
    anything: Any = None
    things: Any = None


async def _same(query: str, root: Root) -> Any:
    return (await same(_SCHEMA, query, lambda: root, Surroundings)).data


async def test_a_type_is_told_by_what_the_types_say_the_object_names_or_it_was_cast_to() -> None:
    both = strawberry.cast(Fish, Loose("Both", "cast"))
    animals = [
        Record("Bird", "a"), Record("Fish", "b"), Record("Both", "c"), Record("None", "d"), None,
        Named("Bird", "e"), Named("Both", "f"), Loose("Fish", "g"), Loose("Both", "h", "Fish"), Loose("Both", "i", "Cow"), both,
    ]  # fmt: skip
    for given in (animals, animals[:2], animals[:1], animals[5:7], animals[7:], animals[3:4]):
        await _same("{ animals { __typename name ... on Fish { shout } } }", Root(given))


async def test_objects_of_several_types_are_asked_about_in_one_call() -> None:
    asked.clear()
    await _same(
        "{ animals { shout } }", Root([Record("Bird", "a"), Record("Fish", "b"), Record("Bird", "c")])
    )
    assert [sorted(each) for each in asked] == [["a", "b", "c"]] * 2


async def test_errors_are_no_values_even_of_a_scalar_that_takes_anything() -> None:
    for given in (ValueError("returned"), None, {"a": 1}, [None], object, 3):
        await _same("{ anything things }", Root(anything=given, things=[given, "x", None]))
