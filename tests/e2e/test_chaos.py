"""A write reaches the customer once: the chaos test in short. `make chaos` has the long one."""

import asyncio

from tests.chaos.report import lines
from tests.chaos.run import run, short


def test_no_write_is_lost_told_wrongly_or_sent_twice_while_everything_fails() -> None:
    result = asyncio.run(run(short(160), seed=1))
    assert result.events["kills"] == 1
    assert result.violations == [], "\n".join(lines(result))
