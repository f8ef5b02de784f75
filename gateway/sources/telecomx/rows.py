"""Telecomx's paged answers: `offset`, `limit`, `total` and an array under a key of the resource's own."""

from dataclasses import replace
from typing import TypeVar

import msgspec

from gateway.domain.errors import SourceProtocolError
from gateway.domain.pages import Page
from gateway.domain.records import Fetched
from gateway.sources.rest import Rest
from gateway.sources.telecomx import wire
from gateway.transport import Reply

T = TypeVar("T")

# Of the documented limit, 1 to 500; what happens outside of it isn't documented.
MAX_LIMIT = 500


def read_rows(rest: Rest, reply: Reply, key: str, row: type[T]) -> tuple[tuple[T, ...], int | None]:
    """The rows of one page, and how many there are in all.

    Args:
        rest: Decodes.
        reply: The answer.
        key: Where the array should be. The customers' key is nowhere to be read, so an array that is
            the only one in the answer is taken whatever its key.
        row: What an element is.
    Raises:
        SourceProtocolError: No array, or several and none under the key.
    """
    fields = rest.decode(reply, dict[str, msgspec.Raw])
    arrays = {name: value for name, value in fields.items() if bytes(value).lstrip()[:1] == b"["}
    found = arrays.get(key)
    if found is None:
        if len(arrays) != 1:
            raise SourceProtocolError(rest.source, detail=f"{len(arrays)} arrays", json_path=f"$.{key}")
        (found,) = arrays.values()
    rows = rest.decode(replace(reply, body=bytes(found)), tuple[row, ...])  # type: ignore[valid-type]
    return rows, rest.decode(reply, wire.Counted).total


def page_of(items: tuple[T, ...], total: int | None, offset: int, fetched: Fetched) -> Page[T]:
    """A page may be shorter than asked for without being the last: only the total or no rows end it."""
    exhausted = not items or (total is not None and offset + len(items) >= total)
    return Page(items, total, exhausted, fetched)
