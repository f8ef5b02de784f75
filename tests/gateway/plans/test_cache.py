import tracemalloc

from graphql import build_schema, parse

from gateway.plans.cache import DocumentCache
from gateway.plans.compile import Prepared
from gateway.plans.engine import Engine

_SCHEMA = build_schema("type Query { a: Int, b: Int, q: Query }")


def _prepared(text: str) -> Prepared:
    return Prepared(parse(text))


def _size(text: str) -> int:
    return len(text) + _prepared(text).bytes


def test_a_document_is_found_again_by_its_text() -> None:
    cache = DocumentCache()
    kept = cache.put("{ a }", _prepared("{ a }"))
    assert cache.get("{ a }") is kept
    assert cache.get("{ b }") is None


def test_the_one_that_was_asked_for_longest_ago_goes_first() -> None:
    cache = DocumentCache(max_documents=2)
    cache.put("{ a }", _prepared("{ a }"))
    cache.put("{ b }", _prepared("{ b }"))
    cache.get("{ a }")
    cache.put("{ q { a } }", _prepared("{ q { a } }"))
    assert [cache.get(each) is not None for each in ("{ a }", "{ b }", "{ q { a } }")] == [True, False, True]


def test_a_stream_of_distinct_documents_stays_within_the_bytes() -> None:
    cache = DocumentCache(max_bytes=100_000)
    for number in range(2_000):
        text = f"{{ a{number}: a }}"
        cache.put(text, _prepared(text))
        assert cache.bytes <= 100_000
    assert 0 < len(cache) < 2_000
    assert cache.bytes == len(cache) * _size("{ a1999: a }")


def test_a_document_larger_than_all_room_is_not_kept() -> None:
    cache = DocumentCache(max_bytes=100_000)
    text = "{ " + " ".join(f"a{number}: a" for number in range(200)) + " }"
    assert cache.put(text, _prepared(text)).document.definitions
    assert (len(cache), cache.bytes) == (0, 0)


async def test_plans_count_as_they_grow() -> None:
    text = "query($c: Boolean!) { a @skip(if: $c) q { a b } }"
    cache = DocumentCache(max_bytes=_size(text) + 1)
    kept = cache.put(text, _prepared(text))
    await Engine(_SCHEMA).run(kept, context=None, root={"q": {"a": 1}}, variables={"c": True})
    cache.get(text)
    assert len(cache) == 0


async def test_what_is_counted_is_no_less_than_what_is_taken() -> None:
    engine = Engine(_SCHEMA)
    texts = [f"query Q{n} {{ q {{ x{n}: a y{n}: b q {{ a b z{n}: a }} }} }}" for n in range(40)]
    await engine.run(_prepared(texts[0]), context=None, root={"q": {"q": {}}})
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        kept = [_prepared(each) for each in texts]
        for each in kept:
            await engine.run(each, context=None, root={"q": {"q": {}}})
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before <= sum(each.bytes for each in kept)
