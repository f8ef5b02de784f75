"""Rate limits over HTTP: 429 answers, and headers that tell a caller what is left.

Headers: https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/11/ (read in November 2026)
"""

import math
from collections.abc import Mapping

from gateway.domain.errors import ErrorCode, RateLimited
from gateway.domain.rate_limits import RateLimiter, Standing
from gateway.http.problems import HttpProblem

_NO_HEADERS: Mapping[str, str] = {}


class RateLimits:
    """Admits requests and charges their calls; without a limiter there is no limit."""

    def __init__(self, limiter: RateLimiter | None) -> None:
        self._limiter = limiter

    async def admit(self, caller: str) -> Mapping[str, str]:
        """Count a request; the headers say what is left.

        Raises:
            HttpProblem: 429, it may not be served now.
        """
        if self._limiter is None:
            return _NO_HEADERS
        standing = await self._limiter.admit(caller)
        if not standing.admitted:
            raise too_many_requests(standing)
        return headers_of(standing)

    async def charge(self, caller: str, calls: int) -> Mapping[str, str]:
        """Count the calls of a request that was served; the headers say what is left."""
        if self._limiter is None:
            return _NO_HEADERS
        return headers_of(await self._limiter.charge(caller, calls))


def too_many_requests(standing: Standing) -> HttpProblem:
    """The answer to a caller that must wait."""
    error = rate_limited(standing)
    return HttpProblem(
        429,
        error.message,
        ErrorCode.RATE_LIMITED,
        {"Retry-After": str(_seconds(error.retry_after_s)), **headers_of(standing)},
    )


def rate_limited(standing: Standing) -> RateLimited:
    """The same as an error, for a graph's answer."""
    wait_s = standing.retry_after_s
    used = " and ".join(each.quota.name for each in standing.balances if each.left == 0)
    return RateLimited(
        f"Your quota of {used} is used up for now. Try again in {_seconds(wait_s)} s.", retry_after_s=wait_s
    )


def headers_of(standing: Standing) -> dict[str, str]:
    """What the quotas are and what is left of them.

    `r` over `t` is never faster than the quota: `t` tells when all of it is back, or, where nothing is
    left, when something is, which is what `Retry-After` says too.
    """
    policies = (
        f'"{each.quota.name}";q={each.quota.burst};w={_seconds(each.quota.refill_s)}'
        for each in standing.balances
    )
    left = (f'"{each.quota.name}";r={each.left};t={_seconds(each.wait_s)}' for each in standing.balances)
    return {"RateLimit-Policy": ", ".join(policies), "RateLimit": ", ".join(left)}


def _seconds(span_s: float) -> int:
    """Whole seconds, and never none: waiting for less would be too early."""
    return max(1, math.ceil(span_s))
