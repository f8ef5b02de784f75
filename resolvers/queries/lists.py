"""Queries for lists."""

from typing import Annotated, Any

import strawberry

from gateway.domain import ports
from gateway.domain.errors import BadInput
from gateway.domain.ids import EntityType, Ref
from gateway.domain.records import Account, Conversation, ServiceSubscription, Ticket
from resolvers import lists
from resolvers.arguments import After, First
from resolvers.cases_by_guid import cases_by_guid
from resolvers.context import AnyFetch
from resolvers.paging import Asked, Connection
from resolvers.references import by_id
from resolvers.types.inputs import (
    AccountFilter,
    CaseFilter,
    ConversationFilter,
    SubscriptionFilter,
    TicketFilter,
)

_WHICH = "Which ones; all by default."


def _asked(sources: list[str] | None, first: int | None, after: str | None) -> Asked:
    return Asked(first, after, None if sources is None else tuple(sources))


def _account(fetch: AnyFetch, given: str | None, argument: str) -> Ref | None:
    return None if given is None else by_id(fetch, given, argument, EntityType.ACCOUNT)[1]


def _tuple(given: list[Any] | None) -> tuple[Any, ...] | None:
    return None if given is None else tuple(given)


def wanted_accounts(fetch: AnyFetch, given: AccountFilter) -> ports.AccountFilter:
    """What the filter asks of the sources."""
    return ports.AccountFilter(
        kind=given.kind,
        search=given.search,
        organization=_account(fetch, given.organization, "filter.organization"),
    )


async def accounts(
    fetch: AnyFetch,
    filter: Annotated[AccountFilter | None, strawberry.argument(description=_WHICH)] = None,
    first: First = None,
    after: After = None,
) -> Connection[Account]:
    """Accounts of all sources."""
    given = filter or AccountFilter()
    wanted = wanted_accounts(fetch, given)
    return await lists.accounts(fetch, wanted, _asked(given.sources, first, after))


def wanted_cases(fetch: AnyFetch, given: CaseFilter) -> ports.CaseFilter:
    """What the filter asks of the sources."""
    return ports.CaseFilter(
        search=given.search,
        status=_tuple(given.status),
        partner=_account(fetch, given.partner, "filter.partner"),
        provider=_account(fetch, given.provider, "filter.provider"),
        tags=_tuple(given.tags),
        created_after=given.created_after,
        created_before=given.created_before,
    )


async def cases(
    fetch: AnyFetch,
    filter: Annotated[CaseFilter | None, strawberry.argument(description=_WHICH)] = None,
    first: First = None,
    after: After = None,
) -> Connection[Any]:
    """Cases of all sources."""
    given = filter or CaseFilter()
    wanted = wanted_cases(fetch, given)
    asked = _asked(given.sources, first, after)
    if given.guids is None:
        return await lists.cases(fetch, wanted, asked)
    if wanted != ports.CaseFilter():
        raise BadInput("`guids` goes with `sources` alone.", argument="filter.guids")
    return await cases_by_guid(fetch, given.guids, asked)


def wanted_tickets(fetch: AnyFetch, given: TicketFilter) -> ports.ConversationFilter:
    """What the filter asks of the sources."""
    return ports.ConversationFilter(
        account=_account(fetch, given.account, "filter.account"),
        status=_tuple(given.status),
        assignee=_account(fetch, given.assignee, "filter.assignee"),
        queue=given.queue,
        updated_after=given.updated_after,
        search=given.search,
    )


async def tickets(
    fetch: AnyFetch,
    filter: Annotated[TicketFilter | None, strawberry.argument(description=_WHICH)] = None,
    first: First = None,
    after: After = None,
) -> Connection[Ticket]:
    """Tickets of all sources."""
    given = filter or TicketFilter()
    wanted = wanted_tickets(fetch, given)
    return await lists.tickets(fetch, wanted, _asked(given.sources, first, after))


def wanted_conversations(fetch: AnyFetch, given: ConversationFilter) -> ports.ConversationFilter:
    """What the filter asks of the sources."""
    return ports.ConversationFilter(
        account=_account(fetch, given.account, "filter.account"),
        status=_tuple(given.status),
        assignee=_account(fetch, given.assignee, "filter.assignee"),
        updated_after=given.updated_after,
        search=given.search,
    )


async def conversations(
    fetch: AnyFetch,
    filter: Annotated[ConversationFilter | None, strawberry.argument(description=_WHICH)] = None,
    first: First = None,
    after: After = None,
) -> Connection[Conversation]:
    """Cases and tickets of all sources."""
    given = filter or ConversationFilter()
    wanted = wanted_conversations(fetch, given)
    return await lists.conversations(fetch, wanted, _asked(given.sources, first, after))


def wanted_subscriptions(fetch: AnyFetch, given: SubscriptionFilter) -> ports.SubscriptionFilter:
    """What the filter asks of the sources."""
    return ports.SubscriptionFilter(
        account=_account(fetch, given.account, "filter.account"),
        reseller=_account(fetch, given.reseller, "filter.reseller"),
        kind=None if given.kind is None else given.kind.value,
        is_global=given.global_,
    )


async def subscriptions(
    fetch: AnyFetch,
    filter: Annotated[SubscriptionFilter | None, strawberry.argument(description=_WHICH)] = None,
    first: First = None,
    after: After = None,
) -> Connection[ServiceSubscription]:
    """Subscriptions of all sources."""
    given = filter or SubscriptionFilter()
    wanted = wanted_subscriptions(fetch, given)
    return await lists.subscriptions(fetch, wanted, _asked(given.sources, first, after))
