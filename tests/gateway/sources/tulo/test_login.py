import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol
from urllib.parse import parse_qs

import pytest

from gateway.domain.errors import (
    SourceAuthError,
    SourceError,
    SourceProtocolError,
    SourceRejected,
    SourceThrottled,
    SourceUnavailable,
)
from gateway.domain.ids import EntityType, Ref
from gateway.domain.writes import NewTicket
from gateway.sandbox import Faults, Sandbox
from gateway.sandbox.world.tulo import DOCUMENTED_ACCOUNT
from gateway.sources.tulo.client import Tulo
from gateway.transport import Call, Transport
from tests.sources import ATTEMPT

Build = Callable[..., Tulo]

LOGIN = "/api/authorization/access_token"
TEMPLATES = "/external/api/v1/helpdesk_message_templates/all"
SCOPES = (
    "/external/helpdesk/w /external/helpdesk/r /external/account/r /external/account/w "
    "/external/subscription/r"
)
ACCOUNT = Ref(EntityType.ACCOUNT, "tulo", ("SUBSCRIBER", DOCUMENTED_ACCOUNT))


class Hands(Protocol):
    """The clock of the client and of the sandbox."""

    moment: datetime


class Scripted(Transport, Protocol):
    """What `canned` makes."""

    calls: list[Call]


Canned = Callable[..., Scripted]


def paths(sandbox: Sandbox) -> list[str]:
    return [each.path for each in sandbox.services["tulo"].arrivals]


async def test_twenty_calls_at_once_get_one_token(tulo: Tulo, sandbox: Sandbox) -> None:
    await asyncio.gather(*(tulo.read_templates() for _ in range(20)))

    assert sorted(paths(sandbox)) == [LOGIN, *[TEMPLATES] * 20]


async def test_the_token_is_asked_for_by_a_form_and_sent_in_a_header(tulo: Tulo, sandbox: Sandbox) -> None:
    await tulo.check()

    login, read = sandbox.services["tulo"].arrivals
    assert (login.method, login.query) == ("POST", "")
    assert login.headers["content-type"] == "application/x-www-form-urlencoded"
    assert parse_qs(login.body.decode(), strict_parsing=True) == {
        "client_id": [sandbox.services["tulo"].credentials["clientId"]],
        "client_secret": [sandbox.services["tulo"].credentials["clientSecret"]],
        "grant_type": ["none"],
        "scope": [SCOPES],
    }
    (token,) = sandbox.world.tulo.tokens
    assert read.headers["authorization"] == f"Bearer {token}"


async def test_grant_type_and_scopes_are_settings(build: Build, canned: Canned) -> None:
    script = canned(b'{"access_token": "t", "items": []}')

    await build(script, grant_type="client_credentials", scopes=["/external/helpdesk/r"]).check()

    body = script.calls[0].body
    assert isinstance(body, bytes)
    assert body.endswith(b"&grant_type=client_credentials&scope=%2Fexternal%2Fhelpdesk%2Fr")


async def test_a_token_is_renewed_before_it_expires(tulo: Tulo, sandbox: Sandbox, hands: Hands) -> None:
    await tulo.check()

    hands.moment += timedelta(minutes=47, seconds=59)
    await tulo.check()
    assert paths(sandbox).count(LOGIN) == 1

    hands.moment += timedelta(seconds=1)
    await tulo.check()
    assert paths(sandbox) == [LOGIN, TEMPLATES, TEMPLATES, LOGIN, TEMPLATES]


async def test_a_token_that_names_no_life_is_used_until_refused(
    build: Build, canned: Canned, hands: Hands
) -> None:
    script = canned(b'{"access_token": "t", "items": []}')
    client = build(script)

    await client.check()
    hands.moment += timedelta(days=400)
    await client.check()

    assert [call.operation for call in script.calls] == [
        "access_token",
        *["helpdesk_message_templates/all"] * 2,
    ]


