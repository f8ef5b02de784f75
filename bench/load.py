"""wrk, run for a while against one server."""

import asyncio
import os
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Sequence
from itertools import count
from pathlib import Path

import msgspec

from bench.cores import Cores

# In a body: becomes another text in every request.
UNIQUE = "@UNIQUE-NUMBER@"
_SCRIPT = Path(__file__).parent / "load.lua"


class Load(msgspec.Struct, frozen=True):
    """What wrk saw; `bytes` of all answers with their heads."""

    requests: int
    seconds: float
    bytes: int
    failed: int
    p50_ms: float
    p99_ms: float


class Wrk:
    """Sends requests from one thread."""

    def __init__(self, folder: Path, cores: Cores) -> None:
        self._folder = folder
        self._cores = cores
        self._runs = count(1)

    def write_bodies(self, name: str, bodies: Sequence[bytes]) -> None:
        """Keep bodies under a name."""
        self._path(name).write_bytes(b"".join(body + b"\n" for body in bodies))

    async def run(
        self, url: str, name: str, *, key: str, connections: int, seconds: float, look: bool = False
    ) -> Load:
        """Send those bodies in turn for so long, rounded to whole seconds.

        Args:
            url: Where to.
            name: Which bodies.
            key: Who asks.
            connections: Each waits for its answer before it asks again.
            seconds: At least one.
            look: Into every answer, for errors.
        Raises:
            RuntimeError: wrk failed, or requests did.
        """
        result = self._folder / "load.json"
        result.unlink(missing_ok=True)
        command = [
            *self._cores.for_load,
            *("wrk", "--threads", "1", "--connections", str(connections)),
            *("--duration", f"{max(1, round(seconds))}s", "--timeout", "30s", "--script", str(_SCRIPT), url),
        ]
        environment = os.environ | {
            "BENCH_BODIES": str(self._path(name)),
            "BENCH_RESULT": str(result),
            "BENCH_AUTHORIZATION": f"Bearer {key}",
            "BENCH_RUN": f"{next(self._runs):06d}",
            **({"BENCH_LOOK": "1"} if look else {}),
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
                await process.wait()
        if process.returncode or not result.exists():
            raise RuntimeError(f"{url}: {said.decode()[-500:]}{complaints.decode()[-2000:]}")
        load = msgspec.json.decode(result.read_bytes(), type=Load)
        if load.failed or not load.requests:
            raise RuntimeError(f"{url}: {load.failed} of {load.requests} requests failed under load")
        return load

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.bodies"
