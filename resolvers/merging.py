"""One list out of several sources' lists: newest first among them, or one after the other.

Each feed is asked only for what the page needs. A feed that fails shortens the page, is named in its
source's slice, and keeps its place in the cursor, so that a later page can catch it up.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from gateway.domain.access import Scope
from gateway.domain.catalog import Source
from gateway.domain.deadline import within_half
from gateway.domain.errors import Forbidden, SourceError, as_source_error
from gateway.domain.ids import Ref
from gateway.domain.pages import Feed, NoFeed, SliceState
from gateway.domain.records import Fetched
from resolvers.context import AnyFetch
from resolvers.paging import (
    Asked,
    Connection,
    Edge,
    ListCursors,
    PageInfo,
    Position,
    SliceError,
    SourceSlice,
    mark,
    page_size,
)

T = TypeVar("T")
P = TypeVar("P")

_FORBIDDEN = NoFeed(SliceState.FORBIDDEN, "You may not see this source's part.")
_UNWANTED = NoFeed(SliceState.SKIPPED, "Not among the wanted sources.")

# An offset shifts when the list changes between two pages. Reading this many items again before it,
# and looking for the last ones served, keeps a shift from hiding an item.
OVERLAP = 5
_MARKS = 3
_OLDEST = datetime.min.replace(tzinfo=UTC)


def participants(
    fetch: AnyFetch,
    names: Sequence[str] | None,
    port: type[P],
    feeds: Callable[[Source, P], tuple[Feed[T], ...] | NoFeed],
    *,
    without: NoFeed,
    needs: Scope,
) -> "list[Participant[T]]":
    """What each configured source has to offer to a list.

    Args:
        fetch: The list's field.
        names: The sources that the caller wants, None for all.
        port: The ability that the list needs.
        feeds: Asks a client of that port for its feeds.
        without: What sources without the ability answer.
        needs: What the caller must be allowed at a source for it to be asked.
    Raises:
        BadInput: A wanted source isn't configured.
    """
    catalog = fetch.context.catalog
    for index, name in enumerate(names or ()):
        catalog.named(name, argument=f"filter.sources.{index}")
    offers: list[Participant[T]] = []
    for source in catalog:
        client = source.port(port)
        if names is not None and source.key not in names:
            offer: tuple[Feed[T], ...] | NoFeed = _UNWANTED
        elif client is None:
            offer = without
        elif not fetch.context.principal.grants.allow(needs, source.key):
            offer = _FORBIDDEN
        else:
            offer = feeds(source, client)
        offers.append(Participant(source.key, offer))
    return offers


@dataclass(frozen=True, slots=True)
class Participant(Generic[T]):
    """A source, and its feeds or why it has none."""

    source: str
    offer: tuple[Feed[T], ...] | NoFeed


@dataclass(slots=True)
class _Reader(Generic[T]):
    """One feed being read: `buffer` holds what has been read and not served yet."""

    feed: Feed[T]
    position: Position
    started: bool = False
    next_offset: int = 0
    buffer: list[T] = field(default_factory=list)
    exhausted: bool = False
    total: int | None = None
    error: SourceError | None = None
    fetched: list[Fetched] = field(default_factory=list)

    @property
    def key(self) -> str:
        return f"{self.feed.source}/{self.feed.key}"

    async def fill(self, wanted: int) -> None:
        """Read until `wanted` items are at hand or nothing more comes."""
        try:
            if not self.started and self.error is None:
                await self._find_place(wanted)
            while not self.exhausted and self.error is None and len(self.buffer) < wanted:
                self.buffer += await self._read(wanted - len(self.buffer))
        except Exception as error:  # noqa: BLE001 - a fault of one adapter, too, costs its own part alone
            self.error = as_source_error(error, self.feed.source)

    async def _find_place(self, wanted: int) -> None:
        """Read the overlap again with the first items wanted, and go on behind what was served."""
        overlap = min(OVERLAP, self.position.offset)
        start = self.next_offset = self.position.offset - overlap
        items = await self._read(overlap + wanted)
        # A page may be shorter than the overlap: what was served stands at its end.
        while len(items) < overlap and not self.exhausted:
            items += await self._read(overlap + wanted - len(items))
        skipped = self._served(items)
        self.position = Position(start + skipped, self.position.marks)
        self.buffer = items[skipped:]
        self.started = True

    async def _read(self, wanted: int) -> list[T]:
        page = await self.feed.read(self.next_offset, min(wanted, self.feed.max_limit))
        self.total = page.total
        if page.fetched is not None:
            self.fetched.append(page.fetched)
        self.exhausted = page.exhausted or not page.items
        self.next_offset += len(page.items)
        return list(page.items)

    def _served(self, items: list[T]) -> int:
        """How many of the items at a page's start an earlier page has served."""
        marks = [_mark(item) for item in items]
        for last in reversed(self.position.marks):
            if last in marks:
                return marks.index(last) + 1
        return 0

    def take(self) -> T:
        """Serve the next item."""
        item = self.buffer.pop(0)
        marks = (*self.position.marks, _mark(item))[-_MARKS:]
        self.position = Position(self.position.offset + 1, marks)
        return item

    @property
    def may_have_more(self) -> bool:
        return bool(self.buffer) or (not self.exhausted and self.error is None)


