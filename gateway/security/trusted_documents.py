"""Trusted documents: those that are known before any client sends them.

A client names one by `documentId` (GraphQL over HTTP, appendix "Persisted Documents": `sha256:` and 64
hexadecimal digits, or an id without a prefix) or by Apollo's `extensions.persistedQuery`; or it sends the
very text. Nothing that clients send is ever kept as a document: there is no store that strangers could
fill, and a text that comes with its hash just runs, where texts may run.

https://github.com/graphql/graphql-over-http/blob/main/spec/Appendix%20A%20--%20Persisted%20Documents.md
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    SourceLocation,
    parse,
    validate,
)
from graphql.validation import specified_rules
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from gateway.domain.errors import BadInput, ConfigError, ErrorCode, RequestError
from gateway.security.document_folder import (
    SHA256,
    SUFFIX,
    InvalidDocument,
    Listing,
    Prepare,
    TrustedDocument,
    list_folder,
    read_folder,
    sha256_of,
)
from gateway.security.document_limits import check_document
from gateway.security.document_settings import DocumentMode, DocumentSettings
from gateway.security.exceeding import DocumentTooLarge
from gateway.security.limit_settings import LimitSettings
from gateway.security.places import Text
from gateway.security.token_limit import check_tokens
from gateway.security.unknown_documents import UnknownDocuments

_MAX_ERRORS = 20
_RULES = (*specified_rules, OneOfInputValidationRule)

_log = structlog.get_logger("gateway.security")


class UnknownDocument(RequestError):
    """The request names a document that isn't there."""

    code = ErrorCode.BAD_USER_INPUT

    def __init__(self, message: str = "There is no trusted document of this id.") -> None:
        super().__init__(message)


class UntrustedDocument(RequestError):
    """The request brings a document of its own where trusted ones alone may run; it was not parsed."""

    code = ErrorCode.FORBIDDEN

    def __init__(self) -> None:
        super().__init__("Only trusted documents may run here, and this is none.")


@dataclass(frozen=True, slots=True)
class Reference:
    """How a request names a document.

    Attributes:
        id: As it was sent.
        apollo: Whether by Apollo's extension: such a client sends the text when told that it is unknown.
    """

    id: str
    apollo: bool = False

    @property
    def sha256(self) -> str | None:
        """The hash that the id is, if it is one."""
        digest = self.id.removeprefix("sha256:")
        return digest if SHA256.fullmatch(digest) else None


def read_reference(document_id: object, extensions: Mapping[str, Any] | None) -> Reference | None:
    """What a request's `documentId` and `extensions` name, if anything.

    Raises:
        BadInput: They aren't of their form, or name two documents.
    """
    if document_id is not None and not isinstance(document_id, str):
        raise BadInput("`documentId` must be a string.", argument="documentId")
    persisted = None if extensions is None else extensions.get("persistedQuery")
    if persisted is None:
        return None if document_id is None else Reference(document_id)
    version, digest = (
        (persisted.get("version"), persisted.get("sha256Hash"))
        if isinstance(persisted, dict)
        else (None,) * 2
    )
    if version != 1 or not isinstance(digest, str):
        raise BadInput(
            '`extensions.persistedQuery` must be {"version": 1, "sha256Hash": "..."}.',
            argument="extensions.persistedQuery",
        )
    if document_id is None:
        return Reference(digest, apollo=True)
    if document_id.removeprefix("sha256:") != digest:
        raise BadInput("`documentId` and `extensions.persistedQuery` name different documents.")
    return Reference(document_id)


def preparation(schema: GraphQLSchema, limits: LimitSettings) -> Prepare:
    """What makes documents of texts, for a schema.

    A trusted document keeps within the same limits as any other: nothing needs to be looked at again when it
    runs, and what clients wrote before it was trusted did so too.
    """

    def prepare(text: str) -> DocumentNode:
        try:
            check_tokens(text, limits)
            node = parse(Text(text))
            check_document(node, limits)
            errors = validate(schema, node, _RULES, max_errors=_MAX_ERRORS)
        except DocumentTooLarge as error:
            raise InvalidDocument([_located(error.message, error.locations)]) from None
        except GraphQLError as error:
            errors = [error]
        else:
            if not any(isinstance(each, OperationDefinitionNode) for each in node.definitions):
                raise InvalidDocument(["has no operation"])
            if not errors:
                return node
        raise InvalidDocument([_located(each.message, each.locations) for each in errors])

    return prepare


def _located(message: str, locations: Iterable[SourceLocation] | None) -> str:
    where = next(iter(locations or ()), None)
    return message if where is None else f"{where.line}:{where.column}: {message}"


