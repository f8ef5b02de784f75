"""Each row of docs/security.md names tests that are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
_ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in (ROOT / "docs" / "security.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and not line.startswith("| attack |")
]


@pytest.mark.parametrize("row", _ROWS, ids=lambda row: row[0][:60])
def test_a_row_of_the_attack_table_is_backed_by_tests(row: list[str]) -> None:
    assert len(row) == 3
    named = re.findall(r"`([a-z0-9_/]+\.py)(?:::(\w+))?`", row[2])
    assert named
    for file, test in named:
        text = (ROOT / "tests" / file).read_text(encoding="utf-8")
        assert "def test_" in text
        assert not test or re.search(rf"def {test}\b", text), f"{file}::{test}"
