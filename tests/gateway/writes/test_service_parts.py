"""Writes of several calls: each object with an outcome of its own, recorded call by call."""

import asyncio
from collections.abc import Collection
from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.domain.errors import (
    Refusal,
    RefusalCode,
    SourceRejected,
    SourceThrottled,
    SourceTimeout,
    SourceUnavailable,
)
from gateway.domain.ids import Ref
from gateway.domain.ledger import Entry, EntryFilter, LedgerUnavailable, Part, Problem, WriteState
from gateway.writes import states
from gateway.writes.service import Outcome, Writes
from tests.gateway.writes.conftest import FileLedger
from tests.gateway.writes.desk import (
    FINAL,
    GONE,
    NOT_SENT,
    START,
    TIMED_OUT,
    Desk,
    Hands,
    at,
    confirmation,
    message,
    messages,
    nothing_done,
    parted,
    row,
)

PENDING, CONFIRMED, REJECTED = WriteState.PENDING, WriteState.CONFIRMED, WriteState.REJECTED
IN_DOUBT, PARTIAL = WriteState.IN_DOUBT, WriteState.PARTIAL

_NO = FINAL.refusals[0]
_FIVE = messages(5)


async def _confirm(
    writes: Writes,
    desk: Desk,
    targets: tuple[Ref, ...] = _FIVE,
    *,
    done: Any = nothing_done,
    limit: int = 2,
    **changes: Any,
) -> Outcome[None]:
    return await writes.run_parts(
        confirmation(targets, **changes), targets, desk.confirm, done=done, limit=limit
    )


def _part(number: int, told: WriteState | Problem) -> Part:
    """A part that is confirmed, waits, was rejected for a reason, or is in doubt."""
    if isinstance(told, WriteState):
        return Part(message(number), told)
    state = IN_DOUBT if told in {TIMED_OUT, GONE} else REJECTED
    return Part(message(number), state, problem=told)


def _parts(*told: WriteState | Problem) -> tuple[Part, ...]:
    return tuple(_part(number, each) for number, each in enumerate(told, start=1))


def _settled(outcome: Outcome[Any], state: WriteState, *parts: Part, version: int, **changes: Any) -> Entry:
    problems = [part.problem for part in parts if part.problem is not None]
    return parted(
        *parts,
        state=state,
        **{
            "id": row(outcome).id,
            "problem": problems[0] if problems else None,
            "settled_at": START,
            "leased_until": None,
            "version": version,
            **changes,
        },
    )


# -- call by call


async def test_objects_are_sent_in_calls_of_as_many_as_one_takes(writes: Writes, other: FileLedger) -> None:
    desk = Desk()

    outcome = await _confirm(writes, desk)

    assert desk.calls == [_FIVE[:2], _FIVE[2:4], _FIVE[4:]]
    assert outcome == Outcome(_settled(outcome, CONFIRMED, *_parts(*[CONFIRMED] * 5), version=4))
    assert await other.page(EntryFilter(), limit=9) == [row(outcome)]


@pytest.mark.parametrize("limit", [5, 6, 500])
async def test_what_one_call_takes_is_one_call(writes: Writes, limit: int) -> None:
    desk = Desk()

    outcome = await _confirm(writes, desk, limit=limit)

    assert desk.calls == [_FIVE]
    assert row(outcome).version == 2


async def test_each_call_is_recorded_before_the_next_begins(
    writes: Writes, other: FileLedger, clock: Hands
) -> None:
    seen: list[Entry | None] = []

    async def look() -> None:
        seen.append(await other.by_key("ola", "k1"))
        clock.pass_s(50)

    desk = Desk(during=look)
    outcome = await _confirm(writes, desk)

    pending = parted(*_parts(*[PENDING] * 5), id=row(outcome).id)
    assert seen == [
        pending,
        replace(
            pending,
            parts=_parts(CONFIRMED, CONFIRMED, PENDING, PENDING, PENDING),
            version=2,
            leased_until=at(50 + 75),
        ),
        replace(
            pending,
            parts=_parts(CONFIRMED, CONFIRMED, CONFIRMED, CONFIRMED, PENDING),
            version=3,
            leased_until=at(100 + 75),
        ),
    ]
    assert row(outcome).state is CONFIRMED


async def test_what_is_done_already_is_not_sent(writes: Writes, other: FileLedger) -> None:
    desk, rows = Desk(), list[list[Entry]]()

    async def done() -> Collection[Ref]:
        rows.append(await other.page(EntryFilter(), limit=9))
        return {message(2), message(4)}

    outcome = await _confirm(writes, desk, done=done)

    parts = tuple(Part(each, CONFIRMED, already=each in {message(2), message(4)}) for each in _FIVE)
    assert rows == [[]], "read before anything is recorded"
    assert desk.calls == [(message(1), message(3)), (message(5),)]
    assert outcome == Outcome(_settled(outcome, CONFIRMED, *parts, version=3))


