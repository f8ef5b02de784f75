import asyncio

from gateway.domain.errors import SourceTimeout, TooManySourceCalls
from gateway.domain.spending import CallCaps, Spending, counted_by
from gateway.resilience.call_count import CallCount
from tests.gateway.resilience import virtual_time
from tests.gateway.resilience.transports import OK, READ, WRITE, Source, after, outcome_of, said

anyio_backend = virtual_time.anyio_backend


def _spending(*, in_all: int = 100, per_source: int = 100) -> Spending:
    return Spending(CallCaps(in_all, per_source))


async def test_outside_of_an_operation_nothing_is_counted_or_refused() -> None:
    source = Source()

    for _ in range(500):
        assert await CallCount(source, source="hub").send(READ) is OK

    assert len(source.calls) == 500


async def test_calls_are_counted_for_their_operation_and_source_however_they_end() -> None:
    error = SourceTimeout("hub")
    hub, desk = CallCount(Source(OK, error), source="hub"), CallCount(Source(), source="desk")

    with counted_by(one := _spending()):
        outcomes = [await outcome_of(each.send(READ)) for each in (hub, hub, desk)]
    with counted_by(two := _spending()):
        await desk.send(READ)

    assert outcomes == [OK, error, OK]
    assert (dict(one.by_source), dict(two.by_source)) == ({"hub": 2, "desk": 1}, {"desk": 1})


async def test_of_calls_made_at_once_the_first_so_many_pass() -> None:
    source = Source(after(1))
    layer = CallCount(source, source="hub")

    with counted_by(spending := _spending(per_source=3)):
        outcomes = await asyncio.gather(*(layer.send(READ) for _ in range(5)), return_exceptions=True)

    assert outcomes[:3] == [OK] * 3
    assert [said(each) for each in outcomes[3:]] == [
        ("TooManySourceCalls", "hub", "more than 3 calls to hub", False)
    ] * 2
    assert (len(source.calls), spending.in_all) == (3, 3)


async def test_the_cap_in_all_holds_over_the_sources() -> None:
    hub, desk = (CallCount(Source(), source=each) for each in ("hub", "desk"))

    with counted_by(spending := _spending(in_all=2)):
        outcomes = [await outcome_of(each.send(READ)) for each in (hub, desk, hub, desk)]

    assert outcomes[:2] == [OK, OK]
    assert [type(each) for each in outcomes[2:]] == [TooManySourceCalls] * 2
    assert dict(spending.by_source) == {"hub": 1, "desk": 1}


async def test_a_write_is_counted_and_never_refused() -> None:
    source = Source()
    layer = CallCount(source, source="hub")

    with counted_by(spending := _spending(in_all=1, per_source=1)):
        outcomes = [await outcome_of(layer.send(each)) for each in (READ, WRITE, WRITE, READ)]

    assert outcomes[:3] == [OK] * 3
    assert isinstance(outcomes[3], TooManySourceCalls)
    assert (source.calls, spending.in_all) == ([READ, WRITE, WRITE], 3)


async def test_closing_closes_what_is_inside() -> None:
    source = Source()

    await CallCount(source, source="hub").close()

    assert source.closed == 1
