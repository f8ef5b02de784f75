"""The sources as the configuration describes them: each setting reaches the layer that goes by it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pytest

from gateway import config
from gateway.assembly import open_catalog
from gateway.commands.dev import sandbox_sources
from gateway.config import Specs
from gateway.domain.callers import Credential, calling_with
from gateway.domain.catalog import Catalog, Source
from gateway.domain.errors import NotForwarded, SourceError, SourceOverloaded
from gateway.domain.health import CircuitState, HealthState, SourceHealth
from gateway.domain.ids import EntityType, Ref
from gateway.domain.ports import TicketReader
from gateway.domain.records import OriginKind, Ticket
from gateway.sandbox import Faults, Running, Sandbox
from gateway.sandbox.service import Service
from gateway.sources.auth import basic
from gateway.sources.registry import SPECS
from tests.raw_client import until

NOW = datetime.fromisoformat("2026-11-22T10:30:00Z")
TICKET = Ref(EntityType.TICKET, "thulium", ("1234",))
FAILING = Faults(error_rate=1, error_status=503)


@dataclass(frozen=True)
class World:
    sandbox: Sandbox
    running: Running

    @property
    def thulium(self) -> Service:
        return self.sandbox.services["thulium"]

    def settings(self, **changes: Any) -> dict[str, Any]:
        """Thulium's, as `dev` has them, but for these."""
        settings: dict[str, Any] = sandbox_sources(self.sandbox, self.running)["thulium"]
        return {name: value for name, value in {**settings, **changes}.items() if value is not ...}

    @asynccontextmanager
    async def catalog(self, specs: Specs = SPECS, **sources: dict[str, Any]) -> AsyncIterator[Catalog]:
        checked = config.check({"forwarding": {"id_key": "k" * 32}, "sources": sources}, specs=specs)
        async with open_catalog(checked, clock=lambda: NOW, specs=specs) as catalog:
            yield catalog

    @asynccontextmanager
    async def source(self, specs: Specs = SPECS, **changes: Any) -> AsyncIterator[Source]:
        async with self.catalog(specs, thulium=self.settings(**changes)) as catalog:
            yield catalog.named("thulium", argument=None)


@pytest.fixture(scope="module")
async def served() -> AsyncIterator[World]:
    sandbox = Sandbox()
    async with sandbox.serve() as running:
        yield World(sandbox, running)


@pytest.fixture
def world(served: World) -> World:
    """Healthy, and with nothing remembered."""
    served.thulium.reset()
    return served


async def ticket(source: Source) -> Ticket | Exception:
    """The ticket as it comes, or why it doesn't."""
    reader = source.port(TicketReader)
    assert reader is not None
    (slot,) = await reader.read_tickets([Ref(EntityType.TICKET, source.key, TICKET.parts)])
    assert slot is not None
    return slot


async def came(source: Source) -> tuple[OriginKind, bool] | type[Exception]:
    """How the ticket came, and whether it is stale."""
    found = await ticket(source)
    return type(found) if isinstance(found, Exception) else (found.origin.kind, found.origin.stale)


FRESH, KEPT, STALE = (OriginKind.SOURCE, False), (OriginKind.CACHE, False), (OriginKind.CACHE, True)


async def test_a_source_says_what_the_configuration_says_of_it(world: World) -> None:
    changes = {"name": "Support", "attempt_timeout_s": 7, "settling_s": 12}
    async with world.catalog(
        thulium=world.settings(**changes),
        spare=world.settings(enabled=False),
        plain=world.settings(settling_s=...),
    ) as catalog:
        thulium, plain = catalog
    assert (thulium.key, thulium.kind, thulium.name, thulium.forwards) == (
        "thulium",
        "thulium",
        "Support",
        False,
    )
    assert (plain.key, plain.kind, plain.name) == ("plain", "thulium", "Thulium")
    # Four calls to a write: a log-in, a read before, the write, and a read afterwards.
    assert (thulium.write_timeout_s, thulium.settling_s) == (28, 12)
    assert (plain.write_timeout_s, plain.settling_s) == (60, 900)


async def test_a_service_account_keeps_its_id_when_its_secret_changes(world: World) -> None:
    async with world.catalog(
        one=world.settings(),
        renewed=world.settings(api_password="another"),
        other=world.settings(api_user="another"),
        elsewhere=world.settings(base_url="http://127.0.0.1:9/api"),
    ) as catalog:
        ids = {each.key: each.credential for each in catalog}
    assert ids["one"] == ids["renewed"]
    assert len(set(ids.values())) == 3


# -- cache


async def test_an_answer_is_kept_for_a_moment_unless_configured(world: World) -> None:
    async with world.source() as source:
        seen = [await came(source), await came(source)]
    assert (seen, len(world.thulium.arrivals)) == ([FRESH, KEPT], 1)


async def test_each_endpoints_answers_are_kept_as_long_as_its_kind_declares_unless_configured(
    world: World,
) -> None:
    never = {"thulium": replace(SPECS["thulium"], ttl_s={"get ticket": 0, "list tickets": 60})}
    seen = {}
    for name, changes in {"as declared": {}, "as configured": {"cache_ttl_s": 60}}.items():
        async with world.source(never, **changes) as source:
            seen[name] = [await came(source), await came(source)]
    assert seen == {"as declared": [FRESH, FRESH], "as configured": [FRESH, KEPT]}


