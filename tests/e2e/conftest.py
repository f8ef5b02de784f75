"""The gateway as the production factory makes it, over a sandbox that the test can reach into."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from gateway import config
from gateway.app import create_app
from gateway.commands.dev import sandbox_sources
from gateway.observability.logs import configure_logs
from gateway.sandbox import Faults, Running, Sandbox
from tests.callers import NO_LOGIN
from tests.ledgers import temporary_ledger

# What is asked reaches the sandbox, once: what is shared, kept and tried again has tests of its own.
BARE: dict[str, Any] = {"cache_ttl_s": 0, "max_stale_s": 0, "max_retries": 0}
UNCAPPED: dict[str, Any] = {
    **NO_LOGIN,
    "operations": {"max_calls": 1000, "max_calls_per_source": 1000},
}


@dataclass(frozen=True)
class Stack:
    """A gateway over a sandbox: calls from one to the other go over real sockets."""

    sandbox: Sandbox
    running: Running
    http: httpx.AsyncClient

    async def execute(self, query: str, variables: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run an operation; the whole answer."""
        response = await self.http.post("/graphql", json={"query": query, "variables": variables})
        answer: dict[str, Any] = response.json()
        return answer

    async def data(self, query: str, variables: dict[str, Any] | None = None) -> Any:
        """Run an operation that must succeed; its data."""
        answer = await self.execute(query, variables)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def calls(self) -> dict[str, int]:
        """How many REST calls each source got, log-ins left out."""
        counts = {
            kind: sum("/auth" not in each.path for each in service.arrivals)
            for kind, service in self.sandbox.services.items()
        }
        return {kind: count for kind, count in counts.items() if count}

    async def cost(self, query: str, variables: dict[str, Any] | None = None) -> dict[str, int]:
        """How many REST calls an operation that must succeed causes."""
        self.forget()
        await self.data(query, variables)
        return self.calls()

    def forget(self) -> None:
        """Count from here."""
        for service in self.sandbox.services.values():
            service.arrivals.clear()


@asynccontextmanager
async def open_stack(
    *, each_source: dict[str, Any] | None = None, settings: dict[str, Any] | None = None, **changes: Any
) -> AsyncIterator[Stack]:
    """A gateway over a fresh sandbox.

    Args:
        each_source: Settings of every source, on top of `BARE`.
        settings: Other settings, on top of `UNCAPPED`.
        changes: For `Sandbox`.
    """
    sandbox = Sandbox(**changes)
    async with AsyncExitStack() as stack:
        ledger_url = stack.enter_context(temporary_ledger())
        running = await stack.enter_async_context(sandbox.serve())
        sources = sandbox_sources(sandbox, running, **{**BARE, **(each_source or {})})
        checked = config.check(
            {"ledger": {"url": ledger_url}, "sources": sources, **UNCAPPED, **(settings or {})}
        )
        app = create_app(checked)
        await stack.enter_async_context(app.router.lifespan_context(app))
        transport = httpx.ASGITransport(app)
        http = await stack.enter_async_context(
            httpx.AsyncClient(transport=transport, base_url="http://localhost")
        )
        yield Stack(sandbox, running, http)


@pytest.fixture(autouse=True)
def _logs() -> None:
    """As in production, to the captured standard error."""
    configure_logs()


@pytest.fixture(scope="module")
async def shared_stack() -> AsyncIterator[Stack]:
    async with open_stack() as opened:
        yield opened


@pytest.fixture
async def stack(shared_stack: Stack) -> Stack:
    """One stack per module, everything up and healthy; what earlier tests wrote stays written."""
    for kind, service in shared_stack.sandbox.services.items():
        service.faults = Faults()
        await shared_stack.running.start(kind)
    shared_stack.forget()
    return shared_stack
