"""Netevia's Banking API: support tickets of business-banking customers, which can be written to only."""

from functools import partial
from typing import ClassVar, Literal

from pydantic import Field, SecretStr

from gateway.sources.auth import fixed, in_header
from gateway.sources.netevia.client import Netevia, explain, shapes
from gateway.sources.rest import Rest
from gateway.sources.spec import SourceContext, SourceSettings, SourceSpec


class NeteviaSettings(SourceSettings):
    """How to reach the Banking API. The documents show a development host only, so none is preset."""

    kind: Literal["netevia"] = Field(description="Which adapter: the product's name.")
    own_credentials: ClassVar[tuple[str, ...]] = ("token",)
    token: SecretStr | None = Field(
        None,
        description="A bearer token from Netevia. Log-ins take a second factor, so no program can.",
    )


def build(context: SourceContext[NeteviaSettings]) -> Netevia:
    """Make the client of one instance."""
    return Netevia(
        Rest(
            context.key,
            context.transport,
            clock=context.clock,
            explain=partial(explain, context.key),
        )
    )


SPEC = SourceSpec(
    kind="netevia",
    title="Netevia Banking",
    docs_url="https://banking.docs.netevia.com",
    settings=NeteviaSettings,
    shapes=shapes(),
    build=build,
    put=lambda _: in_header("authorization", "Bearer "),
    auth=lambda context: fixed(context.settings.token),
    ttl_s={"linked users": 60},
)
