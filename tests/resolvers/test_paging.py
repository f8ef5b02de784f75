import base64
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.errors import (
    BadInput,
    CircuitOpen,
    DeadlineExceeded,
    SourceError,
    SourceThrottled,
    TooManySourceCalls,
)
from gateway.domain.ids import EntityType, Ref
from gateway.domain.pages import SliceState
from gateway.domain.ports import CaseFilter
from gateway.domain.records import Fetched, OriginKind
from resolvers.paging import (
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

_CURSORS = ListCursors("cases", (CaseFilter(search="a"), ("hub",)))
_POSITIONS = {"hub/all": Position(20, ("a", "b", "c")), "desk/1": Position(7)}


# -- sizes


@pytest.mark.parametrize(("given_", "size"), [(None, 20), (1, 1), (20, 20), (100, 100)])
def test_a_page_has_1_to_100_items_and_20_unless_told(given_: int | None, size: int) -> None:
    assert page_size(given_) == size


@pytest.mark.parametrize("size", [0, -1, 101, 2**31])
def test_another_size_is_refused_by_its_argument(size: int) -> None:
    with pytest.raises(BadInput) as refused:
        page_size(size, argument="last")

    assert (refused.value.message, refused.value.argument) == (
        f"`last` must be 1 to 100, not {size}.",
        "last",
    )


# -- cursors


def test_a_cursor_leads_back_to_its_positions() -> None:
    assert _CURSORS.read(_CURSORS.write(_POSITIONS)) == _POSITIONS


def test_without_a_cursor_a_list_begins() -> None:
    assert _CURSORS.read(None) == {}


def test_a_cursor_is_good_for_an_equal_list_of_another_request() -> None:
    equal = ListCursors("cases", (CaseFilter(search="a"), ("hub",)))

    assert equal.read(_CURSORS.write(_POSITIONS)) == _POSITIONS


def test_a_cursor_can_stand_in_a_url_as_it_is() -> None:
    cursor = _CURSORS.write({"é/ü?": Position(2**31 - 1, ("~~~", "???"))})

    assert cursor.isascii()
    assert cursor.replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize(
    "other",
    [
        ListCursors("tickets", (CaseFilter(search="a"), ("hub",))),
        ListCursors("cases", (CaseFilter(search="b"), ("hub",))),
        ListCursors("cases", (CaseFilter(search="a", tags=()), ("hub",))),
        ListCursors("cases", (CaseFilter(search="a"), ("desk",))),
        ListCursors("cases", (CaseFilter(search="a"), ("hub", "desk"))),
        ListCursors("cases", (CaseFilter(search="a"), None)),
        ListCursors("", "cases"),
    ],
    ids=["list", "filter", "empty filter", "source", "sources", "all sources", "name"],
)
def test_a_cursor_of_another_list_or_filter_is_refused(other: ListCursors) -> None:
    with pytest.raises(BadInput) as refused:
        _CURSORS.read(other.write(_POSITIONS))

    assert (refused.value.message, refused.value.argument) == (
        "`after` belongs to another list or filter. Repeat the filter it came from.",
        "after",
    )


def _forged(plain: object) -> str:
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(plain)).rstrip(b"=").decode()


def _hash_of(cursors: ListCursors) -> str:
    cursor = cursors.write({})
    plain = msgspec.msgpack.decode(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    assert isinstance(plain, list)
    return str(plain[0])


_HASH = _hash_of(_CURSORS)


def test_the_forgeries_below_are_made_like_a_cursor() -> None:
    assert _CURSORS.read(_forged([_HASH, {"hub/all": [3, ["x"]]}])) == {"hub/all": Position(3, ("x",))}
    assert _CURSORS.read(_forged([_HASH, {"hub/all": [2**31 - 1]}])) == {"hub/all": Position(2**31 - 1)}


@pytest.mark.parametrize(
    "cursor",
    [
        pytest.param("", id="nothing"),
        pytest.param("abc", id="a word"),
        pytest.param("Żółć", id="not ASCII"),
        pytest.param("\ud800", id="a lone surrogate"),
        pytest.param("A", id="a length that base64 can't have"),
        pytest.param("=" * 9, id="padding"),
        pytest.param("A" * 100_000, id="very long"),
        pytest.param(_CURSORS.write(_POSITIONS)[:-4], id="cut off"),
        pytest.param(_CURSORS.write(_POSITIONS) + "AAAA", id="lengthened"),
        pytest.param(Ref(EntityType.CASE, "hub", ("a",)).global_id, id="an id"),
        pytest.param(mark("x"), id="another list's kind of cursor"),
        pytest.param(_forged(None), id="null"),
        pytest.param(_forged([_HASH]), id="no positions"),
        pytest.param(_forged([_HASH, {"hub/all": []}]), id="no offset"),
        pytest.param(_forged([_HASH, {"hub/all": [-1]}]), id="a negative offset"),
        pytest.param(_forged([_HASH, {"a": [0], "hub/all": [-(2**63)]}]), id="a very negative offset"),
        pytest.param(_forged([_HASH, {"hub/all": [2**31]}]), id="a huge offset"),
        pytest.param(_forged([_HASH, {"hub/all": [2**64 - 1]}]), id="a very huge offset"),
        pytest.param(_forged([_HASH, {"hub/all": [1.5]}]), id="a broken offset"),
        pytest.param(_forged([_HASH, {"hub/all": ["1"]}]), id="an offset in words"),
        pytest.param(_forged([_HASH, {"hub/all": [1, [2]]}]), id="a mark that is no text"),
        pytest.param(_forged([_HASH, {1: [1]}]), id="a feed that is no text"),
        pytest.param(_forged(["", {"hub/all": [1]}]), id="no hash"),
        pytest.param(
            base64.urlsafe_b64encode(b"\x93\xa1h\x80" + b"\x91" * 100_000).decode(), id="deeply nested"
        ),
        pytest.param(base64.urlsafe_b64encode(b"\x92\xa1h\xdf\xff\xff\xff\xff").decode(), id="a huge table"),
    ],
)
def test_whatever_is_no_cursor_of_the_list_is_refused(cursor: str) -> None:
    with pytest.raises(BadInput) as refused:
        _CURSORS.read(cursor, argument="after")

    assert refused.value.argument == "after"
    assert refused.value.message in {
        "`after` is no cursor of this list. Pass one that an earlier page gave.",
        "`after` belongs to another list or filter. Repeat the filter it came from.",
    }


@given(st.text() | st.binary().map(lambda plain: base64.urlsafe_b64encode(plain).decode()))
@settings(deadline=None)
def test_any_text_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        _CURSORS.read(text)


_ANY = st.recursive(
    st.none() | st.integers(-(2**63), 2**64 - 1) | st.text(max_size=5) | st.floats() | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
)


@given(_ANY)
@settings(deadline=None)
def test_any_forgery_is_refused_or_holds_sound_positions(inner: object) -> None:
    try:
        positions = _CURSORS.read(_forged([_HASH, inner]))
    except BadInput:
        return
    for feed, position in positions.items():
        assert isinstance(feed, str)
        assert 0 <= position.offset < 2**31
        assert all(isinstance(each, str) for each in position.marks)


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"])),
        st.builds(
            Position,
            st.integers(0, 2**31 - 1),
            st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=16), max_size=3).map(tuple),
        ),
    )
)
@settings(deadline=None)
def test_any_positions_come_back_unchanged(positions: dict[str, Position]) -> None:
    assert _CURSORS.read(_CURSORS.write(positions)) == positions


