"""Relay pages: sizes, opaque cursors, and the records that connection types serve."""

import base64
import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Generic, TypeVar

import msgspec

from gateway.domain.errors import BadInput, GatewayError
from gateway.domain.pages import SliceState
from gateway.domain.records import Fetched

T = TypeVar("T")

DEFAULT_SIZE = 20
MAX_SIZE = 100
_MAX_OFFSET = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Edge(Generic[T]):
    """A node and the cursor just behind it."""

    cursor: str
    node: T


@dataclass(frozen=True, slots=True)
class PageInfo:
    """Where a page lies in its list."""

    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@dataclass(frozen=True, slots=True)
class SliceError:
    """Why a source's part is missing."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class SourceSlice:
    """How one source took part in a list."""

    source: str
    state: SliceState
    ordered: bool = True
    age_ms: int | None = None
    error: SliceError | None = None
    retry_after: int | None = None

    @classmethod
    def of(cls, source: str, fetched: Iterable[Fetched], *, ordered: bool, now: datetime) -> "SourceSlice":
        """A source that took part, by the answers that its part is made of: the oldest counts."""
        answers = list(fetched)
        state = SliceState.STALE if any(each.stale for each in answers) else SliceState.OK
        age = max((now - each.at for each in answers), default=None)
        age_ms = None if age is None else max(0, round(age / timedelta(milliseconds=1)))
        return cls(source, state, ordered, age_ms)

    @classmethod
    def unavailable(cls, source: str, error: GatewayError, *, ordered: bool) -> "SourceSlice":
        """A source that couldn't be asked."""
        retry_after_s: float | None = getattr(error, "retry_after_s", None)
        return cls(
            source,
            SliceState.UNAVAILABLE,
            ordered,
            error=SliceError(error.code.value, error.message),
            retry_after=None if retry_after_s is None else math.ceil(retry_after_s),
        )


@dataclass(frozen=True, slots=True)
class Connection(Generic[T]):
    """A page. `sources` is empty for lists inside one record."""

    edges: Sequence[Edge[T]]
    page_info: PageInfo
    total_count: int | None
    sources: Sequence[SourceSlice] = ()

    @property
    def nodes(self) -> list[T]:
        """The edges' nodes."""
        return [edge.node for edge in self.edges]


def page_size(given: int | None, *, argument: str = "first") -> int:
    """The wanted number of items.

    Raises:
        BadInput: It isn't 1..100.
    """
    size = DEFAULT_SIZE if given is None else given
    if not 1 <= size <= MAX_SIZE:
        raise BadInput(f"`{argument}` must be 1 to {MAX_SIZE}, not {size}.", argument=argument)
    return size


@dataclass(frozen=True, slots=True)
class Asked:
    """Which page of a list is wanted, and of which sources (None: all)."""

    first: int | None
    after: str | None
    sources: tuple[str, ...] | None = None


class Position(msgspec.Struct, frozen=True, array_like=True):
    """How far a feed has been read: the offset, and marks of the last items before it."""

    offset: Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
    # As many as a page writes: each is looked for among the items that are read again.
    marks: Annotated[tuple[Annotated[str, msgspec.Meta(max_length=16)], ...], msgspec.Meta(max_length=3)] = ()


class _Cursor(msgspec.Struct, Generic[T], frozen=True, array_like=True):
    list_hash: str
    position: T


class Cursors(Generic[T]):
    """Writes and reads the cursors of one list under one filter, each of which holds a position.

    A cursor carries a hash of both, so that it isn't taken for another list's position.
    """

    def __init__(self, name: str, wanted: object, form: type[T]) -> None:
        self._hash = _short_hash(name.encode() + b"\x00" + msgspec.json.encode(wanted, order="sorted"))
        self._decoder = msgspec.msgpack.Decoder(_Cursor[form])  # type: ignore[valid-type]

    def write(self, position: T) -> str:
        """An opaque cursor."""
        plain = msgspec.msgpack.encode(_Cursor(self._hash, position))
        return base64.urlsafe_b64encode(plain).rstrip(b"=").decode()

    def read(self, after: str, *, argument: str = "after") -> T:
        """The position behind a cursor.

        Raises:
            BadInput: It is no cursor, or one of another list or filter.
        """
        try:
            plain = base64.urlsafe_b64decode(after + "=" * (-len(after) % 4))
            cursor: _Cursor[T] = self._decoder.decode(plain)
        except (ValueError, msgspec.DecodeError, RecursionError) as error:
            raise BadInput(
                f"`{argument}` is no cursor of this list. Pass one that an earlier page gave.",
                argument=argument,
            ) from error
        if cursor.list_hash != self._hash:
            raise foreign_cursor(argument)
        return cursor.position


def foreign_cursor(argument: str) -> BadInput:
    """What to tell about a cursor that this list hasn't given."""
    return BadInput(
        f"`{argument}` belongs to another list or filter. Repeat the filter it came from.", argument=argument
    )


class ListCursors:
    """The cursors of a list of several feeds: how far each has been read."""

    def __init__(self, name: str, wanted: object) -> None:
        self._cursors = Cursors(name, wanted, dict[str, Position])

    def write(self, positions: Mapping[str, Position]) -> str:
        """An opaque cursor."""
        return self._cursors.write(dict(positions))

    def read(self, after: str | None, *, argument: str = "after") -> Mapping[str, Position]:
        """The positions behind a cursor; empty without one.

        Raises:
            BadInput: It is no cursor, or one of another list or filter.
        """
        if after is None:
            return {}
        positions = self._cursors.read(after, argument=argument)
        if not all(0 <= each.offset <= _MAX_OFFSET for each in positions.values()):
            raise foreign_cursor(argument)
        return positions


def mark(global_id: str) -> str:
    """A short mark of an item, to find it again in a list that has shifted."""
    return _short_hash(global_id.encode())


def _short_hash(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.blake2b(data, digest_size=6).digest()).decode()
