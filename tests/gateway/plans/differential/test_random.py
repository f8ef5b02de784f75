"""Random operations over random schemas and data, by a plan and by graphql-core: the same results."""

from functools import partial

import pytest
from graphql import parse, validate
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.plans.engine import Engine
from tests.gateway.plans.differential.comparing import Surroundings, same, same_but_for_races
from tests.gateway.plans.differential.random_operations import RandomOperation
from tests.gateway.plans.differential.random_schemas import RandomSchema, Thing, World

# graphql-core leaves what it cancels before it began.
pytestmark = pytest.mark.filterwarnings("ignore:.*was never awaited")
_PER_SCHEMA = 10
_SEEDS = st.integers(0, 2**48)
_OFTEN = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def _apart(parent: object) -> int:
    return parent.number % 2 if isinstance(parent, Thing) else 0


@given(seed=_SEEDS, wrong=st.sampled_from((0.0, 0.02, 0.08)))
@_OFTEN
async def test_what_is_resolved_at_once_gives_the_same_down_to_each_error(seed: int, wrong: float) -> None:
    schema = RandomSchema(seed, late=False)
    engine = Engine(schema.schema)
    try:
        for number in range(seed, seed + _PER_SCHEMA):
            operation = RandomOperation(schema.schema, number)
            assert validate(schema.schema, parse(operation.text)) == []
            world = partial(World, schema, number, wrong, late=False)
            await same(
                schema.schema,
                operation.text,
                lambda world=world: world().root,  # type: ignore[misc]
                variables=operation.variables,
                engine=engine,
            )
    finally:
        schema.close()
    assert not engine.fallbacks


@given(seed=_SEEDS, wrong=st.sampled_from((0.0, 0.02, 0.08)))
@_OFTEN
async def test_what_is_resolved_later_gives_the_same_but_for_what_races(seed: int, wrong: float) -> None:
    schema = RandomSchema(seed)
    engine = Engine(schema.schema)
    try:
        for number in range(seed, seed + _PER_SCHEMA):
            operation = RandomOperation(schema.schema, number)
            world = partial(World, schema, number, wrong, late=True)
            await same_but_for_races(
                schema.schema,
                operation.text,
                lambda world=world: world().root,  # type: ignore[misc]
                partial(Surroundings, _apart),
                operation.variables,
                engine,
            )
    finally:
        schema.close()
    assert engine.fallbacks.keys() <= {"awaitable inside a value"}
