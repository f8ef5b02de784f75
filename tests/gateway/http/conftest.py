"""The production app, with no sources and over the sandbox; whatever escapes it fails the test."""

import io
import json
from collections.abc import AsyncIterator, Callable
from contextlib import redirect_stderr
from typing import Any

import httpx
import pytest

from gateway import config
from gateway.app import create_app
from gateway.observability.logs import configure_logs
from gateway.sandbox import Faults
from tests.callers import NO_LOGIN
from tests.e2e.conftest import Stack, open_stack
from tests.ledgers import new_ledger


@pytest.fixture(autouse=True)
def _logs() -> None:
    configure_logs()


Log = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def log() -> Log:
    """Reads what has been logged since the last call, as production writes it."""
    said = io.StringIO()
    with redirect_stderr(said):
        configure_logs()

    def read() -> list[dict[str, Any]]:
        lines = said.getvalue().splitlines()
        said.seek(0)
        said.truncate()
        return [json.loads(line) for line in lines]

    return read


@pytest.fixture(scope="module")
async def bare(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    """The gateway without sources."""
    app = create_app(
        config.check(
            {
                **NO_LOGIN,
                "server": {"explorer": True},
                "ledger": {"url": new_ledger(tmp_path_factory.mktemp("ledger"))},
            }
        )
    )
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as http,
    ):
        yield http


@pytest.fixture(scope="module")
async def shared_stack() -> AsyncIterator[Stack]:
    async with open_stack() as opened:
        yield opened


@pytest.fixture
async def stack(shared_stack: Stack) -> Stack:
    """The gateway over a sandbox, everything up and healthy; what earlier tests wrote stays written."""
    for kind, service in shared_stack.sandbox.services.items():
        service.faults = Faults()
        await shared_stack.running.start(kind)
    shared_stack.forget()
    return shared_stack
