"""A service's control endpoint, on the service's own port.

Seen by neither arrivals nor faults, and open (the data is invented):

    GET    /__sandbox__/arrivals    what came in and what became of it, oldest first
    DELETE /__sandbox__/arrivals    forget it
    GET    /__sandbox__/service     which service this is
    GET    /__sandbox__/faults      the dial
    PUT    /__sandbox__/faults      set the dial; a field left out goes back to its default
    PATCH  /__sandbox__/faults      change what is given, leave the rest; null: back to its default
    GET    /__sandbox__/late        how many writes are still to be applied late
    POST   /__sandbox__/apply-late  apply them now
    POST   /__sandbox__/crash       die like a killed process, with `forget` (false) without the data, and
                                    listen again after `down_s` (1) seconds; answers once it is down
    POST   /__sandbox__/reset       this service's data as seeded, no arrivals, no faults, no late writes
"""

from typing import Annotated, Protocol

import msgspec
import orjson
from starlette.responses import Response
from starlette.types import Scope

from gateway.sandbox.arrivals import Arrival
from gateway.sandbox.connection import NoConnection, connection_of
from gateway.sandbox.dial_json import read_dial, told, turned
from gateway.sandbox.emulation import json_response
from gateway.sandbox.faults import Faults
from gateway.sandbox.late import LateWrites

CONTROL_PREFIX = "/__sandbox__/"


class Controlled(Protocol):
    """What the endpoint needs of a service."""

    kind: str
    arrivals: list[Arrival]
    late: LateWrites

    @property
    def faults(self) -> Faults: ...
    @faults.setter
    def faults(self, faults: Faults, /) -> None: ...

    def reset(self) -> None:
        """See `Service.reset`."""

    async def apply_late(self) -> int:
        """See `Service.apply_late`."""


class _Crash(msgspec.Struct, forbid_unknown_fields=True):
    forget: bool = False
    down_s: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 1.0


async def control(service: Controlled, scope: Scope, body: bytes) -> Response:
    """Answer a request for the control endpoint."""
    try:
        match scope["method"], scope["path"].removeprefix(CONTROL_PREFIX):
            case "GET", "arrivals":
                return json_response([arrival.as_json() for arrival in service.arrivals])
            case "DELETE", "arrivals":
                service.arrivals.clear()
                return json_response({"cleared": True})
            case "GET", "service":
                return json_response({"service": service.kind})
            case "GET", "faults":
                return json_response(told(service.faults))
            case "PUT", "faults":
                service.faults = read_dial(orjson.loads(body))
                return json_response(told(service.faults))
            case "PATCH", "faults":
                service.faults = turned(service.faults, orjson.loads(body))
                return json_response(told(service.faults))
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
