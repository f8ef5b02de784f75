"""Tulo's machine tokens."""

from collections.abc import Sequence
from datetime import timedelta
from urllib.parse import urlencode

from gateway.domain.clock import Clock
from gateway.domain.errors import SourceAuthError, SourceProtocolError, SourceRejected
from gateway.sources.auth import Session, SessionToken
from gateway.sources.rest import Rest
from gateway.sources.tulo import wire
from gateway.transport import Call, Transport

# Renewed with a fifth of its life left: more than any call takes.
_USED_SHARE = 0.8


def session(
    source: str,
    transport: Transport,
    *,
    client_id: str,
    client_secret: str,
    grant_type: str,
    scopes: Sequence[str],
    clock: Clock,
) -> Session:
    """The tokens of one API client, shared by all calls."""
    anonymous = Rest(
        source,
        transport,
        clock=clock,
        explain=lambda _: (),
    )
    form = {
        "client_id": client_id,
        "client_secret": client_secret,
        "grant_type": grant_type,
        "scope": " ".join(scopes),
    }

    async def log_in() -> SessionToken:
        """POST /api/authorization/access_token.

        Source: https://docs.worldoftulo.com/payway/integration/payway_api/api_access
        """
        asked_at = clock()
        call = Call(
            "access_token",
            "POST",
            "api/authorization/access_token",
            safe=False,
            headers={"content-type": "application/x-www-form-urlencoded", "accept": "application/json"},
            body=urlencode(form).encode(),
        )
        try:
            reply = await anonymous.find(call)
        except SourceRejected as refused:
            raise SourceAuthError(source, detail=refused.detail) from refused
        if reply is None:
            raise SourceProtocolError(source, detail=f"{call.operation}: 404")
        granted = anonymous.decode(reply, wire.Granted)
        if not granted.access_token:
            raise SourceAuthError(source, detail=f"{call.operation}: {reply.status} without a token")
        life_s = granted.expires_in
        return SessionToken(
            granted.access_token,
            # The pages disagree about the life of a token, so one that doesn't say is used until refused.
            None if life_s is None else asked_at + _USED_SHARE * timedelta(seconds=life_s),
        )

    return Session(log_in, clock=clock)
