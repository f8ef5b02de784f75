"""`audit`: what has been done through this gateway, for other systems to keep or to look through."""

import os
import sys
from datetime import UTC
from typing import Any

import msgspec

from gateway.commands.writes import with_ledger
from gateway.config import Settings
from gateway.domain.audit import AuditEvent, AuditFilter
from gateway.domain.ledger import Ledger

# Events that are in memory at once, and read from the ledger at once: writes wait as long.
_PAGE = 1_000


def export(settings: Settings, wanted: AuditFilter) -> int:
    """Print events as JSON, a line each, the oldest first.

    Raises:
        LedgerUnavailable: The ledger can't be reached.
    """

    async def run(ledger: Ledger) -> None:
        after: str | None = None
        while True:
            page = await ledger.audit_history(wanted, limit=_PAGE, after=after)
            sys.stdout.writelines(f"{line(event)}\n" for event in page)
            if len(page) < _PAGE:
                sys.stdout.flush()
                return
            after = page[-1].id

    try:
        with_ledger(settings, run)
    except BrokenPipeError:
        # Whoever reads has seen enough. What is left must not complain when the program ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


def line(event: AuditEvent) -> str:
    """An event as JSON. Every field stands in every line; a new one may come, none goes."""
    return msgspec.json.encode(_plain(event)).decode()


def _plain(event: AuditEvent) -> dict[str, Any]:
    by, deed = event.by, event.deed
    return {
        "id": event.id,
        "at": f"{event.at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
        "kind": deed.kind,
        "principal": by.principal,
        "login": by.login,
        "credential_id": by.credential_id,
        "request_id": by.request_id,
        "owner": deed.owner,
        "operation": deed.operation,
        "source": deed.source,
        "target": deed.target,
        "write": deed.write_id,
        "state": deed.state,
        "problem": deed.problem,
        "attempts": deed.attempts,
        "key": deed.key_id,
        "detail": deed.detail,
    }
