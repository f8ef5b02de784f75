"""What a sender does with the ledger, over the real one."""

import asyncio
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from gateway.domain.ids import ENTRY_ID
from gateway.domain.ledger import Entry, LedgerUnavailable, Part, Retention, WriteState
from gateway.writes.journal import Journal
from gateway.writes.states import Event, ImpossibleStep, Landed, Lost, Refused, lapsed, settle
from tests.gateway.writes.conftest import FileLedger, Ledgers
from tests.gateway.writes.desk import (
    FINAL,
    GONE,
    NOT_SENT,
    START,
    TIMED_OUT,
    Hands,
    Window,
    at,
    confirmation,
    entry,
    intent,
    message,
    messages,
    parted,
    soon,
    source,
)

PENDING, CONFIRMED, REJECTED = WriteState.PENDING, WriteState.CONFIRMED, WriteState.REJECTED
IN_DOUBT, PARTIAL = WriteState.IN_DOUBT, WriteState.PARTIAL

_DESK = source(Window())


async def _opened(ledger: FileLedger, clock: Hands, *, targets: int = 0) -> tuple[Journal, Entry]:
    """A journal with one write that has just been recorded."""
    journal = Journal(ledger, clock=clock)
    parts = tuple(map(Part, messages(targets)))
    asked = confirmation(messages(targets)) if targets else intent()
    recorded, mine = await journal.open(asked, "k1", parts=parts)
    assert mine
    return journal, recorded


async def _lose_the_answer() -> None:
    raise LedgerUnavailable("answer lost")


# -- intents


async def test_an_intent_is_a_pending_row_that_its_sender_holds(ledger: FileLedger, clock: Hands) -> None:
    recorded, mine = await Journal(ledger, clock=clock).open(intent(), "k1", baseline="seen: 6")

    assert (recorded, mine) == (entry(id=recorded.id, baseline="seen: 6"), True)
    assert await ledger.get(recorded.id) == recorded
    assert recorded.submitted_at == START
    assert recorded.leased_until == at(75), "60 s for the send, and a margin"


async def test_ids_are_new_and_of_their_form(ledger: FileLedger, clock: Hands) -> None:
    journal = Journal(ledger, clock=clock)
    ids = {(await journal.open(intent(), f"k{number}"))[0].id for number in range(20)}

    assert len(ids) == 20
    assert all(re.fullmatch(ENTRY_ID, each) for each in ids)


async def test_an_intent_of_several_calls_has_a_part_for_each_object(
    ledger: FileLedger, clock: Hands
) -> None:
    first, second = messages(2)
    parts = (Part(first, CONFIRMED, already=True), Part(second))

    recorded, _ = await Journal(ledger, clock=clock).open(confirmation((first, second)), "k1", parts=parts)

    assert recorded == parted(*parts, id=recorded.id)
    assert await ledger.get(recorded.id) == recorded


async def test_an_intent_with_nothing_left_to_send_is_confirmed_at_once(
    ledger: FileLedger, clock: Hands
) -> None:
    parts = (Part(message(1), CONFIRMED, already=True),)

    recorded, _ = await Journal(ledger, clock=clock).open(confirmation(messages(1)), "k1", parts=parts)

    assert recorded == parted(*parts, id=recorded.id, state=CONFIRMED, settled_at=START, leased_until=None)
    assert await ledger.get(recorded.id) == recorded


async def test_a_key_in_force_gives_the_entry_that_it_stands_for(
    ledger: FileLedger, other: FileLedger, clock: Hands
) -> None:
    _, recorded = await _opened(ledger, clock)

    assert await Journal(other, clock=clock).open(intent(), "k1") == (recorded, False)


# -- outcomes


async def test_an_outcome_is_recorded_with_when_to_look(ledger: FileLedger, clock: Hands) -> None:
    journal, recorded = await _opened(ledger, clock)
    clock.pass_s(4)

    settled = await journal.settle(recorded, Lost(TIMED_OUT), _DESK)

    assert settled == replace(
        recorded,
        state=IN_DOUBT,
        problem=TIMED_OUT,
        settled_at=at(4),
        leased_until=None,
        next_look_at=at(6),
        version=2,
    )
    assert await ledger.get(recorded.id) == settled


