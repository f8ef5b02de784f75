"""The original request and answer, the effects of every write and every refusal, over real sockets.

The document prints its data as one line of valid JSON; nothing was transcribed. Aside are the ids and times
of new messages.
"""

import base64
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from gateway.sandbox import Running, Sandbox

EXAMPLE_REPLY = (
    '{"body":"Hello world.","user_login":"testowy.agent17","date":"2014-07-14 12:34",'
    '"attachments":["61527075253ba62a76ca5c"]}'
)
REPLY = {"body": "Twoja paczka wyjdzie jutro.", "body_type": "PLAIN", "user_login": "testowy.agent11"}
LOCAL_NOW = "2026-11-22 11:30"


def answer(response: httpx.Response) -> tuple[int, Any]:
    return response.status_code, response.json()


def refused(response: httpx.Response) -> tuple[int, list[str]]:
    """Status and texts; every refusal has a request id and numeric codes."""
    body = response.json()
    assert set(body) == {"request_id", "errors"}
    assert all(isinstance(error["code"], int) for error in body["errors"])
    return response.status_code, [error["message"] for error in body["errors"]]


async def ticket(thulium: httpx.AsyncClient, ticket_id: int = 1234) -> dict[str, Any]:
    response = await thulium.get(f"/tickets/{ticket_id}")
    assert response.status_code == 200
    body: dict[str, Any] = response.json()
    return body


class TestAgentResponse:
    async def test_the_printed_request_gets_the_printed_answer(self, thulium: httpx.AsyncClient) -> None:
        before = await ticket(thulium)
        response = await thulium.post(
            "/tickets/1234/agent_response",
            content=EXAMPLE_REPLY,
            headers={"Content-Type": "application/json; charset=utf-8"},
        )
        assert answer(response) == (200, [])
        after = await ticket(thulium)
        reply = {
            "message_id": after["messages"][0]["message_id"],
            "user_login": "testowy.agent17",
            "type": "REPLY",
            "body": "Hello world.",
            "comment": "",
            "system_comment": "",
            "created_at": "2014-07-14 12:34",
            "attachments": ["61527075253ba62a76ca5c"],
        }
        assert after == before | {"updated_at": LOCAL_NOW, "messages": [reply, *before["messages"]]}

    async def test_without_a_date_it_is_sent_now(self, thulium: httpx.AsyncClient) -> None:
        await thulium.post("/tickets/1234/agent_response", json=REPLY)
        assert (await ticket(thulium))["messages"][0]["created_at"] == LOCAL_NOW

    async def test_the_first_reply_is_remembered(
        self, thulium: httpx.AsyncClient, set_now: Callable[[datetime], None], now: datetime
    ) -> None:
        new = {"to": "pomoc@sklep.example", "subject": "Brak faktury", "body": "Proszę o fakturę."}
        ticket_id = (await thulium.post("/tickets", json=new)).json()["ticket_id"]
        set_now(now + timedelta(hours=25, minutes=5))
        await thulium.post(f"/tickets/{ticket_id}/agent_response", json=REPLY)
        set_now(now + timedelta(hours=30))
        await thulium.post(f"/tickets/{ticket_id}/agent_response", json=REPLY)
        answered = await ticket(thulium, ticket_id)
        assert answered["first_agent_responded_at"] == "2026-11-23 12:35"
        assert answered["first_agent_response_time"] == "25:05:00"

    async def test_unknown_fields_are_ignored(self, thulium: httpx.AsyncClient) -> None:
        assert answer(await thulium.post("/tickets/1234/agent_response", json=REPLY | {"id": 1234})) == (
            200,
            [],
        )

    @pytest.mark.parametrize(
        ("body", "texts"),
        [
            ({}, ["Field body cannot be empty.", "Field user_login cannot be empty."]),
            (REPLY | {"body": " "}, ["Field body cannot be empty."]),
            (REPLY | {"body": 5}, ["Field body has an invalid value."]),
            (REPLY | {"body_type": "MARKDOWN"}, ["Field body_type has an invalid value."]),
            (REPLY | {"user_login": "nobody"}, ["Agent nobody does not exist."]),
            (REPLY | {"date": "14.07.2014"}, ["Field date has an invalid value."]),
            (REPLY | {"date": "2014-07-14"}, ["Field date has an invalid value."]),
            (REPLY | {"attachments": ["unknown"]}, ["Temporary file unknown does not exist."]),
            (REPLY | {"attachments": "unknown"}, ["Field attachments has an invalid value."]),
        ],
    )
    async def test_validation_names_every_problem_and_changes_nothing(
        self, thulium: httpx.AsyncClient, body: object, texts: list[str]
    ) -> None:
        before = await ticket(thulium)
        assert refused(await thulium.post("/tickets/1234/agent_response", json=body)) == (400, texts)
        assert await ticket(thulium) == before

    @pytest.mark.parametrize("body", [b"", b"{", b"[]"])
    async def test_a_body_that_is_no_object(self, thulium: httpx.AsyncClient, body: bytes) -> None:
        response = await thulium.post("/tickets/1234/agent_response", content=body)
        assert refused(response) == (400, ["Request body is not a JSON object."])

    async def test_errors_are_polish_where_asked(self, thulium: httpx.AsyncClient) -> None:
        response = await thulium.post(
            "/tickets/1234/agent_response", json={}, headers={"Accept-Language": "pl"}
        )
        assert refused(response) == (
            400,
            ["Pole body nie może być puste.", "Pole user_login nie może być puste."],
        )

    @pytest.mark.parametrize("ticket_id", ["99999999", "abc", "-1"])
    async def test_a_ticket_that_is_not_there(self, thulium: httpx.AsyncClient, ticket_id: str) -> None:
        response = await thulium.post(f"/tickets/{ticket_id}/agent_response", json=REPLY)
        assert refused(response) == (404, ["Ticket does not exist."])


