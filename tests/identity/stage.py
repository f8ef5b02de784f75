"""The production app on a socket of its own, over the desks, with everything on that may be shared."""

import asyncio
import contextlib
import socket
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import uvicorn

from gateway import config
from gateway.app import create_app
from gateway.commands.dev import sandbox_sources
from gateway.domain.access import LOCAL_CALLER
from gateway.domain.catalog import Catalog
from gateway.resilience.stack import Stack
from gateway.sandbox import KINDS, Running, Sandbox, Service
from gateway.store.ledger import open_ledger
from tests.callers import NO_LOGIN
from tests.identity.accesses import STATIC, STATIC_PASSWORD, STATIC_TOKEN, STATIC_USER, header
from tests.identity.cast import Cast
from tests.identity.desks import Witness, open_desks
from tests.jwks_server import AUDIENCE, ISSUER, providing, signing_key
from tests.ledgers import new_ledger

_OWN = ("client_id", "client_secret", "token", "username", "password", "api_user", "api_password")
_SETTINGS: dict[str, Any] = {
    "connect_timeout_s": 3,
    "read_timeout_s": 3,
    "attempt_timeout_s": 3,
    "cache_ttl_s": 2,
    "max_stale_s": 60,
    "settling_s": 2,
}


@dataclass(slots=True)
class Stage:
    """A gateway and its sources.

    Attributes:
        port: Where the gateway listens.
        services: The sandbox's, with their dials.
        witness: What the desks saw.
        ledger: The folder of the ledger's files.
    """

    cast: Cast
    port: int
    services: Mapping[str, Service]
    witness: Witness
    ledger: Path
    _stacks: Mapping[str, Stack] = field(repr=False)

    def events(self) -> Counter[str]:
        """What has happened in the layers of the sources that callers use with credentials of their own."""
        return sum(
            (
                Counter({event.value: count for event, count in stack.stats.events.items()})
                for key, stack in self._stacks.items()
                if key not in STATIC
            ),
            Counter(),
        )


@asynccontextmanager
async def open_stage(cast: Cast, folder: Path) -> AsyncIterator[Stage]:
    """Everything up; the ledger's files stay in the folder."""
    witness = Witness()
    async with AsyncExitStack() as stack:
        services, running = await stack.enter_async_context(open_desks(cast, witness))
        ledger_url = new_ledger(folder)
        await _hand_out(cast, ledger_url)
        login = stack.enter_context(_asking()) if cast.asks_who else NO_LOGIN
        app = create_app(config.check({**login, **_settings(running, ledger_url)}))
        port = await stack.enter_async_context(_served(app))
        catalog: Catalog = app.state.graphql._make_context(LOCAL_CALLER, "identity").catalog
        yield Stage(cast, port, services, witness, folder, {each.key: _stack(each) for each in catalog})


async def _hand_out(cast: Cast, ledger_url: str) -> None:
    """Have the ledger know the keys."""
    ledger = open_ledger(ledger_url)
    for key in cast.keys:
        await ledger.add_key(key)
    await ledger.close()


@contextlib.contextmanager
def _asking() -> Iterator[dict[str, Any]]:
    """Settings under which callers log in, with an identity provider; nobody is slowed down."""
    with providing(signing_key()) as provider:
        jwt = {"issuer": ISSUER, "audience": AUDIENCE, "jwks_url": provider.url}
        yield {
            "auth": {"required": True, "failed_logins_per_minute": 10_000, "jwt": jwt},
            "rate_limits": {"enabled": False},
        }


def _settings(running: Running, ledger_url: str) -> dict[str, Any]:
    sources = sandbox_sources(Sandbox(), running, **_SETTINGS)
    own = {
        "thulium": {"api_user": STATIC_USER, "api_password": STATIC_PASSWORD},
        "netevia": {"token": STATIC_TOKEN},
    }
    static = {key: {**sources[kind], **own[kind]} for key, kind in STATIC.items()}
    for kind in KINDS:
        for name in _OWN:
            sources[kind].pop(name, None)
        sources[kind] |= {"credentials": "forward", "forward_header": header(kind)}
    return {
        "metrics": {"port": 0},
        "ledger": {"url": ledger_url, "reconcile_every_s": 1},
        "forwarding": {"id_key": "not random, but long enough for this"},
        "operations": {"timeout_s": 6, "max_calls": 1000, "max_calls_per_source": 1000},
        "sources": {**sources, **static},
    }


def _stack(source: Any) -> Stack:
    """The layers around a source: what tells its health is bound to them."""
    assert isinstance(source.health, partial)
    (layers,) = source.health.args
    assert isinstance(layers, Stack)
    return layers


@asynccontextmanager
async def _served(app: Any) -> AsyncIterator[int]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = _Server(
            uvicorn.Config(
                app, lifespan="on", ws="none", log_config=None, access_log=False, timeout_graceful_shutdown=2
            )
        )
        serving = asyncio.create_task(server.serve([listening]))
        await server.listening.wait()
        try:
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            await serving


class _Server(uvicorn.Server):
    """Uvicorn without its own signal handlers, telling when it listens."""

    def __init__(self, settings: uvicorn.Config) -> None:
        super().__init__(settings)
        self.listening = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """For a ledger's files."""
    with TemporaryDirectory(prefix="identity-") as name:
        yield Path(name)
