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
    expires_at: datetime | None = strawberry.field(
        description="When the key or token that it came with ends; null for never."
    )


async def viewer(fetch: AnyFetch) -> Principal:
    """Who asks."""
    return fetch.context.principal
