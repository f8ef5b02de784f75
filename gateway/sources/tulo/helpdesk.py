"""Helpdesk messages and their templates.

A message is seen only while it is pending, and only in the list of its account: once resolved it is gone
for the gateway, which can't tell that from a message that never was.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from zoneinfo import ZoneInfo

from gateway.domain.errors import Refusal, RefusalCode, SourceError
from gateway.domain.ids import Ref
from gateway.domain.pages import Feed, NoFeed, Page, SliceState, whole
from gateway.domain.ports import ConversationFilter, Slot
from gateway.domain.records import AccountKind, Fetched, Message, MessageTemplate, Ticket
from gateway.domain.rules import Rule, check
from gateway.domain.writes import Attempt, NewTicket, given_fields
from gateway.sources.rest import Rest, each, fresh
from gateway.sources.status import StatusTable
from gateway.sources.tulo import mapping, wire
from gateway.sources.tulo.calls import get, post
from gateway.transport import Reply

_MAX_LIMIT = 500  # A list comes whole, in one call, however much of it is served.

_TICKET_RULES = {
    "requester": Rule(required=True),
    # Whether the limits count characters or bytes isn't documented; the API's own text says "length".
    "subject": Rule(required=True, max_length=512),
    "body": Rule(required=True, max_length=1024),
    "format": Rule(choices=frozenset({"PLAIN"})),
}

_Pair = tuple[Ticket, tuple[Message, ...]]
# How the list came, and what was in it.
_Pending = tuple[Fetched, tuple[_Pair, ...]]


class Helpdesk:
    """Reads pending helpdesk messages and creates new ones."""

    def __init__(self, rest: Rest, *, statuses: StatusTable, zone: ZoneInfo) -> None:
        self._rest = rest
        self._source = rest.source
        self._statuses = statuses
        self._zone = zone

    async def check(self) -> None:
        """Read the templates: the only read that needs no account."""
        await self._templates(anew=True)

    async def read_templates(self) -> tuple[MessageTemplate, ...]:
        """GET helpdesk_message_templates/all: those that are enabled."""
        return await self._templates()

    async def _templates(self, *, anew: bool = False) -> tuple[MessageTemplate, ...]:
        """GET helpdesk_message_templates/all; with `anew` past every cache.

        Source: https://docs.worldoftulo.com/payway/integration/payway_api/endpoints/helpdesk_message_template_api/all_helpdesk_message_templates
        """
        call = get("helpdesk_message_templates/all")
        reply = await self._rest.send(fresh(call) if anew else call)
        reading = self._reading(reply)
        return tuple(
            mapping.template_record(reading, sent)
            for sent in self._rest.decode(reply, wire.Items[wire.Template]).items
        )

    # -- tickets

    def name_conversation(self, ref: Ref) -> Ticket:
        """A helpdesk message by its reference alone, resolved ones too."""
        return mapping.named_ticket(ref)

    def list_tickets(self, wanted: ConversationFilter) -> tuple[Feed[Ticket], ...] | NoFeed:
        """Pending messages of one account, newest first."""
        for ref in (wanted.account, wanted.assignee):
            if ref is not None and ref.source != self._source:
                return NoFeed(SliceState.SKIPPED, "The account belongs to another source.")
        if wanted.account is None:
            return NoFeed(SliceState.UNSUPPORTED, "Helpdesk messages are listed by account only.")
        if wanted.assignee or wanted.queue or wanted.updated_after or wanted.search:
            return NoFeed(
                SliceState.UNSUPPORTED,
                "Helpdesk messages can't be searched, or filtered by assignee, queue or time of change.",
            )
        kind, account_id = wanted.account.parts
        if kind != AccountKind.SUBSCRIBER.value:
            return NoFeed(SliceState.UNSUPPORTED, "Not an account of kind SUBSCRIBER.")
        listed = self._statuses.coded(mapping.LISTED_STATE)
        if wanted.status is not None and (listed is None or listed.value not in wanted.status):
            return NoFeed(SliceState.UNSUPPORTED, "Only pending helpdesk messages can be listed.")
        return (Feed(self._source, "pending", partial(self._page, account_id), _MAX_LIMIT),)

    async def _page(self, account_id: str, offset: int, limit: int) -> Page[Ticket]:
        fetched, pairs = await self.pending(account_id) or (self._rest.fetched(None), ())
        tickets = [ticket for ticket, _ in pairs]
        # The page promises no order, but the list is whole.
        tickets.sort(key=lambda ticket: ticket.moment or datetime.min.replace(tzinfo=UTC), reverse=True)
        return whole(tuple(tickets), fetched)(offset, limit)

    async def read_tickets(self, refs: Sequence[Ref]) -> list[Slot[Ticket]]:
        """Out of the pending lists of their accounts; None also for a resolved one."""
        return [slot[0] if isinstance(slot, tuple) else slot for slot in await self._pairs(refs)]

    async def read_messages(self, conversations: Sequence[Ref]) -> list[Slot[tuple[Message, ...]]]:
        """The one message that a ticket is."""
        return [slot[1] if isinstance(slot, tuple) else slot for slot in await self._pairs(conversations)]

    async def read_ticket_with_messages(self, refs: Sequence[Ref]) -> list[Slot[_Pair]]:
        """Both at one price: one call per account."""
        return await self._pairs(refs)

    async def _pairs(self, refs: Sequence[Ref]) -> list[Slot[_Pair]]:
        accounts: dict[str, Ref] = {}
        for ref in refs:
            accounts.setdefault(ref.parts[0].casefold(), ref)
        lists = await each(lambda ref: self.pending(ref.parts[0]), list(accounts.values()))
        pending = dict(zip(accounts, lists, strict=True))
        return [_pick(pending[ref.parts[0].casefold()], ref) for ref in refs]

    async def pending(self, account_id: str, *, anew: bool = False) -> _Pending | None:
        """GET helpdesk_messages/get_pending_messages; with `anew` past every cache.

        None where there is no such account.

        Source: https://docs.worldoftulo.com/payway/integration/payway_api/endpoints/helpdesk_message_api/get_pending_helpdesk_messages
        """
        call = get("helpdesk_messages/get_pending_messages", ("account_id", account_id))
        reply = await self._rest.find(fresh(call) if anew else call)
        if reply is None:
            return None
        reading = self._reading(reply)
        return reading.fetched, tuple(
            (mapping.ticket_record(reading, sent, self._statuses), (mapping.message_record(reading, sent),))
            for sent in self._rest.decode(reply, wire.Items[wire.HelpdeskMessage]).items
        )

    # -- writes

    def check_ticket(self, ticket: NewTicket) -> tuple[Refusal, ...]:
        """An account, a heading and a text, neither of them empty: the API knows nothing else."""
        refusals = check(_TICKET_RULES, given_fields(ticket), source=self._source)
        sender = ticket.requester
        if sender is None or (
            sender.source == self._source and sender.parts[0] == AccountKind.SUBSCRIBER.value
        ):
            return refusals
        return (
            *refusals,
            Refusal(
                RefusalCode.INVALID,
                f"It must be an account of kind SUBSCRIBER of {self._source}.",
                ("requester",),
                self._source,
            ),
        )

    async def create_ticket(self, ticket: NewTicket, attempt: Attempt) -> Ref:  # noqa: ARG002 - the port's
        """POST helpdesk_messages. Answers with nothing but the id.

        Source: https://docs.worldoftulo.com/payway/integration/payway_api/endpoints/helpdesk_message_api/create_helpdesk_message
        """
        if ticket.requester is None:
            raise ValueError("check_ticket goes before create_ticket")
        account_id = ticket.requester.parts[1]
        body = {"account_id": account_id, "heading": ticket.subject, "message": ticket.body}
        reply = await self._rest.send(post("helpdesk_messages", body))
        created = self._rest.decode(reply, wire.Created)
        return mapping.ticket_ref(self._source, account_id, created.id)

    def _reading(self, reply: Reply) -> mapping.Reading:
        return mapping.Reading(self._source, self._zone, self._rest.fetched(reply))


def _pick(pending: Slot[_Pending], ref: Ref) -> Slot[_Pair]:
    if pending is None or isinstance(pending, SourceError):
        return pending
    _, pairs = pending
    wanted = ref.parts[1].casefold()
    return next((pair for pair in pairs if pair[0].origin.native_id.casefold() == wanted), None)
