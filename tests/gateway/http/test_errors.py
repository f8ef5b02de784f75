"""What clients see of an error and what the log keeps, over an endpoint with resolvers made to fail."""

import json
from collections.abc import AsyncIterator
from enum import Enum
from typing import Any

import httpx
import pytest
import strawberry

from gateway.domain.errors import (
    BadInput,
    SourceAuthError,
    SourceProtocolError,
    SourceRejected,
    SourceThrottled,
    SourceTimeout,
    SourceUnavailable,
    Unsupported,
    as_source_error,
)
from gateway.domain.ledger import LedgerUnavailable
from tests.gateway.http.conftest import Log
from tests.gateway.http.endpoints import client_of
from tests.resolvers.contexts import context

SECRET = "hunter2-of-the-source"
URL = "http://10.0.0.7/api?token=hunter2-of-the-source"
LOGGED = "http://10.0.0.7/api?[redacted]"
MASKED = "Something went wrong inside the gateway. Quote the request id r-1 when you report it."

EXPECTED = {
    "bad_input": BadInput("`first` must be 1 to 100.", argument="filter.first"),
    "unsupported": Unsupported("desk can't read this.", source="desk"),
    "unavailable": SourceUnavailable("desk", detail=URL),
    "timeout": SourceTimeout("desk", detail=URL),
    "throttled": SourceThrottled("desk", detail=URL, retry_after_s=3),
    "auth": SourceAuthError("desk", detail=URL),
    "protocol": SourceProtocolError("desk", detail=URL, json_path="$.a"),
    "rejected": SourceRejected("desk", (), detail=URL),
    "ledger": LedgerUnavailable(URL),
    "fault": as_source_error(KeyError("guid"), "desk"),
}


@strawberry.enum
class Color(Enum):
    RED = "red"


@strawberry.type
class Thing:
    name: str

    @classmethod
    def is_type_of(cls, *_: object) -> bool:
        return False


@strawberry.type
class Query:
    @strawberry.field
    async def expected(self, name: str) -> str | None:
        raise EXPECTED[name]

    @strawberry.field
    async def broken(self) -> str | None:
        password = SECRET
        raise ZeroDivisionError(f"division of {len(password)} by zero")

    @strawberry.field
    async def missing(self) -> str:
        return None  # type: ignore[return-value]

    @strawberry.field
    async def too_large(self) -> int | None:
        return 2**40

    @strawberry.field
    async def no_color(self) -> Color | None:
        return "mauve"  # type: ignore[return-value]

    @strawberry.field
    async def thing(self) -> Thing | None:
        return Thing(name="x")

    @strawberry.field
    async def several(self, count: int = 2) -> list[int]:
        return [1] * count

    @strawberry.field
    async def fine(self) -> str:
        return "fine"


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    schema = strawberry.Schema(Query)._schema
    async with client_of(schema, lambda _, request_id: context(request_id=request_id)) as client:
        client.headers.update({"x-request-id": "r-1", "accept": "application/graphql-response+json"})
        yield client


async def ask(http: httpx.AsyncClient, query: str, variables: object = None) -> dict[str, Any]:
    answer = await http.post("/graphql", json={"query": query, "variables": variables})
    assert SECRET not in answer.text
    assert "10.0.0.7" not in answer.text
    sent: dict[str, Any] = answer.json()
    return sent | {"status": answer.status_code}


@pytest.mark.parametrize(
    ("name", "message", "extensions"),
    [
        ("bad_input", "`first` must be 1 to 100.", {"code": "BAD_USER_INPUT", "retryable": False, "argument": "filter.first"}),
        ("unsupported", "desk can't read this.", {"code": "BAD_USER_INPUT", "retryable": False, "source": "desk"}),
        ("unavailable", "The source could not be reached.", {"code": "SOURCE_UNAVAILABLE", "retryable": True, "source": "desk"}),
        ("timeout", "The source did not answer in time.", {"code": "SOURCE_TIMEOUT", "retryable": True, "source": "desk"}),
        ("throttled", "The source asked for fewer requests.", {"code": "SOURCE_THROTTLED", "retryable": True, "source": "desk"}),
        ("auth", "The source refused the credentials.", {"code": "SOURCE_AUTH_FAILED", "retryable": False, "source": "desk"}),
        ("protocol", "The source's answer could not be understood.", {"code": "SOURCE_PROTOCOL_ERROR", "retryable": False, "source": "desk"}),
        ("rejected", "The source refused the request.", {"code": "SOURCE_PROTOCOL_ERROR", "retryable": False, "source": "desk"}),
        ("ledger", "The ledger of writes can't be reached. No write is sent without it. Try again later.", {"code": "LEDGER_UNAVAILABLE", "retryable": True}),
    ],
)  # fmt: skip
async def test_an_expected_error_costs_its_field_and_says_who_and_whether_to_retry(
    http: httpx.AsyncClient, name: str, message: str, extensions: dict[str, Any]
) -> None:
    assert await ask(http, "query($n: String!) {\n expected(name: $n) fine }", {"n": name}) == {
        "status": 200,
        "data": {"expected": None, "fine": "fine"},
        "errors": [
            {
                "message": message,
                "locations": [{"line": 2, "column": 2}],
                "path": ["expected"],
                "extensions": {**extensions, "requestId": "r-1"},
            }
        ],
    }


@pytest.mark.parametrize("name", ["unavailable", "timeout", "throttled", "auth", "protocol", "rejected"])
async def test_a_source_that_fails_is_a_warning_without_a_traceback(
    http: httpx.AsyncClient, log: Log, name: str
) -> None:
    await ask(http, f'{{ expected(name: "{name}") again: expected(name: "{name}") }}')
    # Once, though two fields show it: it is one failure.
    (logged,) = log()
    del logged["timestamp"]
    error = EXPECTED[name]
    assert logged == {
        "event": "source_failed",
        "level": "warning",
        "request_id": "r-1",
        "source": "desk",
        "code": error.code.value,
        "detail": f"{LOGGED} at $.a" if name == "protocol" else LOGGED,
    }


