"""What is written, as the ledger keeps it: JSON of the domain's own records."""

import hashlib
from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import msgspec

from gateway.domain.ledger import Entry
from gateway.domain.writes import (
    Confirmation,
    NewCaseMessage,
    NewNotificationSubscription,
    NewTicket,
    NotificationSubscriptionChanges,
    Removal,
    Reply,
    TicketChanges,
    WriteInput,
)

# The mutation's name -> what it writes.
OPERATIONS: Mapping[str, type[Any]] = MappingProxyType(
    {
        "reply": Reply,
        "createCaseMessage": NewCaseMessage,
        "createTicket": NewTicket,
        "updateTicket": TicketChanges,
        "confirmMessages": Confirmation,
        "createNotificationSubscription": NewNotificationSubscription,
        "updateNotificationSubscription": NotificationSubscriptionChanges,
        "deleteNotificationSubscription": Removal,
    }
)
_ENCODER = msgspec.json.Encoder(order="sorted")


def encode(write: WriteInput) -> bytes:
    """The same bytes for the same write, always: in whichever zone its moments are given."""
    moments: dict[str, Any] = {
        each.name: moment.astimezone(UTC)
        for each in fields(write)
        if isinstance(moment := getattr(write, each.name), datetime)
    }
    return _ENCODER.encode(replace(write, **moments))


def decode(entry: Entry) -> WriteInput | None:
    """What an entry's write was; None once it has been erased.

    Raises:
        LookupError: An operation that this program doesn't know.
        msgspec.ValidationError: The row isn't of this program's making.
    """
    if entry.input is None:
        return None
    write: WriteInput = msgspec.json.decode(entry.input, type=OPERATIONS[entry.operation])
    return write


def fingerprint(operation: str, source: str, written: bytes) -> str:
    """What a key is bound to: another operation, source or input under the same key is a conflict."""
    return hashlib.sha256(b"\x1f".join((operation.encode(), source.encode(), written))).hexdigest()
