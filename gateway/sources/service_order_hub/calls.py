"""What calls to the hub look like, and how an answer's payload is got at."""

from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from gateway.sources.rest import Rest
from gateway.sources.service_order_hub import wire
from gateway.transport import Call, Reply

T = TypeVar("T")

# An unknown guid and one of another party aren't told apart in the documents: for a reader both are
# absent.
NOT_VISIBLE = frozenset({403, 404})


def get(action: str, *query: tuple[str, str]) -> Call:
    """A read. Nothing may be added to its query: an unknown parameter is refused."""
    return Call(action, "GET", f"v3/{action}", safe=True, query=query)


def post(action: str, body: object, *, safe: bool) -> Call:
    """A write, or a read that the API wants as a POST."""
    return Call(
        action,
        "POST",
        f"v3/{action}",
        safe=safe,
        headers={"content-type": "application/json"},
        body=msgspec.json.encode(body),
    )


def payload(rest: Rest, reply: Reply, into: type[T]) -> T:
    """Decode a payload with or without its `data` wrapper; no payload has a `data` field itself.

    Raises:
        SourceProtocolError: It isn't JSON or not of this shape.
    """
    if reply.body.lstrip()[:1] == b"{" and "data" in rest.decode(reply, dict[str, msgspec.Raw]):
        return rest.decode(reply, wire.Enveloped[into]).data  # type: ignore[valid-type]
    return rest.decode(reply, into)


def timestamp(moment: datetime) -> str:
    """`yyyy-MM-ddTHH:mm:ss.SSSZ`, the documented form; what is finer than a millisecond is cut off."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
