"""Nobody sees another's data: the run of `python -m tests.identity` in short.

Nothing here depends on how fast the machine is: it goes on until all has happened that could give it away.
"""

import asyncio

import pytest

from tests.identity.report import lines
from tests.identity.run import run


@pytest.mark.parametrize(("asks_who", "for_s"), [(True, 30), (False, 8)], ids=["log-in", "no log-in"])
def test_no_byte_of_one_callers_data_is_in_anothers_answer_log_line_or_ledger_row(
    asks_who: bool, for_s: float
) -> None:
    result = asyncio.run(run(seed=1, answers=300, for_s=for_s, at_most_s=300, asks_who=asks_who))
    assert (result.findings, result.missing) == ([], []), "\n".join(lines(result))
