"""What the gateway has written down, its log and its ledger, searched for what must not be there."""

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.identity.accesses import WORD, Access, Cast


@dataclass(frozen=True, slots=True)
class Row:
    """A write as the ledger has it: whose it is, and everything as one text."""

    source: str
    principal: str
    credential: str
    text: bytes

    @property
    def whose(self) -> tuple[str, str, str]:
        """What the ledger knows its owner by."""
        return self.source, self.principal, self.credential


def rows(folder: Path) -> list[Row]:
    """All of the ledger's writes, read past the gateway."""
    with contextlib.closing(sqlite3.connect(folder / "ledger.db")) as database:
        names = [column[1] for column in database.execute("PRAGMA table_info(writes)")]
        found = [dict(zip(names, each, strict=True)) for each in database.execute("SELECT * FROM writes")]
    return [Row(each["source"], each["principal"], each["credential"], repr(each).encode()) for each in found]


def in_log(cast: Cast, log: str) -> Iterator[str]:
    """No secret and no text of a source is in the log; and nothing has failed that is the gateway's fault."""
    for line in log.splitlines():
        lower = line.lower().encode()
        if WORD.search(lower) or any(secret in lower for secret in cast.secrets):
            yield f"the log: {line}"
        elif '"level": "error"' in line or '"level": "critical"' in line:
            yield f"the log has an error: {line}"


def in_files(cast: Cast, folder: Path) -> Iterator[str]:
    """No secret is in the ledger's files, wherever in them."""
    for file in sorted(folder.iterdir()):
        content = file.read_bytes().lower()
        if any(secret in content for secret in cast.secrets):
            yield f"a secret in {file.name}"


def in_rows(cast: Cast, found: Iterable[Row]) -> Iterator[str]:
    """One access's words stand under one credential's id alone, and the reverse."""
    words: dict[tuple[str, str, str], set[bytes]] = {}
    for row in found:
        words.setdefault(row.whose, set()).update(WORD.findall(row.text))
    owners: dict[Access | None, tuple[str, str, str]] = {}
    for whose, said in words.items():
        if len(said) > 1:
            yield f"the ledger: {whose} wrote the words of {[cast.owner(each) for each in sorted(said)]}"
        for word in said:
            if owners.setdefault(cast.owner(word), whose) != whose:
                yield f"the ledger: {cast.owner(word)} wrote under {whose} and {owners[cast.owner(word)]}"
