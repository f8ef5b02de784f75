"""Tulo's token endpoint and the check of what a token allows.

https://docs.worldoftulo.com/payway/integration/payway_api/api_access. The token endpoint takes a form and
`grant_type=none` for a client without an end user, as the vendor's own plugin sends it. The page documents
neither the statuses of a refusal here nor those of a missing or insufficient token: the sandbox chose
OAuth's own (400, and 401 for a wrong client; `error` beside `error_description`), 401 and 403.
"""

import hashlib
import itertools
from dataclasses import dataclass
from datetime import timedelta
from typing import Never
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from gateway.sandbox.emulation import Clock, Refused, json_response
from gateway.sandbox.world import World
from gateway.sandbox.world.tulo import TuloToken

HELPDESK_READ = "/external/helpdesk/r"
HELPDESK_WRITE = "/external/helpdesk/w"
ACCOUNT_READ = "/external/account/r"
ACCOUNT_WRITE = "/external/account/w"
SUBSCRIPTION_READ = "/external/subscription/r"
_ALL = (HELPDESK_READ, HELPDESK_WRITE, ACCOUNT_READ, ACCOUNT_WRITE, SUBSCRIPTION_READ)
_LIMITED = (HELPDESK_READ, ACCOUNT_READ)

CREDENTIALS = {
    "clientId": "tulo-gateway-client",
    "clientSecret": "tulo-secret-6d0f8b31c2",
    "scope": " ".join(_ALL),
    "readerClientId": "tulo-reader-client",  # issued two reading scopes only
    "readerClientSecret": "tulo-secret-a94e57d810",
    "readerScope": " ".join(_LIMITED),
}


@dataclass(frozen=True, slots=True)
class _Client:
    secret: str
    scopes: frozenset[str]


_CLIENTS = {
    CREDENTIALS["clientId"]: _Client(CREDENTIALS["clientSecret"], frozenset(_ALL)),
    CREDENTIALS["readerClientId"]: _Client(CREDENTIALS["readerClientSecret"], frozenset(_LIMITED)),
}


class Access:
    """Gives tokens out and looks at them."""

    def __init__(self, world: World, clock: Clock, *, token_life_s: int) -> None:
        self._world = world
        self._clock = clock
        self._token_life_s = token_life_s
        self._numbers = itertools.count(1)

    async def give_token(self, request: Request) -> Response:
        """`POST /api/authorization/access_token`."""
        content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if content_type != "application/x-www-form-urlencoded":
            _refuse(400, "invalid_request", "The request must be form-encoded")
        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True))
        for name in ("client_id", "client_secret", "grant_type", "scope"):
            if not form.get(name):
                _refuse(400, "invalid_request", f"Missing parameter: {name}")
        client = _CLIENTS.get(form["client_id"])
        if client is None or client.secret != form["client_secret"]:
            _refuse(401, "invalid_client", "Client authentication failed")
        if form["grant_type"] != "none":
            _refuse(400, "unsupported_grant_type", "This client may only use the grant type none")
        scopes = frozenset(form["scope"].split())
        if not scopes <= client.scopes:
            _refuse(400, "invalid_scope", "A requested scope is not issued to the client")
        # Numbered, so that two runs give out the same; hashed, so that nobody guesses the next by mistake.
        token = hashlib.sha256(f"tulo token {next(self._numbers)}".encode()).hexdigest()[:40]
        expires_at = self._clock() + timedelta(seconds=self._token_life_s)
        self._world.tulo.tokens[token] = TuloToken(scopes, expires_at)
        return json_response({"access_token": token, "expires_in": self._token_life_s})

    def token_of(self, request: Request) -> TuloToken | None:
        """The request's bearer token, unless it is missing, unknown or expired."""
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        token = self._world.tulo.tokens.get(value.strip()) if scheme.lower() == "bearer" else None
        return token if token is not None and self._clock() < token.expires_at else None


def _refuse(status: int, error: str, description: str) -> Never:
    raise Refused(status, {"error": error, "error_description": description})
