"""Thulium's customers, companies and agents, over real sockets."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import parse_qsl

import pytest

from gateway.domain.errors import BadInput
from gateway.domain.ids import EntityType, Ref
from gateway.domain.pages import Feed, NoFeed, SliceState
from gateway.domain.ports import AccountFilter, AccountKey
from gateway.domain.records import Account, AccountKind, AccountState, Coded, Origin
from gateway.sandbox import Sandbox
from gateway.sources.thulium.client import Thulium
from tests.sources import Canned

NOW = datetime(2026, 11, 22, 10, 30, 15, tzinfo=UTC)
TICKET = Ref(EntityType.TICKET, "pl", ("1234",))
EWA = Ref(EntityType.ACCOUNT, "pl", ("CUSTOMER", "40101"))
PIOTR = Ref(EntityType.ACCOUNT, "pl", ("CUSTOMER", "40102"))
BAKERY = Ref(EntityType.ACCOUNT, "pl", ("COMPANY", "62"))
LUKASZ = Ref(EntityType.ACCOUNT, "pl", ("AGENT", "testowy.agent11"))

Build = Callable[..., Thulium]


def asked(sandbox: Sandbox) -> list[str]:
    """The REST calls, in the order in which they came."""
    return [f"{arrival.method} {arrival.path}" for arrival in sandbox.services["thulium"].arrivals]


def queries(sandbox: Sandbox) -> list[list[tuple[str, str]]]:
    return [parse_qsl(arrival.query) for arrival in sandbox.services["thulium"].arrivals]


def accounts(feeds: tuple[Feed[Account], ...] | NoFeed) -> dict[str, Feed[Account]]:
    assert isinstance(feeds, tuple)
    return {feed.key: feed for feed in feeds}


class TestAccounts:
    async def test_each_kind_is_read_in_its_own_place(self, client: Thulium, sandbox: Sandbox) -> None:
        assert await client.read_accounts([PIOTR, BAKERY, LUKASZ]) == [
            Account(
                ref=PIOTR,
                origin=Origin("pl", "40102", fetched_at=NOW),
                kind=AccountKind.CUSTOMER,
                name="Piotr Szymańska",
                email="piotr.szymanska1@klient.example",
                phone="+48600000001",
                organization=BAKERY,
            ),
            Account(
                ref=BAKERY,
                origin=Origin("pl", "62", fetched_at=NOW),
                kind=AccountKind.COMPANY,
                name="Zdrowa Piekarnia Sp. z o.o.",
            ),
            Account(
                ref=LUKASZ,
                origin=Origin("pl", "testowy.agent11", fetched_at=NOW),
                kind=AccountKind.AGENT,
                name="Łukasz Bąk",
                email="testowy.agent11@sklep.example",
                status=Coded(AccountState.ACTIVE, "true"),
            ),
        ]
        assert sorted(asked(sandbox)) == [
            "GET /api/agents/testowy.agent11",
            "GET /api/companies/62",
            "GET /api/customers/40102",
        ]

    async def test_nobody_is_none(self, client: Thulium) -> None:
        nobody = [replace(EWA, parts=parts) for parts in (("CUSTOMER", "1"), ("AGENT", "n.n"))]
        assert await client.read_accounts(nobody) == [None, None]

    async def test_an_id_that_its_kind_cannot_have_costs_no_call(
        self, client: Thulium, sandbox: Sandbox
    ) -> None:
        refs = [replace(EWA, parts=(kind, "m.lis")) for kind in ("CUSTOMER", "COMPANY")]
        refs.append(replace(EWA, parts=("AGENT", "..")))
        assert await client.read_accounts(refs) == [None, None, None]
        assert asked(sandbox) == []

    async def test_a_login_is_percent_encoded(self, connect: Build) -> None:
        canned = Canned(b"", status=404)
        await connect(canned).read_accounts([replace(EWA, parts=("AGENT", "żak+1@sklep.example"))])
        assert [call.path for call in canned.calls] == ["agents/%C5%BCak%2B1%40sklep.example"]


class TestFindAccount:
    @pytest.mark.parametrize(
        ("key", "found", "call"),
        [
            (AccountKey("nativeId", "40101"), EWA, "GET /api/customers/40101"),
            (AccountKey("nativeId", "62", AccountKind.COMPANY), BAKERY, "GET /api/companies/62"),
            (
                AccountKey("nativeId", "testowy.agent11", AccountKind.AGENT),
                LUKASZ,
                "GET /api/agents/testowy.agent11",
            ),
            (AccountKey("login", "testowy.agent11"), LUKASZ, "GET /api/agents/testowy.agent11"),
            (AccountKey("email", "ewa.zielinski0@klient.example"), EWA, "GET /api/customers"),
            (AccountKey("externalId", "ERP-5500"), EWA, "GET /api/customers"),
        ],
    )
    async def test_each_key_costs_one_call(
        self, client: Thulium, sandbox: Sandbox, key: AccountKey, found: Ref, call: str
    ) -> None:
        account = await client.find_account(key)
        assert account is not None
        assert account.ref == found
        assert asked(sandbox) == [call]

    @pytest.mark.parametrize(
        "key",
        [
            AccountKey("nativeId", "1"),
            AccountKey("login", "n.n"),
            AccountKey("email", "nobody@klient.example"),
            AccountKey("externalId", "ERP-0"),
        ],
    )
    async def test_nobody_is_none(self, client: Thulium, key: AccountKey) -> None:
        assert await client.find_account(key) is None

    @pytest.mark.parametrize(
        ("key", "argument"),
        [
            (AccountKey("nativeId", "m.lis"), "lookup.nativeId"),
            (AccountKey("login", ".."), "lookup.login"),
            (AccountKey("nativeId", "1", AccountKind.SUBSCRIBER), "lookup.kind"),
            (AccountKey("email", "ewa@klient.example", AccountKind.AGENT), "lookup.kind"),
            (AccountKey("login", "m.lis", AccountKind.CUSTOMER), "lookup.kind"),
            # Thulium takes an empty filter for "those without".
            (AccountKey("email", " "), "lookup.email"),
            (AccountKey("externalId", ""), "lookup.externalId"),
        ],
    )
    async def test_keys_of_another_form_are_refused_before_any_call(
        self, client: Thulium, sandbox: Sandbox, key: AccountKey, argument: str
    ) -> None:
        with pytest.raises(BadInput) as refused:
            await client.find_account(key)
        assert refused.value.argument == argument
        assert asked(sandbox) == []

    async def test_a_filter_that_finds_parts_of_values_gives_no_wrong_person(self, connect: Build) -> None:
        row = b'{"customer_id": %d, "email": "%b@klient.example"}'
        rows = b"[%b, %b]" % (row % (1, b"anna-ewa"), row % (2, b"ewa"))
        client = connect(Canned(rows))
        found = await client.find_account(AccountKey("email", "Ewa@klient.example"))
        assert found is not None
        assert found.ref.parts == ("CUSTOMER", "2")
        assert await client.find_account(AccountKey("email", "wa@klient.example")) is None

    async def test_two_people_of_one_address_are_not_guessed_between(self, connect: Build) -> None:
        rows = b'[{"customer_id": 1, "email": "a@b.example"}, {"customer_id": 2, "email": "a@b.example"}]'
        with pytest.raises(BadInput, match="Several customers of pl"):
            await connect(Canned(rows)).find_account(AccountKey("email", "a@b.example"))


class TestListAccounts:
    async def test_customers_companies_and_agents_are_feeds_of_their_own(
        self, client: Thulium, sandbox: Sandbox
    ) -> None:
        feeds = accounts(client.list_accounts(AccountFilter()))
        found = {key: await feed.read(0, 100) for key, feed in feeds.items()}
        assert {key: (len(page.items), page.total, page.exhausted) for key, page in found.items()} == {
            "customers": (90, 90, True),
            "companies": (20, 20, True),
            "agents": (12, 12, True),
        }
        assert {account.missing for page in found.values() for account in page.items} == {frozenset()}
        assert asked(sandbox) == ["GET /api/customers", "GET /api/companies", "GET /api/agents"]
        assert queries(sandbox)[2] == []
        assert {(feed.source, feed.max_limit, feed.ordered) for feed in feeds.values()} == {
            ("pl", 100, False)
        }

    async def test_pages_follow_each_other(self, client: Thulium) -> None:
        for feed in accounts(client.list_accounts(AccountFilter())).values():
            whole = await feed.read(0, 100)
            pages = [await feed.read(offset, 7) for offset in range(0, len(whole.items), 7)]
            assert [account for page in pages for account in page.items] == list(whole.items)

    async def test_the_inactive_agent_says_so(self, client: Thulium) -> None:
        agents = accounts(client.list_accounts(AccountFilter(kind=AccountKind.AGENT)))
        page = await agents["agents"].read(0, 100)
        assert [account.status for account in page.items].count(Coded(AccountState.INACTIVE, "false")) == 1

    @pytest.mark.parametrize("kind", [None, AccountKind.CUSTOMER])
    async def test_the_people_of_a_company(
        self, client: Thulium, sandbox: Sandbox, kind: AccountKind | None
    ) -> None:
        feeds = accounts(client.list_accounts(AccountFilter(kind=kind, organization=BAKERY)))
        page = await feeds["customers"].read(0, 50)
        assert {account.organization for account in page.items} == {BAKERY}
        assert len(feeds) == 1
        assert queries(sandbox) == [[("company_id", "62"), ("limit", "50"), ("offset", "0")]]

    @pytest.mark.parametrize(
        ("wanted", "state"),
        [
            (AccountFilter(search="Ewa"), SliceState.UNSUPPORTED),
            (AccountFilter(kind=AccountKind.EMPLOYEE), SliceState.UNSUPPORTED),
            (AccountFilter(kind=AccountKind.AGENT, organization=BAKERY), SliceState.UNSUPPORTED),
            (AccountFilter(organization=EWA), SliceState.UNSUPPORTED),
            (AccountFilter(organization=replace(BAKERY, source="se")), SliceState.SKIPPED),
            (AccountFilter(organization=replace(BAKERY, parts=("COMPANY", "x"))), SliceState.UNSUPPORTED),
        ],
    )
    async def test_what_it_cannot_list_is_said_before_any_call(
        self, client: Thulium, sandbox: Sandbox, wanted: AccountFilter, state: SliceState
    ) -> None:
        feeds = client.list_accounts(wanted)
        assert isinstance(feeds, NoFeed)
        assert feeds.state is state
        assert asked(sandbox) == []
