"""`/graphql`: GraphQL over HTTP, and the explorer for browsers.

Specification: https://graphql.github.io/graphql-over-http/draft/
"""

import re
import secrets
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from gateway.domain.access import Principal
from gateway.domain.acting import Actor
from gateway.http import explorer
from gateway.http.authentication import Authentication
from gateway.http.caller import CallerOptions, on_behalf, wants_cost
from gateway.http.errors import internal, problem
from gateway.http.execution import Executor
from gateway.http.graphql_request import read_request
from gateway.http.negotiation import GRAPHQL_RESPONSE, HTML, JSON, answer_type, choose
from gateway.http.problems import HttpProblem
from gateway.http.rate_limited import RateLimits
from gateway.security.unknown_documents import client_label
from resolvers.context import Context

MakeContext = Callable[[Principal, str], Context]
_NAMES_DOCUMENT = frozenset({"query", "documentId", "extensions"})
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class GraphQLEndpoint:
    """Runs requests, each with a context of its own."""

    def __init__(
        self,
        executor: Executor,
        make_context: MakeContext,
        authentication: Authentication,
        callers: CallerOptions,
        rates: RateLimits,
        *,
        max_body_bytes: int,
        with_explorer: bool,
    ) -> None:
        """Put together what serves a request.

        Args:
            executor: Runs what is asked.
            make_context: Called inside the running loop and on behalf of the caller.
            authentication: Says who asks.
            callers: What callers may ask for.
            rates: How often they may.
            max_body_bytes: How long a request's body may be.
            with_explorer: Whether browsers get a page.
        """
        self._executor = executor
        self._make_context = make_context
        self._authentication = authentication
        self._callers = callers
        self._rates = rates
        self._max_body_bytes = max_body_bytes
        self._with_explorer = with_explorer

    async def respond(self, request: Request) -> Response:
        """Serve one request."""
        request_id = request_id_of(request)
        accept = ",".join(request.headers.getlist("accept"))
        media_type = JSON
        try:
            if self._wants_explorer(request, accept):
                return explorer.page(endpoint=request.url.path)
            media_type = answer_type(accept)
            principal = await self._authentication.principal(request.scope)
            caller = self._authentication.caller(principal, request.scope)
            await self._rates.admit(caller)
            actor = Actor.of(principal, request_id=request_id)
            with on_behalf(request.headers, self._callers, actor) as spending:
                try:
                    asked = await read_request(request, max_body_bytes=self._max_body_bytes)
                    answer = await self._executor.run(
                        asked,
                        self._make_context(principal, request_id),
                        client=client_label(principal.name, request.headers.get("apollographql-client-name")),
                        mutations=request.method == "POST",
                        spending=spending if wants_cost(request.headers) else None,
                    )
                finally:
                    left = await self._rates.charge(caller, spending.in_all)
            # The draft of August 2026 would rather see 422 for most of these; its own audits ask for 400.
            status = 200 if answer.accepted or media_type == JSON else 400
            return json_response(
                answer.body, status=status, media_type=media_type, request_id=request_id, headers=left
            )
        except HttpProblem as refusal:
            return problem_response(refusal, media_type=media_type, request_id=request_id)
        except Exception as error:  # noqa: BLE001 - the edge: whatever it is, no client sees it
            return failure_response(error, request_id=request_id)

    def _wants_explorer(self, request: Request, accept: str) -> bool:
        """A browser that comes by its address bar, not a client with a query."""
        return (
            self._with_explorer
            and request.method in {"GET", "HEAD"}
            and not _NAMES_DOCUMENT & request.query_params.keys()
            and choose(accept, (JSON, GRAPHQL_RESPONSE, HTML)) == HTML
        )


def request_id_of(request: Request) -> str:
    """The caller's `X-Request-Id` if it is one, else a new one."""
    given = request.headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)


def problem_response(refusal: HttpProblem, *, request_id: str, media_type: str = JSON) -> Response:
    """The answer to a request that can't be served."""
    entry = problem(refusal.message, refusal.code, request_id=request_id)
    # Too much for now, or nobody can say: the very same request may be let in later.
    entry["extensions"]["retryable"] = refusal.status in {429, 503}
    return json_response(
        {"errors": [entry]},
        status=refusal.status,
        media_type=media_type,
        request_id=request_id,
        headers=refusal.headers,
    )


def failure_response(error: Exception, *, request_id: str) -> Response:
    """The answer where the gateway itself fails: the error goes to the log."""
    body = {"errors": [internal(error, request_id=request_id)]}
    return json_response(body, status=500, media_type=JSON, request_id=request_id)


def json_response(
    body: Any, *, status: int, media_type: str, request_id: str, headers: Mapping[str, str] | None = None
) -> Response:
    """A JSON answer that no browser keeps or guesses the type of."""
    return Response(
        orjson.dumps(body),
        status,
        {
            "X-Request-Id": request_id,
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "Vary": "Accept",
            **(headers or {}),
        },
        media_type=f"{media_type}; charset=utf-8",
    )
