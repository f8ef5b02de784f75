"""What the client of an instance is able to do, and the settings that make it."""

from typing import Any

import pytest
from pydantic import ValidationError

from gateway.domain import ports
from gateway.domain.catalog import Capability, Source
from gateway.domain.errors import BadInput
from gateway.domain.ids import EntityType, Ref
from gateway.sandbox import Sandbox
from gateway.sources.tulo import SPEC
from gateway.sources.tulo.client import Tulo

ID = "66d986b4ad659dea5ceb9b62"
CAPITALS = "50F3AC249F6AEF294D000007"


async def test_the_client_fulfils_the_ports_of_its_abilities_and_no_others(tulo: Tulo) -> None:
    assert {
        name
        for name, port in vars(ports).items()
        if isinstance(port, type) and getattr(port, "_is_runtime_protocol", False) and isinstance(tulo, port)
    } == {
        "AccountFinder",
        "AccountReader",
        "Checker",
        "ConversationNamer",
        "MessageReader",
        "SubscriptionLister",
        "SubscriptionReader",
        "TemplateReader",
        "TicketCreator",
        "TicketLister",
        "TicketReader",
        "TicketWithMessagesReader",
        "WriteFinder",
    }
    assert as_each_port(tulo) == [tulo] * 12


def as_each_port(client: Tulo) -> list[object]:
    """Assigned one by one, so that the type checker compares every signature."""
    checker: ports.Checker = client
    account_reader: ports.AccountReader = client
    account_finder: ports.AccountFinder = client
    namer: ports.ConversationNamer = client
    ticket_lister: ports.TicketLister = client
    ticket_reader: ports.TicketReader = client
    message_reader: ports.MessageReader = client
    both_reader: ports.TicketWithMessagesReader = client
    creator: ports.TicketCreator = client
    templates: ports.TemplateReader = client
    subscription_reader: ports.SubscriptionReader = client
    subscription_lister: ports.SubscriptionLister = client
    return [
        checker,
        account_reader,
        account_finder,
        namer,
        ticket_lister,
        ticket_reader,
        message_reader,
        both_reader,
        creator,
        templates,
        subscription_reader,
        subscription_lister,
    ]


async def test_its_capabilities_are_those_of_its_ports(source: Source) -> None:
    assert source.capabilities == (
        Capability.READ_ACCOUNT,
        Capability.FIND_ACCOUNT,
        Capability.READ_TICKET,
        Capability.LIST_TICKETS,
        Capability.READ_MESSAGES,
        Capability.READ_TEMPLATES,
        Capability.CREATE_TICKET,
        Capability.READ_SUBSCRIPTIONS,
        Capability.LIST_SUBSCRIPTIONS,
    )


@pytest.mark.parametrize(
    ("entity", "parts"),
    [
        (EntityType.ACCOUNT, ("SUBSCRIBER", ID)),
        (EntityType.ACCOUNT, ("AGENT", CAPITALS)),
        (EntityType.TICKET, (ID, CAPITALS)),
        (EntityType.MESSAGE, (ID, CAPITALS, "0")),
        (EntityType.PRODUCT_SUBSCRIPTION, (ID, CAPITALS)),
        (EntityType.MESSAGE_TEMPLATE, (ID,)),
    ],
)
async def test_references_of_either_case_are_taken(
    source: Source, entity: EntityType, parts: tuple[str, ...]
) -> None:
    source.check_ref(Ref(entity, "tulo", parts), argument="id")


@pytest.mark.parametrize(
    ("entity", "parts"),
    [
        (EntityType.ACCOUNT, ("CUSTOMER", ID)),
        (EntityType.ACCOUNT, ("SUBSCRIBER", ID[:-1])),
        (EntityType.TICKET, (ID, "g" * 24)),
        (EntityType.TICKET, (ID,)),
        (EntityType.MESSAGE, (ID, CAPITALS, "1")),
        (EntityType.NOTIFICATION_SUBSCRIPTION, (ID,)),
    ],
)
async def test_references_that_the_api_cannot_have_given_out_are_refused(
    source: Source, entity: EntityType, parts: tuple[str, ...]
) -> None:
    with pytest.raises(BadInput):
        source.check_ref(Ref(entity, "tulo", parts), argument="id")


async def test_a_messages_conversation_is_its_ticket(source: Source) -> None:
    message = Ref(EntityType.MESSAGE, "tulo", (ID, CAPITALS, "0"))

    assert source.conversation_of(message) == Ref(EntityType.TICKET, "tulo", (ID, CAPITALS))


async def test_every_call_says_that_it_speaks_json_reads_too(tulo: Tulo, sandbox: Sandbox) -> None:
    await tulo.check()

    read = sandbox.services["tulo"].arrivals[-1]
    assert (read.method, read.path, read.query) == (
        "GET",
        "/external/api/v1/helpdesk_message_templates/all",
        "",
    )
    assert (read.headers["content-type"], read.headers["accept"]) == ("application/json", "application/json")


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"client_id": ""}, "at least 1 character"),
        ({"client_secret": 7}, "valid string"),
        ({"token": "x"}, "Extra inputs are not permitted"),
    ],
)
def test_settings_that_cannot_work_are_refused(
    settings: dict[str, Any], changed: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ValidationError, match=problem):
        SPEC.settings.model_validate({**settings, **changed})


def test_the_clients_id_and_secret_must_be_given(settings: dict[str, Any]) -> None:
    assert list(SPEC.settings.credential_problems(settings)) == []
    assert list(
        SPEC.settings.credential_problems({**settings, "client_id": None, "client_secret": None})
    ) == [
        ("client_id", "is missing"),
        ("client_secret", "is missing"),
    ]


def test_the_secret_does_not_show(settings: dict[str, Any]) -> None:
    assert settings["client_secret"] not in repr(SPEC.settings.model_validate(settings))


def test_every_setting_is_described() -> None:
    undescribed = [name for name, field in SPEC.settings.model_fields.items() if not field.description]
    assert undescribed == ["kind"]  # each adapter's kind narrows the described one
