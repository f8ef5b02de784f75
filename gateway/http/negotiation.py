"""Which media type an answer gets, by the request's Accept header (RFC 9110, section 12.5.1).

GraphQL over HTTP has two: `application/graphql-response+json`, whose status tells whether the
request was good, and `application/json` for older clients, where only the body does.
"""

from dataclasses import dataclass
from functools import lru_cache

from gateway.http.problems import HttpProblem

GRAPHQL_RESPONSE = "application/graphql-response+json"
JSON = "application/json"
HTML = "text/html"

# Browsers name up to eight; what comes after these isn't looked at.
_MAX_RANGES = 32


@dataclass(frozen=True, slots=True)
class _Range:
    media_type: str
    quality: float
    position: int


# Few clients' headers make up nearly all requests. What is kept is bounded by the size of a request's head.
@lru_cache(maxsize=64)
def choose(accept: str | None, offered: tuple[str, ...]) -> str | None:
    """The offered media type that the client likes best, None if it takes none of them.

    Of types that it likes equally, the one that it names first wins, and for wildcards the first
    offered. Without a header any type will do.
    """
    ranges = _parse(accept or "") or [_Range("*/*", 1.0, 0)]
    best: tuple[float, int, int] | None = None
    chosen: str | None = None
    for rank, media_type in enumerate(offered):
        match = _match(media_type, ranges)
        if match is None or match.quality == 0:
            continue
        merit = (match.quality, -match.position, -rank)
        if best is None or merit > best:
            best, chosen = merit, media_type
    return chosen


def answer_type(accept: str | None) -> str:
    """The media type for a GraphQL answer: `application/json` where the client has no preference.

    Raises:
        HttpProblem: 406, the client takes neither.
    """
    chosen = choose(accept, (JSON, GRAPHQL_RESPONSE))
    if chosen is None:
        raise HttpProblem(406, f"This endpoint answers {GRAPHQL_RESPONSE} or {JSON}. Accept one of them.")
    return chosen


def _parse(accept: str) -> list[_Range]:
    ranges = []
    parts = accept.split(",", _MAX_RANGES)[:_MAX_RANGES]
    for position, part in enumerate(filter(str.strip, parts)):
        media_type, *parameters = (piece.strip() for piece in part.split(";"))
        quality = 1.0
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name.strip().lower() == "q":
                quality = _quality(value.strip())
        ranges.append(_Range(media_type.lower(), quality, position))
    return ranges


def _quality(text: str) -> float:
    try:
        return min(1.0, max(0.0, float(text)))
    except ValueError:
        return 0.0


def _match(media_type: str, ranges: list[_Range]) -> _Range | None:
    """The most specific range that covers the type."""
    family = media_type.partition("/")[0] + "/*"
    for candidate in (media_type, family, "*/*"):
        for each in ranges:
            if each.media_type == candidate:
                return each
    return None