class TestAccess:
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", "/tickets"),
            ("POST", "/tickets"),
            ("GET", "/tickets/1234"),
            ("PUT", "/tickets/1234"),
            ("POST", "/tickets/1234/agent_response"),
            ("POST", "/tickets/1234/customer_response"),
            ("POST", "/temporary_files"),
            ("GET", "/customers"),
            ("GET", "/customers/40101"),
            ("GET", "/companies"),
            ("GET", "/companies/61"),
            ("GET", "/agents"),
            ("GET", "/agents/testowy.agent11"),
        ],
    )
    async def test_every_endpoint_wants_a_login(
        self, client: httpx.AsyncClient, running: Running, method: str, path: str
    ) -> None:
        response = await client.request(method, running.base_urls["thulium"] + path)
        assert refused(response) == (401, ["Invalid API user or password."])
        assert response.headers["www-authenticate"] == 'Basic realm="Thulium API"'

    @pytest.mark.parametrize(
        "authorization",
        [
            "Basic " + base64.b64encode(b"api_user:wrong").decode(),
            "Basic "
            + base64.b64encode(b"api_user:api_pass\n").decode(),  # as the vendor's own sample encodes it
            "Basic ???",
            "Bearer api_pass",
        ],
    )
    async def test_a_wrong_login(
        self, client: httpx.AsyncClient, running: Running, authorization: str
    ) -> None:
        url = running.base_urls["thulium"] + "/tickets"
        response = await client.get(url, headers={"Authorization": authorization})
        assert refused(response) == (401, ["Invalid API user or password."])

    async def test_an_api_user_may_lack_a_right(
        self, client: httpx.AsyncClient, running: Running, sandbox: Sandbox
    ) -> None:
        login = sandbox.services["thulium"].credentials
        basic = (login["readerUsername"], login["readerPassword"])
        url = running.base_urls["thulium"] + "/tickets/1234"
        assert (await client.get(url, auth=basic)).status_code == 200
        response = await client.post(url + "/agent_response", json=REPLY, auth=basic)
        assert refused(response) == (403, ["The API user has no right to this resource."])

    async def test_unknown_paths_and_verbs_answer_in_the_envelope(self, thulium: httpx.AsyncClient) -> None:
        assert refused(await thulium.get("/nothing")) == (404, ["Not Found"])
        assert refused(await thulium.delete("/tickets/1234")) == (405, ["Method Not Allowed"])


