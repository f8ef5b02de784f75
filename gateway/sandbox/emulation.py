"""How a vendor's app is declared, and the few pieces that all of them need.

Each vendor's module exports one `EMULATION`; `registry.py` lists them. `build` gets the world (read its
part through `world.<kind>` on every request: a reset replaces that object), a clock for the times of new
writes, and the chosen forms.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from gateway.sandbox.faults import ErrorBody
from gateway.sandbox.world import World

Clock = Callable[[], datetime]
Forms = Mapping[str, str]
JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Emulation:
    """One vendor's REST API.

    Attributes:
        kind: The name used everywhere, as in `KINDS`.
        docs: The vendor's documentation.
        base_path: What a user's base URL holds after the host, such as `/api`.
        credentials: What a client needs to log in; invented, the same on every start.
        error_body: The vendor's error object for a status and a text, for unknown paths and injected faults.
        build: Makes the app.
        forms: Where the documents leave a form open: switch to its values, the default first.
    """

    kind: str
    docs: str
    base_path: str
    credentials: Mapping[str, str]
    error_body: ErrorBody
    build: Callable[[World, Clock, Forms], ASGIApp]
    forms: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def choose(self, wanted: Mapping[str, str]) -> dict[str, str]:
        """Fill the defaults in.

        Raises:
            ValueError: No such switch, or no such value.
        """
        for switch, value in wanted.items():
            allowed = self.forms.get(switch)
            if allowed is None:
                raise ValueError(f"{self.kind} has no form {switch!r}; it has {sorted(self.forms)}")
            if value not in allowed:
                raise ValueError(f"{self.kind} form {switch!r} is one of {', '.join(allowed)}; not {value!r}")
        return {switch: allowed[0] for switch, allowed in self.forms.items()} | dict(wanted)


class Refused(Exception):
    """Raised by a handler: the vendor refuses with this status and body."""

    def __init__(self, status: int, body: object, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body
        self.headers = headers


class NotJson(ValueError):
    """The request's body cannot be read as JSON."""


def json_response(data: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """JSON as every one of these vendors sends it: UTF-8, compact."""
    return Response(orjson.dumps(data), status, headers, "application/json")


async def read_json(request: Request) -> object:
    """The request's body as JSON values.

    Raises:
        NotJson: Empty, or no JSON; each vendor answers that in its own words.
    """
    try:
        value: object = orjson.loads(await request.body())
    except orjson.JSONDecodeError as exc:
        raise NotJson from exc
    return value


def vendor_app(routes: Sequence[BaseRoute], *, error_body: ErrorBody) -> Starlette:
    """A Starlette app whose refusals, unknown paths and wrong verbs answer in the vendor's error form."""

    def refused(_: Request, exc: Exception) -> Response:
        assert isinstance(exc, Refused)
        return json_response(exc.body, exc.status, exc.headers)

    def unroutable(_: Request, exc: Exception) -> Response:
        assert isinstance(exc, HTTPException)
        return json_response(error_body(exc.status_code, exc.detail), exc.status_code, exc.headers)

    return Starlette(routes=list(routes), exception_handlers={Refused: refused, HTTPException: unroutable})
