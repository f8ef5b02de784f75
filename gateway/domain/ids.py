"""References to records and the opaque global ids made of them (GRAPH, rule 1)."""

import base64
import binascii
import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gateway.domain.errors import BadInput

_SEPARATOR = "\x1f"
_FORMAT = "1"  # Ids stay valid for ever, so a later form will need to be told from this one.


class EntityType(StrEnum):
    """What a global id can point at; the value is the GraphQL type's name."""

    SOURCE = "Source"
    ACCOUNT = "Account"
    CASE = "Case"
    TICKET = "Ticket"
    MESSAGE = "Message"
    NOTIFICATION_SUBSCRIPTION = "NotificationSubscription"
    PRODUCT_SUBSCRIPTION = "ProductSubscription"
    MESSAGE_TEMPLATE = "MessageTemplate"
    WRITE = "Write"


ENTRY_ID = "[0-9a-f]{32}"  # A write's own id, as a pattern.

_TYPES = frozenset(member.value for member in EntityType)


@dataclass(frozen=True, slots=True)
class Ref:
    """One record of one source.

    `parts` is what the source's adapter needs to find the record again: the source's own id, with
    its parent before it where the source has no single read. An account's are its kind and its id.
    """

    type: EntityType
    source: str
    parts: tuple[str, ...]

    @property
    def global_id(self) -> str:
        """The opaque id that clients see."""
        plain = _SEPARATOR.join((_FORMAT, self.type.value, self.source, *self.parts))
        return base64.urlsafe_b64encode(plain.encode()).rstrip(b"=").decode()


def parse_global_id(text: str, *, argument: str | None = None) -> Ref:
    """Read a global id back.

    Args:
        text: What a client sent.
        argument: Where it sent it, for the error.
    Raises:
        BadInput: It is not an id of this gateway, or not in its one canonical form.
    """
    try:
        plain = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except (binascii.Error, ValueError):
        plain = ""
    form, *fields = plain.split(_SEPARATOR)
    if form == _FORMAT and len(fields) >= 3 and fields[0] in _TYPES and all(fields[1:]):
        ref = Ref(EntityType(fields[0]), fields[1], tuple(fields[2:]))
        if ref.global_id == text:
            return ref
    raise BadInput("Not an id of this gateway. Pass an `id` that an earlier answer gave.", argument=argument)


def source_ref(key: str) -> Ref:
    """The reference of a configured source itself."""
    return Ref(EntityType.SOURCE, key, (key,))


def new_entry_id(now: datetime) -> str:
    """An id for a write: 12 hexadecimal digits of time, so that ids rise, and 20 by chance."""
    return f"{int(now.timestamp() * 1000):012x}{secrets.token_hex(10)}"
