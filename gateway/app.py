"""The composition root: settings in, the ASGI app out."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from gateway.assembly import open_catalog
from gateway.config import Settings, Specs
from gateway.domain.access import LOCAL, LOCAL_CALLER, Principal
from gateway.domain.clock import Clock, utc_now
from gateway.domain.spending import CallCaps
from gateway.http import explorer
from gateway.http.addresses import Proxies
from gateway.http.authentication import Authentication
from gateway.http.caller import CallerOptions
from gateway.http.compression import compressed
from gateway.http.cors import Cors
from gateway.http.csrf import Preflighted
from gateway.http.documents import Documents
from gateway.http.endpoint import GraphQLEndpoint
from gateway.http.execution import Executor
from gateway.http.health import healthz, landing, readyz
from gateway.http.observed import Observed
from gateway.http.rate_limited import RateLimits
from gateway.http.refusals import KnownHosts, failed, unroutable
from gateway.http.security_headers import SecurityHeaders
from gateway.http.uploads import UploadEndpoint
from gateway.observability.observing import Observing
from gateway.observability.redaction import secrets_of
from gateway.security.authn import authenticating
from gateway.security.document_settings import DocumentMode
from gateway.security.rate_limit import MemoryRateLimiter
from gateway.security.trusted_documents import TrustedDocuments, preparation
from gateway.sources.registry import SPECS
from gateway.store import ledger as store
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
    core, callers = build_schema()._schema, _callers(settings)  # noqa: SLF001 - Strawberry has no other way
    observing = Observing(settings.metrics, settings.tracing, secrets=secrets_of(settings))

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(observing.running())
            ledger = await stack.enter_async_context(open_ledger(settings))
            observing.count_in_doubt = ledger.count_in_doubt
            catalog = await stack.enter_async_context(
                open_catalog(settings, clock=clock, specs=specs, observing=observing)
            )
            reconciler = Reconciler(ledger, catalog, clock=clock, listener=observing.writes.came_to)
            await stack.enter_async_context(
                running(
                    reconciler.run(every_s=settings.ledger.reconcile_every_s),
                    purge_forever(ledger, settings.ledger.retention, clock=clock),
                )
            )
            writes = Writes(ledger, clock=clock, listener=observing.writes.came_to)
            stack.push_async_callback(writes.drain)
            history = History(ledger, catalog)
            uploads = Uploads(clock)

            anyone = LOCAL_CALLER if callers.forwarded else LOCAL
            authenticator = await stack.enter_async_context(
                authenticating(settings.auth, ledger, clock=clock, anyone=anyone)
            )
            authentication = Authentication(authenticator, Proxies(settings.auth.trusted_proxies))
            rates = settings.rate_limits if settings.rate_limits.enabled else None
            limiter = RateLimits(None if rates is None else MemoryRateLimiter(rates))

            def make_context(principal: Principal, request_id: str) -> Context:
                return Context(
                    catalog=catalog,
                    writes=writes,
                    history=history,
                    audit=ledger,
                    reconciler=reconciler,
                    uploads=uploads,
                    clock=clock,
                    request_id=request_id,
                    principal=principal,
                    limits=settings.limits,
                    rates=rates,
                )

            trusted = TrustedDocuments(settings.documents, preparation(core, settings.limits))
            if trusted.mode is DocumentMode.OBSERVE:
                observing.unknown_documents = trusted.unknown.by_client
            await stack.enter_async_context(running(trusted.watch()))
            introspection = settings.server.tells_schema
            documents = Documents(core, trusted, settings.limits, introspection=introspection)
            app.state.graphql = GraphQLEndpoint(
                Executor(
                    core,
                    documents,
                    settings.limits,
                    introspection=introspection,
                    plans=settings.operations.plans,
                ),
                make_context,
                authentication,
                callers,
                limiter,
                max_body_bytes=settings.limits.max_body_bytes,
                with_explorer=settings.server.explorer,
            )
            app.state.uploads = UploadEndpoint(catalog, uploads, authentication, callers, limiter)
            yield

    async def graphql(request: Request) -> Response:
        endpoint: GraphQLEndpoint = request.app.state.graphql
        return await endpoint.respond(request)

    async def upload(request: Request) -> Response:
        endpoint: UploadEndpoint = request.app.state.uploads
        return await endpoint(request)

    app = Starlette(
        routes=[
            Route("/", landing(with_explorer=settings.server.explorer)),
            Route("/graphql", graphql, methods=["GET", "POST"]),
            Route("/uploads", upload, methods=["POST"]),
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            *([Mount(explorer.ASSETS_PATH, explorer.static_app())] if settings.server.explorer else []),
        ],
        middleware=[
            Middleware(
                Observed,
                tracer=observing.tracer,
                counts=observing.requests,
                credential_headers=tuple(callers.forwarded.values()),
            ),
            Middleware(SecurityHeaders, hsts_max_age_s=settings.headers.hsts_max_age_s),
            compressed(),
            Middleware(KnownHosts, names=settings.server.allowed_hosts),
            *([Middleware(Cors, settings=settings.cors)] if settings.cors.origins else []),
            Middleware(Preflighted, origins=settings.cors.origins),
        ],
        exception_handlers={HTTPException: unroutable, Exception: failed},
        lifespan=lifespan,
    )
    # Behind a proxy the scheme is unknown here: a redirect would send a key and a letter on without TLS.
    app.router.redirect_slashes = False
    return app


def _callers(settings: Settings) -> CallerOptions:
    operations, id_key = settings.operations, settings.forwarding.id_key
    return CallerOptions(
        timeout_s=operations.timeout_s,
        max_timeout_s=operations.max_timeout_s,
        caps=CallCaps(operations.max_calls, operations.max_calls_per_source),
        forwarded={
            key: each.forward_header
            for key, each in settings.sources.items()
            if each.enabled and each.forward_header is not None
        },
        id_key=b"" if id_key is None else id_key.get_secret_value().encode(),
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
