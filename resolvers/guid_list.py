"""Cases that the caller names by guid, as a list."""

from typing import Any

from gateway.domain.errors import BadInput, GatewayError, SourceError
from gateway.domain.ids import Ref
from gateway.domain.pages import SliceState
from gateway.domain.records import Case, Conversation
from resolvers.batches.completion import find_conversation, gather_slots, name_conversation
from resolvers.context import AnyFetch
from resolvers.paging import Asked, Connection, Edge, ListCursors, PageInfo, Position, SourceSlice, page_size
from resolvers.queries.single import case_refs

_FEED = "guids"


async def cases_by_guid(fetch: AnyFetch, guids: list[Any], asked: Asked) -> Connection[Conversation]:
    """A page of the named cases, in the caller's order; guids that no source knows are left out.

    Costs one read per guid and source with cases, and none where all that is asked of the cases is
    fetched apart from them and only one source has cases.
    """
    if len(guids) > 100:
        raise BadInput(f"At most 100 guids at once, not {len(guids)}.", argument="filter.guids")
    size = page_size(asked.first)
    cursors = ListCursors("cases", (guids, asked.sources))
    start = cursors.read(asked.after).get(_FEED, Position(0)).offset
    names = None if asked.sources is None else list(asked.sources)
    candidates = [
        case_refs(fetch, str(guid), names, f"filter.guids.{index}") for index, guid in enumerate(guids)
    ]
    page = candidates[start : start + size]
    found = await gather_slots([_first_of(fetch, refs) for refs in page])
    failed: dict[str, GatewayError] = {}
    edges: list[Edge[Conversation]] = []
    for index, (refs, slot) in enumerate(zip(page, found, strict=True), start):
        if isinstance(slot, Exception):
            failed.setdefault(refs[0].source, fetch.context.report_or_raise(slot, fetch))
        case = name_conversation(fetch, refs[0]) if isinstance(slot, Exception) else slot
        if case is not None:
            edges.append(Edge(cursors.write({_FEED: Position(index + 1)}), case))
    return Connection(
        edges,
        PageInfo(
            has_next_page=start + size < len(guids),
            has_previous_page=start > 0,
            start_cursor=edges[0].cursor if edges else None,
            end_cursor=cursors.write({_FEED: Position(start + len(page))}) if page else asked.after,
        ),
        total_count=None,
        sources=[
            SourceSlice.unavailable(key, failed[key], ordered=False)
            if key in failed
            else SourceSlice(key, SliceState.OK, ordered=False)
            for key in {ref.source: None for refs in candidates for ref in refs}
        ],
    )


async def _first_of(fetch: AnyFetch, refs: list[Ref]) -> Conversation | None:
    """The first source that has the case; with several, each must be read to know."""
    selection = fetch.selection.of_nodes
    if len(refs) == 1:
        return await find_conversation(fetch, refs[0], selection)
    failure: SourceError | None = None
    for slot in await gather_slots([fetch.context.records.cases.load(ref) for ref in refs]):
        if isinstance(slot, Case):
            return slot
        if isinstance(slot, SourceError):
            failure = slot
        elif isinstance(slot, Exception):
            raise slot
    if failure is not None:
        raise failure
    return None
