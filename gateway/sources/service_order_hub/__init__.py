"""Service Order Hub: repair cases between service partners and workshops."""

from functools import partial
from typing import ClassVar, Literal

from pydantic import Field, SecretStr

from gateway.sources.auth import Put, fixed, in_header, in_query
from gateway.sources.rest import Rest
from gateway.sources.service_order_hub.client import ServiceOrderHub, shapes
from gateway.sources.service_order_hub.mapping import STATUSES
from gateway.sources.service_order_hub.refusals import explain
from gateway.sources.spec import SourceContext, SourceSettings, SourceSpec
from gateway.sources.status import StatusTable


class ServiceOrderHubSettings(SourceSettings):
    """How to reach one Service Order Hub tenant."""

    kind: Literal["service_order_hub"]
    own_credentials: ClassVar[tuple[str, ...]] = ("token",)
    token: SecretStr | None = Field(None, description="The API user's static token.")
    credential_in: Literal["header", "query"] = Field(
        "header", description="`query` puts the token into URLs: only for a deployment that needs it."
    )


def put(settings: ServiceOrderHubSettings) -> Put:
    """Where the token goes."""
    return in_query("accessToken") if settings.credential_in == "query" else in_header("x-hub-api-token")


def build(context: SourceContext[ServiceOrderHubSettings]) -> ServiceOrderHub:
    """Make the client of one instance."""
    settings = context.settings
    return ServiceOrderHub(
        Rest(
            context.key,
            context.transport,
            clock=context.clock,
            explain=partial(explain, context.key),
        ),
        statuses=StatusTable(STATUSES, settings.statuses),
    )


SPEC = SourceSpec(
    kind="service_order_hub",
    title="Service Order Hub",
    docs_url="https://docs.serviceorderhub.com",
    settings=ServiceOrderHubSettings,
    shapes=shapes(),
    build=build,
    put=put,
    auth=lambda context: fixed(context.settings.token),
    ttl_s={"partner": 60, "provider": 60, "department": 60},
)