class TestReading:
    async def test_a_ticket_shows_ids_as_strings_and_nothing_as_an_empty_string(
        self, thulium: httpx.AsyncClient
    ) -> None:
        found = await ticket(thulium)
        assert (found["status_id"], found["closed_at"], found["close_time"]) == ("1", "", "")
        assert isinstance(found["customer_id"], int)
        plain = await thulium.get("/tickets/1234", params={"include_custom_fields": "true"})
        assert plain.json() == found | {"custom_fields": plain.json()["custom_fields"]}

    async def test_a_ticket_without_a_customer(self, thulium: httpx.AsyncClient, sandbox: Sandbox) -> None:
        lonely = next(t.id for t in sandbox.world.thulium.tickets.values() if t.customer_id is None)
        assert (await ticket(thulium, lonely))["customer_id"] == ""

    async def test_hostile_markup_comes_as_it_was_sent(self, thulium: httpx.AsyncClient) -> None:
        bodies = "".join(
            [(await ticket(thulium, number))["messages"][-1]["body"] for number in range(88235, 88241)]
        )
        assert [
            sign in bodies for sign in ("<script", "onclick", 'width="1"', "javascript:", "<style", "onload")
        ] == [True] * 6

    async def test_lists_are_newest_first_and_pages_join(self, thulium: httpx.AsyncClient) -> None:
        rows: list[Any] = []
        for offset in (0, 100, 200, 300):
            page = (await thulium.get("/tickets", params={"offset": offset})).json()
            assert (page["count"], len(page["result"])) == (241, [100, 100, 41, 0][offset // 100])
            rows += page["result"]
        assert len({row["ticket_id"] for row in rows}) == 241
        assert [r["updated_at"] for r in rows] == sorted((r["updated_at"] for r in rows), reverse=True)
        assert len({row["customer_id"] for row in rows[:100]}) == 20

    async def test_a_row_is_the_ticket_without_messages(self, thulium: httpx.AsyncClient) -> None:
        row = (await thulium.get("/tickets", params={"limit": 1})).json()["result"][0]
        whole = await ticket(thulium, row["ticket_id"])
        assert row == {name: value for name, value in whole.items() if name != "messages"}

    async def test_a_write_moves_the_ticket_to_the_front(self, thulium: httpx.AsyncClient) -> None:
        await thulium.post("/tickets/88001/agent_response", json=REPLY)
        newest = (await thulium.get("/tickets", params={"limit": 1})).json()["result"][0]
        assert (newest["ticket_id"], newest["updated_at"]) == (88001, LOCAL_NOW)

    @pytest.mark.parametrize(
        ("query", "field", "value"),
        [
            ("customer_id=40105", "customer_id", 40105),
            ("user_login=testowy.agent17", "user_login", "testowy.agent17"),
            ("ticket_queue_id=6", "ticket_queue_id", 6),
            ("category_id=9", "category_id", "9"),
            ("status_id%5B%5D=6", "status_id", "6"),
        ],
    )
    async def test_filters(self, thulium: httpx.AsyncClient, query: str, field: str, value: object) -> None:
        everything = [
            row
            for offset in (0, 100, 200)
            for row in (await thulium.get("/tickets", params={"offset": offset})).json()["result"]
        ]
        wanted = [row for row in everything if row[field] == value]
        assert wanted
        found = await thulium.get(f"/tickets?{query}")
        assert answer(found) == (200, {"count": len(wanted), "result": wanted})

    async def test_several_statuses_are_alternatives(self, thulium: httpx.AsyncClient) -> None:
        one = (await thulium.get("/tickets?status_id[]=4")).json()["count"]
        other = (await thulium.get("/tickets?status_id[]=6")).json()["count"]
        assert (await thulium.get("/tickets?status_id[]=4&status_id[]=6")).json()["count"] == one + other

    async def test_windows_of_time(self, thulium: httpx.AsyncClient) -> None:
        ids = [row["ticket_id"] for row in (await thulium.get("/tickets")).json()["result"]]
        fifth = await ticket(thulium, ids[4])
        changed = await thulium.get("/tickets", params={"date_from": fifth["updated_at"]})
        assert [row["ticket_id"] for row in changed.json()["result"]] == ids[:5]
        until = await thulium.get("/tickets", params={"date_to": fifth["updated_at"], "limit": 1})
        assert (until.json()["count"], until.json()["result"][0]["ticket_id"]) == (237, ids[4])
        day = (
            await thulium.get("/tickets", params={"date_from": "2026-11-18", "date_to": "2026-11-18"})
        ).json()
        assert {row["updated_at"][:10] for row in day["result"]} == {"2026-11-18"}
        created = {"create_date_from": "2026-11-18", "create_date_to": "2026-11-18"}
        day = (await thulium.get("/tickets", params=created)).json()
        assert {row["created_at"][:10] for row in day["result"]} == {"2026-11-18"}

    async def test_a_window_ends_with_its_last_minute(
        self, thulium: httpx.AsyncClient, now: datetime, set_now: Callable[[datetime], None]
    ) -> None:
        set_now(now.replace(minute=31, second=0, microsecond=0))
        await thulium.post("/tickets/1234/agent_response", json=REPLY)
        counts = [
            (await thulium.get("/tickets", params={"date_to": f"2026-11-22 11:{minute}"})).json()["count"]
            for minute in (30, 31)
        ]
        assert counts == [240, 241]

    async def test_filters_by_message_company_and_source(self, thulium: httpx.AsyncClient) -> None:
        message_id = (await ticket(thulium))["messages"][1]["message_id"]
        by_message = (await thulium.get("/tickets", params={"message_id": message_id})).json()["result"]
        assert [row["ticket_id"] for row in by_message] == [1234]
        employer = (await thulium.get("/customers/40102")).json()["company_id"]
        of_company = (await thulium.get("/tickets", params={"company_id": employer})).json()["result"]
        assert 40102 in {row["customer_id"] for row in of_company}
        assert (await thulium.get("/tickets", params={"company_id": 999999})).json() == {
            "count": 0,
            "result": [],
        }
        assert (await thulium.get("/tickets", params={"source": "www"})).json()["count"] > 0

    async def test_custom_fields_in_both_notations(self, thulium: httpx.AsyncClient) -> None:
        new = {"to": "pomoc@sklep.example", "subject": "x", "body": "y"}
        ids = [
            (await thulium.post("/tickets", json=new | {"custom_fields": {"Numer zamówienia": n}})).json()[
                "ticket_id"
            ]
            for n in ("nr 71", "nr 72")
        ]
        one = await thulium.get("/tickets", params={"custom_fields[Numer zamówienia]": "nr 71"})
        both = await thulium.get(
            "/tickets",
            params={
                "custom_fields[Numer zamówienia][0]": "nr 71",
                "custom_fields[Numer zamówienia][1]": "nr 72",
            },
        )
        assert [row["ticket_id"] for row in one.json()["result"]] == ids[:1]
        assert sorted(row["ticket_id"] for row in both.json()["result"]) == ids

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ("limit=101", "limit"),
            ("limit=0", "limit"),
            ("offset=-1", "offset"),
            ("customer_id=x", "customer_id"),
            ("date_from=yesterday", "date_from"),
            ("date_to=2026-13-01", "date_to"),
        ],
    )
    async def test_a_bad_filter(self, thulium: httpx.AsyncClient, query: str, field: str) -> None:
        assert refused(await thulium.get(f"/tickets?{query}")) == (
            400,
            [f"Field {field} has an invalid value."],
        )


