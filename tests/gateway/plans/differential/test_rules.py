"""Each rule of the specification's section on execution, by a plan and by graphql-core."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any

import pytest
import strawberry

from gateway.plans.engine import Engine
from gateway.plans.fields import OPEN, Fetch, batch_field, root_field
from gateway.plans.price import free
from tests.gateway.plans.differential.comparing import Surroundings, same, same_but_for_races

# graphql-core leaves what it cancels before it began.
pytestmark = pytest.mark.filterwarnings("ignore:.*was never awaited")


@strawberry.enum
class Mood(Enum):
    GLAD = "glad"
    SAD = "sad"


@strawberry.input
class Wish:
    mood: Mood = Mood.GLAD
    words: list[str] | None = None


@dataclass
class Record:
    """An object with attributes of its own; whatever isn't given is null."""

    kind: str = "Cat"
    given: Any = None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        value = (self.given or {}).get(name)
        if isinstance(value, LookupError):
            raise value
        return value


@dataclass(frozen=True, slots=True)
class Plain:
    """An object that can't tell its type."""

    kind: str
    name: str


async def friends(parents: list[Record], fetch: Fetch[Any], first: int | None = None) -> list[Any]:
    slots = [each.friends for each in parents]
    return [each[:first] if isinstance(each, list) else each for each in slots]


async def twins(parents: list[Record], fetch: Fetch[Any]) -> list[Any]:
    return [each.twin for each in parents]


async def whole(fetch: Fetch[Any], fails: bool = False) -> Any:
    if fails:
        raise ValueError("not today")
    return fetch.context.root


async def _late(root: strawberry.Parent[Any]) -> str | None:
    value: Any = root.late
    if isinstance(value, Exception):
        raise value
    late: str | None = value
    return late


def _told(
    root: strawberry.Parent[Any], wish: Wish | None = None, times: int = 1, words: list[str] | None = None
) -> str | None:
    if times > 9:
        raise ValueError(f"{times} is too often")
    return f"{root.name} {wish} {words}" * times


def _where(root: strawberry.Parent[Any], info: strawberry.Info) -> str:
    return f"{info.path.as_list()} {info.field_name} {len(info._raw_info.field_nodes)}"


@strawberry.interface
class Animal:
    name: str | None
    sure: str
    mood: Mood | None
    age: int | None
    weight: float | None
    tame: bool | None
    tags: list[str] | None
    sure_tags: list[str]
    grid: list[list[int | None]] | None
    sure_grid: list[list[int]]
    friend: "Animal | None"
    sure_friend: "Animal"
    herd: "list[Animal | None] | None"
    sure_herd: "list[Animal]"
    pets: "list[Pet] | None"
    told: str | None = strawberry.field(resolver=_told)
    where: str | None = strawberry.field(resolver=_where)
    late: str | None = strawberry.field(resolver=_late)
    sure_late: str = strawberry.field(resolver=_late)
    friends: "list[Animal] | None" = batch_field(friends, description="", calls=free, needs=OPEN)
    twin: "Animal | None" = batch_field(twins, description="", calls=free, needs=OPEN)
    sure_twin: "Animal" = batch_field(twins, description="", calls=free, needs=OPEN)


@strawberry.type
class Cat(Animal):
    lives: int | None

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        return bool(value.kind == "Cat")


@strawberry.type
class Dog(Animal):
    barks: bool | None

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        if value.kind == "Odd":
            raise LookupError("what is it?")
        return bool(value.kind == "Dog")


Pet = Annotated[Cat | Dog, strawberry.union("Pet")]


@strawberry.type
class Query:
    animal: Animal | None
    cat: Cat | None
    sure_cat: Cat
    pet: Pet | None
    all: Animal | None = root_field(whole, description="", calls=free, needs=OPEN)


_SCHEMA = strawberry.Schema(Query, types=[Cat, Dog])._schema


def _cat(**given: Any) -> Record:
    return Record("Cat", given)


def _dog(**given: Any) -> Record:
    return Record("Dog", given)


async def _same(query: str, root: Any, variables: dict[str, Any] | None = None) -> Any:
    def make_context() -> Surroundings:
        context = Surroundings()
        context.root = root.animal  # type: ignore[attr-defined]
        return context

    return await same(_SCHEMA, query, lambda: root, make_context, variables)


class Stream:
    """A list that is still to come."""

    async def __aiter__(self) -> AsyncIterator[Any]:
        yield "a"


class Broken:
    """A list whose reading fails."""

    def __iter__(self) -> Iterator[Any]:
        yield "a"
        raise LookupError("no more")


