"""Letters as an operation gives them: each form of each is made once, and long ones beside the loop."""

import asyncio
from collections.abc import Awaitable, Callable

from gateway.domain.errors import LimitExceeded
from gateway.domain.records import Body

# Making a form takes about a microsecond a character; what is longer would hold up everybody else.
LONG_CHARS = 10_000
# Of all that is read, and of all that is given, each alias counted.
MAX_CHARS = 8_000_000


class Letters:
    """Make it fresh for each operation."""

    def __init__(self) -> None:
        self._made: dict[tuple[int, str], tuple[Body, str | Awaitable[str]]] = {}
        self._chars = 0

    def form(self, body: Body, name: str, make: Callable[[], str]) -> str | Awaitable[str]:
        """One form of a letter.

        Raises:
            LimitExceeded: The operation asks for more text than one may.
        """
        self._chars += len(body.content)
        if self._chars > MAX_CHARS:
            raise LimitExceeded(
                f"The letters asked for have more than the {MAX_CHARS} characters that are allowed."
            )
        known = self._made.get((id(body), name))
        if known is None:
            long = len(body.content) > LONG_CHARS
            made = asyncio.ensure_future(asyncio.to_thread(make)) if long else make()
            # The body is kept, so that its identity is nobody else's.
            known = self._made[id(body), name] = body, made
        return known[1]
