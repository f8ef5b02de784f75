"""What is read out of an HTTP request, over the whole app without sources."""

import gzip
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.requests import Request

from gateway.http.graphql_request import read_body
from gateway.http.problems import HttpProblem
from gateway.security.limit_settings import LimitSettings
from tests.answers import only_error

TYPE = {"content-type": "application/json"}
NO_OBJECT = 'The body must be a JSON object: {"query": "...", "variables": {...}}.'
QUERY = "query Q($name: String!) { __type(name: $name) { name } }"


async def post(http: httpx.AsyncClient, body: bytes, **headers: str) -> httpx.Response:
    return await http.post("/graphql", content=body, headers={**TYPE, **headers})


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "The body is not JSON: Input is a zero-length, empty document."),
        (b"{", "The body is not JSON: unexpected end of data."),
        (b'{"query": "{__typename}"} x', "The body is not JSON: unexpected content after document."),
        (b"\xef\xbb\xbf{}", "The body is not JSON: UTF-8 byte order mark (BOM) is not supported."),
        (b'{"query": "\xff"}', "The body is not UTF-8, from byte 11 on."),
        ('{"query": "{__typename}"}'.encode("utf-16"), "The body is not UTF-8, from byte 0 on."),
        (b'{"query": "\\ud800"}', "The body is not JSON: no low surrogate in string."),
        (b'{"query": "\xed\xa0\x80"}', "The body is not UTF-8, from byte 11 on."),
        (b'{"a": 1e999}', "The body is not JSON: number is infinity when parsed as double."),
        (b'{"a": ' + b"9" * 5000 + b"}", "The body is not JSON: number is infinity when parsed as double."),
        (b'{"a": NaN}', "The body is not JSON: unexpected character, expected a JSON value."),
        (b"[" * 100_000, "The body is not JSON: depth limit exceeded."),
        (b'{"a":' * 20_000 + b"1" + b"}" * 20_000, "The body is not JSON: depth limit exceeded."),
        (b"null", NO_OBJECT),
        (b"true", NO_OBJECT),
        (b"42", NO_OBJECT),
        (b'"{__typename}"', NO_OBJECT),
        (b'[{"query": "{__typename}"}]', NO_OBJECT),
        (b"{}", "Send a GraphQL document as `query`, or the `documentId` of a trusted one."),
        (b'{"query": null}', "Send a GraphQL document as `query`, or the `documentId` of a trusted one."),
        (b'{"query": " \\n "}', "Send a GraphQL document as `query`, or the `documentId` of a trusted one."),
        (b'{"query": ["{__typename}"]}', "`query` must be a GraphQL document."),
        (b'{"query": "{__typename}", "variables": []}', "`variables` must be a JSON object."),
        (b'{"query": "{__typename}", "variables": "{}"}', "`variables` must be a JSON object."),
        (b'{"query": "{__typename}", "operationName": 1}', "`operationName` must be a string."),
        (b'{"query": "{__typename}", "extensions": 0}', "`extensions` must be a JSON object."),
        (b'{"query": "{__typename}", "extensions": ""}', "`extensions` must be a JSON object."),
    ],
    ids=repr,
)
async def test_a_body_that_is_no_request_is_told_what_is_wrong(
    bare: httpx.AsyncClient, body: bytes, message: str
) -> None:
    assert only_error(await post(bare, body)) == (400, "BAD_USER_INPUT", message)


@pytest.mark.parametrize(
    "body",
    [
        {"query": QUERY, "variables": {"name": "Query"}},
        {"query": QUERY, "variables": {"name": "Query"}, "operationName": "Q", "extensions": {"a": 1}},
        {"query": QUERY, "variables": {"name": "Query"}, "operationName": "", "extensions": None},
        {"query": QUERY, "variables": {"name": "Query", "unknown": [1e308]}, "operationName": None},
        {"query": QUERY, "variables": {"name": "Query"}, "id": "later"},
    ],
)
@pytest.mark.parametrize("charset", ["", "; charset=utf-8", ';charset="UTF-8"', "; boundary=x"])
async def test_a_request_may_carry_what_the_specification_allows(
    bare: httpx.AsyncClient, body: dict[str, Any], charset: str
) -> None:
    answer = await post(bare, json.dumps(body).encode(), **{"content-type": f"application/json{charset}"})
    assert (answer.status_code, answer.json()) == (200, {"data": {"__type": {"name": "Query"}}})


@pytest.mark.parametrize(
    "media_type",
    [
        "text/plain",
        "text/json",
        "application/graphql",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonx",
        "json",
        "",
        ";charset=utf-8",
    ],
)
async def test_another_content_type_is_refused(bare: httpx.AsyncClient, media_type: str) -> None:
    refused = await bare.post(
        "/graphql", content=b'{"query":"{__typename}"}', headers={"content-type": media_type}
    )
    assert only_error(refused) == (415, "BAD_USER_INPUT", "Send the request as application/json.")


async def test_a_body_without_a_content_type_is_refused(bare: httpx.AsyncClient) -> None:
    refused = await bare.post("/graphql", content=b'{"query":"{__typename}"}')
    assert only_error(refused) == (415, "BAD_USER_INPUT", "Send the request as application/json.")


