"""Every write to a source goes through here: once, in a task of its own, under its idempotency key.

Outcomes are remembered by this process, for as many writes as `memory` says. A ledger that outlives
the process takes this memory's place behind the same call.
"""

import asyncio
import dataclasses
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic, TypeVar

import msgspec

from gateway.domain.errors import (
    ErrorCode,
    GatewayError,
    Refusal,
    RefusalCode,
    SourceAuthError,
    SourceError,
    SourceRejected,
    SourceThrottled,
    WriteInDoubt,
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Intent:
    """What is to be written, and for whom.

    `key` is the caller's idempotency key; writes without one are never joined. `input` is what the
    key is bound to: the same key with another input is a conflict.
    """

    principal: str
    operation: str
    source: str
    key: str | None
    input: object


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """How a write ended: with the source's value, or refused for reasons."""

    value: T | None = None
    refusals: tuple[Refusal, ...] = ()
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class _Entry:
    fingerprint: bytes
    task: "asyncio.Task[Outcome[Any]]"


class Writes:
    """Runs writes and remembers their outcomes by (principal, idempotency key)."""

    def __init__(self, *, memory: int = 100_000) -> None:
        self._memory = memory
        self._entries: OrderedDict[tuple[str, str], _Entry] = OrderedDict()
        self._running: set[asyncio.Task[Outcome[Any]]] = set()

    async def run(self, intent: Intent, send: Callable[[], Awaitable[T]]) -> Outcome[T]:
        """Do a write, or tell the recorded outcome of the same one.

        The sending runs in a task that no caller's disconnect cuts.

        Args:
            intent: What and for whom; its input has been checked already.
            send: Sends it once and returns what the source made of it.
        Returns:
            The outcome; refusals are final and nothing was changed at the source.
        Raises:
            WriteInDoubt: It was sent and nobody can say whether it was applied. Stays so for the key.
            SourceError: It was certainly not applied, and may be tried again with the same key.
        """
        fingerprint = _fingerprint(intent)
        if intent.key is None:
            return await asyncio.shield(self._start(intent.source, send))
        key = (intent.principal, intent.key)
        entry = self._entries.get(key)
        if entry is None:
            task = self._start(intent.source, send)
            self._entries[key] = _Entry(fingerprint, task)
            task.add_done_callback(lambda done: self._settle(key, done))
            return await asyncio.shield(task)
        if entry.fingerprint != fingerprint:
            conflict = Refusal(
                RefusalCode.IDEMPOTENCY_CONFLICT,
                "This idempotencyKey was used for another write. Use a new key for a new write.",
                ("idempotencyKey",),
            )
            return Outcome(refusals=(conflict,))
        outcome: Outcome[T] = await asyncio.shield(entry.task)
        return dataclasses.replace(outcome, replayed=True)

    async def drain(self) -> None:
        """Wait until every write that has begun has its outcome."""
        await asyncio.gather(*self._running, return_exceptions=True)

    def _start(self, source: str, send: Callable[[], Awaitable[T]]) -> "asyncio.Task[Outcome[T]]":
        task = asyncio.create_task(_send(source, send))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    def _settle(self, key: tuple[str, str], done: "asyncio.Task[Outcome[Any]]") -> None:
        """Forget what was certainly not applied, and the oldest outcomes beyond the memory."""
        error = None if done.cancelled() else done.exception()
        if done.cancelled() or (error is not None and not isinstance(error, WriteInDoubt)):
            # It may have gone already, with the oldest, if another write settled in between.
            self._entries.pop(key, None)
        for oldest in list(islice(self._entries, max(0, len(self._entries) - self._memory))):
            if self._entries[oldest].task.done():
                del self._entries[oldest]


async def _send(source: str, send: Callable[[], Awaitable[T]]) -> Outcome[T]:
    try:
        return Outcome(await send())
    except SourceRejected as error:
        return Outcome(refusals=error.refusals)
    except SourceError as error:
        if not error.sent or isinstance(error, SourceThrottled | SourceAuthError):
            raise
        raise WriteInDoubt(source, error.code) from error
    except GatewayError:
        raise
    except Exception as error:
        # Our own fault, perhaps after the call went out: to say "try again" would be a lie.
        raise WriteInDoubt(source, ErrorCode.INTERNAL_SERVER_ERROR) from error


def _fingerprint(intent: Intent) -> bytes:
    """A hash of what the key stands for, so that bodies need not be kept."""
    encoded = msgspec.json.encode((intent.operation, intent.source, intent.input), order="sorted")
    return hashlib.sha256(encoded).digest()
