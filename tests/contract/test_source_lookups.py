"""What every registered source must be able to tell of a write whose answer was lost."""

from datetime import timedelta

import pytest

from gateway.domain.ports import WriteFinder
from gateway.domain.writes import (
    NewCaseMessage,
    NewNotificationSubscription,
    NewTicket,
    Reply,
    Sighting,
    WriteInput,
)
from gateway.sources.registry import SOURCES
from tests.contract.ability import find, made, prepare, send
from tests.contract.conftest import NOW, SAMPLES, Bench, Fork, is_log_in, is_write

ANOTHER = "gw-" + "f" * 32
_MAKING = (Reply, NewCaseMessage, NewTicket, NewNotificationSubscription)
_SEEING = [kind for kind, sample in SAMPLES.items() if sample.unseen is None]


def making(bench: Bench) -> list[WriteInput]:
    """The writes that make something; the others change what is there."""
    return [write for write in bench.lookable if isinstance(write, _MAKING)]


def absent(bench: Bench, write: WriteInput, sighting: Sighting) -> bool:
    """Whether nothing is seen, and it is said whether that proves anything, with a reason if not."""
    proves = type(write) not in bench.sample.unproven
    return (
        sighting.matches == ()
        and sighting.absence_proves is proves
        and (sighting.reason == "" if proves else sighting.reason.endswith("."))
    )


async def test_a_source_whose_writes_nobody_can_look_for_has_a_reason(bench: Bench) -> None:
    unseen = bench.sample.unseen
    assert (bench.source().port(WriteFinder) is None) is (unseen is not None)
    assert unseen is None or unseen.endswith(".")


def test_all_but_one_can_be_asked() -> None:
    assert [spec.kind for spec in SOURCES if spec.kind not in _SEEING] == ["netevia"]


@pytest.mark.parametrize("bench", _SEEING, indirect=True)
class TestLookups:
    async def test_one_that_landed_is_seen_as_what_it_has_become(self, bench: Bench) -> None:
        for write in bench.lookable:
            bench.service.reset()
            source = bench.source()
            attempt = await prepare(source, write, NOW)
            result = await send(source, write, attempt)
            sighting = await find(source, write, attempt)
            assert sighting.matches == made(write, result)
            for each in sighting.matches:
                source.check_ref(each, argument="id")

    async def test_one_that_did_not_land_is_not_seen(self, bench: Bench) -> None:
        for write in bench.lookable:
            bench.service.reset()
            source = bench.source()
            attempt = await prepare(source, write, NOW)
            sighting = await find(source, write, attempt)
            assert absent(bench, write, sighting), (write, sighting)

    async def test_the_same_from_before_is_not_taken_for_it(self, bench: Bench) -> None:
        for write in making(bench):
            bench.service.reset()
            source = bench.source()
            bench.hands.moment = NOW - timedelta(hours=1)
            before = await prepare(source, write, bench.hands(), reference=ANOTHER)
            older = made(write, await send(source, write, before))
            bench.hands.moment = NOW
            attempt = await prepare(source, write, NOW)
            sighting = await find(source, write, attempt)
            assert absent(bench, write, sighting), (write, sighting)
            newer = made(write, await send(source, write, attempt))
            assert (await find(source, write, attempt)).matches == newer != older

    async def test_two_that_could_be_it_are_both_seen(self, bench: Bench) -> None:
        for write in making(bench):
            bench.service.reset()
            source = bench.source()
            attempt = await prepare(source, write, NOW)
            results = [await send(source, write, attempt) for _ in range(2)]
            matches = (await find(source, write, attempt)).matches
            assert len(matches) == len(set(matches)) == 2
            # Where no answer names what it has become, one can tell afterwards, but not two.
            assert {ref for each in results if each is not None for ref in made(write, each)} <= set(matches)

    async def test_looking_changes_nothing_and_passes_by_any_cache(self, bench: Bench) -> None:
        wire = bench.wire()
        for write in bench.lookable:
            bench.service.reset()
            source = bench.source(spy := Fork(wire, wire, diverted=is_write))
            attempt = await prepare(source, write, NOW)
            await send(source, write, attempt)
            spy.calls.clear()
            bench.service.arrivals.clear()
            await find(source, write, attempt)
            looked = [call for call in spy.calls if not is_log_in(call)]
            assert looked
            assert all(call.safe for call in looked)
            assert [(each.method, each.headers.get("cache-control")) for each in bench.service.arrivals] == [
                ("GET", "no-cache")
            ] * len(looked)
