"""The dial's JSON: there and back, changed in part, and told in brief."""

from typing import Any

import pytest

from gateway.sandbox import Faults
from gateway.sandbox.dial_json import read_dial, told, told_briefly, turned

DIALS = [
    Faults(),
    Faults(errors={503: 0.5, 404: 0.25}, shapes=["null", "missing_key"], retry_after_form="date"),
    Faults(mishaps={"lost_answer": 0.5}, read_mishaps={"slow_body": 1}, slow_pieces=3),
    Faults(flap_up_s=20, flap_down_s=5, while_down=Faults(errors={503: 1}, shapes=["null"])),
]


@pytest.mark.parametrize("dial", DIALS)
def test_what_is_told_is_read_as_the_same_whole_or_in_brief(dial: Faults) -> None:
    assert read_dial(told(dial)) == dial
    assert read_dial(told_briefly(told(dial))) == dial


def test_a_healthy_dial_is_told_in_no_words() -> None:
    assert told_briefly(told(Faults())) == {}
    assert told_briefly(told(Faults(errors={503: 0}, mishaps={"lost_answer": 0}))) == {}
    assert told_briefly(told(Faults(while_down=Faults(throttle=True)))) == {"while_down": {"throttle": True}}


@pytest.mark.parametrize(
    ("changes", "dial"),
    [
        ({}, Faults(latency_ms=5, errors={503: 0.5}, mishaps={"lost_answer": 0.5})),
        ({"latency_ms": None}, Faults(errors={503: 0.5}, mishaps={"lost_answer": 0.5})),
        (
            {"errors": {"404": 0.25}},
            Faults(latency_ms=5, errors={503: 0.5, 404: 0.25}, mishaps={"lost_answer": 0.5}),
        ),
        ({"errors": {"503": None}}, Faults(latency_ms=5, mishaps={"lost_answer": 0.5})),
        ({"errors": None, "mishaps": None}, Faults(latency_ms=5)),
        (
            {"mishaps": {"lost_answer": 0.25, "reset_after": 0.75}},
            Faults(latency_ms=5, errors={503: 0.5}, mishaps={"lost_answer": 0.25, "reset_after": 0.75}),
        ),
    ],
)
def test_what_is_not_changed_stays(changes: dict[str, Any], dial: Faults) -> None:
    before = Faults(latency_ms=5, errors={503: 0.5}, mishaps={"lost_answer": 0.5})
    assert turned(before, changes) == dial
    assert before == Faults(latency_ms=5, errors={503: 0.5}, mishaps={"lost_answer": 0.5})


def test_the_dial_while_it_is_down_is_replaced_whole() -> None:
    before = Faults(while_down=Faults(throttle=True, mishaps={"lost_answer": 0.5}))
    changed = turned(before, {"while_down": {"mishaps": {"reset_after": 0.5}}})
    assert changed == Faults(while_down=Faults(mishaps={"reset_after": 0.5}))
    assert turned(before, {"while_down": None}) == Faults()
    assert turned(before, {"latency_ms": 1}).while_down == before.while_down


@pytest.mark.parametrize(
    ("wanted", "complaint"),
    [
        ([], "Expected `object`"),
        ({"speed": 1}, "Unknown fault speed; known are apply_after_s, error_rate, "),
        ({"while_down": {"speed": 1}}, "Unknown fault speed; known are apply_after_s, error_rate, "),
        ({"while_down": {"error_rate": 2}}, "error_rate must lie between 0 and 1"),
        ({"errors": {"often": 1}}, "Expected `int`, got `str`"),
        ({"errors": {"200": 1}}, "errors: the status 200 must lie between 400 and 599"),
        ({"shapes": "null"}, "Expected `array`, got `str`"),
        ({"slow_pieces": 1.5}, "Expected `int | null`, got `float`"),
    ],
)
def test_bad_json_is_refused_however_it_comes(wanted: Any, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint.replace("|", r"\|")):
        read_dial(wanted)
    with pytest.raises(ValueError, match=complaint.replace("|", r"\|")):
        turned(Faults(), wanted)
