"""Writes while the ledger is away, and senders that come too late or not at all."""

import asyncio
from typing import Any

import pytest

from gateway.domain.catalog import Catalog
from gateway.domain.errors import SourceRejected, SourceTimeout, SourceUnavailable
from gateway.domain.ledger import Entry, EntryFilter, LedgerUnavailable, Problem, WriteState
from gateway.domain.writes import Sighting
from gateway.writes.reconcile import Reconciler
from gateway.writes.service import Outcome, Writes
from tests.gateway.writes.conftest import FileLedger, Ledgers
from tests.gateway.writes.desk import (
    ABSENT,
    FINAL,
    GONE,
    NOT_SENT,
    START,
    TIMED_OUT,
    Desk,
    Hands,
    Window,
    at,
    entry,
    intent,
    message,
    row,
    soon,
    source,
)

PENDING, CONFIRMED, REJECTED = WriteState.PENDING, WriteState.CONFIRMED, WriteState.REJECTED
IN_DOUBT = WriteState.IN_DOUBT


def _unsent() -> SourceUnavailable:
    return SourceUnavailable("desk", sent=False)


# -- the ledger is away


async def test_without_a_ledger_nothing_is_sent(ledgers: Ledgers, clock: Hands) -> None:
    ledger, desk = ledgers.open(wait_timeout_s=0), Desk()
    writes = Writes(ledger, clock=clock)

    with ledgers.outage(), pytest.raises(LedgerUnavailable):
        await writes.run(intent(), desk.send)

    assert (desk.sent, await ledger.page(EntryFilter(), limit=9)) == (0, [])
    assert (await writes.run(intent(), desk.send)).value == message(1), "once it is back"


async def test_without_a_ledger_nothing_is_read_either(ledger: FileLedger, writes: Writes) -> None:
    desk, read = Desk(), list[str]()

    async def prepare() -> None:
        read.append("the source")

    await ledger.close()

    with pytest.raises(LedgerUnavailable):
        await writes.run(intent(), desk.send, prepare=prepare)
    with pytest.raises(LedgerUnavailable):
        await writes.recorded(intent())
    assert (desk.sent, read) == (0, [])


async def test_an_attempt_that_cannot_be_recorded_is_not_sent(ledgers: Ledgers, clock: Hands) -> None:
    ledger, desk = ledgers.open(wait_timeout_s=0), Desk([_unsent()])
    writes = Writes(ledger, clock=clock)
    rejected = row(await writes.run(intent(), desk.send))

    with ledgers.outage(), pytest.raises(LedgerUnavailable):
        await writes.run(intent(), desk.send)

    assert desk.sent == 1
    assert await ledger.by_key("ola", "k1") == rejected


async def test_an_intent_whose_recording_got_no_answer_is_not_sent(
    ledger: FileLedger, writes: Writes, elsewhere: Writes, clock: Hands
) -> None:
    desk = Desk()

    async def lose_the_answer() -> None:
        raise LedgerUnavailable("answer lost")

    ledger.then["insert"] = [lose_the_answer, lose_the_answer]
    with pytest.raises(LedgerUnavailable):
        await writes.run(intent(), desk.send)
    clock.pass_s(75)

    outcome = await elsewhere.run(intent(), desk.send)
    assert (row(outcome).state, desk.sent) == (IN_DOUBT, 0), "nobody can know that it was not sent"


async def test_an_intent_whose_recording_got_no_answer_at_first_is_known_again(
    ledger: FileLedger, writes: Writes
) -> None:
    desk = Desk()

    async def lose_the_answer() -> None:
        raise LedgerUnavailable("answer lost")

    ledger.then["insert"] = [lose_the_answer]

    outcome = await writes.run(intent(), desk.send)
    assert (row(outcome).state, row(outcome).attempts, desk.sent) == (CONFIRMED, 1, 1)


async def test_if_the_ledger_goes_after_the_send_the_answer_tells_the_truth(
    ledgers: Ledgers, elsewhere: Writes, clock: Hands
) -> None:
    ledger, desk = ledgers.open(wait_timeout_s=0), Desk()
    desk.free.clear()
    sending = asyncio.ensure_future(Writes(ledger, clock=clock).run(intent(), desk.send))
    await soon(desk.begun)
    with ledgers.outage():
        desk.free.set()
        outcome = await sending

    assert outcome == Outcome(
        entry(CONFIRMED, id=row(outcome).id, result=message(1), settled_at=START), message(1)
    )
    assert await ledger.by_key("ola", "k1") == entry(id=row(outcome).id), "PENDING, until its lease runs out"
    clock.pass_s(75)

    told = await elsewhere.run(intent(), desk.send)

    in_doubt = entry(
        IN_DOUBT,
        id=row(outcome).id,
        problem=GONE,
        settled_at=at(75),
        next_look_at=at(75),
        version=2,
        replayed=True,
    )
    assert told == Outcome(in_doubt)
    assert desk.sent == 1


# -- a sender that stands still


@pytest.mark.parametrize(("stands_s", "sends"), [(15, 1), (15.001, 0), (75, 0), (10_000, 0)])
async def test_a_write_is_only_sent_if_it_ends_within_its_lease(
    ledger: FileLedger, writes: Writes, clock: Hands, stands_s: float, sends: int
) -> None:
    desk = Desk()

    async def stand_still() -> None:
        clock.pass_s(stands_s)

    ledger.then["insert"] = [stand_still]
    outcome = await writes.run(intent(), desk.send)

    assert desk.sent == sends
    if not sends:
        rejected = entry(REJECTED, id=row(outcome).id, problem=NOT_SENT, settled_at=at(stands_s), version=2)
        assert row(outcome) == rejected
        assert isinstance(outcome.error, SourceUnavailable)
        assert not outcome.error.sent
    assert (await writes.run(intent(), desk.send)).entry is not None
    assert desk.sent == 1, "the same key sends it, if it was not"


