"""From a request's headers to who asks, or to the answer that says no."""

import math

from starlette.types import Scope

from gateway.domain.access import LoginKind, Principal
from gateway.domain.errors import ErrorCode, Forbidden, GatewayError, RateLimited, Unauthenticated
from gateway.domain.ledger import LedgerUnavailable
from gateway.http.addresses import Proxies, client_address
from gateway.http.problems import HttpProblem
from gateway.security.authn import Authenticator
from gateway.security.jwks import KeysUnavailable
from gateway.security.rate_limit import caller_at

# The same whether there is no credential, a wrong one or an old one: no hint for those who guess.
CHALLENGE = 'Bearer realm="helpdesk-gateway"'
_RETRY_S = 5


class Authentication:
    """Finds out who asks."""

    def __init__(self, authenticator: Authenticator, proxies: Proxies) -> None:
        """Take who decides.

        Args:
            authenticator: Knows the credentials.
            proxies: Those that are believed where a request comes from.
        """
        self._authenticator = authenticator
        self._proxies = proxies

    async def principal(self, scope: Scope) -> Principal:
        """Who has sent a request.

        Raises:
            HttpProblem: 401, 429 or 503.
        """
        authorization = api_key = None
        for name, value in scope["headers"]:
            # Given twice, one of them may be what a proxy has looked at, and the other one what we do.
            if name == b"authorization":
                authorization = value.decode("latin-1") if authorization is None else ""
            elif name == b"x-api-key":
                api_key = value.decode("latin-1") if api_key is None else ""
        try:
            return await self._authenticator.authenticate(
                authorization, client_address(scope, self._proxies), api_key=api_key
            )
        except (Unauthenticated, RateLimited, LedgerUnavailable, KeysUnavailable) as error:
            raise refused(error) from None

    def caller(self, principal: Principal, scope: Scope) -> str:
        """Whose rate limit a request counts against: who hasn't logged in is known by the address."""
        if principal.login is LoginKind.NONE:
            return caller_at(client_address(scope, self._proxies))
        return principal.subject


def refused(error: GatewayError) -> HttpProblem:
    """The answer to a request that is not let in, or may not do what it asks."""
    match error:
        case Unauthenticated():
            return HttpProblem(401, error.message, error.code, {"WWW-Authenticate": CHALLENGE})
        case Forbidden():
            return HttpProblem(403, error.message, error.code)
        case RateLimited():
            return HttpProblem(429, error.message, error.code, {"Retry-After": _seconds(error.retry_after_s)})
        case LedgerUnavailable():
            # Its own words are of writes.
            said = "API keys can't be checked right now. Try again later."
            return HttpProblem(503, said, error.code, {"Retry-After": str(_RETRY_S)})
        case KeysUnavailable():
            return HttpProblem(503, error.message, error.code, {"Retry-After": str(_RETRY_S)})
        case _:
            return HttpProblem(500, "The gateway has failed.", ErrorCode.INTERNAL_SERVER_ERROR)


def _seconds(seconds: float) -> str:
    return str(max(1, math.ceil(seconds)))
