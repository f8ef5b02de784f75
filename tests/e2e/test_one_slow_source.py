"""A source that hangs costs its own fields and nothing else: what lies below the others' still has time."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.sandbox import Faults
from tests.e2e.conftest import UNCAPPED, Stack, open_stack

# Two steps below a list of all sources, each of which could be held up by the one that hangs.
INBOX = """{ conversations(first: 30) { nodes { id __typename subject origin { source { key } } requester { name }
  lastMessage { preview author { name account { name } } } } sources { source { key } state error { code } } } }"""
SEVERAL = """query($ids: [ID!]!) { nodes(ids: $ids) { id ... on Conversation {
  lastMessage { preview author { name } } } } }"""


@pytest.fixture
async def impatient() -> AsyncIterator[Stack]:
    async with open_stack(settings={"operations": {**UNCAPPED["operations"], "timeout_s": 4}}) as opened:
        yield opened


def _others(answer: dict[str, Any], sick: str) -> list[dict[str, Any]]:
    nodes = answer["data"]["conversations"]["nodes"]
    return [each for each in nodes if each["origin"]["source"]["key"] != sick]


@pytest.mark.parametrize("sick", ["thulium", "telecomx", "service_order_hub"])
async def test_the_fields_below_the_others_items_are_complete(impatient: Stack, sick: str) -> None:
    query = INBOX.replace("first: 30", "first: 40")
    healthy = {each["id"]: each for each in _others(await impatient.execute(query), sick)}
    impatient.sandbox.services[sick].faults = Faults(timeout=True)

    answer = await impatient.execute(query)

    nodes = answer["data"]["conversations"]["nodes"]
    assert nodes
    assert {each["origin"]["source"]["key"] for each in nodes} <= set(impatient.running.base_urls) - {sick}
    assert [each for each in nodes if each["id"] in healthy and each != healthy[each["id"]]] == []
    assert all(each["lastMessage"]["preview"] for each in nodes)
    assert {(each["extensions"]["source"], each["extensions"]["code"]) for each in answer["errors"]} == {
        (sick, "DEADLINE_EXCEEDED")
    }


async def test_a_source_that_hangs_only_below_a_list_holds_up_no_others_fields(impatient: Stack) -> None:
    healthy = (await impatient.execute(INBOX))["data"]["conversations"]["nodes"]
    # The list is kept; what lies below its items has to be read.
    impatient.sandbox.services["thulium"].faults = Faults(read_mishaps={"hang_in_body": 0.5})
    answer = await impatient.execute(INBOX)

    nodes = answer["data"]["conversations"]["nodes"]
    assert [each for each in _others(answer, "thulium") if each not in healthy] == []
    assert nodes
    assert {each["extensions"]["source"] for each in answer.get("errors", [])} <= {"thulium"}


async def test_of_several_nodes_the_others_are_complete(impatient: Stack) -> None:
    found = await impatient.data(
        """{ conversations(first: 100) { nodes { id origin { source { key } } } } }"""
    )
    by_source = {each["origin"]["source"]["key"]: each["id"] for each in found["conversations"]["nodes"]}
    ids = [by_source["thulium"], by_source["service_order_hub"], by_source["telecomx"]]
    healthy = (await impatient.data(SEVERAL, {"ids": ids}))["nodes"]
    impatient.sandbox.services["thulium"].faults = Faults(timeout=True)

    answer = await impatient.execute(SEVERAL, {"ids": ids})

    assert answer["data"]["nodes"][1:] == healthy[1:]
    assert {(each["extensions"]["source"], each["extensions"]["code"]) for each in answer["errors"]} == {
        ("thulium", "DEADLINE_EXCEEDED")
    }
