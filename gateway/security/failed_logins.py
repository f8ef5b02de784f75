"""How often log-ins may fail from one address."""

import ipaddress
import time
from collections import OrderedDict
from dataclasses import dataclass

import structlog

from gateway.domain.deadline import Monotonic
from gateway.domain.errors import RateLimited
from gateway.observability.redaction import hide_only, reset

_SPAN_S = 60.0
_LOG_EVERY_S = 60.0
_ROUNDING_S = 1e-6

_log = structlog.get_logger("gateway.security")


@dataclass(slots=True)
class _Failures:
    """Of one address: each failure adds a share of a minute to `debt_until_s`, and time pays it off."""

    debt_until_s: float
    logged_s: float
    unlogged: int = 0


class FailedLogins:
    """Slows down whoever tries credentials: so many failures a minute, then one for each that is paid off.

    Who is asked: `Authenticator` calls `check` only for a credential that it doesn't know to be good. So
    whoever shares an address with a guesser (an office behind one NAT, a misconfigured service) goes on
    working with the API key, or the token, that it has. Only a *new* token is refused for some seconds, as
    finding out whether it is good costs a signature, which is what a guesser would make the gateway spend.
    API keys cost next to nothing to check, so good ones are taken from everywhere, always.

    What is refused here isn't counted again: who stops guessing may log in a few seconds later.
    """

    def __init__(
        self, per_minute: int = 10, *, memory: int = 10_000, now: Monotonic = time.monotonic
    ) -> None:
        """Begin with no failures.

        Args:
            per_minute: How many are let pass.
            memory: How many addresses are remembered; the longest without a failure goes first.
            now: In seconds.
        """
        self._share_s = _SPAN_S / per_minute
        self._memory = memory
        self._now = now
        self._by_address: OrderedDict[str, _Failures] = OrderedDict()
        self.failed = 0
        self.refused = 0

    def check(self, address: str) -> None:
        """Let an address try once more.

        Raises:
            RateLimited: Not now.
        """
        failures = self._by_address.get(_network(address))
        if failures is None:
            return
        wait_s = failures.debt_until_s + self._share_s - _SPAN_S - self._now()
        if wait_s > _ROUNDING_S:
            self.refused += 1
            raise RateLimited(
                "Too many failed log-ins from your address. Wait a moment.", retry_after_s=wait_s
            )

    def add(self, address: str) -> None:
        """A log-in has failed. Told in the log once a minute and address, with how many it were."""
        self.failed += 1
        now_s, network = self._now(), _network(address)
        failures = self._by_address.get(network)
        if failures is None:
            failures = self._by_address[network] = _Failures(now_s, float("-inf"))
            while len(self._by_address) > self._memory:
                self._by_address.popitem(last=False)
        self._by_address.move_to_end(network)
        # Of many that were under way at once, no more count than would have been let pass one by one.
        debt_until_s = max(failures.debt_until_s, now_s) + self._share_s
        failures.debt_until_s = min(debt_until_s, now_s + _SPAN_S)
        failures.unlogged += 1
        if now_s - failures.logged_s >= _LOG_EVERY_S:
            # Nothing of this line is a credential, and a credential may be made to look like any of it.
            shown = hide_only(())
            try:
                _log.warning("login_failed", client_address=network, failures=failures.unlogged)
            finally:
                reset(shown)
            failures.logged_s, failures.unlogged = now_s, 0


def _network(address: str) -> str:
    """What one caller can choose its addresses from: of IPv6, a /64 at least."""
    if ":" not in address:
        return address
    try:
        return str(ipaddress.ip_network((address, 64), strict=False))
    except ValueError:
        return address
