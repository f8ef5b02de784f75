"""JSON Web Tokens: which are good, and whose.

RFC 7519, with the advice of RFC 8725. https://www.rfc-editor.org/rfc/rfc8725
"""

import base64
import binascii
import hashlib
import json
import re
from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final, TypeGuard

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwt import JWTClaimsRegistry

from gateway.domain.access import Grants, LoginKind, Principal, WriteAs
from gateway.domain.clock import Clock, utc_now
from gateway.domain.errors import Unauthenticated
from gateway.security.auth_settings import JwtSettings
from gateway.security.jwks import Keys, KeySet

MAX_TOKEN_CHARS = 8192
_FORM = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
# A token says itself how to check it with these: with a key of its own, say. RFC 8725, sections 3.1 and 3.10.
_REFUSED_HEADERS = frozenset({"b64", "crit", "enc", "jku", "jwk", "x5u", "zip"})
# Others are for other purposes, though the same issuer has signed them (section 3.11).
_TYPES = frozenset({"jwt", "application/jwt", "at+jwt", "application/at+jwt"})
_MAX_TEXT = 255
_LAST_SECOND: Final = 253_402_300_799  # Of the year 9999: later ones can't be told as a date.
# How long a signature that was checked counts for the same token.
_RECHECK_S = 60.0


@dataclass(slots=True)
class _Good:
    """A token that was good. `keys` are those that it was checked with."""

    principal: Principal
    keys: Keys
    recheck_s: float
    ends_s: float


class Tokens:
    """Checks tokens, and remembers those that are good.

    Their signature is checked once a minute, not with every request. That lets nothing in that is no longer
    good: within that minute a token only counts until it expires, and only as long as the provider's keys
    are the very ones that it was checked with. So a key that the provider has withdrawn ends its tokens when
    the gateway hears of it, remembered or not.
    """

    def __init__(
        self, settings: JwtSettings, keys: KeySet, *, clock: Clock = utc_now, memory: int = 4096
    ) -> None:
        """Remember none.

        Args:
            settings: Whose tokens are taken.
            keys: The provider's.
            clock: Decides which have expired.
            memory: How many are remembered; the longest unused goes first.
        """
        self._memory = memory
        self._settings = settings
        self._keys = keys
        self._clock = clock
        self._signatures = _Signatures(settings.algorithms)
        self._claims = JWTClaimsRegistry(
            now=lambda: int(clock().timestamp()),
            leeway=settings.leeway_s,
            iss={"essential": True, "value": settings.issuer},
            aud={"essential": True, "value": settings.audience},
            sub={"essential": True},
            exp={"essential": True},
        )
        self._good: OrderedDict[bytes, _Good] = OrderedDict()

    def known(self, token: str) -> Principal | None:
        """Whose token it is, if that was found out a moment ago."""
        digest = _digest(token)
        good = self._good.get(digest)
        if good is None or good.keys is not self._keys.current:
            return None
        now_s = self._clock().timestamp()
        if now_s >= good.recheck_s or now_s >= good.ends_s:
            return None
        self._good.move_to_end(digest)
        return good.principal

    def was_good(self, token: str) -> bool:
        """Whether it has been good at some time, and has not expired since."""
        good = self._good.get(_digest(token))
        return good is not None and self._clock().timestamp() < good.ends_s

    async def check(self, token: str) -> Principal:
        """Whose token it is.

        Raises:
            Unauthenticated: It isn't good.
            KeysUnavailable: That can't be known.
        """
        # The claims first, though nobody vouches for them yet: with wrong ones the rest isn't worth its time.
        header, claims = _parts(token)
        algorithm, kid = self._checked_header(header)
        principal = self._principal(claims)
        key = await self._keys.get(kid, algorithm)
        keys = self._keys.current
        if key is None or keys is None:
            raise self._refused(token)
        try:
            jws.deserialize_compact(token, key, registry=self._signatures)
        except (JoseError, ValueError, TypeError):
            raise self._refused(token) from None
        self._remember(token, principal, keys)
        return principal

    def _checked_header(self, header: Mapping[str, Any]) -> tuple[str, str]:
        algorithm, kid, kind = header.get("alg"), header.get("kid"), header.get("typ", "JWT")
        if (
            not isinstance(algorithm, str)
            or algorithm not in self._settings.algorithms
            or not isinstance(kid, str)
            or not isinstance(kind, str)
            or kind.lower() not in _TYPES
            or not _REFUSED_HEADERS.isdisjoint(header)
        ):
            raise Unauthenticated
        return algorithm, kid

    def _principal(self, claims: dict[str, Any]) -> Principal:
        try:
            self._claims.validate(claims)
        except JoseError:
            raise Unauthenticated from None
        subject, expires_s = claims["sub"], claims["exp"]
        if not is_readable(subject) or expires_s > _LAST_SECOND:
            raise Unauthenticated
        return Principal(
            subject=f"jwt:{subject.replace('%', '%25').replace(':', '%3A')}",
            name=next(
                each for each in (claims.get("name"), claims.get("email"), subject) if is_readable(each)
            ),
            login=LoginKind.TOKEN,
            grants=Grants.known(_scopes(claims.get(self._settings.scopes_claim))),
            writes_as=self._writes_as(claims),
            expires_at=datetime.fromtimestamp(expires_s, UTC),
        )

    def _writes_as(self, claims: Mapping[str, Any]) -> Mapping[str, WriteAs]:
        name = self._settings.write_as_claim
        given = None if name is None else claims.get(name)
        if given is None:
            return MappingProxyType({})
        if not isinstance(given, dict):
            raise Unauthenticated
        return MappingProxyType({source: _write_as(each) for source, each in given.items()})

    def _remember(self, token: str, principal: Principal, keys: Keys) -> None:
        now_s = self._clock().timestamp()
        assert principal.expires_at is not None
        ends_s = principal.expires_at.timestamp() + self._settings.leeway_s
        digest = _digest(token)
        self._good[digest] = _Good(principal, keys, now_s + _RECHECK_S, ends_s)
        self._good.move_to_end(digest)
        while len(self._good) > self._memory:
            self._good.popitem(last=False)

    def _refused(self, token: str) -> Unauthenticated:
        self._good.pop(_digest(token), None)
        return Unauthenticated()


