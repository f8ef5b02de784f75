"""The five services on real sockets, in the running event loop.

A stopped server cuts its connections as a killed process would: clients in the middle of a request see a
reset, later ones a refused connection. Data, arrivals and faults stay, as they belong to the service.
"""

import asyncio
import socket
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext

import uvicorn

from gateway.sandbox.service import Service


class _Server(uvicorn.Server):
    """Uvicorn without its own signal handlers (the caller owns the process), telling when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        return nullcontext()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self.listening.set()


class _Listener:
    """One service's server: the task that runs it is owned here, from `start` to `stop`."""

    def __init__(self, service: Service, host: str, port: int) -> None:
        self._service = service
        self._host = host
        self.port = port
        self._server: _Server | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        if self._task is not None:
            return
        bound = _bind(self._host, self.port)
        self.port = bound.getsockname()[1]
        self._server = _Server(
            uvicorn.Config(
                self._service.app,
                lifespan="off",
                ws="none",
                log_config=None,
                access_log=False,
                timeout_graceful_shutdown=1,
            )
        )
        self._task = asyncio.create_task(
            self._server.serve(sockets=[bound]), name=f"sandbox {self._service.kind}"
        )
        await self._server.listening.wait()

    async def stop(self) -> None:
        if self._server is None or self._task is None:
            return
        server, task = self._server, self._task
        self._server = self._task = None
        server.should_exit = True
        for listener in server.servers:
            listener.close()
        for connection in list(server.server_state.connections):
            if (transport := connection.transport) is not None:
                transport.abort()
        await task


def _bind(host: str, port: int) -> socket.socket:
    # asyncio turns Nagle's algorithm off only for sockets that name TCP as their protocol, which
    # socket.create_server does not: with it on, an answer to a POST waits 40 ms for a delayed ACK.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # `start` takes its port again at once
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    bound.setblocking(False)
    return bound


class Running:
    """The handle on served services.

    Attributes:
        base_urls: Kind to what a user puts in as that source's base URL.
    """

    def __init__(
        self, services: Mapping[str, Service], *, host: str, ports: Mapping[str, int | None]
    ) -> None:
        self._services = services
        self._host = host
        self._listeners = {
            kind: _Listener(service, host, ports.get(kind) or 0) for kind, service in services.items()
        }
        self.base_urls: dict[str, str] = {}

    async def start(self, kind: str) -> None:
        """Listen; after a `stop` on the same port, with the data as it was. Does nothing when already up."""
        await self._listeners[kind].start()
        host = f"[{self._host}]" if ":" in self._host else self._host
        base_path = self._services[kind].emulation.base_path
        self.base_urls[kind] = f"http://{host}:{self._listeners[kind].port}{base_path}"

    async def stop(self, kind: str) -> None:
        """Stop listening and cut what is connected. Does nothing when already down."""
        await self._listeners[kind].stop()

    async def start_all(self) -> None:
        """Listen everywhere, or nowhere: one port taken stops the rest again."""
        try:
            for kind in self._listeners:
                await self.start(kind)
        except BaseException:
            await self.stop_all()
            raise

    async def stop_all(self) -> None:
        """Stop every server."""
        await asyncio.gather(*(self.stop(kind) for kind in self._listeners))

    def describe(self) -> dict[str, dict[str, dict[str, object]]]:
        """Base URL, credentials and documents of each service, ready for JSON."""
        return {
            "sources": {
                kind: {
                    "baseUrl": self.base_urls[kind],
                    "credentials": dict(service.credentials),
                    "docs": service.emulation.docs,
                }
                for kind, service in self._services.items()
            }
        }
