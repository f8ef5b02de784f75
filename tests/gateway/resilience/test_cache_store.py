import tracemalloc

import pytest

from gateway.domain.errors import SourceUnavailable
from gateway.resilience.cache_store import CacheStore, Entry
from gateway.resilience.freshness import Usable
from gateway.resilience.sharing import Key, sharing_key
from gateway.transport import Call, Reply
from tests.gateway.resilience.transports import WRITE

_FOR_EVER = Usable(1e9, 0.0, {})


def _key(name: str, *, body: bytes = b"") -> Key:
    key = sharing_key(Call("read", "GET", name, safe=True, body=body))
    assert key is not None
    return key


def _entry(
    store: CacheStore, size: int = 1000, *, usable: Usable = _FOR_EVER, began_s: float = 100.0
) -> Entry:
    return Entry(Reply(200, {}, b"x" * size), usable, store.generations.current(), began_s, began_s + 1)


def _kept(store: CacheStore, *names: str) -> list[str]:
    return [name for name in names if store.get(_key(name)) is not None]


def test_what_is_put_is_found() -> None:
    store = CacheStore(max_bytes=100_000)
    entry = _entry(store)

    store.put(_key("a"), entry, 101.0)

    assert (store.get(_key("a")), store.get(_key("b")), len(store)) == (entry, None, 1)


def test_the_newest_takes_the_place_of_the_one_before() -> None:
    store = CacheStore(max_bytes=100_000)
    store.put(_key("a"), _entry(store, 5000), 101.0)
    newer = _entry(store, 10, began_s=105.0)

    store.put(_key("a"), newer, 106.0)

    assert (store.get(_key("a")), len(store)) == (newer, 1)
    assert store.held_bytes < 5000


def test_an_answer_that_was_overtaken_is_not_put_back() -> None:
    store = CacheStore(max_bytes=100_000)
    newer, older = _entry(store, began_s=105.0), _entry(store, began_s=103.0)
    store.put(_key("a"), newer, 106.0)

    store.put(_key("a"), older, 107.0)

    assert store.get(_key("a")) is newer


def test_when_it_is_full_the_least_used_goes() -> None:
    store = CacheStore(max_bytes=30_000)
    names = [f"n{each}" for each in range(13)]
    for name in names[:12]:
        store.put(_key(name), _entry(store), 101.0)
    before = _kept(store, *names)
    # Looking for them was a use of all; then these again.
    _kept(store, "n0", "n2")

    for name in ("m0", "m1", "m2"):
        store.put(_key(name), _entry(store), 101.0)

    assert len(before) == 11, "one had to go already"
    assert _kept(store, *names) == [each for each in before if each not in ("n1", "n3", "n4")]
    assert _kept(store, "m0", "m1", "m2") == ["m0", "m1", "m2"]
    assert store.held_bytes <= 30_000


def test_keys_count_too() -> None:
    store = CacheStore(max_bytes=30_000)
    for each in range(100):
        store.put(_key(f"n{each}", body=b"b" * 2000), _entry(store, 0), 101.0)

    assert 5 <= len(store) <= 9
    assert store.held_bytes <= 30_000


def test_no_answer_may_crowd_out_most_others() -> None:
    store = CacheStore(max_bytes=80_000)
    store.put(_key("a"), _entry(store), 101.0)
    store.put(_key("large"), _entry(store), 101.0)

    store.put(_key("large"), _entry(store, 10_000, began_s=103.0), 104.0)

    assert _kept(store, "a", "large") == ["a"], "nor is the older one of the same kept in its place"


def test_what_can_no_longer_be_used_goes_as_soon_as_it_is_the_least_used() -> None:
    store = CacheStore(max_bytes=100_000)
    for name, usable in (
        ("over", Usable(2.0, 5.0, {})),
        ("can be asked about", Usable(2.0, 5.0, {"if-none-match": "1"})),
        ("over but used lately", Usable(2.0, 5.0, {})),
    ):
        store.put(_key(name), _entry(store, usable=usable), 101.0)

    store.put(_key("new"), _entry(store, began_s=200.0), 201.0)

    assert len(store) == 3
    assert _kept(store, "over", "can be asked about") == ["can be asked about"]


