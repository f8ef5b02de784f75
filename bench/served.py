"""`reply` mutations through a gateway process, as an operator starts it, over the sandbox."""

import asyncio
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import httpx

from gateway.commands.dev import sandbox_sources
from gateway.sandbox import Sandbox
from tests.chaos.workers import running_workers

_CLIENTS = (1, 16)
_REPLY = """mutation($input: ReplyInput!) {
  reply(input: $input) { write { state } userErrors { code } } }"""


@dataclass(frozen=True, slots=True)
class Served:
    """Replies a second by so many clients at once, and what each of them waits."""

    database: str
    clients: int
    per_second: float
    median_ms: float
    p99_ms: float


async def serve_replies(database: str, ledger_url: str, folder: Path, *, seconds: float) -> list[Served]:
    """Start a gateway with a ledger at that URL and send replies to Service Order Hub through it.

    Sandbox and clients share this process, and the gateway has one of its own.
    """
    sandbox = Sandbox()
    guids = [guid for guid, case in sandbox.world.service_order_hub.cases.items() if case.partner_id == 12]
    async with sandbox.serve() as running:
        settings = {
            "server": {"port": 0},
            "auth": {"required": False},
            "rate_limits": {"enabled": False},
            "ledger": {"url": ledger_url},
            "sources": sandbox_sources(sandbox, running),
        }
        async with (
            running_workers(1, settings, folder) as (worker,),
            httpx.AsyncClient(trust_env=False, timeout=30) as http,
        ):
            replies = _Replies(http, worker.url, guids)
            await replies.send(4, 0.5)
            return [_result(database, clients, *await replies.send(clients, seconds)) for clients in _CLIENTS]


class _Replies:
    """Sends replies, to one case after the other."""

    def __init__(self, http: httpx.AsyncClient, url: str, guids: Sequence[str]) -> None:
        self._http = http
        self._url = url
        self._guids = guids
        self._numbers = count()

    async def send(self, clients: int, seconds: float) -> tuple[float, list[float]]:
        """So many clients for so long; how long it took in all, and each reply."""
        took: list[float] = []
        began = time.perf_counter()

        async def client() -> None:
            while time.perf_counter() < began + seconds:
                started = time.perf_counter()
                await self._reply()
                took.append(time.perf_counter() - started)

        await asyncio.gather(*(client() for _ in range(clients)))
        return time.perf_counter() - began, took

    async def _reply(self) -> None:
        number = next(self._numbers)
        given = {
            "toRef": {"source": "service_order_hub", "nativeId": self._guids[number % len(self._guids)]},
            "body": f"Your repair is done, no. {number}.",
            "idempotencyKey": f"bench-{self._url}-{number}",
        }
        response = await self._http.post(self._url, json={"query": _REPLY, "variables": {"input": given}})
        answer = response.json()
        if answer.get("errors") or answer["data"]["reply"]["write"]["state"] != "CONFIRMED":
            raise RuntimeError(f"a reply was not confirmed: {answer}")


def _result(database: str, clients: int, seconds: float, took: Sequence[float]) -> Served:
    return Served(
        database,
        clients,
        len(took) / seconds,
        statistics.median(took) * 1000,
        statistics.quantiles(took, n=100)[98] * 1000,
    )
