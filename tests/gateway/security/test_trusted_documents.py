"""Trusted documents: what runs in each mode, and how a changing folder is followed."""

import asyncio
import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLSchema, build_schema, print_ast

from gateway.domain.errors import BadInput, ConfigError, ErrorCode, GatewayError
from gateway.observability.logs import configure_logs
from gateway.security.document_folder import MAX_DOCUMENT_BYTES, InvalidDocument
from gateway.security.document_settings import DocumentMode, DocumentSettings
from gateway.security.limit_settings import LimitSettings
from gateway.security.trusted_documents import (
    Reference,
    TrustedDocuments,
    UnknownDocument,
    UntrustedDocument,
    preparation,
    read_reference,
)
from gateway.security.unknown_documents import (
    MAX_CLIENTS,
    MAX_DOCUMENTS,
    MAX_LINES_PER_MINUTE,
    OTHER,
    UnknownDocuments,
    client_label,
)

SCHEMA: GraphQLSchema = build_schema("type Query { a: Int, b: Query } type Mutation { m: Int }")
PREPARE = preparation(SCHEMA, LimitSettings())
A, B, NAMED = "query A { a }", "query B {\n  b { a }\n}\n", "{ b { b { a } } }"
OFF, OBSERVE, ENFORCE = DocumentMode
MODES = pytest.mark.parametrize("mode", DocumentMode)
LENIENT = pytest.mark.parametrize("mode", [OFF, OBSERVE])


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def apollo(text: str) -> Reference:
    return Reference(sha(text), apollo=True)


def put(folder: Path, text: str, name: str | None = None) -> Path:
    file = folder / f"{name or sha(text)}.graphql"
    file.write_bytes(text.encode())
    return file


@pytest.fixture(autouse=True)
def _logs() -> None:
    configure_logs()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    put(tmp_path, A)
    put(tmp_path, B)
    put(tmp_path, NAMED, "case-list.v2")
    return tmp_path


def opened(mode: DocumentMode, folder: Path | None, **more: Any) -> TrustedDocuments:
    settings = DocumentSettings(mode=mode, folder=folder)
    return TrustedDocuments(settings, PREPARE, **more)


def run(documents: TrustedDocuments, query: str | None, reference: Reference | None = None) -> str:
    """The text that would run, marked if it is trusted."""
    found = documents.resolve(query, reference)
    return found if isinstance(found, str) else f"trusted: {found.text}"


def refusal(
    documents: TrustedDocuments, query: str | None, reference: Reference | None = None
) -> GatewayError:
    with pytest.raises(GatewayError) as raised:
        documents.resolve(query, reference)
    return raised.value


