from typing import Any

import pytest
from graphql import GraphQLError, SourceLocation, get_introspection_query, parse

from gateway.domain.errors import ErrorCode
from gateway.http.explorer.queries import READY_QUERIES
from gateway.security.document_limits import check_document
from gateway.security.exceeding import DocumentTooLarge
from gateway.security.limit_settings import LimitSettings
from gateway.security.token_limit import check_tokens
from tests.e2e.priced_operations import READS, WRITES

LIMITS = LimitSettings()


def check(query: str, **limits: Any) -> None:
    check_document(parse(query), LIMITS.model_copy(update=limits))


def refusal(query: str, **limits: Any) -> tuple[str, tuple[SourceLocation, ...]]:
    with pytest.raises(DocumentTooLarge) as refused:
        check(query, **limits)
    assert refused.value.code is ErrorCode.LIMIT_EXCEEDED
    return refused.value.message, refused.value.locations


USUAL = {
    **{each.name: each.document for each in (*READS, *WRITES)},
    **{each.title: each.query for each in READY_QUERIES},
    "introspection": get_introspection_query(),
    "introspection with all options": get_introspection_query(
        specified_by_url=True,
        directive_is_repeatable=True,
        schema_description=True,
        input_value_deprecation=True,
    ),
}


@pytest.mark.parametrize("query", USUAL.values(), ids=USUAL.keys())
def test_what_people_and_tools_ask_for_passes(query: str) -> None:
    check_tokens(query, LIMITS)
    check(query)


def test_the_usual_introspection_query_reaches_the_limit_of_depth() -> None:
    assert refusal(get_introspection_query(), max_depth=14)[0] == (
        "A field of the document nests deeper than the 14 levels that are allowed."
    )


