"""A source's cache, in two layers: what is looked up in it around a flight, and what is done within one.

The flight fills it, not those who wait for it: so an answer that came too late for all of them serves the
next.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from gateway.domain.deadline import Monotonic
from gateway.domain.errors import SourceOverloaded, SourceTimeout, SourceUnavailable
from gateway.resilience.cache_store import CacheStore, Entry
from gateway.resilience.freshness import age_s, usable
from gateway.resilience.sharing import Key, asks_anew, sharing_key
from gateway.resilience.stats import Event, Listener, nobody
from gateway.transport import Call, Reply, Transport

_OK = 200
_NOT_MODIFIED = 304
_THROTTLED = 429
_SPARED_S = 1.0


def default_ttl_s(call: Call) -> float:  # noqa: ARG001 - a policy's signature
    """The same for every endpoint: enough to serve a burst of operations about one object."""
    return 2.0


@dataclass(frozen=True, slots=True)
class CacheOptions:
    """How long answers are kept.

    Attributes:
        ttl_s: For how long an endpoint's answer is fresh; 0 keeps it not at all.
        max_stale_s: How long after that it may stand in where the source fails.
    """

    ttl_s: Callable[[Call], float] = default_ttl_s
    max_stale_s: float = 60.0


class CacheLookup:
    """Answers a read from the store while the answer there is fresh.

    A write voids what was read before it.
    """

    def __init__(
        self,
        inner: Transport,
        store: CacheStore,
        *,
        now: Monotonic = time.monotonic,
        listener: Listener = nobody,
    ) -> None:
        self._inner = inner
        self._store = store
        self._now = now
        self._listener = listener

    async def send(self, call: Call) -> Reply:
        """See `Transport.send`."""
        if not call.safe:
            return await self._write(call)
        key = sharing_key(call)
        if key is not None and not asks_anew(call):
            entry, now_s = self._store.get(key), self._now()
            if entry is not None and entry.is_fresh(now_s):
                self._listener(Event.HIT)
                return replace(entry.reply, age_s=now_s - entry.began_s)
            if entry is not None and entry.is_all_there_is(now_s):
                self._listener(Event.STALE)
                return replace(entry.reply, age_s=now_s - entry.began_s, stale=True)
        return await self._inner.send(call)

    async def _write(self, call: Call) -> Reply:
        generations = self._store.generations
        void_below = generations.void_below
        try:
            with generations.writing():
                return await self._inner.send(call)
        finally:
            if generations.void_below != void_below:
                self._store.clear()

    async def close(self) -> None:
        """Forget everything, and close what is inside."""
        self._store.clear()
        await self._inner.close()


class CacheFill:
    """Keeps what the source answers, asks it whether that still holds, and makes do with it where it fails.

    Only 200 answers to safe calls are kept. Another definite answer, such as 404, ends what was kept.
    """

    def __init__(
        self,
        inner: Transport,
        store: CacheStore,
        options: CacheOptions,
        *,
        now: Monotonic = time.monotonic,
        listener: Listener = nobody,
    ) -> None:
        self._inner = inner
        self._store = store
        self._options = options
        self._now = now
        self._listener = listener

    async def send(self, call: Call) -> Reply:
        """See `Transport.send`."""
        key = sharing_key(call)
        if key is None or self._options.ttl_s(call) <= 0:
            return await self._inner.send(call)
        generation, began_s = self._store.generations.current(), self._now()
        known = None if asks_anew(call) else self._store.get(key)
        try:
            reply = await self._inner.send(_asking_whether(known, call))
        except (SourceUnavailable, SourceTimeout, SourceOverloaded):
            stale = self._make_do(key, known)
            if stale is None:
                raise
            return stale
        if reply.status >= 500:
            return self._make_do(key, known) or reply
        if reply.status == _NOT_MODIFIED and known is not None and known.usable.validators:
            # Section 4.3.4: what it says anew counts, the rest stands.
            reply = Reply(_OK, {**known.reply.headers, **reply.headers}, known.reply.body)
            self._listener(Event.REVALIDATED)
        if reply.status == _OK:
            reply = replace(reply, forget=partial(self._store.drop, key))
        self._keep(key, call, reply, generation=generation, began_s=began_s)
        return reply

    def _keep(self, key: Key, call: Call, reply: Reply, *, generation: int, began_s: float) -> None:
        if reply.status == _THROTTLED:
            return
        now_s = self._now()
        how = None
        if reply.status == _OK:
            options = self._options
            how = usable(
                call,
                reply,
                ttl_s=options.ttl_s(call),
                max_stale_s=options.max_stale_s,
                took_s=now_s - began_s,
            )
        if how is None:
            self._store.drop(key)
        else:
            self._store.put(key, Entry(reply, how, generation, began_s - age_s(reply), now_s), now_s)

    def stand_in(self, call: Call) -> Reply | None:
        """What may be used if the source's own answer can't be waited for."""
        key, now_s = sharing_key(call), self._now()
        if key is None or asks_anew(call):
            return None
        known = self._store.get(key)
        if known is not None and known.is_fresh(now_s):
            self._listener(Event.HIT)
            return replace(known.reply, age_s=now_s - known.began_s)
        return self._stale(known)

    def _make_do(self, key: Key, known: Entry | None) -> Reply | None:
        """Use what was known, and spare the source that has failed the same question for a moment."""
        stale, now_s = self._stale(known), self._now()
        if known is not None and stale is not None:
            self._store.put(key, replace(known, spared_until_s=now_s + _SPARED_S), now_s)
        return stale

    def _stale(self, known: Entry | None) -> Reply | None:
        """What was known, if it may be used now that the source has failed."""
        now_s = self._now()
        if known is None or not known.is_tolerable(now_s):
            return None
        if not self._store.generations.holds(known.generation):
            return None
        self._listener(Event.STALE)
        return replace(known.reply, age_s=now_s - known.began_s, stale=True)

    async def close(self) -> None:
        """Close what is inside."""
        await self._inner.close()


def _asking_whether(known: Entry | None, call: Call) -> Call:
    """The call with the validators of what is known (section 4.3.1)."""
    if known is None or not known.usable.validators:
        return call
    return replace(call, headers={**call.headers, **known.usable.validators})
