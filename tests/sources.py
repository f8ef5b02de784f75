"""What the tests of every source share: a clock, canned replies, attempts, a transport to a served sandbox."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from gateway.domain.ports import WritePreparer
from gateway.domain.writes import Attempt, WriteInput
from gateway.resilience.callers import CallersCredential
from gateway.sources.authorised import authorised
from gateway.sources.spec import SourceContext, SourceSpec
from gateway.transport import Call, Reply, Transport
from gateway.transport.httpx import HttpxOptions, HttpxTransport

REFERENCE = "gw-" + "0a1b2c3d" * 4
# Where there is nothing to prepare, and the time doesn't matter.
ATTEMPT = Attempt(REFERENCE, None, datetime(2026, 11, 22, 10, 30, tzinfo=UTC))


async def prepared(
    client: object, write: WriteInput, since: datetime, *, reference: str = REFERENCE
) -> Attempt:
    """A write's attempt as the gateway makes it, just before it records and sends the write."""
    baseline = await client.prepare(write) if isinstance(client, WritePreparer) else None
    return Attempt(reference, baseline, since)


class Hands:
    """A clock that stands until a test moves it."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def __call__(self) -> datetime:
        return self.moment


class Canned:
    """A transport that gives the replies one after the other, the last one for ever."""

    def __init__(self, *bodies: bytes, status: int = 200) -> None:
        self._replies = [Reply(status, {}, body) for body in bodies]
        self.calls: list[Call] = []

    async def send(self, call: Call) -> Reply:
        self.calls.append(call)
        return self._replies[min(len(self.calls), len(self._replies)) - 1]

    async def close(self) -> None:
        pass


def connected(spec: SourceSpec[Any], context: SourceContext[Any]) -> object:
    """A client whose calls get their credentials as in the gateway, and none of its other layers."""
    layer: Transport = authorised(spec, context)
    if context.settings.forwards:
        layer = CallersCredential(layer, source=context.key)
    client: object = spec.build(replace(context, transport=layer))
    return client


@asynccontextmanager
async def open_transport(key: str, base_url: str) -> AsyncIterator[HttpxTransport]:
    transport = HttpxTransport(key, HttpxOptions(base_url=base_url))
    try:
        yield transport
    finally:
        await transport.close()
