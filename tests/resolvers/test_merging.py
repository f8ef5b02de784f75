import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.access import EVERYTHING, Grants, Scope
from gateway.domain.catalog import Source
from gateway.domain.errors import (
    BadInput,
    DeadlineExceeded,
    Forbidden,
    SourceError,
    SourceFault,
    SourceTimeout,
    SourceUnavailable,
)
from gateway.domain.ids import EntityType, Ref
from gateway.domain.pages import Feed, NoFeed, Page, SliceState
from gateway.domain.ports import TicketLister
from gateway.domain.records import Fetched, OriginKind
from gateway.plans.fields import Fetch
from gateway.plans.selection import Selection
from resolvers.context import AnyFetch, Report
from resolvers.merging import (
    OVERLAP,
    Participant,
    merge_newest_first,
    one_after_the_other,
    participants,
    some_allowed,
)
from resolvers.paging import Asked, Connection, ListCursors, PageInfo, SliceError, SourceSlice
from tests.resolvers.contexts import context

_START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Item:
    """What a list holds: a name, and the minute that "newest first" goes by."""

    source: str
    name: str
    minute: int | None = None

    @property
    def ref(self) -> Ref:
        return Ref(EntityType.TICKET, self.source, (self.name,))

    @property
    def moment(self) -> datetime | None:
        return None if self.minute is None else _START + timedelta(minutes=self.minute)


@dataclass
class Listed:
    """A source's list. `short` is the most that it gives at once, whatever it is asked for."""

    source: str
    items: list[Item]
    key: str = "all"
    max_limit: int = 100
    ordered: bool = True
    counts: bool = True
    short: int = 1_000
    failure: SourceError | None = None
    fetched: list[Fetched] = field(default_factory=list)
    reads: list[tuple[int, int]] = field(default_factory=list)

    async def read(self, offset: int, limit: int) -> Page[Item]:
        self.reads.append((offset, limit))
        await asyncio.sleep(0)
        assert limit <= self.max_limit
        if self.failure is not None:
            raise self.failure
        until = offset + min(limit, self.short)
        total = len(self.items) if self.counts else None
        fetched = self.fetched[min(len(self.reads), len(self.fetched)) - 1] if self.fetched else None
        return Page(tuple(self.items[offset:until]), total, until >= len(self.items), fetched)

    @property
    def feed(self) -> Feed[Item]:
        return Feed(self.source, self.key, self.read, self.max_limit, self.ordered)


def _listed(source: str, *minutes: int, **options: Any) -> Listed:
    """A list of items named after their source and minute, in the order given."""
    return Listed(source, [Item(source, f"{source}{minute}", minute) for minute in minutes], **options)


def _fetch(*sources: Source, grants: Grants = EVERYTHING) -> AnyFetch:
    return Fetch(context(*sources, grants=grants), Selection((), {}, {}), ("tickets",), ())


Reading = Callable[..., Any]
_CURSORS = ListCursors("tickets", None)


async def _page(
    lists: Sequence[Listed | NoFeed],
    *,
    first: int | None = None,
    after: str | None = None,
    read: Reading = merge_newest_first,
    fetch: AnyFetch | None = None,
) -> Connection[Item]:
    offers: dict[str, tuple[Feed[Item], ...] | NoFeed] = {}
    for number, each in enumerate(lists):
        if isinstance(each, NoFeed):
            offers[f"none{number}"] = each
        else:
            before = offers.get(each.source, ())
            assert not isinstance(before, NoFeed)
            offers[each.source] = (*before, each.feed)
    asked = Asked(first, after)
    everyone = [Participant(source, offer) for source, offer in offers.items()]
    page: Connection[Item] = await read(fetch or _fetch(), everyone, asked=asked, cursors=_CURSORS)
    return page


def _names(page: Connection[Item]) -> list[str]:
    return [item.name for item in page.nodes]


