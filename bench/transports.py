"""`python -m bench.transports`: CPU of one read by each adapter of `gateway.transport`. See README.md."""

import argparse
import asyncio
import gzip
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import cast

import uvloop
from pyreqwest.client import Client, ClientBuilder

from gateway.transport import Call, Transport, TransportOptions
from gateway.transport.httpx import HttpxTransport
from gateway.transport.pyreqwest import PyreqwestTransport

_ITEM = b'{"id":123456,"subject":"Router blinks red","status":"OPEN","body":"Since this morning."}'
# What a source answers, by path.
BODIES = {"/2kB": 22, "/50kB": 555, "/packed": 555}
_FAN_OUT = 10

Read = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Cost:
    """Microseconds of CPU that one read takes this process with all its threads; over all rounds."""

    answer: str
    client: str
    median_us: float
    least_us: float
    most_us: float


async def measure(base_url: str, *, seconds: float) -> list[Cost]:
    """All clients in turn, so that whatever else the machine does befalls all; the first round warms up."""
    options = TransportOptions(base_url)
    adapters: dict[str, Transport] = {
        "httpx adapter": HttpxTransport("bench", options),
        "pyreqwest adapter": PyreqwestTransport("bench", options),
    }
    bare = ClientBuilder().no_proxy().build()
    took: dict[tuple[str, str], list[float]] = {}
    ends = time.monotonic() + seconds
    warm = False
    while time.monotonic() < ends or not warm:
        for path in BODIES:
            call = Call("read", "GET", path, safe=True, query=(("id", "123456"),))
            reads: dict[str, Read] = {name: _by(adapter, call) for name, adapter in adapters.items()}
            reads["pyreqwest by itself"] = _bare(bare, f"{base_url}{path}?id=123456")
            for name, read in reads.items():
                cost_us = await _cost_us(read)
                if warm:
                    took.setdefault((path[1:], name), []).append(cost_us)
        warm = True
    for adapter in adapters.values():
        await adapter.close()
    await bare.close()
    return [
        Cost(answer, client, statistics.median(costs), min(costs), max(costs))
        for (answer, client), costs in took.items()
    ]


def _bare(client: Client, url: str) -> Read:
    return lambda: client.get(url).build().send()


def _by(transport: Transport, call: Call) -> Read:
    return lambda: transport.send(call)


async def _cost_us(read: Read, *, rounds: int = 20) -> float:
    began_s = _cpu_s()
    for _ in range(rounds):
        await asyncio.gather(*(read() for _ in range(_FAN_OUT)))
    return (_cpu_s() - began_s) / (rounds * _FAN_OUT) * 1e6


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def answers() -> dict[bytes, bytes]:
    """Whole answers by path, made beforehand."""
    made = {}
    for path, count in BODIES.items():
        body = b"[" + b",".join([_ITEM] * count) + b"]"
        coding = b""
        if path == "/packed":
            body, coding = gzip.compress(body), b"content-encoding: gzip\r\n"
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n%scontent-length: %d\r\n\r\n"
        made[path.encode()] = head % (coding, len(body)) + body
    return made


class _Source(asyncio.Protocol):
    """Answers a GET as soon as its head is there."""

    def __init__(self, said: dict[bytes, bytes]) -> None:
        self._said = said
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        # Its clients send a whole head at once, and wait.
        assert self._transport is not None
        self._transport.write(self._said[data.split(b" ", 2)[1].partition(b"?")[0]])


async def _serve() -> None:
    said = answers()
    server = await asyncio.get_running_loop().create_server(lambda: _Source(said), "127.0.0.1", 0)
    sys.stdout.write(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)  # Until whoever started it has gone.


@contextmanager
def _source() -> Iterator[str]:
    """A process that answers; its CPU is not counted."""
    command = [sys.executable, "-m", "bench.transports", "--serve"]
    with subprocess.Popen(  # noqa: S603 - this module, again
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def table(costs: Sequence[Cost]) -> Iterator[str]:
    """The results in Markdown."""
    yield "| answer | client | CPU of one read | least | most | of the httpx adapter's |"
    yield "| --- | --- | ---: | ---: | ---: | ---: |"
    reference = {each.answer: each.median_us for each in costs if each.client == "httpx adapter"}
    for each in costs:
        yield (
            f"| {each.answer} | {each.client} | {each.median_us:.0f} us | {each.least_us:.0f} us "
            f"| {each.most_us:.0f} us | {each.median_us / reference[each.answer]:.2f} |"
        )


def main() -> int:
    """Measure, and print a table and JSON."""
    line = argparse.ArgumentParser("python -m bench.transports", description="What a read costs.")
    line.add_argument("--seconds", type=float, default=15.0, help="in all (default: %(default)s)")
    line.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = line.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        if options.serve:
            runner.run(_serve())
            return 0
        with _source() as base_url:
            costs = runner.run(measure(base_url, seconds=options.seconds))
    sys.stdout.writelines(f"{each}\n" for each in table(costs))
    sys.stdout.write(f"\n```json\n{json.dumps([asdict(each) for each in costs])}\n```\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
