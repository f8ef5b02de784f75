import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import pytest
import strawberry
from graphql import ExecutionResult, execute, parse, print_schema

from gateway.domain.access import Scope
from gateway.plans.fields import OPEN, Fetch, FieldLoaders, Needs, batch_field, root_field
from gateway.plans.price import Price, free


@dataclass
class Animal:
    """A parent: neither hashable nor a GraphQL type."""

    name: str
    kind: str = "cat"
    mates: list["Animal"] = field(default_factory=list)


Called = tuple[str, list[str], dict[str, object], frozenset[str]]


@dataclass
class Context:
    animals: list[Animal]
    loaders: FieldLoaders = field(default_factory=FieldLoaders)
    calls: list[Called] = field(default_factory=list)
    fetches: list[Fetch["Context"]] = field(default_factory=list)

    grants: frozenset[Scope] = frozenset()

    def refusal(self, needs: Needs, parent: object | None) -> Exception | None:
        """Cats mind nothing."""
        if self.grants & {*needs} or (isinstance(parent, Animal) and parent.kind == "cat"):
            return None
        return PermissionError(f"{needs[0]} of {'the root' if parent is None else parent}")

    def note(
        self, batch: str, parents: Sequence[Animal], fetch: Fetch["Context"], **arguments: object
    ) -> None:
        self.calls.append((batch, [each.name for each in parents], arguments, fetch.selection.names))
        self.fetches.append(fetch)


Prefix = Annotated[str, strawberry.argument(description="Goes before the name.")]


async def labels(
    parents: Sequence[Animal], fetch: Fetch[Context], prefix: Prefix = "the ", shout_it: bool | None = None
) -> list[Any]:
    fetch.context.note("label", parents, fetch, prefix=prefix, shout_it=shout_it)
    return [f"{prefix}{each.name.upper() if shout_it else each.name}" for each in parents]


async def mates(parents: Sequence[Animal], fetch: Fetch[Context]) -> list[Any]:
    fetch.context.note("mates", parents, fetch)
    await asyncio.sleep(0)
    return [each.mates for each in parents]


async def moods(parents: Sequence[Animal], fetch: Fetch[Context]) -> list[Any]:
    fetch.context.note("mood", parents, fetch)
    slots: dict[str, Any] = {"Tom": LookupError("no mood"), "Rex": None}
    return [slots.get(each.name, "fine") for each in parents]


async def failing(parents: Sequence[Animal], fetch: Fetch[Context]) -> list[Any]:
    raise LookupError("all is lost")


async def one_slot_short(parents: Sequence[Animal], fetch: Fetch[Context]) -> list[Any]:
    return ["x"] * (len(parents) - 1)


async def animals(
    fetch: Fetch[Context],
    count: Annotated[int, strawberry.argument(description="How many.")] = 10,
    kinds: Annotated[list[str] | None, strawberry.argument(name="of")] = None,
) -> list[Animal]:
    fetch.context.note("animals", [], fetch, count=count, kinds=kinds)
    return [each for each in fetch.context.animals if kinds is None or each.kind in kinds][:count]


every_animal = animals


async def refused(fetch: Fetch[Context]) -> str:
    raise LookupError("not today")


@strawberry.interface(name="Animal", description="An animal.")
class AnimalType:
    name: str
    label: str | None = batch_field(labels, description="What it is called.", needs=OPEN, calls=free)
    mates: "list[AnimalType] | None" = batch_field(
        mates, description="Whom it lives with.", needs=OPEN, calls=free
    )
    mood: str | None = batch_field(
        moods, description="How it is.", needs=OPEN, calls=free, deprecation_reason="Ask it."
    )
    lost: str | None = batch_field(failing, description="Never known.", needs=OPEN, calls=free)
    weight: str | None = batch_field(
        labels, description="A secret.", needs=(Scope.OPERATE, Scope.CASES_READ), calls=free
    )
    short: str | None = batch_field(
        one_slot_short, description="Known of all but one.", needs=OPEN, calls=free
    )


@strawberry.type(name="Cat")
class Cat(AnimalType):
    @strawberry.field
    def lives(self) -> int:
        return 9

    @classmethod
    def is_type_of(cls, value: object, info: object) -> bool:  # noqa: ARG003
        return isinstance(value, Animal) and value.kind == "cat"


@strawberry.type(name="Dog")
class Dog(AnimalType):
    @classmethod
    def is_type_of(cls, value: object, info: object) -> bool:  # noqa: ARG003
        return isinstance(value, Animal) and value.kind == "dog"


