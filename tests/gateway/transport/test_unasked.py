import httpx
import pytest

from gateway.transport import Call
from gateway.transport.httpx import HttpxOptions, HttpxTransport
from gateway.transport.unasked import has_unasked
from tests.raw_server import RawServer, answer, saying

_READ = Call("read case", "GET", "/case", safe=True)


@pytest.mark.parametrize(
    ("said", "connections"),
    [
        (answer(), [1, 1, 1]),
        (answer(b""), [1, 1, 1]),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", [1, 1, 1]),
        (answer() + b"\r\n", [1, 2, 3]),
        (answer() + answer(), [1, 2, 3]),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n{}", [1, 2, 3]),
        (b"HTTP/1.1 204 No Content\r\n\r\n{}", [1, 2, 3]),
    ],
)
async def test_a_connection_is_kept_where_nothing_came_that_was_not_asked_for(
    said: bytes, connections: list[int]
) -> None:
    server = RawServer(saying(said))
    async with server.listen():
        transport = HttpxTransport("hub", HttpxOptions(server.base_url))
        for _ in connections:
            await transport.send(_READ)
        await transport.close()
        await server.settled()

    assert [each.connection for each in server.received] == connections


def test_where_httpx_does_not_let_us_look_nothing_is_trusted() -> None:
    assert has_unasked(httpx.ByteStream(b""))
