"""Relay connections."""

from typing import TYPE_CHECKING, Annotated, Generic, TypeVar

import strawberry

from gateway.plans.price import at_most
from resolvers.paging import MAX_SIZE
from resolvers.types.source import SourceSlice

if TYPE_CHECKING:
    from resolvers.types.account import Account
    from resolvers.types.conversation import Case, Conversation, Ticket
    from resolvers.types.message import Message
    from resolvers.types.subscription import ServiceSubscription

N = TypeVar("N")


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether more follow.")
    has_previous_page: bool = strawberry.field(description="Whether some stand before.")
    start_cursor: str | None = strawberry.field(description="The first node's cursor.")
    end_cursor: str | None = strawberry.field(
        description="The last node's cursor: pass it as `after` for the next page. A source that couldn't "
        "be asked is caught up from there too."
    )


@strawberry.type(description="A node of a list, and its place there.")
class Edge(Generic[N]):
    cursor: str = strawberry.field(description="Pass it as `after` to go on behind this node.")
    node: N = strawberry.field(description="The node.")


@strawberry.type(description="A page of a list that may come from several sources.")
class Connection(Generic[N]):
    edges: list[Edge[N]] = strawberry.field(
        description="The page's nodes with their cursors.", metadata=at_most(MAX_SIZE)
    )
    nodes: list[N] = strawberry.field(description="The page's nodes.", metadata=at_most(MAX_SIZE))
    page_info: PageInfo = strawberry.field(description="Where the page lies.")
    total_count: int | None = strawberry.field(
        description="How many there are in all; null where a source doesn't say."
    )
    sources: list[SourceSlice] = strawberry.field(description="How each source took part.")


_Message = Annotated["Message", strawberry.lazy("resolvers.types.message")]


@strawberry.type(description="A page of one conversation's messages.")
class MessageConnection:
    edges: list[Edge[_Message]] = strawberry.field(
        description="The page's messages with their cursors.", metadata=at_most(MAX_SIZE)
    )
    nodes: list[_Message] = strawberry.field(description="The page's messages.", metadata=at_most(MAX_SIZE))
    page_info: PageInfo = strawberry.field(description="Where the page lies.")
    total_count: int | None = strawberry.field(description="How many there are under the filter.")


AccountConnection = Connection[Annotated["Account", strawberry.lazy("resolvers.types.account")]]
CaseConnection = Connection[Annotated["Case", strawberry.lazy("resolvers.types.conversation")]]
TicketConnection = Connection[Annotated["Ticket", strawberry.lazy("resolvers.types.conversation")]]
ConversationConnection = Connection[
    Annotated["Conversation", strawberry.lazy("resolvers.types.conversation")]
]
ServiceSubscriptionConnection = Connection[
    Annotated["ServiceSubscription", strawberry.lazy("resolvers.types.subscription")]
]
