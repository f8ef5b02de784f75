"""A long time under load, faults and clients that leave: what is left over afterwards?"""

import asyncio
import itertools
import random
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

import httpx
import orjson

from gateway.sandbox import KINDS
from tests.failures.faults import FAULTS
from tests.failures.footprint import Footprint
from tests.failures.judging import CODES
from tests.failures.load import CALLERS, Caller, Sample
from tests.failures.operations import Mix, Operation
from tests.failures.stage import Gateway, Services

_WARM = 0.15  # The share of the requests, and of the time, after which nothing may grow any more.
_FAULT_EVERY_S = 4.0
_SICK_FOR_S = 2.0
_TAKE_EVERY_S = 10.0
_IDLE_WITHIN_S = 10.0
# Memory that is free for the next request isn't always given back to the system.
_SLACK_MB = 12.0
_SLACK_FILES = 10


@dataclass(frozen=True, slots=True)
class Take:
    """The gateway's footprint after so many requests; idle: with none under way."""

    requests: int
    rate: float
    footprint: Footprint
    idle: bool


@dataclass(slots=True)
class Soak:
    """What a soak has seen.

    Attributes:
        wanted: Requests.
        resting: The gateway's tasks before the first one.
        left: Those that their client left in the middle.
        takes: In order; the first idle one is after the warm-up, the last one at the end.
        flaws: Answers that are none, or with an error of the gateway's own.
        complaints: Errors in its log.
    """

    wanted: int
    resting: int
    requests: int = 0
    left: int = 0
    faults: int = 0
    seconds: float = 0.0
    takes: list[Take] = field(default_factory=list)
    flaws: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    @property
    def growth_mb(self) -> float:
        """Since the warm-up."""
        warm, end = self.idle()
        return end.rss_mb - warm.rss_mb

    def missed(self) -> list[str]:
        """What may not be."""
        warm, end = self.idle()
        missed = [f"{self.requests} of {self.wanted} requests"] if self.requests < self.wanted else []
        if self.growth_mb > max(_SLACK_MB, 0.05 * warm.rss_mb):
            missed.append(f"{self.growth_mb:.1f} MB more than after the warm-up")
        if end.files > warm.files + _SLACK_FILES:
            missed.append(f"{end.files - warm.files} open files more than after the warm-up")
        if end.tasks > self.resting:
            missed.append(f"{end.tasks - self.resting} tasks more than at the start")
        missed += [f"{len(self.flaws)} flawed answers, such as {self.flaws[0]}"] if self.flaws else []
        missed += [f"the gateway complained: {each[:300]}" for each in self.complaints[:5]]
        return missed

    def idle(self) -> tuple[Footprint, Footprint]:
        """With nothing to do: after the warm-up, and at the end."""
        idle = [each.footprint for each in self.takes if each.idle]
        return idle[0], idle[-1]


