"""Runs one GraphQL request: reads its document, prices and executes it, and shapes the answer."""

from dataclasses import dataclass
from typing import Any, cast

from graphql import (
    DocumentNode,
    ExecutionResult,
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    OperationType,
    get_operation_ast,
)

from gateway.domain.audit import access_refused
from gateway.domain.errors import Forbidden, GatewayError, RequestError
from gateway.domain.ledger import LedgerUnavailable
from gateway.domain.spending import Spending
from gateway.http.documents import Documents, InvalidDocument
from gateway.http.errors import formatted, limited, log_source_error, refused
from gateway.http.graphql_request import GraphQLRequest
from gateway.http.problems import HttpProblem
from gateway.observability.request import operation
from gateway.observability.tracing import NOTHING, Span
from gateway.plans.engine import Engine
from gateway.plans.estimate import estimate
from gateway.plans.price_list import PriceList
from gateway.security.answer_size import answer_size
from gateway.security.exceeding import TooManyEstimatedCalls
from gateway.security.limit_settings import LimitSettings
from resolvers.context import Context, Report


@dataclass(frozen=True, slots=True)
class Answer:
    """A response's body, and whether the request as such was good (else 400 for strict clients)."""

    body: dict[str, Any]
    accepted: bool


class Executor:
    """Runs requests against the schema."""

    def __init__(
        self,
        schema: GraphQLSchema,
        documents: Documents,
        limits: LimitSettings,
        *,
        introspection: bool,
        plans: bool = True,
    ) -> None:
        """Take the schema.

        Args:
            schema: What requests are run against.
            documents: Makes documents of requests.
            limits: How much an operation may ask for.
            introspection: Whether errors may suggest names.
            plans: Whether operations are compiled.
        """
        self._documents = documents
        self._limits = limits
        self._schema = schema
        self.engine = Engine(schema, enabled=plans, hide_suggestions=not introspection)
        self._prices = PriceList(self._schema)

    async def run(
        self,
        request: GraphQLRequest,
        context: Context,
        *,
        client: str,
        mutations: bool,
        spending: Spending | None = None,
    ) -> Answer:
        """Run a request.

        Args:
            request: What is asked.
            context: What is known of it.
            client: What its client is counted as.
            mutations: Whether mutations may run.
            spending: Where its calls are counted, if the answer shall say what it cost.
        Raises:
            HttpProblem: 405, a mutation where none may run.
        """
        try:
            prepared = self._documents.read(request, client=client)
            document = prepared.document
            _check_method(document, request.operation_name, mutations=mutations)
            cost = self._cost_before(document, request, context)
        except InvalidDocument as refusal:
            return _refused(refusal, context)
        except RequestError as error:
            return _limited(error, context)
        with _observed(document, request):
            result = await self.engine.run(
                prepared,
                context=context,
                variables=request.variables,
                operation_name=request.operation_name,
            )
        await _audit_refusals(document, request, result, context)
        answer = _answer(result, context)
        if spending is not None and answer.accepted:
            cost |= {"actualCalls": spending.in_all, "bySource": dict(spending.by_source)}
            answer.body["extensions"] = {"cost": cost}
        return answer

    def _cost_before(
        self, document: DocumentNode, request: GraphQLRequest, context: Context
    ) -> dict[str, Any]:
        """What the operation may cost.

        Raises:
            LimitExceeded: That is more than one may, or its answer is.
        """
        asked = get_operation_ast(document, request.operation_name)
        if asked is not None:
            answer_size(self._schema, document, asked).check(request.variables, self._limits)
        estimated = estimate(self._prices, document, request.operation_name, request.variables, context)
        if estimated.calls > self._limits.max_estimated_calls:
            raise TooManyEstimatedCalls(estimated.calls, self._limits.max_estimated_calls)
        return {"estimatedCalls": estimated.calls}


async def _audit_refusals(
    document: DocumentNode, request: GraphQLRequest, result: ExecutionResult, context: Context
) -> None:
    """Record who wanted to write what they may not: nothing else tells of it."""
    asked = get_operation_ast(document, request.operation_name)
    if asked is None or asked.operation is not OperationType.MUTATION:
        return
    told: set[tuple[str, str, str | None]] = set()
    for error in result.errors or ():
        refusal, nodes = error.original_error, error.nodes or ()
        if not isinstance(refusal, Forbidden) or len(error.path or ()) != 1 or not nodes:
            continue
        name = cast("FieldNode", nodes[0]).name.value
        # Once a request: these rows can't be deleted for 30 days, and each is a commit.
        if (what := (name, refusal.scope, refusal.source)) in told:
            continue
        told.add(what)
        try:
            await context.audit.append(access_refused(name, refusal.scope, source=refusal.source))
        except LedgerUnavailable as unavailable:
            log_source_error(unavailable, request_id=context.request_id)


def _observed(document: DocumentNode, request: GraphQLRequest) -> Span:
    asked = get_operation_ast(document, request.operation_name)
    if asked is None:
        return NOTHING
    return operation(asked.operation.value, asked.name.value if asked.name else None)


def _check_method(document: DocumentNode, name: str | None, *, mutations: bool) -> None:
    operation = get_operation_ast(document, name)
    if operation is not None and operation.operation is OperationType.MUTATION and not mutations:
        raise HttpProblem(405, "Mutations run by POST only.", headers={"Allow": "POST"})


def _refused(refusal: InvalidDocument, context: Context) -> Answer:
    errors = [refused(each, refusal.code, request_id=context.request_id) for each in refusal.errors]
    return Answer({"errors": errors}, accepted=False)


def _limited(error: RequestError, context: Context) -> Answer:
    return Answer({"errors": [limited(error, request_id=context.request_id)]}, accepted=False)


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
