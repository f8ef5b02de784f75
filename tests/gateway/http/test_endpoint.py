"""`/graphql` as clients meet it, over the whole app without sources."""

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway import config
from gateway.app import create_app
from gateway.domain.access import Principal
from resolvers.context import Context
from resolvers.schema import build_schema
from tests.answers import errors_of, only_error
from tests.callers import NO_LOGIN
from tests.gateway.http.conftest import Log
from tests.gateway.http.endpoints import client_of
from tests.ledgers import new_ledger

STRICT = {"accept": "application/graphql-response+json"}
LEGACY = {"accept": "application/json"}
BROWSER = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


async def ask(
    http: httpx.AsyncClient, query: object, variables: object = None, **more: object
) -> httpx.Response:
    body = {"query": query, "variables": variables, **more}
    return await http.post("/graphql", json=body, headers=STRICT)


# -- documents that aren't run


def _chain(links: int) -> str:
    """A document whose depth comes from fragments, each spread in the next."""
    fragments = "".join(f"fragment F{n} on Query {{ ...F{n + 1} }} " for n in range(links))
    return f"{{ ...F0 }} {fragments} fragment F{links} on Query {{ __typename }}"


def _bomb(levels: int) -> str:
    """A document whose size doubles with every fragment."""
    fragments = "".join(
        f"fragment F{n} on __Type {{ a: ofType {{ ...F{n + 1} }} b: ofType {{ ...F{n + 1} }} }} "
        for n in range(levels)
    )
    return f'{{ __type(name: "Query") {{ ...F0 }} }} {fragments} fragment F{levels} on __Type {{ name }}'


