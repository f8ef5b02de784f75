from dataclasses import dataclass
from typing import Any

import pytest
from graphql import GraphQLSchema, build_schema, execute, parse

from gateway.plans.guard import guard

_SDL = """
interface Animal { name: String! }
type Cat implements Animal { name: String!, friend: Animal, kittens: [Cat!], list: Page }
type Dog implements Animal { name: String!, friend: Animal, kittens: [Cat!], list: Page }
type Page { nodes: [Animal!]! }
type Query { animal: Animal, cat: Cat, grid: [[Animal]], page: Page }
"""


@dataclass
class Being:
    kind: str
    name: str
    friend: "Being | None" = None
    kittens: "list[Being] | None" = None
    list: Any = None


TOM, REX = Being("Cat", "Tom"), Being("Dog", "Rex")


def _refuse_dogs(context: object, found: object) -> Exception | None:
    assert context == "the context"
    if isinstance(found, Being) and found.kind == "Dog":
        return PermissionError("no dogs")
    return None


@pytest.fixture
def schema() -> GraphQLSchema:
    built = build_schema(_SDL)
    built.type_map["Animal"].resolve_type = lambda being, *_: being.kind  # type: ignore[attr-defined]
    guard(built, {"Animal", "Cat", "Dog"}, _refuse_dogs)
    return built


def _run(schema: GraphQLSchema, query: str, root: object) -> tuple[Any, list[tuple[Any, str]]]:
    result: Any = execute(schema, parse(query), root, "the context")
    return result.data, [(error.path, error.message) for error in result.errors or ()]


def test_what_may_be_seen_passes(schema: GraphQLSchema) -> None:
    root = {"animal": TOM, "grid": [[TOM, None], []], "cat": None}
    assert _run(schema, "{ animal { name } grid { name } cat { name } }", root) == (
        {"animal": {"name": "Tom"}, "grid": [[{"name": "Tom"}, None], []], "cat": None},
        [],
    )


def test_what_may_not_be_seen_is_null_with_an_error_wherever_it_stands(schema: GraphQLSchema) -> None:
    tom = Being("Cat", "Tom", friend=REX)
    root = {"animal": REX, "cat": tom, "grid": [[TOM, REX]]}
    assert _run(schema, "{ animal { name } cat { name friend { name } } grid { name } }", root) == (
        {"animal": None, "cat": {"name": "Tom", "friend": None}, "grid": [[{"name": "Tom"}, None]]},
        [
            (["animal"], "no dogs"),
            (["cat", "friend"], "no dogs"),
            (["grid", 0, 1], "no dogs"),
        ],
    )


def test_where_null_may_not_stand_the_whole_list_is_null(schema: GraphQLSchema) -> None:
    root = {"page": {"nodes": [TOM, REX]}}
    assert _run(schema, "{ page { nodes { name } } }", root) == (
        {"page": None},
        [(["page", "nodes", 1], "no dogs")],
    )


async def test_what_comes_later_is_looked_at_too(schema: GraphQLSchema) -> None:
    async def later(_info: object) -> Being:
        return REX

    result: Any = await execute(schema, parse("{ animal { name } }"), {"animal": later}, "the context")  # type: ignore[misc]
    assert (result.data, [str(error.original_error) for error in result.errors]) == (
        {"animal": None},
        ["no dogs"],
    )
