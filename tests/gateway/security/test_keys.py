"""API keys: their form, and which are good when."""

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.domain.access import Grants, LoginKind, Principal, WriteAs
from gateway.domain.api_keys import ApiKey
from gateway.domain.ledger import LedgerUnavailable
from gateway.observability.logs import configure_logs
from gateway.security.keys import KeyRing, NewKey, is_key, new_key
from tests.gateway.resilience.virtual_time import now, run

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _logs() -> None:
    configure_logs()


class Memory:
    """A store of keys without a database. `away` makes it fail; `hold` makes readings wait."""

    def __init__(self, *keys: ApiKey) -> None:
        self.stored = list(keys)
        self.readings: list[float] = []
        self.away: Exception | None = None
        self.gate: asyncio.Event | None = None

    async def add_key(self, key: ApiKey) -> None:
        self.stored.append(key)

    async def keys(self) -> list[ApiKey]:
        self.readings.append(asyncio.get_running_loop().time())
        found = list(self.stored)
        if self.gate is not None:
            await self.gate.wait()
        if self.away is not None:
            raise self.away
        return found

    async def revoke_key(self, key_id: str, at: datetime) -> ApiKey | None:
        for index, key in enumerate(self.stored):
            if key.id == key_id:
                self.stored[index] = replace(key, revoked_at=at)
                return self.stored[index]
        return None


def stored(made: NewKey, **changed: Any) -> ApiKey:
    given: dict[str, Any] = {
        "id": made.id,
        "name": "desk",
        "digest": made.digest,
        "scopes": (),
        "created_at": NOW,
    }
    return ApiKey(**{**given, **changed})


def ring(store: Memory, clock: Callable[[], datetime] = lambda: NOW) -> KeyRing:
    return KeyRing(store, clock=clock, now=now)


