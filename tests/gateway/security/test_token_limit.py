from typing import Any

import pytest
from graphql import GraphQLSyntaxError, SourceLocation

from gateway.domain.errors import ErrorCode
from gateway.security.exceeding import DocumentTooLarge
from gateway.security.limit_settings import LimitSettings
from gateway.security.token_limit import check_tokens

LIMITS = LimitSettings(max_tokens=100, max_document_characters=1024, max_depth=3, max_value_depth=4)


def refusal(query: str, **limits: Any) -> tuple[str, tuple[SourceLocation, ...]]:
    with pytest.raises(DocumentTooLarge) as refused:
        check_tokens(query, LIMITS.model_copy(update=limits))
    assert refused.value.code is ErrorCode.LIMIT_EXCEEDED
    return refused.value.message, refused.value.locations


@pytest.mark.parametrize(
    ("query", "tokens"),
    [
        ("", 0),
        ("{ a }", 3),
        ("{ a(b: [1, $c], d: {e: 2.5}) }", 19),
        ("# one\n{ a } # two", 5),
        ('{ a(b: "{[(", c: """\n }]) # no\n""") }', 11),
        ("{ ...A @include(if: true) }", 11),
    ],
)
def test_tokens_are_counted_and_comments_too(query: str, tokens: int) -> None:
    assert check_tokens(query, LIMITS) == tokens


def test_a_document_may_have_as_many_tokens_as_the_limit_says() -> None:
    assert check_tokens("{" + " a" * 98 + "}", LIMITS) == 100


def test_one_token_more_is_refused_and_its_place_told() -> None:
    assert refusal("{" + " a" * 98 + "\n} a") == (
        "The document has more than the 100 tokens that are allowed.",
        (SourceLocation(2, 3),),
    )


def test_comments_are_no_way_round() -> None:
    assert refusal("{ a }\n" + "#\n" * 98) == (
        "The document has more than the 100 tokens that are allowed.",
        (SourceLocation(99, 1),),
    )


@pytest.mark.parametrize("filling", [" ", ",", "\n", "#", "\ufeff", "a"])
def test_neither_blanks_nor_long_words_are_a_way_round(filling: str) -> None:
    query = "{ a }" + filling * 1020
    assert refusal(query) == (
        "The document has 1025 characters, and 1024 are allowed. Long texts go into variables.",
        (),
    )


@pytest.mark.parametrize("opening", ["{", "[", "(", "{a(b:[", "...{"])
def test_brackets_nested_too_deeply_are_refused_before_anything_parses_them(opening: str) -> None:
    message, (location,) = refusal(opening * 20)
    assert message == "The document nests brackets deeper than the 12 levels that are allowed."
    assert location.line == 1


def test_brackets_beside_each_other_nest_nothing() -> None:
    assert check_tokens("{}" * 50, LIMITS) == 100


def test_what_no_document_has_is_a_syntax_error() -> None:
    with pytest.raises(GraphQLSyntaxError, match="Unexpected character"):
        check_tokens("{ a ? }", LIMITS)


def test_nothing_behind_the_limit_is_read() -> None:
    assert refusal("{" + " a" * 100 + " ?")[0].startswith("The document has more than")


@pytest.mark.parametrize("number", ["9" * 101, "-" + "9" * 5000, "0." + "1" * 200])
def test_a_number_that_no_field_takes_is_refused_before_it_is_read(number: str) -> None:
    with pytest.raises(DocumentTooLarge, match="A number of the document"):
        check_tokens(f"{{ cases(first: {number}) {{ totalCount }} }}", LimitSettings())
