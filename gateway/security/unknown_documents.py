"""Counts the documents that aren't trusted but run: what `observe` is for.

Whatever clients send, it takes no more memory and writes no more lines than it says here.
"""

import re
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Final

import structlog

from gateway.security.document_folder import sha256_of

MAX_CLIENTS: Final = 100
MAX_DOCUMENTS: Final = 1_000
MAX_LINES_PER_MINUTE: Final = 60
OTHER: Final = "OTHER"

_STRANGE = re.compile(r"[^A-Za-z0-9._@-]+")
_LONGEST = 64
_TOLD_AT = frozenset(10**power for power in range(10))

_log = structlog.get_logger("gateway.security")


def client_label(principal: str, application: str | None = None) -> str:
    """What a client is counted as.

    Args:
        principal: Who has logged in.
        application: What it calls itself, if it does: `apollographql-client-name`.
    """
    if not application:
        return _cleaned(principal)
    return f"{_cleaned(principal)}/{_cleaned(application)}"


def _cleaned(name: str) -> str:
    return _STRANGE.sub("_", name[:_LONGEST]) or "_"


class UnknownDocuments:
    """Counts by client, and logs what each has sent: the first time, the tenth, the hundredth."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """Count from zero; `now` is in seconds, from any moment on."""
        self._now = now
        self._by_client: dict[str, int] = {}
        self._times: OrderedDict[tuple[str, str], int] = OrderedDict()
        self._minute_began_s = now()
        self._lines = 0
        self._unlogged = 0

    def note(self, client: str, text: str, operation_name: str | None) -> None:
        """A client has sent a valid document that isn't trusted."""
        if client not in self._by_client and len(self._by_client) >= MAX_CLIENTS:
            client = OTHER
        self._by_client[client] = self._by_client.get(client, 0) + 1
        key = (client, sha256_of(text))
        times = self._times[key] = self._times.get(key, 0) + 1
        self._times.move_to_end(key)
        if len(self._times) > MAX_DOCUMENTS:
            self._times.popitem(last=False)
        if times in _TOLD_AT:
            self._line(client, key[1], operation_name, times)

    def by_client(self) -> Mapping[str, int]:
        """How many requests each client has made with such documents."""
        return self._by_client

    def _line(self, client: str, digest: str, operation_name: str | None, times: int) -> None:
        now_s = self._now()
        if now_s - self._minute_began_s >= 60:
            self._minute_began_s, self._lines = now_s, 0
        if self._lines >= MAX_LINES_PER_MINUTE:
            self._unlogged += 1
            return
        self._lines += 1
        # Not its text: people write values into documents.
        named = _cleaned(operation_name) if operation_name else None
        more = {"lines_left_out": self._unlogged} if self._unlogged else {}
        self._unlogged = 0
        _log.info("unknown_document", client=client, document_id=digest, operation=named, times=times, **more)
