"""An access's word into every text of a source's answer, and out of what is sent to it. Pure.

Ids, states, times and numbers stay as they are, so that the adapters understand them.
"""

from typing import Any

import orjson

# What the graph shows as text, by the names that it has in each product's answers.
_TEXTS = {
    "tulo": "email first_name last_name contact_email mobile_phone_number mobile_number heading message "
    "product_code provision_service subscription_number",
    "service_order_hub": "content userName userEmail name firstName lastName organizationName email phone "
    "mobile model serial problemText",
    "netevia": "nickName firstName lastName dba",
    "telecomx": "name emailAddress phoneNumber subject content sentBy title description email sms",
    "thulium": "subject from body comment system_comment name surname email phone_number phone_numbers "
    "ticket_queue_name",
}
TEXTS = {kind: frozenset(names.split()) for kind, names in _TEXTS.items()}
# As a word stands before a text: in JSON, in a query string, in front of an e-mail address.
_JOINTS = (" ", ".", "+", "%20")


def marked(kind: str, word: str, body: bytes) -> bytes:
    """An answer with the word in each of its texts."""
    return orjson.dumps(_walk(orjson.loads(body), TEXTS[kind], word, is_text=False))


def unmarked(word: str, sent: bytes) -> bytes:
    """What was sent, without the word."""
    for joint in _JOINTS:
        sent = sent.replace(f"{word}{joint}".encode(), b"")
    return sent


def _walk(value: Any, texts: frozenset[str], word: str, *, is_text: bool) -> Any:
    match value:
        case dict():
            return {name: _walk(each, texts, word, is_text=name in texts) for name, each in value.items()}
        case list():
            return [_walk(each, texts, word, is_text=is_text) for each in value]
        case str() if is_text and value.strip():
            # An address keeps its form.
            is_address = value.count("@") == 1 and " " not in value
            return f"{word}.{value}" if is_address else f"{word} {value}"
        case _:
            return value
