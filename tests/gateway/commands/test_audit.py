"""`audit export`: the audit log as JSON lines, for other systems."""

import asyncio
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway import config
from gateway.app import open_ledger
from gateway.commands import audit
from gateway.commands.writes import settle_write
from gateway.config import Settings
from gateway.domain.access import LoginKind
from gateway.domain.acting import Actor, acting_as
from gateway.domain.audit import AuditFilter, access_refused
from gateway.domain.ledger import Ledger, LedgerUnavailable, WriteState
from tests.gateway.store.entries import entry, settled, ticket
from tests.ledgers import new_ledger
from tests.processes import ROOT, environment

ALL = AuditFilter()
OLA = Actor("key:ola", LoginKind.API_KEY, "0123456789ab", "r-1")
FIELDS = [
    "id", "at", "kind", "principal", "login", "credential_id", "request_id", "owner", "operation",
    "source", "target", "write", "state", "problem", "attempts", "key", "detail",
]  # fmt: skip


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return config.check({"ledger": {"url": new_ledger(tmp_path)}})


def doing(settings: Settings, act: Any) -> None:
    async def run() -> None:
        async with open_ledger(settings) as ledger:
            await act(ledger)

    asyncio.run(run())


async def some_writes(ledger: Ledger) -> None:
    with acting_as(OLA):
        assert await ledger.insert(entry(1)) is None
        await ledger.append(access_refused("reply", "messages:write@bank", source="bank"))
    assert await ledger.replace(entry(1), settled(1))


async def many_writes(ledger: Ledger) -> None:
    assert await asyncio.gather(*(ledger.insert(entry(number)) for number in range(1, 2502)))


def exported(settings: Settings, capsys: pytest.CaptureFixture[str], wanted: AuditFilter = ALL) -> list[Any]:
    assert audit.export(settings, wanted) == 0
    output, errors = capsys.readouterr()
    assert errors == ""
    return [json.loads(line) for line in output.splitlines()]


def test_an_empty_log_is_nothing(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert exported(settings, capsys) == []


def test_every_line_is_an_event_with_all_its_fields(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    doing(settings, some_writes)
    lines = exported(settings, capsys)

    assert [list(line) for line in lines] == [FIELDS] * 3
    for line in lines:
        at = datetime.fromisoformat(line.pop("at"))
        assert (at.tzinfo, line.pop("id")[:14]) == (UTC, f"{round(at.timestamp() * 1_000_000):014x}")
    written = {
        "owner": "ola",
        "operation": "reply",
        "source": "desk",
        "target": ticket("1234").global_id,
        "write": entry(1).id,
        "problem": None,
        "attempts": 1,
        "key": None,
        "detail": None,
    }
    hers = {"principal": "key:ola", "login": "API_KEY", "credential_id": "0123456789ab", "request_id": "r-1"}
    nobodys = {"principal": "system", "login": None, "credential_id": None, "request_id": None}
    refusal = dict.fromkeys(written) | {
        "operation": "reply",
        "source": "bank",
        "problem": "FORBIDDEN",
        "detail": "needs messages:write@bank",
    }
    assert lines == [
        {"kind": "WRITE_SUBMITTED", **hers, **written, "state": "PENDING"},
        {"kind": "ACCESS_REFUSED", **hers, **refusal, "state": None},
        {"kind": "WRITE_SETTLED", **nobodys, **written, "state": "CONFIRMED"},
    ]


def test_what_is_asked_for_is_exported(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    doing(settings, some_writes)
    submitted, refused, done = exported(settings, capsys)
    since = datetime.fromisoformat(refused["at"])

    assert exported(settings, capsys, AuditFilter(principal="key:ola")) == [submitted, refused]
    assert exported(settings, capsys, AuditFilter(source="bank")) == [refused]
    assert exported(settings, capsys, AuditFilter(since=since)) == [refused, done]
    assert exported(settings, capsys, AuditFilter(until=since)) == [submitted]


def test_a_person_who_settles_a_write_is_told_of(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    async def doubtful(ledger: Ledger) -> None:
        await ledger.insert(settled(1, WriteState.IN_DOUBT))

    doing(settings, doubtful)
    reason = "the customer never got the letter about Monday"
    assert settle_write(settings, entry(1).id, applied=False, reason=reason) == 0
    capsys.readouterr()

    (_, by_hand) = exported(settings, capsys)
    assert {name: by_hand[name] for name in ("kind", "principal", "login", "owner", "state", "problem")} == {
        "kind": "WRITE_SETTLED_BY_HAND",
        "principal": "operator",
        "login": None,
        "owner": "ola",
        "state": "REJECTED",
        "problem": "REJECTED_BY_SOURCE",
    }
    assert "Monday" not in json.dumps(by_hand)


class Lines(io.StringIO):
    """Standard output that notes how much comes at once."""

    def __init__(self) -> None:
        super().__init__()
        self.at_once: list[int] = []

    def writelines(self, lines: Any) -> None:
        pieces = list(lines)
        self.at_once.append(len(pieces))
        super().writelines(pieces)


def test_many_events_go_out_page_by_page(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    doing(settings, many_writes)
    output = Lines()
    monkeypatch.setattr(sys, "stdout", output)

    assert audit.export(settings, ALL) == 0
    ids = [json.loads(line)["id"] for line in output.getvalue().splitlines()]
    assert output.at_once == [1000, 1000, 501]
    assert ids == sorted(set(ids))
    assert len(ids) == 2501


@pytest.fixture
def reader() -> Iterator[int]:
    """A pipe that nobody reads from any more."""
    reading, writing = os.pipe()
    os.close(reading)
    yield writing
    os.close(writing)


def test_whoever_reads_may_stop(settings: Settings, reader: int) -> None:
    doing(settings, many_writes)
    program = (
        "import sys; from gateway import config; from gateway.commands.audit import export;"
        "from gateway.domain.audit import AuditFilter;"
        "sys.exit(export(config.check({'ledger': {'url': sys.argv[1]}}), AuditFilter()))"
    )
    url = settings.ledger.url.get_secret_value()
    done = subprocess.run(
        [sys.executable, "-c", program, url],
        cwd=ROOT,
        env=environment(),
        stdout=reader,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stderr) == (1, "")


def test_without_a_ledger_there_is_nothing_to_export() -> None:
    with pytest.raises(LedgerUnavailable):
        audit.export(config.check({"ledger": {"url": "postgresql://ola:s3cret@127.0.0.1:9/none"}}), ALL)
