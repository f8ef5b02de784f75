"""Judges each answer: nothing of anybody else in any of its bytes, and the caller's own words in its texts."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from tests.identity.accesses import STATIC, WORD, Access, Caller, Cast
from tests.identity.connections import Answer
from tests.identity.documents import TEXTS
from tests.identity.operations import Operation

_OUR_FAULT = {
    "BAD_USER_INPUT",
    "GRAPHQL_PARSE_FAILED",
    "GRAPHQL_VALIDATION_FAILED",
    "INTERNAL_SERVER_ERROR",
    "LIMIT_EXCEEDED",
    "TOO_MANY_SOURCE_CALLS",
}
_SAYS = re.compile(r"\w")


@dataclass(slots=True)
class Judge:
    """What was found, and enough figures to see that something was looked at.

    Attributes:
        words: Texts with the caller's own word, by the word.
        codes: The errors' codes, in answers and their slices.
        refused: How often a caller was told that a credential was missing or wrong.
        bare: Answers without any such text.
        writes: Which access each write was shown to first: no other may see it.
        keys: The writes under each key.
    """

    cast: Cast
    findings: list[str] = field(default_factory=list)
    answers: int = 0
    bare: int = 0
    words: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    operations: Counter[str] = field(default_factory=Counter)
    writes: dict[str, Access] = field(default_factory=dict)
    keys: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    stale: int = 0
    from_ledger: int = 0
    handles_refused: int = 0

    def look_at(self, caller: Caller, operation: Operation, answer: Answer) -> Any:
        """Judge one; what it says."""
        self.answers += 1
        self.operations[operation.name] += 1
        self.search(caller, operation.name, answer.raw)
        told = orjson.loads(answer.body)
        before = self.words.total()
        self._walk(caller, operation, told.get("data"), "")
        self.bare += before == self.words.total()
        for error in told.get("errors", ()):
            code = error["extensions"]["code"]
            self.codes[code] += 1
            self.refused[caller.name] += code == "SOURCE_AUTH_FAILED"
            if code in _OUR_FAULT:
                self._find(caller, operation, f"{error}")
        if operation.handle is not None:
            self._check_handle(caller, operation, operation.handle.access, told)
        return told

    def search(self, caller: Caller, what: str, raw: bytes) -> None:
        """Look for others' words, and for anybody's secret, the caller's own among them."""
        lower = raw.lower()
        for word in set(WORD.findall(lower)) - caller.words:
            owner = self.cast.owner(word)
            around = lower[max(0, lower.index(word) - 120) : lower.index(word) + 60]
            self.findings.append(f"{caller.name}, {what}: a word of {owner}: ...{around!r}...")
        for secret in self.cast.secrets:
            if secret in lower:
                self.findings.append(f"{caller.name}, {what}: a secret in {lower[:2000]!r}")

    def _walk(self, caller: Caller, operation: Operation, value: Any, at: str) -> None:
        for path, name, each in _leaves(value, at):
            if name in TEXTS:
                words = {word.decode() for word in WORD.findall(each.lower().encode())}
                if not words and _SAYS.search(each):
                    self._find(caller, operation, f"nobody's word in {path}: {each!r}")
                self.words.update(words)
        for found in objects(value):
            if found.get("__typename") == "Write":
                self._check_write(caller, operation, found)
            if "state" in found and isinstance(found.get("error"), dict):
                self.codes[found["error"]["code"]] += 1
            if "from" in found:
                self._check_origin(caller, operation, found)

    def _check_write(self, caller: Caller, operation: Operation, write: dict[str, Any]) -> None:
        access = caller.accesses[write["source"]["key"]]
        first = self.writes.setdefault(write["id"], access)
        self.keys[write["idempotencyKey"]].add(write["id"])
        if first != access or (access.secret is None and access.source != STATIC):
            self._find(caller, operation, f"the write {write['id']} of {first}")

    def _check_origin(self, caller: Caller, operation: Operation, origin: dict[str, Any]) -> None:
        """What the caller has named themselves is all that there may be without a good credential."""
        access = caller.accesses[origin["source"]["key"]]
        if not access.good and origin["from"] != "REFERENCE":
            self._find(caller, operation, f"an object of {access}")
        self.stale += origin["stale"]
        self.from_ledger += origin["from"] == "LEDGER"

    def _check_handle(self, caller: Caller, operation: Operation, owner: Access, told: Any) -> None:
        done = (told.get("data") or {}).get("done")
        if caller.accesses[owner.source] == owner or done is None:
            return
        if done["write"] is not None or not any(
            "attachments" in each["field"] for each in done["userErrors"]
        ):
            self._find(caller, operation, f"used the handle of {owner}: {done}")
        self.handles_refused += 1

    def _find(self, caller: Caller, operation: Operation, what: str) -> None:
        self.findings.append(f"{caller.name}, {operation.name}: {what}")


def _leaves(value: Any, path: str, name: str = "") -> Iterator[tuple[str, str, str]]:
    """All texts, each with its path and the field that it is in."""
    match value:
        case dict():
            for each, inner in value.items():
                yield from _leaves(inner, f"{path}.{each}", each)
        case list():
            for inner in value:
                yield from _leaves(inner, path, name)
        case str():
            yield path, name, value


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """All objects in an answer."""
    match value:
        case dict():
            yield value
            for inner in value.values():
                yield from objects(inner)
        case list():
            for inner in value:
                yield from objects(inner)
