"""Each limit as it is configured: what just keeps within it runs, one more is refused, and asks no source.

And how often one may ask: each principal, by whatever credentials, as often as the others.
"""

import json
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from gateway.domain.api_keys import ApiKey
from gateway.security.keys import new_key
from gateway.security.limit_settings import LimitSettings
from gateway.store.ledger import open_ledger
from tests.answers import errors_of, only_error
from tests.e2e.conftest import Stack, open_stack
from tests.e2e.permitted_writes import OPERATOR, fresh_key, operator
from tests.e2e.principals import open_desk
from tests.jwks_server import AUDIENCE, ISSUER, Provider, providing, signed, signing_key
from tests.ledgers import temporary_ledger

_TICKET = 'ticket(ref: {source: "thulium", nativeId: "1234"})'
_SUBJECT = f"{_TICKET} {{ id subject }}"  # 17 tokens, three selections
_REPLY = """reply(input: {{toRef: {{source: "netevia", nativeId: "123456"}}, body: "Hi",
  idempotencyKey: "{key}"}}) {{ write {{ state }} }}"""
_BY_FILTER = "query($filter: TicketFilter) { tickets(first: 1, filter: $filter) { nodes { id } } }"
_AT_THULIUM = {"sources": ["thulium"]}


@dataclass(frozen=True)
class Limit:
    """A setting, a request that just keeps within it, and one that doesn't.

    `also` is what would be in their way.
    """

    name: str
    value: int
    fits: dict[str, Any]
    exceeds: dict[str, Any]
    says: str
    code: str = "LIMIT_EXCEEDED"
    also: dict[str, int] = field(default_factory=dict)


def _query(text: str, **variables: Any) -> dict[str, Any]:
    return {"query": text, "variables": variables} if variables else {"query": text}


def _two(field: str) -> str:
    return f"a: {field} b: {field}"


def _padded(text: str, length: int) -> str:
    return text + " " * (length - len(text))


def _named(count: int) -> str:
    return " ".join(f"a{number}: __typename" for number in range(count))


