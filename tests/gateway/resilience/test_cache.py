import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest

from gateway.domain.deadline import Deadline, within
from gateway.domain.errors import (
    CircuitOpen,
    SourceAuthError,
    SourceOverloaded,
    SourceProtocolError,
    SourceThrottled,
    SourceTimeout,
    SourceUnavailable,
)
from gateway.resilience.cache import CacheFill, CacheLookup, CacheOptions
from gateway.resilience.cache_store import CacheStore
from gateway.resilience.deadline import OperationDeadline
from gateway.resilience.single_flight import SingleFlight
from gateway.resilience.stats import Event
from gateway.transport import Call, Reply
from tests.gateway.resilience import virtual_time
from tests.gateway.resilience.transports import (
    OK,
    READ,
    WRITE,
    Answer,
    Source,
    after,
    others,
    outcome_of,
    owned,
    said,
    status,
    steps,
)
from tests.gateway.resilience.virtual_time import now

anyio_backend = virtual_time.anyio_backend

_FRESH = replace(READ, headers={"cache-control": "no-cache"})


class _Cached:
    """Both layers of the cache over a source, with a flight between as in the stack."""

    def __init__(self, source: Source, *, ttl_s: Callable[[Call], float] = lambda _: 10.0) -> None:
        self.source = source
        self.events: list[Event] = []
        self.store = CacheStore(max_bytes=1_000_000)
        options = CacheOptions(ttl_s=ttl_s, max_stale_s=60.0)
        fill = CacheFill(source, self.store, options, now=now, listener=self.events.append)
        flight = SingleFlight(fill, source="hub")
        self.layer = CacheLookup(flight, self.store, now=now, listener=self.events.append)

    async def send(self, call: Call = READ) -> Reply:
        return await self.layer.send(call)


# -- fresh answers


async def test_a_read_is_answered_from_the_cache_while_the_answer_is_fresh() -> None:
    cached = _Cached(Source(status(200, b"1", server="x"), status(200, b"2")))

    first = await cached.send()
    await asyncio.sleep(9.9)
    second = await cached.send()
    await asyncio.sleep(0.1)
    third = await cached.send()

    assert first == status(200, b"1", server="x")
    assert second.age_s is not None
    assert replace(second, age_s=0) == Reply(200, {"server": "x"}, b"1", 0)
    assert second.age_s == pytest.approx(9.9)
    assert third == status(200, b"2")
    assert cached.events == [Event.HIT]


async def test_freshness_counts_from_the_answer_and_age_from_the_question() -> None:
    cached = _Cached(Source(after(30)))
    await cached.send()
    await asyncio.sleep(9)

    assert await cached.send() == Reply(200, {}, b"ok", 39)


async def test_the_age_that_an_answer_came_with_counts() -> None:
    cached = _Cached(Source(status(200, age="100")))
    await cached.send()

    assert await cached.send() == Reply(200, {"age": "100"}, b"", 100)


async def test_each_endpoint_has_its_own_time() -> None:
    ttls = {"read case": 0.0, "list cases": 30.0}
    cached = _Cached(Source(), ttl_s=lambda call: ttls[call.operation])
    listing = Call("list cases", "GET", "cases", safe=True)

    for _ in range(3):
        await cached.send()
        await cached.send(listing)
        await asyncio.sleep(10)

    assert [each.operation for each in cached.source.calls] == [
        "read case",
        "list cases",
        "read case",
        "read case",
    ]


async def test_an_endpoint_without_a_time_is_kept_for_nothing_at_all() -> None:
    cached = _Cached(Source(status(200, etag="1"), status(503)), ttl_s=lambda _: 0.0)
    await cached.send()

    assert await cached.send() == status(503)
    assert (cached.source.calls, len(cached.store)) == ([READ, READ], 0)


async def test_only_those_with_the_same_credentials_share_an_answer() -> None:
    async def whose(call: Call) -> Reply:
        assert call.credential is not None
        return status(200, call.credential.id.encode())

    cached = _Cached(Source(whose))

    bodies = [(await cached.send(owned(READ, each))).body for each in ("ann", "bob", "", "ann")]

    assert bodies == [b"ann", b"bob", b"", b"ann"]
    assert len(cached.source.calls) == 3


@pytest.mark.parametrize("code", [201, 204, 206, 301, 304, 400, 401, 403, 404, 429, 500, 503])
async def test_nothing_but_a_200_is_kept(code: int) -> None:
    cached = _Cached(Source(status(code)))

    assert [await cached.send() for _ in range(2)] == [status(code)] * 2
    assert (len(cached.source.calls), len(cached.store)) == (2, 0)


async def test_writes_and_streamed_bodies_are_not_kept() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"{}"

    cached = _Cached(Source())
    streamed = replace(READ, body=chunks())

    for call in (WRITE, WRITE, streamed, streamed):
        await cached.send(call)

    assert cached.source.calls == [WRITE, WRITE, streamed, streamed]


