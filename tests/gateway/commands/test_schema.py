"""`helpdesk-gateway schema`: prints the graph, or compares a file with it."""

from pathlib import Path

import pytest

from gateway.__main__ import main
from gateway.commands.schema import schema

EXPORTED = Path(__file__).parents[3] / "schema.graphql"


def test_it_prints_what_the_repository_holds(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    said = capsys.readouterr()
    assert (said.out, said.err) == (EXPORTED.read_text(encoding="utf-8"), "")


def test_a_current_file_is_silently_right(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(EXPORTED.parent)
    assert (main(["schema", "--check"]), main(["schema", "--check", str(EXPORTED)])) == (0, 0)
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "")


@pytest.mark.parametrize(
    "content", [b"", b"type Query { a: Int }\n", b"\xff\xfe", EXPORTED.read_bytes().replace(b"\n", b"\r\n")]
)
def test_another_content_fails_and_says_what_to_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    file = tmp_path / "schema.graphql"
    file.write_bytes(content)
    assert schema(check=file) == 1
    said = capsys.readouterr()
    assert (said.out, said.err) == (
        "",
        f"{file} is not the graph's SDL: run `helpdesk-gateway schema > {file}`.\n",
    )


def test_a_missing_file_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert schema(check=tmp_path / "none") == 1
    assert capsys.readouterr().err == f"{tmp_path / 'none'}: No such file or directory\n"
