"""Without introspection nothing tells the schema: not by asking for it, nor by errors' suggestions."""

from collections.abc import AsyncIterator

import httpx
import pytest

from gateway import config
from gateway.app import create_app
from tests.answers import errors_of, only_error
from tests.callers import NO_LOGIN
from tests.ledgers import new_ledger


@pytest.fixture(scope="module")
async def production(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    """As `serve` is by default, but for the log-in."""
    app = create_app(
        config.check({**NO_LOGIN, "ledger": {"url": new_ledger(tmp_path_factory.mktemp("ledger"))}})
    )
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as http,
    ):
        yield http


@pytest.mark.parametrize(
    "query",
    [
        "{ __schema { queryType { name } } }",
        '{ __type(name: "Query") { fields { name } } }',
        "{ a: __schema { types { name } } }",
        "query { ...A } fragment A on Query { ... on Query { __schema { directives { name } } } }",
    ],
)
async def test_the_schema_can_not_be_asked_for(production: httpx.AsyncClient, query: str) -> None:
    errors = errors_of(await production.post("/graphql", json={"query": query}))
    assert {error["extensions"]["code"] for error in errors} == {"GRAPHQL_VALIDATION_FAILED"}
    assert "GraphQL introspection has been disabled" in errors[0]["message"]


async def test_a_types_own_name_can(production: httpx.AsyncClient) -> None:
    answer = await production.post("/graphql", json={"query": "{ __typename viewer { __typename } }"})
    assert answer.json() == {"data": {"__typename": "Query", "viewer": {"__typename": "Viewer"}}}


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        ("{ sourcez { key } }", None),
        ("{ viewer { subjekt } }", None),
        ('{ source(kez: "a") { key } }', None),
        ("{ tickets(filter: {sourcez: []}) { totalCount } }", None),
        ("{ writes(filter: {state: CONFIRMEDD}) { pageInfo { hasNextPage } } }", None),
        ("query($f: TicketFilte) { tickets(filter: $f) { totalCount } }", None),
        ("{ node(id: 1) { ... on Tickett { id } } }", None),
        ("{ sources @skipp(if: true) { key } }", None),
        ("query($f: TicketFilter) { tickets(filter: $f) { totalCount } }", {"f": {"sourcez": []}}),
        (
            "query($f: WriteFilter) { writes(filter: $f) { pageInfo { hasNextPage } } }",
            {"f": {"state": "CONFIRMEDD"}},
        ),
    ],
)
async def test_no_error_suggests_a_name(
    production: httpx.AsyncClient, query: str, variables: dict[str, object] | None
) -> None:
    for error in errors_of(await production.post("/graphql", json={"query": query, "variables": variables})):
        assert "Did you mean" not in error["message"]


async def test_a_browser_gets_no_explorer(production: httpx.AsyncClient) -> None:
    answer = await production.get("/graphql", headers={"accept": "text/html,*/*;q=0.8"})
    assert only_error(answer)[0] == 400


async def test_the_landing_page_names_no_explorer(production: httpx.AsyncClient) -> None:
    page = (await production.get("/")).text
    assert "POST /graphql" in page
    assert "Explorer" not in page
