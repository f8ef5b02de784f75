from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime

import pytest

from gateway.sandbox import Sandbox
from gateway.sources.spec import SourceContext
from gateway.sources.thulium import SPEC
from gateway.sources.thulium.client import Thulium
from gateway.transport import Transport
from gateway.transport.httpx import HttpxOptions, HttpxTransport

NOW = datetime(2026, 11, 22, 10, 30, 15, tzinfo=UTC)

Build = Callable[..., Thulium]
Serve = Callable[[Mapping[str, str]], AbstractAsyncContextManager[Thulium]]


def build(transport: Transport, **settings: object) -> Thulium:
    """The client as the gateway makes it; `settings` come on top of the sandbox's credentials."""
    given = {
        "kind": "thulium",
        "base_url": "http://sandbox.example/api",
        "api_user": "api_user",
        "api_password": "api_pass",
        **settings,
    }
    context = SourceContext("pl", SPEC.settings.model_validate(given), transport, lambda: NOW)
    client = SPEC.build(context)
    assert isinstance(client, Thulium)
    return client


@asynccontextmanager
async def transport_to(base_url: str) -> AsyncIterator[HttpxTransport]:
    transport = HttpxTransport("pl", HttpxOptions(base_url=base_url))
    try:
        yield transport
    finally:
        await transport.close()


@pytest.fixture(scope="module")
def shared_sandbox() -> Sandbox:
    return Sandbox(now=lambda: NOW)


@pytest.fixture(scope="module")
async def shared_transport(shared_sandbox: Sandbox) -> AsyncIterator[HttpxTransport]:
    async with shared_sandbox.serve() as running, transport_to(running.base_urls["thulium"]) as transport:
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
def client(transport: HttpxTransport) -> Thulium:
    return build(transport)


@pytest.fixture
def serve() -> Serve:
    """A sandbox of its own in other forms."""

    @asynccontextmanager
    async def served(forms: Mapping[str, str]) -> AsyncIterator[Thulium]:
        sandbox = Sandbox(now=lambda: NOW, forms={"thulium": forms})
        async with sandbox.serve() as running, transport_to(running.base_urls["thulium"]) as transport:
            yield build(transport)

    return served