class Later:
    """An awaitable, which nobody has to await."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __await__(self) -> Any:
        yield from ()
        if isinstance(self.value, Exception):
            raise self.value
        return self.value


# -- collecting fields

SELECTIONS = [
    "{ animal { name } }",
    "{ animal { __typename kind: __typename name } __typename }",
    "{ one: animal { a: name b: name name } two: animal { name } }",
    "{ animal { name } animal { age friend { name } } animal { friend { age name } } }",
    "{ animal { ...F ...F name } } fragment F on Animal { age ... on Cat { lives name } ...G } fragment G on Dog { barks }",
    "{ animal { ... { name } ... on Cat { lives friend { ... on Dog { barks } name } } ... on Dog { barks } } }",
    "{ pet { __typename ... on Cat { lives } ... on Animal { name } ... on Dog { name barks } } }",
    "{ animal { friend { friend { name } } herd { name ... on Dog { barks } } } }",
    "{ animal { where two: where friend { where } herd { where } friends { where } } }",
    "{ animal { friends { name twin { name friends(first: 1) { name } } } twin { ...T } } } fragment T on Animal { name twin { age } }",
    "{ all { name } animal { name } last: all(fails: true) { name } }",
]


@pytest.mark.parametrize("query", SELECTIONS)
async def test_selections(query: str) -> None:
    dog = _dog(name="Rex", barks=True, age=3, sure="x")
    friend = _cat(name="Ina", twin=dog, friends=[dog, _cat(name="Bo")], friend=dog, lives=7)
    tom = _cat(
        name="Tom",
        age=4,
        lives=9,
        friend=friend,
        herd=[dog, None, friend],
        friends=[friend, dog],
        twin=friend,
    )
    for animal in (tom, dog, None):
        await _same(query, _cat(animal=animal, pet=animal, cat=tom))


CONDITIONS = [
    "query($a: Boolean!, $b: Boolean! = false) { animal { name @include(if: $a) age @skip(if: $b) } }",
    "query($a: Boolean!, $b: Boolean! = true) { animal @skip(if: $a) { name } cat @include(if: $b) { name } }",
    "query($a: Boolean!) { animal { ...F @include(if: $a) ... @skip(if: $a) { age } } } fragment F on Cat { name }",
    "query($a: Boolean!) { animal { name @skip(if: $a) @include(if: $a) mood age: age @include(if: true) } }",
    "query($a: Boolean!) { animal { friend @include(if: $a) { name } friend { age } } }",
    "query($a: Boolean = true) { animal { name @include(if: $a) } }",
]


@pytest.mark.parametrize("query", CONDITIONS)
async def test_what_is_skipped_and_included(query: str) -> None:
    root = _cat(
        animal=_cat(name="Tom", age=4, mood=Mood.SAD, friend=_dog(name="Rex", age=1)), cat=_cat(name="Ina")
    )
    engine = Engine(_SCHEMA)
    for a in (True, False, None):
        for b in (True, False):
            given = {"a": a, "b": b} if "$b" in query else {"a": a}
            await same(_SCHEMA, query, lambda: root, variables=given, engine=engine)


# -- arguments and variables

ARGUMENTS: list[tuple[str, dict[str, Any]]] = [
    ("{ animal { told told2: told(times: 2) told3: told(times: 10) } }", {}),
    ('{ animal { told(wish: {mood: SAD, words: ["a", "b"]}, words: "one") } }', {}),
    ("query($t: Int) { animal { told(times: $t) friends { told(times: $t) } } }", {}),
    ("query($t: Int = 3) { animal { told(times: $t) friends { told(times: $t) } } }", {"t": 2}),
    ("query($t: Int!) { animal { told(times: $t) } }", {"t": None}),
    ("query($t: Int) { animal { told(times: $t) friends { told(times: $t) } } }", {"t": None}),
    ("query($t: Int!) { animal { told(times: $t) } }", {}),
    ("query($t: Int!) { animal { told(times: $t) } }", {"t": "two"}),
    ("query($w: Wish) { animal { told(wish: $w) } }", {"w": {"mood": "GLAD", "words": ["x"]}}),
    ("query($w: Wish) { animal { told(wish: $w) } }", {"w": {"mood": "ANGRY", "what": 1}}),
    (
        "query($w: [String!]) { animal { told(words: $w) friends(first: 1) { told(words: $w) } } }",
        {"w": ["a"]},
    ),
    ("query($m: Mood!) { animal { told(wish: {mood: $m}) } }", {"m": "SAD"}),
    ("query A { animal { name } } query B { animal { age } }", {}),
    ("mutation { animal { name } }", {}),
]


@pytest.mark.parametrize(("query", "variables"), ARGUMENTS)
async def test_arguments(query: str, variables: dict[str, Any]) -> None:
    await _same(query, _cat(animal=_cat(name="Tom", friends=[_dog(name="Rex"), _cat(name="Ina")])), variables)


async def test_an_operation_by_its_name() -> None:
    query = "query A { animal { name } } query B { cat { age } }"
    root = _cat(animal=_cat(name="Tom"), cat=_cat(age=2))
    for name in ("A", "B", "C"):
        await same(_SCHEMA, query, lambda: root, name=name)


# -- values

WRONG: list[Any] = [
    None, "text", 7, 2**40, 0.5, float("inf"), float("nan"), True, "", [], ["a"], {"a": 1}, object, b"x",
    Mood.SAD, "glad", "SAD", LookupError("raised"), ValueError("returned"), [None], ["a", None, ValueError("in a list"), 3],
    [[1, None], None, [2**40], [ValueError("deep")]], [[1], [2]], (1, 2), {1}, iter(["a"]), Later("x"), Later(ValueError("late")),
    [Later("x"), "y"], Stream(), Broken(), range(3), Record("Odd"), [Record("Odd"), Record("Fish")], Plain("Cat", "Tom"),
    [Plain("Cat", "a"), Plain("Dog", "b"), Plain("Fish", "c"), None],
]  # fmt: skip
PLACES = [
    "name", "sure", "mood", "age", "weight", "tame", "tags", "sureTags", "grid", "sureGrid", "late", "sureLate",
    "friend { name }", "sureFriend { name }", "herd { name }", "sureHerd { name __typename }", "pets { __typename }",
    "friends { name }", "twin { name }", "sureTwin { name }",
]  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("number", range(len(WRONG)))
async def test_any_value_at_any_place(place: str, number: int) -> None:
    name = place.split(" ", maxsplit=1)[0]
    attribute = "".join(f"_{each.lower()}" if each.isupper() else each for each in name)
    attribute = {"sure_late": "late", "sure_twin": "twin"}.get(attribute, attribute)

    def make_root() -> Record:
        value = WRONG[number]
        value = iter(["a"]) if name and type(value) is type(iter([])) else value
        bad = _cat(**{attribute: value, "name": "bad"} if attribute != "name" else {"name": value})
        good = _cat(sure="x", late="x")
        return _cat(animal=_cat(herd=[bad, good], friend=bad, friends=[good, bad], sure_friend=bad, sure="x"))

    for query in (
        f"{{ animal {{ friend {{ {place} }} }} }}",
        f"{{ animal {{ herd {{ {place} where }} }} }}",
        f"{{ animal {{ friends {{ {place} }} name }} }}",
        f"{{ animal {{ sureFriend {{ tags {place} }} name }} }}",
    ):
        await same_but_for_races(_SCHEMA, query, make_root, Surroundings)


# -- null where it may not be

NULLS = [
    "{ animal { name sure } }",
    "{ animal { herd { sure } name } }",
    "{ animal { sureHerd { sure name } } cat { name } }",
    "{ sureCat { sure } cat { name } }",
    "{ sureCat { name } cat { name } }",
    "{ animal { friend { sureFriend { sureHerd { sure } } } name } }",
    "{ animal { friends { sure name } twin { sureFriend { sure } name } } }",
    "{ animal { a: friends { sureTags } b: friends { name } } cat { sure } }",
    "{ animal { age name sure mood } cat { sureLate name } }",
]


@pytest.mark.parametrize("query", NULLS)
async def test_null_where_it_may_not_be(query: str) -> None:
    none, some = _cat(name="none", age=2**40), _cat(name="some", sure="x", sure_tags=["a"])
    animal = _cat(
        herd=[some, none], sure_herd=[some, none, some], friends=[some, none], sure_friend=none,
        friend=_dog(sure_friend=_cat(sure_herd=[some, none])), twin=_cat(sure_friend=some, name="t"), mood="angry",
    )  # fmt: skip
    for cat in (none, some):
        await _same(query, _cat(animal=animal, cat=cat, sure_cat=cat))
    await _same(query, _cat(animal=None, cat=none, sure_cat=None))


# -- serial mutations


@strawberry.type
class Deed:
    number: int
    sure: str
    again: int | None


@strawberry.type
class Deeds:
    @strawberry.mutation
    async def do(self, info: strawberry.Info, number: int) -> Deed | None:
        info.context.done.append(number)
        if number == 3:
            raise ValueError("three")
        return Deed(number=number, sure=None if number == 2 else "x", again=2**40)  # type: ignore[arg-type]

    @strawberry.mutation
    def must(self, info: strawberry.Info, number: int) -> Deed:
        info.context.done.append(number)
        return Deed(number=number, sure=None if number == 2 else "x", again=None)  # type: ignore[arg-type]


_DEEDS = strawberry.Schema(Query, Deeds)._schema


@pytest.mark.parametrize(
    ("query", "done"),
    [
        (
            "mutation { a: do(number: 1) { number } b: do(number: 3) { number } c: do(number: 4) { again } }",
            [1, 3, 4],
        ),
        ("mutation { a: do(number: 2) { number sure } b: must(number: 1) { number } }", [2, 1]),
        (
            "mutation { a: do(number: 1) { sure } b: must(number: 2) { sure } c: do(number: 4) { number } }",
            [1, 2],
        ),
        (
            "mutation { b: must(number: 2) { number } c: do(number: 2) { sure } d: must(number: 5) { sure } }",
            [2, 2, 5],
        ),
    ],
)
async def test_mutations_run_one_after_the_other_each_once(query: str, done: list[int]) -> None:
    contexts = []

    def make_context() -> Surroundings:
        context = Surroundings()
        context.done = []  # type: ignore[attr-defined]
        contexts.append(context)
        return context

    await same(_DEEDS, query, lambda: None, make_context)
    assert [each.done for each in contexts] == [done, done]  # type: ignore[attr-defined]
