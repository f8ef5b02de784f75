"""What a run needs: the sandbox's services in one process, the gateway in another, and their controls."""

import asyncio
import json
import signal
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx

from tests import processes
from tests.chaos.workers import Worker, toml
from tests.failures.faults import Fault
from tests.failures.footprint import Footprint, footprint
from tests.failures.judging import CallKey
from tests.failures.settings import Variant, configuration
from tests.ledgers import new_ledger

_ANNOUNCED = "The gateway listens: "
_START_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Arrived:
    """A call that came in at a source; `at` is the time of day in seconds, as `time.time()` has it."""

    call: CallKey
    at: float


class Services:
    """The sandbox's services, by their control endpoints."""

    def __init__(self, base_urls: Mapping[str, str], http: httpx.AsyncClient) -> None:
        self.base_urls = base_urls
        self._http = http

    async def befall(self, source: str, fault: Fault, *, for_s: float) -> None:
        """Make a source sick; one that is to be down comes back by itself."""
        if fault.down:
            await self._ask(source, "POST", "crash", {"down_s": for_s})
        else:
            await self._ask(source, "PUT", "faults", dict(fault.dial))

    async def heal(self, source: str) -> None:
        """Make it well again; one that is down is waited for."""
        async with asyncio.timeout(30):
            while True:
                try:
                    await self._ask(source, "PUT", "faults", {})
                except httpx.TransportError:
                    await asyncio.sleep(0.02)
                else:
                    return

    async def arrivals(self, source: str) -> list[Arrived]:
        """What came in since the last time."""
        told = await self._ask(source, "GET", "arrivals")
        await self.forget(source)
        return [
            Arrived((source, _call(each)), datetime.fromisoformat(each["at"]).timestamp()) for each in told
        ]

    async def forget(self, source: str) -> None:
        """Have a service forget what came in."""
        await self._ask(source, "DELETE", "arrivals")

    async def _ask(self, source: str, method: str, what: str, body: Any = None) -> Any:
        url = httpx.URL(self.base_urls[source]).join(f"/__sandbox__/{what}")
        response = await self._http.request(method, url, json=body)
        response.raise_for_status()
        return response.json()


def _call(arrival: Mapping[str, Any]) -> str:
    """The same for a call and its repetition, also under another token."""
    query = [(name, value) for name, value in parse_qsl(arrival["query"]) if name != "token"]
    return f"{arrival['method']} {arrival['path']}?{urlencode(query)} {arrival['body']}"


@dataclass(slots=True)
class Gateway:
    """One `helpdesk-gateway serve`.

    Attributes:
        url: Where it answers, without a path.
        unknown: Settings of the run that it doesn't have.
        log: What it said.
    """

    url: str
    variant: Variant
    unknown: list[str]
    log: Path
    _process: Process
    _tasks: Path
    _read: int = field(default=0)

    async def footprint(self) -> Footprint:
        """What it takes up now."""
        tasks = await self.tasks()
        return await asyncio.to_thread(footprint, self._process.pid, tasks=tasks.total())

    async def tasks(self) -> Counter[str]:
        """Its tasks by what they run."""
        self._tasks.unlink(missing_ok=True)
        self._process.send_signal(signal.SIGUSR1)
        async with asyncio.timeout(10):
            while not self._tasks.exists():  # noqa: ASYNC110 - another process writes it
                await asyncio.sleep(0.01)
        return Counter(json.loads(self._tasks.read_text()))

    def openings(self) -> list[tuple[float, str]]:
        """When circuits opened, and whose, since the last time."""
        with self.log.open() as log:
            log.seek(self._read)
            said = log.read()
        self._read += len(said.encode())
        events = [json.loads(line) for line in said.splitlines() if '"circuit_opened"' in line]
        return [(datetime.fromisoformat(each["timestamp"]).timestamp(), each["source"]) for each in events]

    def complaints(self) -> list[str]:
        """Errors in its log: over sick sources alone it has none."""
        return Worker(self.log, self.log).complaints()


@asynccontextmanager
async def running_services() -> AsyncIterator[Services]:
    """`helpdesk-gateway sandbox`, by itself."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway", "sandbox", "--json"), stdout=PIPE, env=processes.environment()
    )
    try:
        told = json.loads(await _first_line(process))
        urls = {source: each["baseUrl"] for source, each in told["sources"].items()}
        async with httpx.AsyncClient(timeout=30, trust_env=False) as http:
            yield Services(urls, http)
    finally:
        await _end(process)


@asynccontextmanager
async def running_gateway(services: Services, variant: Variant) -> AsyncIterator[Gateway]:
    """`helpdesk-gateway serve` over the services."""
    with tempfile.TemporaryDirectory(prefix="failures-") as name:
        folder = Path(name)
        settings, unknown = configuration(variant, services.base_urls, ledger_url=new_ledger(folder))
        config, log, tasks = folder / "gateway.toml", folder / "gateway.log", folder / "tasks.json"
        config.write_text(toml(settings))
        with log.open("ab") as said:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.failures.probed", str(tasks)),
                *("serve", "--config", str(config)),
                stdout=PIPE,
                stderr=said,
                env=processes.environment(),
            )
        try:
            line = await _first_line(process)
            if not line.startswith(_ANNOUNCED):
                raise RuntimeError(f"the gateway did not start: {line}{log.read_text()[-2000:]}")
            url = urlsplit(line.removeprefix(_ANNOUNCED).strip())
            yield Gateway(f"http://{url.netloc}", variant, unknown, log, process, tasks)
        finally:
            await _end(process)


async def _first_line(process: Process) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(_START_TIMEOUT_S):
        return (await process.stdout.readline()).decode()


async def _end(process: Process) -> None:
    """Ask it to end; a process that doesn't is killed."""
    if process.returncode is None:
        process.terminate()
        try:
            async with asyncio.timeout(15):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
