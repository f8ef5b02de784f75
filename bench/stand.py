"""Everything that runs while it is measured."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from bench.cores import Cores
from bench.nginx import Upstream
from bench.servers import Server, running_gateway, running_peer

# Kept for longer than everything takes, and enough for all 1,000 cases.
_KEPT = {"cache_ttl_s": 3600, "cache_max_bytes": 64 * 1024 * 1024}
_CACHES: Mapping[str, Mapping[str, Any]] = {"gateway": {"cache_ttl_s": 0}, "cached": _KEPT}


@asynccontextmanager
async def running_servers(
    names: Sequence[str], upstream: Upstream, folder: Path, answers: Path, cores: Cores
) -> AsyncIterator[list[Server]]:
    """The named ones in that order, until the block ends."""
    async with AsyncExitStack() as stack:
        servers = []
        for name in names:
            if name in _CACHES:
                changes = {"hub": _CACHES[name], "thulium": _CACHES[name]}
                one = running_gateway(name, changes, upstream, folder / name, cores)
            else:
                one = running_peer(name, upstream, answers, cores)
            servers.append(await stack.enter_async_context(one))
        yield servers
