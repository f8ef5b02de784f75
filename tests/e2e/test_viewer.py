"""Who asks, as the gateway sees them."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.domain.access import WriteAs
from tests.e2e.principals import Caller, Desk, open_desk

_QUERY = """{ viewer { subject name login scopes expiresAt
  identities { source { key } agent authorName authorEmail }
  limits { maxTokens maxDepth maxRootFields maxEstimatedCalls maxObjects requestsPerMinute callsPerMinute } } }"""


@pytest.fixture(scope="module")
async def desk() -> AsyncIterator[Desk]:
    callers = {
        "webshop": Caller(
            ["messages:write@thulium", "tickets:read", "openid"],
            {"thulium": WriteAs(agent="ola"), "gone": WriteAs(agent="ida")},
        ),
        "nobody": Caller([]),
    }
    async with open_desk(callers, settings={"limits": {"max_depth": 9}, "rate_limits": {}}) as opened:
        yield opened


async def test_a_viewer_is_told_who_they_are_and_what_they_may(desk: Desk) -> None:
    assert await desk.ask("webshop", _QUERY) == {
        "data": {
            "viewer": {
                "subject": "key:webshop",
                "name": "webshop",
                "login": "API_KEY",
                "scopes": ["tickets:read", "messages:write@thulium"],
                "expiresAt": None,
                "identities": [
                    {"source": {"key": "thulium"}, "agent": "ola", "authorName": None, "authorEmail": None}
                ],
                "limits": {
                    "maxTokens": 1000,
                    "maxDepth": 9,
                    "maxRootFields": 20,
                    "maxEstimatedCalls": 600,
                    "maxObjects": 100_000,
                    "requestsPerMinute": 600,
                    "callsPerMinute": 3_000,
                },
            }
        }
    }


async def test_who_may_nothing_is_somebody_all_the_same(desk: Desk) -> None:
    answer = await desk.ask("nobody", "{ viewer { subject scopes } sources { key } tickets { totalCount } }")
    assert answer["data"]["viewer"] == {"subject": "key:nobody", "scopes": []}
    assert len(answer["data"]["sources"]) == 5
    assert answer["data"]["tickets"] is None
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["FORBIDDEN"]


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer hdg_000000000000_x"}, {"X-API-Key": "x"}])
async def test_who_has_no_valid_key_is_told_nothing(desk: Desk, headers: dict[str, Any]) -> None:
    answer = await desk.stack.http.post("/graphql", json={"query": "{ __typename }"}, headers=headers)
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (401, "UNAUTHENTICATED")
    assert answer.headers["www-authenticate"] == 'Bearer realm="helpdesk-gateway"'


async def test_a_key_in_either_header_is_one_and_the_same_caller(desk: Desk) -> None:
    key = desk.keys["webshop"]
    for headers in ({"Authorization": f"bearer {key}"}, {"X-API-Key": key}):
        answer = await desk.stack.http.get(
            "/graphql", params={"query": "{ viewer { subject } }"}, headers=headers
        )
        assert answer.json() == {"data": {"viewer": {"subject": "key:webshop"}}}
