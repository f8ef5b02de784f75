from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime

import pytest

from gateway.domain.catalog import Source
from gateway.sandbox import Sandbox
from gateway.sandbox.service_order_hub import PARTNER_TOKEN
from gateway.sources.service_order_hub import SPEC
from gateway.sources.service_order_hub.client import ServiceOrderHub
from gateway.sources.spec import SourceContext
from gateway.transport import Call, Reply, Transport
from gateway.transport.httpx import HttpxOptions, HttpxTransport

NOW = datetime(2026, 11, 22, 10, 30, 15, 250000, tzinfo=UTC)

Build = Callable[..., ServiceOrderHub]
Serve = Callable[[Mapping[str, str]], AbstractAsyncContextManager[ServiceOrderHub]]


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


def build(transport: Transport, **settings: object) -> ServiceOrderHub:
    """The client as the gateway makes it; `settings` come on top of the sandbox's partner token."""
    given = {
        "kind": "service_order_hub",
        "base_url": "https://serviceorderhub.com/api",  # only the transport goes by it
        "token": PARTNER_TOKEN,
        **settings,
    }
    client = SPEC.build(SourceContext("se", SPEC.settings.model_validate(given), transport, lambda: NOW))
    assert isinstance(client, ServiceOrderHub)
    return client


@asynccontextmanager
async def transport_to(base_url: str) -> AsyncIterator[HttpxTransport]:
    transport = HttpxTransport("se", HttpxOptions(base_url=base_url))
    try:
        yield transport
    finally:
        await transport.close()


@pytest.fixture(scope="module")
def shared_sandbox() -> Sandbox:
    return Sandbox(now=lambda: NOW)


@pytest.fixture(scope="module")
async def shared_transport(shared_sandbox: Sandbox) -> AsyncIterator[HttpxTransport]:
    async with (
        shared_sandbox.serve() as running,
        transport_to(running.base_urls["service_order_hub"]) as transport,
    ):
        yield transport


@pytest.fixture
def sandbox(shared_sandbox: Sandbox) -> Sandbox:
    """A fresh world per test behind one set of sockets per module."""
    shared_sandbox.reset()
    return shared_sandbox


@pytest.fixture
def transport(shared_transport: HttpxTransport, sandbox: Sandbox) -> HttpxTransport:
    return shared_transport


@pytest.fixture
def connect() -> Build:
    """Build a client over any transport, with any settings."""
    return build


@pytest.fixture
def client(transport: HttpxTransport) -> ServiceOrderHub:
    return build(transport)


@pytest.fixture
def source(client: ServiceOrderHub) -> Source:
    """The client as the graph holds it."""
    return Source("se", SPEC.kind, SPEC.title, SPEC.docs_url, client, SPEC.shapes)


@pytest.fixture
def canned() -> type[Canned]:
    return Canned


@pytest.fixture
def serve() -> Serve:
    """A sandbox of its own in other forms."""

    @asynccontextmanager
    async def served(forms: Mapping[str, str]) -> AsyncIterator[ServiceOrderHub]:
        sandbox = Sandbox(now=lambda: NOW, forms={"service_order_hub": forms})
        async with (
            sandbox.serve() as running,
            transport_to(running.base_urls["service_order_hub"]) as transport,
        ):
            yield build(transport)

    return served
