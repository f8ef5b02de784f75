"""Writes: what the ledger knows of them."""

from datetime import datetime
from typing import Any

import strawberry
from strawberry.types import Info

from gateway.domain import catalog, ledger
from gateway.plans.fields import OPEN, batch_field
from gateway.plans.price import at_most
from resolvers import prices
from resolvers.batches.nodes import node_at
from resolvers.context import Context
from resolvers.paging import MAX_SIZE
from resolvers.types.connections import Edge, PageInfo
from resolvers.types.enums import WriteState
from resolvers.types.node import Node
from resolvers.types.source import Source


def _source_of(root: strawberry.Parent[ledger.Entry], info: Info[Context, Any]) -> Any:
    """A write outlives its source's configuration: one that has gone can do nothing any more."""
    key = root.source
    return info.context.catalog.get(key) or catalog.Source(key, "", key, "", client=None, shapes={})


# `confirmMessages` takes no more.
MAX_PARTS = 500


@strawberry.type(description="Why a write, or a part of it, isn't confirmed.")
class WriteProblem:
    code: str = strawberry.field(description="A code as in `userErrors` or `errors[].extensions.code`.")
    message: str = strawberry.field(description="For people.")
    retryable: bool = strawberry.field(
        resolver=lambda root: root.repeatable,
        description="Whether the same key may be sent again: it was certainly not applied, and nothing is "
        "wrong with it.",
    )


@strawberry.type(description="One of the objects that a write of several is about.")
class WritePart:
    target: Node | None = batch_field(
        node_at("target"),
        description="The object. Costs nothing as long as only its id is asked for.",
        needs=OPEN,  # What it is isn't known before: `find_node` asks.
        calls=prices.referred_node,
    )
    state: WriteState = strawberry.field(description="What is known of this part.")
    already_confirmed: bool = strawberry.field(
        resolver=lambda root: root.already,
        description="It had been confirmed before: nothing was sent for it.",
    )
    problem: WriteProblem | None = strawberry.field(description="Why it isn't confirmed.")


@strawberry.type(
    description="Something that was written through this gateway, as its ledger knows it. Only who wrote it "
    "can see it, and who may `operate` its source."
)
class Write(Node):
    operation: str = strawberry.field(description="The mutation's name.")
    source: Source = strawberry.field(resolver=_source_of, description="Where it was sent.")
    state: WriteState = strawberry.field(description="What is known of it.")
    idempotency_key: str = strawberry.field(
        resolver=lambda root: root.key,
        description="The key that it was sent under, or the gateway's own for it.",
    )
    target: Node | None = batch_field(
        node_at("target"),
        description="What it writes to or changes; null for what had no place before. Costs nothing as long "
        "as only its id is asked for.",
        needs=OPEN,  # What it is isn't known before: `find_node` asks.
        calls=prices.referred_node,
    )
    result: Node | None = batch_field(
        node_at("result"),
        description="The new object that it has become; null until that is known, and for changes. Costs "
        "nothing as long as only its id is asked for.",
        needs=OPEN,  # What it is isn't known before: `find_node` asks.
        calls=prices.referred_node,
    )
    principal: str = strawberry.field(
        description="Who wrote it: a `viewer { subject }`, with a mark of the credential behind it where "
        "they use one of their own."
    )
    submitted_at: datetime = strawberry.field(
        description="When it was recorded, just before it was first sent."
    )
    settled_at: datetime | None = strawberry.field(
        description="When it got its present state; null while PENDING."
    )
    attempts: int = strawberry.field(
        description="How often it has been sent: again only by its sender, and after it was certainly not "
        "applied."
    )
    replayed: bool = strawberry.field(
        description="Whether this answer tells what a write under the same key has come to, and sent nothing."
    )
    problem: WriteProblem | None = strawberry.field(description="Why it isn't confirmed.")
    parts: list[WritePart] = strawberry.field(
        description="Its parts, where it is about several objects; else empty.", metadata=at_most(MAX_PARTS)
    )

    @classmethod
    def is_type_of(cls, obj: object, _info: object) -> bool:
        return isinstance(obj, ledger.Entry)


@strawberry.type(description="A page of writes.")
class WriteConnection:
    edges: list[Edge[Write]] = strawberry.field(
        description="The page's writes with their cursors.", metadata=at_most(MAX_SIZE)
    )
    nodes: list[Write] = strawberry.field(description="The page's writes.", metadata=at_most(MAX_SIZE))
    page_info: PageInfo = strawberry.field(description="Where the page lies.")