async def _walk(
    lists: Sequence[Listed],
    *,
    first: int,
    read: Reading = merge_newest_first,
    between: Callable[[list[Item]], None] = lambda _: None,
) -> list[list[Item]]:
    """All pages; `between` may change the lists, knowing what has been served."""
    pages: list[list[Item]] = []
    after = None
    while True:
        page = await _page(lists, first=first, after=after, read=read)
        pages.append(page.nodes)
        refs = [item.ref for item in page.nodes]
        assert len(refs) == len(set(refs)), "nothing twice within a page"
        if not page.page_info.has_next_page:
            return pages
        after = page.page_info.end_cursor
        between([item for nodes in pages for item in nodes])
        assert len(pages) < 500, "it goes round in circles"


# -- newest first


async def test_lists_are_merged_newest_first() -> None:
    a, b, c = _listed("a", 9, 5, 1), _listed("b", 8, 7, 2), _listed("c", 6)

    page = await _page([a, b, c], first=10)

    assert _names(page) == ["a9", "b8", "b7", "c6", "a5", "b2", "a1"]
    assert page.total_count == 7
    assert page.page_info == PageInfo(False, False, page.edges[0].cursor, page.edges[-1].cursor)
    assert page.sources == [SourceSlice(key, SliceState.OK) for key in "abc"]


async def test_a_page_costs_one_read_of_each_feed() -> None:
    a, b = _listed("a", *range(40, 0, -1)), _listed("b", *range(30, 0, -1))

    page = await _page([a, b], first=10)
    await _page([a, b], first=10, after=page.page_info.end_cursor)

    # Both were ahead by turns: ten items each, five of them served.
    assert _names(page)[:2] == ["a40", "a39"]
    assert (a.reads, b.reads) == ([(0, 10), (5, 15)], [(0, 10), (0, 10)])


async def test_feeds_are_read_at_once() -> None:
    both = asyncio.Barrier(2)

    async def read(offset: int, limit: int) -> Page[Item]:
        await both.wait()
        return Page((), 0, exhausted=True)

    feeds = [Participant(key, (Feed(key, "all", read, 100),)) for key in "ab"]
    async with asyncio.timeout(5):
        await merge_newest_first(_fetch(), feeds, asked=Asked(None, None), cursors=_CURSORS)


async def test_several_feeds_of_one_source_are_merged_too() -> None:
    inbox, archive = _listed("a", 9, 1, key="inbox"), _listed("a", 5, 3, key="archive")

    page = await _page([inbox, archive])

    assert _names(page) == ["a9", "a5", "a3", "a1"]
    assert page.sources == [SourceSlice("a", SliceState.OK)]


async def test_an_item_of_two_feeds_is_served_once_in_a_page() -> None:
    one, two = _listed("a", 9, 5, 1, key="open"), _listed("a", 9, 5, 2, key="urgent")

    assert _names(await _page([one, two], first=4)) == ["a9", "a5", "a2", "a1"]


async def test_items_without_a_moment_come_last() -> None:
    a = Listed("a", [Item("a", "unknown"), Item("a", "a9", 9)])

    assert _names(await _page([a, _listed("b", 5)])) == ["b5", "unknown", "a9"]


async def test_an_unordered_list_keeps_its_own_order_and_says_so() -> None:
    page = await _page([_listed("a", 3, 9, 1, ordered=False), _listed("b", 8, 2)])

    assert _names(page) == ["b8", "a3", "a9", "b2", "a1"]
    assert page.sources == [
        SourceSlice("a", SliceState.OK, ordered=False),
        SourceSlice("b", SliceState.OK, ordered=True),
    ]


async def test_without_sources_there_is_an_empty_page() -> None:
    page = await _page([])

    assert (page.edges, page.page_info, page.sources) == ([], PageInfo(False, False, None, None), [])


