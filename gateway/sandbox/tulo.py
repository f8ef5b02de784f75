"""Tulo Payway: helpdesk messages and accounts (https://docs.worldoftulo.com/payway/integration/payway_api/overview).

Chosen by this sandbox, because the pages do not say: a missing, wrong or expired token is 401
`unauthorized`, a scope that the token lacks 403 `forbidden`, a wrong `Accept` 400 `invalid_accept_error`;
limits count characters; empty headings and messages are accepted, as is every status of the account;
ids and mail addresses are compared without case; pending messages and subscriptions come oldest first;
`write` scopes do not include `read`.

Forms (the default first):
    token_life_s: `3600` or `7200`; copies of the page disagree.
    correlation: `sent` adds `pw_correlation_id` to errors, `absent` leaves it out as the original document.
    unknown_account: what the two lists whose error tables were not readable (pending messages, subscriptions)
        answer for an account that is not there: `not_found` or `empty`.
"""

import itertools
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, Never

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from gateway.sandbox.emulation import Clock, Emulation, Forms, Refused, json_response, vendor_app
from gateway.sandbox.tulo_access import (
    ACCOUNT_READ,
    ACCOUNT_WRITE,
    CREDENTIALS,
    HELPDESK_READ,
    HELPDESK_WRITE,
    SUBSCRIPTION_READ,
    Access,
)
from gateway.sandbox.tulo_input import (
    ACCOUNT_KEYS,
    InvalidInput,
    read_account_id,
    read_account_key,
    read_flag,
    read_message,
    read_query,
    require_json_headers,
)
from gateway.sandbox.tulo_shapes import helpdesk_message, user_product
from gateway.sandbox.world import World
from gateway.sandbox.world.tulo import TuloHelpdeskMessage, TuloWorld

_API = "/external/api/v1"
_CODES = {
    400: "invalid_parameter",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    429: "too_many_requests",
}
Endpoint = Callable[[Request], Awaitable[Response]]


def _correlation_id(seed: object) -> str:
    return f"pw-api-{uuid.uuid5(uuid.NAMESPACE_URL, f'tulo-sandbox:{seed}')}"


def _error_body(status: int, message: str) -> dict[str, str]:
    code = _CODES.get(status, "internal_server_error")
    return {"code": code, "message": message, "pw_correlation_id": _correlation_id(f"{status} {message}")}


