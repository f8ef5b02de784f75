"""One emulated service: the vendor's app behind a record of arrivals, the fault dial and a control endpoint.

Control, on the service's own port, seen by neither arrivals nor faults, and open (the data is invented):

    GET    /__sandbox__/arrivals    what came in and what became of it, oldest first
    DELETE /__sandbox__/arrivals    forget it
    GET    /__sandbox__/faults      the dial
    PUT    /__sandbox__/faults      set the dial; a field left out goes back to its default
    GET    /__sandbox__/late        how many writes are still to be applied late
    POST   /__sandbox__/apply-late  apply them now
    POST   /__sandbox__/crash       die like a killed process, with `forget` (false) without the data, and
                                    listen again after `down_s` (1) seconds; answers once it is down
    POST   /__sandbox__/reset       this service's data as seeded, no arrivals, no faults, no late writes
"""

import asyncio
import random
from dataclasses import asdict, fields
from typing import Annotated

import msgspec
import orjson
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.sandbox.arrivals import Arrival
from gateway.sandbox.connection import NoConnection, connection_of
from gateway.sandbox.emulation import Clock, Emulation, Forms, json_response
from gateway.sandbox.exchange import Exchange
from gateway.sandbox.faults import Faults, delay_s, mishap_for
from gateway.sandbox.late import LateWrites, Sleep
from gateway.sandbox.world import World
from gateway.sandbox.writes import is_write

CONTROL_PREFIX = "/__sandbox__/"


class Service:
    """A vendor's API with its own dial and memory of what it was asked.

    Attributes:
        kind: Which vendor.
        emulation: How it was declared.
        credentials: What a client logs in with.
        app: The ASGI app to serve; faults, arrivals and control included. The mishaps that break a connection
            need the sandbox's own server, and raise `NoConnection` elsewhere.
        arrivals: Oldest first.
        faults: Mutable and replaceable.
        late: Writes that are still to be applied.
        draw: Its randomness for latency and `error_rate`.
        mishap_draw: Its randomness for `mishaps`. Both are seeded; a test may put others in their place.
    """

    def __init__(
        self,
        emulation: Emulation,
        world: World,
        *,
        clock: Clock,
        sleep: Sleep,
        faults: Faults,
        forms: Forms,
    ) -> None:
        self.kind = emulation.kind
        self.emulation = emulation
        self.credentials = dict(emulation.credentials)
        self.faults = faults
        self.arrivals: list[Arrival] = []
        self.late = LateWrites(sleep)
        self.app: ASGIApp = _Front(self, emulation.build(world, clock, emulation.choose(forms)), clock)
        self._world = world
        self._sleep = sleep
        self._naps: set[asyncio.Future[object]] = set()
        self._draw_afresh()

    def reset(self) -> None:
        """Back to the seeded data, nothing remembered, nothing pending, healthy."""
        self.late.drop()
        self._world.reseed(self.kind)
        self.arrivals.clear()
        self.faults = Faults()
        self._draw_afresh()

    async def apply_late(self) -> int:
        """Carry out now what is pending, and say how many writes that were."""
        return await self.late.apply_now()

    def die(self, *, forget: bool) -> None:
        """What waits for its latency is never carried out; see `Running.crash` for the rest."""
        for nap in self._naps:
            nap.cancel()
        if forget:
            self.late.drop()
            self._world.reseed(self.kind)

    async def nap(self, seconds: float) -> bool:
        """Let a request wait; False where the service died meanwhile."""
        if not seconds:
            return True
        nap: asyncio.Future[object] = asyncio.ensure_future(self._sleep(seconds))
        self._naps.add(nap)
        try:
            await asyncio.wait({nap})
        finally:
            self._naps.discard(nap)
            nap.cancel()
        return not nap.cancelled()

    def _draw_afresh(self) -> None:
        self.draw = random.Random(f"faults:{self.kind}")
        self.mishap_draw = random.Random(f"mishaps:{self.kind}")


class _Front:
    """Records, then decides what befalls the request, then has it done."""

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
            await (await _control(self._service, scope, body))(scope, receive, send)
            return
        service = self._service
        arrival = Arrival.of(scope, body, self._clock())
        service.arrivals.append(arrival)
        arrival.mishap = mishap_for(
            service.faults,
            is_write=is_write(service.kind, arrival.method, arrival.path),
            draw=service.draw,
            mishap_draw=service.mishap_draw,
        )
        exchange = Exchange(
            self._app,
            scope,
            receive,
            body,
            arrival=arrival,
            faults=service.faults,
            error_body=service.emulation.error_body,
            late=service.late,
        )
        if await service.nap(delay_s(service.faults, service.draw)):
            reply = await exchange.answer(arrival.mishap)
        else:
            arrival.applied, reply = False, None
        if reply is None:
            await exchange.left()  # A server takes silence for the app's fault while the client is there.
        else:
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


class _Crash(msgspec.Struct, forbid_unknown_fields=True):
    forget: bool = False
    down_s: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 1.0


async def _control(service: Service, scope: Scope, body: bytes) -> Response:
    try:
        match scope["method"], scope["path"].removeprefix(CONTROL_PREFIX):
            case "GET", "arrivals":
                return json_response([arrival.as_json() for arrival in service.arrivals])
            case "DELETE", "arrivals":
                service.arrivals.clear()
                return json_response({"cleared": True})
            case "GET", "faults":
                return json_response(asdict(service.faults))
            case "PUT", "faults":
                service.faults = _read_faults(body)
                return json_response(asdict(service.faults))
            case "GET", "late":
                return json_response({"pending": len(service.late)})
            case "POST", "apply-late":
                return json_response({"carried_out": await service.apply_late()})
            case "POST", "crash":
                crash = msgspec.json.decode(body or b"{}", type=_Crash)
                connection_of(scope).crash_server(forget=crash.forget, down_s=crash.down_s)
                answer = {"crashed": service.kind, "forget": crash.forget, "down_s": crash.down_s}
                return json_response(answer, headers={"connection": "close"})
            case "POST", "reset":
                service.reset()
                return json_response({"reset": service.kind})
            case method, _:
                return json_response({"error": f"No control endpoint {method} {scope['path']}"}, 404)
    except ValueError as exc:  # msgspec's and orjson's errors are ValueErrors too
        return json_response({"error": str(exc)}, 400)
    except NoConnection as exc:
        return json_response({"error": str(exc)}, 409)


def _read_faults(body: bytes) -> Faults:
    wanted = orjson.loads(body)
    known = {field.name for field in fields(Faults)}
    if isinstance(wanted, dict) and (unknown := sorted(set(wanted) - known)):
        raise ValueError(f"Unknown fault {', '.join(unknown)}; known are {', '.join(sorted(known))}")
    return msgspec.convert(wanted, Faults)
