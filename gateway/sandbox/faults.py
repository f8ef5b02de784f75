"""The fault dial: what can befall a service's requests, and how far each setting goes.

`fates.py` decides by it what befalls a request, `exchange.py` acts, `dial_json.py` reads and writes it as
JSON and `dial_options.py` from the command line; docs/rehearsing.md explains it to users.
"""

import math
from collections.abc import Callable, Mapping, Sequence
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
    HANG_IN_BODY = "hang_in_body"  # The whole head and half of the body, then silence for at most 60 s.
    SLOW_BODY = "slow_body"  # The head at once, the body drop by drop.
    MALFORMED_JSON = "malformed_json"  # A sound HTTP answer whose body is half of the JSON.
    NOT_JSON = "not_json"  # A sound HTTP answer, status 200, whose body is a page of HTML.
    WRONG_SHAPE = "wrong_shape"  # Sound JSON that breaks the vendor's contract in one place.
    REPEATED_PAGE = "repeated_page"  # A later page of a list begins with the end of the page before.
    SHIFTED_PAGE = "shifted_page"  # A later page of a list has moved, as if the list had grown meanwhile.
    # It is carried out when nobody expects it any more.
    APPLIED_LATE = "applied_late"  # A TCP reset now; it is carried out `apply_after_s` later.


OF_READS_ALONE = frozenset({Mishap.REPEATED_PAGE, Mishap.SHIFTED_PAGE})
OF_WRITES_ALONE = frozenset({Mishap.APPLIED_LATE})


class Shape(StrEnum):
    """A way in which sound JSON breaks a contract."""

    OTHER_TYPE = "other_type"  # A text is a number, a number a text, a truth value a text.
    LIST_AS_OBJECT = "list_as_object"
    OBJECT_AS_LIST = "object_as_list"
    MISSING_KEY = "missing_key"
    NULL = "null"  # In place of an object or a list.


class RetryAfterForm(StrEnum):
    """The two forms of `Retry-After` (RFC 9110, section 10.2.3)."""

    SECONDS = "seconds"
    DATE = "date"


@dataclass(slots=True)
class Faults:
    """One service's dial; the default is a healthy service. Change the fields, or replace the whole object.

    At most one mishap befalls a request. `timeout`, `throttle` and the errors go before `mishaps` and
    `read_mishaps`, and `malformed_json` after them.

    Attributes:
        latency_ms: Every answer comes this much later; the median where `latency_sigma` is set.
        latency_sigma: Above 0 the delay is drawn from a lognormal distribution with this sigma.
        error_rate: Share of requests (0 to 1) refused with `error_status` before they do anything.
        error_status: Any 4xx or 5xx; also that of `error_before` and `error_after`.
        errors: A status, 4xx or 5xx, to the share of requests refused with it before they do anything;
            with `error_rate` 1 at most in all.
        timeout: No answer: the request hangs until the client gives up, at most 60 s, and does nothing.
        malformed_json: The request is carried out and its answer's body is cut in half.
        throttle: Every request is refused with 429 before it does anything.
        retry_after_s: Sent as `Retry-After` with a 429; without it the header is left out.
        retry_after_share: The share of 429s that carry the header.
        retry_after_form: Seconds, or a date by the service's clock.
        mishaps: The name of a mishap to the share of requests that it befalls, such as
            `{"lost_answer": 1}` or `{"reset_before": 0.05, "applied_late": 0.1}`; 1 at most in all.
        only_writes: `mishaps` befall only what changes the service's data (`writes.py`), so no log-in and no
            search; False: any request for which there are no `read_mishaps`.
        read_mishaps: The same for what changes nothing, log-ins and searches included.
        apply_after_s: How long after its reset a write with the mishap `applied_late` is carried out.
        slow_bytes_per_s: How fast a `slow_body` comes.
        slow_pieces: A `slow_body` comes in so many equal pieces instead, with `slow_pause_s` between them.
        slow_pause_s: See there.
        shapes: Which of the shapes a `wrong_shape` may take; none: any.
        page_items: How many items a `repeated_page` repeats, and how many were inserted before each later
            page where it is a `shifted_page`; below 0: were removed.
        flap_up_s: With `flap_down_s`, the service is up as dialled for so long, counted from when the
            flapping was set;
        flap_down_s: then down for so long, and up again.
        while_down: The dial that counts while it is down; None: every connection is reset.
    """

    latency_ms: float = 0.0
    latency_sigma: float = 0.0
    error_rate: float = 0.0
    error_status: int = 500
    errors: Mapping[int, float] = field(default_factory=dict)
    timeout: bool = False
    malformed_json: bool = False
    throttle: bool = False
    retry_after_s: int | None = None
    retry_after_share: float = 1.0
    retry_after_form: str = RetryAfterForm.SECONDS
    mishaps: Mapping[str, float] = field(default_factory=dict)
    only_writes: bool = True
    read_mishaps: Mapping[str, float] = field(default_factory=dict)
    apply_after_s: float = 1.0
    slow_bytes_per_s: float = 1000.0
    slow_pieces: int | None = None
    slow_pause_s: float = 0.1
    shapes: Sequence[str] = ()
    page_items: int = 1
    flap_up_s: float = 0.0
    flap_down_s: float = 0.0
    while_down: "Faults | None" = None

    def __post_init__(self) -> None:
        for name, (least, most) in _RANGES.items():
            if not least <= getattr(self, name) <= most:
                raise ValueError(f"{name} must lie between {least} and {most}")
        if self.retry_after_s is not None and self.retry_after_s < 0:
            raise ValueError("retry_after_s must not be negative")
        if self.retry_after_form not in list(RetryAfterForm):
            raise ValueError(f"retry_after_form must be one of {', '.join(RetryAfterForm)}")
        if self.slow_pieces is not None and not 1 <= self.slow_pieces <= 10_000:
            raise ValueError("slow_pieces must lie between 1 and 10000")
        if bool(self.flap_up_s) != bool(self.flap_down_s):
            raise ValueError("flap_up_s and flap_down_s must both be above 0, or both 0")
        if self.while_down is not None and self.while_down.flap_down_s:
            raise ValueError("while_down must not flap itself")
        self.errors = _checked_errors(self.errors, self.error_rate)
        self.mishaps = _checked("mishaps", self.mishaps)
        self.read_mishaps = _checked("read_mishaps", self.read_mishaps)
        if self.only_writes and (wrong := sorted(OF_READS_ALONE & set(self.mishaps))):
            raise ValueError(f"mishaps: {', '.join(wrong)} befalls lists, which are reads: see read_mishaps")
        if wrong := sorted(OF_WRITES_ALONE & set(self.read_mishaps)):
            raise ValueError(f"read_mishaps: {', '.join(wrong)} befalls writes: see mishaps")
        self.shapes = _checked_shapes(self.shapes)


