"""Thulium's lists: `{"count", "result": [...]}` where a page shows one, other forms where none is shown."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import msgspec

from gateway.domain.errors import SourceProtocolError
from gateway.domain.pages import Page
from gateway.domain.records import Fetched
from gateway.sources.rest import Rest
from gateway.transport import Reply

R = TypeVar("R")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Rows(Generic[R]):
    """A page of a list; `count` is the number of all matches, None where the answer has none."""

    rows: tuple[R, ...]
    count: int | None
    fetched: Fetched

    def page(self, record: Callable[[R, Fetched], T], limit: int) -> Page[T]:
        """As a page of records.

        A short page ends the list, not the count: tickets move while they are read, and where the rows
        come as a bare array there is no count.
        """
        items = tuple(record(row, self.fetched) for row in self.rows)
        return Page(items, self.count, exhausted=len(items) < limit, fetched=self.fetched)


def read_rows(rest: Rest, reply: Reply, row: type[R]) -> Rows[R]:
    """Read a list's rows: under `result`, a bare array, or the only array in the object.

    Raises:
        SourceProtocolError: None of these, or a row that breaks its shape.
    """
    fetched = rest.fetched(reply)
    if reply.body.lstrip()[:1] == b"[":
        return Rows(rest.decode(reply, tuple[row, ...]), None, fetched)  # type: ignore[valid-type]
    fields = rest.decode(reply, dict[str, msgspec.Raw])
    arrays = {name: raw for name, raw in fields.items() if bytes(raw).lstrip()[:1] == b"["}
    name = "result" if "result" in arrays else next(iter(arrays), "") if len(arrays) == 1 else None
    if not name:
        raise SourceProtocolError(rest.source, detail=f"{len(arrays)} arrays in a list", json_path="$")
    # The array is lifted out of its object, so an error's path starts at the array.
    rows = rest.decode(replace(reply, body=bytes(arrays[name])), tuple[row, ...])  # type: ignore[valid-type]
    return Rows(rows, _count(fields.get("count")), fetched)


def _count(sent: msgspec.Raw | None) -> int | None:
    try:
        return None if sent is None else msgspec.json.decode(sent, type=int | None, strict=False)
    except msgspec.ValidationError:
        return None
