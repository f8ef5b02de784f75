"""`helpdesk-gateway documents`: the folder of trusted documents, from the command line."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from gateway.commands.documents import add_documents, check_documents, list_documents
from gateway.security.document_settings import DocumentMode, DocumentSettings
from gateway.security.limit_settings import LimitSettings
from gateway.security.trusted_documents import Reference, TrustedDocuments, preparation
from resolvers.schema import build_schema

SOURCES = "query Sources {\n  sources {\n    key\n  }\n}"
NAMED = "query Nodes { nodes(ids: []) { id } } query Others { sources { key } }"
Said = pytest.CaptureFixture[str]


def sha(text: str, algorithm: str = "sha256") -> str:
    return hashlib.new(algorithm, text.encode()).hexdigest()


def line(text: str, *operations: str, name: str | None = None) -> str:
    return f"sha256:{sha(text)}{f'  as {name}' if name else ''}  {', '.join(operations)}\n"


def held(folder: Path) -> dict[str, str]:
    return {each.name: each.read_bytes().decode() for each in folder.iterdir()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "documents"


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def write(name: str, content: str | bytes | dict[str, Any] | list[Any]) -> Path:
        file = tmp_path / name
        text = json.dumps(content) if isinstance(content, dict | list) else content
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    return write


def test_files_are_added_byte_for_byte_under_their_hash(folder: Path, write: Any, capsys: Said) -> None:
    texts = [SOURCES, SOURCES + "\n", NAMED.replace(" ", "\r\n", 1)]
    files = [write(f"{number}.graphql", text) for number, text in enumerate(texts)]
    assert add_documents(folder, files) == 0
    said = (
        line(texts[0], "query Sources")
        + line(texts[1], "query Sources")
        + line(texts[2], "query Nodes", "query Others")
    )
    assert capsys.readouterr() == (said, "")
    assert held(folder) == {f"{sha(text)}.graphql": text for text in texts}
    assert (add_documents(folder, files), capsys.readouterr()) == (0, (said, ""))
    assert (check_documents(folder), capsys.readouterr()) == (0, (f"{folder}: 3 documents, all valid.\n", ""))


def test_an_added_document_is_trusted(folder: Path, write: Any) -> None:
    add_documents(folder, [write("a.graphql", SOURCES)])
    settings = DocumentSettings(mode=DocumentMode.ENFORCE, folder=folder)
    documents = TrustedDocuments(settings, preparation(build_schema()._schema, LimitSettings()))
    trusted = documents.resolve(None, Reference(f"sha256:{sha(SOURCES)}"))
    assert documents.resolve(SOURCES, None) is trusted


def manifests() -> list[Any]:
    operations = [
        {"id": sha(SOURCES), "name": "Sources", "type": "query", "body": SOURCES},
        {"id": "nodes-1", "name": "Nodes", "type": "query", "body": NAMED},
    ]
    apollo = {"format": "apollo-persisted-query-manifest", "version": 1, "operations": operations}
    by_id = {f"sha256:{sha(SOURCES)}": SOURCES, "nodes-1": NAMED}
    return [pytest.param(apollo, id="apollo"), pytest.param(by_id, id="codegen and relay")]


@pytest.mark.parametrize("manifest", manifests())
def test_what_build_tools_list_is_added_under_the_ids_they_gave(
    folder: Path, write: Any, capsys: Said, manifest: dict[str, Any]
) -> None:
    assert add_documents(folder, [write("manifest.json", manifest)]) == 0
    said = line(SOURCES, "query Sources") + line(NAMED, "query Nodes", "query Others", name="nodes-1")
    assert capsys.readouterr() == (said, "")
    assert held(folder) == {f"{sha(SOURCES)}.graphql": SOURCES, "nodes-1.graphql": NAMED}
    assert (list_documents(folder), capsys.readouterr()) == (0, (said, ""))


def test_ids_by_other_hashes_are_taken_as_names(folder: Path, write: Any) -> None:
    listed = {sha(SOURCES, "sha1"): SOURCES, sha(NAMED, "md5"): NAMED}
    assert add_documents(folder, [write("persisted-documents.json", listed)]) == 0
    assert held(folder) == {f"{digest}.graphql": text for digest, text in listed.items()}


def test_one_bad_document_keeps_all_from_being_added(folder: Path, write: Any, capsys: Said) -> None:
    files = [
        write("good.graphql", SOURCES),
        write("bad.graphql", "{ sources { colour } nothing }"),
        write("unfinished.graphql", "{ sources"),
        write("empty.graphql", ""),
        write("binary.graphql", b"\xff"),
        write("schema.graphql", "type Query { a: Int }"),
        folder / "none.graphql",
    ]
    assert add_documents(folder, files) == 1
    problems = [
        "bad.graphql: 1:13: Cannot query field 'colour' on type 'Source'.",
        "bad.graphql: 1:22: Cannot query field 'nothing' on type 'Query'.",
        "unfinished.graphql: 1:10: Syntax Error: Expected Name, found <EOF>.",
        "empty.graphql: 1:1: Syntax Error: Unexpected <EOF>.",
        "binary.graphql: is not UTF-8, from byte 0 on",
        "schema.graphql: has no operation",
        "documents/none.graphql: No such file or directory",
    ]
    assert capsys.readouterr() == ("", "".join(f"{folder.parent}/{each}\n" for each in problems))
    assert not folder.exists()


@pytest.mark.parametrize(
    ("listed", "problem"),
    [
        ({sha(NAMED): SOURCES}, f"{sha(NAMED)}: its text is not the one that it is named after: its SHA-256 is {sha(SOURCES)}"),
        ({f"sha256:{sha(NAMED)}": SOURCES}, f"{sha(NAMED)}: its text is not the one that it is named after: its SHA-256 is {sha(SOURCES)}"),
        ({"../evil": SOURCES}, "../evil: `../evil` can't be an id: it takes up to 128 letters, digits, and -._~ but no dot in front"),
        ({"x" * 129: SOURCES}, f"{'x' * 129}: `{'x' * 129}` can't be an id: it takes up to 128 letters, digits, and -._~ but no dot in front"),
        ({"a": 1}, "must hold documents' texts by their ids, or be a manifest of Apollo's"),
        ([SOURCES], "must hold documents' texts by their ids, or be a manifest of Apollo's"),
        ({"format": "apollo-persisted-query-manifest", "version": 1, "operations": {}}, "must hold documents' texts by their ids, or be a manifest of Apollo's"),
        ({"format": "apollo-persisted-query-manifest", "version": 1, "operations": [1]}, "must hold documents' texts by their ids, or be a manifest of Apollo's"),
        ("{", "is not JSON: Input data was truncated"),
    ],
)  # fmt: skip
def test_a_strange_list_is_refused(folder: Path, write: Any, capsys: Said, listed: Any, problem: str) -> None:
    file = write("list.json", listed)
    assert add_documents(folder, [file]) == 1
    assert capsys.readouterr() == ("", f"{file}: {problem}\n")


def test_an_id_stands_for_one_text_for_ever(folder: Path, write: Any, capsys: Said) -> None:
    assert add_documents(folder, [write("a.json", {"list": SOURCES})]) == 0
    again = write("b.json", {"list": NAMED})
    twice = [write("c.json", {"new": SOURCES}), write("d.json", {"new": NAMED})]
    capsys.readouterr()
    assert (add_documents(folder, [again]), add_documents(folder, twice)) == (1, 1)
    assert capsys.readouterr() == (
        "",
        f"{again}: list: is there already, with another text\n{twice[1]}: new: is there already, with another text\n",
    )
    assert held(folder) == {"list.graphql": SOURCES}


def test_check_and_list_say_all_that_is_wrong(folder: Path, write: Any, capsys: Said) -> None:
    add_documents(folder, [write("a.graphql", SOURCES), write("b.json", {"list": NAMED})])
    capsys.readouterr()
    # What an editor or a checkout does that "cures" line ends.
    (folder / f"{sha(SOURCES)}.graphql").write_text(SOURCES + "\n")
    (folder / "old.graphql").write_text("{ removedField }")
    (folder / "notes.txt").write_text("not a document")
    problems = (
        f"{sha(SOURCES)}.graphql: its text is not the one that it is named after: its SHA-256 is {sha(SOURCES + chr(10))}\n"
        "old.graphql: 1:3: Cannot query field 'removedField' on type 'Query'.\n"
    )
    assert (check_documents(folder), capsys.readouterr()) == (1, ("", problems))
    said = line(NAMED, "query Nodes", "query Others", name="list")
    assert (list_documents(folder), capsys.readouterr()) == (1, (said, problems))


def test_operations_without_a_name_are_listed_too(folder: Path, write: Any, capsys: Said) -> None:
    add_documents(
        folder, [write("a.graphql", 'mutation { reconcileWrite(input: {id: "x"}) { write { id } } }')]
    )
    assert capsys.readouterr().out.endswith("  mutation (unnamed)\n")


def test_documents_keep_within_the_limits(folder: Path, write: Any, capsys: Said) -> None:
    add_documents(folder, [write("a.graphql", SOURCES)])
    capsys.readouterr()
    narrow = LimitSettings(max_depth=3, max_root_fields=1)
    assert check_documents(folder, narrow) == 0
    again = write("b.graphql", "{ first: sources { key } second: sources { key } }")
    assert add_documents(folder, [again], narrow) == 1
    said = "The document has 2 root fields, and 1 are allowed."
    assert capsys.readouterr() == (
        f"{folder}: 1 documents, all valid.\n",
        f"{again}: 1:26: {said}\n",
    )


@pytest.mark.parametrize("command", [check_documents, list_documents])
def test_a_missing_folder_is_told(folder: Path, capsys: Said, command: Any) -> None:
    assert (command(folder), capsys.readouterr()) == (1, ("", f"{folder}: No such file or directory\n"))


def test_a_folder_that_cannot_be_written_is_told(folder: Path, write: Any, capsys: Said) -> None:
    folder.write_text("a file")
    assert add_documents(folder, [write("a.graphql", SOURCES)]) == 1
    assert capsys.readouterr() == ("", f"{folder}: File exists\n")
