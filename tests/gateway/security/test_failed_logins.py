import json
from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from gateway.domain.errors import RateLimited
from gateway.observability.logs import configure_logs
from gateway.observability.redaction import Redactor, hide, reset
from gateway.security.failed_logins import FailedLogins


@pytest.fixture(autouse=True)
def _logs() -> None:
    configure_logs()


class Timed:
    """Failures at moments that a test sets."""

    def __init__(self, per_minute: int = 10, memory: int = 10_000) -> None:
        self.now_s = 1000.0
        self.failures = FailedLogins(per_minute, memory=memory, now=lambda: self.now_s)

    def fail(self, address: str, times: int = 1) -> None:
        with capture_logs():
            for _ in range(times):
                self.failures.add(address)

    def wait_s(self, address: str) -> float:
        """How long an address has to wait."""
        try:
            self.failures.check(address)
        except RateLimited as error:
            return round(error.retry_after_s, 6)
        return 0


def test_so_many_may_fail_and_then_one_for_each_that_is_paid_off() -> None:
    timed = Timed()
    timed.fail("192.0.2.1", 9)
    assert timed.wait_s("192.0.2.1") == 0
    timed.fail("192.0.2.1")
    assert timed.wait_s("192.0.2.1") == 6
    timed.now_s += 5
    assert timed.wait_s("192.0.2.1") == 1
    timed.now_s += 1
    assert timed.wait_s("192.0.2.1") == 0
    timed.fail("192.0.2.1")
    assert timed.wait_s("192.0.2.1") == 6
    timed.now_s += 60
    timed.fail("192.0.2.1", 9)
    assert timed.wait_s("192.0.2.1") == 0


def test_an_hour_of_guessing_gets_no_more_than_ten_a_minute() -> None:
    timed = Timed()
    tried = 0
    for _ in range(3600):
        if timed.wait_s("192.0.2.1") == 0:
            timed.fail("192.0.2.1")
            tried += 1
        timed.now_s += 1
    assert tried == 10 + 599


def test_many_that_fail_together_do_not_shut_an_address_out_for_long() -> None:
    timed = Timed()
    timed.fail("192.0.2.1", 5000)
    assert timed.wait_s("192.0.2.1") == 6


def test_asking_too_soon_makes_nobody_wait_longer() -> None:
    timed = Timed()
    timed.fail("192.0.2.1", 10)
    for _ in range(100):
        assert timed.wait_s("192.0.2.1") == 6
    assert (timed.failures.failed, timed.failures.refused) == (10, 100)


@pytest.mark.parametrize(
    ("address", "other", "together"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("unknown", "192.0.2.1", False),
        ("not:an:address", "not:an:address", True),
    ],
)
def test_what_one_caller_can_choose_from_counts_as_one(address: str, other: str, together: bool) -> None:
    timed = Timed()
    timed.fail(address, 10)
    assert (timed.wait_s(other) > 0) is together


def test_the_memory_is_bounded_and_the_longest_without_a_failure_goes_first() -> None:
    timed = Timed(memory=3)
    for address in ("a", "b", "c"):
        timed.fail(address, 10)
    timed.fail("a")
    timed.fail("d", 10)
    assert [timed.wait_s(each) > 0 for each in ("a", "b", "c", "d")] == [True, False, True, True]


def test_a_line_a_minute_tells_how_many_failed_from_an_address() -> None:
    timed = Timed()
    with capture_logs() as said:
        for seconds in (0, 1, 1, 58, 0, 61):
            timed.now_s += seconds
            timed.failures.add("192.0.2.1")
        timed.failures.add("2001:db8::7")
    line = {"event": "login_failed", "log_level": "warning"}
    assert said == [
        {**line, "client_address": "192.0.2.1", "failures": 1},
        {**line, "client_address": "192.0.2.1", "failures": 3},
        {**line, "client_address": "192.0.2.1", "failures": 2},
        {**line, "client_address": "2001:db8::/64", "failures": 1},
    ]


def test_the_limit_is_the_one_that_is_configured() -> None:
    limits: list[Callable[[], Timed]] = [lambda: Timed(1), lambda: Timed(600)]
    for make, allowed, wait_s in zip(limits, (1, 600), (60, 0.1), strict=True):
        timed = make()
        timed.fail("a", allowed - 1)
        assert timed.wait_s("a") == 0
        timed.fail("a")
        assert timed.wait_s("a") == wait_s


def test_a_credential_that_looks_like_the_line_hides_nothing_of_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logs(Redactor(()))
    hidden = hide("192.0.2.1", "login_failed")
    try:
        FailedLogins(10).add("192.0.2.1")
    finally:
        reset(hidden)
    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["client_address"], line["failures"]) == ("login_failed", "192.0.2.1", 1)