@pytest.mark.parametrize("headers", [{"cache_control": "no-store"}, {"vary": "*"}, {"vary": "x-region"}])
async def test_what_must_not_be_kept_is_not_and_ends_what_was(headers: dict[str, str]) -> None:
    cached = _Cached(Source(OK, status(200, **headers), status(503)))
    await cached.send()
    await asyncio.sleep(10)
    await cached.send()

    assert await cached.send() == status(503)
    assert len(cached.store) == 0


async def test_who_asks_for_a_fresh_answer_gets_one_and_others_have_it_too() -> None:
    cached = _Cached(Source(status(200, b"1", etag="1"), status(200, b"2")))
    await cached.send()

    fresh = await cached.send(_FRESH)
    later = await cached.send()

    assert (fresh, later) == (status(200, b"2"), Reply(200, {}, b"2", 0))
    assert cached.source.calls == [READ, _FRESH], "without a validator: the source answers in full"


async def test_who_asks_for_a_fresh_answer_gets_no_stale_one() -> None:
    cached = _Cached(Source(OK, status(503)))
    await cached.send()

    assert await cached.send(_FRESH) == status(503)


# -- asking whether it still holds


async def test_an_answer_that_the_source_confirms_is_fresh_again() -> None:
    cached = _Cached(
        Source(
            status(200, b"1", etag='"a"', last_modified="then", server="x"),
            status(304, etag='"b"'),
            status(304),
        )
    )
    await cached.send()
    await asyncio.sleep(10)

    confirmed = await cached.send()
    hit = await cached.send()
    await asyncio.sleep(10)
    await cached.send()

    headers = {"etag": '"b"', "last-modified": "then", "server": "x"}
    assert confirmed == Reply(200, headers, b"1")
    assert hit == Reply(200, headers, b"1", 0)
    assert [dict(each.headers) for each in cached.source.calls] == [
        {},
        {"if-none-match": '"a"', "if-modified-since": "then"},
        {"if-none-match": '"b"', "if-modified-since": "then"},
    ]
    assert cached.events == [Event.REVALIDATED, Event.HIT, Event.REVALIDATED]


async def test_no_cache_means_to_ask_every_time() -> None:
    cached = _Cached(Source(status(200, b"1", etag="a", cache_control="no-cache"), status(304)))

    replies = [await cached.send() for _ in range(3)]

    assert [(each.status, each.body) for each in replies] == [(200, b"1")] * 3
    assert len(cached.source.calls) == 3


async def test_a_changed_answer_takes_the_place_of_the_old_one() -> None:
    cached = _Cached(Source(status(200, b"1", etag="a"), status(200, b"2", etag="b")))
    await cached.send()
    await asyncio.sleep(10)

    assert await cached.send() == status(200, b"2", etag="b")
    assert (await cached.send()).body == b"2"


async def test_a_304_that_nobody_asked_for_passes_as_it_is() -> None:
    cached = _Cached(Source(OK, status(304)))
    await cached.send()
    await asyncio.sleep(10)

    assert await cached.send() == status(304)


# -- stale answers

_FAILURES: list[Answer] = [
    status(500),
    status(503),
    SourceUnavailable("hub"),
    SourceTimeout("hub"),
    CircuitOpen("hub"),
    SourceOverloaded("hub"),
]
_NO_FAILURES: list[Answer] = [
    status(404),
    status(401),
    status(429),
    SourceThrottled("hub"),
    SourceAuthError("hub"),
    SourceProtocolError("hub"),
]


@pytest.mark.parametrize("failure", _FAILURES, ids=repr)
async def test_where_the_source_fails_what_was_known_is_told_with_its_age(failure: Answer) -> None:
    cached = _Cached(Source(status(200, b"1", server="x"), failure))
    await cached.send()
    await asyncio.sleep(40)

    assert await cached.send() == Reply(200, {"server": "x"}, b"1", 40, stale=True)
    assert cached.events == [Event.STALE]


@pytest.mark.parametrize("failure", _FAILURES, ids=repr)
async def test_but_only_for_so_long(failure: Answer) -> None:
    cached = _Cached(Source(status(200, b"1", etag="a"), failure))
    await cached.send()
    await asyncio.sleep(69.9)
    within_limit = await outcome_of(cached.send())
    await asyncio.sleep(0.1)
    beyond = await outcome_of(cached.send())

    assert isinstance(within_limit, Reply)
    assert within_limit.stale
    assert said(beyond) == said(failure)
    assert not getattr(beyond, "stale", False)


@pytest.mark.parametrize("failure", _NO_FAILURES, ids=repr)
async def test_any_other_outcome_is_told_as_it_is(failure: Answer) -> None:
    cached = _Cached(Source(OK, failure))
    await cached.send()
    await asyncio.sleep(40)

    outcome = await outcome_of(cached.send())

    assert (said(outcome), getattr(outcome, "stale", False)) == (said(failure), False)


