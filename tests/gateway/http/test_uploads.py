"""`POST /uploads`, over the gateway with all five sources."""

import os
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.requests import Request

from gateway.domain.catalog import Catalog
from gateway.domain.clock import utc_now
from gateway.http.rate_limited import RateLimits
from gateway.http.uploads import MAX_UPLOAD_BYTES, UploadEndpoint
from gateway.sandbox import Faults
from gateway.writes.uploads import Uploads
from tests.answers import errors_of
from tests.callers import ANYONE, CALLERS
from tests.e2e.conftest import Stack
from tests.gateway.http.conftest import Log

TYPE = {"content-type": "application/octet-stream"}
TO_THULIUM = {"source": "thulium", "filename": "error.png"}
CREATE = """mutation($source: String!, $handle: ID!) { createTicket(input: {source: $source, subject: "s", body: "b",
  requesterEmail: "ada@example.org", attachments: [$handle], idempotencyKey: "k"}) { userErrors { code field } } }"""


async def upload(
    stack: Stack, content: bytes | AsyncIterator[bytes] = b"abc", **parameters: str
) -> httpx.Response:
    return await stack.http.post("/uploads", params=TO_THULIUM | parameters, content=content, headers=TYPE)


def refusal(answer: httpx.Response) -> tuple[int, str, str, str | None]:
    """The status and the one error's code, message and argument."""
    (error,) = errors_of(answer, masked=answer.status_code in {502, 503, 504})
    extensions = error["extensions"]
    return answer.status_code, extensions["code"], error["message"], extensions.get("argument")


async def chunks(count: int, size: int = 1024 * 1024) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield bytes(size)


@pytest.mark.parametrize("content", [b"", b"\x00\r\n--boundary\xff", os.urandom(300_000)], ids=len)
async def test_a_file_reaches_its_source_unchanged(stack: Stack, content: bytes) -> None:
    answer = await upload(stack, content, filename="zażółć & co?.png")
    assert answer.status_code == 201
    assert errors_of(answer) == []
    body = answer.json()
    assert re.fullmatch(r"[\w-]{24}", body.pop("id"))
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT.*\+00:00", body.pop("expiresAt"))
    assert body == {"source": "thulium", "filename": "zażółć & co?.png", "sizeBytes": len(content)}
    (arrival,) = stack.sandbox.services["thulium"].arrivals
    assert (arrival.method, arrival.path, arrival.body) == ("POST", "/api/temporary_files", content)
    assert httpx.QueryParams(arrival.query) == httpx.QueryParams({"filename": "zażółć & co?.png"})
    assert arrival.headers["content-type"] == "application/octet-stream"


async def test_the_sources_own_token_is_not_told(stack: Stack) -> None:
    answer = await upload(stack)
    tokens = list(stack.sandbox.world.thulium.files)
    assert tokens
    assert not any(token in answer.text for token in tokens)


async def test_a_handle_belongs_to_its_source(stack: Stack) -> None:
    handle = (await upload(stack)).json()["id"]
    stack.forget()
    answer = await stack.data(CREATE, {"source": "tulo", "handle": handle})
    assert {each["code"] for each in answer["createTicket"]["userErrors"]} == {"NOT_FOUND"}
    answer = await stack.data(CREATE, {"source": "thulium", "handle": "invented"})
    assert answer["createTicket"]["userErrors"] == [{"code": "NOT_FOUND", "field": ["attachments", "0"]}]
    assert stack.calls() == {}
    answer = await stack.data(CREATE, {"source": "thulium", "handle": handle})
    assert answer["createTicket"]["userErrors"] == []


# -- what isn't taken

TOO_LARGE = (413, "BAD_USER_INPUT", "A file may have 26214400 bytes at most.", None)


async def test_a_file_of_the_largest_size_is_taken(stack: Stack) -> None:
    answer = await upload(stack, chunks(25))
    assert (answer.status_code, answer.json()["sizeBytes"]) == (201, MAX_UPLOAD_BYTES)


async def test_a_file_that_grows_too_large_is_refused(stack: Stack) -> None:
    assert refusal(await upload(stack, chunks(26))) == TOO_LARGE
    assert all(len(each.body) <= MAX_UPLOAD_BYTES for each in stack.sandbox.services["thulium"].arrivals)


async def test_a_file_that_is_declared_too_large_is_refused_unread(stack: Stack) -> None:
    sent: list[None] = []

    async def content() -> AsyncIterator[bytes]:
        sent.append(None)
        yield b"abc"

    answer = await stack.http.post(
        "/uploads",
        params=TO_THULIUM,
        content=content(),
        headers=TYPE | {"content-length": str(MAX_UPLOAD_BYTES + 1)},
    )
    assert refusal(answer) == TOO_LARGE
    assert (sent, stack.calls()) == ([], {})


