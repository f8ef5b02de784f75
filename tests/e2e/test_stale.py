"""What is still known of a source that fails is served, and says how old it is; after a write it isn't."""

import asyncio
import time
from datetime import datetime
from typing import Any

import pytest

from gateway.sandbox import Faults
from tests.e2e import served as fixtures
from tests.e2e.asking import arrived, ask, problems
from tests.e2e.conftest import Stack
from tests.e2e.ledger_stack import GUID, HUB, REPLY
from tests.e2e.served import FAILING, HANGING, HELD, Served

served_sandbox, served = fixtures.served_sandbox, fixtures.served

# So short a time that it is over once the answer has come; then it may stand in for long.
STALE_AT_ONCE = {"cache_ttl_s": 1e-9, "max_stale_s": 600}
SOON_S, SHORT_S = 0.2, 0.5
KEPT = {"cache_ttl_s": 600, "max_stale_s": 600}
TICKET = """{ ticket(ref: {source: "thulium", nativeId: "1234"}) {
  subject requester { name origin { ...O } } origin { ...O } } }
  fragment O on Origin { from stale fetchedAt source { key } }"""
LIST = """{ tickets(first: 60, filter: {sources: ["thulium", "telecomx"]}) {
  nodes { id subject origin { from stale } } sources { source { key } state ageMs retryAfter error { code } } } }"""
CASE = (
    f'{{ case(guid: "{GUID}") {{ number messages {{ totalCount nodes {{ origin {{ from stale }} }} }} }} }}'
)


def parts(answer: dict[str, Any]) -> dict[str, tuple[str, bool]]:
    """The state of each source's part of a list, and whether it has an age."""
    return {
        each["source"]["key"]: (each["state"], each["ageMs"] is not None)
        for each in answer["data"]["tickets"]["sources"]
    }


def came(answer: dict[str, Any]) -> dict[str, Any]:
    """The ticket with only how it came."""
    ticket = answer["data"]["ticket"]
    return {**ticket["origin"], "requester": ticket["requester"]["origin"]}


SICK = {
    "stopped": None,
    "fails": FAILING,
    "breaks its connections": Faults(mishaps={"reset_before": 1}, only_writes=False),
}


@pytest.mark.parametrize("sick", SICK.values(), ids=SICK)
async def test_what_was_read_stands_in_for_a_source_that_fails(served: Served, sick: Faults | None) -> None:
    async with served.gateway(each_source=STALE_AT_ONCE) as stack:
        began_s = time.time()
        first = await ask(stack.http, TICKET)
        ended_s = time.time()
        if sick is None:
            await served.running.stop("thulium")
        else:
            served.sandbox.services["thulium"].faults = sick
        answer = await ask(stack.http, TICKET)
    source = {"source": {"key": "thulium"}}
    read = came(first)
    assert read == {
        "from": "SOURCE",
        "stale": False,
        "fetchedAt": read["fetchedAt"],
        **source,
        "requester": read["requester"],
    }
    told = came(answer)
    for each in (told, told["requester"]):
        assert (each["from"], each["stale"], each["source"]) == ("CACHE", True, {"key": "thulium"})
        # When it was really read, as far as two clocks agree.
        assert began_s - 0.05 <= datetime.fromisoformat(each["fetchedAt"]).timestamp() <= ended_s + 0.05
    assert answer["data"]["ticket"]["subject"] == first["data"]["ticket"]["subject"]
    assert problems(answer) == []


async def test_a_list_says_whose_part_is_stale_and_how_old_it_is(served: Served) -> None:
    async with served.gateway(each_source=STALE_AT_ONCE) as stack:
        first = await ask(stack.http, LIST)
        await served.running.stop("thulium")
        answer = await ask(stack.http, LIST)
    assert parts(first)["thulium"] == parts(first)["telecomx"] == ("OK", True)
    assert parts(answer) == {**parts(first), "thulium": ("STALE", True)}
    (thulium,) = [each for each in answer["data"]["tickets"]["sources"] if each["source"]["key"] == "thulium"]
    assert (thulium["error"], thulium["retryAfter"], 0 < thulium["ageMs"] < 60_000) == (None, None, True)
    nodes, before = answer["data"]["tickets"]["nodes"], first["data"]["tickets"]["nodes"]
    assert [each["id"] for each in nodes] == [each["id"] for each in before]
    assert {each["origin"]["stale"] for each in nodes} == {True, False}
    assert problems(answer) == []