@pytest.mark.parametrize(
    ("query", "code", "message"),
    [
        ("{", "GRAPHQL_PARSE_FAILED", "Syntax Error: Expected Name, found <EOF>."),
        ("\0", "GRAPHQL_PARSE_FAILED", "Syntax Error: Unexpected character: U+0000."),
        ('{ __type(name: "\\ud800") { name } }', "GRAPHQL_PARSE_FAILED", "Syntax Error: Invalid Unicode escape sequence: '\\ud800'."),
        ('{ __type(name: "\\u{D800}") { name } }', "GRAPHQL_PARSE_FAILED", "Syntax Error: Invalid Unicode escape sequence: '\\u{D800}'."),
        ("{ nope }", "GRAPHQL_VALIDATION_FAILED", "Cannot query field 'nope' on type 'Query'. Did you mean 'node' or 'nodes'?"),
        ("{ ...A } fragment A on Query { ...A }", "GRAPHQL_VALIDATION_FAILED", "Cannot spread fragment 'A' within itself."),
        ("{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }", "GRAPHQL_VALIDATION_FAILED", "Cannot spread fragment 'A' within itself via 'B'."),
        ("subscription { __typename }", "GRAPHQL_VALIDATION_FAILED", "The subscription operation is not supported by the schema."),
        ("{ ... @defer { __typename } }", "GRAPHQL_VALIDATION_FAILED", "Unknown directive '@defer'."),
        ("{ sources @stream { key } }", "GRAPHQL_VALIDATION_FAILED", "Unknown directive '@stream'."),
        ("{ cases(first: 99999999999) { totalCount } }", "GRAPHQL_VALIDATION_FAILED", "Int cannot represent non 32-bit signed integer value: 99999999999"),
        ("{ cases(first: 1e999) { totalCount } }", "GRAPHQL_VALIDATION_FAILED", "Int cannot represent non-integer value: 1e999"),
        ("query($v: Nope) { __typename @skip(if: $v) }", "GRAPHQL_VALIDATION_FAILED", "Unknown type 'Nope'. Did you mean 'Node'?"),
        ("query A { __typename } query A { __typename }", "GRAPHQL_VALIDATION_FAILED", "There can be only one operation named 'A'."),
        ("fragment A on Query { __typename }", "GRAPHQL_VALIDATION_FAILED", "Fragment 'A' is never used."),
        ("{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }", "GRAPHQL_VALIDATION_FAILED", "Maximum introspection depth exceeded"),
        ("type Query { a: Int }", "GRAPHQL_VALIDATION_FAILED", "The 'Query' definition is not executable."),
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
async def test_a_document_that_cannot_run_says_why(
    bare: httpx.AsyncClient, query: str, code: str, message: str
) -> None:
    answer = await ask(bare, query)
    errors = errors_of(answer)
    assert (answer.status_code, errors[0]["message"], errors[0]["extensions"]["code"]) == (400, message, code)
    assert set(answer.json()) == {"errors"}


@pytest.mark.parametrize("links", [10, 60, 120])
async def test_fragments_nested_deeply_run_or_are_refused(bare: httpx.AsyncClient, links: int) -> None:
    answer = await ask(bare, _chain(links))
    assert answer.json().get("data") == {"__typename": "Query"} or only_error(answer)[0] == 400


async def test_fragments_that_double_are_no_bomb_to_the_validation(bare: httpx.AsyncClient) -> None:
    assert only_error(await ask(bare, _bomb(20)))[1] == "LIMIT_EXCEEDED"


async def test_at_most_twenty_mistakes_of_a_document_are_listed(bare: httpx.AsyncClient) -> None:
    answer = await ask(bare, "{ sources {" + " ".join(f"nope{n}" for n in range(100)) + "} }")
    errors = errors_of(answer)
    assert len(errors) == 21
    assert errors[-1]["message"] == "Too many validation errors, error limit reached. Validation aborted."


@pytest.mark.parametrize(
    ("headers", "status"), [(STRICT, 400), (LEGACY, 200), ({}, 200), ({"accept": "*/*"}, 200)]
)
@pytest.mark.parametrize(
    "body",
    [{"query": "{"}, {"query": "{ nope }"}, {"query": "query($i: ID!) { node(id: $i) { id } }"}],
    ids=["parse", "validation", "variables"],
)
async def test_only_strict_clients_see_a_bad_document_in_the_status(
    bare: httpx.AsyncClient, headers: dict[str, str], status: int, body: dict[str, str]
) -> None:
    answer = await bare.post("/graphql", json=body, headers=headers)
    assert answer.status_code == status
    (_,) = errors_of(answer)
    assert set(answer.json()) == {"errors"}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (None, "Must provide operation name if query contains multiple operations."),
        ("C", "Unknown operation named 'C'."),
        ("a", "Unknown operation named 'a'."),
    ],
)
async def test_with_several_operations_one_must_be_named(
    bare: httpx.AsyncClient, name: str | None, message: str
) -> None:
    answer = await ask(bare, "query A { __typename } query B { sources { key } }", operationName=name)
    assert only_error(answer) == (400, "BAD_USER_INPUT", message)


async def test_the_named_operation_runs(bare: httpx.AsyncClient) -> None:
    answer = await ask(bare, "query A { __typename } query B { sources { key } }", operationName="B")
    assert answer.json() == {"data": {"sources": []}}


async def test_text_beyond_ascii_comes_back_unchanged(bare: httpx.AsyncClient) -> None:
    name = "Zażółć 🐈 \x7f \x00"
    answer = await ask(bare, "query($n: String!) { source(key: $n) { key } other: cases(filter: {sources: [$n]}) { totalCount } }", {"n": name})  # fmt: skip
    (error,) = errors_of(answer)
    assert error["message"] == f"There is no source `{name}`. Configured: none."


# -- methods


