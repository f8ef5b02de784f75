"""Who gets a notification."""

from collections.abc import Sequence
from typing import Any

from gateway.domain.records import NotificationSubscription
from resolvers.context import AnyFetch
from resolvers.slots import gather_slots


async def subscribers(parents: Sequence[NotificationSubscription], fetch: AnyFetch) -> list[Any]:
    """The subscribers' addresses, one read per topic."""
    return await gather_slots([fetch.context.records.subscribers.load(parent.ref) for parent in parents])
