import pytest

from gateway.domain.errors import ErrorCode
from gateway.domain.rate_limits import Balance, Quota, Standing
from gateway.http.problems import HttpProblem
from gateway.http.rate_limited import RateLimits, headers_of, rate_limited
from gateway.security.limit_settings import RateSettings
from gateway.security.rate_limit import MemoryRateLimiter

POLICY = '"requests";q=2;w=4, "source-calls";q=10;w=5'


def limits() -> RateLimits:
    settings = RateSettings(
        requests_per_minute=30, requests_at_once=2, calls_per_minute=120, calls_at_once=10
    )
    return RateLimits(MemoryRateLimiter(settings, clock=lambda: 0.0))


async def test_good_answers_say_what_is_left() -> None:
    assert await limits().admit("ann") == {
        "RateLimit-Policy": POLICY,
        "RateLimit": '"requests";r=1;t=2, "source-calls";r=10;t=1',
    }


async def test_a_caller_that_must_wait_is_told_how_long() -> None:
    asked = limits()
    await asked.admit("ann")
    await asked.admit("ann")
    with pytest.raises(HttpProblem) as refused:
        await asked.admit("ann")
    problem = refused.value
    assert (problem.status, problem.code, problem.message, problem.headers) == (
        429,
        ErrorCode.RATE_LIMITED,
        "Your quota of requests is used up for now. Try again in 2 s.",
        {
            "Retry-After": "2",
            "RateLimit-Policy": POLICY,
            "RateLimit": '"requests";r=0;t=2, "source-calls";r=10;t=1',
        },
    )


async def test_calls_are_charged_when_they_have_been_made() -> None:
    asked = limits()
    await asked.admit("ann")
    assert await asked.charge("ann", 30) == {
        "RateLimit-Policy": POLICY,
        "RateLimit": '"requests";r=1;t=2, "source-calls";r=0;t=11',
    }
    with pytest.raises(HttpProblem) as refused:
        await asked.admit("ann")
    assert refused.value.message == "Your quota of source-calls is used up for now. Try again in 11 s."
    assert refused.value.headers["Retry-After"] == "11"


async def test_without_a_limiter_there_is_no_limit_and_no_header() -> None:
    asked = RateLimits(None)
    assert [await asked.admit("ann") for _ in range(1_000)] == [{}] * 1_000
    assert await asked.charge("ann", 1_000_000) == {}


def test_nobody_is_asked_back_too_early() -> None:
    quota = Quota("requests", 100, 10.0)
    standing = Standing(False, (Balance(quota, 0, 0.05),))
    assert headers_of(standing)["RateLimit"] == '"requests";r=0;t=1'
    assert rate_limited(standing).retry_after_s == 0.05
    assert rate_limited(standing).retryable
