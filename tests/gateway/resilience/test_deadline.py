import asyncio
from dataclasses import replace

import pytest

from gateway.domain.deadline import Deadline, within
from gateway.domain.errors import DeadlineExceeded, SourceUnavailable
from gateway.resilience.cache import CacheOptions
from gateway.resilience.deadline import OperationDeadline
from gateway.resilience.single_flight import SingleFlight
from gateway.transport import Call, Reply, Transport
from tests.gateway.resilience import virtual_time
from tests.gateway.resilience.chain import chain
from tests.gateway.resilience.transports import OK, READ, WRITE, Source, after, others, outcome_of, said
from tests.gateway.resilience.virtual_time import now

anyio_backend = virtual_time.anyio_backend


def _layer(source: Transport) -> OperationDeadline:
    return OperationDeadline(source, source="hub", now=now)


def _in(timeout_s: float) -> Deadline:
    return Deadline.after(timeout_s, now=now)


async def test_without_a_deadline_a_read_takes_as_long_as_it_takes() -> None:
    assert await _layer(Source(after(1000))).send(READ) is OK
    assert now() >= 2000


async def test_a_read_in_time_passes() -> None:
    with within(_in(5)):
        assert await _layer(Source(after(4.9))).send(READ) is OK


async def test_a_read_gets_what_the_operation_has_left_and_no_more() -> None:
    source = Source(after(3))
    layer = _layer(source)
    began = now()

    with within(_in(5)):
        first = await layer.send(READ)
        second = await outcome_of(layer.send(READ))

    assert first is OK
    assert said(second) == ("DeadlineExceeded", "hub", "read case: cut after 2.000 s", True)
    assert (now() - began, source.cancelled) == (5, 1)


async def test_what_is_cut_names_its_source_and_says_that_a_retry_can_help() -> None:
    with within(_in(5)), pytest.raises(DeadlineExceeded) as cut:
        await _layer(Source(after(6))).send(READ)

    assert (cut.value.code.value, cut.value.source, cut.value.retryable, cut.value.message) == (
        "DEADLINE_EXCEEDED",
        "hub",
        True,
        "The request's time ran out before the source had answered.",
    )


@pytest.mark.parametrize("call", [READ, WRITE], ids=["read", "write"])
@pytest.mark.parametrize("late_s", [0, 3])
async def test_once_the_deadline_has_passed_nothing_is_sent(call: Call, late_s: float) -> None:
    source = Source()

    with within(_in(1)):
        await asyncio.sleep(1 + late_s)
        outcome = await outcome_of(_layer(source).send(call))

    assert said(outcome) == ("DeadlineExceeded", "hub", f"{call.operation}: not sent", False)
    assert source.calls == []


async def test_a_write_that_has_begun_is_not_cut() -> None:
    source = Source(after(60))

    with within(_in(5)):
        assert await _layer(source).send(WRITE) is OK

    assert source.cancelled == 0


@pytest.mark.parametrize("error", [SourceUnavailable("hub"), TimeoutError(), LookupError()], ids=repr)
async def test_an_error_in_time_passes_as_it_is(error: Exception) -> None:
    with within(_in(5)):
        assert await outcome_of(_layer(Source(error)).send(READ)) is error


async def test_the_callers_own_cancellation_is_not_taken_for_the_deadline() -> None:
    with within(_in(5)):
        sending = asyncio.ensure_future(_layer(Source(after(6))).send(READ))
    await asyncio.sleep(1)

    sending.cancel()

    assert isinstance(await outcome_of(sending), asyncio.CancelledError)


async def test_cutting_one_who_waits_does_not_cut_the_flight_of_others() -> None:
    source = Source(after(3))
    layer = _layer(SingleFlight(source, source="hub"))

    with within(_in(1)):
        impatient = asyncio.ensure_future(layer.send(READ))
    patient = asyncio.ensure_future(layer.send(READ))
    outcomes: list[Reply | BaseException] = [await outcome_of(impatient), await outcome_of(patient)]

    assert [said(outcomes[0])[0], outcomes[1]] == ["DeadlineExceeded", OK]
    assert (len(source.calls), source.cancelled, others()) == (1, 0, set())


async def test_what_was_known_stands_in_for_an_answer_that_does_not_come_in_time() -> None:
    known = Reply(200, {}, b"known", age_s=4, stale=True)
    layer = OperationDeadline(Source(after(3)), source="hub", stand_in=lambda _: known, now=now)

    with within(_in(1)):
        assert await layer.send(READ) is known
    with within(_in(0)):
        assert await layer.send(READ) is known, "too late to ask"
    with within(_in(9)):
        assert await layer.send(READ) == OK


async def test_what_a_layer_has_kept_stands_in_but_not_where_the_source_itself_must_answer() -> None:
    slow = after(3)
    layers = chain(Source(OK, slow), cache=CacheOptions(ttl_s=lambda _: 2, max_stale_s=60))
    await layers.transport.send(READ)
    await asyncio.sleep(10)
    anew = replace(READ, headers={"cache-control": "no-cache"})

    with within(_in(1)):
        assert await outcome_of(layers.transport.send(READ)) == replace(OK, age_s=11, stale=True)
    with within(_in(1)):
        assert said(await outcome_of(layers.transport.send(anew)))[0] == "DeadlineExceeded"
    with within(_in(1)):
        assert said(await outcome_of(layers.transport.send(WRITE)))[0] != "DeadlineExceeded", "it is not cut"
    with within(_in(1)):
        assert said(await outcome_of(layers.transport.send(READ)))[0] == "DeadlineExceeded", (
            "a write came between"
        )


async def test_closing_closes_what_is_inside() -> None:
    source = Source()

    await _layer(source).close()

    assert source.closed == 1
