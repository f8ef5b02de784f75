"""One slot per thing asked for: what was found, None, or the error that costs just this thing."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import TypeVar, cast

T = TypeVar("T")


async def gather_slots(loads: Sequence[Awaitable[T]]) -> list[T | Exception]:
    """Await all; an error fills its own slot."""
    slots = await asyncio.gather(*loads, return_exceptions=True)
    for slot in slots:
        if isinstance(slot, BaseException) and not isinstance(slot, Exception):
            raise slot
    return cast("list[T | Exception]", slots)