async def test_what_was_never_known_can_not_stand_in() -> None:
    cached = _Cached(Source(status(503)))

    assert await cached.send() == status(503)


async def test_a_record_that_has_gone_does_not_come_back_when_the_source_fails() -> None:
    cached = _Cached(Source(OK, status(404), status(503)))
    await cached.send()
    await asyncio.sleep(20)
    await cached.send()

    assert await cached.send() == status(503)


async def test_a_429_in_between_does_not_cost_what_is_known() -> None:
    cached = _Cached(Source(OK, status(429), status(503)))
    await cached.send()
    await asyncio.sleep(20)
    await cached.send()

    assert (await cached.send()).stale


async def test_stale_answers_are_not_kept_as_if_they_were_new() -> None:
    cached = _Cached(Source(OK, status(503)))
    await cached.send()
    await asyncio.sleep(20)

    ages = []
    for _ in range(3):
        reply = await cached.send()
        assert reply.stale
        ages.append(reply.age_s)
        await asyncio.sleep(15)

    assert ages == [20, 35, 50]


# -- flights


async def test_an_answer_that_came_too_late_for_all_who_waited_serves_the_next() -> None:
    cached = _Cached(Source(after(5)))
    layer = OperationDeadline(cached.layer, source="hub", now=now)

    with within(Deadline.after(2, now=now)):
        late = await outcome_of(layer.send(READ))
    await asyncio.sleep(4)

    assert said(late)[0] == "DeadlineExceeded"
    assert await layer.send(READ) == Reply(200, {}, b"ok", 6)


@pytest.mark.parametrize("turns", range(8))
async def test_whoever_is_cancelled_at_whatever_point_the_cache_is_filled_once(turns: int) -> None:
    async def in_two_turns(_: Call) -> Reply:
        await steps(2)
        return OK

    cached = _Cached(Source(in_two_turns))
    sending = asyncio.ensure_future(cached.send())
    await steps(turns)

    sending.cancel()
    await outcome_of(sending)
    await steps(9)

    await cached.send()
    assert (len(cached.source.calls), len(cached.store), others()) == (1, 1, set())


# -- writes


async def test_after_a_write_the_source_is_asked_again() -> None:
    cached = _Cached(Source(status(200, b"1"), OK, status(200, b"2")))
    await cached.send()

    await cached.send(WRITE)

    assert (len(cached.store), await cached.send()) == (0, status(200, b"2"))


@pytest.mark.parametrize("outcome", [status(500), status(400), SourceTimeout("hub"), LookupError()], ids=repr)
async def test_however_the_write_ended(outcome: Answer) -> None:
    cached = _Cached(Source(status(200, b"1"), outcome, status(200, b"2")))
    await cached.send()

    await outcome_of(cached.send(WRITE))

    assert await cached.send() == status(200, b"2")


async def test_while_a_write_is_under_way_nothing_from_before_it_is_used() -> None:
    cached = _Cached(Source(status(200, b"1"), after(5), status(200, b"2"), status(503)))
    await cached.send()
    writing = asyncio.ensure_future(cached.send(WRITE))
    await steps(1)

    during = [await cached.send(), await cached.send()]
    await writing
    afterwards = await cached.send()

    assert during == [status(200, b"2"), Reply(200, {}, b"2", 0)]
    assert afterwards == status(503), "nor does it stand in for an error"


async def test_what_was_known_before_a_write_does_not_stand_in_for_an_error_after_it() -> None:
    cached = _Cached(Source(status(200, b"1"), after(9, status(503)), OK))
    await cached.send()
    await asyncio.sleep(20)
    reading = asyncio.ensure_future(cached.send())
    await steps(3)

    await cached.send(WRITE)

    assert await reading == status(503)


async def test_a_read_that_began_before_a_write_ended_does_not_fill_the_cache() -> None:
    cached = _Cached(Source(after(9, status(200, b"1")), OK, status(200, b"2")))
    reading = asyncio.ensure_future(cached.send())
    await steps(3)
    await cached.send(WRITE)

    before = await reading

    assert (before, await cached.send()) == (status(200, b"1"), status(200, b"2"))


async def test_a_write_that_was_not_sent_costs_nothing_of_what_is_known() -> None:
    cached = _Cached(Source(status(200, b"1"), CircuitOpen("hub")))
    await cached.send()
    await asyncio.sleep(20)

    refused = await outcome_of(cached.send(WRITE))

    assert said(refused)[0] == "CircuitOpen"
    assert (await cached.send()).stale


async def test_closing_forgets_everything_and_closes_what_is_inside() -> None:
    cached = _Cached(Source())
    await cached.send()

    await cached.layer.close()

    assert (len(cached.store), cached.source.closed) == (0, 1)
