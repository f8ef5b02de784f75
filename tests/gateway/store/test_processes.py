"""Ledgers that several processes share, and that survive them."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from gateway.domain.ledger import EntryFilter, Ledger
from gateway.store import open_ledger
from tests.gateway.store.contender import KEYS
from tests.processes import ROOT, environment

Process = subprocess.Popen[str]


@contextmanager
def _contender(url: str, name: int) -> Iterator[Process]:
    command = [sys.executable, "-W", "error", "-m", "tests.gateway.store.contender", url, str(name)]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment(),
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _hear(process: Process) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def _tell(process: Process) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def _complaints(process: Process) -> str:
    assert process.stderr is not None
    return process.stderr.read()


async def test_processes_share_a_ledger_and_it_outlives_their_being_killed(url: str) -> None:
    with ExitStack() as stack:
        processes = [stack.enter_context(_contender(url, name)) for name in (1, 2, 3)]
        assert [_hear(process) for process in processes] == ["ready"] * 3
        # Now all migrate the same empty database, and want the same keys.
        for process in processes:
            _tell(process)
        won = [_hear(process).split() for process in processes]
        for process in processes:
            process.kill()  # SIGKILL: nothing is closed, nothing is tidied up.
        assert [_complaints(process) for process in processes] == [""] * 3

    keys = [f"key-{number}" for number in range(KEYS)]
    assert sorted(key for got in won for key in got) == sorted(keys)
    ledger: Ledger = open_ledger(url)
    found = await ledger.page(EntryFilter(), limit=200)
    await ledger.close()
    assert len(found) == KEYS
    assert {each.key: int(each.id, 16) // 1000 for each in found} == {
        key: name for name, got in enumerate(won, 1) for key in got
    }
