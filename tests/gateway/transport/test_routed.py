from collections.abc import AsyncIterator

import pytest

from gateway.transport import Call, Reply, TransportOptions
from gateway.transport.routed import RoutedTransport, open_transport
from tests.raw_server import RawServer, answer, saying


class _Named:
    def __init__(self, name: str, *, fails: bool = False) -> None:
        self._name = name
        self._fails = fails
        self.closed = False

    async def send(self, call: Call) -> Reply:
        return Reply(200, {}, f"{call.operation} by {self._name}".encode())

    async def close(self) -> None:
        self.closed = True
        if self._fails:
            raise RuntimeError


async def _content() -> AsyncIterator[bytes]:
    yield b"{}"


async def test_reads_take_one_way_and_everything_else_the_other() -> None:
    transport = RoutedTransport(reads=_Named("reads"), writes=_Named("writes"))
    calls = [
        Call("get", "GET", "/", safe=True),
        Call("search", "POST", "/", safe=True, body=b"{}"),
        Call("search at length", "POST", "/", safe=True, body=_content()),
        Call("odd get", "GET", "/", safe=False),
        Call("reply", "POST", "/", safe=False, body=b"{}"),
        Call("upload", "POST", "/", safe=False, body=_content()),
    ]

    assert [(await transport.send(call)).body.decode() for call in calls] == [
        "get by reads",
        "search by reads",
        "search at length by writes",
        "odd get by writes",
        "reply by writes",
        "upload by writes",
    ]


async def test_both_are_closed_even_if_the_first_fails() -> None:
    reads, writes = _Named("reads", fails=True), _Named("writes")
    with pytest.raises(RuntimeError):
        await RoutedTransport(reads=reads, writes=writes).close()

    assert (reads.closed, writes.closed) == (True, True)


async def test_a_source_reads_with_pyreqwest_and_writes_with_httpx() -> None:
    """Told apart by what only httpx says of a connection."""
    server = RawServer(saying(answer()))
    async with server.listen():
        transport = open_transport("hub", TransportOptions(server.base_url))
        await transport.send(Call("read", "GET", "/", safe=True))
        await transport.send(Call("reply", "POST", "/", safe=False, body=b"{}"))
        await transport.close()
        await server.settled()

    assert [(each.method, each.headers.get("connection")) for each in server.received] == [
        ("GET", None),
        ("POST", "keep-alive"),
    ]
