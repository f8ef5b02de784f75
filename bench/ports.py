"""Processes that listen on this machine's loopback."""

import asyncio
import socket
from asyncio.subprocess import Process

_TIMEOUT_S = 60.0
_GRACE_S = 15.0


def free_port() -> int:
    """One that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


async def wait_for_port(port: int, process: Process) -> None:
    """Return once a process listens there.

    Raises:
        RuntimeError: It has ended, or doesn't in time.
    """
    async with asyncio.timeout(_TIMEOUT_S):
        while True:
            if process.returncode is not None:
                raise RuntimeError(f"process {process.pid} has ended with {process.returncode}")
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return


async def end(process: Process) -> None:
    """End a process, if it still runs."""
    if process.returncode is None:
        process.terminate()
        try:
            async with asyncio.timeout(_GRACE_S):
                await process.wait()
        except TimeoutError:
            process.kill()
    await process.wait()
