"""What every operation gives and costs while all sources are well: what sick answers are compared with."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import orjson

from tests.failures.judging import Judged, Reference, judge
from tests.failures.load import Caller, Sample
from tests.failures.operations import Operation, Shape
from tests.failures.stage import Gateway, Services

# Nothing is slow yet, however slow the machine is.
_PATIENCE_S = 30.0


class References:
    """Learned from a gateway without a cache, by asking for one operation at a time."""

    def __init__(self) -> None:
        self._by_key: dict[str, Reference] = {}

    def __len__(self) -> int:
        return len(self._by_key)

    def of(self, operation: Operation) -> Reference:
        """That of an operation which has been learned."""
        return self._by_key[operation.key]

    def judge(self, sample: Sample, *, sick: str, lies: bool = False) -> Judged:
        """What an answer is worth."""
        return judge(
            sample.operation, self.of(sample.operation), sample.status, sample.body, sick=sick, lies=lies
        )

    async def learn(self, operations: Iterable[Operation], gateway: Gateway, services: Services) -> None:
        """Ask for each that isn't known yet."""
        caller = Caller(gateway.url, timeout_s=_PATIENCE_S)
        try:
            for operation in operations:
                if operation.key not in self._by_key:
                    self._by_key[operation.key] = await _learned(operation, caller, services)
        finally:
            await caller.close()


async def _learned(operation: Operation, caller: Caller, services: Services) -> Reference:
    for source in operation.sources:
        await services.arrivals(source)
    data = await _data(caller, operation)
    arrived = [each.call for source in operation.sources for each in await services.arrivals(source)]
    # A log-in is shared by all that comes after it.
    calls = Counter(call for call in arrived if "/auth" not in call[1])
    merged = [part for part in operation.parts if part.shape is Shape.MERGED]
    without = {
        source: await _data(caller, operation.limited_to([each for each in part.sources if each != source]))
        for part in merged
        for source in part.sources
    }
    return Reference(data, without, calls)


async def _data(caller: Caller, operation: Operation) -> dict[str, Any]:
    sample = await caller.ask(operation)
    answer: dict[str, Any] = orjson.loads(sample.body) if sample.status == 200 else {}
    if "errors" in answer or "data" not in answer:
        raise RuntimeError(f"{operation.name} fails while all is well: {sample.body[:2000]!r}")
    data: dict[str, Any] = answer["data"]
    return data
