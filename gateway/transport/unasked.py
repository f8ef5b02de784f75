"""Bytes that a source sends beyond its answer, which must not become the next call's answer.

httpx looks whether an idle connection has something to read before it uses it again, but not whether bytes
came together with the end of the last answer: httpcore's parser keeps them, and takes them for the answer
to the next request on that connection, whoever makes it (shown by tests/contract/test_transports.py).
"""

from collections.abc import AsyncIterator
from operator import attrgetter

import httpx

# httpx shows its parser to nobody. Over TLS that is given one record at a time, so what comes in a further
# record escapes this look.
_UNASKED = attrgetter("_httpcore_stream._stream._connection._h11_state.trailing_data")


class AskedOnly(httpx.AsyncHTTPTransport):
    """Keeps a connection only where nothing was sent on it that wasn't asked for."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, and watch over the end of its answer."""
        response = await super().handle_async_request(request)
        assert isinstance(response.stream, httpx.AsyncByteStream)
        response.stream = _Watched(response.stream, response)
        return response


class _Watched(httpx.AsyncByteStream):
    def __init__(self, inner: httpx.AsyncByteStream, response: httpx.Response) -> None:
        self._inner = inner
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._inner:
            yield chunk

    async def aclose(self) -> None:
        # Before the connection goes back to the others: afterwards one of them may have it already.
        if has_unasked(self._inner):
            await self._response.extensions["network_stream"].aclose()
        await self._inner.aclose()


def has_unasked(stream: httpx.AsyncByteStream) -> bool:
    """Whether bytes are left over at the end of an answer; also said where httpx doesn't let us look."""
    try:
        data, _ = _UNASKED(stream)
    except AttributeError:
        return True
    return bool(data)
