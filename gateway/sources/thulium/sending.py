"""What every write needs: its call, and what it says where there is nothing to write to."""

from collections.abc import Mapping
from urllib.parse import quote

import msgspec

from gateway.domain.errors import Refusal, RefusalCode, SourceRejected
from gateway.domain.ids import Ref
from gateway.transport import Call


def json_call(operation: str, method: str, path: str, fields: Mapping[str, object]) -> Call:
    """A write with those of the fields that are given: left out, None or empty."""
    body = {name: value for name, value in fields.items() if value not in (None, ())}
    return Call(
        operation,
        method,
        path,
        safe=False,
        headers={"content-type": "application/json; charset=utf-8"},
        body=msgspec.json.encode(body),
    )


def ticket_path(ticket: Ref) -> str:
    """Where a ticket is, percent-encoded."""
    return f"tickets/{quote(ticket.parts[0], safe='')}"


def not_found(source: str, what: str, *, field: str) -> SourceRejected:
    """The write's target, or something that it names, isn't there."""
    return SourceRejected(
        source,
        (Refusal(RefusalCode.NOT_FOUND, f"{source} has no such {what}.", (field,), source),),
        detail=f"no such {what}",
    )
