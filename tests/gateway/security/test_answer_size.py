from typing import Any

import pytest
from graphql import OperationDefinitionNode, get_introspection_query, parse, validate
from graphql import build_schema as build_sdl

from gateway.http.explorer.queries import READY_QUERIES
from gateway.security.answer_size import PageSizes, answer_size
from gateway.security.exceeding import DocumentTooLarge
from gateway.security.limit_settings import LimitSettings
from resolvers.paging import DEFAULT_SIZE, MAX_SIZE
from resolvers.schema import build_schema
from tests.e2e.priced_operations import READS, WRITES

SCHEMA = build_schema()._schema
LIMITS = LimitSettings()


def objects(query: str, variables: dict[str, Any] | None = None) -> int:
    document = parse(query)
    assert validate(SCHEMA, document) == []
    (operation,) = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
    size = answer_size(SCHEMA, document, operation)
    size.check(variables, LIMITS)
    return size.objects(variables)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("{ __typename }", 0),
        ('{ source(key: "a") { key } }', 1 + 1),
        ("{ conversations { totalCount } }", 1 + 1),
        ("{ conversations { nodes { id } } }", 1 + 20 * 2),
        ("{ conversations(first: 3) { nodes { id } } }", 1 + 3 * 2),
        ("{ conversations(first: 3) { edges { cursor node { id } } } }", 1 + 3 * 4),
        ("{ conversations(first: 3) { nodes { id status { value } origin { source { key } } } } }", 1 + 3 * 7),
        ("{ conversations(first: 3) { nodes { messages(last: 5) { nodes { body { text } } } } } }", 1 + 3 * (1 + 1 + 5 * 3)),
        ("{ conversations(first: 3) { nodes { id } edges { node { id } } pageInfo { endCursor } } }", 1 + 3 * 2 + 3 * 3 + 2),
        ("{ a: conversations(first: 2) { nodes { id } } b: conversations(first: 3) { nodes { id } } }", 1 + 2 * 2 + 1 + 3 * 2),
        ("{ conversations(first: 2) { nodes { id } } conversations(first: 2) { nodes { subject } } }", 1 + 2 * 3),
        ("{ conversations(first: 2) { ...A ...A ... { nodes { id } } } } fragment A on ConversationConnection { nodes { id } }", 1 + 2 * 2),
        ("{ conversations(first: 2) { nodes { ... on Case { customer { name } } ... on Ticket { queue requester { id } } } } }", 1 + 2 * 6),
        ('{ nodes(ids: ["a", "b", "c"]) { id } }', 3 * 2),
        ("{ sources { key } }", 20 * 2),
        ("{ conversations(first: 1000000) { nodes { id } } }", 1 + 100 * 2),
        ("{ conversations(first: -5) { nodes { id } } }", 1 + 1 * 2),
        ("{ conversations(first: null) { nodes { id } } }", 1 + 20 * 2),
        ('mutation { confirmMessages(input: {messageIds: ["a", "b"]}) { confirmed { id } } }', 1 + 2 * 2),
        (get_introspection_query(), 0),
    ],
)  # fmt: skip
def test_objects_and_values_are_counted_with_the_lists_that_they_are_in(query: str, expected: int) -> None:
    assert objects(query) == expected


PAGED = "query($n: Int = 7) { conversations(first: $n) { nodes { id } } }"
LOOKED_UP = 'query($ids: [ID!]! = ["a", "b"]) { nodes(ids: $ids) { id } }'
CONFIRMED = "mutation($input: ConfirmMessagesInput!) { confirmMessages(input: $input) { confirmed { id } } }"
CONFIRMED_IDS = "mutation($ids: [ID!]!) { confirmMessages(input: {messageIds: $ids}) { confirmed { id } write { parts { state } } } }"


@pytest.mark.parametrize(
    ("query", "variables", "expected"),
    [
        (PAGED, None, 1 + 7 * 2),
        (PAGED, {}, 1 + 7 * 2),
        (PAGED, {"n": 50}, 1 + 50 * 2),
        (PAGED, {"n": 10**9}, 1 + 100 * 2),
        # JSON writes whole numbers as it likes.
        (PAGED, {"n": 50.0}, 1 + 50 * 2),
        (PAGED, {"n": "many"}, 1 + 7 * 2),
        (LOOKED_UP, {}, 2 * 2),
        (LOOKED_UP, {"ids": ["a"] * 90}, 90 * 2),
        (LOOKED_UP, {"ids": []}, 20 * 2),
        (CONFIRMED, {"input": {"messageIds": ["a"] * 5, "idempotencyKey": "k"}}, 1 + 5 * 2),
        (CONFIRMED, {"input": {"idempotencyKey": "k"}}, 1 + 20 * 2),
        (CONFIRMED, {"input": "nonsense"}, 1 + 20 * 2),
        (CONFIRMED_IDS, {"ids": ["a"] * 4}, 1 + 4 * 2 + 1 + 4 * 2),
    ],
)
def test_variables_say_how_long_lists_are(
    query: str, variables: dict[str, Any] | None, expected: int
) -> None:
    assert objects(query, variables) == expected


USUAL = [
    *((each.document, each.variables) for each in (*READS, *WRITES)),
    *((each.query, dict(each.variables)) for each in READY_QUERIES),
    ("{ tickets(first: 100) { nodes { id requester { name } messages { nodes { id body { text } } } } } }", {}),
    ("{ cases(first: 10) { nodes { id messages(first: 100) { nodes { id body { text } author { name } kind { value } origin { nativeId source { key } } } } } } }", {}),
    ("{ conversations(first: 100) { nodes { id status { value } lastMessage { preview author { name } } } } }", {}),
    ("{ conversations(first: 100) { nodes { messages(first: 100) { nodes { id body { text } } } } } }", {}),
]  # fmt: skip


@pytest.mark.parametrize(("query", "variables"), USUAL)
def test_usual_operations_pass(query: str, variables: dict[str, Any]) -> None:
    objects(query, variables)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("{ conversations(first: 100) { nodes { messages(first: 100) { nodes { replies(first: 100) { nodes { id } } } } } } }", 2_020_201),
        ("{ conversations(first: 100) { nodes { messages(first: 100) { nodes { replies(first: 100) { nodes { replies(first: 100) { nodes { id } } } } } } } } }", 202_020_201),
    ],
)  # fmt: skip
def test_pages_nested_in_pages_are_refused_before_anything_is_fetched(query: str, found: int) -> None:
    with pytest.raises(DocumentTooLarge) as refused:
        objects(query)
    assert refused.value.message == (
        f"The answer may hold {found} objects and values, and 100000 are allowed. Ask for smaller pages, or nest fewer lists."
    )


def test_pages_are_as_large_as_the_graph_says() -> None:
    assert PageSizes() == PageSizes(usual=DEFAULT_SIZE, largest=MAX_SIZE)


def test_an_operation_without_a_root_has_no_answer() -> None:
    document = parse("subscription { x }")
    (operation,) = document.definitions
    assert isinstance(operation, OperationDefinitionNode)
    assert answer_size(SCHEMA, document, operation).objects({}) == 0


def test_a_union_has_no_fields_of_its_own() -> None:
    schema = build_sdl("type A { a: [A!] } type B { b: Int } union U = A | B type Query { u: [U!] }")
    document = parse("{ u { __typename ... on A { a { __typename } } } }")
    (operation,) = document.definitions
    assert isinstance(operation, OperationDefinitionNode)
    assert answer_size(schema, document, operation, PageSizes(usual=3)).objects({}) == 3 * (1 + 3)
