"""One suite over both databases: what the audit log tells, and that nobody can make it tell anything else."""

import asyncio
import random
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import asyncpg  # type: ignore[import-untyped]
import pytest

from gateway.domain import audit
from gateway.domain.access import LoginKind, Principal
from gateway.domain.acting import OPERATOR, SYSTEM, Actor, acting_as
from gateway.domain.api_keys import ApiKey
from gateway.domain.audit import AuditEvent, AuditFilter, AuditKind, Deed
from gateway.domain.ledger import (
    Entry,
    EntryFilter,
    LedgerUnavailable,
    Part,
    Problem,
    Purged,
    ResultTaken,
    Retention,
    WriteState,
)
from gateway.store import LedgerOptions, SqlLedger, open_ledger
from tests.databases import Database, postgres_database, sqlite_database
from tests.gateway.store.entries import FULL, MICROSECOND, NOW, PROBLEM, entry, message, settled, ticket

ALL = AuditFilter()
DAY = timedelta(days=1)
# Long enough ago for the database to let it go.
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
OLA = Actor.of(Principal("key:ola", "Ola", LoginKind.API_KEY, credential_id="0123456789ab"), request_id="r-1")


class SetClock:
    """Stands at a moment until it is set."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    return sqlite_database(tmp_path) if request.param == "sqlite" else postgres_database()


@pytest.fixture
def clock() -> SetClock:
    return SetClock(NOW)


@pytest.fixture
async def ledger(database: Database, clock: SetClock) -> AsyncIterator[SqlLedger]:
    opened = open_ledger(database.url, clock=clock)
    yield opened
    await opened.close()


async def log(ledger: SqlLedger) -> list[AuditEvent]:
    """All events, the oldest first."""
    return await ledger.audit_history(ALL, limit=10_000)


async def deeds(ledger: SqlLedger) -> list[Deed]:
    return [event.deed for event in await log(ledger)]


def of_write(kind: AuditKind, written: Entry, detail: str | None = None) -> Deed:
    return Deed(
        kind=kind,
        owner=written.principal,
        operation=written.operation,
        source=written.source,
        target=None if written.target is None else written.target.global_id,
        write_id=written.id,
        state=written.state.value,
        problem=None if written.problem is None else written.problem.code,
        attempts=written.attempts,
        detail=detail,
    )


async def raw(url: str, statement: str) -> None:
    """What anybody does who has the database's own tools."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as connection:
            connection.execute(statement)
        return
    server = await asyncpg.connect(url)
    try:
        await server.execute(statement)
    finally:
        await server.close()


async def refused(url: str, statement: str) -> str:
    with pytest.raises((sqlite3.IntegrityError, asyncpg.RaiseError)) as told:
        await raw(url, statement)
    return str(told.value)


# -- what it tells of writes


async def test_a_write_is_told_of_from_its_submission_to_its_end(ledger: SqlLedger, clock: SetClock) -> None:
    sent = entry(1)
    doubtful = settled(1, WriteState.IN_DOUBT, problem=Problem("SOURCE_TIMEOUT", "Perhaps."))
    found = settled(1, result=message("9"))

    with acting_as(OLA):
        await ledger.insert(sent)
        clock.now += DAY
        assert await ledger.replace(sent, doubtful, kind=AuditKind.WRITE_SETTLED)
    clock.now += DAY
    assert await ledger.replace(replace(doubtful, version=2), found, kind=AuditKind.WRITE_RECONCILED)

    events = await log(ledger)
    assert events == [
        AuditEvent(events[0].id, NOW, OLA, of_write(AuditKind.WRITE_SUBMITTED, sent)),
        AuditEvent(events[1].id, NOW + DAY, OLA, of_write(AuditKind.WRITE_SETTLED, doubtful)),
        AuditEvent(events[2].id, NOW + 2 * DAY, SYSTEM, of_write(AuditKind.WRITE_RECONCILED, found)),
    ]
    assert events[2].deed.write == sent.ref


async def test_a_new_attempt_is_told_of(ledger: SqlLedger) -> None:
    rejected = settled(1, WriteState.REJECTED, problem=PROBLEM)
    again = entry(1, attempts=2)
    await ledger.insert(rejected)

    assert await ledger.replace(rejected, again, kind=AuditKind.WRITE_SUBMITTED)
    assert await deeds(ledger) == [
        of_write(AuditKind.WRITE_SUBMITTED, rejected),
        of_write(AuditKind.WRITE_SUBMITTED, again),
    ]