async def soak(
    services: Services,
    gateway: Gateway,
    mix: Mix,
    *,
    requests: int,
    leave: int,
    seed: int,
    at_most_s: float,
    tell: Callable[[Take], None] = lambda _: None,
) -> Soak:
    """Ask so often, as fast as that goes.

    Args:
        services: Which fall sick in turn.
        gateway: What is asked.
        mix: What for.
        requests: How many.
        leave: How many more are left in the middle by their client.
        seed: Of what is drawn.
        at_most_s: It ends then in any case.
        tell: Called with each look at the gateway.
    """
    began = time.monotonic()
    draw = random.Random(f"soak {seed}")  # noqa: S311 - repeatable, not secret
    seen = Soak(requests, resting=(await gateway.tasks()).total())
    watch = _Watch(services, gateway, seen, tell)
    operations = _operations(mix, draw)
    clients = _Clients(gateway, operations, seen, draw, leave_every=max(1, requests // leave) if leave else 0)
    for share, of_the_time in ((_WARM, _WARM), (1.0, 1.0 - _WARM)):
        ends_s = time.monotonic() + of_the_time * at_most_s
        beside = [asyncio.create_task(_fall_sick(services, draw, seen)), asyncio.create_task(watch.run())]
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(CALLERS):
                    group.create_task(clients.work(round(share * requests), ends_s=ends_s))
        finally:
            for task in beside:
                task.cancel()
            ends = await asyncio.gather(*beside, return_exceptions=True)
        if failed := [end for end in ends if not isinstance(end, asyncio.CancelledError)]:
            raise RuntimeError(f"a soak's own task ended: {failed}")
        for source in KINDS:
            await services.heal(source)
        await watch.come_to_rest()
    seen.seconds = time.monotonic() - began
    seen.complaints = gateway.complaints()
    return seen


@dataclass(slots=True)
class _Watch:
    """Looks at the gateway."""

    services: Services
    gateway: Gateway
    seen: Soak
    tell: Callable[[Take], None]
    _last_s: float = field(default_factory=time.monotonic)
    _last_requests: int = 0

    async def run(self) -> None:
        """Look now and then, for ever."""
        while True:
            await asyncio.sleep(_TAKE_EVERY_S)
            await self.look(idle=False)

    async def come_to_rest(self) -> None:
        """Wait until the gateway has no more tasks than at the start, and look then."""
        ends_s = time.monotonic() + _IDLE_WITHIN_S
        while time.monotonic() < ends_s:
            if (await self.gateway.tasks()).total() <= self.seen.resting:
                break
            await asyncio.sleep(0.1)
        await self.look(idle=True)

    async def look(self, *, idle: bool) -> None:
        """Once; what came in at the services is forgotten, since they remember it for ever."""
        now_s, requests = time.monotonic(), self.seen.requests
        rate = (requests - self._last_requests) / max(0.001, now_s - self._last_s)
        self._last_s, self._last_requests = now_s, requests
        take = Take(requests, rate, await self.gateway.footprint(), idle)
        self.seen.takes.append(take)
        self.tell(take)
        for source in KINDS:
            with suppress(httpx.TransportError):  # It may be down.
                await self.services.forget(source)


@dataclass(slots=True)
class _Clients:
    """Ask, and some leave."""

    gateway: Gateway
    operations: Iterator[Operation]
    seen: Soak
    draw: random.Random
    leave_every: int

    async def work(self, upto: int, *, ends_s: float) -> None:
        """One after the other, until there were so many or the time is over."""
        caller, leaver = (
            Caller(self.gateway.url, timeout_s=self.gateway.variant.deadline_s) for _ in range(2)
        )
        try:
            while self.seen.requests < upto and time.monotonic() < ends_s:
                self.seen.requests += 1
                if self.leave_every and self.seen.requests % self.leave_every == 0:
                    self.seen.left += 1
                    after_s = self.draw.uniform(0.0, 0.03)
                    await leaver.leave_in_the_middle(next(self.operations), after_s)
                if (flaw := _flaw(await caller.ask(next(self.operations)))) is not None:
                    self.seen.flaws.append(flaw)
        finally:
            await caller.close()
            await leaver.close()


def _operations(mix: Mix, draw: random.Random) -> Iterator[Operation]:
    """Nine of ten ask for one object; the tenth touches all sources."""
    lookups = {source: mix.lookups(source) for source in KINDS}
    many = itertools.cycle([each for source in KINDS for each in mix.around(source, 40)])
    while True:
        yield next(many) if draw.random() < 0.1 else next(lookups[draw.choice(KINDS)])


def _flaw(sample: Sample) -> str | None:
    """What no answer may be, whoever is sick."""
    if sample.status != 200:
        return f"HTTP {sample.status}: {sample.body[:200]!r}"
    for error in orjson.loads(sample.body).get("errors", ()):
        if error["extensions"].get("code") not in CODES:
            return str(error)
    return None


async def _fall_sick(services: Services, draw: random.Random, seen: Soak) -> None:
    while True:
        await asyncio.sleep(_FAULT_EVERY_S - _SICK_FOR_S)
        source = draw.choice(KINDS)
        await services.befall(source, draw.choice(FAULTS), for_s=_SICK_FOR_S)
        seen.faults += 1
        await asyncio.sleep(_SICK_FOR_S)
        await services.heal(source)
