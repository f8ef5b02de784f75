from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from gateway.domain.errors import BadInput, SourceAuthError, SourceProtocolError
from gateway.domain.ids import EntityType, Ref
from gateway.domain.pages import NoFeed, Page, SliceState
from gateway.domain.ports import AccountFilter, AccountKey
from gateway.domain.records import Account, AccountKind, AccountState, Coded, Fetched, Origin
from gateway.sandbox import Sandbox
from gateway.sandbox.world.telecomx import DOCUMENTED_RESELLER, OTHER_RESELLERS
from gateway.sources.telecomx.client import Telecomx
from gateway.transport import Transport

Build = Callable[..., Telecomx]
Canned = Callable[..., Transport]

NOW = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
CUSTOMER_STATES = {"ACTIVE": AccountState.ACTIVE, "BLOCKED": AccountState.BLOCKED}
EMPLOYEE_STATES = {"ENABLED": AccountState.ACTIVE, "DISABLED": AccountState.INACTIVE}


def ref(kind: str, account_id: str) -> Ref:
    return Ref(EntityType.ACCOUNT, "tx", (kind, account_id))


def customer(sandbox: Sandbox, customer_id: str, kind: AccountKind = AccountKind.CUSTOMER) -> Account:
    """The record that the sandbox's customer should become."""
    held = sandbox.world.telecomx.customers[customer_id]
    parent = held.get("parentReseller")
    return Account(
        ref=ref(kind, customer_id),
        origin=Origin("tx", customer_id, fetched_at=NOW),
        kind=kind,
        name=held["name"],
        email=held["emailAddress"],
        phone=held["phoneNumber"],
        status=Coded(CUSTOMER_STATES[held["state"]], held["state"]),
        organization=parent and ref("RESELLER", parent),
    )


def employee(sandbox: Sandbox, employee_id: str) -> Account:
    held = sandbox.world.telecomx.employees[employee_id]
    return Account(
        ref=ref("EMPLOYEE", employee_id),
        origin=Origin("tx", employee_id, fetched_at=NOW),
        kind=AccountKind.EMPLOYEE,
        name=held["name"],
        email=held["emailAddress"],
        status=Coded(EMPLOYEE_STATES[held["state"]], held["state"]),
        organization=ref("CUSTOMER", held["customer"]),
    )


def own_customers(sandbox: Sandbox) -> list[str]:
    """What the caller's reseller can list."""
    return [
        customer_id
        for customer_id, held in sandbox.world.telecomx.customers.items()
        if held.get("parentReseller") == DOCUMENTED_RESELLER and held["state"] != "DELETED"
    ]


def someone(sandbox: Sandbox) -> str:
    """An employee of one of the own customers."""
    own = own_customers(sandbox)
    return next(key for key, held in sandbox.world.telecomx.employees.items() if held["customer"] in own)


def sent(sandbox: Sandbox) -> list[str]:
    """Paths and queries of all calls but the log-ins, without tokens."""
    return [
        f"{each.path}?{each.query.partition('token=')[0].rstrip('&')}"
        for each in sandbox.services["telecomx"].arrivals
        if each.path != "/auth/login"
    ]


async def listed(client: Telecomx, wanted: AccountFilter, offset: int = 0, limit: int = 100) -> Page[Account]:
    feeds = client.list_accounts(wanted)
    assert isinstance(feeds, tuple)
    (feed,) = feeds
    assert (feed.source, feed.max_limit, feed.ordered) == ("tx", 500, False)
    return await feed.read(offset, limit)


async def test_each_kind_is_read_where_it_lives(telecomx: Telecomx, sandbox: Sandbox) -> None:
    first = own_customers(sandbox)[0]
    person = someone(sandbox)

    slots = await telecomx.read_accounts(
        [
            ref("RESELLER", DOCUMENTED_RESELLER),
            ref("CUSTOMER", DOCUMENTED_RESELLER),
            ref("EMPLOYEE", person),
            ref("CUSTOMER", "0" * 24),
            ref("EMPLOYEE", "f" * 24),
            ref("CUSTOMER", first),
        ]
    )

    assert slots == [
        customer(sandbox, DOCUMENTED_RESELLER, AccountKind.RESELLER),
        customer(sandbox, DOCUMENTED_RESELLER),
        employee(sandbox, person),
        None,
        None,
        customer(sandbox, first),
    ]
    assert sorted(sent(sandbox)) == sorted(
        [
            f"/customer/{DOCUMENTED_RESELLER}?",
            f"/customer/{DOCUMENTED_RESELLER}?",
            f"/employee/{person}?",
            f"/customer/{'0' * 24}?",
            f"/employee/{'f' * 24}?",
            f"/customer/{first}?",
        ]
    )


