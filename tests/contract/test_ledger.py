"""One suite over both databases: what every ledger promises, through the port."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from gateway.domain.ledger import (
    Entry,
    EntryFilter,
    Ledger,
    LedgerUnavailable,
    Part,
    Purged,
    ResultTaken,
    Retention,
    WriteState,
)
from gateway.store import LedgerOptions, open_ledger
from tests.databases import Database, postgres_database, sqlite_database
from tests.gateway.store.entries import FULL, MICROSECOND, NOW, PROBLEM, entry, message, settled, ticket

LATER = NOW + timedelta(days=1)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    return sqlite_database(tmp_path) if request.param == "sqlite" else postgres_database()


@pytest.fixture
async def ledger(database: Database) -> AsyncIterator[Ledger]:
    opened: Ledger = open_ledger(database.url)
    yield opened
    await opened.close()


async def put(ledger: Ledger, *entries: Entry) -> None:
    assert await asyncio.gather(*map(ledger.insert, entries)) == [None] * len(entries)


async def everything(ledger: Ledger) -> list[Entry]:
    """All entries, by their numbers."""
    return sorted(await ledger.page(EntryFilter(), limit=2000), key=lambda each: each.id)


# -- insert, get, by_key


@pytest.mark.parametrize("whole", [entry(1), FULL], ids=["as sent", "with all there can be"])
async def test_an_entry_comes_back_as_it_was(ledger: Ledger, whole: Entry) -> None:
    assert await ledger.insert(whole) is None

    assert await ledger.get(whole.id) == whole
    assert await ledger.by_key(whole.principal, whole.key) == whole
    assert await ledger.page(EntryFilter(), limit=10) == [whole]


async def test_that_it_is_told_again_is_not_stored(ledger: Ledger) -> None:
    await put(ledger, entry(1, replayed=True))

    assert await ledger.get(entry(1).id) == entry(1)


async def test_a_moment_is_the_same_in_every_zone(ledger: Ledger) -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=-9, minutes=-30)))
    await put(ledger, entry(1, submitted_at=elsewhere))

    (found,) = await everything(ledger)
    assert (found, found.submitted_at.utcoffset()) == (entry(1), timedelta())


async def test_what_is_not_there_is_none(ledger: Ledger) -> None:
    await put(ledger, entry(1))

    assert await ledger.get(entry(2).id) is None
    assert await ledger.by_key("ola", "key-2") is None
    assert await ledger.by_key("jan", "key-1") is None
    assert await ledger.by_results([message("1")]) == []
    assert await ledger.sent_to(ticket("1234"), "c1") == []


async def test_a_key_stands_for_the_first_entry_of_its_principal(ledger: Ledger) -> None:
    first, second = replace(FULL, key="k"), entry(2, principal=FULL.principal, key="k", parts=FULL.parts)
    others = entry(3, principal="jan", key="k")
    await put(ledger, first, others)

    assert await ledger.insert(second) == first
    assert await everything(ledger) == [others, first]


async def test_an_entry_inserted_again_is_found_there(ledger: Ledger) -> None:
    # Whoever lost sight of an insert may try it once more.
    await put(ledger, entry(1), FULL)

    assert await ledger.insert(entry(1)) == entry(1)
    assert await ledger.insert(FULL) == FULL
    assert await everything(ledger) == [entry(1), FULL]


async def test_an_id_that_is_taken_is_no_reason_to_say_that_the_key_is(ledger: Ledger) -> None:
    await put(ledger, entry(1))

    with pytest.raises(LedgerUnavailable):
        await ledger.insert(entry(1, key="another"))
    assert await everything(ledger) == [entry(1)]


async def test_of_many_who_want_a_key_exactly_one_gets_it(database: Database, ledger: Ledger) -> None:
    other: Ledger = open_ledger(database.url)
    wanted = [entry(number, key=f"key-{number % 10}") for number in range(1, 81)]
    try:
        told = await asyncio.gather(
            *((ledger, other)[number % 2].insert(each) for number, each in enumerate(wanted))
        )
    finally:
        await other.close()

    won = {each.key: each for each, in_force in zip(wanted, told, strict=True) if in_force is None}
    assert len(won) == told.count(None) == 10
    assert told == [None if won[each.key] is each else won[each.key] for each in wanted]
    assert await everything(ledger) == sorted(won.values(), key=lambda each: each.id)


# -- replace


async def test_a_new_entry_takes_the_place_of_the_old_one(ledger: Ledger) -> None:
    old = entry(1, parts=(Part(message("1")), Part(message("2"), WriteState.CONFIRMED, already=True)))
    new = replace(
        FULL, id=old.id, parts=(Part(message("1"), WriteState.REJECTED, problem=PROBLEM), old.parts[1])
    )
    await put(ledger, old, entry(2))

    assert await ledger.replace(old, new) is True

    # The key stands for what it stood for, whatever the new entry says.
    kept: dict[str, Any] = {
        "principal": "ola",
        "key": "key-1",
        "fingerprint": old.fingerprint,
        "input": old.input,
    }
    assert await everything(ledger) == [replace(new, version=2, **kept), entry(2)]
    assert await ledger.by_key("ola", "key-1") == replace(new, version=2, **kept)


async def test_what_was_known_can_be_unknown_again(ledger: Ledger) -> None:
    forgotten: dict[str, Any] = dict.fromkeys(
        [
            "target",
            "baseline",
            "settled_at",
            "leased_until",
            "next_look_at",
            "result",
            "applied_at",
            "problem",
        ]
    )
    reopened = replace(FULL, **forgotten, state=WriteState.PENDING)
    await put(ledger, FULL)

    assert await ledger.replace(FULL, reopened) is True
    assert await ledger.get(FULL.id) == replace(reopened, version=6)


async def test_an_old_version_changes_nothing(ledger: Ledger) -> None:
    old = entry(1, parts=(Part(message("1")),))
    landed = replace(old, state=WriteState.CONFIRMED, parts=(Part(message("1"), WriteState.CONFIRMED),))
    late = replace(
        old, state=WriteState.REJECTED, parts=(Part(message("1"), WriteState.REJECTED),), attempts=9
    )
    await put(ledger, old)

    assert await ledger.replace(old, landed) is True
    assert await ledger.replace(old, late) is False
    assert await ledger.get(old.id) == replace(landed, version=2)
    assert await ledger.replace(replace(landed, version=2), late) is True
    assert await ledger.get(old.id) == replace(late, version=3)


async def test_an_entry_that_is_not_there_is_not_replaced(ledger: Ledger) -> None:
    assert await ledger.replace(entry(1), settled(1)) is False
    assert await everything(ledger) == []


async def test_of_many_who_replace_an_entry_exactly_one_does(database: Database, ledger: Ledger) -> None:
    await put(ledger, entry(1))
    other: Ledger = open_ledger(database.url)
    try:
        done = await asyncio.gather(
            *(
                (ledger, other)[number % 2].replace(entry(1), entry(1, attempts=number))
                for number in range(2, 42)
            )
        )
    finally:
        await other.close()

    assert done.count(True) == 1
    assert await everything(ledger) == [entry(1, attempts=done.index(True) + 2, version=2)]


async def test_parts_of_another_number_are_refused(ledger: Ledger) -> None:
    old = entry(1, parts=(Part(message("1")),))
    await put(ledger, old)

    with pytest.raises(ValueError, match="zip"):
        await ledger.replace(old, replace(old, parts=()))
    assert await everything(ledger) == [old]


async def test_five_hundred_parts(ledger: Ledger) -> None:
    old = entry(1, parts=tuple(Part(message(str(number))) for number in range(500)))
    parts = list(old.parts)
    for number in range(0, 500, 7):
        parts[number] = Part(message(str(number)), WriteState.CONFIRMED, already=True, problem=PROBLEM)
    new = replace(old, parts=tuple(parts), state=WriteState.PARTIAL)
    await put(ledger, old)

    assert await ledger.get(old.id) == old
    assert await ledger.replace(old, new) is True
    assert await ledger.get(old.id) == replace(new, version=2)


async def test_an_entry_and_its_parts_stand_or_fall_together(ledger: Ledger) -> None:
    neither: Any = None
    old = entry(1, parts=(Part(message("1")),))
    impossible = replace(old, looks=1, parts=(Part(message("1"), already=neither),))

    with pytest.raises(LedgerUnavailable):
        await ledger.insert(impossible)
    assert await everything(ledger) == []
    await put(ledger, old)
    with pytest.raises(LedgerUnavailable):
        await ledger.replace(old, impossible)
    assert await everything(ledger) == [old]


# -- one object is the outcome of one write


async def test_a_result_is_one_writes_and_its_neighbours_do_not_mind(ledger: Ledger) -> None:
    await put(ledger, entry(1), entry(2), entry(3))
    assert await ledger.replace(entry(1), settled(1, result=message("9"))) is True

    told = await asyncio.gather(
        ledger.insert(entry(4)),
        ledger.replace(entry(2), settled(2, result=message("9"))),
        ledger.replace(entry(3), settled(3, result=message("8"))),
        ledger.insert(entry(5)),
        return_exceptions=True,
    )

    assert [type(told[1]), told[0], told[2], told[3]] == [ResultTaken, None, True, None]
    assert await everything(ledger) == [
        settled(1, result=message("9"), version=2),
        entry(2),
        settled(3, result=message("8"), version=2),
        entry(4),
        entry(5),
    ]


async def test_a_row_that_cannot_be_is_not_called_a_taken_result(ledger: Ledger) -> None:
    await put(ledger, entry(1))

    nowhere: Any = None
    with pytest.raises(LedgerUnavailable):
        await ledger.replace(entry(1), settled(1, result=message("9"), source=nowhere))
    assert await everything(ledger) == [entry(1)]


async def test_a_taken_result_leaves_the_parts_alone(ledger: Ledger) -> None:
    old = entry(2, parts=(Part(message("1")),))
    await put(ledger, settled(1, result=message("9")), old)

    with pytest.raises(ResultTaken):
        await ledger.replace(old, replace(old, result=message("9"), parts=(Part(message("2")),)))
    assert await ledger.get(old.id) == old


async def test_of_two_who_claim_a_result_one_gets_it(database: Database, ledger: Ledger) -> None:
    await put(ledger, entry(1), entry(2))
    other: Ledger = open_ledger(database.url)
    try:
        told = await asyncio.gather(
            ledger.replace(entry(1), settled(1, result=message("9"))),
            other.replace(entry(2), settled(2, result=message("9"))),
            return_exceptions=True,
        )
    finally:
        await other.close()

    assert sorted(map(type, told), key=str) == [bool, ResultTaken]
    won = 1 + told.index(True)
    assert await ledger.by_results([message("9")]) == [settled(won, result=message("9"), version=2)]


async def test_a_result_can_be_kept_and_given_up(ledger: Ledger) -> None:
    first = settled(1, result=message("9"))
    await put(ledger, first, entry(2))

    assert await ledger.replace(first, replace(first, looks=1)) is True
    assert await ledger.replace(replace(first, version=2), replace(first, result=None)) is True
    assert await ledger.replace(entry(2), settled(2, result=message("9"))) is True
    assert await ledger.by_results([message("9")]) == [settled(2, result=message("9"), version=2)]


async def test_entries_are_found_by_what_they_have_become(ledger: Ledger) -> None:
    became = [settled(number, result=message(str(number))) for number in range(1, 6)]
    await put(ledger, *became, entry(6))

    found = await ledger.by_results([message("3"), message("unknown"), message("1"), message("3")])
    assert sorted(found, key=lambda each: each.id) == [became[0], became[2]]
    assert await ledger.by_results([]) == []


async def test_hundreds_of_results_are_looked_up_at_once(ledger: Ledger) -> None:
    await put(ledger, settled(1, result=message("700")))

    assert await ledger.by_results([message(str(n)) for n in range(1500)]) == [
        settled(1, result=message("700"))
    ]


# -- sent_to, page


async def test_what_was_sent_to_a_place_comes_oldest_first(ledger: Ledger) -> None:
    first, second = settled(9), settled(2, submitted_at=NOW + MICROSECOND)
    third = settled(3, submitted_at=NOW + MICROSECOND)
    await put(
        ledger,
        third,
        second,
        first,
        *(settled(10 + number, state) for number, state in enumerate(WriteState) if state != "CONFIRMED"),
        settled(20, target=ticket("5")),
        settled(21, target=None),
        settled(22, credential="c2"),
        settled(23, result=ticket("1234")),
    )

    assert await ledger.sent_to(ticket("1234"), "c1") == [
        first,
        settled(23, result=ticket("1234")),
        second,
        third,
    ]
    assert await ledger.sent_to(ticket("1234"), "c2") == [settled(22, credential="c2")]


async def test_pages_go_from_the_newest_to_the_oldest(ledger: Ledger) -> None:
    times = {1: 0, 2: 3, 3: 1, 4: 1, 5: 1, 6: 2}
    made = {n: entry(n, submitted_at=NOW + offset * MICROSECOND) for n, offset in times.items()}
    await put(ledger, *made.values())
    order = [made[n] for n in (2, 6, 5, 4, 3, 1)]

    assert await ledger.page(EntryFilter(), limit=10) == order
    assert await ledger.page(EntryFilter(), limit=2) == order[:2]
    for position, each in enumerate(order):
        page = await ledger.page(EntryFilter(), limit=2, after=(each.submitted_at, each.id))
        assert page == order[position + 1 : position + 3]


async def test_a_page_begins_behind_a_place_where_nothing_is(ledger: Ledger) -> None:
    await put(ledger, entry(5), entry(7))

    assert await ledger.page(EntryFilter(), limit=9, after=(NOW, entry(6).id)) == [entry(5)]
    assert await ledger.page(EntryFilter(), limit=9, after=(NOW - MICROSECOND, "f" * 32)) == []


async def test_a_filter_narrows_a_page(ledger: Ledger) -> None:
    odd = [
        entry(1, principal="jan"),
        entry(2, source="desk-2"),
        entry(3, operation="createTicket"),
        entry(4, submitted_at=NOW - MICROSECOND),
        *(settled(10 + number, state) for number, state in enumerate(WriteState) if state != "PENDING"),
    ]
    plain = entry(30, submitted_at=NOW + MICROSECOND)
    await put(ledger, *odd, plain)

    async def page(**wanted: Any) -> list[Entry]:
        return await ledger.page(EntryFilter(**wanted), limit=50)

    assert await page(principal="jan") == [odd[0]]
    assert await page(source="desk-2") == [odd[1]]
    assert await page(operation="createTicket") == [odd[2]]
    assert await page(since=NOW + MICROSECOND) == [plain]
    assert odd[0] in await page(since=NOW)
    assert odd[3] not in await page(since=NOW)
    for state in WriteState:
        found = await page(state=state)
        assert found == [each for each in await page() if each.state is state] != []
        assert await page(state=state, principal="ola") == [each for each in found if each.principal == "ola"]
    every = {"principal": "ola", "state": WriteState.PENDING, "source": "desk", "operation": "reply"}
    assert await page(**every, since=NOW) == [plain]
    assert await page(**(every | {"principal": "ewa"})) == []


# -- due

_AT = NOW + timedelta(minutes=1)
DUE: dict[str, tuple[Entry, datetime | None]] = {
    "being sent": (entry(1, leased_until=_AT), _AT),
    "recorded, with nobody at work on it": (entry(2, leased_until=None), NOW),
    "in doubt, waiting for its next look": (
        settled(3, WriteState.IN_DOUBT, next_look_at=_AT),
        _AT,
    ),
    "in doubt, being looked for": (
        settled(4, WriteState.IN_DOUBT, next_look_at=_AT, leased_until=_AT + MICROSECOND),
        _AT + MICROSECOND,
    ),
    "in doubt, looked for by somebody who went away": (
        settled(5, WriteState.IN_DOUBT, next_look_at=_AT, leased_until=NOW),
        _AT,
    ),
    "in doubt for ever": (settled(6, WriteState.IN_DOUBT), None),
    "partly in doubt": (settled(7, WriteState.PARTIAL, next_look_at=_AT), _AT),
    "rejected, to be looked for again": (settled(8, WriteState.REJECTED, next_look_at=_AT), _AT),
    "confirmed": (settled(9), None),
    "being sent, with a look already planned": (entry(10, leased_until=_AT, next_look_at=NOW), _AT),
    "in doubt, leased without a look to come": (settled(11, WriteState.IN_DOUBT, leased_until=NOW), None),
}


@pytest.mark.parametrize(("each", "at"), DUE.values(), ids=DUE)
async def test_an_entry_is_due_when_its_time_has_come(
    ledger: Ledger, each: Entry, at: datetime | None
) -> None:
    await put(ledger, each)

    if at is None:
        assert await ledger.due(LATER, limit=10) == []
    else:
        assert await ledger.due(at - MICROSECOND, limit=10) == []
        assert await ledger.due(at, limit=10) == [each]


async def test_what_has_been_due_the_longest_comes_first(ledger: Ledger) -> None:
    made = [entry(number, leased_until=NOW + (number * 7 % 5) * MICROSECOND) for number in range(1, 6)]
    await put(ledger, *made, settled(6, WriteState.IN_DOUBT, next_look_at=NOW - MICROSECOND))

    due = await ledger.due(LATER, limit=10)
    assert [each.id for each in due] == [entry(number).id for number in (6, 5, 3, 1, 4, 2)]
    assert await ledger.due(LATER, limit=4) == due[:4]


async def test_a_lease_keeps_others_away_until_it_runs_out(ledger: Ledger) -> None:
    doubtful = settled(1, WriteState.IN_DOUBT, next_look_at=NOW)
    await put(ledger, doubtful)

    assert await ledger.due(NOW, limit=10) == [doubtful]
    leased = replace(doubtful, leased_until=NOW + timedelta(seconds=30), looks=1)
    assert await ledger.replace(doubtful, leased) is True
    assert await ledger.due(NOW + timedelta(seconds=29), limit=10) == []
    assert await ledger.due(NOW + timedelta(seconds=30), limit=10) == [replace(leased, version=2)]
    done = replace(leased, version=2, state=WriteState.CONFIRMED, leased_until=None, next_look_at=None)
    assert await ledger.replace(replace(leased, version=2), done) is True
    assert await ledger.due(LATER, limit=10) == []


# -- purge

NOTHING = Purged(keys=0, bodies=0, entries=0)
NEVER = NOW - timedelta(days=400)


def retention(**before: datetime) -> Retention:
    kept = {"keys_before": NEVER, "bodies_before": NEVER, "entries_before": NEVER}
    return Retention(**(kept | before))


async def test_keys_are_freed(ledger: Ledger) -> None:
    old, young = settled(1), settled(2, settled_at=NOW + MICROSECOND)
    await put(ledger, old, young)

    assert await ledger.purge(retention(keys_before=NOW)) == NOTHING
    assert await ledger.purge(retention(keys_before=NOW + MICROSECOND)) == Purged(keys=1, bodies=0, entries=0)
    assert await ledger.purge(retention(keys_before=NOW + MICROSECOND)) == NOTHING

    # It is shown as it was, stands for nothing, and may be taken once.
    freed = replace(old, version=2)
    assert await everything(ledger) == [freed, young]
    assert await ledger.by_key("ola", "key-1") is None
    assert await ledger.insert(entry(3, key="key-1")) is None
    assert (
        await ledger.insert(entry(4, key="key-1"))
        == await ledger.by_key("ola", "key-1")
        == entry(3, key="key-1")
    )
    assert await everything(ledger) == [freed, young, entry(3, key="key-1")]


async def test_who_still_believes_in_a_freed_key_is_told(ledger: Ledger) -> None:
    # Else it would be sent again under the old entry, and under the new one that the key stands for.
    rejected = settled(1, WriteState.REJECTED)
    await put(ledger, rejected)
    await ledger.purge(retention(keys_before=LATER))

    assert await ledger.replace(rejected, entry(1, attempts=2)) is False


async def test_inputs_are_erased(ledger: Ledger) -> None:
    old, young = settled(1), settled(2, settled_at=NOW + MICROSECOND)
    await put(ledger, old, young)

    assert await ledger.purge(retention(bodies_before=NOW + MICROSECOND)) == Purged(
        keys=0, bodies=1, entries=0
    )
    assert await ledger.purge(retention(bodies_before=NOW + MICROSECOND)) == NOTHING
    assert await everything(ledger) == [replace(old, input=None, version=2), young]
    assert await ledger.by_key("ola", "key-1") == replace(old, input=None, version=2)


async def test_entries_are_deleted_with_all_they_hold(ledger: Ledger) -> None:
    parts = tuple(Part(message(str(number)), WriteState.CONFIRMED) for number in range(3))
    old = settled(1, parts=parts, result=message("9"))
    young = settled(2, parts=parts, settled_at=NOW + MICROSECOND)
    await put(ledger, old, young)

    assert await ledger.purge(retention(entries_before=NOW + MICROSECOND)) == Purged(
        keys=0, bodies=0, entries=1
    )
    assert await everything(ledger) == [young]
    # Its key, its result and its parts don't stand in anybody's way.
    await put(ledger, old)
    assert await everything(ledger) == [old, young]


async def test_an_entry_that_goes_counts_as_one_that_goes(ledger: Ledger) -> None:
    await put(ledger, settled(1), settled(2))

    everything_goes = Retention(keys_before=LATER, bodies_before=LATER, entries_before=LATER)
    assert await ledger.purge(everything_goes) == Purged(keys=0, bodies=0, entries=2)


async def test_keys_and_inputs_may_go_together(ledger: Ledger) -> None:
    await put(ledger, settled(1), settled(2, input=None))

    assert await ledger.purge(retention(keys_before=LATER, bodies_before=LATER)) == Purged(2, 1, 0)
    assert [each.input for each in await everything(ledger)] == [None, None]


def _partly(number: int, *states: WriteState) -> Entry:
    parts = tuple(Part(message(str(position)), state) for position, state in enumerate(states))
    return settled(number, WriteState.PARTIAL, parts=parts)


async def test_what_is_not_known_keeps_everything(ledger: Ledger) -> None:
    confirmed, rejected = WriteState.CONFIRMED, WriteState.REJECTED
    open_ = [
        entry(1),
        settled(2, WriteState.PENDING),
        settled(3, WriteState.IN_DOUBT),
        _partly(4, confirmed, WriteState.IN_DOUBT),
        _partly(5, WriteState.PENDING, rejected),
    ]
    known = [settled(6), settled(7, rejected), _partly(8, confirmed, rejected)]
    await put(ledger, *open_, *known)

    assert await ledger.purge(retention(keys_before=LATER, bodies_before=LATER)) == Purged(3, 3, 0)
    assert await ledger.purge(retention(entries_before=LATER)) == Purged(0, 0, 3)
    assert await everything(ledger) == open_
    assert await ledger.by_key("ola", "key-3") == open_[2]


async def test_many_are_purged(ledger: Ledger) -> None:
    await put(ledger, *(settled(number) for number in range(1, 1004)), entry(2000))

    assert await ledger.purge(retention(keys_before=LATER, bodies_before=LATER)) == Purged(1003, 1003, 0)
    assert await ledger.purge(retention(entries_before=LATER)) == Purged(0, 0, 1003)
    assert await everything(ledger) == [entry(2000)]


# -- when it can't be reached


async def test_nothing_is_recorded_while_the_database_is_away_and_all_is_well_afterwards(
    database: Database,
) -> None:
    ledger: Ledger = open_ledger(database.url, options=LedgerOptions(wait_timeout_s=0.01))
    await put(ledger, entry(1))
    with database.away():
        for attempt in (ledger.insert(entry(2)), ledger.replace(entry(1), settled(1))):
            with pytest.raises(LedgerUnavailable):
                await attempt

    # A connection may be found broken only when it is used; the call after that has a new one.
    await asyncio.gather(*(ledger.get(entry(1).id) for _ in range(8)), return_exceptions=True)
    assert await everything(ledger) == [entry(1)]
    assert await ledger.insert(entry(2)) is None
    assert await ledger.replace(entry(1), settled(1)) is True
    assert await everything(ledger) == [settled(1, version=2), entry(2)]
    await ledger.close()


@pytest.mark.parametrize(
    "url", ["sqlite:////dev/null/ledger.db", "postgresql://ola:s3cret@127.0.0.1:1/ledger"]
)
async def test_what_went_wrong_tells_no_secrets(url: str) -> None:
    ledger: Ledger = open_ledger(url)
    calls = [
        ledger.insert(FULL),
        ledger.replace(FULL, entry(1)),
        ledger.get(FULL.id),
        ledger.by_key(FULL.principal, FULL.key),
        ledger.by_results([message("1")]),
        ledger.sent_to(ticket("1"), "c1"),
        ledger.page(EntryFilter(), limit=1),
        ledger.due(NOW, limit=1),
        ledger.purge(retention()),
    ]
    told = await asyncio.gather(*calls, return_exceptions=True)
    await ledger.close()

    assert {type(each) for each in told} == {LedgerUnavailable}
    said = {f"{each!r} {each} {each.detail}" for each in told if isinstance(each, LedgerUnavailable)}
    assert not [
        text for text in said for word in ("s3cret", "127", "null", FULL.key, FULL.id) if word in text
    ]


async def test_those_in_doubt_are_counted(ledger: Ledger) -> None:
    assert await ledger.count_in_doubt() == 0

    await put(
        ledger,
        entry(1),
        settled(2, WriteState.IN_DOUBT),
        settled(3, WriteState.CONFIRMED),
        settled(4, WriteState.IN_DOUBT, next_look_at=_AT),
        settled(5, WriteState.REJECTED),
    )

    assert await ledger.count_in_doubt() == 2


async def test_a_cancelled_caller_harms_nobody(ledger: Ledger) -> None:
    tasks = [asyncio.create_task(ledger.insert(entry(number))) for number in range(1, 31)]
    await asyncio.sleep(0)  # They have begun, and wait.
    for task in tasks[::3]:
        task.cancel()
    told = await asyncio.gather(*tasks, return_exceptions=True)

    assert [told[number] for number in range(30) if number % 3] == [None] * 20
    assert {type(each) for each in told[::3]} == {asyncio.CancelledError}
    # Nobody knows of those that were given up; the others are there, and the ledger goes on.
    found = await everything(ledger)
    assert [each for each in found if int(each.id, 16) % 3 != 1] == [
        entry(number) for number in range(1, 31) if number % 3 != 1
    ]
    assert await ledger.insert(entry(99)) is None


async def test_closing_finishes_what_has_begun_and_takes_nothing_more(
    database: Database, ledger: Ledger
) -> None:
    closing: Ledger = open_ledger(database.url)
    tasks = [asyncio.create_task(closing.insert(entry(number))) for number in range(1, 31)]
    await asyncio.sleep(0)
    await closing.close()
    await closing.close()

    assert await asyncio.gather(*tasks) == [None] * 30
    assert await everything(ledger) == [entry(number) for number in range(1, 31)]
    for attempt in (closing.insert(entry(31)), closing.get(entry(1).id)):
        with pytest.raises(LedgerUnavailable):
            await attempt
