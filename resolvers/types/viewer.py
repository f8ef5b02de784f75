"""`viewer`: who asks."""

from datetime import datetime
from types import SimpleNamespace
from typing import Any

import strawberry
from strawberry.types import Info

from gateway.domain.access import Principal
from resolvers.context import AnyFetch, Context
from resolvers.types.enums import LoginKind
from resolvers.types.source import Source


@strawberry.type(description="Who the viewer is at one source: what their writes are signed with there.")
class ViewerIdentity:
    source: Source = strawberry.field(description="The source.")
    agent: str | None = strawberry.field(description="The agent's log-in.")
    author_name: str | None = strawberry.field(description="The author's name.")
    author_email: str | None = strawberry.field(description="The author's e-mail address.")


def _identities(root: strawberry.Parent[Principal], info: Info[Context, Any]) -> Any:
    catalog = info.context.catalog
    return [
        SimpleNamespace(
            source=source, agent=known.agent, author_name=known.author_name, author_email=known.author_email
        )
        for key, known in root.writes_as.items()
        if (source := catalog.get(key)) is not None
    ]


@strawberry.type(description="What one request may hold, and how much a caller may ask for.")
class ViewerLimits:
    max_tokens: int = strawberry.field(description="Tokens of a document.")
    max_depth: int = strawberry.field(description="How deep its fields may nest.")
    max_root_fields: int = strawberry.field(description="Root fields of a query.")
    max_estimated_calls: int = strawberry.field(
        description="REST calls that an operation may be estimated at: see the header X-Request-Cost."
    )
    max_objects: int = strawberry.field(description="Objects that its answer may be estimated at.")
    requests_per_minute: int | None = strawberry.field(
        description="Requests of one caller, in the long run; null for any number."
    )
    calls_per_minute: int | None = strawberry.field(
        description="REST calls that they may cause, in the long run; null for any number."
    )


def _limits(info: Info[Context, Any]) -> Any:
    limits, rates = info.context.limits, info.context.rates
    return SimpleNamespace(
        max_tokens=limits.max_tokens,
        max_depth=limits.max_depth,
        max_root_fields=limits.max_root_fields,
        max_estimated_calls=limits.max_estimated_calls,
        max_objects=limits.max_objects,
        requests_per_minute=None if rates is None else rates.requests_per_minute,
        calls_per_minute=None if rates is None else rates.calls_per_minute,
    )


@strawberry.type(description="Who asks, and what they may.")
class Viewer:
    subject: str = strawberry.field(description="Unique and stable: writes and uploads belong to it.")
    name: str = strawberry.field(description="For people's eyes.")
    login: LoginKind = strawberry.field(description="How it has logged in.")
    scopes: list[str] = strawberry.field(
        resolver=lambda root: list(root.grants),
        description="What it may: `messages:read` everywhere, `messages:write@support-pl` at one source.",
    )
    identities: list[ViewerIdentity] = strawberry.field(
        resolver=_identities, description="Who it is at the sources where that is known."
    )
    limits: ViewerLimits = strawberry.field(
        resolver=_limits,
        description="How much one may ask for. Answers tell what is left of it: `RateLimit`.",
    )
    expires_at: datetime | None = strawberry.field(
        description="When the key or token that it came with ends; null for never."
    )


async def viewer(fetch: AnyFetch) -> Principal:
    """Who asks."""
    return fetch.context.principal
