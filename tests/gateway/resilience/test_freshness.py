import math
from dataclasses import replace

import pytest

from gateway.resilience.freshness import Usable, age_s, usable
from gateway.transport import Reply
from tests.gateway.resilience.transports import READ, status

_CALL = replace(READ, headers={"Accept": "application/json", "X-Tenant": "a"})


def _usable(reply: Reply, *, ttl_s: float = 5.0, took_s: float = 0.0) -> Usable | None:
    return usable(_CALL, reply, ttl_s=ttl_s, max_stale_s=60.0, took_s=took_s)


def _times(**headers: str) -> tuple[float, float] | None:
    how = _usable(status(200, **headers))
    return None if how is None else (how.fresh_s, how.stale_s)


def test_a_source_that_says_nothing_leaves_it_to_us() -> None:
    assert _usable(status(200)) == Usable(5.0, 60.0, {})


@pytest.mark.parametrize(
    ("said", "times"),
    [
        ("", (5, 60)),
        ("max-age=3", (3, 60)),
        ("max-age=3600", (5, 60)),
        ("max-age=0", (0, 60)),
        ("Max-Age=3", (3, 60)),
        ('max-age="3"', (3, 60)),
        ("max-age=-1", (0, 60)),
        ("max-age=soon", (0, 60)),
        ("max-age", (0, 60)),
        ("private, max-age=3", (3, 60)),
        ("public", (5, 60)),
        ("max-age=3, must-revalidate", (3, 0)),
        ("must-revalidate", (5, 0)),
        ("stale-if-error=20", (5, 20)),
        ("stale-if-error=86400", (5, 60)),
        ("stale-if-error=0", (5, 0)),
        ("max-age=3, stale-if-error=20, must-revalidate", (3, 0)),
        # Without a validator there is nothing that could be done with these.
        ("no-cache", None),
        ("no-cache, stale-if-error=20", None),
        ("max-age=0, must-revalidate", None),
        ("no-store", None),
        ("NO-STORE, max-age=3", None),
    ],
)
def test_cache_control_may_shorten_our_times(said: str, times: tuple[float, float] | None) -> None:
    assert _times(cache_control=said) == times


@pytest.mark.parametrize(
    ("headers", "times"),
    [
        ({"expires": "Sun, 01 Mar 2026 12:00:03 GMT", "date": "Sun, 01 Mar 2026 12:00:00 GMT"}, (3, 60)),
        ({"expires": "Sun, 01 Mar 2026 13:00:00 GMT", "date": "Sun, 01 Mar 2026 12:00:00 GMT"}, (5, 60)),
        ({"expires": "Thu, 19 Nov 1981 08:52:00 GMT", "date": "Sun, 01 Mar 2026 12:00:00 GMT"}, (0, 60)),
        ({"expires": "Sun, 01 Mar 2026 12:00:03 GMT"}, (0, 60)),
        ({"expires": "Sun, 01 Mar 2026 12:00:03 -0000", "date": "Sun, 01 Mar 2026 12:00:00 GMT"}, (0, 60)),
        ({"expires": "0"}, (0, 60)),
        # max-age wins (section 5.3).
        ({"expires": "0", "cache_control": "max-age=3"}, (3, 60)),
    ],
)
def test_expires_may_too(headers: dict[str, str], times: tuple[float, float]) -> None:
    assert _times(**headers) == times


def test_the_time_spent_in_caches_before_us_and_on_the_way_counts() -> None:
    reply = status(200, cache_control="max-age=10", age="4")

    assert [_usable(reply, ttl_s=ttl_s, took_s=2) for ttl_s in (9, 3)] == [
        Usable(4.0, 60.0, {}),
        Usable(3.0, 60.0, {}),
    ]


@pytest.mark.parametrize(("header", "age"), [("0", 0), ("7", 7), ("-7", 0), ("old", 0)])
def test_an_answer_may_come_with_an_age(header: str, age: float) -> None:
    assert age_s(status(200, age=header)) == age


def test_most_answers_are_new() -> None:
    assert age_s(status(200)) == 0


def test_what_can_be_asked_about_is_kept_for_that() -> None:
    reply = status(200, cache_control="no-cache", etag='W/"7"', last_modified="Sun, 01 Mar 2026 12:00:00 GMT")

    assert _usable(reply) == Usable(
        0.0, 0.0, {"if-none-match": 'W/"7"', "if-modified-since": "Sun, 01 Mar 2026 12:00:00 GMT"}
    )


@pytest.mark.parametrize(
    ("vary", "kept"),
    [
        ("", True),
        ("Accept-Encoding", True),
        ("accept, Accept-Language,Origin , Cookie", True),
        ("Authorization", True),
        ("X-Tenant", True),
        ("X-Region", False),
        ("Accept, X-Region", False),
        ("*", False),
        ("Accept,", False),
    ],
)
def test_what_varies_on_something_that_the_key_does_not_hold_is_not_kept(vary: str, kept: bool) -> None:
    assert (_usable(status(200, vary=vary)) is not None) is kept


def test_without_any_word_on_time_only_ours_counts_however_long_it_took() -> None:
    how = _usable(status(200), took_s=100)

    assert how is not None
    assert (how.fresh_s, math.isfinite(how.fresh_s)) == (5, True)
