"""What PostgreSQL's runner does beyond the contract of all ledgers: connections that break or hang."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from itertools import pairwise

import asyncpg  # type: ignore[import-untyped]
import psutil  # type: ignore[import-untyped]
import pytest
from sqlalchemy import Connection, text

from gateway.domain.ledger import LedgerUnavailable, Purged, Retention
from gateway.store import LedgerOptions, SqlLedger, open_ledger, operations
from gateway.store.address import PostgresDatabase, parse
from gateway.store.postgres import PostgresRunner
from tests.databases import postgres_database, postgres_server, postgres_url
from tests.gateway.store.entries import NOW, entry, event_of, settled

ONE = LedgerOptions(connections=1, wait_timeout_s=0.05)


@pytest.fixture
def url() -> str:
    return postgres_database().url


@pytest.fixture
def empty_url() -> str:
    return postgres_url()


@asynccontextmanager
async def opened(url: str, options: LedgerOptions) -> AsyncIterator[PostgresRunner]:
    address = parse(url)
    assert isinstance(address, PostgresDatabase)
    runner = PostgresRunner(address.dsn, options)
    try:
        yield runner
    finally:
        await runner.close()


@pytest.fixture
async def runner(url: str) -> AsyncIterator[PostgresRunner]:
    """One with a single connection."""
    async with opened(url, ONE) as made:
        yield made


def asking(query: str) -> Callable[[Connection], object]:
    return lambda connection: connection.execute(text(query)).scalar()


@contextmanager
def standing_still() -> Iterator[None]:
    """Stop the server's processes without ending them."""
    server = psutil.Process(postgres_server().pid)
    processes = [server, *server.children(recursive=True)]
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            process.resume()


async def test_a_connection_that_the_server_ended_is_replaced_unnoticed(
    url: str, runner: PostgresRunner
) -> None:
    pid = await runner.read(asking("SELECT pg_backend_pid()"))
    async with opened(url, ONE) as other:
        assert await other.read(asking(f"SELECT pg_terminate_backend({pid}, 5000)")) is True

    assert await runner.read(asking("SELECT 1")) == 1
    assert await runner.read(asking("SELECT pg_backend_pid()")) != pid


async def test_a_server_that_stands_still_costs_a_bounded_time(url: str) -> None:
    options = LedgerOptions(statement_timeout_s=0.5, connect_timeout_s=0.5, connections=1)
    async with opened(url, options) as hasty:
        assert await hasty.read(asking("SELECT 1")) == 1
        with standing_still():
            for _ in range(2):
                with pytest.raises(LedgerUnavailable, match=r"\(TimeoutError\)"):
                    await hasty.read(asking("SELECT 1"))
        assert await hasty.read(asking("SELECT 1")) == 1


async def test_a_long_statement_is_ended_by_the_server(url: str) -> None:
    async with opened(url, LedgerOptions(statement_timeout_s=0.5, connections=1)) as hasty:
        pid = await hasty.read(asking("SELECT pg_backend_pid()"))

        with pytest.raises(LedgerUnavailable, match=r"\(QueryCanceledError 57014\)"):
            await hasty.read(asking("SELECT pg_sleep(60)"))
        assert await hasty.read(asking("SELECT pg_backend_pid()")) == pid


async def test_who_waits_too_long_for_a_connection_is_told(runner: PostgresRunner) -> None:
    busy = asyncio.create_task(runner.read(asking("SELECT pg_sleep(60)")))
    await asyncio.sleep(0)

    with pytest.raises(LedgerUnavailable, match=r"\(TimeoutError\)"):
        await runner.read(asking("SELECT 1"))
    busy.cancel()
    with pytest.raises(asyncio.CancelledError):
        await busy
    assert await runner.read(asking("SELECT 1")) == 1