async def test_parts_are_told_of_in_sum(ledger: SqlLedger) -> None:
    old = entry(1, parts=tuple(Part(message(str(number))) for number in range(3)))
    some = replace(old, parts=(Part(message("0"), WriteState.CONFIRMED), *old.parts[1:]))
    done = replace(
        some,
        state=WriteState.PARTIAL,
        parts=(
            some.parts[0],
            *(Part(part.target, WriteState.REJECTED, problem=PROBLEM) for part in old.parts[1:]),
        ),
    )
    await ledger.insert(old)
    assert await ledger.replace(old, some, kind=AuditKind.WRITE_PROGRESSED)
    assert await ledger.replace(replace(some, version=2), done)

    assert await deeds(ledger) == [
        of_write(AuditKind.WRITE_SUBMITTED, old, "3 PENDING"),
        of_write(AuditKind.WRITE_PROGRESSED, some, "1 CONFIRMED, 2 PENDING"),
        of_write(AuditKind.WRITE_SETTLED, done, "1 CONFIRMED, 2 REJECTED"),
    ]


async def test_what_changes_nothing_that_is_known_is_not_told(ledger: SqlLedger) -> None:
    leased = replace(entry(1), looks=1, leased_until=NOW + DAY, next_look_at=NOW, baseline="b")
    await ledger.insert(entry(1))

    assert await ledger.replace(entry(1), leased, kind=AuditKind.WRITE_RECONCILED)
    assert await deeds(ledger) == [of_write(AuditKind.WRITE_SUBMITTED, entry(1))]


async def test_what_is_not_done_is_not_told(ledger: SqlLedger) -> None:
    taken = entry(1, parts=(Part(message("1")),))
    await ledger.insert(taken)
    await ledger.insert(settled(2, result=message("9")))
    told = await log(ledger)

    assert await ledger.insert(entry(3, key="key-1")) == taken
    assert await ledger.replace(replace(entry(2), version=7), settled(2)) is False
    assert await ledger.replace(entry(4), settled(4)) is False
    for result in (replace(taken, result=message("9")), replace(taken, result=message("9"), parts=())):
        with pytest.raises((ResultTaken, ValueError)):
            await ledger.replace(taken, replace(result, state=WriteState.CONFIRMED))
    assert await log(ledger) == told


# -- a change and its event are one


@asynccontextmanager
async def unheard(database: Database) -> AsyncIterator[None]:
    """While there is no audit log to write to."""
    await raw(database.url, "ALTER TABLE audit_events RENAME TO elsewhere")
    try:
        yield
    finally:
        await raw(database.url, "ALTER TABLE elsewhere RENAME TO audit_events")


async def test_nothing_is_changed_of_which_the_log_cannot_tell(database: Database, ledger: SqlLedger) -> None:
    old = entry(1, parts=(Part(message("1")),))
    new = replace(old, state=WriteState.CONFIRMED, parts=(Part(message("1"), WriteState.CONFIRMED),))
    for each in (old, entry(2)):
        await ledger.insert(each)
    await ledger.add_key(KEY)
    told = await log(ledger)

    async with unheard(database):
        attempts = [
            ledger.insert(entry(3)),
            ledger.insert(entry(4, parts=old.parts)),
            ledger.replace(old, new),
            ledger.replace(entry(2), settled(2)),
            ledger.add_key(replace(KEY, id="other")),
            ledger.revoke_key(KEY.id, NOW),
            ledger.purge(Retention(NOW + DAY, NOW + DAY, NOW + DAY)),
        ]
        for attempt in attempts[:-1]:
            with pytest.raises(LedgerUnavailable):
                await attempt
        assert await attempts[-1] == Purged(0, 0, 0)  # There was nothing to let go of.

    assert await ledger.page(EntryFilter(), limit=9) == [entry(2), old]
    assert await ledger.keys() == [KEY]
    assert await log(ledger) == told


