"""Looking for writes that nobody is sure of, over the real ledger."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from gateway.domain.errors import SourceTimeout, SourceUnavailable
from gateway.domain.ledger import Entry, Part, WriteState
from gateway.domain.writes import Attempt, Confirmation, Sighting, TicketChanges
from gateway.writes import inputs, reconcile
from tests.gateway.writes.conftest import FileLedger
from tests.gateway.writes.desk import (
    ABSENT,
    REPLY,
    START,
    TICKET,
    TIMED_OUT,
    Desk,
    Hands,
    Window,
    at,
    entry,
    message,
    parted,
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


# -- what it finds


@pytest.mark.parametrize("now_s", [12, 909, 910, 50_000])
async def test_a_write_that_is_there_is_confirmed(ledger: FileLedger, clock: Hands, now_s: float) -> None:
    window, known = Window((THERE,)), replace(DOUBT, baseline="seen: 6")
    clock.pass_s(now_s)

    rows, logs = await after_one_pass(ledger, clock, window, known)

    assert rows == [replace(known, **LANDED, settled_at=at(now_s), looks=1, version=3)]
    assert logs == [event("write_reconciled", state="CONFIRMED")]
    assert window.asked == [(REPLY, Attempt(known.reference, "seen: 6", START))]


async def test_an_absent_write_stays_in_doubt_until_it_would_have_been_applied(
    ledger: FileLedger, clock: Hands
) -> None:
    window = Window((NOT_THERE,))
    clock.pass_s(12)

    rows, logs = await after_one_pass(ledger, clock, window, DOUBT)

    assert rows == [replace(DOUBT, looks=1, next_look_at=at(16), version=3)]
    assert logs == []


async def test_an_absent_write_is_rejected_then_and_still_looked_for(
    ledger: FileLedger, clock: Hands
) -> None:
    clock.pass_s(910)

    rows, logs = await after_one_pass(ledger, clock, Window((NOT_THERE,)), DOUBT)

    assert rows == [
        replace(
            DOUBT,
            state=REJECTED,
            problem=ABSENT,
            settled_at=at(910),
            looks=1,
            next_look_at=at(914),
            version=3,
        )
    ]
    assert logs == [event("write_reconciled", state="REJECTED")]


async def test_absence_counts_from_when_the_source_was_asked(ledger: FileLedger, clock: Hands) -> None:
    async def take_long() -> None:
        clock.pass_s(2)

    clock.pass_s(909)

    rows, _ = await after_one_pass(ledger, clock, Window((NOT_THERE,), take_long), DOUBT)

    assert rows == [replace(DOUBT, looks=1, next_look_at=at(915), version=3)]


async def test_absence_that_proves_nothing_rejects_nothing(ledger: FileLedger, clock: Hands) -> None:
    clock.pass_s(50_000)

    rows, _ = await after_one_pass(ledger, clock, Window((Sighting(reason="Vanishes."),)), DOUBT)

    problem = replace(TIMED_OUT, message=f"{TIMED_OUT.message} (Vanishes.)")
    assert rows == [replace(DOUBT, problem=problem, looks=1, next_look_at=at(50_004), version=3)]


async def test_several_objects_that_could_be_it_leave_it_in_doubt(ledger: FileLedger, clock: Hands) -> None:
    window = Window((Sighting((message(7), message(8)), absence_proves=True),))
    clock.pass_s(910)

    rows, _ = await after_one_pass(ledger, clock, window, DOUBT)

    problem = replace(TIMED_OUT, message=f"{TIMED_OUT.message} (Several objects at the source could be it.)")
    assert rows == [replace(DOUBT, problem=problem, looks=1, next_look_at=at(914), version=3)]


async def test_what_another_write_has_become_is_not_it(ledger: FileLedger, clock: Hands) -> None:
    taken = twin(2, entry(CONFIRMED, result=message(7)))
    window = Window((Sighting((message(7), message(8))),))
    clock.pass_s(12)

    rows, _ = await after_one_pass(ledger, clock, window, DOUBT, taken)

    assert rows == [
        replace(DOUBT, **{**LANDED, "result": message(8)}, settled_at=at(12), looks=1, version=3),
        taken,
    ]


@pytest.mark.parametrize(
    "rival",
    [
        pytest.param(twin(2, entry(leased_until=at(75))), id="under way"),
        pytest.param(twin(2, entry(CONFIRMED, settled_at=at(1))), id="done, nobody knows as what"),
    ],
)
async def test_an_object_that_an_equal_write_may_have_become_confirms_nothing(
    ledger: FileLedger, clock: Hands, rival: Entry
) -> None:
    """Who got no answer has written the same again under another key, and that one has landed."""
    clock.pass_s(12)

    rows, _ = await after_one_pass(ledger, clock, Window((Sighting((message(7),)),)), DOUBT, rival)

    said = "The source shows one such object, and an equal write may have become that."
    problem = replace(TIMED_OUT, message=f"{TIMED_OUT.message} ({said})")
    assert rows == [replace(DOUBT, problem=problem, looks=1, next_look_at=at(16), version=3), rival]


async def test_another_write_to_the_same_place_is_no_rival(ledger: FileLedger, clock: Hands) -> None:
    other = twin(2, entry(leased_until=at(75)), fingerprint="another")
    clock.pass_s(12)

    rows, _ = await after_one_pass(ledger, clock, Window((Sighting((message(7),)),)), DOUBT, other)

    assert rows == [
        replace(DOUBT, **{**LANDED, "result": message(7)}, settled_at=at(12), looks=1, version=3),
        other,
    ]


@pytest.mark.parametrize("taken", [False, True], ids=["nobody's", "another write's"])
async def test_an_object_like_it_leaves_it_in_doubt_unless_another_write_has_become_that(
    ledger: FileLedger, clock: Hands, taken: bool
) -> None:
    like_it = Sighting(near=(message(7),), absence_proves=True, reason="It looks like it.")
    other = twin(2, entry(CONFIRMED, result=message(7) if taken else message(6)))
    clock.pass_s(910)

    rows, _ = await after_one_pass(ledger, clock, Window((like_it,)), DOUBT, other)

    changes: dict[str, Any] = (
        {"state": REJECTED, "problem": ABSENT, "settled_at": at(910)}
        if taken
        else {"problem": replace(TIMED_OUT, message=f"{TIMED_OUT.message} (It looks like it.)")}
    )
    assert rows == [replace(DOUBT, **changes, looks=1, next_look_at=at(914), version=3), other]


async def test_a_change_has_become_its_target_even_if_another_write_made_that(
    ledger: FileLedger, clock: Hands
) -> None:
    made = twin(2, entry(CONFIRMED, operation="createTicket", target=None, result=TICKET))
    change = replace(
        DOUBT, operation="updateTicket", input=inputs.encode(TicketChanges(ticket=TICKET, queue="q"))
    )
    clock.pass_s(910)

    sighting = Sighting((TICKET,), absence_proves=True)
    rows, _ = await after_one_pass(ledger, clock, Window((sighting,)), change, made)

    assert rows == [
        replace(change, **{**LANDED, "result": None}, settled_at=at(910), looks=1, version=3),
        made,
    ]


@pytest.mark.parametrize("at_once", [True, False])
async def test_of_two_equal_writes_in_doubt_one_object_confirms_exactly_one(
    ledger: FileLedger, clock: Hands, at_once: bool
) -> None:
    both_ask = asyncio.Barrier(2)
    window = Window((Sighting((message(7),), absence_proves=True),), both_ask.wait if at_once else None)
    twins = [twin(1), twin(2) if at_once else twin(2, next_look_at=at(13))]
    clock.pass_s(12)

    rows, _ = await after_one_pass(ledger, clock, window, *twins)

    one = [row for row in rows if row is not None and row.state is CONFIRMED]
    assert [row.result for row in one] == [message(7)]
    [other] = [row for row in rows if row is not None and row.state is not CONFIRMED]
    assert (other.state, other.problem, other.leased_until) == (IN_DOUBT, TIMED_OUT, None)

    window.during = None
    clock.pass_s(900)
    await reconciler(ledger, clock, source(window)).run_once()

    row = await ledger.get(other.id)
    assert row is not None
    assert (row.state, row.problem) == (REJECTED, ABSENT), "the other one isn't there"
    assert await ledger.by_results([message(7)]) == one


async def test_who_finds_an_object_that_was_just_given_away_looks_again(
    ledger: FileLedger, clock: Hands
) -> None:
    both_ask = asyncio.Barrier(2)
    clock.pass_s(12)

    rows, _ = await after_one_pass(ledger, clock, Window((THERE,), both_ask.wait), twin(1), twin(2))

    [other] = [row for row in rows if row is not None and row.state is IN_DOUBT]
    assert other == replace(twin(int(other.id, 16)), looks=1, next_look_at=at(12), version=3)
    assert await ledger.due(clock(), limit=9) == [other]


async def test_a_confirmed_write_gets_its_result(ledger: FileLedger, clock: Hands) -> None:
    nameless = entry(CONFIRMED, next_look_at=at(12))
    clock.pass_s(12)

    rows, logs = await after_one_pass(ledger, clock, Window((THERE,)), nameless)

    assert rows == [replace(nameless, result=message(7), next_look_at=None, looks=1, version=3)]
    assert logs == []


async def test_a_rejected_write_that_lands_late_is_confirmed_and_logged(
    ledger: FileLedger, clock: Hands
) -> None:
    absent = entry(REJECTED, problem=ABSENT, looks=9, next_look_at=at(1_000))
    clock.pass_s(1_000)

    rows, logs = await after_one_pass(ledger, clock, Window((THERE,)), absent)

    assert rows == [replace(absent, **LANDED, settled_at=at(1_000), looks=10, version=3)]
    assert logs == [event("write_landed_late", state="CONFIRMED")]


async def test_the_parts_of_a_write_are_looked_for_together(ledger: FileLedger, clock: Hands) -> None:
    done, second, third = (
        Part(message(1), CONFIRMED),
        Part(message(2), IN_DOUBT, problem=TIMED_OUT),
        Part(message(3), IN_DOUBT, problem=TIMED_OUT),
    )
    known = parted(done, second, third, state=PARTIAL, problem=TIMED_OUT, next_look_at=at(910))
    window = Window((Sighting((message(1), message(3)), absence_proves=True),))
    clock.pass_s(910)

    rows, logs = await after_one_pass(ledger, clock, window, known)

    parts = (done, Part(message(2), REJECTED, problem=ABSENT), Part(message(3), CONFIRMED))
    assert rows == [replace(known, parts=parts, problem=ABSENT, looks=1, next_look_at=at(914), version=3)]
    assert logs == []
    assert window.asked == [
        (
            Confirmation(messages=(message(1), message(2), message(3))),
            Attempt(known.reference, None, START),
        )
    ]


# -- where nobody can be asked


async def test_a_source_that_shows_nothing_is_not_asked_and_a_person_has_to_settle_it(
    ledger: FileLedger, clock: Hands
) -> None:
    clock.pass_s(12)

    rows, _ = await after_one_pass(ledger, clock, Desk(), DOUBT)

    assert rows == [replace(DOUBT, next_look_at=None, version=2)]
    assert await ledger.due(at(10**7), limit=9) == []


@pytest.mark.parametrize(
    "changes", [{"key": "desk2"}, {"own_credential": "key-2"}], ids=["gone", "other credentials"]
)
async def test_a_source_that_is_not_as_it_was_is_not_asked_until_it_is_again(
    ledger: FileLedger, clock: Hands, changes: dict[str, Any]
) -> None:
    window = Window((THERE,))
    clock.pass_s(12)

    rows, _ = await after_one_pass(ledger, clock, window, DOUBT, **changes)

    put_off = replace(DOUBT, next_look_at=at(12 + 3_600), version=2)
    assert (rows, window.asked) == ([put_off], [])

    clock.pass_s(3_600)
    await reconciler(ledger, clock, source(window)).run_once()

    assert await ledger.get(DOUBT.id) == replace(put_off, **LANDED, settled_at=at(3_612), looks=1, version=4)


async def test_a_write_whose_input_was_erased_is_not_looked_for_but_kept_in_sight(
    ledger: FileLedger, clock: Hands
) -> None:
    window, erased = Window((THERE,)), replace(DOUBT, input=None)
    clock.pass_s(12)

    rows, _ = await after_one_pass(ledger, clock, window, erased)

    assert (rows, window.asked) == ([replace(erased, looks=1, next_look_at=at(16), version=3)], [])


# -- failures


@pytest.mark.parametrize(
    "failure", [SourceUnavailable("desk", detail="reset"), SourceTimeout("desk"), TimeoutError()]
)
async def test_a_source_that_fails_is_asked_again_later(
    ledger: FileLedger, clock: Hands, failure: Exception
) -> None:
    window = Window((failure, THERE))
    clock.pass_s(12)

    rows, logs = await after_one_pass(ledger, clock, window, DOUBT)

    later = replace(DOUBT, looks=1, next_look_at=at(16), version=3)
    assert rows == [later]
    assert logs == [event("write_not_looked_for", reason=str(failure))]

    clock.pass_s(4)
    await reconciler(ledger, clock, source(window)).run_once()

    assert await ledger.get(DOUBT.id) == replace(later, **LANDED, settled_at=at(16), looks=2, version=5)


async def test_a_source_that_never_answers_is_asked_again_later(
    ledger: FileLedger, clock: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile, "_LOOK_TIMEOUT_S", 0.001)
    window = Window()
    window.free.clear()
    clock.pass_s(12)

    rows, _ = await after_one_pass(ledger, clock, window, DOUBT)

    assert rows == [replace(DOUBT, looks=1, next_look_at=at(16), version=3)]


async def test_a_fault_of_ours_with_one_write_leaves_the_others_their_look(
    ledger: FileLedger, clock: Hands
) -> None:
    window = Window((LookupError("a fault of ours"), THERE))
    first, second = DOUBT, twin(2, next_look_at=at(12.5))
    clock.pass_s(13)

    rows, logs = await after_one_pass(ledger, clock, window, first, second)

    assert rows == [
        replace(first, looks=1, next_look_at=at(17), version=3),
        replace(second, **LANDED, settled_at=at(13), looks=1, version=3),
    ]
    assert logs == [
        event("adapter_failed", "error", exc_info=True),
        {**event("write_reconciled", state="CONFIRMED"), "write": second.id},
    ]


@pytest.mark.parametrize(
    "changes", [{"operation": "mergeTickets"}, {"input": b'{"body": 1}'}], ids=["operation", "input"]
)
async def test_a_row_of_another_release_leaves_the_others_their_look(
    ledger: FileLedger, clock: Hands, changes: dict[str, Any]
) -> None:
    foreign, ours = replace(DOUBT, **changes), twin(2)
    clock.pass_s(12)

    rows, logs = await after_one_pass(ledger, clock, Window((THERE,)), foreign, ours)

    assert rows == [
        replace(foreign, looks=1, next_look_at=at(16), version=3),
        replace(ours, **LANDED, settled_at=at(12), looks=1, version=3),
    ]
    assert [each["event"] for each in logs] == ["adapter_failed", "write_reconciled"]
