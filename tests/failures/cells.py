"""One fault on one source under load, and what came of it: a row of the table."""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.failures.faults import Fault
from tests.failures.judging import CallKey
from tests.failures.load import CALLERS, Load, Sample, drive
from tests.failures.measures import WINDOW_S, allowed_repeats, percentile, repeats
from tests.failures.operations import Mix, Operation
from tests.failures.references import References
from tests.failures.stage import Arrived, Gateway, Services

# A source is well again for its clients once so many answers in a row lack nothing.
_IN_A_ROW = 8
_RECOVERY_S = 30.0
_HEALTH_S = 15.0
# A circuit isn't judged by fewer than ten calls; Netevia's lookups are all one call, which is shared.
_JUDGED = 15
_OPEN_WITHIN_S = 20.0
# What a verdict on time allows beyond the deadline.
GRACE_S = 0.050
STORM = 1.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What was seen. Times are in seconds.

    Attributes:
        answers: While the source was sick.
        others_complete: Those of them with all of the other sources.
        own_complete: Those that lack nothing: a source that is half well, or a cache, gives some.
        flaws: By kind.
        examples: Of flaws, for people.
        codes: Of the errors.
        p50_s: Of the answers' times.
        p99_s: Likewise.
        lag_p99_s: Of idle requests meanwhile: what the machine itself adds.
        asked: Calls that the operations cause at the source when it is well.
        calls: That came in at it.
        repeats: Of them, those beyond what was asked for.
        storm: Calls per call wanted, over the time that the budget of retries looks at.
        storm_allowed: No more than a tenth, or the budget's floor.
        opened_s: From the fault's start to the first answer that was refused by an open circuit.
        openings: Of this source's circuit, by the gateway's log.
        strangers: Other sources' circuits that opened.
        recovered_s: From the fault's end to the last answer that lacked something; None: it didn't.
        seconds: How long it took in all.
    """

    fault: str
    source: str
    answers: int
    others_complete: int
    own_complete: int
    flaws: Mapping[str, int]
    examples: Sequence[str]
    codes: Mapping[str, int]
    p50_s: float
    p99_s: float
    lag_p99_s: float
    asked: int
    calls: int
    repeats: int
    storm: float
    storm_allowed: bool
    opened_s: float | None
    openings: int
    strangers: Sequence[str]
    recovered_s: float | None
    must_open: bool = False
    deadline_s: float = 0.0
    seconds: float = 0.0

    def counted(self) -> list[str]:
        """What may not be, by what can be counted whatever the machine's speed."""
        missed = [f"{count} x {flaw}" for flaw, count in sorted(self.flaws.items())]
        if self.others_complete < self.answers:
            missed.append(f"{self.answers - self.others_complete} answers lack something of other sources")
        if not self.storm_allowed:
            missed.append(f"{self.repeats} repeated calls of {self.asked}")
        missed += [f"the circuit of {each} opened" for each in self.strangers]
        return missed

    def missed(self) -> list[str]:
        """What may not be, with what depends on time."""
        missed = self.counted()
        if self.p99_s > self.deadline_s + GRACE_S:
            missed.append(f"p99 is {self.p99_s:.3f} s")
        if self.must_open and self.opened_s is None and not self.openings:
            missed.append("the circuit did not open")
        if self.recovered_s is None:
            missed.append(f"it did not recover in {_RECOVERY_S:.0f} s")
        return missed


