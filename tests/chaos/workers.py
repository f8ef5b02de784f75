"""Gateway processes as an operator starts them, and their ends."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests import processes

_ANNOUNCED = "The gateway listens: "
_START_TIMEOUT_S = 60.0
_EXPECTED = frozenset({"info", "warning"})


class Worker:
    """One `helpdesk-gateway serve`. After a kill it comes back on another port.

    Attributes:
        url: Where its graph answers; after a kill, where it did.
        log: What all of its processes said.
        kills: How often it was killed.
    """

    def __init__(self, config: Path, log: Path) -> None:
        self.url = ""
        self.log = log
        self.kills = 0
        self._config = config
        self._process: Process | None = None

    async def start(self) -> None:
        """Run it; returns once it listens."""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "gateway", "serve", "--config", str(self._config)),
                stdout=PIPE,
                stderr=log,
                env=processes.environment(),
            )
        assert self._process.stdout is not None
        async with asyncio.timeout(_START_TIMEOUT_S):
            said = (await self._process.stdout.readline()).decode()
        if not said.startswith(_ANNOUNCED):
            raise RuntimeError(f"a worker did not start: {said}{self.log.read_text()[-2000:]}")
        self.url = said.removeprefix(_ANNOUNCED).strip()

    async def kill(self) -> None:
        """SIGKILL: nothing of it gets to say anything more."""
        self.kills += 1
        await self.end()

    async def end(self) -> None:
        """End it at once, if it runs."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    def events(self) -> list[str]:
        """The names of what it logged."""
        return [str(each.get("event")) for each in self._logged()]

    def complaints(self) -> list[str]:
        """Errors in its log: over sick sources and databases alone, a gateway has none."""
        return [json.dumps(each)[:8000] for each in self._logged() if each.get("level") not in _EXPECTED]

    def _logged(self) -> list[dict[str, Any]]:
        logged: list[dict[str, Any]] = []
        for line in self.log.read_text().splitlines():
            try:
                logged.append(json.loads(line))
            except ValueError:
                # A kill may cut a line in half; anything else that isn't JSON is a library's.
                if not line.startswith("{"):
                    logged.append({"event": line})
        return logged


@asynccontextmanager
async def running_workers(
    count: int, settings: Mapping[str, Any], folder: Path
) -> AsyncIterator[list[Worker]]:
    """So many workers of one configuration, over a ledger that is migrated first; none is left afterwards."""
    config = folder / "gateway.toml"
    config.write_text(toml(settings))
    migrated = await asyncio.to_thread(processes.run, "migrate", "--config", str(config))
    if migrated.returncode:
        raise RuntimeError(f"the ledger could not be made: {migrated.stdout}{migrated.stderr}")
    workers = [Worker(config, folder / f"worker-{number}.log") for number in range(count)]
    try:
        async with asyncio.TaskGroup() as group:
            for worker in workers:
                group.create_task(worker.start())
        yield workers
    finally:
        for worker in workers:
            await worker.end()


def toml(table: Mapping[str, Any]) -> str:
    return "".join(f"{json.dumps(name)} = {_value(value)}\n" for name, value in table.items())


def _value(value: Any) -> str:
    """JSON's strings, numbers and arrays are TOML's too; a table on one line is not."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(name)} = {_value(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(each) for each in value) + "]"
    return json.dumps(value)
