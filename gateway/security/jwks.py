"""The public keys of an identity provider: read from its JWKS URL, and read again as it changes them.

RFC 7517. https://www.rfc-editor.org/rfc/rfc7517
"""

import asyncio
import base64
import binascii
import contextvars
import re
import time
from collections.abc import Collection, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import msgspec
import structlog
from cryptography.exceptions import UnsupportedAlgorithm
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from gateway.domain.deadline import Monotonic
from gateway.domain.errors import ErrorCode, GatewayError, SourceError, SourceProtocolError
from gateway.transport import Call, Reply, Transport, TransportOptions
from gateway.transport.httpx import HttpxTransport

Key = RSAKey | ECKey | OKPKey
Keys = Mapping[tuple[str, str], Key]  # By `kid` and algorithm.

NAME: Final = "auth.jwt"  # What errors call the provider.
_MAX_BYTES = 256 * 1024
_MAX_KEYS = 100
_MAX_KID = 255
_MIN_RSA_BITS, _MAX_RSA_BITS = 2048, 8192
_RSA = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
_CURVES: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("EC", "P-256"): ("ES256",),
    ("EC", "P-384"): ("ES384",),
    ("EC", "P-521"): ("ES512",),
    ("OKP", "Ed25519"): ("EdDSA", "Ed25519"),
}
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})

_TIMEOUT_S = 5.0
# How long keys are taken as they are: what the provider says, within bounds.
_LEAST_FRESH_S, _MOST_FRESH_S, _USUAL_FRESH_S = 300.0, 86_400.0, 900.0
# They are read again before that runs out; where the provider fails, they stand for so long after it.
_RENEWED_AT = 0.8
_STALE_S = 86_400.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 5.0, 300.0
# How often tokens with a key id that nobody knows can make the gateway ask the provider.
_EARLY_PAUSE_S = 10.0
_MAX_AGE = re.compile(r"(?:^|[\s,])max-age=\"?([0-9]{1,9})\"?(?=$|[\s,])", re.IGNORECASE)
_UNKEPT = re.compile(r"(?:^|[\s,])no-(?:store|cache)(?=$|[\s,])", re.IGNORECASE)

_log = structlog.get_logger("gateway.security")


class KeysUnavailable(GatewayError):
    """The provider's keys can't be had, so nothing can be said of its tokens."""

    code = ErrorCode.INTERNAL_SERVER_ERROR
    retryable = True

    def __init__(self) -> None:
        super().__init__("Tokens can't be checked right now. Try again later.")


class _Document(msgspec.Struct):
    keys: list[dict[str, Any]]


def read_keys(body: bytes, algorithms: Collection[str]) -> Keys:
    """The keys in a JWKS that tokens may be signed with; others are left out.

    A key is one for signatures, public, of a sound size, and has an id. The algorithms that it may be used
    with are those of its type, and of these that one alone that it names.

    Raises:
        SourceProtocolError: It is no JWKS.
    """
    try:
        document = msgspec.json.decode(body, type=_Document)
    except (msgspec.DecodeError, RecursionError) as error:
        raise SourceProtocolError(NAME, detail="the answer is no JWKS") from error
    keys: dict[tuple[str, str], Key] = {}
    for jwk in document.keys[:_MAX_KEYS]:
        allowed = _algorithms_of(jwk).intersection(algorithms)
        key = _imported(jwk) if allowed else None
        if key is not None:
            for algorithm in allowed:
                keys.setdefault((jwk["kid"], algorithm), key)
    return keys


def _algorithms_of(jwk: Mapping[str, Any]) -> set[str]:
    kid, use, operations = jwk.get("kid"), jwk.get("use", "sig"), jwk.get("key_ops", ["verify"])
    if not isinstance(kid, str) or not 1 <= len(kid) <= _MAX_KID or use != "sig":
        return set()
    if not isinstance(operations, list) or "verify" not in operations:
        return set()
    # Whoever publishes the private half has lost the key.
    if not _PRIVATE.isdisjoint(jwk):
        return set()
    kind, curve = str(jwk.get("kty")), str(jwk.get("crv"))
    possible = set(_RSA if kind == "RSA" else _CURVES.get((kind, curve), ()))
    return possible & {jwk["alg"]} if isinstance(jwk.get("alg"), str) else possible


def _imported(jwk: Mapping[str, Any]) -> Key | None:
    try:
        match jwk["kty"]:
            case "RSA":
                if not _MIN_RSA_BITS <= _bits(jwk["n"]) <= _MAX_RSA_BITS:
                    return None
                return RSAKey.import_key({"kty": "RSA", "n": jwk["n"], "e": jwk["e"]})
            case "EC":
                return ECKey.import_key({"kty": "EC", "crv": jwk["crv"], "x": jwk["x"], "y": jwk["y"]})
            case _:
                return OKPKey.import_key({"kty": "OKP", "crv": jwk["crv"], "x": jwk["x"]})
    except (JoseError, KeyError, TypeError, ValueError, UnsupportedAlgorithm):
        return None


def _bits(number: str) -> int:
    try:
        return int.from_bytes(base64.urlsafe_b64decode(f"{number}==")).bit_length()
    except (binascii.Error, ValueError):
        return 0


