"""Netevia's Banking API: support tickets of business-banking customers, which can be written to only."""

from functools import partial
from typing import Literal

from pydantic import Field, SecretStr

from gateway.sources.auth import FixedCredential, in_header
from gateway.sources.netevia.client import Netevia, explain, shapes
from gateway.sources.rest import Rest
from gateway.sources.spec import SourceContext, SourceSettings, SourceSpec


class NeteviaSettings(SourceSettings):
    """How to reach the Banking API. The documents show a development host only, so none is preset."""

    kind: Literal["netevia"] = Field(description="Which adapter: the product's name.")
    token: SecretStr = Field(
        description="A bearer token from Netevia. Logging in needs a second factor, so it can't be automated."
    )


def build(context: SourceContext[NeteviaSettings]) -> Netevia:
    """Make the client of one instance."""
    return Netevia(
        Rest(
            context.key,
            context.transport,
            FixedCredential(context.settings.token.get_secret_value(), in_header("authorization", "Bearer ")),
            clock=context.clock,
            explain=partial(explain, context.key),
        ),
        clock=context.clock,
    )


SPEC = SourceSpec(
    kind="netevia",
    title="Netevia Banking",
    docs_url="https://banking.docs.netevia.com",
    settings=NeteviaSettings,
    shapes=shapes(),
    build=build,
)
