"""The folder of trusted documents.

A file's text is a document, byte for byte as clients send it. It goes by the SHA-256 of these bytes, and
also by the file's name where that is another one: the id that a build tool has given it.
"""

import hashlib
import os
import re
import stat
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from graphql import DocumentNode

SUFFIX: Final = ".graphql"
MAX_DOCUMENT_BYTES: Final = 256 * 1024
SHA256: Final = re.compile(r"[0-9a-f]{64}")
# What an id without a prefix is made of (GraphQL over HTTP, appendix "Persisted Documents"). A dot in
# front would hide the file.
CUSTOM_ID: Final = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,127}")


_TOO_LARGE = f"has more than {MAX_DOCUMENT_BYTES} bytes"


class InvalidDocument(Exception):
    """A document that can't be trusted; `problems` holds all that is wrong with it."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


Prepare = Callable[[str], DocumentNode]
"""Parses and validates a text; raises InvalidDocument."""


@dataclass(frozen=True, slots=True)
class TrustedDocument:
    """A document of the folder: parsed, and valid for this version's schema.

    Attributes:
        id: The SHA-256 of its text, in hexadecimal digits.
        text: As it stands in the file.
        node: What it was parsed to.
    """

    id: str
    text: str
    node: DocumentNode = field(repr=False, compare=False)


Listing = Mapping[str, tuple[int, int, int]]
"""The names of the files, each with what changes when its content does: inode, size, time."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a folder holds: documents by the names of their files, and what is wrong with the other files."""

    documents: Mapping[str, TrustedDocument]
    problems: tuple[str, ...] = ()


def sha256_of(text: str) -> str:
    """The id of a text."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def list_folder(folder: Path) -> Listing:
    """The documents' files. Hidden ones aren't: a file is written under such a name, then renamed.

    Raises:
        OSError: The folder can't be read.
    """
    found: dict[str, tuple[int, int, int]] = {}
    with os.scandir(folder) as entries:
        for each in entries:
            if each.name.endswith(SUFFIX) and not each.name.startswith("."):
                try:
                    told = each.stat()
                except FileNotFoundError:  # gone since, or a link to nothing
                    continue
                if stat.S_ISREG(told.st_mode):
                    found[each.name] = told.st_ino, told.st_size, told.st_mtime_ns
    return found


def read_folder(
    folder: Path, names: Iterable[str], prepare: Prepare, known: Mapping[str, TrustedDocument]
) -> Contents:
    """Read files.

    Args:
        folder: Where they are.
        names: Which ones.
        prepare: Parses and validates a document.
        known: By their ids, what needs no preparing any more.
    """
    documents: dict[str, TrustedDocument] = {}
    problems: list[str] = []
    prepared = dict(known)
    for name in sorted(names):
        try:
            text = _read(folder / name)
            digest = checked_id(name.removesuffix(SUFFIX), text)
            if digest not in prepared:
                prepared[digest] = TrustedDocument(digest, text, prepare(text))
        except InvalidDocument as error:
            problems += [f"{name}: {each}" for each in error.problems]
        else:
            documents[name] = prepared[digest]
    return Contents(documents, tuple(problems))


def checked_id(given: str, text: str) -> str:
    """The SHA-256 of a text that is to be known under some id.

    Raises:
        InvalidDocument: It can't be.
    """
    if len(text.encode()) > MAX_DOCUMENT_BYTES:
        raise InvalidDocument([_TOO_LARGE])
    digest = sha256_of(text)
    if SHA256.fullmatch(given) and given != digest:
        raise InvalidDocument([f"its text is not the one that it is named after: its SHA-256 is {digest}"])
    if not CUSTOM_ID.fullmatch(given):
        raise InvalidDocument(
            [f"`{given}` can't be an id: it takes up to 128 letters, digits, and -._~ but no dot in front"]
        )
    return digest


def _read(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            content = opened.read(MAX_DOCUMENT_BYTES + 1)
    except OSError as error:
        raise InvalidDocument([f"can't be read: {error.strerror}"]) from error
    if len(content) > MAX_DOCUMENT_BYTES:
        raise InvalidDocument([_TOO_LARGE])
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise InvalidDocument([f"is not UTF-8, from byte {error.start} on"]) from error
