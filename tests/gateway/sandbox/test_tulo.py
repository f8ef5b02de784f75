"""The original document's request, answer and errors, then every other endpoint and quirk, over real sockets.

The document's curl data is valid JSON and sent byte for byte. Its example error is not (`\\d` is no JSON
escape): read as `\\\\d`. Aside are the ids of new messages; `pw_correlation_id`, which the original does not
show, is left out by the form `correlation=absent`.
"""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from gateway.sandbox import Running, Sandbox

EXAMPLE_BODY = b"""{
      "account_id": "66d986b4ad659dea5ceb9b62",
      "heading": "My heading",
      "message": "My message"
    }"""
EXAMPLE_ERROR = {
    "code": "invalid_parameter",
    "field": "account_id",
    "message": r"Parameter must match format (/^[a-f\d]{24}$/)",
}
ACCOUNT = "66d986b4ad659dea5ceb9b62"
NEW = {"account_id": ACCOUNT, "heading": "Utebliven tidning", "message": "Ingen tidning i lördags."}
NOBODY = "0" * 24
TOKEN_PATH = "/api/authorization/access_token"
API = "/external/api/v1"
MESSAGES = f"{API}/helpdesk_messages"
PENDING = f"{API}/helpdesk_messages/get_pending_messages"
TEMPLATES = f"{API}/helpdesk_message_templates/all"
ACCOUNTS = f"{API}/accounts"
SUBSCRIPTIONS = f"{API}/subscription/get_by_account"
READS: tuple[tuple[str, dict[str, str]], ...] = (
    (PENDING, {"account_id": ACCOUNT}),
    (TEMPLATES, {}),
    (ACCOUNTS, {"id": ACCOUNT}),
    (f"{ACCOUNTS}/status", {"id": ACCOUNT}),
    (f"{ACCOUNTS}/comments", {"id": ACCOUNT}),
    (f"{ACCOUNTS}/active_products", {"account_id": ACCOUNT}),
    (SUBSCRIPTIONS, {"account_id": ACCOUNT}),
)


def answer(response: httpx.Response) -> tuple[int, Any]:
    return response.status_code, response.json()


def refused(response: httpx.Response) -> tuple[int, dict[str, str]]:
    """Status and error object; every one carries a correlation id of its own."""
    body = response.json()
    assert body.pop("pw_correlation_id").startswith("pw-api-")
    return response.status_code, body


def invalid(field: str, message: str) -> tuple[int, dict[str, str]]:
    return 400, {"code": "invalid_parameter", "field": field, "message": message}


def form(sandbox: Sandbox, **changes: str) -> dict[str, str]:
    issued = sandbox.services["tulo"].credentials
    return {
        "client_id": issued["clientId"],
        "client_secret": issued["clientSecret"],
        "grant_type": "none",
        "scope": issued["scope"],
    } | changes


async def log_in(client: httpx.AsyncClient, login: dict[str, str]) -> None:
    token = (await client.post(TOKEN_PATH, data=login)).json()["access_token"]
    client.headers["Authorization"] = f"Bearer {token}"


@pytest.fixture
async def nobody(running: Running, client: httpx.AsyncClient) -> httpx.AsyncClient:
    """The headers that every request needs, but no token."""
    client.base_url = httpx.URL(running.base_urls["tulo"])
    client.headers.update({"Content-Type": "application/json", "Accept": "application/json"})
    return client


@pytest.fixture
async def tulo(nobody: httpx.AsyncClient, sandbox: Sandbox) -> httpx.AsyncClient:
    nobody.headers.pop("Content-Type")
    await log_in(nobody, form(sandbox))
    nobody.headers["Content-Type"] = "application/json"
    return nobody


async def pending(tulo: httpx.AsyncClient, account_id: str = ACCOUNT) -> list[dict[str, Any]]:
    response = await tulo.get(PENDING, params={"account_id": account_id})
    assert response.status_code == 200
    items: list[dict[str, Any]] = response.json()["items"]
    return items