class _Tulo:
    def __init__(self, world: World, clock: Clock, forms: Forms) -> None:
        self._world = world
        self._clock = clock
        self._forms = forms
        self._access = Access(world, clock, token_life_s=int(forms["token_life_s"]))
        self._error_numbers = itertools.count(1)

    def app(self) -> ASGIApp:
        routes = [Route("/api/authorization/access_token", self._access.give_token, methods=["POST"])]
        for path, scope, endpoint in (
            ("/helpdesk_messages/get_pending_messages", HELPDESK_READ, self.list_pending),
            ("/helpdesk_message_templates/all", HELPDESK_READ, self.list_templates),
            # Reading an account takes the scope for writing it: that is what the page says.
            ("/accounts", ACCOUNT_WRITE, self.get_account),
            ("/accounts/status", ACCOUNT_READ, self.get_status),
            ("/accounts/comments", ACCOUNT_READ, self.list_comments),
            ("/accounts/active_products", ACCOUNT_READ, self.get_active_products),
            ("/subscription/get_by_account", SUBSCRIPTION_READ, self.list_subscriptions),
        ):
            routes.append(Route(f"{_API}{path}", self._guarded(endpoint, scope), methods=["GET"]))
        create = self._guarded(self.create_message, HELPDESK_WRITE)
        routes.append(Route(f"{_API}/helpdesk_messages", create, methods=["POST"]))
        return vendor_app(routes, error_body=lambda status, text: self._error(_code(status), text))

    async def create_message(self, request: Request) -> Response:
        read_query(request)
        account_id, heading, message = await read_message(request)
        now = self._clock()
        new = TuloHelpdeskMessage(
            id=self._tulo.next_id(),
            account_id=self._account(account_id)["id"],
            heading=heading,
            message=message,
            created_at=now,
            updated_at=now,
        )
        self._tulo.helpdesk_messages[new.id] = new
        return json_response({"id": new.id}, 201)

    async def list_pending(self, request: Request) -> Response:
        account = self._account_or_none(request)
        pending = [
            helpdesk_message(message, account, self._tulo)
            for message in self._tulo.helpdesk_messages.values()
            if account is not None and message.account_id == account["id"] and message.state == "pending"
        ]
        return json_response({"items": pending})

    async def list_templates(self, request: Request) -> Response:
        enabled = read_flag(read_query(request, "enabled"), "enabled", default=True)
        return json_response({"items": [t for t in self._tulo.templates if t["enabled"] == enabled]})

    async def get_account(self, request: Request) -> Response:
        account = self._account_by_key(read_query(request, *ACCOUNT_KEYS))
        products = self._tulo.subscriptions[account["id"]]
        return json_response({"item": account | {"user_products": [user_product(p) for p in products]}})

    async def get_status(self, request: Request) -> Response:
        account = self._account_by_key(read_query(request, "id", "email"))
        return json_response({"item": {"status": account["status"]}})

    async def list_comments(self, request: Request) -> Response:
        account = self._account_by_key(read_query(request, "id", "email"))
        return json_response({"items": self._tulo.comments[account["id"]]})

    async def get_active_products(self, request: Request) -> Response:
        query = read_query(request, "account_id", "include_articles")
        account = self._account(read_account_id(query))
        subscriptions = self._tulo.subscriptions[account["id"]]
        codes = {s["product_code"]: None for s in subscriptions if s["state"] == "activated"}
        item = {"id": account["id"], "active_products": list(codes), "external_plus_products": []}
        if read_flag(query, "include_articles", default=False):
            item["active_articles"] = self._tulo.articles.get(account["id"], [])
        return json_response({"item": item})

    async def list_subscriptions(self, request: Request) -> Response:
        account = self._account_or_none(request)
        return json_response({"items": self._tulo.subscriptions[account["id"]] if account else []})

    # What every request goes through.

    @property
    def _tulo(self) -> TuloWorld:
        return self._world.tulo

    def _guarded(self, endpoint: Endpoint, scope: str) -> Endpoint:
        """The token is looked at first, then the headers, then its scopes, then the request itself."""

        async def guarded(request: Request) -> Response:
            token = self._access.token_of(request)
            if token is None:
                self._refuse(401, "unauthorized", "The access token is missing, wrong or expired")
            try:
                require_json_headers(request)
                if scope not in token.scopes:
                    self._refuse(403, "forbidden", f"The access token lacks the scope {scope}")
                return await endpoint(request)
            except InvalidInput as exc:
                self._refuse(400, exc.code, exc.message, exc.field)

        return guarded

    def _account_by_key(self, query: dict[str, str]) -> dict[str, Any]:
        name, value = read_account_key(query)
        if name == "id":
            return self._account(value)
        if name.startswith("external_id:"):
            key = name.partition(":")[2], value
            return self._account(self._tulo.external_ids.get(key, ""))
        wanted = value.casefold() if name == "email" else value
        found = (
            account_id
            for account_id, account in self._tulo.accounts.items()
            if wanted == (account["email"].casefold() if name == "email" else account.get(name))
        )
        return self._account(next(found, ""))

    def _account(self, account_id: str) -> dict[str, Any]:
        account = self._tulo.accounts.get(account_id.lower())
        if account is None:
            self._refuse(404, "not_found", "Account not found")
        return account

    def _account_or_none(self, request: Request) -> dict[str, Any] | None:
        account_id = read_account_id(read_query(request, "account_id"))
        if self._forms["unknown_account"] == "empty" and account_id.lower() not in self._tulo.accounts:
            return None
        return self._account(account_id)

    def _error(self, code: str, message: str, field: str | None = None) -> dict[str, str]:
        body = {"code": code} | ({"field": field} if field else {}) | {"message": message}
        if self._forms["correlation"] == "sent":
            body["pw_correlation_id"] = _correlation_id(next(self._error_numbers))
        return body

    def _refuse(self, status: int, code: str, message: str, field: str | None = None) -> Never:
        raise Refused(status, self._error(code, message, field))


def _code(status: int) -> str:
    return _CODES.get(status, "internal_server_error")


def _build(world: World, clock: Clock, forms: Forms) -> ASGIApp:
    return _Tulo(world, clock, forms).app()


EMULATION = Emulation(
    kind="tulo",
    docs="https://docs.worldoftulo.com/payway/integration/payway_api/overview",
    base_path="",
    credentials=CREDENTIALS,
    error_body=_error_body,
    build=_build,
    forms={
        "token_life_s": ("3600", "7200"),
        "correlation": ("sent", "absent"),
        "unknown_account": ("not_found", "empty"),
    },
)