async def test_a_source_that_takes_no_part_says_why_and_is_no_error() -> None:
    fetch = _fetch()
    unsupported = NoFeed(SliceState.UNSUPPORTED, "Tickets can't be listed.")
    skipped = NoFeed(SliceState.SKIPPED, "Not asked.")

    page = await _page([unsupported, _listed("a", 1), skipped], fetch=fetch)

    assert _names(page) == ["a1"]
    assert page.total_count == 1
    assert page.sources == [
        SourceSlice(
            "none0",
            SliceState.UNSUPPORTED,
            error=SliceError("UNSUPPORTED", "Tickets can't be listed."),
        ),
        SourceSlice("a", SliceState.OK),
        SourceSlice("none2", SliceState.SKIPPED, error=SliceError("SKIPPED", "Not asked.")),
    ]
    assert fetch.context.reports == []


# -- pages


async def test_a_list_without_a_total_leaves_the_total_open() -> None:
    page = await _page([_listed("a", 2, 1), _listed("b", 3, counts=False)])

    assert (_names(page), page.total_count) == (["b3", "a2", "a1"], None)


async def test_a_page_that_ends_with_the_lists_is_the_last() -> None:
    page = await _page([_listed("a", 2), _listed("b", 1)], first=2)

    assert (_names(page), page.page_info.has_next_page) == (["a2", "b1"], False)


async def test_what_was_read_and_not_served_comes_on_the_next_page() -> None:
    lists = [_listed("a", 4, 3), _listed("b", 2, 1)]

    page = await _page(lists, first=2)
    rest = await _page(lists, first=2, after=page.page_info.end_cursor)

    assert (page.page_info.has_next_page, page.page_info.has_previous_page) == (True, False)
    assert (rest.page_info.has_next_page, rest.page_info.has_previous_page) == (False, True)
    assert (_names(page), _names(rest)) == (["a4", "a3"], ["b2", "b1"])


async def test_behind_the_end_there_is_nothing_and_the_cursor_stays() -> None:
    lists = [_listed("a", 1)]
    end = (await _page(lists)).page_info.end_cursor

    page = await _page(lists, after=end)

    assert (page.edges, page.page_info) == ([], PageInfo(False, True, None, end))


async def test_short_pages_are_read_until_the_page_is_full() -> None:
    a = _listed("a", 9, 8, 7, 6, 5, short=2)

    assert _names(await _page([a], first=5)) == ["a9", "a8", "a7", "a6", "a5"]
    assert a.reads == [(0, 5), (2, 3), (4, 1)]


async def test_a_list_that_gives_nothing_is_done_even_if_it_says_there_is_more() -> None:
    reads: list[int] = []

    async def read(offset: int, limit: int) -> Page[Item]:
        reads.append(offset)
        assert len(reads) == 1, "it would be asked for ever"
        return Page((), 7, exhausted=False)

    offers = [Participant("a", (Feed("a", "all", read, 100),))]
    page: Connection[Item] = await merge_newest_first(
        _fetch(), offers, asked=Asked(None, None), cursors=_CURSORS
    )

    assert (page.edges, page.page_info.has_next_page, page.total_count) == ([], False, 7)


async def test_no_feed_is_asked_for_more_than_it_gives_at_once() -> None:
    a = _listed("a", *range(100, 0, -1), max_limit=30)

    page = await _page([a], first=70)

    assert len(page.edges) == 70
    assert a.reads == [(0, 30), (30, 30), (60, 10)]


async def test_every_edges_cursor_goes_on_behind_its_node() -> None:
    lists = [_listed("a", 9, 5, 4, 1), _listed("b", 8, 7, 2), _listed("c", 6, 3, ordered=False)]
    whole_list = _names(await _page(lists))

    page = await _page(lists, first=9)
    for number, edge in enumerate(page.edges, 1):
        assert _names(await _page(lists, after=edge.cursor)) == whole_list[number:]


@pytest.mark.parametrize("read", [merge_newest_first, one_after_the_other])
@pytest.mark.parametrize("first", [0, -1, 101])
async def test_a_page_has_1_to_100_items(read: Reading, first: int) -> None:
    a = _listed("a", 1)
    with pytest.raises(BadInput) as refused:
        await _page([a], first=first, read=read)

    assert (refused.value.argument, a.reads) == ("first", [])