class TestAccessToken:
    async def test_a_client_without_identity_gets_a_token_for_its_scopes(
        self, nobody: httpx.AsyncClient, sandbox: Sandbox
    ) -> None:
        nobody.headers.pop("Content-Type")
        response = await nobody.post(TOKEN_PATH, data=form(sandbox))
        token = response.json()["access_token"]
        assert answer(response) == (200, {"access_token": token, "expires_in": 3600})
        again = await nobody.post(TOKEN_PATH, data=form(sandbox))
        assert again.json()["access_token"] != token

    @pytest.mark.parametrize(
        ("changes", "status", "error", "description"),
        [
            ({"client_id": ""}, 400, "invalid_request", "Missing parameter: client_id"),
            ({"client_secret": ""}, 400, "invalid_request", "Missing parameter: client_secret"),
            ({"grant_type": ""}, 400, "invalid_request", "Missing parameter: grant_type"),
            ({"scope": ""}, 400, "invalid_request", "Missing parameter: scope"),
            ({"client_id": "someone"}, 401, "invalid_client", "Client authentication failed"),
            ({"client_secret": "wrong"}, 401, "invalid_client", "Client authentication failed"),
            (
                {"grant_type": "client_credentials"},
                400,
                "unsupported_grant_type",
                "This client may only use the grant type none",
            ),
            (
                {"scope": "/external/account/r /external/order/r"},
                400,
                "invalid_scope",
                "A requested scope is not issued to the client",
            ),
        ],
    )
    async def test_refusals_describe_the_error(
        self,
        nobody: httpx.AsyncClient,
        sandbox: Sandbox,
        changes: dict[str, str],
        status: int,
        error: str,
        description: str,
    ) -> None:
        nobody.headers.pop("Content-Type")
        response = await nobody.post(TOKEN_PATH, data=form(sandbox, **changes))
        assert answer(response) == (status, {"error": error, "error_description": description})

    async def test_only_a_form_is_read(self, nobody: httpx.AsyncClient, sandbox: Sandbox) -> None:
        assert answer(await nobody.post(TOKEN_PATH, json=form(sandbox))) == (
            400,
            {"error": "invalid_request", "error_description": "The request must be form-encoded"},
        )


class TestEveryRequest:
    @pytest.mark.parametrize(("path", "query"), READS)
    @pytest.mark.parametrize("header", [None, "Bearer wrong", "Basic wrong", "Bearer"])
    async def test_needs_a_token(
        self, nobody: httpx.AsyncClient, path: str, query: dict[str, str], header: str | None
    ) -> None:
        headers = {"Authorization": header} if header else {}
        assert refused(await nobody.get(path, params=query, headers=headers)) == (
            401,
            {"code": "unauthorized", "message": "The access token is missing, wrong or expired"},
        )

    async def test_a_write_needs_a_token(self, nobody: httpx.AsyncClient, sandbox: Sandbox) -> None:
        assert (await nobody.post(MESSAGES, json=NEW)).status_code == 401
        assert NEW["message"] not in [
            m.message for m in sandbox.world.tulo.helpdesk_messages.values() if m.heading == NEW["heading"]
        ]

    async def test_a_token_ends_with_its_life(
        self, tulo: httpx.AsyncClient, set_now: Callable[[datetime], None], now: datetime
    ) -> None:
        set_now(now + timedelta(seconds=3599))
        assert (await tulo.get(TEMPLATES)).status_code == 200
        set_now(now + timedelta(seconds=3600))
        assert (await tulo.get(TEMPLATES)).status_code == 401

    @pytest.mark.parametrize(
        ("path", "query", "scope"),
        [
            (ACCOUNTS, {"id": ACCOUNT}, "/external/account/w"),
            (SUBSCRIPTIONS, {"account_id": ACCOUNT}, "/external/subscription/r"),
        ],
    )
    async def test_needs_the_scope_of_its_endpoint(
        self, nobody: httpx.AsyncClient, sandbox: Sandbox, path: str, query: dict[str, str], scope: str
    ) -> None:
        issued = sandbox.services["tulo"].credentials
        nobody.headers.pop("Content-Type")
        await log_in(
            nobody,
            form(
                sandbox,
                client_id=issued["readerClientId"],
                client_secret=issued["readerClientSecret"],
                scope=issued["readerScope"],
            ),
        )
        nobody.headers["Content-Type"] = "application/json"
        assert refused(await nobody.get(path, params=query)) == (
            403,
            {"code": "forbidden", "message": f"The access token lacks the scope {scope}"},
        )
        assert refused(await nobody.post(MESSAGES, json=NEW)) == (
            403,
            {"code": "forbidden", "message": "The access token lacks the scope /external/helpdesk/w"},
        )
        assert (await nobody.get(TEMPLATES)).status_code == 200
        assert (await nobody.get(f"{ACCOUNTS}/status", params={"id": ACCOUNT})).status_code == 200

    @pytest.mark.parametrize(("path", "query"), READS)
    async def test_needs_both_headers_on_reads_too(
        self, tulo: httpx.AsyncClient, path: str, query: dict[str, str]
    ) -> None:
        wrong_type = {"Content-Type": "text/plain"}
        assert refused(await tulo.get(path, params=query, headers=wrong_type)) == (
            400,
            {"code": "invalid_content_type_error", "message": "Content-Type must be application/json"},
        )
        assert refused(await tulo.get(path, params=query, headers={"Accept": "*/*"})) == (
            400,
            {"code": "invalid_accept_error", "message": "Accept must be application/json"},
        )
        tulo.headers.pop("Content-Type")
        response = await tulo.get(path, params=query)
        assert refused(response)[1]["code"] == "invalid_content_type_error"

    async def test_headers_may_carry_parameters(self, tulo: httpx.AsyncClient) -> None:
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Accept": "text/plain, application/json;q=0.9",
        }
        assert (await tulo.get(TEMPLATES, headers=headers)).status_code == 200

    @pytest.mark.parametrize(("path", "query"), READS)
    async def test_refuses_unknown_parameters(
        self, tulo: httpx.AsyncClient, path: str, query: dict[str, str]
    ) -> None:
        assert refused(await tulo.get(path, params=query | {"_": "1"})) == (
            400,
            {"code": "unknown_parameter", "message": "Unknown parameter: _"},
        )

    async def test_each_error_has_its_own_correlation_id(self, tulo: httpx.AsyncClient) -> None:
        ids = [(await tulo.get(ACCOUNTS)).json()["pw_correlation_id"] for _ in range(3)]
        assert len(set(ids)) == 3

    async def test_unknown_paths_and_verbs_have_the_same_error_form(self, tulo: httpx.AsyncClient) -> None:
        assert refused(await tulo.get(f"{API}/campaigns")) == (
            404,
            {"code": "not_found", "message": "Not Found"},
        )
        assert refused(await tulo.put(MESSAGES)) == (
            405,
            {"code": "method_not_allowed", "message": "Method Not Allowed"},
        )

    async def test_a_server_error_has_the_documented_code(
        self, tulo: httpx.AsyncClient, sandbox: Sandbox
    ) -> None:
        sandbox.services["tulo"].faults.error_rate = 1
        response = await tulo.post(MESSAGES, json=NEW)
        assert refused(response) == (500, {"code": "internal_server_error", "message": "Injected fault"})


