"""How a call gets its credentials. No I/O here but a session's log-in, which is handed in."""

import asyncio
import base64
import contextvars
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol

from pydantic import SecretStr

from gateway.domain.clock import Clock
from gateway.domain.errors import NotForwarded, SourceError
from gateway.transport import Call

# The same call with a credential on it.
Put = Callable[[Call, str], Call]


class Auth(Protocol):
    """The gateway's own credentials for one source."""

    async def credential(self) -> str:
        """The one to use now. Raises SourceError where it takes a log-in and that fails."""

    def refused(self, credential: str) -> bool:
        """Take note that the source refused it; True if another one can be had."""


def in_header(name: str, prefix: str = "") -> Put:
    """Put a credential into a header."""
    return lambda call, credential: replace(call, headers={**call.headers, name: prefix + credential})


def in_query(name: str) -> Put:
    """Put a credential into the query string, where a source takes it nowhere else."""
    return lambda call, credential: replace(call, query=(*call.query, (name, credential)))


def basic(user: str, password: str) -> str:
    """The credential of HTTP Basic (RFC 7617), in UTF-8."""
    return base64.b64encode(f"{user}:{password}".encode()).decode()


class FixedCredential:
    """A token or password that doesn't change."""

    def __init__(self, credential: str) -> None:
        self._credential = credential

    async def credential(self) -> str:
        """See `Auth.credential`."""
        return self._credential

    def refused(self, credential: str) -> bool:  # noqa: ARG002 - the Protocol's signature
        """There is no other."""
        return False


def reveal(secret: SecretStr | None) -> str:
    """A configured secret; where one is missing, the configuration has been refused before."""
    return "" if secret is None else secret.get_secret_value()


def fixed(secret: SecretStr | None) -> FixedCredential:
    """A configured secret that is the credential."""
    return FixedCredential(reveal(secret))


class NobodysCredential:
    """Where only callers have credentials: the gateway has none."""

    def __init__(self, source: str) -> None:
        self._source = source

    async def credential(self) -> str:
        """See `Auth.credential`."""
        raise NotForwarded(self._source)

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

    def __init__(self, log_in: Callable[[], Coroutine[Any, Any, SessionToken]], *, clock: Clock) -> None:
        self._log_in = log_in
        self._clock = clock
        self._token: SessionToken | None = None
        self._logging_in: asyncio.Future[SessionToken] | None = None

    async def credential(self) -> str:
        """See `Auth.credential`."""
        token = self._token
        if token is not None and (token.fresh_until is None or self._clock() < token.fresh_until):
            return token.value
        if self._logging_in is None:
            # In a context of its own, for it has neither the deadline nor the account of who came first.
            self._logging_in = asyncio.get_running_loop().create_task(
                self._log_in(), context=contextvars.Context()
            )
            self._logging_in.add_done_callback(self._keep)
        try:
            return (await asyncio.shield(self._logging_in)).value
        except SourceError as error:
            # Of the call that waits for the credential nothing has left, so a write is not in doubt.
            error.sent = False
            raise

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
