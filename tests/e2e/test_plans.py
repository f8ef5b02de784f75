"""The real graph over the sandbox, with plans and without: the same answers, errors and calls."""

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
from graphql import GraphQLSchema

from gateway.sandbox import Faults
from resolvers.schema import build_schema
from tests.e2e.conftest import Stack, open_stack
from tests.e2e.priced_operations import GUID, READS, SUBSCRIBER, known_ids
from tests.gateway.plans.differential.random_operations import RandomOperation

_OPERATIONS = 400
_BATCH = 50
# They tell when something happened, or how often: two gateways never have the same.
_OF_THE_MOMENT = frozenset({"fetchedAt", "ageMs", "health", "retryAfter"})


@pytest.fixture(scope="module")
async def both() -> AsyncIterator[tuple[Stack, Stack]]:
    """A gateway with plans and one without, each over its own sandbox with the same world."""
    settings = {"max_calls": 1000, "max_calls_per_source": 1000}
    async with (
        open_stack(settings={"operations": {**settings, "plans": True}}) as planned,
        open_stack(settings={"operations": {**settings, "plans": False}}) as plain,
    ):
        yield planned, plain


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return build_schema()._schema


async def _values(stack: Stack) -> dict[str, list[str]]:
    """What random operations ask for: things that are there, and some that aren't."""
    known = await known_ids(stack)
    ids = [f'"{each}"' for each in known.values() if isinstance(each, str)]
    sources = [
        f'"{each}"' for each in ("tulo", "thulium", "telecomx", "netevia", "service_order_hub", "none")
    ]
    return {
        "id": ids, "ids": ids, "guid": [f'"{GUID}"'], "guids": [f'"{GUID}"'], "account": ids, "organization": ids,
        "partner": ids, "provider": ids, "assignee": ids, "reseller": ids, "source": sources, "sources": sources,
        "key": sources, "nativeId": ['"1234"', f'"{SUBSCRIBER}"', f'"{GUID}"'], "first": ["1", "2", "5", "0"],
        "last": ["2", "-1"], "length": ["0", "5", "20"], "after": [f'"{known["tenth"]}"', '"x"'], "before": ['"y"'],
        "search": ['"a"'],
    }  # fmt: skip


async def _ask(stack: Stack, operation: RandomOperation) -> tuple[Any, Counter[str], Any, dict[str, int]]:
    """The data, the errors without their order and the requests' ids, the cost, and the calls that came."""
    stack.forget()
    answer = await stack.execute(operation.text, operation.variables)
    errors = answer.get("errors", [])
    for each in errors:
        request_id = each["extensions"].pop("requestId")
        each["message"] = each["message"].replace(request_id, "ID")
    return answer.get("data"), Counter(map(repr, errors)), answer.get("extensions"), stack.calls()


@pytest.mark.parametrize("first", range(0, _OPERATIONS, _BATCH))
async def test_random_operations_have_the_same_answers_and_calls(
    both: tuple[Stack, Stack], schema: GraphQLSchema, first: int
) -> None:
    planned, plain = both
    values = await _values(planned)
    codes: Counter[bool] = Counter()
    for seed in range(first, first + _BATCH):
        # From the third batch on, a source is down: another one in each.
        sick = list(planned.sandbox.services)[(first // _BATCH) % 5] if first >= 2 * _BATCH else None
        for stack in both:
            for kind, service in stack.sandbox.services.items():
                service.faults = Faults(error_rate=1.0, error_status=503) if kind == sick else Faults()
        operation = RandomOperation(schema, seed, depth=4, values=values, size=25, without=_OF_THE_MOMENT)
        one, other = await _ask(planned, operation), await _ask(plain, operation)
        assert one == other, operation.text
        codes[one[0] is not None] += 1
    assert codes[True] > _BATCH / 2
    for stack in both:
        for service in stack.sandbox.services.values():
            service.faults = Faults()


@pytest.mark.parametrize("number", range(len(READS)), ids=lambda number: READS[number].name)
async def test_known_operations_have_the_same_answers_and_calls(
    both: tuple[Stack, Stack], number: int
) -> None:
    read = READS[number]
    results = []
    for stack in both:
        variables = await known_ids(stack) | read.variables
        stack.forget()
        answer = await stack.execute(read.document, variables)
        assert "errors" not in answer
        results.append((answer, stack.calls()))
    assert results[0] == results[1]
