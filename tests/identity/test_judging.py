from typing import Any

import orjson
import pytest

from tests.identity.accesses import STATIC, Caller, make_cast
from tests.identity.connections import Answer
from tests.identity.judging import Judge
from tests.identity.operations import Handle, Operation

CAST = make_cast(1)
BY_NAME = {each.name: each for each in CAST.callers}
ANN, TWIN, BOB, NOBODY = (BY_NAME[name] for name in ("base", "base, too", "case", "nobody"))


def word(caller: Caller, source: str = "tulo") -> str:
    return caller.accesses[source].word


def judged(
    caller: Caller, told: Any, *, judge: Judge | None = None, handle: Handle | None = None, head: str = ""
) -> list[str]:
    judge = judge or Judge(CAST)
    operation = Operation("asked", "{ __typename }", lambda _: {}, handle=handle)
    answer = Answer(f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode(), orjson.dumps(told))
    judge.look_at(caller, operation, answer)
    return judge.findings


def test_what_is_the_callers_own_or_everybodys_is_no_finding() -> None:
    judge = Judge(CAST)
    own = {"name": f"{word(ANN)} Anna", "body": {"text": f"{word(ANN, STATIC)} Hi", "html": ""}}
    assert judged(ANN, {"data": own}, judge=judge) == []
    assert judged(TWIN, {"data": own}, judge=judge) == []
    assert judge.words == {word(ANN): 2, word(ANN, STATIC): 2}
    assert (judge.answers, judge.bare) == (2, 0)


@pytest.mark.parametrize(
    "told",
    [
        {"data": {"name": f"{word(BOB)} Anna"}},
        {"data": {"name": f"{word(BOB).upper()} Anna"}},
        {"data": {"id": f"x{word(BOB)}x"}},
        {"data": None, "errors": [{"message": word(BOB), "extensions": {"code": "SOURCE_TIMEOUT"}}]},
        {"data": None, "extensions": {"cost": word(BOB)}},
    ],
)
def test_anothers_word_is_found_wherever_it_stands(told: Any) -> None:
    assert any(f"a word of {BOB.accesses['tulo']}" in each for each in judged(ANN, told))


def test_anothers_word_is_found_in_the_head() -> None:
    (found,) = judged(ANN, {"data": None}, head=f"x-note: {word(BOB)}")
    assert "a word of" in found


@pytest.mark.parametrize("whose", [ANN, BOB])
def test_a_secret_is_found_whosever_it_is(whose: Caller) -> None:
    (found,) = judged(ANN, {"data": {"id": whose.accesses["tulo"].secret}})
    assert "a secret in" in found


def test_a_text_without_anybodys_word_is_found() -> None:
    (found,) = judged(ANN, {"data": {"found": {"nodes": [{"subject": "Help"}]}}})
    assert found == "base, asked: nobody's word in .found.nodes.subject: 'Help'"


def test_a_write_belongs_to_whom_it_was_shown_first() -> None:
    def write(node: str) -> Any:
        source = {"key": "tulo"}
        return {"data": {"__typename": "Write", "id": node, "idempotencyKey": "k", "source": source}}

    judge = Judge(CAST)
    assert judged(ANN, write("w1"), judge=judge) == judged(TWIN, write("w1"), judge=judge) == []
    assert judged(BOB, write("w2"), judge=judge) == []
    (found,) = judged(BOB, write("w1"), judge=judge)
    assert found == f"case, asked: the write w1 of {ANN.accesses['tulo']}"
    assert judge.keys == {"k": {"w1", "w2"}}


def test_one_without_a_good_credential_sees_no_object_but_what_they_name_themselves() -> None:
    def of(kind: str) -> Any:
        return {"data": {"id": "1", "origin": {"source": {"key": "tulo"}, "stale": False, "from": kind}}}

    assert judged(NOBODY, of("REFERENCE")) == []
    (found,) = judged(NOBODY, of("CACHE"))
    assert found == f"nobody, asked: an object of {NOBODY.accesses['tulo']}"


def test_anothers_upload_must_be_refused() -> None:
    handle = Handle("h", ANN.accesses["thulium"])
    refused = {"data": {"done": {"write": None, "userErrors": [{"field": ["attachments", "0"]}]}}}
    used = {"data": {"done": {"write": {"id": "w"}, "userErrors": []}}}
    assert judged(BOB, refused, handle=handle) == judged(TWIN, used, handle=handle) == []
    assert ["used the handle" in each for each in judged(BOB, used, handle=handle)] == [True]


def test_errors_that_are_our_own_fault_are_found() -> None:
    told = {"data": None, "errors": [{"message": "x", "extensions": {"code": "GRAPHQL_VALIDATION_FAILED"}}]}
    assert len(judged(ANN, told)) == 1


def test_what_a_caller_was_refused_is_counted() -> None:
    judge = Judge(CAST)
    slices = [{"state": "UNAVAILABLE", "error": {"code": "SOURCE_TIMEOUT"}}]
    errors = [{"message": "x", "extensions": {"code": "SOURCE_AUTH_FAILED"}}]
    assert judged(NOBODY, {"data": {"sources": slices}, "errors": errors}, judge=judge) == []
    assert judge.codes == {"SOURCE_TIMEOUT": 1, "SOURCE_AUTH_FAILED": 1}
    assert judge.refused == {"nobody": 1}
