from hypothesis import given
from hypothesis import strategies as st

from gateway.resilience.window import Window


def test_it_counts_each_kind() -> None:
    window = Window(3, span_s=10)
    for kind in (0, 2, 2, 0, 0):
        window.add(kind, 1234.5)

    assert list(window.totals(1234.5)) == [3, 0, 2]


def test_what_is_older_than_the_span_falls_out_a_bucket_at_a_time() -> None:
    window = Window(1, span_s=10, buckets=5)
    for second in range(100, 110):
        window.add(0, second)

    assert [window.totals(second)[0] for second in (109, 109.9, 110, 112, 114, 116, 118, 120)] == [
        10,
        10,
        8,
        6,
        4,
        2,
        0,
        0,
    ]


def test_after_a_long_silence_it_is_empty() -> None:
    window = Window(1, span_s=10)
    window.add(0, 5)

    assert list(window.totals(1e9)) == [0]


@given(
    st.lists(st.tuples(st.integers(0, 2), st.floats(0, 7)), max_size=60),
    st.integers(1, 6),
)
def test_it_holds_no_more_than_the_span_and_no_less_than_that_without_a_bucket(
    steps: list[tuple[int, float]], buckets: int
) -> None:
    window = Window(3, span_s=6.0, buckets=buckets)
    now_s = 500.0
    events: list[tuple[int, float]] = []

    for kind, later_s in steps:
        now_s += later_s
        window.add(kind, now_s)
        events.append((kind, now_s))
        for each, count in enumerate(window.totals(now_s)):
            of_kind = [when for was, when in events if was == each]
            width_s = 6.0 / buckets
            assert count <= sum(when > now_s - 6.0 - 1e-6 for when in of_kind)
            assert count >= sum(when > now_s - 6.0 + width_s + 1e-6 for when in of_kind)
