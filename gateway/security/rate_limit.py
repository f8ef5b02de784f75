"""Rate limits in this process' memory: a bucket per caller and quota, each a single number.

That number is the moment when the bucket is full again (the generic cell rate algorithm's "theoretical
arrival time", ITU-T I.371): what is taken moves it on, and time alone brings it back. A full bucket is worth
nothing to remember, so callers who have long been quiet are forgotten, and nobody else is.
"""

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable

from gateway.domain.rate_limits import Balance, Quota, Standing
from gateway.security.limit_settings import RateSettings

ADDRESS = "address:"
# How many callers are looked at, for a new one, to find one that may be forgotten.
_LOOKS = 4


class _Bucket:
    """One caller's share of one quota."""

    __slots__ = ("_full_at", "_quota", "_step_s")

    def __init__(self, quota: Quota, now_s: float) -> None:
        self._quota = quota
        self._step_s = quota.refill_s / quota.burst
        self._full_at = now_s

    def missing_s(self, now_s: float) -> float:
        """How long until it is full."""
        return max(0.0, self._full_at - now_s)

    def take(self, count: int, now_s: float) -> None:
        self._full_at = max(self._full_at, now_s) + count * self._step_s

    def left(self, now_s: float) -> int:
        """How many there are to take. A hair's breadth is forgiven: these are sums of fractions."""
        return max(0, math.floor((self._quota.refill_s - self.missing_s(now_s)) / self._step_s + 1e-6))

    def balance(self, now_s: float) -> Balance:
        left, missing_s = self.left(now_s), self.missing_s(now_s)
        wait_s = missing_s if left else missing_s - self._quota.refill_s + self._step_s
        return Balance(self._quota, left, wait_s)


class _Caller:
    """What one caller has taken."""

    __slots__ = ("_calls", "_requests")

    def __init__(self, requests: Quota, calls: Quota, now_s: float) -> None:
        self._requests = _Bucket(requests, now_s)
        self._calls = _Bucket(calls, now_s)

    def admit(self, now_s: float) -> Standing:
        admitted = self._requests.left(now_s) > 0 and self._calls.left(now_s) > 0
        if admitted:
            self._requests.take(1, now_s)
        return self._standing(now_s, admitted=admitted)

    def charge(self, calls: int, now_s: float) -> Standing:
        self._calls.take(calls, now_s)
        return self._standing(now_s, admitted=True)

    def is_quiet(self, now_s: float) -> bool:
        """Whether nothing would be lost if it were forgotten."""
        return self._requests.missing_s(now_s) == 0 and self._calls.missing_s(now_s) == 0

    def _standing(self, now_s: float, *, admitted: bool) -> Standing:
        return Standing(admitted, (self._requests.balance(now_s), self._calls.balance(now_s)))


class _Callers:
    """A bounded number of callers, the one first that was not seen the longest.

    While none of them may be forgotten, new ones share one place.
    """

    def __init__(self, requests: Quota, calls: Quota, most: int) -> None:
        self._requests = requests
        self._calls = calls
        self._most = most
        self._known: OrderedDict[str, _Caller] = OrderedDict()
        self._others = _Caller(requests, calls, -math.inf)

    def __len__(self) -> int:
        return len(self._known)

    def get(self, name: str, now_s: float) -> _Caller:
        known = self._known.get(name)
        if known is not None:
            self._known.move_to_end(name)
            return known
        if len(self._known) >= self._most and not self._forget_one(now_s):
            return self._others
        found = self._known[name] = _Caller(self._requests, self._calls, now_s)
        return found

    def _forget_one(self, now_s: float) -> bool:
        for _ in range(_LOOKS):
            name, oldest = next(iter(self._known.items()))
            if oldest.is_quiet(now_s):
                del self._known[name]
                return True
            self._known.move_to_end(name)
        return False


class MemoryRateLimiter:
    """A `RateLimiter` of one process: with several, each grants as much again.

    Addresses have a table of their own, so that strangers, however many, never crowd out a principal.
    """

    def __init__(self, settings: RateSettings, clock: Callable[[], float] = time.monotonic) -> None:
        """Make it with every bucket full.

        Args:
            settings: How much, and how many callers are remembered.
            clock: Seconds that only grow.
        """
        requests = Quota.per_minute("requests", settings.requests_per_minute, burst=settings.requests_at_once)
        calls = Quota.per_minute("source-calls", settings.calls_per_minute, burst=settings.calls_at_once)
        self._principals = _Callers(requests, calls, settings.max_callers)
        self._addresses = _Callers(requests, calls, settings.max_callers)
        self._clock = clock

    @property
    def remembered(self) -> int:
        """How many callers take up room."""
        return len(self._principals) + len(self._addresses)

    async def admit(self, caller: str) -> Standing:
        """Count a request, if it may be served; one that may not costs nothing."""
        now_s = self._clock()
        return self._of(caller, now_s).admit(now_s)

    async def charge(self, caller: str, calls: int) -> Standing:
        """Count REST calls that a request has caused: who owes some waits."""
        now_s = self._clock()
        return self._of(caller, now_s).charge(calls, now_s)

    def _of(self, caller: str, now_s: float) -> _Caller:
        table = self._addresses if caller.startswith(ADDRESS) else self._principals
        return table.get(caller, now_s)


def caller_at(address: str) -> str:
    """The caller that an address stands for: an IPv6 network of 64 bits is one, as it is given to one.

    Anything that is no address is one caller by itself.
    """
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return f"{ADDRESS}unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return f"{ADDRESS}{parsed.ipv4_mapped}"
        return f"{ADDRESS}{ipaddress.IPv6Address(int(parsed) >> 64 << 64)}/64"
    return f"{ADDRESS}{parsed}"
