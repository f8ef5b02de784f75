"""Help centre cases, read: lists per help centre, looked through where one case is wanted."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from gateway.domain.errors import SourceCutShort, SourceError
from gateway.domain.ids import Ref
from gateway.domain.pages import Feed, NoFeed, Page, SliceState
from gateway.domain.ports import ConversationFilter, Slot
from gateway.domain.records import Fetched, Message, Ticket
from gateway.sources.rest import Rest, fresh
from gateway.sources.status import StatusTable
from gateway.sources.telecomx import mapping, wire
from gateway.sources.telecomx.mapping import HelpCenter
from gateway.sources.telecomx.rows import MAX_LIMIT, page_of, read_rows
from gateway.transport import Call, Reply

_Query = tuple[tuple[str, str], ...]
_NEWEST_MAIL_FIRST: _Query = (("sortBy", "SENT"), ("sortOrder", "desc"))
# For looking through: a case made meanwhile shifts the rest back, so it can make a page repeat but not
# skip one. Sorted by SENT, a case that gets a mail would jump over the border into the pages behind us.
_NEWEST_CASE_FIRST: _Query = (("sortBy", "CREATED"), ("sortOrder", "desc"))


@dataclass(frozen=True, slots=True)
class _Found:
    """What looking through one help centre gave: cases by conversation and id, the error of the rest.

    Each case comes with how the page was fetched that it stood on. Without an `error` the whole list was
    seen, so a case that isn't here doesn't exist.
    """

    cases: Mapping[tuple[str, str], tuple[wire.CaseWithMails, Fetched]]
    error: SourceError | None


class Cases:
    """Reads cases, with the access level RESELLER."""

    search_fields: tuple[str, ...] = (
        "customer name",
        "subject",
        "phone number",
        "e-mail address",
        "text of the mails",
        "sender of the mails",
    )

    def __init__(
        self,
        rest: Rest,
        *,
        help_centers: Sequence[HelpCenter],
        scan_pages: int,
        statuses: StatusTable,
    ) -> None:
        self._rest = rest
        self._source = rest.source
        self._help_centers = {center.id.casefold(): center for center in help_centers}
        self._scan_pages = scan_pages
        self._statuses = statuses

    # -- lists

    def list_tickets(self, wanted: ConversationFilter) -> tuple[Feed[Ticket], ...] | NoFeed:
        """One feed per help centre, and per state where some are wanted: the API takes one at a time."""
        for ref in (wanted.account, wanted.assignee):
            if ref is not None and ref.source != self._source:
                return NoFeed(SliceState.SKIPPED, "The account belongs to another source.")
        if wanted.account is not None or wanted.assignee is not None or wanted.updated_after is not None:
            return NoFeed(
                SliceState.UNSUPPORTED,
                "Help centre cases can't be filtered by account, assignee or time of change.",
            )
        if not self._help_centers:
            return NoFeed(SliceState.UNSUPPORTED, "No help centre is configured.")
        centers = tuple(self._centers(wanted.queue))
        if not centers:
            return NoFeed(SliceState.SKIPPED, "No help centre has this id or name.")
        if wanted.search:
            if wanted.status is not None:
                return NoFeed(SliceState.UNSUPPORTED, "A search can't be limited to a status.")
            # What a search is sorted by isn't documented.
            query = (("searchFilter", wanted.search), ("sortOrder", "desc"))
            return tuple(
                self._feed(center, "search", "helpcenter/case/search", query, ordered=False)
                for center in centers
            )
        if wanted.status is None:
            return tuple(
                self._feed(center, "", "helpcenter/case", _NEWEST_MAIL_FIRST, ordered=True)
                for center in centers
            )
        natives = [
            native
            for state in dict.fromkeys(wanted.status)
            for native in mapping.natives_of(state, self._statuses)
        ]
        if not natives:
            return NoFeed(SliceState.UNSUPPORTED, "No native status is mapped to the wanted ones.")
        return tuple(
            self._feed(
                center, native, "helpcenter/case", (("state", native), *_NEWEST_MAIL_FIRST), ordered=True
            )
            for center in centers
            for native in natives
        )

    def _centers(self, queue: str | None) -> Iterator[HelpCenter]:
        for center in self._help_centers.values():
            if queue is None or queue.casefold() in {center.id.casefold(), center.name.casefold()}:
                yield center

    def _feed(self, center: HelpCenter, key: str, path: str, query: _Query, *, ordered: bool) -> Feed[Ticket]:
        read = partial(self._tickets, center, path, query)
        return Feed(self._source, f"{center.id}:{key}", read, MAX_LIMIT, ordered=ordered)

    async def _tickets(
        self, center: HelpCenter, path: str, query: _Query, offset: int, limit: int
    ) -> Page[Ticket]:
        reply = await self._page(center, path, query, offset, limit)
        rows, total = read_rows(self._rest, reply, "cases", wire.Case)
        fetched = self._rest.fetched(reply)
        items = tuple(self._record(center, row, fetched) for row in rows)
        return page_of(items, total, offset, fetched)

    async def _page(
        self, center: HelpCenter, path: str, query: _Query, offset: int, limit: int, *, anew: bool = False
    ) -> Reply:
        """GET /helpcenter/case or /helpcenter/case/search; with `anew` past every cache.

        Source: https://wiki.telecomx.dk/doku.php?id=api%3Ahelpcenter%3Acase%3Alist and
            https://wiki.telecomx.dk/doku.php?id=api%3Ahelpcenter%3Acase%3Asearch
        """
        paging = (("offset", str(offset)), ("limit", str(limit)))
        call = Call(path, "GET", path, safe=True, query=(("id", center.id), *query, *paging))
        return await self._rest.send(fresh(call) if anew else call)

    # -- single cases

    async def get_anew(self, ref: Ref) -> wire.CaseWithMails | None:
        """One case of a configured help centre as sent, past every cache.

        Raises:
            SourceCutShort: It is not among the pages that may be looked through.
        """
        center, key = self._help_centers[ref.parts[0].casefold()], _key(ref.parts[1], ref.parts[2])
        found = await self._look_through(center, {key}, anew=True)
        if key not in found.cases and found.error is not None:
            raise found.error
        case, _ = found.cases.get(key, (None, None))
        return case

    def name_conversation(self, ref: Ref) -> Ticket:
        """A case by nothing but its reference."""
        center = self._help_centers.get(ref.parts[0].casefold())
        return mapping.named_case(ref, None if center is None else center.name)

    async def read_tickets(self, refs: Sequence[Ref]) -> list[Slot[Ticket]]:
        """Look through the lists: there is no single read. See `read_ticket_with_messages`."""
        return [slot[0] if isinstance(slot, tuple) else slot for slot in await self._slots(refs)]

    async def read_messages(self, conversations: Sequence[Ref]) -> list[Slot[tuple[Message, ...]]]:
        """The mails of cases, which come with the case. See `read_ticket_with_messages`."""
        return [slot[1] if isinstance(slot, tuple) else slot for slot in await self._slots(conversations)]

    async def read_ticket_with_messages(
        self, refs: Sequence[Ref]
    ) -> list[Slot[tuple[Ticket, tuple[Message, ...]]]]:
        """Cases and their mails at one price: one look through each help centre that is named.

        A help centre that isn't configured has no cases here. A case that isn't among the pages that may
        be looked through is an error, not None: it may well exist.
        """
        return await self._slots(refs)

    async def _slots(self, refs: Sequence[Ref]) -> list[Slot[tuple[Ticket, tuple[Message, ...]]]]:
        wanted: dict[str, set[tuple[str, str]]] = {}
        for ref in refs:
            wanted.setdefault(ref.parts[0].casefold(), set()).add(_key(ref.parts[1], ref.parts[2]))
        known = {folded: center for folded, center in self._help_centers.items() if folded in wanted}
        looks = await asyncio.gather(
            *(self._look_through(center, wanted[folded]) for folded, center in known.items())
        )
        found = dict(zip(known, looks, strict=True))
        return [self._slot(ref, found.get(ref.parts[0].casefold())) for ref in refs]

    def _slot(self, ref: Ref, found: _Found | None) -> Slot[tuple[Ticket, tuple[Message, ...]]]:
        if found is None:
            return None
        shown = found.cases.get(_key(ref.parts[1], ref.parts[2]))
        if shown is None:
            return found.error
        case, fetched = shown
        center = self._help_centers[ref.parts[0].casefold()]
        ticket = self._record(center, case, fetched)
        return ticket, mapping.message_records(ticket.ref, center, case, fetched)

    async def _look_through(
        self, center: HelpCenter, wanted: set[tuple[str, str]], *, anew: bool = False
    ) -> _Found:
        """Read pages until all wanted cases are found, the list ends or `scan_pages` are read."""
        cases: dict[tuple[str, str], tuple[wire.CaseWithMails, Fetched]] = {}
        offset = 0
        read_page = partial(self._page, center, "helpcenter/case", _NEWEST_CASE_FIRST)
        before: Fetched | None = None
        for _ in range(self._scan_pages):
            try:
                reply = await read_page(offset, MAX_LIMIT, anew=anew)
                if before is not None and self._rest.fetched(reply).at < before.at:
                    # A case made in between has moved one over the border, and this page was kept from
                    # before that.
                    reply = await read_page(offset, MAX_LIMIT, anew=True)
                rows, total = read_rows(self._rest, reply, "cases", wire.CaseWithMails)
            except SourceError as error:
                return _Found(cases, error)
            offset += len(rows)
            fetched = before = self._rest.fetched(reply)
            read = ((_key(row.conversation_id, row.id), row) for row in rows)
            cases.update((key, (row, fetched)) for key, row in read if key in wanted)
            seen_all = not rows if total is None else offset >= total
            if seen_all or len(cases) == len(wanted):
                return _Found(cases, None)
            if not rows:
                break
        return _Found(
            cases,
            SourceCutShort(self._source, detail=f"not among the {offset} newest cases of its help centre"),
        )

    def _record(self, center: HelpCenter, sent: wire.Case, fetched: Fetched) -> Ticket:
        return mapping.case_record(self._source, center, sent, self._statuses, fetched)


def _key(conversation_id: str, case_id: str) -> tuple[str, str]:
    """Ids are compared without case; Graph's conversation ids are base64 and so aren't."""
    return conversation_id, case_id.casefold()