async def test_with_a_time_of_0_nothing_is_kept(world: World) -> None:
    async with world.source(cache_ttl_s=0) as source:
        seen = [await came(source), await came(source)]
        world.thulium.faults = FAILING
        seen.append(await came(source))
    assert seen[:2] == [FRESH, FRESH]
    assert isinstance(seen[2], type)


async def test_with_no_room_nothing_is_kept(world: World) -> None:
    async with world.source(cache_max_bytes=0) as source:
        assert [await came(source), await came(source)] == [FRESH, FRESH]


@pytest.mark.parametrize(("max_stale_s", "then"), [(60, STALE), (0, "SOURCE_UNAVAILABLE")])
async def test_what_is_past_its_time_stands_in_as_long_as_configured(
    world: World, max_stale_s: float, then: object
) -> None:
    # So short a time that it is over when the answer has come.
    async with world.source(cache_ttl_s=1e-9, max_stale_s=max_stale_s, max_retries=0) as source:
        first = await ticket(source)
        assert isinstance(first, Ticket)
        world.thulium.faults = FAILING
        found = await ticket(source)
    if isinstance(found, SourceError):
        assert found.code == then
    else:
        assert isinstance(found, Ticket)
        assert (found.origin.kind, found.origin.stale) == then


# -- retries, queue, time


@pytest.mark.parametrize(("max_retries", "attempts"), [(0, 1), (1, 2), (..., 3)])
async def test_a_failing_read_is_tried_again_as_often_as_configured(
    world: World, max_retries: Any, attempts: int
) -> None:
    world.thulium.faults = FAILING
    async with world.source(max_retries=max_retries) as source:
        await came(source)
    assert len(world.thulium.arrivals) == attempts


async def test_so_many_calls_run_at_once_and_so_many_wait(world: World) -> None:
    world.thulium.faults = Faults(timeout=True)
    async with world.source(
        max_connections=2, max_waiting=1, attempt_timeout_s=0.1, max_retries=0, cache_ttl_s=0
    ) as source:
        reader = source.port(TicketReader)
        assert reader is not None
        refs = [Ref(EntityType.TICKET, "thulium", (str(each),)) for each in range(5)]
        slots = await reader.read_tickets(refs)
    refused = [isinstance(each, SourceOverloaded) for each in slots]
    # The third waits for its turn, and has it once the first two have run out of their time.
    assert refused == [False, False, False, True, True]
    assert len(world.thulium.arrivals) == 3


async def test_an_attempt_has_the_time_that_is_configured(world: World) -> None:
    world.thulium.faults = Faults(timeout=True)
    async with world.source(attempt_timeout_s=0.05, max_retries=0) as source:
        found = await ticket(source)
    assert isinstance(found, SourceError)
    assert found.code == "SOURCE_TIMEOUT"


async def test_slow_calls_open_the_circuit_where_they_are_called_slow(world: World) -> None:
    # Ten calls are enough to tell; each is slower than the shortest time that can be configured.
    async with world.source(cache_ttl_s=0, slow_call_s=1e-9) as slow, world.source(cache_ttl_s=0) as well:
        for _ in range(10):
            for source in (slow, well):
                assert await came(source) == FRESH
        assert [_circuit(each) for each in (slow, well)] == [CircuitState.OPEN, CircuitState.CLOSED]


def _circuit(source: Source) -> CircuitState:
    health = source.health()
    assert health is not None
    return health.circuit


# -- health


async def test_each_source_tells_of_its_own_layers(world: World) -> None:
    async with world.catalog(thulium=world.settings(cache_ttl_s=0), other=world.settings()) as catalog:
        thulium, other = catalog
        assert [each.health() for each in catalog] == [
            SourceHealth(HealthState.UNKNOWN, CircuitState.CLOSED)
        ] * 2
        await ticket(thulium)
        health = thulium.health()
        assert health is not None
        assert health == SourceHealth(
            HealthState.HEALTHY, CircuitState.CLOSED, health.p50_ms, health.p95_ms, 0.0, checked_at=NOW
        )
        assert health.p50_ms is not None
        assert other.health() == SourceHealth(HealthState.UNKNOWN, CircuitState.CLOSED)


# -- callers' own credentials


async def test_a_source_that_takes_callers_credentials_has_none_of_its_own(world: World) -> None:
    credentials = world.thulium.credentials
    forwarding = world.settings(
        api_user=..., api_password=..., credentials="forward", forward_header="X-Thulium-Login"
    )
    async with world.catalog(thulium=forwarding) as catalog:
        (source,) = catalog
        without = await ticket(source)
        secret = basic(credentials["username"], credentials["password"])
        with calling_with({"thulium": Credential("ann", secret)}):
            with_ = await came(source)
            owner = source.owner("local")
    assert isinstance(without, NotForwarded)
    assert (with_, owner, source.forwards, len(world.thulium.arrivals)) == (FRESH, "local:ann", True, 1)


# -- the end


async def test_two_sources_of_one_kind_share_nothing(world: World) -> None:
    async with world.catalog(thulium=world.settings(), other=world.settings()) as catalog:
        thulium, other = catalog
        assert [await came(each) for each in (thulium, other, thulium, other)] == [FRESH, FRESH, KEPT, KEPT]


async def test_what_is_under_way_ends_with_the_sources(world: World) -> None:
    world.thulium.faults = Faults(timeout=True)
    async with AsyncExitStack() as stack:
        source = await stack.enter_async_context(world.source())
        reading = asyncio.ensure_future(ticket(source))
        await until(lambda: bool(world.thulium.arrivals))
    found = await reading
    assert isinstance(found, SourceError)
    assert found.code == "SOURCE_UNAVAILABLE"
