"""Help centre cases: lists, search, updates by conversation, images and settings, over real sockets."""

from collections import Counter
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from gateway.sandbox import Running, Sandbox
from gateway.sandbox.world.telecomx import TelecomxCase

RESELLER = "1234567890ABCDEF12345678"
OTHER_RESELLER = "53a0f1c2d3e4b5a697880002"
SERVICE, TECHNICAL = "65a0f1c2d3e4b5a697880031", "65a0f1c2d3e4b5a697880032"
OTHERS = "65a0f1c2d3e4b5a697880033"
NOTHING = "0" * 24
CASES = "/helpcenter/case"
SEARCH = "/helpcenter/case/search"
DENIED = (403, {"message": "access_denied"})


def answer(response: httpx.Response) -> tuple[int, Any]:
    return response.status_code, response.json()


async def log_in(client: httpx.AsyncClient, sandbox: Sandbox, who: str) -> None:
    issued = sandbox.services["telecomx"].credentials
    names = (f"{who}Username", f"{who}Password") if who else ("username", "password")
    body = dict(zip(("username", "password"), (issued[name] for name in names), strict=True))
    client.params = httpx.QueryParams(token=(await client.post("/auth/login", json=body)).json()["token"])


@pytest.fixture
async def reseller(running: Running, sandbox: Sandbox, client: httpx.AsyncClient) -> httpx.AsyncClient:
    client.base_url = httpx.URL(running.base_urls["telecomx"])
    await log_in(client, sandbox, "reseller")
    return client


def cases_of(sandbox: Sandbox, help_center_id: str = SERVICE) -> list[TelecomxCase]:
    return [c for c in sandbox.world.telecomx.cases.values() if c.help_center_id == help_center_id]


def path_of(case: TelecomxCase) -> str:
    return f"{CASES}/{quote(case.conversation_id, safe='')}"


async def listed(client: httpx.AsyncClient, path: str = CASES, **query: str) -> list[dict[str, Any]]:
    response = await client.get(path, params={"id": SERVICE, "limit": "500"} | query)
    assert response.status_code == 200
    cases: list[dict[str, Any]] = response.json()["cases"]
    assert response.json()["total"] == len(cases)
    return cases


async def shown(client: httpx.AsyncClient, case: TelecomxCase) -> dict[str, Any]:
    return next(item for item in await listed(client) if item["_id"] == case.id)


