"""What every answer of the gateway must hold to, whatever a client sent."""

import re
from typing import Any

import httpx

from gateway.domain.errors import ErrorCode
from gateway.sandbox import Sandbox

CREDENTIALS = sorted({value for each in Sandbox().services.values() for value in each.credentials.values()})
_INSIDE = re.compile(
    r"Traceback|\.py\b|object at 0x|<class|site-packages|gateway\.(http|sources|transport|domain|plans)|"
    r"(?<!/)graphql\.\w|strawberry|httpx|127\.0\.0\.1:\d|Exception\b|NoneType"
)


def errors_of(response: httpx.Response, *, masked: bool = False) -> list[dict[str, Any]]:
    """An answer's errors: in the graph's form, of known codes, and with nothing of the inside in them."""
    assert response.status_code < 500 or masked, response.text
    assert re.fullmatch(
        r"application/(graphql-response\+)?json; charset=utf-8", response.headers["content-type"]
    )
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-content-type-options"] == "nosniff"
    errors: list[dict[str, Any]] = response.json().get("errors", [])
    for error in errors:
        assert error["extensions"]["requestId"] == response.headers["x-request-id"]
        assert ErrorCode(error["extensions"]["code"])
        assert masked or error["extensions"]["code"] != ErrorCode.INTERNAL_SERVER_ERROR, error
        assert not _INSIDE.search(error["message"]), error["message"]
        assert not any(secret in error["message"] for secret in CREDENTIALS)
    return errors


def only_error(response: httpx.Response) -> tuple[int, str, str]:
    """The status, code and message of an answer with one error and no data."""
    (error,) = errors_of(response)
    assert set(response.json()) == {"errors"}
    return response.status_code, error["extensions"]["code"], error["message"]
