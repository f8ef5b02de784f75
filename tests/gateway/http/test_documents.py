from hashlib import sha256
from pathlib import Path

import pytest
from graphql import build_schema

from gateway.domain.errors import RequestError
from gateway.http.documents import Documents, InvalidDocument
from gateway.http.graphql_request import GraphQLRequest
from gateway.security.document_folder import SUFFIX
from gateway.security.document_settings import DocumentMode, DocumentSettings
from gateway.security.limit_settings import LimitSettings
from gateway.security.trusted_documents import Reference, TrustedDocuments, preparation

_SCHEMA = build_schema("type Query { a: Int, b: Int }")
_TEXT = "{ a }\n"


def _documents(folder: Path) -> Documents:
    limits = LimitSettings()
    settings = DocumentSettings(mode=DocumentMode.OBSERVE, folder=folder)
    trusted = TrustedDocuments(settings, preparation(_SCHEMA, limits))
    return Documents(_SCHEMA, trusted, limits, introspection=False)


def _read(documents: Documents, query: str | None, reference: Reference | None = None) -> object:
    request = GraphQLRequest(query=query, operation_name=None, variables=None, reference=reference)
    return documents.read(request, client="test")


def test_a_text_is_read_once(tmp_path: Path) -> None:
    documents = _documents(tmp_path)
    assert _read(documents, "{ a }") is _read(documents, "{ a }")
    assert _read(documents, "{ a }") is not _read(documents, "{ b }")


def test_a_text_that_is_a_trusted_documents_id_is_not_that_document(tmp_path: Path) -> None:
    digest = sha256(_TEXT.encode()).hexdigest()
    (tmp_path / f"{digest}{SUFFIX}").write_text(_TEXT, encoding="utf-8")
    documents = _documents(tmp_path)

    trusted = _read(documents, None, Reference(digest))

    assert _read(documents, None, Reference(digest)) is trusted
    with pytest.raises(InvalidDocument):
        _read(documents, digest)


def test_what_is_refused_is_refused_again(tmp_path: Path) -> None:
    documents = _documents(tmp_path)
    for query in ("{ c }", "{", "{ __schema { description } }"):
        for _ in range(2):
            with pytest.raises((InvalidDocument, RequestError)):
                _read(documents, query)
