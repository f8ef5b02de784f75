"""Clients as careful services are: they repeat under their key what they may, and nothing else.

They send again after a connection that failed, an HTTP error, an error that says `retryable` and a write
that was certainly not applied. While an outcome isn't known they ask for it and send nothing.
"""

import asyncio
import contextlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import httpx

from tests.chaos.asking import AGAIN, Answer, mutation, question, understood
from tests.chaos.plan import Planned
from tests.chaos.witness import Told
from tests.chaos.workers import Worker

# When a client stops hoping for an outcome. Leases of killed workers last 20 s and more.
_GIVE_UP_S = 240.0
_LONGEST_PAUSE_S = 4.0


@dataclass(slots=True)
class Notes:
    """What all clients were told, and what it took.

    Attributes:
        told: Every answer that says something, in the order in which they came.
        writes: Number of a planned write -> its id in the graph.
        repeats: How often a client had to send again.
    """

    told: list[Told] = field(default_factory=list)
    writes: dict[int, str] = field(default_factory=dict)
    repeats: int = 0


class Client:
    """One caller of one write; several may want the same. It asks about a doubtful one for `doubt_s`."""

    def __init__(
        self,
        planned: Planned,
        number: int,
        *,
        workers: Sequence[Worker],
        http: httpx.AsyncClient,
        notes: Notes,
        doubt_s: float,
    ) -> None:
        self._planned = planned
        self._number = number
        self._workers = workers
        self._http = http
        self._notes = notes
        self._doubt_s = doubt_s
        # Which worker first and how long to pause is seeded; what it meets there is not.
        self._draw = random.Random(f"client {planned.key} {number}")  # noqa: S311 - repeatable, not secret
        self._turn = planned.number + number

    async def run(self, done: Callable[[], None]) -> None:
        """Get the write done, or get to know for good that it isn't.

        Args:
            done: Called once, when there is an answer, although it may say that nobody knows yet.
        """
        try:
            async with asyncio.timeout(_GIVE_UP_S):
                answer = await self._sent()
        except TimeoutError:
            self._note(Answer(failure=f"no answer for {_GIVE_UP_S:.0f} s"))
            return
        finally:
            done()
        with contextlib.suppress(TimeoutError):  # The last word stands then: nobody can tell.
            async with asyncio.timeout(_GIVE_UP_S):
                await self._pursue(answer)

    async def ask_once(self) -> None:
        """Ask what has become of it by now, after everything has settled."""
        write = self._notes.writes.get(self._planned.number)
        if write is not None:
            self._note(await self._post(question(write), "write", timeout_s=20.0))

    async def _sent(self) -> Answer:
        """Send it until the gateway has an answer to give."""
        pause_s = 0.05
        while True:
            answer = await self._post(
                mutation(self._planned), self._planned.kind.operation, timeout_s=self._planned.patience_s
            )
            if answer is not AGAIN:
                self._note(answer)
            if not answer.again or answer.open:
                return answer
            self._notes.repeats += 1
            pause_s = await self._pause(pause_s)

    async def _pursue(self, answer: Answer) -> None:
        """Ask until the outcome is known, or has been in doubt for too long; send again if that may be."""
        doubt_ends = asyncio.get_running_loop().time() + self._doubt_s
        pause_s = 0.25
        while answer.open or answer.again:
            if not answer.open:
                answer = await self._sent()
            elif answer.pending or asyncio.get_running_loop().time() < doubt_ends:
                pause_s = await self._pause(pause_s)
                answer = await self._asked(answer)
            else:
                return

    async def _asked(self, before: Answer) -> Answer:
        """What the gateway knows by now."""
        answer = await self._post(question(before.write or ""), "write", timeout_s=20.0)
        if answer.words is None:
            return before
        if answer.words != before.words:
            self._note(answer)
        return answer

    async def _post(self, body: object, field_: str, *, timeout_s: float) -> Answer:
        worker = self._workers[self._turn % len(self._workers)]
        try:
            async with asyncio.timeout(timeout_s):
                response = await self._http.post(worker.url, json=body)
            if response.status_code < 500:
                return understood(response.json(), self._planned, field=field_)
        except (httpx.TransportError, TimeoutError):
            pass
        # The other worker may be better off.
        self._turn += 1
        return AGAIN

    async def _pause(self, pause_s: float) -> float:
        """Wait; how long to wait the next time."""
        await asyncio.sleep(pause_s * self._draw.uniform(0.5, 1.0))
        return min(2 * pause_s, _LONGEST_PAUSE_S)

    def _note(self, answer: Answer) -> None:
        if answer.write is not None:
            self._notes.writes[self._planned.number] = answer.write
        self._notes.told.append(
            Told(
                self._planned.number,
                self._number,
                answer.words or {},
                replayed=answer.replayed,
                refusals=answer.refusals,
                failure=answer.failure,
            )
        )
