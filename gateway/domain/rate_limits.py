"""How much a caller may ask for in a span of time."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Quota:
    """So many at once, and as many again in so many seconds, a few at a time.

    Attributes:
        name: What is counted, such as `requests`.
        burst: How many at once.
        refill_s: How long it takes from nothing to all of it.
    """

    name: str
    burst: int
    refill_s: float

    @classmethod
    def per_minute(cls, name: str, count: int, *, burst: int) -> "Quota":
        """So many a minute in the long run, and `burst` at once."""
        return cls(name, burst, 60 * burst / count)


@dataclass(frozen=True, slots=True)
class Balance:
    """What is left to a caller of a quota.

    Attributes:
        quota: Of which.
        left: How many may be had now.
        wait_s: Until there is one again, if there is none; else until all of them are there.
    """

    quota: Quota
    left: int
    wait_s: float


@dataclass(frozen=True, slots=True)
class Standing:
    """How a caller stands: whether this request may be served, and what is left of each quota."""

    admitted: bool
    balances: tuple[Balance, ...]

    @property
    def retry_after_s(self) -> float:
        """How long to wait until a request may be served."""
        return max((each.wait_s for each in self.balances if each.left == 0), default=0.0)


class RateLimiter(Protocol):
    """Counts what callers ask for. A caller is a text: a principal's subject, or an address."""

    async def admit(self, caller: str) -> Standing:
        """Count a request, if it may be served; one that may not costs nothing."""

    async def charge(self, caller: str, calls: int) -> Standing:
        """Count REST calls that a request has caused: who owes some waits."""
