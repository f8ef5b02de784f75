"""What SQLite's runner does beyond the contract of all ledgers: commits in common, through a crash."""

import asyncio
import sqlite3
import stat
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from gateway.domain.ledger import LedgerUnavailable, ResultTaken
from gateway.store import LedgerOptions, SqlLedger, operations
from gateway.store.migrate import migrate
from gateway.store.runner import Operation
from gateway.store.sqlite import SqliteRunner
from tests.databases import locked, sqlite_database
from tests.gateway.store.entries import entry, event_of, message, settled

IMPATIENT = LedgerOptions(wait_timeout_s=0.0, batch=10)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    sqlite_database(tmp_path)
    return tmp_path / "ledger.db"


@pytest.fixture
async def runner(path: Path) -> AsyncIterator[SqliteRunner]:
    opened = SqliteRunner(path, IMPATIENT)
    yield opened
    await opened.close()


def inserting(number: int, **changes: Any) -> Operation[bool]:
    made = entry(number, **changes)
    return partial(operations.insert, entry=made, event=event_of(made))


def becoming(number: int) -> Operation[bool]:
    """Taking a result that others want too."""
    new = settled(number, result=message("9"))
    return partial(operations.replace, old=entry(number), new=new, event=event_of(new))


def rows(path: Path) -> list[int]:
    """Numbers of the entries that another process sees."""
    with closing(sqlite3.connect(path)) as other:
        return [int(row[0], 16) for row in other.execute("SELECT id FROM writes ORDER BY id")]


async def traced(runner: SqliteRunner) -> list[str]:
    """The statements that SQLite gets from now on."""
    said: list[str] = []

    def trace(connection: Connection) -> None:
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        driver.set_trace_callback(said.append)

    await runner.read(trace)
    said.clear()
    return said


@asynccontextmanager
async def held(runner: SqliteRunner) -> AsyncIterator[None]:
    """Keep the thread busy, so that what is asked for inside queues up."""
    begun, go_on = threading.Event(), threading.Event()

    def hold(_: Connection) -> None:
        begun.set()
        go_on.wait()

    task = asyncio.create_task(runner.read(hold))
    await asyncio.to_thread(begun.wait)
    try:
        yield
    finally:
        go_on.set()
        await task


async def together(runner: SqliteRunner, *wanted: Operation[object]) -> list[object]:
    """Run operations that queue up together; what each returned or raised."""
    async with held(runner):
        tasks = [asyncio.create_task(runner.write(each)) for each in wanted]
        await asyncio.sleep(0)
    return await asyncio.gather(*tasks, return_exceptions=True)


def modes(folder: Path) -> dict[str, str]:
    return {each.name: stat.filemode(each.stat().st_mode) for each in folder.iterdir()}


def words(said: list[str]) -> list[str]:
    """What each statement does; one with a trigger is told once more when that begins."""
    told = [statement for before, statement in pairwise(["", *said]) if statement != before]
    return [statement.split(" ")[0] for statement in told]


# -- commits


async def test_what_queues_up_is_committed_together(path: Path, runner: SqliteRunner) -> None:
    said = await traced(runner)

    assert await together(runner, *(inserting(number) for number in range(1, 10))) == [True] * 9

    # (The first two are of what held up the others.)
    assert words(said) == ["BEGIN", "COMMIT", "BEGIN", *["INSERT", "INSERT"] * 9, "COMMIT"]
    assert said[2] == "BEGIN IMMEDIATE"
    assert rows(path) == list(range(1, 10))


async def test_a_batch_has_an_end(runner: SqliteRunner) -> None:
    said = await traced(runner)

    await together(runner, *(inserting(number) for number in range(1, 26)))

    assert words(said).count("COMMIT") == 1 + 3


