from typing import Any

import pytest

from gateway.domain.rate_limits import Balance, Quota, RateLimiter, Standing
from gateway.security.limit_settings import RateSettings
from gateway.security.rate_limit import MemoryRateLimiter, caller_at


class Clock:
    """A clock that stands still."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


REQUESTS = Quota("requests", 4, 2.0)
CALLS = Quota("source-calls", 10, 5.0)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limiter(clock: Clock) -> MemoryRateLimiter:
    return limiter_with(clock)


def limiter_with(clock: Clock, **settings: Any) -> MemoryRateLimiter:
    few = {"requests_per_minute": 120, "requests_at_once": 4, "calls_per_minute": 120, "calls_at_once": 10}
    return MemoryRateLimiter(RateSettings(**{**few, **settings}), clock)


async def admitted(limiter: RateLimiter, caller: str, times: int) -> int:
    return sum([(await limiter.admit(caller)).admitted for _ in range(times)])


async def test_so_many_requests_pass_at_once_and_no_more(limiter: MemoryRateLimiter) -> None:
    assert await admitted(limiter, "ann", 20) == 4


async def test_what_is_left_is_told(limiter: MemoryRateLimiter) -> None:
    assert await limiter.admit("ann") == Standing(True, (Balance(REQUESTS, 3, 0.5), Balance(CALLS, 10, 0.0)))
    await admitted(limiter, "ann", 3)
    refused = await limiter.admit("ann")
    assert refused == Standing(False, (Balance(REQUESTS, 0, 0.5), Balance(CALLS, 10, 0.0)))
    assert refused.retry_after_s == 0.5


async def test_what_is_refused_costs_nothing(limiter: MemoryRateLimiter, clock: Clock) -> None:
    await admitted(limiter, "ann", 1_000)
    clock.now_s += 0.5
    assert await admitted(limiter, "ann", 5) == 1


async def test_waiting_as_long_as_told_suffices(limiter: MemoryRateLimiter, clock: Clock) -> None:
    for _ in range(50):
        standing = await limiter.admit("ann")
        if not standing.admitted:
            clock.now_s += standing.retry_after_s
            assert (await limiter.admit("ann")).admitted


async def test_in_the_long_run_as_many_pass_as_the_rate_says(
    limiter: MemoryRateLimiter, clock: Clock
) -> None:
    passed = 0
    for _ in range(6_000):
        clock.now_s += 0.01
        passed += await admitted(limiter, "ann", 1)
    assert passed == 4 + 120 - 1  # a minute's, and what could be had at once; the last is a moment off


async def test_a_pause_brings_back_no_more_than_can_be_had_at_once(
    limiter: MemoryRateLimiter, clock: Clock
) -> None:
    await admitted(limiter, "ann", 4)
    clock.now_s += 3_600
    assert await admitted(limiter, "ann", 20) == 4


async def test_callers_have_quotas_of_their_own(limiter: MemoryRateLimiter) -> None:
    await admitted(limiter, "ann", 20)
    assert await admitted(limiter, "bob", 20) == 4


async def test_who_has_caused_too_many_calls_waits_until_they_are_paid(
    limiter: MemoryRateLimiter, clock: Clock
) -> None:
    await limiter.admit("ann")
    assert await limiter.charge("ann", 30) == Standing(
        True, (Balance(REQUESTS, 3, 0.5), Balance(CALLS, 0, 10.5))
    )
    clock.now_s += 10.4
    assert not (await limiter.admit("ann")).admitted
    clock.now_s += 0.1
    assert (await limiter.admit("ann")).admitted


async def test_requests_that_run_at_once_are_charged_together(
    limiter: MemoryRateLimiter, clock: Clock
) -> None:
    await admitted(limiter, "ann", 4)
    standings = [await limiter.charge("ann", 10) for _ in range(4)]
    assert standings[-1].retry_after_s == 15.5


async def test_no_calls_cost_nothing(limiter: MemoryRateLimiter) -> None:
    assert (await limiter.charge("ann", 0)).balances[1] == Balance(CALLS, 10, 0.0)


async def test_who_has_used_up_both_waits_for_the_later(limiter: MemoryRateLimiter) -> None:
    await admitted(limiter, "ann", 4)
    assert (await limiter.charge("ann", 30)).retry_after_s == 10.5


async def test_the_number_of_remembered_callers_is_bounded(clock: Clock) -> None:
    limiter = limiter_with(clock, max_callers=100)
    for n in range(1_000):
        await limiter.admit(f"p{n}")
        await limiter.admit(f"address:{n}")
        clock.now_s += 0.001
    assert limiter.remembered == 200


async def test_a_quiet_caller_makes_room_for_a_new_one(clock: Clock) -> None:
    limiter = limiter_with(clock, max_callers=100)
    await admitted(limiter, "first", 4)
    for n in range(99):
        await limiter.admit(f"p{n}")
    clock.now_s += 2.0
    assert (await admitted(limiter, "new", 20), limiter.remembered) == (4, 100)


async def test_nobody_who_has_used_something_up_is_forgotten_however_many_come(clock: Clock) -> None:
    limiter = limiter_with(clock, max_callers=100)
    await admitted(limiter, "address:ann", 4)
    for n in range(10_000):
        await limiter.admit(f"address:{n}")
    assert await admitted(limiter, "address:ann", 20) == 0


async def test_who_owes_calls_is_kept_while_quiet_ones_behind_go(clock: Clock) -> None:
    limiter = limiter_with(clock, max_callers=100)
    await limiter.charge("debtor", 1_000)
    for n in range(99):
        await limiter.admit(f"p{n}")
    clock.now_s += 100
    assert await admitted(limiter, "new", 20) == 4
    assert not (await limiter.admit("debtor")).admitted


async def test_new_ones_share_a_place_while_all_others_are_busy(clock: Clock) -> None:
    limiter = limiter_with(clock, max_callers=100)
    for n in range(100):
        await limiter.admit(f"address:{n}")
    assert sum([await admitted(limiter, f"address:new{n}", 1) for n in range(50)]) == 4
    assert await admitted(limiter, "address:1", 20) == 3


async def test_strangers_do_not_crowd_out_principals(clock: Clock) -> None:
    limiter = limiter_with(clock, max_callers=100)
    for n in range(1_000):
        await limiter.admit(f"address:{n}")
    assert await admitted(limiter, "ann", 20) == 4


@pytest.mark.parametrize(
    ("address", "caller"),
    [
        ("192.0.2.7", "address:192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "address:2001:db8:1:2::/64"),
        ("2001:DB8:1:2::9", "address:2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "address:192.0.2.7"),
        ("fe80::1%eth0", "address:fe80::/64"),
        ("", "address:unknown"),
        ("testclient", "address:unknown"),
        ("192.0.2.7, 192.0.2.8", "address:unknown"),
    ],
)
def test_an_address_is_one_caller_and_so_is_an_ipv6_network(address: str, caller: str) -> None:
    assert caller_at(address) == caller


def test_a_quota_per_minute_says_how_long_its_burst_takes_to_come_back() -> None:
    assert Quota.per_minute("requests", 600, burst=100) == Quota("requests", 100, 10.0)
