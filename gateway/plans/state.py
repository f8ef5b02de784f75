"""What one run of a plan knows: the operation's variables and context, and what has gone wrong so far."""

from collections.abc import Awaitable, Sequence
from functools import cached_property
from inspect import iscoroutine
from typing import Any, cast

from graphql import (
    GraphQLAbstractType,
    GraphQLError,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLTypeResolver,
    VariableValues,
    default_field_resolver,
    default_type_resolver,
    get_argument_values,
    located_error,
)
from graphql.execution.executor import Executor
from graphql.pyutils import is_async_iterable, is_awaitable
from graphql.type.definition import GraphQLResolveInfoHelpers
from strawberry.types.arguments import convert_argument

from gateway.plans.info import LazyInfo, graphql_path, lazy_info
from gateway.plans.operation import Operation
from gateway.plans.places import Place, path_of
from gateway.plans.reading import Call, Fetched, Given
from gateway.plans.shapes import Batch, FieldPlan

Arguments = dict[str, Any]


class State:
    """See above.

    Attributes:
        lost: Something is null where it may not be, or was met that plans don't know: graphql-core has to
            make the answer, of what was fetched.
        left_for: What wasn't known, if anything.
    """

    def __init__(
        self, operation: Operation, variables: VariableValues, *, root: object, context: Any
    ) -> None:
        self.operation = operation
        self.variables = variables
        self.root = root
        self.context = context
        self.lost = False
        self.left_for: str | None = None
        self._failed: list[tuple[Exception, Place, int]] = []
        self._arguments: dict[FieldPlan, Arguments | Exception] = {}

    # -- what goes wrong

    @property
    def errors(self) -> list[GraphQLError]:
        """What has cost a value that may be null, each with its place."""
        return [
            located_error(error, list(place.field.nodes), list(path_of(place, index)))
            for error, place, index in self._failed
        ]

    def fail(self, error: Exception, place: Place, index: int, *, non_null: bool) -> None:
        """A value is wrong."""
        if non_null:
            self.lost = True
        else:
            self._failed.append((error, place, index))

    def propagate(self) -> None:
        """There is null where it may not be."""
        self.lost = True

    def leave(self, reason: str) -> None:
        """There is something that only graphql-core knows how to deal with."""
        self.lost = True
        self.left_for = self.left_for or reason

    def must_wait(self, value: object, *, close: bool = False) -> bool:
        """Whether a value is still to be awaited where plans don't wait.

        Args:
            value: Any.
            close: Nobody else will: graphql-core will ask for it anew.
        """
        if not is_awaitable(value):
            return False
        if close and iscoroutine(value):
            value.close()
        self.leave("awaitable inside a value")
        return True

    def must_iterate(self, value: object) -> bool:
        """Whether a list is still to come."""
        if not is_async_iterable(value):
            return False
        self.leave("async iterable")
        return True

    # -- what resolvers are told

    def raw_arguments(self, field: FieldPlan) -> Arguments | Exception:
        """A field's arguments as graphql-core coerces them, or what is wrong with them."""
        if not (field.definition.args or field.nodes[0].arguments):
            return {}
        try:
            return get_argument_values(
                field.definition,
                field.nodes[0],
                self.variables,
                None,
                hide_suggestions=self.operation.hide_suggestions,
            )
        except Exception as error:  # noqa: BLE001 - costs this field, whatever it is
            return error

    def arguments(self, field: FieldPlan, batch: Batch) -> Arguments | Exception:
        """A Strawberry field's arguments, or what is wrong with them: the same for all its objects."""
        known = self._arguments.get(field)
        if known is None:
            known = self._arguments[field] = self._converted(field, batch)
        return known

    def _converted(self, field: FieldPlan, batch: Batch) -> Arguments | Exception:
        raw = self.raw_arguments(field)
        given = cast("Call | Fetched", field.way).given
        if isinstance(raw, Exception) or not given.definition.arguments:
            return raw
        info = self.strawberry_info(field, given, batch, 0)
        try:
            return {
                argument.python_name: convert_argument(
                    raw[name], argument.type, given.scalars, given.config, info, path=(name,)
                )
                for name, argument in given.arguments.items()
                if name in raw
            }
        except Exception as error:  # noqa: BLE001 - costs this field, whatever it is
            return error

    def strawberry_info(self, field: FieldPlan, given: Given, batch: Batch, index: int) -> LazyInfo:
        """What Strawberry tells of the execution; the most of it is made when it is asked for."""
        info_class: Any = given.config.info_class
        return lazy_info(info_class)(
            lambda: self.info_of(field, batch, index), given.definition, self.context
        )

    def info_of(self, field: FieldPlan, batch: Batch, index: int) -> "GraphQLResolveInfo[Any]":
        """What graphql-core tells of the execution, at one object's field."""
        operation = self.operation
        return GraphQLResolveInfo(
            field.name,
            list(field.nodes),
            field.definition.type,
            field.owner,
            graphql_path(batch, field, index),
            operation.schema,
            operation.fragment_definitions,
            self.root,
            operation.node,
            self.variables,
            self.context,
            is_awaitable,
            None,
            self._helpers,
        )

    def info(self, place: Place) -> "GraphQLResolveInfo[Any]":
        """The same for a whole column, at its first value."""
        return self.info_of(place.field, place.batch, place.within(0)[0])

    # -- types of objects

    def type_resolver(self, type_: GraphQLAbstractType) -> GraphQLTypeResolver:
        """What tells of which type an object is."""
        return type_.resolve_type or default_type_resolver

    def valid_type(
        self, name: Any, type_: GraphQLAbstractType, field: FieldPlan, info: Any, value: object
    ) -> GraphQLObjectType:
        """The type that was told.

        Raises:
            GraphQLError: There is none of that name here.
        """
        return self.executor.ensure_valid_runtime_type(name, type_, field.details, info, value)

    @cached_property
    def _helpers(self) -> GraphQLResolveInfoHelpers:
        return GraphQLResolveInfoHelpers(gather=self._gather, track=self._track)

    def _gather(self, values: Sequence[Awaitable[Any]]) -> Awaitable[list[Any]]:
        return self.executor.gather_async_work(values)

    def _track(self, values: Sequence[Any]) -> None:
        self.executor.track_async_work(values)

    @cached_property
    def executor(self) -> "Executor[Any]":
        """graphql-core's own, for what is asked of it."""
        operation = self.operation
        return Executor(
            operation.schema,
            operation.fragment_definitions,
            operation.fragments,
            self.root,
            self.context,
            operation.node,
            self.variables,
            default_field_resolver,
            default_type_resolver,
            default_field_resolver,
            hide_suggestions=operation.hide_suggestions,
        )
