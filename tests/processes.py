"""Programs of the gateway as a user starts them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.ledgers import temporary_ledger

ROOT = Path(__file__).parent.parent
LEDGER_URL = "HELPDESK_GATEWAY_LEDGER__URL"


def environment(**changes: str) -> dict[str, str]:
    """The tests' own environment, without what would configure a gateway."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name != "PORT" and not name.startswith("HELPDESK_GATEWAY_")
    }
    # The checkout's own modules, wherever the program is started.
    return kept | {"PYTHONPATH": str(ROOT)} | changes


def run(*arguments: str, cwd: object = None, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "gateway", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=str(cwd) if cwd else None,
        env=environment(**changes),
    )


@contextmanager
def running(
    *arguments: str, until: str, **changes: str
) -> "Iterator[tuple[subprocess.Popen[str], list[str]]]":
    """Start a command and read its output until a line with a text; it is killed if a test leaves it.

    It has a fresh ledger, unless `changes` name one.
    """
    with (
        temporary_ledger() as ledger_url,
        subprocess.Popen(
            [sys.executable, "-m", "gateway", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment(**{LEDGER_URL: ledger_url, **changes}),
        ) as process,
    ):
        assert process.stdout is not None
        said: list[str] = []
        try:
            for line in process.stdout:
                said.append(line)
                if until in line:
                    break
            else:
                raise AssertionError("ended: " + "".join(said))
            yield process, said
        finally:
            process.kill()


def ended(process: "subprocess.Popen[str]") -> tuple[int, str]:
    """Wait for a process to end; its exit code and what more it has said."""
    assert process.stdout is not None
    rest = process.stdout.read()
    return process.wait(60), rest
