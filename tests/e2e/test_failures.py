"""One sick source costs its own fields and nothing else: the table of failures in short.

Nothing here depends on how fast the machine is; `make chaos` has the long one, with deadlines and ratios.
"""

import asyncio

from tests.failures.operations import Mix
from tests.failures.report import lines, soak_lines
from tests.failures.run import ids_of, run, short
from tests.failures.settings import Variant
from tests.failures.soak import Soak, soak
from tests.failures.stage import running_gateway, running_services


def test_every_answer_has_the_other_sources_fields_and_says_what_is_missing() -> None:
    size = short()
    result = asyncio.run(run(size, seed=1))
    assert result.complaints == []
    assert len(result.cells) + len(result.left_out) == len(size.cells)
    missed = [f"{each.fault} on {each.source}: {what}" for each in result.cells for what in each.counted()]
    assert missed == [], "\n".join(lines(result))


def test_requests_and_clients_that_leave_in_the_middle_leave_no_task_behind() -> None:
    async def soaked() -> Soak:
        variant = Variant(deadline_s=3.0, attempt_timeout_s=0.8, cache_ttl_s=0.2, max_stale_s=30.0)
        async with running_services() as services, running_gateway(services, variant) as gateway:
            mix = Mix(await ids_of(gateway), seed=1, objects=4)
            return await soak(services, gateway, mix, requests=200, leave=40, seed=1, at_most_s=30)

    seen = asyncio.run(soaked())
    _, end = seen.idle()
    assert (seen.requests >= seen.wanted, seen.flaws, seen.complaints) == (True, [], [])
    assert seen.left > 0
    assert end.tasks <= seen.resting, "\n".join(soak_lines(seen))
