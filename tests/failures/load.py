"""Clients: so many operations a second over a few connections, and an idle request beside them."""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import orjson

from tests.failures.operations import Operation
from tests.failures.settings import TIMEOUT_HEADER
from tests.failures.stage import Gateway
from tests.raw_client import RawClient

CALLERS = 16
# Longer than any deadline of a run: an answer that takes so long is none.
_GIVE_UP_S = 20.0
_PROBE_EVERY_S = 0.05


@dataclass(frozen=True, slots=True)
class Sample:
    """An operation and what came of it; `began` is the time of day, `status` 0 where nothing came."""

    operation: Operation
    began: float
    took_s: float
    status: int
    body: bytes

    @property
    def ended(self) -> float:
        """The time of day when the answer was there."""
        return self.began + self.took_s


class Caller:
    """One client with one connection, made anew when it has ended."""

    def __init__(self, url: str, *, timeout_s: float) -> None:
        self._address = urlsplit(url)
        self._timeout_s = timeout_s
        self._client: RawClient | None = None

    async def ask(self, operation: Operation) -> Sample:
        """Run an operation."""
        body = orjson.dumps({"query": operation.query, "variables": operation.variables})
        began, started = time.time(), time.perf_counter()
        status, answer = await self._exchange(self._post(body))
        return Sample(operation, began, time.perf_counter() - started, status, answer)

    async def ping(self) -> float:
        """How long a request takes that needs nothing."""
        started = time.perf_counter()
        await self._exchange(f"GET /healthz HTTP/1.1\r\nhost: {self._address.netloc}\r\n\r\n".encode())
        return time.perf_counter() - started

    async def leave_in_the_middle(self, operation: Operation, after_s: float) -> None:
        """Send an operation and go before the answer can have come."""
        body = orjson.dumps({"query": operation.query, "variables": operation.variables})
        await self.close()
        client = await self._connected()
        client.send(self._post(body))
        await asyncio.sleep(after_s)
        await self.close()

    async def close(self) -> None:
        """End the connection."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def _exchange(self, request: bytes) -> tuple[int, bytes]:
        try:
            async with asyncio.timeout(_GIVE_UP_S):
                client = await self._connected()
                client.send(request)
                return await client.read_answer()
        except (OSError, EOFError, TimeoutError) as error:
            await self.close()
            return 0, repr(error).encode()

    async def _connected(self) -> RawClient:
        if self._client is None:
            self._client = RawClient(
                *await asyncio.open_connection(self._address.hostname, self._address.port)
            )
        return self._client

    def _post(self, body: bytes) -> bytes:
        lines = [
            "POST /graphql HTTP/1.1",
            f"host: {self._address.netloc}",
            "content-type: application/json",
            f"content-length: {len(body)}",
            f"{TIMEOUT_HEADER}: {self._timeout_s}",
        ]
        return "\r\n".join([*lines, "", ""]).encode() + body


@dataclass(slots=True)
class Load:
    """What came of a stretch of operations.

    Attributes:
        samples: In the order of their answers.
        lags_s: How long idle requests took meanwhile.
    """

    samples: list[Sample] = field(default_factory=list)
    lags_s: list[float] = field(default_factory=list)


async def drive(
    gateway: Gateway,
    operations: Iterable[Operation],
    *,
    rate: float | None,
    callers: int = CALLERS,
    until: Callable[[Load], bool] = lambda _: False,
) -> Load:
    """Run operations, no more than `callers` at once.

    Args:
        gateway: Asked under its own deadline.
        operations: In this order.
        rate: So many begin each second, as far as there are callers; None: as many as can.
        callers: Connections.
        until: Nothing more begins once this holds.
    """
    load = Load()
    turns = _Turns(iter(operations), rate)

    async def work() -> None:
        caller = Caller(gateway.url, timeout_s=gateway.variant.deadline_s)
        try:
            while not until(load) and (operation := await turns.next()) is not None:
                load.samples.append(await caller.ask(operation))
        finally:
            await caller.close()

    pinging = asyncio.create_task(_ping(gateway, load.lags_s))
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(callers):
                group.create_task(work())
    finally:
        pinging.cancel()
        with suppress(asyncio.CancelledError):
            await pinging
    return load


class _Turns:
    """Hands out operations at a rate; what could not begin in its time begins as soon as it can."""

    def __init__(self, operations: Iterator[Operation], rate: float | None) -> None:
        self._operations = operations
        self._pause_s = 1 / rate if rate else 0.0
        self._next_s = time.perf_counter()

    async def next(self) -> Operation | None:
        operation = next(self._operations, None)
        mine_s = max(self._next_s, time.perf_counter() - 0.5)
        self._next_s = mine_s + self._pause_s
        await asyncio.sleep(max(0.0, mine_s - time.perf_counter()))
        return operation


async def _ping(gateway: Gateway, lags_s: list[float]) -> None:
    caller = Caller(gateway.url, timeout_s=gateway.variant.deadline_s)
    try:
        while True:
            lags_s.append(await caller.ping())
            await asyncio.sleep(_PROBE_EVERY_S)
    finally:
        await caller.close()