class TestCreateHelpdeskMessage:
    async def test_the_printed_request_gets_the_printed_answer(
        self, tulo: httpx.AsyncClient, sandbox: Sandbox
    ) -> None:
        before = await pending(tulo)
        response = await tulo.post(MESSAGES, content=EXAMPLE_BODY)
        new_id = response.json()["id"]
        assert answer(response) == (201, {"id": new_id})
        assert len(new_id) == 24
        account = sandbox.world.tulo.accounts[ACCOUNT]
        created = {
            "id": new_id,
            "account_id": ACCOUNT,
            "account": {
                "id": ACCOUNT,
                "first_name": account["first_name"],
                "last_name": account["last_name"],
                "contact_email": account["email"],
                "mobile_number": account["mobile_phone_number"],
                "customer_number": account["customer_number"],
                "status": "active",
                "verified": True,
                "has_products": True,
            },
            "assignee_id": None,
            "assignee": None,
            "created_at": "2026-11-22T11:30:15.250+01:00",
            "updated_at": "2026-11-22T11:30:15.250+01:00",
            "resolved_at": None,
            "heading": "My heading",
            "message": "My message",
            "type": "request",
            "identifier": "",
            "state": "pending",
            "comments": [],
        }
        assert await pending(tulo) == [*before, created]

    async def test_the_id_may_be_in_capitals(self, tulo: httpx.AsyncClient) -> None:
        response = await tulo.post(MESSAGES, json=NEW | {"account_id": ACCOUNT.upper()})
        assert response.status_code == 201
        assert (await pending(tulo))[-1]["id"] == response.json()["id"]

    async def test_longest_texts_count_characters_and_empty_ones_are_accepted(
        self, tulo: httpx.AsyncClient
    ) -> None:
        for heading, message in (("å" * 512, "𝄞" * 1024), ("", "")):
            response = await tulo.post(MESSAGES, json=NEW | {"heading": heading, "message": message})
            assert response.status_code == 201
            newest = (await pending(tulo))[-1]
            assert (newest["heading"], newest["message"]) == (heading, message)

    @pytest.mark.parametrize(
        ("changes", "field", "message"),
        [
            ({"account_id": "1" * 23}, "account_id", EXAMPLE_ERROR["message"]),
            ({"account_id": "1" * 25}, "account_id", EXAMPLE_ERROR["message"]),
            ({"account_id": "g" * 24}, "account_id", EXAMPLE_ERROR["message"]),
            ({"account_id": ACCOUNT + "\n"}, "account_id", EXAMPLE_ERROR["message"]),
            ({"account_id": 5}, "account_id", "Parameter must be a string"),
            ({"account_id": None}, "account_id", "Parameter must be a string"),
            ({"heading": "x" * 513}, "heading", "Parameter cannot have length greater than 512"),
            ({"heading": None}, "heading", "Parameter must be a string"),
            ({"message": "x" * 1025}, "message", "Parameter cannot have length greater than 1024"),
            ({"message": ["x"]}, "message", "Parameter must be a string"),
        ],
    )
    async def test_invalid_fields_are_named(
        self, tulo: httpx.AsyncClient, changes: dict[str, object], field: str, message: str
    ) -> None:
        before = await pending(tulo)
        assert refused(await tulo.post(MESSAGES, json=NEW | changes)) == invalid(field, message)
        assert await pending(tulo) == before

    @pytest.mark.parametrize("field", ["account_id", "heading", "message"])
    async def test_every_field_is_required(self, tulo: httpx.AsyncClient, field: str) -> None:
        body = {name: value for name, value in NEW.items() if name != field}
        response = await tulo.post(MESSAGES, json=body)
        assert refused(response) == invalid(field, "Parameter is required")

    async def test_other_fields_are_refused(self, tulo: httpx.AsyncClient) -> None:
        unknown = {"code": "unknown_parameter", "message": "Unknown parameter: priority"}
        assert refused(await tulo.post(MESSAGES, json=NEW | {"priority": 1})) == (400, unknown)
        assert refused(await tulo.post(f"{MESSAGES}?priority=1", json=NEW)) == (400, unknown)

    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"text"', b'{"heading": "\xff"}'])
    async def test_a_body_that_is_no_object(self, tulo: httpx.AsyncClient, body: bytes) -> None:
        response = await tulo.post(MESSAGES, content=body)
        assert refused(response)[0] == 400
        assert response.json()["code"] == "json_parser_error"

    async def test_another_content_type_is_refused(self, tulo: httpx.AsyncClient) -> None:
        response = await tulo.post(MESSAGES, content=EXAMPLE_BODY, headers={"Content-Type": "text/json"})
        assert refused(response)[1]["code"] == "invalid_content_type_error"

    async def test_an_account_that_is_not_there(self, tulo: httpx.AsyncClient) -> None:
        assert refused(await tulo.post(MESSAGES, json=NEW | {"account_id": NOBODY})) == (
            404,
            {"code": "not_found", "message": "Account not found"},
        )


