"""The credentials on a call: the innermost layer, so that nothing shared ever depends on a token."""

from collections.abc import Callable
from typing import Any

from gateway.sources.auth import Auth, NobodysCredential, Put
from gateway.sources.spec import SourceContext, SourceSpec
from gateway.transport import Call, Reply, Transport

_UNAUTHORIZED = 401


class Authorised:
    """Sends each call with the caller's credential where it carries one, else with the gateway's own.

    A 401 means that no work was done, so any call, a write too, is sent once more with a fresh credential
    where the gateway can have one.
    """

    def __init__(
        self, inner: Transport, *, put: Put, auth: Auth, is_log_in_refused: Callable[[Reply], bool]
    ) -> None:
        self._inner = inner
        self._put = put
        self._auth = auth
        self._is_log_in_refused = is_log_in_refused

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
            credential = await self._auth.credential()
            reply = await self._inner.send(self._put(call, credential))
            if reply.status != _UNAUTHORIZED or not self._is_log_in_refused(reply):
                return reply
            if not self._auth.refused(credential) or not attempts:
                return reply

    async def close(self) -> None:
        """Close what is inside."""
        await self._inner.close()


def authorised(spec: SourceSpec[Any], context: SourceContext[Any]) -> Authorised:
    """The layer of one instance around `context.transport`, which its log-ins go through too."""
    return Authorised(
        context.transport,
        put=spec.put(context.settings),
        auth=NobodysCredential(context.key) if context.settings.forwards else spec.auth(context),
        is_log_in_refused=spec.is_log_in_refused,
    )