@strawberry.type
class Query:
    animals: list[AnimalType] = root_field(animals, description="All animals.", needs=OPEN, calls=free)
    refused: str | None = root_field(refused, description="Never.", needs=OPEN, calls=free)
    guarded: list[AnimalType] | None = root_field(
        every_animal, description="All animals.", needs=(Scope.OPERATE, Scope.CASES_READ), calls=free
    )


_SCHEMA = strawberry.Schema(Query, types=[Cat, Dog])


def _context() -> Context:
    tom, rex, ina = Animal("Tom"), Animal("Rex", "dog"), Animal("Ina")
    tom.mates, ina.mates = [rex, ina], [tom]
    return Context([tom, rex, ina])


async def _run(query: str, context: Context, **variables: object) -> ExecutionResult:
    result = execute(_SCHEMA._schema, parse(query), context_value=context, variable_values=variables)
    return result if isinstance(result, ExecutionResult) else await result


async def _data(query: str, context: Context, **variables: object) -> Any:
    result = await _run(query, context, **variables)
    assert result.errors is None
    return result.data


_NONE: frozenset[str] = frozenset()


# -- batches


async def test_a_field_is_asked_once_for_all_parents_of_a_level() -> None:
    context = _context()

    data = await _data("{ animals { name label } }", context)

    assert data == {
        "animals": [
            {"name": "Tom", "label": "the Tom"},
            {"name": "Rex", "label": "the Rex"},
            {"name": "Ina", "label": "the Ina"},
        ]
    }
    assert context.calls == [
        ("animals", [], {"count": 10, "kinds": None}, {"name", "label"}),
        ("label", ["Tom", "Rex", "Ina"], {"prefix": "the ", "shout_it": None}, _NONE),
    ]


async def test_each_level_below_is_asked_once_too() -> None:
    context = _context()

    data = await _data("{ animals { mates { name label mates { label } } } }", context)

    tom = {"name": "Tom", "label": "the Tom", "mates": [{"label": "the Rex"}, {"label": "the Ina"}]}
    rex = {"name": "Rex", "label": "the Rex", "mates": []}
    ina = {"name": "Ina", "label": "the Ina", "mates": [{"label": "the Tom"}]}
    assert data == {"animals": [{"mates": [rex, ina]}, {"mates": []}, {"mates": [tom]}]}
    # Which family of siblings comes first is the executor's affair.
    assert [(batch, sorted(parents), names) for batch, parents, _, names in context.calls[1:]] == [
        ("mates", ["Ina", "Rex", "Tom"], {"name", "label", "mates"}),
        ("label", ["Ina", "Rex", "Tom"], _NONE),
        ("mates", ["Ina", "Rex", "Tom"], {"label"}),
        ("label", ["Ina", "Rex", "Tom"], _NONE),
    ]


async def test_a_record_that_stands_twice_is_a_parent_twice() -> None:
    tom = Animal("Tom")
    context = Context([tom, tom])

    assert await _data("{ animals { label } }", context) == {"animals": [{"label": "the Tom"}] * 2}
    assert [parents for _, parents, _, _ in context.calls] == [[], ["Tom", "Tom"]]


async def test_without_parents_nothing_is_asked() -> None:
    context = Context([])

    assert await _data("{ animals { label mates { label } } }", context) == {"animals": []}
    assert [batch for batch, _, _, _ in context.calls] == ["animals"]


async def test_the_same_field_under_two_aliases_has_a_batch_for_each() -> None:
    context = _context()

    data = await _data(
        '{ animals(count: 2) { a: label(prefix: "a ") b: label(prefix: "b ", shoutIt: true) } }', context
    )

    assert data == {"animals": [{"a": "a Tom", "b": "b TOM"}, {"a": "a Rex", "b": "b REX"}]}
    assert context.calls[1:] == [
        ("label", ["Tom", "Rex"], {"prefix": "a ", "shout_it": None}, _NONE),
        ("label", ["Tom", "Rex"], {"prefix": "b ", "shout_it": True}, _NONE),
    ]


async def test_arguments_come_from_variables() -> None:
    context = _context()
    query = "query($p: String!, $s: Boolean) { animals(count: 1) { label(prefix: $p, shoutIt: $s) } }"

    assert await _data(query, context, p="O ", s=True) == {"animals": [{"label": "O TOM"}]}
    assert context.calls[1][2] == {"prefix": "O ", "shout_it": True}


