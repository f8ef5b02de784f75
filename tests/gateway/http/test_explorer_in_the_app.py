"""The explorer's page and files as the whole app serves them: with a log-in, the headers and compression."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway import config
from gateway.app import create_app
from gateway.http import explorer
from gateway.observability.logs import configure_logs
from tests.ledgers import new_ledger

BROWSER = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"}
STATIC = Path(explorer.__file__).parent / "static"
WORKER = next(STATIC.glob("graphql.worker-*.js")).name
SECURED = {
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


@pytest.fixture(autouse=True)
def _logs() -> None:
    configure_logs()


@pytest.fixture
async def http(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async for each in _serve({"server": {"explorer": True}}, tmp_path):
        yield each


@pytest.fixture
async def without(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """As `serve` is unless it is told to."""
    async for each in _serve({}, tmp_path):
        yield each


async def _serve(settings: dict[str, Any], folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(config.check({**settings, "ledger": {"url": new_ledger(folder)}}))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as http,
    ):
        yield http


def _but(headers: httpx.Headers, *names: str) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in names}


@pytest.mark.parametrize("encoding", ["zstd", "br", "gzip", "identity"])
async def test_the_page_needs_no_log_in(http: httpx.AsyncClient, encoding: str) -> None:
    page = await http.get("/graphql", headers={**BROWSER, "accept-encoding": encoding})
    assert (page.status_code, page.text) == (200, bytes(explorer.page().body).decode())
    packed = {"content-encoding": encoding} if encoding != "identity" else {}
    assert _but(page.headers, "content-length", "vary") == {
        **SECURED,
        **packed,
        "cache-control": "no-cache",
        "content-security-policy": explorer.page().headers["content-security-policy"],
        "content-type": "text/html; charset=utf-8",
    }
    assert set(page.headers["vary"].split(", ")) == {"Accept", "Accept-Encoding"}


async def test_the_page_is_the_same_for_everybody(http: httpx.AsyncClient) -> None:
    pages = [
        await http.get("/graphql", headers={**BROWSER, **more})
        for more in ({}, {"authorization": "Bearer hdg_wrong"}, {"cookie": "key=hdg_wrong"})
    ]
    assert {(page.status_code, page.text) for page in pages} == {(200, pages[0].text)}


@pytest.mark.parametrize("encoding", ["zstd", "br", "gzip", "identity"])
async def test_a_file_needs_no_log_in_and_is_known_again(http: httpx.AsyncClient, encoding: str) -> None:
    asked = {"accept-encoding": encoding}
    file = await http.get(f"/explorer/{WORKER}", headers=asked)
    assert (file.status_code, file.content) == (200, (STATIC / WORKER).read_bytes())
    packed = {"content-encoding": encoding} if encoding != "identity" else {}
    kept = {
        **SECURED,
        "cache-control": "public, max-age=31536000, immutable",
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
        "etag": f'W/"{WORKER}"',
        "vary": "Accept-Encoding",
    }
    assert _but(file.headers, "content-length", "last-modified", "accept-ranges") == {
        **kept,
        **packed,
        "content-type": "text/javascript; charset=utf-8",
    }

    again = await http.get(f"/explorer/{WORKER}", headers={**asked, "if-none-match": file.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    # A worker keeps the policy that it came with; this one allows no more.
    policy = again.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    assert _but(again.headers, "last-modified") == {**kept, "content-security-policy": policy}


async def test_what_the_page_asks_first_is_refused_with_a_challenge(http: httpx.AsyncClient) -> None:
    answer = await http.post("/graphql", json={"query": "{ __schema { queryType { name } } }"})
    assert (answer.status_code, answer.headers["www-authenticate"]) == (
        401,
        'Bearer realm="helpdesk-gateway"',
    )
    assert [error["extensions"]["code"] for error in answer.json()["errors"]] == ["UNAUTHENTICATED"]


async def test_without_the_explorer_a_browser_gets_no_page(without: httpx.AsyncClient) -> None:
    answer = await without.get("/graphql", headers=BROWSER)
    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/json; charset=utf-8")


@pytest.mark.parametrize(
    "path", ["/explorer", "/explorer/", f"/explorer/{WORKER}", "/explorer/manifest.json"]
)
async def test_without_the_explorer_its_files_are_not_there(without: httpx.AsyncClient, path: str) -> None:
    answer = await without.get(path, headers=BROWSER)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/json; charset=utf-8")
