"""The graph's lists: a filter becomes the sources' feeds, and their feeds one connection."""

from typing import Any, TypeVar, cast

from gateway.domain import ports
from gateway.domain.catalog import Source
from gateway.domain.errors import BadInput
from gateway.domain.ids import EntityType, Ref, parse_global_id
from gateway.domain.pages import Feed, NoFeed, SliceState
from gateway.domain.records import Account, Conversation, ServiceSubscription, Ticket
from resolvers.batches.completion import complete
from resolvers.context import AnyFetch
from resolvers.merging import Participant, merge_newest_first, one_after_the_other, participants
from resolvers.paging import Asked, Connection, Edge, ListCursors

T = TypeVar("T")
C = TypeVar("C", bound=Conversation)


def account_ref(fetch: AnyFetch, given: str | None, argument: str) -> Ref | None:
    """The reference of an account that a filter names.

    Raises:
        BadInput: It isn't an account's id, or its source isn't configured.
    """
    if given is None:
        return None
    ref = parse_global_id(given, argument=argument)
    if ref.type is not EntityType.ACCOUNT:
        raise BadInput(f"Not an account's id but a {ref.type.value}'s.", argument=argument)
    fetch.context.catalog.of(ref, argument=argument)
    return ref


async def accounts(fetch: AnyFetch, wanted: ports.AccountFilter, asked: Asked) -> Connection[Account]:
    """Accounts, source after source."""
    offers = _offers(
        fetch,
        asked.sources,
        ports.AccountLister,
        lambda client: client.list_accounts(wanted),
        of=(wanted.organization,),
    )
    cursors = ListCursors("accounts", (wanted, asked.sources))
    return await one_after_the_other(fetch, offers, asked=asked, cursors=cursors)


async def subscriptions(
    fetch: AnyFetch, wanted: ports.SubscriptionFilter, asked: Asked
) -> Connection[ServiceSubscription]:
    """Subscriptions, source after source."""
    offers = _offers(
        fetch,
        asked.sources,
        ports.SubscriptionLister,
        lambda client: client.list_subscriptions(wanted),
        of=(wanted.account, wanted.reseller),
    )
    cursors = ListCursors("subscriptions", (wanted, asked.sources))
    return await one_after_the_other(fetch, offers, asked=asked, cursors=cursors)


async def cases(fetch: AnyFetch, wanted: ports.CaseFilter, asked: Asked) -> Connection[Any]:
    """Cases, newest first among the sources as far as they can order."""
    offers = _offers(
        fetch,
        asked.sources,
        ports.CaseLister,
        lambda client: client.list_cases(wanted),
        of=(wanted.partner, wanted.provider),
    )
    cursors = ListCursors("cases", (wanted, asked.sources))
    return await _conversations(fetch, offers, asked=asked, cursors=cursors)


async def tickets(fetch: AnyFetch, wanted: ports.ConversationFilter, asked: Asked) -> Connection[Ticket]:
    """Tickets, newest first among the sources."""
    offers = _offers(
        fetch,
        asked.sources,
        ports.TicketLister,
        lambda client: client.list_tickets(wanted),
        of=(wanted.account, wanted.assignee),
    )
    cursors = ListCursors("tickets", (wanted, asked.sources))
    return await _conversations(fetch, offers, asked=asked, cursors=cursors)


async def conversations(fetch: AnyFetch, wanted: ports.ConversationFilter, asked: Asked) -> Connection[Any]:
    """Cases and tickets, newest first among the sources."""
    of = (wanted.account, wanted.assignee)
    as_tickets = _offers(
        fetch, asked.sources, ports.TicketLister, lambda client: client.list_tickets(wanted), of=of
    )
    as_cases = _offers(
        fetch,
        asked.sources,
        ports.ConversationLister,
        lambda client: client.list_conversations(wanted),
        of=of,
    )
    offers = [_better(ticket, case) for ticket, case in zip(as_tickets, as_cases, strict=True)]
    cursors = ListCursors("conversations", (wanted, asked.sources))
    return await _conversations(fetch, offers, asked=asked, cursors=cursors)


def _better(one: Participant[Any], other: Participant[Any]) -> Participant[Any]:
    """The offer with feeds, or the one whose reason says more than that there is no such list."""
    if not isinstance(one.offer, NoFeed) or other.offer == _NO_LIST:
        return one
    return other


_NO_LIST = NoFeed(SliceState.UNSUPPORTED, "The source has no such list.")


def _offers(
    fetch: AnyFetch,
    sources: tuple[str, ...] | None,
    port: type[Any],
    feeds: Any,
    *,
    of: tuple[Ref | None, ...],
) -> list[Participant[Any]]:
    """The sources' offers; a source that can't hold the named accounts is skipped, not asked."""
    owners = {ref.source for ref in of if ref is not None}

    def offer(source: Source, client: Any) -> tuple[Feed[Any], ...] | NoFeed:
        if owners - {source.key}:
            return NoFeed(SliceState.SKIPPED, "The named account belongs to another source.")
        return cast("tuple[Feed[Any], ...] | NoFeed", feeds(client))

    return participants(fetch, sources, port, offer, without=_NO_LIST)


async def _conversations(
    fetch: AnyFetch,
    offers: list[Participant[C]],
    *,
    asked: Asked,
    cursors: ListCursors,
) -> Connection[C]:
    page = await merge_newest_first(fetch, offers, asked=asked, cursors=cursors)
    nodes = await complete(fetch, page.nodes, fetch.selection.of_nodes)
    edges = [Edge(edge.cursor, cast("C", node)) for edge, node in zip(page.edges, nodes, strict=True)]
    return Connection(edges, page.page_info, page.total_count, page.sources)