class _Known:
    """Documents as they are asked for. Never changed: another takes its place."""

    def __init__(self, by_name: Mapping[str, TrustedDocument]) -> None:
        self.by_name = by_name
        self.by_text = {each.text: each for each in by_name.values()}
        self.by_sha256 = {each.id: each for each in by_name.values()}
        self.by_id = {
            **{name.removesuffix(SUFFIX): each for name, each in by_name.items()},
            **self.by_sha256,
            **{f"sha256:{digest}": each for digest, each in self.by_sha256.items()},
        }


class TrustedDocuments:
    """The trusted documents, and what becomes of others.

    Attributes:
        mode: Whether others run.
        unknown: What is counted of these.
    """

    def __init__(
        self, settings: DocumentSettings, prepare: Prepare, *, unknown: UnknownDocuments | None = None
    ) -> None:
        """Load the folder.

        Raises:
            ConfigError: With all that is wrong in it.
        """
        self.mode = settings.mode
        self.unknown = unknown or UnknownDocuments()
        self._folder = settings.folder
        self._every_s = settings.look_every_s
        self._prepare = prepare
        self._known = _Known({})
        self._loaded: Listing = {}
        self._seen: Listing | None = {}
        if self._folder is not None:
            self._seen = self._loaded = _listed_at_start(self._folder)
            contents = read_folder(self._folder, self._loaded, prepare, {})
            if contents.problems:
                raise ConfigError([f"documents.folder: {each}" for each in contents.problems])
            self._known = _Known(contents.documents)

    def resolve(self, query: str | None, reference: Reference | None) -> TrustedDocument | str:
        """What a request asks to run: a trusted document, or a text that may run as well. Nothing is parsed.

        Args:
            query: The text, if it was sent.
            reference: What else names the document.
        Raises:
            UnknownDocument: No text was sent, and none is known by that id.
            UntrustedDocument: The text isn't trusted, and that alone would run.
            BadInput: The text isn't the one that the id names; or there is neither.
        """
        known = self._known
        named = None if reference is None else known.by_id.get(reference.id)
        if query is None:
            if named is not None:
                return named
            raise self._unknown(reference)
        if reference is not None and not _is_named(query, reference, named):
            raise BadInput("`query` is not the document that the request's id names.", argument="query")
        trusted = known.by_text.get(query)
        if trusted is not None:
            return trusted
        if self.mode is DocumentMode.ENFORCE:
            raise UntrustedDocument
        return query

    def note_unknown(self, text: str, *, client: str, operation_name: str | None) -> None:
        """Say that a text runs which isn't trusted, once it is known to be valid: it counts in `observe`."""
        if self.mode is DocumentMode.OBSERVE:
            self.unknown.note(client, text, operation_name)

    def look(self) -> None:
        """See whether the folder has changed, and load it once a second look finds the same.

        What is wrong in it is logged; such a file stands for what it stood for before.
        """
        if self._folder is None:
            return
        try:
            listing = list_folder(self._folder)
        except OSError as error:
            if self._seen is not None:
                _log.warning("documents_unreadable", reason=error.strerror)
            self._seen = None
            return
        seen, self._seen = self._seen, listing
        if listing == seen and listing != self._loaded:
            self._load(self._folder, listing)

    async def watch(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Look again and again, beside the requests."""
        while self._folder is not None:
            await sleep(self._every_s)
            # Validation takes milliseconds a document, which no request shall wait for.
            await asyncio.to_thread(self.look)

    def _load(self, folder: Path, listing: Listing) -> None:
        before = self._known
        contents = read_folder(folder, listing, self._prepare, before.by_sha256)
        kept = {name: before.by_name[name] for name in listing if name in before.by_name}
        self._known = _Known({**kept, **contents.documents})
        self._loaded = listing
        _log.info("documents_loaded", documents=len(self._known.by_sha256))
        if contents.problems:
            _log.warning("documents_invalid", problems=contents.problems[:_MAX_ERRORS])

    def _unknown(self, reference: Reference | None) -> RequestError:
        if reference is None:
            return BadInput("Send a `query`, or the `documentId` of a trusted document.")
        if self.mode is DocumentMode.ENFORCE or not reference.apollo:
            return UnknownDocument()
        # The words that Apollo's and urql's clients look for. At the one they send the text along this time,
        # at the other from now on, so that not every operation is asked for twice.
        return UnknownDocument(
            "PersistedQueryNotFound" if self._known.by_id else "PersistedQueryNotSupported"
        )


def _is_named(query: str, reference: Reference, named: TrustedDocument | None) -> bool:
    if named is not None:
        return named.text == query
    digest = reference.sha256
    return digest is None or digest == sha256_of(query)


def _listed_at_start(folder: Path) -> Listing:
    try:
        return list_folder(folder)
    except OSError as error:
        raise ConfigError([f"documents.folder: {folder}: {error.strerror}"]) from error
