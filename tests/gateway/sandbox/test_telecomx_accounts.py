"""Customers and employees: who sees whom, paging, filters and what a list leaves out, over real sockets."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from gateway.sandbox import Running, Sandbox

RESELLER = "1234567890ABCDEF12345678"
OTHER_RESELLER = "53a0f1c2d3e4b5a697880002"
SUB_RESELLER = "53a0f1c2d3e4b5a697880003"
NOTHING = "0" * 24
DENIED = (403, {"message": "access_denied"})

LogIn = Callable[[str], Awaitable[httpx.AsyncClient]]


def answer(response: httpx.Response) -> tuple[int, Any]:
    return response.status_code, response.json()


@pytest.fixture
async def as_(running: Running, sandbox: Sandbox, client: httpx.AsyncClient) -> LogIn:
    """Log in as the holder of these credentials; the empty name is ADMIN."""
    client.base_url = httpx.URL(running.base_urls["telecomx"])
    issued = sandbox.services["telecomx"].credentials

    async def log_in(who: str) -> httpx.AsyncClient:
        names = (f"{who}Username", f"{who}Password") if who else ("username", "password")
        body = dict(zip(("username", "password"), (issued[name] for name in names), strict=True))
        token = (await client.post("/auth/login", json=body)).json()["token"]
        client.params = httpx.QueryParams(token=token)
        return client

    return log_in


@pytest.fixture
async def admin(as_: LogIn) -> httpx.AsyncClient:
    return await as_("")


async def listed(client: httpx.AsyncClient, **query: str) -> list[str]:
    """The ids of a whole list of customers."""
    response = await client.get("/customer", params={"limit": "500"} | query)
    assert response.status_code == 200
    body = response.json()
    assert body["total"] == len(body["customers"])
    return [customer["_id"] for customer in body["customers"]]


def below(sandbox: Sandbox, *parents: str, deleted: bool = False) -> list[str]:
    return [
        customer_id
        for customer_id, customer in sandbox.world.telecomx.customers.items()
        if customer.get("parentReseller") in parents and (deleted or customer["state"] != "DELETED")
    ]


class TestCustomerList:
    async def test_a_page_is_condensed_and_tells_its_place(self, as_: LogIn, sandbox: Sandbox) -> None:
        client, own = await as_("reseller"), below(sandbox, RESELLER)
        customers = sandbox.world.telecomx.customers
        shown = ("_id", "name", "phoneNumber", "state", "parentReseller", "emailAddress")
        page = [{name: customers[c][name] for name in shown} for c in own[1:3]]
        response = await client.get("/customer", params={"offset": "1", "limit": "2"})
        assert answer(response) == (200, {"offset": 1, "limit": 2, "total": len(own), "customers": page})

    async def test_the_default_page_is_100_from_0(self, admin: httpx.AsyncClient) -> None:
        body = (await admin.get("/customer")).json()
        assert (body["offset"], body["limit"]) == (0, 100)
        past_the_end = (await admin.get("/customer", params={"all": "true", "offset": "1000"})).json()
        assert past_the_end == {"offset": 1000, "limit": 100, "total": 59, "customers": []}

    @pytest.mark.parametrize("limit", ["1", "500"])
    async def test_limits_at_the_bounds(self, admin: httpx.AsyncClient, limit: str) -> None:
        assert (await admin.get("/customer", params={"limit": limit})).json()["limit"] == int(limit)

    @pytest.mark.parametrize(
        ("query", "word"),
        [
            ({"limit": "0"}, "limit"),
            ({"limit": "501"}, "limit"),
            ({"limit": "many"}, "limit"),
            ({"offset": "-1"}, "offset"),
            ({"offset": "x"}, "offset"),
        ],
    )
    async def test_limits_over_the_bounds(
        self, admin: httpx.AsyncClient, query: dict[str, str], word: str
    ) -> None:
        for path in ("/customer", "/employee"):
            assert answer(await admin.get(path, params=query)) == (422, {"message": word})

    async def test_flags_widen_and_narrow_it(self, admin: httpx.AsyncClient, sandbox: Sandbox) -> None:
        customers = sandbox.world.telecomx.customers
        alive = [c for c in customers if customers[c]["state"] != "DELETED"]
        assert await listed(admin) == below(sandbox, OTHER_RESELLER)
        assert await listed(admin, all="true") == alive
        assert await listed(admin, all="true", includeDeleted="true") == list(customers)
        assert await listed(admin, all="true", resellers="true") == [RESELLER, OTHER_RESELLER, SUB_RESELLER]
        assert await listed(admin, parentReseller=RESELLER.lower()) == below(sandbox, RESELLER)
        assert await listed(admin, parentReseller=RESELLER, includeSubresellers="true") == below(
            sandbox, RESELLER, SUB_RESELLER
        )
        chosen = f"{alive[5]},{RESELLER.lower()}"
        assert await listed(admin, all="true", customerIds=chosen) == [RESELLER, alive[5]]
        assert await listed(admin, all="true", filter="ÆRØ") == [
            c for c in customers if customers[c]["name"] == "Ærø Færgefart I/S"
        ]

    async def test_full_shows_everything_to_a_reseller(self, as_: LogIn, sandbox: Sandbox) -> None:
        client, customers = await as_("reseller"), sandbox.world.telecomx.customers
        body = (await client.get("/customer", params={"full": "true", "limit": "500"})).json()
        assert body["customers"] == [customers[c] for c in below(sandbox, RESELLER)]
        assert any("notes" in customer for customer in body["customers"])

    @pytest.mark.parametrize("query", [{"all": "true"}, {"parentReseller": OTHER_RESELLER}])
    async def test_the_whole_tree_is_for_admins(self, as_: LogIn, query: dict[str, str]) -> None:
        assert answer(await (await as_("reseller")).get("/customer", params=query)) == DENIED

    async def test_lists_are_not_for_ordinary_customers(self, as_: LogIn) -> None:
        client = await as_("owner")
        assert answer(await client.get("/customer")) == DENIED
        assert answer(await client.get("/customer/resellers/list")) == DENIED


class TestCustomer:
    async def test_ids_are_compared_without_case(self, admin: httpx.AsyncClient, sandbox: Sandbox) -> None:
        whole = (200, sandbox.world.telecomx.customers[RESELLER])
        assert answer(await admin.get(f"/customer/{RESELLER}")) == whole
        assert answer(await admin.get(f"/customer/{RESELLER.lower()}")) == whole

    async def test_nothing_is_null_what_has_no_value_is_left_out(self, sandbox: Sandbox) -> None:
        held = sandbox.world.telecomx.customers.values()
        assert all(value is not None for customer in held for value in customer.values())
        for name in ("website", "notes", "features", "parentReseller"):
            assert {name in customer for customer in held} == {True, False}

    async def test_the_name_alone(self, admin: httpx.AsyncClient, sandbox: Sandbox) -> None:
        customer = next(c for c in sandbox.world.telecomx.customers.values() if "features" in c)
        names = {name: customer[name] for name in ("_id", "name", "parentReseller", "features")}
        assert answer(await admin.get(f"/customer/{customer['_id']}/name")) == (200, names)

    async def test_an_ordinary_employee_sees_the_own_one_without_its_notes(
        self, as_: LogIn, sandbox: Sandbox
    ) -> None:
        client, customers = await as_("viewer"), sandbox.world.telecomx.customers
        own = customers[(await client.get("/auth/validateToken")).json()["customer"]]
        own["notes"] = "Ring altid før kl. 15."
        without = {name: value for name, value in own.items() if name != "notes"}
        assert answer(await client.get(f"/customer/{own['_id']}")) == (200, without)
        for other in (RESELLER, below(sandbox, OTHER_RESELLER)[0]):
            assert answer(await client.get(f"/customer/{other}")) == DENIED
            assert answer(await client.get(f"/customer/{other}/name")) == DENIED

    async def test_a_reseller_sees_everybody_below(self, as_: LogIn, sandbox: Sandbox) -> None:
        client = await as_("reseller")
        for customer_id in (RESELLER, *below(sandbox, RESELLER, SUB_RESELLER, deleted=True)):
            assert (await client.get(f"/customer/{customer_id}")).status_code == 200
        for customer_id in (OTHER_RESELLER, below(sandbox, OTHER_RESELLER)[0]):
            assert answer(await client.get(f"/customer/{customer_id}")) == DENIED

    async def test_one_that_is_not_there(self, admin: httpx.AsyncClient) -> None:
        missing = (404, {"message": "customer"})
        assert answer(await admin.get(f"/customer/{NOTHING}")) == missing
        assert answer(await admin.get(f"/customer/{NOTHING}/name")) == missing
        assert answer(await admin.get("/employee", params={"customer": NOTHING})) == missing
        assert answer(await admin.get("/customer", params={"parentReseller": NOTHING})) == missing

    async def test_resellers_come_with_their_integrations(self, as_: LogIn, sandbox: Sandbox) -> None:
        customers = sandbox.world.telecomx.customers
        for who, ids in (
            ("reseller", (RESELLER, SUB_RESELLER)),
            ("", (RESELLER, OTHER_RESELLER, SUB_RESELLER)),
        ):
            client = await as_(who)
            shown = [{n: customers[c][n] for n in ("_id", "name", "integrations")} for c in ids]
            assert answer(await client.get("/customer/resellers/list")) == (200, shown)


class TestEmployees:
    async def test_without_a_customer_they_are_the_callers_own(self, as_: LogIn, sandbox: Sandbox) -> None:
        client, employees = await as_("viewer"), sandbox.world.telecomx.employees
        own = (await client.get("/auth/validateToken")).json()["customer"]
        colleagues = [e for e in employees.values() if e["customer"] == own and e["state"] != "DELETED"]
        shown = ("_id", "customer", "accessLevel", "state", "name", "emailAddress")
        condensed = [{name: employee[name] for name in shown} for employee in colleagues]
        page = {"offset": 0, "limit": 100, "total": len(colleagues)}
        assert answer(await client.get("/employee")) == (200, page | {"employees": condensed})
        response = await client.get("/employee", params={"full": "true"})
        assert answer(response) == (200, page | {"employees": colleagues})
        response = await client.get("/employee", params={"filter": colleagues[0]["name"].upper()})
        assert colleagues[0]["_id"] in [employee["_id"] for employee in response.json()["employees"]]

    async def test_deleted_ones_are_listed_when_asked(
        self, admin: httpx.AsyncClient, sandbox: Sandbox
    ) -> None:
        deleted = next(e for e in sandbox.world.telecomx.employees.values() if e["state"] == "DELETED")
        query = {"customer": deleted["customer"]}
        assert (await admin.get("/employee", params=query)).json()["total"] == 0
        body = (await admin.get("/employee", params=query | {"includeDeleted": "true"})).json()
        assert deleted["_id"] in [employee["_id"] for employee in body["employees"]]

    async def test_one_employee(self, as_: LogIn, sandbox: Sandbox) -> None:
        client, employees = await as_("reseller"), sandbox.world.telecomx.employees
        visible = below(sandbox, RESELLER, SUB_RESELLER, deleted=True)
        seen = next(e for e in employees.values() if e["customer"] in visible)
        hidden = next(e for e in employees.values() if e["customer"] == OTHER_RESELLER)
        assert answer(await client.get(f"/employee/{seen['_id'].upper()}")) == (200, seen)
        assert answer(await client.get(f"/employee/{hidden['_id']}")) == DENIED
        assert answer(await client.get("/employee", params={"customer": OTHER_RESELLER})) == DENIED
        assert answer(await client.get(f"/employee/{NOTHING}")) == (404, {"message": "employee"})


async def test_the_world_is_as_large_as_its_module_says(sandbox: Sandbox) -> None:
    world = sandbox.world.telecomx
    states = [customer["state"] for customer in world.customers.values()]
    assert (len(states), states.count("DELETED"), "BLOCKED" in states) == (64, 5, True)
    assert (len(world.resellers), len(world.employees), len(world.topics)) == (3, 92, 28)
    assert sum(topic.reseller is None for topic in world.topics.values()) == 4
    assert len({customer["name"] for customer in world.customers.values()}) == 64


async def test_each_form_of_lists_is_served(client: httpx.AsyncClient) -> None:
    sandbox = Sandbox(forms={"telecomx": {"customers_key": "items", "limit_out_of_range": "clamp"}})
    async with sandbox.serve() as running:
        client.base_url = httpx.URL(running.base_urls["telecomx"])
        client.params = httpx.QueryParams(
            token=sandbox.services["telecomx"].credentials["resellerMachineToken"]
        )
        for given, used in (("0", 1), ("501", 500)):
            body = (await client.get("/customer", params={"limit": given, "offset": "-5"})).json()
            assert set(body) == {"offset", "limit", "total", "items"}
            assert (body["offset"], body["limit"]) == (0, used)
