"""Repair cases: single reads and the search.

Page: https://docs.serviceorderhub.com/en/latest/Working%20with%20cases/
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial

from gateway.domain.ids import Ref
from gateway.domain.pages import Feed, NoFeed, Page, SliceState
from gateway.domain.ports import CaseFilter, ConversationFilter, Slot
from gateway.domain.records import AccountKind, Case, ConversationState, Fetched
from gateway.sources.rest import Rest, each, fresh
from gateway.sources.service_order_hub import mapping, wire
from gateway.sources.service_order_hub.calls import NOT_VISIBLE, get, payload, post, timestamp
from gateway.sources.status import StatusTable

MAX_LIMIT = 100

# A moment is sent in whole milliseconds, cut off; so that an upper bound loses nothing, it is put up first.
_ROUND_UP = timedelta(microseconds=999)


class Cases:
    """Reads cases of which the credentials' party is partner or provider."""

    search_fields = (
        "order data",
        "product data (not the problem text)",
        "contact names, phones and e-mail addresses",
        "postal code and city",
    )

    def __init__(self, rest: Rest, *, statuses: StatusTable) -> None:
        self._rest = rest
        self._source = rest.source
        self._statuses = statuses

    async def check(self) -> None:
        """Search for one case: the cheapest read that needs credentials."""
        await self._search({}, 0, 1, anew=True)

    def name_conversation(self, ref: Ref) -> Case:
        """A case by nothing but its guid."""
        return mapping.named_case(ref)

    async def read_cases(self, refs: Sequence[Ref]) -> list[Slot[Case]]:
        """GET case?guid=, one call each."""
        return await each(self._case, refs)

    async def _case(self, ref: Ref) -> Case | None:
        reply = await self._rest.find(get("case", ("guid", ref.parts[0])), missing=NOT_VISIBLE)
        if reply is None:
            return None
        return self._record(payload(self._rest, reply, wire.Case), self._rest.fetched(reply))

    def list_cases(self, wanted: CaseFilter) -> tuple[Feed[Case], ...] | NoFeed:
        """POST search-cases. One feed per native status, as the search compares for equality only."""
        filters: dict[str, object] = {}
        if wanted.search:
            filters["commonSearch"] = wanted.search
        if wanted.tags:
            filters["tags"] = list(wanted.tags)
        created: dict[str, str] = {}
        if wanted.created_after is not None:
            created["$gt"] = timestamp(wanted.created_after)
        if wanted.created_before is not None:
            created["$lt"] = timestamp(wanted.created_before + _ROUND_UP)
        if created:
            filters["createdAt"] = created
        for name, kind, ref in (
            ("partnerId", AccountKind.PARTNER, wanted.partner),
            ("serviceProviderId", AccountKind.PROVIDER, wanted.provider),
        ):
            if ref is None:
                continue
            if ref.source != self._source:
                return NoFeed(SliceState.SKIPPED, "The account belongs to another source.")
            if ref.parts[0] != kind.value:
                return NoFeed(SliceState.UNSUPPORTED, f"Not an account of kind {kind.value}.")
            filters[name] = int(ref.parts[1])
        return self._feeds(filters, wanted.status)

    def list_conversations(self, wanted: ConversationFilter) -> tuple[Feed[Case], ...] | NoFeed:
        """Cases by what they have in common with tickets."""
        for ref in (wanted.account, wanted.assignee):
            if ref is not None and ref.source != self._source:
                return NoFeed(SliceState.SKIPPED, "The account belongs to another source.")
        if wanted.assignee is not None or wanted.queue is not None or wanted.updated_after is not None:
            return NoFeed(
                SliceState.UNSUPPORTED, "Cases can't be filtered by assignee, queue or time of change."
            )
        account = wanted.account
        if account is not None and account.parts[0] != AccountKind.PARTNER.value:
            return self.list_cases(CaseFilter(search=wanted.search, status=wanted.status, provider=account))
        return self.list_cases(CaseFilter(search=wanted.search, status=wanted.status, partner=account))

    def _feeds(
        self, filters: Mapping[str, object], status: tuple[ConversationState, ...] | None
    ) -> tuple[Feed[Case], ...] | NoFeed:
        if status is None:
            return (self._feed("", filters),)
        # The hub keeps its keys in lower case, however they were written.
        natives = dict.fromkeys(native.lower() for native in self._statuses.natives(status))
        if not natives:
            return NoFeed(SliceState.UNSUPPORTED, "No native status is mapped to the wanted ones.")
        return tuple(self._feed(native, {**filters, "currentStatus": native}) for native in natives)

    def _feed(self, key: str, filters: Mapping[str, object]) -> Feed[Case]:
        return Feed(self._source, key, partial(self._search, filters), MAX_LIMIT, ordered=False)

    async def _search(
        self, filters: Mapping[str, object], offset: int, limit: int, *, anew: bool = False
    ) -> Page[Case]:
        """POST search-cases: a read, although a POST. In the hub's own order, which has no name."""
        body = {"filters": filters, "pagination": {"offset": offset, "limit": limit}}
        call = post("search-cases", body, safe=True)
        reply = await self._rest.send(fresh(call) if anew else call)
        found, fetched = self._rest.decode(reply, wire.Cases), self._rest.fetched(reply)
        total = None if found.pagination is None else found.pagination.count
        return Page(
            tuple(self._record(sent, fetched) for sent in found.data),
            total,
            # An empty page ends the list whatever the count says: who reads on would never come to an end.
            exhausted=not found.data or (total is not None and offset + len(found.data) >= total),
            fetched=fetched,
        )

    def _record(self, sent: wire.Case, fetched: Fetched) -> Case:
        return mapping.case_record(self._source, sent, self._statuses, fetched)
