"""Whatever grows tenfold in a request is refused, or causes at most ten times the work.

Work is counted, not timed: every call of a function, Python's or C's, between the text of a document and the
beginning of its execution.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from math import isqrt
from types import FrameType
from typing import Any

import orjson
import pytest
from graphql import GraphQLError, OperationDefinitionNode, parse, specified_rules, validate
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from gateway.domain.catalog import Catalog
from gateway.domain.errors import LimitExceeded
from gateway.plans.estimate import estimate
from gateway.plans.price_list import PriceList
from gateway.security.answer_size import answer_size
from gateway.security.document_limits import check_document
from gateway.security.json_limits import check_json
from gateway.security.limit_settings import LimitSettings
from gateway.security.token_limit import check_tokens
from resolvers.schema import build_schema

SCHEMA = build_schema()._schema
PRICES = PriceList(SCHEMA)
RULES = (*specified_rules, OneOfInputValidationRule)
LIMITS = LimitSettings()
# No document that keeps within the limits causes more: some 40 ms, at 12 calls a microsecond.
MOST_WORK = 500_000


@dataclass
class Context:
    catalog: Catalog


def work_of(run: Callable[[], object]) -> int:
    """How many calls it makes."""
    calls = 0

    def count(_: FrameType, event: str, __: Any) -> None:
        nonlocal calls
        if event in {"call", "c_call"}:
            calls += 1

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        run()
    finally:
        sys.setprofile(before)
    return calls


def prepare(query: str, variables: dict[str, Any] | None = None) -> str:
    """What is done with a document before it runs; says how far it came."""
    try:
        check_json({"query": query, "variables": variables}, LIMITS)
        check_tokens(query, LIMITS)
        document = parse(query, max_tokens=LIMITS.max_tokens)
        check_document(document, LIMITS)
        if validate(SCHEMA, document, RULES, max_errors=20):
            return "invalid"
        operation = next(each for each in document.definitions if isinstance(each, OperationDefinitionNode))
        answer_size(SCHEMA, document, operation).check(variables, LIMITS)
        name = operation.name.value if operation.name else None
        if (
            estimate(PRICES, document, name, variables, Context(Catalog(()))).calls
            > LIMITS.max_estimated_calls
        ):
            return "refused"
    except LimitExceeded:
        return "refused"
    except GraphQLError:
        return "invalid"
    return "passed"


def _nested(opening: str, inner: str, closing: str, n: int) -> str:
    return opening * n + inner + closing * n


def _each(n: int, form: str) -> str:
    """So many of a form, numbered."""
    return " ".join(form.replace("#", str(i)) for i in range(n))


def _messages(below: str) -> str:
    return '{ message(id: "m") { ' + below + " } }"


def _doubling(n: int) -> str:
    links = _each(n, "").split(" ")
    fragments = "".join(
        f"fragment F{i} on Message {{ a: parent {{ ...F{i + 1} }} b: parent {{ ...F{i + 1} }} }}"
        for i in range(len(links))
    )
    return _messages("...F0") + fragments + f"fragment F{len(links)} on Message {{ id }}"


def _doubling_in_place(n: int) -> str:
    fragments = "".join(f"fragment F{i} on Query {{ ...F{i + 1} ...F{i + 1} }}" for i in range(n))
    return "{ ...F0 }" + fragments + f"fragment F{n} on Query {{ __typename }}"


def _all_with_all(spreads: int) -> str:
    n = isqrt(2 * spreads)
    fragments = "".join(
        f"fragment F{i} on Query {{ {''.join(f'...F{j} ' for j in range(i + 1, n))} sources {{ key }} }}"
        for i in range(n)
    )
    return "{" + "".join(f"...F{i} " for i in range(n)) + "}" + fragments


def _cycle(n: int) -> str:
    return "{ ...F0 }" + "".join(f"fragment F{i} on Query {{ ...F{(i + 1) % n} }}" for i in range(n))


# What grows, and from how many.
DIMENSIONS: dict[str, tuple[int, Callable[[int], str]]] = {
    "fields": (10, lambda n: "{ sources { " + _each(n, "key name kind docsUrl id") + " } }"),
    "distinct fields": (4, lambda n: "{ sources { " + _each(n, "a#: key") + " } }"),
    "tokens": (90, lambda n: '{ nodes(ids: ["a"' + ' "a"' * n + "]) { id } }"),
    "comments": (90, lambda n: "#\n" * n + "{ sources { key } }"),
    "blanks": (1_600, lambda n: "{ sources { key } " + " " * n + "}"),
    "characters of a text": (1_600, lambda n: '{ source(key: "' + "x" * n + '") { key } }'),
    "characters of a name": (1_600, lambda n: "{ " + "x" * n + " }"),
    "depth": (3, lambda n: _messages(_nested("parent {", "id", "}", n))),
    "depth of inline fragments": (3, lambda n: _messages(_nested("... on Message {", "id", "}", n))),
    "depth by fragments": (3, lambda n: _messages("...F0") + "".join(f"fragment F{i} on Message {{ parent {{ ...F{i + 1} }} }}" for i in range(n)) + f"fragment F{n} on Message {{ id }}"),
    "braces without end": (9, lambda n: "{ a" * n),
    "aliases": (5, lambda n: "{ sources { " + _each(n, "a#: key") + " } }"),
    "directives": (5, lambda n: "{ sources { " + _each(n, "key @include(if: true)") + " } }"),
    "directives in one place": (1, lambda n: "{ sources { key" + " @include(if: true)" * n + " } }"),
    "unknown directives": (1, lambda n: "{ sources { key" + " @nope" * n + " } }"),
    "root fields": (2, lambda n: "{ " + _each(n, "a#: sources { key }") + " }"),
    "mutations": (1, lambda n: "mutation { " + _each(n, 'a#: reconcileWrite(input: {id: "w"}) { write { state } }') + " }"),
    "operations": (1, lambda n: _each(n, "query A# { sources { key } }")),
    "variables": (5, lambda n: "query(" + _each(n, "$v#: ID!") + ") { nodes(ids: [" + _each(n, "$v#") + "]) { id } }"),
    "uses of a variable": (40, lambda n: "query($v: ID!) { nodes(ids: [" + "$v " * n + "]) { id } }"),
    "unused variables": (5, lambda n: "query(" + _each(n, "$v#: ID") + ") { sources { key } }"),
    "fragments": (3, lambda n: "{ " + _each(n, "...F#") + " }" + _each(n, "fragment F# on Query { sources { key } }")),
    "unused fragments": (3, lambda n: "{ sources { key } }" + _each(n, "fragment F# on Query { sources { key } }")),
    "spreads of a fragment": (20, lambda n: "{ " + "...F " * n + "} fragment F on Query { sources { key } }"),
    "spreads in places": (5, lambda n: "{ " + _each(n, "a#: sources { ...F }") + " } fragment F on Source { id key name kind }"),
    "unknown fragments": (5, lambda n: "{ " + _each(n, "...F#") + " }"),
    "fragments that double": (2, _doubling),
    "fragments that double in one place": (2, _doubling_in_place),
    "fragments that all spread all": (20, _all_with_all),
    "a cycle of fragments": (2, _cycle),
    "repeats": (2, lambda n: "{ sources { " + "key " * n + "} }"),
    "more repeats": (20, lambda n: "{ sources { " + "key " * n + "} }"),
    "repeats of an object": (2, lambda n: "{ " + "sources { key } " * n + "}"),
    "repeats with arguments": (2, lambda n: "{ " + 'source(key: "a") { key } ' * n + "}"),
    "repeats in fragments of types": (2, lambda n: '{ node(id: "n") { ' + "... on Case { subject } ... on Ticket { subject } " * n + "} }"),
    "conflicting repeats": (2, lambda n: "{ " + _each(n, 'source(key: "a#") { key }') + " }"),
    "lists": (3, lambda n: "{ nodes(ids: " + _nested("[", '"a"', "]", n) + ") { id } }"),
    "objects": (3, lambda n: "mutation { reply(input: " + _nested("{to: ", '"a"', "}", n) + ") { write { state } } }"),
    "fields of an object": (30, lambda n: "mutation { reply(input: {" + _each(n, "b#: 1") + "}) { write { state } } }"),
    "characters of a wrong object": (1_000, lambda n: 'mutation { reply(input: {body: """' + "x\n" * (n // 2) + '""" ' + _each(30, "b#: 1") + "}) { write { state } } }"),
    "types of lists": (3, lambda n: "query($v: " + _nested("[", "ID", "]", n) + ") { nodes(ids: $v) { id } }"),
    "unknown fields": (2, lambda n: "{ " + _each(n, "nope#") + " }"),
    "introspection": (1, lambda n: "{ __schema { " + _nested("types { fields { type {", "name", "} } }", n) + " } }"),
    "introspection by aliases": (1, lambda n: "{ __schema { " + _each(n, "a#: types { fields { name } }") + " } }"),
    "pages in pages": (1, lambda n: "{ conversations(first: 2) { nodes { messages(first: 2) { nodes { " + _nested("replies(first: 2) { nodes {", "id", "} }", n) + " } } } } }"),
}  # fmt: skip


@pytest.mark.parametrize(("least", "write"), DIMENSIONS.values(), ids=DIMENSIONS.keys())
def test_ten_times_as_much_of_anything_is_at_most_ten_times_the_work(
    least: int, write: Callable[[int], str]
) -> None:
    small, large = write(least), write(10 * least)
    prepare(small)  # what is cached at first use is no work of the document
    one, ten = work_of(lambda: prepare(small)), work_of(lambda: prepare(large))
    assert ten <= 10 * one
    assert ten <= MOST_WORK


@pytest.mark.parametrize(("least", "write"), DIMENSIONS.values(), ids=DIMENSIONS.keys())
def test_hundreds_of_times_as_much_is_no_more_than_anything_may_cost(
    least: int, write: Callable[[int], str]
) -> None:
    huge = write(min(300 * least, 3_000))
    assert work_of(lambda: prepare(huge)) <= MOST_WORK


BODIES: dict[str, tuple[int, Callable[[int], Any]]] = {
    "values": (100, lambda n: [1] * n),
    "values in lists": (10, lambda n: [[1] * 10] * n),
    "names": (100, lambda n: {str(i): i for i in range(n)}),
    "lists in lists": (3, lambda n: orjson.loads(_nested("[", "1", "]", n))),
    "objects in objects": (3, lambda n: orjson.loads(_nested('{"a":', "1", "}", n))),
}


@pytest.mark.parametrize(("least", "make"), BODIES.values(), ids=BODIES.keys())
@pytest.mark.parametrize("factor", [10, 100])
def test_work_for_variables_grows_no_faster_than_they_do(
    least: int, make: Callable[[int], Any], factor: int
) -> None:
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    small, large = {"ids": make(least)}, {"ids": make(factor * least)}
    prepare(query, small)
    assert work_of(lambda: prepare(query, large)) <= factor * work_of(lambda: prepare(query, small))


def test_a_body_nested_without_end_is_refused_by_the_decoder() -> None:
    for nested in ("[" * 100_000, "[" * 100_000 + "]" * 100_000, '{"a":' * 50_000):
        with pytest.raises(orjson.JSONDecodeError):
            orjson.loads(nested)
