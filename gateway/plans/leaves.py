"""Columns of scalars and enums.

Most columns hold what can go out as it is, which one pass over their types tells. The others are coerced
value by value, by the schema's own functions.
"""

from collections.abc import Callable, Collection, Iterable
from enum import Enum
from math import isfinite
from typing import TYPE_CHECKING, Any

from graphql import (
    GraphQLEnumType,
    GraphQLLeafType,
    GraphQLScalarType,
    Undefined,
    specified_scalar_types,
)
from graphql.pyutils import inspect
from graphql.type.scalars import GRAPHQL_MAX_INT, GRAPHQL_MIN_INT
from strawberry.schema.schema_converter import CustomGraphQLEnumType

from gateway.plans.kinds import all_plain
from gateway.plans.places import Place

if TYPE_CHECKING:
    from gateway.plans.run import Run

_NOTHING: frozenset[type] = frozenset()
_NO_VALUES = frozenset({type(None), type(Undefined)})
_AS_THEY_ARE = {"String": frozenset({str}), "ID": frozenset({str}), "Boolean": frozenset({bool})}


class LeafCompleting:
    """Makes values of the answer of a column of leaves.

    Attributes:
        exact: The types of values that go out as they are; empty if they have to be looked at.
    """

    __slots__ = ("_fast", "_type", "exact", "non_null")

    def __init__(self, type_: GraphQLLeafType, *, non_null: bool) -> None:
        self._type = type_
        self.non_null = non_null
        own = type_.name in _AS_THEY_ARE and specified_scalar_types.get(type_.name) is type_
        exact = _AS_THEY_ARE[type_.name] if own else _NOTHING
        self.exact = exact if non_null or not exact else exact | {type(None)}
        self._fast = None if exact else _fast(type_, non_null=non_null)

    def complete(self, run: "Run", values: list[Any], place: Place) -> list[Any]:
        """One value of the answer for each of the column."""
        if self.exact and self.exact.issuperset(map(type, values)):
            return values
        if self._fast is not None:
            try:
                done = self._fast(values)
            except Exception:  # noqa: BLE001 - whatever it is, it comes up again in its own place
                done = None
            if done is not None:
                return done
        return [self._one(run, value, place, index) for index, value in enumerate(values)]

    def _one(self, run: "Run", value: Any, place: Place, index: int) -> Any:
        if value is None or value is Undefined:
            if self.non_null:
                run.propagate()
            return None
        if run.must_wait(value):
            return None
        try:
            if isinstance(value, Exception):
                raise value
            return coerced(self._type, value)
        except Exception as error:  # noqa: BLE001 - costs this value, whatever it is
            run.fail(error, place, index, non_null=self.non_null)
            return None


def coerced(type_: GraphQLLeafType, value: Any) -> Any:
    """As graphql-core does it.

    Raises:
        Exception: What the type says of a wrong value.
    """
    done = type_.coerce_output_value(value)
    if done is Undefined or done is None:
        raise TypeError(
            f"Expected `{inspect(type_)}.coerce_output_value({inspect(value)})` to return non-nullable value,"
            f" returned: {inspect(done)}"
        )
    return done


_Fast = Callable[[list[Any]], list[Any] | None]


def _fast(type_: GraphQLLeafType, *, non_null: bool) -> _Fast | None:
    """A way for whole columns; it gives None, or raises, where single values have to be looked at."""
    if specified_scalar_types.get(type_.name) is type_:
        return {"Int": _ints(non_null=non_null), "Float": _floats(non_null=non_null)}.get(type_.name)
    if isinstance(type_, GraphQLEnumType):
        return _members(type_, non_null=non_null)
    return _scalars(type_, non_null=non_null)


def _ints(*, non_null: bool) -> _Fast:
    def fast(values: list[Any]) -> list[Any] | None:
        types = {*map(type, values)}
        if types == {int}:
            given: Collection[int] = values
        elif not non_null and types <= {int, type(None)}:
            given = [each for each in values if each is not None] or (0,)
        else:
            return None if values else values
        return values if min(given) >= GRAPHQL_MIN_INT and max(given) <= GRAPHQL_MAX_INT else None

    return fast


def _floats(*, non_null: bool) -> _Fast:
    def fast(values: list[Any]) -> list[Any] | None:
        types = {*map(type, values)}
        if types == {float}:
            return values if all(map(isfinite, values)) else None
        if not non_null and types <= {float, type(None)}:
            return values if all(each is None or isfinite(each) for each in values) else None
        return None if values else values

    return fast


def _members(type_: GraphQLEnumType, *, non_null: bool) -> _Fast | None:
    """By a table of the enum's members, of which there are few."""
    if not isinstance(type_, CustomGraphQLEnumType):
        return None
    # By identity, as members are slow to hash; the enum keeps them for ever.
    names: dict[int, Any] = {} if non_null else {id(None): None}
    members: Iterable[Enum] = type_.wrapped_cls
    for member in members:
        try:
            names[id(member)] = type_.coerce_output_value(member)
        except Exception:  # noqa: BLE001 - a member without a name
            return None
    allowed = frozenset({type_.wrapped_cls} if non_null else {type_.wrapped_cls, type(None)})

    def fast(values: list[Any]) -> list[Any] | None:
        if not allowed.issuperset(map(type, values)):
            return None
        return [names[id(each)] for each in values]

    return fast


def _scalars(type_: GraphQLLeafType, *, non_null: bool) -> _Fast | None:
    if not isinstance(type_, GraphQLScalarType):
        return None
    serialize = type_.coerce_output_value

    def fast(values: list[Any]) -> list[Any] | None:
        types = {*map(type, values)}
        if type(None) in types and not non_null:
            types.discard(type(None))
            given: list[Any] = [each for each in values if each is not None]
        else:
            given = values
        if not all_plain(types):
            return None
        done = [serialize(each) for each in given]
        if not _NO_VALUES.isdisjoint(map(type, done)):
            return None
        if given is values:
            return done
        rest = iter(done)
        return [None if each is None else next(rest) for each in values]

    return fast
