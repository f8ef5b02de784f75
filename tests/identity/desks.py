"""The sandbox's services as many callers' own: each credential sees everything in its own words.

Below is one world, so that all have the same ids, and each other's writes. The dial, the sockets and the
control endpoint are the sandbox's.
"""

import asyncio
import base64
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from urllib.parse import parse_qsl, urlencode

import orjson
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.sandbox import Faults, Running, Service
from gateway.sandbox.emulation import Clock, Emulation, Forms
from gateway.sandbox.registry import EMULATIONS
from gateway.sandbox.replies import Reply, ask
from gateway.sandbox.tulo_access import CREDENTIALS as TULO
from gateway.sandbox.world import World
from gateway.sandbox.world.telecomx import TelecomxSession
from gateway.sandbox.world.tulo import TuloToken
from tests.identity.accesses import STATIC, STATIC_PASSWORD, STATIC_USER, Access
from tests.identity.cast import Cast
from tests.identity.marking import marked, unmarked
from tests.identity.words import WORD, parts

_TOKEN = "one-of-the-sandbox"
_HEADERS = {"service_order_hub": b"x-hub-api-token"}
_PREFIXES = {"thulium": "Basic ", "tulo": "Bearer ", "netevia": "Bearer "}


@dataclass(slots=True)
class Witness:
    """What the desks saw.

    Attributes:
        findings: What was sent to one access with another's word in it.
        answered: How many answers were given to each stem.
        refused: Calls with a credential that is nobody's.
    """

    findings: list[str] = field(default_factory=list)
    answered: Counter[str] = field(default_factory=Counter)
    refused: int = 0


@asynccontextmanager
async def open_desks(cast: Cast, witness: Witness) -> AsyncIterator[tuple[dict[str, Service], Running]]:
    """All five, on sockets of their own."""
    world = World()
    services = {
        each.kind: Service(
            replace(each, build=partial(_Desk, each, _by_secret(cast, each.kind), witness)),
            world,
            clock=_utc_now,
            sleep=asyncio.sleep,
            faults=Faults(),
            forms={},
        )
        for each in EMULATIONS
    }
    running = Running(services, host="127.0.0.1", ports={}, sleep=asyncio.sleep)
    await running.start_all()
    try:
        yield services, running
    finally:
        await running.stop_all()


def _by_secret(cast: Cast, kind: str) -> dict[str, Access]:
    """Who has which credential at a product; its static instance has the same address."""
    known = {each.secret: each for each in cast.accesses if each.source == kind and each.good and each.secret}
    for source, access in cast.static.items():
        if STATIC[source] == kind and access.secret is not None:
            is_user = access.secret == STATIC_PASSWORD
            known[_basic(STATIC_USER, STATIC_PASSWORD) if is_user else access.secret] = access
    return known


class _Desk:
    """Takes the credential off, has the product's own app answer, and puts the credential's word in."""

    def __init__(
        self,
        emulation: Emulation,
        accesses: Mapping[str, Access],
        witness: Witness,
        world: World,
        clock: Clock,
        forms: Forms,
    ) -> None:
        self._kind = emulation.kind
        self._app: ASGIApp = emulation.build(world, clock, forms)
        self._error_body = emulation.error_body
        self._accesses = accesses
        self._witness = witness
        self._own = _own_credential(emulation, world, clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body: bytes = (await receive())["body"]
        reply = await self._answer(scope, body)
        await send({"type": "http.response.start", "status": reply.status, "headers": reply.headers})
        await send({"type": "http.response.body", "body": reply.body})

    async def _answer(self, scope: Scope, body: bytes) -> Reply:
        headers, query, secret = _taken(self._kind, scope, self._own)
        access = self._accesses.get(secret)
        if access is None:
            self._witness.refused += 1
            said = orjson.dumps(self._error_body(401, "Unauthorized"))
            return Reply(401, [(b"content-type", b"application/json")], said)
        for word in set(WORD.findall((query + body).lower())):
            if parts(word)[0] == access.stem:
                continue
            self._witness.findings.append(
                f"{scope['method']} {scope['path']} went to {access} with {word.decode()} in it"
            )
        asked = {**scope, "headers": headers, "query_string": unmarked(access.stem, query)}
        reply = await ask(self._app, asked, unmarked(access.stem, body))
        if not 200 <= reply.status < 300 or not reply.body:
            return reply
        # The same for all, though what they see isn't.
        etag = b'"%s"' % hashlib.sha256(reply.body).hexdigest()[:16].encode()
        self._witness.answered[access.stem] += 1
        if scope["method"] == "GET" and (b"if-none-match", etag) in scope["headers"]:
            return Reply(304, [(b"etag", etag)], b"")
        reply.headers.append((b"etag", etag))
        return reply.with_body(marked(self._kind, scope["path"], access.stem, reply.body))


def _taken(kind: str, scope: Scope, own: str) -> tuple[list[tuple[bytes, bytes]], bytes, str]:
    """Headers and query string with the sandbox's own credential, and the one that was there."""
    if kind == "telecomx":
        given = parse_qsl(scope["query_string"].decode(), keep_blank_values=True)
        query = urlencode([(name, own if name == "token" else value) for name, value in given]).encode()
        return scope["headers"], query, dict(given).get("token", "")
    name, prefix = _HEADERS.get(kind, b"authorization"), _PREFIXES.get(kind, "")
    sent = dict(scope["headers"]).get(name, b"").decode()
    others = [each for each in scope["headers"] if each[0] != name]
    return [*others, (name, f"{prefix}{own}".encode())], scope["query_string"], sent.removeprefix(prefix)


def _own_credential(emulation: Emulation, world: World, clock: Clock) -> str:
    """One that the sandbox takes."""
    match emulation.kind:
        case "tulo":
            scopes = frozenset(TULO["scope"].split())
            world.tulo.tokens[_TOKEN] = TuloToken(scopes, clock() + timedelta(days=1))
            return _TOKEN
        case "telecomx":
            login = world.telecomx.logins[emulation.credentials["username"]]
            world.telecomx.sessions[_TOKEN] = TelecomxSession(login.employee_id, None)
            return _TOKEN
        case "thulium":
            return _basic(emulation.credentials["username"], emulation.credentials["password"])
        case _:
            return emulation.credentials["token"]


def _basic(user: str, password: str) -> str:
    return base64.b64encode(f"{user}:{password}".encode()).decode()


def _utc_now() -> datetime:
    return datetime.now(UTC)
