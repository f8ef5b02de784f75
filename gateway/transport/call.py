"""The seam: one call goes out, one reply comes back."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from gateway.domain.callers import Credential


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request to one source.

    `operation` names the vendor's endpoint for logs and errors. `safe` means that it may be
    repeated and shared: it changes nothing at the source, whatever its method. `path` is already
    percent-encoded and relative to the source's base URL. `query` and `headers` may hold
    credentials, so neither shows in a repr. `credential` is the caller's own, where the source takes
    each caller's: all else is sent with the configuration's.
    """

    operation: str
    method: str
    path: str
    safe: bool
    query: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | AsyncIterator[bytes] | None = field(default=None, repr=False)
    credential: Credential | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. Header names are in lower case.

    Attributes:
        age_s: How long ago it was asked for, where it was kept since; None straight from the source.
        stale: Whether it was used beyond its time, as the source has failed.
        forget: Called by whoever finds that it makes no sense: then it isn't used again.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    age_s: float | None = None
    stale: bool = False
    forget: Callable[[], None] | None = field(default=None, repr=False, compare=False)


class Transport(Protocol):
    """Anything that turns a call into a reply: an adapter of an HTTP client, or a layer around one."""

    async def send(self, call: Call) -> Reply:
        """Send the call once.

        Raises:
            SourceUnavailable: No connection, or a broken one; `sent` is False only if nothing left.
            SourceTimeout: No answer in time; `sent` likewise.
            SourceProtocolError: What came back isn't HTTP, or is larger than allowed; or the request can't
                be sent as it is (`sent` is False).
        """

    async def close(self) -> None:
        """Release the connections."""