@pytest.mark.parametrize("charset", ["utf-16", "iso-8859-1", '"latin1"', ""])
async def test_another_charset_is_refused(bare: httpx.AsyncClient, charset: str) -> None:
    refused = await post(
        bare, b'{"query":"{__typename}"}', **{"content-type": f"application/json; charset={charset}"}
    )
    assert only_error(refused) == (415, "BAD_USER_INPUT", "Send the request in UTF-8.")


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "gzip, identity", "nonsense"])
async def test_a_compressed_body_is_refused(bare: httpx.AsyncClient, encoding: str) -> None:
    body = gzip.compress(b'{"query":"{__typename}"}')
    refused = await post(bare, body, **{"content-encoding": encoding})
    assert only_error(refused) == (
        415,
        "BAD_USER_INPUT",
        "Send the body as it is, without a Content-Encoding.",
    )


MAX_BODY_BYTES = LimitSettings().max_body_bytes


def _body(size: int) -> bytes:
    start, end = b'{"query": "{__typename}", "extensions": {"padding": "', b'"}}'
    return start + b" " * (size - len(start) - len(end)) + end


TOO_LARGE = (413, "BAD_USER_INPUT", "The request's body may have 262144 bytes at most.")


async def test_a_body_of_the_largest_size_is_read(bare: httpx.AsyncClient) -> None:
    assert (await post(bare, _body(MAX_BODY_BYTES))).json() == {"data": {"__typename": "Query"}}


async def test_a_larger_body_is_refused(bare: httpx.AsyncClient) -> None:
    assert only_error(await post(bare, _body(MAX_BODY_BYTES + 1))) == TOO_LARGE


@pytest.mark.parametrize("declared", [str(MAX_BODY_BYTES + 1), "0" * 30 + "262145", "9" * 5000])
async def test_a_body_that_is_declared_larger_is_refused_unread(declared: str) -> None:
    async def receive() -> Any:
        raise AssertionError("read")

    scope = {"type": "http", "headers": [(b"content-length", declared.encode())]}
    with pytest.raises(HttpProblem) as caught:
        await read_body(Request(scope, receive), max_body_bytes=MAX_BODY_BYTES)
    assert caught.value.status == 413


async def test_a_body_that_grows_too_large_is_refused_before_its_end(bare: httpx.AsyncClient) -> None:
    sent: list[int] = []

    async def chunks() -> AsyncIterator[bytes]:
        for number in range(1000):
            sent.append(number)
            yield b" " * 8192

    refused = await bare.post("/graphql", content=chunks(), headers=TYPE)
    assert only_error(refused) == TOO_LARGE
    assert len(sent) < 40


async def test_a_client_that_goes_away_is_no_fault(bare: httpx.AsyncClient) -> None:
    async def receive() -> Any:
        return {"type": "http.disconnect"}

    with pytest.raises(HttpProblem) as caught:
        await read_body(Request({"type": "http", "headers": []}, receive), max_body_bytes=10)
    assert (caught.value.status, caught.value.message) == (400, "The request's body ended too soon.")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_query_may_come_in_the_address(bare: httpx.AsyncClient, method: str) -> None:
    parameters = {"query": QUERY, "variables": '{"name": "Query"}', "operationName": "Q", "extensions": "{}"}
    answer = await bare.request(method, "/graphql", params=parameters)
    assert answer.status_code == 200
    if method == "GET":
        assert answer.json() == {"data": {"__type": {"name": "Query"}}}


async def test_an_empty_parameter_is_the_same_as_none(bare: httpx.AsyncClient) -> None:
    parameters = {"query": "{__typename}", "variables": "", "operationName": "", "extensions": ""}
    answer = await bare.get("/graphql", params=parameters)
    assert answer.json() == {"data": {"__typename": "Query"}}


@pytest.mark.parametrize(
    ("query_string", "message"),
    [
        ("", "Send a GraphQL document as `query`, or the `documentId` of a trusted one."),
        ("query=", "Send a GraphQL document as `query`, or the `documentId` of a trusted one."),
        ("query={__typename}&variables=[]", "`variables` must be a JSON object."),
        (
            "query={__typename}&variables={",
            "The parameter `variables` is not JSON: unexpected end of data.",
        ),
        (
            "query={__typename}&extensions=nope",
            "The parameter `extensions` is not JSON: invalid literal, expected 'null'.",
        ),
        ("query={__typename}&extensions=1", "`extensions` must be a JSON object."),
    ],
)
async def test_parameters_that_are_no_request_are_told_what_is_wrong(
    bare: httpx.AsyncClient, query_string: str, message: str
) -> None:
    assert only_error(await bare.get(f"/graphql?{query_string}")) == (400, "BAD_USER_INPUT", message)


async def test_bytes_in_the_address_that_are_no_text_are_a_bad_document(bare: httpx.AsyncClient) -> None:
    status, code, _ = only_error(
        await bare.get(
            "/graphql?query=%ff%00%ed%a0%80", headers={"accept": "application/graphql-response+json"}
        )
    )
    assert (status, code) == (400, "GRAPHQL_PARSE_FAILED")
