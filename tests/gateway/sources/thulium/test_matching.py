"""Texts that are compared: how long they take must not depend on what strangers put into them.

Each of these took minutes, or seconds that nothing else could run in, before it was read in one pass.
"""

from gateway.domain.records import TextFormat
from gateway.sources.thulium.matching import is_same_text


def test_angles_without_an_end_are_read_once() -> None:
    assert not is_same_text("< " * 400_000, TextFormat.PLAIN, "< " * 400_000 + "x")
    assert is_same_text("<p>a</p>" + "< " * 400_000, TextFormat.HTML, "a" + "< " * 400_000)


def test_long_runs_of_marks_are_left_as_they_are() -> None:
    marked = "a" + "\u0300\u0316" * 200_000
    assert is_same_text(marked, TextFormat.PLAIN, marked)


def test_a_letter_is_the_same_however_its_marks_are_written() -> None:
    assert is_same_text("Zażółć", TextFormat.PLAIN, "Zaz\u0307o\u0301ł\u0107")