async def test_if_all_is_done_already_nothing_is_sent_and_the_write_is_confirmed(
    writes: Writes, other: FileLedger
) -> None:
    desk = Desk()

    async def done() -> Collection[Ref]:
        return _FIVE

    outcome = await _confirm(writes, desk, done=done)

    parts = tuple(Part(each, CONFIRMED, already=True) for each in _FIVE)
    assert desk.calls == []
    assert outcome == Outcome(_settled(outcome, CONFIRMED, *parts, version=1))
    assert await other.by_key("ola", "k1") == row(outcome)


async def test_if_it_cannot_be_read_what_is_done_nothing_is_recorded_or_sent(
    writes: Writes, other: FileLedger
) -> None:
    desk, failure = Desk(), SourceTimeout("desk")

    async def done() -> Collection[Ref]:
        raise failure

    with pytest.raises(SourceTimeout) as raised:
        await _confirm(writes, desk, done=done)

    assert raised.value is failure
    assert (desk.calls, await other.page(EntryFilter(), limit=9)) == ([], [])


# -- what each object comes to


async def test_an_object_that_is_refused_fails_alone(writes: Writes) -> None:
    desk = Desk([[None, _NO], [None, None]])

    outcome = await _confirm(writes, desk)

    parts = _parts(CONFIRMED, FINAL, CONFIRMED, CONFIRMED, CONFIRMED)
    assert outcome == Outcome(_settled(outcome, PARTIAL, *parts, version=4), refusals=(_NO,))
    assert await _confirm(writes, desk) == outcome.again()
    assert len(desk.calls) == 3, "what was refused is not sent again"


async def test_a_call_that_is_refused_does_not_keep_the_others_from_being_sent(writes: Writes) -> None:
    nobody = Refusal(RefusalCode.NO_ACCESS, "Not yours.")
    desk = Desk([SourceRejected("desk", (nobody,))])

    outcome = await _confirm(writes, desk)

    refused = Problem("NO_ACCESS", "Not yours.", refusals=(nobody,))
    parts = _parts(refused, refused, CONFIRMED, CONFIRMED, CONFIRMED)
    assert outcome == Outcome(_settled(outcome, PARTIAL, *parts, version=4), refusals=(nobody, nobody))


async def test_if_all_are_refused_so_is_the_write(writes: Writes) -> None:
    desk = Desk([[_NO, _NO]])

    outcome = await _confirm(writes, desk, messages(2))

    assert outcome == Outcome(
        _settled(outcome, REJECTED, *_parts(FINAL, FINAL), version=2), refusals=(_NO, _NO)
    )


@pytest.mark.parametrize("failure", [SourceUnavailable("desk", sent=False), SourceThrottled("desk")])
async def test_a_call_that_fails_ends_the_sending_and_leaves_the_rest_to_be_repeated(
    writes: Writes, elsewhere: Writes, failure: Any
) -> None:
    desk = Desk([[None, None], failure])
    failed = Problem(failure.code.value, f"{failure.message} The write was not applied.", repeatable=True)

    first = await _confirm(writes, desk)

    parts = _parts(CONFIRMED, CONFIRMED, failed, failed, NOT_SENT)
    assert first == Outcome(_settled(first, PARTIAL, *parts, version=4), error=failure)
    assert desk.calls == [_FIVE[:2], _FIVE[2:4]]

    second = await _confirm(elsewhere, desk)

    assert desk.calls[2:] == [_FIVE[2:4], _FIVE[4:]], "only what was not applied"
    assert second == Outcome(_settled(first, CONFIRMED, *_parts(*[CONFIRMED] * 5), attempts=2, version=7))


async def test_a_call_in_doubt_ends_the_sending_and_is_never_sent_again(
    writes: Writes, elsewhere: Writes
) -> None:
    desk = Desk([[None, None], SourceTimeout("desk")])

    first = await _confirm(writes, desk)

    parts = _parts(CONFIRMED, CONFIRMED, TIMED_OUT, TIMED_OUT, NOT_SENT)
    assert (row(first), first.refusals) == (_settled(first, PARTIAL, *parts, version=4), ())
    assert isinstance(first.error, SourceUnavailable), "why the rest was not sent"
    assert desk.calls == [_FIVE[:2], _FIVE[2:4]]

    second = await _confirm(elsewhere, desk)

    assert desk.calls[2:] == [_FIVE[4:]]
    parts = _parts(CONFIRMED, CONFIRMED, TIMED_OUT, TIMED_OUT, CONFIRMED)
    assert second == Outcome(_settled(first, PARTIAL, *parts, attempts=2, version=6))
    assert await _confirm(writes, desk) == second.again()
    assert len(desk.calls) == 3


