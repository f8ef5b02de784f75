"""Feeds: the ordered lists that a source offers, read page by page."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from gateway.domain.records import Fetched

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A stretch of a feed.

    `total` counts the whole feed, None where the source doesn't say. `exhausted` is True when
    nothing follows the last item. `fetched` tells of the answer that it was read from.
    """

    items: tuple[T, ...]
    total: int | None
    exhausted: bool
    fetched: Fetched | None = None


@dataclass(frozen=True, slots=True)
class Feed(Generic[T]):
    """One list of one source.

    A source may offer several under one filter (a help centre each, a native status each), so `key`
    names the feed within the source; it goes into cursors and stays the same for the same filter.
    `read(offset, limit)` costs one REST call and raises SourceError. `ordered` says whether the
    items come newest first.
    """

    source: str
    key: str
    read: Callable[[int, int], Awaitable[Page[T]]]
    max_limit: int
    ordered: bool = True


class SliceState(StrEnum):
    """How one source took part in a list."""

    OK = "OK"
    STALE = "STALE"
    UNAVAILABLE = "UNAVAILABLE"
    UNSUPPORTED = "UNSUPPORTED"
    SKIPPED = "SKIPPED"
    FORBIDDEN = "FORBIDDEN"


@dataclass(frozen=True, slots=True)
class NoFeed:
    """Why a source has nothing to list: UNSUPPORTED (it can't, `reason` says what), SKIPPED or FORBIDDEN."""

    state: SliceState
    reason: str


def whole(items: tuple[T, ...], fetched: Fetched) -> Callable[[int, int], Page[T]]:
    """Page through a list that its source only gives whole."""

    def read(offset: int, limit: int) -> Page[T]:
        exhausted = offset + limit >= len(items)
        return Page(items[offset : offset + limit], len(items), exhausted, fetched)

    return read