def test_a_mark_is_short_and_tells_items_apart() -> None:
    marks = {mark(f"item {number}") for number in range(1_000)}

    assert len(marks) == 1_000
    assert {len(each) for each in marks} == {8}
    assert mark("item 1") == mark("item 1")


# -- what is served


def test_a_page_has_its_nodes_with_and_without_their_edges() -> None:
    page = Connection([Edge("1", "a"), Edge("2", "b")], PageInfo(True, False, "1", "2"), None)

    assert (page.nodes, page.sources) == (["a", "b"], ())


def test_a_source_that_could_not_be_asked_is_told_without_its_detail() -> None:
    error = SourceThrottled("hub", detail="https://hub.example/?token=secret", retry_after_s=3)

    assert SourceSlice.unavailable("hub", error, ordered=False) == SourceSlice(
        "hub",
        SliceState.UNAVAILABLE,
        ordered=False,
        error=SliceError("SOURCE_THROTTLED", "The source asked for fewer requests."),
        retry_after=3,
    )


@pytest.mark.parametrize(
    ("error", "code", "retry_after"),
    [
        (DeadlineExceeded("hub"), "DEADLINE_EXCEEDED", None),
        (TooManySourceCalls("hub", "more than 3 calls to hub"), "TOO_MANY_SOURCE_CALLS", None),
        (CircuitOpen("hub", retry_after_s=0.2), "SOURCE_UNAVAILABLE", 1),
        (CircuitOpen("hub"), "SOURCE_UNAVAILABLE", None),
        (SourceThrottled("hub", retry_after_s=0), "SOURCE_THROTTLED", 0),
    ],
    ids=lambda each: type(each).__name__ if isinstance(each, SourceError) else "",
)
def test_a_source_that_could_not_be_asked_says_why_and_when_to_ask_again(
    error: SourceError, code: str, retry_after: int | None
) -> None:
    assert SourceSlice.unavailable("hub", error, ordered=True) == SourceSlice(
        "hub", SliceState.UNAVAILABLE, error=SliceError(code, error.message), retry_after=retry_after
    )


_NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def _fetched(age_s: float, *, stale: bool = False) -> Fetched:
    return Fetched(_NOW - timedelta(seconds=age_s), OriginKind.CACHE if age_s else OriginKind.SOURCE, stale)


@pytest.mark.parametrize(
    ("fetched", "state", "age_ms"),
    [
        ([], SliceState.OK, None),
        ([_fetched(0)], SliceState.OK, 0),
        ([_fetched(0), _fetched(1.2345), _fetched(1)], SliceState.OK, 1234),
        ([_fetched(0), _fetched(40, stale=True)], SliceState.STALE, 40_000),
        # As old as its oldest part, whichever of them is the stale one.
        ([_fetched(60), _fetched(40, stale=True)], SliceState.STALE, 60_000),
        # By a clock that was set back meanwhile.
        ([_fetched(-5)], SliceState.OK, 0),
    ],
    ids=["nothing", "new", "of the cache", "partly stale", "oldest", "from the future"],
)
def test_a_source_that_took_part_is_as_old_as_its_oldest_answer(
    fetched: list[Fetched], state: SliceState, age_ms: int | None
) -> None:
    assert SourceSlice.of("hub", iter(fetched), ordered=False, now=_NOW) == SourceSlice(
        "hub", state, ordered=False, age_ms=age_ms
    )


@pytest.mark.parametrize(
    "position", [Position(-1), Position(2**31), Position(0, ("a", "b", "c", "d")), Position(0, ("a" * 17,))]
)
def test_a_position_that_no_page_writes_is_none(position: Position) -> None:
    with pytest.raises(BadInput):
        _CURSORS.read(_CURSORS.write({"feed": position}))
