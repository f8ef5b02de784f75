"""A gateway that asks who its callers are, and callers with the scopes that a test gives them."""

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from gateway.domain.access import Grants, WriteAs
from gateway.domain.api_keys import ApiKey
from gateway.security.keys import new_key
from gateway.store.ledger import open_ledger
from tests.e2e.conftest import Stack, open_stack
from tests.ledgers import temporary_ledger


@dataclass(frozen=True)
class Caller:
    """Who may do what; `signs` says who they are at single sources."""

    scopes: Collection[str] | Grants
    signs: Mapping[str, WriteAs] = field(default_factory=dict)


@dataclass(frozen=True)
class Desk:
    """A gateway, and the keys of its callers by their names."""

    stack: Stack
    keys: Mapping[str, str]

    async def ask(self, name: str, query: str, variables: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run an operation as a caller; the whole answer."""
        response = await self.stack.http.post(
            "/graphql",
            json={"query": query, "variables": variables},
            headers={"Authorization": f"Bearer {self.keys[name]}"},
        )
        answer: dict[str, Any] = response.json()
        return answer


@asynccontextmanager
async def open_desk(
    callers: Mapping[str, Caller],
    *,
    each_source: dict[str, Any] | None = None,
    settings: dict[str, Any] | None = None,
) -> AsyncIterator[Desk]:
    """A gateway over a fresh sandbox that lets these callers in and nobody else."""
    with temporary_ledger() as ledger_url:
        ledger = open_ledger(ledger_url)
        keys = {name: new_key() for name in callers}
        for name, caller in callers.items():
            await ledger.add_key(
                ApiKey(
                    id=keys[name].id,
                    name=name,
                    digest=keys[name].digest,
                    scopes=tuple(caller.scopes),
                    writes_as=caller.signs,
                    created_at=datetime.now(UTC),
                )
            )
        await ledger.close()
        wanted = {"auth": {"required": True}, "ledger": {"url": ledger_url}, **(settings or {})}
        async with open_stack(each_source=each_source, settings=wanted) as stack:
            yield Desk(stack, {name: key.text for name, key in keys.items()})
