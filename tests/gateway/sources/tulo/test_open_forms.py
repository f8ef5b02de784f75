"""The forms that Tulo's pages leave open, each served in its other way by the sandbox."""

from datetime import datetime

import pytest

from gateway.domain.errors import SourceRejected
from gateway.domain.ids import EntityType, Ref
from gateway.domain.pages import Page
from gateway.domain.ports import ConversationFilter, SubscriptionFilter
from gateway.domain.records import Fetched
from gateway.domain.writes import NewTicket
from gateway.sources.tulo.client import Tulo
from tests.sources import ATTEMPT

NOBODY = Ref(EntityType.ACCOUNT, "tulo", ("SUBSCRIBER", "0" * 24))


@pytest.fixture(scope="module")
def forms() -> dict[str, str]:
    return {"token_life_s": "7200", "correlation": "absent", "unknown_account": "empty"}


async def test_an_unknown_account_has_empty_lists(tulo: Tulo, now: datetime) -> None:
    tickets = tulo.list_tickets(ConversationFilter(account=NOBODY))
    subscriptions = tulo.list_subscriptions(SubscriptionFilter(account=NOBODY))
    assert isinstance(tickets, tuple)
    assert isinstance(subscriptions, tuple)

    assert await tickets[0].read(0, 20) == Page((), 0, exhausted=True, fetched=Fetched(now))
    assert await subscriptions[0].read(0, 20) == Page((), 0, exhausted=True, fetched=Fetched(now))


async def test_an_error_without_a_correlation_is_read_as_well(tulo: Tulo) -> None:
    with pytest.raises(SourceRejected) as caught:
        await tulo.create_ticket(NewTicket(requester=NOBODY, subject="Paper", body="Missing"), ATTEMPT)

    assert [refusal.source_code for refusal in caught.value.refusals] == ["not_found"]
