"""The fault dial: how a service misbehaves, on purpose and repeatably."""

import asyncio
import math
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import orjson

HANG_AT_MOST_S = 60.0


@dataclass(slots=True)
class Faults:
    """One service's dial; the default is a healthy service. Change the fields, or replace the whole object.

    Attributes:
        latency_ms: Every answer comes this much later; the median where `latency_sigma` is set.
        latency_sigma: Above 0 the delay is drawn from a lognormal distribution with this sigma.
        error_rate: Share of requests (0 to 1) refused with `error_status` before they do anything.
        error_status: Any 4xx or 5xx.
        timeout: No answer: the request hangs until the client gives up, at most 60 s, and does nothing.
        malformed_json: The request is carried out and its answer's body is cut in half.
        throttle: Every request is refused with 429 before it does anything.
        retry_after_s: Sent as `Retry-After` with the 429; without it the header is left out.
    """

    latency_ms: float = 0.0
    latency_sigma: float = 0.0
    error_rate: float = 0.0
    error_status: int = 500
    timeout: bool = False
    malformed_json: bool = False
    throttle: bool = False
    retry_after_s: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.latency_ms <= HANG_AT_MOST_S * 1000:
            raise ValueError("latency_ms must lie between 0 and 60000")
        if not 0 <= self.latency_sigma <= 5:
            raise ValueError("latency_sigma must lie between 0 and 5")
        if not 0 <= self.error_rate <= 1:
            raise ValueError("error_rate must lie between 0 and 1")
        if not 400 <= self.error_status <= 599:
            raise ValueError("error_status must lie between 400 and 599")
        if self.retry_after_s is not None and self.retry_after_s < 0:
            raise ValueError("retry_after_s must not be negative")


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer, held back until the dial lets it go."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


Answer = Callable[[], Awaitable[Reply]]
ErrorBody = Callable[[int, str], object]


async def through_faults(
    faults: Faults,
    draw: random.Random,
    *,
    answer: Answer,
    gone: Callable[[], Awaitable[None]],
    error_body: ErrorBody,
) -> Reply | None:
    """Let one request through the dial.

    The app's answer is a value here, not a stream, so a fault can stand before the work (`answer` never
    awaited), after it (awaited, its reply dropped or changed), or around it (awaited later).

    Args:
        faults: The dial as it stands now.
        draw: The service's own seeded randomness.
        answer: Carries the request out, once awaited.
        gone: Returns when the client has given up.
        error_body: The vendor's error object for a status and a text.

    Returns:
        What to send, or None where the client left without an answer.
    """
    await asyncio.sleep(_delay_s(faults, draw))
    if faults.timeout:
        try:
            async with asyncio.timeout(HANG_AT_MOST_S):
                await gone()
        except TimeoutError:
            return _refusal(504, error_body(504, "Gateway timeout"))
        return None
    if faults.throttle:
        reply = _refusal(429, error_body(429, "Too many requests"))
        if faults.retry_after_s is not None:
            reply.headers.append((b"retry-after", str(faults.retry_after_s).encode()))
        return reply
    if faults.error_rate and draw.random() < faults.error_rate:
        return _refusal(faults.error_status, error_body(faults.error_status, "Injected fault"))
    reply = await answer()
    if faults.malformed_json:
        return _with_body(reply, reply.body[: len(reply.body) // 2])
    return reply


def _delay_s(faults: Faults, draw: random.Random) -> float:
    if not faults.latency_ms:
        return 0.0
    if not faults.latency_sigma:
        return faults.latency_ms / 1000
    drawn_ms = draw.lognormvariate(math.log(faults.latency_ms), faults.latency_sigma)
    return min(drawn_ms / 1000, HANG_AT_MOST_S)


def _refusal(status: int, body: object) -> Reply:
    return _with_body(Reply(status, [(b"content-type", b"application/json")], b""), orjson.dumps(body))


def _with_body(reply: Reply, body: bytes) -> Reply:
    headers = [(name, value) for name, value in reply.headers if name.lower() != b"content-length"]
    return Reply(reply.status, [*headers, (b"content-length", str(len(body)).encode())], body)