@pytest.mark.parametrize("read", [merge_newest_first, one_after_the_other])
async def test_a_cursor_of_another_list_is_refused_before_anything_is_read(read: Reading) -> None:
    a = _listed("a", 1)
    with pytest.raises(BadInput) as refused:
        await _page([a], after=ListCursors("cases", None).write({}), read=read)

    assert (refused.value.argument, a.reads) == ("after", [])


async def test_a_feed_that_a_cursor_does_not_know_begins_at_its_start() -> None:
    end = (await _page([_listed("a", 9, 8)], first=2)).page_info.end_cursor

    assert _names(await _page([_listed("a", 9, 8, 7), _listed("b", 6)], after=end)) == ["a7", "b6"]


# -- sources that fail


async def test_a_source_that_cannot_be_asked_shortens_the_page_and_says_so_once() -> None:
    fetch = _fetch()
    failure = SourceTimeout("b", detail="secret")

    page = await _page([_listed("a", 9, 7), _listed("b", 8, failure=failure)], fetch=fetch)

    assert _names(page) == ["a9", "a7"]
    assert (page.total_count, page.page_info.has_next_page) == (None, False)
    assert page.sources == [
        SourceSlice("a", SliceState.OK),
        SourceSlice(
            "b",
            SliceState.UNAVAILABLE,
            error=SliceError("SOURCE_TIMEOUT", "The source did not answer in time."),
        ),
    ]
    assert fetch.context.reports == [Report(failure, ("tickets",), ())]


def _aged(age_s: float, *, stale: bool = False) -> Fetched:
    return Fetched(_START - timedelta(seconds=age_s), OriginKind.CACHE, stale)


async def test_a_sources_part_is_as_old_as_the_oldest_answer_that_it_is_made_of() -> None:
    page = await _page(
        [
            _listed("desk", 9, 1, fetched=[_aged(0)]),
            _listed("hub", 8, key="a", fetched=[_aged(2)]),
            _listed("hub", 7, key="b", fetched=[_aged(0.5)]),
            # Two reads: it gives one item at a time.
            _listed("bank", 6, 5, short=1, fetched=[_aged(3), _aged(4)]),
            _listed("shop", 4),
        ]
    )

    assert page.sources == [
        SourceSlice("desk", SliceState.OK, age_ms=0),
        SourceSlice("hub", SliceState.OK, age_ms=2000),
        SourceSlice("bank", SliceState.OK, age_ms=4000),
        SourceSlice("shop", SliceState.OK),
    ]


@pytest.mark.parametrize("read", [merge_newest_first, one_after_the_other])
async def test_a_source_that_one_answer_of_is_stale_says_so_with_its_age_and_is_no_error(
    read: Reading,
) -> None:
    fetch = _fetch()
    page = await _page(
        [
            _listed("desk", 9, fetched=[_aged(0)]),
            _listed("hub", 8, key="a", fetched=[_aged(1)]),
            _listed("hub", 7, key="b", fetched=[_aged(40, stale=True)]),
        ],
        read=read,
        fetch=fetch,
    )

    assert _names(page) == ["desk9", "hub8", "hub7"]
    assert page.sources == [
        SourceSlice("desk", SliceState.OK, age_ms=0),
        SourceSlice("hub", SliceState.STALE, age_ms=40_000),
    ]
    assert fetch.context.reports == []


async def test_a_source_that_was_not_read_has_no_age() -> None:
    first, second = _listed("desk", 2, 1, fetched=[_aged(1)]), _listed("hub", 3, fetched=[_aged(1)])

    page = await _page([first, second], first=2, read=one_after_the_other)

    assert second.reads == []
    assert page.sources == [
        SourceSlice("desk", SliceState.OK, age_ms=1000),
        SourceSlice("hub", SliceState.OK),
    ]