class TestList:
    async def test_a_case_as_sent(self, reseller: httpx.AsyncClient, sandbox: Sandbox) -> None:
        case = next(c for c in cases_of(sandbox) if c.customer_id and c.phone_number and len(c.messages) > 2)
        created_at = f"{case.created_at:%Y-%m-%dT%H:%M:%S}.000Z"
        last_from_customer = [m for m in case.messages if m.sent_by == case.email_address][-1]
        assert await shown(reseller, case) == {
            "_id": case.id,
            "caseNumber": case.case_number,
            "conversationId": case.conversation_id,
            "latestMessageId": last_from_customer.id,
            "subject": case.subject,
            "state": case.state,
            "createdAt": created_at,
            "customer": case.customer_id,
            "company": case.company,
            "customerName": case.customer_name,
            "emailAddress": case.email_address,
            "phoneNumber": case.phone_number,
            "helpCenterId": SERVICE,
            "actionNeeded": case.action_needed,
            "messages": [{"content": m.content, "sentBy": m.sent_by} for m in case.messages],
        }

    async def test_an_unmatched_sender_has_neither_customer_nor_company(
        self, reseller: httpx.AsyncClient, sandbox: Sandbox
    ) -> None:
        case = next(c for c in cases_of(sandbox) if c.customer_id is None)
        assert not {"customer", "company"} & set(await shown(reseller, case))

    async def test_pages_tell_their_place(self, reseller: httpx.AsyncClient) -> None:
        everything = await listed(reseller)
        response = await reseller.get(CASES, params={"id": SERVICE.upper(), "offset": "46", "limit": "5"})
        assert answer(response) == (200, {"offset": 46, "limit": 5, "total": 48, "cases": everything[46:]})
        body = (await reseller.get(CASES, params={"id": SERVICE})).json()
        assert (body["offset"], body["limit"], body["total"]) == (0, 100, 48)

    @pytest.mark.parametrize("state", ["UNHANDLED", "HANDLING", "CLOSED"])
    async def test_by_state(self, reseller: httpx.AsyncClient, sandbox: Sandbox, state: str) -> None:
        ids = {case.id for case in cases_of(sandbox) if case.state == state}
        assert ids
        assert {case["_id"] for case in await listed(reseller, state=state)} == ids
        assert len(await listed(reseller, state="ALL")) == 48

    async def test_sorted_by_last_mail_unless_asked(
        self, reseller: httpx.AsyncClient, sandbox: Sandbox
    ) -> None:
        stored = cases_of(sandbox)
        by_mail = [c.id for c in sorted(stored, key=lambda c: c.messages[-1].sent_at)]
        by_age = [c.id for c in sorted(stored, key=lambda c: c.created_at)]
        assert by_mail != by_age
        for query, expected in (
            ({}, by_mail),
            ({"sortBy": "SENT", "sortOrder": "asc"}, by_mail),
            ({"sortOrder": "desc"}, by_mail[::-1]),
            ({"sortBy": "CREATED"}, by_age),
            ({"sortBy": "CREATED", "sortOrder": "desc"}, by_age[::-1]),
        ):
            assert [case["_id"] for case in await listed(reseller, **query)] == expected
        states = [case["state"] for case in await listed(reseller, sortBy="STATE")]
        assert states == sorted(states, key=["UNHANDLED", "HANDLING", "CLOSED"].index)

    @pytest.mark.parametrize(
        ("query", "status", "word"),
        [
            ({}, 400, "id"),
            ({"id": NOTHING}, 404, "helpcenter"),
            ({"id": OTHERS}, 403, "access_denied"),
            ({"id": SERVICE, "state": "OPEN"}, 422, "state"),
            ({"id": SERVICE, "sortBy": "SUBJECT"}, 422, "sortBy"),
            ({"id": SERVICE, "sortOrder": "up"}, 422, "sortOrder"),
            ({"id": SERVICE, "limit": "501"}, 422, "limit"),
            ({"id": SERVICE, "offset": "-1"}, 422, "offset"),
        ],
    )
    async def test_refusals(
        self, reseller: httpx.AsyncClient, query: dict[str, str], status: int, word: str
    ) -> None:
        assert answer(await reseller.get(CASES, params=query)) == (status, {"message": word})

    async def test_is_not_for_ordinary_customers(self, reseller: httpx.AsyncClient, sandbox: Sandbox) -> None:
        await log_in(reseller, sandbox, "owner")
        for path in (CASES, SEARCH, "/helpcenter/message/x/images"):
            assert answer(await reseller.get(path, params={"id": SERVICE})) == DENIED

    async def test_admins_and_reseller_admins_may_read(
        self, reseller: httpx.AsyncClient, sandbox: Sandbox
    ) -> None:
        for who, others in (("resellerAdmin", 403), ("", 200)):
            await log_in(reseller, sandbox, who)
            assert len(await listed(reseller)) == 48
            assert (await reseller.get(CASES, params={"id": OTHERS})).status_code == others


class TestSearch:
    async def test_looks_into_sender_subject_and_mails_whatever_the_case(
        self, reseller: httpx.AsyncClient, sandbox: Sandbox
    ) -> None:
        case = next(c for c in cases_of(sandbox) if c.phone_number and len(c.messages) > 1)
        for text in (
            case.customer_name,
            case.subject,
            case.phone_number or "",
            case.email_address,
            case.messages[1].content,
            case.messages[1].sent_by,
        ):
            found = await listed(reseller, SEARCH, searchFilter=text.upper())
            assert case.id in [item["_id"] for item in found]
        for text in (case.conversation_id, case.id, "ingen har skrevet dette"):
            assert await listed(reseller, SEARCH, searchFilter=text) == []

    async def test_the_default_page_is_10_and_sorted_like_the_list(self, reseller: httpx.AsyncClient) -> None:
        everything = await listed(reseller)
        for query, expected in (({}, everything[:10]), ({"sortOrder": "desc"}, everything[:-11:-1])):
            response = await reseller.get(SEARCH, params={"id": SERVICE} | query)
            assert answer(response) == (200, {"offset": 0, "limit": 10, "total": 48, "cases": expected})

    async def test_needs_a_help_centre(self, reseller: httpx.AsyncClient) -> None:
        response = await reseller.get(SEARCH, params={"searchFilter": "router"})
        assert answer(response) == (400, {"message": "id"})


