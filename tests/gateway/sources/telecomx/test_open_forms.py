"""The forms that Telecomx's pages leave open, each served in its other way by the sandbox."""

import pytest

from gateway.domain.ids import EntityType, Ref
from gateway.domain.ports import AccountFilter, ConversationFilter
from gateway.domain.records import AccountKind, Channel, NotificationSubscription
from gateway.domain.writes import NewNotificationSubscription
from gateway.sandbox.world.telecomx import DOCUMENTED_RESELLER
from gateway.sources.telecomx.client import Telecomx
from tests.sources import ATTEMPT

OWN = Ref(EntityType.ACCOUNT, "tx", ("RESELLER", DOCUMENTED_RESELLER))


@pytest.fixture(scope="module")
def forms() -> dict[str, str]:
    return {
        "token_life": "sliding",
        "created": "201",
        "empty_properties": "null",
        "customers_key": "items",
        "limit_out_of_range": "clamp",
        "case_messages": "none",
    }


async def test_customers_are_listed_under_any_key(telecomx: Telecomx) -> None:
    offer = telecomx.list_accounts(AccountFilter())
    assert isinstance(offer, tuple)

    page = await offer[0].read(0, 3)

    assert [account.kind for account in page.items] == [AccountKind.CUSTOMER] * 3


async def test_a_topic_is_created_with_201_and_nulls(telecomx: Telecomx) -> None:
    made = await telecomx.create_subscription(
        NewNotificationSubscription(reseller=OWN, title="Outages", channels=(Channel.EMAIL,)), ATTEMPT
    )

    assert made == NotificationSubscription(
        ref=made.ref, origin=made.origin, title="Outages", account=OWN, channels=(Channel.EMAIL,)
    )


async def test_cases_without_their_mails_have_no_messages(telecomx: Telecomx) -> None:
    offer = telecomx.list_tickets(ConversationFilter())
    assert isinstance(offer, tuple)
    (ticket,) = (await offer[0].read(0, 1)).items

    (slot,) = await telecomx.read_ticket_with_messages([ticket.ref])

    assert slot == (ticket, ())
