"""Five vendors' REST APIs, emulated: same paths, logins, limits, status codes, error bodies and quirks.

In memory, over one seeded world that is the same on every start. Point any client at it:

    sandbox = Sandbox()
    async with sandbox.serve() as running:
        running.base_urls["thulium"], sandbox.services["thulium"].credentials

Where a vendor's page leaves a form open, `forms` chooses one, such as
`Sandbox(forms={"service_order_hub": {"envelope": "data"}})`; each module documents its own.
This package imports nothing else of the gateway: a shared wire type would prove nothing.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

from gateway.sandbox.arrivals import Arrival
from gateway.sandbox.connection import NoConnection
from gateway.sandbox.emulation import Clock
from gateway.sandbox.faults import Faults, Mishap
from gateway.sandbox.late import Sleep
from gateway.sandbox.registry import EMULATIONS
from gateway.sandbox.server import Running
from gateway.sandbox.service import Service
from gateway.sandbox.world import KINDS, World

__all__ = ["KINDS", "Arrival", "Faults", "Mishap", "NoConnection", "Running", "Sandbox", "Service"]


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Sandbox:
    """One seeded world and the services over it.

    Attributes:
        services: Kind to service, in the order of `KINDS`.
        world: The data; tests may look into it.
    """

    def __init__(
        self,
        *,
        faults: Mapping[str, Faults] | None = None,
        now: Clock = _utc_now,
        sleep: Sleep = asyncio.sleep,
        forms: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        """Seed the world.

        Args:
            faults: The dials at the start; a kind left out is healthy.
            now: The clock for new writes and arrivals; the seeded data does not depend on it.
            sleep: What latency, late writes and the down time of a crash wait with.
            forms: Kind to switch to value.

        Raises:
            ValueError: An unknown kind, switch or value.
        """
        faults, forms = faults or {}, forms or {}
        if unknown := sorted({*faults, *forms} - set(KINDS)):
            raise ValueError(f"No such source: {', '.join(unknown)}; there are {', '.join(KINDS)}")
        self.world = World()
        self._sleep = sleep
        self.services: dict[str, Service] = {
            emulation.kind: Service(
                emulation,
                self.world,
                clock=now,
                sleep=sleep,
                faults=replace(faults.get(emulation.kind, Faults())),
                forms=forms.get(emulation.kind, {}),
            )
            for emulation in EMULATIONS
        }

    def reset(self) -> None:
        """The world as seeded, no arrivals, no late writes, no faults (also none given at the start)."""
        for service in self.services.values():
            service.reset()

    @asynccontextmanager
    async def serve(
        self, host: str = "127.0.0.1", ports: Mapping[str, int | None] | None = None
    ) -> AsyncIterator[Running]:
        """Serve every service on a socket of its own until the block ends.

        Args:
            host: Keep it to loopback: the credentials are public.
            ports: Kind to port; missing, None or 0 takes a free one.

        Raises:
            ValueError: An unknown kind among the ports.
            OSError: A port is taken.
        """
        ports = ports or {}
        if unknown := sorted(set(ports) - set(KINDS)):
            raise ValueError(f"No such source: {', '.join(unknown)}; there are {', '.join(KINDS)}")
        running = Running(self.services, host=host, ports=ports, sleep=self._sleep)
        await running.start_all()
        try:
            yield running
        finally:
            await running.stop_all()