async def test_a_refused_token_is_replaced_once(tulo: Tulo, sandbox: Sandbox) -> None:
    await tulo.check()
    sandbox.world.tulo.tokens.clear()

    await asyncio.gather(*(tulo.check() for _ in range(20)))

    assert paths(sandbox).count(LOGIN) == 2


async def test_a_write_too_is_sent_once_more_after_a_401(tulo: Tulo, sandbox: Sandbox) -> None:
    """A 401 comes before any work."""
    await tulo.check()
    sandbox.world.tulo.tokens.clear()
    before = len(sandbox.world.tulo.helpdesk_messages)

    await tulo.create_ticket(
        NewTicket(requester=ACCOUNT, subject="Paper missing", body="On Saturday"), ATTEMPT
    )

    assert len(sandbox.world.tulo.helpdesk_messages) == before + 1
    assert paths(sandbox)[2:] == [
        "/external/api/v1/helpdesk_messages",
        LOGIN,
        "/external/api/v1/helpdesk_messages",
    ]


async def test_a_token_refused_twice_is_given_up(tulo: Tulo, sandbox: Sandbox, hands: Hands) -> None:
    await tulo.check()
    sandbox.services["tulo"].arrivals.clear()
    sandbox.services["tulo"].faults = Faults(error_rate=1.0, error_status=401)

    with pytest.raises(SourceAuthError):
        await tulo.check()

    assert paths(sandbox) == [TEMPLATES, LOGIN]


async def test_a_wrong_secret_is_tried_once_for_all_and_told_to_nobody(
    build: Build, sandbox: Sandbox
) -> None:
    client = build(client_secret="wrong-secret")

    errors = await asyncio.gather(*(client.check() for _ in range(20)), return_exceptions=True)

    assert {type(error) for error in errors} == {SourceAuthError}
    assert paths(sandbox) == [LOGIN]
    assert "wrong-secret" not in str(errors[0])


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (200, b'{"error": "invalid_scope", "error_description": "not issued"}', SourceAuthError),
        (400, b'{"error": "invalid_scope"}', SourceAuthError),
        (403, b"", SourceAuthError),
        (429, b"", SourceThrottled),
        (503, b"", SourceUnavailable),
        (404, b"", SourceProtocolError),
        (200, b"<html>", SourceProtocolError),
    ],
)
async def test_a_log_in_that_fails_says_how(
    build: Build, canned: Canned, status: int, body: bytes, error: type[SourceError]
) -> None:
    script = canned(body, status=status)

    with pytest.raises(error) as caught:
        await build(script).check()

    assert type(caught.value) is error
    assert len(script.calls) == 1


async def test_a_write_whose_log_in_failed_was_not_sent(tulo: Tulo, sandbox: Sandbox) -> None:
    sandbox.services["tulo"].faults = Faults(error_rate=1.0, error_status=503)

    with pytest.raises(SourceUnavailable) as caught:
        await tulo.create_ticket(
            NewTicket(requester=ACCOUNT, subject="Paper missing", body="On Saturday"), ATTEMPT
        )

    assert not caught.value.sent
    assert paths(sandbox) == [LOGIN]


async def test_a_missing_scope_is_not_a_reason_to_log_in_again(build: Build, sandbox: Sandbox) -> None:
    login = sandbox.services["tulo"].credentials
    reader = build(
        client_id=login["readerClientId"],
        client_secret=login["readerClientSecret"],
        scopes=login["readerScope"].split(),
    )

    (slot,) = await reader.read_accounts([ACCOUNT])
    with pytest.raises(SourceRejected) as caught:
        await reader.create_ticket(
            NewTicket(requester=ACCOUNT, subject="Paper missing", body="On Saturday"), ATTEMPT
        )

    assert isinstance(slot, SourceAuthError)
    assert [refusal.code for refusal in caught.value.refusals] == ["NO_ACCESS"]
    assert paths(sandbox).count(LOGIN) == 1
