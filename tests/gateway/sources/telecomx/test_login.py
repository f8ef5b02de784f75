"""The log-in, over the sandbox where its answers suffice and over a scripted transport where not."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

import msgspec
import pytest

from gateway.domain.errors import (
    SourceAuthError,
    SourceError,
    SourceProtocolError,
    SourceThrottled,
    SourceUnavailable,
)
from gateway.domain.ids import EntityType, Ref
from gateway.domain.ports import ConversationFilter
from gateway.domain.writes import TicketChanges
from gateway.sandbox import Faults, Sandbox
from gateway.sandbox.world.telecomx import DOCUMENTED_RESELLER, HELP_CENTERS
from gateway.sources.telecomx.client import Telecomx
from gateway.transport import Call, Reply

Build = Callable[..., Telecomx]

RESELLER = Ref(EntityType.ACCOUNT, "tx", ("RESELLER", DOCUMENTED_RESELLER))
TICKET = Ref(EntityType.TICKET, "tx", (HELP_CENTERS[0], "AAQkAGEx=", "65a0f1c2d3e4b5a697880030"))


class Script:
    """A transport that answers by the operation, and remembers what it was sent."""

    def __init__(self, **replies: tuple[int, object]) -> None:
        self.replies = replies
        self.calls: list[Call] = []

    async def send(self, call: Call) -> Reply:
        self.calls.append(call)
        status, body = self.replies["login" if call.path == "auth/login" else "other"]
        return Reply(status, {}, msgspec.json.encode(body))

    async def close(self) -> None:
        pass

    @property
    def paths(self) -> list[str]:
        return [call.path for call in self.calls]


class Hands(Protocol):
    """The clock of the client and of the sandbox."""

    moment: datetime


def paths(sandbox: Sandbox) -> list[str]:
    return [each.path for each in sandbox.services["telecomx"].arrivals]


async def test_twenty_calls_at_once_log_in_once(telecomx: Telecomx, sandbox: Sandbox) -> None:
    found = await asyncio.gather(*(telecomx.read_accounts([RESELLER]) for _ in range(20)))

    assert all(slots[0] is not None and not isinstance(slots[0], SourceError) for slots in found)
    assert sorted(paths(sandbox)) == ["/auth/login", *[f"/customer/{DOCUMENTED_RESELLER}"] * 20]


async def test_the_password_goes_into_a_body_and_the_token_into_the_query(
    telecomx: Telecomx, sandbox: Sandbox
) -> None:
    await telecomx.read_accounts([RESELLER])

    login, read = sandbox.services["telecomx"].arrivals
    credentials = sandbox.services["telecomx"].credentials
    assert (login.method, login.path, login.query) == ("POST", "/auth/login", "")
    assert msgspec.json.decode(login.body) == {
        "username": credentials["resellerUsername"],
        "password": credentials["resellerPassword"],
    }
    (token,) = [
        token for token in sandbox.world.telecomx.sessions if not token.startswith("telecomx-machine")
    ]
    assert read.query == f"token={token}"


async def test_a_token_is_renewed_before_it_expires(
    telecomx: Telecomx, sandbox: Sandbox, hands: Hands
) -> None:
    await telecomx.check()

    hands.moment += timedelta(minutes=11, seconds=59)
    await telecomx.check()
    assert paths(sandbox).count("/auth/login") == 1

    hands.moment += timedelta(seconds=1)
    await telecomx.check()
    assert paths(sandbox) == ["/auth/login", "/employee", "/employee", "/auth/login", "/employee"]


async def test_a_token_for_good_is_never_renewed(build: Build, hands: Hands) -> None:
    script = Script(
        login=(200, {"token": "t", "expiresInMinutes": -1}), other=(200, {"total": 0, "employees": []})
    )
    client = build(script)

    await client.check()
    hands.moment += timedelta(days=4000)
    await client.check()

    assert script.paths == ["auth/login", "employee", "employee"]


async def test_a_refused_token_is_replaced_once(telecomx: Telecomx, sandbox: Sandbox) -> None:
    await telecomx.check()
    sandbox.world.telecomx.sessions.clear()

    await telecomx.check()

    assert paths(sandbox) == ["/auth/login", "/employee", "/employee", "/auth/login", "/employee"]


async def test_twenty_refused_calls_share_the_new_log_in(telecomx: Telecomx, sandbox: Sandbox) -> None:
    await telecomx.check()
    sandbox.world.telecomx.sessions.clear()

    await asyncio.gather(*(telecomx.check() for _ in range(20)))

    assert paths(sandbox).count("/auth/login") == 2


@pytest.mark.parametrize("word", ["expired", "invalid_token", "credentials_invalid", None])
async def test_a_token_refused_twice_is_given_up(build: Build, word: str | None) -> None:
    script = Script(login=(200, {"token": "t"}), other=(401, {"message": word} if word else "no object"))

    with pytest.raises(SourceAuthError):
        await build(script).check()

    assert script.paths == ["auth/login", "employee", "auth/login", "employee"]


async def test_a_help_centres_own_sign_in_does_not_cause_a_log_in(build: Build) -> None:
    script = Script(login=(200, {"token": "t"}), other=(401, {"message": "helpcenter"}))
    feeds = build(script).list_tickets(ConversationFilter())
    assert isinstance(feeds, tuple)

    with pytest.raises(SourceAuthError):
        await feeds[0].read(0, 10)

    assert script.paths == ["auth/login", "helpcenter/case"]


async def test_a_wrong_password_is_tried_once_for_all_and_told_to_nobody(
    build: Build, sandbox: Sandbox
) -> None:
    client = build(password="wrong-password")

    errors = await asyncio.gather(*(client.check() for _ in range(20)), return_exceptions=True)

    assert {type(error) for error in errors} == {SourceAuthError}
    assert paths(sandbox) == ["/auth/login"]
    assert "wrong-password" not in str(errors[0])


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        ((403, {"message": "blacklisted"}), SourceAuthError),
        ((422, {"message": "smsKey"}), SourceAuthError),
        ((429, {}), SourceThrottled),
        ((503, {}), SourceUnavailable),
        ((404, {}), SourceProtocolError),
        ((200, {"success": True}), SourceProtocolError),
    ],
)
async def test_a_log_in_that_fails_says_how(
    build: Build, reply: tuple[int, object], error: type[SourceError]
) -> None:
    script = Script(login=reply)

    with pytest.raises(error) as caught:
        await build(script).check()

    assert type(caught.value) is error
    assert script.paths == ["auth/login"]


async def test_a_write_whose_log_in_failed_was_not_sent(telecomx: Telecomx, sandbox: Sandbox) -> None:
    sandbox.services["telecomx"].faults = Faults(error_rate=1.0, error_status=503)

    with pytest.raises(SourceUnavailable) as caught:
        await telecomx.update_ticket(TicketChanges(ticket=TICKET, status_native="CLOSED"))

    assert not caught.value.sent
    assert paths(sandbox) == ["/auth/login"]


async def test_a_machine_token_needs_no_log_in(build: Build, sandbox: Sandbox) -> None:
    token = sandbox.services["telecomx"].credentials["resellerMachineToken"]

    await build(username=None, password=None, token=token).check()

    (arrival,) = sandbox.services["telecomx"].arrivals
    assert (arrival.path, arrival.query.endswith(f"&token={token}")) == ("/employee", True)


async def test_a_refused_machine_token_is_not_tried_again(build: Build, sandbox: Sandbox) -> None:
    with pytest.raises(SourceAuthError):
        await build(username=None, password=None, token="revoked").check()

    assert paths(sandbox) == ["/employee"]
