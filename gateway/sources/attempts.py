"""What adapters share about a write's attempt: the baseline's form, and how far clocks may differ."""

from datetime import datetime, timedelta
from typing import TypeVar

import msgspec

from gateway.domain.writes import Attempt

T = TypeVar("T")

# A source's clock is not ours, so an object of ours may seem to be that much older than its write.
_CLOCK_MARGIN = timedelta(minutes=5)


def begun(attempt: Attempt) -> datetime:
    """The earliest moment that a source may show as the one at which the write was applied."""
    return attempt.since - _CLOCK_MARGIN


def encode(baseline: msgspec.Struct) -> str:
    """A baseline as the ledger keeps it."""
    return msgspec.json.encode(baseline).decode()


def decode(attempt: Attempt, into: type[T]) -> T | None:
    """The attempt's baseline; None if there is none, or none of this form."""
    try:
        return None if attempt.baseline is None else msgspec.json.decode(attempt.baseline, type=into)
    except msgspec.DecodeError:
        return None
