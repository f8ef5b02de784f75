"""Queries for writes: each caller's own."""

from datetime import datetime
from typing import Annotated

import msgspec
import strawberry

from gateway.domain.errors import BadInput
from gateway.domain.ids import ENTRY_ID, EntityType
from gateway.domain.ledger import Entry, EntryFilter
from gateway.writes.inputs import OPERATIONS
from resolvers.arguments import After, First, OptionalId
from resolvers.context import AnyFetch
from resolvers.paging import Connection, Cursors, Edge, PageInfo, page_size
from resolvers.references import by_id, exactly_one, plain
from resolvers.types.inputs import WriteFilter


class _Position(msgspec.Struct, frozen=True, array_like=True):
    """The last write of a page."""

    submitted_at: Annotated[datetime, msgspec.Meta(tz=True)]
    id: Annotated[str, msgspec.Meta(pattern=f"^{ENTRY_ID}$")]


async def write(
    fetch: AnyFetch,
    id: OptionalId = None,
    idempotency_key: Annotated[
        str | None, strawberry.argument(description="The key that it was sent under, while it is kept.")
    ] = None,
) -> Entry | None:
    """One write that the caller may see."""
    exactly_one("id", id=id, idempotencyKey=idempotency_key)
    if id is not None:
        return await fetch.context.recall.write(by_id(fetch, id, "id", EntityType.WRITE)[1])
    return await fetch.context.history.by_key(fetch.context.owners, idempotency_key or "")


async def writes(
    fetch: AnyFetch,
    filter: Annotated[
        WriteFilter | None, strawberry.argument(description="Which ones; all by default.")
    ] = None,
    first: First = None,
    after: After = None,
) -> Connection[Entry]:
    """The writes that the caller may see, newest first."""
    wanted = _wanted(fetch, filter or WriteFilter())
    size = page_size(first)
    cursors = Cursors("writes", wanted, _Position)
    last = None if after is None else cursors.read(after)
    # One more than the page holds tells whether there is another.
    found = await fetch.context.history.page(
        wanted,
        fetch.context.owners,
        limit=size + 1,
        after=None if last is None else (last.submitted_at, last.id),
        operated=fetch.context.operated,
    )
    edges = [Edge(cursors.write(_Position(entry.submitted_at, entry.id)), entry) for entry in found[:size]]
    return Connection(
        edges,
        PageInfo(
            has_next_page=len(found) > size,
            has_previous_page=after is not None,
            start_cursor=edges[0].cursor if edges else None,
            end_cursor=edges[-1].cursor if edges else after,
        ),
        total_count=None,
    )


def _wanted(fetch: AnyFetch, given: WriteFilter) -> EntryFilter:
    if given.source is not None:
        fetch.context.catalog.named(given.source, argument="filter.source")
    if given.operation is not None and given.operation not in OPERATIONS:
        known = ", ".join(OPERATIONS)
        raise BadInput(f"No such operation. There are: {known}.", argument="filter.operation")
    return EntryFilter(
        state=given.state,
        source=given.source,
        operation=given.operation,
        since=given.since,
        principal=plain(given.principal, "filter.principal"),
    )