async def test_a_source_that_fails_after_a_stale_answer_is_unavailable() -> None:
    stale, failing = (
        _listed("hub", 8, key="a", fetched=[_aged(40, stale=True)]),
        _listed("hub", 7, key="b", failure=DeadlineExceeded("hub")),
    )

    page = await _page([stale, failing])

    assert _names(page) == ["hub8"]
    assert page.sources == [
        SourceSlice(
            "hub",
            SliceState.UNAVAILABLE,
            error=SliceError(
                "DEADLINE_EXCEEDED", "The request's time ran out before the source had answered."
            ),
        )
    ]


async def test_a_source_with_several_feeds_is_unavailable_with_one_of_them() -> None:
    fetch = _fetch()
    failures = [SourceUnavailable("a"), SourceUnavailable("a")]
    lists = [
        _listed("a", 9, key="one"),
        _listed("a", 8, key="two", failure=failures[0]),
        _listed("a", 7, key="three", failure=failures[1]),
    ]

    page = await _page(lists, fetch=fetch)

    assert _names(page) == ["a9"]
    assert [(each.source, each.state) for each in page.sources] == [("a", SliceState.UNAVAILABLE)]
    assert fetch.context.reports == [Report(failures[0], ("tickets",), ())], "the same failure once"


async def test_a_fault_of_an_adapter_costs_its_own_part_and_is_not_called_the_sources() -> None:
    async def read(offset: int, limit: int) -> Page[Item]:
        raise LookupError("a fault")

    well = _listed("b", 2, 1)
    offers = [Participant("a", (Feed("a", "all", read, 100),)), Participant("b", (well.feed,))]
    fetch = _fetch()

    page = await merge_newest_first(fetch, offers, asked=Asked(None, None), cursors=_CURSORS)

    assert _names(page) == ["b2", "b1"]
    assert [(each.source, each.error and each.error.code) for each in page.sources] == [
        ("a", "INTERNAL_SERVER_ERROR"),
        ("b", None),
    ]
    (report,) = fetch.context.reports
    assert isinstance(report.error, SourceFault)
    assert isinstance(report.error.__cause__, LookupError)


async def test_a_source_that_was_away_is_caught_up_by_a_later_page() -> None:
    a, b = _listed("a", 9, 8, 5, 4, 2), _listed("b", 7, 6, 3, 1)

    first = await _page([a, b], first=3)
    b.failure = SourceUnavailable("b")
    second = await _page([a, b], first=3, after=first.page_info.end_cursor)
    b.failure = None
    third = await _page([a, b], first=5, after=second.page_info.end_cursor)

    assert (_names(first), _names(second)) == (["a9", "a8", "b7"], ["a5", "a4", "a2"])
    assert _names(third) == ["b6", "b3", "b1"], "late, and none lost"


async def test_a_source_that_is_away_at_first_is_caught_up_too() -> None:
    a, b = _listed("a", 9), _listed("b", 8, 7, failure=SourceUnavailable("b"))

    first = await _page([a, b])
    b.failure = None

    assert _names(await _page([a, b], after=first.page_info.end_cursor)) == ["b8", "b7"]


async def test_with_every_source_away_the_cursor_stays_where_it_was() -> None:
    a = _listed("a", 9, 8, 7)
    cursor = (await _page([a], first=1)).page_info.end_cursor
    a.failure = SourceUnavailable("a")

    page = await _page([a], after=cursor)

    assert (page.edges, page.page_info) == ([], PageInfo(False, True, None, cursor))


async def test_what_was_read_before_a_source_failed_is_served() -> None:
    a = _listed("a", 9, 8, 7, 6, short=2)
    reading = a.read

    async def read(offset: int, limit: int) -> Page[Item]:
        a.failure = SourceUnavailable("a") if offset >= 2 else None
        return await reading(offset, limit)

    offers = [Participant("a", (Feed("a", "all", read, 100),))]
    page: Connection[Item] = await merge_newest_first(
        _fetch(), offers, asked=Asked(3, None), cursors=_CURSORS
    )

    assert (_names(page), page.sources[0].state) == (["a9", "a8"], SliceState.UNAVAILABLE)
    a.failure = None
    assert _names(await _page([a], after=page.page_info.end_cursor)) == ["a7", "a6"]


