"""For how long an answer may be used again (RFC 9111). No I/O, and no clock but the answer's own."""

import email.utils
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from gateway.transport import Call, Reply

# What a call's answer can't vary on between two calls with the same key: these are sent alike with every
# call, never, or stand for its credentials. The call's own headers are part of the key.
_ALIKE = frozenset(
    {
        "accept",
        "accept-encoding",
        "accept-language",
        "authorization",
        "cookie",
        "origin",
        "user-agent",
    }
)
_VALIDATORS = (("etag", "if-none-match"), ("last-modified", "if-modified-since"))


@dataclass(frozen=True, slots=True)
class Usable:
    """How an answer may be used again.

    Attributes:
        fresh_s: As it is, for so long.
        stale_s: For so long after that, where the source fails.
        validators: The headers that ask the source whether it still holds.
    """

    fresh_s: float
    stale_s: float
    validators: Mapping[str, str] = field(repr=False)


def usable(call: Call, reply: Reply, *, ttl_s: float, max_stale_s: float, took_s: float) -> Usable | None:
    """What may be done with the 200 answer to a safe call; None if it must not be kept.

    The source may shorten the times, not lengthen them: with many sources a promise of freshness is the
    gateway's to make. As every key holds the credentials, this is a private cache (section 1).
    """
    said = _directives(reply.headers.get("cache-control", ""))
    if "no-store" in said or not _varies_within(call, reply.headers.get("vary", "")):
        return None
    fresh_s = 0.0 if "no-cache" in said else min(ttl_s, _lifetime_s(reply, said) - took_s)
    stale_s = max_stale_s
    if "stale-if-error" in said:  # RFC 5861, section 4
        stale_s = min(stale_s, _seconds(said["stale-if-error"]))
    if "no-cache" in said or "must-revalidate" in said:
        stale_s = 0.0
    validators = {ask: reply.headers[has] for has, ask in _VALIDATORS if has in reply.headers}
    if fresh_s <= 0 and stale_s <= 0 and not validators:
        return None
    return Usable(max(0.0, fresh_s), stale_s, validators)


def age_s(reply: Reply) -> float:
    """How old it was already when it came, by caches before us."""
    return _seconds(reply.headers.get("age", "0"))


def _directives(header: str) -> Mapping[str, str]:
    if not header:
        return {}
    parts = (each.partition("=") for each in header.lower().split(","))
    return {name.strip(): value.strip(' "') for name, _, value in parts}


def _lifetime_s(reply: Reply, said: Mapping[str, str]) -> float:
    """Section 4.2.1, but without a word of the source it is endless here: then our own TTL counts alone."""
    if "max-age" in said:
        return _seconds(said["max-age"]) - age_s(reply)
    if "expires" in reply.headers:
        expires, date = _moment(reply.headers["expires"]), _moment(reply.headers.get("date", ""))
        return (expires - date).total_seconds() - age_s(reply) if expires and date else 0.0
    return float("inf")


def _seconds(text: str) -> float:
    """Delta-seconds (section 1.2.2); 0 for what isn't, so that it counts as stale."""
    return float(text) if text.strip().isdecimal() else 0.0


def _moment(text: str) -> datetime | None:
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else None


def _varies_within(call: Call, header: str) -> bool:
    """Whether the answer varies on nothing but what the key holds (section 4.1)."""
    if not header:
        return True
    sent = {name.lower() for name in call.headers}
    return {name.strip().lower() for name in header.split(",")} <= _ALIKE | sent
