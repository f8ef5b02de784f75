"""Whose writes are listed. What a page holds is tested over sockets."""

from typing import Any

from gateway.domain.access import Grants
from gateway.domain.ledger import Entry, EntryFilter
from gateway.plans.fields import Fetch
from gateway.plans.selection import Selection
from resolvers.context import AnyFetch
from resolvers.queries.writes import write, writes
from resolvers.types.inputs import WriteFilter
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


def fetch(ledger: Any, *scopes: str) -> AnyFetch:
    surroundings = context(ledger=ledger, principal="ida", grants=Grants.of(scopes))
    return Fetch(surroundings, Selection((), {}, {}), ("writes",), ())


async def test_a_caller_lists_and_finds_nobodys_writes_but_their_own() -> None:
    ledger = Asked()
    await writes(fetch(ledger))
    await write(fetch(ledger), idempotency_key="k")

    assert ledger.filters == [EntryFilter(principal="ida")]
    assert ledger.keys == [("ida", "k")]


async def test_who_operates_everything_lists_everybodys_writes() -> None:
    ledger = Asked()
    await writes(fetch(ledger, "operate"))
    await writes(fetch(ledger, "operate"), filter=WriteFilter(principal="ola"))

    assert ledger.filters == [EntryFilter(), EntryFilter(principal="ola")]


async def test_who_operates_one_source_lists_their_own_and_everybodys_to_it() -> None:
    ledger = Asked()
    await writes(fetch(ledger, "operate@thulium"))

    assert ledger.filters == [EntryFilter(principal="ida"), EntryFilter(sources=frozenset({"thulium"}))]


async def test_another_ones_writes_can_not_be_asked_for_by_their_name() -> None:
    ledger = Asked()
    await writes(fetch(ledger), filter=WriteFilter(principal="ola"))

    assert ledger.filters == []
