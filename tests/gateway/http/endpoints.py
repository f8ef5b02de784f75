"""An endpoint over any schema, put together as production does."""

import httpx
from graphql import GraphQLSchema
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.http.documents import Documents
from gateway.http.endpoint import GraphQLEndpoint, MakeContext
from gateway.http.execution import Executor
from gateway.http.rate_limited import RateLimits
from gateway.security.document_settings import DocumentSettings
from gateway.security.limit_settings import LimitSettings
from gateway.security.trusted_documents import TrustedDocuments, preparation
from tests.callers import ANYONE, CALLERS


def client_of(schema: GraphQLSchema, make_context: MakeContext) -> httpx.AsyncClient:
    """A client of the endpoint: everybody may ask, with introspection and the default limits."""
    limits = LimitSettings()
    trusted = TrustedDocuments(DocumentSettings(), preparation(schema, limits))
    endpoint = GraphQLEndpoint(
        Executor(schema, Documents(schema, trusted, limits, introspection=True), limits, introspection=True),
        make_context,
        ANYONE,
        CALLERS,
        RateLimits(None),
        max_body_bytes=limits.max_body_bytes,
        with_explorer=False,
    )

    async def graphql(request: Request) -> Response:
        return await endpoint.respond(request)

    app = Starlette(routes=[Route("/graphql", graphql, methods=["POST"])])
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost")
