"""Pages of a list that repeat, or that shift because the list changed between them.

Nothing here knows a vendor: a page is asked for by an `offset` in the query (Telecomx, Thulium) or in the
JSON's `pagination` (Service Order Hub), and an answer holds its items in its first list. A wrong page is made
of the vendor's own answers to other offsets. Tulo and Netevia answer whole lists, so nothing befalls them.
"""

import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.types import Scope

from gateway.sandbox.replies import Reply

_TOTALS = ("total", "count")

# Asks the vendor's app: a query string and a body to its answer.
AskPage = Callable[[bytes, bytes], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class Page:
    """A page after the first, as it was asked for.

    Attributes:
        offset: Above 0.
        limit: None where the vendor's default counts.
        query: The whole query string.
        search: The whole JSON of a search whose `pagination` holds both; None where the query does.
    """

    offset: int
    limit: int | None
    query: bytes
    search: Mapping[str, Any] | None

    @classmethod
    def asked_for(cls, scope: Scope, body: bytes) -> "Page | None":
        """The page that a request asks for; None if it is the first, or there are no pages."""
        query: bytes = scope["query_string"]
        search = None
        if scope["method"] == "GET":
            asked = dict(part.partition("=")[::2] for part in query.decode("latin-1").split("&"))
        elif search := _search(body):
            asked = search["pagination"]
        else:
            return None
        offset, limit = _number(asked.get("offset")), _number(asked.get("limit"))
        return cls(offset, limit, query, search) if offset else None

    def at(self, offset: int, limit: int | None) -> tuple[bytes, bytes]:
        """Query and body that ask for another part of the same list."""
        moved = {"offset": offset} if limit is None else {"offset": offset, "limit": limit}
        if self.search is not None:
            return self.query, orjson.dumps(
                {**self.search, "pagination": {**self.search["pagination"], **moved}}
            )
        kept = [
            part for part in self.query.decode("latin-1").split("&") if part.partition("=")[0] not in moved
        ]
        return "&".join([*kept, *(f"{name}={value}" for name, value in moved.items())]).encode("latin-1"), b""


async def shifted(page: Page, items: int, ask: AskPage) -> Reply:
    """The page as it is once so many items were inserted before it for each page read so far.

    Args:
        page: Which.
        items: Below 0 so many were removed.
        ask: The vendor's app.
    """
    pages_before = math.ceil(page.offset / page.limit) if page.limit else 1
    grown = items * pages_before
    reply = await ask(*page.at(max(page.offset - grown, 0), page.limit))
    told = _read(reply)
    if told is None:
        return reply
    _retell(told, page.offset, grown)
    return reply.with_body(orjson.dumps(told))


async def repeated(page: Page, items: int, ask: AskPage) -> Reply:
    """The page with the last items of the page before in place of its own first ones.

    So it is where a list is sorted by what many items share: some come twice, and others never.
    """
    reply = await ask(*page.at(page.offset, page.limit))
    told = _read(reply)
    own = _items(told) or []
    count = min(abs(items), page.offset, len(own))
    if not count:
        return reply
    before = (_items(_read(await ask(*page.at(page.offset - count, count)))) or [])[:count]
    own[: len(before)] = before
    return reply.with_body(orjson.dumps(told))


def _search(body: bytes) -> dict[str, Any] | None:
    """The JSON of a search that says its pagination."""
    try:
        search = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    pages = isinstance(search, dict) and isinstance(search.get("pagination"), dict)
    return search if pages else None


def _number(given: object) -> int | None:
    text = str(given)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _read(reply: Reply) -> Any:
    try:
        return orjson.loads(reply.body) if reply.status == 200 else None
    except orjson.JSONDecodeError:
        return None


def _items(told: Any) -> list[Any] | None:
    """The first list in an answer, looked for in objects alone."""
    if isinstance(told, list):
        return told
    if isinstance(told, dict):
        for inner in told.values():
            if (found := _items(inner)) is not None:
                return found
    return None


def _retell(told: Any, offset: int, grown: int) -> None:
    """Say the offset that was asked for, and the size that the list has now."""
    if not isinstance(told, dict):
        return
    for name, inner in told.items():
        if name == "offset":
            told[name] = offset
        elif name in _TOTALS and isinstance(inner, int):
            told[name] = max(inner + grown, 0)
        else:
            _retell(inner, offset, grown)
