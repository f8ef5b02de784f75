"""One request and what can befall it: `fates.py` has decided, here it is done."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime
from typing import Literal, assert_never

import orjson
from starlette.types import ASGIApp, Receive, Scope

from gateway.sandbox.arrivals import Arrival
from gateway.sandbox.connection import Connection, connection_of
from gateway.sandbox.emulation import Clock
from gateway.sandbox.fates import Fate
from gateway.sandbox.faults import ErrorBody, Faults, Mishap, RetryAfterForm
from gateway.sandbox.late import LateWrites
from gateway.sandbox.paging import Page, repeated, shifted
from gateway.sandbox.replies import Reply, ask, cut_in_half, dripped, half_of, not_json
from gateway.sandbox.shapes import misshapen

HANG_AT_MOST_S = 60.0

_Spoiling = Literal[
    Mishap.HANG_IN_BODY,
    Mishap.SLOW_BODY,
    Mishap.MALFORMED_JSON,
    Mishap.NOT_JSON,
    Mishap.WRONG_SHAPE,
    Mishap.REPEATED_PAGE,
    Mishap.SHIFTED_PAGE,
]


class Exchange:
    """A request that has arrived, and the means to answer it, or not.

    The app's answer is a value here, not a stream, so a mishap can stand before the work (the app is never
    asked), after it (asked, its reply dropped or changed), or around it (asked later).
    """

    def __init__(
        self,
        app: ASGIApp,
        scope: Scope,
        receive: Receive,
        body: bytes,
        *,
        arrival: Arrival,
        page: Page | None,
        faults: Faults,
        error_body: ErrorBody,
        late: LateWrites,
        clock: Clock,
    ) -> None:
        self._app = app
        self._scope = scope
        self._receive = receive
        self._body = body
        self._arrival = arrival
        self._page = page
        self._faults = faults
        self._error_body = error_body
        self._late = late
        self._clock = clock

    async def answer(self, fate: Fate) -> Reply | None:
        """Do what was decided.

        Returns:
            What to send, or None where the connection has ended without an answer.

        Raises:
            NoConnection: The mishap breaks the connection and there is none; nothing was done.
        """
        self._arrival.applied = False
        match fate.mishap:
            case None:
                return await self._carry_out()
            case Mishap.RESET_BEFORE:
                self._connection.reset()
            case Mishap.TIMEOUT_BEFORE:
                return await self._hang()
            case Mishap.ERROR_BEFORE:
                return self._refuse(fate.status, "Injected fault")
            case Mishap.THROTTLED:
                return self._throttle(fate)
            case Mishap.LOST_ANSWER:
                connection = self._connection
                await self._carry_out()
                connection.close()
            case Mishap.RESET_AFTER:
                connection = self._connection
                await self._carry_out()
                connection.reset()
            case Mishap.TIMEOUT_AFTER:
                await self._carry_out()
                return await self._hang()
            case Mishap.ERROR_AFTER:
                await self._carry_out()
                return self._refuse(fate.status, "Injected fault")
            case Mishap.HALF_ANSWER:
                connection = self._connection
                connection.write(half_of(await self._carry_out()))
                connection.close()
            case Mishap.APPLIED_LATE:
                self._connection.reset()
                self._arrival.applied = None
                self._late.add(self._arrival, self._carry_out, after_s=self._faults.apply_after_s)
            case _:
                return await self._spoil(fate.mishap, fate)
        return None

    async def left(self) -> None:
        """Return once the client has no connection any more."""
        await self._receive()  # The body has been read, so nothing else can come.

    @property
    def _connection(self) -> Connection:
        return connection_of(self._scope)

    async def _spoil(self, mishap: _Spoiling, fate: Fate) -> Reply:
        """Carry it out, and change what is answered or how it comes."""
        faults = self._faults
        match mishap:
            case Mishap.HANG_IN_BODY:
                return replace(await self._carry_out(), pieces=2, pause_s=HANG_AT_MOST_S)
            case Mishap.SLOW_BODY:
                return dripped(
                    await self._carry_out(),
                    bytes_per_s=faults.slow_bytes_per_s,
                    pieces=faults.slow_pieces,
                    pause_s=faults.slow_pause_s,
                )
            case Mishap.MALFORMED_JSON:
                return cut_in_half(await self._carry_out())
            case Mishap.NOT_JSON:
                return not_json(await self._carry_out())
            case Mishap.WRONG_SHAPE:
                reply = await self._carry_out()
                return reply.with_body(misshapen(reply.body, shapes=faults.shapes, detail=fate.detail))
            case Mishap.REPEATED_PAGE | Mishap.SHIFTED_PAGE:
                if self._page is None:
                    return await self._carry_out()
                change = repeated if mishap is Mishap.REPEATED_PAGE else shifted
                return await change(self._page, faults.page_items, self._carry_out)
            case _:
                assert_never(mishap)

    async def _carry_out(self, query: bytes | None = None, body: bytes | None = None) -> Reply:
        scope = self._scope if query is None else {**self._scope, "query_string": query}
        reply = await ask(self._app, scope, self._body if body is None else body)
        self._arrival.applied = 200 <= reply.status < 300
        return reply

    async def _hang(self) -> Reply | None:
        try:
            async with asyncio.timeout(HANG_AT_MOST_S):
                await self.left()
        except TimeoutError:
            return self._refuse(504, "Gateway timeout")
        return None

    def _throttle(self, fate: Fate) -> Reply:
        reply = self._refuse(429, "Too many requests")
        wait_s = self._faults.retry_after_s
        if wait_s is None or fate.detail >= self._faults.retry_after_share:
            return reply
        told = str(wait_s)
        if self._faults.retry_after_form == RetryAfterForm.DATE:
            # A date has whole seconds, and a client that comes at that moment must not come too early.
            moment = self._clock() + timedelta(seconds=wait_s, microseconds=999_999)
            told = format_datetime(moment.replace(microsecond=0), usegmt=True)
        reply.headers.append((b"retry-after", told.encode()))
        return reply

    def _refuse(self, status: int, text: str) -> Reply:
        body = orjson.dumps(self._error_body(status, text))
        return Reply(status, [(b"content-type", b"application/json")], b"").with_body(body)
