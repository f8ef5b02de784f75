from typing import Any

import orjson
import pytest

from gateway.domain.ids import EntityType, Ref
from tests.identity.cast import Caller, make_cast
from tests.identity.connections import Answer
from tests.identity.judging import Judge
from tests.identity.operations import Handle, Operation

CAST = make_cast(1)
BY_NAME = {each.name: each for each in CAST.callers}
ANN, TOO, AGAIN, BOB, NOBODY = (
    BY_NAME[name] for name in ("base", "base, too", "base again", "case", "nobody")
)
WITHOUT, SOME, OPERATOR, OF_ONE = (
    BY_NAME[name] for name in ("no messages", "some sources", "operator", "operator of one")
)


def word(caller: Caller, source: str = "tulo") -> str:
    return caller.accesses[source].word("m")


def write(node: str, source: str = "tulo", key: str = "k") -> dict[str, Any]:
    return {"__typename": "Write", "id": node, "idempotencyKey": key, "source": {"key": source}}


def judged(
    caller: Caller,
    told: Any,
    *,
    judge: Judge | None = None,
    handle: Handle | None = None,
    names: str | None = None,
    head: str = "",
) -> list[str]:
    judge = judge or Judge(CAST)
    operation = Operation("asked", "{ __typename }", lambda _: {}, handle=handle, write=names)
    answer = Answer(f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode(), orjson.dumps(told))
    judge.look_at(caller, operation, answer)
    return judge.findings


def test_what_is_the_callers_own_or_everybodys_is_no_finding() -> None:
    judge = Judge(CAST)
    own = {"name": f"{word(ANN)} Anna", "body": {"text": f"{word(ANN, 'shared')} Hi", "html": ""}}
    assert judged(ANN, {"data": own}, judge=judge) == []
    assert judged(TOO, {"data": own}, judge=judge) == []
    assert judge.words == {ANN.accesses["tulo"].stem: 2, ANN.accesses["shared"].stem: 2}
    assert judge.texts == {"base": 2, "base, too": 2}
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


def test_a_text_that_ones_scopes_forbid_is_found() -> None:
    told = {"data": {"name": f"{word(ANN)} Anna"}}
    assert judged(ANN, told) == []
    (found,) = judged(WITHOUT, told)
    assert f"a word of {ANN.accesses['tulo']} (m)" in found


def test_an_object_that_ones_scopes_forbid_is_found() -> None:
    def message(source: str) -> Any:
        node = Ref(EntityType.MESSAGE, source, ("1", "2")).global_id
        return {"data": {"__typename": "Message", "id": node}}

    assert judged(ANN, message("shared")) == judged(SOME, message("thulium")) == []
    (found,) = judged(WITHOUT, message("thulium"))
    assert found == "no messages, asked: Message of thulium without messages:read"
    assert len(judged(SOME, message("shared"))) == 1


def test_a_write_belongs_to_whom_it_was_shown_first() -> None:
    judge = Judge(CAST)
    ours = {"data": write("w1")}
    assert judged(ANN, ours, judge=judge) == judged(AGAIN, ours, judge=judge) == []
    assert judged(TOO, {"data": write("w2")}, judge=judge) == []
    (found,) = judged(TOO, ours, judge=judge)
    assert found == f"base, too, asked: the write w1 of {ANN.owner('tulo')}"
    assert (judge.shared_keys, judge.shown_to_several) == (1, 1)
    assert judge.shown == {"w1": {"base", "base again", "base, too"}, "w2": {"base, too"}}


def test_an_operator_sees_the_writes_of_others_at_what_they_operate() -> None:
    judge = Judge(CAST)
    banks, others = {"data": write("w1", "shared_bank")}, {"data": write("w2", "shared")}
    for told in (banks, others):
        assert judged(ANN, told, judge=judge) == judged(OPERATOR, told, judge=judge) == []
    assert judged(OF_ONE, banks, judge=judge) == []
    assert judge.seen_by_operators == 3
    assert len(judged(OF_ONE, others, judge=judge)) == 1


def test_a_key_of_anothers_is_found() -> None:
    own = write("w1", "shared", ANN.key("shared", "7"))
    assert judged(ANN, {"data": own}) == judged(AGAIN, {"data": own}) == judged(OPERATOR, {"data": own}) == []
    assert any("a word of Login(subject='key:anna'" in each for each in judged(TOO, {"data": own}))


@pytest.mark.parametrize(
    ("told", "findings"),
    [
        ({"two": None}, 0),
        ({"two": write("w1")}, 2),
        ({"done": None}, 0),
        ({"done": {"write": None, "userErrors": [{"code": "NOT_FOUND"}]}}, 0),
        ({"done": {"write": None, "userErrors": [{"code": "CONFLICT"}]}}, 1),
        ({"done": {"write": write("w1"), "userErrors": []}}, 3),
    ],
)
def test_who_names_anothers_write_gets_nothing(told: Any, findings: int) -> None:
    judge = Judge(CAST)
    judged(ANN, {"data": write("w1")}, judge=judge)
    assert len(judged(BOB, {"data": told}, judge=judge, names="w1")) == findings
    assert judge.withheld == 1


