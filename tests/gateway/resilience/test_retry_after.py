from datetime import UTC, datetime

import pytest

from gateway.resilience.retry_after import retry_after_s
from tests.gateway.resilience.transports import status

_NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        (" 7 ", 7.0),
        ("Sun, 01 Mar 2026 12:01:30 GMT", 90.0),
        ("Sun, 01 Mar 2026 13:01:30 +0100", 90.0),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0.0),
        ("Sun, 01 Mar 2026 12:01:30 -0000", None),
        ("Sun, 01 Mar 99999 12:01:30 GMT", None),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
    ],
)
def test_it_holds_seconds_or_a_date(header: str, seconds: float | None) -> None:
    assert retry_after_s(status(429, retry_after=header), _NOW) == seconds


def test_it_may_be_missing() -> None:
    assert retry_after_s(status(429), _NOW) is None
