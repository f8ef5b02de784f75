"""From a request to the document that it asks to run: a trusted one, or one that is looked at first."""

from collections.abc import Sequence

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    NoSchemaIntrospectionCustomRule,
    parse,
    specified_rules,
    validate,
)
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from gateway.domain.errors import ErrorCode
from gateway.http.graphql_request import GraphQLRequest
from gateway.plans.cache import DocumentCache
from gateway.plans.compile import Prepared
from gateway.security.document_limits import check_document
from gateway.security.json_limits import check_json
from gateway.security.limit_settings import LimitSettings
from gateway.security.places import Text
from gateway.security.token_limit import check_tokens
from gateway.security.trusted_documents import TrustedDocuments

_MAX_VALIDATION_ERRORS = 20
# Strawberry has its own form of @oneOf, which graphql-core's rules don't know.
_RULES = (*specified_rules, OneOfInputValidationRule)


class InvalidDocument(Exception):
    """A text is no GraphQL, or doesn't fit the schema."""

    def __init__(self, code: ErrorCode, errors: Sequence[GraphQLError]) -> None:
        super().__init__(code.value)
        self.code = code
        self.errors = errors


class Documents:
    """Reads documents, each step only if the cheaper one before it has found nothing."""

    def __init__(
        self, schema: GraphQLSchema, trusted: TrustedDocuments, limits: LimitSettings, *, introspection: bool
    ) -> None:
        """Take what documents are held against.

        Args:
            schema: What they must fit.
            trusted: Those that are known, and whether others run.
            limits: How large a request may be.
            introspection: Whether others may ask for the schema, and errors suggest names of it.
        """
        self._schema = schema
        self._trusted = trusted
        self._limits = limits
        self._introspection = introspection
        self._rules = _RULES if introspection else (*_RULES, NoSchemaIntrospectionCustomRule)
        # Apart, as a text could be written like a trusted document's id.
        self._known, self._known_trusted = DocumentCache(), DocumentCache()

    def read(self, request: GraphQLRequest, *, client: str) -> Prepared:
        """The document of a request, valid and within the limits.

        Raises:
            InvalidDocument: It isn't valid.
            LimitExceeded: It is too large, or the variables are.
            RequestError: It isn't known, or not trusted where only trusted ones run.
        """
        check_json(request.variables, self._limits)
        asked = self._trusted.resolve(request.query, request.reference)
        if not isinstance(asked, str):
            trusted = self._known_trusted.get(asked.id)
            if trusted is None or trusted.document is not asked.node:
                trusted = self._known_trusted.put(asked.id, Prepared(asked.node))
            return trusted
        document = self._known.get(asked)
        if document is None:
            document = self._known.put(asked, Prepared(self._read_text(asked)))
        self._trusted.note_unknown(asked, client=client, operation_name=request.operation_name)
        return document

    def _read_text(self, text: str) -> DocumentNode:
        try:
            check_tokens(text, self._limits)
            document = parse(Text(text))
            check_document(document, self._limits)
            errors = validate(
                self._schema,
                document,
                self._rules,
                max_errors=_MAX_VALIDATION_ERRORS,
                hide_suggestions=not self._introspection,
            )
        except GraphQLSyntaxError as error:
            raise InvalidDocument(ErrorCode.GRAPHQL_PARSE_FAILED, [error]) from None
        except GraphQLError as error:
            raise InvalidDocument(ErrorCode.GRAPHQL_VALIDATION_FAILED, [error]) from None
        if errors:
            raise InvalidDocument(ErrorCode.GRAPHQL_VALIDATION_FAILED, errors)
        return document
