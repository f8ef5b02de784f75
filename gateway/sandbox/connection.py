"""The TCP connection under a request: ASGI hides it, so the sandbox's own server puts it into the scope."""

import asyncio
import socket
import struct
from contextlib import suppress
from typing import Protocol

from starlette.types import Scope

_EXTENSION = "helpdesk_gateway.sandbox"


class NoConnection(RuntimeError):
    """The service is run without its own server, so there is no connection that could break."""


class Crash(Protocol):
    """Kills and revives the service's server; `spare` is the one connection that it leaves alone."""

    def __call__(self, *, forget: bool, down_s: float | None, spare: asyncio.Transport | None = None) -> None:
        """See `Running.crash`."""


class Connection:
    """One client's connection, and the server at its end."""

    def __init__(self, transport: asyncio.Transport, crash: Crash) -> None:
        self._transport = transport
        self._crash = crash

    def write(self, data: bytes) -> None:
        """Send bytes that need not be HTTP."""
        self._transport.write(data)

    def close(self) -> None:
        """Send what is written and then FIN."""
        self._transport.close()

    def reset(self) -> None:
        """Send RST at once."""
        reset(self._transport)

    def crash_server(self, *, forget: bool, down_s: float) -> None:
        """Kill the server, but let this connection's answer out."""
        self._crash(forget=forget, down_s=down_s, spare=self._transport)

    def extension(self) -> dict[str, dict[object, object]]:
        """What an ASGI scope holds for `connection_of`."""
        return {_EXTENSION: {"connection": self}}


def connection_of(scope: Scope) -> Connection:
    """The connection that a request came in on.

    Raises:
        NoConnection: There is none, as over `httpx.ASGITransport`.
    """
    try:
        connection: Connection = scope["extensions"][_EXTENSION]["connection"]
    except KeyError:
        raise NoConnection(
            "Breaking connections takes the sandbox's own server (Sandbox.serve): there is none here"
        ) from None
    return connection


def reset(transport: asyncio.Transport) -> None:
    """End a connection by RST; `abort` alone would send FIN where everything was read."""
    # The client may have gone, and the socket with it: uvloop says ValueError then, asyncio OSError.
    with suppress(OSError, ValueError):
        transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
    transport.abort()
