from typing import Any

from gateway.domain.ids import EntityType, Ref
from gateway.domain.ledger import WriteState
from tests.chaos import pieces
from tests.chaos.asking import AGAIN, Answer, mutation, understood
from tests.chaos.pieces import HUB
from tests.chaos.samples import TEXT, planned
from tests.chaos.witness import Word


def problem(message: str, *, retryable: bool = False) -> dict[str, Any]:
    return {"code": "SOURCE_TIMEOUT", "message": message, "retryable": retryable}


def write(state: str, said: dict[str, Any] | None = None, parts: tuple[Any, ...] = ()) -> dict[str, Any]:
    return {"id": "w1", "state": state, "replayed": False, "problem": said, "parts": list(parts)}


def answered(write: dict[str, Any] | None, *codes: str) -> dict[str, Any]:
    errors = [{"code": code, "message": ""} for code in codes]
    return {"data": {"reply": {"write": write, "userErrors": errors}}}


def read(answer: dict[str, Any]) -> Answer:
    return understood(answer, planned(), field="reply")


def test_an_outcome_is_read_from_the_payload() -> None:
    assert read(answered(write("CONFIRMED"))) == Answer("w1", {TEXT: Word(WriteState.CONFIRMED)})


def test_what_was_certainly_not_applied_may_be_sent_again_although_there_is_an_error_too() -> None:
    errors = {"errors": [{"extensions": {"code": "SOURCE_UNAVAILABLE", "retryable": True}}]}
    answer = read({**answered(write("REJECTED", problem("Gone.", retryable=True))), **errors})
    assert (answer.again, answer.open) == (True, False)


def test_a_write_in_doubt_is_only_asked_about() -> None:
    answer = read(answered(write("IN_DOUBT", problem("Perhaps."))))
    assert (answer.again, answer.open, answer.pending) == (False, True, False)


def test_rejected_for_want_of_being_shown_is_told_from_refused() -> None:
    absent = read(answered(write("REJECTED", problem("The write did not arrive: ..."))))
    refused = read(answered(write("REJECTED", problem("No such ticket."))))
    assert [answer.words and answer.words[TEXT].by_absence for answer in (absent, refused)] == [True, False]


def test_each_message_of_a_confirmation_has_a_word_of_its_own() -> None:
    ref = Ref(EntityType.MESSAGE, HUB, ("guid", "12"))
    part = {"target": {"id": ref.global_id}, "state": "IN_DOUBT", "problem": problem("Perhaps.")}
    answer = read(answered(write("PARTIAL", parts=(part,))))
    assert answer.words == {pieces.message(12): Word(WriteState.IN_DOUBT, code="SOURCE_TIMEOUT")}


def test_an_error_alone_says_whether_to_send_again() -> None:
    def failed(*, retryable: bool) -> Answer:
        error = {"extensions": {"code": "LEDGER_UNAVAILABLE", "retryable": retryable}}
        return read({"data": {"reply": None}, "errors": [error]})

    assert failed(retryable=True) is AGAIN
    assert failed(retryable=False) == Answer(failure="LEDGER_UNAVAILABLE")


def test_a_refusal_is_no_write() -> None:
    assert read(answered(None, "NOT_FOUND")) == Answer(refusals=("NOT_FOUND",))


def test_a_mutation_names_its_input_type() -> None:
    assert str(mutation(planned())["query"]).startswith(
        "mutation($input: ReplyInput!) { reply(input: $input)"
    )
