"""API keys: how they look, and which of them are good."""

import asyncio
import contextvars
import hashlib
import hmac
import re
import secrets
import string
import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog

from gateway.domain.access import Grants, LoginKind, Principal
from gateway.domain.api_keys import ApiKey, KeyStore
from gateway.domain.clock import Clock, utc_now
from gateway.domain.deadline import Monotonic
from gateway.domain.ledger import LedgerUnavailable

PREFIX = "hdg_"
KEY_ID = "[0-9a-f]{12}"  # As a pattern.
KEY_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")

_FORM = re.compile(rf"({PREFIX}{KEY_ID}_[0-9A-Za-z]{{43}})([0-9a-f]{{8}})")
_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
# What an unknown id is compared with, so that it takes as long as a known one.
_NOBODYS = hashlib.sha256(b"").hexdigest()
# How often strangers can make the gateway look for keys that it doesn't know.
_EARLY_PAUSE_S = 1.0
_PATIENCE_S = 5.0

_log = structlog.get_logger("gateway.security")


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was just made. `text` is what its owner needs; nobody can say it again."""

    id: str
    text: str
    digest: str

    def __repr__(self) -> str:
        return f"NewKey(id={self.id!r})"


def new_key() -> NewKey:
    """Make a key: `hdg_<id>_<secret>`, the secret with 256 random bits and a checksum at its end.

    The fixed beginning and the checksum let scanners find keys that were committed by accident, and tell
    them from what only looks like one.
    """
    key_id = secrets.token_hex(6)
    number, digits = secrets.randbits(256), ""
    for _ in range(43):
        number, digit = divmod(number, 62)
        digits += _BASE62[digit]
    text = f"{PREFIX}{key_id}_{digits}"
    text += _checksum(text)
    return NewKey(key_id, text, _digest(text.rpartition("_")[2]))


def is_key(text: str) -> bool:
    """Whether a text was made by `new_key`, as far as it shows: a mistyped one wasn't."""
    match = _FORM.fullmatch(text)
    return match is not None and _checksum(match[1]) == match[2]


@dataclass(frozen=True, slots=True)
class _Held:
    """A key as it is in force. `principal` is None for one that was revoked."""

    key: ApiKey
    principal: Principal | None


class KeyRing:
    """The keys of the ledger, held in memory: a request asks no database.

    They are read anew every few seconds, so a revoked key dies in every process. While the ledger can't be
    reached, those that were read last stand. An unknown id makes the ring look at once, so that a key made
    a moment ago works, but not more often than once a second, whoever asks.
    """

    def __init__(
        self,
        store: KeyStore,
        *,
        refresh_s: float = 5.0,
        clock: Clock = utc_now,
        now: Monotonic = time.monotonic,
    ) -> None:
        """Begin with none: see `refresh` and `run`.

        Args:
            store: Where keys are kept.
            refresh_s: How often they are read anew.
            clock: Decides which have expired.
            now: In seconds, of the running loop's clock.
        """
        self._store = store
        self._refresh_s = refresh_s
        self._clock = clock
        self._now = now
        self._held: Mapping[str, _Held] | None = None
        self._away = False
        self._early_at_s = float("-inf")
        self._awaited: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        # Two readings at once could end in the other order, and a revoked key would live again.
        self._reading = asyncio.Lock()

    def known(self, text: str) -> Principal | None:
        """Whose key a text is, by what is held in memory; None if it is none that is good."""
        _, _, rest = text.partition("_")
        key_id, _, secret = rest.partition("_")
        held = None if self._held is None else self._held.get(key_id)
        digest = _digest(secret)
        if held is None:
            hmac.compare_digest(digest, _NOBODYS)
            return None
        if not hmac.compare_digest(digest, held.key.digest):
            return None
        expires_at = held.key.expires_at
        if expires_at is not None and self._clock() >= expires_at:
            return None
        return held.principal

    async def find(self, text: str) -> Principal | None:
        """The same, but an id that isn't known is looked for in the ledger first.

        Raises:
            LedgerUnavailable: No key was ever read, so nothing can be said of this one.
        """
        if self._held is None:
            if self._now() >= self._early_at_s + _EARLY_PAUSE_S:
                await self._look()
            if self._held is None:
                raise LedgerUnavailable("no API key has been read yet")
        elif is_key(text) and text[len(PREFIX) :].partition("_")[0] not in self._held:
            await self._look()
        return self.known(text)

    async def refresh(self) -> None:
        """Read the keys. If that fails, those that are held stand."""
        async with self._reading:
            try:
                async with asyncio.timeout(_PATIENCE_S):
                    keys = await self._store.keys()
            except (LedgerUnavailable, TimeoutError) as error:
                if not self._away:
                    detail = error.detail if isinstance(error, LedgerUnavailable) else "no answer in time"
                    _log.warning("keys_not_read", detail=detail, held=self._held is not None)
                self._away = True
                return
            except Exception:  # noqa: BLE001 - a task's edge: a fault of ours must not end the reading
                _log.exception("keys_reading_failed")
                return
            if self._away:
                _log.info("keys_read_again")
            self._away = False
            self._held = self._taken(keys)

    async def run(self) -> None:
        """Read them again and again, until cancelled."""
        while True:
            await asyncio.sleep(self._refresh_s)
            await self.refresh()

    async def close(self) -> None:
        """End what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _look(self) -> None:
        """Wait for a reading that begins from now on; all who wait share it."""
        task = self._awaited
        if task is None:
            # In a context of its own: it belongs to no caller.
            task = asyncio.get_running_loop().create_task(self._read_soon(), context=contextvars.Context())
            self._awaited = task
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        await asyncio.shield(task)

    async def _read_soon(self) -> None:
        await asyncio.sleep(self._early_at_s + _EARLY_PAUSE_S - self._now())
        # Whoever comes while it reads may be asking for what it has just missed.
        self._awaited = None
        self._early_at_s = self._now()
        await self.refresh()

    def _taken(self, keys: Sequence[ApiKey]) -> Mapping[str, _Held]:
        """Those keys, each with its principal; that is the same object as long as the key is the same."""
        before = self._held or {}
        taken: dict[str, _Held] = {}
        for key in keys:
            held = before.get(key.id)
            taken[key.id] = held if held is not None and held.key == key else _held(key)
        return taken


def _held(key: ApiKey) -> _Held:
    principal = Principal(
        subject=f"key:{key.name}",
        name=key.name,
        login=LoginKind.API_KEY,
        grants=Grants.known(key.scopes),
        writes_as=key.writes_as,
        credential_id=key.id,
        expires_at=key.expires_at,
    )
    return _Held(key, principal if key.revoked_at is None else None)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _checksum(text: str) -> str:
    return f"{zlib.crc32(text.encode()):08x}"
