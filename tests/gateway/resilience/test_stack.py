"""The order of the layers: what lies around what, told by what a call that goes through them all does."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest

from gateway.domain.callers import Credential, calling_with, forwarded
from gateway.domain.deadline import Deadline, current_deadline, within
from gateway.domain.errors import SourceError
from gateway.domain.spending import CallCaps, Spending, counted_by, current_spending
from gateway.resilience.cache import CacheOptions
from gateway.resilience.circuit import CircuitOptions
from gateway.resilience.limit import QueueOptions
from gateway.resilience.pace import PaceOptions
from gateway.resilience.retry import RetryOptions
from gateway.resilience.stack import Stack, StackOptions, build_stack
from gateway.resilience.stats import Event
from gateway.sources.auth import Session, SessionToken, in_header
from gateway.sources.authorised import Authorised
from gateway.transport import Call, Reply, Transport
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
    said,
    status,
    steps,
)
from tests.gateway.resilience.virtual_time import now

anyio_backend = virtual_time.anyio_backend

LOG_IN = Call("log in", "POST", "login", safe=True, body=b"{}")
ANEW = replace(READ, headers={"cache-control": "no-cache"})
ANN, BOB = Credential("ann", "secret of ann"), Credential("bob", "secret of bob")
START = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def _read(path: object) -> Call:
    return Call("read case", "GET", str(path), safe=True)


def _stack(
    source: Transport,
    *,
    authorise: Callable[[Transport], Transport] = lambda inner: inner,
    max_running: int = 20,
    max_wait_s: float = 2.0,
    ttl_s: float = 10.0,
    max_stale_s: float = 60.0,
    **changes: object,
) -> Stack:
    options = StackOptions(
        pace=PaceOptions(max_running=max_running, default_pause_s=0),
        queue=QueueOptions(max_wait_s=max_wait_s),
        cache=CacheOptions(lambda _: ttl_s, max_stale_s),
        circuit=CircuitOptions(min_calls=1000),
    )
    return build_stack(
        source,
        replace(options, **changes),  # type: ignore[arg-type]
        source="hub",
        authorise=authorise,
        clock=lambda: START,
        now=now,
        uniform=lambda low, high: (low + high) / 2,
    )


def _spending(caps: CallCaps | None = None) -> Spending:
    return Spending(caps or CallCaps())


@dataclass
class Desk:
    """A source with a log-in. Its tokens are good once it has given them, until it forgets them."""

    log_in_s: float = 0.0
    calls: list[tuple[str, str]] = field(default_factory=list)
    given: int = 0
    good: str = ""

    async def send(self, call: Call) -> Reply:
        self.calls.append((call.operation, call.headers.get("token", "")))
        await asyncio.sleep(self.log_in_s if call.operation == "log in" else 0)
        if call.operation == "log in":
            self.given += 1
            self.good = f"token {self.given}"
            return Reply(200, {}, self.good.encode())
        return OK if call.headers.get("token") == self.good else status(401)

    async def close(self) -> None:
        pass

    @property
    def authorise(self) -> Callable[[Transport], Transport]:
        """The layer that puts its tokens on."""

        def around(inner: Transport) -> Authorised:
            async def log_in() -> SessionToken:
                return SessionToken((await inner.send(LOG_IN)).body.decode(), fresh_until=None)

            session = Session(log_in, clock=lambda: START)
            return Authorised(inner, put=in_header("token"), auth=session, is_log_in_refused=lambda _: True)

        return around


# -- the cache lies around the account of calls, the flights and the queue


async def test_what_the_cache_answers_is_no_call_of_the_operation() -> None:
    source = Source()
    layers = _stack(source)

    with counted_by(first := _spending()):
        await layers.transport.send(READ)
    with counted_by(second := _spending(CallCaps(in_all=1, per_source=1))):
        for _ in range(5):
            await layers.transport.send(READ)

    assert (first.in_all, second.in_all, len(source.calls)) == (1, 0, 1)


async def test_what_the_cache_answers_needs_no_turn_in_the_queue_and_no_source() -> None:
    source = Source(OK, after(1e6))
    layers = _stack(source, max_running=1)
    await layers.transport.send(READ)
    hanging = asyncio.ensure_future(layers.transport.send(_read("hangs")))
    await steps(3)

    assert (layers.limit.running, await layers.transport.send(READ)) == (1, Reply(200, {}, b"ok", 0))

    hanging.cancel()
    await asyncio.gather(hanging, return_exceptions=True)
    await layers.transport.close()


async def test_what_the_cache_answers_comes_though_the_circuit_is_open() -> None:
    source = Source(OK, status(503))
    layers = _stack(source, circuit=CircuitOptions(min_calls=2), retry=RetryOptions(max_retries=0))
    await layers.transport.send(READ)
    await outcome_of(layers.transport.send(_read(1)))

    refused = await outcome_of(layers.transport.send(_read(2)))

    assert said(refused)[0] == "CircuitOpen"
    assert await layers.transport.send(READ) == Reply(200, {}, b"ok", 0)


# -- the account lies around the flights


async def test_a_joined_flight_counts_for_each_operation_and_reaches_the_source_once() -> None:
    source = Source(after(1))
    layers = _stack(source)

    async def operation() -> int:
        with counted_by(spending := _spending()):
            await layers.transport.send(READ)
        return spending.in_all

    assert [*await asyncio.gather(operation(), operation(), operation())] == [1, 1, 1]
    assert len(source.calls) == 1


async def test_the_one_who_may_make_no_more_calls_does_not_join_a_flight() -> None:
    source = Source(after(1))
    layers = _stack(source)
    first = asyncio.ensure_future(layers.transport.send(READ))
    await asyncio.sleep(0)

    with counted_by(_spending(CallCaps(in_all=0, per_source=0))):
        refused = await outcome_of(layers.transport.send(READ))

    assert (said(refused)[0], await first) == ("TooManySourceCalls", OK)


async def test_a_read_that_is_one_too_many_does_not_pass_for_the_sources_failure() -> None:
    source = Source()
    layers = _stack(source, circuit=CircuitOptions(min_calls=1))

    with counted_by(_spending(CallCaps(in_all=1, per_source=1))):
        outcomes = [await outcome_of(layers.transport.send(_read(each))) for each in range(20)]

    assert [said(each)[0] for each in outcomes[1:]] == ["TooManySourceCalls"] * 19
    assert layers.stats.recent(now()).error_rate == 0
    assert await layers.transport.send(_read("another")) == OK


# -- the flights and the cache's filling lie around the retries


@pytest.mark.parametrize("failure", [status(503), status(429, retry_after="0")], ids=["503", "429"])
async def test_retries_are_no_further_calls_of_the_operation(failure: Answer) -> None:
    source = Source(failure, failure, OK)
    layers = _stack(source)

    with counted_by(spending := _spending(CallCaps(in_all=1, per_source=1))):
        assert (await layers.transport.send(READ)).body == b"ok"

    assert (spending.in_all, len(source.calls), layers.stats.events[Event.RETRIED]) == (1, 3, 2)


async def test_a_flight_is_joined_through_its_retries() -> None:
    source = Source(status(503), OK)
    layers = _stack(source)
    first = asyncio.ensure_future(layers.transport.send(READ))
    # The first attempt has failed, and its pause of half a tenth of a second lasts on.
    await asyncio.sleep(0.02)

    assert (len(source.calls), layers.flights.under_way) == (1, 1)
    assert await layers.transport.send(READ) == await first == OK
    assert (len(source.calls), layers.stats.events[Event.JOINED]) == (2, 1)


async def test_what_is_stale_stands_in_once_all_retries_have_failed() -> None:
    source = Source(OK, status(503))
    layers = _stack(source)
    await layers.transport.send(READ)
    await asyncio.sleep(11)

    reply = await layers.transport.send(READ)

    assert (reply.stale, reply.body, len(source.calls)) == (True, b"ok", 4)


async def test_a_read_from_the_cache_that_failed_still_counts_once() -> None:
    source = Source(OK, status(503))
    layers = _stack(source)
    await layers.transport.send(READ)
    await asyncio.sleep(11)

    with counted_by(spending := _spending()):
        assert (await layers.transport.send(READ)).stale

    assert spending.in_all == 1


async def test_an_answer_that_came_too_late_for_all_serves_the_next() -> None:
    source = Source(after(3))
    layers = _stack(source)

    with within(Deadline.after(1, now=now)):
        late = await outcome_of(layers.transport.send(READ))
    await asyncio.sleep(4)

    assert said(late)[0] == "DeadlineExceeded"
    # It was asked for 5 s ago.
    assert (await layers.transport.send(READ), len(source.calls), others()) == (
        Reply(200, {}, b"ok", 5),
        1,
        set(),
    )


# -- the queue lies within the retries, and the source's time does not count the waiting


async def test_each_retry_takes_its_turn_in_the_queue() -> None:
    order: list[str] = []

    async def answer(call: Call) -> Reply:
        order.append(call.path)
        await asyncio.sleep(1)
        return status(503) if order == ["fails"] else OK

    layers = _stack(Source(answer), max_running=1, max_wait_s=10)
    paths = ("fails", "second", "third")

    replies = await asyncio.gather(*(layers.transport.send(_read(each)) for each in paths))

    assert [each.status for each in replies] == [200, 200, 200]
    assert order == ["fails", "second", "third", "fails"]


async def test_the_time_of_an_attempt_begins_with_its_turn() -> None:
    layers = _stack(Source(after(3)), max_running=1, max_wait_s=10, attempt_timeout_s=4)

    replies = await asyncio.gather(*(layers.transport.send(_read(each)) for each in range(3)))

    assert replies == [OK] * 3
    assert layers.stats.recent(now()).p95_ms == pytest.approx(3000, rel=0.1)


async def test_a_call_whose_turn_does_not_come_says_nothing_against_the_source() -> None:
    layers = _stack(
        Source(after(100)),
        max_running=1,
        max_wait_s=1,
        attempt_timeout_s=1000,
        circuit=CircuitOptions(min_calls=1),
    )
    running = asyncio.ensure_future(layers.transport.send(_read("runs")))
    await asyncio.sleep(0)

    refused = await outcome_of(layers.transport.send(_read("waits")))

    assert said(refused)[0] == "SourceOverloaded"
    assert layers.breaker.status().state == "closed"
    # To try again would have been to wait once more.
    assert layers.stats.events[Event.RETRIED] == 0
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await layers.transport.close()


# -- the log-in lies below all that may be shared, kept or refused


async def test_a_log_in_takes_no_turn_of_its_own_in_the_queue() -> None:
    desk = Desk()

    assert await _stack(desk, authorise=desk.authorise, max_running=1).transport.send(READ) == OK

    assert desk.calls == [("log in", ""), ("read case", "token 1")]


async def test_a_log_in_is_no_call_of_the_operation_and_counts_for_nobody() -> None:
    desk = Desk()
    layers = _stack(desk, authorise=desk.authorise)

    with counted_by(spending := _spending(CallCaps(in_all=1, per_source=1))):
        assert await layers.transport.send(READ) == OK

    assert spending.in_all == 1


async def test_a_log_in_is_not_cached() -> None:
    desk = Desk()
    layers = _stack(desk, authorise=desk.authorise)
    await layers.transport.send(_read(1))
    desk.good = "another"

    assert await layers.transport.send(_read(2)) == OK

    assert desk.calls == [
        ("log in", ""),
        ("read case", "token 1"),
        ("read case", "token 1"),
        ("log in", ""),
        ("read case", "token 2"),
    ]
    # Neither of them, nor the answer under the first token, is anything but itself in the store.
    assert len(layers.store) == 2


async def test_what_was_read_under_one_token_is_known_under_the_next() -> None:
    desk = Desk()
    layers = _stack(desk, authorise=desk.authorise)
    await layers.transport.send(READ)
    desk.good = "another"
    await layers.transport.send(_read("renews the token"))

    assert await layers.transport.send(READ) == Reply(200, {}, b"ok", 0)


async def test_a_call_renewed_with_a_fresh_log_in_is_one_call() -> None:
    desk = Desk()
    layers = _stack(desk, authorise=desk.authorise, retry=RetryOptions(max_retries=0))
    await layers.transport.send(_read(1))
    desk.good = "another"

    with counted_by(spending := _spending()):
        await layers.transport.send(WRITE)

    assert (spending.in_all, desk.calls[-3:]) == (
        1,
        [("reply", "token 1"), ("log in", ""), ("reply", "token 2")],
    )


async def test_a_log_in_that_hangs_frees_its_calls_place_in_the_end() -> None:
    desk = Desk(log_in_s=1e6)
    layers = _stack(desk, authorise=desk.authorise, attempt_timeout_s=5, retry=RetryOptions(max_retries=0))

    outcome = await outcome_of(layers.transport.send(READ))

    assert said(outcome)[0] == "SourceTimeout"
    assert (layers.limit.running, others(), [each for each, _ in desk.calls]) == (0, set(), ["log in"])


# -- the deadline lies around everything


@pytest.mark.parametrize("call", [READ, ANEW, WRITE], ids=["read", "fresh read", "write"])
async def test_an_expired_deadline_sends_nothing_and_costs_nothing(call: Call) -> None:
    source = Source()
    layers = _stack(source)

    with within(Deadline.after(0, now=now)), counted_by(spending := _spending()):
        outcome = await outcome_of(layers.transport.send(call))

    assert said(outcome) == ("DeadlineExceeded", "hub", f"{call.operation}: not sent", False)
    assert (source.calls, spending.in_all, layers.flights.under_way) == ([], 0, 0)


async def test_a_missing_credential_is_told_before_an_expired_deadline() -> None:
    with within(Deadline.after(0, now=now)):
        outcome = await outcome_of(_stack(Source(), forwards=True).transport.send(READ))

    assert said(outcome)[0] == "NotForwarded"


async def test_what_is_known_and_fresh_is_not_called_stale_once_the_time_is_up() -> None:
    source = Source()
    layers = _stack(source)
    await layers.transport.send(READ)

    with within(Deadline.after(0, now=now)):
        assert await layers.transport.send(READ) == Reply(200, {}, b"ok", 0)


async def test_a_read_in_the_queue_is_cut_by_its_deadline_like_any() -> None:
    source = Source(after(100))
    layers = _stack(source, max_running=1, max_wait_s=50, attempt_timeout_s=1000)
    began = now()
    running = asyncio.ensure_future(layers.transport.send(_read("runs")))
    await asyncio.sleep(0)

    with within(Deadline.after(1, now=now)):
        outcome = await outcome_of(layers.transport.send(_read("waits")))

    assert (said(outcome)[0], now() - began, len(source.calls)) == ("DeadlineExceeded", 1, 1)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await layers.transport.close()


# -- a write


async def test_a_write_passes_by_cache_flights_and_retries() -> None:
    source = Source(OK, status(503), status(503), OK, OK)
    layers = _stack(source)

    outcomes = [await outcome_of(layers.transport.send(WRITE)) for _ in range(3)]
    both = await asyncio.gather(*(layers.transport.send(WRITE) for _ in range(2)))

    assert [each.status for each in (*outcomes, *both) if isinstance(each, Reply)] == [
        200,
        503,
        503,
        200,
        200,
    ]
    assert source.calls == [WRITE] * 5
    assert {event: count for event, count in layers.stats.events.items() if count} == {}
    assert (len(layers.store), layers.flights.under_way) == (0, 0)


@pytest.mark.parametrize("answer", [OK, status(503), status(404)], ids=lambda each: str(each.status))
async def test_after_a_write_nothing_of_before_it_is_served(answer: Reply) -> None:
    source = Source(status(200, b"before"), answer, status(200, b"after"))
    layers = _stack(source)
    await layers.transport.send(READ)

    await layers.transport.send(WRITE)

    assert await layers.transport.send(READ) == status(200, b"after")
    assert source.calls == [READ, WRITE, READ]


async def test_after_a_write_not_even_a_failing_source_makes_what_was_before_stand_in() -> None:
    source = Source(status(200, b"before"), OK, status(503))
    layers = _stack(source)
    await layers.transport.send(READ)
    await layers.transport.send(WRITE)

    assert (await layers.transport.send(READ)).status == 503


async def test_what_was_known_when_a_read_began_does_not_stand_in_for_it_after_a_write() -> None:
    source = Source(status(200, b"before"), after(5, status(503)), OK, status(503))
    layers = _stack(source, retry=RetryOptions(max_retries=0))
    await layers.transport.send(READ)
    await asyncio.sleep(11)
    failing = asyncio.ensure_future(layers.transport.send(READ))
    await asyncio.sleep(1)

    await layers.transport.send(WRITE)

    assert (await failing).status == 503


async def test_a_read_that_began_before_a_write_is_not_joined_after_it_nor_kept() -> None:
    source = Source(after(5, status(200, b"before")), OK, status(200, b"after"))
    layers = _stack(source)
    before = asyncio.ensure_future(layers.transport.send(READ))
    await asyncio.sleep(1)
    await layers.transport.send(WRITE)

    after_ = await layers.transport.send(READ)
    late = await before

    assert (after_.body, late.body) == (b"after", b"before")
    assert (await layers.transport.send(READ)).body == b"after"
    assert source.calls == [READ, WRITE, READ]


async def test_a_write_that_certainly_was_not_sent_leaves_what_is_known() -> None:
    source = Source(OK, SourceError("hub", sent=False))
    layers = _stack(source)
    await layers.transport.send(READ)
    await outcome_of(layers.transport.send(WRITE))

    assert await layers.transport.send(READ) == Reply(200, {}, b"ok", 0)


async def test_a_write_waits_for_its_turn_and_is_refused_by_an_open_circuit_like_a_read() -> None:
    source = Source(status(503))
    layers = _stack(source, circuit=CircuitOptions(min_calls=2))
    for _ in range(2):
        await layers.transport.send(WRITE)

    outcome = await outcome_of(layers.transport.send(WRITE))

    assert (said(outcome)[0], said(outcome)[3], len(source.calls)) == ("CircuitOpen", False, 2)


# -- callers with credentials of their own


@pytest.mark.parametrize("call", [READ, ANEW, WRITE], ids=["read", "fresh read", "write"])
async def test_a_call_of_one_who_has_forwarded_nothing_reaches_nothing(call: Call) -> None:
    source = Source()
    layers = _stack(source, forwards=True)
    with calling_with({"hub": ANN}):
        await layers.transport.send(READ)
    source.calls.clear()

    with calling_with({"desk": ANN}), counted_by(spending := _spending()):
        outcome = await outcome_of(layers.transport.send(call))

    assert said(outcome) == ("NotForwarded", "hub", "no credential forwarded", False)
    assert (source.calls, spending.in_all, layers.flights.under_way, len(layers.store)) == ([], 0, 0, 1)
    assert layers.stats.events[Event.HIT] == 0


async def test_callers_share_neither_what_is_kept_nor_what_is_under_way_nor_what_is_stale() -> None:
    async def echo(call: Call) -> Reply:
        await asyncio.sleep(1)
        assert call.credential is not None
        return status(200, call.credential.secret.encode())

    source = Source(echo)
    layers = _stack(source, forwards=True)

    async def read(credential: Credential) -> bytes:
        with calling_with({"hub": credential}):
            return (await layers.transport.send(READ)).body

    at_once = [*await asyncio.gather(read(ANN), read(BOB), read(ANN))]
    source.answers = [status(503)]
    known = [await read(BOB), await read(ANN)]
    await asyncio.sleep(11)
    stale = [await read(BOB), await read(ANN), await read(Credential("eve", "secret of eve"))]

    assert at_once == [b"secret of ann", b"secret of bob", b"secret of ann"]
    assert known == [b"secret of bob", b"secret of ann"]
    assert stale == [b"secret of bob", b"secret of ann", b""]


async def test_one_callers_write_voids_what_the_others_have_read() -> None:
    source = Source()
    layers = _stack(source, forwards=True)
    with calling_with({"hub": BOB}):
        await layers.transport.send(READ)
    with calling_with({"hub": ANN}):
        await layers.transport.send(WRITE)
    with calling_with({"hub": BOB}):
        assert await layers.transport.send(READ) == OK

    assert [(call.operation, call.credential) for call in source.calls] == [
        ("read case", BOB),
        ("reply", ANN),
        ("read case", BOB),
    ]


async def test_a_flight_keeps_the_credential_that_it_was_begun_with_and_nothing_else_of_its_caller() -> None:
    seen: list[object] = []

    async def look(call: Call) -> Reply:
        await asyncio.sleep(1)
        seen.append((call.credential, forwarded("hub"), current_deadline(), current_spending()))
        return OK

    layers = _stack(Source(look), forwards=True)
    with calling_with({"hub": ANN}), within(Deadline.after(0.5, now=now)), counted_by(_spending()):
        outcome = await outcome_of(layers.transport.send(READ))
    await asyncio.sleep(1)

    assert (said(outcome)[0], seen) == ("DeadlineExceeded", [(ANN, None, None, None)])


async def test_closing_reaches_the_transport_once() -> None:
    source = Source()

    await _stack(source, forwards=True).transport.close()

    assert source.closed == 1
