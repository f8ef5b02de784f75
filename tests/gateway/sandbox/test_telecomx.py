"""Log in, tokens, and notification topics: the original document's request and its whole error table.

The document prints JavaScript literals. Transcribed to JSON: property names quoted, single quotes made
double ones. Aside are the new id (the printed one has 23 digits) and `reseller`, which the printed answer
shows as null although the printed request names one: asked for with null, the answer is as printed in the
form `empty_properties=null`, and leaves the property out otherwise.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from gateway.sandbox import Running, Sandbox

EXAMPLE_BODY = b"""{
  "reseller": "1234567890ABCDEF12345678",
  "title": "Planned service windows",
  "description": "When ever we need to perform upgrades that may affect your services, we send out an \
announcement 14 days in advance. Subscribe to this to get notified.",
  "email": true,
  "sms": false
}"""
EXAMPLE = {
    "reseller": "1234567890ABCDEF12345678",
    "title": "Planned service windows",
    "description": "When ever we need to perform upgrades that may affect your services, we send out an "
    "announcement 14 days in advance. Subscribe to this to get notified.",
    "email": True,
    "sms": False,
}
RESELLER = "1234567890ABCDEF12345678"
OTHER_RESELLER = "53a0f1c2d3e4b5a697880002"
SUB_RESELLER = "53a0f1c2d3e4b5a697880003"
NOTHING = "0" * 24
TOPICS = "/employeeSubscription"
LEVELS = ("viewer", "manager", "owner", "reseller", "resellerAdmin")


def answer(response: httpx.Response) -> tuple[int, Any]:
    return response.status_code, response.json()


def login(sandbox: Sandbox, who: str = "") -> dict[str, str]:
    issued = sandbox.services["telecomx"].credentials
    if not who:
        return {"username": issued["username"], "password": issued["password"]}
    return {"username": issued[f"{who}Username"], "password": issued[f"{who}Password"]}


@asynccontextmanager
async def logged_in(
    client: httpx.AsyncClient, sandbox: Sandbox, who: str
) -> AsyncIterator[httpx.AsyncClient]:
    response = await client.post("/auth/login", json=login(sandbox, who))
    client.params = httpx.QueryParams(token=response.json()["token"])
    yield client
    client.params = httpx.QueryParams()


@pytest.fixture
async def nobody(running: Running, client: httpx.AsyncClient) -> httpx.AsyncClient:
    client.base_url = httpx.URL(running.base_urls["telecomx"])
    return client


@pytest.fixture
async def admin(nobody: httpx.AsyncClient, sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    async with logged_in(nobody, sandbox, "") as client:
        yield client


@pytest.fixture
async def reseller(nobody: httpx.AsyncClient, sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    async with logged_in(nobody, sandbox, "reseller") as client:
        yield client


@pytest.fixture
async def viewer(nobody: httpx.AsyncClient, sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    async with logged_in(nobody, sandbox, "viewer") as client:
        yield client


def topic_of(sandbox: Sandbox, reseller: str | None, **wanted: bool) -> str:
    """The id of the first seeded topic of a reseller (None: a global one)."""
    return next(
        topic.id
        for topic in sandbox.world.telecomx.topics.values()
        if topic.reseller == reseller and all(getattr(topic, name) == is_on for name, is_on in wanted.items())
    )


class TestLogin:
    async def test_a_token_lives_15_minutes(self, nobody: httpx.AsyncClient, sandbox: Sandbox) -> None:
        world = sandbox.world.telecomx
        employee = world.employees[world.logins["viewer@telecomx.example.net"].employee_id]
        customer = world.customers[employee["customer"]]
        response = await nobody.post("/auth/login", json=login(sandbox, "viewer"))
        token = response.json()["token"]
        assert answer(response) == (
            200,
            {
                "token": token,
                "expiresInMinutes": 15,
                "employee": employee["_id"],
                "customer": customer["_id"],
                "accessLevel": "VIEWER",
                "name": employee["name"],
                "language": employee["language"],
                "customerName": customer["name"],
                "customerFeatures": customer.get("features", []),
            },
        )

    async def test_the_vendor_also_takes_the_password_in_a_url(
        self, nobody: httpx.AsyncClient, sandbox: Sandbox
    ) -> None:
        response = await nobody.get("/auth/login", params=login(sandbox))
        assert response.json()["accessLevel"] == "ADMIN"

    @pytest.mark.parametrize("who", ["", *LEVELS])
    async def test_every_listed_credential_works(
        self, nobody: httpx.AsyncClient, sandbox: Sandbox, who: str
    ) -> None:
        async with logged_in(nobody, sandbox, who) as client:
            level = (await client.get("/auth/validateToken")).json()["accessLevel"]
        assert level.replace("_", "").lower() == (who or "admin").lower()

    @pytest.mark.parametrize(
        "wrong", [{"password": "wrong"}, {"username": "nobody@telecomx.example.net"}, {"password": None}]
    )
    async def test_wrong_credentials(
        self, nobody: httpx.AsyncClient, sandbox: Sandbox, wrong: dict[str, object]
    ) -> None:
        response = await nobody.post("/auth/login", json=login(sandbox) | wrong)
        assert answer(response) == (401, {"message": "credentials_invalid"})

    async def test_a_disabled_employee_cannot_log_in(
        self, nobody: httpx.AsyncClient, sandbox: Sandbox
    ) -> None:
        world = sandbox.world.telecomx
        world.employees[world.logins["viewer@telecomx.example.net"].employee_id]["state"] = "DISABLED"
        response = await nobody.post("/auth/login", json=login(sandbox, "viewer"))
        assert answer(response) == (401, {"message": "credentials_invalid"})

    @pytest.mark.parametrize("body", [b"", b"username=a", b"[]"])
    async def test_a_login_is_a_json_object(self, nobody: httpx.AsyncClient, body: bytes) -> None:
        assert answer(await nobody.post("/auth/login", content=body)) == (400, {"message": "bad_request"})


class TestToken:
    async def test_expires_by_the_clock_even_when_used(
        self, admin: httpx.AsyncClient, set_now: Callable[[datetime], None], now: datetime
    ) -> None:
        set_now(now + timedelta(minutes=14, seconds=59))
        assert (await admin.get(TOPICS)).status_code == 200
        set_now(now + timedelta(minutes=15))
        assert answer(await admin.get(TOPICS)) == (401, {"message": "expired"})

    async def test_a_persistent_one_does_not(
        self,
        nobody: httpx.AsyncClient,
        sandbox: Sandbox,
        set_now: Callable[[datetime], None],
        now: datetime,
    ) -> None:
        response = await nobody.post("/auth/login", json=login(sandbox) | {"persist": True})
        assert response.json()["expiresInMinutes"] == -1
        set_now(now + timedelta(days=365))
        response = await nobody.get(TOPICS, params={"token": response.json()["token"]})
        assert response.status_code == 200

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", TOPICS),
            ("POST", TOPICS),
            ("GET", f"{TOPICS}/{NOTHING}"),
            ("POST", f"{TOPICS}/{NOTHING}"),
            ("DELETE", f"{TOPICS}/{NOTHING}"),
            ("GET", f"{TOPICS}/{NOTHING}/subscribers"),
            ("GET", "/customer"),
            ("GET", f"/customer/{NOTHING}"),
            ("GET", f"/customer/{NOTHING}/name"),
            ("GET", "/customer/resellers/list"),
            ("GET", "/employee"),
            ("GET", f"/employee/{NOTHING}"),
            ("GET", "/helpcenter/case"),
            ("GET", "/helpcenter/case/search"),
            ("POST", "/helpcenter/case/AAQk"),
            ("GET", "/helpcenter/message/AAMk/images"),
            ("GET", "/helpcenter/helpcentersettings"),
            ("GET", "/auth/logout"),
        ],
    )
    async def test_every_call_outside_login_needs_it_in_the_query(
        self, admin: httpx.AsyncClient, method: str, path: str
    ) -> None:
        token = admin.params["token"]
        admin.params = httpx.QueryParams()
        headers = {"Authorization": f"Bearer {token}"}
        invalid = (401, {"message": "invalid_token"})
        assert answer(await admin.request(method, path, headers=headers)) == invalid
        assert answer(await admin.request(method, path, params={"token": "wrong"})) == invalid

    async def test_validation_tells_whose_it_is(self, admin: httpx.AsyncClient, sandbox: Sandbox) -> None:
        world = sandbox.world.telecomx
        employee = world.employees[world.logins["admin@telecomx.example.net"].employee_id]
        whose = {
            "success": True,
            "employee": employee["_id"],
            "customer": employee["customer"],
            "accessLevel": "ADMIN",
        }
        assert answer(await admin.get("/auth/validateToken")) == (200, whose)
        more = {"name": employee["name"], "language": employee["language"]}
        assert answer(await admin.get("/auth/validateToken", params={"extend": "true"})) == (
            200,
            whose | more,
        )
        response = await admin.get("/auth/validateToken", params={"simple": "true"})
        assert answer(response) == (200, {"success": True})

    async def test_validation_of_a_wrong_one(self, nobody: httpx.AsyncClient) -> None:
        wrong = {"token": "wrong"}
        assert answer(await nobody.get("/auth/validateToken", params=wrong)) == (200, {"success": False})
        assert answer(await nobody.get("/auth/validateToken", params=wrong | {"simple": "true"})) == (
            403,
            {"success": False},
        )

    async def test_logout_ends_all_of_the_employees_tokens_and_nobody_elses(
        self, nobody: httpx.AsyncClient, sandbox: Sandbox
    ) -> None:
        machine = sandbox.services["telecomx"].credentials["resellerMachineToken"]
        tokens = [machine]
        for who in ("reseller", "reseller", "viewer"):
            response = await nobody.post("/auth/login", json=login(sandbox, who))
            tokens.append(response.json()["token"])

        async def valid() -> list[bool]:
            answers = [await nobody.get("/auth/validateToken", params={"token": token}) for token in tokens]
            return [response.json()["success"] for response in answers]

        assert await valid() == [True, True, True, True]
        assert answer(await nobody.get("/auth/logout", params={"token": tokens[1]})) == (
            200,
            {"success": True},
        )
        assert await valid() == [False, False, False, True]

    async def test_unknown_paths_and_verbs_have_the_same_error_form(self, admin: httpx.AsyncClient) -> None:
        assert answer(await admin.get("/helpcenter/inbox")) == (404, {"message": "not_found"})
        assert answer(await admin.put(TOPICS)) == (405, {"message": "method_not_allowed"})

    async def test_a_server_error_has_the_documented_word(
        self, admin: httpx.AsyncClient, sandbox: Sandbox
    ) -> None:
        sandbox.services["telecomx"].faults.error_rate = 1
        assert answer(await admin.get(TOPICS)) == (500, {"message": "internal_error"})


class TestCreateTopic:
    @pytest.mark.parametrize("who", ["", "reseller", "resellerAdmin"])
    async def test_the_printed_request_gets_the_printed_answer(
        self, nobody: httpx.AsyncClient, sandbox: Sandbox, who: str
    ) -> None:
        async with logged_in(nobody, sandbox, who) as client:
            response = await client.post(TOPICS, content=EXAMPLE_BODY)
            created = {"_id": response.json()["_id"], **EXAMPLE}
            assert answer(response) == (200, created)
            assert answer(await client.get(f"{TOPICS}/{created['_id']}")) == (200, created)

    async def test_a_global_one_has_no_reseller(self, admin: httpx.AsyncClient) -> None:
        response = await admin.post(TOPICS, json=EXAMPLE | {"reseller": None})
        created = {"_id": response.json()["_id"], **EXAMPLE}
        del created["reseller"]
        assert answer(response) == (200, created)

    async def test_one_channel_a_title_and_the_reseller_are_enough_and_the_rest_is_tolerated(
        self, reseller: httpx.AsyncClient
    ) -> None:
        body = {
            "reseller": RESELLER.lower(),
            "title": "Drift",
            "sms": True,
            "description": None,
            "color": "red",
        }
        response = await reseller.post(TOPICS, json=body)
        assert answer(response) == (
            200,
            {
                "_id": response.json()["_id"],
                "reseller": RESELLER,
                "title": "Drift",
                "email": False,
                "sms": True,
            },
        )

    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"{title: 'x'}"])
    async def test_no_body(self, admin: httpx.AsyncClient, body: bytes) -> None:
        assert answer(await admin.post(TOPICS, content=body)) == (400, {"message": "bad_request"})

    @pytest.mark.parametrize(
        ("changes", "word"),
        [
            ({"title": None}, "title"),
            ({"title": ""}, "title"),
            ({"title": 5}, "title"),
            ({"email": False, "sms": False}, "email"),
            ({"email": None}, "email"),
            ({"email": "true"}, "email"),
            ({"sms": 1}, "sms"),
            ({"description": 5}, "description"),
            ({"reseller": "123456780ABCDEF12345678"}, "reseller"),
            ({"reseller": "1234567890ABCDEF1234567G"}, "reseller"),
            ({"reseller": 5}, "reseller"),
            ({"reseller": ""}, "reseller"),
            ({"title": "", "email": False, "reseller": "x"}, "title"),
            ({"email": False, "reseller": "x"}, "email"),
        ],
    )
    async def test_validation_names_the_first_field(
        self, admin: httpx.AsyncClient, sandbox: Sandbox, changes: dict[str, object], word: str
    ) -> None:
        before = len(sandbox.world.telecomx.topics)
        response = await admin.post(TOPICS, json=EXAMPLE | changes)
        assert answer(response) == (422, {"message": word})
        assert len(sandbox.world.telecomx.topics) == before

    @pytest.mark.parametrize(
        ("missing", "word"), [("title", "title"), ("email", "email"), ("reseller", "reseller")]
    )
    async def test_missing_fields(self, admin: httpx.AsyncClient, missing: str, word: str) -> None:
        body = {name: value for name, value in EXAMPLE.items() if name not in (missing, "sms")}
        assert answer(await admin.post(TOPICS, json=body)) == (422, {"message": word})

    @pytest.mark.parametrize("who", ["viewer", "manager", "owner"])
    async def test_levels_below_reseller_may_not(
        self, nobody: httpx.AsyncClient, sandbox: Sandbox, who: str
    ) -> None:
        async with logged_in(nobody, sandbox, who) as client:
            assert answer(await client.post(TOPICS, json=EXAMPLE)) == (403, {"message": "access_denied"})
            assert (await client.post(TOPICS)).status_code == 403

    @pytest.mark.parametrize("where", [None, OTHER_RESELLER, SUB_RESELLER])
    async def test_a_reseller_may_only_for_itself(
        self, reseller: httpx.AsyncClient, where: str | None
    ) -> None:
        response = await reseller.post(TOPICS, json=EXAMPLE | {"reseller": where})
        assert answer(response) == (403, {"message": "access_denied"})

    async def test_a_reseller_that_is_not_there(self, admin: httpx.AsyncClient, sandbox: Sandbox) -> None:
        ordinary = next(
            c for c in sandbox.world.telecomx.customers if c not in sandbox.world.telecomx.resellers
        )
        for where in (NOTHING, ordinary):
            response = await admin.post(TOPICS, json=EXAMPLE | {"reseller": where})
            assert answer(response) == (404, {"message": "reseller"})


class TestTopics:
    async def test_ids_are_found_whatever_their_case(
        self, admin: httpx.AsyncClient, sandbox: Sandbox
    ) -> None:
        for topic_id in sandbox.world.telecomx.topics:
            for written in (topic_id, topic_id.lower(), topic_id.upper()):
                assert (await admin.get(f"{TOPICS}/{written}")).json()["_id"] == topic_id

    async def test_a_viewer_sees_its_resellers_and_the_global_ones(
        self, viewer: httpx.AsyncClient, sandbox: Sandbox
    ) -> None:
        for owner, status in ((None, 200), (RESELLER, 200), (OTHER_RESELLER, 403)):
            response = await viewer.get(f"{TOPICS}/{topic_of(sandbox, owner)}")
            assert response.status_code == status
        assert answer(await viewer.get(f"{TOPICS}/{NOTHING}")) == (404, {"message": "employeeSubscription"})

    async def test_lists_by_customer_by_reseller_and_common(
        self, admin: httpx.AsyncClient, sandbox: Sandbox
    ) -> None:
        world = sandbox.world.telecomx
        ids = {
            owner: [topic.id for topic in world.topics.values() if topic.reseller == owner]
            for owner in (None, RESELLER, OTHER_RESELLER)
        }
        customer = next(
            c for c in world.customers if world.customers[c].get("parentReseller") == OTHER_RESELLER
        )

        async def listed(**query: str) -> list[str]:
            response = await admin.get(TOPICS, params=query)
            assert response.status_code == 200
            return [topic["_id"] for topic in response.json()]

        assert await listed() == await listed(common="false") == list(world.topics)
        assert await listed(common="true") == ids[None]
        assert await listed(reseller=RESELLER.lower()) == ids[RESELLER]
        assert sorted(await listed(customer=customer)) == sorted(ids[None] + ids[OTHER_RESELLER])

    @pytest.mark.parametrize(
        ("query", "status", "word"),
        [
            ({}, 403, "access_denied"),
            ({"common": "true"}, 403, "access_denied"),
            ({"reseller": OTHER_RESELLER}, 403, "access_denied"),
            ({"customer": OTHER_RESELLER}, 403, "access_denied"),
            ({"reseller": NOTHING}, 404, "reseller"),
            ({"customer": NOTHING}, 404, "customer"),
            ({"customer": RESELLER, "reseller": RESELLER}, 400, "bad_request"),
            ({"common": "true", "reseller": RESELLER}, 400, "bad_request"),
        ],
    )
    async def test_list_refusals(
        self, reseller: httpx.AsyncClient, query: dict[str, str], status: int, word: str
    ) -> None:
        assert answer(await reseller.get(TOPICS, params=query)) == (status, {"message": word})

    async def test_update_changes_what_is_given(self, reseller: httpx.AsyncClient, sandbox: Sandbox) -> None:
        topic_id = topic_of(sandbox, RESELLER, email=True, sms=False)
        before = (await reseller.get(f"{TOPICS}/{topic_id}")).json()
        changes = {"title": "Ny titel", "sms": True, "reseller": OTHER_RESELLER}
        after = before | {"title": "Ny titel", "sms": True}
        assert answer(await reseller.post(f"{TOPICS}/{topic_id}", json=changes)) == (200, after)
        assert answer(await reseller.get(f"{TOPICS}/{topic_id}")) == (200, after)

    @pytest.mark.parametrize(
        ("body", "status", "word"),
        [
            (None, 400, "bad_request"),
            ({"title": ""}, 422, "title"),
            ({"title": "Ny titel", "email": False}, 422, "email"),
            ({"title": "Ny titel", "sms": "yes"}, 422, "sms"),
            ({"title": "Ny titel", "description": 5}, 422, "description"),
        ],
    )
    async def test_a_refused_update_changes_nothing(
        self, reseller: httpx.AsyncClient, sandbox: Sandbox, body: object, status: int, word: str
    ) -> None:
        path = f"{TOPICS}/{topic_of(sandbox, RESELLER, email=True, sms=False)}"
        before = (await reseller.get(path)).json()
        response = await reseller.post(path, json=body) if body else await reseller.post(path)
        assert answer(response) == (status, {"message": word})
        assert (await reseller.get(path)).json() == before

    async def test_a_sub_resellers_topic_may_be_deleted_but_not_updated(
        self, reseller: httpx.AsyncClient, sandbox: Sandbox
    ) -> None:
        path = f"{TOPICS}/{topic_of(sandbox, SUB_RESELLER)}"
        response = await reseller.post(path, json={"title": "Min"})
        assert answer(response) == (403, {"message": "access_denied"})
        assert answer(await reseller.delete(path)) == (200, {"success": True})

    async def test_delete(self, reseller: httpx.AsyncClient, sandbox: Sandbox) -> None:
        path = f"{TOPICS}/{topic_of(sandbox, RESELLER)}"
        assert answer(await reseller.delete(path)) == (200, {"success": True})
        assert answer(await reseller.delete(path)) == (404, {"message": "employeeSubscription"})

    async def test_subscribers_have_addresses_for_the_topics_channels(
        self, reseller: httpx.AsyncClient, sandbox: Sandbox
    ) -> None:
        world = sandbox.world.telecomx
        for topic in world.topics.values():
            if topic.reseller != RESELLER:
                continue
            people = [world.employees[employee_id] for employee_id in topic.subscribers]
            addresses = {}
            if topic.email:
                addresses["email"] = [person["emailAddress"] for person in people]
            if topic.sms:
                addresses["sms"] = [person["smsNumber"] for person in people if "smsNumber" in person]
            assert answer(await reseller.get(f"{TOPICS}/{topic.id}/subscribers")) == (200, addresses)

    @pytest.mark.parametrize("owner", [None, OTHER_RESELLER])
    async def test_writes_and_subscribers_are_for_the_owner(
        self, reseller: httpx.AsyncClient, sandbox: Sandbox, owner: str | None
    ) -> None:
        path = f"{TOPICS}/{topic_of(sandbox, owner)}"
        denied = (403, {"message": "access_denied"})
        assert answer(await reseller.post(path, json={"title": "Min"})) == denied
        assert answer(await reseller.delete(path)) == denied
        assert answer(await reseller.get(f"{path}/subscribers")) == denied

    async def test_writes_and_subscribers_are_not_for_viewers(
        self, viewer: httpx.AsyncClient, sandbox: Sandbox
    ) -> None:
        path = f"{TOPICS}/{topic_of(sandbox, RESELLER)}"
        denied = (403, {"message": "access_denied"})
        assert answer(await viewer.post(path, json={"title": "Min"})) == denied
        assert answer(await viewer.delete(path)) == denied
        assert answer(await viewer.get(f"{path}/subscribers")) == denied


async def test_each_form_of_tokens_and_topics_is_served(client: httpx.AsyncClient) -> None:
    moment = datetime.fromisoformat("2026-11-22T10:30:15+00:00")
    forms = {"token_life": "sliding", "created": "201", "empty_properties": "null"}
    sandbox = Sandbox(now=lambda: moment, forms={"telecomx": forms})
    async with sandbox.serve() as running:
        client.base_url = httpx.URL(running.base_urls["telecomx"])
        async with logged_in(client, sandbox, ""):
            for _ in range(3):
                moment += timedelta(minutes=14)
                response = await client.post(TOPICS, json=EXAMPLE | {"reseller": None})
                created = {"_id": response.json()["_id"], **EXAMPLE, "reseller": None}
                assert answer(response) == (201, created)
