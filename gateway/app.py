"""The composition root: settings in, the ASGI app out."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from gateway.config import Settings, Specs
from gateway.domain.catalog import Catalog, Source
from gateway.domain.clock import Clock, utc_now
from gateway.http import explorer
from gateway.http.endpoint import GraphQLEndpoint
from gateway.http.execution import Executor
from gateway.http.health import healthz, landing, readyz
from gateway.http.refusals import KnownHosts, unroutable
from gateway.http.uploads import UploadEndpoint
from gateway.resilience.stack import build_stack
from gateway.sources.registry import SPECS
from gateway.sources.spec import SourceContext, SourceSettings, SourceSpec
from gateway.store import ledger as store
from gateway.transport import Transport
from gateway.transport.httpx import HttpxOptions, HttpxTransport
from gateway.writes.history import History
from gateway.writes.reconcile import Reconciler
from gateway.writes.retention import purge_forever
from gateway.writes.service import Writes
from gateway.writes.uploads import Uploads
from resolvers.context import Context
from resolvers.schema import build_schema


def create_app(settings: Settings, *, clock: Clock = utc_now, specs: Specs = SPECS) -> Starlette:
    """Assemble the gateway. Nothing is opened before the app's lifespan begins.

    Args:
        settings: Checked against the same `specs`.
        clock: What time it is.
        specs: The kinds of sources there are.
    """
    schema = build_schema()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            ledger = await stack.enter_async_context(open_ledger(settings))
            catalog = await stack.enter_async_context(open_catalog(settings, clock=clock, specs=specs))
            reconciler = Reconciler(ledger, catalog, clock=clock)
            await stack.enter_async_context(
                running(
                    reconciler.run(every_s=settings.ledger.reconcile_every_s),
                    purge_forever(ledger, settings.ledger.retention, clock=clock),
                )
            )
            writes = Writes(ledger, clock=clock)
            stack.push_async_callback(writes.drain)
            history = History(ledger, catalog)
            uploads = Uploads(clock)

            def make_context(request_id: str) -> Context:
                return Context(
                    catalog=catalog,
                    writes=writes,
                    history=history,
                    reconciler=reconciler,
                    uploads=uploads,
                    clock=clock,
                    request_id=request_id,
                )

            app.state.graphql = GraphQLEndpoint(
                Executor(schema), make_context, with_explorer=settings.server.explorer
            )
            app.state.uploads = UploadEndpoint(catalog, uploads)
            yield

    async def graphql(request: Request) -> Response:
        endpoint: GraphQLEndpoint = request.app.state.graphql
        return await endpoint.respond(request)

    async def upload(request: Request) -> Response:
        endpoint: UploadEndpoint = request.app.state.uploads
        return await endpoint(request)

    return Starlette(
        routes=[
            Route("/", landing),
            Route("/graphql", graphql, methods=["GET", "POST"]),
            Route("/uploads", upload, methods=["POST"]),
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Mount(explorer.ASSETS_PATH, explorer.static_app()),
        ],
        middleware=[
            Middleware(KnownHosts, names=settings.server.allowed_hosts),
        ],
        exception_handlers={HTTPException: unroutable},
        lifespan=lifespan,
    )


@asynccontextmanager
async def open_ledger(settings: Settings) -> AsyncIterator[store.SqlLedger]:
    """The ledger, whether or not its database can be reached now; what is queued is finished at the end."""
    ledger = store.open_ledger(settings.ledger.url.get_secret_value())
    try:
        yield ledger
    finally:
        await ledger.close()


@asynccontextmanager
async def running(*work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Tasks that run beside everything else, and end with it."""
    tasks = [asyncio.create_task(each) for each in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def open_catalog(
    settings: Settings, *, clock: Clock = utc_now, specs: Specs = SPECS
) -> AsyncIterator[Catalog]:
    """Build the clients of all enabled sources, and close their connections afterwards."""
    async with AsyncExitStack() as stack:
        sources = []
        for key, each in settings.sources.items():
            if each.enabled:
                transport = _transport(key, each)
                stack.push_async_callback(transport.close)
                context = SourceContext(key, each, transport, clock)
                sources.append(_source(specs[each.kind], context))
        yield Catalog(tuple(sources))


def _transport(key: str, settings: SourceSettings) -> Transport:
    options = HttpxOptions(
        base_url=str(settings.base_url),
        connect_timeout_s=settings.connect_timeout_s,
        read_timeout_s=settings.read_timeout_s,
        max_connections=settings.max_connections,
    )
    return build_stack(HttpxTransport(key, options), source=key, attempt_timeout_s=settings.attempt_timeout_s)


def _source(spec: SourceSpec[Any], context: SourceContext[Any]) -> Source:
    return Source(
        key=context.key,
        kind=spec.kind,
        name=context.settings.name or spec.title,
        docs_url=spec.docs_url,
        client=spec.build(context),
        shapes=spec.shapes,
        credential=_credential_id(spec.kind, context.settings.identity),
        # A log-in, a read before, the write, and a read afterwards.
        write_timeout_s=4 * context.settings.attempt_timeout_s,
        settling_s=context.settings.settling_s,
    )


def _credential_id(kind: str, identity: str) -> str:
    """Tells service accounts apart, and stays when their secret changes."""
    return hashlib.sha256(f"{kind}\x1f{identity}".encode()).hexdigest()[:16]