@pytest.mark.parametrize(("where", "findings"), [("shared_bank", 0), ("shared", 1), (None, 1)])
def test_events_are_for_who_operates_their_source(where: str | None, findings: int) -> None:
    event = {"data": {"__typename": "AuditEvent", "principal": "key:anna", "where": where}}
    assert judged(OPERATOR, event) == []
    assert len(judged(OF_ONE, event)) == findings
    assert len(judged(ANN, event)) == 1


def test_one_who_is_taken_for_another_is_found() -> None:
    def viewer(caller: Caller) -> Any:
        return {"data": {"me": {"who": caller.login.subject, "scopes": list(caller.login.grants)}}}

    assert judged(ANN, viewer(ANN)) == judged(AGAIN, viewer(ANN)) == []
    assert ["is taken for" in each for each in judged(ANN, viewer(TOO))] == [True]
    assert ["is taken for" in each for each in judged(ANN, viewer(OPERATOR))] == [True]


def test_a_refusal_must_be_right() -> None:
    def refusal(said: str) -> Any:
        return {"data": None, "errors": [{"message": said, "extensions": {"code": "FORBIDDEN"}}]}

    right = refusal("You may not do this at tulo: it needs the scope `messages:read`.")
    judge = Judge(CAST)
    assert judged(WITHOUT, right, judge=judge) == judged(SOME, right, judge=judge) == []
    assert judge.forbidden == {"no messages": 1, "some sources": 1}
    assert ["refused what they may" in each for each in judged(ANN, right)] == [True]
    assert len(judged(ANN, refusal("Because."))) == 1
    elsewhere = refusal("You may not do this: it needs the scope `messages:read`.")
    assert judged(SOME, elsewhere) == []
    assert len(judged(ANN, elsewhere)) == 1


@pytest.mark.parametrize(
    ("status", "body", "findings"),
    [
        (401, {"errors": [{"message": "Log in."}]}, 0),
        (200, {"errors": [{"message": "Log in."}]}, 1),
        (401, {"data": {"name": "Anna"}}, 1),
        (401, {"errors": [{"message": word(ANN)}]}, 1),
        (401, {"errors": [{"message": ANN.login.headers[1]["x-api-key"]}]}, 2),
    ],
)
def test_an_intruder_must_be_turned_away(status: int, body: Any, findings: int) -> None:
    judge = Judge(CAST)
    judge.turn_away(CAST.intruders[0], Answer(f"HTTP/1.1 {status} X\r\n\r\n".encode(), orjson.dumps(body)))
    assert len(judge.findings) == findings
    assert judge.turned_away == {CAST.intruders[0].name: 1}


def test_one_without_a_good_credential_sees_no_object_but_what_they_name_themselves() -> None:
    def of(kind: str) -> Any:
        return {"data": {"id": "1", "origin": {"source": {"key": "tulo"}, "stale": False, "from": kind}}}

    assert judged(NOBODY, of("REFERENCE")) == []
    (found,) = judged(NOBODY, of("CACHE"))
    assert found == f"nobody, asked: an object of {NOBODY.accesses['tulo']}"


@pytest.mark.parametrize("source", ["thulium", "shared"])
def test_anothers_upload_must_be_refused(source: str) -> None:
    handle, judge = Handle("h", ANN.owner(source)), Judge(CAST)
    refused = {"data": {"done": {"write": None, "userErrors": [{"field": ["attachments", "0"]}]}}}
    used = {"data": {"done": {"write": {"id": "w"}, "userErrors": []}}}
    assert judged(TOO, refused, handle=handle, judge=judge) == []
    assert judged(AGAIN, used, handle=handle, judge=judge) == []
    assert (judge.handles_refused, judge.handles_used) == ({source: 1}, {source: 1})
    assert ["used the handle" in each for each in judged(TOO, used, handle=handle)] == [True]


def test_messages_of_the_ledger_are_counted_and_whether_their_writes_were_shown() -> None:
    def message(said: Any) -> Any:
        node = Ref(EntityType.MESSAGE, "shared_bank", ("1", "2")).global_id
        origin = {"source": {"key": "shared_bank"}, "stale": False, "from": "LEDGER"}
        return {"data": {"__typename": "Message", "id": node, "origin": origin, "write": said}}

    judge = Judge(CAST)
    assert judged(ANN, message(write("w1", "shared_bank")), judge=judge) == []
    assert judged(TOO, message(None), judge=judge) == []
    assert (judge.from_ledger, judge.without_writes) == ({"shared_bank": 2}, 1)


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