@dataclass(slots=True)
class Table:
    """Makes cells, one after the other, over one gateway."""

    services: Services
    gateway: Gateway
    mix: Mix
    references: References
    rate: float
    _wanted: deque[tuple[float, Counter[CallKey]]] = field(default_factory=deque)

    async def cell(self, fault: Fault, source: str, *, operations: int) -> Cell:
        """Make a source sick while clients work, then well again."""
        started = time.time()
        if fault.after_health:
            operations = round(_OPEN_WITHIN_S * self.rate)
            await self._drive(self.mix.around(source, round(_HEALTH_S * self.rate)))
        elif not self._wanted:
            await self.recover(source)  # Logged in, and connected.
        before = self._wanted_in_window(source)
        await self._arrived()
        self.gateway.openings()
        began = time.time()
        await self.services.befall(source, fault, for_s=operations / self.rate)
        load = await self._drive(
            self.mix.around(source, operations),
            until=lambda load: fault.after_health and self._is_refused(load, source),
        )
        await self.services.heal(source)
        healed = time.time()
        arrived = Counter(each.call for each in await self._arrived() if each.at < healed)
        judged = [self.references.judge(each, sick=source, lies=fault.lies) for each in load.samples]
        recovered_s = await self.recover(source)
        openings = self.gateway.openings()
        wanted = self._wanted_by(load)
        asked = sum(count for call, count in wanted.items() if call[0] == source)
        calls = sum(count for call, count in arrived.items() if call[0] == source)
        repeated = repeats(arrived, wanted, source)
        refusals = [
            each.ended - began for each, verdict in zip(load.samples, judged, strict=True) if verdict.refused
        ]
        took = [each.took_s for each in load.samples]
        return Cell(
            fault=fault.name,
            source=source,
            answers=len(judged),
            others_complete=sum(each.others_complete for each in judged),
            own_complete=sum(each.complete for each in judged),
            flaws=dict(Counter(flaw.value for each in judged for flaw in {flaw for flaw, _ in each.flaws})),
            examples=[f"{flaw}: {where}" for each in judged for flaw, where in each.flaws][:5],
            codes=dict(Counter(code for each in judged for code in set(each.codes))),
            p50_s=percentile(took, 0.5) or 0.0,
            p99_s=percentile(took, 0.99) or 0.0,
            lag_p99_s=percentile(load.lags_s, 0.99) or 0.0,
            asked=asked,
            calls=calls,
            repeats=repeated,
            storm=1 + repeated / max(1, asked + before),
            storm_allowed=repeated <= allowed_repeats(asked + before, healed - began),
            opened_s=min(refusals, default=None),
            openings=sum(each == source for _, each in openings),
            strangers=sorted({each for _, each in openings} - {source}),
            recovered_s=recovered_s,
            must_open=fault.opens and (fault.down or calls >= _JUDGED) and not self.gateway.variant.is_cached,
            deadline_s=self.gateway.variant.deadline_s,
            seconds=time.time() - started,
        )

    async def _drive(
        self,
        operations: Iterable[Operation],
        *,
        callers: int = CALLERS,
        until: Callable[[Load], bool] = lambda _: False,
    ) -> Load:
        load = await drive(self.gateway, operations, rate=self.rate, callers=callers, until=until)
        self._wanted += ((each.began, self.references.of(each.operation).calls) for each in load.samples)
        while self._wanted and self._wanted[0][0] < time.time() - 2 * WINDOW_S:
            self._wanted.popleft()
        return load

    def _wanted_in_window(self, source: str) -> int:
        """Calls that the operations of the last while cause at a source, as its budget of retries counts."""
        since = time.time() - WINDOW_S
        return sum(
            count
            for began, calls in self._wanted
            if began >= since
            for call, count in calls.items()
            if call[0] == source
        )

    def _wanted_by(self, load: Load) -> Counter[CallKey]:
        return Counter(
            call for each in load.samples for call in self.references.of(each.operation).calls.elements()
        )

    async def recover(self, source: str) -> float | None:
        """Ask until a source's answers are complete; how long that took."""
        began = time.time()

        def well_again(load: Load) -> bool:
            last = load.samples[-_IN_A_ROW:]
            return time.time() - began > _RECOVERY_S or (
                len(last) == _IN_A_ROW and not self._lacking(last, source)
            )

        operations = self.mix.lookups(source)
        load = await self._drive(operations, callers=4, until=well_again)
        if self._lacking(load.samples[-_IN_A_ROW:], source):
            return None
        return max((each.ended for each in self._lacking(load.samples, source)), default=began) - began

    def _is_refused(self, load: Load, source: str) -> bool:
        """Whether one of the last answers says that the circuit is open."""
        return any(self.references.judge(each, sick=source).refused for each in load.samples[-4:])

    def _lacking(self, samples: Sequence[Sample], source: str) -> list[Sample]:
        return [each for each in samples if not self.references.judge(each, sick=source).complete]

    async def _arrived(self) -> list[Arrived]:
        """What came in everywhere since the last time."""
        return [each for source in self.services.base_urls for each in await self.services.arrivals(source)]
