"""Limits and rates through the production app: what is too large is refused, and no source is asked."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway import config
from gateway.app import create_app
from tests.answers import errors_of
from tests.e2e.conftest import Stack
from tests.ledgers import new_ledger


async def refusal(stack: Stack, query: str, variables: object = None) -> tuple[str, str]:
    stack.forget()
    answer = await stack.http.post("/graphql", json={"query": query, "variables": variables})
    (error,) = errors_of(answer)
    assert stack.calls() == {}
    assert set(answer.json()) == {"errors"}
    return error["extensions"]["code"], error["message"]


@pytest.mark.parametrize(
    ("query", "code", "begins"),
    [
        ("{" + " a" * 1_000 + "}", "LIMIT_EXCEEDED", "The document has more than the 1000 tokens"),
        ("{ a }" + " " * 16_384, "LIMIT_EXCEEDED", "The document has 16389 characters"),
        ("{ a" * 100, "LIMIT_EXCEEDED", "The document nests brackets"),
        ("{" + " ".join(f"a{i}: sources {{ key }}" for i in range(21)) + "}", "LIMIT_EXCEEDED", "The document has 21 root fields"),
        ("{" + " sources { key }" * 21 + "}", "LIMIT_EXCEEDED", "The document has 21 fields `sources`"),
        ("{ ...A } fragment A on Query { ...A }", "GRAPHQL_VALIDATION_FAILED", "Cannot spread fragment 'A'"),
        ("{ conversations(first: 100) { nodes { messages(first: 100) { nodes { replies(first: 100) { nodes { id } } } } } } }", "LIMIT_EXCEEDED", "The answer may hold 2020201 objects and values"),
        ("{ conversations(first: 100) { nodes { messages { nodes { author { account { name } } } } } } }", "TOO_MANY_SOURCE_CALLS", "This operation may need"),
    ],
)  # fmt: skip
async def test_what_is_too_large_is_refused_with_no_source_asked(
    stack: Stack, query: str, code: str, begins: str
) -> None:
    found = await refusal(stack, query)
    assert found[0] == code
    assert found[1].startswith(begins)


async def test_variables_that_nest_too_deeply_are_refused(stack: Stack) -> None:
    nested: Any = "a"
    for _ in range(40):
        nested = [nested]
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    assert await refusal(stack, query, {"ids": nested}) == (
        "LIMIT_EXCEEDED",
        "The request's JSON nests deeper than the 32 levels that are allowed.",
    )


async def test_the_place_of_what_is_too_much_is_told(bare: httpx.AsyncClient) -> None:
    query = "{\n" + "".join(f"a{i}: __typename\n" for i in range(21)) + "}"
    answer = await bare.post("/graphql", json={"query": query})
    assert errors_of(answer)[0]["locations"] == [{"line": 22, "column": 1}]


@asynccontextmanager
async def gateway(folder: Path, **rates: int) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(
        config.check(
            {
                "auth": {"required": False},
                "rate_limits": {"enabled": True, **rates},
                "ledger": {"url": new_ledger(folder)},
            }
        )
    )
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app, client=("192.0.2.1", 1)), base_url="http://localhost"
        ) as http,
    ):
        yield http


async def test_a_caller_that_asks_too_often_is_told_when_to_come_back(tmp_path: Path) -> None:
    async with gateway(tmp_path, requests_per_minute=1, requests_at_once=2) as http:
        answers = [await http.post("/graphql", json={"query": "{ __typename }"}) for _ in range(3)]
    assert [each.status_code for each in answers] == [200, 200, 429]
    assert answers[0].headers["RateLimit"].startswith('"requests";r=1;t=60')
    assert answers[2].headers["Retry-After"] == "60"
    assert errors_of(answers[2])[0]["extensions"]["code"] == "RATE_LIMITED"