class TestCreate:
    NEW = {  # noqa: RUF012 - read only
        "to": "pomoc@sklep.example",
        "from": "ola@klient.example",
        "subject": "Brak faktury",
        "body": "Proszę o fakturę do zamówienia 71.",
        "body_type": "PLAIN",
        "source": "www",
        "direction": "in_behalf_of",
        "comment": "Klientka dzwoniła.",
        "custom_fields": {"gateway_ref": "c0ffee-71"},
    }

    async def test_on_behalf_of_the_customer(self, thulium: httpx.AsyncClient) -> None:
        assert answer(await thulium.post("/tickets", json=self.NEW)) == (200, {"ticket_id": 88241})
        found = await ticket(thulium, 88241)
        assert found == {
            "ticket_id": 88241,
            "from": "ola@klient.example",
            "ticket_queue_name": "pomoc@sklep.example",
            "ticket_queue_id": 5,
            "subject": "Brak faktury",
            "status_id": "1",
            "substatus_id": "",
            "customer_id": "",
            "full_status_name": "Nowe",
            "category_id": "",
            "user_login": "",
            "created_at": LOCAL_NOW,
            "updated_at": LOCAL_NOW,
            "closed_at": "",
            "close_time": "",
            "first_agent_responded_at": "",
            "first_agent_response_time": "",
            "messages": [
                {
                    "message_id": found["messages"][0]["message_id"],
                    "user_login": "",
                    "type": "MAIL",
                    "body": "Proszę o fakturę do zamówienia 71.",
                    "comment": "Klientka dzwoniła.",
                    "system_comment": "",
                    "created_at": LOCAL_NOW,
                    "attachments": [],
                }
            ],
        }
        by_reference = await thulium.get("/tickets", params={"custom_fields[gateway_ref]": "c0ffee-71"})
        assert by_reference.json()["count"] == 1

    async def test_out_to_the_customer_with_everything_set(self, thulium: httpx.AsyncClient) -> None:
        customer = (await thulium.get("/customers/40101")).json()
        more = {
            "from": customer["email"],
            "direction": "out",
            "user_login": "testowy.agent11",
            "status_id": 3,
            "substatus_id": "11",
            "category_id": "9",
            "ticket_queue_id": 7,
            "tags": ["pilne"],
            "cc": ["szef@sklep.example"],
            "attachments": ["61527075253ba62a76ca5c"],
        }
        ticket_id = (await thulium.post("/tickets", json=self.NEW | more)).json()["ticket_id"]
        found = await ticket(thulium, ticket_id)
        assert found["full_status_name"] == "W realizacji - u dostawcy"
        assert (found["customer_id"], found["ticket_queue_name"]) == (40101, "faktury@sklep.example")
        assert [(m["type"], m["user_login"], m["attachments"]) for m in found["messages"]] == [
            ("REPLY", "testowy.agent11", ["61527075253ba62a76ca5c"])
        ]

    @pytest.mark.parametrize(
        ("change", "text"),
        [
            ({"to": None}, "Field to cannot be empty."),
            ({"to": "obcy@sklep.example"}, "Mailbox obcy@sklep.example is not defined."),
            ({"subject": ""}, "Field subject cannot be empty."),
            ({"body": ""}, "Field body cannot be empty."),
            ({"body_type": "TEXT"}, "Field body_type has an invalid value."),
            ({"source": "fax"}, "Field source has an invalid value."),
            ({"direction": "in"}, "Field direction has an invalid value."),
            ({"user_login": "nobody"}, "Agent nobody does not exist."),
            ({"customer_id": 1}, "Customer does not exist."),
            ({"tags": "pilne"}, "Field tags has an invalid value."),
            ({"cc": [1]}, "Field cc has an invalid value."),
            ({"status_id": "99"}, "Field status_id has an invalid value."),
            ({"substatus_id": "99"}, "Field substatus_id has an invalid value."),
            ({"category_id": 99}, "Field category_id has an invalid value."),
            ({"ticket_queue_id": 99}, "Field ticket_queue_id has an invalid value."),
            ({"custom_fields": {"Nowe": "x"}}, "Custom field Nowe is not defined."),
            ({"custom_fields": []}, "Field custom_fields has an invalid value."),
            ({"attachments": ["x"]}, "Temporary file x does not exist."),
        ],
    )
    async def test_validation(self, thulium: httpx.AsyncClient, change: dict[str, Any], text: str) -> None:
        assert refused(await thulium.post("/tickets", json=self.NEW | change)) == (400, [text])
        assert (await thulium.get("/tickets", params={"limit": 1})).json()["count"] == 241


