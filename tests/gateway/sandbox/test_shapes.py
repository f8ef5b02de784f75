"""Answers of a wrong shape: made by rule from any JSON, the same one again for the same draw."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sandbox.faults import Shape
from gateway.sandbox.shapes import misshapen

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
ANSWER = {"id": 7, "open": True, "owner": {"name": "Åsa"}, "tags": ["a"]}


def every_wrong(answer: object, *shapes: str) -> list[Any]:
    """All that a number can make of an answer, in the order of the numbers."""
    body = orjson.dumps(answer)
    found = []
    for number in range(1000):
        wrong = orjson.loads(misshapen(body, shapes=shapes, detail=number / 1000))
        if wrong not in found:
            found.append(wrong)
    return found


@pytest.mark.parametrize(
    ("shape", "wrong"),
    [
        (
            "other_type",
            [
                ANSWER | {"id": "7"},
                ANSWER | {"open": "true"},
                ANSWER | {"owner": {"name": 3}},
                ANSWER | {"tags": [1]},
            ],
        ),
        ("list_as_object", [ANSWER | {"tags": {"0": "a"}}]),
        ("object_as_list", [[7, True, {"name": "Åsa"}, ["a"]], ANSWER | {"owner": ["Åsa"]}]),
        (
            "missing_key",
            [
                {"open": True, "owner": {"name": "Åsa"}, "tags": ["a"]},
                {"id": 7, "owner": {"name": "Åsa"}, "tags": ["a"]},
                {"id": 7, "open": True, "tags": ["a"]},
                ANSWER | {"owner": {}},
                {"id": 7, "open": True, "owner": {"name": "Åsa"}},
            ],
        ),
        ("null", [None, ANSWER | {"owner": None}, ANSWER | {"tags": None}]),
    ],
)
def test_each_shape_can_be_wrong_at_every_place_that_has_it(shape: str, wrong: list[Any]) -> None:
    assert every_wrong(ANSWER, shape) == wrong


def test_every_shape_is_tried_above_and_comes_by_itself() -> None:
    separate = [wrong for shape in Shape for wrong in every_wrong(ANSWER, shape)]
    assert every_wrong(ANSWER) == separate
    assert every_wrong(ANSWER, "null", "list_as_object") == [
        wrong for shape in ("list_as_object", "null") for wrong in every_wrong(ANSWER, shape)
    ]


@pytest.mark.parametrize(
    ("body", "wrong"),
    [(b"", b"null"), (b"<html>", b"null"), (b"null", b"null"), (b"[]", b"{}"), (b"5", b'"5"')],
)
def test_the_least_answers_have_a_wrong_shape_too(body: bytes, wrong: bytes) -> None:
    assert misshapen(body, shapes=(), detail=0.0) == wrong


def test_where_an_answer_has_no_place_for_what_was_wanted_another_one_is_taken() -> None:
    assert misshapen(b"[]", shapes=("missing_key",), detail=0.9) == b"null"


@given(answer=JSON, detail=st.floats(0, 1, exclude_max=True))
def test_it_is_sound_json_other_than_the_answer_and_the_same_again(answer: Any, detail: float) -> None:
    body = orjson.dumps(answer)
    wrong = misshapen(body, shapes=(), detail=detail)
    assert orjson.loads(wrong) != orjson.loads(body) or answer is None
    assert misshapen(body, shapes=(), detail=detail) == wrong
