"""API keys as they are kept: never the key itself, only a hash of its secret."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Protocol

from gateway.domain.access import WriteAs


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """One key. Times are aware and UTC.

    Attributes:
        id: Part of the key, and no secret: what operators name it by.
        name: Whose it is. Keys of one name are one principal's, so that a new one can replace an old one.
        digest: SHA-256 of the key's secret part, hexadecimal. The secret has 256 random bits: nobody
            guesses it, so a slow hash would protect nothing.
        scopes: As they are written (`gateway.domain.access.Scope`).
        writes_as: Source -> who the principal is there.
        created_at: When it was made.
        expires_at: From then on it is worth nothing; None for never.
        revoked_at: Since then it is worth nothing.
    """

    id: str
    name: str
    digest: str = field(repr=False)
    scopes: tuple[str, ...]
    writes_as: Mapping[str, WriteAs] = field(default_factory=lambda: MappingProxyType({}))
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None


class KeyStore(Protocol):
    """Where keys are kept: beside the ledger, for all processes. Methods raise LedgerUnavailable."""

    async def add_key(self, key: ApiKey) -> None:
        """Commit a new key."""

    async def keys(self) -> list[ApiKey]:
        """All keys, the oldest first, revoked and expired ones too."""

    async def revoke_key(self, key_id: str, at: datetime) -> ApiKey | None:
        """Make a key worth nothing from now on; None if there is none of that id. Twice is as once."""