async def test_an_id_is_sent_in_the_case_it_was_given(telecomx: Telecomx, sandbox: Sandbox) -> None:
    (slot,) = await telecomx.read_accounts([ref("RESELLER", DOCUMENTED_RESELLER.lower())])

    assert slot == customer(sandbox, DOCUMENTED_RESELLER, AccountKind.RESELLER)
    assert sent(sandbox) == [f"/customer/{DOCUMENTED_RESELLER.lower()}?"]


async def test_an_account_out_of_reach_costs_its_own_slot_only(telecomx: Telecomx, sandbox: Sandbox) -> None:
    refused, own = await telecomx.read_accounts(
        [ref("CUSTOMER", OTHER_RESELLERS[0]), ref("CUSTOMER", DOCUMENTED_RESELLER)]
    )

    assert isinstance(refused, SourceAuthError)
    assert own == customer(sandbox, DOCUMENTED_RESELLER)


@pytest.mark.parametrize("kind", [None, AccountKind.CUSTOMER, AccountKind.RESELLER])
async def test_an_id_of_no_given_kind_is_a_customers(
    telecomx: Telecomx, sandbox: Sandbox, kind: AccountKind | None
) -> None:
    found = await telecomx.find_account(AccountKey("nativeId", DOCUMENTED_RESELLER, kind))

    assert found == customer(sandbox, DOCUMENTED_RESELLER, kind or AccountKind.CUSTOMER)


async def test_an_employee_is_found_by_its_kind(telecomx: Telecomx, sandbox: Sandbox) -> None:
    person = next(iter(sandbox.world.telecomx.employees))

    found = await telecomx.find_account(AccountKey("nativeId", person, AccountKind.EMPLOYEE))

    assert found == employee(sandbox, person)
    assert await telecomx.find_account(AccountKey("nativeId", "0" * 24, AccountKind.EMPLOYEE)) is None


@pytest.mark.parametrize(
    ("key", "argument"),
    [
        (AccountKey("nativeId", DOCUMENTED_RESELLER, AccountKind.AGENT), "lookup.kind"),
        (AccountKey("nativeId", "../auth/logout"), "lookup.nativeId"),
        (AccountKey("nativeId", f"{DOCUMENTED_RESELLER}\n"), "lookup.nativeId"),
    ],
)
async def test_a_key_that_finds_nothing_is_not_sent(
    telecomx: Telecomx, sandbox: Sandbox, key: AccountKey, argument: str
) -> None:
    with pytest.raises(BadInput) as caught:
        await telecomx.find_account(key)

    assert caught.value.argument == argument
    assert sandbox.services["telecomx"].arrivals == []


async def test_customers_are_listed_page_by_page(telecomx: Telecomx, sandbox: Sandbox) -> None:
    everybody = own_customers(sandbox)

    first = await listed(telecomx, AccountFilter(), 0, 5)
    last = await listed(telecomx, AccountFilter(), len(everybody) - 2, 5)

    assert first == Page(
        tuple(customer(sandbox, each) for each in everybody[:5]),
        len(everybody),
        exhausted=False,
        fetched=Fetched(NOW),
    )
    assert last == Page(
        tuple(customer(sandbox, each) for each in everybody[-2:]),
        len(everybody),
        exhausted=True,
        fetched=Fetched(NOW),
    )
    assert sent(sandbox) == [
        "/customer?offset=0&limit=5&full=true",
        f"/customer?offset={len(everybody) - 2}&limit=5&full=true",
    ]


async def test_a_search_goes_into_the_filter(telecomx: Telecomx, sandbox: Sandbox) -> None:
    wanted = own_customers(sandbox)[0]
    name = sandbox.world.telecomx.customers[wanted]["emailAddress"]

    page = await listed(telecomx, AccountFilter(search=name))

    assert page == Page((customer(sandbox, wanted),), 1, exhausted=True, fetched=Fetched(NOW))
    assert sent(sandbox) == [f"/customer?filter={name.replace('@', '%40')}&offset=0&limit=100&full=true"]


async def test_resellers_are_listed_as_such(telecomx: Telecomx, sandbox: Sandbox) -> None:
    page = await listed(telecomx, AccountFilter(kind=AccountKind.RESELLER, search="tele"))

    assert page == Page(
        (customer(sandbox, OTHER_RESELLERS[1], AccountKind.RESELLER),),
        1,
        exhausted=True,
        fetched=Fetched(NOW),
    )
    assert sent(sandbox) == ["/customer?resellers=true&filter=tele&offset=0&limit=100&full=true"]