async def test_reads_do_not_lock_the_file(path: Path, runner: SqliteRunner) -> None:
    await runner.write(inserting(1))
    said = await traced(runner)
    ledger = SqlLedger(runner)

    with locked(path):
        assert await ledger.get(entry(1).id) == entry(1)
        with pytest.raises(LedgerUnavailable, match="SQLITE_BUSY"):
            await ledger.insert(entry(2))

    assert words(said) == ["BEGIN", "SELECT", "COMMIT", "BEGIN"]
    assert await ledger.insert(entry(2)) is None


async def test_nothing_is_told_before_the_commit(path: Path, runner: SqliteRunner) -> None:
    def orphan(connection: Connection) -> None:
        # SQLite notices at the commit.
        connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        connection.exec_driver_sql("INSERT INTO write_parts VALUES ('x', 0, 'x', 'PENDING', 0, NULL)")

    told = await together(runner, inserting(1), orphan, inserting(2))

    assert [getattr(each, "detail", each) for each in told] == [
        "IntegrityError SQLITE_CONSTRAINT_FOREIGNKEY"
    ] * 3
    assert rows(path) == []
    assert await together(runner, inserting(1), inserting(2)) == [True, True]


async def test_commits_reach_the_disk(runner: SqliteRunner) -> None:
    def pragma(name: str) -> Callable[[Connection], object]:
        return lambda connection: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()

    names = ("synchronous", "journal_mode", "foreign_keys")
    full = 2
    assert [await runner.read(pragma(name)) for name in names] == [full, "wal", 1]


# -- failures


async def test_an_operation_that_fails_costs_only_itself(path: Path, runner: SqliteRunner) -> None:
    def half_done(connection: Connection) -> None:
        inserting(50)(connection)
        raise ZeroDivisionError

    def refused(connection: Connection) -> None:
        inserting(60)(connection)
        connection.exec_driver_sql("INSERT INTO nowhere VALUES (1)")

    told = await together(runner, inserting(1), half_done, inserting(2), refused, inserting(3))

    assert [type(each) for each in told] == [bool, ZeroDivisionError, bool, LedgerUnavailable, bool]
    assert rows(path) == [1, 2, 3]
    assert str(told[3]).endswith("(OperationalError SQLITE_ERROR)")


async def test_a_result_that_is_taken_costs_no_second_transaction(path: Path, runner: SqliteRunner) -> None:
    await together(runner, inserting(1), inserting(2))
    said = await traced(runner)

    told = await together(runner, becoming(1), inserting(3), becoming(2), inserting(4))

    assert [type(each) for each in told] == [bool, bool, ResultTaken, bool]
    # Each with its event, but for the one that changed nothing.
    done = [*["UPDATE", "INSERT"], *["INSERT"] * 2, "UPDATE", *["INSERT"] * 2]
    assert words(said) == ["BEGIN", "COMMIT", "BEGIN", *done, "COMMIT"]
    assert rows(path) == [1, 2, 3, 4]


async def test_what_is_run_again_is_judged_anew(path: Path, runner: SqliteRunner) -> None:
    calls: list[str] = []

    def only_in_company(connection: Connection) -> bool:
        # It takes the result while the others are there, and fails alone.
        calls.append("")
        if len(calls) > 1:
            raise ZeroDivisionError
        return becoming(1)(connection)

    def refused(_: Connection) -> None:
        raise LookupError

    await together(runner, inserting(1), inserting(2))

    told = await together(runner, only_in_company, becoming(2), refused)

    assert [type(each) for each in told] == [ZeroDivisionError, bool, LookupError]
    assert await SqlLedger(runner).by_results([message("9")]) == [settled(2, result=message("9"), version=2)]


async def test_a_full_disk_costs_only_what_does_not_fit(path: Path, runner: SqliteRunner) -> None:
    def fill_up(connection: Connection) -> None:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 40}")

    await runner.read(fill_up)

    told = await together(runner, inserting(1), inserting(50, input=bytes(10_000_000)), inserting(2))

    # (The limit goes with the connection; so the huge one fits once it is alone.)
    assert told == [True, True, True]
    assert rows(path) == [1, 2, 50]