async def test_a_sender_that_has_crashed_leaves_a_write_in_doubt_that_nobody_sends_again(
    writes: Writes, elsewhere: Writes, other: FileLedger, clock: Hands
) -> None:
    desk = Desk()
    desk.free.clear()
    caller = asyncio.ensure_future(writes.run(intent(), desk.send))
    await soon(desk.begun)
    [sender] = [task for task in asyncio.all_tasks() if task.get_name() == "write reply"]
    sender.cancel()
    await asyncio.gather(caller, return_exceptions=True)
    left = await other.by_key("ola", "k1")
    assert left is not None
    assert left == entry(id=left.id), "it claims nothing"

    clock.pass_s(75)
    in_doubt = entry(
        IN_DOUBT,
        id=left.id,
        problem=GONE,
        settled_at=at(75),
        next_look_at=at(75),
        version=2,
        replayed=True,
    )
    assert await elsewhere.run(intent(), desk.send) == Outcome(in_doubt)
    assert await writes.run(intent(), desk.send) == Outcome(in_doubt)
    assert desk.sent == 1


# -- a sender that was given up, and comes back


async def _given_up(
    desk: Desk, window: Window, writes: Writes, other: FileLedger, clock: Hands, *, passes_s: float
) -> tuple["asyncio.Task[Outcome[Any]]", Entry]:
    """A sender that is still at it when its lease has run out and a reconciler has looked; and the row."""
    at_desk = source(window)
    desk.free.clear()
    sending = asyncio.ensure_future(writes.run(intent(source=at_desk), desk.send))
    await soon(desk.begun)
    reconciler = Reconciler(other, Catalog((at_desk,)), clock=clock)
    clock.pass_s(76)
    await reconciler.run_once()
    if passes_s:
        clock.pass_s(passes_s)
        await reconciler.run_once()
    left_row = await other.by_key("ola", "k1")
    assert left_row is not None
    desk.free.set()
    return sending, left_row


_LANDED: dict[str, Any] = {"state": CONFIRMED, "result": message(7)}
_NOWHERE, _GONE_FOR_SURE = Sighting(), Sighting(absence_proves=True)
_THERE = Sighting((message(7),))


@pytest.mark.parametrize(
    ("shows", "passes_s", "found", "answer", "left"),
    [
        # In doubt, until the sender tells.
        (_NOWHERE, 0, (IN_DOUBT, GONE), message(7), (CONFIRMED, None, message(7))),
        (_NOWHERE, 0, (IN_DOUBT, GONE), SourceRejected("desk", FINAL.refusals), (REJECTED, FINAL, None)),
        (_NOWHERE, 0, (IN_DOUBT, GONE), _unsent(), (REJECTED, NOT_SENT, None)),
        (_NOWHERE, 0, (IN_DOUBT, GONE), SourceTimeout("desk"), (IN_DOUBT, TIMED_OUT, None)),
        # Found already: only a contradiction is left aside.
        (_THERE, 0, (CONFIRMED, None), message(7), (CONFIRMED, None, message(7))),
        (_THERE, 0, (CONFIRMED, None), SourceTimeout("desk"), (CONFIRMED, None, message(7))),
        (_THERE, 0, (CONFIRMED, None), _unsent(), (CONFIRMED, None, message(7))),
        # Taken for lost.
        (_GONE_FOR_SURE, 900, (REJECTED, ABSENT), message(7), (CONFIRMED, None, message(7))),
        (_GONE_FOR_SURE, 900, (REJECTED, ABSENT), SourceTimeout("desk"), (REJECTED, ABSENT, None)),
        (_GONE_FOR_SURE, 900, (REJECTED, ABSENT), _unsent(), (REJECTED, ABSENT, None)),
    ],
)
async def test_a_sender_that_was_given_up_still_tells_what_became_of_it(
    writes: Writes,
    other: FileLedger,
    clock: Hands,
    shows: Sighting,
    passes_s: float,
    found: tuple[WriteState, Problem | None],
    answer: object,
    left: tuple[WriteState, Problem | None, object],
) -> None:
    desk = Desk([answer])
    sending, left_row = await _given_up(desk, Window((shows,)), writes, other, clock, passes_s=passes_s)
    assert (left_row.state, left_row.problem) == found

    outcome = await sending

    told = row(outcome)
    assert (told.state, told.problem, told.result) == left
    assert await other.by_key("ola", "k1") == told
    assert desk.sent == 1


async def test_a_sender_that_comes_back_while_the_source_is_looked_at_has_the_last_word(
    writes: Writes, other: FileLedger, clock: Hands
) -> None:
    desk, window = Desk(), Window((Sighting((message(9),)),))
    at_desk = source(window)
    desk.free.clear()
    window.free.clear()
    sending = asyncio.ensure_future(writes.run(intent(source=at_desk), desk.send))
    await soon(desk.begun)
    clock.pass_s(76)
    looking = asyncio.ensure_future(Reconciler(other, Catalog((at_desk,)), clock=clock).run_once())
    await soon(window.begun)

    desk.free.set()
    outcome = await sending
    window.free.set()
    await looking

    assert (row(outcome).state, row(outcome).result) == (CONFIRMED, message(1))
    assert await other.by_key("ola", "k1") == row(outcome)
