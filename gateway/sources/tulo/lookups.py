"""Whether a helpdesk message was created: as long as it is pending, its account's list shows it."""

from datetime import datetime

from gateway.domain.records import Message, Ticket
from gateway.domain.writes import Attempt, NewTicket, Sighting, WriteInput
from gateway.sources.attempts import begun
from gateway.sources.tulo.helpdesk import Helpdesk

_GONE_ONCE_RESOLVED = "Only pending helpdesk messages can be seen: one that is resolved already is gone."


class Lookups:
    """Looks for new helpdesk messages. They carry nothing of ours, so they are known by what they say."""

    def __init__(self, helpdesk: Helpdesk) -> None:
        self._helpdesk = helpdesk

    async def find_write(self, write: WriteInput, attempt: Attempt) -> Sighting:
        """GET helpdesk_messages/get_pending_messages, which may show that it was created, never that not."""
        if not isinstance(write, NewTicket) or write.requester is None:
            return Sighting(reason="Tulo takes no such write.")
        pending = await self._helpdesk.pending(write.requester.parts[1], anew=True)
        _, pairs = pending or (None, ())
        matches = tuple(
            ticket.ref for ticket, messages in pairs if _is(ticket, messages, write, since=begun(attempt))
        )
        return Sighting(matches, reason=_GONE_ONCE_RESOLVED)


def _is(ticket: Ticket, messages: tuple[Message, ...], sent: NewTicket, *, since: datetime) -> bool:
    return (
        ticket.subject == sent.subject
        and [message.body.content for message in messages if message.body is not None] == [sent.body]
        and ticket.created_at is not None
        and ticket.created_at >= since
    )
