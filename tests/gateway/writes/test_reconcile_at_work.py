"""Reconcilers beside senders, beside each other, and pass after pass."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from structlog.testing import capture_logs

from gateway.domain.ledger import Entry, LedgerUnavailable, Retention, WriteState
from gateway.domain.writes import Attempt, Sighting
from gateway.writes import states
from tests.gateway.writes.conftest import FileLedger
from tests.gateway.writes.desk import (
    ABSENT,
    FINAL,
    GONE,
    NOT_SENT,
    REPLY,
    START,
    Desk,
    Hands,
    Window,
    at,
    entry,
    message,
    soon,
    source,
)
from tests.gateway.writes.passes import (
    DOUBT,
    LANDED,
    NOT_THERE,
    THERE,
    after_one_pass,
    event,
    reconciler,
    twin,
)

PENDING, CONFIRMED, REJECTED = WriteState.PENDING, WriteState.CONFIRMED, WriteState.REJECTED
IN_DOUBT, PARTIAL = WriteState.IN_DOUBT, WriteState.PARTIAL


# -- who is at work on it


async def test_a_write_that_is_being_sent_is_left_alone(ledger: FileLedger, clock: Hands) -> None:
    window, known = Window((THERE,)), entry()
    assert await ledger.insert(known) is None
    clock.pass_s(74.999)
    one = reconciler(ledger, clock, source(window))

    assert await one.run_once() == 0
    assert await one.look(known) is known
    assert (await ledger.get(known.id), window.asked) == (known, [])


async def test_a_write_whose_sender_is_gone_is_in_doubt_and_looked_for(
    ledger: FileLedger, clock: Hands
) -> None:
    known = entry()
    clock.pass_s(75)

    rows, logs = await after_one_pass(ledger, clock, Window((NOT_THERE,)), known)

    assert rows == [
        replace(
            known,
            state=IN_DOUBT,
            problem=GONE,
            settled_at=at(75),
            leased_until=None,
            looks=1,
            next_look_at=at(79),
            version=4,
        )
    ]
    assert logs == [event("write_lease_ran_out")]


async def test_a_write_whose_sender_is_gone_may_be_there(ledger: FileLedger, clock: Hands) -> None:
    known = entry()
    clock.pass_s(75)

    rows, logs = await after_one_pass(ledger, clock, Window((THERE,)), known)

    assert rows == [replace(known, **LANDED, settled_at=at(75), leased_until=None, looks=1, version=4)]
    assert logs == [event("write_lease_ran_out"), event("write_reconciled", state="CONFIRMED")]


async def test_a_write_whose_sender_is_gone_from_a_source_that_shows_nothing_is_for_a_person(
    ledger: FileLedger, clock: Hands
) -> None:
    known = entry()
    clock.pass_s(75)

    rows, _ = await after_one_pass(ledger, clock, Desk(), known)

    assert rows == [
        replace(known, state=IN_DOUBT, problem=GONE, settled_at=at(75), leased_until=None, version=3)
    ]


async def test_who_goes_between_finding_a_sender_gone_and_looking_leaves_it_to_others(
    ledger: FileLedger, other: FileLedger, clock: Hands
) -> None:
    async def go() -> None:
        raise LedgerUnavailable("answer lost")

    window, known = Window((THERE,)), entry()
    assert await ledger.insert(known) is None
    clock.pass_s(75)
    ledger.then["replace"] = [go]

    with pytest.raises(LedgerUnavailable):
        await reconciler(ledger, clock, source(window)).run_once()
    assert await reconciler(other, clock, source(window)).run_once() == 1

    row = await ledger.get(known.id)
    assert row is not None
    assert (row.state, row.result) == (CONFIRMED, message(7))


async def test_a_sender_that_ends_just_when_it_is_given_up_has_ended(
    ledger: FileLedger, other: FileLedger, clock: Hands
) -> None:
    window, known = Window((THERE,)), entry()
    assert await ledger.insert(known) is None
    clock.pass_s(75)
    assert await other.replace(known, states.settle(known, states.Landed(message(1)), now=clock()))

    looked = await reconciler(ledger, clock, source(window)).look(known)

    assert looked == replace(
        known, state=CONFIRMED, result=message(1), settled_at=at(75), leased_until=None, version=2
    )
    assert (await other.get(known.id), window.asked) == (looked, [])


async def test_two_reconcilers_at_once_look_once(ledger: FileLedger, other: FileLedger, clock: Hands) -> None:
    window = Window((THERE,))
    assert await ledger.insert(DOUBT) is None
    clock.pass_s(12)

    await asyncio.gather(*(reconciler(each, clock, source(window)).run_once() for each in (ledger, other)))

    assert len(window.asked) == 1
    assert await ledger.get(DOUBT.id) == replace(DOUBT, **LANDED, settled_at=at(12), looks=1, version=3)


async def test_while_one_looks_the_row_is_its_own(
    ledger: FileLedger, other: FileLedger, clock: Hands
) -> None:
    window, elsewhere = Window((THERE,)), Window((THERE,))
    window.free.clear()
    assert await ledger.insert(DOUBT) is None
    clock.pass_s(12)
    looking = asyncio.ensure_future(reconciler(ledger, clock, source(window)).run_once())
    await soon(window.begun)
    second = reconciler(other, clock, source(elsewhere))

    leased = replace(DOUBT, leased_until=at(12 + 75), version=2)
    assert await other.get(DOUBT.id) == leased
    assert await second.run_once() == 0
    assert await second.look(leased) == leased
    assert await second.look(DOUBT) == leased, "even by who has read it before"
    assert elsewhere.asked == []

    window.free.set()
    await looking
    assert (await other.get(DOUBT.id)) == replace(DOUBT, **LANDED, settled_at=at(12), looks=1, version=3)


async def test_who_goes_while_looking_leaves_it_to_others(
    ledger: FileLedger, other: FileLedger, clock: Hands
) -> None:
    window = Window((THERE,))
    window.free.clear()
    assert await ledger.insert(DOUBT) is None
    clock.pass_s(12)
    looking = asyncio.ensure_future(reconciler(ledger, clock, source(window)).run_once())
    await soon(window.begun)
    looking.cancel()
    await asyncio.gather(looking, return_exceptions=True)
    window.free.set()
    second = reconciler(other, clock, source(window))

    assert await second.run_once() == 0
    clock.pass_s(75)
    assert await second.run_once() == 1

    row = await ledger.get(DOUBT.id)
    assert row is not None
    assert (row.state, row.result) == (CONFIRMED, message(7))


async def test_what_a_person_settled_meanwhile_stands(
    ledger: FileLedger, other: FileLedger, clock: Hands
) -> None:
    async def settle() -> None:
        known = await other.get(DOUBT.id)
        assert known is not None
        assert await other.replace(known, states.settle(known, states.Refused(FINAL), now=clock()))

    assert await ledger.insert(DOUBT) is None
    clock.pass_s(12)

    with capture_logs() as logs:
        looked = await reconciler(ledger, clock, source(Window((THERE,), settle))).look(DOUBT)

    assert looked == replace(
        DOUBT, state=REJECTED, problem=FINAL, settled_at=at(12), next_look_at=None, version=3
    )
    assert await other.get(DOUBT.id) == looked
    assert logs == []


async def test_an_entry_that_was_purged_meanwhile_disturbs_nobody(
    ledger: FileLedger, other: FileLedger, clock: Hands
) -> None:
    known = entry(REJECTED, problem=ABSENT, next_look_at=at(12))

    async def purge() -> None:
        later = clock() + timedelta(days=1)
        assert (await other.purge(Retention(later, later, later))).entries == 1

    clock.pass_s(12)

    rows, _ = await after_one_pass(ledger, clock, Window((THERE,), purge), known)

    assert rows == [None]


# -- at somebody's wish


@pytest.mark.parametrize(
    "known",
    [
        entry(CONFIRMED, result=message(7)),
        entry(CONFIRMED, operation="updateTicket"),
        entry(REJECTED, problem=FINAL),
        entry(REJECTED, problem=NOT_SENT),
    ],
    ids=["confirmed", "changed", "refused", "not sent"],
)
async def test_a_look_at_what_is_known_does_nothing(ledger: FileLedger, clock: Hands, known: Entry) -> None:
    window = Window((THERE,))
    assert await ledger.insert(known) is None

    assert await reconciler(ledger, clock, source(window)).look(known) is known
    assert (await ledger.get(known.id), window.asked) == (known, [])


async def test_a_look_that_is_not_due_yet_is_taken_all_the_same(ledger: FileLedger, clock: Hands) -> None:
    given_up = replace(DOUBT, looks=40, next_look_at=None)
    assert await ledger.insert(given_up) is None
    clock.pass_s(500_000)
    one = reconciler(ledger, clock, source(Window((THERE,))))

    assert await one.run_once() == 0
    looked = await one.look(given_up)

    assert looked == replace(given_up, **LANDED, settled_at=at(500_000), looks=41, version=3)
    assert await ledger.get(DOUBT.id) == looked


async def test_a_look_at_what_only_a_person_can_settle_changes_nothing(
    ledger: FileLedger, clock: Hands
) -> None:
    known = replace(DOUBT, next_look_at=None)
    assert await ledger.insert(known) is None

    assert await reconciler(ledger, clock, source(Desk())).look(known) is known
    assert await ledger.get(known.id) == known


# -- pass after pass


async def _stopped(running: "asyncio.Task[None]") -> None:
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_it_passes_again_and_again(ledger: FileLedger, clock: Hands) -> None:
    window, thrice = Window(), asyncio.Event()

    async def count() -> None:
        if len(window.asked) == 3:
            thrice.set()

    def going_on() -> datetime:
        return clock.pass_s(1)

    window.during = count
    assert await ledger.insert(DOUBT) is None

    running = asyncio.create_task(reconciler(ledger, going_on, source(window)).run(every_s=0))
    await soon(thrice)
    await _stopped(running)


async def test_it_goes_on_after_an_outage_of_the_ledger(ledger: FileLedger, clock: Hands) -> None:
    window = Window((THERE,))
    assert await ledger.insert(DOUBT) is None
    clock.pass_s(12)
    ledger.unreachable = 3

    with capture_logs() as logs:
        running = asyncio.create_task(reconciler(ledger, clock, source(window)).run(every_s=0))
        await soon(window.begun)
        await _stopped(running)

    assert (
        logs == [{"event": "reconciler_has_no_ledger", "log_level": "warning", "detail": "unreachable"}] * 3
    )
    assert window.asked == [(REPLY, Attempt(DOUBT.reference, None, START))]


async def test_it_goes_on_after_a_fault_of_ours(ledger: FileLedger, clock: Hands) -> None:
    window, failures = Window((THERE,)), [LookupError("a fault of ours")]
    assert await ledger.insert(DOUBT) is None
    clock.pass_s(12)

    def stumbling() -> datetime:
        if failures:
            raise failures.pop()
        return clock()

    with capture_logs() as logs:
        running = asyncio.create_task(reconciler(ledger, stumbling, source(window)).run(every_s=0))
        await soon(window.begun)
        await _stopped(running)

    assert logs == [{"event": "reconciler_failed", "log_level": "error", "exc_info": True}]


async def test_one_pass_after_the_other_while_there_is_more(ledger: FileLedger, clock: Hands) -> None:
    every = asyncio.Event()
    window = Window()

    async def count() -> None:
        if len(window.asked) == 101:
            every.set()

    window.during = count
    for number in range(1, 102):
        assert await ledger.insert(twin(number)) is None
    clock.pass_s(12)

    running = asyncio.create_task(reconciler(ledger, clock, source(window)).run(every_s=3_600))
    await soon(every)
    await _stopped(running)


async def test_a_few_looks_are_taken_at_once(ledger: FileLedger, clock: Hands) -> None:
    now, most = 0, 0

    async def count() -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        for _ in range(20):
            await asyncio.sleep(0)
        now -= 1

    clock.pass_s(12)

    await after_one_pass(ledger, clock, Window((Sighting(),), count), *map(twin, range(1, 31)))

    assert most == 8
