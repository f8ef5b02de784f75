"""Credentials read anew from their files, once a source refuses those that it is sent."""

import asyncio
import contextvars
import time
from collections.abc import Callable
from typing import Generic, TypeVar

import structlog

from gateway.domain.deadline import Monotonic
from gateway.observability.redaction import learn, secrets_of
from gateway.sources.auth import Auth

S = TypeVar("S")

# A secret changes at its source before it changes in a mounted file, which takes up to a minute: calls are
# refused meanwhile, and each of them would read.
PAUSE_S = 5.0

_log = structlog.get_logger("gateway.sources")


class UnreadableCredential(Exception):
    """The files give no credential now; the text says why, without a secret."""


class Renewal(Generic[S]):
    """Looks for a source's new credential, for all that were refused at once, and not too often."""

    def __init__(
        self,
        source: str,
        settings: S,
        *,
        reread: Callable[[S], S],
        make: Callable[[S], Auth],
        renewed: Callable[[], None] = lambda: None,
        now: Monotonic = time.monotonic,
    ) -> None:
        """Take what is needed.

        Args:
            source: Its key.
            settings: With the credential as it is used now.
            reread: Gives them with what the files hold; raises `UnreadableCredential`. Runs in a thread.
            make: What uses the credential.
            renewed: Called before a new one is used: what was read with the old one is void.
            now: What time has passed.
        """
        self._source = source
        self._settings = settings
        self._reread = reread
        self._make = make
        self._renewed = renewed
        self._now = now
        self._not_before_s = float("-inf")
        self._reading: asyncio.Task[Auth | None] | None = None
        self._latest: Auth | None = None

    async def __call__(self) -> Auth | None:
        """What uses the newest credential that was read; None if none ever was but the first.

        The files are not looked at again right after a look. Who was refused with what that look has
        replaced comes late: the newest is for them too.
        """
        if self._reading is None:
            if self._now() < self._not_before_s:
                return self._latest
            # It belongs to no caller, and so ends with none.
            self._reading = asyncio.get_running_loop().create_task(
                self._read(), context=contextvars.Context()
            )
            self._reading.add_done_callback(self._done)
        return await asyncio.shield(self._reading)

    async def _read(self) -> Auth | None:
        try:
            fresh = await asyncio.to_thread(self._reread, self._settings)
        except UnreadableCredential as error:
            _log.warning("secret_file_unusable", source=self._source, detail=str(error))
            return self._latest
        if fresh == self._settings:
            return self._latest
        # The old ones stay hidden too: others may still take them.
        learn(*secrets_of(fresh))
        self._settings = fresh
        self._renewed()
        _log.info("credential_renewed", source=self._source)
        self._latest = self._make(fresh)
        return self._latest

    def _done(self, _: "asyncio.Task[Auth | None]") -> None:
        self._reading = None
        self._not_before_s = self._now() + PAUSE_S
