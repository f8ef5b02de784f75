"""Writes that are carried out after their connection has died."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from gateway.sandbox.arrivals import Arrival

Sleep = Callable[[float], Awaitable[object]]
CarryOut = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True, eq=False)
class _Late:
    arrival: Arrival
    carry_out: CarryOut


class LateWrites:
    """One service's queue. The tasks that wait are owned here: `close` leaves none."""

    def __init__(self, sleep: Sleep) -> None:
        self._sleep = sleep
        self._pending: list[_Late] = []
        self._timers: dict[asyncio.Task[None], _Late] = {}

    def __len__(self) -> int:
        """How many are pending."""
        return len(self._pending)

    def add(self, arrival: Arrival, carry_out: CarryOut, *, after_s: float) -> None:
        """Carry a write out in so many seconds."""
        late = _Late(arrival, carry_out)
        self._pending.append(late)
        timer = asyncio.create_task(self._apply_after(after_s, late), name="sandbox late write")
        self._timers[timer] = late
        timer.add_done_callback(self._timers.pop)

    async def apply_now(self) -> int:
        """Carry out what is pending, in the order of arrival, and say how many that were."""
        pending = self._take_all()
        for late in pending:
            await late.carry_out()
        return len(pending)

    def drop(self) -> None:
        """Forget what is pending: it is never carried out."""
        for late in self._take_all():
            late.arrival.applied = False

    async def close(self) -> None:
        """Forget what is pending, and wait for the tasks to end."""
        self.drop()
        await asyncio.gather(*self._timers, return_exceptions=True)

    def _take_all(self) -> list[_Late]:
        pending, self._pending = self._pending, []
        for timer, late in self._timers.items():
            if late in pending:  # One that is being carried out already is no longer pending.
                timer.cancel()
        return pending

    async def _apply_after(self, after_s: float, late: _Late) -> None:
        await self._sleep(after_s)
        self._pending.remove(late)
        await late.carry_out()