# -- lists that change between two pages


async def test_an_insert_at_the_top_repeats_nothing_and_hides_nothing() -> None:
    a = _listed("a", *range(50, 0, -1))

    page = await _page([a], first=10)
    a.items[:0] = _listed("a", 53, 52, 51).items
    rest = await _page([a], first=100, after=page.page_info.end_cursor)

    assert _names(page) + _names(rest) == [f"a{minute}" for minute in range(50, 0, -1)]


async def test_more_inserts_than_a_page_holds_repeat_and_hide_nothing() -> None:
    a = _listed("a", *range(50, 0, -1))

    page = await _page([a], first=10)
    a.items[:0] = _listed("a", *range(90, 50, -1)).items
    after, seen = page.page_info.end_cursor, _names(page)
    while page.page_info.has_next_page:
        page = await _page([a], first=10, after=after)
        after, seen = page.page_info.end_cursor, seen + _names(page)

    assert {f"a{minute}" for minute in range(50, 0, -1)} <= set(seen)


@pytest.mark.parametrize("removed", range(1, OVERLAP + 1))
async def test_removing_what_was_served_hides_nothing(removed: int) -> None:
    a = _listed("a", *range(50, 0, -1))

    page = await _page([a], first=10)
    del a.items[2 : 2 + removed]
    rest = await _page([a], first=100, after=page.page_info.end_cursor)

    assert _names(rest) == [f"a{minute}" for minute in range(40, 0, -1)]


@pytest.mark.parametrize("removed", range(1, OVERLAP + 1))
async def test_removing_the_last_that_were_served_hides_nothing(removed: int) -> None:
    a = _listed("a", *range(50, 0, -1))

    page = await _page([a], first=10)
    del a.items[10 - removed : 10]
    rest = await _page([a], first=100, after=page.page_info.end_cursor)

    # With all its marks gone the place is lost, and up to five are served again.
    assert set(_names(rest)) >= {f"a{minute}" for minute in range(40, 0, -1)}
    assert len(rest.edges) <= 40 + OVERLAP


async def test_an_item_that_moves_to_the_top_hides_none_of_those_it_passes() -> None:
    a = _listed("a", *range(50, 0, -1))

    page = await _page([a], first=10)
    a.items.insert(0, a.items.pop(9))  # The last one served.
    a.items.insert(0, a.items.pop(30))
    rest = await _page([a], first=100, after=page.page_info.end_cursor)

    moved = a.items[0].name
    assert _names(rest) == [f"a{minute}" for minute in range(40, 0, -1) if f"a{minute}" != moved]


# -- anything


@st.composite
def _lists(draw: st.DrawFn) -> list[Listed]:
    """Up to four feeds of up to thirty items of up to three sources."""
    lists = []
    for number in range(draw(st.integers(0, 4))):
        source = draw(st.sampled_from("abc"))
        ordered = draw(st.booleans())
        minutes = draw(st.lists(st.none() | st.integers(0, 20), max_size=30))
        if ordered:
            minutes.sort(key=lambda minute: -1 if minute is None else minute, reverse=True)
        lists.append(
            Listed(
                source,
                [Item(source, f"{number}/{place}", minute) for place, minute in enumerate(minutes)],
                key=str(number),
                max_limit=draw(st.sampled_from([1, 3, 7, 100])),
                ordered=ordered,
                counts=draw(st.booleans()),
                short=draw(st.sampled_from([1, 2, 4, 6, 1_000])),
            )
        )
    return lists