# Where the log goes is known within a test alone: those that read it configure it first.
def logged(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    return [{key: line[key] for key in line.keys() - {"timestamp", "level"}} for line in lines]


class TestWhatRuns:
    @MODES
    @pytest.mark.parametrize(
        ("reference", "text"),
        [
            (Reference(f"sha256:{sha(A)}"), A),
            (Reference(sha(B)), B),
            (apollo(B), B),
            (Reference("case-list.v2"), NAMED),
            (Reference("case-list.v2", apollo=True), NAMED),
            (Reference(f"sha256:{sha(NAMED)}"), NAMED),
        ],
    )
    def test_a_trusted_document_by_its_id_with_or_without_its_text(
        self, folder: Path, mode: DocumentMode, reference: Reference, text: str
    ) -> None:
        documents = opened(mode, folder)
        assert [run(documents, None, reference), run(documents, text, reference), run(documents, text)] == [
            f"trusted: {text}"
        ] * 3

    def test_it_is_parsed_already(self, folder: Path) -> None:
        documents = opened(ENFORCE, folder)
        first, second = (documents.resolve(None, Reference(sha(A))) for _ in range(2))
        assert first is second
        assert not isinstance(first, str)
        assert (first.id, print_ast(first.node)) == (sha(A), "query A {\n  a\n}")

    @LENIENT
    def test_others_run_where_nothing_is_enforced(self, folder: Path, mode: DocumentMode) -> None:
        documents = opened(mode, folder)
        assert run(documents, "{ b { a } }") == "{ b { a } }"
        assert run(documents, "{ b { a } }", apollo("{ b { a } }")) == "{ b { a } }"
        assert run(documents, "{ b { a } }", Reference("some-id")) == "{ b { a } }"

    @pytest.mark.parametrize(
        "query",
        [
            "{ a }",
            A + " ",
            A + "\n",
            B.rstrip("\n"),
            B.replace("\n", "\r\n"),
            "\ufeff" + A,
            A.replace("A", "А"),  # the Cyrillic letter
            "{ __schema { types { name } } }",
            # None of these could be parsed: it makes no difference, as nothing is.
            "{ not GraphQL",
            "\ud800",
            "",
            "{a" * 100_000,
            f"{{ {'a ' * 200_000}}}",
        ],
    )
    def test_nothing_else_runs_where_it_is_enforced_nor_is_it_parsed(self, folder: Path, query: str) -> None:
        documents = opened(ENFORCE, folder)
        for reference in (None, Reference("some-id"), Reference(sha("{ not GraphQL"))):
            if reference is not None and reference.sha256 is not None and query != "{ not GraphQL":
                continue
            error = refusal(documents, query, reference)
            assert (type(error), error.code, error.message) == (
                UntrustedDocument,
                ErrorCode.FORBIDDEN,
                "Only trusted documents may run here, and this is none.",
            )

    @MODES
    @pytest.mark.parametrize(
        ("query", "reference"),
        [
            (A, Reference(f"sha256:{sha(B)}")),
            (A, apollo(B)),
            (A, apollo("{ a }")),
            ("{ a }", apollo(A)),
            ("{ a }", apollo("{ b }")),
            ("{ a }", Reference("case-list.v2")),
        ],
    )
    def test_a_text_that_is_not_the_one_its_id_names_is_refused(
        self, folder: Path, mode: DocumentMode, query: str, reference: Reference
    ) -> None:
        error = refusal(opened(mode, folder), query, reference)
        assert isinstance(error, BadInput)
        assert error.message == "`query` is not the document that the request's id names."

    @MODES
    @pytest.mark.parametrize(
        "given",
        ["unknown", "", f"SHA256:{sha(A)}", sha(A).upper(), f"md5:{sha(A)}", f"sha256:sha256:{sha(A)}", "../x", f"{sha(A)}.graphql"],
    )  # fmt: skip
    def test_an_unknown_id_is_an_error(self, folder: Path, mode: DocumentMode, given: str) -> None:
        error = refusal(opened(mode, folder), None, Reference(given))
        assert (type(error), error.code, error.message) == (
            UnknownDocument,
            ErrorCode.BAD_USER_INPUT,
            "There is no trusted document of this id.",
        )

    @pytest.mark.parametrize(
        ("mode", "with_folder", "message"),
        [
            (OFF, True, "PersistedQueryNotFound"),
            (OBSERVE, True, "PersistedQueryNotFound"),
            (OFF, False, "PersistedQueryNotSupported"),
            (OBSERVE, False, "PersistedQueryNotSupported"),
            (ENFORCE, True, "There is no trusted document of this id."),
        ],
    )
    def test_apollos_clients_learn_whether_to_send_the_text(
        self, folder: Path, mode: DocumentMode, with_folder: bool, message: str
    ) -> None:
        documents = opened(mode, folder if with_folder else None)
        assert str(refusal(documents, None, apollo("{ a }"))) == message

    @MODES
    def test_a_hash_and_its_text_teach_the_gateway_nothing(self, folder: Path, mode: DocumentMode) -> None:
        documents = opened(mode, folder)
        try:
            documents.resolve("{ a }", apollo("{ a }"))
        except UntrustedDocument:
            assert mode is ENFORCE
        assert isinstance(refusal(documents, None, apollo("{ a }")), UnknownDocument)

    @MODES
    def test_neither_text_nor_id_is_bad_input(self, folder: Path, mode: DocumentMode) -> None:
        error = refusal(opened(mode, folder), None)
        assert (type(error), error.message) == (
            BadInput,
            "Send a `query`, or the `documentId` of a trusted document.",
        )


class TestReference:
    @pytest.mark.parametrize(
        ("document_id", "extensions", "reference"),
        [
            (None, None, None),
            (None, {}, None),
            (None, {"persistedQuery": None, "other": 1}, None),
            ("x", None, Reference("x")),
            ("sha256:ab", {"persistedQuery": {"version": 1, "sha256Hash": "ab"}}, Reference("sha256:ab")),
            (None, {"persistedQuery": {"version": 1, "sha256Hash": "ab", "miss": True}}, Reference("ab", apollo=True)),
        ],
    )  # fmt: skip
    def test_it_is_read(
        self, document_id: object, extensions: dict[str, Any] | None, reference: Reference | None
    ) -> None:
        assert read_reference(document_id, extensions) == reference

    @pytest.mark.parametrize(
        ("document_id", "persisted", "argument"),
        [
            (1, None, "documentId"),
            ([], None, "documentId"),
            (None, "ab", "extensions.persistedQuery"),
            (None, [], "extensions.persistedQuery"),
            (None, {}, "extensions.persistedQuery"),
            (None, {"version": 2, "sha256Hash": "ab"}, "extensions.persistedQuery"),
            (None, {"version": 1, "sha256Hash": {}}, "extensions.persistedQuery"),
            (None, {"version": 1}, "extensions.persistedQuery"),
            ("cd", {"version": 1, "sha256Hash": "ab"}, None),
        ],
    )
    def test_another_form_is_bad_input(
        self, document_id: object, persisted: object, argument: str | None
    ) -> None:
        with pytest.raises(BadInput) as raised:
            read_reference(document_id, {"persistedQuery": persisted})
        assert raised.value.argument == argument


class TestStart:
    def test_all_that_is_wrong_with_the_folder_is_said_at_once(self, folder: Path) -> None:
        put(folder, "{ c }", "unknown-field")
        put(folder, "{ a", "unfinished")
        put(folder, "fragment F on Query { a }", "fragment")
        put(folder, A, sha(B))
        put(folder, "{ a }", "not an id")
        put(folder, "{ a }" + " " * MAX_DOCUMENT_BYTES, "large")
        (folder / "binary.graphql").write_bytes(b"{ a } # \xff")
        with pytest.raises(ConfigError) as raised:
            opened(OFF, folder)
        assert raised.value.problems == [
            f"documents.folder: {sha(B)}.graphql: its text is not the one that it is named after: its SHA-256 is {sha(A)}",
            "documents.folder: binary.graphql: is not UTF-8, from byte 8 on",
            "documents.folder: fragment.graphql: has no operation",
            "documents.folder: large.graphql: has more than 262144 bytes",
            "documents.folder: not an id.graphql: `not an id` can't be an id: it takes up to 128 letters, digits, and -._~ but no dot in front",
            "documents.folder: unfinished.graphql: 1:4: Syntax Error: Expected Name, found <EOF>.",
            "documents.folder: unknown-field.graphql: 1:3: Cannot query field 'c' on type 'Query'. Did you mean 'a' or 'b'?",
        ]

    def test_a_missing_folder_is_a_wrong_configuration(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="none: No such file or directory"):
            opened(OBSERVE, tmp_path / "none")

    def test_other_files_are_left_alone(self, folder: Path) -> None:
        (folder / "README.md").write_text("# Documents")
        (folder / ".half.graphql").write_text("{ a")
        (folder / "sub.graphql").mkdir()
        (folder / "gone.graphql").symlink_to(folder / "nowhere")
        os.mkfifo(folder / "pipe.graphql")
        assert run(opened(ENFORCE, folder), A) == f"trusted: {A}"

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("{b" * 400 + "{a}" + "}" * 400, "nests brackets deeper than the 64 levels"),
            (f"{{ {'a ' * 1_000}}}", "has more than the 1000 tokens"),
            ("{ " + "b { " * 15 + "a" + " }" * 16, "nests deeper than the 15 levels"),
            ("{ ...F } fragment F on Query { ...F }", "F"),
        ],
    )
    def test_trusted_documents_keep_within_the_limits(self, text: str, problem: str) -> None:
        with pytest.raises(InvalidDocument, match=problem):
            PREPARE(text)


