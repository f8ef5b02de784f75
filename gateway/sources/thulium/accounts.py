"""Customers, companies and agents.

Pages: https://api.thulium.com/docs/api/crm and https://api.thulium.com/docs/api/agents
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar
from urllib.parse import quote

from gateway.domain.errors import BadInput
from gateway.domain.ids import Ref
from gateway.domain.pages import Feed, NoFeed, Page, SliceState, whole
from gateway.domain.ports import AccountFilter, AccountKey, Slot
from gateway.domain.records import Account, AccountKind, Fetched
from gateway.sources.rest import Rest, each, fresh
from gateway.sources.thulium import mapping, wire
from gateway.sources.thulium.lists import Rows, read_rows
from gateway.transport import Call

R = TypeVar("R")
Query = tuple[tuple[str, str], ...]
ToAccount = Callable[[str, R, Fetched], Account]

KEYS = frozenset({"nativeId", "email", "login", "externalId"})
# The pages allow 1000; smaller pages keep one answer small.
MAX_LIMIT = 100

_KIND_OF_KEY = {
    "email": AccountKind.CUSTOMER,
    "externalId": AccountKind.CUSTOMER,
    "login": AccountKind.AGENT,
}


class Accounts:
    """The CRM's and the agents' endpoints."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._source = rest.source

    async def read_accounts(self, refs: Sequence[Ref]) -> list[Slot[Account]]:
        """GET customers/:id, companies/:id or agents/:login, one call each."""
        return await each(self.read, refs)

    async def read(self, ref: Ref, *, anew: bool = False) -> Account | None:
        """One account; with `anew` past every cache.

        An id that its kind can't have is nobody's, and costs no call.
        """
        kind, native_id = AccountKind(ref.parts[0]), ref.parts[1]
        if not mapping.is_account_ref(ref):
            return None
        match kind:
            case AccountKind.CUSTOMER:
                return await self._one(
                    "customers", native_id, wire.Customer, mapping.customer_record, anew=anew
                )
            case AccountKind.COMPANY:
                return await self._one(
                    "companies", native_id, wire.Company, mapping.company_record, anew=anew
                )
            case _:
                return await self._one("agents", native_id, wire.Agent, mapping.agent_record, anew=anew)

    async def find_account(self, key: AccountKey) -> Account | None:
        """By Thulium's own id, an agent's login, or a customer's e-mail address or `identifier`."""
        kind = _KIND_OF_KEY.get(key.name) or key.kind or AccountKind.CUSTOMER
        if kind not in mapping.ACCOUNT_IDS or key.kind not in {None, kind}:
            raise BadInput(
                f"{self._source} finds no account of that kind by `{key.name}`.", argument="lookup.kind"
            )
        match key.name:
            case "email":
                return await self._customer_by("email", key, lambda sent: sent.email)
            case "externalId":
                return await self._customer_by("identifier", key, lambda sent: sent.identifier)
        ref = mapping.account_ref(self._source, kind, key.value)
        if not mapping.is_account_ref(ref):
            raise BadInput(
                f"Not the id of an account of kind {kind.value} of {self._source}.",
                argument=f"lookup.{key.name}",
            )
        return await self.read(ref)

    async def _customer_by(
        self, name: str, key: AccountKey, field: Callable[[wire.Customer], wire.Loose]
    ) -> Account | None:
        """GET customers, filtered by one exact key.

        Whether the filter compares whole values is not documented, so the rows are compared once more: a
        wrong person is worse than none. An empty filter would find those who have no such key.
        """
        if not key.value.strip():
            raise BadInput(f"`{key.name}` may not be empty.", argument=f"lookup.{key.name}")
        rows = await self._rows(
            "customers", wire.Customer, ((name, key.value), ("limit", str(MAX_LIMIT)), ("offset", "0"))
        )
        same = [
            row for row in rows.rows if (mapping.text(field(row)) or "").casefold() == key.value.casefold()
        ]
        if len(same) > 1:
            raise BadInput(
                f"Several customers of {self._source} have this `{key.name}`: look one up by `nativeId`.",
                argument=f"lookup.{key.name}",
            )
        return mapping.customer_record(self._source, same[0], rows.fetched) if same else None

    def list_accounts(self, wanted: AccountFilter) -> tuple[Feed[Account], ...] | NoFeed:
        """Customers, companies and agents, each in Thulium's own order."""
        if wanted.search is not None:
            return NoFeed(SliceState.UNSUPPORTED, "Accounts can't be searched by text.")
        kinds = tuple(mapping.ACCOUNT_IDS) if wanted.kind is None else (wanted.kind,)
        company: Query = ()
        if wanted.organization is not None:
            if wanted.organization.source != self._source:
                return NoFeed(SliceState.SKIPPED, "The organization belongs to another source.")
            kind, native_id = wanted.organization.parts
            if (
                kind != AccountKind.COMPANY
                or AccountKind.CUSTOMER not in kinds
                or not mapping.is_account_ref(wanted.organization)
            ):
                return NoFeed(SliceState.UNSUPPORTED, "Only customers can be listed, and only by company.")
            kinds, company = (AccountKind.CUSTOMER,), (("company_id", native_id),)
        feeds = {
            AccountKind.CUSTOMER: self._feed(
                "customers", partial(self._page, "customers", wire.Customer, mapping.customer_record, company)
            ),
            AccountKind.COMPANY: self._feed(
                "companies", partial(self._page, "companies", wire.Company, mapping.company_record, ())
            ),
            AccountKind.AGENT: self._feed("agents", self._agents),
        }
        if not all(kind in feeds for kind in kinds):
            return NoFeed(SliceState.UNSUPPORTED, "There are no accounts of that kind.")
        return tuple(feeds[kind] for kind in kinds)

    def _feed(self, key: str, read: Callable[[int, int], Awaitable[Page[Account]]]) -> Feed[Account]:
        return Feed(self._source, key, read, MAX_LIMIT, ordered=False)

    async def _page(
        self, path: str, row: type[R], record: ToAccount[R], query: Query, offset: int, limit: int
    ) -> Page[Account]:
        found = await self._rows(path, row, (*query, ("limit", str(limit)), ("offset", str(offset))))
        return found.page(partial(record, self._source), limit)

    async def _agents(self, offset: int, limit: int) -> Page[Account]:
        """GET agents. No paging is documented, so it is taken to give all of them."""
        found = await self._rows("agents", wire.Agent, ())
        agents = tuple(mapping.agent_record(self._source, sent, found.fetched) for sent in found.rows)
        return whole(agents, found.fetched)(offset, limit)

    async def _rows(self, path: str, row: type[R], query: Query) -> Rows[R]:
        return read_rows(
            self._rest, await self._rest.send(Call(f"list {path}", "GET", path, safe=True, query=query)), row
        )

    async def _one(
        self, path: str, native_id: str, into: type[R], record: ToAccount[R], *, anew: bool
    ) -> Account | None:
        call = Call(f"get {path}", "GET", f"{path}/{quote(native_id, safe='')}", safe=True)
        reply = await self._rest.find(fresh(call) if anew else call)
        if reply is None:
            return None
        # There is nothing more to read: what this answer lacks is none.
        sent = self._rest.decode(reply, into)
        return replace(record(self._source, sent, self._rest.fetched(reply)), missing=frozenset())
