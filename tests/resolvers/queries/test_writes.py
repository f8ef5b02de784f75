"""Whose writes are listed. What a page holds is tested over sockets."""

from typing import Any

from gateway.domain.ledger import Entry, EntryFilter
from gateway.plans.fields import Fetch
from gateway.plans.selection import Selection
from resolvers.context import AnyFetch
from resolvers.queries.writes import write, writes
from tests.resolvers.contexts import context


class Asked:
    """A ledger that keeps nothing but what it was asked."""

    def __init__(self) -> None:
        self.keys: list[tuple[str, str]] = []
        self.filters: list[EntryFilter] = []

    async def by_key(self, principal: str, key: str) -> Entry | None:
        self.keys.append((principal, key))
        return None

    async def page(self, wanted: EntryFilter, **_: object) -> list[Entry]:
        self.filters.append(wanted)
        return []


def fetch(ledger: Any) -> AnyFetch:
    return Fetch(context(ledger=ledger, principal="ida"), Selection((), {}, {}), ("writes",), ())


async def test_a_caller_lists_and_finds_nobodys_writes_but_their_own() -> None:
    ledger = Asked()
    await writes(fetch(ledger))
    await write(fetch(ledger), idempotency_key="k")

    assert ledger.filters == [EntryFilter(principal="ida")]
    assert ledger.keys == [("ida", "k")]
