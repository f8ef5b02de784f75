"""Nobody sees another's data: the run of `python -m tests.identity` in short.

Nothing here depends on how fast the machine is: it goes on until all has happened that could give it away.
"""

import asyncio

from tests.identity.report import lines
from tests.identity.run import run


def test_no_byte_of_one_callers_data_is_in_anothers_answer_log_line_or_ledger_row() -> None:
    result = asyncio.run(run(seed=1, answers=300, for_s=30, at_most_s=300))
    assert (result.findings, result.missing) == ([], []), "\n".join(lines(result))
