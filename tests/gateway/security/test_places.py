import pytest
from graphql import Source

from gateway.security.places import Text


@pytest.mark.parametrize("text", ["", "a", "\n\r\na\rb\n", "{\n a\n}", "\r\r\n\n", "ä\n\u2028x\n"])
def test_places_are_those_that_graphql_tells(text: str) -> None:
    for position in range(len(text) + 1):
        # No token begins within a line's end of two characters.
        if text[position - 1 : position + 1] != "\r\n":
            assert Text(text).get_location(position) == Source(text).get_location(position)
