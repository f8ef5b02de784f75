import asyncio
import contextvars

import pytest

from gateway.domain.deadline import Deadline, current_deadline, remaining_s, within, within_half


def test_a_deadline_is_a_moment_and_what_is_left_shrinks_to_nothing() -> None:
    deadline = Deadline.after(2.5, now=lambda: 100.0)

    assert deadline == Deadline(102.5)
    assert [deadline.remaining_s(now_s) for now_s in (100.0, 102.0, 102.5, 900.0)] == [2.5, 0.5, 0.0, 0.0]


def test_without_a_deadline_nothing_is_counted() -> None:
    assert (current_deadline(), remaining_s(lambda: 1.0)) == (None, None)


def test_what_runs_inside_has_the_deadline_and_what_comes_after_has_not() -> None:
    with within(Deadline(10.0)):
        assert (current_deadline(), remaining_s(lambda: 4.0)) == (Deadline(10.0), 6.0)

    assert current_deadline() is None


def test_an_error_inside_ends_it_too() -> None:
    with pytest.raises(LookupError), within(Deadline(10.0)):
        raise LookupError

    assert current_deadline() is None


def test_what_runs_inside_can_be_freed_of_it() -> None:
    with within(Deadline(10.0)):
        with within(None):
            assert remaining_s() is None
        assert current_deadline() == Deadline(10.0)


async def test_tasks_inherit_the_deadline_that_they_are_started_with() -> None:
    async def mine() -> Deadline | None:
        await asyncio.sleep(0)
        return current_deadline()

    with within(Deadline(10.0)):
        inherits = asyncio.create_task(mine())
        with within(None):
            owned = asyncio.create_task(mine())
        apart = asyncio.create_task(mine(), context=contextvars.Context())

    assert [await each for each in (inherits, owned, apart)] == [Deadline(10.0), None, None]
    assert current_deadline() is None


def test_time_is_monotonic_unless_told() -> None:
    with within(Deadline.after(1000)):
        left_s = remaining_s()

    assert left_s is not None
    assert 0 < left_s <= 1000


def test_a_step_of_several_sources_leaves_half_for_what_comes_after() -> None:
    with within(Deadline(10.0)):
        with within_half(lambda: 4.0):
            assert current_deadline() == Deadline(7.0)
            with within_half(lambda: 5.0):
                assert current_deadline() == Deadline(6.0)
        assert current_deadline() == Deadline(10.0)
    with within_half(lambda: 4.0):
        assert current_deadline() is None
