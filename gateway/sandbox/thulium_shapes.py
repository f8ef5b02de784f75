"""How Thulium shows a ticket: ids of statuses as strings, `""` for what is not there, Warsaw minutes."""

from datetime import datetime
from typing import Any

from gateway.sandbox.times import warsaw_minutes
from gateway.sandbox.world.thulium import STATUSES, SUBSTATUSES, ThuliumMessage, ThuliumTicket

_BARE = ("ticket_id", "subject", "status_id", "updated_at")


def ticket_body(ticket: ThuliumTicket, *, include_custom_fields: bool) -> dict[str, Any]:
    """The answer of `GET tickets/:id`; messages newest first, which the documents do not promise."""
    body = _summary(ticket) | {"messages": [_message(message) for message in reversed(ticket.messages)]}
    return body | {"custom_fields": ticket.custom_fields} if include_custom_fields else body


def ticket_row(ticket: ThuliumTicket, form: str) -> dict[str, Any]:
    """A row of `GET tickets`."""
    match form:
        case "bare":
            summary = _summary(ticket)
            return {name: summary[name] for name in _BARE}
        case "full":
            return ticket_body(ticket, include_custom_fields=False)
        case _:
            return _summary(ticket)


def full_status_name(ticket: ThuliumTicket) -> str:
    """`status - substatus`, or the status alone."""
    status = STATUSES[ticket.status_id]
    return f"{status} - {SUBSTATUSES[ticket.substatus_id][1]}" if ticket.substatus_id else status


def _summary(ticket: ThuliumTicket) -> dict[str, Any]:
    return {
        "ticket_id": ticket.id,
        "from": ticket.sender,
        "ticket_queue_name": ticket.queue_name,
        "ticket_queue_id": ticket.queue_id,
        "subject": ticket.subject,
        "status_id": ticket.status_id,
        "substatus_id": ticket.substatus_id,
        "customer_id": "" if ticket.customer_id is None else ticket.customer_id,
        "full_status_name": full_status_name(ticket),
        "category_id": ticket.category_id,
        "user_login": ticket.user_login,
        "created_at": warsaw_minutes(ticket.created_at),
        "updated_at": warsaw_minutes(ticket.updated_at),
        "closed_at": _moment(ticket.closed_at),
        "close_time": _duration(ticket.created_at, ticket.closed_at),
        "first_agent_responded_at": _moment(ticket.first_agent_responded_at),
        "first_agent_response_time": _duration(ticket.created_at, ticket.first_agent_responded_at),
    }


def _message(message: ThuliumMessage) -> dict[str, Any]:
    return {
        "message_id": message.id,
        "user_login": message.user_login,
        "type": message.type,
        "body": message.body,
        "comment": message.comment,
        "system_comment": message.system_comment,
        "created_at": warsaw_minutes(message.created_at),
        "attachments": message.attachments,
    }


def _moment(moment: datetime | None) -> str:
    return "" if moment is None else warsaw_minutes(moment)


def _duration(start: datetime, end: datetime | None) -> str:
    """`HH:MM:SS`; the hours may pass 24."""
    if end is None:
        return ""
    seconds = max(0, round((end - start).total_seconds()))
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
