"""Thulium: tickets, uploads, customers, companies and agents (https://api.thulium.com/docs/api).

Chosen by this sandbox, because the pages do not say: wrong credentials are 401, a missing right 403, a
missing record 404, bad input 400; `POST tickets` answers 200; `GET agents` is a bare array; parameters and
fields that are not known are ignored, a custom field that the tenant has not defined is refused; `tags`
replaces; a customer whose mail address is `from` becomes the ticket's; an upload may be used again; text
is stored as it came, whatever its `body_type`; of the `include_...` flags of customers and companies only
`include_custom_fields` does something, and only in lists (a single one always shows its fields).

Forms (the default first):
    rows: `rich` (all but messages), `bare` (id, subject, status, time of change), `full` (messages too).
    row_container: `result`, `array` (the rows alone, no `count`), `tickets`.
    reply_status: `unchanged`, or `in_progress`: a reply to a new ticket moves it and says so.
    reply_answer: `array` (`[]`, as in the original document) or `empty` (as in 2024-04).
"""

import base64
import hashlib
import itertools
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Never

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from gateway.sandbox import thulium_input as problems
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
from gateway.sandbox.thulium_changes import (
    apply_changes,
    customer_of,
    move,
    read_agent,
    read_attachments,
    read_changes,
)
from gateway.sandbox.thulium_input import Fields, Problem, read_query
from gateway.sandbox.thulium_search import find_companies, find_customers, find_tickets
from gateway.sandbox.thulium_shapes import full_status_name, ticket_body, ticket_row
from gateway.sandbox.world import World
from gateway.sandbox.world.thulium import (
    CLOSED,
    IN_PROGRESS,
    MAILBOXES,
    NEW,
    ThuliumFile,
    ThuliumMessage,
    ThuliumTicket,
    ThuliumWorld,
)

CREDENTIALS = {
    "username": "api_user",
    "password": "api_pass",
    "readerUsername": "api_reader",  # granted the reading elements only
    "readerPassword": "api_reader_pass",
}
_SOURCES = ("email", "phone", "sms", "chat", "www")
_FILE_LIFE = timedelta(hours=24)


def _error_body(status: int, message: str) -> object:
    return {"request_id": "0000000000000", "errors": [{"message": message, "code": status}]}