async def test_an_outcome_comes_on_top_of_what_others_have_recorded(
    ledger: FileLedger, other: FileLedger, clock: Hands
) -> None:
    journal, recorded = await _opened(ledger, clock)
    clock.pass_s(80)
    doubtful = lapsed(recorded, GONE, now=clock())
    assert await other.replace(recorded, doubtful)
    clock.pass_s(1)

    settled = await journal.settle(recorded, Landed(message(7)), _DESK)

    assert settled == replace(
        recorded, state=CONFIRMED, result=message(7), settled_at=at(81), leased_until=None, version=3
    )
    assert await other.get(recorded.id) == settled


async def test_an_outcome_that_contradicts_the_ledger_is_logged_and_changes_nothing(
    ledger: FileLedger, other: FileLedger, clock: Hands
) -> None:
    journal, recorded = await _opened(ledger, clock)
    assert await other.replace(recorded, settle(recorded, Landed(message(7)), now=clock()))
    confirmed = await other.get(recorded.id)

    with capture_logs() as logs:
        assert await journal.settle(recorded, Refused(FINAL), _DESK) == confirmed

    assert await other.get(recorded.id) == confirmed
    assert logs == [
        {
            "event": "write_outcome_contradicts_ledger",
            "log_level": "error",
            "write": recorded.id,
            "source": "desk",
            "exc_info": True,
        }
    ]


async def test_an_object_that_another_write_has_become_is_no_result_but_the_write_is_done(
    ledger: FileLedger, clock: Hands
) -> None:
    journal, first = await _opened(ledger, clock)
    second, _ = await journal.open(intent(), "k2")
    await journal.settle(first, Landed(message(7)), _DESK)

    settled = await journal.settle(second, Landed(message(7), at(0)), _DESK)

    assert settled == replace(
        second, state=CONFIRMED, applied_at=START, settled_at=START, leased_until=None, version=2
    )
    assert await ledger.get(second.id) == settled


async def test_an_outcome_whose_recording_got_no_answer_is_recorded_once(
    ledger: FileLedger, clock: Hands
) -> None:
    journal, recorded = await _opened(ledger, clock)
    ledger.then["replace"] = [_lose_the_answer]

    settled = await journal.settle(recorded, Landed(message(7)), _DESK)

    assert (settled.state, settled.result) == (CONFIRMED, message(7))
    assert await ledger.get(recorded.id) == settled


async def test_an_outcome_of_an_attempt_is_not_told_of_the_next_one(
    ledger: FileLedger, other: FileLedger, clock: Hands
) -> None:
    """The first sender's answer from the ledger is lost, and another begins anew before it asks again."""
    journal, recorded = await _opened(ledger, clock)
    elsewhere = Journal(other, clock=clock)
    again: list[tuple[Entry | None, bool]] = []

    async def begin_anew() -> None:
        known = await other.get(recorded.id)
        assert known is not None
        again.append(await elsewhere.reopen(known, _DESK))
        await _lose_the_answer()

    ledger.then["replace"] = [begin_anew]
    told = await journal.settle(recorded, Refused(NOT_SENT), _DESK)

    row = await other.get(recorded.id)
    assert row is not None
    assert again == [(row, True)], "it is being sent, and so nobody else may send it"
    assert (row.state, row.attempts) == (PENDING, 2)
    assert told == row, "and so it is told"


@pytest.mark.parametrize(
    ("event", "state"),
    [(Landed(message(7)), CONFIRMED), (Refused(FINAL), REJECTED), (Lost(TIMED_OUT), IN_DOUBT)],
)
async def test_without_a_ledger_the_answer_tells_the_truth_and_the_row_waits_for_its_lease(
    ledgers: Ledgers, clock: Hands, event: Event, state: WriteState
) -> None:
    ledger = ledgers.open(wait_timeout_s=0)
    journal, recorded = await _opened(ledger, clock)

    with ledgers.outage(), capture_logs() as logs:
        told = await journal.settle(recorded, event, _DESK)

    assert told.state is state
    assert await ledger.get(recorded.id) == recorded
    assert [(each["event"], each["write"]) for each in logs] == [
        ("write_outcome_not_recorded", recorded.id)
    ] * 5


