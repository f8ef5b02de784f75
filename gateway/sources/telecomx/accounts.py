"""Customers, resellers and employees: GET /customer and GET /employee."""

import re
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from gateway.domain.errors import BadInput
from gateway.domain.ids import Ref
from gateway.domain.pages import Feed, NoFeed, Page, SliceState
from gateway.domain.ports import AccountFilter, AccountKey, Slot
from gateway.domain.records import Account, AccountKind, Fetched
from gateway.sources.rest import Rest, each, fresh
from gateway.sources.telecomx import mapping, wire
from gateway.sources.telecomx.rows import MAX_LIMIT, page_of, read_rows
from gateway.transport import Call

# 24 digits by the pages, but the original document shows one of 23. Either case, and sent as given.
ID_SHAPE = "[0-9A-Fa-f]{20,24}"
KINDS = (AccountKind.CUSTOMER, AccountKind.RESELLER, AccountKind.EMPLOYEE)


class Accounts:
    """Reads organisations and people. Lists of customers need the access level RESELLER."""

    account_keys = frozenset({"nativeId"})

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._source = rest.source

    async def check(self) -> None:
        """List one employee of the own customer: the cheapest read that any access level may do."""
        await self._employees((), 0, 1, anew=True)

    async def read_accounts(self, refs: Sequence[Ref]) -> list[Slot[Account]]:
        """GET /customer/ID or /employee/ID, one call each."""
        return await each(self._account, refs)

    async def find_account(self, key: AccountKey) -> Account | None:
        """By the API's own id; `kind` says of what, CUSTOMER unless given."""
        kind = key.kind or AccountKind.CUSTOMER
        if kind not in KINDS:
            raise BadInput(f"{self._source} has no accounts of kind {kind.value}.", argument="lookup.kind")
        if not re.fullmatch(ID_SHAPE, key.value):
            raise BadInput(
                f"An account id of {self._source} is 24 hexadecimal digits.", argument="lookup.nativeId"
            )
        return await self._account(mapping.account_ref(self._source, kind, key.value))

    async def _account(self, ref: Ref) -> Account | None:
        """One organisation or person.

        Source: https://wiki.telecomx.dk/doku.php?id=api%3Acustomer%3Aget and
            https://wiki.telecomx.dk/doku.php?id=api%3Aemployee%3Aget
        """
        kind = AccountKind(ref.parts[0])
        path = "employee" if kind is AccountKind.EMPLOYEE else "customer"
        reply = await self._rest.find(Call(f"{path}/ID", "GET", f"{path}/{ref.parts[1]}", safe=True))
        if reply is None:
            return None
        fetched = self._rest.fetched(reply)
        if kind is AccountKind.EMPLOYEE:
            return self._employee_record(self._rest.decode(reply, wire.Employee), fetched)
        return self._customer_record(kind, self._rest.decode(reply, wire.Customer), fetched)

    def list_accounts(self, wanted: AccountFilter) -> tuple[Feed[Account], ...] | NoFeed:
        """Customers unless another kind is asked for; employees of `organization`, else of the own customer.

        Customers can't be listed by their reseller: the parameter for it is for ADMIN, and whether others
        are refused or get everything is not documented.
        """
        kind = wanted.kind or AccountKind.CUSTOMER
        organization = wanted.organization
        if organization is not None and organization.source != self._source:
            return NoFeed(SliceState.SKIPPED, "The organization belongs to another source.")
        if kind not in KINDS:
            return NoFeed(SliceState.SKIPPED, f"There are no accounts of kind {kind.value}.")
        search = (("filter", wanted.search),) if wanted.search else ()
        if kind is AccountKind.EMPLOYEE:
            if organization is None:
                return (self._feed("employees", partial(self._employees, search)),)
            if organization.parts[0] == AccountKind.EMPLOYEE.value:
                return NoFeed(SliceState.UNSUPPORTED, "An employee is no organization.")
            query = (("customer", organization.parts[1]), *search)
            return (self._feed("employees", partial(self._employees, query)),)
        if organization is not None:
            return NoFeed(
                SliceState.UNSUPPORTED, "Only accounts of kind EMPLOYEE can be listed by organization."
            )
        if kind is AccountKind.RESELLER:
            return (
                self._feed("resellers", partial(self._customers, kind, (("resellers", "true"), *search))),
            )
        return (self._feed("customers", partial(self._customers, kind, search)),)

    def _feed(self, key: str, read: Callable[[int, int], Awaitable[Page[Account]]]) -> Feed[Account]:
        return Feed(self._source, key, read, MAX_LIMIT, ordered=False)

    async def _customers(
        self, kind: AccountKind, query: tuple[tuple[str, str], ...], offset: int, limit: int
    ) -> Page[Account]:
        """GET /customer, complete objects: which properties a condensed one keeps isn't documented.

        Source: https://wiki.telecomx.dk/doku.php?id=api%3Acustomer%3Alist
        """
        reply = await self._rest.send(self._list("customer", query, offset, limit))
        rows, total = read_rows(self._rest, reply, "customers", wire.Customer)
        fetched = self._rest.fetched(reply)
        items = tuple(self._customer_record(kind, row, fetched) for row in rows)
        return page_of(items, total, offset, fetched)

    async def _employees(
        self, query: tuple[tuple[str, str], ...], offset: int, limit: int, *, anew: bool = False
    ) -> Page[Account]:
        """GET /employee, complete objects too.

        Source: https://wiki.telecomx.dk/doku.php?id=api%3Aemployee%3Alist
        """
        call = self._list("employee", query, offset, limit)
        reply = await self._rest.send(fresh(call) if anew else call)
        rows, total = read_rows(self._rest, reply, "employees", wire.Employee)
        fetched = self._rest.fetched(reply)
        return page_of(tuple(self._employee_record(row, fetched) for row in rows), total, offset, fetched)

    def _list(self, path: str, query: tuple[tuple[str, str], ...], offset: int, limit: int) -> Call:
        paging = (("offset", str(offset)), ("limit", str(limit)), ("full", "true"))
        return Call(path, "GET", path, safe=True, query=(*query, *paging))

    def _customer_record(self, kind: AccountKind, sent: wire.Customer, fetched: Fetched) -> Account:
        return mapping.customer_record(self._source, kind, sent, fetched)

    def _employee_record(self, sent: wire.Employee, fetched: Fetched) -> Account:
        return mapping.employee_record(self._source, sent, fetched)
