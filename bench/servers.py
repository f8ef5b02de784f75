"""The processes that are measured: the gateway as an operator starts it, and its peers."""

import asyncio
import os
import shutil
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.cores import Cores
from bench.nginx import Upstream
from bench.ports import end, free_port, wait_for_port
from tests import processes
from tests.chaos.workers import toml

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_START_TIMEOUT_S = 60.0
_ANNOUNCED = "The gateway listens: "
_ROOT = Path(__file__).parent.parent
# What stock.py needs beside the gateway's own dependencies.
_PACKAGES = _ROOT / ".venv" / "peers"
_MERCURIUS = Path(__file__).parent / "peers" / "mercurius"
_SCOPES = ("accounts:read", "cases:read", "tickets:read", "messages:read", "messages:write")

TITLES = {
    "gateway": "the gateway",
    "cached": "the gateway, source cache on",
    "plain": "Strawberry + httpx + aiodataloader, the plain way",
    "stock": "the same with document caches, orjson, aiohttp",
    "mercurius": "Mercurius with graphql-jit",
    "bare": "bare uvicorn sending ready bytes",
}


@dataclass(frozen=True, slots=True)
class Server:
    """One process under measurement.

    Attributes:
        name: One of `TITLES`.
        url: Where operations are posted; `{workload}` in it stands for a workload's name.
        key: Who may ask it; empty where everybody may.
    """

    name: str
    url: str
    pid: int
    key: str = ""

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


def _settings(upstream: Upstream, folder: Path, changes: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """All protections on, and wide enough for a single caller who asks as fast as can be."""
    at = f"http://127.0.0.1:{upstream.port}"
    of_all = {"max_connections": 128, "max_waiting": 10_000}
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
                **of_all,
                **changes.get("hub", {}),
            },
            "thulium": {
                "kind": "thulium",
                "base_url": f"{at}/thulium/api",
                "api_user": "bench",
                "api_password": "bench",
                **of_all,
                **changes.get("thulium", {}),
            },
        },
    }


@asynccontextmanager
async def running_gateway(
    name: str, changes: Mapping[str, Mapping[str, Any]], upstream: Upstream, folder: Path, cores: Cores
) -> AsyncIterator[Server]:
    """A gateway with a ledger of its own, until the block ends.

    Args:
        name: One of `TITLES`.
        changes: To the settings of the sources `hub` and `thulium`.
        upstream: Where those answer.
        folder: For its files; must not be there.
        cores: What it may run on.
    """
    arguments, key = await asyncio.to_thread(_prepare, _settings(upstream, folder, changes), folder)
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
        yield Server(name, said.removeprefix(_ANNOUNCED).strip(), process.pid, key)
    finally:
        await end(process)


def _prepare(settings: Mapping[str, Any], folder: Path) -> tuple[Sequence[str], str]:
    """Write the configuration and make the ledger; the arguments that name it, and a key to it."""
    folder.mkdir(parents=True)
    config = folder / "gateway.toml"
    config.write_text(toml(settings))
    arguments = ("--config", str(config))
    _command("migrate", *arguments)
    return arguments, _command("keys", "create", "bench", "--scope", *_SCOPES, *arguments).strip()


def _command(*arguments: str) -> str:
    done = processes.run(*arguments)
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)} failed: {done.stdout}{done.stderr}")
    return done.stdout


@asynccontextmanager
async def running_peer(name: str, upstream: Upstream, answers: Path, cores: Cores) -> AsyncIterator[Server]:
    """One of the frozen files, until the block ends; `answers` is where bytes stand ready to be sent."""
    port = free_port()
    at = f"http://127.0.0.1:{upstream.port}"
    environment = processes.environment(
        HUB_URL=f"{at}/hub/api", THULIUM_URL=f"{at}/thulium/api", BENCH_ANSWERS=str(answers), PORT=str(port)
    )
    if name == "mercurius":
        command, path = ["node", str(_MERCURIUS / "server.js")], "graphql"
        environment["NODE_ENV"] = "production"
    else:
        command = [sys.executable, "-m", "uvicorn", f"bench.peers.{name}:app", "--port", str(port)]
        command += ["--no-access-log", "--log-level", "warning"]
        path = "{workload}" if name == "bare" else "graphql/"
    if name == "stock":
        environment["PYTHONPATH"] += f"{os.pathsep}{_PACKAGES}"
    process = await asyncio.create_subprocess_exec(
        *(*cores.for_server, *command), stdin=DEVNULL, env=environment
    )
    try:
        await wait_for_port(port, process)
        yield Server(name, f"http://127.0.0.1:{port}/{path}", process.pid)
    finally:
        await end(process)


def missing() -> list[str]:
    """Peers that can't run here, and why."""
    absent = []
    if not (_PACKAGES / "aiohttp").is_dir():
        absent.append("stock")
    if shutil.which("node") is None or not (_MERCURIUS / "node_modules").is_dir():
        absent.append("mercurius")
    return absent