async def test_a_ledger_that_comes_back_gets_the_outcome(ledger: FileLedger, clock: Hands) -> None:
    journal, recorded = await _opened(ledger, clock)
    ledger.unreachable = 4

    settled = await journal.settle(recorded, Landed(message(7)), _DESK)

    assert settled.state is CONFIRMED
    assert await ledger.get(recorded.id) == settled


async def test_an_outcome_that_others_keep_from_being_recorded_is_told_as_the_truth(
    ledger: FileLedger, other: FileLedger, clock: Hands
) -> None:
    journal, recorded = await _opened(ledger, clock)

    async def touch() -> None:
        known = await other.get(recorded.id)
        assert known is not None
        assert await other.replace(known, replace(known, looks=known.looks + 1))

    await touch()
    ledger.then["get"] = [touch] * 5
    with capture_logs() as logs:
        told = await journal.settle(recorded, Landed(message(7)), _DESK)

    assert (told.state, told.result) == (CONFIRMED, message(7))
    assert await other.get(recorded.id) == replace(recorded, looks=6, version=7)
    assert [each["event"] for each in logs] == ["write_outcome_not_recorded"]


# -- parts


async def test_while_parts_wait_each_recorded_outcome_begins_the_lease_anew(
    ledger: FileLedger, clock: Hands
) -> None:
    journal, recorded = await _opened(ledger, clock, targets=2)
    clock.pass_s(50)

    some, known = await journal.settle_parts(recorded, {0: Landed()}, _DESK)

    assert (some, known) == (
        replace(
            recorded,
            parts=(Part(message(1), CONFIRMED), Part(message(2))),
            leased_until=at(50 + 75),
            version=2,
        ),
        True,
    )
    assert await ledger.get(recorded.id) == some

    every, known = await journal.settle_parts(some, {1: Refused(FINAL)}, _DESK)

    assert (every, known) == (
        replace(
            some,
            state=PARTIAL,
            parts=(some.parts[0], Part(message(2), REJECTED, problem=FINAL)),
            problem=FINAL,
            settled_at=at(50),
            leased_until=None,
            version=3,
        ),
        True,
    )
    assert await ledger.get(recorded.id) == every


async def test_parts_that_could_not_be_recorded_are_told_as_such(ledgers: Ledgers, clock: Hands) -> None:
    ledger = ledgers.open(wait_timeout_s=0)
    journal, recorded = await _opened(ledger, clock, targets=2)

    with ledgers.outage():
        told, known = await journal.settle_parts(recorded, {0: Landed()}, _DESK)

    assert (told.parts, known) == ((Part(message(1), CONFIRMED), Part(message(2))), False)
    assert await ledger.get(recorded.id) == recorded


# -- time


@pytest.mark.parametrize(("passed_s", "enough"), [(0, True), (15, True), (15.001, False), (75, False)])
async def test_a_send_begins_only_if_it_ends_within_its_lease(
    ledger: FileLedger, clock: Hands, passed_s: float, enough: bool
) -> None:
    journal, recorded = await _opened(ledger, clock)
    clock.pass_s(passed_s)

    assert journal.has_time(recorded, _DESK) is enough


async def test_without_a_lease_there_is_no_time(ledger: FileLedger, clock: Hands) -> None:
    assert Journal(ledger, clock=clock).has_time(entry(leased_until=None), _DESK) is False


# -- new attempts


async def _not_sent(ledger: FileLedger, clock: Hands) -> tuple[Journal, Entry]:
    journal, recorded = await _opened(ledger, clock)
    return journal, await journal.settle(recorded, Refused(NOT_SENT), _DESK)


