import re
from datetime import UTC, datetime

import pytest

from gateway.domain.errors import Refusal, RefusalCode
from gateway.domain.rules import INT32_MAX, Rule, check


def _refusal(code: RefusalCode, message: str, *field: str) -> Refusal:
    return Refusal(code, message, field, "desk")


@pytest.mark.parametrize("value", [None, "", " ", "\t\r\n \u00a0"])
def test_a_required_field_is_refused_when_it_says_nothing(value: str | None) -> None:
    assert check({"body": Rule(required=True)}, {"body": value}, source="desk") == (
        _refusal(RefusalCode.REQUIRED, "`body` is required by desk and may not be empty.", "body"),
    )


def test_a_required_field_is_refused_when_it_is_left_out() -> None:
    assert check({"body": Rule(required=True)}, {}, source="desk") == (
        _refusal(RefusalCode.REQUIRED, "`body` is required by desk and may not be empty.", "body"),
    )


@pytest.mark.parametrize("value", [None, "", "  "])
def test_an_optional_field_may_be_empty_whatever_its_limits(value: str | None) -> None:
    rule = Rule(max_length=1, choices=frozenset({"a"}), pattern=re.compile("a"), shape="an a")

    assert check({"kind": rule}, {"kind": value}, source="desk") == ()


def test_lengths_count_characters_and_not_bytes() -> None:
    rules = {"heading": Rule(max_length=4)}

    assert check(rules, {"heading": "Żółć"}, source="desk") == ()
    assert check(rules, {"heading": "Żółć!"}, source="desk") == (
        _refusal(RefusalCode.TOO_LONG, "`heading` has 5 characters; desk takes at most 4.", "heading"),
    )


def test_blanks_count_in_a_length() -> None:
    [refusal] = check({"heading": Rule(max_length=4)}, {"heading": " ab  "}, source="desk")

    assert refusal.code is RefusalCode.TOO_LONG


def test_a_value_outside_the_choices_is_told_them_in_order() -> None:
    rules = {"kind": Rule(choices=frozenset({"note", "cost", "mail"}))}

    assert check(rules, {"kind": "mail"}, source="desk") == ()
    assert check(rules, {"kind": "Mail"}, source="desk") == (
        _refusal(RefusalCode.INVALID, "`kind` must be one of cost, mail, note.", "kind"),
    )


@pytest.mark.parametrize("value", ["12x", "x12", "12\n", "\n12"])
def test_a_pattern_must_match_the_whole_value(value: str) -> None:
    rules = {"queue": Rule(pattern=re.compile(r"\d+"), shape="a number")}

    assert check(rules, {"queue": "12"}, source="desk") == ()
    assert check(rules, {"queue": value}, source="desk") == (
        _refusal(RefusalCode.INVALID, "`queue` must be a number.", "queue"),
    )


def test_the_first_limit_that_a_value_breaks_is_the_one_that_is_told() -> None:
    rule = Rule(max_length=2, choices=frozenset({"ab"}), pattern=re.compile("ab"), shape="ab")

    assert [
        refusal.code
        for value in ("abc", "xx")
        for refusal in check({"kind": rule}, {"kind": value}, source="desk")
    ] == [RefusalCode.TOO_LONG, RefusalCode.INVALID]


@pytest.mark.parametrize("value", [True, False, 0, 17, ("a",), (), datetime(2026, 1, 2, tzinfo=UTC)])
def test_values_that_are_no_text_only_need_their_field_to_be_known(value: object) -> None:
    rules = {"given": Rule(required=True, max_length=1, choices=frozenset())}

    assert check(rules, {"given": value}, source="desk") == ()


def test_refusals_stand_in_the_order_of_the_rules_with_unknown_fields_behind() -> None:
    rules = {
        "subject": Rule(required=True),
        "author.name": Rule(max_length=1),
        "body": Rule(required=True),
        "kind": Rule(),
    }
    given = {"zebra": "", "author.phone": "1", "body": "", "author.name": "Ola", "left": None, "apple": 1}

    assert check(rules, given, source="desk") == (
        _refusal(RefusalCode.REQUIRED, "`subject` is required by desk and may not be empty.", "subject"),
        _refusal(
            RefusalCode.TOO_LONG,
            "`author.name` has 3 characters; desk takes at most 1.",
            "author",
            "name",
        ),
        _refusal(RefusalCode.REQUIRED, "`body` is required by desk and may not be empty.", "body"),
        _refusal(RefusalCode.UNSUPPORTED_FIELD, "desk does not know `zebra`.", "zebra"),
        _refusal(RefusalCode.UNSUPPORTED_FIELD, "desk does not know `author.phone`.", "author", "phone"),
        _refusal(RefusalCode.UNSUPPORTED_FIELD, "desk does not know `apple`.", "apple"),
    )


def test_a_refusal_never_repeats_the_value() -> None:
    rules = {
        "a": Rule(max_length=1),
        "b": Rule(choices=frozenset({"x"})),
        "c": Rule(pattern=re.compile("x"), shape="x"),
    }

    assert "secret" not in repr(check(rules, dict.fromkeys("abcd", "secret"), source="desk"))


def test_ids_of_vendors_end_at_32_bits() -> None:
    assert INT32_MAX == 2**31 - 1
