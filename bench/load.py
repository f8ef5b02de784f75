"""wrk, run for a while against one server."""

import asyncio
import os
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Sequence
from pathlib import Path

import msgspec

from bench.cores import Cores

_SCRIPT = Path(__file__).parent / "load.lua"


class Load(msgspec.Struct, frozen=True):
    """What wrk saw."""

    requests: int
    seconds: float
    bytes: int
    failed: int
    p50_ms: float
    p99_ms: float


class Wrk:
    """Sends requests from one thread."""

    def __init__(self, folder: Path, cores: Cores, *, key: str) -> None:
        self._folder = folder
        self._cores = cores
        self._key = key

    def write_bodies(self, name: str, bodies: Sequence[bytes]) -> None:
        """Keep bodies under a name."""
        self._path(name).write_bytes(b"".join(body + b"\n" for body in bodies))

    async def run(self, url: str, name: str, *, connections: int, seconds: float) -> Load:
        """Send those bodies in turn for so long, rounded up to whole seconds.

        Raises:
            RuntimeError: wrk failed, or requests did.
        """
        result = self._folder / "load.json"
        command = [
            *self._cores.for_load,
            *("wrk", "--threads", "1", "--connections", str(connections)),
            *("--duration", f"{max(1, round(seconds))}s", "--timeout", "30s", "--script", str(_SCRIPT), url),
        ]
        environment = os.environ | {
            "BENCH_BODIES": str(self._path(name)),
            "BENCH_RESULT": str(result),
            "BENCH_AUTHORIZATION": f"Bearer {self._key}",
        }
        process = await asyncio.create_subprocess_exec(
            *command, stdin=DEVNULL, stdout=PIPE, stderr=PIPE, env=environment
        )
        try:
            async with asyncio.timeout(seconds + 90):
                said, complaints = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
        if process.returncode:
            raise RuntimeError(f"wrk failed: {said.decode()}{complaints.decode()}")
        load = msgspec.json.decode(result.read_bytes(), type=Load)
        if load.failed or not load.requests:
            raise RuntimeError(f"{url}: {load.failed} of {load.requests} requests failed under load")
        return load

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.bodies"
