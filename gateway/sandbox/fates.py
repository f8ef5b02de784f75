"""What befalls a request, by the dial and by seeded draws: it decides, `exchange.py` acts."""

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from gateway.sandbox.faults import LATENCY_AT_MOST_S, OF_READS_ALONE, Faults, Mishap

_T = TypeVar("_T")
_AWAY = Faults(mishaps={Mishap.RESET_BEFORE: 1}, read_mishaps={Mishap.RESET_BEFORE: 1})


@dataclass(frozen=True, slots=True)
class Draws:
    """A service's randomness: a stream for each thing, so turning one dial leaves the others' as they were.

    Attributes:
        errors: For latency, and one number for each request that could meet an error.
        mishaps: One number for each request that one of `mishaps` could befall: so the nth write meets the
            same one whatever else was asked or dialled.
        reads: The same for `read_mishaps`.
        details: Where a shape is wrong, and whether a 429 has its header.
    """

    errors: random.Random
    mishaps: random.Random
    reads: random.Random
    details: random.Random


@dataclass(frozen=True, slots=True)
class Fate:
    """What befalls one request.

    Attributes:
        mishap: None where nothing does.
        status: That of an error.
        detail: 0 to below 1: which of many equal possibilities, where the mishap has such.
    """

    mishap: Mishap | None
    status: int = 500
    detail: float = 0.0


def in_force(faults: Faults, since_s: float) -> Faults:
    """The dial that counts now.

    Args:
        faults: The dial as it was set.
        since_s: How long ago its flapping was set.
    """
    if not faults.flap_down_s:
        return faults
    if since_s % (faults.flap_up_s + faults.flap_down_s) < faults.flap_up_s:
        return faults
    return faults.while_down or _AWAY


def delay_s(faults: Faults, draw: random.Random) -> float:
    """How long a request waits before anything else happens."""
    if not faults.latency_ms:
        return 0.0
    if not faults.latency_sigma:
        return faults.latency_ms / 1000
    drawn_ms = draw.lognormvariate(math.log(faults.latency_ms), faults.latency_sigma)
    return min(drawn_ms / 1000, LATENCY_AT_MOST_S)


def fate_of(faults: Faults, *, is_write: bool, is_later_page: bool, draws: Draws) -> Fate:
    """Decide what befalls a request.

    Args:
        faults: The dial that counts now.
        is_write: Whether the request changes the service's data.
        is_later_page: Whether it asks for a page of a list other than the first.
        draws: Drawn from only where something depends on it.
    """
    if faults.timeout:
        return Fate(Mishap.TIMEOUT_BEFORE)
    if faults.throttle:
        return _in_detail(Mishap.THROTTLED, faults, draws)
    if faults.error_rate or faults.errors:
        status = _drawn(_errors(faults), draws.errors)
        if status is not None:
            return Fate(Mishap.ERROR_BEFORE, status=status)
    mishap = _mishap(faults, is_write=is_write, draws=draws)
    if mishap in OF_READS_ALONE and not is_later_page:
        mishap = None
    if mishap is None and faults.malformed_json:
        mishap = Mishap.MALFORMED_JSON
    return _in_detail(mishap, faults, draws)


def _errors(faults: Faults) -> dict[int, float]:
    also = faults.errors.get(faults.error_status, 0.0)
    return {**faults.errors, faults.error_status: faults.error_rate + also}


def _mishap(faults: Faults, *, is_write: bool, draws: Draws) -> Mishap | None:
    if faults.read_mishaps and not is_write:
        name = _drawn(faults.read_mishaps, draws.reads)
    elif faults.mishaps and (is_write or not faults.only_writes):
        name = _drawn(faults.mishaps, draws.mishaps)
    else:
        return None
    return None if name is None else Mishap(name)


def _drawn(shares: Mapping[_T, float], draw: random.Random) -> _T | None:
    """One of those that share a request between them, or none; one number is drawn."""
    left = draw.random()
    for each, share in shares.items():
        left -= share
        if left < 0:
            return each
    return None


def _in_detail(mishap: Mishap | None, faults: Faults, draws: Draws) -> Fate:
    is_open = mishap is Mishap.WRONG_SHAPE or (
        mishap is Mishap.THROTTLED and faults.retry_after_s is not None and faults.retry_after_share < 1
    )
    return Fate(mishap, status=faults.error_status, detail=draws.details.random() if is_open else 0.0)