async def test_employees_are_those_of_the_own_customer(telecomx: Telecomx, sandbox: Sandbox) -> None:
    own = [
        key
        for key, held in sandbox.world.telecomx.employees.items()
        if held["customer"] == DOCUMENTED_RESELLER
    ]

    page = await listed(telecomx, AccountFilter(kind=AccountKind.EMPLOYEE))

    assert page == Page(
        tuple(employee(sandbox, each) for each in own), len(own), exhausted=True, fetched=Fetched(NOW)
    )
    assert sent(sandbox) == ["/employee?offset=0&limit=100&full=true"]


async def test_employees_of_another_customer_are_listed_by_it(telecomx: Telecomx, sandbox: Sandbox) -> None:
    organization = sandbox.world.telecomx.employees[someone(sandbox)]["customer"]
    people = [
        key for key, held in sandbox.world.telecomx.employees.items() if held["customer"] == organization
    ]

    page = await listed(
        telecomx, AccountFilter(kind=AccountKind.EMPLOYEE, organization=ref("CUSTOMER", organization))
    )

    assert people
    assert page == Page(
        tuple(employee(sandbox, each) for each in people), len(people), exhausted=True, fetched=Fetched(NOW)
    )
    assert sent(sandbox) == [f"/employee?customer={organization}&offset=0&limit=100&full=true"]


@pytest.mark.parametrize(
    ("wanted", "state"),
    [
        (AccountFilter(organization=ref("RESELLER", DOCUMENTED_RESELLER)), SliceState.UNSUPPORTED),
        (
            AccountFilter(kind=AccountKind.CUSTOMER, organization=ref("RESELLER", DOCUMENTED_RESELLER)),
            SliceState.UNSUPPORTED,
        ),
        (
            AccountFilter(kind=AccountKind.EMPLOYEE, organization=ref("EMPLOYEE", "0" * 24)),
            SliceState.UNSUPPORTED,
        ),
        (AccountFilter(kind=AccountKind.AGENT), SliceState.SKIPPED),
        (
            AccountFilter(organization=Ref(EntityType.ACCOUNT, "tulo", ("SUBSCRIBER", "0" * 24))),
            SliceState.SKIPPED,
        ),
    ],
)
async def test_a_list_that_cannot_be_had_says_so_without_a_call(
    telecomx: Telecomx, sandbox: Sandbox, wanted: AccountFilter, state: SliceState
) -> None:
    offer = telecomx.list_accounts(wanted)

    assert isinstance(offer, NoFeed)
    assert (offer.state, bool(offer.reason)) == (state, True)
    assert sandbox.services["telecomx"].arrivals == []


async def test_a_level_that_may_not_list_is_told(build: Build, sandbox: Sandbox) -> None:
    login = sandbox.services["telecomx"].credentials
    viewer = build(username=login["viewerUsername"], password=login["viewerPassword"])

    with pytest.raises(SourceAuthError):
        await listed(viewer, AccountFilter())


@pytest.mark.parametrize(
    ("body", "total", "exhausted"),
    [
        (b'{"offset": 0, "limit": 9, "total": 3, "customers": [{"_id": "5a"}]}', 3, False),
        (b'{"total": 1, "items": [{"_id": "5a"}]}', 1, True),
        (b'{"customers": [{"_id": "5a"}], "warnings": []}', None, False),
        (b'{"customers": [{"_id": "5a"}], "total": null}', None, False),
    ],
)
async def test_each_form_of_the_customers_list_is_readable(
    build: Build, canned: Canned, body: bytes, total: int | None, exhausted: bool
) -> None:
    page = await listed(build(canned(b'{"token": "t"}', body)), AccountFilter())

    assert [account.origin.native_id for account in page.items] == ["5a"]
    assert (page.total, page.exhausted) == (total, exhausted)


@pytest.mark.parametrize(
    "body", [b'{"total": 0, "customers": []}', b'{"customers": []}', b'{"total": 9, "x": []}']
)
async def test_a_page_without_rows_ends_the_list(build: Build, canned: Canned, body: bytes) -> None:
    assert (await listed(build(canned(b'{"token": "t"}', body)), AccountFilter(), 5, 5)).exhausted


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b'{"total": 0}', "$.customers"),
        (b'{"a": [], "b": []}', "$.customers"),
        (b"[]", "$"),
        (b'{"customers": [{"name": "no id"}]}', "$[0]"),
        (b'{"customers": [], "total": "many"}', "$.total"),
    ],
)
async def test_a_page_of_another_form_breaks_the_contract(
    build: Build, canned: Canned, body: bytes, path: str
) -> None:
    with pytest.raises(SourceProtocolError) as caught:
        await listed(build(canned(b'{"token": "t"}', body)), AccountFilter())

    assert caught.value.json_path == path
