from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.pages import Page, whole
from gateway.domain.records import Fetched

FETCHED = Fetched(datetime(2026, 3, 1, tzinfo=UTC))


def test_a_list_that_came_whole_is_read_page_by_page() -> None:
    read = whole(("a", "b", "c", "d", "e"), FETCHED)

    assert [read(0, 2), read(2, 2), read(4, 2)] == [
        Page(("a", "b"), 5, exhausted=False, fetched=FETCHED),
        Page(("c", "d"), 5, exhausted=False, fetched=FETCHED),
        Page(("e",), 5, exhausted=True, fetched=FETCHED),
    ]


def test_a_page_that_ends_with_the_list_is_the_last() -> None:
    assert whole((1, 2, 3, 4), FETCHED)(2, 2) == Page((3, 4), 4, exhausted=True, fetched=FETCHED)


def test_behind_the_end_there_is_nothing() -> None:
    assert whole((1, 2), FETCHED)(7, 3) == Page((), 2, exhausted=True, fetched=FETCHED)


def test_an_empty_list_is_done_at_once() -> None:
    empty: tuple[int, ...] = ()

    assert whole(empty, FETCHED)(0, 20) == Page((), 0, exhausted=True, fetched=FETCHED)


@given(st.lists(st.integers()).map(tuple), st.integers(1, 10))
@settings(deadline=None)
def test_pages_put_together_are_the_list(items: tuple[int, ...], limit: int) -> None:
    read = whole(items, FETCHED)
    together: list[int] = []
    while not (page := read(len(together), limit)).exhausted:
        assert len(page.items) == limit
        together += page.items

    assert (*together, *page.items) == items
