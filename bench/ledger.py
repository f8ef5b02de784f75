"""`python -m bench.ledger`: what it costs that every write is recorded twice. See README.md beside this."""

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path

import uvloop

from bench.served import Served, serve_replies
from gateway.domain.catalog import Source
from gateway.domain.clock import utc_now
from gateway.domain.ids import EntityType, Ref
from gateway.domain.writes import Attempt, Reply
from gateway.store.ledger import open_ledger
from gateway.store.migrate import migrate
from gateway.writes.journal import Intent
from gateway.writes.sending import send_once
from gateway.writes.service import Writes
from tests.chaos.database import running_database

_SOURCE = Source("bench", "bench", "Bench", "", client=object(), shapes={})
_CASE = Ref(EntityType.CASE, "bench", ("1e0abcb7-b94c-4072-a9c0-37072a1ef015",))
_BODY = "Hello, your repair is done and can be fetched on Monday. " * 4
_WRITERS = (1, 8, 64)
_numbers = count()


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds of one write, by itself: with the ledger, and the same send without one."""

    database: str
    median_ms: float
    median_without_ms: float
    p99_ms: float
    p99_without_ms: float


@dataclass(frozen=True, slots=True)
class Rate:
    """Writes a second by so many writers at once, and this process's CPU for one."""

    database: str
    writers: int
    per_second: float
    cpu_ms: float


@dataclass(frozen=True, slots=True)
class Results:
    """Everything, and the disk that it was measured on."""

    filesystem: str
    sync_ms: float
    latencies: Sequence[Latency]
    rates: Sequence[Rate]
    served: Sequence[Served]


class Bench:
    """One ledger to write to."""

    def __init__(self, database: str, writes: Writes) -> None:
        self.database = database
        self._writes = writes

    async def with_ledger(self) -> None:
        """A whole write, to a source that answers at once."""
        reply = Reply(conversation=_CASE, body=_BODY)
        key = f"bench-{next(_numbers)}"
        intent = Intent(
            principal="bench", source=_SOURCE, operation="reply", key=key, input=reply, target=_CASE
        )
        await self._writes.run(intent, _answers_at_once)

    async def without(self) -> None:
        """The same send, with nothing recorded."""
        attempt = Attempt("gw-0", None, utc_now())
        await send_once(_SOURCE, lambda: _answers_at_once(attempt))

    async def latency(self, pairs: int) -> Latency:
        """One after the other in turn, so that whatever else the machine does befalls both."""
        for _ in range(pairs // 10):
            await self.with_ledger()
        took: dict[bool, list[float]] = {True: [], False: []}
        for number in range(2 * pairs):
            recorded = number % 2 == 0
            began = time.perf_counter()
            await (self.with_ledger() if recorded else self.without())
            took[recorded].append((time.perf_counter() - began) * 1000)
        return Latency(
            self.database,
            statistics.median(took[True]),
            statistics.median(took[False]),
            _p99(took[True]),
            _p99(took[False]),
        )

    async def rate(self, writers: int, seconds: float) -> Rate:
        """As many writes as so many writers get done."""
        done = 0
        ends = time.perf_counter() + seconds

        async def write() -> None:
            nonlocal done
            while time.perf_counter() < ends:
                await self.with_ledger()
                done += 1

        began, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(write() for _ in range(writers)))
        per_second = done / (time.perf_counter() - began)
        return Rate(self.database, writers, per_second, (time.process_time() - cpu) * 1000 / done)


async def _answers_at_once(_: Attempt) -> Ref:
    return Ref(EntityType.MESSAGE, "bench", (*_CASE.parts, str(next(_numbers))))


def _p99(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=100)[98]


@asynccontextmanager
async def _bench(database: str, url: str) -> AsyncIterator[Bench]:
    await migrate(url)
    ledger = open_ledger(url)
    try:
        yield Bench(database, Writes(ledger, clock=utc_now))
    finally:
        await ledger.close()