@pytest.mark.parametrize("method", ["OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "BREW"])
async def test_other_methods_are_refused_with_those_that_there_are(
    bare: httpx.AsyncClient, method: str
) -> None:
    refused = await bare.request(method, "/graphql")
    assert only_error(refused) == (
        405,
        "BAD_USER_INPUT",
        "This path doesn't take this method: see the Allow header.",
    )
    assert set(refused.headers["allow"].split(", ")) == {"GET", "HEAD", "POST"}


@pytest.mark.parametrize("accept", [STRICT, LEGACY, {}])
@pytest.mark.parametrize(
    "parameters",
    [
        {"query": "mutation { __typename }"},
        {"query": "query A { __typename } mutation B { __typename }", "operationName": "B"},
    ],
)
async def test_a_mutation_runs_by_post_alone(
    bare: httpx.AsyncClient, parameters: dict[str, str], accept: dict[str, str]
) -> None:
    refused = await bare.get("/graphql", params=parameters, headers=accept)
    assert only_error(refused) == (405, "BAD_USER_INPUT", "Mutations run by POST only.")
    assert refused.headers["allow"] == "POST"
    assert (await bare.head("/graphql", params=parameters)).status_code == 405
    assert (await ask(bare, **parameters)).json() == {"data": {"__typename": "Mutation"}}


async def test_a_query_beside_a_mutation_runs_by_get(bare: httpx.AsyncClient) -> None:
    document = "query A { __typename } mutation B { __typename }"
    answer = await bare.get("/graphql", params={"query": document, "operationName": "A"})
    assert answer.json() == {"data": {"__typename": "Query"}}


# -- media types and headers


async def test_an_unacceptable_accept_is_answered_in_json(bare: httpx.AsyncClient) -> None:
    refused = await bare.post("/graphql", json={"query": "{__typename}"}, headers={"accept": "text/csv"})
    assert only_error(refused)[:2] == (406, "BAD_USER_INPUT")
    assert refused.headers["content-type"] == "application/json; charset=utf-8"


async def test_several_accept_headers_count_as_one(bare: httpx.AsyncClient) -> None:
    answer = await bare.post(
        "/graphql",
        json={"query": "{__typename}"},
        headers=[("accept", "text/csv"), ("accept", "application/graphql-response+json")],
    )
    assert answer.headers["content-type"] == "application/graphql-response+json; charset=utf-8"


async def test_a_client_that_merely_lists_event_streams_gets_json(bare: httpx.AsyncClient) -> None:
    accept = "application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed"
    answer = await bare.post("/graphql", json={"query": "{__typename}"}, headers={"accept": accept})
    assert answer.headers["content-type"] == "application/graphql-response+json; charset=utf-8"
    assert answer.json() == {"data": {"__typename": "Query"}}


async def test_unknown_headers_change_nothing(bare: httpx.AsyncClient) -> None:
    odd = {"x-unknown": "\x7fé", "cookie": "a=b", "authorization": "Bearer x", "transfer-encoding": "x"}
    headers = [(name.encode(), value.encode("latin-1")) for name, value in odd.items()]
    answer = await bare.post("/graphql", json={"query": "{__typename}"}, headers=headers)
    assert answer.json() == {"data": {"__typename": "Query"}}


async def test_a_request_id_is_passed_on(bare: httpx.AsyncClient) -> None:
    answer = await bare.post("/graphql", json={"query": "{"}, headers={"x-request-id": "order-7.a_B"})
    assert answer.headers["x-request-id"] == "order-7.a_B"
    errors_of(answer)


@pytest.mark.parametrize("given", ["", " ", "a b", "x" * 65, "é", '"', "a\tb", "<script>", "${jndi:x}"])
async def test_what_is_no_request_id_is_replaced(bare: httpx.AsyncClient, given: str) -> None:
    headers = [(b"x-request-id", given.encode("latin-1")), (b"content-type", b"application/json")]
    answer = await bare.post("/graphql", content=b'{"query": "{"}', headers=headers)
    assert re.fullmatch("[0-9a-f]{16}", answer.headers["x-request-id"])
    errors_of(answer)


async def test_answers_are_not_kept_and_not_guessed(bare: httpx.AsyncClient) -> None:
    answer = await ask(bare, "{ __typename }")
    kept = {name: answer.headers[name] for name in ("cache-control", "x-content-type-options", "vary")}
    assert kept == {"cache-control": "no-store", "x-content-type-options": "nosniff", "vary": "Accept"}


# -- the explorer


async def test_a_browser_at_the_address_gets_the_explorer(bare: httpx.AsyncClient) -> None:
    page = await bare.get("/graphql", headers=BROWSER)
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")


@pytest.mark.parametrize("accept", [STRICT, LEGACY, {}, {"accept": "*/*"}])
async def test_a_client_at_the_address_does_not(bare: httpx.AsyncClient, accept: dict[str, str]) -> None:
    answer = await bare.get("/graphql", headers=accept)
    assert only_error(answer) == (
        400,
        "BAD_USER_INPUT",
        "Send a GraphQL document as `query`, or the `documentId` of a trusted one.",
    )


async def test_a_browser_with_a_query_gets_its_answer(bare: httpx.AsyncClient) -> None:
    answer = await bare.get("/graphql?query={__typename}", headers=BROWSER)
    assert answer.json() == {"data": {"__typename": "Query"}}


async def test_the_explorer_can_be_left_out(tmp_path: Path) -> None:
    settings = {"server": {"explorer": False}, "ledger": {"url": new_ledger(tmp_path)}}
    app = create_app(config.check({**NO_LOGIN, **settings}))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as http,
    ):
        assert only_error(await http.get("/graphql", headers=BROWSER))[0] == 400


# -- whatever else


async def test_a_fault_of_the_gateway_itself_is_masked_and_logged(log: Log) -> None:
    def no_context(_: Principal, request_id: str) -> Context:
        raise RuntimeError(f"the pool at http://internal:1 is gone for {request_id}")

    async with client_of(build_schema()._schema, no_context) as http:
        answer = await http.post(
            "/graphql", json={"query": "{__typename}"}, headers={"x-request-id": "r-1", **STRICT}
        )
    (error,) = errors_of(answer, masked=True)
    assert (answer.status_code, answer.headers["content-type"], error) == (
        500,
        "application/json; charset=utf-8",
        {
            "message": "Something went wrong inside the gateway. Quote the request id r-1 when you report it.",
            "extensions": {"code": "INTERNAL_SERVER_ERROR", "retryable": False, "requestId": "r-1"},
        },
    )
    (logged,) = log()
    assert (logged["event"], logged["level"], logged["request_id"]) == ("operation_failed", "error", "r-1")
    assert logged["exception"][0]["exc_value"] == "the pool at http://internal:1 is gone for r-1"


MANY = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)  # fmt: skip
REQUESTS = st.fixed_dictionaries(
    {},
    optional={
        "query": JSON_VALUES | st.sampled_from(["{__typename}", "query($a: ID!) { node(id: $a) { id } }"]),
        "variables": JSON_VALUES | st.dictionaries(st.sampled_from(["a", "b"]), JSON_VALUES),
        "operationName": JSON_VALUES,
        "extensions": JSON_VALUES,
    },
)
WORDS = st.sampled_from(
    ["query", "mutation", "{", "}", "(", ")", "...", "on", "fragment", "$a", ":", "!", "[", "]", "=", "@skip",
     "@include(if: $a)", '"x"', '"""', "1", "-1", "1e9", "null", "true", "ENUM", "Query", "ID", "id", "node", "cases", "nodes",
     "sources", "key", "__typename", "__schema", "types", "name", "first:", "filter:", "A", "B", "#", ",", "&", "|", "\\u0000", "🙂"]
)  # fmt: skip


