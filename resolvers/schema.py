"""The schema: its roots, and the types that only interfaces lead to."""

from datetime import datetime

import strawberry
from graphql import GraphQLInputObjectType, GraphQLInterfaceType, GraphQLObjectType, Undefined

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
    return schema


def _drop_null_defaults(schema: strawberry.Schema) -> None:
    """Leave `= null` out of the SDL: Strawberry writes it for every Python default of None."""
    for each in schema._schema.type_map.values():  # noqa: SLF001 - there is no setting for it
        if isinstance(each, GraphQLInputObjectType):
            places = list(each.fields.values())
        elif isinstance(each, GraphQLObjectType | GraphQLInterfaceType):
            places = [place for field in each.fields.values() for place in field.args.values()]
        else:
            continue
        for place in places:
            if place.default_value is None:
                place.default_value = Undefined
