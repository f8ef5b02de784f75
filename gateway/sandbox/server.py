"""The five services on real sockets, in the running event loop.

A stopped or crashed server cuts its connections as a killed process would: clients in the middle of a
request see a reset, later ones a refused connection. Arrivals and faults stay, as they belong to the service;
so do the data, unless a crash forgets them.
"""

import asyncio
from collections.abc import Mapping

from gateway.sandbox.late import Sleep
from gateway.sandbox.listener import Listener
from gateway.sandbox.service import Service


class Running:
    """The handle on served services.

    Attributes:
        base_urls: Kind to what a user puts in as that source's base URL.
    """

    def __init__(
        self,
        services: Mapping[str, Service],
        *,
        host: str,
        ports: Mapping[str, int | None],
        sleep: Sleep,
    ) -> None:
        self._services = services
        self._host = host
        self._listeners = {
            kind: Listener(service, host, ports.get(kind) or 0, sleep=sleep)
            for kind, service in services.items()
        }
        self.base_urls: dict[str, str] = {}

    async def start(self, kind: str) -> None:
        """Listen; after a stop or crash on the same port. Does nothing when already up."""
        await self._listeners[kind].start()
        host = f"[{self._host}]" if ":" in self._host else self._host
        base_path = self._services[kind].emulation.base_path
        self.base_urls[kind] = f"http://{host}:{self._listeners[kind].port}{base_path}"

    async def stop(self, kind: str) -> None:
        """Stop listening, cut what is connected, and drop the late writes. Does nothing when already down."""
        await self._listeners[kind].stop()

    async def crash(self, kind: str, *, forget: bool, down_s: float | None = None) -> None:
        """Die as a killed process does; returns once the service is down.

        Every connection is reset at once, and what waits for its latency is never carried out. The port
        refuses connections until the service is up again, and nobody else can take it meanwhile. Arrivals
        and the dial stay in any case: they are the witness and its tool. One that is down already only
        forgets.

        Args:
            kind: Which service.
            forget: The data go back to the seed, log-ins and late writes are lost. As after restoring a
                backup, new objects may get ids that lost ones had; tokens are never given out twice. Without
                it, late writes stay pending and are applied when their time has come, up or down, as from a
                queue behind the web server.
            down_s: Come back by itself after this time, or a little later; None: stay down until `start`,
                which also ends the time early.
        """
        self._listeners[kind].crash(forget=forget, down_s=down_s)
        await self._listeners[kind].until_down()

    async def start_all(self) -> None:
        """Listen everywhere, or nowhere: one port taken stops the rest again."""
        try:
            for kind in self._listeners:
                await self.start(kind)
        except BaseException:
            await self.stop_all()
            raise

    async def stop_all(self) -> None:
        """Stop every server, for good."""
        await asyncio.gather(*(listener.close() for listener in self._listeners.values()))

    def fault_line(self, kind: str) -> str:
        """The command that turns this service's dial, but for what it turns."""
        return f"helpdesk-gateway sandbox fault {kind} --url {self.base_urls[kind]}"

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
