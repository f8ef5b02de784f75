"""Tulo: accounts, product subscriptions and helpdesk messages of newspapers' readers."""

from functools import partial
from typing import ClassVar, Literal

from pydantic import Field, SecretStr

from gateway.sources.auth import Auth, in_header, reveal
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
    own_credentials: ClassVar[tuple[str, ...]] = ("client_id", "client_secret")
    client_id: str | None = Field(None, min_length=1, description="The API client's id.")
    client_secret: SecretStr | None = Field(None, description="The API client's secret.")
    grant_type: str = Field("none", description="How the token is asked for; `none`: without a user.")
    scopes: tuple[str, ...] = Field(
        SCOPES, description="Asked for with the token; the client must have them."
    )

    @property
    def account_name(self) -> str | None:
        """See `SourceSettings.account_name`."""
        return self.client_id


def auth(context: SourceContext[TuloSettings]) -> Auth:
    """The API client's tokens."""
    settings = context.settings
    return session(
        context.key,
        context.transport,
        client_id=settings.client_id or "",
        client_secret=reveal(settings.client_secret),
        grant_type=settings.grant_type,
        scopes=settings.scopes,
        clock=context.clock,
    )


def build(context: SourceContext[TuloSettings]) -> Tulo:
    """Make the client of one instance."""
    settings = context.settings
    rest = Rest(context.key, context.transport, clock=context.clock, explain=partial(explain, context.key))
    return Tulo(
        Accounts(rest, zone=settings.zone),
        Helpdesk(rest, statuses=StatusTable(STATES, settings.statuses), zone=settings.zone),
    )


SPEC = SourceSpec(
    kind="tulo",
    title="Tulo",
    docs_url="https://docs.worldoftulo.com/payway/integration/payway_api/overview",
    settings=TuloSettings,
    shapes=shapes(),
    build=build,
    put=lambda _: in_header("authorization", "Bearer "),
    auth=auth,
    ttl_s={"helpdesk_message_templates/all": 300, "accounts": 30},
)
