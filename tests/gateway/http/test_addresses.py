from typing import Any

import pytest
from starlette.types import Scope

from gateway.http.addresses import UNKNOWN, Proxies, client_address

NONE = Proxies()
TRUSTED = Proxies(["10.0.0.0/8", "2001:db8:1::/48", "192.0.2.7"])


def came(peer: str | None, *forwarded: str, **others: str) -> Scope:
    headers = [(b"x-forwarded-for", each.encode("latin-1")) for each in forwarded]
    headers += [(name.encode(), value.encode()) for name, value in others.items()]
    scope: dict[str, Any] = {"type": "http", "headers": headers, "client": peer and (peer, 1234)}
    return scope


@pytest.mark.parametrize(
    ("scope", "address"),
    [
        (came("198.51.100.1"), "198.51.100.1"),
        (came("198.51.100.1", "203.0.113.5"), "198.51.100.1"),
        (came("10.0.0.1", "203.0.113.5"), "10.0.0.1"),
        (came("::ffff:198.51.100.1"), "198.51.100.1"),
        (came("2001:DB8::0:1"), "2001:db8::1"),
        (came(None, "203.0.113.5"), UNKNOWN),
        (came("testclient"), "testclient"),
    ],
)
def test_without_proxies_a_request_comes_from_where_it_comes_from(scope: Scope, address: str) -> None:
    assert client_address(scope, NONE) == address


@pytest.mark.parametrize(
    ("scope", "address"),
    [
        (came("10.0.0.1", "203.0.113.5"), "203.0.113.5"),
        (came("192.0.2.7", "203.0.113.5"), "203.0.113.5"),
        (came("2001:db8:1::9", "2001:db8:2::5"), "2001:db8:2::5"),
        (came("::ffff:10.0.0.1", "203.0.113.5"), "203.0.113.5"),
        (came("10.0.0.1", "203.0.113.5, 10.0.0.2,10.0.0.3"), "203.0.113.5"),
        (came("10.0.0.1", "203.0.113.5", "10.0.0.2"), "203.0.113.5"),
        (came("10.0.0.1", "203.0.113.5:4711"), "203.0.113.5"),
        (came("10.0.0.1", "[2001:db8:2::5]:4711"), "2001:db8:2::5"),
        (came("10.0.0.1", "\t203.0.113.5 "), "203.0.113.5"),
        (came("10.0.0.1", "10.0.0.5, 10.0.0.4"), "10.0.0.5"),
        (came("10.0.0.1"), "10.0.0.1"),
        (came("10.0.0.1", ""), "10.0.0.1"),
    ],
)
def test_a_trusted_proxy_is_believed(scope: Scope, address: str) -> None:
    assert client_address(scope, TRUSTED) == address


@pytest.mark.parametrize(
    ("scope", "address"),
    [
        # The caller has written something itself, and the proxy has added who the caller is.
        (came("10.0.0.1", "127.0.0.1, 203.0.113.5"), "203.0.113.5"),
        (came("10.0.0.1", "10.9.9.9, 203.0.113.5"), "203.0.113.5"),
        (came("10.0.0.1", "10.9.9.9", "203.0.113.5"), "203.0.113.5"),
        # It has come past the proxies.
        (came("203.0.113.5", "10.0.0.1"), "203.0.113.5"),
        (came("203.0.113.5", "127.0.0.1"), "203.0.113.5"),
        # What stands before nonsense isn't looked at.
        (came("10.0.0.1", "127.0.0.1, unknown"), "10.0.0.1"),
        (came("10.0.0.1", "127.0.0.1, unknown, 10.0.0.2"), "10.0.0.2"),
        (came("10.0.0.1", "127.0.0.1, , 10.0.0.2"), "10.0.0.2"),
        (came("10.0.0.1", "203.0.113.5\x00"), "10.0.0.1"),
        (came("10.0.0.1", "é"), "10.0.0.1"),
        (came("10.0.0.1", "127.0.0.1;203.0.113.5"), "10.0.0.1"),
        (came("10.0.0.1", "203.0.113.500"), "10.0.0.1"),
        (came("10.0.0.1", "203.0.113"), "10.0.0.1"),
        (came("10.0.0.1", "3405803781"), "10.0.0.1"),
        (came("10.0.0.1", "0xCB.0.113.5"), "10.0.0.1"),
        (came("10.0.0.1", "fe80::1%eth0"), "10.0.0.1"),
        (came("10.0.0.1", "for=203.0.113.5"), "10.0.0.1"),
        (came("10.0.0.1", '"203.0.113.5"'), "10.0.0.1"),
        # Other headers are the caller's own.
        (came("10.0.0.1", forwarded="for=127.0.0.1"), "10.0.0.1"),
        (came("10.0.0.1", "203.0.113.5", forwarded="for=127.0.0.1"), "203.0.113.5"),
        (came("10.0.0.1", **{"x-real-ip": "127.0.0.1"}), "10.0.0.1"),
    ],
)
def test_what_a_caller_makes_up_is_not(scope: Scope, address: str) -> None:
    assert client_address(scope, TRUSTED) == address


def test_a_long_list_is_not_walked_to_its_beginning() -> None:
    made_up = ", ".join(["127.0.0.1", *["10.0.0.2"] * 10_000])
    assert client_address(came("10.0.0.1", made_up), TRUSTED) == "10.0.0.2"
