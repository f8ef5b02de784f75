"""Service Order Hub: the v3 case, message and account endpoints (https://docs.serviceorderhub.com).

Chosen by this sandbox, because the pages do not say: a wrong token is 401 like a missing one; an unknown
guid, account or parent message is 404 `Not found`, another party's case 403 `No access`; confirming one's
own message succeeds; an empty `content` is accepted; cases are found newest first; an `X-Service-Provider`
that the token may not act for is 403.

Forms (the default first):
    envelope: `documented` (messages bare, the rest under `data`), `bare`, `data`. `search-cases` always
        keeps `data`, as its `pagination` stands beside it.
    optional_fields: `when_set` sends isInternal, parentMessageId, userName and userEmail of a message only
        where they say something; `omit` never, `always` always.
    errors: `object` is `{"error": {"message": ...}}`, `string` is `{"error": ...}`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Never, TypeVar

import orjson
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
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
from gateway.sandbox.hub_input import InvalidInput, read_ids, read_new_message, read_search
from gateway.sandbox.hub_search import matches
from gateway.sandbox.times import utc_millis
from gateway.sandbox.world import World
from gateway.sandbox.world.service_order_hub import HubCase, HubMessage, HubWorld

_Read = TypeVar("_Read")

PARTNER_TOKEN = "hub-partner-5f1c0a7e92"
PROVIDER_TOKEN = "hub-provider-83bd24e6c1"


@dataclass(frozen=True, slots=True)
class _Party:
    """Whom a token acts for."""

    role: str
    sender_account_id: int
    partner_id: int | None = None
    provider_id: int | None = None

    def may_see(self, case: HubCase) -> bool:
        return case.partner_id == self.partner_id or case.provider_id == self.provider_id

    def may_read(self, message: HubMessage) -> bool:
        return self.role == "provider" or not message.is_internal


_PARTIES = {
    PARTNER_TOKEN: _Party("partner", 1009, partner_id=12),
    PROVIDER_TOKEN: _Party("provider", 2004, provider_id=4),
}


def _error_body(_: int, message: str) -> object:
    return {"error": {"message": message}}


class _Hub:
    def __init__(self, world: World, clock: Clock, forms: Forms) -> None:
        self._world = world
        self._clock = clock
        self._forms = forms

    def app(self) -> ASGIApp:
        routes = [
            Route("/api/v3/case-messages/create", self.create_message, methods=["POST"]),
            Route("/api/v3/case-messages/confirm", self.confirm, methods=["POST"]),
            Route("/api/v3/case-messages", self.list_messages, methods=["GET"]),
            Route("/api/v3/case", self.get_case, methods=["GET"]),
            Route("/api/v3/search-cases", self.search_cases, methods=["POST"]),
            Route("/api/v3/partner", self.get_partner, methods=["GET"]),
            Route("/api/v3/provider", self.get_provider, methods=["GET"]),
            Route("/api/v3/providers", self.list_providers, methods=["GET"]),
            Route("/api/v3/department", self.get_department, methods=["GET"]),
        ]
        return vendor_app(routes, error_body=self._error)

    async def create_message(self, request: Request) -> Response:
        party, _ = self._enter(request)
        new = self._valid(read_new_message, await self._body(request))
        case = self._case(party, new.guid)
        if new.parent_message_id is not None:
            parent = self._hub.messages.get(new.parent_message_id)
            if parent is None or parent.case_guid != case.guid or not party.may_read(parent):
                self._refuse(404, "Not found")
        now = self._clock()
        message = HubMessage(
            id=self._hub.next_message_id(),
            case_guid=case.guid,
            sender_account_id=party.sender_account_id,
            sender_type=party.role,
            content=new.content,
            type=new.type,
            created_at=now,
            updated_at=now,
            declared_at=new.declared_at or now,
            external_id=new.external_id,
            parent_message_id=new.parent_message_id,
            user_name=new.user_name,
            user_email=new.user_email,
            is_internal=new.is_internal,
        )
        self._hub.messages[message.id] = message
        return self._answer(request, self._message(message), wrapped=False)

    async def list_messages(self, request: Request) -> Response:
        party, query = self._enter(request, "guid")
        case = self._case(party, self._guid(query))
        messages = [self._message(m) for m in self._hub.messages_of(case.guid) if party.may_read(m)]
        return self._answer(request, messages, wrapped=False)

    async def confirm(self, request: Request) -> Response:
        party, _ = self._enter(request)
        errors = []
        for message_id in self._valid(read_ids, await self._body(request)):
            message = self._hub.messages.get(message_id)
            if message is None:
                errors.append({"id": message_id, "message": "Not found"})
            elif not party.may_see(self._hub.cases[message.case_guid]) or not party.may_read(message):
                errors.append({"id": message_id, "message": "No access"})
            elif message.confirmed_at is None:
                message.confirmed_at = message.updated_at = self._clock()
        return self._send(request, {"success": True, "errors": errors, "data": {}})

    async def get_case(self, request: Request) -> Response:
        party, query = self._enter(request, "guid", "includeRequests")
        case = _case_body(self._case(party, self._guid(query)))
        if query.get("includeRequests") == "1":
            case["externalRequests"] = []
        return self._answer(request, case)

    async def search_cases(self, request: Request) -> Response:
        party, _ = self._enter(request)
        search = self._valid(read_search, await self._body(request))
        seen = sorted(
            filter(party.may_see, self._hub.cases.values()), key=lambda c: (c.created_at, c.id), reverse=True
        )
        found = [body for body in map(_case_body, seen) if matches(body, search.filters)]
        page = found[search.offset : search.offset + search.limit]
        return self._send(
            request, {"data": page, "pagination": {"offset": search.offset, "count": len(found)}}
        )

    async def get_partner(self, request: Request) -> Response:
        return self._account(request, self._hub.partners)

    async def get_provider(self, request: Request) -> Response:
        return self._account(request, self._hub.providers)

    async def get_department(self, request: Request) -> Response:
        return self._account(request, self._hub.departments)

    async def list_providers(self, request: Request) -> Response:
        _, query = self._enter(request, "ids")
        if "ids" not in query:
            return self._answer(request, list(self._hub.providers.values()))
        parts = query["ids"].split(",")
        if not all(re.fullmatch(r"\d+", part) for part in parts):
            self._refuse(400, 'child "ids" fails because ["ids" must be a list of numbers]')
        wanted = {int(part) for part in parts}
        return self._answer(request, [p for p in self._hub.providers.values() if p["id"] in wanted])

    def _account(self, request: Request, accounts: Mapping[int, dict[str, Any]]) -> Response:
        _, query = self._enter(request, "id")
        if "id" not in query:
            self._refuse(400, 'child "id" fails because ["id" is required]')
        if not re.fullmatch(r"\d+", query["id"]):
            self._refuse(400, 'child "id" fails because ["id" must be a number]')
        account = accounts.get(int(query["id"]))
        if account is None:
            self._refuse(404, "Not found")
        return self._answer(request, account)

    # What every request goes through.

    @property
    def _hub(self) -> HubWorld:
        return self._world.service_order_hub

    def _enter(self, request: Request, *allowed: str) -> tuple[_Party, dict[str, str]]:
        """Check token and parameters; parameter names may be camelCase, snake_case or kebab-case."""
        query = {_camel_case(name): value for name, value in request.query_params.items()}
        token = request.headers.get("x-hub-api-token") or query.pop("accessToken", None)
        query.pop("accessToken", None)
        party = _PARTIES.get(token or "")
        if party is None:
            self._refuse(401, "Unauthorized")
        for name in query:
            if name not in allowed:
                self._refuse(400, f'"{name}" is not allowed')
        wanted = request.headers.get("x-service-provider")
        if wanted is not None and wanted != str(party.provider_id):
            self._refuse(403, "No access")
        return party, query

    async def _body(self, request: Request) -> object:
        try:
            return await read_json(request)
        except NotJson:
            self._refuse(400, "Request body is not valid JSON")

    def _valid(self, read: Callable[[object], _Read], body: object) -> _Read:
        try:
            return read(body)
        except InvalidInput as exc:
            self._refuse(400, str(exc))

    def _guid(self, query: Mapping[str, str]) -> str:
        if "guid" not in query:
            self._refuse(400, 'child "guid" fails because ["guid" is required]')
        return query["guid"].lower()

    def _case(self, party: _Party, guid: str) -> HubCase:
        case = self._hub.cases.get(guid)
        if case is None:
            self._refuse(404, "Not found")
        if not party.may_see(case):
            self._refuse(403, "No access")
        return case

    # Forms of the answer.

    def _message(self, message: HubMessage) -> dict[str, Any]:
        case = self._hub.cases[message.case_guid]
        optional = {
            "isInternal": message.is_internal,
            "parentMessageId": message.parent_message_id,
            "userName": message.user_name,
            "userEmail": message.user_email,
        }
        match self._forms["optional_fields"]:
            case "when_set":
                optional = {name: value for name, value in optional.items() if value}
            case "omit":
                optional = {}
        return {
            "id": message.id,
            "caseId": case.id,
            "guid": case.guid,
            "senderAccountId": message.sender_account_id,
            "senderType": message.sender_type,
            "content": message.content,
            "type": message.type,
            "externalId": message.external_id,
            "confirmedAt": message.confirmed_at and utc_millis(message.confirmed_at),
            "createdAt": utc_millis(message.created_at),
            "updatedAt": utc_millis(message.updated_at),
            "declaredAt": utc_millis(message.declared_at),
            **optional,
        }

    def _answer(self, request: Request, payload: object, *, wrapped: bool = True) -> Response:
        match self._forms["envelope"]:
            case "bare":
                wrapped = False
            case "data":
                wrapped = True
        return self._send(request, {"data": payload} if wrapped else payload)

    def _send(self, request: Request, body: object) -> Response:
        if "text/html" in request.headers.get("accept", ""):
            return HTMLResponse(
                b"<!doctype html><pre>" + orjson.dumps(body).replace(b"<", b"&lt;") + b"</pre>"
            )
        return json_response(body)

    def _error(self, status: int, message: str) -> object:
        return {"error": message} if self._forms["errors"] == "string" else _error_body(status, message)

    def _refuse(self, status: int, message: str) -> Never:
        raise Refused(status, self._error(status, message))


def _camel_case(name: str) -> str:
    first, *rest = re.split(r"[-_]", name)
    return first + "".join(part.capitalize() for part in rest)


def _case_body(case: HubCase) -> dict[str, Any]:
    return {
        "id": case.id,
        "guid": case.guid,
        "partnerId": case.partner_id,
        "serviceProviderId": case.provider_id,
        "currentStatus": case.status,
        "createdAt": utc_millis(case.created_at),
        **case.details,
    }


def _build(world: World, clock: Clock, forms: Forms) -> ASGIApp:
    return _Hub(world, clock, forms).app()


EMULATION = Emulation(
    kind="service_order_hub",
    docs="https://docs.serviceorderhub.com",
    base_path="/api",
    credentials={"token": PARTNER_TOKEN, "providerToken": PROVIDER_TOKEN},
    error_body=_error_body,
    build=_build,
    forms={
        "envelope": ("documented", "bare", "data"),
        "optional_fields": ("when_set", "omit", "always"),
        "errors": ("object", "string"),
    },
)