@MANY
@given(body=JSON_VALUES | REQUESTS)
async def test_any_json_gets_an_answer_in_form(bare: httpx.AsyncClient, body: Any) -> None:
    content = json.dumps(body).encode()
    errors_of(await bare.post("/graphql", content=content, headers={"content-type": "application/json"}))


@MANY
@given(body=st.binary(max_size=200))
async def test_any_bytes_get_an_answer_in_form(bare: httpx.AsyncClient, body: bytes) -> None:
    answer = await bare.post("/graphql", content=body, headers={"content-type": "application/json"})
    assert errors_of(answer)


@MANY
@given(query=st.text(max_size=200) | st.lists(WORDS, max_size=30).map(" ".join))
async def test_any_text_as_a_query_gets_an_answer_in_form(bare: httpx.AsyncClient, query: str) -> None:
    content = json.dumps({"query": query}).encode()
    errors_of(await bare.post("/graphql", content=content, headers={"content-type": "application/json"}))


@MANY
@given(accept=st.text(st.characters(max_codepoint=255, exclude_categories=["Cc"]), max_size=60))
async def test_any_accept_gets_an_answer_in_form(bare: httpx.AsyncClient, accept: str) -> None:
    headers = [(b"accept", accept.encode("latin-1"))]
    answer = await bare.post("/graphql", json={"query": "{__typename}"}, headers=headers)
    assert answer.status_code in {200, 406}
    errors_of(answer)
