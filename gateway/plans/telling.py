"""Of which type an object is, where Strawberry would find that out by trying one type after the other.

Before it tries them it looks whether the object was cast, is of a Strawberry class, or names its type: for
records of other classes, without attributes of their own, the class alone tells that none of it applies.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from inspect import iscoroutine
from types import CodeType
from typing import Any

from graphql import GraphQLAbstractType, GraphQLInterfaceType, GraphQLObjectType
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.cast import TYPE_CAST_ATTRIBUTE


def tries_types(type_: GraphQLAbstractType) -> bool:
    """Whether an interface has Strawberry's own way of telling."""
    code = getattr(type_.resolve_type, "__code__", None)
    return isinstance(type_, GraphQLInterfaceType) and code is not None and code is _BY_STRAWBERRY


@lru_cache(maxsize=1024)
def says_nothing(kind: Any) -> bool:
    """Whether objects of a class can't tell of which type they are."""
    named = [f"_{each.__name__}__typename" for each in kind.__mro__]
    return (
        not kind.__dictoffset__
        and not issubclass(kind, Mapping)
        and not any(hasattr(kind, each) for each in (*named, TYPE_CAST_ATTRIBUTE, "__getattr__"))
        and not hasattr(kind, "__strawberry_definition__")
    )


def first_of(candidates: Sequence[GraphQLObjectType], value: Any, info: Any) -> GraphQLObjectType | None:
    """The first type that an object is of; None if that has to be looked at more closely."""
    for each in candidates:
        if each.is_type_of is not None:
            is_one = each.is_type_of(value, info)
            if is_one is True:
                return each
            if is_one is not False:
                # Awaitable, perhaps: it is asked anew.
                if iscoroutine(is_one):
                    is_one.close()
                return None
    return None


def _code() -> CodeType | None:
    made = GraphQLCoreConverter.from_interface.__code__.co_consts
    inner = [each for each in made if isinstance(each, CodeType) and each.co_name == "_get_resolve_type"]
    return next(
        (
            each
            for one in inner
            for each in one.co_consts
            if isinstance(each, CodeType) and each.co_name == "resolve_type"
        ),
        None,
    )


_BY_STRAWBERRY = _code()
