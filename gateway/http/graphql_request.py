"""A GraphQL request out of an HTTP one (GraphQL over HTTP, section "Request")."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.requests import ClientDisconnect, Request

from gateway.http.problems import HttpProblem

_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    """What a client asks for."""

    query: str
    variables: dict[str, Any] | None
    operation_name: str | None


async def read_request(request: Request, *, max_body_bytes: int) -> GraphQLRequest:
    """Read a GET's parameters or a POST's body.

    Raises:
        HttpProblem: 400, 413 or 415, with what was wrong and what would be right.
    """
    if request.method == "GET":
        return _from_query(request.query_params)
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != _JSON:
        raise HttpProblem(415, f"Send the request as {_JSON}.")
    return _from_json(await read_body(request, max_body_bytes=max_body_bytes))


async def read_body(request: Request, *, max_body_bytes: int) -> bytes:
    """Read a body, refusing a too large one before it is all there.

    Raises:
        HttpProblem: 413, or 400 when the client went away.
    """
    too_large = HttpProblem(413, f"The request's body may have {max_body_bytes} bytes at most.")
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and len(declared) < 20 and int(declared) > max_body_bytes:
        raise too_large
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > max_body_bytes:
                raise too_large
    except ClientDisconnect as error:
        raise HttpProblem(400, "The request's body ended too soon.") from error
    return bytes(body)


def _from_json(body: bytes) -> GraphQLRequest:
    try:
        sent = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise HttpProblem(400, f"The body is not JSON in UTF-8: {error.msg}.") from error
    if not isinstance(sent, dict):
        raise HttpProblem(400, 'The body must be a JSON object: {"query": "...", "variables": {...}}.')
    return _checked(sent)


def _from_query(parameters: Mapping[str, str]) -> GraphQLRequest:
    sent: dict[str, Any] = dict(parameters)
    for name in ("variables", "extensions"):
        if name in sent:
            try:
                sent[name] = orjson.loads(sent[name])
            except orjson.JSONDecodeError as error:
                raise HttpProblem(400, f"The parameter `{name}` is not JSON: {error.msg}.") from error
    return _checked(sent)


def _checked(sent: dict[str, Any]) -> GraphQLRequest:
    query, variables, name = sent.get("query"), sent.get("variables"), sent.get("operationName")
    if not isinstance(query, str) or not query.strip():
        raise HttpProblem(400, "`query` must be a GraphQL document.")
    if variables is not None and not isinstance(variables, dict):
        raise HttpProblem(400, "`variables` must be a JSON object.")
    if name is not None and not isinstance(name, str):
        raise HttpProblem(400, "`operationName` must be a string.")
    if not isinstance(sent.get("extensions") or {}, dict):
        raise HttpProblem(400, "`extensions` must be a JSON object.")
    return GraphQLRequest(query, variables, name or None)
