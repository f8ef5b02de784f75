"""W6: replies through the gateway to the sandbox, as nginx takes no writes."""

import asyncio
import json
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.cores import Cores
from bench.measure import Bench, Figures
from bench.nginx import Upstream
from bench.ports import end
from bench.servers import running_gateway
from bench.workloads import replies
from gateway.sandbox import Sandbox
from tests import processes

_PARTNER = 12  # Whose token it is.
_START_TIMEOUT_S = 60.0


async def measure_writes(bench: Bench, upstream: Upstream, folder: Path, cores: Cores) -> list[Figures]:
    """By one client and by eight, each with a ledger of its own."""
    # The same in every process.
    cases = Sandbox().world.service_order_hub.cases.values()
    workload = replies([case.guid for case in cases if case.partner_id == _PARTNER])
    figures = []
    for connections in (1, 8):
        async with _running_sandbox(cores) as hub:
            changes = {"hub": {"base_url": hub["baseUrl"], "token": hub["credentials"]["token"]}}
            at = folder / f"writes-{connections}"
            async with running_gateway("gateway", changes, upstream, at, cores) as server:
                figures += await bench.compare(workload, [server], connections)
    return [replace(each, calls=None) for each in figures]


@asynccontextmanager
async def _running_sandbox(cores: Cores) -> AsyncIterator[dict[str, Any]]:
    """A fresh sandbox; what it says of its Service Order Hub."""
    process = await asyncio.create_subprocess_exec(
        *(*cores.for_load, sys.executable, "-m", "gateway", "sandbox", "--json"),
        stdin=DEVNULL,
        stdout=PIPE,
        env=processes.environment(),
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(_START_TIMEOUT_S):
            said = await process.stdout.readline()
        yield json.loads(said)["sources"]["service_order_hub"]
    finally:
        await end(process)
