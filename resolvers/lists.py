"""The graph's lists: a filter becomes the sources' feeds, and their feeds one connection."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from gateway.domain import ports
from gateway.domain.access import Scope
from gateway.domain.catalog import Source
from gateway.domain.deadline import within_half
from gateway.domain.ids import Ref
from gateway.domain.pages import Feed, NoFeed, SliceState
from gateway.domain.records import Account, Conversation, ServiceSubscription, Ticket
from resolvers.batches.completion import complete
from resolvers.context import AnyFetch
from resolvers.merging import Participant, merge_newest_first, one_after_the_other, participants, some_allowed
from resolvers.paging import Asked, Connection, Edge, ListCursors

C = TypeVar("C", bound=Conversation)
P = TypeVar("P")

Offer = tuple[Feed[Any], ...] | NoFeed

_NO_LIST = NoFeed(SliceState.UNSUPPORTED, "The source has no such list.")
_FOREIGN = NoFeed(SliceState.SKIPPED, "The named account belongs to another source.")


async def accounts(fetch: AnyFetch, wanted: ports.AccountFilter, asked: Asked) -> Connection[Account]:
    """Accounts, source after source."""
    offers = _offers(
        fetch,
        asked,
        ports.AccountLister,
        lambda lister: lister.list_accounts(wanted),
        wanted.organization,
        needs=Scope.ACCOUNTS_READ,
    )
    offers = some_allowed(offers, Scope.ACCOUNTS_READ)
    cursors = ListCursors("accounts", (wanted, asked.sources))
    return await one_after_the_other(fetch, offers, asked=asked, cursors=cursors)


async def subscriptions(
    fetch: AnyFetch, wanted: ports.SubscriptionFilter, asked: Asked
) -> Connection[ServiceSubscription]:
    """Subscriptions, source after source."""
    offers = _offers(
        fetch,
        asked,
        ports.SubscriptionLister,
        lambda lister: lister.list_subscriptions(wanted),
        wanted.account,
        wanted.reseller,
        needs=Scope.SUBSCRIPTIONS_READ,
    )
    offers = some_allowed(offers, Scope.SUBSCRIPTIONS_READ)
    cursors = ListCursors("subscriptions", (wanted, asked.sources))
    return await one_after_the_other(fetch, offers, asked=asked, cursors=cursors)


async def cases(fetch: AnyFetch, wanted: ports.CaseFilter, asked: Asked) -> Connection[Any]:
    """Cases, newest first among the sources as far as they can order."""
    offers = _offers(
        fetch,
        asked,
        ports.CaseLister,
        lambda lister: lister.list_cases(wanted),
        wanted.partner,
        wanted.provider,
        needs=Scope.CASES_READ,
    )
    offers = some_allowed(offers, Scope.CASES_READ)
    return await _newest_first(fetch, offers, asked, ListCursors("cases", (wanted, asked.sources)))


async def tickets(fetch: AnyFetch, wanted: ports.ConversationFilter, asked: Asked) -> Connection[Ticket]:
    """Tickets, newest first among the sources."""
    offers = some_allowed(_ticket_offers(fetch, wanted, asked), Scope.TICKETS_READ)
    return await _newest_first(fetch, offers, asked, ListCursors("tickets", (wanted, asked.sources)))


async def conversations(fetch: AnyFetch, wanted: ports.ConversationFilter, asked: Asked) -> Connection[Any]:
    """Cases and tickets, newest first among the sources."""
    as_cases = _offers(
        fetch,
        asked,
        ports.ConversationLister,
        lambda lister: lister.list_conversations(wanted),
        wanted.account,
        wanted.assignee,
        needs=Scope.CASES_READ,
    )
    as_tickets = _ticket_offers(fetch, wanted, asked)
    offers = [
        tickets if cases.offer == _NO_LIST else cases
        for cases, tickets in zip(as_cases, as_tickets, strict=True)
    ]
    offers = some_allowed(offers, Scope.TICKETS_READ)
    return await _newest_first(fetch, offers, asked, ListCursors("conversations", (wanted, asked.sources)))


def _ticket_offers(fetch: AnyFetch, wanted: ports.ConversationFilter, asked: Asked) -> list[Participant[Any]]:
    return _offers(
        fetch,
        asked,
        ports.TicketLister,
        lambda lister: lister.list_tickets(wanted),
        wanted.account,
        wanted.assignee,
        needs=Scope.TICKETS_READ,
    )


def _offers(
    fetch: AnyFetch,
    asked: Asked,
    port: type[P],
    feeds: Callable[[P], Offer],
    *named: Ref | None,
    needs: Scope,
) -> list[Participant[Any]]:
    """The sources' offers; a source that can't hold the named accounts is skipped, not asked."""
    owners = {ref.source for ref in named if ref is not None}

    def offer(source: Source, lister: P) -> Offer:
        return _FOREIGN if owners - {source.key} else feeds(lister)

    return participants(fetch, asked.sources, port, offer, without=_NO_LIST, needs=needs)


async def _newest_first(
    fetch: AnyFetch, offers: list[Participant[C]], asked: Asked, cursors: ListCursors
) -> Connection[C]:
    page = await merge_newest_first(fetch, offers, asked=asked, cursors=cursors)
    with within_half():
        nodes = await complete(fetch, page.nodes, fetch.selection.of_nodes)
    edges = [Edge(edge.cursor, cast("C", node)) for edge, node in zip(page.edges, nodes, strict=True)]
    return Connection(edges, page.page_info, page.total_count, page.sources)
