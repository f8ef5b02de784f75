"""A sandbox for a module of tests, and gateways over it as each test configures them."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from gateway import config
from gateway.app import create_app
from gateway.commands.dev import sandbox_sources
from gateway.sandbox import Faults, Running, Sandbox
from tests.e2e.conftest import BARE, UNCAPPED, Stack
from tests.ledgers import temporary_ledger

HANGING = Faults(timeout=True)
# What is held waits at the gate.
HELD = Faults(latency_ms=1)
FAILING = Faults(error_rate=1, error_status=503)


class Gate:
    """The sandbox's sleep: what has a latency waits until the test lets it go on."""

    def __init__(self) -> None:
        self._open = asyncio.Event()

    async def __call__(self, _: float) -> None:
        await self._open.wait()

    def open(self) -> None:
        """Let all that waits go on, and all that comes."""
        self._open.set()

    def shut(self) -> None:
        """Hold what comes from now on."""
        self._open.clear()


@dataclass(frozen=True)
class Served:
    """The sandbox and its gate. A gateway of its own leaves nothing under way for the next test."""

    sandbox: Sandbox
    running: Running
    gate: Gate

    @asynccontextmanager
    async def gateway(
        self,
        *,
        sources: Mapping[str, Mapping[str, Any]] | None = None,
        each_source: Mapping[str, Any] | None = None,
        settings: Mapping[str, Any] | None = None,
        ledger_url: str | None = None,
    ) -> AsyncIterator[Stack]:
        """A gateway with a ledger of its own, unless one is given.

        Args:
            sources: Settings of single sources, on top of the rest; `...` leaves a setting out.
            each_source: Settings of every source, on top of `BARE`.
            settings: Other settings, on top of `UNCAPPED`.
            ledger_url: A ledger that is there already.
        """
        made = sandbox_sources(self.sandbox, self.running, **{**BARE, **(each_source or {})})
        for key, changes in (sources or {}).items():
            changed = {**made[key], **changes}
            made[key] = {name: value for name, value in changed.items() if value is not ...}
        async with AsyncExitStack() as stack:
            url = ledger_url or stack.enter_context(temporary_ledger())
            # The reconciler looks when the gateway starts, and then when a test asks it to.
            ledger = {"url": url, "reconcile_every_s": 3600}
            checked = config.check({"ledger": ledger, "sources": made, **UNCAPPED, **(settings or {})})
            app = create_app(checked)
            await stack.enter_async_context(app.router.lifespan_context(app))
            transport = httpx.ASGITransport(app)
            http = httpx.AsyncClient(transport=transport, base_url="http://localhost")
            yield Stack(self.sandbox, self.running, await stack.enter_async_context(http))
            # What waits at the gate would keep the gateway from its end.
            self.gate.open()


# -- fixtures, for the modules that name them


@pytest.fixture(scope="module")
async def served_sandbox() -> AsyncIterator[Served]:
    gate = Gate()
    sandbox = Sandbox(sleep=gate)
    async with sandbox.serve() as running:
        yield Served(sandbox, running, gate)


@pytest.fixture
async def served(served_sandbox: Served) -> Served:
    """The world as seeded, everything up and healthy, the gate shut."""
    served_sandbox.gate.shut()
    for kind, service in served_sandbox.sandbox.services.items():
        service.reset()
        await served_sandbox.running.start(kind)
    return served_sandbox
