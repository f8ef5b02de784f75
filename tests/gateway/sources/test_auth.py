import asyncio
import contextvars
import gc
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from gateway.domain.callers import Credential, calling_with, forwarded
from gateway.domain.deadline import Deadline, current_deadline, within
from gateway.domain.errors import NotForwarded, SourceAuthError, SourceUnavailable
from gateway.sources.auth import (
    Auth,
    FixedCredential,
    NobodysCredential,
    Session,
    SessionToken,
    basic,
    fixed,
    in_header,
    in_query,
    reveal,
)
from gateway.transport import Call

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
CALL = Call(
    "tickets", "GET", "tickets", safe=True, query=(("limit", "5"),), headers={"accept": "application/json"}
)


class Door:
    """A log-in that waits until a test opens it, and counts who asked."""

    def __init__(self) -> None:
        self.opened = asyncio.Event()
        self.asked = 0
        self.finished = asyncio.Event()
        self.life: timedelta | None = timedelta(minutes=10)
        self.error: Exception | None = None
        self.now = START

    def clock(self) -> datetime:
        return self.now

    async def log_in(self) -> SessionToken:
        self.asked += 1
        number = self.asked
        await self.opened.wait()
        self.finished.set()
        if self.error is not None:
            raise self.error
        return SessionToken(f"token-{number}", None if self.life is None else self.now + self.life)


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    door = Door()
    yield door
    door.opened.set()


@pytest.fixture
async def session(door: Door) -> Session:
    return Session(door.log_in, clock=door.clock)


async def test_concurrent_calls_wait_for_one_log_in(door: Door, session: Session) -> None:
    waiting = [asyncio.ensure_future(session.credential()) for _ in range(20)]
    await asyncio.sleep(0)
    door.opened.set()

    assert await asyncio.gather(*waiting) == ["token-1"] * 20
    assert door.asked == 1


async def test_a_token_serves_until_it_is_no_longer_fresh(door: Door, session: Session) -> None:
    door.opened.set()
    assert await session.credential() == "token-1"

    door.now = START + timedelta(minutes=10) - timedelta(microseconds=1)
    assert await session.credential() == "token-1"

    door.now = START + timedelta(minutes=10)
    assert await session.credential() == "token-2"
    assert door.asked == 2


async def test_a_token_for_good_serves_until_it_is_refused(door: Door, session: Session) -> None:
    door.opened.set()
    door.life = None
    assert await session.credential() == "token-1"

    door.now = START + timedelta(days=3650)
    assert await session.credential() == "token-1"

    assert session.refused("token-1")
    assert await session.credential() == "token-2"


async def test_a_late_refusal_does_not_throw_the_newer_token_away(door: Door, session: Session) -> None:
    door.opened.set()
    assert await session.credential() == "token-1"
    assert session.refused("token-1")
    assert await session.credential() == "token-2"

    assert session.refused("token-1")

    assert await session.credential() == "token-2"
    assert door.asked == 2


async def test_concurrent_calls_share_a_failed_log_in_too(door: Door, session: Session) -> None:
    door.error = SourceAuthError("tulo")
    waiting = [asyncio.ensure_future(session.credential()) for _ in range(20)]
    await asyncio.sleep(0)
    door.opened.set()

    assert await asyncio.gather(*waiting, return_exceptions=True) == [door.error] * 20
    assert door.asked == 1


async def test_a_failed_log_in_is_not_kept(door: Door, session: Session) -> None:
    door.opened.set()
    door.error = SourceUnavailable("tulo")
    with pytest.raises(SourceUnavailable):
        await session.credential()

    door.error = None

    assert await session.credential() == "token-2"


async def test_what_waits_for_a_failed_log_in_was_not_sent(door: Door, session: Session) -> None:
    """Else a write would be in doubt that never left the gateway."""
    door.opened.set()
    door.error = SourceUnavailable("tulo", sent=True)

    with pytest.raises(SourceUnavailable) as caught:
        await session.credential()

    assert caught.value.sent is False


async def test_a_log_in_outlives_the_call_that_started_it(door: Door, session: Session) -> None:
    first = asyncio.ensure_future(session.credential())
    await asyncio.sleep(0)
    second = asyncio.ensure_future(session.credential())
    await asyncio.sleep(0)

    first.cancel()
    door.opened.set()

    assert await second == "token-1"
    assert first.cancelled()
    assert door.asked == 1


async def test_a_log_in_has_neither_the_deadline_nor_the_credentials_of_who_came_first(door: Door) -> None:
    """Else a caller in a hurry would fail the log-in of all the others."""
    seen: list[object] = []

    async def log_in() -> SessionToken:
        seen.extend((current_deadline(), forwarded("tulo"), *contextvars.copy_context()))
        return await door.log_in()

    door.opened.set()
    session = Session(log_in, clock=door.clock)
    with within(Deadline.after(0.0)), calling_with({"tulo": Credential("id", "secret")}):
        assert await session.credential() == "token-1"

    assert seen == [None, None]


async def test_a_failure_that_nobody_waits_for_is_not_reported(door: Door, session: Session) -> None:
    """Asyncio would log it when the future goes away, credentials' texts and all."""
    reported: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
    door.error = SourceAuthError("tulo")
    only = asyncio.ensure_future(session.credential())
    await asyncio.sleep(0)
    only.cancel()
    await asyncio.wait([only])
    door.opened.set()
    await door.finished.wait()
    await asyncio.sleep(0)  # for what happens once it has failed
    gc.collect()
    asyncio.get_running_loop().set_exception_handler(None)

    assert only.cancelled()
    assert reported == []
    door.error = None
    assert await session.credential() == "token-2"


def test_a_fixed_credential_cannot_be_replaced() -> None:
    assert not FixedCredential("secret").refused("secret")


@pytest.mark.parametrize(
    ("put", "headers", "query"),
    [
        (
            in_header("authorization", "Bearer "),
            {"accept": "application/json", "authorization": "Bearer secret"},
            (("limit", "5"),),
        ),
        (in_header("x-token"), {"accept": "application/json", "x-token": "secret"}, (("limit", "5"),)),
        (in_query("token"), {"accept": "application/json"}, (("limit", "5"), ("token", "secret"))),
    ],
)
async def test_a_credential_is_added_to_the_call_and_shows_nowhere(
    put: Callable[[Call, str], Call], headers: dict[str, str], query: tuple[tuple[str, str], ...]
) -> None:
    auth: Auth = FixedCredential("secret")

    call = put(CALL, await auth.credential())

    assert (call.headers, call.query) == (headers, query)
    assert (CALL.headers, CALL.query) == ({"accept": "application/json"}, (("limit", "5"),))
    assert "secret" not in repr(call)


def test_a_sessions_token_shows_nowhere() -> None:
    assert "secret" not in repr(SessionToken("secret", START))


async def test_a_configured_secret_is_the_credential() -> None:
    assert await fixed(SecretStr("secret")).credential() == "secret"
    assert (reveal(SecretStr("secret")), reveal(None)) == ("secret", "")


async def test_where_callers_forward_theirs_the_gateway_has_none() -> None:
    nobodys: Auth = NobodysCredential("tulo")

    with pytest.raises(NotForwarded) as caught:
        await nobodys.credential()

    assert (caught.value.source, caught.value.sent) == ("tulo", False)
    assert not nobodys.refused("any")


def test_basic_credentials_are_utf_8() -> None:
    assert basic("jan", "żółw:1") == "amFuOsW8w7PFgnc6MQ=="