_RANGES: dict[str, tuple[int, int]] = {
    "latency_ms": (0, int(LATENCY_AT_MOST_S) * 1000),
    "latency_sigma": (0, 5),
    "error_rate": (0, 1),
    "error_status": (400, 599),
    "retry_after_share": (0, 1),
    "apply_after_s": (0, int(APPLY_AFTER_AT_MOST_S)),
    "slow_bytes_per_s": (1, 1_000_000_000),
    "slow_pause_s": (0, 60),
    "page_items": (-1000, 1000),
    "flap_up_s": (0, 86_400),
    "flap_down_s": (0, 86_400),
}


def _checked(field_name: str, shares: Mapping[str, float]) -> dict[str, float]:
    """The shares in the enum's order, so that equal dials draw equally."""
    if unknown := sorted(set(shares) - set(Mishap)):
        raise ValueError(f"{field_name}: no such mishap {', '.join(unknown)}; there are {', '.join(Mishap)}")
    for name, share in shares.items():
        if not 0 <= share <= 1:
            raise ValueError(f"{field_name}: the share of {name} must lie between 0 and 1")
    if (total := math.fsum(shares.values())) > 1 + 1e-9:
        raise ValueError(
            f"{field_name}: the shares add up to {total:g}, and a request has one mishap at most"
        )
    return {each.value: shares[each] for each in Mishap if each in shares}


def _checked_errors(errors: Mapping[int, float], error_rate: float) -> dict[int, float]:
    for status, share in errors.items():
        if not 400 <= status <= 599:
            raise ValueError(f"errors: the status {status} must lie between 400 and 599")
        if not 0 <= share <= 1:
            raise ValueError(f"errors: the share of {status} must lie between 0 and 1")
    if (total := math.fsum([error_rate, *errors.values()])) > 1 + 1e-9:
        raise ValueError(f"errors: with error_rate the shares add up to {total:g}, which must be 1 at most")
    return dict(sorted(errors.items()))


def _checked_shapes(shapes: Sequence[str]) -> tuple[Shape, ...]:
    if unknown := sorted(set(shapes) - set(Shape)):
        raise ValueError(f"shapes: no such shape {', '.join(unknown)}; there are {', '.join(Shape)}")
    return tuple(each for each in Shape if each in shapes)
