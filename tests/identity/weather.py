"""What befalls the sources while callers ask: each is well for a while, then sick, each in its own time."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Mapping

from gateway.sandbox import Faults, Service

# Texts that become numbers would lose their words; any other shape may be wrong.
_SHAPES = ("list_as_object", "object_as_list", "missing_key", "null")


def well() -> Faults:
    """Slow enough that callers who ask at once find each other's reads under way."""
    return Faults(latency_ms=12, latency_sigma=0.6)


_DOWN = Faults(latency_ms=10, error_rate=1, error_status=503)
_RESETS = Faults(
    latency_ms=10, read_mishaps={"reset_before": 1}, mishaps={"reset_before": 0.5, "lost_answer": 0.5}
)
_THROTTLES = Faults(latency_ms=10, throttle=True, retry_after_s=1)
# How a run begins, until that has happened: with many good calls behind it no circuit opens as soon.
_FIRST = {"thulium": (_DOWN, "circuit_refused"), "telecomx": (_THROTTLES, "throttled")}


def sick() -> tuple[Faults, ...]:
    """All that a source may do instead. Of most it happens that a read is tried again, or an old one serves."""
    return (
        _DOWN,
        _DOWN,
        _RESETS,
        _THROTTLES,
        Faults(latency_ms=10, errors={500: 0.15, 502: 0.15}, mishaps={"error_after": 0.3}),
        Faults(
            latency_ms=10, read_mishaps={"lost_answer": 0.3, "half_answer": 0.2}, mishaps={"lost_answer": 0.4}
        ),
        Faults(latency_ms=120, latency_sigma=1.2),
        Faults(latency_ms=10, errors={429: 0.3}),
        Faults(latency_ms=10, errors={401: 0.4}),
        Faults(latency_ms=10, read_mishaps={"malformed_json": 0.3, "not_json": 0.2}),
        Faults(latency_ms=10, read_mishaps={"wrong_shape": 0.6}, shapes=_SHAPES),
        Faults(latency_ms=10, read_mishaps={"repeated_page": 0.5, "shifted_page": 0.5}, page_items=2),
        Faults(read_mishaps={"slow_body": 0.7}, slow_pieces=4, slow_pause_s=0.03),
        Faults(timeout=True),
        Faults(read_mishaps={"hang_in_body": 0.5}, mishaps={"applied_late": 0.5}, apply_after_s=0.5),
    )


async def change(
    services: Mapping[str, Service], draw: random.Random, events: Callable[[], Counter[str]]
) -> None:
    """Turn the dials, for ever; `events` tells what has happened in the gateway by now."""
    async with asyncio.TaskGroup() as group:
        for service in services.values():
            lots = random.Random(draw.random())  # noqa: S311 - repeatable
            group.create_task(_befall(service, lots, events))


async def _befall(service: Service, draw: random.Random, events: Callable[[], Counter[str]]) -> None:
    kinds = list(sick())
    if service.kind in _FIRST:
        service.faults, wanted = _FIRST[service.kind]
        while not events()[wanted]:  # noqa: ASYNC110 - the layers have no events to wait for
            await asyncio.sleep(0.1)
    while True:
        draw.shuffle(kinds)
        for each in kinds:
            service.faults = well()
            await asyncio.sleep(draw.uniform(1, 3))
            service.faults = each
            # Now and then long enough for a circuit to open, good calls before it or not.
            is_long = each is _DOWN and draw.random() < 0.25
            await asyncio.sleep(draw.uniform(5, 9) if is_long else draw.uniform(0.5, 1.5))
            service.arrivals.clear()