async def test_cases_by_guid_say_so_too(served: Served) -> None:
    query = f'{{ cases(filter: {{guids: ["{GUID}"]}}) {{ nodes {{ number origin {{ from stale }} }} sources {{ state ageMs }} }} }}'
    async with served.gateway(each_source=STALE_AT_ONCE) as stack:
        await ask(stack.http, query)
        await served.running.stop("service_order_hub")
        answer = await ask(stack.http, query)
    (part,) = answer["data"]["cases"]["sources"]
    assert answer["data"]["cases"]["nodes"] == [{"number": 7748, "origin": {"from": "CACHE", "stale": True}}]
    assert (part["state"], part["ageMs"] > 0, problems(answer)) == ("STALE", True, [])


async def test_beyond_its_time_it_does_not(served: Served) -> None:
    async with served.gateway(each_source={"cache_ttl_s": 1e-9, "max_stale_s": 1e-9}) as stack:
        await ask(stack.http, TICKET)
        await ask(stack.http, LIST)
        await served.running.stop("thulium")
        answer, listed = await ask(stack.http, TICKET), await ask(stack.http, LIST)
    assert answer["data"] == {"ticket": None}
    assert problems(answer) == [(("ticket",), "SOURCE_UNAVAILABLE", "thulium")]
    assert (parts(listed)["thulium"], parts(listed)["telecomx"]) == (("UNAVAILABLE", False), ("OK", True))
    assert problems(listed) == [(("tickets",), "SOURCE_UNAVAILABLE", "thulium")]


async def test_what_is_known_stands_in_for_a_source_that_is_late(served: Served) -> None:
    async with served.gateway(each_source=STALE_AT_ONCE) as stack:
        await ask(stack.http, TICKET)
        await ask(stack.http, LIST)
        served.sandbox.services["thulium"].faults = HANGING
        answer = await ask(stack.http, TICKET, within_s=SOON_S)
        listed = await ask(stack.http, LIST, within_s=SHORT_S)
    assert (came(answer)["from"], came(answer)["stale"], problems(answer)) == ("CACHE", True, [])
    assert (parts(listed)["thulium"], parts(listed)["telecomx"]) == (("STALE", True), ("OK", True))
    assert problems(listed) == []


async def test_after_a_write_nothing_of_before_it_stands_in_for_a_source_that_is_late(served: Served) -> None:
    async with served.gateway(each_source=STALE_AT_ONCE) as stack:
        await ask(stack.http, CASE)
        await stack.data(REPLY, reply("k"))
        served.sandbox.services["service_order_hub"].faults = HANGING
        answer = await ask(stack.http, CASE, within_s=SOON_S)
    assert answer["data"] == {"case": None}
    assert problems(answer) == [(("case",), "DEADLINE_EXCEEDED", "service_order_hub")]


async def test_an_answer_that_says_no_is_no_failure(served: Served) -> None:
    async with served.gateway(each_source=STALE_AT_ONCE) as stack:
        await ask(stack.http, TICKET)
        served.sandbox.services["thulium"].faults = Faults(error_rate=1, error_status=401)
        answer = await ask(stack.http, TICKET)
    assert problems(answer) == [(("ticket",), "SOURCE_AUTH_FAILED", "thulium")]


async def test_an_answer_that_makes_no_sense_is_not_used_again(served: Served) -> None:
    async with served.gateway(each_source=KEPT) as stack:
        served.sandbox.services["thulium"].faults = Faults(malformed_json=True)
        senseless = await ask(stack.http, TICKET)
        served.sandbox.services["thulium"].faults = Faults()
        answer = await ask(stack.http, TICKET)
    assert problems(senseless) == [(("ticket",), "SOURCE_PROTOCOL_ERROR", "thulium")]
    assert problems(answer) == []


# -- sharing


