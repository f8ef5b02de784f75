"""The processes that are measured: the gateway as an operator starts it, and its peers."""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.cores import Cores
from bench.nginx import Upstream
from bench.ports import free_port, wait_for_port
from tests import processes
from tests.chaos.workers import toml

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_START_TIMEOUT_S = 60.0
_ANNOUNCED = "The gateway listens: "
_PEERS = Path(__file__).parent / "peers"
SCOPES = ("accounts:read", "cases:read", "tickets:read", "messages:read", "messages:write")


@dataclass(frozen=True, slots=True)
class Server:
    """One process under measurement.

    Attributes:
        url: Where operations are posted; `{workload}` in it stands for a workload's name.
    """

    name: str
    title: str
    url: str
    pid: int

    def cpu_s(self) -> float:
        """CPU that the process has used so far, all threads."""
        # The second field is the program's name in brackets, and may hold anything.
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S

    def rss_mb(self) -> float:
        """Memory that it holds."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        kilobytes = next(line for line in lines if line.startswith("VmRSS:")).split()[1]
        return int(kilobytes) / 1024


def gateway_settings(upstream_port: int, folder: Path, **of_sources: Any) -> dict[str, Any]:
    """All protections on; the rate limits let pass what one caller sends here."""
    at = f"http://127.0.0.1:{upstream_port}"
    return {
        "server": {"port": 0},
        "ledger": {"url": f"sqlite:///{folder}/ledger.db"},
        "rate_limits": {
            "requests_per_minute": 1_000_000,
            "requests_at_once": 100_000,
            "calls_per_minute": 10_000_000,
            "calls_at_once": 1_000_000,
        },
        "metrics": {"port": 0},
        # Nobody listens there, and nothing is sent.
        "tracing": {"endpoint": f"http://127.0.0.1:{free_port()}/v1/traces", "sample_ratio": 0.0},
        "sources": {
            "hub": {
                "kind": "service_order_hub",
                "base_url": f"{at}/hub/api",
                "token": "bench",
                **of_sources,
            },
            "thulium": {
                "kind": "thulium",
                "base_url": f"{at}/thulium/api",
                "api_user": "bench",
                "api_password": "bench",
                **of_sources,
            },
        },
    }


@asynccontextmanager
async def running_gateway(
    name: str, title: str, settings: Mapping[str, Any], folder: Path, cores: Cores
) -> AsyncIterator[tuple[Server, str]]:
    """A gateway with a ledger of its own, and an API key to it, until the block ends."""
    folder.mkdir()
    config = folder / "gateway.toml"
    config.write_text(toml(settings))
    arguments = ("--config", str(config))
    await asyncio.to_thread(_command, "migrate", *arguments)
    key = await asyncio.to_thread(_command, "keys", "create", "bench", "--scope", *SCOPES, *arguments)
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(*cores.for_server, sys.executable, "-m", "gateway", "serve", *arguments),
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=log,
            env=processes.environment(),
        )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(_START_TIMEOUT_S):
            said = (await process.stdout.readline()).decode()
        if not said.startswith(_ANNOUNCED):
            raise RuntimeError(f"{name} did not start: {said}{(folder / 'log').read_text()[-2000:]}")
        url = said.removeprefix(_ANNOUNCED).strip()
        yield Server(name, title, url, process.pid), key.strip()
    finally:
        await _end(process)


def _command(*arguments: str) -> str:
    done = processes.run(*arguments)
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)} failed: {done.stdout}{done.stderr}")
    return done.stdout


@asynccontextmanager
async def running_peer(
    name: str, title: str, upstream: Upstream, answers: Path, cores: Cores
) -> AsyncIterator[Server]:
    """One of the frozen files under uvicorn, until the block ends."""
    port = free_port()
    at = f"http://127.0.0.1:{upstream.port}"
    process = await asyncio.create_subprocess_exec(
        *(*cores.for_server, sys.executable, "-m", "uvicorn", f"bench.peers.{name}:app"),
        *("--port", str(port), "--no-access-log", "--log-level", "warning"),
        stdin=DEVNULL,
        env=processes.environment(
            HUB_URL=f"{at}/hub/api", THULIUM_URL=f"{at}/thulium/api", BENCH_ANSWERS=str(answers)
        ),
    )
    try:
        await wait_for_port(port, process)
        path = "{workload}" if name == "bare" else "graphql/"
        yield Server(name, title, f"http://127.0.0.1:{port}/{path}", process.pid)
    finally:
        await _end(process)


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.terminate()
        try:
            async with asyncio.timeout(15):
                await process.wait()
        except TimeoutError:
            process.kill()
    await process.wait()
