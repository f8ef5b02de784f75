"""Tulo: accounts, product subscriptions and helpdesk messages of newspapers' readers."""

from functools import partial
from typing import Literal

from pydantic import Field, SecretStr

from gateway.sources.rest import Rest
from gateway.sources.spec import SourceContext, SourceSettings, SourceSpec
from gateway.sources.status import StatusTable
from gateway.sources.tulo.accounts import Accounts
from gateway.sources.tulo.client import Tulo, shapes
from gateway.sources.tulo.helpdesk import Helpdesk
from gateway.sources.tulo.login import session
from gateway.sources.tulo.mapping import STATES
from gateway.sources.tulo.refusals import explain

# What the gateway's calls need. Reading an account takes the scope to write one: the gateway writes none.
SCOPES = (
    "/external/helpdesk/w",
    "/external/helpdesk/r",
    "/external/account/r",
    "/external/account/w",
    "/external/subscription/r",
)


class TuloSettings(SourceSettings):
    """How to reach one organisation at Tulo, in production at https://backend.worldoftulo.com."""

    kind: Literal["tulo"]
    client_id: str = Field(min_length=1, description="The API client's id.")
    client_secret: SecretStr = Field(description="The API client's secret.")
    grant_type: str = Field("none", description="How the token is asked for; `none`: without a user.")
    scopes: tuple[str, ...] = Field(
        SCOPES, description="Asked for with the token; the client must have them."
    )

    @property
    def account_name(self) -> str:
        """See `SourceSettings.account_name`."""
        return self.client_id


def build(context: SourceContext[TuloSettings]) -> Tulo:
    """Make the client of one instance."""
    settings, clock = context.settings, context.clock
    auth = session(
        context.key,
        context.transport,
        client_id=settings.client_id,
        client_secret=settings.client_secret.get_secret_value(),
        grant_type=settings.grant_type,
        scopes=settings.scopes,
        clock=clock,
    )
    rest = Rest(context.key, context.transport, auth, clock=clock, explain=partial(explain, context.key))
    return Tulo(
        Accounts(rest, zone=settings.zone, clock=clock),
        Helpdesk(rest, statuses=StatusTable(STATES, settings.statuses), zone=settings.zone, clock=clock),
    )


SPEC = SourceSpec(
    kind="tulo",
    title="Tulo",
    docs_url="https://docs.worldoftulo.com/payway/integration/payway_api/overview",
    settings=TuloSettings,
    shapes=shapes(),
    build=build,
)
