"""Thulium: a Polish contact centre's helpdesk tickets and CRM."""

from functools import partial
from typing import ClassVar, Literal

from pydantic import Field, SecretStr

from gateway.sources.auth import Auth, FixedCredential, basic, in_header, reveal
from gateway.sources.rest import Rest
from gateway.sources.spec import SourceContext, SourceSettings, SourceSpec, TimeZone
from gateway.sources.status import StatusTable
from gateway.sources.thulium.client import Thulium, explain, shapes
from gateway.sources.thulium.mapping import STATUSES


class ThuliumSettings(SourceSettings):
    """How to reach one Thulium tenant, at `https://<system>.thulium.com/api`."""

    kind: Literal["thulium"] = Field(description="Which adapter: the product's name.")
    own_credentials: ClassVar[tuple[str, ...]] = ("api_user", "api_password")
    api_user: str | None = Field(
        None, description="An API user of Administration > Users, not an agent's login."
    )
    api_password: SecretStr | None = Field(None, description="The API user's password.")
    default_agent: str | None = Field(
        None, min_length=1, description="Login of the agent that replies are sent as if they name none."
    )
    default_mailbox: str | None = Field(
        None, min_length=1, description="Mailbox that new tickets go to if they name none."
    )
    reference_field: str | None = Field(
        None,
        min_length=1,
        pattern=r"^[^\[\]]+$",
        description="Name of a custom field of tickets, which the tenant must have: new tickets carry a "
        "reference in it, by which one whose answer was lost is found again.",
    )
    time_zone: TimeZone = Field("Europe/Warsaw", description="Zone of the API's times, which carry none.")

    @property
    def account_name(self) -> str | None:
        """See `SourceSettings.account_name`."""
        return self.api_user


def auth(context: SourceContext[ThuliumSettings]) -> Auth:
    """The API user's name and password."""
    settings = context.settings
    return FixedCredential(basic(settings.api_user or "", reveal(settings.api_password)))


def build(context: SourceContext[ThuliumSettings]) -> Thulium:
    """Make the client of one instance."""
    settings = context.settings
    return Thulium(
        Rest(
            context.key,
            context.transport,
            clock=context.clock,
            explain=partial(explain, context.key),
        ),
        statuses=StatusTable(STATUSES, settings.statuses),
        zone=settings.zone,
        clock=context.clock,
        default_agent=settings.default_agent,
        default_mailbox=settings.default_mailbox,
        reference_field=settings.reference_field,
    )


SPEC = SourceSpec(
    kind="thulium",
    title="Thulium",
    docs_url="https://api.thulium.com/docs/api",
    settings=ThuliumSettings,
    shapes=shapes(),
    build=build,
    put=lambda _: in_header("authorization", "Basic "),
    auth=auth,
    ttl_s={
        "get customers": 30,
        "list customers": 30,
        "get companies": 30,
        "list companies": 30,
        "get agents": 60,
        "list agents": 60,
    },
)
