"""Repair cases: single reads and the search, over real sockets."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from gateway.domain.errors import SourceProtocolError, SourceRejected
from gateway.domain.ids import EntityType, Ref
from gateway.domain.pages import Feed, NoFeed, SliceState
from gateway.domain.ports import CaseFilter, ConversationFilter
from gateway.domain.records import Case, Coded, ConversationState
from gateway.sandbox import Faults, Sandbox
from gateway.sources.service_order_hub.client import ServiceOrderHub
from gateway.transport import Transport

GUID = "1e0abcb7-b94c-4072-a9c0-37072a1ef015"
CASE = Ref(EntityType.CASE, "se", (GUID,))
FOREIGN_CASE = Ref(EntityType.CASE, "se", ("40586f06-c0fb-477f-a338-6b85e1fcf700",))
NO_CASE = Ref(EntityType.CASE, "se", ("00000000-0000-4000-8000-000000000000",))
PARTNER, PROVIDER, DEPARTMENT = (
    Ref(EntityType.ACCOUNT, "se", parts)
    for parts in (("PARTNER", "12"), ("PROVIDER", "5"), ("DEPARTMENT", "101"))
)
STRANGER = Ref(EntityType.ACCOUNT, "pl", ("CUSTOMER", "12"))

Build = Callable[..., ServiceOrderHub]


def bodies(sandbox: Sandbox) -> list[Any]:
    arrivals = sandbox.services["service_order_hub"].arrivals
    assert {(each.method, each.path, each.query) for each in arrivals} <= {
        ("POST", "/api/v3/search-cases", "")
    }
    return [json.loads(each.body) for each in arrivals]


def only(feeds: tuple[Feed[Case], ...] | NoFeed) -> Feed[Case]:
    assert isinstance(feeds, tuple)
    (feed,) = feeds
    return feed


class TestReadCases:
    async def test_each_costs_one_call(self, client: ServiceOrderHub, sandbox: Sandbox) -> None:
        found, missing = await client.read_cases([CASE, NO_CASE])
        assert isinstance(found, Case)
        assert (found.ref, found.number, found.status, missing) == (
            CASE,
            7748,
            Coded(ConversationState.OPEN, "arrived"),
            None,
        )
        assert sorted((each.path, each.query) for each in sandbox.services["service_order_hub"].arrivals) == [
            ("/api/v3/case", f"guid={NO_CASE.parts[0]}"),
            ("/api/v3/case", f"guid={GUID}"),
        ]

    async def test_another_partys_case_is_absent_to_a_reader(self, client: ServiceOrderHub) -> None:
        assert await client.read_cases([FOREIGN_CASE, CASE, FOREIGN_CASE]) == [
            None,
            (await client.read_cases([CASE]))[0],
            None,
        ]

    async def test_a_case_is_named_without_a_call(self, client: ServiceOrderHub, sandbox: Sandbox) -> None:
        assert client.name_conversation(CASE).guid == GUID
        assert sandbox.services["service_order_hub"].arrivals == []


class TestListCases:
    async def test_pages_of_at_most_a_hundred_in_the_hubs_own_order(
        self, client: ServiceOrderHub, sandbox: Sandbox
    ) -> None:
        feed = only(client.list_cases(CaseFilter()))
        assert (feed.source, feed.key, feed.max_limit, feed.ordered) == ("se", "", 100, False)
        whole, part = await feed.read(0, 100), await feed.read(80, 100)
        assert (len(whole.items), whole.total, whole.exhausted) == (91, 91, True)
        assert (part.items, part.total, part.exhausted) == (whole.items[80:], 91, True)
        assert bodies(sandbox) == [
            {"filters": {}, "pagination": {"offset": 0, "limit": 100}},
            {"filters": {}, "pagination": {"offset": 80, "limit": 100}},
        ]

    async def test_what_lies_behind_the_end_is_empty_and_the_end(self, client: ServiceOrderHub) -> None:
        page = await only(client.list_cases(CaseFilter())).read(91, 100)
        assert (page.items, page.total, page.exhausted) == ((), 91, True)

    @pytest.mark.parametrize(
        ("wanted", "filters"),
        [
            (CaseFilter(search="Åkesson"), {"commonSearch": "Åkesson"}),
            (CaseFilter(search=""), {}),
            (CaseFilter(tags=("VIP", "loaner")), {"tags": ["VIP", "loaner"]}),
            (CaseFilter(partner=PARTNER), {"partnerId": 12}),
            (CaseFilter(provider=PROVIDER), {"serviceProviderId": 5}),
            (
                CaseFilter(created_after=datetime(2026, 8, 1, 9, 30, 1, 999_999, tzinfo=UTC)),
                {"createdAt": {"$gt": "2026-08-01T09:30:01.999Z"}},
            ),
            (
                CaseFilter(created_before=datetime(2026, 8, 1, 9, 30, tzinfo=timezone(timedelta(hours=2)))),
                {"createdAt": {"$lt": "2026-08-01T07:30:00.000Z"}},
            ),
            (
                # Cut off, the moment would shut out what happened in its own millisecond.
                CaseFilter(created_before=datetime(2026, 8, 1, 9, 30, 0, 100, tzinfo=UTC)),
                {"createdAt": {"$lt": "2026-08-01T09:30:00.001Z"}},
            ),
            (CaseFilter(status=(ConversationState.OPEN,)), {"currentStatus": "arrived"}),
            (
                CaseFilter(
                    search="x",
                    status=(ConversationState.OPEN,),
                    partner=PARTNER,
                    provider=PROVIDER,
                    tags=("VIP",),
                    created_after=datetime(2026, 8, 1, tzinfo=UTC),
                    created_before=datetime(2026, 9, 1, tzinfo=UTC),
                ),
                {
                    "commonSearch": "x",
                    "tags": ["VIP"],
                    "createdAt": {"$gt": "2026-08-01T00:00:00.000Z", "$lt": "2026-09-01T00:00:00.000Z"},
                    "partnerId": 12,
                    "serviceProviderId": 5,
                    "currentStatus": "arrived",
                },
            ),
        ],
    )
    async def test_every_filter_is_sent_as_documented(
        self,
        transport: Transport,
        connect: Build,
        sandbox: Sandbox,
        wanted: CaseFilter,
        filters: dict[str, object],
    ) -> None:
        others = dict.fromkeys(("created", "accepted", "repairing"), "UNKNOWN")
        feed = only(connect(transport, statuses=others).list_cases(wanted))
        await feed.read(0, 10)
        assert bodies(sandbox) == [{"filters": filters, "pagination": {"offset": 0, "limit": 10}}]

    async def test_each_native_status_has_a_feed_of_its_own(
        self, transport: Transport, connect: Build, sandbox: Sandbox
    ) -> None:
        statuses = {"booked": "NEW", "costproposal": "PENDING", "awaitingParts": "PENDING"}
        feeds = connect(transport, statuses=statuses).list_cases(
            CaseFilter(status=(ConversationState.NEW, ConversationState.PENDING))
        )
        assert isinstance(feeds, tuple)
        pages = {feed.key: await feed.read(0, 100) for feed in feeds}
        assert {key: page.total for key, page in pages.items()} == {
            "created": 0,
            "awaitingcustomer": 0,
            "booked": 10,
            "costproposal": 10,
            # The hub keeps keys in lower case, whatever a configuration says.
            "awaitingparts": 17,
        }
        assert all(
            case.status is not None and case.status.raw == key
            for key, page in pages.items()
            for case in page.items
        )
        assert [body["filters"] for body in bodies(sandbox)] == [{"currentStatus": key} for key in pages]

    async def test_an_instances_default_words_find_what_the_hub_calls_so(
        self, client: ServiceOrderHub
    ) -> None:
        feed = only(client.list_cases(CaseFilter(status=(ConversationState.ON_HOLD,))))
        assert (await feed.read(0, 1)).total == 17

    @pytest.mark.parametrize(
        ("wanted", "state"),
        [
            (CaseFilter(partner=STRANGER), SliceState.SKIPPED),
            (CaseFilter(provider=STRANGER), SliceState.SKIPPED),
            (CaseFilter(partner=PROVIDER), SliceState.UNSUPPORTED),
            (CaseFilter(provider=PARTNER), SliceState.UNSUPPORTED),
            (CaseFilter(status=(ConversationState.UNKNOWN,)), SliceState.UNSUPPORTED),
            (CaseFilter(status=()), SliceState.UNSUPPORTED),
        ],
    )
    async def test_what_it_cannot_filter_by_is_said_before_any_call(
        self, client: ServiceOrderHub, sandbox: Sandbox, wanted: CaseFilter, state: SliceState
    ) -> None:
        feeds = client.list_cases(wanted)
        assert isinstance(feeds, NoFeed)
        assert (feeds.state, bool(feeds.reason)) == (state, True)
        assert bodies(sandbox) == []

    async def test_a_case_found_in_the_list_is_the_same_read_by_itself(self, client: ServiceOrderHub) -> None:
        page = await only(client.list_cases(CaseFilter(search="R-7748"))).read(0, 10)
        assert list(page.items) == await client.read_cases([CASE])


class TestListConversations:
    @pytest.mark.parametrize(
        ("wanted", "filters"),
        [
            (ConversationFilter(), {}),
            (ConversationFilter(account=PARTNER), {"partnerId": 12}),
            (ConversationFilter(account=PROVIDER), {"serviceProviderId": 5}),
            (ConversationFilter(search="johnny"), {"commonSearch": "johnny"}),
            (ConversationFilter(status=(ConversationState.ON_HOLD,)), {"currentStatus": "awaitingparts"}),
            (
                ConversationFilter(account=PARTNER, search="x", status=(ConversationState.PENDING,)),
                {"commonSearch": "x", "partnerId": 12, "currentStatus": "awaitingcustomer"},
            ),
        ],
    )
    async def test_what_cases_have_in_common_with_tickets_is_sent(
        self,
        client: ServiceOrderHub,
        sandbox: Sandbox,
        wanted: ConversationFilter,
        filters: dict[str, object],
    ) -> None:
        await only(client.list_conversations(wanted)).read(5, 20)
        assert bodies(sandbox) == [{"filters": filters, "pagination": {"offset": 5, "limit": 20}}]

    @pytest.mark.parametrize(
        ("wanted", "state"),
        [
            (ConversationFilter(account=STRANGER), SliceState.SKIPPED),
            (ConversationFilter(assignee=STRANGER), SliceState.SKIPPED),
            (ConversationFilter(account=STRANGER, queue="5"), SliceState.SKIPPED),
            (ConversationFilter(account=DEPARTMENT), SliceState.UNSUPPORTED),
            (ConversationFilter(assignee=PROVIDER), SliceState.UNSUPPORTED),
            (ConversationFilter(queue="5"), SliceState.UNSUPPORTED),
            (ConversationFilter(updated_after=datetime(2026, 8, 1, tzinfo=UTC)), SliceState.UNSUPPORTED),
        ],
    )
    async def test_the_rest_is_said_before_any_call(
        self, client: ServiceOrderHub, sandbox: Sandbox, wanted: ConversationFilter, state: SliceState
    ) -> None:
        feeds = client.list_conversations(wanted)
        assert isinstance(feeds, NoFeed)
        assert (feeds.state, bool(feeds.reason)) == (state, True)
        assert bodies(sandbox) == []


class TestSearchAnswers:
    @pytest.mark.parametrize(
        ("body", "total", "exhausted"),
        [
            (b'{"data": [{"guid": "%s"}], "pagination": {"offset": 4, "count": 5}}', 5, True),
            (b'{"data": [{"guid": "%s"}], "pagination": {"offset": 4, "count": 6}}', 6, False),
            (b'{"data": [{"guid": "%s"}], "pagination": {"count": "6"}}', 6, False),
            (b'{"data": [{"guid": "%s"}], "pagination": {}}', None, False),
            (b'{"data": [{"guid": "%s"}], "pagination": null}', None, False),
            (b'{"data": [{"guid": "%s"}]}', None, False),
            (b'{"data": []}', None, True),
            # Whoever went on behind an empty page would never come to the end.
            (b'{"data": [], "pagination": {"offset": 4, "count": 999}}', 999, True),
        ],
    )
    async def test_its_end_is_the_count_or_an_empty_page(
        self, connect: Build, canned: Callable[..., Any], body: bytes, total: int | None, exhausted: bool
    ) -> None:
        feed = only(connect(canned(body.replace(b"%s", GUID.encode()))).list_cases(CaseFilter()))
        page = await feed.read(4, 1)
        assert (page.total, page.exhausted) == (total, exhausted)

    @pytest.mark.parametrize(
        ("body", "json_path"),
        [
            (b"", "$"),
            (b"[]", "$"),
            (b"{}", "$"),
            (b'{"data": null}', "$.data"),
            (b'{"data": [{"guid": "x"}]}', "$.data[0].guid"),
            (b'{"data": [{"id": 1}]}', "$.data[0]"),
            (b'{"data": [], "pagination": {"count": "all"}}', "$.pagination.count"),
        ],
    )
    async def test_what_is_no_page_says_where(
        self, connect: Build, canned: Callable[..., Any], body: bytes, json_path: str
    ) -> None:
        with pytest.raises(SourceProtocolError) as broken:
            await only(connect(canned(body)).list_cases(CaseFilter())).read(0, 10)
        assert broken.value.json_path == json_path

    async def test_a_search_that_is_refused_carries_the_hubs_words(
        self, client: ServiceOrderHub, sandbox: Sandbox
    ) -> None:
        sandbox.services["service_order_hub"].faults = Faults(error_rate=1, error_status=400)
        with pytest.raises(SourceRejected) as refused:
            await client.check()
        assert [refusal.message for refusal in refused.value.refusals] == ["se refused it: Injected fault"]

    async def test_the_check_is_a_search_for_one(self, client: ServiceOrderHub, sandbox: Sandbox) -> None:
        await client.check()
        assert bodies(sandbox) == [{"filters": {}, "pagination": {"offset": 0, "limit": 1}}]
