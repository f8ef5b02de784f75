import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.http.security_headers import SecurityHeaders

NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
EXPECTED = {
    "content-security-policy": NOTHING,
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "cache-control": "no-store",
}


async def answering(headers: dict[str, str] | None = None, **options: int | None) -> httpx.Headers:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse("", headers=headers)(scope, receive, send)

    return (await got(SecurityHeaders(app, **options))).headers


async def got(app: ASGIApp) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as http:
        return await http.get("/")


async def test_an_answer_gets_every_header() -> None:
    headers = await answering()
    assert {name: value for name, value in headers.multi_items() if not name.startswith("content-l")} == {
        **EXPECTED,
        "content-type": "text/plain; charset=utf-8",
    }


@pytest.mark.parametrize("name", EXPECTED)
async def test_what_an_answer_says_for_itself_stands(name: str) -> None:
    headers = await answering({name.title(): "its own"})
    assert headers.get_list(name) == ["its own"]
    assert {other: headers[other] for other in EXPECTED if other != name} == {
        other: value for other, value in EXPECTED.items() if other != name
    }


async def test_https_is_promised_where_it_is_configured_only() -> None:
    assert "strict-transport-security" not in await answering()
    assert (await answering(hsts_max_age_s=31_536_000))["strict-transport-security"] == "max-age=31536000"


async def test_a_request_is_passed_on_as_it_is() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        await PlainTextResponse(f"{request.method} {await request.body()!r}")(scope, receive, send)

    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(SecurityHeaders(app)), base_url="http://localhost"
    ) as http:
        assert (await http.put("/", content=b"body")).text == "PUT b'body'"