_LIMITS = (
    Limit(
        "max_json_depth",
        4,
        _query(_BY_FILTER, filter=_AT_THULIUM, unused=[[["x"]]]),
        _query(_BY_FILTER, filter=_AT_THULIUM, unused=[[[["x"]]]]),
        "The request's JSON nests deeper than the 4 levels",
    ),
    Limit(
        "max_json_values",
        100,
        _query(_BY_FILTER, filter=_AT_THULIUM, unused=["x"] * 95),
        _query(_BY_FILTER, filter=_AT_THULIUM, unused=["x"] * 96),
        "The request's JSON has more than the 100 values",
    ),
    Limit(
        "max_document_characters",
        1024,
        _query(_padded(f"{{ {_SUBJECT} }}", 1024)),
        _query(_padded(f"{{ {_SUBJECT} }}", 1025)),
        "The document has 1025 characters, and 1024 are allowed",
    ),
    Limit(
        "max_tokens",
        100,
        _query(f"{{ {_SUBJECT} }}" + "\n#" * 81),
        _query(f"{{ {_SUBJECT} }}" + "\n#" * 82),
        "The document has more than the 100 tokens",
    ),
    Limit(
        "max_depth",
        3,
        _query(f"{{ {_TICKET} {{ messages {{ totalCount }} }} }}"),
        _query(f"{{ {_TICKET} {{ messages {{ nodes {{ id }} }} }} }}"),
        "A field of the document nests deeper than the 3 levels",
    ),
    Limit(
        "max_aliases",
        1,
        _query(f"{{ a: {_SUBJECT} }}"),
        _query(f"{{ {_two(_SUBJECT)} }}"),
        "The document has 2 aliases",
    ),
    Limit(
        "max_directives",
        2,
        _query(f"{{ {_TICKET} @include(if: true) {{ id @skip(if: false) subject }} }}"),
        _query(f"{{ {_TICKET} @include(if: true) {{ id @skip(if: false) subject @skip(if: false) }} }}"),
        "The document has 3 directives",
    ),
    Limit(
        "max_directives_per_place",
        1,
        _query(f"{{ {_TICKET} @include(if: true) {{ subject }} }}"),
        _query(f"{{ {_TICKET} @include(if: true) @skip(if: false) {{ subject }} }}"),
        "The document has 2 directives in one place",
    ),
    Limit(
        "max_root_fields",
        1,
        _query(f"{{ {_SUBJECT} }}"),
        _query(f"{{ {_SUBJECT} __typename }}"),
        "The document has 2 root fields",
    ),
    Limit(
        "max_mutations",
        1,
        _query(f"mutation {{ {_REPLY.format(key=fresh_key())} }}"),
        _query(f"mutation {{ a: {_REPLY.format(key=fresh_key())} b: {_REPLY.format(key=fresh_key())} }}"),
        "The document has 2 root fields in a mutation",
    ),
    Limit(
        "max_operations",
        1,
        _query(f"query A {{ {_SUBJECT} }}"),
        {**_query(f"query A {{ {_SUBJECT} }} query B {{ __typename }}"), "operationName": "A"},
        "The document has 2 operations",
    ),
    Limit(
        "max_fragments",
        1,
        _query(f"{{ ...A }} fragment A on Query {{ {_SUBJECT} }}"),
        _query(f"{{ ...A ...B }} fragment A on Query {{ {_SUBJECT} }} fragment B on Query {{ __typename }}"),
        "The document has 2 fragment",
    ),
    Limit(
        "max_variables",
        1,
        _query('query($a: String!) { ticket(ref: {source: $a, nativeId: "1234"}) { subject } }', a="thulium"),
        _query(
            "query($a: String!, $b: String!) { ticket(ref: {source: $a, nativeId: $b}) { subject } }",
            a="thulium",
            b="1234",
        ),
        "The document has 2 variables",
    ),
    Limit(
        "max_value_depth",
        1,
        _query(f"{{ {_SUBJECT} }}"),
        _query('{ tickets(filter: {sources: ["thulium"]}) { nodes { id } } }'),
        "A value of the document nests deeper than the 1 level",
    ),
    Limit(
        "max_selections",
        100,
        _query(f"{{ {_SUBJECT} {_named(97)} }}"),
        _query(f"{{ {_SUBJECT} {_named(98)} }}"),
        "The document has 101 selections",
        also={"max_root_fields": 1000, "max_aliases": 1000},
    ),
    Limit(
        "max_repeats",
        1,
        _query(f"{{ {_SUBJECT} __typename }}"),
        _query(f"{{ {_SUBJECT} __typename ... on Query {{ __typename }} }}"),
        "The document has 2 fields `__typename` in one place",
    ),
    Limit(
        "max_estimated_calls",
        1,
        _query(f"{{ {_SUBJECT} }}"),
        _query(f"{{ {_two(_SUBJECT)} }}"),
        "This operation may need 2 calls to sources, and 1 are allowed",
        code="TOO_MANY_SOURCE_CALLS",
    ),
    Limit(
        "max_objects",
        101,
        _query('{ tickets(first: 50, filter: {sources: ["thulium"]}) { nodes { id } } }'),
        _query('{ tickets(first: 51, filter: {sources: ["thulium"]}) { nodes { id } } }'),
        "The answer may hold 103 objects and values, and 101 are allowed",
    ),
)


def test_every_limit_has_its_test() -> None:
    assert {each.name for each in _LIMITS} | {"max_body_bytes"} == set(LimitSettings.model_fields)


@pytest.mark.parametrize("limit", _LIMITS, ids=lambda limit: limit.name)
async def test_what_keeps_within_a_limit_runs_and_one_more_is_refused_with_no_source_asked(
    limit: Limit,
) -> None:
    settings = {"limits": {limit.name: limit.value, **limit.also}}
    async with open_desk({OPERATOR: operator()}, settings=settings) as desk:
        stack, headers = desk.stack, {"Authorization": f"Bearer {desk.keys[OPERATOR]}"}
        runs = await stack.http.post("/graphql", json=limit.fits, headers=headers)
        assert errors_of(runs) == []
        assert sum(stack.calls().values()) >= 1
        stack.forget()
        refused = [await stack.http.post("/graphql", json=limit.exceeds, headers=headers)]
        if limit.name != "max_mutations":  # They run by POST alone.
            parameters = {
                name: value if isinstance(value, str) else json.dumps(value)
                for name, value in limit.exceeds.items()
            }
            refused.append(await stack.http.get("/graphql", params=parameters, headers=headers))
        for answer in refused:
            status, code, message = only_error(answer)
            assert (status, code) == (200, limit.code)
            assert message.startswith(limit.says)
        strict = {**headers, "Accept": "application/graphql-response+json"}
        answer = await stack.http.post("/graphql", json=limit.exceeds, headers=strict)
        assert only_error(answer)[:2] == (400, limit.code)
        assert stack.calls() == {}