async def test_nothing_is_purged_of_which_the_log_cannot_tell(database: Database, ledger: SqlLedger) -> None:
    await ledger.insert(settled(1))
    async with unheard(database):
        with pytest.raises(LedgerUnavailable):
            await ledger.purge(Retention(NOW + DAY, NOW + DAY, NOW + DAY))

    assert await ledger.page(EntryFilter(), limit=9) == [settled(1)]


async def test_nothing_is_told_that_could_not_be_done(ledger: SqlLedger) -> None:
    neither: Any = None
    old = entry(1, parts=(Part(message("1")),))
    await ledger.insert(old)
    told = await log(ledger)
    impossible = (
        ledger.insert(entry(2, parts=(Part(message("1"), already=neither),))),
        ledger.insert(entry(3, source=neither)),
        ledger.replace(old, replace(old, attempts=2, parts=(Part(message("1"), already=neither),))),
        ledger.replace(old, replace(old, attempts=2, source=neither)),
        ledger.add_key(replace(KEY, digest=neither)),
    )

    for attempt in impossible:
        with pytest.raises(LedgerUnavailable):
            await attempt
    assert await log(ledger) == told


async def test_whatever_is_done_at_once_the_log_tells_the_same_as_the_ledger(database: Database) -> None:
    # By the real clock, which is the same one for processes of one machine.
    ledger, other = open_ledger(database.url), open_ledger(database.url)
    chance = random.Random(5)  # noqa: S311 - no secret
    states = [WriteState.CONFIRMED, WriteState.REJECTED, WriteState.IN_DOUBT]
    changes: dict[str, int] = {}

    async def one(number: int) -> None:
        made = entry(number, key=f"key-{number % 40}")
        through = chance.choice((ledger, other))
        if await through.insert(made) is not None:
            return
        changes[made.id] = 1
        rivals = [settled(number, chance.choice(states), key=made.key) for _ in range(3)]
        done = await asyncio.gather(
            *(chance.choice((ledger, other)).replace(made, rival) for rival in rivals)
        )
        changes[made.id] += done.count(True)

    tasks = [asyncio.create_task(one(number)) for number in range(1, 81)]
    await asyncio.sleep(0)
    tasks[7].cancel()  # Who goes away takes nothing along but the news.
    await asyncio.gather(*tasks, return_exceptions=True)
    await other.close()

    entries = await ledger.page(EntryFilter(), limit=1000)
    events = await log(ledger)
    last = {event.deed.write_id: event.deed.state for event in events}
    assert last == {each.id: each.state.value for each in entries}
    assert len(entries) == 40
    for each in entries:
        told = [event.deed.kind for event in events if event.deed.write_id == each.id]
        assert told == [AuditKind.WRITE_SUBMITTED, AuditKind.WRITE_SETTLED][: each.version]
        assert changes.get(each.id, each.version) == each.version
    await ledger.close()


# -- it is only added to

FORBIDDEN = {
    "changing": "UPDATE audit_events SET principal = 'jan'",
    "changing nothing": "UPDATE audit_events SET id = id",
    "deleting": "DELETE FROM audit_events",
    "deleting one": "DELETE FROM audit_events WHERE principal = 'system'",
    "replacing": """INSERT INTO audit_events (id, at, kind, principal) SELECT id, at, kind, 'jan' FROM audit_events
        WHERE true ON CONFLICT (id) DO UPDATE SET principal = 'jan'""",
    "letting go of all": "UPDATE audit_retention SET deletable_before = {now}",
    "letting go of what is nearly old enough": "UPDATE audit_retention SET deletable_before = {nearly}",
    "taking that back": "UPDATE audit_retention SET deletable_before = {before}",
    "deleting what says how long": "DELETE FROM audit_retention",
    "adding to it": "INSERT INTO audit_retention VALUES (1, {before})",
}
OF_ONE = {
    "sqlite": {
        "SQLite's way of replacing": "REPLACE INTO audit_events (id, at, kind, principal) "
        "SELECT id, at, kind, 'jan' FROM audit_events",
        "changing in its way": "UPDATE OR REPLACE audit_events SET principal = 'jan'",
        "saying anew how long": "REPLACE INTO audit_retention VALUES (1, {now})",
    },
    "postgresql": {
        "emptying": "TRUNCATE audit_events",
        "emptying with others": "TRUNCATE writes, write_parts, audit_events CASCADE",
        "emptying what says how long": "TRUNCATE audit_retention",
    },
}


