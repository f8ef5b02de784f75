"""Who asks: from a credential to a principal."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from gateway.domain.access import LOCAL, Principal
from gateway.domain.api_keys import KeyStore
from gateway.domain.clock import Clock, utc_now
from gateway.domain.errors import Unauthenticated
from gateway.security.auth_settings import AuthSettings
from gateway.security.failed_logins import FailedLogins
from gateway.security.jwks import open_key_set
from gateway.security.keys import PREFIX, KeyRing
from gateway.security.tokens import MAX_TOKEN_CHARS, Tokens


class Authenticator:
    """Takes API keys and tokens.

    For a credential that is known to be good it costs a few microseconds and awaits nothing: a key is
    looked up and compared in memory, a token was checked within the last minute.
    """

    def __init__(
        self,
        keys: KeyRing,
        failures: FailedLogins,
        *,
        tokens: Tokens | None = None,
        anyone: Principal | None = None,
    ) -> None:
        """Put together what decides.

        Args:
            keys: The API keys.
            failures: Slows down who tries many.
            tokens: Takes tokens; None where there is no identity provider.
            anyone: Who everybody is, whatever they bring along; None asks them.
        """
        self._keys = keys
        self._failures = failures
        self._tokens = tokens
        self._anyone = anyone

    async def authenticate(
        self, authorization: str | None, address: str, *, api_key: str | None = None
    ) -> Principal:
        """Who asks.

        Args:
            authorization: The header: `Bearer`, and a key or token.
            address: Where the request comes from.
            api_key: The header `X-API-Key`, for API keys alone.
        Raises:
            Unauthenticated: There is no credential, or none that is good.
            RateLimited: Too many of that address were not good, and this one isn't known to be.
            LedgerUnavailable, KeysUnavailable: Nothing can be said of it now.
        """
        if self._anyone is not None:
            return self._anyone
        if authorization is None and api_key is None:
            raise Unauthenticated
        credential = _credential(authorization, api_key)
        if credential.startswith(PREFIX):
            known = self._keys.known(credential)
        else:
            known = self._tokens.known(credential) if self._tokens is not None else None
        return known if known is not None else await self._find_out(credential, address)

    async def _find_out(self, credential: str, address: str) -> Principal:
        """The slow way, for those that aren't known to be good."""
        tokens = self._tokens
        if tokens is None or not tokens.was_good(credential):
            self._failures.check(address)
        try:
            if credential.startswith(PREFIX):
                principal = await self._keys.find(credential)
            else:
                principal = await tokens.check(credential) if tokens is not None and credential else None
            if principal is None:
                raise Unauthenticated
        except Unauthenticated:
            self._failures.add(address)
            raise
        return principal


def _credential(authorization: str | None, api_key: str | None) -> str:
    """The one credential of a request, empty if it has none that could be good."""
    given = ""
    if authorization is not None:
        scheme, _, given = authorization.partition(" ")
        given = given.strip(" ")
        if scheme.lower() != "bearer":
            return ""
    if api_key is not None:
        if not api_key.startswith(PREFIX) or (authorization is not None and given != api_key):
            return ""
        given = api_key
    return given if len(given) <= MAX_TOKEN_CHARS and given.isascii() else ""


@asynccontextmanager
async def authenticating(
    settings: AuthSettings, store: KeyStore, *, clock: Clock = utc_now, anyone: Principal = LOCAL
) -> AsyncIterator[Authenticator]:
    """An authenticator with what keeps its keys fresh. Neither the ledger nor the provider need be there.

    Args:
        settings: How callers log in.
        store: Has the keys.
        clock: What time it is.
        anyone: Who callers are if they need not log in.
    """
    keys = KeyRing(store, refresh_s=settings.keys_refresh_s, clock=clock)
    failures = FailedLogins(settings.failed_logins_per_minute)
    if not settings.required:
        yield Authenticator(keys, failures, anyone=anyone)
        return
    async with AsyncExitStack() as stack:
        stack.push_async_callback(keys.close)
        await keys.refresh()
        work = [asyncio.create_task(keys.run())]
        tokens = None
        if settings.jwt is not None:
            key_set = open_key_set(settings.jwt.jwks_url, settings.jwt.algorithms)
            stack.push_async_callback(key_set.close)
            work.append(asyncio.create_task(key_set.run()))
            tokens = Tokens(settings.jwt, key_set, clock=clock)
        try:
            yield Authenticator(keys, failures, tokens=tokens)
        finally:
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)
