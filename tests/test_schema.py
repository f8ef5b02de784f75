"""The graph's public face."""

from pathlib import Path

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    is_specified_scalar_type,
)

from resolvers.schema import build_schema as build_graph

SDL = build_graph().as_str()


@pytest.fixture(scope="module")
def graph() -> GraphQLSchema:
    return build_schema(SDL)


def own_types(graph: GraphQLSchema) -> list[GraphQLNamedType]:
    return [
        each
        for name, each in graph.type_map.items()
        if not name.startswith("__") and not is_specified_scalar_type(each)
    ]


def test_the_exported_schema_is_current() -> None:
    exported = Path(__file__).parent.parent / "schema.graphql"
    assert exported.read_text(encoding="utf-8").rstrip() == SDL.rstrip()


def test_everything_public_is_described(graph: GraphQLSchema) -> None:
    bare = []
    for each in own_types(graph):
        if not each.description:
            bare.append(each.name)
        if isinstance(each, GraphQLEnumType):
            bare += [f"{each.name}.{name}" for name, value in each.values.items() if not value.description]
        if isinstance(each, GraphQLInputObjectType):
            bare += [f"{each.name}.{name}" for name, field in each.fields.items() if not field.description]
        if isinstance(each, GraphQLObjectType | GraphQLInterfaceType):
            for name, field in each.fields.items():
                if not field.description:
                    bare.append(f"{each.name}.{name}")
                bare += [
                    f"{each.name}.{name}({argument})"
                    for argument, declared in field.args.items()
                    if not declared.description
                ]
    assert bare == []


def test_root_fields_may_fail_alone(graph: GraphQLSchema) -> None:
    """A field that a source feeds is nullable, so that its failure costs nothing else."""
    assert graph.query_type is not None
    assert graph.mutation_type is not None
    required = {
        name
        for root in (graph.query_type, graph.mutation_type)
        for name, field in root.fields.items()
        if str(field.type).endswith("!")
    }
    # They answer from what the gateway holds; a node that can't be read is null inside the list.
    assert required == {"nodes", "sources", "viewer"}


def test_every_node_can_be_asked_for_by_its_id(graph: GraphQLSchema) -> None:
    node = graph.type_map["Node"]
    assert isinstance(node, GraphQLInterfaceType)
    assert {each.name for each in graph.get_possible_types(node)} == {
        "Source",
        "Account",
        "Case",
        "Ticket",
        "Message",
        "NotificationSubscription",
        "ProductSubscription",
        "MessageTemplate",
        "Write",
    }
