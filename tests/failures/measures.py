"""Numbers out of a run. Pure."""

import math
from collections import Counter
from collections.abc import Sequence


def percentile(values: Sequence[float], share: float) -> float | None:
    """The smallest value that so large a share does not exceed; None of nothing."""
    if not values:
        return None
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def repeats(arrived: Counter[tuple[str, str]], wanted: Counter[tuple[str, str]], source: str) -> int:
    """How many calls a source got beyond those that the operations cause without any retry.

    Only calls that are wanted at all can be repeated: a log-in, or a further page, is no retry.
    """
    return sum(
        max(0, count - wanted[call])
        for call, count in arrived.items()
        if call[0] == source and wanted[call] > 0
    )


# A quiet source may have so many retries in this time, whatever its traffic (`budget.py`).
FLOOR = 3
WINDOW_S = 10.0


def allowed_repeats(calls: int, seconds: float) -> float:
    """How many retries are no storm.

    Args:
        calls: That were wanted meanwhile and in the 10 s before, which the budget looks at as a whole.
        seconds: How long it was.
    """
    return max(0.1 * calls, FLOOR * math.ceil(seconds / WINDOW_S))