def literal(kind: str, moment: datetime) -> str:
    if kind == "sqlite":
        return str((moment - datetime(1970, 1, 1, tzinfo=UTC)) // MICROSECOND)
    return f"'{moment.isoformat()}'"


async def test_nobody_can_change_what_it_has_told(database: Database, ledger: SqlLedger) -> None:
    kind = database.url.partition(":")[0]
    await ledger.insert(entry(1))
    await ledger.append(audit.access_refused("reply", "messages:write", source="desk"))
    told = await log(ledger)
    now = datetime.now(UTC)
    moments = {
        "now": literal(kind, now),
        "nearly": literal(kind, now - 30 * DAY + timedelta(minutes=5)),
        "before": literal(kind, datetime(1960, 1, 1, tzinfo=UTC)),
    }

    for name, statement in (FORBIDDEN | OF_ONE[kind]).items():
        why = await refused(database.url, statement.format(**moments))
        assert "the audit log is " in why, name
        assert await log(ledger) == told, name


# -- how long it is kept


def keeping(since: datetime) -> Retention:
    never = LONG_AGO - 400 * DAY
    return Retention(never, never, never, since)


async def test_events_go_when_they_were_kept_long_enough(ledger: SqlLedger, clock: SetClock) -> None:
    for number in range(4):
        clock.now = LONG_AGO + number * DAY
        await ledger.insert(entry(number + 1))
    told = await log(ledger)

    assert await ledger.purge(keeping(LONG_AGO)) == Purged(0, 0, 0, events=0)
    assert await log(ledger) == told
    with acting_as(OPERATOR):
        assert await ledger.purge(keeping(LONG_AGO + 2 * DAY)) == Purged(0, 0, 0, events=2)
    said = Deed(kind=AuditKind.LEDGER_PURGED, detail="0 keys, 0 bodies, 0 writes, 2 events")
    left = await log(ledger)
    assert left[:-1] == told[2:]
    assert (left[-1].by, left[-1].deed) == (OPERATOR, said)
    # What they told of is still there.
    assert len(await ledger.page(EntryFilter(), limit=9)) == 4


async def test_young_events_stay_whatever_a_program_says(ledger: SqlLedger, clock: SetClock) -> None:
    clock.now = datetime.now(UTC) - 29 * DAY
    await ledger.insert(entry(1))
    told = await log(ledger)

    for moment in (clock.now + MICROSECOND, clock.now + 100 * DAY):
        with pytest.raises(LedgerUnavailable):
            await ledger.purge(keeping(moment))
    assert await log(ledger) == told


async def test_what_is_kept_shorter_is_kept_for_good_once_it_was_to_be(
    database: Database, ledger: SqlLedger, clock: SetClock
) -> None:
    # Somebody deletes what may go by now; but nothing may that has not been let go of.
    clock.now = LONG_AGO
    await ledger.insert(entry(1))
    await ledger.purge(keeping(LONG_AGO))

    await refused(database.url, "DELETE FROM audit_events")
    assert await deeds(ledger) == [of_write(AuditKind.WRITE_SUBMITTED, entry(1))]


async def test_without_a_time_to_keep_them_all_events_stay(ledger: SqlLedger, clock: SetClock) -> None:
    clock.now = LONG_AGO
    await ledger.insert(settled(1))
    told = await log(ledger)

    assert await ledger.purge(Retention(NOW + DAY, NOW + DAY, NOW + DAY)) == Purged(0, 0, 1)
    assert (await log(ledger))[:1] == told


async def test_many_events_go_bit_by_bit(ledger: SqlLedger, clock: SetClock) -> None:
    clock.now = LONG_AGO
    await asyncio.gather(*(ledger.insert(entry(number)) for number in range(1, 1203)))
    clock.now = NOW

    assert await ledger.purge(keeping(LONG_AGO + DAY)) == Purged(0, 0, 0, events=1202)
    assert [each.detail for each in await deeds(ledger)] == [
        f"0 keys, 0 bodies, 0 writes, {count} events" for count in (500, 500, 202)
    ]


# -- keys, refusals, and who did it

KEY = ApiKey(
    id="0123456789ab",
    name="crm",
    digest="0f" * 32,
    scopes=("messages:read", "messages:write@desk"),
    created_at=NOW,
)


async def test_keys_are_told_of(ledger: SqlLedger) -> None:
    with acting_as(OPERATOR):
        await ledger.add_key(KEY)
        await ledger.revoke_key(KEY.id, NOW)
        await ledger.revoke_key(KEY.id, NOW)  # Is so already.
        await ledger.revoke_key("ffffffffffff", NOW)
        with pytest.raises(LedgerUnavailable):
            await ledger.add_key(KEY)

    assert [(event.by, event.deed) for event in await log(ledger)] == [
        (
            OPERATOR,
            Deed(
                kind=AuditKind.KEY_CREATED,
                owner="crm",
                key_id=KEY.id,
                detail="messages:read, messages:write@desk",
            ),
        ),
        (OPERATOR, Deed(kind=AuditKind.KEY_REVOKED, owner="crm", key_id=KEY.id)),
    ]


async def test_of_two_who_revoke_a_key_one_has_done_it(database: Database, ledger: SqlLedger) -> None:
    await ledger.add_key(KEY)
    other = open_ledger(database.url)
    await asyncio.gather(*(each.revoke_key(KEY.id, NOW) for each in (ledger, other, ledger, other)))
    await other.close()

    assert [deed.kind for deed in await deeds(ledger)] == [AuditKind.KEY_CREATED, AuditKind.KEY_REVOKED]


async def test_a_refusal_is_told_of(ledger: SqlLedger, clock: SetClock) -> None:
    with acting_as(OLA):
        await ledger.append(
            audit.access_refused("reply", "messages:write@desk", source="desk", target=ticket("1"))
        )

    (event,) = await log(ledger)
    assert event == AuditEvent(
        event.id,
        NOW,
        OLA,
        Deed(
            kind=AuditKind.ACCESS_REFUSED,
            operation="reply",
            source="desk",
            target=ticket("1").global_id,
            problem="FORBIDDEN",
            detail="needs messages:write@desk",
        ),
    )
    assert event.deed.write is None


async def test_who_acts_is_known_to_the_tasks_that_they_start(ledger: SqlLedger) -> None:
    jan = Actor("token:jan", LoginKind.TOKEN)
    with acting_as(OLA):
        hers = asyncio.create_task(ledger.insert(entry(1)))
    with acting_as(jan):
        his = asyncio.create_task(ledger.insert(entry(2)))
    await asyncio.gather(hers, his, ledger.insert(entry(3)))

    assert {event.deed.write_id: event.by for event in await log(ledger)} == {
        entry(1).id: OLA,
        entry(2).id: jan,
        entry(3).id: SYSTEM,
    }


async def test_whoever_calls_himself_system_has_logged_in_all_the_same(ledger: SqlLedger) -> None:
    with acting_as(Actor.of(Principal("system", "System", LoginKind.TOKEN))):
        await ledger.insert(entry(1))

    assert [event.by for event in await log(ledger)] == [Actor("system", LoginKind.TOKEN)]


# -- nothing of what was written


async def test_nothing_of_what_was_written_stands_in_it(database: Database, ledger: SqlLedger) -> None:
    secret = "A letter"
    problem = replace(PROBLEM, message=secret, refusals=(replace(PROBLEM.refusals[0], message=secret),))
    whole = replace(
        FULL,
        key=secret,
        baseline=secret,
        input=secret.encode(),
        fingerprint=secret,
        credential=secret,
        problem=problem,
        parts=tuple(replace(part, problem=problem) for part in FULL.parts),
    )
    doubtful = replace(
        whole,
        state=WriteState.IN_DOUBT,
        parts=(replace(whole.parts[0], state=WriteState.REJECTED), *whole.parts[1:]),
    )
    single = entry(7, input=secret.encode(), key=f"{secret} too", baseline=secret)
    await ledger.insert(whole)
    await ledger.insert(single)
    assert await ledger.replace(whole, doubtful)
    assert await ledger.replace(single, replace(single, state=WriteState.REJECTED, problem=problem))

    events = await log(ledger)
    assert len(events) == 4
    assert not [event for event in events if secret in repr(event) or "Za" in repr(event)]
    if database.url.startswith("sqlite"):
        with closing(sqlite3.connect(database.url.removeprefix("sqlite:///"))) as connection:
            rows = connection.execute("SELECT * FROM audit_events").fetchall()
    else:
        server = await asyncpg.connect(database.url)
        rows = await server.fetch("SELECT * FROM audit_events")
        await server.close()
    assert len(rows) == 4
    assert secret not in " ".join(str(value) for row in rows for value in tuple(row))


# -- reading


async def test_moments_rise_even_if_the_clock_stands_or_goes_back(ledger: SqlLedger, clock: SetClock) -> None:
    for number in range(1, 21):
        if number == 10:
            clock.now -= DAY
        await ledger.insert(entry(number))

    events = await log(ledger)
    assert [event.deed.write_id for event in events] == [entry(number).id for number in range(1, 21)]
    assert [event.at for event in events] == [NOW + number * MICROSECOND for number in range(20)]
    assert all(before.id < after.id for before, after in pairwise(events))


async def test_pages_go_from_the_newest_or_from_the_oldest(ledger: SqlLedger) -> None:
    for number in range(1, 8):
        await ledger.insert(entry(number))
    events = await log(ledger)

    assert await ledger.audit_page(ALL, limit=9) == events[::-1]
    for position, each in enumerate(events):
        assert await ledger.audit_history(ALL, limit=2, after=each.id) == events[position + 1 : position + 3]
        assert await ledger.audit_page(ALL, limit=2, after=each.id) == events[:position][::-1][:2]


async def test_a_filter_narrows_a_page(ledger: SqlLedger, clock: SetClock) -> None:
    with acting_as(OLA):
        await ledger.insert(entry(1))
    clock.now += DAY
    await ledger.insert(entry(2, source="desk-2"))
    clock.now += DAY
    await ledger.insert(entry(3, operation="createTicket"))
    await ledger.replace(entry(1), settled(1))
    await ledger.add_key(KEY)
    first, second, third, outcome, made = await log(ledger)

    async def found(**wanted: Any) -> list[AuditEvent]:
        newest = await ledger.audit_page(AuditFilter(**wanted), limit=9)
        assert await ledger.audit_history(AuditFilter(**wanted), limit=9) == newest[::-1]
        return newest[::-1]

    assert await found() == [first, second, third, outcome, made]
    assert await found(principal="key:ola") == [first]
    assert await found(source="desk-2") == [second]
    assert await found(sources=frozenset({"desk-2", "other"})) == [second]
    assert await found(sources=frozenset()) == []
    assert await found(source="desk", sources=frozenset({"desk-2"})) == []
    assert await found(operation="createTicket") == [third]
    assert await found(kind=AuditKind.WRITE_SETTLED) == [outcome]
    assert await found(kind=AuditKind.KEY_CREATED) == [made]
    assert await found(write_id=entry(1).id) == [first, outcome]
    assert await found(since=second.at) == [second, third, outcome, made]
    assert await found(since=second.at + MICROSECOND) == [third, outcome, made]
    assert await found(until=second.at) == [first]
    assert await found(since=first.at, until=second.at + MICROSECOND) == [first, second]
    assert await found(since=datetime(1900, 1, 1, tzinfo=UTC)) == [first, second, third, outcome, made]
    assert await found(until=datetime(1900, 1, 1, tzinfo=UTC)) == []
    assert await found(until=datetime(9998, 1, 1, tzinfo=UTC)) == [first, second, third, outcome, made]
    assert await found(since=datetime(9998, 1, 1, tzinfo=UTC)) == []
    every = {"principal": "key:ola", "source": "desk", "operation": "reply", "since": NOW, "until": NOW + DAY}
    assert await found(**every, kind=AuditKind.WRITE_SUBMITTED, write_id=entry(1).id) == [first]
    assert await found(**(every | {"principal": "key:jan"})) == []


async def test_while_the_database_is_away_nobody_is_told_anything(database: Database) -> None:
    ledger = open_ledger(database.url, options=LedgerOptions(wait_timeout_s=0.01))
    deed = audit.access_refused("reply", "messages:write", source=None)
    await ledger.append(deed)
    with database.away(), pytest.raises(LedgerUnavailable):
        await ledger.append(deed)
    await asyncio.gather(*(ledger.audit_page(ALL, limit=1) for _ in range(8)), return_exceptions=True)

    assert await deeds(ledger) == [deed]
    await ledger.close()
