"""Runs operations by plans, and by graphql-core what plans don't do."""

from collections import Counter
from collections.abc import Mapping
from inspect import isawaitable
from typing import Any

from graphql import (
    ExecutionResult,
    GraphQLSchema,
    VariableValues,
    assert_valid_schema,
    execute,
    get_operation_ast,
    get_variable_values,
)

from gateway.plans.compile import Prepared
from gateway.plans.operation import KnownFields
from gateway.plans.replay import replay
from gateway.plans.run import Run

_MAX_VARIABLE_ERRORS = 50
_NO_VARIABLES = VariableValues({}, {})


class Engine:
    """Runs the operations of one schema.

    Attributes:
        planned: How many ran by a plan from end to end.
        replayed: How many had null where it may not be, so that graphql-core made the answer.
        fallbacks: How many were left to graphql-core, by reason.
    """

    def __init__(
        self, schema: GraphQLSchema, *, enabled: bool = True, hide_suggestions: bool = False
    ) -> None:
        """Take the schema.

        Args:
            schema: Its resolvers don't change from now on.
            enabled: Whether plans are used at all.
            hide_suggestions: Whether errors may suggest names of the schema.
        """
        assert_valid_schema(schema)
        self._schema = schema
        self._known = KnownFields(schema)
        self._enabled = enabled
        self._hide_suggestions = hide_suggestions
        self.planned = 0
        self.replayed = 0
        self.fallbacks: Counter[str] = Counter()

    async def run(
        self,
        prepared: Prepared,
        *,
        context: Any,
        root: object = None,
        variables: Mapping[str, Any] | None = None,
        operation_name: str | None = None,
    ) -> ExecutionResult:
        """Run an operation; the result is what graphql-core's `execute` would give."""
        given = dict(variables or {})
        node = get_operation_ast(prepared.document, operation_name)
        if node is None or not self._enabled or self._schema.get_root_type(node.operation) is None:
            return await self._fall_back(prepared, context, root, given, operation_name)
        beyond = prepared.scan(operation_name, node).beyond
        if beyond is not None:
            self.fallbacks[beyond] += 1
            return await self._fall_back(prepared, context, root, given, operation_name)
        values = _NO_VARIABLES
        if node.variable_definitions:
            coerced = get_variable_values(
                self._schema,
                node.variable_definitions,
                given,
                max_errors=_MAX_VARIABLE_ERRORS,
                hide_suggestions=self._hide_suggestions,
            )
            if not isinstance(coerced, VariableValues):
                return ExecutionResult(None, errors=coerced)
            values = coerced
        operation = prepared.operation(
            self._known, operation_name, node, values, hide_suggestions=self._hide_suggestions
        )
        if operation is None:
            self.fallbacks["condition is null"] += 1
            return await self._fall_back(prepared, context, root, given, operation_name)
        run = Run(operation, values, root=root, context=context)
        data = await run.data()
        if run.lost:
            if run.left_for is None:
                self.replayed += 1
            else:
                self.fallbacks[run.left_for] += 1
            return await replay(run, prepared.document, given, operation_name)
        self.planned += 1
        return ExecutionResult(data, run.errors or None)

    async def _fall_back(
        self,
        prepared: Prepared,
        context: Any,
        root: object,
        variables: dict[str, Any],
        operation_name: str | None,
    ) -> ExecutionResult:
        result = execute(
            self._schema,
            prepared.document,
            root_value=root,
            context_value=context,
            variable_values=variables,
            operation_name=operation_name,
            hide_suggestions=self._hide_suggestions,
        )
        return await result if isawaitable(result) else result
