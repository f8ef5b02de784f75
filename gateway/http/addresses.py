"""Where a request comes from."""

import ipaddress
import re
from collections.abc import Iterable
from functools import lru_cache

from starlette.types import Scope

UNKNOWN = "unknown"

_IP = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
# Some proxies add the port.
_WITH_PORT = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+))(?::[0-9]{1,5})?")
# Nobody has more proxies in a row; a header may hold thousands of addresses.
_MAX_HOPS = 16
_MAX_LENGTH = 64


class Proxies:
    """The proxies that are trusted to say whom they pass on."""

    def __init__(self, networks: Iterable[str] = ()) -> None:
        """Take their networks, such as `10.0.0.0/8`."""
        self._networks: tuple[_Network, ...] = tuple(map(ipaddress.ip_network, networks))

    def __bool__(self) -> bool:
        return bool(self._networks)

    def include(self, address: _IP) -> bool:
        """Whether an address is one of theirs."""
        return any(address in network for network in self._networks)


def client_address(scope: Scope, proxies: Proxies) -> str:
    """The address that a request comes from; `UNKNOWN` where the server doesn't say.

    `X-Forwarded-For` is read from its end, where the nearest proxy has written, and only as long as each
    one who says so is trusted: what stands before that, the caller may have made up. What is no address
    ends the walk too. `Forwarded` is never read: a proxy that doesn't know it passes on the caller's own.
    """
    peer = scope.get("client")
    if not peer:
        return UNKNOWN
    found = _read(peer[0])
    if found is None:
        return str(peer[0])
    if proxies and proxies.include(found[0]):
        # Several headers are one list; its end is what counts.
        said = b",".join(value for name, value in scope["headers"] if name == b"x-forwarded-for")
        for each in reversed(said.decode("latin-1").rsplit(",", _MAX_HOPS)[-_MAX_HOPS:]):
            named = each.strip(" \t")
            # What is read is remembered, so nobody shall have long texts remembered.
            before = _read(named) if len(named) <= _MAX_LENGTH else None
            if before is None:
                break
            found = before
            if not proxies.include(found[0]):
                break
    return found[1]


@lru_cache(4096)
def _read(text: str) -> tuple[_IP, str] | None:
    """An address, perhaps with a port, and its one spelling. IPv4 may be written as IPv6."""
    match = _WITH_PORT.fullmatch(text)
    try:
        address = ipaddress.ip_address((match[1] or match[2]) if match else text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        # A zone means something on one machine alone.
        if address.scope_id:
            return None
        address = address.ipv4_mapped or address
    return address, str(address)
