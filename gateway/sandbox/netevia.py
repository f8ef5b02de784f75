"""Netevia's Banking API: messages on support tickets, and linked accounts (https://banking.docs.netevia.com).

POST /api/tickets/message is all that is documented of tickets: nothing reads one back. The list of fields
says int32 for `ticketId` and the example sends a string: both are taken.

Chosen by this sandbox, because the pages do not say: a Content-Type that is not JSON, an empty text and a
`ticketId` of another type or beyond int32 are 400; a number that no ticket can have, such as 0, is 404;
fields that are not known are ignored.

Forms (the default first):
    errors: `envelope` is `{"success": false, "message": ...}`, `problem` the members of RFC 9457.
    refusals: `status` as documented; `flag` answers a forbidden or missing ticket with 200 and
        `"success": false`, as the description of that field allows.
    created_date: `seconds` as in the original document, or `milliseconds` as on other pages.
"""

import re
from typing import Any, Never

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from gateway.sandbox.emulation import (
    Clock,
    Emulation,
    Forms,
    NotJson,
    Refused,
    json_response,
    read_json,
    vendor_app,
)
from gateway.sandbox.times import utc_millis, utc_seconds
from gateway.sandbox.world import World
from gateway.sandbox.world.netevia import NeteviaComment, NeteviaWorld

CREDENTIALS = {"token": "netevia-token-2c9e41f7b0"}
_INT32_MAX = 2**31 - 1
_DIGITS = re.compile(r"\d{1,10}", re.ASCII)


def _error_body(_: int, message: str) -> object:
    return {"success": False, "message": message}


class _Netevia:
    def __init__(self, world: World, clock: Clock, forms: Forms) -> None:
        self._world = world
        self._clock = clock
        self._forms = forms

    def app(self) -> ASGIApp:
        routes = [
            Route("/api/tickets/message", self.add_message, methods=["POST"]),
            Route("/api/LinkedAccount/users", self.list_linked_users, methods=["GET"]),
        ]
        return vendor_app(routes, error_body=self._error)

    async def add_message(self, request: Request) -> Response:
        """https://banking.docs.netevia.com/reference/post_api-tickets-message."""
        self._enter(request)
        fields = await self._fields(request)
        ticket_id = self._ticket_id(fields)
        text = fields.get("text")
        if not isinstance(text, str) or not text.strip():
            self._refuse(400, "text is required.")
        ticket = self._netevia.tickets.get(ticket_id)
        if ticket is None:
            self._refuse_ticket(404, "Ticket not found.")
        if not ticket.writable:
            self._refuse_ticket(403, "You do not have permission to add a message to this ticket.")
        comment = NeteviaComment(self._netevia.next_comment_id(), text, self._clock())
        ticket.comments.append(comment)
        written = utc_seconds if self._forms["created_date"] == "seconds" else utc_millis
        return json_response(
            {
                "success": True,
                "message": "Message added to ticket successfully.",
                "ticketId": str(ticket.id),
                "commentId": str(comment.id),
                "createdDate": written(comment.created_at),
            }
        )

    async def list_linked_users(self, request: Request) -> Response:
        """https://banking.docs.netevia.com/reference/get_api-linkedaccount-users."""
        self._enter(request)
        return json_response(self._netevia.linked_users)

    @property
    def _netevia(self) -> NeteviaWorld:
        return self._world.netevia

    def _enter(self, request: Request) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or token.strip() != CREDENTIALS["token"]:
            self._refuse(401, "Unauthorized.")

    async def _fields(self, request: Request) -> dict[str, Any]:
        content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if content_type != "application/json":
            self._refuse(400, "Content-Type must be application/json.")
        try:
            body = await read_json(request)
        except NotJson:
            self._refuse(400, "The request body is not valid JSON.")
        if not isinstance(body, dict):
            self._refuse(400, "The request body must be an object.")
        return body

    def _ticket_id(self, fields: dict[str, Any]) -> int:
        given = fields.get("ticketId")
        if isinstance(given, str) and _DIGITS.fullmatch(given):
            given = int(given)
        if not isinstance(given, int) or isinstance(given, bool):
            self._refuse(400, "ticketId is required and must be an integer.")
        if abs(given) > _INT32_MAX:
            self._refuse(400, "ticketId must be a 32-bit integer.")
        return given

    def _refuse_ticket(self, status: int, message: str) -> Never:
        if self._forms["refusals"] == "flag":
            raise Refused(200, _error_body(200, message))
        self._refuse(status, message)

    def _refuse(self, status: int, message: str) -> Never:
        raise Refused(status, self._error(status, message))

    def _error(self, status: int, message: str) -> object:
        if self._forms["errors"] == "problem":
            return {"type": "about:blank", "title": message, "status": status}
        return _error_body(status, message)


def _build(world: World, clock: Clock, forms: Forms) -> ASGIApp:
    return _Netevia(world, clock, forms).app()


EMULATION = Emulation(
    kind="netevia",
    docs="https://banking.docs.netevia.com",
    base_path="",
    credentials=CREDENTIALS,
    error_body=_error_body,
    build=_build,
    forms={
        "errors": ("envelope", "problem"),
        "refusals": ("status", "flag"),
        "created_date": ("seconds", "milliseconds"),
    },
)
