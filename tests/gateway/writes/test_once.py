"""Whatever happens, and in whichever order: a customer gets a write once, and the ledger comes to say so."""

import asyncio
import shutil
import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from gateway.domain.catalog import Catalog
from gateway.domain.errors import SourceRejected, SourceTimeout, SourceUnavailable
from gateway.domain.ids import Ref
from gateway.domain.ledger import Entry, LedgerUnavailable, WriteState
from gateway.domain.writes import Attempt, Sighting
from gateway.writes.reconcile import Reconciler
from gateway.writes.service import Outcome, Writes
from tests.gateway.writes.conftest import FileLedger, Ledgers
from tests.gateway.writes.desk import FINAL, Hands, Window, intent, message, source

_NEVER = float("inf")
# What the desk does with a call: after how long it applies it, how long it takes, and what comes back.
_ANSWERS: dict[str, tuple[float, float, BaseException | None]] = {
    "done": (0, 0, None),
    "done slowly": (0, 100, None),
    "done, but the answer is lost": (0, 0, SourceTimeout("desk")),
    "done, but the sender crashes": (0, 0, asyncio.CancelledError()),
    "done, but we can't read it": (0, 0, LookupError()),
    "done later": (50, 0, SourceTimeout("desk")),
    "done when nobody expects it any more": (2_000, 0, SourceTimeout("desk")),
    "lost on the way": (_NEVER, 0, SourceTimeout("desk")),
    "lost, and the sender crashes": (_NEVER, 0, asyncio.CancelledError()),
    "not sent": (_NEVER, 0, SourceUnavailable("desk", sent=False)),
    "not sent, after long": (_NEVER, 100, SourceUnavailable("desk", sent=False)),
    "refused": (_NEVER, 0, SourceRejected("desk", FINAL.refusals)),
}
_ANSWER = st.sampled_from(list(_ANSWERS))
_STEP = st.one_of(
    st.tuples(st.just("ask"), st.integers(0, 1), _ANSWER),
    st.tuples(st.just("ask both"), _ANSWER, _ANSWER),
    st.tuples(st.just("pass"), st.sampled_from([1, 16, 80, 1_000])),
    st.tuples(st.just("look"), st.integers(0, 1)),
    st.tuples(st.just("look and ask"), _ANSWER),
    st.tuples(st.just("lose"), st.integers(0, 1), st.integers(1, 7)),
    st.tuples(st.just("restart"), st.integers(0, 1)),
)


class _Ticking(Hands):
    """A clock that goes on whenever it is asked, so that nobody waits in vain."""

    def __call__(self) -> datetime:
        return self.pass_s(0.3)


class _World:
    """Two workers with a reconciler each over one ledger, and a desk that shows what it has applied."""

    def __init__(self, ledgers: Ledgers) -> None:
        self.clock = _Ticking()
        self._calls: list[float] = []
        self._window = Window((Sighting(absence_proves=True),))
        self._desk = source(self._window)
        self._ledgers = ledgers
        self.workers = [self._worker(), self._worker()]

    def _worker(self) -> tuple[FileLedger, Writes, Reconciler]:
        ledger = self._ledgers.open()
        return (
            ledger,
            Writes(ledger, clock=self.clock),
            Reconciler(ledger, Catalog((self._desk,)), clock=self.clock),
        )

    async def ask(self, worker: int, answer: str) -> None:
        applied_after_s, takes_s, failure = _ANSWERS[answer]

        async def send(_: Attempt) -> Ref:
            self._calls.append(self.clock.moment.timestamp() + applied_after_s)
            await asyncio.sleep(0)
            self.clock.pass_s(takes_s)
            if failure is not None:
                raise failure
            return self.applied()[-1]

        try:
            outcome = await self.workers[worker][1].run(intent(source=self._desk), send)
        except (LedgerUnavailable, asyncio.CancelledError):
            return
        self._check(outcome)

    def applied(self) -> list[Ref]:
        """What each call has come to that the desk has applied by now."""
        now = self.clock.moment.timestamp()
        return [message(number) for number, when in enumerate(self._calls, start=1) if when <= now]

    async def look(self, worker: int) -> None:
        self._window.shows = (Sighting(tuple(self.applied()), absence_proves=True),)
        try:
            await self.workers[worker][2].run_once()
        except LedgerUnavailable:
            return

    async def do(self, step: tuple[Any, ...]) -> None:
        match step:
            case ("ask", worker, answer):
                await self.ask(worker, answer)
            case ("ask both", one, other):
                await asyncio.gather(self.ask(0, one), self.ask(1, other))
            case ("look and ask", answer):
                await asyncio.gather(self.look(0), self.ask(1, answer))
            case ("pass", seconds):
                self.clock.pass_s(seconds)
            case ("look", worker):
                await self.look(worker)
            case ("lose", worker, count):
                self.workers[worker][0].unreachable = count
            case ("restart", worker):
                self.workers[worker] = self._worker()
        assert sum(when < _NEVER for when in self._calls) <= 1, "a customer gets it twice"

    async def end(self) -> Entry | None:
        """What the ledger comes to say, once it is there, and there is time enough."""
        self.workers = [self._worker(), self._worker()]
        for seconds in (100, 100, 1_000, 4_000, 4_000):
            self.clock.pass_s(seconds)
            await self.look(0)
        return await self.workers[1][0].by_key("ola", "k1")

    def _check(self, outcome: Outcome[Any]) -> None:
        """Nothing is told that isn't so."""
        assert outcome.entry is not None
        if outcome.entry.state is WriteState.CONFIRMED:
            assert len(self.applied()) == 1
        problem = outcome.entry.problem
        if outcome.entry.state is WriteState.REJECTED and problem is not None and not problem.by_absence:
            assert self.applied() == []


async def _live(path: Path, steps: Sequence[tuple[Any, ...]]) -> None:
    ledgers = Ledgers(path)
    try:
        world = _World(ledgers)
        for step in steps:
            await world.do(step)
        left, applied = await world.end(), world.applied()
        if left is None:
            assert applied == []
        else:
            assert left.state is (WriteState.CONFIRMED if applied else WriteState.REJECTED)
            assert left.result == (applied[0] if applied else None)
    finally:
        await ledgers.close()


@settings(max_examples=100, deadline=None)
@given(steps=st.lists(_STEP, max_size=10))
@example(steps=[("ask", 0, "not sent"), ("ask both", "done", "done")])
@example(steps=[("ask", 0, "lost, and the sender crashes"), ("pass", 80), ("look and ask", "done")])
def test_a_customer_gets_a_write_once_and_the_ledger_comes_to_say_so(
    migrated: Path, steps: list[tuple[Any, ...]]
) -> None:
    with tempfile.TemporaryDirectory() as directory, capture_logs():
        shutil.copy(migrated, Path(directory) / "ledger.db")
        asyncio.run(_live(Path(directory) / "ledger.db", steps))
