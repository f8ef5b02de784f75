"""Telecomx: how its lists are paged (`offset`, `limit`), and the flags that its lists take."""

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request

from gateway.sandbox.emulation import Forms
from gateway.sandbox.telecomx_access import refuse

_AT_MOST = 500


def read_flag(request: Request, name: str) -> bool:
    """Only `true` sets a flag."""
    return request.query_params.get(name, "").lower() == "true"


def read_choice(request: Request, name: str, allowed: Sequence[str]) -> str:
    """One of a few words, the first by default; another one is 422 with the parameter's name."""
    chosen = request.query_params.get(name, allowed[0])
    if chosen not in allowed:
        refuse(422, name)
    return chosen


def page(
    request: Request, forms: Forms, found: Sequence[Any], *, key: str, default_limit: int = 100
) -> dict[str, Any]:
    """The part that was asked for, under its resource's key."""
    offset = _number(request, "offset", 0)
    limit = _number(request, "limit", default_limit)
    if forms["limit_out_of_range"] == "clamp":
        offset, limit = max(offset, 0), min(max(limit, 1), _AT_MOST)
    if offset < 0:
        refuse(422, "offset")
    if not 1 <= limit <= _AT_MOST:
        refuse(422, "limit")
    return {"offset": offset, "limit": limit, "total": len(found), key: found[offset : offset + limit]}


def _number(request: Request, name: str, default: int) -> int:
    try:
        return int(request.query_params.get(name, default))
    except ValueError:
        refuse(422, name)
