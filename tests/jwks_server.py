"""An identity provider: a JWKS server on loopback, and tokens as it signs them, or as somebody forges them."""

import base64
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from tests.collector import Silent, listening

SigningKey = RSAKey | ECKey | OKPKey
ISSUER = "https://login.example.org/"
AUDIENCE = "helpdesk"


def signing_key(kind: str = "EC", kid: str = "k1") -> SigningKey:
    """A private key; the same for the same name, as some take long to make."""
    return _made(kind, kid)


@cache
def _made(kind: str, kid: str) -> SigningKey:
    match kind:
        case "RSA":
            return RSAKey.generate_key(2048, {"kid": kid, "use": "sig"})
        case "OKP":
            return OKPKey.generate_key("Ed25519", {"kid": kid, "use": "sig"})
        case _:
            return ECKey.generate_key("P-256", {"kid": kid, "use": "sig"})


def public(key: SigningKey, **changed: Any) -> dict[str, Any]:
    """Its public half as a JWK; a value of None leaves one out."""
    jwk = {**key.as_dict(private=False), **changed}
    return {name: value for name, value in jwk.items() if value is not None}


def encoded(part: bytes | str | Mapping[str, Any]) -> str:
    """A part of a token."""
    text = part if isinstance(part, bytes | str) else json.dumps(part)
    raw = text.encode() if isinstance(text, str) else text
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(
    claims: Mapping[str, Any] | str | bytes,
    key: SigningKey | None = None,
    *,
    header: Mapping[str, Any] | str | None = None,
    algorithm: str | None = None,
) -> str:
    """A token whose signature is good, whatever stands in it."""
    key = signing_key() if key is None else key
    usual = {"RSA": "RS256", "EC": "ES256", "OKP": "EdDSA"}[key.key_type]
    algorithm = usual if algorithm is None else algorithm
    if header is None:
        header = {"alg": algorithm, "kid": key.kid, "typ": "JWT"}
    message = f"{encoded(header)}.{encoded(claims)}"
    return f"{message}.{encoded(JWSRegistry.algorithms[algorithm].sign(message.encode(), key))}"


@dataclass
class Provider:
    """What it publishes, and how it answers.

    Attributes:
        body: Sent in place of the keys.
        asked: The paths that it was asked for.
    """

    keys: list[dict[str, Any]]
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    url: str = ""
    asked: list[str] = field(default_factory=list)


@contextmanager
def providing(*keys: SigningKey) -> Iterator[Provider]:
    """A provider with these keys."""
    provider = Provider([public(key) for key in keys])

    class Handler(Silent):
        def do_GET(self) -> None:  # noqa: N802 - the library's word
            provider.asked.append(self.path)
            body = json.dumps({"keys": provider.keys}).encode() if provider.body is None else provider.body
            self.answer(provider.status, body, **provider.headers)

    with listening(Handler) as address:
        provider.url = f"{address}jwks.json"
        yield provider
