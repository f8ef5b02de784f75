"""What the audit log tells of writes: each step by the one who took it, from the service down."""

import asyncio
from dataclasses import replace

from gateway.domain.access import LoginKind
from gateway.domain.acting import SYSTEM, Actor, acting_as
from gateway.domain.audit import AuditFilter
from gateway.domain.errors import SourceRejected, SourceTimeout, SourceUnavailable
from gateway.domain.ledger import LedgerUnavailable, WriteState
from gateway.writes.service import Writes
from tests.gateway.writes.conftest import FileLedger
from tests.gateway.writes.desk import (
    FINAL,
    Desk,
    Hands,
    Window,
    confirmation,
    entry,
    intent,
    messages,
    nothing_done,
    soon,
    source,
)
from tests.gateway.writes.passes import NOT_THERE, THERE, reconciler

OLA = Actor("key:ola", LoginKind.API_KEY, "0123456789ab", "r-1")
IDA = Actor("key:ida", LoginKind.API_KEY, "cafecafecafe", "r-2")

Told = tuple[str, Actor, str | None, str | None, int | None]


async def told(ledger: FileLedger) -> list[Told]:
    """What happened, by whom, to which state, for which problem, at which attempt; the oldest first."""
    return [
        (
            event.deed.kind.removeprefix("WRITE_"),
            event.by,
            event.deed.state,
            event.deed.problem,
            event.deed.attempts,
        )
        for event in await ledger.audit_history(AuditFilter(), limit=100)
    ]


async def test_a_write_and_its_outcome_are_its_callers(ledger: FileLedger, writes: Writes) -> None:
    with acting_as(OLA):
        await writes.run(intent(), Desk().send)

    assert await told(ledger) == [
        ("SUBMITTED", OLA, "PENDING", None, 1),
        ("SETTLED", OLA, "CONFIRMED", None, 1),
    ]


async def test_a_write_whose_caller_has_gone_is_still_theirs(ledger: FileLedger, writes: Writes) -> None:
    desk = Desk()
    desk.free.clear()
    with acting_as(OLA):
        caller = asyncio.create_task(writes.run(intent(), desk.send))
    await soon(desk.begun)
    caller.cancel()
    desk.free.set()
    await writes.drain()

    assert [(kind, by) for kind, by, *_ in await told(ledger)] == [("SUBMITTED", OLA), ("SETTLED", OLA)]


async def test_a_repeat_is_told_only_if_it_sends_again(ledger: FileLedger, writes: Writes) -> None:
    desk = Desk([SourceUnavailable("desk", sent=False)])
    with acting_as(OLA):
        await writes.run(intent(), desk.send)
        await writes.run(intent(), desk.send)
    with acting_as(IDA):
        await writes.run(intent(), desk.send)

    assert await told(ledger) == [
        ("SUBMITTED", OLA, "PENDING", None, 1),
        ("SETTLED", OLA, "REJECTED", "SOURCE_UNAVAILABLE", 1),
        ("SUBMITTED", OLA, "PENDING", None, 2),
        ("SETTLED", OLA, "CONFIRMED", None, 2),
    ]


async def test_what_never_became_a_write_is_not_told(ledger: FileLedger, writes: Writes) -> None:
    async def prepare() -> str | None:
        raise SourceRejected("desk", FINAL.refusals)

    await writes.run(intent(), Desk().send, prepare=prepare)

    assert await told(ledger) == []


async def test_parts_are_told_call_by_call(ledger: FileLedger, writes: Writes) -> None:
    targets = messages(5)
    with acting_as(OLA):
        await writes.run_parts(confirmation(targets), targets, Desk().confirm, done=nothing_done, limit=2)

    events = await ledger.audit_history(AuditFilter(), limit=100)
    assert [(event.deed.kind.removeprefix("WRITE_"), event.deed.detail) for event in events] == [
        ("SUBMITTED", "5 PENDING"),
        ("PROGRESSED", "2 CONFIRMED, 3 PENDING"),
        ("PROGRESSED", "4 CONFIRMED, 1 PENDING"),
        ("SETTLED", "5 CONFIRMED"),
    ]


async def test_a_lease_that_ran_out_and_what_was_found_are_the_reconcilers(
    ledger: FileLedger, clock: Hands
) -> None:
    with acting_as(OLA):
        assert await ledger.insert(entry()) is None
    clock.pass_s(80)
    await reconciler(ledger, clock, source(Window((THERE,)))).run_once()

    assert await told(ledger) == [
        ("SUBMITTED", OLA, "PENDING", None, 1),
        ("LAPSED", SYSTEM, "IN_DOUBT", "INTERNAL_SERVER_ERROR", 1),
        ("RECONCILED", SYSTEM, "CONFIRMED", None, 1),
    ]


async def test_a_look_that_finds_nothing_new_is_not_told(ledger: FileLedger, clock: Hands) -> None:
    doubtful = entry(WriteState.IN_DOUBT, next_look_at=clock())
    assert await ledger.insert(doubtful) is None
    await reconciler(ledger, clock, source(Window((NOT_THERE,)))).run_once()

    found = await ledger.get(doubtful.id)
    assert found is not None
    assert (found.looks, len(await told(ledger))) == (1, 1)


async def test_a_caller_who_has_a_write_looked_for_is_named(
    ledger: FileLedger, writes: Writes, clock: Hands
) -> None:
    desk = Desk([SourceTimeout("desk")])
    with acting_as(OLA):
        doubtful = (await writes.run(intent(), desk.send)).entry
    assert doubtful is not None
    with acting_as(IDA):
        await reconciler(ledger, clock, source(Window((THERE,)))).look(doubtful)

    assert await told(ledger) == [
        ("SUBMITTED", OLA, "PENDING", None, 1),
        ("SETTLED", OLA, "IN_DOUBT", "SOURCE_TIMEOUT", 1),
        ("RECONCILED", IDA, "CONFIRMED", None, 1),
    ]


async def test_who_finds_a_senders_lease_run_out_while_waiting_is_named(
    ledger: FileLedger, writes: Writes, clock: Hands
) -> None:
    with acting_as(OLA):
        assert await ledger.insert(replace(entry(), leased_until=clock())) is None
    with acting_as(IDA):
        await writes.run(intent(), Desk().send)

    assert [(kind, by) for kind, by, *_ in await told(ledger)] == [("SUBMITTED", OLA), ("LAPSED", IDA)]


async def test_an_outcome_whose_recording_was_lost_is_told_once(ledger: FileLedger, writes: Writes) -> None:
    async def lost() -> None:
        raise LedgerUnavailable("lost")

    ledger.then = {"insert": [lost], "replace": [lost, lost]}
    await writes.run(intent(), Desk().send)

    assert [kind for kind, *_ in await told(ledger)] == ["SUBMITTED", "SETTLED"]
