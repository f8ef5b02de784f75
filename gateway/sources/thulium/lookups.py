"""Whether a write landed: replies among a ticket's messages, new tickets by our reference, changes by a read.

Pages: https://api.thulium.com/docs/api/tickets/get_tickets_id and .../get_tickets
"""

from collections.abc import Iterable
from zoneinfo import ZoneInfo

from msgspec import UNSET

from gateway.domain.ids import Ref
from gateway.domain.records import TextFormat
from gateway.domain.writes import Attempt, NewTicket, Reply, Sighting, TicketChanges, WriteInput
from gateway.sources.attempts import decode, encode
from gateway.sources.rest import Rest, fresh
from gateway.sources.thulium import mapping, times, wire
from gateway.sources.thulium.accounts import Accounts
from gateway.sources.thulium.baselines import BeforeReply, BeforeTicket
from gateway.sources.thulium.changes import Changes
from gateway.sources.thulium.lists import read_rows
from gateway.sources.thulium.mapping import text
from gateway.sources.thulium.matching import find_replies, is_same_text
from gateway.sources.thulium.messages import message_ref
from gateway.sources.thulium.sending import not_found
from gateway.sources.thulium.tickets import MAX_LIMIT, Tickets
from gateway.transport import Call

_NO_TICKET = "The ticket can't be found any more."
_NOT_PREPARED = "Which messages the ticket had before is not known."
_DOUBTFUL = "A new reply of this agent says the same and more, so it may be the one that was sent."
_MESSAGES_GONE = "Messages that the ticket had before are gone from it, so the reply may be gone too."
_NO_REFERENCE = "New tickets can't be told from others: the setting `reference_field` was not given."
_NOT_FILTERED = "Tickets can't be found by the custom field of the setting `reference_field`."
_CHANGED_SINCE = "The ticket is not as wanted, but may have been changed by this write and then by others."
_NOT_SHOWN = "The ticket is shown without all that was to be changed: tags never are."
_CONFIGURED_OTHERWISE = "By the configuration of now, such a change could not have been sent."


class Lookups:
    """Looks for writes, and before them for what they could be taken for."""

    def __init__(
        self,
        rest: Rest,
        tickets: Tickets,
        accounts: Accounts,
        changes: Changes,
        *,
        zone: ZoneInfo,
        default_agent: str | None,
        reference_field: str | None,
    ) -> None:
        self._rest = rest
        self._source = rest.source
        self._tickets = tickets
        self._accounts = accounts
        self._changes = changes
        self._zone = zone
        self._default_agent = default_agent
        self._reference_field = reference_field

    async def prepare(self, write: WriteInput) -> str | None:
        """Read the ticket of a reply, or the requester of a new ticket that names no address.

        Raises:
            SourceRejected: It isn't there.
        """
        match write:
            case Reply():
                ticket, _ = await self._tickets.get(write.conversation, anew=True) or (None, None)
                if ticket is None:
                    raise not_found(self._source, "ticket", field="to")
                known = tuple(each.message_id for each in ticket.messages)
                return encode(BeforeReply(known, write.agent or self._default_agent or ""))
            case NewTicket():
                return encode(BeforeTicket(await self._address(write), self._reference_field))
            case _:
                return None

    async def _address(self, ticket: NewTicket) -> str | None:
        if ticket.requester_email or ticket.requester is None:
            return ticket.requester_email or None
        customer = await self._accounts.read(ticket.requester, anew=True)
        if customer is None:
            raise not_found(self._source, "customer", field="requester")
        return customer.email

    async def find_write(self, write: WriteInput, attempt: Attempt) -> Sighting:
        """One read: of the ticket, or of the tickets that carry our reference."""
        match write:
            case Reply():
                return await self._replied(write, attempt)
            case NewTicket():
                return await self._created(write, attempt)
            case TicketChanges():
                return await self._changed(write, attempt)
            case _:
                return Sighting(reason="Thulium takes no such write.")

    async def _replied(self, reply: Reply, attempt: Attempt) -> Sighting:
        before = decode(attempt, BeforeReply)
        if before is None:
            return Sighting(reason=_NOT_PREPARED)
        ticket, _ = await self._tickets.get(reply.conversation, anew=True) or (None, None)
        if ticket is None:
            return Sighting(reason=_NO_TICKET)
        found, doubtful = find_replies(
            ticket.messages,
            known=before.messages,
            login=before.login,
            body=reply.body,
            body_format=reply.format,
        )
        gone = bool(set(before.messages) - {each.message_id for each in ticket.messages})
        return Sighting(
            self._refs(ticket, found),
            self._refs(ticket, doubtful),
            absence_proves=not gone,
            reason=_MESSAGES_GONE if gone else _DOUBTFUL if doubtful else "",
        )

    def _refs(self, ticket: wire.Ticket, messages: Iterable[wire.Message]) -> tuple[Ref, ...]:
        return tuple(message_ref(self._source, ticket.ticket_id, str(each.message_id)) for each in messages)

    async def _created(self, ticket: NewTicket, attempt: Attempt) -> Sighting:
        """GET tickets, filtered by the custom field.

        What the filter does with a field that the tenant doesn't have isn't documented, so a ticket with
        another subject means that it did nothing.

        Source: https://api.thulium.com/docs/api/tickets/get_tickets
        """
        before = decode(attempt, BeforeTicket)
        if before is None or before.reference_field is None:
            return Sighting(reason=_NO_REFERENCE)
        query = (
            (f"custom_fields[{before.reference_field}]", attempt.reference),
            ("limit", str(MAX_LIMIT)),
            ("offset", "0"),
        )
        reply = await self._rest.send(fresh(Call("list tickets", "GET", "tickets", safe=True, query=query)))
        rows = read_rows(self._rest, reply, wire.Row).rows
        subjects = [text(row.subject) for row in rows]
        if not all(each is None or is_same_text(ticket.subject, TextFormat.PLAIN, each) for each in subjects):
            return Sighting(reason=_NOT_FILTERED)
        refs = (mapping.ticket_ref(self._source, row.ticket_id) for row in rows)
        return Sighting(tuple(refs), absence_proves=True)

    async def _changed(self, changes: TicketChanges, attempt: Attempt) -> Sighting:
        if self._changes.check_changes(changes):
            return Sighting(reason=_CONFIGURED_OTHERWISE)
        ticket, _ = await self._tickets.get(changes.ticket, anew=True) or (None, None)
        if ticket is None:
            return Sighting(reason=_NO_TICKET)
        wanted = {name: value for name, value in self._changes.fields(changes).items() if value is not None}
        shown = {name: getattr(ticket, name, UNSET) for name in wanted}
        if any(shown[name] is not UNSET and text(shown[name]) != value for name, value in wanted.items()):
            if times.is_before(text(ticket.updated_at), attempt.since, self._zone):
                return Sighting(absence_proves=True)
            return Sighting(reason=_CHANGED_SINCE)
        if UNSET in shown.values():
            return Sighting(reason=_NOT_SHOWN)
        return Sighting((changes.ticket,))