class TestUpdate:
    async def test_changes_what_is_given_through_an_encoded_conversation_id(
        self, reseller: httpx.AsyncClient, sandbox: Sandbox
    ) -> None:
        case = cases_of(sandbox)[3]
        assert set("+/=") < set(case.conversation_id)
        before = await shown(reseller, case)
        changes = {
            "state": "HANDLING" if case.state != "HANDLING" else "CLOSED",
            "phoneNumber": "+4511111111",
            "emailAddress": "ny@kunde.example.net",
            "actionNeeded": not case.action_needed,
        }
        query = {"helpCenterId": SERVICE.upper()}
        assert answer(await reseller.post(path_of(case), json=changes, params=query)) == (
            200,
            {"success": True},
        )
        assert await shown(reseller, case) == before | changes

    async def test_one_property_and_no_help_centre_are_enough(
        self, reseller: httpx.AsyncClient, sandbox: Sandbox
    ) -> None:
        case = cases_of(sandbox)[3]
        before = await shown(reseller, case)
        response = await reseller.post(path_of(case), json={"actionNeeded": True, "color": "red"})
        assert answer(response) == (200, {"success": True})
        assert await shown(reseller, case) == before | {"actionNeeded": True}

    async def test_a_bare_slash_is_another_address(
        self, reseller: httpx.AsyncClient, sandbox: Sandbox
    ) -> None:
        case = cases_of(sandbox)[3]
        path = f"{CASES}/{quote(case.conversation_id, safe='/')}"
        assert answer(await reseller.post(path, json={"state": "CLOSED"})) == (404, {"message": "not_found"})

    async def test_a_conversation_that_is_not_there(
        self, reseller: httpx.AsyncClient, sandbox: Sandbox
    ) -> None:
        response = await reseller.post(f"{CASES}/AAQk%2F%2B%3D", json={"state": "CLOSED"})
        assert answer(response) == (404, {"message": "id"})
        case = cases_of(sandbox)[3]
        response = await reseller.post(
            path_of(case), json={"state": "CLOSED"}, params={"helpCenterId": TECHNICAL}
        )
        assert answer(response) == (404, {"message": "case"})

    @pytest.mark.parametrize(
        ("body", "status", "word"),
        [
            (b"", 400, "bad_request"),
            (b"[]", 400, "bad_request"),
            (b'{"state": "ALL"}', 422, "state"),
            (b'{"state": null}', 422, "state"),
            (b'{"phoneNumber": "123"}', 422, "phoneNumber"),
            (b'{"phoneNumber": "1234567890123456"}', 422, "phoneNumber"),
            (b'{"phoneNumber": null}', 422, "phoneNumber"),
            (b'{"emailAddress": 5}', 422, "emailAddress"),
            (b'{"actionNeeded": "true"}', 422, "actionNeeded"),
            (b'{"actionNeeded": true, "state": "OPEN"}', 422, "state"),
        ],
    )
    async def test_a_refused_update_changes_nothing(
        self, reseller: httpx.AsyncClient, sandbox: Sandbox, body: bytes, status: int, word: str
    ) -> None:
        case = cases_of(sandbox)[3]
        before = await shown(reseller, case)
        assert answer(await reseller.post(path_of(case), content=body)) == (status, {"message": word})
        assert await shown(reseller, case) == before

    @pytest.mark.parametrize("number", ["1234", "+123456789012345"])
    async def test_phone_numbers_at_their_bounds(
        self, reseller: httpx.AsyncClient, sandbox: Sandbox, number: str
    ) -> None:
        response = await reseller.post(path_of(cases_of(sandbox)[3]), json={"phoneNumber": number})
        assert response.status_code == 200

    async def test_is_for_resellers_and_admins_only(
        self, reseller: httpx.AsyncClient, sandbox: Sandbox
    ) -> None:
        path = path_of(cases_of(sandbox)[3])
        for who, status in (("viewer", 403), ("resellerAdmin", 403), ("", 200)):
            await log_in(reseller, sandbox, who)
            assert (await reseller.post(path, json={"state": "CLOSED"})).status_code == status

    async def test_another_resellers_case(self, reseller: httpx.AsyncClient, sandbox: Sandbox) -> None:
        case = cases_of(sandbox)[3]
        case.help_center_id = OTHERS
        assert answer(await reseller.post(path_of(case), json={"state": "CLOSED"})) == DENIED


