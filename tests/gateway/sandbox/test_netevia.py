"""The original document's request, answer and errors, and the linked accounts, over real sockets.

The printed request is valid JSON and sent byte for byte. The printed answer holds `//` comments, taken out
here. Aside are the comment's id and time.
"""

from typing import Any

import httpx
import pytest

from gateway.sandbox import Running, Sandbox

EXAMPLE_BODY = b"""{
"ticketId": "123456",
"text": "Can you provide an update on the issue?"
}"""
EXAMPLE_ANSWER = {
    "success": True,
    "message": "Message added to ticket successfully.",
    "ticketId": "123456",
    "commentId": "987654",
    "createdDate": "2023-09-25T12:00:00Z",
}
NEW = {"ticketId": 123456, "text": "The card still shows as suspended."}
MESSAGES = "/api/tickets/message"
USERS = "/api/LinkedAccount/users"
NOT_AN_INTEGER = "ticketId is required and must be an integer."
NO_TEXT = "text is required."


def answer(response: httpx.Response) -> tuple[int, Any]:
    return response.status_code, response.json()


def refused(status: int, message: str) -> tuple[int, dict[str, Any]]:
    return status, {"success": False, "message": message}


def texts(sandbox: Sandbox, ticket_id: int = 123456) -> list[str]:
    return [comment.text for comment in sandbox.world.netevia.tickets[ticket_id].comments]


@pytest.fixture
async def netevia(running: Running, sandbox: Sandbox, client: httpx.AsyncClient) -> httpx.AsyncClient:
    client.base_url = httpx.URL(running.base_urls["netevia"])
    token = sandbox.services["netevia"].credentials["token"]
    client.headers.update({"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
    return client


class TestAddMessage:
    async def test_the_printed_request_gets_the_printed_answer(
        self, netevia: httpx.AsyncClient, sandbox: Sandbox
    ) -> None:
        response = await netevia.post(MESSAGES, content=EXAMPLE_BODY)
        assert answer(response) == (200, EXAMPLE_ANSWER | {"createdDate": "2026-11-22T10:30:15Z"})
        assert texts(sandbox) == ["Can you provide an update on the issue?"]

    async def test_the_ticket_is_a_number_too_and_each_comment_has_its_own_id(
        self, netevia: httpx.AsyncClient, sandbox: Sandbox
    ) -> None:
        first, second = [(await netevia.post(MESSAGES, json=NEW)).json() for _ in range(2)]
        assert (first["ticketId"], first["commentId"]) == ("123456", "987654")
        assert (second["ticketId"], second["commentId"]) == ("123456", "987655")
        assert texts(sandbox) == [NEW["text"]] * 2

    async def test_unknown_fields_and_long_texts_are_accepted(
        self, netevia: httpx.AsyncClient, sandbox: Sandbox
    ) -> None:
        long = "<b>å</b>\n" * 10_000
        assert (await netevia.post(MESSAGES, json=NEW | {"text": long, "id": 1})).status_code == 200
        assert texts(sandbox) == [long]

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"ticketId": None}, NOT_AN_INTEGER),
            ({"ticketId": ""}, NOT_AN_INTEGER),
            ({"ticketId": "T-1"}, NOT_AN_INTEGER),
            ({"ticketId": "-1"}, NOT_AN_INTEGER),
            ({"ticketId": " 123456"}, NOT_AN_INTEGER),
            ({"ticketId": "12345678901"}, NOT_AN_INTEGER),
            ({"ticketId": 123456.5}, NOT_AN_INTEGER),
            ({"ticketId": True}, NOT_AN_INTEGER),
            ({"ticketId": [123456]}, NOT_AN_INTEGER),
            ({"ticketId": 2147483648}, "ticketId must be a 32-bit integer."),
            ({"ticketId": "2147483648"}, "ticketId must be a 32-bit integer."),
            ({"text": None}, NO_TEXT),
            ({"text": ""}, NO_TEXT),
            ({"text": " \n"}, NO_TEXT),
            ({"text": 5}, NO_TEXT),
        ],
    )
    async def test_invalid_fields(
        self, netevia: httpx.AsyncClient, sandbox: Sandbox, changes: dict[str, object], message: str
    ) -> None:
        assert answer(await netevia.post(MESSAGES, json=NEW | changes)) == refused(400, message)
        assert texts(sandbox) == []

    @pytest.mark.parametrize(("missing", "message"), [("ticketId", NOT_AN_INTEGER), ("text", NO_TEXT)])
    async def test_missing_fields(self, netevia: httpx.AsyncClient, missing: str, message: str) -> None:
        body = {name: value for name, value in NEW.items() if name != missing}
        assert answer(await netevia.post(MESSAGES, json=body)) == refused(400, message)

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            (b"", "The request body is not valid JSON."),
            (b"{", "The request body is not valid JSON."),
            (b"[]", "The request body must be an object."),
        ],
    )
    async def test_a_body_that_is_no_object(
        self, netevia: httpx.AsyncClient, body: bytes, message: str
    ) -> None:
        assert answer(await netevia.post(MESSAGES, content=body)) == refused(400, message)

    async def test_another_content_type_is_refused(
        self, netevia: httpx.AsyncClient, sandbox: Sandbox
    ) -> None:
        response = await netevia.post(MESSAGES, content=EXAMPLE_BODY, headers={"Content-Type": "text/plain"})
        assert answer(response) == refused(400, "Content-Type must be application/json.")
        assert texts(sandbox) == []

    async def test_a_ticket_of_somebody_else(self, netevia: httpx.AsyncClient, sandbox: Sandbox) -> None:
        response = await netevia.post(MESSAGES, json=NEW | {"ticketId": 200001})
        denied = "You do not have permission to add a message to this ticket."
        assert answer(response) == refused(403, denied)
        assert texts(sandbox, 200001) == []

    @pytest.mark.parametrize("ticket_id", [999999, "0", 0, -1, 2147483647])
    async def test_a_ticket_that_is_not_there(self, netevia: httpx.AsyncClient, ticket_id: int | str) -> None:
        response = await netevia.post(MESSAGES, json=NEW | {"ticketId": ticket_id})
        assert answer(response) == refused(404, "Ticket not found.")

    async def test_a_server_error(self, netevia: httpx.AsyncClient, sandbox: Sandbox) -> None:
        sandbox.services["netevia"].faults.error_rate = 1
        assert answer(await netevia.post(MESSAGES, json=NEW)) == refused(500, "Injected fault")
        assert texts(sandbox) == []


