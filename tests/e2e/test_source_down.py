"""One sick source costs its own fields and nothing else, and the answer says so."""

from typing import Any

import pytest

from gateway.sandbox import Faults
from tests.e2e.conftest import Stack

BIG = """query($ids: [ID!]!) {
  sources { key }
  conversations(first: 10) { nodes { id origin { source { key } } } sources { source { key } state error { code } } }
  accounts(first: 5) { nodes { id } sources { source { key } state error { code } } }
  tulo: account(lookup: {source: "tulo", nativeId: "66d986b4ad659dea5ceb9b62"}) { name }
  hub: case(guid: "1e0abcb7-b94c-4072-a9c0-37072a1ef015") { subject }
  telecomx: account(lookup: {source: "telecomx", nativeId: "1234567890ABCDEF12345678", kind: RESELLER}) { name }
  thulium: ticket(ref: {source: "thulium", nativeId: "1234"}) { subject messages { totalCount } }
  netevia: nodes(ids: $ids) { id ... on Account { name } }
}"""
OWN_FIELD = {"service_order_hub": "hub"}


async def linked_user(stack: Stack) -> str:
    answer = await stack.data('{ accounts(first: 1, filter: {sources: ["netevia"]}) { nodes { id } } }')
    return str(answer["accounts"]["nodes"][0]["id"])


def slices(connection: dict[str, Any]) -> dict[str, tuple[str, str | None]]:
    return {
        each["source"]["key"]: (each["state"], each["error"] and each["error"]["code"])
        for each in connection["sources"]
    }


@pytest.mark.parametrize("dead", ["tulo", "service_order_hub", "netevia", "telecomx", "thulium"])
async def test_each_source_stopped_leaves_the_other_four(stack: Stack, dead: str) -> None:
    variables = {"ids": [await linked_user(stack)]}
    healthy = await stack.data(BIG, variables)
    await stack.running.stop(dead)
    answer = await stack.execute(BIG, variables)
    data, errors = answer["data"], answer["errors"]

    assert data["sources"] == healthy["sources"]
    for key in ("tulo", "service_order_hub", "netevia", "telecomx", "thulium"):
        name = OWN_FIELD.get(key, key)
        if key != dead:
            assert data[name] == healthy[name], key
    assert data[OWN_FIELD.get(dead, dead)] in (None, [None])

    for field in ("conversations", "accounts"):
        expected = slices(healthy[field])
        # Accounts come source after source: the first page needs Netevia's alone, as long as it is up.
        if expected[dead][0] == "OK" and (field == "conversations" or dead == "netevia"):
            expected[dead] = ("UNAVAILABLE", "SOURCE_UNAVAILABLE")
        assert slices(data[field]) == expected, field
        assert data[field]["nodes"]
    assert all(node["origin"]["source"]["key"] != dead for node in data["conversations"]["nodes"])

    assert {error["extensions"]["source"] for error in errors} == {dead}
    assert {error["extensions"]["code"] for error in errors} == {"SOURCE_UNAVAILABLE"}
    assert all(error["extensions"]["retryable"] and error["extensions"]["requestId"] for error in errors)
    assert all("127.0.0.1" not in error["message"] for error in errors)

    await stack.running.start(dead)
    assert await stack.data(BIG, variables) == healthy


SICK = [
    pytest.param(Faults(error_rate=1.0, error_status=500), "SOURCE_UNAVAILABLE", True, id="fails"),
    pytest.param(
        Faults(error_rate=1.0, error_status=401), "SOURCE_AUTH_FAILED", False, id="refuses the credentials"
    ),
    pytest.param(Faults(malformed_json=True), "SOURCE_PROTOCOL_ERROR", False, id="answers nonsense"),
    pytest.param(Faults(throttle=True, retry_after_s=0), "SOURCE_THROTTLED", True, id="throttles"),
]


@pytest.mark.parametrize(("faults", "code", "retryable"), SICK)
async def test_a_sick_source_is_named_with_its_code(
    stack: Stack, faults: Faults, code: str, retryable: bool
) -> None:
    query = """{ thulium: ticket(ref: {source: "thulium", nativeId: "1234"}) { subject }
      hub: case(guid: "1e0abcb7-b94c-4072-a9c0-37072a1ef015") { number } }"""
    stack.sandbox.services["thulium"].faults = faults
    answer = await stack.execute(query)
    assert answer["data"] == {"thulium": None, "hub": {"number": 7748}}
    (error,) = answer["errors"]
    assert error["path"] == ["thulium"]
    assert (error["extensions"]["code"], error["extensions"]["source"], error["extensions"]["retryable"]) == (
        code,
        "thulium",
        retryable,
    )


async def test_a_dead_source_is_caught_up_from_the_cursor(stack: Stack) -> None:
    query = """query($after: String) { conversations(first: 100, after: $after) {
      nodes { id origin { source { key } } } pageInfo { hasNextPage endCursor } } }"""
    whole: list[str] = []
    page: dict[str, Any] = {"pageInfo": {"endCursor": None}}
    while page["pageInfo"].get("hasNextPage", True):
        page = (await stack.data(query, {"after": page["pageInfo"]["endCursor"]}))["conversations"]
        whole += [each["id"] for each in page["nodes"]]

    await stack.running.stop("telecomx")
    seen: list[str] = []
    answer = await stack.execute(query)
    page = answer["data"]["conversations"]
    seen += [each["id"] for each in page["nodes"]]
    assert "telecomx" not in {each["origin"]["source"]["key"] for each in page["nodes"]}
    await stack.running.start("telecomx")
    while page["pageInfo"]["hasNextPage"]:
        page = (await stack.data(query, {"after": page["pageInfo"]["endCursor"]}))["conversations"]
        seen += [each["id"] for each in page["nodes"]]
    assert sorted(seen) == sorted(whole)


async def test_a_write_to_a_stopped_source_was_not_sent_and_may_be_tried_again(stack: Stack) -> None:
    query = """mutation($input: ReplyInput!) { reply(input: $input) {
      message { id } write { state attempts problem { code retryable } } userErrors { code } } }"""
    given = {
        "toRef": {"source": "netevia", "nativeId": "123456"},
        "body": "Hello",
        "idempotencyKey": "the same key",
    }
    await stack.running.stop("netevia")
    answer = await stack.execute(query, {"input": given})
    assert answer["data"]["reply"] == {
        "message": None,
        "write": {
            "state": "REJECTED",
            "attempts": 1,
            "problem": {"code": "SOURCE_UNAVAILABLE", "retryable": True},
        },
        "userErrors": [],
    }
    (error,) = answer["errors"]
    assert (error["extensions"]["code"], error["extensions"]["retryable"]) == ("SOURCE_UNAVAILABLE", True)
    await stack.running.start("netevia")
    done = await stack.data(query, {"input": given})
    assert done["reply"]["message"] is not None
    assert done["reply"]["write"] == {"state": "CONFIRMED", "attempts": 2, "problem": None}
    assert len(stack.sandbox.services["netevia"].arrivals) == 1
