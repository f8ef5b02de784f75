"""One service's server on a real socket: listening, dying and coming back on the same port."""

import asyncio
import socket
import sys
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway.sandbox.connection import Connection, Crash, reset
from gateway.sandbox.late import Sleep
from gateway.sandbox.service import Service


class Listener:
    """The tasks that run a server and revive it are owned here, until `close`."""

    def __init__(self, service: Service, host: str, port: int, *, sleep: Sleep) -> None:
        self.port = port
        self._service = service
        self._host = host
        self._sleep = sleep
        self._protocol = _protocol(self.crash)
        self._starting = asyncio.Lock()
        self._reserved: socket.socket | None = None
        self._server: _Server | None = None
        self._serving: asyncio.Task[None] | None = None
        self._revival: _Revival | None = None

    async def start(self) -> None:
        """Listen, also while a crash would keep it down. Does nothing when already up."""
        await self._end_revival()
        await self._listen()

    async def stop(self) -> None:
        """Cut what is connected and drop what is pending. Does nothing when already down."""
        await self._end_revival()
        self.crash(forget=False, down_s=None)
        await self.until_down()
        await self._service.late.close()

    async def close(self) -> None:
        """Stop, and let others have the port."""
        await self.stop()
        if self._reserved is not None:
            self._reserved.close()
            self._reserved = None

    def crash(self, *, forget: bool, down_s: float | None, spare: asyncio.Transport | None = None) -> None:
        """Reset every connection but `spare` and, if up, listen again after `down_s`; see `Running.crash`."""
        self._service.die(forget=forget)
        if self._server is None:
            return
        server, self._server = self._server, None
        server.should_exit = True
        for listening in server.servers:
            listening.close()
        for connection in list(server.server_state.connections):
            if connection.transport is not spare:
                reset(connection.transport)
        if down_s is not None:
            self._revival = _Revival(self._sleep(down_s), self._listen)

    async def until_down(self) -> None:
        """Wait until nothing is left of a server that has crashed."""
        if self._serving is not None:
            await asyncio.shield(self._serving)

    async def _listen(self) -> None:
        async with self._starting:
            if self._server is not None:
                return
            await self.until_down()
            server = _Server(
                uvicorn.Config(
                    self._service.app,
                    http=self._protocol,
                    lifespan="off",
                    ws="none",
                    log_config=None,
                    access_log=False,
                    timeout_graceful_shutdown=1,
                )
            )
            self._serving = asyncio.create_task(
                server.serve(sockets=[self._bind()]), name=f"sandbox {self._service.kind}"
            )
            await server.listening.wait()
            self._server = server

    async def _end_revival(self) -> None:
        if self._revival is not None:
            revival, self._revival = self._revival, None
            await revival.cut_short()

    def _bind(self) -> socket.socket:
        if sys.platform == "linux" and self._reserved is None:
            # Linux lets a second socket hold a port without listening on it. So while the service is down
            # nobody else takes the port, and no client gets it as its own and connects to itself.
            self._reserved = _bound(self._host, self.port)
            self.port = self._reserved.getsockname()[1]
        bound = _bound(self._host, self.port)
        self.port = bound.getsockname()[1]
        return bound


class _Revival:
    """Listens again after some time."""

    def __init__(self, wait: Awaitable[object], listen: Callable[[], Awaitable[None]]) -> None:
        self._wait = asyncio.ensure_future(wait)
        self._listen = listen
        self._task = asyncio.create_task(self._run(), name="sandbox revival")

    async def cut_short(self) -> None:
        """Give up waiting; one that listens already is not stopped halfway."""
        self._wait.cancel()
        await self._task

    async def _run(self) -> None:
        await asyncio.wait({self._wait})
        if not self._wait.cancelled():
            await self._listen()


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


def _protocol(crash: Crash) -> type[asyncio.Protocol]:
    """Uvicorn's own HTTP, with the connection in the scope of every request that comes in on it."""

    class _Protocol(HttpToolsProtocol):
        def on_message_begin(self) -> None:
            super().on_message_begin()
            self.scope["extensions"] = Connection(self.transport, crash).extension()

    return _Protocol


def _bound(host: str, port: int) -> socket.socket:
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