class TestUpdate:
    async def test_closing_and_reopening(
        self, thulium: httpx.AsyncClient, now: datetime, set_now: Callable[[datetime], None]
    ) -> None:
        before = await ticket(thulium)
        closed = await thulium.put(
            "/tickets/1234", json={"status_id": "6", "category_id": "9", "user_login": None}
        )
        assert (closed.status_code, closed.content) == (200, b"")
        after = await ticket(thulium)
        assert (after["full_status_name"], after["category_id"]) == ("Zamknięte", "9")
        assert (after["closed_at"], after["user_login"]) == (LOCAL_NOW, before["user_login"])
        assert after["messages"][0]["system_comment"] == "Changed status from [Nowe] to [Zamknięte]"
        assert after["messages"][0]["type"] == "COMMENT"
        set_now(now + timedelta(hours=1))
        await thulium.put("/tickets/1234", json={"status_id": "6"})
        assert (await ticket(thulium))["closed_at"] == LOCAL_NOW
        await thulium.put("/tickets/1234", json={"status_id": 3, "substatus_id": "12"})
        reopened = await ticket(thulium)
        assert (reopened["full_status_name"], reopened["closed_at"]) == ("W realizacji - w magazynie", "")

    async def test_what_does_not_touch_the_status_leaves_no_note(self, thulium: httpx.AsyncClient) -> None:
        before = await ticket(thulium)
        await thulium.put("/tickets/1234", json={"custom_fields": {"Priorytet klienta": "wysoki"}})
        await thulium.put("/tickets/1234", json={"ticket_queue_id": 6, "custom_fields": {"gateway_ref": "a"}})
        after = (await thulium.get("/tickets/1234", params={"include_custom_fields": "1"})).json()
        assert after["messages"] == before["messages"]
        assert after["ticket_queue_name"] == "zwroty@sklep.example"
        assert after["custom_fields"] | {"Numer zamówienia": None} == {
            "Priorytet klienta": "wysoki",
            "gateway_ref": "a",
            "Numer zamówienia": None,
        }

    async def test_refusals(self, thulium: httpx.AsyncClient) -> None:
        missing = await thulium.put("/tickets/99999999", json={})
        assert refused(missing) == (404, ["Ticket does not exist."])
        bad = await thulium.put("/tickets/1234", json={"status_id": "0"})
        assert refused(bad) == (400, ["Field status_id has an invalid value."])

    async def test_a_customer_who_writes_makes_it_new_again(self, thulium: httpx.AsyncClient) -> None:
        await thulium.put("/tickets/1234", json={"status_id": "6"})
        wrote = await thulium.post("/tickets/1234/customer_response", json={"body": "<p>Halo?</p>"})
        assert (wrote.status_code, wrote.content) == (200, b"")
        after = await ticket(thulium)
        assert (after["status_id"], after["closed_at"]) == ("1", "")
        assert (after["messages"][0]["type"], after["messages"][0]["body"]) == ("MAIL", "<p>Halo?</p>")
        empty = await thulium.post("/tickets/1234/customer_response", json={})
        assert refused(empty) == (400, ["Field body cannot be empty."])


