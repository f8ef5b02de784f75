"""The configured sources, put together: settings in, clients with all their layers out."""

import hashlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from gateway.config import Settings, Specs
from gateway.domain.catalog import Catalog, Source
from gateway.domain.clock import Clock, utc_now
from gateway.observability.observing import Observing
from gateway.resilience.cache import CacheOptions
from gateway.resilience.circuit import CircuitOptions
from gateway.resilience.health import health_of
from gateway.resilience.limit import QueueOptions
from gateway.resilience.pace import PaceOptions
from gateway.resilience.retry import RetryOptions
from gateway.resilience.stack import Stack, StackOptions, build_stack
from gateway.resilience.traced import Place
from gateway.security.secret_files import UnusableSecret, reread
from gateway.sources.authorised import authorised
from gateway.sources.registry import SPECS
from gateway.sources.renewal import UnreadableCredential
from gateway.sources.spec import DEFAULT_TTL_S, SourceContext, SourceSettings, SourceSpec
from gateway.transport import Call, Transport, TransportOptions
from gateway.transport.routed import open_transport


@asynccontextmanager
async def open_catalog(
    settings: Settings,
    *,
    clock: Clock = utc_now,
    specs: Specs = SPECS,
    observing: Observing | None = None,
) -> AsyncIterator[Catalog]:
    """Build the clients of all enabled sources, and close their connections afterwards."""
    async with AsyncExitStack() as stack:
        sources = []
        for key, each in settings.sources.items():
            if each.enabled:
                layers = _layers(
                    key,
                    each,
                    specs[each.kind],
                    clock,
                    takes_context=key in settings.tracing.propagate_to,
                    files=settings.files_of_source(key),
                )
                if observing is not None:
                    observing.sources[key] = layers.reading
                stack.push_async_callback(layers.transport.close)
                sources.append(_source(key, each, specs[each.kind], layers, clock))
        yield Catalog(tuple(sources))


def _layers(
    key: str,
    settings: SourceSettings,
    spec: SourceSpec[Any],
    clock: Clock,
    *,
    takes_context: bool,
    files: Mapping[str, Path],
) -> Stack:
    transport = open_transport(
        key,
        TransportOptions(
            base_url=str(settings.base_url),
            connect_timeout_s=settings.connect_timeout_s,
            read_timeout_s=settings.read_timeout_s,
            total_timeout_s=settings.attempt_timeout_s,
            max_connections=settings.max_connections,
        ),
    )

    def void_what_was_read() -> None:
        # Under the credential before, which may have been allowed to see more.
        with stack.store.generations.writing():
            stack.store.clear()

    def authorise(inner: Transport) -> Transport:
        context = SourceContext(key, settings, inner, clock, reread=_rereading(files))
        return authorised(spec, context, renewed=void_what_was_read)

    url = settings.base_url
    place = Place(key, url.host or "", url.port, takes_context=takes_context)
    stack = build_stack(
        transport, _options(settings, spec.ttl_s), source=key, authorise=authorise, place=place, clock=clock
    )
    return stack


def _rereading(files: Mapping[str, Path]) -> Callable[[SourceSettings], SourceSettings] | None:
    """How to read a source's secrets anew; None where none came from files."""

    def again(settings: SourceSettings) -> SourceSettings:
        try:
            return reread(settings, files)
        except UnusableSecret as error:
            raise UnreadableCredential(str(error)) from error

    return again if files else None


def _options(settings: SourceSettings, ttl_s: Mapping[str, float]) -> StackOptions:
    return StackOptions(
        attempt_timeout_s=settings.attempt_timeout_s,
        retry=RetryOptions(max_retries=settings.max_retries),
        circuit=CircuitOptions(slow_call_s=settings.slow_call_s),
        queue=QueueOptions(max_waiting=settings.max_waiting),
        pace=PaceOptions(max_running=settings.max_connections),
        cache=CacheOptions(_ttl_s(settings.cache_ttl_s, ttl_s), settings.max_stale_s),
        cache_max_bytes=settings.cache_max_bytes,
        forwards=settings.forwards,
    )


def _ttl_s(wanted_s: float | None, by_operation_s: Mapping[str, float]) -> Callable[[Call], float]:
    """How long an answer is kept: as configured for all, else by endpoint."""
    if wanted_s is not None:
        return lambda _: wanted_s
    return lambda call: by_operation_s.get(call.operation, DEFAULT_TTL_S)


def _source(key: str, settings: SourceSettings, spec: SourceSpec[Any], layers: Stack, clock: Clock) -> Source:
    return Source(
        key=key,
        kind=spec.kind,
        name=settings.name or spec.title,
        docs_url=spec.docs_url,
        client=spec.build(SourceContext(key, settings, layers.transport, clock)),
        shapes=spec.shapes,
        own_credential=_credential_id(spec.kind, settings.identity),
        forwards=settings.forwards,
        # A log-in, a read before, the write, and a read afterwards.
        write_timeout_s=4 * settings.attempt_timeout_s,
        settling_s=settings.settling_s,
        health=partial(health_of, layers),
    )


def _credential_id(kind: str, identity: str) -> str:
    """Tells service accounts apart, and stays when their secret changes."""
    return hashlib.sha256(f"{kind}\x1f{identity}".encode()).hexdigest()[:16]
