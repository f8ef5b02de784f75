"""What a write is known by at its source, whatever the gateway says of it. Pure.

Most writes carry a text of their own. Those that can't are alone with their target: no other write of the
run changes that case or ticket, deletes that topic or confirms that message.
"""

import re

HUB = "service_order_hub"
NETEVIA = "netevia"
TELECOMX = "telecomx"
THULIUM = "thulium"
TULO = "tulo"

_MARK = re.compile(r"chaos-\d+-\d{6}")
_CONFIRM = "/api/v3/case-messages/confirm"
_CASE = "/helpcenter/case/"
_TICKET = "/api/tickets/"
_TOPIC = "/employeeSubscription/"


def mark(seed: int, number: int) -> str:
    """A text that only this write carries."""
    # As long as any other, so that none is a part of another.
    return f"chaos-{seed}-{number:06}"


def message(message_id: int | str) -> str:
    """A hub's message to confirm."""
    return f"message {message_id}"


def case(conversation_id: str) -> str:
    """A Telecomx case to change."""
    return f"case {conversation_id}"


def ticket(ticket_id: str) -> str:
    """A Thulium ticket to change."""
    return f"ticket {ticket_id}"


def topic(topic_id: str) -> str:
    """A Telecomx topic to delete."""
    return f"topic {topic_id.lower()}"


def of_request(source: str, method: str, path: str, body: bytes) -> frozenset[str]:
    """What a request to a source was about; several pieces only where several messages are confirmed."""
    text = body.decode("utf-8", "replace")
    if source == HUB and path == _CONFIRM:
        return frozenset(message(number) for number in re.findall(r"\d+", text))
    if source == TELECOMX and path.startswith(_CASE):
        return frozenset({case(path.removeprefix(_CASE))})
    if source == TELECOMX and path.startswith(_TOPIC) and method == "DELETE":
        return frozenset({topic(path.removeprefix(_TOPIC))})
    marks = frozenset(_MARK.findall(text))
    if source == THULIUM and method == "PUT" and not marks:
        return frozenset({ticket(path.removeprefix(_TICKET))})
    return marks
