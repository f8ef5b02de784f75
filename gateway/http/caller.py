"""What a request's headers say of its caller: how long they wait, and with whose credentials they ask."""

import hashlib
import hmac
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from starlette.datastructures import Headers

from gateway.domain.acting import Actor, acting_as
from gateway.domain.callers import Credential, calling_with
from gateway.domain.deadline import Deadline, within
from gateway.domain.spending import CallCaps, Spending, counted_by
from gateway.http.problems import HttpProblem

TIMEOUT_HEADER = "X-Request-Timeout"
COST_HEADER = "X-Request-Cost"

_SECONDS = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6})?")
# What may stand in a header of ours without changing its meaning (RFC 9110, section 5.5).
_CREDENTIAL = re.compile(r"[!-~]([ -~]*[!-~])?")
_MAX_CREDENTIAL = 4096
# Of the time that a caller waits, this is for what comes after the last source: shaping and sending.
_RESERVE_S = 0.05
_RESERVED_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class CallerOptions:
    """What callers may ask for.

    Attributes:
        timeout_s: How long they wait where they don't say.
        max_timeout_s: How long they may wait at most.
        caps: How many calls one operation may cause.
        forwarded: Source -> the header that carries the caller's credential for it.
        id_key: What turns those credentials into ids.
    """

    timeout_s: float
    max_timeout_s: float
    caps: CallCaps
    forwarded: Mapping[str, str]
    id_key: bytes = field(repr=False)


@contextmanager
def on_behalf(headers: Headers, options: CallerOptions, actor: Actor) -> Iterator[Spending]:
    """Run an operation in its caller's name, with their deadline and credentials; its calls are counted.

    Raises:
        HttpProblem: 400, a header that can't be read.
    """
    timeout_s, credentials = _timeout_s(headers, options), credentials_of(headers, options)
    deadline = Deadline.after(timeout_s - min(_RESERVE_S, _RESERVED_SHARE * timeout_s))
    spending = Spending(options.caps)
    with within(deadline), calling_with(credentials), acting_as(actor), counted_by(spending):
        yield spending


def wants_cost(headers: Headers) -> bool:
    """Whether the answer shall say what it cost."""
    return headers.get(COST_HEADER, "false").strip().lower() not in {"false", "0", ""}


def _timeout_s(headers: Headers, options: CallerOptions) -> float:
    # Given twice, it reads as a list (RFC 9110, section 5.3): that is no number.
    given = ",".join(headers.getlist(TIMEOUT_HEADER))
    if TIMEOUT_HEADER not in headers:
        return options.timeout_s
    if not _SECONDS.fullmatch(given.strip()) or math.isclose(seconds := float(given), 0):
        raise HttpProblem(400, f"{TIMEOUT_HEADER} must be a number of seconds above 0, such as 2.5.")
    return min(seconds, options.max_timeout_s)


def credentials_of(headers: Headers, options: CallerOptions) -> Mapping[str, Credential]:
    """What the caller has brought along, by source.

    Raises:
        HttpProblem: 400, a header that can't be read.
    """
    found: dict[str, Credential] = {}
    for source, name in options.forwarded.items():
        given = headers.getlist(name)
        if not given:
            continue
        if len(given) > 1 or len(given[0]) > _MAX_CREDENTIAL or not _CREDENTIAL.fullmatch(given[0]):
            raise HttpProblem(
                400, f"{name} must be given once, with 1 to {_MAX_CREDENTIAL} printable ASCII characters."
            )
        found[source] = Credential(_id(source, given[0], options.id_key), given[0])
    return found


def _id(source: str, secret: str, key: bytes) -> str:
    return hmac.new(key, f"{source}\x1f{secret}".encode(), hashlib.sha256).hexdigest()[:32]