async def test_a_body_of_just_the_largest_size_is_read_and_one_byte_more_is_not() -> None:
    body = json.dumps(_query(f"{{ {_SUBJECT} }}"))
    async with open_desk({OPERATOR: operator()}, settings={"limits": {"max_body_bytes": 1024}}) as desk:
        headers = {"Authorization": f"Bearer {desk.keys[OPERATOR]}", "Content-Type": "application/json"}
        fits = await desk.stack.http.post("/graphql", content=_padded(body, 1024), headers=headers)
        assert errors_of(fits) == []
        assert desk.stack.calls() == {"thulium": 1}
        desk.stack.forget()
        for content in (_padded(body, 1025), _Chunks(body, 1024)):
            answer = await desk.stack.http.post("/graphql", content=content, headers=headers)
            assert only_error(answer) == (
                413,
                "BAD_USER_INPUT",
                "The request's body may have 1024 bytes at most.",
            )
        assert desk.stack.calls() == {}


class _Chunks:
    """A text, and more blanks than may be, without a length in front; no more than two are ever taken."""

    def __init__(self, text: str, limit: int) -> None:
        self._pieces = iter([text.encode(), b" " * limit])

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece
        raise AssertionError("it was read on")


# -- how often one may ask


@dataclass(frozen=True)
class Callers:
    """A gateway, and the credentials of its callers: several each."""

    stack: Stack
    credentials: dict[str, list[str]]

    async def ask(self, caller: str, query: str = "{ __typename }", *, by: int = 0) -> httpx.Response:
        """Ask as somebody, by one of their credentials."""
        return await self.stack.http.post("/graphql", json={"query": query}, headers=self.headers(caller, by))

    def headers(self, caller: str, by: int = 0) -> dict[str, str]:
        """What says who asks."""
        return {"Authorization": f"Bearer {self.credentials[caller][by]}"}


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with providing(signing_key()) as found:
        yield found


def _token(subject: str, number: int) -> str:
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": subject, "exp": time.time() + 3600 + number}
    return signed({**claims, "scope": "tickets:read messages:write"})


@asynccontextmanager
async def _rated(provider: Provider, **rates: int) -> AsyncIterator[Callers]:
    """Ida and Ola with two keys each; Ida also has two tokens, of a subject that is called like her keys."""
    with temporary_ledger() as url:
        ledger = open_ledger(url)
        credentials: dict[str, list[str]] = {"ida": [], "ola": []}
        for name, keys in credentials.items():
            for _ in range(2):
                key = new_key()
                keys.append(key.text)
                await ledger.add_key(
                    ApiKey(
                        id=key.id,
                        name=name,
                        digest=key.digest,
                        scopes=("tickets:read", "messages:write"),
                        created_at=datetime.now(UTC),
                    )
                )
        await ledger.close()
        for subject in ("ida", "key:ida"):
            credentials[f"{subject}, by token"] = [_token(subject, number) for number in range(2)]
        jwt = {"issuer": ISSUER, "audience": AUDIENCE, "jwks_url": provider.url}
        settings = {
            "auth": {"required": True, "jwt": jwt},
            "ledger": {"url": url},
            "rate_limits": {"enabled": True, **rates},
        }
        async with open_stack(settings=settings) as stack:
            yield Callers(stack, credentials)


_FEW = {"requests_per_minute": 1, "requests_at_once": 3}


def _left(answer: httpx.Response) -> dict[str, tuple[int, int]]:
    """What is left of each quota, and in how many seconds there is more."""
    parts = re.findall(r'"([a-z-]+)";r=(\d+);t=(\d+)', answer.headers["RateLimit"])
    return {name: (int(left), int(wait_s)) for name, left, wait_s in parts}


def _is_told_to_wait(answer: httpx.Response, quota: str, longest_s: int) -> None:
    """A 429 answer that says when to come back: after so long, less what has passed meanwhile."""
    left, wait_s = _left(answer)[quota]
    assert left == 0
    assert longest_s - 30 < wait_s <= longest_s
    assert answer.headers["Retry-After"] == str(wait_s)
    assert answer.json()["errors"][0]["extensions"]["retryable"]
    assert only_error(answer) == (
        429,
        "RATE_LIMITED",
        f"Your quota of {quota} is used up for now. Try again in {wait_s} s.",
    )