@pytest.mark.parametrize(
    "media_type",
    ["", "image/png", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"],
)
async def test_what_a_form_of_another_site_could_send_is_refused(stack: Stack, media_type: str) -> None:
    answer = await stack.http.post(
        "/uploads", params=TO_THULIUM, content=b"abc", headers={"content-type": media_type}
    )
    message = "Send the file's bytes as application/octet-stream."
    assert refusal(answer) == (415, "BAD_USER_INPUT", message, None)
    assert stack.calls() == {}


@pytest.mark.parametrize(
    "filename", ["", "a" * 256, "a/b", "..\\b", "a\nb", "a\x00", "\u202egnp.exe", "%00", "\x7f"], ids=ascii
)
async def test_a_filename_has_its_rules(stack: Stack, filename: str) -> None:
    answer = await upload(stack, filename=filename)
    if filename == "%00":  # encoded twice, it is but text
        assert answer.status_code == 201
        return
    message = "`filename` must have 1 to 255 printable characters and no slash."
    assert refusal(answer) == (400, "BAD_USER_INPUT", message, "filename")
    assert stack.calls() == {}


@pytest.mark.parametrize("key", ["", "nope", "Thulium", "../thulium"])
async def test_an_unknown_source_is_named(stack: Stack, key: str) -> None:
    message = f"There is no source `{key}`. Configured: tulo, service_order_hub, netevia, telecomx, thulium."
    assert refusal(await upload(stack, source=key)) == (400, "BAD_USER_INPUT", message, "source")


@pytest.mark.parametrize("key", ["tulo", "service_order_hub", "netevia", "telecomx"])
async def test_a_source_that_takes_no_files_says_so(stack: Stack, key: str) -> None:
    expected = (400, "BAD_USER_INPUT", f"{key} takes no files.", "source")
    assert refusal(await upload(stack, source=key)) == expected
    assert stack.calls() == {}


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_files_come_by_post_alone(stack: Stack, method: str) -> None:
    answer = await stack.http.request(method, "/uploads", params=TO_THULIUM)
    assert refusal(answer)[:2] == (405, "BAD_USER_INPUT")
    assert answer.headers["allow"] == "POST"


# -- the source

ANSWERS: list[tuple[Faults, int, str, str, bool]] = [
    (Faults(error_rate=1, error_status=500), 502, "SOURCE_UNAVAILABLE", "The source could not be reached.", True),
    (Faults(error_rate=1, error_status=401), 502, "SOURCE_AUTH_FAILED", "The source refused the credentials.", False),
    (Faults(error_rate=1, error_status=400), 502, "SOURCE_PROTOCOL_ERROR", "The source refused the request.", False),
    (Faults(throttle=True), 503, "SOURCE_THROTTLED", "The source asked for fewer requests.", True),
    (Faults(malformed_json=True), 502, "SOURCE_PROTOCOL_ERROR", "The source's answer could not be understood.", False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("faults", "status", "code", "message", "retryable"), ANSWERS, ids=lambda value: str(value)[:30]
)
async def test_a_source_that_does_not_take_it_is_named(
    stack: Stack, log: Log, faults: Faults, status: int, code: str, message: str, retryable: bool
) -> None:
    stack.sandbox.services["thulium"].faults = faults
    answer = await upload(stack)
    (error,) = errors_of(answer, masked=True)
    request_id = answer.headers["x-request-id"]
    assert (answer.status_code, error) == (
        status,
        {
            "message": message,
            "extensions": {
                "code": code,
                "retryable": retryable,
                "requestId": request_id,
                "source": "thulium",
            },
        },
    )
    (logged,) = log()
    assert (logged["event"], logged["level"], logged["source"]) == ("source_failed", "warning", "thulium")
    assert logged["request_id"] == request_id


async def test_a_source_that_is_down_is_named(stack: Stack) -> None:
    await stack.running.stop("thulium")
    expected = (502, "SOURCE_UNAVAILABLE", "The source could not be reached.", None)
    assert refusal(await upload(stack)) == expected


# -- the client


async def test_a_client_that_goes_away_in_the_middle_is_no_fault(stack: Stack, log: Log) -> None:
    messages = [
        {"type": "http.request", "body": b"the first half", "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Any:
        return messages.pop(0)

    files = set(stack.sandbox.world.thulium.files)
    app = stack.http._transport.app  # type: ignore[attr-defined]
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/uploads",
        "query_string": b"source=thulium&filename=a",
        "headers": [(b"host", b"localhost"), (b"content-type", b"application/octet-stream")],
    }
    await app(scope, receive, send)
    assert [each.get("status") for each in sent] == [400, None]
    assert b"The file ended too soon." in sent[1]["body"]
    assert log() == []
    assert set(stack.sandbox.world.thulium.files) == files


async def test_a_fault_of_the_gateway_itself_is_masked_and_logged(log: Log) -> None:
    class Broken(Catalog):
        def named(self, *_: object, **__: object) -> Any:
            raise RuntimeError("no catalog at http://internal:1")

    endpoint = UploadEndpoint(Broken(()), Uploads(utc_now), ANYONE, CALLERS, RateLimits(None))
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/uploads",
        "query_string": b"",
        "headers": [(b"content-type", b"application/octet-stream"), (b"x-request-id", b"r-1")],
    }
    answer = await endpoint(Request(scope))
    assert answer.status_code == 500
    assert b"internal:1" not in bytes(answer.body)
    assert b"Quote the request id r-1" in bytes(answer.body)
    assert [each["event"] for each in log()] == ["operation_failed"]