class TestHelpdeskReads:
    async def test_only_pending_messages_are_listed(self, tulo: httpx.AsyncClient, sandbox: Sandbox) -> None:
        world = sandbox.world.tulo
        listed = [item["id"] for account_id in world.accounts for item in await pending(tulo, account_id)]
        stored = Counter(message.state for message in world.helpdesk_messages.values())
        assert stored == {"pending": 26, "resolved": 4}
        assert len(listed) == len(set(listed)) == 26

    async def test_an_assignee_is_shown_without_products(
        self, tulo: httpx.AsyncClient, sandbox: Sandbox
    ) -> None:
        world = sandbox.world.tulo
        message = next(m for m in world.helpdesk_messages.values() if m.assignee_id and m.state == "pending")
        (item,) = [m for m in await pending(tulo, message.account_id) if m["id"] == message.id]
        assert item["assignee"]["id"] == item["assignee_id"] == message.assignee_id
        assert set(item["account"]) - set(item["assignee"]) == {"has_products"}

    @pytest.mark.parametrize("path", [PENDING, SUBSCRIPTIONS])
    async def test_lists_need_an_account(self, tulo: httpx.AsyncClient, path: str) -> None:
        assert refused(await tulo.get(path)) == invalid("account_id", "Parameter is required")
        assert refused(await tulo.get(path, params={"account_id": "x"})) == invalid(
            "account_id", EXAMPLE_ERROR["message"]
        )
        assert refused(await tulo.get(path, params={"account_id": NOBODY}))[0] == 404

    async def test_templates_are_the_enabled_ones_unless_asked(self, tulo: httpx.AsyncClient) -> None:
        enabled = ["Utebliven tidning", "Inloggning", "Uppehåll", "Faktura"]
        for query, headings in (
            ({}, enabled),
            ({"enabled": "true"}, enabled),
            ({"enabled": "false"}, ["Jul"]),
        ):
            items = (await tulo.get(TEMPLATES, params=query)).json()["items"]
            assert [item["heading"] for item in items] == headings
        assert refused(await tulo.get(TEMPLATES, params={"enabled": "1"})) == invalid(
            "enabled", "Parameter must be true or false"
        )


