"""`documents`: puts trusted documents into their folder, lists and checks them."""

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
from graphql import DocumentNode, OperationDefinitionNode

from gateway.security.document_folder import (
    SHA256,
    SUFFIX,
    Contents,
    InvalidDocument,
    TrustedDocument,
    checked_id,
    list_folder,
    read_folder,
    sha256_of,
)
from gateway.security.limit_settings import LimitSettings
from gateway.security.trusted_documents import preparation
from resolvers.schema import build_schema

APOLLO_FORMAT = "apollo-persisted-query-manifest"
DEFAULTS = LimitSettings()


def add_documents(folder: Path, files: Sequence[Path], limits: LimitSettings = DEFAULTS) -> int:
    """Put documents into the folder, all or none: `.graphql` files, and what build tools list in JSON.

    Prints each with its id; where something is wrong, says all of it instead and exits with 1.
    """
    prepare = preparation(_schema(), limits)
    wanted: dict[str, TrustedDocument] = {}
    problems: list[str] = []
    for file in files:
        try:
            for given, text in _documents_of(file):
                try:
                    name = given or sha256_of(text)
                    document = TrustedDocument(checked_id(name, text), text, prepare(text))
                    _check_unchanged(folder, name, text, wanted)
                    wanted[name] = document
                except InvalidDocument as error:
                    where = f"{file}: {given}" if given else f"{file}"
                    problems += [f"{where}: {each}" for each in error.problems]
        except InvalidDocument as error:
            problems += [f"{file}: {each}" for each in error.problems]
    if problems:
        return _complain(problems)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, document in wanted.items():
            _write(folder / f"{name}{SUFFIX}", document.text)
    except OSError as error:
        return _complain([f"{error.filename or folder}: {error.strerror}"])
    sys.stdout.writelines(f"{_line(name, document)}\n" for name, document in wanted.items())
    return 0


def list_documents(folder: Path, limits: LimitSettings = DEFAULTS) -> int:
    """Print the documents by their ids; say what is wrong with other files, and then exit with 1."""
    contents = _contents(folder, limits)
    for name, document in contents.documents.items():
        sys.stdout.write(f"{_line(name.removesuffix(SUFFIX), document)}\n")
    return _complain(contents.problems) if contents.problems else 0


def check_documents(folder: Path, limits: LimitSettings = DEFAULTS) -> int:
    """Say whether a gateway of this version would start with the folder; else all that is wrong, and 1."""
    contents = _contents(folder, limits)
    if contents.problems:
        return _complain(contents.problems)
    sys.stdout.write(f"{folder}: {len(contents.documents)} documents, all valid.\n")
    return 0


def _contents(folder: Path, limits: LimitSettings) -> Contents:
    try:
        names = list_folder(folder)
    except OSError as error:
        return Contents({}, (f"{folder}: {error.strerror}",))
    return read_folder(folder, names, preparation(_schema(), limits), {})


def _schema() -> Any:
    return build_schema()._schema  # noqa: SLF001 - Strawberry offers no other way to graphql-core's


def _complain(problems: Sequence[str]) -> int:
    sys.stderr.writelines(f"{each}\n" for each in problems)
    return 1


def _line(name: str, document: TrustedDocument) -> str:
    other = "" if name == document.id else f"  as {name}"
    return f"sha256:{document.id}{other}  {', '.join(_operations(document.node))}"


def _operations(node: DocumentNode) -> Iterator[str]:
    for each in node.definitions:
        if isinstance(each, OperationDefinitionNode):
            yield f"{each.operation.value} {each.name.value if each.name else '(unnamed)'}"


def _documents_of(file: Path) -> Iterator[tuple[str | None, str]]:
    """The documents in a file, each with the id that it shall have beside its hash.

    Raises:
        InvalidDocument: The file is none that holds documents.
    """
    try:
        content = file.read_bytes().decode()
    except OSError as error:
        raise InvalidDocument([error.strerror or "can't be read"]) from error
    except UnicodeDecodeError as error:
        raise InvalidDocument([f"is not UTF-8, from byte {error.start} on"]) from error
    if file.suffix != ".json":
        yield None, content
        return
    try:
        listed = msgspec.json.decode(content)
    except msgspec.DecodeError as error:
        raise InvalidDocument([f"is not JSON: {error}"]) from error
    for given, text in _listed(listed):
        if not isinstance(given, str) or not isinstance(text, str):
            raise InvalidDocument(["must hold documents' texts by their ids, or be a manifest of Apollo's"])
        name = given.removeprefix("sha256:")
        yield None if name == sha256_of(text) else name, text


def _listed(listed: Any) -> Iterator[tuple[object, object]]:
    """Ids and texts of a list: Apollo's manifest, or `{id: text}` as of graphql-codegen and Relay."""
    if not isinstance(listed, dict):
        yield None, None
    elif listed.get("format") == APOLLO_FORMAT:
        operations = listed.get("operations")
        for each in operations if isinstance(operations, list) else [None]:
            yield (each.get("id"), each.get("body")) if isinstance(each, dict) else (None, None)
    else:
        yield from listed.items()


def _check_unchanged(folder: Path, name: str, text: str, wanted: dict[str, TrustedDocument]) -> None:
    """An id stands for one text for ever: clients out there may send it."""
    earlier = [wanted[name].text] if name in wanted else []
    if not SHA256.fullmatch(name):
        with contextlib.suppress(OSError, UnicodeDecodeError):
            earlier.append((folder / f"{name}{SUFFIX}").read_bytes().decode())
    if any(each != text for each in earlier):
        raise InvalidDocument(["is there already, with another text"])


def _write(file: Path, text: str) -> None:
    # Under another name first: whoever looks at the folder meanwhile sees all of it or nothing.
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        unfinished.write_bytes(text.encode())
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)
