"""Whom a write is from: its caller, as their source knows them; somebody else only with a scope for it."""

from datetime import datetime

import strawberry

from gateway.domain.access import Scope, WriteAs
from gateway.domain.catalog import Source
from resolvers.context import AnyFetch

_NOBODY = WriteAs()


@strawberry.input(description="Who wrote a message, where the source takes a name and an address.")
class AuthorInput:
    name: str | None = strawberry.field(default=None, description="The person's name.")
    email: str | None = strawberry.field(default=None, description="The person's e-mail address.")


def writing_as(
    fetch: AnyFetch,
    source: Source,
    *,
    agent: str | None = None,
    author: AuthorInput | None = None,
    sent_at: datetime | None = None,
) -> tuple[str | None, AuthorInput]:
    """The agent and the author that a write goes out under; what isn't given is the caller's own.

    Raises:
        Forbidden: The caller names somebody else, or another time, and may not.
    """
    own = fetch.context.principal.writes_as.get(source.key, _NOBODY)
    signed = author or AuthorInput()
    as_oneself = signed.name in {None, own.author_name} and signed.email in {None, own.author_email}
    if sent_at is not None or agent not in {None, own.agent} or not as_oneself:
        fetch.context.require(Scope.MESSAGES_WRITE_AS, source)
    if as_oneself:
        # Whole: nobody takes their name off by giving a part of it, or none.
        signed = AuthorInput(name=own.author_name, email=own.author_email)
    return own.agent if agent is None else agent, signed
