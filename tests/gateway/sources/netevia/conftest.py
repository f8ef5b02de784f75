from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime

import pytest

from gateway.sandbox import Sandbox
from gateway.sources.netevia import SPEC
from gateway.sources.netevia.client import Netevia
from gateway.sources.spec import SourceContext
from gateway.transport import Transport
from gateway.transport.httpx import HttpxOptions, HttpxTransport

NOW = datetime(2026, 11, 22, 10, 30, 15, 250000, tzinfo=UTC)

Build = Callable[..., Netevia]
Serve = Callable[[Mapping[str, str]], AbstractAsyncContextManager[Netevia]]


def build(transport: Transport, token: str = "netevia-token-2c9e41f7b0") -> Netevia:
    """The client as the gateway makes it, with the sandbox's token unless another is given."""
    settings = SPEC.settings.model_validate(
        {"kind": "netevia", "base_url": "http://sandbox.example", "token": token}
    )
    client = SPEC.build(SourceContext("us", settings, transport, lambda: NOW))
    assert isinstance(client, Netevia)
    return client


@asynccontextmanager
async def transport_to(base_url: str) -> AsyncIterator[HttpxTransport]:
    transport = HttpxTransport("us", HttpxOptions(base_url=base_url))
    try:
        yield transport
    finally:
        await transport.close()


@pytest.fixture(scope="module")
def shared_sandbox() -> Sandbox:
    return Sandbox(now=lambda: NOW)


@pytest.fixture(scope="module")
async def shared_transport(shared_sandbox: Sandbox) -> AsyncIterator[HttpxTransport]:
    async with shared_sandbox.serve() as running, transport_to(running.base_urls["netevia"]) as transport:
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
    """Build a client over any transport, with any token."""
    return build


@pytest.fixture
def client(transport: HttpxTransport) -> Netevia:
    return build(transport)


@pytest.fixture
def serve() -> Serve:
    """A sandbox of its own in other forms."""

    @asynccontextmanager
    async def served(forms: Mapping[str, str]) -> AsyncIterator[Netevia]:
        sandbox = Sandbox(now=lambda: NOW, forms={"netevia": forms})
        async with sandbox.serve() as running, transport_to(running.base_urls["netevia"]) as transport:
            yield build(transport)

    return served