class TestAccounts:
    async def test_an_account_is_found_by_each_of_its_keys(
        self, tulo: httpx.AsyncClient, sandbox: Sandbox
    ) -> None:
        whole = (await tulo.get(ACCOUNTS, params={"id": ACCOUNT})).json()
        item = dict(whole["item"])
        products = item.pop("user_products")
        assert item == sandbox.world.tulo.accounts[ACCOUNT]
        assert [p["id"] for p in products] == [s["id"] for s in sandbox.world.tulo.subscriptions[ACCOUNT]]
        assert "subscription_next_price" not in products[0]
        for query in (
            {"id": ACCOUNT.upper()},
            {"email": item["email"].upper()},
            {"alias": item["alias"]},
            {"social_security_number": item["social_security_number"]},
            {"tulo_customer_number": item["tulo_customer_number"]},
            {"external_id_key": "crm", "external_id_value": "C-1000"},
        ):
            assert (await tulo.get(ACCOUNTS, params=query)).json() == whole
        other = (await tulo.get(ACCOUNTS, params={"customer_number": "K00001"})).json()["item"]
        assert other["customer_number"] == "K00001"

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            (
                {},
                (
                    400,
                    {
                        "code": "invalid_parameter",
                        "message": "One parameter that identifies the account is required",
                    },
                ),
            ),
            (
                {"id": ACCOUNT, "alias": "reader0"},
                (400, {"code": "invalid_parameter", "message": "Only one of id, alias can be given"}),
            ),
            (
                {"id": ACCOUNT, "external_id_value": "C-1000"},
                (
                    400,
                    {
                        "code": "invalid_parameter",
                        "message": "Only one of id, external_id_value can be given",
                    },
                ),
            ),
            ({"external_id_key": "crm"}, invalid("external_id_value", "Parameter is required")),
            ({"external_id_value": "C-1000"}, invalid("external_id_key", "Parameter is required")),
            ({"id": "x"}, invalid("id", EXAMPLE_ERROR["message"])),
            ({"email": "x" * 1025}, invalid("email", "Parameter cannot have length greater than 1024")),
            (
                {"customer_number": "x" * 11},
                invalid("customer_number", "Parameter cannot have length greater than 10"),
            ),
            (
                {"customer_number": "K 1"},
                invalid("customer_number", "Parameter must match format (/^[a-zA-Z-_0-9]*$/)"),
            ),
            (
                {"social_security_number": "19740897-0000"},
                invalid("social_security_number", r"Parameter must match format (/^\d{6}-\d{4}$/)"),
            ),
            ({"id": NOBODY}, (404, {"code": "not_found", "message": "Account not found"})),
            ({"email": "x" * 1024}, (404, {"code": "not_found", "message": "Account not found"})),
            ({"customer_number": "K-_4567890"}, (404, {"code": "not_found", "message": "Account not found"})),
            (
                {"external_id_key": "erp", "external_id_value": "C-1000"},
                (404, {"code": "not_found", "message": "Account not found"}),
            ),
        ],
    )
    async def test_a_lookup_needs_exactly_one_valid_key(
        self, tulo: httpx.AsyncClient, query: dict[str, str], expected: tuple[int, dict[str, str]]
    ) -> None:
        assert refused(await tulo.get(ACCOUNTS, params=query)) == expected

    async def test_status_and_comments_by_id_or_mail_address(
        self, tulo: httpx.AsyncClient, sandbox: Sandbox
    ) -> None:
        email = sandbox.world.tulo.accounts[ACCOUNT]["email"]
        comments = sandbox.world.tulo.comments[ACCOUNT]
        for query in ({"id": ACCOUNT}, {"email": email}):
            assert answer(await tulo.get(f"{ACCOUNTS}/status", params=query)) == (
                200,
                {"item": {"status": "active"}},
            )
            assert answer(await tulo.get(f"{ACCOUNTS}/comments", params=query)) == (200, {"items": comments})
        assert [comment["created_at"] for comment in comments] == [
            "2026-11-15 10:00:00 +0100",
            "2026-11-06 10:00:00 +0100",
        ]

    @pytest.mark.parametrize("path", [f"{ACCOUNTS}/status", f"{ACCOUNTS}/comments"])
    @pytest.mark.parametrize("query", [{}, {"id": ACCOUNT, "email": "a@b.example"}, {"id": "x"}])
    async def test_status_and_comments_need_one_of_them(
        self, tulo: httpx.AsyncClient, path: str, query: dict[str, str]
    ) -> None:
        status, body = refused(await tulo.get(path, params=query))
        assert (status, body["code"]) == (400, "invalid_parameter")
        assert refused(await tulo.get(path, params={"email": "a@b.example"}))[0] == 404

    async def test_active_products_leave_out_what_has_ended(
        self, tulo: httpx.AsyncClient, sandbox: Sandbox
    ) -> None:
        path, world = f"{ACCOUNTS}/active_products", sandbox.world.tulo
        world.subscriptions[ACCOUNT][0]["state"] = "cancelled"
        world.subscriptions[ACCOUNT][1]["state"] = "activated"
        active = [world.subscriptions[ACCOUNT][1]["product_code"]]
        item = {"id": ACCOUNT, "active_products": active, "external_plus_products": []}
        response = await tulo.get(path, params={"account_id": ACCOUNT})
        assert answer(response) == (200, {"item": item})
        response = await tulo.get(path, params={"account_id": ACCOUNT, "include_articles": "true"})
        assert answer(response) == (200, {"item": item | {"active_articles": world.articles[ACCOUNT]}})
        response = await tulo.get(path, params={"account_id": ACCOUNT, "include_articles": "yes"})
        assert refused(response) == invalid("include_articles", "Parameter must be true or false")
        assert refused(await tulo.get(path)) == invalid("account_id", "Parameter is required")


