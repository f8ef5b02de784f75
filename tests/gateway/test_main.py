"""The command line: what each command is told, and what it says of mistakes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway import __version__
from gateway.__main__ import main
from tests.processes import environment, run

TOML = '[sources.a]\nkind = "netevia"\nbase_url = "http://127.0.0.1:9/"\ntoken = "hunter2"\n'
UNREACHED = "it can't be reached or fails: check base_url and the network (linked users: ConnectError, connection refused)"


@pytest.fixture(autouse=True)
def _nothing_around(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A directory and an environment that configure nothing."""
    monkeypatch.chdir(tmp_path)
    for name in ("PORT", "HELPDESK_GATEWAY_CONFIG"):
        monkeypatch.delenv(name, raising=False)


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """What is said of arguments that are none."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    said = capsys.readouterr()
    assert said.out == ""
    return said.err.splitlines()[-1]


def test_it_tells_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert (caught.value.code, capsys.readouterr().out) == (0, f"helpdesk-gateway {__version__}\n")


@pytest.mark.parametrize("arguments", [["--help"], ["dev", "--help"], ["serve", "--help"]])
def test_help_needs_no_sound_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    monkeypatch.setenv("PORT", "nonsense")
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 0
    assert "usage: helpdesk-gateway" in capsys.readouterr().out


def test_a_command_must_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert "required: COMMAND" in refused([], capsys)
    assert "invalid choice: 'destroy'" in refused(["destroy"], capsys)


@pytest.mark.parametrize("port", ["-1", "65536", "http", "", "8e3", "٣", " 80"])
def test_what_is_no_port_is_refused(capsys: pytest.CaptureFixture[str], port: str) -> None:
    said = refused(["dev", f"--port={port}"], capsys)
    assert said.endswith(f"error: argument --port: {port!r} is not a port (0 to 65535)")


def test_a_number_without_end_is_no_port(capsys: pytest.CaptureFixture[str]) -> None:
    assert "argument --port: " in refused(["dev", "--port", "9" * 5000], capsys)


def test_the_variable_must_be_a_port_too_where_it_counts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PORT", "http")
    assert refused(["dev"], capsys).endswith("argument --port: 'http' is not a port (0 to 65535)")
    assert main(["check"]) == 0


@pytest.mark.parametrize("command", ["serve", "check"])
def test_a_configuration_that_cannot_be_used_is_listed_whole(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, command: str
) -> None:
    file = tmp_path / "bad.toml"
    file.write_text('[server]\nport = "x"\nprot = 1\n[sources.a]\nkind = "nope"\n', encoding="utf-8")
    assert main([command, "--config", str(file)]) == 2
    said = capsys.readouterr()
    first, *problems = said.err.splitlines()
    assert (said.out, first) == ("", "The configuration can't be used:")
    assert [each.split(":")[0].strip() for each in problems] == [
        "sources.a.kind",
        "server.port",
        "server.prot",
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "No such file or directory"), (b"\xff", "not TOML: "), (b"[", "not TOML: ")],
)
def test_a_file_that_cannot_be_read_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, content: bytes | None, said: str
) -> None:
    file = tmp_path / "gateway.toml"
    if content is not None:
        file.write_bytes(content)
    assert main(["check", "--config", str(file)]) == 2
    assert f"  {file}: {said}" in capsys.readouterr().err


def test_the_file_may_be_named_by_option_by_variable_or_lie_here(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for name in ("option", "variable", "here"):
        (tmp_path / name).write_text(TOML.replace("sources.a", f"sources.{name}"), encoding="utf-8")
    (tmp_path / "here").rename(tmp_path / "helpdesk-gateway.toml")

    def checked(*arguments: str) -> str:
        assert main(["check", *arguments]) == 1
        return capsys.readouterr().out

    assert checked() == f"here: {UNREACHED}\n"
    monkeypatch.setenv("HELPDESK_GATEWAY_CONFIG", "variable")
    assert checked() == f"variable: {UNREACHED}\n"
    assert checked("--config", "option") == f"option: {UNREACHED}\n"


def test_it_runs_as_a_module() -> None:
    done = run("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"helpdesk-gateway {__version__}\n", "")


def test_who_reads_no_further_ends_a_command_quietly() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        command = [sys.executable, "-m", "gateway", "config"]
        done = subprocess.run(
            command, stdout=writing, stderr=subprocess.PIPE, env=environment(), timeout=60, check=False
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")
