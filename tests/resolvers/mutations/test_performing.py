"""How an outcome is told, where a test over sockets can't bring it about."""

from typing import Any

import pytest

from gateway.domain.errors import RefusalCode, SourceUnavailable
from gateway.domain.ids import EntityType
from gateway.domain.ledger import WriteState
from gateway.plans.fields import Fetch
from gateway.plans.selection import Selection
from gateway.writes.service import Outcome
from resolvers.context import AnyFetch
from resolvers.mutations.performing import check_key, confirmed, payload, sent_message, settled
from tests.gateway.writes.desk import REPLY, TIMED_OUT, entry, source
from tests.resolvers.contexts import context

_SHAPES = {EntityType.TICKET: (r"\d+",), EntityType.MESSAGE: (r"\d+", r"\d+")}


def fetch(**changes: Any) -> AnyFetch:
    return Fetch(context(source(shapes=_SHAPES, **changes)), Selection((), {}, {}), ("reply",), ())


@pytest.mark.parametrize("state", [WriteState.PENDING, WriteState.IN_DOUBT, WriteState.PARTIAL])
async def test_a_write_of_which_nobody_knows_is_told_without_an_object_or_an_error(state: WriteState) -> None:
    field = fetch()
    known = entry(state, problem=None if state is WriteState.PENDING else TIMED_OUT)
    outcome: Outcome[Any] = settled(field, Outcome(known))
    told = payload(outcome, message=await sent_message(field, outcome))

    assert (told.write, told.message, told.user_errors) == (known, None, [])
    assert confirmed(outcome) is None
    assert field.context.reports == []


async def test_a_write_that_was_not_applied_is_an_error_beside_its_payload() -> None:
    field, error = fetch(), SourceUnavailable("desk", sent=False)
    outcome: Outcome[Any] = settled(field, Outcome(entry(WriteState.REJECTED), error=error))

    assert await sent_message(field, outcome) is None
    assert [(each.error, each.path) for each in field.context.reports] == [(error, ("reply",))]


@pytest.mark.parametrize(("credential", "shown"), [("static", True), ("another", False)])
async def test_a_message_of_which_no_id_is_known_comes_from_the_ledger_under_its_credentials(
    credential: str, shown: bool
) -> None:
    field = fetch(own_credential=credential)
    outcome: Outcome[Any] = Outcome(entry(WriteState.CONFIRMED))
    message = await sent_message(field, outcome)

    assert (message is not None and message.body is not None and message.body.content == REPLY.body) is shown


@pytest.mark.parametrize(
    ("key", "codes"),
    [
        (None, []),
        ("k", []),
        ("Größe 7 – ✓", []),
        ("k" * 255, []),
        ("k" * 256, [RefusalCode.TOO_LONG]),
        ("", [RefusalCode.REQUIRED]),
        ("k\x00", [RefusalCode.INVALID]),
        ("k\n", [RefusalCode.INVALID]),
        ("\ud800", [RefusalCode.INVALID]),
    ],
)
def test_a_key_is_what_every_ledger_can_keep(key: str | None, codes: list[RefusalCode]) -> None:
    assert [(each.code, each.field) for each in check_key(key)] == [
        (code, ("idempotencyKey",)) for code in codes
    ]
