"""One read for all who want the same at the same time."""

import asyncio
import contextvars
from dataclasses import dataclass

from gateway.domain.deadline import current_deadline
from gateway.domain.errors import SourceError, SourceUnavailable, as_source_error
from gateway.observability.tracing import Carried, carried, carry, joined
from gateway.resilience.patience import Patience, fly_with
from gateway.resilience.sharing import Generations, Key, asks_anew, sharing_key
from gateway.resilience.stats import Event, Listener, nobody
from gateway.transport import Call, Reply, Transport

_Outcome = Reply | SourceError


@dataclass(slots=True, eq=False)
class _Flight:
    """A read under way, and the patience of those who wait for it."""

    generation: int
    patience: Patience
    task: asyncio.Task[_Outcome]
    begun_by: Carried


class SingleFlight:
    """Shares a read between callers who send the same with the same credentials.

    A flight is a task of its own that belongs to no caller: it goes on when the first one is cut, and has
    neither its deadline nor any other of its context variables. What limits it lies below. One that began
    before a write ended isn't joined afterwards; a read that asks for a fresh answer neither joins nor is
    joined.
    """

    def __init__(self, inner: Transport, *, source: str, listener: Listener = nobody) -> None:
        self._inner = inner
        self._source = source
        self._listener = listener
        self._generations = Generations()
        self._flights: dict[Key, _Flight] = {}
        self._tasks: set[asyncio.Task[_Outcome]] = set()

    @property
    def under_way(self) -> int:
        """How many flights there are."""
        return len(self._tasks)

    async def send(self, call: Call) -> Reply:
        """See `Transport.send`."""
        key = sharing_key(call)
        if key is not None and not asks_anew(call):
            flight = self._board(key, call)
            with joined(flight.begun_by):
                return await self._wait(flight)
        if call.safe:
            return await self._inner.send(call)
        with self._generations.writing():
            return await self._inner.send(call)

    def _board(self, key: Key, call: Call) -> _Flight:
        """The flight that is under way, or a new one."""
        flight = self._flights.get(key)
        if flight is not None and self._generations.holds(flight.generation):
            self._listener(Event.JOINED)
            return flight
        context = contextvars.Context()
        patience = Patience()
        context.run(fly_with, patience)
        context.run(carry, begun_by := carried())
        task = asyncio.get_running_loop().create_task(self._fly(key, call), context=context)
        self._tasks.add(task)
        flight = self._flights[key] = _Flight(self._generations.current(), patience, task, begun_by)
        return flight

    async def _fly(self, key: Key, call: Call) -> _Outcome:
        """What the flight came to. An error is no less a result, and one that nobody may live to fetch."""
        try:
            return await self._inner.send(call)
        except Exception as error:  # noqa: BLE001 - a task's edge: each waiter raises it
            return as_source_error(error, self._source)
        finally:
            task = asyncio.current_task()
            self._tasks.discard(task)
            # After a write another flight may have taken its place.
            newest = self._flights.get(key)
            if newest is not None and newest.task is task:
                del self._flights[key]

    async def _wait(self, flight: _Flight) -> Reply:
        flight.patience.join(current_deadline())
        try:
            outcome = await asyncio.shield(flight.task)
        except asyncio.CancelledError:
            if flight.task.cancelled() and not _is_cancelled():
                raise SourceUnavailable(self._source, detail="the gateway is stopping") from None
            raise
        finally:
            flight.patience.leave()
        if isinstance(outcome, Reply):
            return outcome
        raise _anew(outcome) from outcome.__cause__

    async def close(self) -> None:
        """End the flights, then close what is inside."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        # One that is cancelled before its first step can't do it itself.
        self._tasks.clear()
        self._flights.clear()
        await self._inner.close()


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _anew(error: SourceError) -> SourceError:
    """The same error for one waiter, with the way that it has come.

    One object raised in several tasks would gather all their tracebacks, and what one of them writes on
    it would be seen by the others.
    """
    anew = type(error).__new__(type(error), *error.args)
    anew.__dict__.update(error.__dict__)
    return anew.with_traceback(error.__traceback__)