class _Thulium:
    def __init__(self, world: World, clock: Clock, forms: Forms) -> None:
        self._world = world
        self._clock = clock
        self._forms = forms
        self._request_numbers = itertools.count(0x6A01C77E9B214)

    def app(self) -> ASGIApp:
        routes = [
            Route("/api/tickets", self.list_tickets, methods=["GET"]),
            Route("/api/tickets", self.create_ticket, methods=["POST"]),
            Route("/api/tickets/{id}", self.get_ticket, methods=["GET"]),
            Route("/api/tickets/{id}", self.update_ticket, methods=["PUT"]),
            Route("/api/tickets/{id}/agent_response", self.agent_response, methods=["POST"]),
            Route("/api/tickets/{id}/customer_response", self.customer_response, methods=["POST"]),
            Route("/api/temporary_files", self.upload, methods=["POST"]),
            Route("/api/customers", self.list_customers, methods=["GET"]),
            Route("/api/customers/{id}", self.get_customer, methods=["GET"]),
            Route("/api/companies", self.list_companies, methods=["GET"]),
            Route("/api/companies/{id}", self.get_company, methods=["GET"]),
            Route("/api/agents", self.list_agents, methods=["GET"]),
            Route("/api/agents/{login}", self.get_agent, methods=["GET"]),
        ]
        return vendor_app(routes, error_body=_error_body)

    async def agent_response(self, request: Request) -> Response:
        ticket, fields = await self._ticket_and_fields(request)
        body = fields.text("body", required=True)
        fields.choice("body_type", ("HTML", "PLAIN"))
        login = read_agent(fields, self._data, required=True)
        sent_at = fields.moment("date")
        now = self._clock()
        attachments = read_attachments(fields, self._data, now)
        self._refuse_if_bad(request, fields)
        said = ThuliumMessage(self._data.next_message_id(), "REPLY", sent_at or now, login or "", body or "")
        said.attachments = attachments
        if ticket.status_id == NEW and self._forms["reply_status"] == "in_progress":
            said.system_comment = move(ticket, IN_PROGRESS)
        ticket.messages.append(said)
        ticket.first_agent_responded_at = ticket.first_agent_responded_at or said.created_at
        ticket.updated_at = now
        return json_response([]) if self._forms["reply_answer"] == "array" else Response()

    async def customer_response(self, request: Request) -> Response:
        ticket, fields = await self._ticket_and_fields(request)
        body = fields.text("body", required=True)
        fields.choice("body_type", ("HTML", "PLAIN"))
        sent_at = fields.moment("date")
        self._refuse_if_bad(request, fields)
        now = self._clock()
        ticket.messages.append(
            ThuliumMessage(self._data.next_message_id(), "MAIL", sent_at or now, body=body or "")
        )
        move(ticket, NEW)  # a ticket is new again whenever the customer wrote last
        ticket.updated_at = now
        return Response()

    async def get_ticket(self, request: Request) -> Response:
        ticket = self._ticket(request)
        fields = Fields(request.query_params)
        return json_response(
            ticket_body(ticket, include_custom_fields=bool(fields.flag("include_custom_fields")))
        )

    async def list_tickets(self, request: Request) -> Response:
        self._enter(request)
        fields = Fields(read_query(request.query_params.multi_items()))
        found, page = find_tickets(self._data.tickets.values(), self._data.customers, fields)
        self._refuse_if_bad(request, fields)
        rows = [ticket_row(ticket, self._forms["rows"]) for ticket in page]
        match self._forms["row_container"]:
            case "array":
                return json_response(rows)
            case key:
                return json_response({"count": found, key: rows})

    async def create_ticket(self, request: Request) -> Response:
        self._enter(request)
        fields = await self._fields(request)
        mailbox = fields.text("to", required=True) or ""
        if mailbox and mailbox not in MAILBOXES:
            fields.refuse(problems.NO_MAILBOX.about(mailbox))
        subject, body = fields.text("subject", required=True), fields.text("body", required=True)
        fields.choice("body_type", ("HTML", "PLAIN"))
        sender = fields.text("from") or ""
        outgoing = fields.choice("direction", ("in_behalf_of", "out")) == "out"
        source = fields.choice("source", _SOURCES) or "email"
        customer_id = fields.number("customer_id")
        if customer_id is not None and customer_id not in self._data.customers:
            fields.refuse(problems.NO_CUSTOMER)
        comment, cc = fields.text("comment"), fields.texts("cc")
        now = self._clock()
        attachments = read_attachments(fields, self._data, now)
        changes = read_changes(fields, self._data)
        self._refuse_if_bad(request, fields)
        ticket = ThuliumTicket(
            id=self._data.next_ticket_id(),
            sender=sender,
            subject=subject or "",
            queue_id=MAILBOXES[mailbox],
            queue_name=mailbox,
            created_at=now,
            updated_at=now,
            customer_id=customer_of(self._data, sender) if customer_id is None else customer_id,
            source=source,
            cc=cc or [],
        )
        apply_changes(ticket, changes)
        said = ThuliumMessage(
            self._data.next_message_id(), "REPLY" if outgoing else "MAIL", now, body=body or ""
        )
        said.user_login = ticket.user_login if outgoing else ""
        said.comment, said.attachments = comment or "", attachments
        ticket.messages.append(said)
        self._data.tickets[ticket.id] = ticket
        return json_response({"ticket_id": ticket.id})

    async def update_ticket(self, request: Request) -> Response:
        ticket, fields = await self._ticket_and_fields(request)
        changes = read_changes(fields, self._data)
        self._refuse_if_bad(request, fields)
        before = full_status_name(ticket)
        apply_changes(ticket, changes)
        now = self._clock()
        if ticket.status_id != CLOSED:
            ticket.closed_at = None
        elif ticket.closed_at is None:
            ticket.closed_at = now
        if (after := full_status_name(ticket)) != before:
            note = ThuliumMessage(self._data.next_message_id(), "COMMENT", now)
            note.system_comment = f"Changed status from [{before}] to [{after}]"
            ticket.messages.append(note)
        ticket.updated_at = now
        return Response()

    async def upload(self, request: Request) -> Response:
        self._enter(request)
        if request.headers.get("content-type") != "application/octet-stream":
            self._refuse(request, 400, problems.NOT_BINARY)
        fields = Fields(request.query_params)
        filename = fields.text("filename", required=True) or ""
        self._refuse_if_bad(request, fields)
        content = await request.body()
        token = hashlib.sha256(f"{len(self._data.files)} {filename}".encode()).hexdigest()[:22]
        self._data.files[token] = ThuliumFile(token, filename, content, self._clock() + _FILE_LIFE)
        return json_response({"filename": filename, "token": token, "size": len(content)})

    async def list_customers(self, request: Request) -> Response:
        return self._list_accounts(request, find_customers)

    async def list_companies(self, request: Request) -> Response:
        return self._list_accounts(request, find_companies)

    async def get_customer(self, request: Request) -> Response:
        return self._one(request, "id", self._data.customers, problems.NO_CUSTOMER)

    async def get_company(self, request: Request) -> Response:
        return self._one(request, "id", self._data.companies, problems.NO_COMPANY)

    async def list_agents(self, request: Request) -> Response:
        self._enter(request)
        return json_response(list(self._data.agents.values()))

    async def get_agent(self, request: Request) -> Response:
        login = request.path_params["login"]
        return self._one(request, "login", self._data.agents, problems.NO_AGENT.about(login))

    def _list_accounts(
        self, request: Request, find: Callable[[ThuliumWorld, Fields], tuple[int, list[dict[str, Any]]]]
    ) -> Response:
        self._enter(request)
        fields = Fields(read_query(request.query_params.multi_items()))
        found, page = find(self._data, fields)
        self._refuse_if_bad(request, fields)
        return json_response({"count": found, "result": page})

    def _one(
        self, request: Request, key: str, records: Mapping[Any, dict[str, Any]], missing: Problem
    ) -> Response:
        self._enter(request)
        wanted = request.path_params[key]
        record = next((record for record_key, record in records.items() if str(record_key) == wanted), None)
        if record is None:
            self._refuse(request, 404, missing)
        return json_response(record)

    # What every request goes through.

    @property
    def _data(self) -> ThuliumWorld:
        return self._world.thulium

    def _enter(self, request: Request) -> None:
        """HTTP Basic, then the API user's rights."""
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        try:
            given = base64.b64decode(encoded, validate=True).decode() if scheme.lower() == "basic" else ""
        except ValueError:
            given = ""
        if given == f"{CREDENTIALS['readerUsername']}:{CREDENTIALS['readerPassword']}":
            if request.method != "GET":
                self._refuse(request, 403, problems.FORBIDDEN)
        elif given != f"{CREDENTIALS['username']}:{CREDENTIALS['password']}":
            self._refuse(request, 401, problems.UNAUTHORIZED)

    def _ticket(self, request: Request) -> ThuliumTicket:
        self._enter(request)
        wanted = request.path_params["id"]
        ticket = self._data.tickets.get(int(wanted)) if wanted.isascii() and wanted.isdigit() else None
        if ticket is None:
            self._refuse(request, 404, problems.NO_TICKET)
        return ticket

    async def _fields(self, request: Request) -> Fields:
        try:
            body = await read_json(request)
        except NotJson:
            body = None
        if not isinstance(body, dict):
            self._refuse(request, 400, problems.NOT_JSON)
        return Fields(body)

    async def _ticket_and_fields(self, request: Request) -> tuple[ThuliumTicket, Fields]:
        return self._ticket(request), await self._fields(request)

    def _refuse_if_bad(self, request: Request, fields: Fields) -> None:
        if fields.problems:
            self._refuse(request, 400, *fields.problems)

    def _refuse(self, request: Request, status: int, *found: Problem) -> Never:
        polish = request.headers.get("accept-language", "").lower().startswith("pl")
        errors = [{"message": p.polish if polish else p.english, "code": p.code} for p in found]
        headers = {"www-authenticate": 'Basic realm="Thulium API"'} if status == 401 else None
        raise Refused(status, {"request_id": f"{next(self._request_numbers):x}", "errors": errors}, headers)


def _build(world: World, clock: Clock, forms: Forms) -> ASGIApp:
    return _Thulium(world, clock, forms).app()


EMULATION = Emulation(
    kind="thulium",
    docs="https://api.thulium.com/docs/api",
    base_path="/api",
    credentials=CREDENTIALS,
    error_body=_error_body,
    build=_build,
    forms={
        "rows": ("rich", "bare", "full"),
        "row_container": ("result", "array", "tickets"),
        "reply_status": ("unchanged", "in_progress"),
        "reply_answer": ("array", "empty"),
    },
)