async def test_a_field_that_is_written_twice_is_asked_once_for_what_both_want() -> None:
    context = _context()

    data = await _data("{ animals(count: 1) { mates { name } mates { label } } }", context)

    assert data == {
        "animals": [{"mates": [{"name": "Rex", "label": "the Rex"}, {"name": "Ina", "label": "the Ina"}]}]
    }
    assert [(batch, names) for batch, _, _, names in context.calls] == [
        ("animals", {"mates"}),
        ("mates", {"name", "label"}),
        ("label", _NONE),
    ]


async def test_a_fragment_used_at_two_places_serves_both() -> None:
    context = _context()
    query = """
        { cats: animals(of: ["cat"]) { ...L } dogs: animals(of: ["dog"]) { ...L } }
        fragment L on Animal { label }
    """

    assert await _data(query, context) == {
        "cats": [{"label": "the Tom"}, {"label": "the Ina"}],
        "dogs": [{"label": "the Rex"}],
    }
    asked = [parents for batch, parents, _, _ in context.calls if batch == "label"]
    assert sorted(name for parents in asked for name in parents) == ["Ina", "Rex", "Tom"]


async def test_a_field_with_arguments_of_an_interface_works_on_every_type_of_it() -> None:
    context = _context()
    query = '{ animals { __typename ... on Cat { lives label(prefix: "C ") } ... on Dog { label } } }'

    assert await _data(query, context) == {
        "animals": [
            {"__typename": "Cat", "lives": 9, "label": "C Tom"},
            {"__typename": "Dog", "label": "the Rex"},
            {"__typename": "Cat", "lives": 9, "label": "C Ina"},
        ]
    }
    assert [call for call in context.calls if call[0] == "label"] == [
        ("label", ["Tom", "Ina"], {"prefix": "C ", "shout_it": None}, _NONE),
        ("label", ["Rex"], {"prefix": "the ", "shout_it": None}, _NONE),
    ]


# -- slots


async def test_a_slot_with_an_exception_costs_just_its_parent() -> None:
    result = await _run("{ animals { name mood } }", _context())

    assert result.data == {
        "animals": [
            {"name": "Tom", "mood": None},
            {"name": "Rex", "mood": None},
            {"name": "Ina", "mood": "fine"},
        ]
    }
    assert [(error.path, str(error.original_error)) for error in result.errors or ()] == [
        (["animals", 0, "mood"], "no mood")
    ]


async def test_a_batch_that_fails_costs_its_own_field_of_every_parent() -> None:
    result = await _run("{ animals(count: 2) { lost label } }", _context())

    assert result.data == {
        "animals": [{"lost": None, "label": "the Tom"}, {"lost": None, "label": "the Rex"}]
    }
    assert [(error.path, str(error.original_error)) for error in result.errors or ()] == [
        (["animals", 0, "lost"], "all is lost"),
        (["animals", 1, "lost"], "all is lost"),
    ]


async def test_a_batch_with_a_slot_too_few_serves_nobody_anothers_value() -> None:
    result = await _run("{ animals { short } }", _context())

    assert result.data == {"animals": [{"short": None}] * 3}
    assert [error.path for error in result.errors or ()] == [["animals", n, "short"] for n in range(3)]


# -- what a function is told


async def test_a_batch_is_told_where_it_stands() -> None:
    context = _context()

    await _data("{ zoo: animals(count: 1) { friends: mates { label } } }", context)

    assert [(fetch.path, [node.name.value for node in fetch.nodes]) for fetch in context.fetches] == [
        (("zoo",), ["animals"]),
        (("zoo", 0, "friends"), ["mates"]),
        (("zoo", 0, "friends", 0, "label"), ["label"]),
    ]
    assert {id(fetch.context) for fetch in context.fetches} == {id(context)}


async def test_a_batch_is_told_what_is_asked_below_it() -> None:
    context = _context()
    query = """
        query($no: Boolean!, $yes: Boolean!) {
            animals(count: 1) {
                mates {
                    ...Named
                    ... on Cat { lives }
                    ... @include(if: $yes) { again: mood }
                    ... on Dog @skip(if: $yes) { lost }
                    label @include(if: $no)
                    short @skip(if: $yes)
                }
            }
        }
        fragment Named on Animal { called: name ...Deep }
        fragment Deep on Animal { mates { lives: name } }
    """

    await _data(query, context, no=False, yes=True)

    mates_of_tom = context.fetches[1].selection
    assert mates_of_tom.names == {"name", "mates", "lives", "mood"}
    assert mates_of_tom.at("mates").names == {"name"}


async def test_a_root_field_is_told_its_arguments_and_defaults() -> None:
    context = _context()

    await _data('{ a: animals { name } b: animals(count: 1, of: ["dog"]) { name } }', context)

    assert [arguments for _, _, arguments, _ in context.calls] == [
        {"count": 10, "kinds": None},
        {"count": 1, "kinds": ["dog"]},
    ]