class TestEveryRequest:
    @pytest.mark.parametrize("header", [None, "Bearer wrong", "Bearer", "Basic wrong"])
    async def test_needs_the_bearer_token(
        self, netevia: httpx.AsyncClient, sandbox: Sandbox, header: str | None
    ) -> None:
        netevia.headers.pop("Authorization")
        headers = {"Authorization": header} if header else {}
        assert answer(await netevia.post(MESSAGES, json=NEW, headers=headers)) == refused(
            401, "Unauthorized."
        )
        assert answer(await netevia.get(USERS, headers=headers)) == refused(401, "Unauthorized.")
        assert texts(sandbox) == []

    async def test_unknown_paths_and_verbs_have_the_same_error_form(self, netevia: httpx.AsyncClient) -> None:
        assert answer(await netevia.get("/api/tickets")) == refused(404, "Not Found")
        assert answer(await netevia.get(MESSAGES)) == refused(405, "Method Not Allowed")


async def test_linked_users_are_a_bare_array_of_three_types(
    netevia: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    users = sandbox.world.netevia.linked_users
    assert answer(await netevia.get(USERS)) == (200, users)
    assert len(users) == 14
    assert {user["type"] for user in users} == {1, 2, 4}
    assert all(set(user) == {"id", "nickName", "firstName", "lastName", "dba", "type"} for user in users)


async def test_each_form_is_served(client: httpx.AsyncClient) -> None:
    token = {"Authorization": "Bearer netevia-token-2c9e41f7b0"}
    sandbox = Sandbox(forms={"netevia": {"errors": "problem", "created_date": "milliseconds"}})
    async with sandbox.serve() as running:
        url = running.base_urls["netevia"] + MESSAGES
        response = await client.post(url, json=NEW | {"ticketId": 999999}, headers=token)
        assert answer(response) == (404, {"type": "about:blank", "title": "Ticket not found.", "status": 404})
        created = (await client.post(url, json=NEW, headers=token)).json()["createdDate"]
        assert (len(created), created[-1]) == (len("2023-09-25T12:00:00.000Z"), "Z")
    sandbox = Sandbox(forms={"netevia": {"refusals": "flag"}})
    async with sandbox.serve() as running:
        url = running.base_urls["netevia"] + MESSAGES
        response = await client.post(url, json=NEW | {"ticketId": 999999}, headers=token)
        assert answer(response) == refused(200, "Ticket not found.")
