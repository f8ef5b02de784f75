"""What the client of an instance is able to do, and the settings that make it."""

from typing import Any

import pytest
from pydantic import ValidationError

from gateway.domain import ports
from gateway.domain.catalog import Capability, Source
from gateway.domain.errors import BadInput
from gateway.domain.ids import EntityType, Ref
from gateway.sandbox import Sandbox
from gateway.sources.telecomx import SPEC
from gateway.sources.telecomx.client import Telecomx


async def test_the_client_fulfils_the_ports_of_its_abilities_and_no_others(telecomx: Telecomx) -> None:
    assert {
        name
        for name, port in vars(ports).items()
        if isinstance(port, type)
        and getattr(port, "_is_runtime_protocol", False)
        and isinstance(telecomx, port)
    } == {
        "AccountFinder",
        "AccountLister",
        "AccountReader",
        "Checker",
        "ConversationNamer",
        "MessageReader",
        "NotificationSubscriptionWriter",
        "SubscriberReader",
        "SubscriptionLister",
        "SubscriptionReader",
        "TextSearch",
        "TicketLister",
        "TicketReader",
        "TicketUpdater",
        "TicketWithMessagesReader",
        "WriteFinder",
        "WritePreparer",
    }
    assert as_each_port(telecomx) == [telecomx] * 17


def as_each_port(client: Telecomx) -> list[object]:
    """Assigned one by one, so that the type checker compares every signature."""
    checker: ports.Checker = client
    account_reader: ports.AccountReader = client
    account_finder: ports.AccountFinder = client
    account_lister: ports.AccountLister = client
    namer: ports.ConversationNamer = client
    ticket_lister: ports.TicketLister = client
    text_search: ports.TextSearch = client
    ticket_reader: ports.TicketReader = client
    message_reader: ports.MessageReader = client
    both_reader: ports.TicketWithMessagesReader = client
    updater: ports.TicketUpdater = client
    subscription_reader: ports.SubscriptionReader = client
    subscription_lister: ports.SubscriptionLister = client
    subscriber_reader: ports.SubscriberReader = client
    writer: ports.NotificationSubscriptionWriter = client
    preparer: ports.WritePreparer = client
    finder: ports.WriteFinder = client
    return [
        checker,
        account_reader,
        account_finder,
        account_lister,
        namer,
        ticket_lister,
        text_search,
        ticket_reader,
        message_reader,
        both_reader,
        updater,
        subscription_reader,
        subscription_lister,
        subscriber_reader,
        writer,
        preparer,
        finder,
    ]


async def test_its_capabilities_are_those_of_its_ports(source: Source) -> None:
    assert source.capabilities == (
        Capability.READ_ACCOUNT,
        Capability.FIND_ACCOUNT,
        Capability.LIST_ACCOUNTS,
        Capability.SEARCH,
        Capability.READ_TICKET,
        Capability.LIST_TICKETS,
        Capability.READ_MESSAGES,
        Capability.CHANGE_STATUS,
        Capability.READ_SUBSCRIPTIONS,
        Capability.LIST_SUBSCRIPTIONS,
        Capability.READ_SUBSCRIBERS,
        Capability.CREATE_SUBSCRIPTION,
        Capability.UPDATE_SUBSCRIPTION,
        Capability.DELETE_SUBSCRIPTION,
    )


@pytest.mark.parametrize(
    ("entity", "parts"),
    [
        (EntityType.ACCOUNT, ("RESELLER", "1234567890ABCDEF12345678")),
        (EntityType.NOTIFICATION_SUBSCRIPTION, ("123456780ABCDEF12345678",)),
        (
            EntityType.TICKET,
            ("65a0f1c2d3e4b5a697880031", "AAQkAGEx+Zz0/_-=", "65A0F1C2D3E4B5A697880030"),
        ),
        (EntityType.MESSAGE, ("65a0f1c2d3e4b5a697880031", "AAQk=", "65a0f1c2d3e4b5a697880030", "12")),
    ],
)
async def test_references_of_the_documents_ids_are_taken(
    source: Source, entity: EntityType, parts: tuple[str, ...]
) -> None:
    source.check_ref(Ref(entity, "tx", parts), argument="id")


@pytest.mark.parametrize(
    ("entity", "parts"),
    [
        (EntityType.ACCOUNT, ("AGENT", "1234567890ABCDEF12345678")),
        (EntityType.ACCOUNT, ("RESELLER", "1234567890ABCDEF12345678/name")),
        (EntityType.ACCOUNT, ("RESELLER", "../auth/logout")),
        (EntityType.NOTIFICATION_SUBSCRIPTION, ("",)),
        (EntityType.NOTIFICATION_SUBSCRIPTION, ("1234567890ABCDEF12345678\n",)),
        (EntityType.TICKET, ("65a0f1c2d3e4b5a697880031", "../..", "65a0f1c2d3e4b5a697880030")),
        (EntityType.TICKET, ("65a0f1c2d3e4b5a697880031", "A" * 513, "65a0f1c2d3e4b5a697880030")),
        (EntityType.PRODUCT_SUBSCRIPTION, ("65a0f1c2d3e4b5a697880031",)),
    ],
)
async def test_references_that_the_api_cannot_have_given_out_are_refused(
    source: Source, entity: EntityType, parts: tuple[str, ...]
) -> None:
    with pytest.raises(BadInput):
        source.check_ref(Ref(entity, "tx", parts), argument="id")


async def test_the_check_lists_one_employee_of_the_own_customer(telecomx: Telecomx, sandbox: Sandbox) -> None:
    await telecomx.check()

    (arrival,) = [each for each in sandbox.services["telecomx"].arrivals if each.path != "/auth/login"]
    assert (arrival.method, arrival.path) == ("GET", "/employee")
    assert arrival.query.startswith("offset=0&limit=1&full=true&token=")


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"username": None, "password": None}, "give either username and password, or token"),
        ({"token": "machine"}, "give either username and password, or token"),
        ({"password": None}, "username and password belong together"),
        ({"username": None, "token": "machine"}, "username and password belong together"),
        ({"reseller": "not-an-id"}, "should match pattern"),
        ({"help_centers": [{"id": "65a0f1c2d3e4b5a697880031"}]}, "Field required"),
        ({"scan_pages": 0}, "greater than or equal to 1"),
        ({"helpcenters": []}, "Extra inputs are not permitted"),
    ],
)
def test_settings_that_cannot_work_are_refused(
    settings: dict[str, Any], changed: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ValidationError, match=problem):
        SPEC.settings.model_validate({**settings, **changed})


def test_secrets_do_not_show(settings: dict[str, Any]) -> None:
    assert settings["password"] not in repr(SPEC.settings.model_validate(settings))
    machine = {**settings, "username": None, "password": None, "token": "machine-token"}
    assert "machine-token" not in repr(SPEC.settings.model_validate(machine))


def test_every_setting_is_described() -> None:
    undescribed = [name for name, field in SPEC.settings.model_fields.items() if not field.description]
    assert undescribed == ["kind"]  # each adapter's kind narrows the described one
