from collections.abc import Sequence

import pytest

from gateway.domain.catalog import Capability, Catalog, RefShapes, Source
from gateway.domain.errors import BadInput, Refusal
from gateway.domain.ids import EntityType, Ref
from gateway.domain.pages import Feed, NoFeed
from gateway.domain.ports import (
    AccountFinder,
    AccountKey,
    ConversationFilter,
    MessageConfirmer,
    Slot,
    TextSearch,
    TicketLister,
    TicketReader,
)
from gateway.domain.records import Account, Ticket

_SHAPES: RefShapes = {
    EntityType.TICKET: (r"\d{1,10}",),
    EntityType.MESSAGE: (r"\d{1,10}", "MAIL|NOTE", r"\d+"),
    EntityType.ACCOUNT: ("CUSTOMER|AGENT", r"[a-z]+"),
}


class _Nothing:
    """A client without any ability."""


class _Desk:
    """A client that reads and lists tickets, confirms messages and finds accounts by text."""

    confirm_limit = 10
    account_keys = frozenset({"email"})
    search_fields = ("subject",)

    async def read_tickets(self, refs: Sequence[Ref]) -> list[Slot[Ticket]]:
        return [None] * len(refs)

    def list_tickets(self, wanted: ConversationFilter) -> tuple[Feed[Ticket], ...] | NoFeed:  # noqa: ARG002
        return ()

    async def confirm_messages(self, messages: Sequence[Ref]) -> list[Refusal | None]:
        return [None] * len(messages)

    async def find_account(self, key: AccountKey) -> Account | None:  # noqa: ARG002
        return None


def _source(key: str = "desk", client: object = None, shapes: RefShapes = _SHAPES) -> Source:
    return Source(key, "thulium", "Desk", "https://docs.example", client or _Desk(), shapes)


def test_capabilities_are_the_ports_that_the_client_fulfils() -> None:
    assert _source().capabilities == (
        Capability.FIND_ACCOUNT,
        Capability.SEARCH,
        Capability.READ_TICKET,
        Capability.LIST_TICKETS,
        Capability.CONFIRM,
    )
    assert _source(client=_Nothing()).capabilities == ()


def test_a_conversation_has_those_capabilities_that_are_about_one() -> None:
    assert _source().conversation_capabilities == (Capability.CONFIRM,)


def test_a_port_is_the_client_where_it_has_the_ability() -> None:
    source = _source()

    for port in (TicketReader, TicketLister, MessageConfirmer, AccountFinder, TextSearch):
        assert source.port(port) is source.client
        assert _source(client=_Nothing()).port(port) is None


@pytest.mark.parametrize(
    "ref",
    [
        Ref(EntityType.TICKET, "desk", ("42",)),
        Ref(EntityType.MESSAGE, "desk", ("42", "NOTE", "7")),
        Ref(EntityType.ACCOUNT, "desk", ("AGENT", "ola")),
    ],
)
def test_a_reference_of_the_sources_own_form_is_taken(ref: Ref) -> None:
    source = _source()

    assert Catalog((source,)).of(ref) is source


@pytest.mark.parametrize(
    ("ref", "message"),
    [
        (Ref(EntityType.CASE, "desk", ("42",)), "desk has no such Case."),
        (Ref(EntityType.MESSAGE, "desk", ("42", "NOTE")), "desk has no such Message."),
        (Ref(EntityType.TICKET, "desk", ("42", "1")), "desk has no such Ticket."),
        (Ref(EntityType.TICKET, "desk", ("../admin",)), "Not the id of a Ticket of desk."),
        (Ref(EntityType.TICKET, "desk", ("42\n",)), "Not the id of a Ticket of desk."),
        (Ref(EntityType.TICKET, "desk", ("42?a=b",)), "Not the id of a Ticket of desk."),
        (Ref(EntityType.MESSAGE, "desk", ("42", "MAILX", "7")), "Not the id of a Message of desk."),
        (Ref(EntityType.MESSAGE, "desk", ("42", "MAIL", "x")), "Not the id of a Message of desk."),
    ],
)
def test_a_reference_that_the_source_cannot_have_given_out_is_refused(ref: Ref, message: str) -> None:
    with pytest.raises(BadInput) as refused:
        Catalog((_source(),)).of(ref, argument="id")

    assert (refused.value.message, refused.value.argument) == (message, "id")


def test_a_messages_conversation_is_named_by_its_first_parts() -> None:
    message = Ref(EntityType.MESSAGE, "desk", ("42", "NOTE", "7"))

    assert _source().conversation_of(message) == Ref(EntityType.TICKET, "desk", ("42",))


def test_where_a_source_has_cases_its_messages_belong_to_them() -> None:
    shapes = {EntityType.CASE: ("a", "b"), EntityType.MESSAGE: ("a", "b", "c")}
    message = Ref(EntityType.MESSAGE, "desk", ("a", "b", "c"))

    assert _source(shapes=shapes).conversation_of(message) == Ref(EntityType.CASE, "desk", ("a", "b"))


def test_a_record_is_named_by_its_native_id_where_that_suffices() -> None:
    assert _source().ref_of(EntityType.TICKET, "42", argument="ref") == Ref(
        EntityType.TICKET, "desk", ("42",)
    )


@pytest.mark.parametrize(
    ("entity", "native_id", "message"),
    [
        (
            EntityType.MESSAGE,
            "7",
            "desk finds no Message by its own id alone: pass the `id` that a list gave.",
        ),
        (
            EntityType.CASE,
            "7",
            "desk finds no Case by its own id alone: pass the `id` that a list gave.",
        ),
        (EntityType.TICKET, "4 2", "Not the id of a Ticket of desk."),
    ],
)
def test_a_native_id_that_does_not_name_a_record_is_refused(
    entity: EntityType, native_id: str, message: str
) -> None:
    with pytest.raises(BadInput) as refused:
        _source().ref_of(entity, native_id, argument="ref.nativeId")

    assert (refused.value.message, refused.value.argument) == (message, "ref.nativeId")


def test_sources_stand_in_the_configurations_order() -> None:
    catalog = Catalog((_source("z"), _source("a"), _source("m")))

    assert [source.key for source in catalog] == ["z", "a", "m"]
    assert catalog.get("b") is None
    assert (catalog.get("a") or _source()).key == "a"


def test_an_unknown_source_is_refused_and_told_the_known_ones() -> None:
    with pytest.raises(BadInput) as refused:
        Catalog((_source("z"), _source("a"))).named("hub", argument="filter.sources.0")

    assert (refused.value.message, refused.value.argument) == (
        "There is no source `hub`. Configured: z, a.",
        "filter.sources.0",
    )


def test_a_very_long_name_of_a_source_is_not_repeated_whole() -> None:
    with pytest.raises(BadInput) as refused:
        Catalog(()).named("x" * 5_000, argument=None)

    assert refused.value.message == f"There is no source `{'x' * 64}`. Configured: none."


def test_a_reference_of_a_source_that_is_not_configured_is_refused() -> None:
    with pytest.raises(BadInput) as refused:
        Catalog((_source(),)).of(Ref(EntityType.TICKET, "gone", ("42",)), argument="id")

    assert refused.value.message == "There is no source `gone`. Configured: desk."


def test_a_clients_abilities_are_looked_up_once() -> None:
    asked = []

    class Asked:
        def __getattr__(self, name: str) -> object:
            asked.append(name)
            raise AttributeError(name)

    source = Source("desk", "desk", "Desk", "", Asked(), {})
    assert source.capabilities == ()
    before = len(asked)
    assert source.capabilities == source.conversation_capabilities == ()
    assert len(asked) == before
