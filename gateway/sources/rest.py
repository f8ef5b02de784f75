"""One call to a REST API and back: statuses and decoding. Clients hold one of these."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

import msgspec

from gateway.domain.clock import Clock
from gateway.domain.errors import (
    Refusal,
    SourceAuthError,
    SourceError,
    SourceProtocolError,
    SourceRejected,
    SourceThrottled,
    SourceUnavailable,
)
from gateway.domain.ids import Ref
from gateway.domain.ports import Slot
from gateway.domain.records import Fetched, OriginKind
from gateway.resilience.retry_after import retry_after_s
from gateway.transport import Call, Reply, Transport

T = TypeVar("T")

_UNAUTHORIZED = 401
_FORBIDDEN = 403
_NOT_FOUND = frozenset({404})
_THROTTLED = 429


class Rest:
    """Sends calls to one source and turns what comes back into values or our errors.

    `explain` reads the source's own error body into refusals.
    """

    def __init__(
        self,
        source: str,
        transport: Transport,
        *,
        clock: Clock,
        explain: Callable[[Reply], tuple[Refusal, ...]],
    ) -> None:
        self.source = source
        self._transport = transport
        self._clock = clock
        self._explain = explain

    async def send(self, call: Call) -> Reply:
        """Send a call and return its 2xx reply.

        Raises:
            SourceAuthError: 401, or 403 to a read.
            SourceThrottled: 429.
            SourceUnavailable: 5xx, or no connection.
            SourceTimeout: No answer in time.
            SourceRejected: Any other 4xx, with the source's reasons.
            SourceProtocolError: A redirect, or something that isn't HTTP.
        """
        return self._accept(call, await self._transport.send(call))

    async def find(self, call: Call, *, missing: frozenset[int] = _NOT_FOUND) -> Reply | None:
        """Like `send`, but None for the statuses that say that there is no such record."""
        reply = await self._transport.send(call)
        return None if reply.status in missing else self._accept(call, reply)

    def decode(self, reply: Reply, into: type[T]) -> T:
        """Decode a JSON body in one pass.

        Raises:
            SourceProtocolError: It isn't JSON or not of this shape; `json_path` says where.
        """
        try:
            return msgspec.json.decode(reply.body, type=into, strict=False)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            if reply.forget is not None:
                reply.forget()
            raise self._nonsense(error) from error

    def _nonsense(self, error: Exception) -> SourceProtocolError:
        if not isinstance(error, msgspec.ValidationError):
            return SourceProtocolError(self.source, detail="not JSON", json_path="$")
        # msgspec ends its text with "- at `$.path`" unless the top level itself is wrong, and quotes
        # what it found in place of an enum's member.
        text, at, path = str(error).rpartition(" - at `")
        message = (text if at else path).partition(" '")[0]
        return SourceProtocolError(
            self.source, detail=message, json_path=path.replace("`", "") if at else "$"
        )

    def fetched(self, reply: Reply | None) -> Fetched:
        """When and how a reply came, for the records that are made of it.

        None, as `find` gives it, is the source's own word: no cache keeps that there is no such record.
        """
        now = self._clock()
        if reply is None or reply.age_s is None:
            return Fetched(now)
        return Fetched(now - timedelta(seconds=reply.age_s), OriginKind.CACHE, stale=reply.stale)

    def _accept(self, call: Call, reply: Reply) -> Reply:
        if 200 <= reply.status < 300:
            return reply
        raise self._error(call, reply)

    def _error(self, call: Call, reply: Reply) -> SourceError:
        detail = f"{call.operation}: {reply.status}"
        if reply.status == _THROTTLED:
            return SourceThrottled(
                self.source,
                detail=detail,
                retry_after_s=retry_after_s(reply, self._clock()),
            )
        if reply.status >= 500:
            return SourceUnavailable(self.source, detail=detail)
        if reply.status < 400:
            return SourceProtocolError(self.source, detail=detail)
        if reply.status == _UNAUTHORIZED or (call.safe and reply.status == _FORBIDDEN):
            return SourceAuthError(self.source, detail=detail)
        return SourceRejected(self.source, self._explain(reply), detail=detail)


def fresh(call: Call) -> Call:
    """The same read, to be answered by the source itself: around a write, nothing that remembers will do.

    Said as to any cache (RFC 9111, section 5.2.1.4), those between us and the source included.
    """
    return replace(call, headers={**call.headers, "cache-control": "no-cache"})


async def each(read: Callable[[Ref], Awaitable[T | None]], refs: Sequence[Ref]) -> list[Slot[T]]:
    """Read several records of a source that only gives them one by one, all at once.

    One record's SourceError fills its own slot and leaves the others alone.
    """

    async def slot(ref: Ref) -> Slot[T]:
        try:
            return await read(ref)
        except SourceError as error:
            return error

    return list(await asyncio.gather(*map(slot, refs)))
