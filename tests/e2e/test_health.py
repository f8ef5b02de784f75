"""`Source.health`: how each source is doing, by the calls that were made anyway."""

import asyncio
from datetime import datetime
from typing import Any

from gateway.sandbox import Faults
from tests.e2e import served as fixtures
from tests.e2e.asking import AT_MOST_S, ask
from tests.e2e.conftest import Stack
from tests.e2e.served import FAILING, HANGING, Served

served_sandbox, served = fixtures.served_sandbox, fixtures.served

HEALTH = "{ sources { key health { state circuit p50Ms p95Ms errorRate lastError lastErrorAt checkedAt } } }"
UNKNOWN = {
    "state": "UNKNOWN",
    "circuit": "CLOSED",
    "p50Ms": None,
    "p95Ms": None,
    "errorRate": None,
    "lastError": None,
    "lastErrorAt": None,
    "checkedAt": None,
}
TICKET = '{ ticket(ref: {source: "thulium", nativeId: "1234"}) { subject } }'


async def healths(stack: Stack) -> dict[str, dict[str, Any]]:
    """What is told of each source. Asking costs no call."""
    before = stack.calls()
    found = {each["key"]: each["health"] for each in (await stack.data(HEALTH))["sources"]}
    assert stack.calls() == before
    return found


async def thulium(stack: Stack) -> tuple[str, str]:
    health = (await healths(stack))["thulium"]
    return health["state"], health["circuit"]


async def call(stack: Stack, count: int) -> None:
    """Make so many calls to Thulium, however they end; that there is no such ticket is an answer too."""
    for first in range(1, count + 1, 20):
        aliases = " ".join(
            f't{each}: ticket(ref: {{source: "thulium", nativeId: "{each}"}}) {{ subject }}'
            for each in range(first, min(first + 20, count + 1))
        )
        await ask(stack.http, f"{{ {aliases} }}")


async def test_before_any_call_nothing_is_known_of_any_source(served: Served) -> None:
    async with served.gateway() as stack:
        found = await healths(stack)
        (one,) = (await stack.data('{ source(key: "thulium") { health { state circuit } } }')).values()
    assert found == dict.fromkeys(served.sandbox.services, UNKNOWN)
    assert one == {"health": {"state": "UNKNOWN", "circuit": "CLOSED"}}


async def test_a_source_that_answers_is_healthy_and_the_others_are_as_before(served: Served) -> None:
    async with served.gateway() as stack:
        await ask(stack.http, TICKET)
        found = await healths(stack)
    health = found.pop("thulium")
    assert found == dict.fromkeys(found, UNKNOWN)
    assert health == {
        **UNKNOWN,
        "state": "HEALTHY",
        "errorRate": 0,
        "p50Ms": health["p50Ms"],
        "p95Ms": health["p50Ms"],
        "checkedAt": health["checkedAt"],
    }
    assert health["p50Ms"] > 0
    assert datetime.fromisoformat(health["checkedAt"]).tzinfo is not None


async def test_what_the_cache_answers_says_nothing_of_the_source(served: Served) -> None:
    async with served.gateway(each_source={"cache_ttl_s": 600}) as stack:
        await ask(stack.http, TICKET)
        first = await healths(stack)
        await served.running.stop("thulium")
        await ask(stack.http, TICKET)
        assert await healths(stack) == first


async def test_the_last_error_is_a_word_and_tells_nothing_of_where_or_what(served: Served) -> None:
    words = {}
    async with served.gateway(each_source={"attempt_timeout_s": 0.1}) as stack:
        for name, faults in {
            "fails": FAILING,
            "throttles": Faults(throttle=True, retry_after_s=0),
            "hangs": HANGING,
            "stopped": None,
        }.items():
            if faults is None:
                await served.running.stop("thulium")
            else:
                served.sandbox.services["thulium"].faults = faults
            await ask(stack.http, TICKET)
            words[name] = (await healths(stack))["thulium"]["lastError"]
    assert words == {
        "fails": "503",
        "throttles": "429",
        "hangs": "SourceTimeout",
        "stopped": "SourceUnavailable",
    }


async def test_a_source_goes_from_well_to_down_and_back(served: Served) -> None:
    service = served.sandbox.services["thulium"]
    seen = []
    async with served.gateway() as stack:
        await call(stack, 9)
        seen.append(await thulium(stack))
        service.faults = FAILING
        await call(stack, 1)
        seen.append(await thulium(stack))
        await call(stack, 8)
        # Half of all have failed: it is left alone.
        seen.append(await thulium(stack))
        stack.forget()
        down = await ask(stack.http, TICKET)
        (error,) = down["errors"]
        told = (await healths(stack))["thulium"]
        assert stack.calls() == {}

        service.faults = Faults()
        async with asyncio.timeout(AT_MOST_S):
            # A pause of a second at most, then some probes.
            while (await thulium(stack))[1] != "CLOSED":
                await call(stack, 1)
                await asyncio.sleep(0.02)
        seen.append(await thulium(stack))
        # What has failed weighs on, until enough has gone well.
        await call(stack, 40)
        await call(stack, 40)
        seen.append(await thulium(stack))
    assert seen == [
        ("HEALTHY", "CLOSED"),
        ("DEGRADED", "CLOSED"),
        ("DOWN", "OPEN"),
        ("DEGRADED", "CLOSED"),
        ("HEALTHY", "CLOSED"),
    ]
    assert (told["errorRate"], told["lastError"], told["lastErrorAt"]) == (0.5, "503", told["checkedAt"])
    assert (error["extensions"]["code"], error["message"]) == (
        "SOURCE_UNAVAILABLE",
        "The source has failed too often of late and is left alone for a while.",
    )


async def test_an_open_circuit_tells_a_list_when_to_ask_again(served: Served) -> None:
    query = """{ tickets(first: 3, filter: {sources: ["thulium"]}) { nodes { id } sources {
      source { key } state retryAfter error { code message } } } }"""
    served.sandbox.services["thulium"].faults = FAILING
    async with served.gateway() as stack:
        await call(stack, 10)
        answer = await ask(stack.http, query)
    (part,) = [each for each in answer["data"]["tickets"]["sources"] if each["source"]["key"] == "thulium"]
    assert part == {
        "source": {"key": "thulium"},
        "state": "UNAVAILABLE",
        "retryAfter": 1,
        "error": {
            "code": "SOURCE_UNAVAILABLE",
            "message": "The source has failed too often of late and is left alone for a while.",
        },
    }


async def test_a_source_that_is_down_leaves_the_others_well(served: Served) -> None:
    query = (
        '{ cases(first: 1) { nodes { id } } ticket(ref: {source: "thulium", nativeId: "1234"}) { subject } }'
    )
    await served.running.stop("thulium")
    async with served.gateway() as stack:
        await call(stack, 10)
        await ask(stack.http, query)
        found = await healths(stack)
    assert {key: each["state"] for key, each in found.items()} == {
        "tulo": "UNKNOWN",
        "service_order_hub": "HEALTHY",
        "netevia": "UNKNOWN",
        "telecomx": "UNKNOWN",
        "thulium": "DOWN",
    }
