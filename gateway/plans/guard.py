"""The last line: no object leaves a field that its reader may not see, whatever path led to it.

Fields say what they need and fetch nothing without it (`gateway.plans.fields`). This looks at what came
out: at every field of the schema that can give a guarded type, declared with needs or not.
"""

from collections.abc import Awaitable, Callable, Collection
from inspect import isawaitable
from typing import Any

from graphql import (
    GraphQLFieldResolver,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    default_field_resolver,
    get_named_type,
)

Check = Callable[[Any, object], Exception | None]
"""Given the operation's context and an object: why it may not be seen, if it may not."""


def guard(schema: GraphQLSchema, guarded: Collection[str], check: Check) -> None:
    """Check what each field gives that can give an object of these types.

    Args:
        schema: Its fields' resolvers are replaced.
        guarded: Names of object types and interfaces.
        check: What decides. An object that it refuses becomes the refusal: its field is null, with an error.
    """
    for each in schema.type_map.values():
        if isinstance(each, GraphQLObjectType) and not each.name.startswith("__"):
            for field in each.fields.values():
                if get_named_type(field.type).name in guarded:
                    field.resolve = Guarded(field.resolve or default_field_resolver, check)


class Guarded:
    """A resolver whose values are checked. A plan takes it apart, and checks a whole level at once."""

    __slots__ = ("check", "resolve")

    def __init__(self, resolve: GraphQLFieldResolver, check: Check) -> None:
        self.resolve = resolve
        self.check = check

    def __call__(self, root: object, info: "GraphQLResolveInfo[Any]", **arguments: object) -> object:
        value = self.resolve(root, info, **arguments)
        if isawaitable(value):
            return _later(value, info.context, self.check)
        return seen(value, info.context, self.check)


async def _later(value: Awaitable[object], context: object, check: Check) -> object:
    return seen(await value, context, check)


def seen(value: object, context: object, check: Check) -> object:
    """What is left of a value: refusals stand in the place of objects that may not be seen."""
    if isinstance(value, list | tuple):
        return [seen(each, context, check) for each in value]
    return value if value is None else check(context, value) or value
