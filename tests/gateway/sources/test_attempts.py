"""What adapters share about a write's attempt."""

from datetime import timedelta

import msgspec
import pytest

from gateway.domain.writes import Attempt
from gateway.sources.attempts import begun, decode, encode
from tests.sources import ATTEMPT, REFERENCE


class Before(msgspec.Struct):
    ids: tuple[int, ...]


def test_a_baseline_comes_back_from_the_ledger() -> None:
    baseline = encode(Before((1, 2)))

    assert baseline == '{"ids":[1,2]}'
    assert decode(Attempt(REFERENCE, baseline, ATTEMPT.since), Before) == Before((1, 2))


@pytest.mark.parametrize("baseline", [None, "", "x", "null", "[]", "{}", '{"ids": ["x"]}'])
def test_what_is_no_baseline_is_none(baseline: str | None) -> None:
    assert decode(Attempt(REFERENCE, baseline, ATTEMPT.since), Before) is None


def test_a_write_may_seem_to_be_a_little_older_than_it_is() -> None:
    assert ATTEMPT.since - begun(ATTEMPT) == timedelta(minutes=5)
