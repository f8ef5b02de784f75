"""How long the ledger keeps what."""

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime

import structlog

from gateway.domain.clock import Clock
from gateway.domain.ledger import Ledger, LedgerUnavailable, Purged, Retention

PURGE_EVERY_S = 3600.0

_log = structlog.get_logger("gateway.writes")


async def purge_forever(ledger: Ledger, retention: Callable[[datetime], Retention], *, clock: Clock) -> None:
    """Purge now and every hour, until cancelled. No failure ends it."""
    while True:
        try:
            purged = await ledger.purge(retention(clock()))
            if purged != Purged(0, 0, 0):
                _log.info("ledger_purged", **asdict(purged))
        except LedgerUnavailable as error:
            _log.warning("ledger_not_purged", detail=error.detail)
        await asyncio.sleep(PURGE_EVERY_S)