async def test_a_new_attempt_is_the_same_row_with_a_new_lease(ledger: FileLedger, clock: Hands) -> None:
    journal, known = await _not_sent(ledger, clock)
    clock.pass_s(100)

    again = await journal.reopen(known, _DESK, baseline="seen: 9")

    assert again == (
        replace(
            known,
            state=PENDING,
            problem=None,
            settled_at=None,
            baseline="seen: 9",
            attempts=2,
            leased_until=at(175),
            version=3,
        ),
        True,
    )
    assert await ledger.get(known.id) == again[0]


async def test_of_two_new_attempts_at_once_one_is_made(
    ledger: FileLedger, other: FileLedger, clock: Hands
) -> None:
    journal, known = await _not_sent(ledger, clock)
    elsewhere = Journal(other, clock=clock)

    both = await asyncio.gather(journal.reopen(known, _DESK), elsewhere.reopen(known, _DESK))

    row = await ledger.get(known.id)
    assert row is not None
    assert sorted(both, key=lambda each: each[1]) == [(row, False), (row, True)]
    assert (row.state, row.attempts, row.version) == (PENDING, 2, 3)


async def test_a_new_attempt_belongs_to_the_credentials_that_it_is_sent_with(
    ledger: FileLedger, clock: Hands
) -> None:
    journal, known = await _not_sent(ledger, clock)

    again, mine = await journal.reopen(known, source(Window(), own_credential="key-2"))

    assert again is not None
    assert (again.credential, mine) == ("key-2", True)
    assert await ledger.get(known.id) == again


@pytest.mark.parametrize("gone", ["key", "entry"])
async def test_a_row_whose_key_is_no_longer_in_force_is_not_sent_again(
    ledger: FileLedger, other: FileLedger, clock: Hands, gone: str
) -> None:
    journal, known = await _not_sent(ledger, clock)
    never, always = START - timedelta(days=1), START + timedelta(days=1)
    await other.purge(
        Retention(
            keys_before=always, bodies_before=never, entries_before=always if gone == "entry" else never
        )
    )

    assert await journal.reopen(known, _DESK) == (None, False)


async def test_there_is_no_new_attempt_at_what_may_have_been_applied(
    ledger: FileLedger, clock: Hands
) -> None:
    journal, recorded = await _opened(ledger, clock)
    doubtful = await journal.settle(recorded, Lost(TIMED_OUT), _DESK)

    with pytest.raises(ImpossibleStep):
        await journal.reopen(doubtful, _DESK)


# -- waiting for another process


async def test_a_repeat_waits_for_the_sender_in_another_process(
    ledger: FileLedger, other: FileLedger, clock: Hands
) -> None:
    journal, recorded = await _opened(ledger, clock)
    waiting = asyncio.ensure_future(Journal(other, clock=clock).until_settled(recorded))
    await soon(other.looked)
    assert not waiting.done()

    settled = await journal.settle(recorded, Landed(message(7)), _DESK)

    assert await waiting == settled


async def test_a_repeat_does_not_wait_for_ever(ledger: FileLedger, other: FileLedger, clock: Hands) -> None:
    _, recorded = await _opened(ledger, clock)
    waiting = asyncio.ensure_future(Journal(other, clock=clock).until_settled(recorded))
    await soon(other.looked)

    clock.pass_s(30)

    assert await waiting == recorded
    assert await ledger.get(recorded.id) == recorded


async def test_a_repeat_that_finds_the_sender_gone_says_so_in_the_ledger(
    ledger: FileLedger, other: FileLedger, clock: Hands
) -> None:
    _, recorded = await _opened(ledger, clock)
    clock.pass_s(75)

    doubtful = await Journal(other, clock=clock).until_settled(recorded)

    assert doubtful == replace(
        recorded,
        state=IN_DOUBT,
        problem=GONE,
        settled_at=at(75),
        leased_until=None,
        next_look_at=at(75),
        version=2,
    )
    assert await ledger.due(clock(), limit=10) == [doubtful], "somebody will look for it"


async def test_what_is_settled_is_not_waited_for(ledger: FileLedger, clock: Hands) -> None:
    known = entry(CONFIRMED)

    assert await Journal(ledger, clock=clock).until_settled(known) is known
    assert not ledger.looked.is_set()
