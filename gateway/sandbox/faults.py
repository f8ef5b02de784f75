"""The fault dial: how a service misbehaves, on purpose and repeatably. It decides; `exchange.py` acts."""

import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

LATENCY_AT_MOST_S = 60.0
APPLY_AFTER_AT_MOST_S = 86_400.0

ErrorBody = Callable[[int, str], object]


class Mishap(StrEnum):
    """What can befall one request. A request that is carried out may still be refused by the vendor's app."""

    # Nothing was done.
    RESET_BEFORE = "reset_before"  # The connection is ended by a TCP reset.
    TIMEOUT_BEFORE = "timeout_before"  # No answer: it hangs until the client gives up, at most 60 s.
    ERROR_BEFORE = "error_before"  # Answered with `error_status` in the vendor's form.
    THROTTLED = "throttled"  # Answered with 429.
    # It was carried out, and only the answer suffers.
    LOST_ANSWER = "lost_answer"  # The connection is closed (FIN) without a byte of an answer.
    RESET_AFTER = "reset_after"  # The connection is ended by a TCP reset instead of an answer.
    TIMEOUT_AFTER = "timeout_after"  # No answer: it hangs until the client gives up, at most 60 s.
    ERROR_AFTER = "error_after"  # Answered with `error_status` in the vendor's form.
    HALF_ANSWER = "half_answer"  # The whole head and half of the body, then the connection is closed.
    MALFORMED_JSON = "malformed_json"  # A sound HTTP answer whose body is half of the JSON.
    # It is carried out when nobody expects it any more.
    APPLIED_LATE = "applied_late"  # A TCP reset now; it is carried out `apply_after_s` later.


@dataclass(slots=True)
class Faults:
    """One service's dial; the default is a healthy service. Change the fields, or replace the whole object.

    At most one mishap befalls a request. `timeout`, `throttle` and `error_rate` go before `mishaps`, and
    `malformed_json` after them.

    Attributes:
        latency_ms: Every answer comes this much later; the median where `latency_sigma` is set.
        latency_sigma: Above 0 the delay is drawn from a lognormal distribution with this sigma.
        error_rate: Share of requests (0 to 1) refused with `error_status` before they do anything.
        error_status: Any 4xx or 5xx.
        timeout: No answer: the request hangs until the client gives up, at most 60 s, and does nothing.
        malformed_json: The request is carried out and its answer's body is cut in half.
        throttle: Every request is refused with 429 before it does anything.
        retry_after_s: Sent as `Retry-After` with the 429; without it the header is left out.
        mishaps: The name of a mishap to the share of requests that it befalls, such as
            `{"lost_answer": 1}` or `{"reset_before": 0.05, "applied_late": 0.1}`; 1 at most in all.
        only_writes: Mishaps befall only what changes the service's data (`writes.py`), so no log-in and no
            search; False: any request.
        apply_after_s: How long after its reset a write with the mishap `applied_late` is carried out.
    """

    latency_ms: float = 0.0
    latency_sigma: float = 0.0
    error_rate: float = 0.0
    error_status: int = 500
    timeout: bool = False
    malformed_json: bool = False
    throttle: bool = False
    retry_after_s: int | None = None
    mishaps: Mapping[str, float] = field(default_factory=dict)
    only_writes: bool = True
    apply_after_s: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.latency_ms <= LATENCY_AT_MOST_S * 1000:
            raise ValueError("latency_ms must lie between 0 and 60000")
        if not 0 <= self.latency_sigma <= 5:
            raise ValueError("latency_sigma must lie between 0 and 5")
        if not 0 <= self.error_rate <= 1:
            raise ValueError("error_rate must lie between 0 and 1")
        if not 400 <= self.error_status <= 599:
            raise ValueError("error_status must lie between 400 and 599")
        if self.retry_after_s is not None and self.retry_after_s < 0:
            raise ValueError("retry_after_s must not be negative")
        if not 0 <= self.apply_after_s <= APPLY_AFTER_AT_MOST_S:
            raise ValueError("apply_after_s must lie between 0 and 86400")
        self.mishaps = _checked(self.mishaps)


def delay_s(faults: Faults, draw: random.Random) -> float:
    """How long a request waits before anything else happens."""
    if not faults.latency_ms:
        return 0.0
    if not faults.latency_sigma:
        return faults.latency_ms / 1000
    drawn_ms = draw.lognormvariate(math.log(faults.latency_ms), faults.latency_sigma)
    return min(drawn_ms / 1000, LATENCY_AT_MOST_S)


def mishap_for(
    faults: Faults, *, is_write: bool, draw: random.Random, mishap_draw: random.Random
) -> Mishap | None:
    """Decide what befalls a request.

    Args:
        faults: The dial as it stands now.
        is_write: Whether the request changes the service's data.
        draw: For `error_rate`.
        mishap_draw: For `mishaps` alone, one number for each request that one could befall: so the nth write
            meets the same one whatever else was asked or dialled.
    """
    if faults.timeout:
        return Mishap.TIMEOUT_BEFORE
    if faults.throttle:
        return Mishap.THROTTLED
    if faults.error_rate and draw.random() < faults.error_rate:
        return Mishap.ERROR_BEFORE
    if faults.mishaps and (is_write or not faults.only_writes):
        left = mishap_draw.random()
        for name, share in faults.mishaps.items():
            left -= share
            if left < 0:
                return Mishap(name)
    return Mishap.MALFORMED_JSON if faults.malformed_json else None


def _checked(mishaps: Mapping[str, float]) -> dict[str, float]:
    """The shares in the enum's order, so that equal dials draw equally."""
    if unknown := sorted(set(mishaps) - set(Mishap)):
        raise ValueError(f"mishaps: no such mishap {', '.join(unknown)}; there are {', '.join(Mishap)}")
    for name, share in mishaps.items():
        if not 0 <= share <= 1:
            raise ValueError(f"mishaps: the share of {name} must lie between 0 and 1")
    if (total := math.fsum(mishaps.values())) > 1 + 1e-9:
        raise ValueError(f"mishaps: the shares add up to {total:g}, and a request has one mishap at most")
    return {each.value: mishaps[each] for each in Mishap if each in mishaps}
