from pathlib import Path

import pytest

from tests.identity.accesses import STATIC_PASSWORD
from tests.identity.cast import make_cast
from tests.identity.written import (
    Event,
    Row,
    in_events,
    in_files,
    in_log,
    in_metrics,
    in_rows,
    in_sight,
)

CAST = make_cast(1)
BY_NAME = {each.name: each for each in CAST.callers}
ANNA, BO = BY_NAME["base"], BY_NAME["case"]
ANN, BOB = (each.accesses["tulo"] for each in (ANNA, BO))
KEY = ANNA.login.headers[1]["x-api-key"]


def row(credential: str, text: str, *, of: str = "key:anna", operation: str = "createTicket") -> Row:
    return Row("w1", operation, "tulo", f"{of}:{credential}", credential, text.encode())


def bank(of: str, text: str = "") -> Row:
    """A write to a source of all."""
    return Row("w1", "reply", "shared_bank", of, "static", text.encode())


def test_a_log_may_say_what_has_happened() -> None:
    assert list(in_log(CAST, '{"event": "source_failed", "level": "warning"}\n')) == []


@pytest.mark.parametrize("said", [ANN.secret, str(BOB.secret).upper(), ANN.word("m"), STATIC_PASSWORD, KEY])
def test_a_secret_or_a_text_is_found_in_a_log(said: str) -> None:
    line = f'{{"event": "x", "detail": "<{said}>"}}'
    assert list(in_log(CAST, f"fine\n{line}\n")) == [f"the log: {line}"]


def test_an_error_in_a_log_is_found() -> None:
    line = '{"event": "unexpected", "level": "error"}'
    assert list(in_log(CAST, line)) == [f"the log has an error: {line}"]


def test_a_secret_is_found_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_bytes(b"\0" + str(ANN.secret).encode() + b"\0")
    (tmp_path / "other.db").write_bytes(ANN.word("m").encode())
    assert list(in_files(CAST, tmp_path)) == ["a secret in ledger.db"]


def test_a_secret_or_a_name_is_found_in_metrics() -> None:
    fine = 'requests_total{kind="query"} 3'
    for line in (f'x{{key="{KEY}"}} 1', 'requests_total{caller="anna"} 1', f'x{{a="{ANN.word("k")}"}} 1'):
        assert list(in_metrics(CAST, f"{fine}\n{line}\n")) == [f"the metrics: {line}"]


def test_each_under_one_id_of_their_own_is_no_finding() -> None:
    theirs = row("2", f"{BOB.word('m')} Hi {BO.key('tulo', '1')}", of="key:anna.")
    ledger = [row("1", f"{ANN.word('m')} Hi {ANNA.key('tulo', '1')}"), row("1", "nothing said"), theirs]
    assert list(in_rows(CAST, ledger)) == []
    assert list(in_rows(CAST, [bank("key:anna"), bank("key:anna."), bank("jwt:anna0")])) == []


def test_two_under_one_id_are_found() -> None:
    (found,) = in_rows(CAST, [row("1", f"{ANN.word('m')} Hi"), row("1", f"{BOB.word('m')} Hi")])
    assert found.startswith("the ledger: ('tulo', '1') wrote the words of")


def test_one_under_two_ids_is_found() -> None:
    (found,) = in_rows(CAST, [row("1", f"{ANN.word('m')} Hi"), row("2", f"{ANN.word('m')} Hi")])
    assert found.startswith(f"the ledger: {ANN} wrote under two")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (bank("key:anna", BO.key("shared_bank", "1")), "wrote under a key of key:anna."),
        (bank("key:anna", ANNA.key("shared", "1")), "wrote under a key of key:anna"),
        (bank("key:somebody"), "nobody's write"),
        (bank("key:anna:static"), "nobody's write"),
        (row("1", "", of="key"), "nobody's write"),
        (bank("key:anna4"), "key:anna4 may not write"),
        (row("1", "", of="key:anna5"), "key:anna5 may not write"),
        (row("1", ANNA.accesses["thulium"].word("m")), "tulo was sent the words of"),
    ],
)
def test_a_write_that_may_not_be_is_found(written: Row, said: str) -> None:
    assert any(said in each for each in in_rows(CAST, [written]))


def test_the_audit_log_tells_who_has_written_and_nothing_else() -> None:
    written = [bank("key:anna")]
    fine = [Event("key:anna", "key:anna", "w1", b"fine"), Event("system", "key:anna", "w1", b"fine")]
    assert list(in_events(CAST, written, fine)) == []
    for wrong in (
        Event("key:anna", "key:anna.", "w1", b""),
        Event("key:nobody", "key:anna", "w1", b""),
        Event("key:anna", "key:anna", "w1", KEY.encode()),
        Event("key:anna", "key:anna", "w1", ANN.word("m").encode()),
    ):
        assert len(list(in_events(CAST, written, [*fine, wrong]))) == 1


def test_a_write_may_be_shown_to_its_owner_and_to_who_operates_its_source() -> None:
    ours = bank("key:anna")
    good = {"base", "base again", "operator", "operator of one"}
    assert list(in_sight(CAST, [ours], {ours.node: good})) == []
    (found,) = in_sight(CAST, [ours], {ours.node: {"base", "a token"}})
    assert found.startswith("a token was shown Row(")
    (found,) = in_sight(CAST, [], {"w2": ["base"]})
    assert found.startswith("a write that the ledger doesn't have")
