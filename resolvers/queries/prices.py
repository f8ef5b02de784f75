"""What the queries cost in REST calls."""

from collections.abc import Callable
from typing import Any

import strawberry

from gateway.domain import ports
from gateway.domain.access import Scope
from gateway.domain.catalog import Source
from gateway.domain.ids import EntityType, Ref
from gateway.domain.pages import Feed, NoFeed
from gateway.plans.price import Calls, Price
from resolvers import prices
from resolvers.cases_by_guid import MAX_GUIDS
from resolvers.context import AnyFetch
from resolvers.paging import page_size
from resolvers.queries import lists, single
from resolvers.references import by_guid, by_id
from resolvers.types.inputs import (
    AccountFilter,
    CaseFilter,
    ConversationFilter,
    SourceRef,
    SubscriptionFilter,
    TicketFilter,
)

_Offer = tuple[Feed[Any], ...] | NoFeed | None


# -- single objects


def _node(fetch: AnyFetch, id: str) -> Calls:
    return prices.node(fetch, by_id(fetch, id, "id")[1])


def _nodes(fetch: AnyFetch, ids: list[strawberry.ID]) -> Calls:
    if len(ids) > single.MAX_IDS:
        return Calls(0, objects=0)
    each = [prices.node(fetch, by_id(fetch, given, "ids")[1]) for given in ids]
    paid = frozenset.intersection(*(calls.paid for calls in each)) if each else frozenset()
    return Calls(sum(calls.count for calls in each), objects=len(ids), paid=paid)


def _case(
    fetch: AnyFetch, id: str | None = None, ref: SourceRef | None = None, guid: str | None = None
) -> Calls:
    if guid is not None:
        return _case_by_guid(fetch, by_guid(fetch, guid, "guid", needs=Scope.CASES_READ))
    return prices.conversation(fetch, single.named(fetch, id, ref, EntityType.CASE), fetch.selection)


def _case_by_guid(fetch: AnyFetch, refs: list[Ref], *, of_page: bool = False) -> Calls:
    """Of several sources each has to be read to know which one has it."""
    if len(refs) > 1:
        return Calls(len(refs), paid=frozenset({prices.RECORD}))
    selection = fetch.selection.of_nodes if of_page else fetch.selection
    return prices.conversation(fetch, refs[0], selection)


def _ticket(fetch: AnyFetch, id: str | None = None, ref: SourceRef | None = None) -> Calls:
    return prices.conversation(fetch, single.named(fetch, id, ref, EntityType.TICKET), fetch.selection)


def _message(fetch: AnyFetch, id: str) -> Calls:
    return prices.message(fetch, by_id(fetch, id, "id", EntityType.MESSAGE)[1])


def _message_templates(fetch: AnyFetch, source: str | None = None) -> Calls:
    readers = [
        each
        for each in fetch.context.catalog
        if source in {None, each.key} and each.port(ports.TemplateReader) is not None
    ]
    return Calls(len(readers))


node = Price(_node)
nodes = Price(_nodes)
case = Price(_case)
ticket = Price(_ticket)
message = Price(_message)
message_templates = Price(_message_templates)


# -- lists


def _list(
    fetch: AnyFetch,
    keys: list[str] | None,
    page: tuple[int | None, str | None],
    offer_of: Callable[[Source], _Offer],
    *named: Ref | None,
) -> Calls:
    """A call for each feed that takes part, as `resolvers.lists` picks them; nothing is asked for that."""
    owners = {ref.source for ref in named if ref is not None}
    count = 0
    for source in fetch.context.catalog:
        if (keys is not None and source.key not in keys) or owners - {source.key}:
            continue
        offer = offer_of(source)
        for feed in offer if isinstance(offer, tuple) else ():
            count += prices.page_reads(*page, feed.max_limit)
    return Calls(count, objects=page_size(page[0]))


def _accounts(
    fetch: AnyFetch, filter: AccountFilter | None = None, first: int | None = None, after: str | None = None
) -> Calls:
    given = filter or AccountFilter()
    wanted = lists.wanted_accounts(fetch, given)

    def offer_of(source: Source) -> _Offer:
        lister = source.port(ports.AccountLister)
        return None if lister is None else lister.list_accounts(wanted)

    return _list(fetch, given.sources, (first, after), offer_of, wanted.organization)


def _cases(
    fetch: AnyFetch, filter: CaseFilter | None = None, first: int | None = None, after: str | None = None
) -> Calls:
    if filter is not None and filter.guids is not None:
        return _cases_by_guid(fetch, filter.guids, filter.sources, page_size(first))
    given = filter or CaseFilter()
    wanted = lists.wanted_cases(fetch, given)

    def offer_of(source: Source) -> _Offer:
        lister = source.port(ports.CaseLister)
        return None if lister is None else lister.list_cases(wanted)

    return _list(fetch, given.sources, (first, after), offer_of, wanted.partner, wanted.provider)


def _cases_by_guid(
    fetch: AnyFetch, guids: list[strawberry.ID], sources: list[str] | None, size: int
) -> Calls:
    """All of a page cost the same, as they are asked for the same of the same sources."""
    count = min(len(guids), size)
    if not 1 <= len(guids) <= MAX_GUIDS:
        return Calls(0, objects=0)
    one = _case_by_guid(
        fetch, by_guid(fetch, guids[0], "filter.guids", needs=Scope.CASES_READ, sources=sources), of_page=True
    )
    return Calls(count * one.count, objects=count, paid=one.paid)


def _tickets(
    fetch: AnyFetch, filter: TicketFilter | None = None, first: int | None = None, after: str | None = None
) -> Calls:
    given = filter or TicketFilter()
    wanted = lists.wanted_tickets(fetch, given)

    def offer_of(source: Source) -> _Offer:
        lister = source.port(ports.TicketLister)
        return None if lister is None else lister.list_tickets(wanted)

    return _list(fetch, given.sources, (first, after), offer_of, wanted.account, wanted.assignee)


def _conversations(
    fetch: AnyFetch,
    filter: ConversationFilter | None = None,
    first: int | None = None,
    after: str | None = None,
) -> Calls:
    given = filter or ConversationFilter()
    wanted = lists.wanted_conversations(fetch, given)

    def offer_of(source: Source) -> _Offer:
        if (of_cases := source.port(ports.ConversationLister)) is not None:
            return of_cases.list_conversations(wanted)
        of_tickets = source.port(ports.TicketLister)
        return None if of_tickets is None else of_tickets.list_tickets(wanted)

    return _list(fetch, given.sources, (first, after), offer_of, wanted.account, wanted.assignee)


def _subscriptions(
    fetch: AnyFetch,
    filter: SubscriptionFilter | None = None,
    first: int | None = None,
    after: str | None = None,
) -> Calls:
    given = filter or SubscriptionFilter()
    wanted = lists.wanted_subscriptions(fetch, given)

    def offer_of(source: Source) -> _Offer:
        lister = source.port(ports.SubscriptionLister)
        return None if lister is None else lister.list_subscriptions(wanted)

    return _list(fetch, given.sources, (first, after), offer_of, wanted.account, wanted.reseller)


def _ledger_page(_: AnyFetch, first: int | None = None) -> Calls:
    return Calls(0, objects=page_size(first))


accounts = Price(_accounts)
cases = Price(_cases)
tickets = Price(_tickets)
conversations = Price(_conversations)
subscriptions = Price(_subscriptions)
writes = Price(_ledger_page)
audit_events = Price(_ledger_page)
