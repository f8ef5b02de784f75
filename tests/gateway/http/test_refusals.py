"""Requests that no endpoint sees, over the whole app without sources."""

import json

import httpx
import pytest
from starlette.requests import Request

from gateway.http.refusals import failed
from gateway.http.security_headers import ALWAYS
from tests.answers import only_error


async def asked_as(http: httpx.AsyncClient, host: bytes, path: str = "/healthz") -> httpx.Response:
    return await http.get(path, headers=[(b"host", host)])


@pytest.mark.parametrize(
    "host",
    [b"localhost", b"localhost:8000", b"LocalHost:1", b"127.0.0.1", b"127.0.0.1:8000", b"[::1]", b"[::1]:8000", b"localhost:"],
)  # fmt: skip
async def test_the_gateway_answers_under_its_own_names(bare: httpx.AsyncClient, host: bytes) -> None:
    assert (await asked_as(bare, host)).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        b"evil.example",
        b"evil.example:8000",
        b"localhost.evil.example",
        b"evil.localhost",
        b"localhost.",
        b"127.0.0.1.evil.example",
        b"127.0.0.2",
        b"0.0.0.0",
        b"[::]",
        b"[::ffff:127.0.0.1]",
        b"*",
    ],
)
@pytest.mark.parametrize("path", ["/graphql?query={__typename}", "/uploads", "/", "/healthz", "/nope"])
async def test_the_name_of_a_stranger_is_refused_everywhere(
    bare: httpx.AsyncClient, host: bytes, path: str
) -> None:
    assert only_error(await asked_as(bare, host, path)) == (
        421,
        "BAD_USER_INPUT",
        "This gateway answers to localhost, 127.0.0.1, [::1] alone: see server.allowed_hosts.",
    )


@pytest.mark.parametrize(
    "host",
    [b"", b" ", b"::1", b"[::1", b"[::1]x", b"localhost:port", b"localhost:1:2", b"a@localhost", b"localhost/x", b"\xff", b"localhost evil.example"],
)  # fmt: skip
async def test_what_is_no_host_is_refused(bare: httpx.AsyncClient, host: bytes) -> None:
    assert only_error(await asked_as(bare, host)) == (
        400,
        "BAD_USER_INPUT",
        "The request has no valid Host header.",
    )


@pytest.mark.parametrize("path", ["/nope", "/graphql/x", "/uploads/x", "/.env", "/%00", "/../../etc/passwd"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
async def test_a_path_that_is_not_there_says_where_the_graph_is(
    bare: httpx.AsyncClient, path: str, method: str
) -> None:
    refused = await bare.request(method, path)
    assert only_error(refused) == (
        404,
        "BAD_USER_INPUT",
        "There is nothing at this path: the graph is at /graphql.",
    )


async def test_a_fault_outside_of_all_endpoints_is_masked_and_has_every_header() -> None:
    request = Request({"type": "http", "headers": [(b"x-request-id", b"r-1")]})
    answer = await failed(request, RuntimeError("a secret"))
    headers = dict(answer.raw_headers)
    assert dict(ALWAYS).items() <= headers.items()
    (error,) = json.loads(bytes(answer.body))["errors"]
    assert (answer.status_code, error["extensions"]["code"]) == (500, "INTERNAL_SERVER_ERROR")
    assert "secret" not in error["message"]
    assert headers[b"x-request-id"].decode() == error["extensions"]["requestId"] == "r-1"
