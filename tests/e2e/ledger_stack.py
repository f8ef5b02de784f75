"""Gateways over one sandbox and one ledger, as several processes of a deployment are."""

import uuid
from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway import config
from gateway.app import create_app
from gateway.commands.dev import sandbox_sources
from gateway.sandbox import Faults, Running, Sandbox
from tests.e2e.conftest import BARE, UNCAPPED, Stack
from tests.ledgers import new_ledger

WRITE = """write { id operation source { key } state idempotencyKey target { id } result { id } attempts replayed
  problem { code message retryable }
  parts { target { id } state alreadyConfirmed problem { code message retryable } } }"""
ERRORS = "userErrors { code field source { key } sourceCode }"
MESSAGE = """id origin { nativeId from } author { role name } kind { value raw } body { text } visibility
  externalId createdAt parent { id }"""
REPLY = f"""mutation($input: ReplyInput!) {{ reply(input: $input) {{
  message {{ {MESSAGE} }} {WRITE} {ERRORS} }} }}"""

GUID = "1e0abcb7-b94c-4072-a9c0-37072a1ef015"
HUB = {"toRef": {"source": "service_order_hub", "nativeId": GUID}}
NETEVIA = {"toRef": {"source": "netevia", "nativeId": "123456"}}
THULIUM = {"toRef": {"source": "thulium", "nativeId": "1234"}}

DOUBT = "The write was sent, but its source did not confirm it: it may have been applied."


def key() -> str:
    return uuid.uuid4().hex


@dataclass(frozen=True)
class Deployment:
    """A served sandbox and a ledger, over which gateways can be opened.

    The reconciler looks when a gateway starts and then when a test asks it to.
    """

    sandbox: Sandbox
    running: Running
    ledger_url: str

    @asynccontextmanager
    async def gateway(
        self, *, host: str = "127.0.0.1", ledger_url: str | None = None, without: Collection[str] = ()
    ) -> AsyncIterator[Stack]:
        """Another process; by another `host` it is known to the sources by other credentials."""
        sources = sandbox_sources(self.sandbox, self.running, **BARE)
        for each in sources.values():
            each["base_url"] = each["base_url"].replace("127.0.0.1", host)
        hub = sources["service_order_hub"]
        # A second tenant of one product, which sees the same cases.
        sources["provider"] = {
            **hub,
            "token": self.sandbox.services["service_order_hub"].credentials["providerToken"],
        }
        sources = {key: each for key, each in sources.items() if key not in without}
        ledger = {"url": ledger_url or self.ledger_url, "reconcile_every_s": 3600}
        app = create_app(config.check({"ledger": ledger, "sources": sources, **UNCAPPED}))
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as http,
        ):
            yield Stack(self.sandbox, self.running, http)


class Draws:
    """A service's randomness, as far as a test lays it down; then nothing befalls a request."""

    def __init__(self, draws: Iterable[float]) -> None:
        self._draws = iter(draws)

    def random(self) -> float:
        return next(self._draws, 0.999)


def codes(payload: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """What a payload refuses, and where."""
    return [(each["code"], each["field"]) for each in payload["userErrors"]]


def errors(answer: dict[str, Any]) -> list[tuple[list[str | int], str, bool]]:
    """An answer's errors: where, of which code, and whether a retry may help."""
    return [
        (each["path"], each["extensions"]["code"], each["extensions"]["retryable"])
        for each in answer.get("errors", ())
    ]


# -- fixtures, for the modules that name them


@pytest.fixture(scope="module")
async def served() -> AsyncIterator[Deployment]:
    sandbox = Sandbox()
    async with sandbox.serve() as running:
        yield Deployment(sandbox, running, "")


@pytest.fixture
async def deployment(served: Deployment, tmp_path: Path) -> Deployment:
    """Everything healthy, and a ledger of the test's own; what earlier tests wrote stays at the sources."""
    for kind, service in served.sandbox.services.items():
        service.faults = Faults()
        await served.running.start(kind)
    return Deployment(served.sandbox, served.running, new_ledger(tmp_path))


@pytest.fixture
async def stack(deployment: Deployment) -> AsyncIterator[Stack]:
    async with deployment.gateway() as opened:
        opened.forget()
        yield opened
