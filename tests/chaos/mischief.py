"""Makes accidents happen: kills workers, crashes services, stops the database."""

import asyncio
from collections.abc import Sequence

from gateway.sandbox import KINDS, Running, Sandbox
from gateway.sandbox.writes import is_write
from tests.chaos.database import Database
from tests.chaos.plan import Accident, Mischief
from tests.chaos.workers import Worker

# How long a kill waits for a write to arrive: near a phase's end there may be none.
_WAIT_FOR_ARRIVAL_S = 3.0


class Mischiefs:
    """The accidents of one phase. They happen beside the clients' work, in tasks of the given group."""

    def __init__(
        self,
        accidents: Sequence[Accident],
        group: asyncio.TaskGroup,
        *,
        workers: Sequence[Worker],
        sandbox: Sandbox,
        running: Running,
        database: Database,
    ) -> None:
        self._waiting = list(accidents)
        self._group = group
        self._workers = workers
        self._sandbox = sandbox
        self._running = running
        self._database = database
        self._answered = 0

    def answered(self) -> None:
        """One more write has an answer; what was planned for this moment begins."""
        self._answered += 1
        while self._waiting and self._waiting[0].after <= self._answered:
            self._group.create_task(self._happen(self._waiting.pop(0)))

    async def _happen(self, accident: Accident) -> None:
        service = KINDS[accident.victim % len(KINDS)]
        match accident.mischief:
            case Mischief.KILL:
                await self._kill(self._workers[accident.victim % len(self._workers)], accident.down_s)
            case Mischief.CRASH:
                await self._running.crash(service, forget=False, down_s=accident.down_s)
            case Mischief.FORGET:
                await self._running.crash(service, forget=True, down_s=accident.down_s)
            case Mischief.STOP_DATABASE:
                await self._database.fail(down_s=accident.down_s)

    async def _kill(self, worker: Worker, down_s: float) -> None:
        await self._write_arrives()
        await worker.kill()
        await asyncio.sleep(down_s)
        await worker.start()

    async def _write_arrives(self) -> None:
        """Wait for the next write to reach a service: then one at least is under way."""
        services = self._sandbox.services.values()
        before = {service.kind: len(service.arrivals) for service in services}
        until = asyncio.get_running_loop().time() + _WAIT_FOR_ARRIVAL_S
        while asyncio.get_running_loop().time() < until:
            for service in services:
                new = service.arrivals[before[service.kind] :]
                if any(is_write(service.kind, each.method, each.path) for each in new):
                    return
            await asyncio.sleep(0.0005)
