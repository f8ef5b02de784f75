"""An access's words into every text of a source's answer, and out of what is sent to it. Pure.

Ids, states, times and numbers stay as they are, so that the adapters understand them.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from tests.identity.words import SEEN_WITH, word_of

# By the names that texts have in each product's answers: what the graph shows them as (`words.SEEN_WITH`).
_MARKS: Mapping[str, Mapping[str, str]] = {
    "tulo": {
        "b": "email first_name last_name contact_email mobile_phone_number mobile_number",
        "n": "heading",
        "m": "message",
        "s": "product_code provision_service subscription_number",
    },
    "service_order_hub": {
        "m": "content userName userEmail",
        "d": "name firstName lastName organizationName email phone mobile",
        "c": "model serial problemText",
    },
    "netevia": {"a": "nickName firstName lastName dba"},
    "telecomx": {
        "a": "name emailAddress phoneNumber",
        "t": "subject",
        "m": "content sentBy",
        "s": "title description",
        "r": "email sms",
    },
    "thulium": {
        "t": "subject ticket_queue_name",
        "m": "from body comment system_comment",
        "a": "name surname email phone_number phone_numbers",
    },
}
# Where the same names stand for something else.
_ELSEWHERE: tuple[tuple[str, str, Mapping[str, str]], ...] = (
    ("tulo", "message_templates", {"n": "p", "m": "p"}),
    ("tulo", "/accounts", {"b": "a"}),
    ("service_order_hub", "/partner", {"d": "a"}),
    ("service_order_hub", "/provider", {"d": "a"}),
    ("service_order_hub", "/department", {"d": "a"}),
)
# As a word stands before a text: in JSON, in a query string, in front of an e-mail address.
_JOINTS = r"( |\.|\+|%20)"
_UNMARKED: Mapping[str, str] = {}


def marks(kind: str, path: str) -> dict[str, str]:
    """The mark of each name in the answer of a path."""
    other = next((marks for one, part, marks in _ELSEWHERE if one == kind and part in path), _UNMARKED)
    return {name: other.get(mark, mark) for mark, names in _MARKS[kind].items() for name in names.split()}


def marked(kind: str, path: str, stem: str, body: bytes) -> bytes:
    """An answer with a word in each of its texts."""
    by_name = marks(kind, path)
    words = {mark: word_of(stem, mark) for mark in SEEN_WITH}

    def word(name: str) -> str | None:
        return words.get(by_name.get(name, ""))

    return orjson.dumps(_walk(orjson.loads(body), word, None))


def unmarked(stem: str, sent: bytes) -> bytes:
    """What was sent, without the words of an access."""
    return re.sub(f"{stem}[a-z]qz{_JOINTS}".encode(), b"", sent)


def _walk(value: Any, word_for: Callable[[str], str | None], word: str | None) -> Any:
    match value:
        case dict():
            return {name: _walk(each, word_for, word_for(name)) for name, each in value.items()}
        case list():
            return [_walk(each, word_for, word) for each in value]
        case str() if word is not None and value.strip():
            # An address keeps its form.
            is_address = value.count("@") == 1 and " " not in value
            return f"{word}.{value}" if is_address else f"{word} {value}"
        case _:
            return value
