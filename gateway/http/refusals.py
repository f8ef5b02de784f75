"""What is refused before any endpoint: requests under a strange name, to no path, by a wrong method."""

import re
from collections.abc import Iterable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.http.endpoint import failure_response, problem_response, request_id_of
from gateway.http.problems import HttpProblem
from gateway.http.security_headers import ALWAYS, completed

# A name or an address, and perhaps a port (RFC 9110, section 7.2).
_HOST = re.compile(r"([a-z0-9._~%!$&'()*+,;=-]+|\[[0-9a-f:.]+\])(:[0-9]*)?", re.IGNORECASE)


class KnownHosts:
    """Middleware that serves requests under the gateway's own names alone.

    A web page may let its own name point at this machine; the browser would then take the gateway for
    a part of that page, and show it the answers.
    """

    def __init__(self, app: ASGIApp, *, names: Iterable[str]) -> None:
        self._app = app
        self._names = [name.lower() for name in names]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            request = Request(scope)
            refusal = self._refusal(request.headers.getlist("host"))
            if refusal is not None:
                response = problem_response(refusal, request_id=request_id_of(request))
                await response(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _refusal(self, hosts: list[str]) -> HttpProblem | None:
        named = _HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
        if named is None:
            return HttpProblem(400, "The request has no valid Host header.")
        if named[1].lower() not in self._names:
            known = ", ".join(self._names)
            return HttpProblem(421, f"This gateway answers to {known} alone: see server.allowed_hosts.")
        return None


async def unroutable(request: Request, error: Exception) -> Response:
    """Answer a path that isn't there, or a method that it doesn't take."""
    if not isinstance(error, HTTPException):
        raise error
    message = "There is nothing at this path: the graph is at /graphql."
    if error.status_code == 405:
        message = "This path doesn't take this method: see the Allow header."
    refusal = HttpProblem(error.status_code, message, headers=error.headers)
    return problem_response(refusal, request_id=request_id_of(request))


async def failed(request: Request, error: Exception) -> Response:
    """Answer where a middleware has failed: outside of all of them, so with its own headers."""
    response = failure_response(error, request_id=request_id_of(request))
    response.raw_headers = completed(response.raw_headers, ALWAYS)
    return response