async def test_a_root_field_that_fails_costs_itself() -> None:
    result = await _run("{ refused animals(count: 1) { name } }", _context())

    assert result.data == {"refused": None, "animals": [{"name": "Tom"}]}
    assert [(error.path, str(error.original_error)) for error in result.errors or ()] == [
        (["refused"], "not today")
    ]


async def test_operations_share_nothing() -> None:
    one, other = _context(), Context([Animal("Kot")])
    query = "{ animals { label mates { label } } }"

    mine, yours = await asyncio.gather(_data(query, one), _data(query, other))

    assert [each["label"] for each in mine["animals"]] == ["the Tom", "the Rex", "the Ina"]
    assert yours == {"animals": [{"label": "the Kot", "mates": []}]}
    for context in (one, other):
        assert {id(fetch.context) for fetch in context.fetches} == {id(context)}
    assert [parents for _, parents, _, _ in other.calls] == [[], ["Kot"], ["Kot"]]


async def test_one_document_run_again_is_fetched_again() -> None:
    first, second = _context(), _context()
    second.animals[0].name = "Tim"
    query = "{ animals(count: 1) { label } }"

    assert await _data(query, first) == {"animals": [{"label": "the Tom"}]}
    assert await _data(query, second) == {"animals": [{"label": "the Tim"}]}


# -- the schema


@pytest.mark.parametrize(
    "line",
    [
        '  """All animals."""',
        '    """How many."""',
        "    count: Int! = 10",
        "    of: [String!] = null",
        "  ): [Animal!]!",
        '  """What it is called."""',
        '    """Goes before the name."""',
        '    prefix: String! = "the "',
        "    shoutIt: Boolean = null",
        "  ): String",
        '  mood: String @deprecated(reason: "Ask it.")',
        "  mates: [Animal!]",
    ],
)
def test_the_schema_has_what_was_declared(line: str) -> None:
    assert line in print_schema(_SCHEMA._schema).splitlines()


@pytest.mark.parametrize(("declare", "function"), [(batch_field, labels), (root_field, animals)])
def test_no_field_can_be_declared_without_its_price(declare: Callable[..., Any], function: object) -> None:
    with pytest.raises(TypeError, match="calls"):
        declare(function, description="All.")


def test_a_price_leaves_other_metadata_alone() -> None:
    given = {"owner": "us"}

    declared = batch_field(labels, description="All.", needs=OPEN, calls=free, metadata=given)

    assert {key: declared.metadata[key] for key in ("owner", Price, Scope)} == {
        "owner": "us", Price: free, Scope: OPEN
    }  # fmt: skip
    assert given == {"owner": "us"}


# -- what one must be allowed


async def test_a_field_is_asked_for_the_parents_where_it_is_allowed_and_refused_for_the_others() -> None:
    context = _context()

    result = await _run("{ animals { weight } }", context)

    assert result.data == {"animals": [{"weight": "the Tom"}, {"weight": None}, {"weight": "the Ina"}]}
    assert [(error.path, error.message) for error in result.errors or ()] == [
        (["animals", 1, "weight"], f"operate of {context.animals[1]}")
    ]
    assert [(batch, parents) for batch, parents, _, _ in context.calls[1:]] == [("label", ["Tom", "Ina"])]


async def test_a_field_that_is_allowed_nowhere_asks_nothing() -> None:
    context = Context([Animal("Rex", "dog")])

    result = await _run("{ animals { weight } }", context)

    assert result.data == {"animals": [{"weight": None}]}
    assert [batch for batch, _, _, _ in context.calls] == ["animals"]


async def test_a_root_field_that_is_not_allowed_is_not_begun() -> None:
    context = _context()

    result = await _run("{ guarded { name } animals { name } }", context)

    assert result.data is not None
    assert result.data["guarded"] is None
    assert [error.message for error in result.errors or ()] == ["operate of the root"]
    assert [batch for batch, _, _, _ in context.calls] == ["animals"]


@pytest.mark.parametrize("scope", [Scope.OPERATE, Scope.CASES_READ])
async def test_any_of_the_needed_scopes_suffices(scope: Scope) -> None:
    context = _context()
    context.grants = frozenset({scope})

    result = await _run("{ guarded { weight } }", context)

    assert (result.errors, result.data) == (
        None,
        {"guarded": [{"weight": "the Tom"}, {"weight": "the Rex"}, {"weight": "the Ina"}]},
    )
