"""Ledgers for tests: a migrated SQLite file each."""

import asyncio
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from gateway.store.migrate import migrate


def new_ledger(folder: Path) -> str:
    """A fresh ledger in a folder; its URL."""
    path = folder / "ledger.db"
    path.write_bytes(_migrated())
    return f"sqlite:///{path}"


@contextmanager
def temporary_ledger() -> Iterator[str]:
    """A fresh ledger for a while; its URL."""
    folder = Path(tempfile.mkdtemp(prefix="ledger-"))
    try:
        yield new_ledger(folder)
    finally:
        shutil.rmtree(folder)


@cache
def _migrated() -> bytes:
    """The file of an empty ledger. Made once: migrations take their time."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.db"
        # In a thread of its own, as the caller may be inside a running loop.
        thread = threading.Thread(target=lambda: asyncio.run(migrate(f"sqlite:///{path}")))
        thread.start()
        thread.join()
        return path.read_bytes()