def test_a_useless_newcomer_leaves_an_empty_store() -> None:
    store = CacheStore(max_bytes=100_000)

    store.put(_key("a"), _entry(store, usable=Usable(2.0, 5.0, {})), 500.0)

    assert (len(store), store.held_bytes) == (0, 0)


@pytest.mark.parametrize(
    ("now_s", "can"),
    [
        (101.0, (True, True, True)),
        (102.9, (True, True, True)),
        (103.0, (False, True, True)),
        (107.9, (False, True, True)),
        (108.0, (False, False, False)),
    ],
)
def test_an_answer_is_fresh_then_tolerable_then_of_no_use(now_s: float, can: tuple[bool, ...]) -> None:
    entry = _entry(CacheStore(max_bytes=1), usable=Usable(2.0, 5.0, {}))

    assert (entry.is_fresh(now_s), entry.is_tolerable(now_s), entry.is_of_use(now_s)) == can


def test_what_was_dropped_is_gone() -> None:
    store = CacheStore(max_bytes=100_000)
    store.put(_key("a"), _entry(store), 101.0)

    store.drop(_key("a"))
    store.drop(_key("never there"))

    assert (_kept(store, "a"), store.held_bytes) == ([], 0)


def test_what_was_read_before_a_write_is_neither_found_nor_kept() -> None:
    store = CacheStore(max_bytes=100_000)
    late = _entry(store)
    store.put(_key("a"), _entry(store), 101.0)

    with store.generations.writing():
        assert _kept(store, "a") == []
        store.put(_key("b"), _entry(store), 101.0)
        assert _kept(store, "b") == ["b"], "read since the write began"
    store.put(_key("c"), late, 101.0)

    assert _kept(store, "a", "b", "c") == []


def test_what_was_read_before_a_write_does_not_displace_what_was_read_after_it() -> None:
    store = CacheStore(max_bytes=100_000)
    late = _entry(store, 5000)
    with store.generations.writing():
        pass
    newer = _entry(store, began_s=105.0)
    store.put(_key("a"), newer, 106.0)
    held_bytes = store.held_bytes

    store.put(_key("a"), late, 107.0)
    store.put(_key("b"), late, 107.0)

    assert (store.get(_key("a")), len(store), store.held_bytes) == (newer, 1, held_bytes)


def test_a_write_that_was_not_sent_brings_back_what_was_known() -> None:
    store = CacheStore(max_bytes=100_000)
    store.put(_key("a"), _entry(store), 101.0)

    with pytest.raises(SourceUnavailable), store.generations.writing():
        raise SourceUnavailable("hub", sent=False, detail=WRITE.operation)

    assert _kept(store, "a") == ["a"]


def test_memory_is_counted_for_what_it_is() -> None:
    store = CacheStore(max_bytes=2_000_000)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for each in range(20_000):
            key = sharing_key(
                Call(
                    "read",
                    "GET",
                    f"cases/{each}",
                    safe=True,
                    query=((f"offset{each}", str(each)),),
                    headers={"accept": "application/json"},
                )
            )
            assert key is not None
            headers = {f"header-{name}": f"value {name} of {each}" for name in range(6)}
            reply = Reply(200, headers, b"%d" % each * 100)
            usable = Usable(1e9, 0.0, {"if-none-match": str(each)})
            store.put(key, Entry(reply, usable, 0, 1.0 * each, 2.0 * each), 2.0 * each)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert 0.6 * store.held_bytes < after - before < 1.1 * store.held_bytes
    assert 1_990_000 < store.held_bytes <= 2_000_000