async def test_more_callers_than_connections_take_turns(url: str) -> None:
    callers, rounds = 32, 6
    served: list[int] = []

    def serve(number: int, connection: Connection) -> object:
        served.append(number)
        return asking("SELECT pg_backend_pid()")(connection)

    async def call(runner: PostgresRunner, number: int) -> set[object]:
        return {await runner.read(partial(serve, number)) for _ in range(rounds)}

    async with opened(url, LedgerOptions(connections=8)) as runner:
        await asyncio.gather(*(runner.read(asking("SELECT 1")) for _ in range(8)))  # All are connected.
        pids = await asyncio.gather(*(call(runner, number) for number in range(callers)))

    assert len(set().union(*pids)) <= 8
    # Who has just been served waits for the others; only in the last round some have none left to wait for.
    seen = served[: callers * (rounds - 1)]
    places = [[place for place, number in enumerate(seen) if number == each] for each in range(callers)]
    assert min(after - before for each in places for before, after in pairwise(each)) > callers / 2


async def test_closing_waits_for_what_is_running(url: str) -> None:
    async with opened(url, LedgerOptions(connections=2)) as runner:
        running = [asyncio.create_task(runner.read(asking(f"SELECT {number}"))) for number in range(5)]
        await asyncio.sleep(0)

    assert [task.done() for task in running] == [True] * 5
    assert await asyncio.gather(*running) == list(range(5))


async def test_several_statements_stand_or_fall_together(runner: PostgresRunner) -> None:
    def half_done(connection: Connection) -> None:
        operations.insert(connection, entry(1), event_of(entry(1)))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await runner.transact(half_done)
    assert await runner.read(partial(operations.get, entry_id=entry(1).id)) is None


async def test_transactions_see_what_others_have_committed_whatever_the_database_says(empty_url: str) -> None:
    async with opened(empty_url, ONE) as runner:
        name = await runner.read(asking("SELECT current_database()"))
        setting = "SET default_transaction_isolation = 'serializable'"
        await runner.write(lambda connection: connection.execute(text(f"ALTER DATABASE {name} {setting}")))

    async with opened(empty_url, ONE) as runner:
        shown = [await run(asking("SHOW transaction_isolation")) for run in (runner.read, runner.transact)]
    assert shown == ["read committed"] * 2


async def test_a_purge_leaves_what_somebody_has_locked(url: str, runner: PostgresRunner) -> None:
    ledger = SqlLedger(runner)
    for each in (settled(1), settled(2)):
        assert await ledger.insert(each) is None
    before = Retention(keys_before=NOW, bodies_before=NOW, entries_before=NOW.replace(year=2027))
    other = await asyncpg.connect(url)
    async with other.transaction():
        await other.execute("UPDATE writes SET version = 2 WHERE id = $1", entry(1).id)
        assert await ledger.purge(before) == Purged(keys=0, bodies=0, entries=1)
    await other.close()

    assert await ledger.get(entry(2).id) is None
    assert await ledger.purge(before) == Purged(keys=0, bodies=0, entries=1)


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        (("/ledger?", "/nowhere?"), "InvalidCatalogNameError 3D000"),
        (("//postgres:", "//nobody:s3cret"), "InvalidAuthorizationSpecificationError 28000"),
        (("host=/", "host=/nowhere/"), "FileNotFoundError"),
        (("?host=", "?sslmode=perhaps&host="), "ConnectionError"),
        (("?host=", "?port=70000000&host="), "FileNotFoundError"),
        (("@/", "@127.0.0.1:70000000/"), "ConnectionError"),
    ],
)
async def test_it_says_why_it_cannot_connect_but_not_where(
    url: str, change: tuple[str, str], detail: str
) -> None:
    wrong = url.replace(*change)
    if "127.0.0.1" in wrong:
        wrong = wrong.partition("?")[0]
    ledger = open_ledger(wrong)

    with pytest.raises(LedgerUnavailable) as told:
        await ledger.get("1")
    await ledger.close()
    assert told.value.detail == detail
    # Nor does what would be logged with it.
    assert (told.value.__cause__, told.value.__suppress_context__) == (None, True)


@pytest.mark.parametrize(
    "change",
    [("postgresql:", "postgres:"), ("postgresql:", "postgresql+asyncpg:"), ("?", "?sslmode=disable&")],
)
async def test_urls_of_other_programs_are_understood(url: str, change: tuple[str, str]) -> None:
    ledger = open_ledger(url.replace(*change))

    assert await ledger.insert(entry(1)) is None
    await ledger.close()
