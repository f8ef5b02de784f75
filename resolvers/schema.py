"""The schema: its roots, and the types that only interfaces lead to."""

from datetime import datetime
from typing import cast

import strawberry
from graphql import (
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    Undefined,
)

from gateway.domain.ids import EntityType
from gateway.plans.guard import guard
from resolvers.access import READS, seeing
from resolvers.context import Context
from resolvers.mutations.root import Mutation
from resolvers.queries.root import Query
from resolvers.types.conversation import Case, Ticket
from resolvers.types.scalars import DATE_TIME
from resolvers.types.subscription import MessageTemplate, NotificationSubscription, ProductSubscription


def build_schema() -> strawberry.Schema:
    """Make the graph's schema."""
    schema = strawberry.Schema(
        query=Query,
        mutation=Mutation,
        types=[Case, Ticket, NotificationSubscription, ProductSubscription, MessageTemplate],
        scalar_overrides={datetime: DATE_TIME},
    )
    _drop_null_defaults(schema)
    guard(schema._schema, _guarded(schema._schema), _seeing)  # noqa: SLF001 - as above
    return schema


def _guarded(schema: GraphQLSchema) -> set[str]:
    """The types of records that need a scope, and the interfaces that may give one.

    Raises:
        TypeError: A type with a global id is none that `READS` knows.
    """
    guarded: set[str] = set()
    for each in schema.get_possible_types(cast("GraphQLInterfaceType", schema.type_map["Node"])):
        try:
            needed = READS[EntityType(each.name)]
        except (KeyError, ValueError) as error:
            raise TypeError(f"{each.name}: say in resolvers.access what it needs") from error
        if needed is not None:
            guarded |= {each.name, *(interface.name for interface in each.interfaces)}
    return guarded


def _seeing(context: Context, found: object) -> Exception | None:
    return seeing(context.principal.grants, found)


def _drop_null_defaults(schema: strawberry.Schema) -> None:
    """Leave `= null` out of the SDL: Strawberry writes it for every Python default of None."""
    for each in schema._schema.type_map.values():  # noqa: SLF001 - there is no other way to it
        if isinstance(each, GraphQLInputObjectType):
            places = list(each.fields.values())
        elif isinstance(each, GraphQLObjectType | GraphQLInterfaceType):
            places = [place for field in each.fields.values() for place in field.args.values()]
        else:
            continue
        for place in places:
            if place.default_value is None:
                place.default_value = Undefined
