"""Telecomx: log in, tokens, and who may do what.

Pages: https://wiki.telecomx.dk/doku.php?id=api%3Aauth%3Alogin, api:auth:validatetoken, api:auth:logout.

Every right comes from the access level of the token's employee and from the customer that the employee
belongs to: below RESELLER that customer only, from RESELLER on also the customers and resellers below it
in the tree of `parentReseller`, for ADMIN everybody.
"""

import hashlib
import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Never, TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.sandbox.emulation import Clock, Forms, NotJson, Refused, json_response, read_json
from gateway.sandbox.world import World
from gateway.sandbox.world.telecomx import ACCESS_LEVELS, TelecomxSession, TelecomxWorld

_Value = TypeVar("_Value")
_TOKEN_LIFE = timedelta(minutes=15)
VIEWER_UP = ACCESS_LEVELS[ACCESS_LEVELS.index("VIEWER") :]
RESELLER_UP = ACCESS_LEVELS[ACCESS_LEVELS.index("RESELLER") :]
RESELLER_ADMIN_UP = ACCESS_LEVELS[ACCESS_LEVELS.index("RESELLER_ADMIN") :]


def refuse(status: int, word: str) -> Never:
    """Answer with the machine word of the page's error table."""
    raise Refused(status, {"message": word})


def find(items: Mapping[str, _Value], item_id: str) -> _Value | None:
    """Look an id up whatever the case of its hex digits: the original document shows them in capitals."""
    if item_id in items:
        return items[item_id]
    return next((item for known, item in items.items() if known.lower() == item_id.lower()), None)


@dataclass(frozen=True, slots=True)
class Caller:
    """The employee behind a token."""

    employee: Mapping[str, Any]
    level: str
    customer_id: str
    world: TelecomxWorld

    @property
    def is_admin(self) -> bool:
        return self.level == "ADMIN"

    def may_see(self, customer_id: str | None) -> bool:
        """Whether the customer is the caller's own or, for a reseller, below it."""
        if self.is_admin or customer_id == self.customer_id:
            return True
        return self.level in RESELLER_UP and self.customer_id in self._above(customer_id)

    def may_manage(self, reseller_id: str | None) -> bool:
        """Whether what belongs to this reseller (None: to all) may be changed."""
        return self.is_admin or (
            reseller_id is not None and self.level in RESELLER_UP and self.may_see(reseller_id)
        )

    def _above(self, customer_id: str | None) -> Iterable[str]:
        customer = self.world.customers.get(customer_id or "")
        while customer is not None and "parentReseller" in customer:
            yield customer["parentReseller"]
            customer = self.world.customers.get(customer["parentReseller"])


class Access:
    """Sessions, and the check that every request outside `/auth` goes through."""

    def __init__(self, world: World, clock: Clock, forms: Forms) -> None:
        self._world = world
        self._clock = clock
        self._slides = forms["token_life"] == "sliding"
        self._numbers = itertools.count(1)

    def routes(self) -> list[Route]:
        return [
            Route("/auth/login", self.login, methods=["GET", "POST"]),
            Route("/auth/validateToken", self.validate_token, methods=["GET"]),
            Route("/auth/logout", self.logout, methods=["GET"]),
        ]

    async def login(self, request: Request) -> Response:
        """With a JSON body or, as the page also allows, with a GET and the password in the URL."""
        given: Mapping[str, Any] = request.query_params
        if request.method == "POST":
            given = await read_body(request)
        login = self._telecomx.logins.get(str(given.get("username", "")).lower())
        if login is None or login.password != given.get("password"):
            refuse(401, "credentials_invalid")
        employee = self._telecomx.employees[login.employee_id]
        if employee["state"] != "ENABLED":
            refuse(401, "credentials_invalid")
        persistent = given.get("persist") in (True, "true")
        token = hashlib.sha256(f"telecomx token {next(self._numbers)}".encode()).hexdigest()[:48]
        expires_at = None if persistent else self._clock() + _TOKEN_LIFE
        self._telecomx.sessions[token] = TelecomxSession(login.employee_id, expires_at)
        customer = self._telecomx.customers[employee["customer"]]
        return json_response(
            {
                "token": token,
                "expiresInMinutes": -1 if persistent else int(_TOKEN_LIFE.total_seconds() // 60),
                "employee": employee["_id"],
                "customer": customer["_id"],
                "accessLevel": employee["accessLevel"],
                "name": employee["name"],
                "language": employee["language"],
                "customerName": customer["name"],
                "customerFeatures": customer.get("features", []),
            }
        )

    async def validate_token(self, request: Request) -> Response:
        query = request.query_params
        simple = query.get("simple") == "true"
        try:
            caller = self.enter(request)
        except Refused:
            return json_response({"success": False}, 403 if simple else 200)
        answer: dict[str, Any] = {"success": True}
        if not simple:
            answer |= {
                "employee": caller.employee["_id"],
                "customer": caller.customer_id,
                "accessLevel": caller.level,
            }
        if not simple and query.get("extend") == "true":
            answer |= {"name": caller.employee["name"], "language": caller.employee["language"]}
        return json_response(answer)

    async def logout(self, request: Request) -> Response:
        """Ends every token of the employee, machine tokens included; the vendor made it a GET."""
        caller = self.enter(request)
        sessions = self._telecomx.sessions
        for token in [t for t, s in sessions.items() if s.employee_id == caller.employee["_id"]]:
            del sessions[token]
        return json_response({"success": True})

    def enter(self, request: Request, allowed: Iterable[str] = ACCESS_LEVELS) -> Caller:
        """Who calls, once token and access level are in order."""
        session = self._telecomx.sessions.get(request.query_params.get("token", ""))
        if session is None:
            refuse(401, "invalid_token")
        if session.expires_at is not None:
            now = self._clock()
            if now >= session.expires_at:
                refuse(401, "expired")
            if self._slides:
                session.expires_at = now + _TOKEN_LIFE
        employee = self._telecomx.employees[session.employee_id]
        if employee["accessLevel"] not in allowed:
            refuse(403, "access_denied")
        return Caller(employee, employee["accessLevel"], employee["customer"], self._telecomx)

    @property
    def _telecomx(self) -> TelecomxWorld:
        return self._world.telecomx


async def read_body(request: Request) -> dict[str, Any]:
    """The JSON object of a request; the pages have one word for everything else."""
    try:
        body = await read_json(request)
    except NotJson:
        refuse(400, "bad_request")
    if not isinstance(body, dict):
        refuse(400, "bad_request")
    return body
