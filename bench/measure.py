"""Rounds of load: every server in turn, so that whatever else the machine does befalls all of them."""

import asyncio
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import orjson

from bench.load import Load, Wrk
from bench.nginx import Upstream
from bench.sameness import difference, plain
from bench.servers import Server
from bench.workloads import Workload

_CHECKED = 5
_WARM_UP_S = 3.0  # Or as long as a round, if that is less.
_SLOWEST_S = 0.02
# Bodies differ in length; an answer with an error in place of its data is far shorter.
_LEAST_SIZE = 0.8
_LOOK_EVERY_S = 0.05
_STILL_AFTER_S = 0.2
_STILL_WITHIN_S = 20.0


@dataclass(frozen=True, slots=True)
class Figures:
    """One server under one workload.

    Attributes:
        cpu_ms: Per request, all threads; `least` and `most` of the rounds beside it.
        calls: REST calls per request, as nginx counted them; None where they went elsewhere.
    """

    workload: str
    server: str
    connections: int
    cpu_ms: float
    cpu_least_ms: float
    cpu_most_ms: float
    per_second: float
    p50_ms: float
    p99_ms: float
    calls: float | None
    rss_mb: float
    requests: int


@dataclass(frozen=True, slots=True)
class Effort:
    """How long each server is asked in each of so many rounds."""

    seconds: float
    rounds: int


@dataclass(frozen=True, slots=True)
class _Round:
    cpu_ms: float
    calls: float
    load: Load

    @property
    def bytes(self) -> float:
        """Of one answer."""
        return self.load.bytes / self.load.requests


class Bench:
    """What is needed to ask servers."""

    def __init__(self, wrk: Wrk, upstream: Upstream, effort: Effort) -> None:
        self._wrk = wrk
        self._upstream = upstream
        self._effort = effort

    async def answers(self, workload: Workload, servers: Sequence[Server]) -> bytes:
        """The first server's answer to the first request, once all servers have given the same data.

        Raises:
            RuntimeError: They have not, or there are errors among it.
        """
        bodies = workload.bodies[:_CHECKED]
        first, *others = [
            [await self._answer(server, workload, body) for body in bodies] for server in servers
        ]
        for server, answers in zip(servers[1:], others, strict=True):
            for expected, got in zip(first, answers, strict=True):
                differs = difference(plain(_data(expected)), plain(_data(got)))
                if differs:
                    raise RuntimeError(f"{workload.name}: {servers[0].name} and {server.name}: {differs}")
        return first[0]

    async def _answer(self, server: Server, workload: Workload, body: bytes) -> bytes:
        headers = {"content-type": "application/json"}
        if server.key:
            headers["authorization"] = f"Bearer {server.key}"
        async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
            response = await http.post(_url(server, workload), content=body, headers=headers)
        if response.status_code != 200 or "errors" in response.json():
            said = f"{response.status_code}: {response.text[:2000]}"
            raise RuntimeError(f"{workload.name}: {server.name} answered {said}")
        return response.content

    async def compare(
        self, workload: Workload, servers: Sequence[Server], connections: int | None = None
    ) -> list[Figures]:
        """All servers under the same load in turn, after a warm-up of each.

        Raises:
            RuntimeError: A server gave errors, or much less than in the warm-up.
        """
        connections = workload.connections if connections is None else connections
        # The first answers to so many at once must come within the time.
        least_s = connections * _SLOWEST_S
        warm_up_s = max(min(_WARM_UP_S, self._effort.seconds), least_s)
        self._wrk.write_bodies(workload.name, workload.bodies)
        done: Mapping[str, list[_Round]] = {server.name: [] for server in servers}
        sizes = {
            server.name: (await self._round(server, workload, warm_up_s, connections, look=True)).bytes
            for server in servers
        }
        for _ in range(self._effort.rounds):
            for server in servers:
                one = await self._round(server, workload, max(self._effort.seconds, least_s), connections)
                if one.bytes < _LEAST_SIZE * sizes[server.name]:
                    raise RuntimeError(f"{workload.name}: {server.name} answered with too little under load")
                done[server.name].append(one)
        return [_figures(workload, server, connections, done[server.name]) for server in servers]

    async def _round(
        self, server: Server, workload: Workload, seconds: float, connections: int, *, look: bool = False
    ) -> _Round:
        cpu_s, calls = server.cpu_s(), await self._upstream.requests()
        load = await self._wrk.run(
            _url(server, workload),
            workload.name,
            key=server.key,
            connections=connections,
            seconds=seconds,
            look=look,
        )
        await _still(server)
        # wrk leaves with a request open on each connection, and all servers here finish what they began.
        served = load.requests + connections
        cpu_s = server.cpu_s() - cpu_s
        calls = await self._upstream.requests() - calls - 1
        return _Round(cpu_s * 1000 / served, calls / served, load)


async def _still(server: Server) -> None:
    """Return once a server does nothing any more."""
    ends = time.monotonic() + _STILL_WITHIN_S
    used, since = server.cpu_s(), time.monotonic()
    while (now := time.monotonic()) - since < _STILL_AFTER_S and now < ends:
        await asyncio.sleep(_LOOK_EVERY_S)
        if server.cpu_s() != used:
            used, since = server.cpu_s(), time.monotonic()


def _url(server: Server, workload: Workload) -> str:
    return server.url.replace("{workload}", workload.name)


def _data(answer: bytes) -> Any:
    return orjson.loads(answer)["data"]


def _figures(workload: Workload, server: Server, connections: int, rounds: Sequence[_Round]) -> Figures:
    costs = [each.cpu_ms for each in rounds]
    return Figures(
        workload.name,
        server.name,
        connections,
        statistics.median(costs),
        min(costs),
        max(costs),
        statistics.median(each.load.requests / each.load.seconds for each in rounds),
        statistics.median(each.load.p50_ms for each in rounds),
        statistics.median(each.load.p99_ms for each in rounds),
        statistics.median(each.calls for each in rounds),
        server.rss_mb(),
        sum(each.load.requests for each in rounds),
    )