async def test_an_answer_about_another_number_of_objects_tells_nothing(writes: Writes) -> None:
    desk = Desk([[None]])

    with capture_logs() as logs:
        outcome = await _confirm(writes, desk)

    parts = _parts(GONE, GONE, NOT_SENT, NOT_SENT, NOT_SENT)
    assert row(outcome) == _settled(outcome, PARTIAL, *parts, version=3)
    assert desk.calls == [_FIVE[:2]]
    assert [each["event"] for each in logs] == ["adapter_failed"]


# -- once


async def test_the_same_confirmation_at_once_is_sent_once(writes: Writes, elsewhere: Writes) -> None:
    desk = Desk()

    outcomes = await asyncio.gather(*(_confirm(each, desk) for each in [writes, elsewhere] * 10))

    [done] = [outcome for outcome in outcomes if not row(outcome).replayed]
    assert [outcome for outcome in outcomes if outcome is not done] == [done.again()] * 19
    assert row(done).state is CONFIRMED
    assert desk.calls == [_FIVE[:2], _FIVE[2:4], _FIVE[4:]]


async def test_the_same_key_for_other_objects_is_a_conflict(writes: Writes, elsewhere: Writes) -> None:
    desk = Desk()
    await _confirm(writes, desk)

    for each in (writes, elsewhere):
        told = await _confirm(each, desk, messages(4))
        assert told.entry is None
        assert [refusal.code for refusal in told.refusals] == [RefusalCode.IDEMPOTENCY_CONFLICT]
    assert len(desk.calls) == 3


async def test_what_became_of_it_can_be_asked(writes: Writes) -> None:
    asked = confirmation(_FIVE)
    assert await writes.recorded(asked) is None

    outcome = await _confirm(writes, Desk([[None, _NO]]))

    assert await writes.recorded(asked) == outcome.again()


async def test_without_a_key_every_confirmation_is_one_of_its_own(writes: Writes) -> None:
    desk = Desk()

    ids = {row(await _confirm(writes, desk, key=None)).id for _ in range(2)}

    assert (len(ids), len(desk.calls)) == (2, 6)


# -- without the ledger, and without the lease


async def test_without_a_ledger_nothing_is_sent(writes: Writes, ledger: FileLedger) -> None:
    desk = Desk()
    ledger.unreachable = 2

    with pytest.raises(LedgerUnavailable):
        await _confirm(writes, desk)

    assert desk.calls == []


async def test_what_could_not_be_recorded_ends_the_sending(writes: Writes, ledger: FileLedger) -> None:
    desk = Desk()

    async def lose() -> None:
        ledger.unreachable = 100

    desk.during = lose
    outcome = await _confirm(writes, desk)

    assert desk.calls == [_FIVE[:2]]
    assert row(outcome).parts == _parts(CONFIRMED, CONFIRMED, NOT_SENT, NOT_SENT, NOT_SENT), "the truth"
    assert isinstance(outcome.error, SourceUnavailable)
    assert await ledger.by_key("ola", "k1") == parted(*_parts(*[PENDING] * 5), id=row(outcome).id)


async def test_a_ledger_that_comes_back_gets_all_that_it_missed(
    writes: Writes, elsewhere: Writes, ledger: FileLedger
) -> None:
    desk = Desk()

    async def lose() -> None:
        ledger.unreachable = 5

    desk.during = lose
    outcome = await _confirm(writes, desk)

    parts = _parts(CONFIRMED, CONFIRMED, NOT_SENT, NOT_SENT, NOT_SENT)
    assert row(outcome) == _settled(outcome, PARTIAL, *parts, version=2)
    assert await ledger.by_key("ola", "k1") == row(outcome)
    desk.during = None
    assert row(await _confirm(elsewhere, desk)).state is CONFIRMED
    assert desk.calls == [_FIVE[:2], _FIVE[2:4], _FIVE[4:]]


async def test_a_sender_that_was_given_up_sends_no_more(
    writes: Writes, other: FileLedger, clock: Hands
) -> None:
    """It stands still for longer than its lease, while its first call is under way."""
    desk = Desk()

    async def give_up() -> None:
        known = await other.by_key("ola", "k1")
        assert known is not None
        assert await other.replace(known, states.lapsed(known, GONE, now=clock.pass_s(80)))

    desk.during = give_up
    outcome = await _confirm(writes, desk)

    parts = _parts(CONFIRMED, CONFIRMED, NOT_SENT, NOT_SENT, NOT_SENT)
    assert desk.calls == [_FIVE[:2]]
    assert row(outcome).parts == parts
    assert await other.by_key("ola", "k1") == row(outcome)
