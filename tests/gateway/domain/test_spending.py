import asyncio
import contextvars

import pytest

from gateway.domain.errors import TooManySourceCalls
from gateway.domain.spending import CallCaps, Spending, counted_by, current_spending

CAPS = CallCaps(in_all=5, per_source=3)


def _refused(spending: Spending, source: str) -> str:
    with pytest.raises(TooManySourceCalls) as refused:
        spending.spend(source, capped=True)
    error = refused.value
    assert (error.code.value, error.source, error.retryable, error.sent) == (
        "TOO_MANY_SOURCE_CALLS",
        source,
        False,
        False,
    )
    assert error.message == (
        f"This operation needs {error.detail}, which is more than one may cause. Ask for less at once."
    )
    return error.detail


def test_calls_are_counted_by_source_and_in_all() -> None:
    spending = Spending(CAPS)
    assert (spending.in_all, dict(spending.by_source)) == (0, {})

    for source in ("hub", "desk", "hub"):
        spending.spend(source, capped=True)

    assert (spending.in_all, dict(spending.by_source)) == (3, {"hub": 2, "desk": 1})


def test_one_source_gets_no_more_than_its_cap_and_the_others_still_do() -> None:
    spending = Spending(CAPS)
    for _ in range(3):
        spending.spend("hub", capped=True)

    assert _refused(spending, "hub") == "more than 3 calls to hub"

    spending.spend("desk", capped=True)
    assert (spending.in_all, dict(spending.by_source)) == (4, {"hub": 3, "desk": 1})


def test_all_sources_together_get_no_more_than_the_cap_in_all() -> None:
    spending = Spending(CAPS)
    for source in ("hub", "desk", "hub", "desk", "hub"):
        spending.spend(source, capped=True)

    assert _refused(spending, "desk") == "more than 5 calls to sources"
    assert _refused(spending, "bank") == "more than 5 calls to sources"
    # What was refused was not made, so it isn't counted.
    assert (spending.in_all, dict(spending.by_source)) == (5, {"hub": 3, "desk": 2})


def test_what_may_not_be_refused_is_counted_all_the_same() -> None:
    spending = Spending(CallCaps(in_all=1, per_source=1))
    for _ in range(3):
        spending.spend("hub", capped=False)

    assert (spending.in_all, dict(spending.by_source)) == (3, {"hub": 3})
    assert _refused(spending, "hub") == "more than 1 calls to hub"


def test_the_account_can_be_read_but_not_changed() -> None:
    with pytest.raises(TypeError):
        Spending(CAPS).by_source["hub"] = 0  # type: ignore[index]


def test_without_an_operation_nothing_is_counted() -> None:
    assert current_spending() is None


def test_what_runs_inside_is_counted_and_what_comes_after_is_not() -> None:
    with counted_by(spending := Spending(CAPS)):
        assert current_spending() is spending
    assert current_spending() is None

    with pytest.raises(LookupError), counted_by(spending):
        raise LookupError
    assert current_spending() is None


async def test_tasks_are_counted_for_the_operation_that_starts_them() -> None:
    async def mine() -> Spending | None:
        await asyncio.sleep(0)
        return current_spending()

    async def operation() -> tuple[Spending, list[Spending | None]]:
        with counted_by(spending := Spending(CAPS)):
            inherits = asyncio.create_task(mine())
            apart = asyncio.create_task(mine(), context=contextvars.Context())
            return spending, [await inherits, await apart, await mine()]

    for spending, seen in await asyncio.gather(operation(), operation()):
        assert seen == [spending, None, spending]
