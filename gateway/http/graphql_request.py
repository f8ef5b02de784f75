"""A GraphQL request out of an HTTP one (GraphQL over HTTP, section "Request")."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.requests import ClientDisconnect, Request

from gateway.domain.errors import BadInput
from gateway.http.problems import HttpProblem
from gateway.security.trusted_documents import Reference, read_reference

_JSON = "application/json"
_CHARSET = re.compile(r'charset\s*=\s*"?([^";\s]*)', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    """What a client asks for."""

    query: str | None
    variables: dict[str, Any] | None
    operation_name: str | None
    reference: Reference | None = None


async def read_request(request: Request, *, max_body_bytes: int) -> GraphQLRequest:
    """Read a GET's parameters or a POST's body.

    Raises:
        HttpProblem: 400, 413 or 415, with what was wrong and what would be right.
    """
    if request.method in {"GET", "HEAD"}:
        return _from_query(request.query_params)
    _check_encoding(request.headers)
    return _from_json(await read_body(request, max_body_bytes=max_body_bytes))


def _check_encoding(headers: Mapping[str, str]) -> None:
    media_type, _, parameters = headers.get("content-type", "").partition(";")
    if media_type.strip().lower() != _JSON:
        raise HttpProblem(415, f"Send the request as {_JSON}.")
    charset = _CHARSET.search(parameters)
    if charset is not None and charset[1].lower() not in {"utf-8", "utf8"}:
        raise HttpProblem(415, "Send the request in UTF-8.")
    if headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
        raise HttpProblem(415, "Send the body as it is, without a Content-Encoding.")


def declares_more(request: Request, limit: int) -> bool:
    """Whether a request announces a longer body than may come."""
    declared = request.headers.get("content-length", "").lstrip("0")
    # No number of so many digits is below the limit, and none need be read.
    return declared.isdecimal() and (len(declared) > 18 or int(declared) > limit)


async def read_body(request: Request, *, max_body_bytes: int) -> bytes:
    """Read a body, refusing a too large one before it is all there.

    Raises:
        HttpProblem: 413, or 400 when the client went away.
    """
    too_large = HttpProblem(413, f"The request's body may have {max_body_bytes} bytes at most.")
    if declares_more(request, max_body_bytes):
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
        sent = orjson.loads(body.decode())
    except UnicodeDecodeError as error:
        raise HttpProblem(400, f"The body is not UTF-8, from byte {error.start} on.") from error
    except orjson.JSONDecodeError as error:
        raise HttpProblem(400, f"The body is not JSON: {error.msg}.") from error
    if not isinstance(sent, dict):
        raise HttpProblem(400, 'The body must be a JSON object: {"query": "...", "variables": {...}}.')
    return _checked(sent)


def _from_query(parameters: Mapping[str, str]) -> GraphQLRequest:
    # An empty parameter is the same as none (section "GET").
    sent: dict[str, Any] = {name: value for name, value in parameters.items() if value}
    for name in ("variables", "extensions"):
        if name in sent:
            try:
                sent[name] = orjson.loads(sent[name])
            except orjson.JSONDecodeError as error:
                raise HttpProblem(400, f"The parameter `{name}` is not JSON: {error.msg}.") from error
    return _checked(sent)


def _checked(sent: dict[str, Any]) -> GraphQLRequest:
    query, variables, name = sent.get("query"), sent.get("variables"), sent.get("operationName")
    if query is not None and not isinstance(query, str):
        raise HttpProblem(400, "`query` must be a GraphQL document.")
    if variables is not None and not isinstance(variables, dict):
        raise HttpProblem(400, "`variables` must be a JSON object.")
    if name is not None and not isinstance(name, str):
        raise HttpProblem(400, "`operationName` must be a string.")
    if not isinstance(sent.get("extensions", {}), dict | None):
        raise HttpProblem(400, "`extensions` must be a JSON object.")
    try:
        reference = read_reference(sent.get("documentId"), sent.get("extensions"))
    except BadInput as error:
        raise HttpProblem(400, error.message) from error
    # Clients that name a document may send an empty text beside it.
    text = query if query and query.strip() else None
    if text is None and reference is None:
        raise HttpProblem(400, "Send a GraphQL document as `query`, or the `documentId` of a trusted one.")
    return GraphQLRequest(text, variables, name or None, reference)
