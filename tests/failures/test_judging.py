"""What the comparison sees, and what it lets pass."""

from typing import Any

import orjson
import pytest

from gateway.domain.errors import CircuitOpen
from tests.failures.judging import Flaw, Reference, is_part_of, judge
from tests.failures.operations import INBOX, Operation, desk, lookup, slots

DESK = desk({"tulo": "t1", "thulium": "h1"})
SLOTS = slots({"tulo": "t1", "thulium": "h1"})
REFERENCE = Reference({"tulo": {"id": "t1", "name": "A"}, "thulium": {"id": "h1", "subject": "B"}})


def error(
    source: str | None = "tulo", code: str | None = "SOURCE_TIMEOUT", message: str = ""
) -> dict[str, Any]:
    return {"message": message, "path": ["found"], "extensions": {"code": code, "source": source}}


def flaws(
    operation: Operation,
    reference: Reference,
    data: Any,
    *errors: dict[str, Any],
    status: int = 200,
    lies: bool = False,
) -> list[Flaw]:
    body = orjson.dumps({"data": data, **({"errors": errors} if errors else {})})
    judged = judge(operation, reference, status, body, sick="tulo", lies=lies)
    return [flaw for flaw, _ in judged.flaws]


def test_an_answer_as_before_lacks_nothing() -> None:
    judged = judge(DESK, REFERENCE, 200, orjson.dumps({"data": REFERENCE.data}), sick="tulo")
    assert (judged.flaws, judged.complete, judged.others_complete) == ((), True, True)


def test_the_sick_source_may_be_missing_if_it_is_named() -> None:
    body = orjson.dumps({"data": {**REFERENCE.data, "tulo": None}, "errors": [error()]})
    judged = judge(DESK, REFERENCE, 200, body, sick="tulo")
    assert (judged.flaws, judged.complete, judged.others_complete) == ((), False, True)
    assert judged.codes == ("SOURCE_TIMEOUT",)


@pytest.mark.parametrize("thulium", [None, {"id": "h1", "subject": None}, {"id": "h1", "subject": "C"}])
def test_a_field_of_another_source_must_be_what_it_was(thulium: Any) -> None:
    assert flaws(DESK, REFERENCE, {**REFERENCE.data, "thulium": thulium}) == [Flaw.LOST]


def test_without_data_everything_is_lost_or_missing() -> None:
    assert flaws(DESK, REFERENCE, None, error()) == [Flaw.LOST]


@pytest.mark.parametrize(
    ("said", "flaw"),
    [
        (error("thulium"), Flaw.BLAMED),
        (error(None), Flaw.BLAMED),
        (error(code=None), Flaw.OWN_ERROR),
        (error(code="INTERNAL_SERVER_ERROR"), Flaw.OWN_ERROR),
    ],
)
def test_an_error_must_name_the_sick_source_by_a_code(said: dict[str, Any], flaw: Flaw) -> None:
    assert flaws(DESK, REFERENCE, REFERENCE.data, said) == [flaw]


def test_a_status_other_than_200_is_no_answer() -> None:
    assert flaws(DESK, REFERENCE, REFERENCE.data, status=500) == [Flaw.NO_ANSWER]


def test_what_the_sick_source_gives_must_be_so_unless_it_lies() -> None:
    invented = {**REFERENCE.data, "tulo": {"id": "t1", "name": "another"}}
    assert flaws(DESK, REFERENCE, invented) == [Flaw.WRONG]
    assert flaws(DESK, REFERENCE, invented, lies=True) == []


def test_an_open_circuit_is_known_by_what_it_says() -> None:
    body = orjson.dumps({"data": {"found": None}, "errors": [error(message=CircuitOpen.text)]})
    assert judge(lookup("tulo", "t1"), Reference({"found": {"id": "t1"}}), 200, body, sick="tulo").refused


def test_slots_are_compared_one_by_one() -> None:
    reference = Reference({"found": [{"id": "t1"}, {"id": "h1"}]})
    assert flaws(SLOTS, reference, {"found": [None, {"id": "h1"}]}, error()) == []
    assert flaws(SLOTS, reference, {"found": [{"id": "t1"}, None]}) == [Flaw.LOST]
    assert flaws(SLOTS, reference, {"found": [{"id": "h1"}]}) == [Flaw.LOST]


# -- merged lists; here it is Thulium that is sick


def node(source: str, name: str) -> dict[str, Any]:
    return {"id": name, "origin": {"source": {"key": source}}, "subject": name}


def page(*nodes: dict[str, Any], thulium: str = "OK", telecomx: str = "OK") -> dict[str, Any]:
    states = {"thulium": thulium, "telecomx": telecomx}
    slices = [{"source": {"key": key}, "state": state} for key, state in states.items()]
    return {"found": {"nodes": list(nodes), "sources": slices}}


X1, X2, X3 = (node("telecomx", f"x{number}") for number in range(1, 4))
H1, H2 = (node("thulium", f"h{number}") for number in range(1, 3))
LISTED = Reference(page(H1, X1, H2), without={"thulium": page(X1, X2, X3)})


def of_list(data: Any) -> list[Flaw]:
    body = orjson.dumps({"data": data})
    return [flaw for flaw, _ in judge(INBOX, LISTED, 200, body, sick="thulium").flaws]


@pytest.mark.parametrize(
    "nodes", [(H1, X1, H2), (X1, X2, X3), (H1, X1, X2)], ids=["whole", "without it", "a part of it"]
)
def test_the_others_fill_the_page_in_their_order(nodes: tuple[dict[str, Any], ...]) -> None:
    assert of_list(page(*nodes, thulium="UNAVAILABLE")) == []


@pytest.mark.parametrize(
    "nodes",
    [(), (X1, X2), (X2, X1, X3), (X1, {**X2, "subject": None}, X3), (X1, X2, X3, X3)],
    ids=["empty", "short", "in another order", "with a hole", "too long"],
)
def test_a_page_that_lacks_something_of_the_others_is_seen(nodes: tuple[dict[str, Any], ...]) -> None:
    assert of_list(page(*nodes, thulium="UNAVAILABLE")) == [Flaw.LOST]


def test_another_sources_slice_must_be_what_it_was() -> None:
    assert of_list(page(X1, X2, X3, thulium="UNAVAILABLE", telecomx="UNAVAILABLE")) == [Flaw.LOST]
    assert of_list({"found": None}) == [Flaw.LOST]


@pytest.mark.parametrize(
    ("actual", "expected"),
    [
        (None, True),
        ({"a": None}, True),
        ({"a": [2]}, True),
        ({"a": [3]}, False),
        ({"b": 1}, False),
        ([], False),
        ("", False),
    ],
)
def test_a_part_has_nothing_that_the_whole_has_not(actual: Any, expected: bool) -> None:
    assert is_part_of(actual, {"a": [1, 2]}) is expected
