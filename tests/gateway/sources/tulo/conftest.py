from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.domain.catalog import Source
from gateway.sandbox import Running, Sandbox
from gateway.sources.spec import SourceContext
from gateway.sources.tulo import SPEC
from gateway.sources.tulo.client import Tulo
from gateway.transport import Call, Reply, Transport
from gateway.transport.httpx import HttpxOptions, HttpxTransport

Build = Callable[..., Tulo]


class Hands:
    """A clock that stands until a test moves it."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment


class Canned:
    """A transport that gives the replies one after the other, the last one for ever."""

    def __init__(self, *bodies: bytes, status: int = 200) -> None:
        self._replies = [Reply(status, {}, body) for body in bodies]
        self.calls: list[Call] = []

    async def send(self, call: Call) -> Reply:
        self.calls.append(call)
        return self._replies[min(len(self.calls), len(self._replies)) - 1]

    async def close(self) -> None:
        pass


@pytest.fixture
def canned() -> type[Canned]:
    return Canned


@pytest.fixture(scope="module")
def shared_hands() -> Hands:
    return Hands()


@pytest.fixture(scope="module")
def forms() -> dict[str, str]:
    """How the sandbox answers where the pages leave it open; a module may choose otherwise."""
    return {}


@pytest.fixture(scope="module")
def shared_sandbox(shared_hands: Hands, forms: dict[str, str]) -> Sandbox:
    return Sandbox(now=shared_hands, forms={"tulo": forms})


@pytest.fixture(scope="module")
async def running(shared_sandbox: Sandbox) -> AsyncIterator[Running]:
    async with shared_sandbox.serve() as running:
        yield running


@pytest.fixture(scope="module")
async def wire(running: Running) -> AsyncIterator[Transport]:
    transport = HttpxTransport("tulo", HttpxOptions(base_url=running.base_urls["tulo"]))
    yield transport
    await transport.close()


@pytest.fixture
def hands(shared_hands: Hands) -> Hands:
    shared_hands.moment = Hands().moment
    return shared_hands


@pytest.fixture
def sandbox(shared_sandbox: Sandbox, hands: Hands) -> Sandbox:
    """A fresh world per test behind one set of sockets per module."""
    shared_sandbox.reset()
    return shared_sandbox


@pytest.fixture
def settings(sandbox: Sandbox) -> dict[str, Any]:
    login = sandbox.services["tulo"].credentials
    return {
        "kind": "tulo",
        "base_url": "https://backend.worldoftulo.com",  # only the transport goes by it
        "client_id": login["clientId"],
        "client_secret": login["clientSecret"],
    }


@pytest.fixture
def build(settings: dict[str, Any], wire: Transport, hands: Hands) -> Build:
    """Make a client as the gateway does; keywords change the settings, `transport` what it talks to."""

    def make(transport: Transport | None = None, **changed: object) -> Tulo:
        wanted = SPEC.settings.model_validate({**settings, **changed})
        client = SPEC.build(SourceContext("tulo", wanted, transport or wire, hands))
        assert isinstance(client, Tulo)
        return client

    return make


@pytest.fixture
def tulo(build: Build) -> Tulo:
    return build()


@pytest.fixture
def source(tulo: Tulo) -> Source:
    """The client as the graph holds it."""
    return Source("tulo", SPEC.kind, SPEC.title, SPEC.docs_url, tulo, SPEC.shapes)