class TestImages:
    async def test_come_with_their_bytes(self, reseller: httpx.AsyncClient, sandbox: Sandbox) -> None:
        for message_id, images in sandbox.world.telecomx.images.items():
            path = f"/helpcenter/message/{message_id}/images"
            assert answer(await reseller.get(path)) == (200, {"images": images})

    async def test_a_mail_without_any(self, reseller: httpx.AsyncClient) -> None:
        response = await reseller.get("/helpcenter/message/AAMk/images")
        assert answer(response) == (404, {"message": "attachments"})


class TestSettings:
    async def test_show_each_resellers_help_centres_with_secrets(
        self, reseller: httpx.AsyncClient, sandbox: Sandbox
    ) -> None:
        world = sandbox.world.telecomx
        settings = [
            {
                "_id": owner,
                "name": world.customers[owner]["name"],
                "helpCenters": [
                    {name: value for name, value in world.help_centers[one].items() if name != "reseller"}
                    for one in ids
                ],
            }
            for owner, ids in ((RESELLER, (SERVICE, TECHNICAL)), (OTHER_RESELLER, (OTHERS,)))
        ]
        assert "accessToken" in settings[0]["helpCenters"][0]["authSettings"]
        path = "/helpcenter/helpcentersettings"
        assert answer(await reseller.get(path)) == DENIED
        await log_in(reseller, sandbox, "resellerAdmin")
        assert answer(await reseller.get(path)) == (200, settings[:1])
        await log_in(reseller, sandbox, "")
        assert answer(await reseller.get(path)) == (200, settings)


async def test_the_world_is_as_large_as_its_module_says(sandbox: Sandbox) -> None:
    cases = sandbox.world.telecomx.cases.values()
    assert Counter(case.help_center_id for case in cases) == {SERVICE: 48, TECHNICAL: 48}
    assert {len(case.messages) for case in cases} == {1, 2, 3, 4, 5, 6}


@pytest.mark.parametrize("form", ["full", "none"])
async def test_each_form_of_cases_is_served(client: httpx.AsyncClient, form: str) -> None:
    forms = {"case_messages": form, "empty_properties": "null", "microsoft_sign_in": "expired"}
    sandbox = Sandbox(forms={"telecomx": forms})
    async with sandbox.serve() as running:
        client.base_url = httpx.URL(running.base_urls["telecomx"])
        client.params = httpx.QueryParams(
            token=sandbox.services["telecomx"].credentials["resellerMachineToken"]
        )
        case = next(c for c in cases_of(sandbox) if c.customer_id is None)
        item = await shown(client, case)
        assert (item["customer"], item["company"]) == (None, None)
        full = [
            {
                "_id": mail.id,
                "content": mail.content,
                "sentBy": mail.sent_by,
                "sentAt": f"{mail.sent_at:%Y-%m-%dT%H:%M:%S}.000Z",
            }
            for mail in case.messages
        ]
        assert item["messages"] == (full if form == "full" else None)
        response = await client.get(f"/helpcenter/message/{case.messages[0].id}/images")
        assert answer(response) == (401, {"message": "helpcenter"})