@given(_lists(), st.integers(1, 12))
@settings(deadline=None, max_examples=60)
async def test_paging_through_any_feeds_serves_each_item_exactly_once(
    lists: list[Listed], first: int
) -> None:
    pages = await _walk(lists, first=first)

    served = [item for page in pages for item in page]
    assert sorted(item.name for item in served) == sorted(item.name for each in lists for item in each.items)
    assert all(len(page) == first for page in pages[:-1])
    for each in lists:
        assert [item for item in served if item in each.items] == each.items, "each in its own order"
    if all(each.ordered for each in lists):
        moments = [item.minute if item.minute is not None else -1 for item in served]
        assert moments == sorted(moments, reverse=True)


@given(_lists(), st.integers(1, 12))
@settings(deadline=None, max_examples=40)
async def test_paging_through_any_feeds_one_after_the_other_serves_each_item_exactly_once(
    lists: list[Listed], first: int
) -> None:
    pages = await _walk(lists, first=first, read=one_after_the_other)

    # Feeds stand together by their source, as the sources' offers do.
    sources = list(dict.fromkeys(each.source for each in lists))
    expected = [item for source in sources for each in lists if each.source == source for item in each.items]
    assert [item for page in pages for item in page] == expected
    assert all(len(page) == first for page in pages[:-1])


# What happens between two pages: which of the served items go, counted from the last, and how many come.
_CHANGES = st.tuples(st.sets(st.integers(0, 30), max_size=OVERLAP), st.integers(0, 7))


@given(st.integers(0, 40), st.integers(1, 9), st.sampled_from([3, 1_000]), st.lists(_CHANGES, max_size=4))
@settings(deadline=None, max_examples=60)
async def test_whatever_happens_to_what_was_served_nothing_is_hidden(
    length: int, first: int, short: int, changes: list[tuple[set[int], int]]
) -> None:
    a = _listed("a", *range(length, 0, -1), short=short)
    originals = {item.name for item in a.items}
    coming = iter(changes)

    def change(served: list[Item]) -> None:
        gone, new = next(coming, (set(), 0))
        latest = list(dict.fromkeys(reversed(served)))
        for place in gone:
            if place < len(latest) and latest[place] in a.items:
                a.items.remove(latest[place])
        a.items[:0] = [Item("a", f"new {len(served)}/{number}", 1_000) for number in range(new)]

    pages = await _walk([a], first=first, between=change)

    assert {item.name for page in pages for item in page} >= originals


# -- one after the other


async def test_a_feed_is_asked_once_those_before_it_are_done() -> None:
    a, b, c = _listed("a", 1, 2, 3), _listed("b", 9), _listed("c", 7)

    page = await _page([a, b, c], first=3, read=one_after_the_other)

    assert _names(page) == ["a1", "a2", "a3"]
    assert (a.reads, b.reads, c.reads) == ([(0, 3)], [], [])
    assert (page.page_info.has_next_page, page.total_count) == (True, None)

    rest = await _page([a, b, c], first=3, after=page.page_info.end_cursor, read=one_after_the_other)

    assert _names(rest) == ["b9", "c7"]
    assert (b.reads, c.reads) == ([(0, 3)], [(0, 2)])
    assert (rest.page_info.has_next_page, rest.total_count) == (False, 5)


async def test_a_feed_that_fails_is_passed_by_and_caught_up_later() -> None:
    fetch = _fetch()
    failure = SourceUnavailable("a")
    a, b = _listed("a", 1, 2, 3), _listed("b", 9, 8)

    first = await _page([a, b], first=2, read=one_after_the_other)
    a.failure = failure
    second = await _page(
        [a, b], first=2, after=first.page_info.end_cursor, read=one_after_the_other, fetch=fetch
    )
    a.failure = None
    third = await _page([a, b], first=2, after=second.page_info.end_cursor, read=one_after_the_other)

    assert (_names(first), _names(second), _names(third)) == (["a1", "a2"], ["b9", "b8"], ["a3"])
    assert fetch.context.reports == [Report(failure, ("tickets",), ())]
    assert [each.state for each in second.sources] == [SliceState.UNAVAILABLE, SliceState.OK]