class TestSubscriptions:
    async def test_an_account_shows_its_own(self, tulo: httpx.AsyncClient, sandbox: Sandbox) -> None:
        response = await tulo.get(SUBSCRIPTIONS, params={"account_id": ACCOUNT})
        assert answer(response) == (200, {"items": sandbox.world.tulo.subscriptions[ACCOUNT]})

    async def test_dates_have_an_offset_and_none_is_null_or_empty(self, sandbox: Sandbox) -> None:
        held = [one for all_ in sandbox.world.tulo.subscriptions.values() for one in all_]
        assert len(held) == 69
        assert all(datetime.fromisoformat(one["valid_to"]).tzinfo for one in held)
        assert {one["campaign_end_date"] for one in held} == {None}
        assert {bool(one["external_start_date"]) for one in held} == {True, False}


async def test_a_reset_forgets_tokens_and_new_messages(tulo: httpx.AsyncClient, sandbox: Sandbox) -> None:
    await tulo.post(MESSAGES, json=NEW)
    sandbox.services["tulo"].reset()
    assert (await tulo.get(TEMPLATES)).status_code == 401
    tulo.headers.pop("Content-Type")
    await log_in(tulo, form(sandbox))
    tulo.headers["Content-Type"] = "application/json"
    assert len(await pending(tulo)) == 3


async def test_each_form_is_served(client: httpx.AsyncClient) -> None:
    forms = {"token_life_s": "7200", "correlation": "absent", "unknown_account": "empty"}
    sandbox = Sandbox(forms={"tulo": forms})
    async with sandbox.serve() as running:
        client.base_url = httpx.URL(running.base_urls["tulo"])
        token = (await client.post(TOKEN_PATH, data=form(sandbox))).json()
        assert token["expires_in"] == 7200
        client.headers.update(
            {
                "Authorization": f"Bearer {token['access_token']}",
                "Content-Type": "application/json",
                "Accept": "application/json",
            }
        )
        response = await client.post(MESSAGES, json=NEW | {"account_id": "66d986b4"})
        assert answer(response) == (400, EXAMPLE_ERROR)
        for path in (PENDING, SUBSCRIPTIONS):
            response = await client.get(path, params={"account_id": NOBODY})
            assert answer(response) == (200, {"items": []})
