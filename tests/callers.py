"""What tests of single parts let callers ask for: the defaults, no credentials to forward, no log-in."""

from datetime import datetime
from typing import Any

from gateway.domain.access import LOCAL
from gateway.domain.api_keys import ApiKey
from gateway.domain.clock import utc_now
from gateway.domain.spending import CallCaps
from gateway.http.addresses import Proxies
from gateway.http.authentication import Authentication
from gateway.http.caller import CallerOptions
from gateway.security.authn import Authenticator
from gateway.security.failed_logins import FailedLogins
from gateway.security.keys import KeyRing


class NoKeys:
    """A store of API keys without any."""

    async def add_key(self, key: ApiKey) -> None:
        raise NotImplementedError

    async def keys(self) -> list[ApiKey]:
        return []

    async def revoke_key(self, key_id: str, at: datetime) -> ApiKey | None:  # noqa: ARG002
        return None


CALLERS = CallerOptions(timeout_s=10, max_timeout_s=30, caps=CallCaps(), forwarded={}, id_key=b"")
ANYONE = Authentication(
    Authenticator(KeyRing(NoKeys(), refresh_s=5, clock=utc_now), FailedLogins(1), anyone=LOCAL), Proxies()
)
"""Asks nobody who they are."""

NO_LOGIN: dict[str, Any] = {"auth": {"required": False}, "rate_limits": {"enabled": False}}
"""Settings under which whoever asks may do everything, as often as they like, as in `dev`."""
