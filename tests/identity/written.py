"""What the gateway has written down, its log, ledger and metrics, searched for what must not be there."""

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.domain.access import Grants
from gateway.domain.ids import EntityType, Ref
from resolvers.access import WRITES
from tests.identity.accesses import STATIC, Access
from tests.identity.cast import Cast
from tests.identity.logins import source_of_mark
from tests.identity.words import WORD, parts


@dataclass(frozen=True, slots=True)
class Row:
    """A write as the ledger has it: whose it is, and everything as one text."""

    id: str
    operation: str
    source: str
    principal: str
    credential: str
    text: bytes

    @property
    def node(self) -> str:
        """Its id in the graph."""
        return Ref(EntityType.WRITE, self.source, (self.id,)).global_id


@dataclass(frozen=True, slots=True)
class Event:
    """Something in the audit log: who did it, and everything as one text."""

    principal: str
    owner: str | None
    write: str | None
    text: bytes


def rows(folder: Path) -> list[Row]:
    """All of the ledger's writes, read past the gateway."""
    return [
        Row(
            each["id"],
            each["operation"],
            each["source"],
            each["principal"],
            each["credential"],
            repr(each).encode(),
        )
        for each in _all(folder, "writes")
    ]


def events(folder: Path) -> list[Event]:
    """All of the audit log."""
    return [
        Event(each["principal"], each["owner"], each["write_id"], repr(each).encode())
        for each in _all(folder, "audit_events")
    ]


def _all(folder: Path, table: str) -> list[dict[str, Any]]:
    with contextlib.closing(sqlite3.connect(folder / "ledger.db")) as database:
        names = [column[1] for column in database.execute(f"PRAGMA table_info({table})")]
        found = database.execute(f"SELECT * FROM {table}")  # noqa: S608 - one of two names
        return [dict(zip(names, each, strict=True)) for each in found]


def in_log(cast: Cast, log: str) -> Iterator[str]:
    """No secret and no text of a source is in the log; and nothing has failed that is the gateway's fault."""
    for line in log.splitlines():
        if _is_telling(cast, line.encode()):
            yield f"the log: {line}"
        elif '"level": "error"' in line or '"level": "critical"' in line:
            yield f"the log has an error: {line}"


def in_metrics(cast: Cast, metrics: str) -> Iterator[str]:
    """Nor in the metrics, where there aren't even names."""
    names = {each.login.subject.partition(":")[2] for each in cast.callers} - {""}
    for line in metrics.splitlines():
        if _is_telling(cast, line.encode()) or any(f'"{name}"' in line for name in names):
            yield f"the metrics: {line}"


def in_files(cast: Cast, folder: Path) -> Iterator[str]:
    """No secret is in the ledger's files, wherever in them."""
    for file in sorted(folder.iterdir()):
        content = file.read_bytes().lower()
        if any(secret in content for secret in cast.secrets):
            yield f"a secret in {file.name}"


def in_rows(cast: Cast, found: Iterable[Row]) -> Iterator[str]:
    """Each write is of one who may write it, holds their words alone, and stands under one credential's id."""
    subjects = _subjects(cast)
    credentials: dict[Access, str] = {}
    accesses: dict[tuple[str, str], Access] = {}
    for row in found:
        subject = _subject(row, subjects)
        if subject is None:
            yield f"the ledger: nobody's write: {row}"
            continue
        grants = subjects[subject]
        if not any(each.allow(WRITES[row.operation], row.source) for each in grants):
            yield f"the ledger: {subject} may not write: {row}"
        for word in set(WORD.findall(row.text)):
            stem, mark = parts(word)
            access, login = cast.access(stem), cast.login(stem)
            if login is not None:
                if login.subject != subject or source_of_mark(mark) != row.source:
                    yield f"the ledger: {subject} wrote under a key of {login.subject}: {row}"
                continue
            if access is None or access.source != row.source:
                yield f"the ledger: {row.source} was sent the words of {access}: {row}"
                continue
            whose = (row.source, row.credential)
            if credentials.setdefault(access, row.credential) != row.credential:
                yield f"the ledger: {access} wrote under two credentials, one of them {whose}"
            if accesses.setdefault(whose, access) != access:
                yield f"the ledger: {whose} wrote the words of {access} and {accesses[whose]}"


def in_events(cast: Cast, written: Iterable[Row], found: Iterable[Event]) -> Iterator[str]:
    """The audit log has no text, no key and no secret, and tells who has written what."""
    subjects = {*_subjects(cast), "system"}
    owners = {row.id: row.principal for row in written}
    for event in found:
        if _is_telling(cast, event.text):
            yield f"the audit log: {event}"
        if event.principal not in subjects:
            yield f"the audit log names nobody known: {event}"
        if event.write is not None and owners.get(event.write) != event.owner:
            yield f"the audit log names another owner: {event}"


def in_sight(cast: Cast, written: Iterable[Row], shown: Mapping[str, Iterable[str]]) -> Iterator[str]:
    """Each write was shown to its owner, as the ledger knows it, and to who operates its source."""
    by_node = {row.node: row for row in written}
    callers = {each.name: each for each in cast.callers}
    subjects = _subjects(cast)
    for node, names in shown.items():
        row = by_node.get(node)
        if row is None:
            yield f"a write that the ledger doesn't have was shown to {sorted(names)}: {node}"
            continue
        for caller in map(callers.__getitem__, names):
            is_own = caller.login.subject == _subject(row, subjects)
            if not is_own and not caller.login.operates(row.source):
                yield f"{caller.name} was shown {row}"


def _subjects(cast: Cast) -> dict[str, list[Grants]]:
    """Who there is, and what each of their logins may."""
    found: dict[str, list[Grants]] = {}
    for caller in cast.callers:
        found.setdefault(caller.login.subject, []).append(caller.login.grants)
    return found


def _subject(row: Row, subjects: Mapping[str, object]) -> str | None:
    """Whose a write is: where callers have credentials of their own, one of these stands behind the name."""
    name = row.principal
    if row.source not in STATIC:
        name, _, credential = name.rpartition(":")
        if credential != row.credential:
            return None
    return name if name in subjects else None


def _is_telling(cast: Cast, said: bytes) -> bool:
    lower = said.lower()
    return WORD.search(lower) is not None or any(secret in lower for secret in cast.secrets)
