"""Replying to the customer of a ticket, as an agent.

Page: https://api.thulium.com/docs/api/tickets/post_tickets_id_agent_response
"""

from zoneinfo import ZoneInfo

from gateway.domain.errors import Refusal, SourceError, SourceFault
from gateway.domain.records import Message
from gateway.domain.rules import Rule, check
from gateway.domain.writes import Attempt, Reply, given_fields
from gateway.sources.attempts import decode
from gateway.sources.rest import Rest
from gateway.sources.thulium import messages, times
from gateway.sources.thulium.baselines import BeforeReply
from gateway.sources.thulium.matching import find_replies
from gateway.sources.thulium.sending import json_call, ticket_path
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

    async def send_reply(self, reply: Reply, attempt: Attempt) -> Message | None:
        """POST tickets/:id/agent_response, and a read of the ticket.

        The answer names no message, so the new one is looked for afterwards. A reply to a message goes to
        its ticket: Thulium knows no threads within one.

        Returns:
            What the reply has become; None where it was taken but can't be told among the messages.

        Source: https://api.thulium.com/docs/api/tickets/post_tickets_id_agent_response
        """
        before = decode(attempt, BeforeReply)
        if before is None:
            raise SourceFault(self._source, detail="a reply that was not prepared", sent=False)
        fields = {
            "body": reply.body,
            # Always sent: left out it would be HTML here, but PLAIN for a new ticket.
            "body_type": reply.format.value,
            "user_login": before.login,
            "date": reply.sent_at and times.minutes(reply.sent_at, self._zone),
            "attachments": reply.attachments,
        }
        path = f"{ticket_path(reply.conversation)}/agent_response"
        # The answer is `[]` or nothing at all, so it isn't read.
        await self._rest.send(json_call("reply", "POST", path, fields))
        return await self._sent_message(reply, before)

    async def _sent_message(self, reply: Reply, before: BeforeReply) -> Message | None:
        """The message that the reply has become. The reply is out by now, so no failure may pass."""
        try:
            shown = await self._tickets.get(reply.conversation, anew=True)
        except SourceError:
            return None
        if shown is None:
            return None
        after, fetched = shown
        found, _ = find_replies(
            after.messages,
            known=before.messages,
            login=before.login,
            body=reply.body,
            body_format=reply.format,
        )
        if len(found) != 1:
            return None
        ref = messages.message_ref(self._source, after.ticket_id, str(found[0].message_id))
        return next((each for each in self._tickets.messages_of(after, fetched) if each.ref == ref), None)
