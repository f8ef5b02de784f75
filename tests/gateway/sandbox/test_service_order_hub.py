"""The original document's requests and answers, and every refusal, over real sockets.

Transcribed from the document to valid JSON: the two `// ...` comments in the partial-success example are left
out. Aside are ids and times of new messages: the document's create answers id 1, here it is the next one.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from gateway.sandbox import Running, Sandbox

GUID = "1e0abcb7-b94c-4072-a9c0-37072a1ef015"
EXAMPLE_CREATE = {
    "guid": GUID,
    "content": "Test message",
    "type": "serviceComment",
    "declaredAt": "2017-07-25T10:12:54.003Z",
    "externalId": "test-42",
}
EXAMPLE_LIST = [
    {
        "id": 1,
        "caseId": 7748,
        "guid": GUID,
        "senderAccountId": 1009,
        "content": "Hello!",
        "type": "serviceComment",
        "senderType": "provider",
        "externalId": "test-42",
        "confirmedAt": None,
        "createdAt": "2017-07-26T13:43:44.512Z",
        "updatedAt": "2017-07-26T13:43:44.512Z",
        "declaredAt": "2017-07-26T13:43:44.512Z",
    },
    {
        "id": 2,
        "caseId": 7748,
        "guid": GUID,
        "senderAccountId": 1009,
        "content": "Test comemnt",
        "type": "serviceComment",
        "senderType": "provider",
        "externalId": None,
        "confirmedAt": None,
        "createdAt": "2017-07-26T13:54:53.058Z",
        "updatedAt": "2017-07-26T13:54:53.058Z",
        "declaredAt": "2017-07-26T13:54:53.058Z",
    },
]


def created(**changes: Any) -> dict[str, Any]:
    """The document's create answer, with this sandbox's id and clock."""
    return {
        "id": 6805,
        "caseId": 7748,
        "guid": GUID,
        "senderAccountId": 1009,
        "senderType": "partner",
        "content": "Test message",
        "type": "serviceComment",
        "externalId": "test-42",
        "confirmedAt": None,
        "createdAt": "2026-11-22T10:30:15.250Z",
        "updatedAt": "2026-11-22T10:30:15.250Z",
        "declaredAt": "2017-07-25T10:12:54.003Z",
    } | changes


def answer(response: httpx.Response) -> tuple[int, Any]:
    return response.status_code, response.json()


def fails(text: str) -> tuple[int, Any]:
    return 400, {"error": {"message": text}}


def within(parent: str, name: str, why: str) -> str:
    return f'child "{parent}" fails because [child "{name}" fails because ["{name}" {why}]]'


def foreign_guid(sandbox: Sandbox) -> str:
    return next(c.guid for c in sandbox.world.service_order_hub.cases.values() if c.partner_id == 13)


class TestOriginalDocument:
    async def test_create_answers_the_message(self, hub: httpx.AsyncClient, sandbox: Sandbox) -> None:
        next_id = sandbox.world.service_order_hub.next_message_id()
        response = await hub.post("/v3/case-messages/create", json=EXAMPLE_CREATE)
        assert answer(response) == (200, created(id=next_id))

    async def test_list_is_as_printed_and_grows_by_what_was_created(self, hub: httpx.AsyncClient) -> None:
        assert answer(await hub.get("/v3/case-messages", params={"guid": GUID})) == (200, EXAMPLE_LIST)
        new = (await hub.post("/v3/case-messages/create", json=EXAMPLE_CREATE)).json()
        assert answer(await hub.get("/v3/case-messages", params={"guid": GUID})) == (
            200,
            [*EXAMPLE_LIST, new],
        )

    async def test_token_in_the_query_as_printed(
        self, client: httpx.AsyncClient, sandbox: Sandbox, running: Running
    ) -> None:
        token = sandbox.services["service_order_hub"].credentials["token"]
        url = f"{running.base_urls['service_order_hub']}/v3/case-messages?accessToken={token}&guid={GUID}"
        assert answer(await client.get(url)) == (200, EXAMPLE_LIST)

    async def test_confirm_answers_no_errors_and_repeating_it_changes_nothing(
        self, hub: httpx.AsyncClient, sandbox: Sandbox, now: datetime, set_now: Callable[[datetime], None]
    ) -> None:
        messages = sandbox.world.service_order_hub.messages
        assert [messages[n].confirmed_at for n in range(4377, 4381)] == [None] * 4
        for _ in range(2):
            response = await hub.post("/v3/case-messages/confirm", json=[4377, 4378, 4379, 4380])
            assert answer(response) == (200, {"success": True, "errors": [], "data": {}})
            set_now(now + timedelta(hours=1))
        assert [messages[n].confirmed_at for n in range(4377, 4381)] == [now] * 4

    async def test_confirm_reports_what_it_could_not_do_and_does_the_rest(
        self, hub: httpx.AsyncClient, sandbox: Sandbox, now: datetime
    ) -> None:
        response = await hub.post("/v3/case-messages/confirm", json=[11, 4377, 22])
        errors = [{"id": 11, "message": "Not found"}, {"id": 22, "message": "No access"}]
        assert answer(response) == (200, {"success": True, "errors": errors, "data": {}})
        assert sandbox.world.service_order_hub.messages[4377].confirmed_at == now

    async def test_create_without_guid(self, hub: httpx.AsyncClient) -> None:
        response = await hub.post("/v3/case-messages/create", json={"type": "serviceComment"})
        assert answer(response) == fails('child "guid" fails because ["guid" is required]')

    async def test_confirm_of_something_else_than_numbers(self, hub: httpx.AsyncClient) -> None:
        response = await hub.post("/v3/case-messages/confirm", json=["first", 2])
        assert answer(response) == fails('"value" at position 0 fails because ["0" must be a number]')


class TestCreate:
    async def test_every_field_comes_back(self, hub: httpx.AsyncClient, sandbox: Sandbox) -> None:
        next_id = sandbox.world.service_order_hub.next_message_id()
        more = {"parentMessageId": 2, "userName": "Åsa Ek", "userEmail": "asa@example.org"}
        response = await hub.post("/v3/case-messages/create", json=EXAMPLE_CREATE | more)
        assert answer(response) == (200, created(id=next_id, **more))

    async def test_only_guid_and_type_are_needed(self, hub: httpx.AsyncClient, sandbox: Sandbox) -> None:
        next_id = sandbox.world.service_order_hub.next_message_id()
        response = await hub.post("/v3/case-messages/create", json={"guid": GUID.upper(), "type": "reminder"})
        expected = created(
            id=next_id, type="reminder", content=None, externalId=None, declaredAt="2026-11-22T10:30:15.250Z"
        )
        assert answer(response) == (200, expected)

    async def test_a_declared_time_is_given_back_in_utc(self, hub: httpx.AsyncClient) -> None:
        body = EXAMPLE_CREATE | {"declaredAt": "2026-11-22T09:00:00.500+02:00"}
        response = await hub.post("/v3/case-messages/create", json=body)
        assert response.json()["declaredAt"] == "2026-11-22T07:00:00.500Z"

    async def test_an_internal_message_is_invisible_to_the_partner(
        self, hub: httpx.AsyncClient, provider_hub: httpx.AsyncClient
    ) -> None:
        body = {"guid": GUID, "type": "serviceComment", "content": "not for the shop", "isInternal": True}
        new = (await provider_hub.post("/v3/case-messages/create", json=body)).json()
        assert (new["isInternal"], new["senderType"], new["senderAccountId"]) == (True, "provider", 2004)
        by_partner = await hub.get("/v3/case-messages", params={"guid": GUID})
        by_provider = await provider_hub.get("/v3/case-messages", params={"guid": GUID})
        assert [m["id"] for m in by_partner.json()] == [1, 2]
        assert [m["id"] for m in by_provider.json()] == [1, 2, new["id"]]
        answered = await hub.post(
            "/v3/case-messages/create", json=EXAMPLE_CREATE | {"parentMessageId": new["id"]}
        )
        assert answer(answered) == (404, {"error": {"message": "Not found"}})
        confirmed = await hub.post("/v3/case-messages/confirm", json=[new["id"]])
        assert confirmed.json()["errors"] == [{"id": new["id"], "message": "No access"}]

    @pytest.mark.parametrize(
        ("change", "text"),
        [
            ({"guid": 7}, 'child "guid" fails because ["guid" must be a string]'),
            ({"guid": "7748"}, 'child "guid" fails because ["guid" must be a valid GUID]'),
            ({"type": None}, 'child "type" fails because ["type" must be one of ['),
            (
                {"type": "gossip"},
                'child "type" fails because ["type" must be one of [serviceComment, customerCenter',
            ),
            (
                {"type": "x" * 33},
                'child "type" fails because ["type" length must be less than or equal to 32',
            ),
            ({"content": 1}, 'child "content" fails because ["content" must be a string]'),
            (
                {"declaredAt": "2017-07-25T10:12:54.003"},
                'child "declaredAt" fails because ["declaredAt" must carry',
            ),
            (
                {"declaredAt": "yesterday"},
                'child "declaredAt" fails because ["declaredAt" must be a valid ISO 8601',
            ),
            ({"declaredAt": 5}, 'child "declaredAt" fails because ["declaredAt" must be a valid ISO 8601'),
            (
                {"externalId": "x" * 513},
                'child "externalId" fails because ["externalId" length must be less than or',
            ),
            (
                {"userName": "x" * 513},
                'child "userName" fails because ["userName" length must be less than or equal',
            ),
            (
                {"userEmail": "x" * 513},
                'child "userEmail" fails because ["userEmail" length must be less than or',
            ),
            (
                {"parentMessageId": "2"},
                'child "parentMessageId" fails because ["parentMessageId" must be a number]',
            ),
            (
                {"parentMessageId": True},
                'child "parentMessageId" fails because ["parentMessageId" must be a number]',
            ),
            ({"isInternal": "yes"}, 'child "isInternal" fails because ["isInternal" must be a boolean]'),
            ({"messageType": "serviceComment"}, '"messageType" is not allowed'),
        ],
    )
    async def test_validation(self, hub: httpx.AsyncClient, change: dict[str, Any], text: str) -> None:
        response = await hub.post("/v3/case-messages/create", json=EXAMPLE_CREATE | change)
        assert response.status_code == 400
        assert response.json()["error"]["message"].startswith(text)
        assert len((await hub.get("/v3/case-messages", params={"guid": GUID})).json()) == 2

    @pytest.mark.parametrize("field", ["externalId", "userName", "userEmail"])
    async def test_512_characters_are_accepted(self, hub: httpx.AsyncClient, field: str) -> None:
        response = await hub.post("/v3/case-messages/create", json=EXAMPLE_CREATE | {field: "å" * 512})
        assert (response.status_code, response.json()[field]) == (200, "å" * 512)

    async def test_type_is_required(self, hub: httpx.AsyncClient) -> None:
        response = await hub.post("/v3/case-messages/create", json={"guid": GUID})
        assert answer(response) == fails('child "type" fails because ["type" is required]')

    @pytest.mark.parametrize("parent_id", [11, 4377])
    async def test_the_parent_is_a_message_of_the_same_case(
        self, hub: httpx.AsyncClient, parent_id: int
    ) -> None:
        response = await hub.post(
            "/v3/case-messages/create", json=EXAMPLE_CREATE | {"parentMessageId": parent_id}
        )
        assert answer(response) == (404, {"error": {"message": "Not found"}})

    @pytest.mark.parametrize("body", [b"", b"{", b"\xff"])
    async def test_a_body_that_is_no_json(self, hub: httpx.AsyncClient, body: bytes) -> None:
        response = await hub.post("/v3/case-messages/create", content=body)
        assert answer(response) == fails("Request body is not valid JSON")

    @pytest.mark.parametrize(("path", "kind"), [("create", "an object"), ("confirm", "an array")])
    async def test_a_body_of_another_kind(self, hub: httpx.AsyncClient, path: str, kind: str) -> None:
        response = await hub.post(f"/v3/case-messages/{path}", json="text")
        assert answer(response) == fails(f'"value" must be {kind}')

    @pytest.mark.parametrize("value", [None, True, "3", [3]])
    async def test_confirm_names_the_position(self, hub: httpx.AsyncClient, value: object) -> None:
        response = await hub.post("/v3/case-messages/confirm", json=[1, value])
        assert answer(response) == fails('"value" at position 1 fails because ["1" must be a number]')

    async def test_confirm_wants_whole_numbers(self, hub: httpx.AsyncClient) -> None:
        response = await hub.post("/v3/case-messages/confirm", json=[1.5])
        assert answer(response) == fails('"value" at position 0 fails because ["0" must be an integer]')


class TestAccess:
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("POST", "/v3/case-messages/create"),
            ("POST", "/v3/case-messages/confirm"),
            ("GET", "/v3/case-messages"),
            ("GET", "/v3/case"),
            ("POST", "/v3/search-cases"),
            ("GET", "/v3/partner"),
            ("GET", "/v3/provider"),
            ("GET", "/v3/providers"),
            ("GET", "/v3/department"),
        ],
    )
    @pytest.mark.parametrize("headers", [{}, {"X-Hub-Api-Token": "wrong"}])
    async def test_every_endpoint_wants_a_token(
        self, client: httpx.AsyncClient, running: Running, method: str, path: str, headers: dict[str, str]
    ) -> None:
        response = await client.request(
            method, running.base_urls["service_order_hub"] + path, headers=headers
        )
        assert answer(response) == (401, {"error": {"message": "Unauthorized"}})

    @pytest.mark.parametrize("spelling", ["accessToken", "access_token", "access-token"])
    async def test_the_query_token_has_three_spellings_and_suits_a_post(
        self, client: httpx.AsyncClient, sandbox: Sandbox, running: Running, spelling: str
    ) -> None:
        token = sandbox.services["service_order_hub"].credentials["token"]
        url = running.base_urls["service_order_hub"] + "/v3/case-messages/confirm"
        response = await client.post(url, params={spelling: token}, json=[])
        assert answer(response) == (200, {"success": True, "errors": [], "data": {}})

    async def test_a_post_carries_no_other_parameter(self, hub: httpx.AsyncClient) -> None:
        response = await hub.post("/v3/case-messages/confirm", params={"trace": "1"}, json=[])
        assert answer(response) == fails('"trace" is not allowed')

    async def test_an_unknown_parameter_is_refused(self, hub: httpx.AsyncClient) -> None:
        response = await hub.get("/v3/case-messages", params={"guid": GUID, "limit": "5"})
        assert answer(response) == fails('"limit" is not allowed')

    @pytest.mark.parametrize("path", ["/v3/case", "/v3/case-messages"])
    async def test_reading_by_guid(self, hub: httpx.AsyncClient, sandbox: Sandbox, path: str) -> None:
        foreign = foreign_guid(sandbox)
        unknown = "00000000-0000-4000-8000-000000000000"
        assert answer(await hub.get(path)) == fails('child "guid" fails because ["guid" is required]')
        assert answer(await hub.get(path, params={"guid": unknown})) == (
            404,
            {"error": {"message": "Not found"}},
        )
        assert answer(await hub.get(path, params={"guid": foreign})) == (
            403,
            {"error": {"message": "No access"}},
        )

    async def test_writing_to_another_partys_case(self, hub: httpx.AsyncClient, sandbox: Sandbox) -> None:
        body = EXAMPLE_CREATE | {"guid": foreign_guid(sandbox)}
        response = await hub.post("/v3/case-messages/create", json=body)
        assert answer(response) == (403, {"error": {"message": "No access"}})

    async def test_a_token_acts_only_for_its_provider(self, provider_hub: httpx.AsyncClient) -> None:
        own = await provider_hub.get("/v3/provider", params={"id": "4"}, headers={"X-Service-Provider": "4"})
        other = await provider_hub.get(
            "/v3/provider", params={"id": "4"}, headers={"X-Service-Provider": "5"}
        )
        assert (own.status_code, other.status_code) == (200, 403)

    async def test_unknown_paths_and_verbs_answer_in_the_hubs_form(self, hub: httpx.AsyncClient) -> None:
        assert answer(await hub.get("/v3/nothing")) == (404, {"error": {"message": "Not Found"}})
        assert answer(await hub.delete("/v3/case")) == (405, {"error": {"message": "Method Not Allowed"}})


class TestCases:
    async def test_a_case_is_wrapped_and_named_in_any_notation(self, hub: httpx.AsyncClient) -> None:
        plain = (await hub.get("/v3/case", params={"guid": GUID})).json()
        with_requests = (await hub.get("/v3/case", params={"guid": GUID, "include-requests": "1"})).json()
        assert list(plain) == ["data"]
        assert with_requests == {"data": plain["data"] | {"externalRequests": []}}
        assert {
            name: plain["data"][name]
            for name in ("id", "guid", "partnerId", "serviceProviderId", "createdAt")
        } == {
            "id": 7748,
            "guid": GUID,
            "partnerId": 12,
            "serviceProviderId": 4,
            "createdAt": "2017-07-24T08:00:00.000Z",
        }

    async def search(self, hub: httpx.AsyncClient, **filters: Any) -> list[Any]:
        response = await hub.post("/v3/search-cases", json={"filters": filters, "pagination": {"limit": 100}})
        assert response.status_code == 200
        found: list[Any] = response.json()["data"]
        assert response.json()["pagination"] == {"offset": 0, "count": len(found)}
        return found

    async def test_pages_join_to_the_whole(self, hub: httpx.AsyncClient) -> None:
        whole = await self.search(hub)
        pages = []
        for offset in (0, 30, 60, 90, 120):
            body = {"pagination": {"offset": offset, "limit": 30}}
            answered = (await hub.post("/v3/search-cases", json=body)).json()
            assert answered["pagination"] == {"offset": offset, "count": 91}
            pages += answered["data"]
        assert pages == whole
        assert [case["createdAt"] for case in whole] == sorted(
            (case["createdAt"] for case in whole), reverse=True
        )

    async def test_ten_is_the_default(self, hub: httpx.AsyncClient) -> None:
        assert len((await hub.post("/v3/search-cases", json={})).json()["data"]) == 10

    async def test_each_side_finds_its_own(
        self, hub: httpx.AsyncClient, provider_hub: httpx.AsyncClient
    ) -> None:
        assert {case["partnerId"] for case in await self.search(hub)} == {12}
        assert {case["serviceProviderId"] for case in await self.search(provider_hub)} == {4}

    async def test_equality(self, hub: httpx.AsyncClient) -> None:
        assert [case["id"] for case in await self.search(hub, id=7748)] == [7748]
        assert [case["id"] for case in await self.search(hub, guid=GUID)] == [7748]
        assert {case["serviceProviderId"] for case in await self.search(hub, serviceProviderId=5)} == {5}
        assert await self.search(hub, partnerId=13) == []

    async def test_nested_keys(self, hub: httpx.AsyncClient) -> None:
        wanted = (await self.search(hub))[3]
        found = await self.search(
            hub, orderData={"refNo": wanted["orderData"]["refNo"], "shipmentData": None}
        )
        assert found == [wanted]

    async def test_ranges_on_numbers_and_dates(self, hub: httpx.AsyncClient) -> None:
        assert [case["id"] for case in await self.search(hub, id={"$gt": 50118})] == [50120, 50119]
        assert [case["id"] for case in await self.search(hub, createdAt={"$lt": "2018-01-01"})] == [7748]
        between = {"$gt": "2017-07-24T10:00:00.000+02:30", "$lt": "2017-07-24T08:00:00.001Z"}
        assert [case["id"] for case in await self.search(hub, createdAt=between)] == [7748]
        assert [case["id"] for case in await self.search(hub, createdAt="2017-07-24T08:00:00.000Z")] == [7748]

    @pytest.mark.parametrize("createdAt", ["soon", {"$gt": "soon"}, {"$gt": 5}])
    async def test_no_date_finds_nothing(self, hub: httpx.AsyncClient, createdAt: object) -> None:  # noqa: N803
        assert await self.search(hub, createdAt=createdAt) == []

    async def test_tags_must_all_be_there(self, hub: httpx.AsyncClient) -> None:
        whole = await self.search(hub)
        both = [c for c in whole if {"VIP", "insurance"} <= {tag["name"] for tag in c["tags"]}]
        assert both
        assert await self.search(hub, tags=["VIP", "insurance"]) == both
        assert await self.search(hub, tags=["vip"]) == []

    async def test_common_search_looks_into_contacts_and_products_whatever_the_case(
        self, hub: httpx.AsyncClient
    ) -> None:
        wanted = (await self.search(hub))[5]
        assert wanted in await self.search(hub, commonSearch=wanted["consumer"]["lastName"].upper())
        assert await self.search(hub, commonSearch=wanted["orderData"]["refNo"].lower()) == [wanted]
        assert await self.search(hub, commonSearch=wanted["productData"]["problemText"]) == []

    @pytest.mark.parametrize(
        ("body", "text"),
        [
            (
                {"pagination": {"limit": 101}},
                within("pagination", "limit", "must be less than or equal to 100"),
            ),
            (
                {"pagination": {"limit": 0}},
                within("pagination", "limit", "must be larger than or equal to 1"),
            ),
            ({"pagination": {"offset": "0"}}, within("pagination", "offset", "must be a number")),
            ({"filters": {"updatedAt": "2026-01-01"}}, within("filters", "updatedAt", "is not allowed")),
            ({"filters": {"tags": "VIP"}}, within("filters", "tags", "must be an array of strings")),
            ({"filters": {"commonSearch": 5}}, within("filters", "commonSearch", "must be a string")),
            ({"filters": []}, 'child "filters" fails because ["filters" must be an object]'),
            ({"sort": "id"}, '"sort" is not allowed'),
        ],
    )
    async def test_a_search_is_validated(self, hub: httpx.AsyncClient, body: object, text: str) -> None:
        assert answer(await hub.post("/v3/search-cases", json=body)) == fails(text)


class TestAccounts:
    @pytest.mark.parametrize(("path", "known"), [("partner", 12), ("provider", 4), ("department", 101)])
    async def test_one_by_id(self, hub: httpx.AsyncClient, path: str, known: int) -> None:
        found = await hub.get(f"/v3/{path}", params={"id": known})
        assert (found.status_code, found.json()["data"]["id"]) == (200, known)
        missing = await hub.get(f"/v3/{path}", params={"id": 3})
        assert answer(missing) == (404, {"error": {"message": "Not found"}})
        assert answer(await hub.get(f"/v3/{path}")) == fails('child "id" fails because ["id" is required]')
        wrong = await hub.get(f"/v3/{path}", params={"id": "x"})
        assert answer(wrong) == fails('child "id" fails because ["id" must be a number]')

    async def test_providers_by_ids_or_all(self, hub: httpx.AsyncClient) -> None:
        some = await hub.get("/v3/providers", params={"ids": "4,6,999"})
        assert [provider["id"] for provider in some.json()["data"]] == [4, 6]
        assert len((await hub.get("/v3/providers")).json()["data"]) == 8
        wrong = await hub.get("/v3/providers", params={"ids": "4;6"})
        assert answer(wrong) == fails('child "ids" fails because ["ids" must be a list of numbers]')


class TestForms:
    async def ask(self, path: str, *, params: dict[str, Any], **forms: str) -> tuple[int, Any]:
        sandbox = Sandbox(forms={"service_order_hub": forms})
        service = sandbox.services["service_order_hub"]
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(service.app),
            base_url="http://hub/api",
            headers={"X-Hub-Api-Token": service.credentials["token"]},
        ) as client:
            return answer(await client.get(path, params=params))

    @pytest.mark.parametrize(
        ("envelope", "messages_wrapped", "case_wrapped"),
        [("documented", False, True), ("bare", False, False), ("data", True, True)],
    )
    async def test_envelope(self, envelope: str, messages_wrapped: bool, case_wrapped: bool) -> None:
        _, messages = await self.ask("/v3/case-messages", params={"guid": GUID}, envelope=envelope)
        assert messages == ({"data": EXAMPLE_LIST} if messages_wrapped else EXAMPLE_LIST)
        _, case = await self.ask("/v3/case", params={"guid": GUID}, envelope=envelope)
        assert (list(case) == ["data"]) == case_wrapped

    async def test_optional_fields(self) -> None:
        fields = {"isInternal": False, "parentMessageId": None, "userName": None, "userEmail": None}
        _, always = await self.ask("/v3/case-messages", params={"guid": GUID}, optional_fields="always")
        assert always == [message | fields for message in EXAMPLE_LIST]
        hub = Sandbox().world.service_order_hub
        guid = next(c.guid for c in hub.cases.values() if c.partner_id == 12 and c.provider_id == 5)
        assert any(message.user_name for message in hub.messages_of(guid))
        _, omitted = await self.ask("/v3/case-messages", params={"guid": guid}, optional_fields="omit")
        assert {frozenset(message) for message in omitted} == {frozenset(EXAMPLE_LIST[0])}

    async def test_errors(self) -> None:
        asked = await self.ask("/v3/case", params={}, errors="string")
        assert asked == (400, {"error": 'child "guid" fails because ["guid" is required]'})

    async def test_who_accepts_html_gets_html(self, hub: httpx.AsyncClient) -> None:
        response = await hub.get("/v3/providers", headers={"Accept": "text/html"})
        assert response.headers["content-type"] == "text/html; charset=utf-8"
        assert response.text.startswith("<!doctype html>")

    @pytest.mark.parametrize("forms", [{"envelope": "boxed"}, {"colour": "red"}])
    def test_an_unknown_form_is_refused(self, forms: dict[str, str]) -> None:
        with pytest.raises(ValueError, match="service_order_hub"):
            Sandbox(forms={"service_order_hub": forms})
