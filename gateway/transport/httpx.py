"""The httpx adapter: reference for all calls, and the only one that writes go through."""

import asyncio
import socket
import ssl
from collections.abc import Iterator
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

from gateway.domain.errors import SourceError, SourceProtocolError, SourceTimeout, SourceUnavailable
from gateway.transport.body import ACCEPT_ENCODING, Body
from gateway.transport.call import Call, Reply
from gateway.transport.options import TransportOptions
from gateway.transport.places import Places
from gateway.transport.request import Unsendable, check_headers, refusal, url_of
from gateway.transport.unasked import AskedOnly

HttpxOptions = TransportOptions

# httpx's exception -> (ours, whether the source may have got a part of the request). The first match
# wins, so subclasses stand before their bases.
_ERRORS: tuple[tuple[type[Exception], type[SourceError], bool], ...] = (
    (httpx.ConnectTimeout, SourceTimeout, False),
    (httpx.PoolTimeout, SourceTimeout, False),
    (httpx.ConnectError, SourceUnavailable, False),
    (httpx.ProxyError, SourceUnavailable, False),
    (httpx.UnsupportedProtocol, SourceUnavailable, False),
    (httpx.TimeoutException, SourceTimeout, True),
    (httpx.LocalProtocolError, SourceProtocolError, True),
    (httpx.RemoteProtocolError, SourceUnavailable, True),
    (httpx.NetworkError, SourceUnavailable, True),
    (httpx.DecodingError, SourceProtocolError, True),
    (httpx.TooManyRedirects, SourceProtocolError, True),
    (httpx.HTTPError, SourceUnavailable, True),
    (httpx.InvalidURL, SourceProtocolError, False),
    (httpx.StreamError, SourceUnavailable, True),
    (httpx.CookieConflict, SourceProtocolError, True),
    # anyio's, under uvloop, of a connection that is reset while it is being made.
    (AttributeError, SourceUnavailable, True),
)


class HttpxTransport:
    """Calls one source with httpx: no redirects followed, no cookies kept, no proxy from the environment.

    A write gets a fresh connection: on a kept one that the source has closed meanwhile, nobody could
    tell whether the request arrived. So does a read with a caller's own credential: no two callers ever
    meet on one connection.
    """

    def __init__(self, source: str, options: HttpxOptions) -> None:
        self._source = source
        self._base_url = options.base_url
        self._max_reply_bytes = options.max_reply_bytes
        self._reads = _Pool(source, options, keep_alive=True)
        self._writes = _Pool(source, options, keep_alive=False)

    async def send(self, call: Call) -> Reply:
        """See `Transport.send`."""
        pool = self._reads if call.safe and call.credential is None else self._writes
        request = self._build(pool.client, call)
        await pool.places.take(call.operation)
        try:
            response = await pool.client.send(request, stream=True)
            try:
                body = await self._read(response)
            finally:
                # Cut in the middle of that, httpx would take the connection for one in use for ever.
                await asyncio.shield(response.aclose())
        except (
            httpx.HTTPError,
            httpx.InvalidURL,
            httpx.StreamError,
            httpx.CookieConflict,
            AttributeError,
        ) as error:
            raise translate(error, self._source, call.operation) from error
        finally:
            pool.places.give_back()
        return Reply(response.status_code, {k.lower(): v for k, v in response.headers.items()}, body)

    def _build(self, client: httpx.AsyncClient, call: Call) -> httpx.Request:
        try:
            check_headers(call.headers)
            return client.build_request(
                call.method,
                url_of(self._base_url, call),
                headers=dict(call.headers),
                content=call.body,
            )
        except Unsendable as error:
            raise refusal(error, self._source, call.operation) from None
        except httpx.InvalidURL as error:
            raise translate(error, self._source, call.operation) from error

    async def _read(self, response: httpx.Response) -> bytes:
        body = Body(
            self._source, response.headers.get("content-encoding", ""), max_bytes=self._max_reply_bytes
        )
        # Not `aiter_raw`: that closes the response too, at the end.
        assert isinstance(response.stream, httpx.AsyncByteStream)
        async for chunk in response.stream:
            body.add(chunk)
        return body.whole()

    async def close(self) -> None:
        """Close both pools."""
        await self._reads.client.aclose()
        await self._writes.client.aclose()


class _Pool:
    """A client, and who may use it: httpx's own bound on connections is off (see `Places`)."""

    def __init__(self, source: str, options: HttpxOptions, *, keep_alive: bool) -> None:
        self.client = _client(options, keep_alive=keep_alive)
        self.places = Places(options.max_connections, source=source, timeout_s=options.pool_timeout_s)


def translate(error: Exception, source: str, operation: str) -> SourceError:
    """Our error for one of httpx's. Its text is left out: it may hold the URL with a token in it."""
    ours, sent = next((ours, sent) for theirs, ours, sent in _ERRORS if isinstance(error, theirs))
    reason = next((said for cause in _causes(error) if (said := _in_words(cause))), None)
    detail = f"{operation}: {type(error).__name__}"
    translated = ours(source, detail=f"{detail}, {reason}" if reason else detail)
    translated.sent = sent
    return translated


def _causes(error: BaseException) -> Iterator[BaseException]:
    """What lies below an exception: the library wraps the system's own several times."""
    yield error
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _causes(each)
    below = error.__cause__ or error.__context__
    if below is not None:
        yield from _causes(below)


def _in_words(cause: BaseException) -> str | None:
    match cause:
        case socket.gaierror():
            return "the host name is not known (DNS)"
        case ssl.SSLCertVerificationError():
            return f"TLS: {cause.verify_message}"
        case ssl.SSLError():
            return f"TLS: {(cause.reason or 'failed').replace('_', ' ').lower()}"
        case ConnectionRefusedError():
            return "connection refused"
        case _:
            return None


def _client(options: HttpxOptions, *, keep_alive: bool) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        timeout=httpx.Timeout(options.read_timeout_s, connect=options.connect_timeout_s, pool=None),
        transport=AskedOnly(
            limits=httpx.Limits(
                max_connections=None,
                max_keepalive_connections=options.max_connections if keep_alive else 0,
                keepalive_expiry=options.keep_alive_s,
            ),
            trust_env=False,
            verify=_trust(),
        ),
        headers={
            "user-agent": options.user_agent,
            "accept": "application/json",
            "accept-encoding": ACCEPT_ENCODING,
        },
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        follow_redirects=False,
        trust_env=False,
    )


@cache
def _trust() -> ssl.SSLContext:
    """Certifi's authorities and the system's, read once: it takes 60 ms, and each source has two clients."""
    context = httpx.create_ssl_context(trust_env=False)
    context.load_default_certs()
    return context
