"""Thulium's abilities and the reading of its tickets, over real sockets."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl

import pytest
from pydantic import ValidationError

from gateway.domain import ports
from gateway.domain.catalog import Capability, Source
from gateway.domain.errors import (
    BadInput,
    Refusal,
    RefusalCode,
    SourceAuthError,
    SourceProtocolError,
    SourceRejected,
    SourceUnavailable,
)
from gateway.domain.ids import EntityType, Ref
from gateway.domain.pages import Feed, NoFeed, SliceState
from gateway.domain.ports import ConversationFilter
from gateway.domain.records import Coded, ConversationState, MessageType, Origin, Ticket
from gateway.sandbox import Faults, Sandbox
from gateway.sources.thulium import SPEC
from gateway.sources.thulium.client import Thulium, explain
from gateway.transport import Reply, Transport
from tests.sources import Canned

NOW = datetime(2026, 11, 22, 10, 30, 15, tzinfo=UTC)
TICKET = Ref(EntityType.TICKET, "pl", ("1234",))
NO_TICKET = Ref(EntityType.TICKET, "pl", ("99999",))
EWA = Ref(EntityType.ACCOUNT, "pl", ("CUSTOMER", "40101"))
BAKERY = Ref(EntityType.ACCOUNT, "pl", ("COMPANY", "62"))
LUKASZ = Ref(EntityType.ACCOUNT, "pl", ("AGENT", "testowy.agent11"))
STRANGER = Ref(EntityType.ACCOUNT, "se", ("CUSTOMER", "40101"))

Build = Callable[..., Thulium]
Serve = Callable[[Mapping[str, str]], AbstractAsyncContextManager[Thulium]]


def asked(sandbox: Sandbox) -> list[str]:
    """The REST calls, in the order in which they came."""
    return [f"{arrival.method} {arrival.path}" for arrival in sandbox.services["thulium"].arrivals]


def queries(sandbox: Sandbox) -> list[list[tuple[str, str]]]:
    return [parse_qsl(arrival.query) for arrival in sandbox.services["thulium"].arrivals]


def only(feeds: tuple[Feed[Ticket], ...] | NoFeed) -> Feed[Ticket]:
    assert isinstance(feeds, tuple)
    (feed,) = feeds
    return feed


def source(client: Thulium) -> Source:
    return Source("pl", SPEC.kind, SPEC.title, SPEC.docs_url, client, SPEC.shapes)


class TestAbilities:
    async def test_it_can_do_what_its_pages_document_and_no_more(self, client: Thulium) -> None:
        assert set(source(client).capabilities) == {
            Capability.READ_ACCOUNT,
            Capability.FIND_ACCOUNT,
            Capability.LIST_ACCOUNTS,
            Capability.READ_TICKET,
            Capability.LIST_TICKETS,
            Capability.READ_MESSAGES,
            Capability.CREATE_TICKET,
            Capability.REPLY,
            Capability.ATTACH,
            Capability.CHANGE_STATUS,
        }

    @pytest.mark.parametrize(
        ("port", "fulfilled"),
        [
            (ports.Checker, True),
            (ports.ConversationNamer, True),
            (ports.TicketWithMessagesReader, True),
            (ports.TextSearch, False),
            (ports.CaseReader, False),
            (ports.CaseLister, False),
            (ports.ConversationLister, False),
            (ports.CaseMessageCreator, False),
            (ports.MessageConfirmer, False),
            (ports.SubscriptionReader, False),
            (ports.TemplateReader, False),
        ],
    )
    async def test_ports_without_a_capability_of_their_own(
        self, client: Thulium, port: type, fulfilled: bool
    ) -> None:
        assert isinstance(client, port) is fulfilled

    @pytest.mark.parametrize(
        "ref",
        [
            TICKET,
            EWA,
            LUKASZ,
            replace(LUKASZ, parts=("AGENT", "jan@sklep.example")),
            Ref(EntityType.MESSAGE, "pl", ("1234", "9012")),
            Ref(EntityType.MESSAGE, "pl", ("1234", "9012-system")),
        ],
    )
    async def test_references_that_it_gives_out_are_taken_back(self, client: Thulium, ref: Ref) -> None:
        source(client).check_ref(ref, argument="id")

    @pytest.mark.parametrize(
        "ref",
        [
            *(replace(TICKET, parts=(part,)) for part in ("0", "007", "-1", "1/2", "x", "٣", "1" * 19)),
            *(replace(EWA, parts=("AGENT", part)) for part in (".", "..", "a/b", "a b", "a\n", "")),
            replace(EWA, parts=("EMPLOYEE", "1")),
            replace(TICKET, type=EntityType.CASE),
            Ref(EntityType.MESSAGE, "pl", ("1234", "9012-body")),
        ],
    )
    async def test_references_of_another_form_are_refused(self, client: Thulium, ref: Ref) -> None:
        with pytest.raises(BadInput):
            source(client).check_ref(ref, argument="id")


class TestSettings:
    def test_the_zone_is_warsaw_unless_configured(self) -> None:
        settings = SPEC.settings.model_validate(
            {"kind": "thulium", "base_url": "https://x.thulium.com/api", "api_user": "u", "api_password": "p"}
        )
        assert (settings.time_zone, settings.default_agent, settings.default_mailbox) == (
            "Europe/Warsaw",
            None,
            None,
        )

    def test_credentials_and_address_must_be_given(self) -> None:
        with pytest.raises(ValidationError) as refused:
            SPEC.settings.model_validate({"kind": "thulium"})
        assert {error["loc"] for error in refused.value.errors()} == {("base_url",)}
        assert list(SPEC.settings.credential_problems({"kind": "thulium"})) == [
            ("api_user", "is missing"),
            ("api_password", "is missing"),
        ]

    def test_the_password_shows_in_no_repr(self) -> None:
        given = {
            "kind": "thulium",
            "base_url": "https://x.example",
            "api_user": "u",
            "api_password": "geheim",
        }
        assert "geheim" not in repr(SPEC.settings.model_validate(given))


class TestCheck:
    async def test_it_costs_one_short_list(self, client: Thulium, sandbox: Sandbox) -> None:
        await client.check()
        assert asked(sandbox) == ["GET /api/tickets"]
        assert queries(sandbox) == [[("limit", "1"), ("offset", "0")]]

    async def test_wrong_credentials_are_told(self, transport: Transport, connect: Build) -> None:
        with pytest.raises(SourceAuthError):
            await connect(transport, api_password="wrong").check()


class TestTickets:
    async def test_a_ticket_costs_one_call(self, client: Thulium, sandbox: Sandbox) -> None:
        assert await client.read_tickets([TICKET]) == [
            Ticket(
                ref=TICKET,
                origin=Origin("pl", "1234", fetched_at=NOW),
                number="1234",
                subject="Uszkodzone opakowanie – reklamacja",
                status=Coded(ConversationState.NEW, "Nowe"),
                created_at=datetime(2026, 11, 18, 19, 40, tzinfo=UTC),
                updated_at=datetime(2026, 11, 18, 21, 31, tzinfo=UTC),
                last_activity_at=datetime(2026, 11, 18, 21, 31, tzinfo=UTC),
                requester=EWA,
                assignee=Ref(EntityType.ACCOUNT, "pl", ("AGENT", "agent.bozena.zak2")),
                queue="faktury@sklep.example",
                category="7",
            )
        ]
        assert asked(sandbox) == ["GET /api/tickets/1234"]

    async def test_its_messages_cost_one_call(self, client: Thulium, sandbox: Sandbox) -> None:
        (found,) = await client.read_messages([TICKET])
        assert isinstance(found, tuple)
        assert [(each.ref.parts[1], each.kind and each.kind.value) for each in found] == [
            ("10237", MessageType.MESSAGE),
            ("10238", MessageType.REPLY),
            ("10238-system", MessageType.SYSTEM),
            ("10239", MessageType.REPLY),
            ("10240", MessageType.MESSAGE),
        ]
        assert asked(sandbox) == ["GET /api/tickets/1234"]

    async def test_one_call_gives_both(self, client: Thulium, sandbox: Sandbox) -> None:
        (both,) = await client.read_ticket_with_messages([TICKET])
        assert asked(sandbox) == ["GET /api/tickets/1234"]
        assert [both] == list(
            zip(await client.read_tickets([TICKET]), await client.read_messages([TICKET]), strict=True)
        )

    async def test_one_that_is_missing_leaves_the_others_alone(self, client: Thulium) -> None:
        missing, found = await client.read_tickets([NO_TICKET, TICKET])
        assert missing is None
        assert isinstance(found, Ticket)
        assert await client.read_messages([NO_TICKET]) == [None]
        assert await client.read_ticket_with_messages([NO_TICKET]) == [None]

    async def test_a_source_that_is_down_is_the_slots_error(self, client: Thulium, sandbox: Sandbox) -> None:
        sandbox.services["thulium"].faults = Faults(error_rate=1)
        slots = await client.read_tickets([TICKET, NO_TICKET])
        assert [type(slot) for slot in slots] == [SourceUnavailable, SourceUnavailable]

    async def test_a_right_that_the_api_user_lacks_is_the_slots_error(self, connect: Build) -> None:
        (slot,) = await connect(Canned(b"{}", status=403)).read_tickets([TICKET])
        assert isinstance(slot, SourceAuthError)

    async def test_what_a_full_read_lacks_is_none_and_not_missing(self, connect: Build) -> None:
        (found,) = await connect(Canned(b'{"ticket_id": 1234, "messages": []}')).read_tickets([TICKET])
        assert found == Ticket(ref=TICKET, origin=Origin("pl", "1234", fetched_at=NOW), number="1234")

    async def test_a_broken_answer_says_where(self, connect: Build) -> None:
        body = b'{"ticket_id": 1234, "messages": [{"message_id": "x"}]}'
        (slot,) = await connect(Canned(body)).read_messages([TICKET])
        assert isinstance(slot, SourceProtocolError)
        assert slot.json_path == "$.messages[0].message_id"

    async def test_times_are_read_in_the_configured_zone(self, connect: Build) -> None:
        canned = Canned(b'{"ticket_id": 1, "messages": [], "created_at": "2025-03-02 09:14"}')
        (found,) = await connect(canned, time_zone="America/New_York").read_tickets([TICKET])
        assert isinstance(found, Ticket)
        assert found.created_at == datetime(2025, 3, 2, 14, 14, tzinfo=UTC)

    async def test_a_ticket_is_named_without_a_call(self, client: Thulium, sandbox: Sandbox) -> None:
        assert client.name_conversation(TICKET).number == "1234"
        assert asked(sandbox) == []


class TestTicketLists:
    async def test_a_page_comes_newest_changed_first(self, client: Thulium, sandbox: Sandbox) -> None:
        feed = only(client.list_tickets(ConversationFilter()))
        page = await feed.read(0, 100)
        moments = [ticket.updated_at for ticket in page.items]
        assert moments == sorted(moments, key=lambda each: each or NOW, reverse=True)
        assert (feed.source, feed.key, feed.max_limit, feed.ordered) == ("pl", "", 100, True)
        assert (len(page.items), page.total, page.exhausted) == (100, 241, False)
        assert all(ticket.missing == frozenset() for ticket in page.items)
        assert queries(sandbox) == [[("limit", "100"), ("offset", "0")]]

    async def test_a_short_page_is_the_last_one(self, client: Thulium) -> None:
        page = await only(client.list_tickets(ConversationFilter())).read(200, 100)
        assert (len(page.items), page.total, page.exhausted) == (41, 241, True)

    async def test_a_bare_row_says_what_it_lacks(self, serve: Serve) -> None:
        async with serve({"rows": "bare"}) as client:
            page = await only(client.list_tickets(ConversationFilter())).read(0, 1)
            (row,) = page.items
            assert row.missing == frozenset(
                {"status", "created_at", "closed_at", "requester", "assignee", "queue", "category"}
            )
            assert row.updated_at is not None

    @pytest.mark.parametrize(("container", "total"), [("result", 241), ("array", None), ("tickets", 241)])
    @pytest.mark.parametrize("rows", ["rich", "bare", "full"])
    async def test_every_form_of_the_list_gives_the_same_tickets(
        self, client: Thulium, serve: Serve, container: str, rows: str, total: int | None
    ) -> None:
        usual = await only(client.list_tickets(ConversationFilter())).read(0, 3)
        async with serve({"row_container": container, "rows": rows}) as other:
            page = await only(other.list_tickets(ConversationFilter())).read(0, 3)
        assert [ticket.ref for ticket in page.items] == [ticket.ref for ticket in usual.items]
        assert (page.total, page.exhausted) == (total, False)

    async def test_every_filter_reaches_the_source_in_one_feed(
        self, transport: Transport, connect: Build, sandbox: Sandbox
    ) -> None:
        statuses = {"1": "NEW", "3": "OPEN", "8": "OPEN", "6": "CLOSED"}
        client = connect(transport, statuses=statuses)
        wanted = ConversationFilter(
            account=EWA,
            assignee=LUKASZ,
            status=(ConversationState.NEW, ConversationState.OPEN),
            queue="5",
            updated_after=datetime(2026, 7, 1, 10, 0, 59, tzinfo=UTC),
        )
        await only(client.list_tickets(wanted)).read(20, 10)
        assert queries(sandbox) == [
            [
                ("customer_id", "40101"),
                ("user_login", "testowy.agent11"),
                ("status_id[]", "1"),
                ("status_id[]", "3"),
                ("status_id[]", "8"),
                ("ticket_queue_id", "5"),
                ("date_from", "2026-07-01 12:00"),
                ("limit", "10"),
                ("offset", "20"),
            ]
        ]

    async def test_a_customers_tickets(self, client: Thulium, sandbox: Sandbox) -> None:
        page = await only(client.list_tickets(ConversationFilter(account=EWA))).read(0, 100)
        mine = {ticket.id for ticket in sandbox.world.thulium.tickets.values() if ticket.customer_id == 40101}
        assert {ticket.ref.parts[0] for ticket in page.items} == {str(number) for number in mine}
        assert {ticket.requester for ticket in page.items} == {EWA}

    async def test_a_companys_tickets(self, client: Thulium, sandbox: Sandbox) -> None:
        page = await only(client.list_tickets(ConversationFilter(account=BAKERY))).read(0, 100)
        people = {
            customer["customer_id"]
            for customer in sandbox.world.thulium.customers.values()
            if customer["company_id"] == 62
        }
        assert {
            int(ticket.requester.parts[1]) for ticket in page.items if isinstance(ticket.requester, Ref)
        } <= people
        assert page.total == len(page.items) > 0

    async def test_a_change_in_the_very_minute_is_not_left_out(
        self, client: Thulium, sandbox: Sandbox
    ) -> None:
        changed = sandbox.world.thulium.tickets[1234].updated_at
        for moment, found in ((changed, True), (changed + timedelta(minutes=1), False)):
            wanted = ConversationFilter(updated_after=moment)
            page = await only(client.list_tickets(wanted)).read(0, 100)
            assert (TICKET in {ticket.ref for ticket in page.items}) is found

    async def test_in_the_repeated_hour_the_window_starts_before_it(
        self, client: Thulium, sandbox: Sandbox
    ) -> None:
        wanted = ConversationFilter(updated_after=datetime(2026, 10, 25, 1, 30, tzinfo=UTC))
        await only(client.list_tickets(wanted)).read(0, 1)
        assert dict(queries(sandbox)[0])["date_from"] == "2026-10-25 01:30"

    @pytest.mark.parametrize(
        ("wanted", "state"),
        [
            (ConversationFilter(search="faktura"), SliceState.UNSUPPORTED),
            (ConversationFilter(account=LUKASZ), SliceState.UNSUPPORTED),
            (ConversationFilter(account=STRANGER), SliceState.SKIPPED),
            (ConversationFilter(account=replace(EWA, parts=("CUSTOMER", "x"))), SliceState.UNSUPPORTED),
            (ConversationFilter(assignee=EWA), SliceState.UNSUPPORTED),
            (ConversationFilter(assignee=replace(LUKASZ, source="se")), SliceState.SKIPPED),
            (ConversationFilter(queue="pomoc@sklep.example"), SliceState.UNSUPPORTED),
            # Known by name only, and only ids can be asked for.
            (ConversationFilter(status=(ConversationState.NEW,)), SliceState.UNSUPPORTED),
        ],
    )
    async def test_what_it_cannot_filter_by_is_said_before_any_call(
        self, client: Thulium, sandbox: Sandbox, wanted: ConversationFilter, state: SliceState
    ) -> None:
        feeds = client.list_tickets(wanted)
        assert isinstance(feeds, NoFeed)
        assert (feeds.state, bool(feeds.reason)) == (state, True)
        assert asked(sandbox) == []

    @pytest.mark.parametrize(
        ("body", "json_path"),
        [
            (b'{"count": 1}', "$"),
            (b'{"tickets": [], "users": []}', "$"),
            (b'"nothing"', "$"),
            (b"<html>", "$"),
            (b"", "$"),
            (b'{"result": [{"subject": "no id"}]}', "$[0]"),
            (b'[{"ticket_id": ""}]', "$[0].ticket_id"),
        ],
    )
    async def test_what_is_no_list_of_tickets_is_refused(
        self, connect: Build, body: bytes, json_path: str
    ) -> None:
        with pytest.raises(SourceProtocolError) as broken:
            await only(connect(Canned(body)).list_tickets(ConversationFilter())).read(0, 10)
        assert broken.value.json_path == json_path

    @pytest.mark.parametrize(
        ("count", "total"), [(b"2", 2), (b'"2"', 2), (b'""', None), (b"null", None), (b"{}", None)]
    )
    async def test_a_count_may_come_in_any_form(
        self, connect: Build, count: bytes, total: int | None
    ) -> None:
        canned = Canned(b'{"count": %b, "other": [1], "result": [{"ticket_id": "7"}]}' % count)
        page = await only(connect(canned).list_tickets(ConversationFilter())).read(0, 1)
        assert (page.total, page.exhausted) == (total, False)
        assert [ticket.number for ticket in page.items] == ["7"]


class TestErrors:
    def test_every_error_of_the_envelope_is_a_refusal(self) -> None:
        body = b'{"request_id": "6a0", "errors": [{"message": "Bad.", "code": 410023}, {"code": "7"}, {}]}'
        assert explain("pl", Reply(400, {}, body)) == (
            Refusal(RefusalCode.REJECTED_BY_SOURCE, "pl refused it: Bad.", (), "pl", "410023"),
            Refusal(RefusalCode.REJECTED_BY_SOURCE, "pl refused it.", (), "pl", "7"),
            Refusal(RefusalCode.REJECTED_BY_SOURCE, "pl refused it.", (), "pl", None),
        )

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"<html>",
            b'{"errors": []}',
            b'{"errors": "no"}',
            b"\xff",
            pytest.param(b'{"x": ' + b"[" * 100_000, id="deep"),
        ],
    )
    @pytest.mark.parametrize(
        ("status", "code"),
        [
            (400, RefusalCode.REJECTED_BY_SOURCE),
            (403, RefusalCode.NO_ACCESS),
            (404, RefusalCode.NOT_FOUND),
        ],
    )
    def test_without_an_envelope_the_status_speaks(self, body: bytes, status: int, code: RefusalCode) -> None:
        assert explain("pl", Reply(status, {}, body)) == (Refusal(code, "pl refused it.", (), "pl", None),)

    async def test_a_refused_list_carries_the_sources_reasons(self, connect: Build) -> None:
        canned = Canned(b'{"errors": [{"message": "Bad.", "code": 1}]}', status=400)
        with pytest.raises(SourceRejected) as refused:
            await connect(canned).check()
        assert [refusal.source_code for refusal in refused.value.refusals] == ["1"]
