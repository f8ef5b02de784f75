"""One emulated service: the vendor's app behind a record of arrivals, the fault dial and a control endpoint.

Control, on the service's own port, seen by neither arrivals nor faults, and open (the data is invented):

    GET    /__sandbox__/arrivals   what came in, oldest first
    DELETE /__sandbox__/arrivals   forget it
    GET    /__sandbox__/faults     the dial
    PUT    /__sandbox__/faults     set the dial; a field left out goes back to its default
    POST   /__sandbox__/reset      this service's data as seeded, no arrivals, no faults
"""

import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime

import msgspec
import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.sandbox.emulation import Clock, Emulation, json_response
from gateway.sandbox.faults import Faults, Reply, through_faults
from gateway.sandbox.world import World

CONTROL_PREFIX = "/__sandbox__/"


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request as it reached the service, before any fault or login check.

    Attributes:
        method: Upper case.
        path: Percent-decoded.
        query: Raw, without the question mark.
        headers: Names in lower case; credentials are kept, they are invented.
        body: Whole.
        at: By the service's clock.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    at: datetime


class Service:
    """A vendor's API with its own dial and memory of what it was asked.

    Attributes:
        kind: Which vendor.
        emulation: How it was declared.
        credentials: What a client logs in with.
        app: The ASGI app to serve; faults, arrivals and control included.
        arrivals: Oldest first.
        faults: Mutable and replaceable.
    """

    def __init__(
        self, emulation: Emulation, world: World, *, clock: Clock, faults: Faults, forms: Mapping[str, str]
    ) -> None:
        self.kind = emulation.kind
        self.emulation = emulation
        self.credentials = dict(emulation.credentials)
        self.faults = faults
        self.arrivals: list[Arrival] = []
        self.app: ASGIApp = _Front(self, emulation.build(world, clock, emulation.choose(forms)), clock)
        self._world = world
        self.draw = self._fresh_draw()

    def reset(self) -> None:
        """Back to the seeded data, nothing remembered, healthy."""
        self._world.reseed(self.kind)
        self.arrivals.clear()
        self.faults = Faults()
        self.draw = self._fresh_draw()

    def _fresh_draw(self) -> random.Random:
        return random.Random(f"faults:{self.kind}")


class _Front:
    """Records, then lets the dial decide, then asks the vendor's app."""

    def __init__(self, service: Service, app: ASGIApp, clock: Clock) -> None:
        self._service = service
        self._app = app
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = await _read_body(receive)
        if body is None:
            return
        if scope["path"].startswith(CONTROL_PREFIX):
            await _control(self._service, scope["method"], scope["path"], body)(scope, receive, send)
            return
        self._service.arrivals.append(_arrival(scope, body, self._clock()))

        async def gone() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass

        reply = await through_faults(
            self._service.faults,
            self._service.draw,
            answer=lambda: _run(self._app, scope, body),
            gone=gone,
            error_body=self._service.emulation.error_body,
        )
        if reply is not None:
            await send({"type": "http.response.start", "status": reply.status, "headers": reply.headers})
            await send({"type": "http.response.body", "body": reply.body})


async def _read_body(receive: Receive) -> bytes | None:
    """The whole body; None if the client left in the middle, and then there is no request."""
    chunks = []
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunks.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(chunks)


def _arrival(scope: Scope, body: bytes, at: datetime) -> Arrival:
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    return Arrival(scope["method"], scope["path"], scope["query_string"].decode("latin-1"), headers, body, at)


async def _run(app: ASGIApp, scope: Scope, body: bytes) -> Reply:
    """Carry the request out and hold the answer back."""
    status = 500
    headers: list[tuple[bytes, bytes]] = []
    chunks: list[bytes] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
            headers.extend(message["headers"])
        else:
            chunks.append(message.get("body", b""))

    await app(scope, receive, send)
    return Reply(status, headers, b"".join(chunks))


def _control(service: Service, method: str, path: str, body: bytes) -> ASGIApp:
    match method, path.removeprefix(CONTROL_PREFIX):
        case "GET", "arrivals":
            return json_response([_described(arrival) for arrival in service.arrivals])
        case "DELETE", "arrivals":
            service.arrivals.clear()
            return json_response({"cleared": True})
        case "GET", "faults":
            return json_response(asdict(service.faults))
        case "PUT", "faults":
            try:
                service.faults = _read_faults(body)
            except ValueError as exc:  # msgspec's and orjson's errors are ValueErrors too
                return json_response({"error": str(exc)}, 400)
            return json_response(asdict(service.faults))
        case "POST", "reset":
            service.reset()
            return json_response({"reset": service.kind})
        case _:
            return json_response({"error": f"No control endpoint {method} {path}"}, 404)


def _described(arrival: Arrival) -> dict[str, object]:
    return {
        "method": arrival.method,
        "path": arrival.path,
        "query": arrival.query,
        "headers": dict(arrival.headers),
        "body": arrival.body.decode("utf-8", "replace"),
        "at": arrival.at.isoformat(),
    }


def _read_faults(body: bytes) -> Faults:
    wanted = orjson.loads(body)
    known = {field.name for field in fields(Faults)}
    if isinstance(wanted, dict) and (unknown := sorted(set(wanted) - known)):
        raise ValueError(f"Unknown fault {', '.join(unknown)}; known are {', '.join(sorted(known))}")
    return msgspec.convert(wanted, Faults)
