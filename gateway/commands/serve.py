"""`serve`: the gateway with the configured sources."""

import asyncio
import ipaddress
import signal
import socket
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from gateway.app import create_app
from gateway.config import Settings
from gateway.domain.errors import ConfigError

# How long requests in progress may take to end once the gateway is told to stop.
GRACE_S = 10

Announce = Callable[[str], None]


def serve(settings: Settings) -> int:
    """Run the gateway until it is told to stop.

    Raises:
        ConfigError: It would listen beyond loopback, or there are no sources.
    """
    problems = []
    if not is_loopback(settings.server.host):
        problems.append(
            f"server.host: {settings.server.host} is reachable from other machines, and this version has no "
            "login. Use 127.0.0.1 or ::1."
        )
    if not any(source.enabled for source in settings.sources.values()):
        problems.append(
            "sources: configure at least one, such as [sources.support]; docs/configuration.toml shows how"
        )
    if problems:
        raise ConfigError(problems)
    run_to_end(run(settings, announce=_announce))
    return 0


def run_to_end(main: Coroutine[Any, Any, None]) -> None:
    """Run a command's coroutine on the fastest event loop at hand: uvloop where it is installed."""
    with asyncio.Runner(loop_factory=uvicorn.Config("", log_config=None).get_loop_factory()) as runner:
        runner.run(main)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def run(settings: Settings, *, announce: Announce) -> None:
    """Serve until a signal; `announce` is called with the base URL once the gateway listens."""
    server = _Server(
        uvicorn.Config(
            create_app(settings),
            host=settings.server.host,
            port=settings.server.port,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE_S,
        ),
        announce,
    )
    await server.serve()


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

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            host, port, *_ = self.servers[0].sockets[0].getsockname()
            self._announce(f"http://{f'[{host}]' if ':' in host else host}:{port}")


def _announce(url: str) -> None:
    print(f"The gateway listens: {url}/graphql", flush=True)  # noqa: T201 - it is what the command says