async def test_a_fault_of_an_adapter_is_an_error_with_its_traceback(
    http: httpx.AsyncClient, log: Log
) -> None:
    answer = await ask(http, '{ expected(name: "fault") }')
    assert "KeyError" not in str(answer)
    (logged,) = log()
    assert (logged["event"], logged["level"], logged["source"]) == ("adapter_failed", "error", "desk")
    assert logged["exception"][0]["exc_type"] == "KeyError"


@pytest.mark.parametrize("name", ["bad_input", "unsupported"])
async def test_a_callers_mistake_is_not_logged(http: httpx.AsyncClient, log: Log, name: str) -> None:
    await ask(http, f'{{ expected(name: "{name}") }}')
    assert log() == []


async def test_a_ledger_that_fails_is_a_warning_without_a_traceback(
    http: httpx.AsyncClient, log: Log
) -> None:
    await ask(http, '{ expected(name: "ledger") again: expected(name: "ledger") }')
    (logged,) = log()
    del logged["timestamp"]
    assert logged == {
        "event": "ledger_unavailable",
        "level": "warning",
        "request_id": "r-1",
        "detail": LOGGED,
    }


@pytest.mark.parametrize(
    ("field", "data", "kind", "location"),
    [
        ("broken", {"broken": None, "fine": "fine"}, "ZeroDivisionError", 3),
        ("missing", None, "TypeError", 3),
        ("tooLarge", {"tooLarge": None, "fine": "fine"}, "GraphQLError", 3),
        ("noColor", {"noColor": None, "fine": "fine"}, "GraphQLError", 3),
        ("thing { name }", {"thing": None, "fine": "fine"}, "GraphQLError", 3),
    ],
)
async def test_a_fault_of_ours_is_masked_and_logged_with_its_traceback_alone(
    http: httpx.AsyncClient, log: Log, field: str, data: object, kind: str, location: int
) -> None:
    assert await ask(http, f"{{ {field} fine }}") == {
        "status": 200,
        "data": data,
        "errors": [
            {
                "message": MASKED,
                "locations": [{"line": 1, "column": location}],
                "path": [field.partition(" ")[0]],
                "extensions": {"code": "INTERNAL_SERVER_ERROR", "retryable": False, "requestId": "r-1"},
            }
        ],
    }
    (logged,) = log()
    assert (logged["event"], logged["level"], logged["request_id"], logged["path"]) == (
        "operation_failed",
        "error",
        "r-1",
        [field.partition(" ")[0]],
    )
    (raised,) = [each for each in logged["exception"] if each["exc_type"] == kind]
    assert {frozenset(frame) for frame in raised["frames"]} <= {frozenset({"filename", "lineno", "name"})}
    assert SECRET not in json.dumps(logged)
    if field == "broken":
        assert raised["frames"][-1]["name"] == "broken"


@pytest.mark.parametrize(
    ("query", "variables", "message"),
    [
        ("query($n: String!) { expected(name: $n) }", {}, "Variable '$n' has invalid value: Expected a value of non-null type 'String!' to be provided."),
        ("query($n: String!) { expected(name: $n) }", {"n": None}, "Variable '$n' has invalid value: Expected value of non-null type 'String!' not to be None."),
        ("query($n: String!) { expected(name: $n) }", {"n": [1]}, "Variable '$n' has invalid value: String cannot represent a non string value: [1]"),
        ("query($n: Int) { several(count: $n) }", {"n": 2**31}, "Variable '$n' has invalid value: Int cannot represent non 32-bit signed integer value: 2147483648"),
        ("query($n: Int) { several(count: $n) }", {"n": 1.5}, "Variable '$n' has invalid value: Int cannot represent non-integer value: 1.5"),
    ],
)  # fmt: skip
async def test_wrong_variables_are_the_callers_mistake(
    http: httpx.AsyncClient, log: Log, query: str, variables: object, message: str
) -> None:
    answer = await ask(http, query, variables)
    assert (answer["status"], [each["message"] for each in answer["errors"]]) == (400, [message])
    assert answer["errors"][0]["extensions"] == {
        "code": "BAD_USER_INPUT",
        "retryable": False,
        "requestId": "r-1",
    }
    assert "data" not in answer
    assert log() == []


@pytest.mark.parametrize(
    ("query", "variables", "message"),
    [
        ('query($n: String = "x") { expected(name: $n) fine }', {"n": None}, "Argument 'name' has invalid value: Expected variable '$n' provided to non-null type 'String!' not to be None."),
        ("query($n: Int = 1) { expected: several(count: $n) fine }", {"n": None}, "Argument 'count' has invalid value: Expected variable '$n' provided to non-null type 'Int!' not to be None."),
    ],
)  # fmt: skip
async def test_an_argument_that_its_variable_leaves_null_is_the_callers_mistake(
    http: httpx.AsyncClient, log: Log, query: str, variables: object, message: str
) -> None:
    answer = await ask(http, query, variables)
    (error,) = answer["errors"]
    assert (error["message"], error["path"], error["extensions"]["code"]) == (
        message,
        ["expected"],
        "BAD_USER_INPUT",
    )
    assert log() == []


async def test_a_directive_that_its_variable_leaves_null_is_the_callers_mistake(
    http: httpx.AsyncClient, log: Log
) -> None:
    answer = await ask(http, "query($s: Boolean = true) { fine @skip(if: $s) }", {"s": None})
    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert log() == []
