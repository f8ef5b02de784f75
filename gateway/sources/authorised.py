"""The credentials on a call: the innermost layer, so that nothing shared ever depends on a token."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from gateway.domain.errors import SourceAuthError
from gateway.sources.auth import Auth, NobodysCredential, Put
from gateway.sources.renewal import Renewal
from gateway.sources.spec import SourceContext, SourceSpec
from gateway.transport import Call, Reply, Transport

_UNAUTHORIZED = 401


class Authorised:
    """Sends each call with the caller's credential where it carries one, else with the gateway's own.

    A 401 means that no work was done, so any call, a write too, is sent once more with a fresh credential
    where the gateway can have one: by logging in again, or because its files hold another one by now.
    """

    def __init__(
        self,
        inner: Transport,
        *,
        put: Put,
        auth: Auth,
        is_log_in_refused: Callable[[Reply], bool],
        renew: Callable[[], Awaitable[Auth | None]] | None = None,
    ) -> None:
        self._inner = inner
        self._put = put
        self._auth = auth
        self._is_log_in_refused = is_log_in_refused
        self._renew = renew

    async def send(self, call: Call) -> Reply:
        """See `Transport.send`.

        Raises:
            SourceError: The log-in failed; `sent` is False.
        """
        if call.credential is not None:
            return await self._inner.send(self._put(call, call.credential.secret))
        # A streamed body is used up: sent again, it would be an empty one.
        attempts = 2 if isinstance(call.body, bytes | None) else 1
        while True:
            attempts -= 1
            auth, credential = await self._credential()
            reply = await self._inner.send(self._put(call, credential))
            if reply.status != _UNAUTHORIZED or not self._is_log_in_refused(reply):
                return reply
            another = auth.refused(credential) or await self._renewed(auth)
            if not another or not attempts:
                return reply

    async def _credential(self) -> tuple[Auth, str]:
        """What to send, and whose it is. A log-in that is refused is tried with what the files hold."""
        auth = self._auth
        try:
            return auth, await auth.credential()
        except SourceAuthError as refused:
            if not await self._renewed(auth):
                raise
            auth = self._auth
            try:
                return auth, await auth.credential()
            except SourceAuthError as again:
                raise again from refused

    async def _renewed(self, refused: Auth) -> bool:
        """Whether there is a credential that hasn't been refused with this one."""
        if self._auth is refused and self._renew is not None:
            fresh = await self._renew()
            if fresh is not None and fresh is not refused and self._auth is refused:
                self._auth = fresh
        return self._auth is not refused

    async def close(self) -> None:
        """Close what is inside."""
        await self._inner.close()


def authorised(
    spec: SourceSpec[Any], context: SourceContext[Any], *, renewed: Callable[[], None] = lambda: None
) -> Authorised:
    """The layer of one instance around `context.transport`, which its log-ins go through too.

    Args:
        spec: Its kind.
        context: What it is handed.
        renewed: Called before a credential is used that was read anew.
    """
    settings = context.settings
    renew = None
    if context.reread is not None and not settings.forwards:
        renew = Renewal(
            context.key,
            settings,
            reread=context.reread,
            make=lambda fresh: spec.auth(replace(context, settings=fresh)),
            renewed=renewed,
        )
    return Authorised(
        context.transport,
        put=spec.put(settings),
        auth=NobodysCredential(context.key) if settings.forwards else spec.auth(context),
        is_log_in_refused=spec.is_log_in_refused,
        renew=renew,
    )
