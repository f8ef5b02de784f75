"""Reading tickets and their messages.

Pages: https://api.thulium.com/docs/api/tickets/get_tickets_id and .../get_tickets
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from urllib.parse import quote
from zoneinfo import ZoneInfo

from gateway.domain.ids import Ref
from gateway.domain.pages import Feed, NoFeed, Page, SliceState
from gateway.domain.ports import ConversationFilter, Slot
from gateway.domain.records import AccountKind, Fetched, Message, Ticket
from gateway.sources.rest import Rest, each, fresh
from gateway.sources.status import StatusTable
from gateway.sources.thulium import mapping, messages, times, wire
from gateway.sources.thulium.lists import read_rows
from gateway.transport import Call

Query = tuple[tuple[str, str], ...]

MAX_LIMIT = 100
_ACCOUNT_FILTERS: Mapping[str, str] = {AccountKind.CUSTOMER: "customer_id", AccountKind.COMPANY: "company_id"}
_ASSIGNEE_FILTERS: Mapping[str, str] = {AccountKind.AGENT: "user_login"}


class Tickets:
    """The reading endpoints of tickets."""

    def __init__(self, rest: Rest, *, statuses: StatusTable, zone: ZoneInfo) -> None:
        self._rest = rest
        self._source = rest.source
        self._statuses = statuses
        self._zone = zone

    async def check(self) -> None:
        """List one ticket: the cheapest read that needs credentials."""
        await self._page((), 0, 1, anew=True)

    def name_conversation(self, ref: Ref) -> Ticket:
        """A ticket by nothing but its number."""
        return mapping.named_ticket(ref)

    async def read_tickets(self, refs: Sequence[Ref]) -> list[Slot[Ticket]]:
        """GET tickets/:id, one call each."""
        return await each(self._ticket, refs)

    async def read_messages(self, conversations: Sequence[Ref]) -> list[Slot[tuple[Message, ...]]]:
        """GET tickets/:id, one call per ticket; it gives all of a ticket's messages."""
        return await each(self._messages, conversations)

    async def read_ticket_with_messages(
        self, refs: Sequence[Ref]
    ) -> list[Slot[tuple[Ticket, tuple[Message, ...]]]]:
        """GET tickets/:id, one call each for the ticket and its messages together."""
        return await each(self._both, refs)

    async def get(self, ref: Ref, *, anew: bool = False) -> tuple[wire.Ticket, Fetched] | None:
        """GET tickets/:id, as sent, and how it came; with `anew` past every cache.

        Source: https://api.thulium.com/docs/api/tickets/get_tickets_id
        """
        call = Call("get ticket", "GET", f"tickets/{quote(ref.parts[0], safe='')}", safe=True)
        reply = await self._rest.find(fresh(call) if anew else call)
        return None if reply is None else (self._rest.decode(reply, wire.Ticket), self._rest.fetched(reply))

    def messages_of(self, sent: wire.Ticket, fetched: Fetched) -> tuple[Message, ...]:
        """The messages of a ticket as sent."""
        return messages.message_records(self._source, sent, self._zone, fetched)

    async def _both(self, ref: Ref) -> tuple[Ticket, tuple[Message, ...]] | None:
        found = await self.get(ref)
        if found is None:
            return None
        # There is nothing more to read: what this answer lacks is none.
        return replace(self._record(*found), missing=frozenset()), self.messages_of(*found)

    async def _ticket(self, ref: Ref) -> Ticket | None:
        both = await self._both(ref)
        return None if both is None else both[0]

    async def _messages(self, ref: Ref) -> tuple[Message, ...] | None:
        both = await self._both(ref)
        return None if both is None else both[1]

    def list_tickets(self, wanted: ConversationFilter) -> tuple[Feed[Ticket], ...] | NoFeed:
        """GET tickets, most recently changed first.

        In the hour that autumn repeats, `updated_after` may let in tickets of up to two hours before.

        Source: https://api.thulium.com/docs/api/tickets/get_tickets
        """
        if wanted.search is not None:
            return NoFeed(SliceState.UNSUPPORTED, "Tickets can't be searched by text.")
        query: list[tuple[str, str]] = []
        if isinstance(account := self._filtered(wanted.account, _ACCOUNT_FILTERS), NoFeed):
            return account
        if isinstance(assignee := self._filtered(wanted.assignee, _ASSIGNEE_FILTERS), NoFeed):
            return assignee
        query += (*account, *assignee)
        if wanted.status is not None:
            ids = [native for native in self._statuses.natives(wanted.status) if mapping.number(native)]
            if not ids:
                return NoFeed(
                    SliceState.UNSUPPORTED,
                    "No status id is mapped to the wanted statuses; the setting `statuses` maps them.",
                )
            query += (("status_id[]", native) for native in ids)
        if wanted.queue is not None:
            if mapping.number(wanted.queue) is None:
                return NoFeed(SliceState.UNSUPPORTED, "Tickets are filtered by a queue's number only.")
            query.append(("ticket_queue_id", wanted.queue))
        if wanted.updated_after is not None:
            query.append(("date_from", times.since(wanted.updated_after, self._zone)))
        return (Feed(self._source, "", partial(self._page, tuple(query)), MAX_LIMIT),)

    def _filtered(self, account: Ref | None, filters: Mapping[str, str]) -> Query | NoFeed:
        if account is None:
            return ()
        if account.source != self._source:
            return NoFeed(SliceState.SKIPPED, "The account belongs to another source.")
        kind, native_id = account.parts
        if kind not in filters or not mapping.is_account_ref(account):
            return NoFeed(SliceState.UNSUPPORTED, f"Not an account of kind {' or '.join(filters)}.")
        return ((filters[kind], native_id),)

    async def _page(self, query: Query, offset: int, limit: int, *, anew: bool = False) -> Page[Ticket]:
        call = Call(
            "list tickets",
            "GET",
            "tickets",
            safe=True,
            query=(*query, ("limit", str(limit)), ("offset", str(offset))),
        )
        reply = await self._rest.send(fresh(call) if anew else call)
        return read_rows(self._rest, reply, wire.Row).page(self._record, limit)

    def _record(self, sent: wire.Row, fetched: Fetched) -> Ticket:
        return mapping.ticket_record(self._source, sent, self._statuses, self._zone, fetched)
