import pytest

from gateway.http.negotiation import GRAPHQL_RESPONSE, HTML, JSON, answer_type, choose
from gateway.http.problems import HttpProblem

URQL = "application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed"
APOLLO = "application/graphql-response+json,application/json;q=0.9"
CHROME = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, JSON),
        ("", JSON),
        (" , ,", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        ("application/json", JSON),
        ("APPLICATION/JSON", JSON),
        ("application/json; charset=utf-8", JSON),
        (GRAPHQL_RESPONSE, GRAPHQL_RESPONSE),
        (f"{GRAPHQL_RESPONSE}; charset=utf-8", GRAPHQL_RESPONSE),
        (URQL, GRAPHQL_RESPONSE),
        (APOLLO, GRAPHQL_RESPONSE),
        (f"application/json, {GRAPHQL_RESPONSE}", JSON),
        (f"application/json;q=0.5, {GRAPHQL_RESPONSE};q=0.6", GRAPHQL_RESPONSE),
        (f"{GRAPHQL_RESPONSE};q=0, */*", JSON),
        (f"*/*;q=0.1, {GRAPHQL_RESPONSE}", GRAPHQL_RESPONSE),
        ("text/event-stream, */*;q=0.1", JSON),
        ("application/json;q=2", JSON),
        ("application/json ; Q = 0.5 , text/html", JSON),
    ],
)
def test_the_answer_has_the_type_that_the_client_likes_best(accept: str | None, expected: str) -> None:
    assert answer_type(accept) == expected


@pytest.mark.parametrize(
    "accept",
    [
        "text/html",
        "text/event-stream",
        "multipart/mixed",
        "application/json;q=0",
        "*/*;q=0",
        "application/*;q=0.0, text/*",
        "application/json;q=nonsense",
        "application/json;q=nan",
        "application/json;q=-1",
        "json",
        "🙂",
    ],
)
def test_a_client_that_takes_neither_type_is_told_which_there_are(accept: str) -> None:
    with pytest.raises(HttpProblem) as caught:
        answer_type(accept)
    assert (caught.value.status, caught.value.message) == (
        406,
        "This endpoint answers application/graphql-response+json or application/json. Accept one of them.",
    )


def test_a_browser_prefers_html_and_a_client_does_not() -> None:
    offered = (JSON, GRAPHQL_RESPONSE, HTML)
    assert [choose(accept, offered) for accept in (CHROME, URQL, APOLLO, "*/*", None)] == [
        HTML,
        GRAPHQL_RESPONSE,
        GRAPHQL_RESPONSE,
        JSON,
        JSON,
    ]


def test_the_most_specific_range_decides_over_a_more_generous_one() -> None:
    assert choose("*/*, application/json;q=0.1", (JSON, GRAPHQL_RESPONSE)) == GRAPHQL_RESPONSE


def test_a_header_of_thousands_of_types_is_read_to_a_point() -> None:
    many = "a/b," * 8000
    assert choose(f"{JSON},{many}", (JSON, GRAPHQL_RESPONSE)) == JSON
    assert choose(f"{many}{JSON}", (JSON, GRAPHQL_RESPONSE)) is None


@pytest.mark.parametrize(
    "accept",
    [
        "application/json, text/event-stream",
        "application/json, multipart/mixed;boundary=graphql, text/event-stream",
        "application/json, multipart/mixed;deferSpec=20220824, application/json;q=0.1",
    ],
)
def test_a_client_that_also_takes_streams_gets_the_json_that_it_names_first(accept: str) -> None:
    assert choose(accept, (JSON, GRAPHQL_RESPONSE, "text/event-stream", "multipart/mixed")) == JSON