def some_allowed(participants: "list[Participant[T]]", needs: Scope) -> "list[Participant[T]]":
    """The same, unless nobody takes part for want of being allowed.

    Raises:
        Forbidden: There would be nothing to see but refusals.
    """
    offers = [each.offer for each in participants]
    if _FORBIDDEN in offers and all(isinstance(offer, NoFeed) for offer in offers):
        refused = [each.source for each in participants if each.offer == _FORBIDDEN]
        raise Forbidden(needs, source=refused[0] if len(refused) == 1 else None)
    return participants


async def merge_newest_first(
    fetch: AnyFetch,
    participants: Sequence[Participant[T]],
    *,
    asked: Asked,
    cursors: ListCursors,
) -> Connection[T]:
    """Merge feeds by their items' moment; each feed keeps its own order.

    One REST call per feed, unless a source gives short pages.
    """
    first = page_size(asked.first)
    readers = _readers(participants, cursors.read(asked.after))
    with _shared(readers):
        await asyncio.gather(*(reader.fill(first) for reader in readers))
    served: dict[Ref, Edge[T]] = {}
    while len(served) < first:
        # A feed may run dry only if items were repeated: it was read for a whole page.
        with _shared(readers):
            await asyncio.gather(*(reader.fill(1) for reader in readers))
        ready = [reader for reader in readers if reader.buffer]
        if not ready:
            break
        reader = max(ready, key=lambda each: _moment(each.buffer[0]))
        _serve(reader, readers, served, cursors)
    return _connection(fetch, participants, readers, list(served.values()), after=asked.after)


async def one_after_the_other(
    fetch: AnyFetch,
    participants: Sequence[Participant[T]],
    *,
    asked: Asked,
    cursors: ListCursors,
) -> Connection[T]:
    """Read feed after feed, each in its own order; a feed is asked only once those before it are done."""
    first = page_size(asked.first)
    readers = _readers(participants, cursors.read(asked.after))
    served: dict[Ref, Edge[T]] = {}
    for reader in readers:
        while len(served) < first:
            with _shared(readers):
                await reader.fill(first - len(served))
            if not reader.buffer:
                break
            _serve(reader, readers, served, cursors)
    return _connection(fetch, participants, readers, list(served.values()), after=asked.after)


def _shared(readers: Sequence[_Reader[T]]) -> AbstractContextManager[None]:
    """Where several sources take part, none of them may use up the time."""
    return within_half() if len({reader.feed.source for reader in readers}) > 1 else nullcontext()


def _readers(participants: Sequence[Participant[T]], positions: Mapping[str, Position]) -> list[_Reader[T]]:
    return [
        _Reader(feed, positions.get(f"{feed.source}/{feed.key}", Position(0)))
        for participant in participants
        if not isinstance(participant.offer, NoFeed)
        for feed in participant.offer
    ]


def _serve(
    reader: _Reader[T], readers: Sequence[_Reader[T]], served: dict[Ref, Edge[T]], cursors: ListCursors
) -> None:
    item = reader.take()
    ref = _ref(item)
    if ref not in served:
        cursor = cursors.write({each.key: each.position for each in readers if each.position.offset})
        served[ref] = Edge(cursor, item)


def _connection(
    fetch: AnyFetch,
    participants: Sequence[Participant[T]],
    readers: Sequence[_Reader[T]],
    edges: list[Edge[T]],
    *,
    after: str | None,
) -> Connection[T]:
    totals = [reader.total for reader in readers]
    for reader in readers:
        if reader.error is not None:
            fetch.context.report(reader.error, fetch)
    return Connection(
        edges,
        PageInfo(
            has_next_page=any(reader.may_have_more for reader in readers),
            has_previous_page=after is not None,
            start_cursor=edges[0].cursor if edges else None,
            end_cursor=edges[-1].cursor if edges else after,
        ),
        total_count=None if None in totals else sum(total for total in totals if total is not None),
        sources=[_slice(fetch, participant, readers) for participant in participants],
    )


def _slice(fetch: AnyFetch, participant: Participant[T], readers: Sequence[_Reader[T]]) -> SourceSlice:
    if isinstance(participant.offer, NoFeed):
        missing = participant.offer
        error = SliceError(missing.state.value, missing.reason)
        return SourceSlice(participant.source, missing.state, error=error)
    ordered = all(feed.ordered for feed in participant.offer)
    own = [reader for reader in readers if reader.feed.source == participant.source]
    for reader in own:
        if reader.error is not None:
            return SourceSlice.unavailable(participant.source, reader.error, ordered=ordered)
    answers = [fetched for reader in own for fetched in reader.fetched]
    return SourceSlice.of(participant.source, answers, ordered=ordered, now=fetch.context.clock())


def _ref(item: Any) -> Ref:
    ref: Ref = item.ref
    return ref


def _mark(item: object) -> str:
    return mark(_ref(item).global_id)


def _moment(item: Any) -> datetime:
    moment: datetime | None = item.moment
    return moment or _OLDEST