def in_time(work: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        await work()

    run(main())


def test_a_key_shows_what_it_is_and_its_secret_is_kept_as_a_hash_alone() -> None:
    made = new_key()
    match = re.fullmatch(r"hdg_([0-9a-f]{12})_([0-9A-Za-z]{43}[0-9a-f]{8})", made.text)
    assert match is not None
    assert (match[1], hashlib.sha256(match[2].encode()).hexdigest()) == (made.id, made.digest)
    assert is_key(made.text)
    assert match[2] not in repr(made)
    assert made.digest not in repr(made)
    assert made.digest not in repr(stored(made))


def test_no_two_are_alike() -> None:
    assert len({new_key().text for _ in range(200)}) == 200


def test_a_mistyped_key_is_none() -> None:
    text = new_key().text
    other = "b" if text[20] != "b" else "c"
    for wrong in (text[:20] + other + text[21:], text[:-1], text + "0", text.upper(), "hdg_", ""):
        assert not is_key(wrong), wrong


def test_a_good_key_is_its_principal() -> None:
    async def work() -> None:
        made = new_key()
        ends = NOW + timedelta(days=1)
        key = stored(
            made,
            scopes=("messages:read", "messages:write@support", "from:elsewhere"),
            writes_as={"support": WriteAs(agent="ola")},
            expires_at=ends,
        )
        keys = ring(Memory(key))
        await keys.refresh()
        assert keys.known(made.text) == Principal(
            subject="key:desk",
            name="desk",
            login=LoginKind.API_KEY,
            grants=Grants.of(["messages:read", "messages:write@support"]),
            writes_as={"support": WriteAs(agent="ola")},
            credential_id=made.id,
            expires_at=ends,
        )

    in_time(work)


def test_nothing_else_is() -> None:
    async def work() -> None:
        made, other = new_key(), new_key()
        keys = ring(Memory(stored(made)))
        await keys.refresh()
        secret = made.text.rpartition("_")[2]
        for wrong in (
            "",
            "hdg_",
            f"hdg_{made.id}",
            f"hdg_{made.id}_",
            f"hdg_{made.id}_{made.digest}",
            f"hdg_{made.id}_{secret[:-1]}",
            f"hdg_{made.id}_{secret}0",
            f"hdg_{made.id}_{secret.swapcase()}",
            f"hdg_{made.id}_{other.text.rpartition('_')[2]}",
            f"hdg_{other.id}_{secret}",
            f"hdg_{made.id.upper()}_{secret}" if made.id != made.id.upper() else "",
            other.text,
        ):
            assert await keys.find(wrong) is None, wrong
        assert keys.known(made.text) is not None

    in_time(work)


def test_a_key_ends_with_its_time() -> None:
    async def work() -> None:
        moment = NOW
        made = new_key()
        keys = ring(Memory(stored(made, expires_at=NOW + timedelta(seconds=10))), lambda: moment)
        await keys.refresh()
        moment = NOW + timedelta(seconds=9.9)
        assert keys.known(made.text) is not None
        moment = NOW + timedelta(seconds=10)
        assert keys.known(made.text) is None

    in_time(work)


def test_a_revoked_key_dies_with_the_next_reading_without_a_restart() -> None:
    async def work() -> None:
        made = new_key()
        store = Memory(stored(made))
        keys = ring(store)
        await keys.refresh()
        reading = asyncio.create_task(keys.run())
        await asyncio.sleep(1)
        await store.revoke_key(made.id, NOW)
        await asyncio.sleep(3.5)
        assert keys.known(made.text) is not None
        await asyncio.sleep(1)
        assert keys.known(made.text) is None
        # It is known, as revoked: nobody needs to look for it.
        assert await keys.find(made.text) is None
        assert len(store.readings) == 2
        reading.cancel()

    in_time(work)


def test_the_principal_is_made_once_as_long_as_the_key_is_the_same() -> None:
    async def work() -> None:
        made = new_key()
        store = Memory(stored(made))
        keys = ring(store)
        await keys.refresh()
        first = keys.known(made.text)
        await keys.refresh()
        assert keys.known(made.text) is first
        store.stored[0] = replace(store.stored[0], scopes=("operate",))
        await keys.refresh()
        changed = keys.known(made.text)
        assert changed is not None
        assert list(changed.grants) == ["operate"]

    in_time(work)


def test_a_key_made_a_moment_ago_works_at_once() -> None:
    async def work() -> None:
        store = Memory()
        keys = ring(store)
        await keys.refresh()
        made = new_key()
        await store.add_key(stored(made))
        assert keys.known(made.text) is None
        assert await keys.find(made.text) is not None
        assert keys.known(made.text) is not None
        await keys.close()

    in_time(work)


def test_unknown_ids_make_the_ring_look_once_a_second_however_many_there_are() -> None:
    async def work() -> None:
        store = Memory()
        keys = ring(store)
        await keys.refresh()
        began = now()
        store.readings.clear()
        for _ in range(3):
            found = await asyncio.gather(*(keys.find(new_key().text) for _ in range(50)))
            assert set(found) == {None}
        assert [each - began for each in store.readings] == [0.0, 1.0, 2.0]
        await keys.close()

    in_time(work)


def test_a_key_that_comes_while_the_ring_looks_is_looked_for_again() -> None:
    async def work() -> None:
        store = Memory()
        keys = ring(store)
        await keys.refresh()
        store.gate = asyncio.Event()
        stranger = asyncio.create_task(keys.find(new_key().text))
        await asyncio.sleep(0.1)
        made = new_key()
        await store.add_key(stored(made))
        owner = asyncio.create_task(keys.find(made.text))
        await asyncio.sleep(0.1)
        store.gate.set()
        assert await stranger is None
        assert await owner is not None
        await keys.close()

    in_time(work)


def test_what_cannot_be_a_key_makes_nobody_look() -> None:
    async def work() -> None:
        store = Memory()
        keys = ring(store)
        await keys.refresh()
        text = new_key().text
        for wrong in (text[:-1], text[:-1] + ("0" if text[-1] != "0" else "1"), "hdg_x_y", "hdg___"):
            assert await keys.find(wrong) is None
        assert len(store.readings) == 1

    in_time(work)


def test_a_caller_who_leaves_does_not_end_the_looking_for_others() -> None:
    async def work() -> None:
        store = Memory()
        keys = ring(store)
        await keys.refresh()
        made = new_key()
        await store.add_key(stored(made))
        store.gate = asyncio.Event()
        first, second = (asyncio.create_task(keys.find(made.text)) for _ in range(2))
        await asyncio.sleep(0.1)
        first.cancel()
        await asyncio.sleep(0.1)
        store.gate.set()
        assert await second is not None
        await keys.close()

    in_time(work)


def test_closing_ends_the_looking() -> None:
    async def work() -> None:
        store = Memory()
        keys = ring(store)
        await keys.refresh()
        store.gate = asyncio.Event()
        asking = asyncio.create_task(keys.find(new_key().text))
        await asyncio.sleep(1)
        await keys.close()
        assert [each.cancelled() for each in (await asyncio.wait({asking}))[0]] == [True]

    in_time(work)


def test_while_the_ledger_is_away_the_last_keys_stand_and_it_is_told_once() -> None:
    async def work() -> None:
        made = new_key()
        store = Memory(stored(made))
        keys = ring(store)
        await keys.refresh()
        store.away = LedgerUnavailable("gone")
        with capture_logs() as said:
            for _ in range(3):
                await keys.refresh()
                assert keys.known(made.text) is not None
            assert await keys.find(new_key().text) is None
            store.away = None
            await keys.refresh()
            await keys.refresh()
        assert said == [
            {"event": "keys_not_read", "log_level": "warning", "detail": "gone", "held": True},
            {"event": "keys_read_again", "log_level": "info"},
        ]
        await keys.close()

    in_time(work)


def test_a_ledger_that_does_not_answer_is_waited_for_five_seconds() -> None:
    async def work() -> None:
        store = Memory()
        keys = ring(store)
        store.gate = asyncio.Event()
        began = now()
        with capture_logs() as said:
            await keys.refresh()
        assert now() - began == 5
        assert [each["detail"] for each in said] == ["no answer in time"]

    in_time(work)


def test_before_any_key_was_read_nothing_is_said_of_one() -> None:
    async def work() -> None:
        store = Memory()
        store.away = LedgerUnavailable("gone")
        keys = ring(store)
        made = new_key()
        began = now()
        for _ in range(5):
            with capture_logs(), pytest.raises(LedgerUnavailable):
                await keys.find(made.text)
        # Told at once, not after another look each time.
        assert (now() - began, len(store.readings)) == (0, 1)
        await asyncio.sleep(1)
        store.away = None
        await store.add_key(stored(made))
        assert await keys.find(made.text) is not None
        await keys.close()

    in_time(work)


def test_a_fault_of_ours_is_told_and_does_not_end_the_reading() -> None:
    async def work() -> None:
        made = new_key()
        store = Memory(stored(made))
        keys = ring(store)
        await keys.refresh()
        reading = asyncio.create_task(keys.run())
        store.away = ValueError("a row that can't be read")
        with capture_logs() as said:
            await asyncio.sleep(6)
        assert [each["event"] for each in said] == ["keys_reading_failed"]
        assert keys.known(made.text) is not None
        store.away = None
        await store.revoke_key(made.id, NOW)
        await asyncio.sleep(5)
        assert keys.known(made.text) is None
        reading.cancel()

    in_time(work)
