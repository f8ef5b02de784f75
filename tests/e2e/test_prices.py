"""What operations are estimated to cost, and what they really cost over the sandbox."""

from collections.abc import AsyncIterator, Iterator

import pytest
from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLObjectType,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    is_abstract_type,
    parse,
    validate,
    visit,
)

from gateway import config
from gateway.assembly import open_catalog
from gateway.commands.dev import sandbox_sources
from gateway.plans.estimate import estimate
from gateway.plans.price import Price
from gateway.plans.price_list import PriceList
from resolvers.context import Context
from resolvers.schema import build_schema
from tests.e2e.conftest import Stack, open_stack
from tests.e2e.priced_operations import READS, WRITES, Operation, known_ids
from tests.resolvers.contexts import context

SCHEMA = build_schema()._schema
PRICES = PriceList(SCHEMA)


@pytest.fixture
async def fresh_stack() -> AsyncIterator[Stack]:
    """One that nothing has been written to or read from."""
    async with open_stack() as opened:
        yield opened


@pytest.fixture
async def pricing(fresh_stack: Stack) -> AsyncIterator[Context]:
    """A context over the same sources: nothing is ever called through it."""
    sources = sandbox_sources(fresh_stack.sandbox, fresh_stack.running)
    async with open_catalog(config.check({"sources": sources})) as catalog:
        yield context(*catalog)


def priced(document: DocumentNode) -> Iterator[str]:
    """The fields with a price that a document uses, of each type that may answer them."""
    info = TypeInfo(SCHEMA)
    found: set[str] = set()

    class Collect(Visitor):
        def enter_field(self, node: FieldNode, *_: object) -> None:
            parent = info.get_parent_type()
            assert parent is not None
            types = SCHEMA.get_possible_types(parent) if is_abstract_type(parent) else (parent,)
            found.update(f"{each.name}.{node.name.value}" for each in types)

    visit(document, TypeInfoVisitor(info, Collect()))
    return iter(found)


def test_every_fetching_field_is_in_some_operation() -> None:
    declared = {
        f"{each.name}.{name}"
        for each in SCHEMA.type_map.values()
        if isinstance(each, GraphQLObjectType) and not each.name.startswith("__")
        for name, field in each.fields.items()
        if Price in field.extensions["strawberry-definition"].metadata
    }
    used = {name for each in (*READS, *WRITES) for name in priced(parse(each.document))}
    assert declared - used == set()


@pytest.mark.parametrize("operation", [*READS, *WRITES], ids=lambda each: each.name)
def test_the_operations_are_valid(operation: Operation) -> None:
    assert validate(SCHEMA, parse(operation.document)) == []


async def test_no_operation_costs_more_than_was_estimated(fresh_stack: Stack, pricing: Context) -> None:
    known = await known_ids(fresh_stack)
    estimated: dict[str, int] = {}
    caused: dict[str, int] = {}
    refused: dict[str, list[object]] = {}
    for each in (*READS, *WRITES):
        if each.name == "a look for a write":
            found = await fresh_stack.data("{ writes(first: 1) { nodes { id } } }")
            known["write"] = found["writes"]["nodes"][0]["id"]
        variables = {**known, **each.variables}
        estimated[each.name] = estimate(PRICES, parse(each.document), None, variables, pricing).calls
        fresh_stack.forget()
        answer = await fresh_stack.data(each.document, variables)
        caused[each.name] = sum(fresh_stack.calls().values())
        refused[each.name] = [
            payload["userErrors"] for payload in answer.values() if "userErrors" in (payload or ())
        ]

    assert {name: errors for name, errors in refused.items() if any(errors)} == {}
    assert estimated == {each.name: each.calls for each in (*READS, *WRITES)}
    assert {name: calls for name, calls in caused.items() if calls > estimated[name]} == {}