async def test_what_was_read_a_moment_ago_is_not_read_again(served: Served) -> None:
    async with served.gateway(each_source=KEPT) as stack:
        first = await ask(stack.http, TICKET)
        stack.forget()
        again = [await ask(stack.http, TICKET) for _ in range(3)]
    assert {(came(each)["from"], came(each)["stale"]) for each in again} == {("CACHE", False)}
    assert {each["data"]["ticket"]["subject"] for each in again} == {first["data"]["ticket"]["subject"]}
    assert stack.calls() == {}


async def test_who_asks_the_same_at_the_same_time_shares_one_call(served: Served) -> None:
    # One that comes when the flight has landed finds its answer in the cache.
    async with served.gateway(each_source=KEPT) as stack:
        served.sandbox.services["thulium"].faults = HELD
        query = '{ ticket(ref: {source: "thulium", nativeId: "1234"}) { subject } }'
        asking = [asyncio.ensure_future(ask(stack.http, query)) for _ in range(10)]
        await arrived(stack, "thulium", 1)
        served.gate.open()
        answers = await asyncio.gather(*asking)
    assert all(each == answers[0] for each in answers)
    assert (problems(answers[0]), stack.calls()) == ([], {"thulium": 1})


# -- a write


async def total(stack: Stack) -> tuple[int | None, set[str]]:
    """How many messages the case has, and how they came."""
    case = (await ask(stack.http, CASE))["data"]["case"]
    if case is None or case["messages"] is None:
        return None, set()
    return case["messages"]["totalCount"], {each["origin"]["from"] for each in case["messages"]["nodes"]}


def reply(key: str) -> dict[str, Any]:
    return {"input": {**HUB, "body": "Hello", "idempotencyKey": key}}


async def test_after_a_write_nothing_of_before_it_comes_from_the_cache(served: Served) -> None:
    async with served.gateway(each_source=KEPT) as stack:
        before, _ = await total(stack)
        assert before is not None
        assert await total(stack) == (before, {"CACHE"})
        await stack.data(REPLY, reply("k"))
        assert await total(stack) == (before + 1, {"SOURCE"})
        assert await total(stack) == (before + 1, {"CACHE"})


async def test_after_a_write_nothing_of_before_it_stands_in_for_the_source(served: Served) -> None:
    async with served.gateway(each_source=STALE_AT_ONCE) as stack:
        before, _ = await total(stack)
        assert before is not None
        await stack.data(REPLY, reply("k"))
        served.sandbox.services["service_order_hub"].faults = FAILING
        assert await total(stack) == (None, set())


async def test_a_write_whose_outcome_nobody_knows_voids_what_was_read_too(served: Served) -> None:
    async with served.gateway(each_source=KEPT) as stack:
        before, _ = await total(stack)
        assert before is not None
        served.sandbox.services["service_order_hub"].faults = Faults(mishaps={"lost_answer": 1})
        done = await stack.data(REPLY, reply("k"))
        assert done["reply"]["write"]["state"] == "IN_DOUBT"
        served.sandbox.services["service_order_hub"].faults = Faults()
        assert await total(stack) == (before + 1, {"SOURCE"})


async def test_a_write_that_was_not_sent_leaves_what_is_known(served: Served) -> None:
    async with served.gateway(each_source=KEPT) as stack:
        before, _ = await total(stack)
        await served.running.stop("service_order_hub")
        answer = await ask(stack.http, REPLY, reply("k"))
        assert answer["data"]["reply"]["write"]["state"] == "REJECTED"
        assert await total(stack) == (before, {"CACHE"})


async def test_a_read_that_began_before_a_write_is_not_joined_after_it_nor_kept(served: Served) -> None:
    async with served.gateway(each_source=KEPT) as stack:
        before, _ = await total(stack)
        assert before is not None
    async with served.gateway(each_source=KEPT) as stack:
        stack.forget()
        hub = served.sandbox.services["service_order_hub"]
        hub.faults = HELD
        early = asyncio.ensure_future(total(stack))
        await arrived(stack, "service_order_hub", 1)
        hub.faults = Faults()
        # Its read-back, and what is asked next, don't wait for what is held.
        await stack.data(REPLY, reply("k"))
        assert (await total(stack))[0] == before + 1
        calls = len(hub.arrivals)
        served.gate.open()
        await early
        # What came late has not taken the newer answer's place.
        assert await total(stack) == (before + 1, {"CACHE"})
        assert len(hub.arrivals) == calls
