"""`python -m bench`: the gateway beside its peers. See README.md."""

import argparse
import asyncio
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

from bench.cores import this_machine
from bench.load import Wrk
from bench.measure import Bench
from bench.nginx import running_nginx
from bench.servers import gateway_settings, running_gateway, running_peer
from bench.upstream import write_world
from bench.workloads import workloads


async def measure(folder: Path, *, seconds: float, rounds: int) -> None:
    cores = this_machine()
    world = await write_world(folder / "world")
    async with AsyncExitStack() as stack:
        upstream = await stack.enter_async_context(running_nginx(folder, folder / "world", cores))
        settings = gateway_settings(upstream.port, folder / "gateway", cache_ttl_s=0)
        gateway, key = await stack.enter_async_context(
            running_gateway("gateway", "the gateway", settings, folder / "gateway", cores)
        )
        plain = await stack.enter_async_context(running_peer("plain", "plain", upstream, folder, cores))
        bench = Bench(Wrk(folder, cores, key=key), upstream, key=key)
        asked = workloads(world)
        for each in asked:
            (folder / f"{each.name}.answer").write_bytes(await bench.answers(each, [gateway, plain]))
        bare = await stack.enter_async_context(running_peer("bare", "bare", upstream, folder, cores))
        for each in asked:
            for f in await bench.compare(each, [gateway, plain, bare], seconds=seconds, rounds=rounds, connections=each.connections):
                print(f)


def main() -> int:
    line = argparse.ArgumentParser("python -m bench", description="The gateway beside its peers.")
    line.add_argument("--seconds", type=float, default=5.0)
    line.add_argument("--rounds", type=int, default=3)
    options = line.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(Path(folder), seconds=options.seconds, rounds=options.rounds))
    return 0


if __name__ == "__main__":
    sys.exit(main())