async def test_text_that_is_no_text_is_our_own_fault_and_harms_nobody(
    path: Path, runner: SqliteRunner
) -> None:
    told = await together(runner, inserting(1), inserting(2, key="\ud800"), inserting(3))

    assert [type(each) for each in told] == [bool, UnicodeEncodeError, bool]
    assert rows(path) == [1, 3]


@pytest.mark.parametrize("obstacle", ["a folder", "no folder", "something else"])
async def test_a_path_that_cannot_be_used_may_become_usable(tmp_path: Path, obstacle: str) -> None:
    path = tmp_path / "folder" / "ledger.db"
    if obstacle == "a folder":
        path.mkdir(parents=True)
    elif obstacle == "something else":
        path.parent.mkdir()
        path.write_text(
            "A letter to the reader, which is long enough to be taken for a database's first page."
        )
    ledger = SqlLedger(SqliteRunner(path, IMPATIENT))
    details = {
        "a folder": "OperationalError SQLITE_CANTOPEN",
        "no folder": "FileNotFoundError",
        "something else": "DatabaseError SQLITE_NOTADB",
    }
    for attempt in (ledger.insert(entry(1)), ledger.get(entry(1).id)):
        with pytest.raises(LedgerUnavailable) as told:
            await attempt
        assert told.value.detail == details[obstacle]

    if obstacle == "a folder":
        path.rmdir()
    elif obstacle == "something else":
        path.unlink()
    path.parent.mkdir(exist_ok=True)
    await migrate(f"sqlite:///{path}")
    assert await ledger.insert(entry(1)) is None
    assert await ledger.get(entry(1).id) == entry(1)
    await ledger.close()


async def test_a_file_with_an_older_kind_of_journal_is_served(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA journal_mode = DELETE")
    ledger = SqlLedger(SqliteRunner(path, IMPATIENT))
    with locked(path):
        # Its journal can't be changed now, and doesn't have to be.
        assert await ledger.get(entry(1).id) is None

    assert await ledger.insert(entry(1)) is None
    await ledger.close()
    again = SqlLedger(SqliteRunner(path, IMPATIENT))
    assert await again.get(entry(1).id) == entry(1)
    await again.close()
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)


async def test_nobody_else_may_read_what_customers_are_written(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    await migrate(f"sqlite:///{path}")
    ledger = SqlLedger(SqliteRunner(path, IMPATIENT))
    await ledger.insert(entry(1))

    assert modes(tmp_path) == dict.fromkeys(("ledger.db", "ledger.db-shm", "ledger.db-wal"), "-rw-------")
    await ledger.close()


# -- callers that go away


async def test_a_caller_who_goes_away_takes_nothing_along(path: Path, runner: SqliteRunner) -> None:
    async with held(runner):
        tasks = [asyncio.create_task(runner.write(inserting(number))) for number in (1, 2, 3)]
        await asyncio.sleep(0)
        tasks[1].cancel()
    told = await asyncio.gather(*tasks, return_exceptions=True)

    assert [type(each) for each in told] == [bool, asyncio.CancelledError, bool]
    # It had been queued: it is done, and its lease will tell that nobody sent anything.
    assert rows(path) == [1, 2, 3]


def test_what_is_queued_is_done_even_if_the_loop_ends(path: Path) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def hold(_: Connection) -> None:
        begun.set()
        go_on.wait()

    async def leave() -> SqliteRunner:
        runner = SqliteRunner(path, IMPATIENT)
        kept.append(asyncio.create_task(runner.read(hold)))
        await asyncio.to_thread(begun.wait)
        kept.append(asyncio.create_task(runner.write(inserting(1))))
        await asyncio.sleep(0)
        return runner

    kept: list[asyncio.Task[object]] = []
    runner = asyncio.run(leave())
    go_on.set()
    asyncio.run(runner.close())

    assert [task.cancelled() for task in kept] == [True, True]
    assert rows(path) == [1]
