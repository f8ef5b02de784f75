import httpx
import pytest

from tests.e2e.conftest import Stack


@pytest.mark.parametrize(("path", "status"), [("/healthz", "ok"), ("/readyz", "ready")])
async def test_an_orchestrator_is_told_that_it_runs(bare: httpx.AsyncClient, path: str, status: str) -> None:
    answer = await bare.get(path)
    assert (answer.status_code, answer.json()) == (200, {"status": status})
    assert answer.headers["cache-control"] == "no-store"
    assert (await bare.head(path)).status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_a_source_that_is_down_is_no_reason_to_restart_the_gateway(stack: Stack, path: str) -> None:
    await stack.running.stop("thulium")
    assert (await stack.http.get(path)).status_code == 200
    assert stack.calls() == {}


async def test_the_landing_page_names_every_address(bare: httpx.AsyncClient) -> None:
    page = await bare.get("/")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    for address in ("/graphql", "/uploads", "/healthz", "/readyz"):
        assert address in page.text
    assert (
        page.headers["content-security-policy"]
        == "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    assert page.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/"])
async def test_nothing_can_be_sent_to_them(bare: httpx.AsyncClient, path: str) -> None:
    assert (await bare.post(path, content=b"x")).status_code == 405
