from pathlib import Path

import pytest

from tests.identity.accesses import STATIC_PASSWORD, make_cast
from tests.identity.written import Row, in_files, in_log, in_rows

CAST = make_cast(1)
ANN, BOB = (
    next(each for each in CAST.callers if each.name == name).accesses["tulo"] for name in ("base", "case")
)


def row(credential: str, text: str) -> Row:
    return Row("tulo", f"local:{credential}", credential, text.encode())


def test_a_log_may_say_what_has_happened() -> None:
    assert list(in_log(CAST, '{"event": "source_failed", "level": "warning"}\n')) == []


@pytest.mark.parametrize("said", [ANN.secret, str(BOB.secret).upper(), ANN.word, STATIC_PASSWORD])
def test_a_secret_or_a_text_is_found_in_a_log(said: str) -> None:
    line = f'{{"event": "x", "detail": "<{said}>"}}'
    assert list(in_log(CAST, f"fine\n{line}\n")) == [f"the log: {line}"]


def test_an_error_in_a_log_is_found() -> None:
    line = '{"event": "unexpected", "level": "error"}'
    assert list(in_log(CAST, line)) == [f"the log has an error: {line}"]


def test_a_secret_is_found_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_bytes(b"\0" + str(ANN.secret).encode() + b"\0")
    (tmp_path / "other.db").write_bytes(ANN.word.encode())
    assert list(in_files(CAST, tmp_path)) == ["a secret in ledger.db"]


def test_each_under_one_id_of_their_own_is_no_finding() -> None:
    ledger = [row("1", f"{ANN.word} Hi"), row("1", "nothing said"), row("2", f"{BOB.word} Hi")]
    assert list(in_rows(CAST, ledger)) == []


def test_two_under_one_id_are_found() -> None:
    (found,) = in_rows(CAST, [row("1", f"{ANN.word} Hi"), row("1", f"{BOB.word} Hi")])
    assert found.startswith("the ledger: ('tulo', 'local:1', '1') wrote the words of")


def test_one_under_two_ids_is_found() -> None:
    (found,) = in_rows(CAST, [row("1", f"{ANN.word} Hi"), row("2", f"{ANN.word} Hi")])
    assert found.startswith(f"the ledger: {ANN} wrote under")