@pytest.mark.parametrize("caller", ["ida", "ida, by token", "key:ida, by token"])
async def test_a_principals_credentials_share_its_quota_and_nobody_else_is_affected(
    provider: Provider, caller: str
) -> None:
    async with _rated(provider, **_FEW) as callers:
        answers = [await callers.ask(caller, by=number % 2) for number in range(5)]
        assert [each.status_code for each in answers] == [200, 200, 200, 429, 429]
        assert [_left(each)["requests"][0] for each in answers] == [2, 1, 0, 0, 0]
        for other in callers.credentials:
            if other != caller:
                assert [(await callers.ask(other, by=number)).status_code for number in (0, 1)] == [200, 200]


async def test_who_asks_too_often_is_told_when_to_come_back_and_asks_no_source(provider: Provider) -> None:
    async with _rated(provider, **_FEW, calls_per_minute=1) as callers:
        for _ in range(3):
            await callers.ask("ida", f"{{ {_SUBJECT} }}")
        callers.stack.forget()
        http, headers = callers.stack.http, callers.headers("ida", 1)
        query = {"query": f"{{ {_SUBJECT} }}"}
        for answer in (
            await http.post("/graphql", json=query, headers=headers),
            await http.get("/graphql", params=query, headers=headers),
            await http.post(
                "/graphql", content=b"{", headers={**headers, "Content-Type": "application/json"}
            ),
            await http.post(
                "/graphql", json=query, headers={**headers, "Accept": "application/graphql-response+json"}
            ),
        ):
            _is_told_to_wait(answer, "requests", 60)
            assert _left(answer)["source-calls"][0] == 597
            assert answer.headers["RateLimit-Policy"] == '"requests";q=3;w=180, "source-calls";q=600;w=36000'
        assert callers.stack.calls() == {}


async def test_what_is_refused_counts_as_a_request_too(provider: Provider) -> None:
    async with _rated(provider, **_FEW) as callers:
        for query in ("{", "{ nowhere }", "{ a }" + " " * 20_000):
            assert (await callers.ask("ida", query)).status_code == 200
        assert (await callers.ask("ida")).status_code == 429


@pytest.mark.parametrize("caller", ["ida", "ida, by token"])
async def test_who_has_caused_too_many_calls_waits_until_they_are_made_up_for(
    provider: Provider, caller: str
) -> None:
    async with _rated(provider, calls_per_minute=1, calls_at_once=2) as callers:
        three = (
            f"{{ a: {_SUBJECT} b: {_SUBJECT.replace('1234', '1235')} c: {_SUBJECT.replace('1234', '1236')} }}"
        )
        assert _left(await callers.ask(caller, three))["source-calls"][0] == 0
        assert callers.stack.calls() == {"thulium": 3}
        callers.stack.forget()
        # Whatever is asked: what it would cost isn't known yet.
        for query in (f"{{ {_SUBJECT} }}", "{ __typename }"):
            _is_told_to_wait(await callers.ask(caller, query, by=1), "source-calls", 120)
        assert callers.stack.calls() == {}
        assert errors_of(await callers.ask("ola", f"{{ {_SUBJECT} }}")) == []


async def test_without_a_login_nothing_is_counted_against_anybody(provider: Provider) -> None:
    async with _rated(provider, **_FEW) as callers:
        for _ in range(5):
            answer = await callers.stack.http.post("/graphql", json={"query": "{ __typename }"})
            assert (answer.status_code, "RateLimit" in answer.headers) == (401, False)
        assert (await callers.ask("ida")).status_code == 200


async def test_uploads_count_as_requests(provider: Provider) -> None:
    async with _rated(provider, **_FEW) as callers:
        parameters = {"source": "thulium", "filename": "bill.pdf"}
        headers = {**callers.headers("ida"), "Content-Type": "application/octet-stream"}
        answers = [
            await callers.stack.http.post("/uploads", params=parameters, content=b"%PDF", headers=headers)
            for _ in range(4)
        ]
        assert [each.status_code for each in answers] == [201, 201, 201, 429]
        assert len(callers.stack.sandbox.services["thulium"].arrivals) == 3
        assert (await callers.ask("ida", by=1)).status_code == 429
