"""The edge of what operators see: each request gets its id, is timed and counted, and may be traced.

A plain ASGI middleware, the outermost one. The id that it chooses is put into the request's headers, so
that whatever reads them inside finds the same one.
"""

import time
from collections.abc import Awaitable, Callable, Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.observability.counts import RequestCounts
from gateway.observability.redaction import hide, reset
from gateway.observability.request import REQUEST_ID, Notes, enter, leave, new_request_id
from gateway.observability.tracing import Tracer

# Those of the orchestrator and of browsers aren't worth a count.
_ROUTES = {"/graphql": "none", "/uploads": "upload"}
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})
_ID = b"x-request-id"


class Observed:
    """Watches the requests to the app inside."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        tracer: Tracer,
        counts: RequestCounts,
        credential_headers: Iterable[str] = (),
        now: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Stand around an app.

        Args:
            app: What answers.
            tracer: Decides which requests are traced.
            counts: Where they are counted.
            credential_headers: Those that callers' credentials come in, beside the usual ones: their values
                appear in nothing that the request causes to be written.
            now: In seconds, from any moment on.
        """
        self._app = app
        self._tracer = tracer
        self._counts = counts
        self._now = now
        usual = {"authorization", "proxy-authorization", "cookie", "x-api-key"}
        self._credentials = frozenset(name.lower().encode() for name in {*usual, *credential_headers})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        traceparent = tracestate = request_id = None
        secrets: list[str] = []
        for name, value in scope["headers"]:
            if name == _ID:
                request_id = request_id or value.decode("latin-1")
            elif name == b"traceparent":
                traceparent = value.decode("latin-1")
            elif name == b"tracestate":
                tracestate = value.decode("latin-1")
            elif name in self._credentials:
                # The scheme before a credential is no secret; without it, it may be written elsewhere.
                text = value.decode("latin-1")
                secrets += {text, text.rpartition(" ")[2]}
        if request_id is None or not REQUEST_ID.fullmatch(request_id):
            request_id = new_request_id()
            others = [each for each in scope["headers"] if each[0] != _ID]
            scope["headers"] = [*others, (_ID, request_id.encode())]
        notes = Notes(request_id)
        entered = enter(notes)
        hiding = hide(*secrets) if secrets else None
        try:
            operation = _ROUTES.get(scope["path"])
            if operation is None:
                await self._app(scope, receive, send)
            else:
                notes.operation = operation
                await self._observe(scope, receive, send, notes, traceparent, tracestate)
        finally:
            if hiding is not None:
                reset(hiding)
            leave(entered)

    async def _observe(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        notes: Notes,
        traceparent: str | None,
        tracestate: str | None,
    ) -> None:
        status = 0

        def sent(message: Message) -> "Awaitable[None]":
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            return send(message)

        counts, route = self._counts, scope["path"]
        method = scope["method"] if scope["method"] in _METHODS else "_OTHER"
        began_s = self._now()
        counts.under_way += 1
        try:
            with self._tracer.request(f"{method} {route}", traceparent, tracestate) as span:
                span.set("http.request.method", method)
                span.set("http.route", route)
                span.set("helpdesk.request.id", notes.request_id)
                await self._app(scope, receive, sent)
                span.set("http.response.status_code", status)
                if status >= 500:
                    span.fail(str(status))
        finally:
            counts.under_way -= 1
            counts.ended(notes.operation, _outcome(status, notes.codes), self._now() - began_s, notes.codes)


def _outcome(status: int, codes: list[str]) -> str:
    if status == 0:
        return "cut"
    if status >= 500:
        return "failed"
    if status >= 400:
        return "refused"
    return "errors" if codes else "ok"
