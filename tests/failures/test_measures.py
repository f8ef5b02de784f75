"""Numbers out of a run."""

from collections import Counter

import pytest

from tests.failures.measures import allowed_repeats, percentile, repeats


@pytest.mark.parametrize(("share", "expected"), [(0.5, 2.0), (0.75, 3.0), (0.99, 4.0), (0.0, 1.0)])
def test_a_percentile_is_one_of_the_values(share: float, expected: float) -> None:
    assert percentile([3.0, 1.0, 4.0, 2.0], share) == expected


def test_nothing_has_no_percentile() -> None:
    assert percentile([], 0.5) is None


def test_only_calls_beyond_what_was_wanted_of_the_source_are_repeated() -> None:
    a, b, log_in, other = ("tulo", "a"), ("tulo", "b"), ("tulo", "log in"), ("thulium", "a")
    arrived = Counter({a: 3, b: 1, log_in: 5, other: 9})
    assert repeats(arrived, Counter({a: 1, b: 2, other: 1}), "tulo") == 2


@pytest.mark.parametrize(
    ("calls", "seconds", "expected"), [(10, 2.0, 3), (100, 2.0, 10.0), (10, 12.0, 6), (0, 0.5, 3)]
)
def test_a_tenth_may_be_repeated_and_a_few_in_any_case(calls: int, seconds: float, expected: float) -> None:
    assert allowed_repeats(calls, seconds) == expected
