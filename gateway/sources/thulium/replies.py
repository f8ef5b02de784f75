"""Replying to the customer of a ticket, as an agent.

Page: https://api.thulium.com/docs/api/tickets/post_tickets_id_agent_response
"""

from zoneinfo import ZoneInfo

from gateway.domain.errors import Refusal, SourceError
from gateway.domain.records import Message
from gateway.domain.rules import Rule, check
from gateway.domain.writes import Reply, given_fields
from gateway.sources.rest import Rest
from gateway.sources.thulium import messages, times
from gateway.sources.thulium.matching import find_reply
from gateway.sources.thulium.sending import json_call, not_found, nothing_sent, ticket_path
from gateway.sources.thulium.tickets import Tickets

_RULES = {
    "body": Rule(required=True),
    "format": Rule(choices=frozenset({"PLAIN", "HTML"})),
    "agent": Rule(required=True),
    "sentAt": Rule(),
    "attachments": Rule(),
}


class Replies:
    """Replies as the agent that the reply names, else as `default_agent`."""

    def __init__(self, rest: Rest, tickets: Tickets, *, zone: ZoneInfo, default_agent: str | None) -> None:
        self._rest = rest
        self._source = rest.source
        self._tickets = tickets
        self._zone = zone
        self._default_agent = default_agent

    def check_reply(self, reply: Reply) -> tuple[Refusal, ...]:
        """The fields of agent_response. `internal: false` asks for what a reply is anyway."""
        given = {
            **given_fields(reply, without=frozenset({"conversation", "parent"})),
            "agent": reply.agent or self._default_agent,
            "internal": reply.internal or None,
        }
        return check(_RULES, given, source=self._source)

    async def send_reply(self, reply: Reply) -> Message | None:
        """POST tickets/:id/agent_response, between two reads of the ticket.

        The answer names no message, so the new one is looked for afterwards. A reply to a message goes to
        its ticket: Thulium knows no threads within one.

        Returns:
            What the reply has become; None where it was taken but can't be told among the messages.
        Raises:
            SourceRejected: The ticket isn't there (then nothing was sent), or the source refused.
            SourceError: With `sent` False if the read before the reply failed.

        Source: https://api.thulium.com/docs/api/tickets/post_tickets_id_agent_response
        """
        ticket, login = reply.conversation, reply.agent or self._default_agent or ""
        with nothing_sent():
            before = await self._tickets.get(ticket, fresh=True)
            if before is None:
                raise not_found(self._source, "ticket", field="to")
        fields = {
            "body": reply.body,
            # Always sent: left out it would be HTML here, but PLAIN for a new ticket.
            "body_type": reply.format.value,
            "user_login": login,
            "date": reply.sent_at and times.minutes(reply.sent_at, self._zone),
            "attachments": reply.attachments,
        }
        # The answer is `[]` or nothing at all, so it isn't read.
        await self._rest.send(json_call("reply", "POST", f"{ticket_path(ticket)}/agent_response", fields))
        return await self._sent_message(
            reply, login=login, known=frozenset(each.message_id for each in before.messages)
        )

    async def _sent_message(self, reply: Reply, *, login: str, known: frozenset[int]) -> Message | None:
        """The message that the reply has become. The reply is out by now, so no failure may pass."""
        try:
            after = await self._tickets.get(reply.conversation, fresh=True)
        except SourceError:
            return None
        if after is None:
            return None
        found = find_reply(
            after.messages, known=known, login=login, body=reply.body, body_format=reply.format
        )
        if found is None:
            return None
        ref = messages.message_ref(self._source, after.ticket_id, str(found.message_id))
        return next((each for each in self._tickets.messages_of(after) if each.ref == ref), None)
