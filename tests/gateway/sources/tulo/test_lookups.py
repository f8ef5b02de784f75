"""Whether a helpdesk message was created, looked for over real sockets."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from gateway.domain.errors import SourceProtocolError, SourceUnavailable
from gateway.domain.ids import EntityType, Ref
from gateway.domain.writes import NewTicket, Removal, Sighting
from gateway.sandbox import Faults, Sandbox
from gateway.sandbox.world.tulo import DOCUMENTED_ACCOUNT
from gateway.sources.tulo.client import Tulo
from tests.sources import ATTEMPT, Canned, Hands

Build = Callable[..., Tulo]

NOW = ATTEMPT.since
ACCOUNT = Ref(EntityType.ACCOUNT, "tulo", ("SUBSCRIBER", DOCUMENTED_ACCOUNT))
NOBODY = Ref(EntityType.ACCOUNT, "tulo", ("SUBSCRIBER", "0" * 24))
NEW = NewTicket(requester=ACCOUNT, subject="Paper missing", body="No paper on Saturday.\n ✓")
RESOLVED_ARE_GONE = "Only pending helpdesk messages can be seen: one that is resolved already is gone."
NOTHING = Sighting(reason=RESOLVED_ARE_GONE)


def seen(*refs: Ref) -> Sighting:
    return Sighting(refs, reason=RESOLVED_ARE_GONE)


async def test_one_that_landed_is_the_one_that_the_answer_would_have_named(
    tulo: Tulo, sandbox: Sandbox
) -> None:
    ref = await tulo.create_ticket(NEW, ATTEMPT)
    sandbox.services["tulo"].arrivals.clear()

    assert await tulo.find_write(NEW, ATTEMPT) == seen(ref)

    (arrival,) = sandbox.services["tulo"].arrivals
    assert (arrival.method, arrival.path, arrival.query, arrival.headers["cache-control"]) == (
        "GET",
        "/external/api/v1/helpdesk_messages/get_pending_messages",
        f"account_id={DOCUMENTED_ACCOUNT}",
        "no-cache",
    )


async def test_an_account_in_capitals_changes_nothing_in_its_name(tulo: Tulo) -> None:
    capitals = replace(NEW, requester=replace(ACCOUNT, parts=("SUBSCRIBER", DOCUMENTED_ACCOUNT.upper())))

    ref = await tulo.create_ticket(capitals, ATTEMPT)

    assert await tulo.find_write(capitals, ATTEMPT) == await tulo.find_write(NEW, ATTEMPT) == seen(ref)


async def test_that_it_is_not_there_proves_nothing(tulo: Tulo, sandbox: Sandbox) -> None:
    assert await tulo.find_write(NEW, ATTEMPT) == NOTHING

    ref = await tulo.create_ticket(NEW, ATTEMPT)
    sandbox.world.tulo.helpdesk_messages[ref.parts[1]].state = "resolved"

    assert await tulo.find_write(NEW, ATTEMPT) == NOTHING
    assert await tulo.find_write(replace(NEW, requester=NOBODY), ATTEMPT) == NOTHING


async def test_two_are_two(tulo: Tulo) -> None:
    refs = [await tulo.create_ticket(NEW, ATTEMPT) for _ in range(2)]

    assert await tulo.find_write(NEW, ATTEMPT) == seen(*refs)


@pytest.mark.parametrize(("age", "is_it"), [(timedelta(minutes=5), True), (timedelta(minutes=5.1), False)])
async def test_one_from_before_the_write_is_another(
    tulo: Tulo, hands: Hands, age: timedelta, is_it: bool
) -> None:
    hands.moment = NOW - age
    ref = await tulo.create_ticket(NEW, ATTEMPT)

    assert await tulo.find_write(NEW, ATTEMPT) == (seen(ref) if is_it else NOTHING)


@pytest.mark.parametrize(
    "changed", [{"heading": "paper missing"}, {"heading": "Paper missing "}, {"message": "No paper."}]
)
async def test_other_words_are_another_message(tulo: Tulo, sandbox: Sandbox, changed: dict[str, Any]) -> None:
    ref = await tulo.create_ticket(NEW, ATTEMPT)
    for name, value in changed.items():
        setattr(sandbox.world.tulo.helpdesk_messages[ref.parts[1]], name, value)

    assert await tulo.find_write(NEW, ATTEMPT) == NOTHING


@pytest.mark.parametrize("missing", ["heading", "message", "created_at"])
async def test_one_that_does_not_show_all_of_it_is_none(
    build: Build, canned: type[Canned], missing: str
) -> None:
    fields = {
        "heading": '"Paper missing"',
        "message": '"No paper on Saturday.\\n ✓"',
        "created_at": f'"{datetime.isoformat(NOW)}"',
    }
    ids = f'"access_token": "t", "id": "{"1" * 24}", "account_id": "{DOCUMENTED_ACCOUNT}"'

    def listed(shown: dict[str, str]) -> Tulo:
        row = ", ".join((ids, *(f'"{name}": {value}' for name, value in shown.items())))
        return build(canned(b'{"access_token": "t"}', f'{{"items": [{{{row}}}]}}'.encode()))

    whole = await listed(fields).find_write(NEW, ATTEMPT)
    assert whole == seen(Ref(EntityType.TICKET, "tulo", (DOCUMENTED_ACCOUNT, "1" * 24)))
    assert await listed(fields | {missing: "null"}).find_write(NEW, ATTEMPT) == NOTHING


async def test_a_read_that_fails_is_an_error(tulo: Tulo, sandbox: Sandbox) -> None:
    await tulo.check()
    sandbox.services["tulo"].faults = Faults(error_rate=1)
    with pytest.raises(SourceUnavailable):
        await tulo.find_write(NEW, ATTEMPT)
    sandbox.services["tulo"].faults = Faults(malformed_json=True)
    with pytest.raises(SourceProtocolError):
        await tulo.find_write(NEW, ATTEMPT)


@pytest.mark.parametrize("write", [Removal(subscription=ACCOUNT), replace(NEW, requester=None)])
async def test_one_that_tulo_does_not_take_costs_no_call(
    tulo: Tulo, sandbox: Sandbox, write: NewTicket | Removal
) -> None:
    assert await tulo.find_write(write, ATTEMPT) == Sighting(reason="Tulo takes no such write.")
    assert sandbox.services["tulo"].arrivals == []
