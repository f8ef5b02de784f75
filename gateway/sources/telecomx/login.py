"""Telecomx's log-in: a token for 15 minutes."""

from datetime import timedelta

import msgspec

from gateway.domain.clock import Clock
from gateway.domain.errors import SourceAuthError, SourceProtocolError, SourceRejected
from gateway.sources.auth import Session, SessionToken
from gateway.sources.rest import Rest
from gateway.sources.telecomx import wire
from gateway.transport import Call, Transport

# Whether use prolongs a token isn't documented, so it is renewed with a fifth of its life left: more
# than any call takes.
_USED_SHARE = 0.8


def session(source: str, transport: Transport, *, username: str, password: str, clock: Clock) -> Session:
    """A session of one employee, shared by all calls.

    Never ended by the gateway: `GET /auth/logout` invalidates all tokens of the user, those of other
    processes too.
    """
    anonymous = Rest(
        source,
        transport,
        clock=clock,
        explain=lambda _: (),
    )

    async def log_in() -> SessionToken:
        """POST /auth/login. The GET form would put the password into URLs.

        Source: https://wiki.telecomx.dk/doku.php?id=api%3Aauth%3Alogin
        """
        asked_at = clock()
        call = Call(
            "auth/login",
            "POST",
            "auth/login",
            safe=False,
            headers={"content-type": "application/json"},
            body=msgspec.json.encode({"username": username, "password": password}),
        )
        try:
            reply = await anonymous.find(call)
        except SourceRejected as refused:
            raise SourceAuthError(source, detail=refused.detail) from refused
        if reply is None:
            raise SourceProtocolError(source, detail=f"{call.operation}: 404")
        sent = anonymous.decode(reply, wire.LoggedIn)
        life_minutes = sent.expires_in_minutes
        return SessionToken(
            sent.token,
            None if life_minutes < 0 else asked_at + _USED_SHARE * timedelta(minutes=life_minutes),
        )

    return Session(log_in, clock=clock)