# What is written, the limit that it reaches, and what one more is told.
REACHED = [
    pytest.param(
        lambda n: "{" + " ".join(f"a{i}: x" for i in range(n)) + "}",
        {"max_aliases": 5, "max_root_fields": 99},
        "The document has 6 aliases or more, and 5 are allowed.",
        id="aliases",
    ),
    pytest.param(
        lambda n: "{" + " ".join(f"x{i} @d" for i in range(n)) + "}",
        {"max_directives": 5},
        "The document has 6 directives or more, and 5 are allowed.",
        id="directives",
    ),
    pytest.param(
        lambda n: "{ x" + " @d" * n + "}",
        {"max_directives_per_place": 5},
        "The document has 6 directives in one place, and 5 are allowed.",
        id="directives of a field",
    ),
    pytest.param(
        lambda n: "query" + " @d" * n + "{ x }",
        {"max_directives_per_place": 5},
        "The document has 6 directives in one place, and 5 are allowed.",
        id="directives of an operation",
    ),
    pytest.param(
        lambda n: "query($v: Int" + " @d" * n + ") { x }",
        {"max_directives_per_place": 5},
        "The document has 6 directives in one place, and 5 are allowed.",
        id="directives of a variable",
    ),
    pytest.param(
        lambda n: "{ ...A" + " @d" * n + "} fragment A on T { x }",
        {"max_directives_per_place": 5},
        "The document has 6 directives in one place, and 5 are allowed.",
        id="directives of a spread",
    ),
    pytest.param(
        lambda n: "{ ..." + " @d" * n + "{ x } }",
        {"max_directives_per_place": 5},
        "The document has 6 directives in one place, and 5 are allowed.",
        id="directives of an inline fragment",
    ),
    pytest.param(
        lambda n: "{ ...A } fragment A on T" + " @d" * n + "{ x }",
        {"max_directives_per_place": 5},
        "The document has 6 directives in one place, and 5 are allowed.",
        id="directives of a fragment",
    ),
    pytest.param(
        lambda n: "{" + " ".join(f"x{i}" for i in range(n)) + "}",
        {"max_root_fields": 5},
        "The document has 6 root fields, and 5 are allowed.",
        id="root fields",
    ),
    pytest.param(
        lambda n: "{ ...A } fragment A on Q { ... on Q {" + " ".join(f"x{i}" for i in range(n)) + "} }",
        {"max_root_fields": 5},
        "The document has 6 root fields, and 5 are allowed.",
        id="root fields in fragments",
    ),
    pytest.param(
        lambda n: "mutation {" + " ".join(f"x{i}" for i in range(n)) + "}",
        {"max_mutations": 5},
        "The document has 6 root fields in a mutation, and 5 are allowed.",
        id="mutations",
    ),
    pytest.param(
        lambda n: " ".join(f"query a{i} {{ x }}" for i in range(n)),
        {"max_operations": 5},
        "The document has 6 operations, and 5 are allowed.",
        id="operations",
    ),
    pytest.param(
        lambda n: "{ x }" + " ".join(f"fragment a{i} on T {{ x }}" for i in range(n)),
        {"max_fragments": 5},
        "The document has 6 fragments, and 5 are allowed.",
        id="fragments",
    ),
    pytest.param(
        lambda n: "query(" + " ".join(f"$v{i}: Int" for i in range(n)) + ") { x }",
        {"max_variables": 5},
        "The document has 6 variables in one operation, and 5 are allowed.",
        id="variables",
    ),
    pytest.param(
        lambda n: "{ x(a: " + "[" * n + "1" + "]" * n + ") }",
        {"max_value_depth": 5},
        "A value of the document nests deeper than the 5 levels that are allowed.",
        id="lists in arguments",
    ),
    pytest.param(
        lambda n: "{ x(a: " + "{b: " * n + "1" + "}" * n + ") }",
        {"max_value_depth": 5},
        "A value of the document nests deeper than the 5 levels that are allowed.",
        id="objects in arguments",
    ),
    pytest.param(
        lambda n: "{ x @d(a: " + "[" * n + "1" + "]" * n + ") }",
        {"max_value_depth": 5},
        "A value of the document nests deeper than the 5 levels that are allowed.",
        id="values in directives",
    ),
    pytest.param(
        lambda n: "query($v: Int = " + "[" * n + "1" + "]" * n + ") { x }",
        {"max_value_depth": 5},
        "A value of the document nests deeper than the 5 levels that are allowed.",
        id="values of variables",
    ),
    pytest.param(
        lambda n: "{ x" * n + "}" * n,
        {"max_depth": 5},
        "A field of the document nests deeper than the 5 levels that are allowed.",
        id="depth",
    ),
    pytest.param(
        lambda n: "{ ... { x" * n + "} }" * n,
        {"max_depth": 5},
        "A field of the document nests deeper than the 5 levels that are allowed.",
        id="depth with inline fragments",
    ),
    pytest.param(
        lambda n: (
            "{ x { ...F1 } }"
            + " ".join(f"fragment F{i} on T {{ x {{ ...F{i + 1} }} }}" for i in range(1, n - 1))
            + f"fragment F{n - 1} on T {{ x }}"
        ),
        {"max_depth": 5},
        "A field of the document nests deeper than the 5 levels that are allowed.",
        id="depth by fragments",
    ),
    pytest.param(
        lambda n: "{ y } fragment F on T { x" + "{ x" * (n - 1) + "}" * n,
        {"max_depth": 5},
        "A field of the document nests deeper than the 5 levels that are allowed.",
        id="depth of a fragment that nothing spreads",
    ),
    pytest.param(
        lambda n: "{" + " x" * n + "}",
        {"max_repeats": 5},
        "The document has 6 fields `x` in one place or more, and 5 are allowed.",
        id="repeats",
    ),
    pytest.param(
        lambda n: "{" + " y { x }" * n + "}",
        {"max_repeats": 5},
        "The document has 6 fields `y` in one place or more, and 5 are allowed.",
        id="repeats of an object",
    ),
    pytest.param(
        lambda n: "{" + " ... { y { x } }" + "y { x }" * (n - 1) + "}",
        {"max_repeats": 5},
        "The document has 6 fields `y` in one place or more, and 5 are allowed.",
        id="repeats in inline fragments",
    ),
    pytest.param(
        lambda n: "{" + "".join(f"...F{i} " for i in range(n)) + "}" + "".join(f"fragment F{i} on T {{ x }}" for i in range(n)),
        {"max_repeats": 5},
        "The document has 6 fields `x` in one place or more, and 5 are allowed.",
        id="repeats by fragments",
    ),
    pytest.param(
        lambda n: "{ y {" + " x" * (n - 1) + "} y { x } }",
        {"max_repeats": 5},
        "The document has 6 fields `x` in one place or more, and 5 are allowed.",
        id="repeats in merged objects",
    ),
    pytest.param(
        lambda n: "{ x } fragment F on T {" + " y" * n + "}",
        {"max_repeats": 5},
        "The document has 6 fields `y` in one place or more, and 5 are allowed.",
        id="repeats in a fragment that nothing spreads",
    ),
    pytest.param(
        lambda n: "{ x { " + " ".join(f"y{i}" for i in range(n + 94)) + "} }",
        {"max_selections": 100},
        "The document has 101 selections, with fragments in their places, or more, and 100 are allowed.",
        id="selections",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("write", "limits", "message"), REACHED)
def test_a_limit_may_be_reached_and_not_passed(write: Any, limits: dict[str, int], message: str) -> None:
    check(write(5), **limits)
    assert refusal(write(6), **limits)[0] == message


def test_the_schema_is_told_once() -> None:
    check("{ __schema { types { name } } __schema { types { kind } } }")
    assert refusal(
        "{ __schema { types { name } } ...A } fragment A on Query { a: __schema { types { name } } }"
    ) == (
        "The document has 2 fields `__schema`, and 1 are allowed.",
        (SourceLocation(1, 60),),
    )


def test_several_types_of_the_schema_may_be_asked_for() -> None:
    def ask(n: int) -> str:
        return "{" + " ".join(f'a{i}: __type(name: "Case") {{ name }}' for i in range(n)) + "}"

    check(ask(10))
    assert refusal(ask(11))[0] == "The document has 11 fields `__type`, and 10 are allowed."


@pytest.mark.parametrize(
    "query",
    [
        "{ __schema { types { name } a: types { name } } }",
        "{ __schema { types { ...T } } } fragment T on __Type { a: fields { name } }",
        '{ __type(name: "Case") { ... on __Type { fields { a: args { name } } } } }',
    ],
)
def test_no_part_of_the_schema_is_told_twice_under_another_name(query: str) -> None:
    assert refusal(query)[0] == "Below introspection there may be no alias."


def test_the_place_beyond_the_limit_is_told() -> None:
    assert refusal("{\n  a\n  b\n  c\n}", max_root_fields=2) == (
        "The document has 3 root fields, and 2 are allowed.",
        (SourceLocation(4, 3),),
    )
    assert refusal("{ a {\n b { c } } }", max_depth=2)[1] == (SourceLocation(2, 6),)


def test_a_document_without_places_is_refused_without_one() -> None:
    document = parse("{ a b c }", no_location=True)
    with pytest.raises(DocumentTooLarge) as refused:
        check_document(document, LIMITS.model_copy(update={"max_root_fields": 2}))
    assert refused.value.locations == ()


def test_a_fragment_spread_often_in_one_place_counts_once_there() -> None:
    check("{" + " ...A" * 15 + "} fragment A on Q { x }", max_repeats=1)


def test_each_place_has_repeats_of_its_own() -> None:
    check("{ a: y { x x } b: y { x x } }", max_repeats=2)


def _doubling(levels: int) -> str:
    fragments = "".join(
        f"fragment F{n} on T {{ a: y {{ ...F{n + 1} }} b: y {{ ...F{n + 1} }} }}" for n in range(levels)
    )
    return "{ ...F0 }" + fragments + f"fragment F{levels} on T {{ x }}"


def test_fragments_that_double_count_as_often_as_they_stand() -> None:
    check(_doubling(8))
    assert refusal(_doubling(12))[0] == (
        "The document has 2001 selections, with fragments in their places, or more, and 2000 are allowed."
    )


def test_fragments_that_double_in_one_place_are_as_large_as_they_are_written() -> None:
    fragments = "".join(f"fragment F{n} on T {{ ...F{n + 1} ...F{n + 1} }}" for n in range(29))
    check("{ ...F0 }" + fragments + "fragment F29 on T { x }")


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("{ ...A } fragment A on Q { ...A }", "Cannot spread fragment 'A' within itself."),
        (
            "{ ...A } fragment A on Q { ...B } fragment B on Q { ...A }",
            "Cannot spread fragment 'A' within itself via 'B'.",
        ),
        (
            "{ x } fragment A on Q { ...B } fragment B on Q { x { ...C } } fragment C on Q { ... { ...B } }",
            "Cannot spread fragment 'B' within itself via 'C'.",
        ),
    ],
)
def test_fragments_that_lead_back_to_themselves_are_refused(query: str, message: str) -> None:
    with pytest.raises(GraphQLError) as refused:
        check(query)
    assert refused.value.message == message
    assert refused.value.locations


def test_fragments_that_meet_again_are_no_cycle() -> None:
    check("{ ...A ...B } fragment A on Q { ...C } fragment B on Q { ...C ...A } fragment C on Q { x }")


@pytest.mark.parametrize(
    "query",
    [
        "{ ...Nowhere }",
        "type T { x: Int @d }",
        "query A { x } query A { x }",
        "fragment A on T { x } fragment A on T { y }",
        "{ }",
        "{ x { } }",
        "subscription { x }",
    ],
)
def test_invalid_documents_are_left_to_validation(query: str) -> None:
    check(query)
