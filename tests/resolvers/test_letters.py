import threading
from collections.abc import Callable

import pytest

from gateway.domain.errors import LimitExceeded
from gateway.domain.records import Body, TextFormat
from resolvers.letters import LONG_CHARS, MAX_CHARS, Letters


def _counting(made: list[int]) -> Callable[[], str]:
    def make() -> str:
        made.append(threading.get_ident())
        return "made"

    return make


def test_each_form_of_a_letter_is_made_once() -> None:
    letters, made = Letters(), list[int]()
    short, other = Body("a", TextFormat.HTML), Body("a", TextFormat.HTML)

    forms = [
        letters.form(body, name, _counting(made))
        for body in (short, other)
        for name in ("text", "html", "text")
    ]

    assert forms == ["made"] * 6
    assert made == [threading.get_ident()] * 4


async def test_a_long_letter_is_made_once_and_beside_the_loop() -> None:
    letters, made = Letters(), list[int]()
    long = Body("a" * (LONG_CHARS + 1), TextFormat.HTML)

    forms = [letters.form(long, "text", _counting(made)) for _ in range(3)]

    assert [each if isinstance(each, str) else await each for each in forms] == ["made"] * 3
    assert len(made) == 1
    assert made[0] != threading.get_ident()


def test_an_operation_is_given_so_much_text_and_no_more() -> None:
    letters = Letters()
    body = Body("a" * 1_000, TextFormat.PLAIN)
    for _ in range(MAX_CHARS // 1_000):
        letters.form(body, "text", str)
    with pytest.raises(LimitExceeded, match="8000000 characters"):
        letters.form(body, "text", str)