class TestUploads:
    async def upload(self, thulium: httpx.AsyncClient) -> dict[str, Any]:
        response = await thulium.post(
            "/temporary_files",
            params={"filename": "zdjęcie paczki.jpg"},
            content=b"\x00\xff" * 50,
            headers={"Content-Type": "application/octet-stream"},
        )
        assert response.status_code == 200
        body: dict[str, Any] = response.json()
        return body

    async def test_a_token_is_good_for_24_hours(
        self, thulium: httpx.AsyncClient, set_now: Callable[[datetime], None], now: datetime
    ) -> None:
        uploaded = await self.upload(thulium)
        assert uploaded == {"filename": "zdjęcie paczki.jpg", "token": uploaded["token"], "size": 100}
        reply = REPLY | {"attachments": [uploaded["token"]]}
        set_now(now + timedelta(hours=24) - timedelta(seconds=1))
        assert answer(await thulium.post("/tickets/1234/agent_response", json=reply)) == (200, [])
        set_now(now + timedelta(hours=24))
        late = await thulium.post("/tickets/1234/agent_response", json=reply)
        assert refused(late) == (400, [f"Temporary file {uploaded['token']} does not exist."])

    async def test_every_upload_has_its_own_token(self, thulium: httpx.AsyncClient) -> None:
        assert (await self.upload(thulium))["token"] != (await self.upload(thulium))["token"]

    async def test_refusals(self, thulium: httpx.AsyncClient) -> None:
        binary = {"Content-Type": "application/octet-stream"}
        nameless = await thulium.post("/temporary_files", content=b"x", headers=binary)
        assert refused(nameless) == (400, ["Field filename cannot be empty."])
        as_json = await thulium.post("/temporary_files?filename=a.json", json={})
        assert refused(as_json) == (400, ["Content-Type must be application/octet-stream."])


