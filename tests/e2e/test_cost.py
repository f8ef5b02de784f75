"""How many REST calls an operation has caused, how many it may, and what comes of the rest."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from gateway.sandbox.writes import is_write
from tests.e2e import served as fixtures
from tests.e2e.asking import arrived, ask, problems, slices
from tests.e2e.conftest import Stack
from tests.e2e.ledger_stack import HUB, REPLY, THULIUM
from tests.e2e.priced_operations import READS, WRITES, known_ids
from tests.e2e.served import FAILING, HELD, Served

served_sandbox, served = fixtures.served_sandbox, fixtures.served

KEPT = {"cache_ttl_s": 600}
COUNTED = {"X-Request-Cost": "true"}
TICKET = '{ ticket(ref: {source: "thulium", nativeId: "1234"}) { subject } }'
TOO_MANY = "TOO_MANY_SOURCE_CALLS"

Cost = tuple[int, dict[str, int]]


def cost_of(answer: Mapping[str, Any]) -> Cost:
    """What an answer says that was caused. What was estimated is another matter."""
    cost = answer["extensions"]["cost"]
    return cost["actualCalls"], cost["bySource"]


def caused(stack: Stack) -> Cost:
    """What has reached the sources."""
    calls = stack.calls()
    return sum(calls.values()), calls


def capped(**caps: int) -> dict[str, Any]:
    return {"operations": {"max_calls": 1000, "max_calls_per_source": 1000, **caps}}


# -- what is told


async def test_the_cost_is_told_to_those_who_ask_for_it(served: Served) -> None:
    async with served.gateway() as stack:
        told = await ask(stack.http, TICKET, headers=COUNTED)
        untold = [
            await ask(stack.http, TICKET),
            await ask(stack.http, TICKET, headers={"X-Request-Cost": "false"}),
        ]
    assert cost_of(told) == (1, {"thulium": 1})
    assert ["extensions" in each for each in untold] == [False, False]


async def test_what_is_refused_before_it_runs_has_no_cost(served: Served) -> None:
    async with served.gateway() as stack:
        answer = await ask(stack.http, "{ nothing }", headers=COUNTED)
    assert set(answer) == {"errors"}


async def told_and_caused(stack: Stack, known: Mapping[str, Any]) -> tuple[dict[str, Cost], dict[str, Cost]]:
    """What each read says that it has caused, and what it has."""
    told: dict[str, Cost] = {}
    real: dict[str, Cost] = {}
    for each in READS:
        stack.forget()
        answer = await ask(stack.http, each.document, {**known, **each.variables}, headers=COUNTED)
        told[each.name], real[each.name] = cost_of(answer), caused(stack)
    return told, real


async def test_every_read_costs_what_reaches_the_sources(served: Served) -> None:
    async with served.gateway() as stack:
        known = await known_ids(stack)
        told, real = await told_and_caused(stack, known)
    assert told == real
    # Not all of them for nothing.
    assert sum(calls for calls, _ in real.values()) > 100
    assert {source for _, calls in real.values() for source in calls} == set(served.sandbox.services)


async def test_every_read_costs_nothing_once_it_is_known(served: Served) -> None:
    async with served.gateway(each_source=KEPT) as stack:
        known = await known_ids(stack)
        told, real = await told_and_caused(stack, known)
        again = await told_and_caused(stack, known)
    assert told == real
    nothing: dict[str, Cost] = {each.name: (0, {}) for each in READS}
    assert again == (nothing, nothing)


async def test_every_write_costs_what_reaches_the_sources(served: Served) -> None:
    async with served.gateway() as stack:
        known = await known_ids(stack)
        told: dict[str, Cost] = {}
        real: dict[str, Cost] = {}
        for each in WRITES:
            if each.name == "a look for a write":
                found = await stack.data("{ writes(first: 1) { nodes { id } } }")
                known["write"] = found["writes"]["nodes"][0]["id"]
            stack.forget()
            answer = await ask(stack.http, each.document, {**known, **each.variables}, headers=COUNTED)
            assert problems(answer) == [], each.name
            told[each.name], real[each.name] = cost_of(answer), caused(stack)
    assert told == real
    assert sum(calls for calls, _ in real.values()) > 20


async def test_a_shared_call_counts_for_each_of_those_who_share_it(served: Served) -> None:
    async with served.gateway() as stack:
        served.sandbox.services["thulium"].faults = HELD
        asking = [asyncio.ensure_future(ask(stack.http, TICKET, headers=COUNTED)) for _ in range(2)]
        await arrived(stack, "thulium", 1)
        # The other has joined it, or has come too late and shares nothing.
        served.gate.open()
        answers = await asyncio.gather(*asking)
    assert [cost_of(each) for each in answers] == [(1, {"thulium": 1})] * 2


async def test_retries_cost_nothing_more(served: Served) -> None:
    served.sandbox.services["thulium"].faults = FAILING
    async with served.gateway(each_source={"max_retries": 2}) as stack:
        answer = await ask(stack.http, TICKET, headers=COUNTED)
    assert problems(answer) == [(("ticket",), "SOURCE_UNAVAILABLE", "thulium")]
    assert (cost_of(answer), stack.calls()) == ((1, {"thulium": 1}), {"thulium": 3})


async def test_a_log_in_costs_nothing(served: Served) -> None:
    query = '{ tickets(first: 1, filter: {sources: ["telecomx"]}) { nodes { id } } }'
    async with served.gateway() as stack:
        answer = await ask(stack.http, query, headers=COUNTED)
    arrivals = served.sandbox.services["telecomx"].arrivals
    assert [each.path for each in arrivals].count("/auth/login") == 1
    assert cost_of(answer) == (len(arrivals) - 1, {"telecomx": len(arrivals) - 1})


# -- how many there may be

CASES = """query($guids: [ID!]!, $first: Int!) {
  cases(first: $first, filter: {guids: $guids}) { nodes { guid number } sources { source { key } state error { code } } }
  ticket(ref: {source: "thulium", nativeId: "1234"}) { subject } }"""


TEXT = (
    "This operation needs more than 3 calls to service_order_hub, which is more than one may cause. "
    "Ask for less at once."
)


async def guids(stack: Stack, count: int) -> list[str]:
    answer = await stack.data("query($n: Int) { cases(first: $n) { nodes { guid } } }", {"n": count})
    return [each["guid"] for each in answer["cases"]["nodes"]]


async def test_one_source_gets_no_more_than_it_may_and_the_others_stand(served: Served) -> None:
    async with served.gateway() as free, served.gateway(settings=capped(max_calls_per_source=3)) as stack:
        variables = {"guids": await guids(free, 5), "first": 5}
        whole = await free.data(CASES, variables)
        stack.forget()
        answer = await ask(stack.http, CASES, variables, headers=COUNTED)
        assert caused(stack) == (4, {"service_order_hub": 3, "thulium": 1})
        again = await ask(stack.http, CASES, variables)
    nodes = answer["data"]["cases"]["nodes"]
    assert nodes[:3] == whole["cases"]["nodes"][:3]
    # Those that were too many are known by their guids.
    assert nodes[3:] == [{"guid": each["guid"], "number": None} for each in whole["cases"]["nodes"][3:]]
    assert answer["data"]["ticket"] == whole["ticket"]
    assert slices(answer["data"]["cases"]) == {"service_order_hub": ("UNAVAILABLE", TOO_MANY)}
    assert {(code, source) for _, code, source in problems(answer)} == {(TOO_MANY, "service_order_hub")}
    assert {(each["message"], each["extensions"]["retryable"]) for each in answer["errors"]} == {
        (TEXT, False)
    }
    assert cost_of(answer) == (4, {"service_order_hub": 3, "thulium": 1})
    # The next operation has an account of its own.
    assert again["data"] == answer["data"]


async def test_all_sources_together_get_no_more_than_they_may(served: Served) -> None:
    query = """{
      ticket(ref: {source: "thulium", nativeId: "1234"}) { subject }
      account(lookup: {source: "tulo", nativeId: "66d986b4ad659dea5ceb9b62"}) { name }
      cases(first: 3) { nodes { number messages { totalCount } } } }"""
    async with served.gateway(settings=capped(max_calls=4)) as stack:
        answer = await ask(stack.http, query, headers=COUNTED)
        assert caused(stack) == (4, {"thulium": 1, "tulo": 1, "service_order_hub": 2})
    data = answer["data"]
    # A ticket, an account, the list, and the messages of the first case.
    assert (data["ticket"] is None, data["account"] is None) == (False, False)
    assert [each["messages"] is None for each in data["cases"]["nodes"]] == [False, True, True]
    assert problems(answer) == [
        (("cases", "nodes", index, "messages"), TOO_MANY, "service_order_hub") for index in (1, 2)
    ]
    assert cost_of(answer) == (4, {"thulium": 1, "tulo": 1, "service_order_hub": 2})


async def test_what_is_known_already_may_be_asked_for_without_end(served: Served) -> None:
    async with served.gateway(each_source=KEPT, settings=capped(max_calls_per_source=3)) as stack:
        known = await guids(stack, 5)
        for some in (known[:3], known[3:]):
            await stack.data(CASES, {"guids": some, "first": 5})
        answer = await ask(stack.http, CASES, {"guids": known, "first": 5}, headers=COUNTED)
    assert (problems(answer), cost_of(answer)) == ([], (0, {}))


async def test_a_list_that_is_one_call_too_many_is_a_part_that_is_missing(served: Served) -> None:
    query = "{ tickets(first: 60) { nodes { origin { source { key } } } sources { source { key } state error { code } } } }"
    async with served.gateway(settings=capped(max_calls_per_source=2)) as stack:
        both = await ask(stack.http, query)
    async with served.gateway(settings=capped(max_calls_per_source=1)) as stack:
        answer = await ask(stack.http, query)
    took_part = {key: how for key, how in slices(both["data"]["tickets"]).items() if how[0] == "OK"}
    assert took_part == {"telecomx": ("OK", None), "thulium": ("OK", None)}
    # Of two help centres one is one too many, and half of a source's part is none.
    assert slices(answer["data"]["tickets"]) == {
        **slices(both["data"]["tickets"]),
        "telecomx": ("UNAVAILABLE", TOO_MANY),
    }
    assert problems(answer) == [(("tickets",), TOO_MANY, "telecomx")]


# -- writes


async def test_a_write_is_never_one_too_many(served: Served) -> None:
    query = """mutation($a: ReplyInput!, $b: ReplyInput!) {
      a: reply(input: $a) { write { state } userErrors { code } }
      b: reply(input: $b) { write { state } userErrors { code } } }"""
    given = {name: {**HUB, "body": f"Hello {name}", "idempotencyKey": name} for name in ("a", "b")}
    async with served.gateway(settings=capped(max_calls=1, max_calls_per_source=1)) as stack:
        answer = await ask(stack.http, query, given, headers=COUNTED)
        assert caused(stack) == (2, {"service_order_hub": 2})
    done = {"write": {"state": "CONFIRMED"}, "userErrors": []}
    assert answer["data"] == {"a": done, "b": done}
    assert (problems(answer), cost_of(answer)) == ([], (2, {"service_order_hub": 2}))


async def test_what_cannot_be_prepared_is_not_sent(served: Served) -> None:
    """What has to be read before a write is a read like any."""
    query = """mutation($input: ReplyInput!) { first: updateTicket(input: {id: "%s", queue: "6"}) { write { state } }
      reply(input: $input) { write { state } } }"""
    given = {"input": {**THULIUM, "body": "Hello", "idempotencyKey": "k"}}
    async with served.gateway(settings=capped(max_calls_per_source=1)) as stack:
        ticket = (await stack.data('{ ticket(ref: {source: "thulium", nativeId: "1234"}) { id } }'))[
            "ticket"
        ]["id"]
        stack.forget()
        answer = await ask(stack.http, query % ticket, given)
        calls = [each.method for each in served.sandbox.services["thulium"].arrivals]
        assert answer["data"] == {"first": {"write": {"state": "CONFIRMED"}}, "reply": None}
        assert problems(answer) == [(("reply",), TOO_MANY, "thulium")]
        # With an operation to itself it has room enough; only what has become of it can't be looked at.
        again = await ask(stack.http, REPLY, given)
    assert "POST" not in calls
    assert again["data"]["reply"]["write"]["state"] == "CONFIRMED"
    assert [each.method for each in served.sandbox.services["thulium"].arrivals].count("POST") == 1


@pytest.mark.parametrize("at_most", [1, 2])
async def test_what_cannot_be_read_back_is_told_beside_a_write_that_is_done(
    served: Served, at_most: int
) -> None:
    query = """mutation($input: ReplyInput!) { reply(input: $input) {
      message { id } conversation { ... on Case { number messages { totalCount } } } write { state } userErrors { code } } }"""
    given = {"input": {**HUB, "body": "Hello", "idempotencyKey": "k"}}
    async with served.gateway(settings=capped(max_calls=at_most)) as stack:
        answer = await ask(stack.http, query, given, headers=COUNTED)
    payload = answer["data"]["reply"]
    assert (payload["write"], payload["userErrors"]) == ({"state": "CONFIRMED"}, [])
    assert payload["message"] is not None
    assert {(code, source) for _, code, source in problems(answer)} == {(TOO_MANY, "service_order_hub")}
    assert cost_of(answer) == (at_most, {"service_order_hub": at_most})
    assert payload["conversation"]["number"] == (None if at_most == 1 else 7748)


@pytest.mark.parametrize("at_most", [1, 2])
async def test_what_has_reached_its_source_is_never_called_not_applied(served: Served, at_most: int) -> None:
    async with served.gateway() as stack:
        known = await known_ids(stack)
    mutations = [
        each for each in WRITES if each.document.startswith("mutation") and "$write" not in each.document
    ]
    applied: dict[str, bool] = {}
    async with served.gateway(settings=capped(max_calls=at_most)) as stack:
        for each in mutations:
            for service in served.sandbox.services.values():
                service.reset()
            answer = await ask(stack.http, each.document, known)
            assert {code for _, code, _ in problems(answer)} <= {TOO_MANY}, each.name
            applied[each.name] = any(
                arrival.applied and is_write(kind, arrival.method, arrival.path)
                for kind, service in served.sandbox.services.items()
                for arrival in service.arrivals
            )
        recorded = await stack.data("{ writes(first: 100) { nodes { state } } }")
    assert applied == {each.name: True for each in mutations}
    assert [each["state"] for each in recorded["writes"]["nodes"]] == ["CONFIRMED"] * len(mutations)
