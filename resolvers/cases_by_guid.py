"""Cases that the caller names by guid alone: each source with cases may be the one that has them."""

from collections.abc import Iterator
from typing import Any

from gateway.domain.access import Scope
from gateway.domain.deadline import within_half
from gateway.domain.errors import BadInput, GatewayError
from gateway.domain.ids import Ref
from gateway.domain.records import Conversation, Fetched
from gateway.plans.selection import Selection
from resolvers.batches.completion import find_conversation, name_conversation
from resolvers.context import AnyFetch
from resolvers.paging import Asked, Connection, Edge, ListCursors, PageInfo, Position, SourceSlice, page_size
from resolvers.references import by_guid
from resolvers.slots import gather_slots

MAX_GUIDS = 100
_FEED = "guids"


async def case_by_guid(fetch: AnyFetch, refs: list[Ref], selection: Selection) -> Conversation | None:
    """The case of the first source that has it.

    With several sources each has to be read to know; with one, nothing is read where all that is
    asked of the case is fetched apart from it.

    Raises:
        SourceError: No source has it, and one couldn't be asked.
    """
    if len(refs) == 1:
        return await find_conversation(fetch, refs[0], selection)
    failure: Exception | None = None
    with within_half():
        found = await gather_slots([fetch.context.records.cases.load(ref) for ref in refs])
    for slot in found:
        if isinstance(slot, Exception):
            failure = slot
        elif slot is not None:
            return slot
    if failure is not None:
        raise failure
    return None


async def cases_by_guid(fetch: AnyFetch, guids: list[Any], asked: Asked) -> Connection[Conversation]:
    """A page of the named cases, in the caller's order; guids that no source knows are left out.

    Costs one read per guid and source, or none: see `case_by_guid`.
    """
    if len(guids) > MAX_GUIDS:
        raise BadInput(f"At most {MAX_GUIDS} guids at once, not {len(guids)}.", argument="filter.guids")
    size = page_size(asked.first)
    cursors = ListCursors("cases", (guids, asked.sources))
    start = cursors.read(asked.after).get(_FEED, Position(0)).offset
    candidates = [
        by_guid(fetch, str(guid), f"filter.guids.{index}", needs=Scope.CASES_READ, sources=asked.sources)
        for index, guid in enumerate(guids)
    ]
    page = candidates[start : start + size]
    found = await gather_slots([case_by_guid(fetch, refs, fetch.selection.of_nodes) for refs in page])
    failed: dict[str, GatewayError] = {}
    edges: list[Edge[Conversation]] = []
    for index, (refs, slot) in enumerate(zip(page, found, strict=True), start):
        case = slot
        if isinstance(slot, Exception):
            error = fetch.context.report_or_raise(slot, fetch)
            failed.setdefault(error.source or refs[0].source, error)
            # The caller knows that there is such a case: it stays, as far as it is known.
            case = name_conversation(fetch, refs[0]) if len(refs) == 1 else None
        if isinstance(case, Conversation):
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
            else SourceSlice.of(key, _answers(key, edges), ordered=False, now=fetch.context.clock())
            for key in {ref.source: None for refs in candidates for ref in refs}
        ],
    )


def _answers(source: str, edges: list[Edge[Conversation]]) -> Iterator[Fetched]:
    """Those that the cases of one source were read from."""
    for edge in edges:
        origin = edge.node.origin
        if origin.source == source and origin.fetched_at is not None:
            yield Fetched(origin.fetched_at, origin.kind, origin.stale)
