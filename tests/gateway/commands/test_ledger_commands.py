"""`migrate`, `writes`, `reconcile` and `purge`: the ledger, for people."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway import config
from gateway.__main__ import main
from gateway.app import open_ledger
from gateway.config import Settings
from gateway.domain.ids import EntityType, Ref
from gateway.domain.ledger import Entry, Part, Problem, WriteState
from gateway.domain.writes import Reply
from gateway.writes import inputs
from tests.ledgers import new_ledger

NOW = datetime.now(UTC)
TICKET = Ref(EntityType.TICKET, "bank", ("50817",))
DOUBT = Problem("SOURCE_TIMEOUT", "The write was sent, but its source did not confirm it.")
ENTRY = Entry(
    id=f"{1:032x}",
    principal="local",
    credential="c",
    operation="reply",
    source="bank",
    target=TICKET,
    key="k1",
    fingerprint="f",
    input=inputs.encode(Reply(conversation=TICKET, body="A letter")),
    state=WriteState.IN_DOUBT,
    submitted_at=NOW - timedelta(hours=1),
    settled_at=NOW - timedelta(hours=1),
    problem=DOUBT,
)
IN_PARTS = replace(
    ENTRY,
    id=f"{2:032x}",
    key="k2",
    operation="confirmMessages",
    state=WriteState.PARTIAL,
    parts=(
        Part(Ref(EntityType.MESSAGE, "bank", ("1", "1")), WriteState.CONFIRMED),
        Part(Ref(EntityType.MESSAGE, "bank", ("1", "2")), WriteState.IN_DOUBT, problem=DOUBT),
    ),
)
LINE = f"{ENTRY.submitted_at:%Y-%m-%d %H:%M:%S}"


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    """A configuration without sources, for commands that read it from the environment."""
    url = new_ledger(tmp_path)
    monkeypatch.setenv("HELPDESK_GATEWAY_LEDGER__URL", url)
    monkeypatch.chdir(tmp_path)
    return config.check({"ledger": {"url": url}})


def stored(settings: Settings, *entries: Entry) -> dict[str, Entry]:
    """Put entries into the ledger; what it holds of them then."""

    async def run() -> dict[str, Entry]:
        async with open_ledger(settings) as ledger:
            for entry in entries:
                assert await ledger.insert(entry) is None
            found = {each.id: await ledger.get(each.id) for each in (ENTRY, IN_PARTS)}
            return {key: each for key, each in found.items() if each is not None}

    return asyncio.run(run())


def said(capsys: pytest.CaptureFixture[str], code: int, *arguments: str) -> str:
    """What a command prints, on whichever stream its exit code calls for."""
    assert main(arguments) == code
    output, errors = capsys.readouterr()
    assert (errors if code == 0 else output) == ""
    return output if code == 0 else errors


def test_migrating_makes_the_tables_and_may_be_repeated(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HELPDESK_GATEWAY_LEDGER__URL", f"sqlite:///{tmp_path}/new.db")
    assert main(["writes", "list"]) == 1
    assert "The ledger can't be reached: " in capsys.readouterr().err
    for _ in range(2):
        assert said(capsys, 0, "migrate") == "The ledger's tables are those of this version.\n"
    assert said(capsys, 0, "writes", "list") == "No such writes.\n"


@pytest.mark.parametrize("command", [["migrate"], ["writes", "list"], ["reconcile"], ["purge"]])
def test_a_ledger_that_is_away_is_one_line_and_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    monkeypatch.setenv("HELPDESK_GATEWAY_LEDGER__URL", "postgresql://user:s3cret@127.0.0.1:9/none")
    (told,) = said(capsys, 1, *command).splitlines()
    assert told.startswith("The ledger can't be reached: ")
    assert told.endswith(". Check ledger.url and its database.")
    assert "s3cret" not in told


def test_writes_are_listed_newest_first_and_by_what_is_asked(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    older = replace(IN_PARTS, submitted_at=ENTRY.submitted_at - timedelta(days=1))
    stored(settings, ENTRY, older)
    first = f"{LINE}  {ENTRY.id}  IN_DOUBT   bank  reply  {DOUBT.message}\n"
    second = f"{older.submitted_at:%Y-%m-%d %H:%M:%S}  {IN_PARTS.id}  PARTIAL    bank  confirmMessages  {DOUBT.message}\n"
    since = (NOW - timedelta(hours=2)).isoformat()
    shown: list[tuple[list[str], str]] = [
        ([], first + second),
        (["--limit", "1"], first),
        (["--state", "PARTIAL"], second),
        (["--operation", "reply"], first),
        (["--since", since], first),
        (["--principal", "ola"], "No such writes.\n"),
        (["--source", "desk"], "No such writes.\n"),
    ]
    for options, lines in shown:
        assert said(capsys, 0, "writes", "list", *options) == lines, options


def test_a_write_is_shown_without_its_letter_unless_asked_for(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    stored(settings, ENTRY)
    moment = ENTRY.submitted_at.isoformat().replace("+00:00", "Z")
    expected: dict[str, Any] = {
        "id": ENTRY.id,
        "principal": "local",
        "credential": "c",
        "operation": "reply",
        "source": "bank",
        "target": TICKET.global_id,
        "key": "k1",
        "state": "IN_DOUBT",
        "submitted_at": moment,
        "settled_at": moment,
        "attempts": 1,
        "leased_until": None,
        "looks": 0,
        "next_look_at": None,
        "result": None,
        "applied_at": None,
        "problem": {
            "code": DOUBT.code,
            "message": DOUBT.message,
            "repeatable": False,
            "by_absence": False,
            "refusals": [],
        },
        "parts": [],
    }
    assert json.loads(said(capsys, 0, "writes", "show", ENTRY.id)) == expected
    shown = json.loads(said(capsys, 0, "writes", "show", ENTRY.id, "--body"))
    assert shown.pop("input")["body"] == "A letter"
    assert shown == expected
    assert said(capsys, 1, "writes", "show", f"{9:032x}") == "There is no such write.\n"


@pytest.mark.parametrize(
    ("verdict", "state", "problem"),
    [
        ("applied", WriteState.CONFIRMED, None),
        (
            "not-applied",
            WriteState.REJECTED,
            Problem("REJECTED_BY_SOURCE", "Settled by hand as not applied: the customer never got it"),
        ),
    ],
)
def test_what_a_person_found_out_is_recorded(
    settings: Settings,
    capsys: pytest.CaptureFixture[str],
    verdict: str,
    state: WriteState,
    problem: Problem | None,
) -> None:
    stored(settings, ENTRY, IN_PARTS)
    for each in (ENTRY, IN_PARTS):
        line = said(capsys, 0, "writes", "settle", each.id, verdict, "--reason", "the customer never got it")
        assert line.startswith(f"{LINE}  {each.id}  ")
    settled = stored(settings)
    assert (settled[ENTRY.id].state, settled[ENTRY.id].problem) == (state, problem)
    assert [(part.state, part.problem) for part in settled[IN_PARTS.id].parts] == [
        (WriteState.CONFIRMED, None),
        (state, problem),
    ]
    assert settled[IN_PARTS.id].state is (
        WriteState.CONFIRMED if state is WriteState.CONFIRMED else WriteState.PARTIAL
    )
    told = said(capsys, 1, "writes", "settle", ENTRY.id, verdict)
    assert told == f"It is {state.value}: only what is in doubt can be settled.\n"
    assert said(capsys, 1, "writes", "settle", f"{9:032x}", verdict) == "There is no such write.\n"


def test_reconciling_looks_for_what_is_due_or_named(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said(capsys, 0, "reconcile") == "Nothing to look for.\n"
    crashed = replace(
        ENTRY,
        state=WriteState.PENDING,
        settled_at=None,
        problem=None,
        leased_until=NOW - timedelta(minutes=1),
    )
    stored(settings, crashed)
    # Its source isn't configured here: nobody can be asked, but nobody is sending either.
    assert main(["reconcile"]) == 0
    line = capsys.readouterr().out
    assert line.startswith(f"{LINE}  {ENTRY.id}  IN_DOUBT   bank  reply  The write was sent, but ")
    assert said(capsys, 0, "reconcile") == "Nothing to look for.\n"
    assert said(capsys, 0, "reconcile", ENTRY.id) == line


def test_purging_says_what_went(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    def settled(days: int, number: int) -> Entry:
        moment = NOW - timedelta(days=days)
        return replace(
            ENTRY, id=f"{number:032x}", key=f"k{number}", state=WriteState.CONFIRMED, problem=None,
            submitted_at=moment, settled_at=moment,
        )  # fmt: skip

    stored(settings, ENTRY, settled(8, 3), settled(31, 4), settled(400, 5))
    assert said(capsys, 0, "purge") == "2 keys freed, 1 bodies erased, 1 writes and 0 events deleted.\n"
    assert said(capsys, 0, "purge") == "0 keys freed, 0 bodies erased, 0 writes and 0 events deleted.\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["writes"], "required: ACTION"),
        (["writes", "show", "7"], "'7' is not the id of a write: 32 hexadecimal digits, as `writes list` prints them"),
        (["writes", "list", "--limit", "0"], "'0' is not a number from 1 to 1000"),
        (["writes", "list", "--since", "yesterday"], "'yesterday' is no date or time; write it like 2026-01-31T08:00+01:00"),
        (["writes", "settle", f"{1:032x}", "perhaps"], "invalid choice: 'perhaps'"),
        (["reconcile", "x"], "'x' is not the id of a write"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_the_arguments_is_said(
    capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert told in capsys.readouterr().err
