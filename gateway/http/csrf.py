"""Requests that another site's page lets a browser send, without a question to us first.

A browser sends three kinds of request to anyone without a preflight: GET, and POST with the types that
forms have, or none. Everything else it asks about before, and `cors.py` says no. So:

- The endpoints take no type that a form can have, and a POST without a type neither: 415. Here only what
  they can't see is refused: a second Content-Type behind the first.
- A GET runs no mutation (405, in `execution.py`), and its answer can't be read by a foreign page. But it
  runs, with the browser's place in the network and whatever logs it in before the gateway, and how long it
  takes can be measured. So where the browser itself says that a page of another site asks
  (`Sec-Fetch-Site`, or an `Origin` that isn't ours), it is refused with 403, unless the origin is a
  configured one or a header is there that takes a preflight.

Programs send neither header and need no ceremony for their GETs. Browsers without `Sec-Fetch-Site` (before
2023, or over plain HTTP to other machines) let a page's blind GET through; all that it tells is the time.
"""

from collections.abc import Iterable

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.domain.errors import ErrorCode
from gateway.http.endpoint import problem_response, request_id_of
from gateway.http.problems import HttpProblem
from gateway.http.settings import ANY_ORIGIN

GUARDED = ("/graphql", "/uploads")
# No page can send one of these without a preflight. The first two are what Apollo's servers ask for.
_PREFLIGHTED = frozenset(
    {b"apollo-require-preflight", b"x-apollo-operation-name", b"authorization", b"x-api-key"}
)
_OWN = frozenset({b"same-origin", b"none"})


class Preflighted:
    """Refuses what a foreign page could have sent unasked."""

    def __init__(self, app: ASGIApp, *, origins: Iterable[str] = (), paths: Iterable[str] = GUARDED) -> None:
        """Stand around an app.

        Args:
            app: What answers.
            origins: Those of other sites' pages that may ask: `cors.origins`.
            paths: Where it matters.
        """
        self._app = app
        self._origins = frozenset(origin.encode() for origin in origins)
        self._any = ANY_ORIGIN.encode() in self._origins
        self._paths = frozenset(paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] in self._paths:
            refusal = self._refusal(scope)
            if refusal is not None:
                response = problem_response(refusal, request_id=request_id_of(Request(scope)))
                await response(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _refusal(self, scope: Scope) -> HttpProblem | None:
        if scope["method"] == "POST":
            types = sum(name == b"content-type" for name, _ in scope["headers"])
            return HttpProblem(415, "Send one Content-Type.") if types > 1 else None
        # Without a query nothing runs: a link to the explorer may stand on any page.
        if scope["method"] in {"GET", "HEAD"} and scope["query_string"] and self._is_foreign(scope):
            return HttpProblem(
                403,
                "Pages of other sites may not ask by GET. Send POST with application/json, or the header "
                "apollo-require-preflight; either way, the page's origin must be among cors.origins.",
                ErrorCode.FORBIDDEN,
            )
        return None

    def _is_foreign(self, scope: Scope) -> bool:
        site = origin = host = b""
        for name, value in scope["headers"]:
            if name == b"sec-fetch-site":
                site = value
            elif name == b"origin":
                origin = value
            elif name == b"host":
                host = value
            elif name in _PREFLIGHTED and value:
                return False
        if not site and not origin:
            return False
        if origin and (self._any or origin in self._origins):
            return False
        if site:
            return site not in _OWN
        return origin.partition(b"://")[2] != host
