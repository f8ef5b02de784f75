import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from gateway.http.csrf import Preflighted
from tests.answers import only_error

QUERY = "/graphql?query={__typename}"
DESK = "https://desk.example.com"
REFUSED = (
    403,
    "FORBIDDEN",
    (
        "Pages of other sites may not ask by GET. Send POST with application/json, or the header "
        "apollo-require-preflight; either way, the page's origin must be among cors.origins."
    ),
)


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("answer")(scope, receive, send)


async def ask(
    method: str, path: str, headers: dict[str, str] | list[tuple[str, str]], origins: tuple[str, ...] = ()
) -> httpx.Response:
    transport = httpx.ASGITransport(Preflighted(app, origins=origins))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8000") as http:
        return await http.request(method, path, headers=headers)


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "nonsense"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"},
        {"sec-fetch-site": "cross-site", "origin": "https://evil.example"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:8000.evil.example"},
        {"origin": "http://localhost"},
        {"sec-fetch-site": "cross-site", "origin": "http://localhost:8000"},
        {"sec-fetch-site": "cross-site", "apollo-require-preflight": ""},
        {"sec-fetch-site": "cross-site", "accept": "application/json", "accept-language": "en"},
        # The gateway itself gives a request its id.
        {"sec-fetch-site": "cross-site", "x-request-id": "0123456789abcdef"},
    ],
    ids=str,
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_foreign_page_cannot_have_a_query_run_unasked(method: str, headers: dict[str, str]) -> None:
    answer = await ask(method, QUERY, headers)
    assert answer.status_code == 403
    if method == "GET":
        assert only_error(answer) == REFUSED


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "none", "sec-fetch-mode": "navigate"},
        {"origin": "http://localhost:8000"},
        {"sec-fetch-mode": "cors"},  # node's own fetch
        {"sec-fetch-site": "cross-site", "apollo-require-preflight": "true"},
        {"sec-fetch-site": "cross-site", "x-apollo-operation-name": "Inbox"},
        {"sec-fetch-site": "cross-site", "authorization": "Bearer x"},
        {"sec-fetch-site": "cross-site", "x-api-key": "x"},
    ],
    ids=str,
)
async def test_programs_own_pages_and_what_took_a_preflight_may_ask_by_get(headers: dict[str, str]) -> None:
    assert (await ask("GET", QUERY, headers)).text == "answer"


async def test_a_configured_origin_may_ask_by_get() -> None:
    headers = {"sec-fetch-site": "cross-site", "origin": DESK}
    assert (await ask("GET", QUERY, headers, (DESK,))).text == "answer"
    assert (await ask("GET", QUERY, headers, ("*",))).text == "answer"
    assert (
        await ask("GET", QUERY, {**headers, "origin": "https://evil.example"}, (DESK,))
    ).status_code == 403
    # A request in no-cors mode bears no origin, so nobody may read its answer: it has no business here.
    assert (await ask("GET", QUERY, {"sec-fetch-site": "cross-site"}, (DESK,))).status_code == 403


@pytest.mark.parametrize("path", ["/graphql", "/", "/healthz", "/explorer/script.js?query=x"])
async def test_a_link_to_a_page_may_stand_anywhere(path: str) -> None:
    assert (await ask("GET", path, {"sec-fetch-site": "cross-site"})).text == "answer"


@pytest.mark.parametrize("path", ["/graphql", "/uploads"])
@pytest.mark.parametrize(
    "types",
    [
        ["application/json", "text/plain"],
        ["text/plain", "application/json"],
        ["application/json", "application/json"],
    ],
)
async def test_a_post_has_one_type(path: str, types: list[str]) -> None:
    refused = await ask("POST", path, [("content-type", each) for each in types])
    assert only_error(refused) == (415, "BAD_USER_INPUT", "Send one Content-Type.")


async def test_a_post_of_any_one_type_is_for_the_endpoint_to_judge() -> None:
    headers = {"content-type": "application/json", "sec-fetch-site": "cross-site"}
    assert (await ask("POST", "/graphql", headers)).text == "answer"
