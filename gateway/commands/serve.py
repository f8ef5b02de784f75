"""`serve`: the gateway with the configured sources."""

import asyncio
import ipaddress
import signal
import socket
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, cast

import structlog
import uvicorn
from starlette.types import ASGIApp

from gateway.app import create_app, open_ledger
from gateway.config import Settings
from gateway.domain.errors import ConfigError
from gateway.domain.ledger import LedgerUnavailable
from gateway.http.patience import LOOK_EVERY_S, Connections
from gateway.http.settings import ANY_ORIGIN, ConnectionSettings
from gateway.observability.listening import port_problems
from gateway.store.ledger import SchemaState

# How long requests in progress may take to end once the gateway is told to stop.
GRACE_S = 10

Announce = Callable[[str], None]

_log = structlog.get_logger("gateway.commands")


class CannotListen(Exception):
    """The address can't be had."""


def serve(settings: Settings) -> int:
    """Run the gateway until it is told to stop.

    Raises:
        ConfigError: It would listen beyond loopback, there are no sources, or the ledger isn't migrated.
    """
    problems = []
    if not settings.auth.required and not is_loopback(settings.server.host):
        problems.append(
            f"auth.required: is off, and {settings.server.host} (server.host) is reachable from other "
            "machines. Turn it on, or listen on 127.0.0.1 or ::1."
        )
    if not settings.auth.required:
        problems += _reachable_by_others(settings)
    if not any(source.enabled for source in settings.sources.values()):
        problems.append(
            "sources: configure at least one, such as [sources.support]; docs/configuration.toml shows how"
        )
    problems += port_problems(settings.metrics)
    if problems:
        raise ConfigError(problems)
    return run_to_end(_serve(settings))


def _reachable_by_others(settings: Settings) -> list[str]:
    """What says that loopback isn't all: a proxy on this machine passes on whoever comes."""
    problems = []
    if settings.auth.trusted_proxies:
        problems.append("auth.trusted_proxies: there is a proxy in front; turn auth.required on")
    if foreign := [name for name in settings.server.allowed_hosts if not is_loopback(name.strip("[]"))]:
        problems.append(f"server.allowed_hosts: has {foreign[0]}, a public name; turn auth.required on")
    if ANY_ORIGIN in settings.cors.origins:
        problems.append("cors.origins: lets every web page ask; turn auth.required on")
    return problems


async def _serve(settings: Settings) -> None:
    await _check_ledger(settings)
    await run(settings, announce=_announce)


async def _check_ledger(settings: Settings) -> None:
    """Refuse to start over a database of another form. One that is away may come back: reads need none."""
    async with open_ledger(settings) as ledger:
        try:
            state = await ledger.check_schema()
        except LedgerUnavailable as error:
            _log.warning("ledger_unavailable", detail=error.detail)
            return
    match state:
        case SchemaState.BEHIND:
            raise ConfigError(["ledger.url: its tables are missing or older: run `helpdesk-gateway migrate`"])
        case SchemaState.AHEAD:
            raise ConfigError(["ledger.url: its tables are of a newer version of the gateway than this one"])
        case SchemaState.CURRENT:
            pass


def run_to_end(main: Coroutine[Any, Any, None]) -> int:
    """Run a command's coroutine on the fastest event loop at hand: uvloop where it is installed.

    The exit code is 1 if it can't listen.
    """
    try:
        with asyncio.Runner(loop_factory=uvicorn.Config("", log_config=None).get_loop_factory()) as runner:
            runner.run(main)
    except CannotListen as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def run(settings: Settings, *, announce: Announce) -> None:
    """Serve until a signal; `announce` is called with the base URL once the gateway listens.

    Raises:
        CannotListen: The port is taken, or the address isn't this machine's.
    """
    server = _Server(served(create_app(settings), settings.connections), announce)
    await server.serve([_listener(settings.server.host, settings.server.port)])


def served(app: ASGIApp, limits: ConnectionSettings, *, look_every_s: float = LOOK_EVERY_S) -> uvicorn.Config:
    """How uvicorn shall serve an app.

    Args:
        app: What answers.
        limits: Of its connections.
        look_every_s: How often they are looked at.
    """
    connections = Connections(limits, look_every_s=look_every_s)
    return uvicorn.Config(
        app,
        # All that uvicorn does with it is to call it.
        http=cast("type[asyncio.Protocol]", connections),
        lifespan="on",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        # By default a FORWARDED_ALLOW_IPS of the environment decides whose X-Forwarded-For is believed.
        proxy_headers=False,
        timeout_keep_alive=limits.keep_alive_s,
        timeout_graceful_shutdown=GRACE_S,
    )


def _listener(host: str, port: int) -> socket.socket:
    # asyncio turns Nagle's algorithm off only for sockets that name TCP as their protocol; with it on, an
    # answer may wait 40 ms for a delayed ACK.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen()
    except OSError as error:
        listener.close()
        raise CannotListen(f"Can't listen on port {port} of {host}: {error.strerror}.") from error
    return listener


class _Server(uvicorn.Server):
    """Announces the address once it listens."""

    def __init__(self, settings: uvicorn.Config, announce: Announce) -> None:
        super().__init__(settings)
        self._announce = announce

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on a signal and end like any other command: uvicorn would raise the signal once more."""
        previous = {each: signal.signal(each, self.handle_exit) for each in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for each, handler in previous.items():
                signal.signal(each, handler)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close what is open, too, when a second signal cuts the waiting short: uvicorn would not."""
        await super().shutdown(sockets)
        if self.force_exit:
            await self.lifespan.shutdown()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            host, port, *_ = self.servers[0].sockets[0].getsockname()
            self._announce(f"http://{f'[{host}]' if ':' in host else host}:{port}")


def _announce(url: str) -> None:
    print(f"The gateway listens: {url}/graphql", flush=True)  # noqa: T201 - it is what the command says
