"""How a call gets its credentials. No I/O here but a session's log-in, which is handed in."""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from gateway.domain.clock import Clock
from gateway.domain.errors import SourceError
from gateway.transport import Call


class Auth(Protocol):
    """Credentials for one source."""

    async def credential(self) -> str:
        """The one to use now. Raises SourceError where it takes a log-in and that fails."""

    def put(self, call: Call, credential: str) -> Call:
        """The same call with the credential on it."""

    def refused(self, credential: str) -> bool:
        """Take note that the source refused it; True if another one can be had."""


def in_header(name: str, prefix: str = "") -> Callable[[Call, str], Call]:
    """Put a credential into a header."""
    return lambda call, credential: replace(call, headers={**call.headers, name: prefix + credential})


def in_query(name: str) -> Callable[[Call, str], Call]:
    """Put a credential into the query string, where a source takes it nowhere else."""
    return lambda call, credential: replace(call, query=(*call.query, (name, credential)))


def basic(user: str, password: str) -> str:
    """The credential of HTTP Basic (RFC 7617), in UTF-8."""
    return base64.b64encode(f"{user}:{password}".encode()).decode()


class FixedCredential:
    """A token or password that doesn't change."""

    def __init__(self, credential: str, put: Callable[[Call, str], Call]) -> None:
        self._credential = credential
        self._put = put

    async def credential(self) -> str:
        """See `Auth.credential`."""
        return self._credential

    def put(self, call: Call, credential: str) -> Call:
        """See `Auth.put`."""
        return self._put(call, credential)

    def refused(self, credential: str) -> bool:  # noqa: ARG002 - the Protocol's signature
        """There is no other."""
        return False


@dataclass(frozen=True, slots=True)
class SessionToken:
    """A token got by logging in. `fresh_until` is when to renew it; None: only once refused."""

    value: str = field(repr=False)
    fresh_until: datetime | None


class Session:
    """A token got by logging in, and shared.

    Concurrent calls wait for one log-in, and share its failure too: an account must not be locked by
    twenty attempts with a wrong password. The log-in outlives the call that started it.
    """

    def __init__(
        self,
        log_in: Callable[[], Awaitable[SessionToken]],
        *,
        put: Callable[[Call, str], Call],
        clock: Clock,
    ) -> None:
        self._log_in = log_in
        self._put = put
        self._clock = clock
        self._token: SessionToken | None = None
        self._logging_in: asyncio.Future[SessionToken] | None = None

    async def credential(self) -> str:
        """See `Auth.credential`."""
        token = self._token
        if token is not None and (token.fresh_until is None or self._clock() < token.fresh_until):
            return token.value
        if self._logging_in is None:
            self._logging_in = asyncio.ensure_future(self._log_in())
            self._logging_in.add_done_callback(self._keep)
        try:
            return (await asyncio.shield(self._logging_in)).value
        except SourceError as error:
            # Of the call that waits for the credential nothing has left, so a write is not in doubt.
            error.sent = False
            raise

    def put(self, call: Call, credential: str) -> Call:
        """See `Auth.put`."""
        return self._put(call, credential)

    def refused(self, credential: str) -> bool:
        """Forget the token, unless a newer one has taken its place already."""
        if self._token is not None and self._token.value == credential:
            self._token = None
        return True

    def _keep(self, done: asyncio.Future[SessionToken]) -> None:
        self._logging_in = None
        # Asking for the exception also keeps asyncio from reporting it when every waiter has gone.
        if not done.cancelled() and done.exception() is None:
            self._token = done.result()