class TestAccounts:
    async def everybody(self, thulium: httpx.AsyncClient, path: str) -> list[dict[str, Any]]:
        body = (await thulium.get(f"/{path}", params={"limit": 1000, "include_custom_fields": "true"})).json()
        assert body["count"] == len(body["result"])
        rows: list[dict[str, Any]] = body["result"]
        return rows

    @pytest.mark.parametrize(
        ("path", "key", "number"), [("customers", "customer_id", 90), ("companies", "company_id", 20)]
    )
    async def test_one_equals_its_row(
        self, thulium: httpx.AsyncClient, path: str, key: str, number: int
    ) -> None:
        rows = await self.everybody(thulium, path)
        assert len(rows) == number
        assert answer(await thulium.get(f"/{path}/{rows[3][key]}")) == (200, rows[3])

    async def test_custom_fields_are_listed_only_when_asked_for(self, thulium: httpx.AsyncClient) -> None:
        rows = (await thulium.get("/customers", params={"limit": 3})).json()["result"]
        assert ["custom_fields" in row for row in rows] == [False] * 3

    @pytest.mark.parametrize(
        ("path", "query", "wanted"),
        [
            ("customers", {"email": "EMAIL"}, lambda row: row["customer_id"] == 40101),
            ("customers", {"identifier": ""}, lambda row: row["identifier"] == ""),
            ("customers", {"phone_number": ""}, lambda row: row["phone_number"] == ""),
            ("customers", {"company_id": "62"}, lambda row: row["company_id"] == 62),
            ("customers", {"company_flag": "true"}, lambda row: row["company_flag"] is True),
            (
                "customers",
                {"custom_fields[Segment]": "A"},
                lambda row: row["custom_fields"]["Segment"] == "A",
            ),
            ("companies", {"group": "retail"}, lambda row: row["group"] == "retail"),
            (
                "companies",
                {"type": "shop", "offset": "2", "limit": "2"},
                lambda row: row["company_id"] in (66, 68),
            ),
        ],
    )
    async def test_filters(
        self,
        thulium: httpx.AsyncClient,
        path: str,
        query: dict[str, str],
        wanted: Callable[[dict[str, Any]], bool],
    ) -> None:
        rows = await self.everybody(thulium, path)
        query = {name: rows[0]["email"] if value == "EMAIL" else value for name, value in query.items()}
        found = (await thulium.get(f"/{path}", params=query | {"include_custom_fields": "1"})).json()
        assert found["result"] == [row for row in rows if wanted(row)]
        assert found["result"]

    async def test_agents(self, thulium: httpx.AsyncClient) -> None:
        agents = (await thulium.get("/agents")).json()
        assert len(agents) == 12
        one = await thulium.get("/agents/testowy.agent11")
        assert answer(one) == (200, agents[0])

    async def test_what_is_not_there(self, thulium: httpx.AsyncClient) -> None:
        assert refused(await thulium.get("/customers/1")) == (404, ["Customer does not exist."])
        assert refused(await thulium.get("/companies/1")) == (404, ["Company does not exist."])
        assert refused(await thulium.get("/agents/nobody")) == (404, ["Agent nobody does not exist."])
        too_many = await thulium.get("/customers", params={"limit": 1001})
        assert refused(too_many) == (400, ["Field limit has an invalid value."])


class TestForms:
    async def ask(self, method: str, path: str, *, json: object = None, **forms: str) -> httpx.Response:
        service = Sandbox(forms={"thulium": forms}).services["thulium"]
        basic = (service.credentials["username"], service.credentials["password"])
        transport = httpx.ASGITransport(service.app)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://thulium/api", auth=basic
        ) as client:
            response = await client.request(method, path, json=json)
            return (
                await client.get(path.removesuffix("/agent_response"))
                if forms.get("reply_status")
                else response
            )

    @pytest.mark.parametrize(("rows", "fields"), [("rich", 17), ("bare", 4), ("full", 18)])
    async def test_rows(self, rows: str, fields: int) -> None:
        body = (await self.ask("GET", "/tickets?limit=1", rows=rows)).json()
        assert len(body["result"][0]) == fields
        assert ("messages" in body["result"][0]) == (rows == "full")

    async def test_row_container(self) -> None:
        result = (await self.ask("GET", "/tickets?limit=2")).json()
        array = (await self.ask("GET", "/tickets?limit=2", row_container="array")).json()
        tickets = (await self.ask("GET", "/tickets?limit=2", row_container="tickets")).json()
        assert array == result["result"]
        assert tickets == {"count": 241, "tickets": array}

    async def test_a_reply_may_answer_nothing(self) -> None:
        response = await self.ask("POST", "/tickets/1234/agent_response", json=REPLY, reply_answer="empty")
        assert (response.status_code, response.content) == (200, b"")

    async def test_a_reply_may_move_a_new_ticket(self) -> None:
        after = await self.ask("POST", "/tickets/1234/agent_response", json=REPLY, reply_status="in_progress")
        assert after.json()["full_status_name"] == "W realizacji"
        assert after.json()["messages"][0]["system_comment"] == "Changed status from [Nowe] to [W realizacji]"
