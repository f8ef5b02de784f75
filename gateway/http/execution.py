"""Runs one GraphQL request: parse, validate, execute, and shape the answer."""

import inspect
from dataclasses import dataclass
from typing import Any

import strawberry
from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    NoSchemaIntrospectionCustomRule,
    OperationType,
    execute,
    get_operation_ast,
    parse,
    specified_rules,
    validate,
)
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.spending import Spending
from gateway.http.errors import formatted, log_source_error, refused
from gateway.http.graphql_request import GraphQLRequest
from gateway.http.problems import HttpProblem
from gateway.observability.request import operation
from gateway.observability.tracing import NOTHING, Span
from gateway.plans.estimate import estimate
from gateway.plans.price_list import PriceList
from resolvers.context import Context, Report

# Validation's time grows with the square of what it is given; this is the cheap guard before it.
MAX_TOKENS = 1_000
_MAX_VALIDATION_ERRORS = 20
# Strawberry has its own form of @oneOf, which graphql-core's rules don't know.
_RULES = (*specified_rules, OneOfInputValidationRule)


@dataclass(frozen=True, slots=True)
class Answer:
    """A response's body, and whether the request as such was good (else 400 for strict clients)."""

    body: dict[str, Any]
    accepted: bool


class Executor:
    """Runs requests against the schema."""

    def __init__(self, schema: strawberry.Schema, *, introspection: bool = True) -> None:
        """Take the schema.

        Args:
            schema: What requests are run against.
            introspection: Whether it may be asked for, and told of in errors' suggestions.
        """
        self._introspection = introspection
        self._rules = _RULES if introspection else (*_RULES, NoSchemaIntrospectionCustomRule)
        self._schema = schema._schema  # noqa: SLF001 - Strawberry offers no other way to graphql-core's
        self._prices = PriceList(self._schema)

    async def run(
        self,
        request: GraphQLRequest,
        context: Context,
        *,
        mutations: bool,
        spending: Spending | None = None,
    ) -> Answer:
        """Run a request.

        Args:
            request: What is asked.
            context: What is known of it.
            mutations: Whether mutations may run.
            spending: Where its calls are counted, if the answer shall say what it cost.
        Raises:
            HttpProblem: 405, a mutation where none may run.
        """
        try:
            document = parse(request.query, max_tokens=MAX_TOKENS)
            errors = validate(
                self._schema,
                document,
                self._rules,
                max_errors=_MAX_VALIDATION_ERRORS,
                hide_suggestions=not self._introspection,
            )
        except GraphQLError as error:
            return _refused([error], ErrorCode.GRAPHQL_PARSE_FAILED, context)
        if errors:
            return _refused(errors, ErrorCode.GRAPHQL_VALIDATION_FAILED, context)
        _check_method(document, request.operation_name, mutations=mutations)
        cost = None if spending is None else self._cost_before(document, request, context)
        with _observed(document, request):
            result = execute(
                self._schema,
                document,
                context_value=context,
                variable_values=request.variables,
                operation_name=request.operation_name,
                hide_suggestions=not self._introspection,
            )
            if inspect.isawaitable(result):
                result = await result
        answer = _answer(result, context)
        if spending is not None and cost is not None and answer.accepted:
            cost |= {"actualCalls": spending.in_all, "bySource": dict(spending.by_source)}
            answer.body["extensions"] = {"cost": cost}
        return answer

    def _cost_before(
        self, document: DocumentNode, request: GraphQLRequest, context: Context
    ) -> dict[str, Any]:
        estimated = estimate(self._prices, document, request.operation_name, request.variables, context)
        return {"estimatedCalls": estimated.calls}


def _observed(document: DocumentNode, request: GraphQLRequest) -> Span:
    asked = get_operation_ast(document, request.operation_name)
    if asked is None:
        return NOTHING
    return operation(asked.operation.value, asked.name.value if asked.name else None)


def _check_method(document: DocumentNode, name: str | None, *, mutations: bool) -> None:
    operation = get_operation_ast(document, name)
    if operation is not None and operation.operation is OperationType.MUTATION and not mutations:
        raise HttpProblem(405, "Mutations run by POST only.", headers={"Allow": "POST"})


def _refused(errors: list[GraphQLError], code: ErrorCode, context: Context) -> Answer:
    body = {"errors": [refused(error, code, request_id=context.request_id) for error in errors]}
    return Answer(body, accepted=False)


def _answer(result: ExecutionResult, context: Context) -> Answer:
    errors = [*(result.errors or ()), *map(_reported, context.reports)]
    _log(errors, context)
    # An error without a path came before execution: the variables or the operation's name.
    if result.data is None and any(error.path is None for error in errors):
        return Answer({"errors": _formatted(errors, context)}, accepted=False)
    body: dict[str, Any] = {"data": result.data}
    if errors:
        body["errors"] = _formatted(errors, context)
    return Answer(body, accepted=True)


def _log(errors: list[GraphQLError], context: Context) -> None:
    """Once for what has failed in the same way, however many fields it cost."""
    seen = {id(each.original_error): each.original_error for each in errors}
    alike: dict[tuple[str, str], list[GatewayError]] = {}
    for error in seen.values():
        if isinstance(error, GatewayError):
            alike.setdefault((type(error).__name__, str(error)), []).append(error)
    for several in alike.values():
        log_source_error(several[0], times=len(several), request_id=context.request_id)


def _formatted(errors: list[GraphQLError], context: Context) -> list[dict[str, Any]]:
    return [formatted(error, request_id=context.request_id) for error in errors]


def _reported(report: Report) -> GraphQLError:
    return GraphQLError(
        report.error.message, nodes=list(report.nodes), path=list(report.path), original_error=report.error
    )
