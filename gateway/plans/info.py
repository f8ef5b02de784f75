"""What resolvers are told of the execution: made when it is asked for, as most ask for the context alone."""

from collections.abc import Callable
from functools import cached_property, lru_cache
from typing import Any, TypeAlias

from graphql import GraphQLResolveInfo
from graphql.pyutils import Path
from strawberry.types import Info
from strawberry.types.field import StrawberryField

from gateway.plans.places import Place
from gateway.plans.shapes import Batch, FieldPlan

LazyInfo: TypeAlias = Any
"""An `Info` of the schema's own class."""


@lru_cache(maxsize=64)
def lazy_info(
    info_class: type[Info[Any, Any]],
) -> Callable[[Callable[[], Any], StrawberryField, Any], LazyInfo]:
    """The schema's class of `Info`, made to look only when it is asked."""

    class Lazy(info_class):  # type: ignore[misc, valid-type]
        def __init__(
            self, look: Callable[[], "GraphQLResolveInfo[Any]"], field: StrawberryField, context: Any
        ) -> None:
            self._look = look
            self._field = field
            self._context = context

        @cached_property
        def _raw_info(self) -> "GraphQLResolveInfo[Any]":
            return self._look()

    if info_class.context is Info.context:
        Lazy.context = property(lambda self: self._context)
    Lazy.__name__ = Lazy.__qualname__ = info_class.__name__
    return Lazy


def graphql_path(batch: Batch, field: FieldPlan, index: int) -> Path:
    """Where a field of an object stands, in graphql-core's form."""
    return Path(_object_path(batch, index), field.key, field.owner.name)


def _object_path(batch: Batch, index: int) -> Path | None:
    return None if batch.place is None else _value_path(batch.place, index)


def _value_path(place: Place, index: int) -> Path:
    owner, *indexes = place.within(index)
    path = graphql_path(place.batch, place.field, owner)
    for each in indexes:
        path = path.add_key(each, None)
    return path
