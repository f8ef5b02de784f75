"""What can be configured of log-ins."""

import ipaddress
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, AnyUrl, BaseModel, ConfigDict, Field


class Algorithm(StrEnum):
    """Signatures that a token may carry. All are made with a private key that nobody here has."""

    RS256 = "RS256"
    RS384 = "RS384"
    RS512 = "RS512"
    PS256 = "PS256"
    PS384 = "PS384"
    PS512 = "PS512"
    ES256 = "ES256"
    ES384 = "ES384"
    ES512 = "ES512"
    EDDSA = "EdDSA"
    ED25519 = "Ed25519"  # RFC 9864: the name that says which curve


def _https(text: str) -> str:
    url = AnyUrl(text)
    if url.scheme != "https" and not (url.scheme == "http" and _is_loopback(url.host or "")):
        raise ValueError("must begin with https://; whoever can change the keys on their way can log in")
    if not url.host or url.username or url.password or url.fragment:
        raise ValueError("has scheme, host, port, path and query alone")
    return str(url)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _asymmetric(name: str) -> Algorithm:
    try:
        return Algorithm(name)
    except ValueError:
        known = ", ".join(Algorithm)
        raise ValueError(f"`{name[:20]}` can't be used; signatures by private keys can: {known}") from None


def _network(text: str) -> str:
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        raise ValueError(f"`{text[:50]}` is no network; write it like 10.0.0.0/8 or 192.0.2.7") from None
    if network.prefixlen == 0:
        raise ValueError(f"`{text}` is everybody: then anyone could say to come from anywhere")
    return text


KeySetUrl = Annotated[str, AfterValidator(_https)]
AllowedAlgorithm = Annotated[str, AfterValidator(_asymmetric)]
Network = Annotated[str, AfterValidator(_network)]


class JwtSettings(BaseModel):
    """Whose tokens are taken."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    issuer: str = Field(min_length=1, description="What a token's `iss` must be, to the letter.")
    audience: str = Field(
        min_length=1, description="What a token's `aud` must be, or have among others: this gateway's name."
    )
    jwks_url: KeySetUrl = Field(
        description="Where the issuer publishes its public keys; https only, except on this machine."
    )
    algorithms: tuple[AllowedAlgorithm, ...] = Field(
        (Algorithm.RS256, Algorithm.ES256, Algorithm.EDDSA),
        min_length=1,
        description="Signatures that are taken: RS, PS and ES with 256, 384 or 512, EdDSA and Ed25519.",
    )
    leeway_s: int = Field(
        30, ge=0, le=300, description="How far the issuer's clock may be from the gateway's."
    )
    scopes_claim: str = Field(
        "scope",
        min_length=1,
        description="The claim with what the caller may: a text with blanks between, or a list.",
    )
    write_as_claim: str | None = Field(
        None,
        min_length=1,
        description="The claim that says who the caller is at each source: an object by source, with "
        "`agent`, `author_name` and `author_email`. Unset: no token says so.",
    )


class AuthSettings(BaseModel):
    """Who may ask."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    required: bool = Field(
        True, description="Every request needs an API key or a token. Off, only loopback may be listened on."
    )
    keys_refresh_s: float = Field(
        5.0, gt=0, le=300, description="A revoked API key is worth nothing after this, in every process."
    )
    failed_logins_per_minute: int = Field(
        10,
        ge=1,
        le=10_000,
        description="How many log-ins may fail from one address (IPv6: from one /64) before new ones are "
        "refused for a while.",
    )
    trusted_proxies: tuple[Network, ...] = Field(
        (),
        description="The proxies in front, such as 10.0.0.0/8. Their X-Forwarded-For is believed.",
    )
    jwt: JwtSettings | None = Field(
        None, description="Tokens of an identity provider. Unset: none are taken."
    )