# -- who takes part


class _Lister:
    def __init__(self, listed: Listed | NoFeed) -> None:
        self.listed = listed

    def list_tickets(self, wanted: object) -> Any:  # noqa: ARG002
        return (self.listed.feed,) if isinstance(self.listed, Listed) else self.listed


def _source(key: str, client: object) -> Source:
    return Source(key, "thulium", key, "", client, {})


_WITHOUT = NoFeed(SliceState.UNSUPPORTED, "No such list.")


_FORBIDDEN = NoFeed(SliceState.FORBIDDEN, "You may not see this source's part.")


def _participants(fetch: AnyFetch, names: list[str] | None) -> dict[str, object]:
    offers = participants(
        fetch,
        names,
        TicketLister,
        lambda _, client: client.list_tickets(None),  # type: ignore[arg-type]
        without=_WITHOUT,
        needs=Scope.TICKETS_READ,
    )
    return {
        each.source: each.offer if isinstance(each.offer, NoFeed) else [feed.source for feed in each.offer]
        for each in offers
    }


async def test_every_source_takes_part_as_far_as_it_can() -> None:
    skipped = NoFeed(SliceState.SKIPPED, "Name an account.")
    fetch = _fetch(
        _source("a", _Lister(_listed("a"))), _source("b", object()), _source("c", _Lister(skipped))
    )

    assert _participants(fetch, None) == {"a": ["a"], "b": _WITHOUT, "c": skipped}


async def test_only_the_wanted_sources_are_asked() -> None:
    fetch = _fetch(*(_source(key, _Lister(_listed(key))) for key in "abc"))
    unwanted = NoFeed(SliceState.SKIPPED, "Not among the wanted sources.")

    assert _participants(fetch, ["c", "a"]) == {"a": ["a"], "b": unwanted, "c": ["c"]}
    assert _participants(fetch, []) == {"a": unwanted, "b": unwanted, "c": unwanted}


async def test_a_source_that_the_caller_may_not_see_is_not_asked() -> None:
    fetch = _fetch(
        *(_source(key, _Lister(_listed(key))) for key in "abc"), grants=Grants.of(["tickets:read@b"])
    )
    unwanted = NoFeed(SliceState.SKIPPED, "Not among the wanted sources.")

    assert _participants(fetch, None) == {"a": _FORBIDDEN, "b": ["b"], "c": _FORBIDDEN}
    assert _participants(fetch, ["a", "b"]) == {"a": _FORBIDDEN, "b": ["b"], "c": unwanted}


@pytest.mark.parametrize(
    ("offers", "source"),
    [([_FORBIDDEN, _FORBIDDEN], None), ([_FORBIDDEN, _WITHOUT], "a"), ([_WITHOUT, _FORBIDDEN], "b")],
)
def test_a_list_of_refusals_alone_is_refused(offers: list[NoFeed], source: str | None) -> None:
    refused: list[Participant[Any]] = [
        Participant(key, offer) for key, offer in zip("ab", offers, strict=True)
    ]

    with pytest.raises(Forbidden) as raised:
        some_allowed(refused, Scope.TICKETS_READ)

    assert (raised.value.source, raised.value.scope) == (source, "tickets:read")


@pytest.mark.parametrize("offers", [[], [_WITHOUT], [_FORBIDDEN, ()]])
def test_any_other_list_stands(offers: list[Any]) -> None:
    kept: list[Participant[Any]] = [Participant(str(index), offer) for index, offer in enumerate(offers)]
    assert some_allowed(kept, Scope.TICKETS_READ) is kept


async def test_a_wanted_source_that_is_not_there_is_refused_by_its_place() -> None:
    fetch = _fetch(_source("a", _Lister(_listed("a"))))

    with pytest.raises(BadInput) as refused:
        _participants(fetch, ["a", "x"])

    assert refused.value.argument == "filter.sources.1"
