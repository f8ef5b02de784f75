import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from gateway.http.cors import REQUEST_HEADERS, RESPONSE_HEADERS, Cors
from gateway.http.settings import CorsSettings
from tests.answers import only_error

DESK = "https://desk.example.com"
STRANGERS = [
    "https://evil.example",
    "https://desk.example.com.evil.example",
    "https://evil-desk.example.com",
    "https://desk.example.comx",
    "https://desk.example.com:444",
    "http://desk.example.com",
    "https://DESK.example.com",
    "https://desk.example.com/",
    "https://desk.example.com, https://evil.example",
    "null",
    "*",
    "",
]


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("answer", headers={"Vary": "Accept"})(scope, receive, send)


async def ask(method: str, *headers: tuple[str, str], settings: CorsSettings | None = None) -> httpx.Response:
    transport = httpx.ASGITransport(Cors(app, settings=settings or CorsSettings(origins=(DESK,))))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        return await http.request(method, "/graphql", headers=list(headers))


async def preflight(
    origin: str, *headers: tuple[str, str], settings: CorsSettings | None = None
) -> httpx.Response:
    asks = ("access-control-request-method", "POST")
    return await ask("OPTIONS", ("origin", origin), asks, *headers, settings=settings)


def granted(answer: httpx.Response) -> dict[str, str]:
    found = {name: value for name, value in answer.headers.items() if name.startswith("access-control-")}
    return found | {"vary": answer.headers.get("vary", "")}


async def test_a_page_of_a_configured_origin_may_read_the_answer() -> None:
    answer = await ask("POST", ("origin", DESK))
    assert (answer.status_code, answer.text) == (200, "answer")
    assert granted(answer) == {
        "access-control-allow-origin": DESK,
        "access-control-expose-headers": ", ".join(RESPONSE_HEADERS),
        "vary": "Accept, Origin",
    }


async def test_its_browser_is_told_before_what_it_may_send() -> None:
    answer = await preflight(DESK, ("access-control-request-headers", "content-type, x-anything"))
    assert (answer.status_code, answer.content) == (204, b"")
    assert granted(answer) == {
        "access-control-allow-origin": DESK,
        "access-control-allow-methods": "GET, POST",
        "access-control-allow-headers": ", ".join(REQUEST_HEADERS),
        "access-control-max-age": "600",
        "vary": "Origin",
    }


async def test_a_header_that_nobody_has_allowed_is_not_allowed_by_asking() -> None:
    answer = await preflight(DESK, ("access-control-request-headers", "x-evil"))
    assert "x-evil" not in answer.headers["access-control-allow-headers"].lower()


async def test_headers_of_forwarded_credentials_can_be_allowed() -> None:
    settings = CorsSettings(origins=(DESK,), headers=("X-Support-Token",))
    answer = await preflight(DESK, settings=settings)
    assert "X-Support-Token" in answer.headers["access-control-allow-headers"].split(", ")


@pytest.mark.parametrize("origin", STRANGERS)
async def test_a_stranger_may_not_read(origin: str) -> None:
    answer = await ask("GET", ("origin", origin))
    assert (answer.status_code, granted(answer)) == (200, {"vary": "Accept, Origin"})


@pytest.mark.parametrize("origin", STRANGERS)
async def test_a_stranger_may_not_send(origin: str) -> None:
    answer = await preflight(origin)
    assert only_error(answer) == (
        403,
        "FORBIDDEN",
        "Pages of this origin may not use the gateway: see cors.origins.",
    )
    assert granted(answer) == {"vary": "Accept, Origin"}


async def test_two_origins_are_none() -> None:
    answer = await ask("GET", ("origin", DESK), ("origin", DESK))
    assert "access-control-allow-origin" not in answer.headers


async def test_a_program_without_an_origin_is_not_concerned() -> None:
    answer = await ask("POST")
    assert (answer.text, granted(answer)) == ("answer", {"vary": "Accept, Origin"})
    # No preflight, without an origin or without a method that it asks for.
    assert (await ask("OPTIONS", ("access-control-request-method", "POST"))).text == "answer"
    assert (await ask("OPTIONS", ("origin", DESK))).text == "answer"


async def test_every_page_may_ask_where_that_is_configured_and_no_cookie_comes_along() -> None:
    settings = CorsSettings(origins=("*",))
    for origin in ("https://anyone.example", "null"):
        answer = await ask("GET", ("origin", origin), settings=settings)
        assert granted(answer) == {
            "access-control-allow-origin": "*",
            "access-control-expose-headers": ", ".join(RESPONSE_HEADERS),
            "vary": "Accept",
        }
        assert (await preflight(origin, settings=settings)).headers["access-control-allow-origin"] == "*"


async def test_cookies_come_along_where_that_is_configured() -> None:
    settings = CorsSettings(origins=(DESK,), credentials=True, max_age_s=5)
    answer, before = (
        await ask("GET", ("origin", DESK), settings=settings),
        await preflight(DESK, settings=settings),
    )
    for each in (answer, before):
        assert each.headers["access-control-allow-credentials"] == "true"
        assert each.headers["access-control-allow-origin"] == DESK
    assert before.headers["access-control-max-age"] == "5"
    stranger = await ask("GET", ("origin", "https://evil.example"), settings=settings)
    assert "access-control-allow-credentials" not in stranger.headers


async def test_no_page_gets_into_a_private_network() -> None:
    answer = await preflight(DESK, ("access-control-request-private-network", "true"))
    assert "access-control-allow-private-network" not in answer.headers
