"""Accounts that other records hold."""

from collections.abc import Awaitable, Callable, Sequence
from operator import attrgetter
from typing import Any

from resolvers.batches.completion import accounts
from resolvers.context import AnyFetch


def account_at(path: str) -> Callable[[Sequence[Any], AnyFetch], Awaitable[list[Any]]]:
    """A batch function for the account that parents hold at an attribute, such as `requester`."""
    held = attrgetter(path)

    async def batch(parents: Sequence[Any], fetch: AnyFetch) -> list[Any]:
        return await accounts(fetch, [held(parent) for parent in parents])

    batch.__name__ = batch.__qualname__ = f"account_at_{path}"
    return batch
