"""The span of each call that goes out."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from gateway.observability.tracing import Attribute, Recorded, current, span
from gateway.transport import Call, Reply, Transport


@dataclass(frozen=True, slots=True)
class Place:
    """Where the calls go.

    Attributes:
        host, port: Of the source's base URL; never its path or query.
        takes_context: It gets a `traceparent` with each call. Others get none, whatever the caller sent.
    """

    source: str
    host: str
    port: int | None = None
    takes_context: bool = False


class Traced:
    """Makes the span of each attempt. Stands below all that may share, repeat or hold back a call."""

    def __init__(self, inner: Transport, place: Place) -> None:
        self._inner = inner
        self._place = place

    async def send(self, call: Call) -> Reply:
        """See `Transport.send`."""
        scope, place = current(), self._place
        if scope is None:
            return await self._inner.send(call)
        if not isinstance(scope, Recorded):
            return await self._inner.send(_with(call, scope.outgoing()) if place.takes_context else call)
        attributes: dict[str, Attribute] = {
            "helpdesk.source": place.source,
            "helpdesk.operation": call.operation,
            "http.request.method": call.method,
            "server.address": place.host,
        }
        if place.port is not None:
            attributes["server.port"] = place.port
        with span(call.operation, attributes, client=True) as made:
            if place.takes_context and isinstance(made, Recorded):
                call = _with(call, made.outgoing())
            reply = await self._inner.send(call)
            made.set("http.response.status_code", reply.status)
            if reply.status >= 400:
                made.fail(str(reply.status))
            return reply

    async def close(self) -> None:
        """Close what is inside."""
        await self._inner.close()


def _with(call: Call, headers: Mapping[str, str]) -> Call:
    return replace(call, headers={**call.headers, **headers})
