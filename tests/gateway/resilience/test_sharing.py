from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from gateway.domain.errors import CircuitOpen, DeadlineExceeded, SourceTimeout, SourceUnavailable
from gateway.resilience.sharing import Generations, asks_anew, sharing_key
from gateway.transport import Call
from tests.gateway.resilience.transports import WRITE, owned

_CALL = owned(
    Call(
        "find cases",
        "POST",
        "cases/search",
        safe=True,
        query=(("limit", "20"),),
        headers={"content-type": "application/json"},
        body=b"{}",
    ),
    "ann",
)


@pytest.mark.parametrize(
    "other",
    [
        owned(_CALL, "bob"),
        replace(_CALL, credential=None),
        replace(_CALL, method="QUERY"),
        replace(_CALL, path="cases/search/"),
        replace(_CALL, query=(("limit", "21"),)),
        replace(_CALL, query=()),
        replace(_CALL, headers={"content-type": "text/plain"}),
        replace(_CALL, headers={}),
        replace(_CALL, body=b"{ }"),
        replace(_CALL, body=None),
    ],
)
def test_what_differs_in_anything_that_is_sent_is_not_shared(other: Call) -> None:
    assert sharing_key(other) != sharing_key(_CALL)


def test_equal_calls_share_whatever_they_are_called() -> None:
    assert sharing_key(replace(_CALL, operation="search")) == sharing_key(replace(_CALL))


@pytest.mark.parametrize("name", ["cache-control", "Cache-Control"])
def test_a_call_for_a_fresh_answer_is_known_and_has_the_same_key(name: str) -> None:
    fresh = replace(_CALL, headers={**_CALL.headers, name: "No-Cache"})

    assert (asks_anew(fresh), asks_anew(_CALL)) == (True, False)
    assert sharing_key(fresh) == sharing_key(_CALL)


def test_another_word_on_caching_asks_for_no_fresh_answer() -> None:
    assert not asks_anew(replace(_CALL, headers={"cache-control": "max-stale=5"}))


def test_a_write_is_not_shared() -> None:
    assert sharing_key(WRITE) is None


def test_a_body_that_can_be_read_once_is_not_shared() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"{}"

    assert sharing_key(replace(_CALL, body=chunks())) is None


# -- generations


def test_without_a_write_what_was_read_holds() -> None:
    generations = Generations()

    assert generations.holds(generations.current())


def test_a_write_voids_what_was_read_before_it_and_while_it_was_under_way() -> None:
    generations = Generations()
    before = generations.current()
    with generations.writing():
        during = generations.current()
        held = [generations.holds(each) for each in (before, during)]
    afterwards = generations.current()

    assert held == [False, True]
    assert [generations.holds(each) for each in (before, during, afterwards)] == [False, False, True]
    assert generations.void_below == afterwards


@pytest.mark.parametrize("error", [SourceTimeout("hub"), LookupError(), KeyboardInterrupt()], ids=repr)
def test_a_write_that_may_have_arrived_counts_however_it_ended(error: BaseException) -> None:
    generations = Generations()
    before = generations.current()

    with pytest.raises(type(error)), generations.writing():
        raise error

    assert not generations.holds(before)


@pytest.mark.parametrize(
    "error",
    [CircuitOpen("hub"), SourceUnavailable("hub", sent=False), DeadlineExceeded("hub", sent=False)],
    ids=repr,
)
def test_a_write_that_was_certainly_not_sent_leaves_things_as_they_were(error: Exception) -> None:
    generations = Generations()
    before = generations.current()

    writing = generations.writing()
    writing.__enter__()
    during = generations.current()
    held = [generations.holds(each) for each in (before, during)]
    writing.__exit__(type(error), error, None)

    assert held == [False, True], "nobody can know yet"
    assert [generations.holds(each) for each in (before, during)] == [True, True]
    assert generations.void_below == 0


def test_of_two_writes_each_counts_for_itself() -> None:
    generations = Generations()
    read = [generations.current()]
    first, second = generations.writing(), generations.writing()
    first.__enter__()
    read.append(generations.current())
    second.__enter__()
    read.append(generations.current())

    second.__exit__(CircuitOpen, CircuitOpen("hub"), None)
    held = [[generations.holds(each) for each in read]]
    first.__exit__(None, None, None)
    held.append([generations.holds(each) for each in read])

    # The second wasn't sent, so what was read since the first began is good again until that one ends.
    assert held == [[False, True, True], [False, False, False]]
    assert generations.holds(generations.current())


def test_of_two_writes_the_later_end_counts() -> None:
    generations = Generations()
    first, second = generations.writing(), generations.writing()
    first.__enter__()
    second.__enter__()

    first.__exit__(None, None, None)
    between = generations.current()
    held = generations.holds(between)
    second.__exit__(None, None, None)

    assert (held, generations.holds(between)) == (True, False)
