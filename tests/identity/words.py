"""The words by which it is known whose a text is: a stem that is somebody's, and a mark that says of what.

A word is `zq`, nine letters, the mark and `qz`: it survives whatever is done to a text on its way.
"""

import random
import re
import string
from collections.abc import Mapping
from types import MappingProxyType

from gateway.domain.access import Scope

WORD = re.compile(rb"zq[a-z]{10}qz")
_STEM_CHARS = 11

# What a text is of -> the scopes any one of which lets it be seen. A message's author goes with the message.
SEEN_WITH: Mapping[str, frozenset[Scope]] = MappingProxyType(
    {
        "a": frozenset({Scope.ACCOUNTS_READ}),
        "b": frozenset({Scope.ACCOUNTS_READ, Scope.MESSAGES_READ}),
        "c": frozenset({Scope.CASES_READ}),
        "d": frozenset({Scope.CASES_READ, Scope.ACCOUNTS_READ}),
        "t": frozenset({Scope.TICKETS_READ}),
        "n": frozenset({Scope.TICKETS_READ, Scope.MESSAGES_READ}),
        "m": frozenset({Scope.MESSAGES_READ}),
        "s": frozenset({Scope.SUBSCRIPTIONS_READ}),
        "r": frozenset({Scope.SUBSCRIBERS_READ}),
        "p": frozenset({Scope.TEMPLATES_READ}),
    }
)
# In an idempotency key: whoever may see the write may see it.
KEY_MARK = "k"


def new_stem(draw: random.Random) -> str:
    """One that nobody has."""
    return f"zq{''.join(draw.choices(string.ascii_lowercase, k=9))}"


def word_of(stem: str, mark: str) -> str:
    """The word of somebody for something."""
    return f"{stem}{mark}qz"


def parts(word: bytes) -> tuple[str, str]:
    """The stem and the mark of a word."""
    text = word.decode().lower()
    return text[:_STEM_CHARS], text[_STEM_CHARS]
