"""Cross-origin resource sharing: closed, but for the origins that are configured.

Protocol: https://fetch.spec.whatwg.org/#http-cors-protocol. Where no origin is configured this middleware
isn't there at all, and a browser's preflight gets the 405 of any other OPTIONS.

Starlette's own middleware would do most of it. This one also refuses in the graph's form, compares whole
origins only, and never repeats a header's name that came from outside.
"""

from collections.abc import Awaitable

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.domain.errors import ErrorCode
from gateway.http.endpoint import problem_response, request_id_of
from gateway.http.problems import HttpProblem
from gateway.http.settings import ANY_ORIGIN, CorsSettings

METHODS = ("GET", "POST")
# What pages send to a graph: their log-in, our own headers, Apollo's, and those of tracing.
REQUEST_HEADERS = (
    "Apollo-Require-Preflight",
    "ApolloGraphQL-Client-Name",
    "ApolloGraphQL-Client-Version",
    "Authorization",
    "Content-Type",
    "Traceparent",
    "Tracestate",
    "X-API-Key",
    "X-Apollo-Operation-Name",
    "X-Request-Cost",
    "X-Request-Id",
    "X-Request-Timeout",
)
RESPONSE_HEADERS = (
    "RateLimit",
    "RateLimit-Limit",
    "RateLimit-Policy",
    "RateLimit-Remaining",
    "RateLimit-Reset",
    "Retry-After",
    "X-Request-Id",
)


class Cors:
    """Lets pages of the configured origins ask, and read what they get."""

    def __init__(self, app: ASGIApp, *, settings: CorsSettings) -> None:
        self._app = app
        self._any = ANY_ORIGIN in settings.origins
        self._origins = frozenset(origin.encode() for origin in settings.origins)
        credentials = [(b"access-control-allow-credentials", b"true")] if settings.credentials else []
        asked = sorted({*REQUEST_HEADERS, *settings.headers}, key=str.lower)
        self._to_preflights = [
            *credentials,
            (b"access-control-allow-methods", ", ".join(METHODS).encode()),
            (b"access-control-allow-headers", ", ".join(asked).encode()),
            (b"access-control-max-age", b"%d" % settings.max_age_s),
        ]
        self._to_requests = [
            *credentials,
            (b"access-control-expose-headers", ", ".join(RESPONSE_HEADERS).encode()),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        origins = [value for name, value in scope["headers"] if name == b"origin"]
        allowed = self._allowed(origins)
        preflight = scope["method"] == "OPTIONS" and any(
            name == b"access-control-request-method" for name, _ in scope["headers"]
        )
        if origins and preflight:
            await self._preflight(scope, allowed)(scope, receive, send)
            return
        granted = [] if allowed is None else [(b"access-control-allow-origin", allowed), *self._to_requests]

        def sent(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                headers = [*message.get("headers", ()), *granted]
                message["headers"] = headers if self._any else varying(headers, b"Origin")
            return send(message)

        await self._app(scope, receive, sent)

    def _allowed(self, origins: list[bytes]) -> bytes | None:
        """What to answer as the allowed origin; None for a page that may not read."""
        if len(origins) != 1:
            return None
        if self._any:
            return ANY_ORIGIN.encode()
        return origins[0] if origins[0] in self._origins else None

    def _preflight(self, scope: Scope, allowed: bytes | None) -> Response:
        request = Request(scope)
        if allowed is None:
            message = "Pages of this origin may not use the gateway: see cors.origins."
            refusal = HttpProblem(403, message, ErrorCode.FORBIDDEN)
            response = problem_response(refusal, request_id=request_id_of(request))
        else:
            # The browser itself compares method and headers with what is allowed.
            response = Response(status_code=204)
            response.raw_headers += [(b"access-control-allow-origin", allowed), *self._to_preflights]
        response.raw_headers = varying(response.raw_headers, b"Origin")
        return response


def varying(headers: list[tuple[bytes, bytes]], on: bytes) -> list[tuple[bytes, bytes]]:
    """Headers that say, beside what else they say, that the answer depends on one of the request's."""
    others = [value for name, value in headers if name == b"vary"]
    kept = [each for each in headers if each[0] != b"vary"]
    return [*kept, (b"vary", b", ".join([*others, on]))]
