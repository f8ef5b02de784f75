"""One suite over both databases: what every store of API keys promises, through the port."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from gateway.domain.access import WriteAs
from gateway.domain.api_keys import ApiKey, KeyStore
from gateway.domain.ledger import LedgerUnavailable
from gateway.store import LedgerOptions, SqlLedger, open_ledger
from tests.databases import Database, postgres_database, sqlite_database

NOW = datetime(2026, 11, 22, 10, 30, 15, 123457, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    return sqlite_database(tmp_path) if request.param == "sqlite" else postgres_database()


@pytest.fixture
async def store(database: Database) -> AsyncIterator[KeyStore]:
    opened: SqlLedger = open_ledger(database.url)
    yield opened
    await opened.close()


def key(number: int, **changes: Any) -> ApiKey:
    usual: dict[str, Any] = {
        "id": f"key{number}",
        "name": "crm",
        "digest": f"{number:064x}",
        "scopes": ("messages:read", "messages:write@desk"),
        "created_at": NOW + number * MICROSECOND,
    }
    return ApiKey(**(usual | changes))


FULL = ApiKey(
    id="ż'; DROP TABLE api_keys; --",
    name="Obsługa 🐍",
    digest="0f" * 32,
    scopes=("messages:write_as@biurko-2", "operate"),
    writes_as={"biurko-2": WriteAs("ola", "Ola Żak", "ola@example.com"), "desk": WriteAs(agent="o.zak")},
    created_at=NOW,
    expires_at=NOW + MICROSECOND,
    revoked_at=NOW + 2 * MICROSECOND,
)


@pytest.mark.parametrize("whole", [key(1, scopes=()), FULL], ids=["bare", "with all there can be"])
async def test_a_key_comes_back_as_it_was(store: KeyStore, whole: ApiKey) -> None:
    await store.add_key(whole)

    assert await store.keys() == [whole]


async def test_without_keys_there_are_none(store: KeyStore) -> None:
    assert await store.keys() == []


async def test_a_moment_is_the_same_in_every_zone(store: KeyStore) -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=-9, minutes=-30)))
    await store.add_key(key(0, created_at=elsewhere))

    (found,) = await store.keys()
    assert (found, found.created_at.utcoffset()) == (key(0), timedelta())


async def test_keys_come_oldest_first_whatever_they_are_worth(store: KeyStore) -> None:
    made = [key(1), key(2, expires_at=NOW), key(3, revoked_at=NOW), key(4, created_at=key(3).created_at)]
    await asyncio.gather(*map(store.add_key, reversed(made)))

    assert await store.keys() == made


async def test_an_id_is_given_once(store: KeyStore) -> None:
    await store.add_key(key(1))

    with pytest.raises(LedgerUnavailable):
        await store.add_key(key(1, name="another"))
    assert await store.keys() == [key(1)]


async def test_a_revoked_key_is_worth_nothing_from_then_on(store: KeyStore) -> None:
    for each in (key(1), key(2)):
        await store.add_key(each)
    revoked = replace(key(1), revoked_at=NOW)

    assert await store.revoke_key("key1", NOW) == revoked
    assert await store.keys() == [revoked, key(2)]


async def test_revoking_twice_is_as_once(store: KeyStore) -> None:
    await store.add_key(key(1))
    await store.revoke_key("key1", NOW)

    assert await store.revoke_key("key1", NOW + MICROSECOND) == replace(key(1), revoked_at=NOW)
    assert await store.keys() == [replace(key(1), revoked_at=NOW)]


async def test_what_is_no_key_cannot_be_revoked(store: KeyStore) -> None:
    await store.add_key(key(1))

    assert await store.revoke_key("key2", NOW) is None
    assert await store.keys() == [key(1)]


async def test_other_processes_see_it_at_once(database: Database, store: KeyStore) -> None:
    other = open_ledger(database.url)
    try:
        await store.add_key(key(1))
        assert await other.keys() == [key(1)]
        await other.revoke_key("key1", NOW)
        assert await store.keys() == [replace(key(1), revoked_at=NOW)]
    finally:
        await other.close()


async def test_of_two_who_revoke_a_key_both_are_told_the_same(database: Database, store: KeyStore) -> None:
    await store.add_key(key(1))
    other = open_ledger(database.url)
    try:
        told = await asyncio.gather(
            *(
                (store, other)[number % 2].revoke_key("key1", NOW + number * MICROSECOND)
                for number in range(8)
            )
        )
    finally:
        await other.close()

    assert told == await store.keys() * 8


async def test_while_the_database_is_away_there_are_no_keys_to_be_had(database: Database) -> None:
    store = open_ledger(database.url, options=LedgerOptions(wait_timeout_s=0.01))
    await store.add_key(key(1))
    with database.away():
        for attempt in (store.add_key(key(2)), store.revoke_key("key1", NOW)):
            with pytest.raises(LedgerUnavailable):
                await attempt
    await asyncio.gather(*(store.keys() for _ in range(8)), return_exceptions=True)

    assert await store.keys() == [key(1)]
    await store.close()


@pytest.mark.parametrize(
    "url", ["sqlite:////dev/null/ledger.db", "postgresql://ola:s3cret@127.0.0.1:1/ledger"]
)
async def test_what_went_wrong_tells_no_digest(url: str) -> None:
    store = open_ledger(url)
    calls = [store.add_key(FULL), store.keys(), store.revoke_key(FULL.id, NOW)]
    told = await asyncio.gather(*calls, return_exceptions=True)
    await store.close()

    said = [f"{each!r} {each} {each.detail}" for each in told if isinstance(each, LedgerUnavailable)]
    assert len(said) == len(calls)
    assert not [text for text in said for word in ("s3cret", FULL.digest, FULL.id) if word in text]


def test_a_key_keeps_its_digest_out_of_sight() -> None:
    assert FULL.digest not in repr(FULL)
