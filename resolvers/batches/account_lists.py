"""The lists of one account: each at the account's own source."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

from gateway.domain import ports
from gateway.domain.records import Account, AccountKind
from resolvers import lists
from resolvers.arguments import After, First
from resolvers.context import AnyFetch
from resolvers.paging import Asked, Connection
from resolvers.slots import gather_slots


def _of_account(
    list_of: Callable[[AnyFetch, Account, Asked], Awaitable[Connection[Any]]],
) -> Any:
    """A batch function for a list of each account."""

    async def one(fetch: AnyFetch, account: Account, asked: Asked) -> Connection[Any]:
        page = await list_of(fetch, account, asked)
        own = [part for part in page.sources if part.source == account.ref.source]
        return replace(page, sources=own)

    async def batch(
        parents: Sequence[Account], fetch: AnyFetch, first: First = None, after: After = None
    ) -> list[Any]:
        return await gather_slots(
            [one(fetch, parent, Asked(first, after, (parent.ref.source,))) for parent in parents]
        )

    return batch


def _cases(fetch: AnyFetch, account: Account, asked: Asked) -> Awaitable[Connection[Any]]:
    if account.kind is AccountKind.PROVIDER:
        return lists.cases(fetch, ports.CaseFilter(provider=account.ref), asked)
    return lists.cases(fetch, ports.CaseFilter(partner=account.ref), asked)


def _tickets(fetch: AnyFetch, account: Account, asked: Asked) -> Awaitable[Connection[Any]]:
    if account.kind is AccountKind.AGENT:
        return lists.tickets(fetch, ports.ConversationFilter(assignee=account.ref), asked)
    return lists.tickets(fetch, ports.ConversationFilter(account=account.ref), asked)


def _subscriptions(fetch: AnyFetch, account: Account, asked: Asked) -> Awaitable[Connection[Any]]:
    if account.kind is AccountKind.RESELLER:
        return lists.subscriptions(fetch, ports.SubscriptionFilter(reseller=account.ref), asked)
    return lists.subscriptions(fetch, ports.SubscriptionFilter(account=account.ref), asked)


cases = _of_account(_cases)
tickets = _of_account(_tickets)
subscriptions = _of_account(_subscriptions)
