"""One emulated service: the vendor's app behind arrivals, the fault dial and the control endpoint."""

import asyncio
import random

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.sandbox.arrivals import Arrival
from gateway.sandbox.control import CONTROL_PREFIX, control
from gateway.sandbox.emulation import Clock, Emulation, Forms
from gateway.sandbox.exchange import Exchange
from gateway.sandbox.fates import Draws, delay_s, fate_of, in_force
from gateway.sandbox.faults import Faults
from gateway.sandbox.late import LateWrites, Sleep
from gateway.sandbox.paging import Page
from gateway.sandbox.replies import send_reply
from gateway.sandbox.world import World
from gateway.sandbox.writes import is_write


class Service:
    """A vendor's API with its own dial and memory of what it was asked.

    Attributes:
        kind: Which vendor.
        emulation: How it was declared.
        credentials: What a client logs in with.
        app: The ASGI app to serve; faults, arrivals and control included. The mishaps that break a connection
            need the sandbox's own server, and raise `NoConnection` elsewhere.
        arrivals: Oldest first.
        faults: The dial as it was set; mutable and replaceable.
        late: Writes that are still to be applied.
        draw: Its randomness for latency and errors.
        mishap_draw: Its randomness for `mishaps`.
        read_draw: Its randomness for `read_mishaps`.
        detail_draw: Its randomness for the details of mishaps; see `fates.Draws` for all four. They are
            seeded; a test may put others in their place.
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
        self._clock = clock
        self._faults = faults
        self._flaps_since = clock()
        self.arrivals: list[Arrival] = []
        self.late = LateWrites(sleep)
        self.app: ASGIApp = _Front(self, emulation.build(world, clock, emulation.choose(forms)), clock)
        self._world = world
        self._sleep = sleep
        self._naps: set[asyncio.Future[object]] = set()
        self._draw_afresh()

    @property
    def faults(self) -> Faults:
        return self._faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        before, self._faults = self._faults, faults
        if (before.flap_up_s, before.flap_down_s) != (faults.flap_up_s, faults.flap_down_s):
            self._flaps_since = self._clock()

    @property
    def faults_now(self) -> Faults:
        """The dial that counts at this moment: another one while a flapping service is down."""
        return in_force(self._faults, (self._clock() - self._flaps_since).total_seconds())

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
        self.read_draw = random.Random(f"read mishaps:{self.kind}")
        self.detail_draw = random.Random(f"details:{self.kind}")


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
            await (await control(self._service, scope, body))(scope, receive, send)
            return
        service = self._service
        arrival = Arrival.of(scope, body, self._clock())
        service.arrivals.append(arrival)
        faults = service.faults_now
        writes = is_write(service.kind, arrival.method, arrival.path)
        page = None if writes else Page.asked_for(scope, body)
        fate = fate_of(
            faults,
            is_write=writes,
            is_later_page=page is not None,
            draws=Draws(service.draw, service.mishap_draw, service.read_draw, service.detail_draw),
        )
        arrival.mishap = fate.mishap
        exchange = Exchange(
            self._app,
            scope,
            receive,
            body,
            arrival=arrival,
            page=page,
            faults=faults,
            error_body=service.emulation.error_body,
            late=service.late,
            clock=self._clock,
        )
        if await service.nap(delay_s(faults, service.draw)):
            reply = await exchange.answer(fate)
        else:
            arrival.applied, reply = False, None

        async def pause(seconds: float) -> bool:
            return await _pause(service, exchange, seconds)

        # A server takes silence for the app's fault while the client is there.
        if reply is None or not await send_reply(reply, send, pause):
            await exchange.left()


async def _pause(service: Service, exchange: Exchange, seconds: float) -> bool:
    """Let a half-sent answer wait; False where the service died or the client left meanwhile."""
    nap, left = asyncio.create_task(service.nap(seconds)), asyncio.create_task(exchange.left())
    try:
        await asyncio.wait({nap, left}, return_when=asyncio.FIRST_COMPLETED)
        return not left.done() and nap.result()
    finally:
        nap.cancel()
        left.cancel()


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