def fresh_s(headers: Mapping[str, str]) -> float:
    """How long an answer's keys may be taken as they are."""
    said = headers.get("cache-control", "")
    if _UNKEPT.search(said):
        return _LEAST_FRESH_S
    found = _MAX_AGE.search(said)
    if found is None:
        return _USUAL_FRESH_S
    age = headers.get("age", "")
    given_s = float(found[1]) - (float(age) if age.isascii() and age.isdigit() and len(age) < 10 else 0.0)
    return min(max(given_s, _LEAST_FRESH_S), _MOST_FRESH_S)


class KeySet:
    """The keys that the provider has now. No request waits for them, except for the first and for new ones.

    They are read again before their time runs out, and a token with an unknown key id makes that happen at
    once, though at most every ten seconds, whoever asks and however often. `current` is another object
    whenever the keys have changed.
    """

    def __init__(
        self, url: str, transport: Transport, algorithms: Collection[str], *, now: Monotonic = time.monotonic
    ) -> None:
        """Begin without keys.

        Args:
            url: Where they are published.
            transport: Made for `base_url_of(url)`.
            algorithms: Those that tokens may be signed with.
            now: In seconds, of the running loop's clock.
        """
        self._call = _call(url)
        self._transport = transport
        self._algorithms = frozenset(algorithms)
        self._now = now
        self._keys: Keys = {}
        self._good_until_s = float("-inf")
        self._due_s = float("-inf")
        self._began_s = float("-inf")
        self._failures = 0
        self._flight: asyncio.Task[None] | None = None

    @property
    def current(self) -> Keys | None:
        """Those that may be used now; None if that can't be known."""
        return self._keys if self._now() < self._good_until_s else None

    async def get(self, kid: str, algorithm: str) -> Key | None:
        """The key that a token names; None if the provider has none such.

        Raises:
            KeysUnavailable: It can't be known.
        """
        keys = self.current
        key = None if keys is None else keys.get((kid, algorithm))
        if key is not None:
            return key
        if self._flight is not None or self._now() - self._began_s >= _EARLY_PAUSE_S:
            await self.refresh()
            keys = self.current
        if keys is None:
            raise KeysUnavailable
        return keys.get((kid, algorithm))

    async def refresh(self) -> None:
        """Ask the provider, or wait for the answer if it is being asked. If it fails, the old keys stand."""
        flight = self._flight
        if flight is None:
            # In a context of its own: it belongs to no caller.
            flight = asyncio.get_running_loop().create_task(self._fetch(), context=contextvars.Context())
            self._flight, self._began_s = flight, self._now()
        await asyncio.shield(flight)

    async def run(self) -> None:
        """Keep them fresh, until cancelled."""
        while True:
            wait_s = self._due_s - self._now()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            else:
                await self.refresh()

    async def close(self) -> None:
        """End what is under way, and release the connection."""
        if self._flight is not None:
            self._flight.cancel()
            await asyncio.gather(self._flight, return_exceptions=True)
        await self._transport.close()

    async def _fetch(self) -> None:
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                reply = await self._transport.send(self._call)
            self._take(_keys_of(reply, self._algorithms), fresh_s(reply.headers))
        except (SourceError, TimeoutError) as error:
            self._failed(str(error) or "no answer in time")
        except Exception:  # noqa: BLE001 - a task's edge: whatever it is, it must not end the reading for ever
            _log.exception("token_keys_reading_failed")
            self._failed("see above")
        finally:
            self._flight = None

    def _take(self, keys: Keys, for_s: float) -> None:
        now_s = self._now()
        if self._failures:
            _log.info("token_keys_read_again")
        if not keys:
            _log.warning("token_keys_none_usable")
        if _described(keys) != _described(self._keys):
            self._keys = keys
        self._failures = 0
        self._due_s = now_s + _RENEWED_AT * for_s
        self._good_until_s = now_s + for_s + _STALE_S

    def _failed(self, detail: str) -> None:
        if not self._failures:
            _log.warning("token_keys_not_read", detail=detail, held=self.current is not None)
        pause_s = min(_FIRST_PAUSE_S * 2 ** min(self._failures, 10), _LONGEST_PAUSE_S)
        self._failures += 1
        self._due_s = self._now() + pause_s


def open_key_set(url: str, algorithms: Collection[str]) -> KeySet:
    """The keys behind a URL, over httpx: no redirects, certificates checked, small answers alone."""
    options = TransportOptions(
        base_url_of(url), read_timeout_s=5.0, max_connections=1, max_reply_bytes=_MAX_BYTES
    )
    return KeySet(url, HttpxTransport(NAME, options), algorithms)


def base_url_of(url: str) -> str:
    """The part of a URL that the transport connects to."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _call(url: str) -> Call:
    parts = urlsplit(url)
    query = tuple(parse_qsl(parts.query, keep_blank_values=True))
    return Call("jwks", "GET", parts.path, safe=True, query=query)


def _keys_of(reply: Reply, algorithms: Collection[str]) -> Keys:
    if reply.status != 200:
        raise SourceProtocolError(NAME, detail=f"status {reply.status}")
    return read_keys(reply.body, algorithms)


def _described(keys: Keys) -> dict[tuple[str, str], str]:
    return {name: key.thumbprint() for name, key in keys.items()}
