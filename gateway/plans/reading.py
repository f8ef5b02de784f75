"""How a field's values are come by: told from the schema once, so that the layers between can be left out.

Strawberry wraps each resolver for graphql-core. Where the wrapping is known and does nothing but pass
arguments on, a plan calls what is inside; anything else is called as graphql-core would call it.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from inspect import Parameter
from types import CodeType
from typing import Any, TypeAlias

import strawberry
from graphql import GraphQLField, GraphQLFieldResolver, GraphQLSchema, default_field_resolver
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.field import StrawberryField
from strawberry.types.fields.resolver import StrawberryResolver

from gateway.plans.fields import Fetching
from gateway.plans.guard import Check, Guarded


@dataclass(frozen=True, slots=True)
class Attribute:
    """By an attribute of the object."""

    name: str


@dataclass(frozen=True, slots=True)
class Typename:
    """It is the name of the object's type."""


@dataclass(frozen=True, slots=True)
class Given:
    """The arguments of a Strawberry field: how they are handed on.

    Attributes:
        definition: Which field.
        arguments: By the names that graphql-core gives them.
        config: Strawberry's.
        scalars: Strawberry's.
    """

    definition: StrawberryField
    arguments: Mapping[str, StrawberryArgument]
    config: StrawberryConfig
    scalars: Any


@dataclass(frozen=True, slots=True)
class Call:
    """By a function that Strawberry would call for each object.

    Attributes:
        function: It.
        positional: Whether the object is its first argument.
        named: The arguments by which it takes the object.
        info: The argument by which it takes what Strawberry knows of the execution, if it does.
        given: Its other arguments.
    """

    function: Callable[..., Any]
    positional: bool
    named: tuple[str, ...]
    info: str | None
    given: Given


@dataclass(frozen=True, slots=True)
class Fetched:
    """By one call for all objects: see `gateway.plans.fields`."""

    call: Callable[..., Awaitable[Any]]
    at_root: bool
    given: Given


@dataclass(frozen=True, slots=True)
class Resolved:
    """By a resolver of graphql-core's form, whatever it does."""

    resolve: GraphQLFieldResolver


Way: TypeAlias = Attribute | Typename | Call | Fetched | Resolved


def way_of(schema: GraphQLSchema, field: GraphQLField) -> tuple[Way, Check | None]:
    """How a field's values are come by, and the guard's check of them."""
    guarded: Any = field.resolve
    resolve, check = guarded, None
    if isinstance(guarded, Guarded):
        resolve, check = guarded.resolve, guarded.check
    if resolve is None:
        return Resolved(default_field_resolver), check
    strawberry_schema = schema.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    definition = field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    if isinstance(strawberry_schema, strawberry.Schema) and isinstance(definition, StrawberryField):
        return _strawberry_way(strawberry_schema, definition, resolve) or Resolved(resolve), check
    return Resolved(resolve), check


def _strawberry_way(
    schema: strawberry.Schema, field: StrawberryField, resolve: GraphQLFieldResolver
) -> Way | None:
    code = getattr(resolve, "__code__", None)
    if code is _BASIC and _held(resolve, "field") is field and _gets_plainly(field):
        return Attribute(field.python_name) if field.default_resolver is getattr else None
    if code is not _RESOLVER and code is not _ASYNC_RESOLVER:
        return None
    resolver = field.base_resolver
    known = (
        resolver is not None
        and type(resolver) is StrawberryResolver
        and _held(_held(resolve, "_strawberry_info_from_graphql"), "field") is field
        and not _held(resolve, "field_exception_handlers")
        and not field.extensions
        and _gets_plainly(field)
    )
    if not known or resolver is None:
        return None
    converter = schema.schema_converter
    names = converter.config.name_converter
    given = Given(
        field,
        {names.from_argument(each): each for each in field.arguments},
        converter.config,
        converter.scalar_registry,
    )
    fetching = field.metadata.get(Fetching)
    if isinstance(fetching, Fetching) and resolver.wrapped_func is fetching.resolver:
        return Fetched(fetching.call, fetching.at_root, given)
    return _call(resolver, given)


def _call(resolver: StrawberryResolver[Any], given: Given) -> Call | None:
    function = resolver.wrapped_func
    if not callable(function):
        return None
    takers = [each for each in (resolver.parent_parameter, resolver.root_parameter) if each is not None]
    named = tuple(dict.fromkeys(each.name for each in takers))
    info = resolver.info_parameter.name if resolver.info_parameter else None
    first = next(iter(resolver.signature.parameters.values()), None)
    positional = resolver.self_parameter is not None
    if not positional and first is not None and named == (first.name,):
        # Handed on by position where that is the same, which is faster.
        positional = first.kind is Parameter.POSITIONAL_OR_KEYWORD
        named = () if positional else named
    return Call(function, positional, named, info, given)


def _gets_plainly(field: StrawberryField) -> bool:
    return type(field).get_result is StrawberryField.get_result


def _held(function: Any, name: str) -> Any:
    """What a function holds of the function that it was made in."""
    code = getattr(function, "__code__", None)
    if code is None or name not in code.co_freevars:
        return None
    return function.__closure__[code.co_freevars.index(name)].cell_contents


def _made_by_strawberry(name: str) -> CodeType | None:
    constants = GraphQLCoreConverter.from_resolver.__code__.co_consts
    return next((each for each in constants if isinstance(each, CodeType) and each.co_name == name), None)


_BASIC = _made_by_strawberry("_get_basic_result")
_RESOLVER = _made_by_strawberry("_resolver")
_ASYNC_RESOLVER = _made_by_strawberry("_async_resolver")
