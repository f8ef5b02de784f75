"""One served sandbox per module. A source's own conftest names its `spec` and `source_key`, and builds its client."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.sandbox import Running, Sandbox
from gateway.sources.spec import SourceSpec
from gateway.transport.httpx import HttpxTransport
from tests.sources import Canned, Hands, open_transport


@pytest.fixture(scope="module")
def now() -> datetime:
    """When the tests take place; a source may choose otherwise."""
    return datetime(2026, 11, 22, 10, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def forms() -> dict[str, str]:
    """How the sandbox answers where the pages leave it open; a module may choose otherwise."""
    return {}


@pytest.fixture(scope="module")
def shared_hands(now: datetime) -> Hands:
    return Hands(now)


@pytest.fixture(scope="module")
def shared_sandbox(spec: SourceSpec[Any], shared_hands: Hands, forms: dict[str, str]) -> Sandbox:
    return Sandbox(now=shared_hands, forms={spec.kind: forms})


@pytest.fixture(scope="module")
async def running(shared_sandbox: Sandbox) -> AsyncIterator[Running]:
    async with shared_sandbox.serve() as running:
        yield running


@pytest.fixture(scope="module")
async def wire(spec: SourceSpec[Any], source_key: str, running: Running) -> AsyncIterator[HttpxTransport]:
    async with open_transport(source_key, running.base_urls[spec.kind]) as transport:
        yield transport


@pytest.fixture
def hands(shared_hands: Hands, now: datetime) -> Hands:
    shared_hands.moment = now
    return shared_hands


@pytest.fixture
def sandbox(shared_sandbox: Sandbox, hands: Hands) -> Sandbox:
    """A fresh world per test behind one set of sockets per module."""
    shared_sandbox.reset()
    return shared_sandbox


@pytest.fixture
def transport(wire: HttpxTransport, sandbox: Sandbox) -> HttpxTransport:
    return wire


@pytest.fixture
def canned() -> type[Canned]:
    return Canned


@pytest.fixture
def serve(
    spec: SourceSpec[Any], source_key: str, now: datetime, connect: Callable[..., Any]
) -> Callable[[Mapping[str, str]], AbstractAsyncContextManager[Any]]:
    """A sandbox of its own in other forms."""

    @asynccontextmanager
    async def served(forms: Mapping[str, str]) -> AsyncIterator[Any]:
        sandbox = Sandbox(now=lambda: now, forms={spec.kind: forms})
        async with (
            sandbox.serve() as running,
            open_transport(source_key, running.base_urls[spec.kind]) as transport,
        ):
            yield connect(transport)

    return served
