"""What a source's documents say about the fields of a write, checked before anything is sent.

Rules are keyed by the field's name in the mutation's input. A field without a rule is one that the
source does not know.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.domain.errors import Refusal, RefusalCode

INT32_MAX = 2_147_483_647


@dataclass(frozen=True, slots=True)
class Rule:
    """One field's documented limits. Lengths count characters.

    `pattern` must match the whole text, and `shape` says it in words.
    """

    required: bool = False
    max_length: int | None = None
    choices: frozenset[str] | None = None
    pattern: re.Pattern[str] | None = None
    shape: str = ""


Rules = Mapping[str, Rule]


def check(rules: Rules, given: Mapping[str, object], *, source: str) -> tuple[Refusal, ...]:
    """Hold a write's fields against the source's rules.

    Args:
        rules: Per input field.
        given: The input's fields by name; None means left out.
        source: The source's key, for the answer.
    Returns:
        Every refusal, in the order of the rules, unknown fields last; empty when it may be sent.
    """
    known = [
        refusal for name, rule in rules.items() for refusal in _check_one(name, rule, given.get(name), source)
    ]
    unknown = [
        Refusal(
            RefusalCode.UNSUPPORTED_FIELD, f"{source} does not know `{name}`.", tuple(name.split(".")), source
        )
        for name, value in given.items()
        if value is not None and name not in rules
    ]
    return (*known, *unknown)


def _check_one(name: str, rule: Rule, value: object, source: str) -> list[Refusal]:
    def refuse(code: RefusalCode, message: str) -> list[Refusal]:
        return [Refusal(code, message, _path(name), source)]

    empty = value is None or (isinstance(value, str) and not value.strip())
    if empty:
        if rule.required:
            return refuse(RefusalCode.REQUIRED, f"`{name}` is required by {source} and may not be empty.")
        return []
    if not isinstance(value, str):
        return []
    if rule.max_length is not None and len(value) > rule.max_length:
        return refuse(
            RefusalCode.TOO_LONG,
            f"`{name}` has {len(value)} characters; {source} takes at most {rule.max_length}.",
        )
    if rule.choices is not None and value not in rule.choices:
        return refuse(RefusalCode.INVALID, f"`{name}` must be one of {', '.join(sorted(rule.choices))}.")
    if rule.pattern is not None and not rule.pattern.fullmatch(value):
        return refuse(RefusalCode.INVALID, f"`{name}` must be {rule.shape}.")
    return []


def _path(name: str) -> tuple[str, ...]:
    return tuple(name.split("."))
