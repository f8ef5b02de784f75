"""`gql`, the Python client, as its first page shows it, against `dev` as it stands."""

from typing import Any

import pytest
from gql import Client, GraphQLRequest, gql
from gql.transport.exceptions import TransportQueryError
from gql.transport.httpx import HTTPXAsyncTransport, HTTPXTransport

from tests.dev import Dev

READ = gql(
    "query Inbox($first: Int!) { conversations(first: $first) { nodes { __typename id subject } } }"
)  # fmt: skip
WRITE = gql(
    """
    mutation Reply($input: ReplyInput!) {
      reply(input: $input) { message { body { text } } userErrors { code field } }
    }
    """
)


def write(**changes: Any) -> GraphQLRequest:
    given = {
        "toRef": {"source": "netevia", "nativeId": "123470"},
        "body": "Dzień dobry",
        "idempotencyKey": "gql",
    }
    return GraphQLRequest(WRITE, variable_values={"input": {**given, **changes}})


def test_it_reads_and_writes_and_sees_why_a_write_was_refused(dev: Dev) -> None:
    client = Client(transport=HTTPXTransport(url=f"{dev.url}/graphql", trust_env=False))
    read = client.execute(GraphQLRequest(READ, variable_values={"first": 20}))
    assert len(read["conversations"]["nodes"]) == 20
    written = client.execute(write())
    assert written == {"reply": {"message": {"body": {"text": "Dzień dobry"}}, "userErrors": []}}
    refused = client.execute(write(body=" ", idempotencyKey="refused"))
    assert refused == {"reply": {"message": None, "userErrors": [{"code": "REQUIRED", "field": ["body"]}]}}
    assert [each["method"] for each in dev.arrivals("netevia")].count("POST") == 1


async def test_it_does_so_without_waiting_for_each_answer_and_with_the_schema_at_hand(dev: Dev) -> None:
    transport = HTTPXAsyncTransport(url=f"{dev.url}/graphql", trust_env=False)
    async with Client(transport=transport, fetch_schema_from_transport=True) as session:
        read = await session.execute(GraphQLRequest(READ, variable_values={"first": 3}))
        written = await session.execute(write())
    assert len(read["conversations"]["nodes"]) == 3
    assert written["reply"]["userErrors"] == []


def test_it_sees_the_code_of_an_error(dev: Dev) -> None:
    client = Client(transport=HTTPXTransport(url=f"{dev.url}/graphql", trust_env=False))
    with pytest.raises(TransportQueryError) as caught:
        client.execute(gql('{ node(id: "x") { id } sources { key } }'))
    assert [each["extensions"]["code"] for each in caught.value.errors or ()] == ["BAD_USER_INPUT"]
    assert caught.value.data
    assert len(caught.value.data["sources"]) == 5
