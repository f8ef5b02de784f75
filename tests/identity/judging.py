"""Judges each answer: nothing of anybody else in any of its bytes, and the caller's own words in its texts."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from gateway.domain.access import Scope
from gateway.domain.ids import EntityType, parse_global_id
from resolvers.access import READS
from tests.identity.accesses import STATIC
from tests.identity.cast import Caller, Cast, Owner
from tests.identity.connections import Answer
from tests.identity.documents import TEXTS
from tests.identity.logins import Intruder
from tests.identity.operations import Operation
from tests.identity.words import WORD, parts

_OUR_FAULT = {
    "BAD_USER_INPUT",
    "GRAPHQL_PARSE_FAILED",
    "GRAPHQL_VALIDATION_FAILED",
    "INTERNAL_SERVER_ERROR",
    "LIMIT_EXCEEDED",
    "RATE_LIMITED",
    "TOO_MANY_SOURCE_CALLS",
    "UNAUTHENTICATED",
}
_SAYS = re.compile(r"\w")
_REFUSAL = re.compile(
    r"You may not do this(?: at (?P<source>\w+))?: it needs the scope `(?P<scope>[\w:]+)`\."
)
_READS: Mapping[str, Scope | None] = {kind.value: scope for kind, scope in READS.items()}


@dataclass(slots=True)
class Judge:
    """What was found, and enough figures to see that something was looked at.

    Attributes:
        words: Texts with a word of the caller's own, by its stem.
        texts: The same by the caller.
        marks: The same by what they are of.
        codes: The errors' codes, in answers and their slices.
        refused: How often a caller was told that a credential was missing or wrong.
        forbidden: How often one was told that their scopes don't do.
        withheld_for: The same by the scope that was missing.
        bare: Answers without any such text.
        writes: To whom each write was shown first, who see others' aside: no other owner may see it.
        shown: The callers that each write was shown to.
        keys: The owners of writes under each key.
        seen_by_operators: Others' writes that were shown to who operates their source.
        withheld: How often one named another's write and got nothing.
        from_ledger: Messages that the ledger served, by source.
        without_writes: Those of them of which it was not shown who wrote them.
        turned_away: How often each intruder was.
    """

    cast: Cast
    findings: list[str] = field(default_factory=list)
    answers: int = 0
    bare: int = 0
    words: Counter[str] = field(default_factory=Counter)
    texts: Counter[str] = field(default_factory=Counter)
    marks: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    forbidden: Counter[str] = field(default_factory=Counter)
    withheld_for: Counter[str] = field(default_factory=Counter)
    operations: Counter[str] = field(default_factory=Counter)
    writes: dict[str, Owner] = field(default_factory=dict)
    shown: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    keys: dict[str, set[Owner]] = field(default_factory=lambda: defaultdict(set))
    seen_by_operators: int = 0
    events_seen: int = 0
    withheld: int = 0
    without_writes: int = 0
    stale: int = 0
    from_ledger: Counter[str] = field(default_factory=Counter)
    handles_refused: Counter[str] = field(default_factory=Counter)
    handles_used: Counter[str] = field(default_factory=Counter)
    viewers: int = 0
    turned_away: Counter[str] = field(default_factory=Counter)

    @property
    def shared_keys(self) -> int:
        """Keys under which several owners have writes."""
        return sum(len(owners) > 1 for owners in self.keys.values())

    @property
    def shown_to_several(self) -> int:
        """Writes shown to several callers whose names are one, operators aside."""
        subjects = {each.name: each.login.subject for each in self.cast.callers}
        return sum(
            len([name for name in names if subjects[name] == self.writes[node].subject]) > 1
            for node, names in self.shown.items()
            if node in self.writes
        )

    def look_at(self, caller: Caller, operation: Operation, answer: Answer) -> Any:
        """Judge one; what it says."""
        self.answers += 1
        self.operations[operation.name] += 1
        self.search(caller, operation.name, answer.raw)
        told = orjson.loads(answer.body)
        data = told.get("data")
        before = self.words.total()
        self._walk(caller, operation, data, "")
        self.texts[caller.name] += self.words.total() - before
        self.bare += before == self.words.total()
        for error in told.get("errors", ()):
            self._check_error(caller, operation, error)
        if operation.handle is not None:
            self._check_handle(caller, operation, operation.handle.owner, data or {})
        if operation.write is not None:
            self._check_named(caller, operation, operation.write, data or {})
        if isinstance((data or {}).get("me"), dict):
            self._check_viewer(caller, operation, data["me"])
        return told

    def turn_away(self, intruder: Intruder, answer: Answer) -> None:
        """Judge an answer to one who must not be let in."""
        self.answers += 1
        if answer.status != 401 or b'"data"' in answer.body or WORD.search(answer.raw.lower()):
            self.findings.append(f"{intruder.name} was let in: {answer.raw[:500]!r}")
        self._search_secrets(intruder.name, answer.raw.lower())
        self.turned_away[intruder.name] += 1

    def search(self, caller: Caller, what: str, raw: bytes) -> None:
        """Look for words that the caller may not see, and for anybody's secret, the caller's own among them."""
        lower = raw.lower()
        for word in set(WORD.findall(lower)):
            if not self.cast.may_see(caller, word):
                around = lower[max(0, lower.index(word) - 120) : lower.index(word) + 60]
                self.findings.append(
                    f"{caller.name}, {what}: a word of {self.cast.whose(word)}: ...{around!r}..."
                )
        self._search_secrets(f"{caller.name}, {what}", lower)

    def _search_secrets(self, what: str, lower: bytes) -> None:
        for secret in self.cast.secrets:
            if secret in lower:
                self.findings.append(f"{what}: a secret in {lower[:2000]!r}")

    def _walk(self, caller: Caller, operation: Operation, value: Any, at: str) -> None:
        for path, name, each in _leaves(value, at):
            if name in TEXTS:
                words = WORD.findall(each.lower().encode())
                if not words and _SAYS.search(each):
                    self._find(caller, operation, f"nobody's word in {path}: {each!r}")
                self.words.update({parts(word)[0] for word in words})
                self.marks.update({parts(word)[1] for word in words})
        for found in objects(value):
            kind = found.get("__typename")
            if kind == "Write":
                self._check_write(caller, operation, found)
            elif kind == "AuditEvent":
                self._check_event(caller, operation, found)
            elif _READS.get(kind or "") is not None:
                self._check_scope(caller, operation, found)
            if kind == "Message":
                self._count_message(found)
            if "state" in found and isinstance(found.get("error"), dict):
                self.codes[found["error"]["code"]] += 1
            if "from" in found:
                self._check_origin(caller, operation, found)

    def _check_write(self, caller: Caller, operation: Operation, write: dict[str, Any]) -> None:
        source = write["source"]["key"]
        owner = caller.owner(source)
        self.shown[write["id"]].add(caller.name)
        if caller.login.operates(source):
            self.seen_by_operators += self.writes.get(write["id"], owner) != owner
            return
        first = self.writes.setdefault(write["id"], owner)
        self.keys[write["idempotencyKey"]].add(owner)
        if first != owner or (owner.access.secret is None and source not in STATIC):
            self._find(caller, operation, f"the write {write['id']} of {first}")

    def _count_message(self, message: dict[str, Any]) -> None:
        origin = message.get("origin") or {}
        if origin.get("from") == "LEDGER":
            self.from_ledger[origin["source"]["key"]] += 1
            # The gateway has sent it for somebody.
            self.without_writes += message.get("write", message) is None

    def _check_event(self, caller: Caller, operation: Operation, event: dict[str, Any]) -> None:
        where = event["where"]
        everywhere = caller.login.grants.sources.get(Scope.OPERATE, frozenset()) is None
        if not everywhere and (where is None or not caller.login.operates(where)):
            self._find(caller, operation, f"the event {event}")
        self.events_seen += 1

    def _check_scope(self, caller: Caller, operation: Operation, found: dict[str, Any]) -> None:
        ref = parse_global_id(found["id"])
        scope = _READS[found["__typename"]]
        assert scope is not None
        if ref.type is not EntityType(found["__typename"]) or not caller.login.grants.allow(
            scope, ref.source
        ):
            self._find(caller, operation, f"{found['__typename']} of {ref.source} without {scope}")

    def _check_origin(self, caller: Caller, operation: Operation, origin: dict[str, Any]) -> None:
        """What the caller has named themselves is all that there may be without a good credential."""
        access = caller.accesses[origin["source"]["key"]]
        if not access.good and origin["from"] != "REFERENCE":
            self._find(caller, operation, f"an object of {access}")
        self.stale += origin["stale"]

    def _check_error(self, caller: Caller, operation: Operation, error: dict[str, Any]) -> None:
        code = error["extensions"]["code"]
        self.codes[code] += 1
        self.refused[caller.name] += code == "SOURCE_AUTH_FAILED"
        if code in _OUR_FAULT:
            self._find(caller, operation, f"{error}")
        if code == "FORBIDDEN":
            self.forbidden[caller.name] += 1
            said = _REFUSAL.fullmatch(error["message"])
            # Without a source it may be that they may it elsewhere.
            if said is None or self._may(caller, Scope(said["scope"]), said["source"]):
                self._find(caller, operation, f"refused what they may: {error}")
            else:
                self.withheld_for[said["scope"]] += 1

    @staticmethod
    def _may(caller: Caller, scope: Scope, source: str | None) -> bool:
        """Whether they may it there, or everywhere."""
        held = caller.login.grants.sources.get(scope, frozenset())
        return held is None or source in held

    def _check_handle(
        self, caller: Caller, operation: Operation, owner: Owner, data: Mapping[str, Any]
    ) -> None:
        done, source = data.get("done"), owner.access.source
        if done is None:
            return
        if caller.owner(source) == owner:
            self.handles_used[source] += done["write"] is not None
            return
        if done["write"] is not None or not any(
            "attachments" in each["field"] for each in done["userErrors"]
        ):
            self._find(caller, operation, f"used the handle of {owner}: {done}")
        self.handles_refused[source] += 1

    def _check_named(self, caller: Caller, operation: Operation, node: str, data: Mapping[str, Any]) -> None:
        """A write that somebody named: `_check_write` has looked at what was shown."""
        owner = self.writes.get(node)
        if owner is None:
            return
        source = owner.access.source
        if caller.owner(source) == owner or caller.login.operates(source):
            return
        done = data.get("done")
        shown = (data.get("two"), data.get("found") if operation.name == "node Write" else None)
        if any(shown) or (done is not None and done["write"] is not None):
            self._find(caller, operation, f"got the write of {owner}")
        if done is not None and [each["code"] for each in done["userErrors"]] != ["NOT_FOUND"]:
            self._find(caller, operation, f"learnt of the write of {owner}: {done}")
        self.withheld += 1

    def _check_viewer(self, caller: Caller, operation: Operation, viewer: dict[str, Any]) -> None:
        self.viewers += 1
        login = caller.login
        if viewer != {"who": login.subject, "scopes": list(login.grants)}:
            self._find(caller, operation, f"is taken for {viewer}")

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
