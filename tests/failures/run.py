"""A run: its parts one after the other."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import Any

import orjson

from gateway.sandbox import KINDS
from tests.failures.apart import Apart, compare
from tests.failures.cells import Cell, Table
from tests.failures.faults import AFTER_HEALTH, FAULTS, Fault
from tests.failures.load import Caller, drive
from tests.failures.operations import Mix, Operation, learn_ids
from tests.failures.references import References
from tests.failures.settings import Variant
from tests.failures.stage import Gateway, Services, running_gateway, running_services

Pair = tuple[Fault, str]

# Below it too few operations meet a fault; a machine that can't do it is too busy for verdicts on time.
_LEAST_RATE = 30.0
_MOST_RATE = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much of it all.

    Attributes:
        cells: Which fault on which source; in this order.
        kept: The same on a gateway with a cache.
        cell_s: How long a source is sick.
        objects: Of each source, that are asked for.
        rate: Operations a second; None: half of what the machine can do, 30 to 60.
        rounds: Of the comparison of operations that don't touch a hanging source.
        round_s: How long each side of it takes.
        at_most_s: No new part begins after so long.
        variant: Of the gateway.
        is_apart: Each source has gateways of its own: two for faults that open circuits, one for others.
    """

    cells: Sequence[Pair]
    kept: Sequence[Pair] = ()
    cell_s: float = 0.8
    objects: int = 16
    rate: float | None = None
    rounds: int = 0
    round_s: float = 2.0
    at_most_s: float = 340.0
    variant: Variant = field(default_factory=Variant)
    is_apart: bool = False


def long(*, faults: Sequence[str] = (), sources: Sequence[str] = ()) -> Size:
    """`make chaos`: everything on every source; or a part of it, by names.

    Faults that open circuits alternate with others, and with two gateways for them a circuit has been left
    alone for half a minute when it is to open again: then what befell it before doesn't count.
    """
    wanted = [each for each in FAULTS if not faults or each.name in faults]
    opening = [each for each in wanted if each.opens]
    others = [each for each in wanted if not each.opens]
    alternating = [each for pair in zip_longest(opening, others) for each in pair if each is not None]
    chosen = sources or KINDS
    pairs = [(fault, source) for fault in alternating for source in chosen]
    is_whole = not faults and not sources
    return Size(
        cells=[*pairs, (AFTER_HEALTH, "thulium")] if is_whole else pairs,
        kept=[(fault, source) for fault in wanted if fault.kept for source in chosen],
        rounds=4 if is_whole else 0,
        is_apart=True,
    )


def short() -> Size:
    """A part of `make test`: a few faults on two sources each. The time is no part of its verdict."""
    few = [each for each in FAULTS if each.in_short]
    return Size(
        cells=[
            (fault, KINDS[(number + turn) % len(KINDS)])
            for turn in (0, 2)
            for number, fault in enumerate(few)
        ],
        cell_s=0.5,
        objects=4,
        rate=40,
        at_most_s=17,
        variant=Variant(deadline_s=3.0, attempt_timeout_s=0.8),
    )


@dataclass(slots=True)
class Result:
    """What a run has seen.

    Attributes:
        cells: Over a gateway that keeps nothing.
        kept: Over one with a cache.
        apart: Operations that don't touch a hanging source.
        complaints: Errors in the gateways' logs.
        unknown: Settings of the run that the gateway doesn't have.
        left_out: Parts that had no time.
        capacity: Operations a second that the machine could do at most.
    """

    seed: int
    rate: float = 0.0
    capacity: float | None = None
    seconds: float = 0.0
    cells: list[Cell] = field(default_factory=list)
    kept: list[Cell] = field(default_factory=list)
    apart: Apart | None = None
    complaints: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


async def run(size: Size, *, seed: int, tell: Callable[[Cell], None] = lambda _: None) -> Result:
    """Go through all parts; `tell` is called with each cell."""
    began = time.monotonic()
    result = Result(seed)

    def is_late(what: str) -> bool:
        if time.monotonic() - began < size.at_most_s:
            return False
        result.left_out.append(what)
        return True

    async with running_services() as services:
        places = list(dict.fromkeys(_place(size, *pair) for pair in size.cells))
        # What is learned on the first one doesn't count in the others' circuits and budgets.
        async with opened(services, size.variant, result, count=len(places) + 1) as (first, *gateways):
            mix = Mix(await ids_of(first), seed=seed, objects=size.objects)
            references = References()
            sources = list(dict.fromkeys(source for _, source in (*size.cells, *size.kept)))
            await references.learn(mix.all(sources), first, services)
            result.rate = size.rate or await _half_of_what_it_can(first, mix, result)
            tables = {
                place: Table(services, gateway, mix, references, result.rate)
                for place, gateway in zip(places, gateways, strict=True)
            }
            operations = round(size.cell_s * result.rate)
            for fault, source in size.cells:
                if not is_late(f"{fault.name} on {source}"):
                    table = tables[_place(size, fault, source)]
                    result.cells.append(await table.cell(fault, source, operations=operations))
                    tell(result.cells[-1])
            if size.rounds and not is_late("operations apart from a hanging source"):
                result.apart = await compare(tables[places[-1]], rounds=size.rounds, round_s=size.round_s)
        if size.kept:
            cached = replace(size.variant, cache_ttl_s=0.5, max_stale_s=300.0)
            async with opened(services, cached, result) as (gateway,):
                table = Table(services, gateway, mix, references, result.rate)
                await drive(gateway, mix.all(sources), rate=None)
                for fault, source in size.kept:
                    if not is_late(f"{fault.name} on {source}, kept"):
                        result.kept.append(await table.cell(fault, source, operations=operations))
                        tell(result.kept[-1])
    result.seconds = time.monotonic() - began
    return result


def _place(size: Size, fault: Fault, source: str) -> tuple[str, int] | None:
    """Cells of one place share a gateway: of those that open circuits, every other one."""
    if not size.is_apart:
        return None
    opening = [each for each in FAULTS if each.opens]
    return source, opening.index(fault) % 2 if fault in opening else 2


@asynccontextmanager
async def opened(
    services: Services, variant: Variant, result: Result, *, count: int = 1
) -> AsyncIterator[list[Gateway]]:
    """Gateways, and afterwards what they complained of."""
    async with AsyncExitStack() as stack:
        starting = [stack.enter_async_context(running_gateway(services, variant)) for _ in range(count)]
        gateways = await asyncio.gather(*starting)
        result.unknown = gateways[0].unknown
        yield gateways
        result.complaints += [line for gateway in gateways for line in gateway.complaints()]


async def ids_of(gateway: Gateway) -> dict[str, list[str]]:
    """What there is to ask for."""
    caller = Caller(gateway.url, timeout_s=30.0)

    async def execute(query: str, variables: Mapping[str, Any]) -> Any:
        sample = await caller.ask(Operation("ids", query, variables, ()))
        return orjson.loads(sample.body)["data"]

    try:
        return await learn_ids(execute)
    finally:
        await caller.close()


async def _half_of_what_it_can(gateway: Gateway, mix: Mix, result: Result) -> float:
    planned = mix.around(KINDS[0], 120)
    began = time.perf_counter()
    await drive(gateway, planned, rate=None)
    result.capacity = len(planned) / (time.perf_counter() - began)
    return max(_LEAST_RATE, min(_MOST_RATE, result.capacity / 2))