class TestChanges:
    def test_what_is_added_and_taken_away_counts_after_two_looks(self, folder: Path) -> None:
        documents = opened(ENFORCE, folder)
        (folder / f"{sha(A)}.graphql").unlink()
        put(folder, "{ a }", "new")
        documents.look()
        assert run(documents, A) == f"trusted: {A}"
        documents.look()
        assert run(documents, None, Reference("new")) == "trusted: { a }"
        assert isinstance(refusal(documents, A), UntrustedDocument)

    def test_a_folder_that_is_still_changing_is_left_until_it_is_not(self, folder: Path) -> None:
        documents = opened(ENFORCE, folder)
        # A document that is valid already though only half of it has been written.
        for half in ("query P { a }", "query P { a } query", "query P { a } query Q { a }"):
            put(folder, half, "new")
            documents.look()
            assert isinstance(refusal(documents, None, Reference("new")), UnknownDocument)
        documents.look()
        assert run(documents, None, Reference("new")) == "trusted: query P { a } query Q { a }"

    def test_a_bad_file_stands_for_what_it_was_and_spoils_no_other(
        self, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        documents = opened(ENFORCE, folder)
        put(folder, "{ a", "case-list.v2")
        put(folder, "{ a }", "new")
        configure_logs()
        for _ in range(4):
            documents.look()
        assert run(documents, None, Reference("case-list.v2")) == f"trusted: {NAMED}"
        assert run(documents, None, Reference("new")) == "trusted: { a }"
        assert logged(capsys) == [
            {"event": "documents_loaded", "documents": 4},
            {
                "event": "documents_invalid",
                "problems": ["case-list.v2.graphql: 1:4: Syntax Error: Expected Name, found <EOF>."],
            },
        ]

    def test_a_folder_that_cannot_be_read_changes_nothing_and_is_told_once(
        self, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        documents = opened(ENFORCE, folder)
        configure_logs()
        away = folder.rename(folder.with_name("away"))
        for _ in range(3):
            documents.look()
        assert run(documents, A) == f"trusted: {A}"
        assert logged(capsys) == [{"event": "documents_unreadable", "reason": "No such file or directory"}]
        shutil.copytree(away, folder)
        put(folder, "{ a }", "new")
        for _ in range(2):
            documents.look()
        assert run(documents, None, Reference("new")) == "trusted: { a }"

    def test_what_is_known_is_not_prepared_again(self, folder: Path) -> None:
        prepared: list[str] = []

        def counted(text: str) -> Any:
            prepared.append(text)
            return PREPARE(text)

        documents = TrustedDocuments(DocumentSettings(mode=ENFORCE, folder=folder), counted)
        prepared.clear()
        put(folder, "{ a }")
        put(folder, A, "another-name")
        for _ in range(3):
            documents.look()
        assert prepared == ["{ a }"]

    async def test_it_is_watched_beside_the_requests(self, folder: Path) -> None:
        documents = opened(ENFORCE, folder)
        put(folder, "{ a }")
        waits: list[float] = []

        async def sleep(seconds: float) -> None:
            waits.append(seconds)
            if len(waits) == 3:
                raise asyncio.CancelledError

        with pytest.raises(asyncio.CancelledError):
            await documents.watch(sleep)
        assert waits == [5.0] * 3
        assert run(documents, "{ a }") == "trusted: { a }"

    async def test_without_a_folder_there_is_nothing_to_watch(self) -> None:
        documents = opened(OBSERVE, None)
        await documents.watch()
        documents.look()
        assert run(documents, A) == A


class TestUnknown:
    @pytest.mark.parametrize("mode", [OFF, ENFORCE])
    def test_they_are_counted_in_observe_alone(
        self, folder: Path, mode: DocumentMode, capsys: pytest.CaptureFixture[str]
    ) -> None:
        documents = opened(mode, folder)
        documents.note_unknown("{ a }", client="web", operation_name=None)
        assert (documents.unknown.by_client(), logged(capsys)) == ({}, [])

    def test_each_is_counted_by_client_and_logged_without_its_text(
        self, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        configure_logs()
        documents = opened(OBSERVE, folder)
        for _ in range(12):
            documents.note_unknown("{ a }", client="web", operation_name="Li\nst")
        documents.note_unknown("{ a }", client="app", operation_name=None)
        assert documents.unknown.by_client() == {"web": 12, "app": 1}
        told = {"event": "unknown_document", "document_id": sha("{ a }")}
        assert logged(capsys) == [
            {**told, "client": "web", "operation": "Li_st", "times": 1},
            {**told, "client": "web", "operation": "Li_st", "times": 10},
            {**told, "client": "app", "operation": None, "times": 1},
        ]

    def test_clients_documents_and_lines_have_bounds(self, capsys: pytest.CaptureFixture[str]) -> None:
        configure_logs()
        now_s = 0.0
        unknown = UnknownDocuments(lambda: now_s)
        for number in range(2 * MAX_DOCUMENTS):
            unknown.note(f"client-{number}", f"{{ a }} # {number}", None)
        assert len(unknown.by_client()) == MAX_CLIENTS + 1
        assert unknown.by_client()[OTHER] == 2 * MAX_DOCUMENTS - MAX_CLIENTS
        assert len(unknown._times) == MAX_DOCUMENTS
        assert len(logged(capsys)) == MAX_LINES_PER_MINUTE
        now_s = 60.0
        unknown.note("client-0", "{ b { a } }", None)
        (line,) = logged(capsys)
        assert line["lines_left_out"] == 2 * MAX_DOCUMENTS - MAX_LINES_PER_MINUTE

    @pytest.mark.parametrize(
        ("principal", "application", "label"),
        [
            ("crm", None, "crm"),
            ("crm", "web", "crm/web"),
            ("crm", "", "crm"),
            ("", "web", "_/web"),
            ("a/b\n", '"} 1', "a_b_/_1"),
            ("x" * 100, "y" * 100, f"{'x' * 64}/{'y' * 64}"),
            ("jane@example.com", "Büro", "jane@example.com/B_ro"),
        ],
    )
    def test_names_are_cleaned(self, principal: str, application: str | None, label: str) -> None:
        assert client_label(principal, application) == label


class TestSettings:
    def test_enforcing_needs_a_folder(self) -> None:
        with pytest.raises(ValueError, match="mode enforce needs a folder"):
            DocumentSettings(mode=ENFORCE)

    def test_nothing_is_enforced_by_default(self) -> None:
        assert DocumentSettings() == DocumentSettings(mode=OFF, folder=None, look_every_s=5)