class _Signatures(jws.JWSRegistry):
    """The allowed algorithms.

    The library warns of `EdDSA` with each token, as RFC 9864 has new names for it; providers use the old one.
    """

    max_signature_length = 2048

    def __init__(self, algorithms: Collection[str]) -> None:
        super().__init__(algorithms=algorithms, strict_check_header=False)

    def get_alg(self, name: str) -> Any:
        if name not in (self.allowed or ()):
            raise JoseError("not allowed")
        return self.algorithms[name]


def _parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims, of which nothing is checked yet but their form: each name stands there once.

    Raises:
        Unauthenticated: They have another form.
    """
    match = _FORM.fullmatch(token) if len(token) <= MAX_TOKEN_CHARS else None
    if match is None:
        raise Unauthenticated
    try:
        return _object(match[1]), _object(match[2])
    except (ValueError, RecursionError):
        raise Unauthenticated from None


def _object(part: str) -> dict[str, Any]:
    try:
        text = base64.b64decode(part + "=" * (-len(part) % 4), b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError from error
    read = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_number)
    if not isinstance(read, dict):
        raise ValueError  # noqa: TRY004 - whoever calls asks for this one alone
    return read


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) != len(pairs):
        raise ValueError
    return read


def _no_number(name: str) -> Any:
    raise ValueError(name)


def _scopes(given: object) -> list[str]:
    match given:
        case None:
            return []
        case str():
            return given.split()
        case list() if all(isinstance(each, str) for each in given):
            return given
        case _:
            raise Unauthenticated


def _write_as(given: object) -> WriteAs:
    if not isinstance(given, dict):
        raise Unauthenticated
    texts = [given.get(name) for name in ("agent", "author_name", "author_email")]
    if not all(each is None or is_readable(each) for each in texts):
        raise Unauthenticated
    return WriteAs(*texts)


def is_readable(text: object) -> TypeGuard[str]:
    """Whether something is a text without line ends and other controls, and of a sensible length."""
    return isinstance(text, str) and 1 <= len(text) <= _MAX_TEXT and text.isprintable() and bool(text.strip())


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
