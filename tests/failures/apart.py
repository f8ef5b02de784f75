"""One source hangs: how much slower is what doesn't touch it?

Rounds alternate within one run, so that whatever else the machine does befalls both sides alike.
Meanwhile others keep asking the source in question, healthy or not.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from tests.failures.cells import Table
from tests.failures.faults import Fault
from tests.failures.load import Load, drive
from tests.failures.measures import percentile

HANGS = Fault(name="hangs", dial={"timeout": True})
AT_MOST = 1.15
_MEASURED_RATE_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Apart:
    """The medians of each round, in seconds, while the source was well and while it hung.

    Attributes:
        flawed: Answers that were not whole.
    """

    source: str
    well_s: Sequence[float]
    hanging_s: Sequence[float]
    answers: int
    flawed: int

    @property
    def ratio(self) -> float:
        """Of the median of one side's medians to the other's."""
        return (percentile(self.hanging_s, 0.5) or 0.0) / (percentile(self.well_s, 0.5) or 1.0)

    def missed(self) -> list[str]:
        """What may not be."""
        missed = [f"ratio {self.ratio:.3f}"] if self.ratio > AT_MOST else []
        return [*missed, *([f"{self.flawed} answers that are not whole"] if self.flawed else [])]


async def compare(table: Table, *, rounds: int, round_s: float, source: str = "thulium") -> Apart:
    """Alternate between a source that is well and one that hangs."""
    well: list[float] = []
    hanging: list[float] = []
    answers = flawed = 0
    for number in range(2 * rounds):
        # Whatever drifts meanwhile drifts through both sides: well, hanging, hanging, well, ...
        hangs = number % 4 in {1, 2}
        if hangs:
            await table.services.befall(source, HANGS, for_s=round_s)
        else:
            await table.recover(source)
        measured = await _round(table, source, round_s)
        await table.services.heal(source)
        median_s = percentile([each.took_s for each in measured.samples], 0.5) or 0.0
        (hanging if hangs else well).append(median_s)
        answers += len(measured.samples)
        flawed += sum(not table.references.judge(each, sick=source).complete for each in measured.samples)
    await table.recover(source)
    return Apart(source, well, hanging, answers, flawed)


async def _round(table: Table, source: str, round_s: float) -> Load:
    rate = table.rate * _MEASURED_RATE_SHARE
    count = round(round_s * rate)
    apart, touching = table.mix.apart(source), table.mix.lookups(source)
    async with asyncio.TaskGroup() as group:
        group.create_task(drive(table.gateway, [next(touching) for _ in range(count)], rate=rate))
        measured = group.create_task(
            drive(table.gateway, [next(apart) for _ in range(count)], rate=rate, callers=4)
        )
    return measured.result()
