"""The query for the audit log: for who may operate."""

import re
from typing import Annotated

import msgspec
import strawberry

from gateway.domain import audit
from gateway.domain.access import Scope
from gateway.domain.audit import AuditEvent
from gateway.domain.errors import BadInput
from gateway.domain.ids import ENTRY_ID, EntityType, parse_global_id
from resolvers.arguments import After, First
from resolvers.context import AnyFetch
from resolvers.paging import Connection, Cursors, Edge, PageInfo, page_size
from resolvers.references import plain
from resolvers.types.audit import AuditFilter


class _Position(msgspec.Struct, frozen=True, array_like=True):
    """The last event of a page."""

    id: Annotated[str, msgspec.Meta(pattern=f"^{ENTRY_ID}$")]


async def audit_events(
    fetch: AnyFetch,
    filter: Annotated[
        AuditFilter | None, strawberry.argument(description="Which ones; all by default.")
    ] = None,
    first: First = None,
    after: After = None,
) -> Connection[AuditEvent]:
    """What was done at the sources that the caller operates, newest first."""
    wanted = _wanted(fetch, filter or AuditFilter())
    size = page_size(first)
    cursors = Cursors("auditEvents", wanted, _Position)
    last = None if after is None else cursors.read(after).id
    # One more than the page holds tells whether there is another.
    found = await fetch.context.history.events(wanted, limit=size + 1, after=last)
    edges = [Edge(cursors.write(_Position(event.id)), event) for event in found[:size]]
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


def _wanted(fetch: AnyFetch, given: AuditFilter) -> audit.AuditFilter:
    return audit.AuditFilter(
        principal=plain(given.principal, "filter.principal"),
        kind=given.kind,
        source=plain(given.source, "filter.source"),
        sources=fetch.context.principal.grants.sources.get(Scope.OPERATE, frozenset()),
        operation=plain(given.operation, "filter.operation"),
        write_id=None if given.write is None else _entry_id(given.write),
        since=given.since,
        until=given.until,
    )


def _entry_id(given: str) -> str:
    """A write's own id. Its source may have gone from the configuration, so it isn't looked for there."""
    ref = parse_global_id(given, argument="filter.write")
    if ref.type is not EntityType.WRITE:
        raise BadInput(f"Not the id of a Write but of a {ref.type.value}.", argument="filter.write")
    if not re.fullmatch(ENTRY_ID, ref.parts[0]):
        raise BadInput("Not the id of a write.", argument="filter.write")
    return ref.parts[0]