async def measure(folder: Path, *, pairs: int, seconds: float, rounds: int) -> Results:
    """All measurements."""
    async with running_database() as postgres, AsyncExitStack() as stack:
        # From here on: SQLite's thread too, but not PostgreSQL's own processes.
        stack.enter_context(_one_core())
        benches = [
            await stack.enter_async_context(_bench(name, url))
            for name, url in (("SQLite", f"sqlite:///{folder}/alone.db"), ("PostgreSQL", postgres.url))
        ]
        latencies = [await each.latency(pairs) for each in benches]
        rates = [
            await each.rate(writers, seconds)
            for _ in range(rounds)
            for writers in _WRITERS
            for each in benches
        ]
        await stack.aclose()
        served = []
        for name, url in (("SQLite", f"sqlite:///{folder}/served.db"), ("PostgreSQL", postgres.url)):
            served += await serve_replies(name, url, folder, seconds=2 * seconds)
    return Results(_filesystem(folder), _sync_ms(folder), latencies, _medians(rates), served)


@contextmanager
def _one_core() -> Iterator[None]:
    """Keep what is started meanwhile, and this thread, to one processor core."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def _medians(rates: Sequence[Rate]) -> list[Rate]:
    """Of all rounds of one ledger and number of writers, the one in the middle."""
    groups: dict[tuple[str, int], list[Rate]] = {}
    for rate in rates:
        groups.setdefault((rate.database, rate.writers), []).append(rate)
    return [sorted(group, key=lambda each: each.per_second)[len(group) // 2] for group in groups.values()]


def _filesystem(folder: Path) -> str:
    """Type and device of what a folder is on."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    device, _, kind, *_ = max(
        (each for each in mounts if folder.is_relative_to(each[1])), key=lambda each: len(each[1])
    )
    return f"{kind} on {device}"


def _sync_ms(folder: Path) -> float:
    """What the disk itself takes: 4 KiB appended and synced, at the median."""
    took = []
    with (folder / "sync").open("wb", buffering=0) as file:
        for _ in range(100):
            began = time.perf_counter()
            file.write(b"x" * 4096)
            os.fdatasync(file.fileno())
            took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took)


def tables(results: Results) -> Iterator[str]:
    """The results in Markdown."""
    yield f"Disk: {results.filesystem}; 4 KiB appended and synced takes {results.sync_ms:.2f} ms.\n"
    yield "| one write, alone | | with the ledger | without | added | ratio |"
    yield "| --- | --- | ---: | ---: | ---: | ---: |"
    for each in results.latencies:
        yield _compared(each.database, "median", each.median_ms, each.median_without_ms)
        yield _compared("", "p99", each.p99_ms, each.p99_without_ms)
    yield "\n| ledger alone | writers at once | writes a second | CPU of this process for one |"
    yield "| --- | ---: | ---: | ---: |"
    for rate in results.rates:
        yield f"| {rate.database} | {rate.writers} | {rate.per_second:.0f} | {rate.cpu_ms:.2f} ms |"
    yield "\n| served `reply` mutations | clients | a second | median | p99 |"
    yield "| --- | ---: | ---: | ---: | ---: |"
    for served in results.served:
        yield (
            f"| {served.database} | {served.clients} | {served.per_second:.0f} "
            f"| {served.median_ms:.1f} ms | {served.p99_ms:.1f} ms |"
        )


def _compared(database: str, what: str, recorded_ms: float, without_ms: float) -> str:
    added_ms = recorded_ms - without_ms
    return (
        f"| {database} | {what} | {recorded_ms:.2f} ms | {without_ms:.3f} ms "
        f"| {added_ms:.2f} ms | {recorded_ms / without_ms:.0f} |"
    )


def main() -> int:
    """Measure, and print a table and JSON."""
    line = argparse.ArgumentParser("python -m bench.ledger", description="What the ledger of writes costs.")
    line.add_argument("--folder", type=Path, help="on the disk to measure (default: the temporary one)")
    line.add_argument("--pairs", type=int, default=1500, help="writes to time alone (default: %(default)s)")
    line.add_argument("--seconds", type=float, default=1.5, help="for each rate (default: %(default)s)")
    line.add_argument("--rounds", type=int, default=3, help="for each rate (default: %(default)s)")
    options = line.parse_args()
    with (
        tempfile.TemporaryDirectory(dir=options.folder) as folder,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        results = runner.run(
            measure(Path(folder), pairs=options.pairs, seconds=options.seconds, rounds=options.rounds)
        )
    sys.stdout.writelines(f"{each}\n" for each in tables(results))
    sys.stdout.write(f"\n```json\n{json.dumps(asdict(results))}\n```\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
