"""Sources, and where objects come from."""

from datetime import datetime
from typing import Any

import strawberry
from strawberry.types import Info

from gateway.domain import catalog
from gateway.domain.ids import source_ref
from resolvers.context import Context
from resolvers.types.enums import Capability, CircuitState, HealthState, OriginKind, SliceState
from resolvers.types.node import Node


def _source_id(root: strawberry.Parent[catalog.Source]) -> strawberry.ID:
    return strawberry.ID(source_ref(root.key).global_id)


def _source_of(root: strawberry.Parent[Any], info: Info[Context, Any]) -> Any:
    return info.context.catalog.get(root.source)


@strawberry.type(description="How a source is doing, by the traffic of this process in the last minute.")
class SourceHealth:
    state: HealthState = strawberry.field(description="Its condition in a word.")
    circuit: CircuitState = strawberry.field(description="Whether it is asked at present.")
    p50_ms: float | None = strawberry.field(description="Half of its answers came within this.")
    p95_ms: float | None = strawberry.field(description="95 of 100 answers came within this.")
    error_rate: float | None = strawberry.field(
        description="The share of calls, 0 to 1, that failed or were answered with a 5xx or 429."
    )
    last_error: str | None = strawberry.field(
        description="What kind of failure the last one was: an HTTP status, or a word of the gateway's."
    )
    last_error_at: datetime | None = strawberry.field(description="When that was.")
    checked_at: datetime | None = strawberry.field(description="When a call ended last; null before any.")


def _health_of(root: strawberry.Parent[catalog.Source]) -> Any:
    return root.health()


@strawberry.type(description="One configured helpdesk system. Two tenants of one product are two sources.")
class Source(Node):
    id: strawberry.ID = strawberry.field(resolver=_source_id, description="The global id.")
    key: str = strawberry.field(description="The instance's name in the gateway's configuration.")
    kind: str = strawberry.field(description="Which product it is.")
    name: str = strawberry.field(description="What people call it.")
    docs_url: str | None = strawberry.field(description="The documentation of the product's own API.")
    capabilities: list[Capability] = strawberry.field(
        description="What it can do. Anything else is refused with nothing sent."
    )
    health: SourceHealth | None = strawberry.field(
        resolver=_health_of, description="How it is doing. Asking for it causes no call."
    )

    @classmethod
    def is_type_of(cls, obj: object, _info: object) -> bool:
        return isinstance(obj, catalog.Source)


@strawberry.type(description="Where an object comes from.")
class Origin:
    source: Source = strawberry.field(resolver=_source_of, description="The source that it belongs to.")
    native_id: str = strawberry.field(
        description="The source's own id of it; one of the gateway's while the source hasn't told its own."
    )
    url: str | None = strawberry.field(description="Where to look at it in the source's own interface.")
    fetched_at: datetime | None = strawberry.field(
        description="When it was read from the source; null if it wasn't."
    )
    stale: bool = strawberry.field(description="Whether the source couldn't be asked for a newer state.")
    from_: OriginKind = strawberry.field(
        name="from", resolver=lambda root: root.kind, description="How the gateway came by it."
    )


@strawberry.type(description="Why a source's part of a list is missing.")
class SliceError:
    code: str = strawberry.field(description="A code as in `errors[].extensions.code`, or the slice's state.")
    message: str = strawberry.field(description="For people.")


@strawberry.type(description="How one source took part in a list.")
class SourceSlice:
    source: Source = strawberry.field(resolver=_source_of, description="The source.")
    state: SliceState = strawberry.field(description="How it took part.")
    ordered: bool = strawberry.field(description="Whether its items come newest first.")
    age_ms: int | None = strawberry.field(description="How old its part is, where that is known.")
    error: SliceError | None = strawberry.field(description="Why its part is missing.")
    retry_after: int | None = strawberry.field(
        description="In how many seconds the source may be asked again, where that is known."
    )
