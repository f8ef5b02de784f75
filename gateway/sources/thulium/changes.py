"""Creating and changing tickets.

Pages: https://api.thulium.com/docs/api/tickets/post_tickets and .../put_tickets_id
"""

import re
from collections.abc import Mapping

from gateway.domain.errors import Refusal, RefusalCode, SourceFault
from gateway.domain.ids import Ref
from gateway.domain.records import AccountKind
from gateway.domain.rules import Rule, check
from gateway.domain.writes import Attempt, NewTicket, TicketChanges, given_fields
from gateway.sources.attempts import decode
from gateway.sources.rest import Rest
from gateway.sources.status import StatusTable
from gateway.sources.thulium import mapping, wire
from gateway.sources.thulium.baselines import BeforeTicket
from gateway.sources.thulium.sending import json_call, ticket_path

_NUMBER = Rule(pattern=re.compile(mapping.NUMBER), shape="a number")
_CHANGE_RULES = {
    "status.native": _NUMBER,
    "status.value": Rule(),
    "assignee": Rule(),
    "queue": _NUMBER,
    "category": _NUMBER,
    "tags": Rule(),
}
_TICKET_RULES = {
    "subject": Rule(required=True),
    "body": Rule(required=True),
    "format": Rule(choices=frozenset({"PLAIN", "HTML"})),
    "mailbox": Rule(required=True),
    "requester": Rule(),
    "requesterEmail": Rule(),
    "queue": _NUMBER,
    "category": _NUMBER,
    "tags": Rule(),
    "cc": Rule(),
    "assignee": Rule(),
    "channel": Rule(choices=frozenset({"email", "phone", "sms", "chat", "www"})),
    "direction": Rule(choices=frozenset({"in_behalf_of", "out"})),
    "attachments": Rule(),
}


class Changes:
    """New tickets, into `default_mailbox` where the ticket names none, and changes of old ones."""

    def __init__(self, rest: Rest, *, statuses: StatusTable, default_mailbox: str | None) -> None:
        self._rest = rest
        self._source = rest.source
        self._statuses = statuses
        self._default_mailbox = default_mailbox

    def check_ticket(self, ticket: NewTicket) -> tuple[Refusal, ...]:
        """The fields of a new ticket. Its requester is a person of the CRM, or just an address."""
        given = {**given_fields(ticket), "mailbox": ticket.mailbox or self._default_mailbox}
        requester = ticket.requester
        strange = requester is not None and not (
            requester.source == self._source
            and requester.parts[0] == AccountKind.CUSTOMER
            and mapping.is_account_ref(requester)
        )
        return check(_TICKET_RULES, given, source=self._source) + (
            (self._invalid("requester", f"`requester` must be a customer of {self._source}."),)
            if strange
            else ()
        )

    async def create_ticket(self, ticket: NewTicket, attempt: Attempt) -> Ref:
        """POST tickets, with our reference in a custom field where the tenant has one for it.

        Source: https://api.thulium.com/docs/api/tickets/post_tickets
        """
        before = decode(attempt, BeforeTicket)
        if before is None:
            raise SourceFault(self._source, detail="a ticket that was not prepared", sent=False)
        fields = {
            "to": ticket.mailbox or self._default_mailbox,
            "from": before.sender,
            "subject": ticket.subject,
            "body": ticket.body,
            # Always sent: left out it would be PLAIN here, but HTML for a reply.
            "body_type": ticket.format.value,
            "cc": ticket.cc,
            "attachments": ticket.attachments,
            "source": ticket.channel or None,
            "direction": ticket.direction or None,
            "user_login": ticket.assignee or None,
            "customer_id": ticket.requester and int(ticket.requester.parts[1]),
            "tags": ticket.tags,
            "category_id": int(ticket.category) if ticket.category else None,
            "ticket_queue_id": int(ticket.queue) if ticket.queue else None,
            "custom_fields": before.reference_field and {before.reference_field: attempt.reference},
        }
        reply = await self._rest.send(json_call("create ticket", "POST", "tickets", fields))
        return mapping.ticket_ref(self._source, self._rest.decode(reply, wire.Created).ticket_id)

    def check_changes(self, changes: TicketChanges) -> tuple[Refusal, ...]:
        """The fields of a change. Nothing says how a value is taken away again, so none may be empty."""
        given = given_fields(changes, without=frozenset({"ticket"}))
        empty = tuple(
            self._invalid(name, f"How {self._source} empties `{name}` is not documented: leave it out.")
            for name, value in given.items()
            if value in ("", ())
        )
        refusals = (*check(_CHANGE_RULES, given, source=self._source), *empty, *self._ambiguous(changes))
        if not given:
            refusals += (Refusal(RefusalCode.REQUIRED, "Name at least one change.", (), self._source),)
        return refusals

    async def update_ticket(self, changes: TicketChanges) -> None:
        """PUT tickets/:id with nothing but the given fields. Ids go as strings, as the page shows them.

        Source: https://api.thulium.com/docs/api/tickets/put_tickets_id
        """
        path = ticket_path(changes.ticket)
        await self._rest.send(json_call("update ticket", "PUT", path, self.fields(changes)))

    def fields(self, changes: TicketChanges) -> Mapping[str, object]:
        """What changes, in Thulium's words; None for what stays. `check_changes` goes before it."""
        return {
            "user_login": changes.assignee,
            "status_id": changes.status_native or next(iter(self._status_ids(changes)), None),
            "category_id": changes.category,
            "tags": changes.tags,
            "ticket_queue_id": changes.queue,
        }

    def _ambiguous(self, changes: TicketChanges) -> tuple[Refusal, ...]:
        """A status in the graph's word needs one status of the tenant that means it."""
        ids = self._status_ids(changes)
        if changes.status_value is None or len(ids) == 1:
            return ()
        known = f"several statuses, {', '.join(ids)}," if ids else "no status"
        return (
            self._invalid(
                "status.value",
                f"{self._source} has {known} mapped to {changes.status_value.value}: pass `status.native`.",
            ),
        )

    def _status_ids(self, changes: TicketChanges) -> tuple[str, ...]:
        if changes.status_value is None:
            return ()
        return tuple(filter(mapping.number, self._statuses.natives((changes.status_value,))))

    def _invalid(self, name: str, message: str) -> Refusal:
        return Refusal(RefusalCode.INVALID, message, tuple(name.split(".")), self._source)
