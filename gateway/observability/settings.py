"""What can be configured of metrics and traces."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, AnyHttpUrl, BaseModel, ConfigDict, Field, SecretStr


def _without_credentials(url: AnyHttpUrl) -> AnyHttpUrl:
    if url.username or url.password or url.query or url.fragment:
        raise ValueError("has scheme, host, port and path alone; a credential goes into tracing.headers")
    return url


CollectorUrl = Annotated[AnyHttpUrl, AfterValidator(_without_credentials)]


class MetricsSettings(BaseModel):
    """Where Prometheus finds the metrics."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field(
        "127.0.0.1",
        description="Address that the metrics are served on. There is no login to them; they hold no "
        "customers' data.",
    )
    port: int | None = Field(
        None,
        ge=0,
        le=65535,
        description="Port that they are served on, at /metrics; 0 takes a free one. Unset: none are served. "
        "Each process has its own.",
    )


class Incoming(StrEnum):
    """What a caller's `traceparent` decides."""

    IGNORE = "ignore"
    JOIN = "join"
    FOLLOW = "follow"


class TracingSettings(BaseModel):
    """Where spans go, and how many."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    endpoint: CollectorUrl | None = Field(
        None,
        description="Where an OpenTelemetry collector takes spans by OTLP over HTTP, such as "
        "http://127.0.0.1:4318/v1/traces. Unset: there are no spans.",
    )
    headers: Mapping[str, SecretStr] = Field(
        default_factory=dict, description="Headers for the collector, such as its API key."
    )
    sample_ratio: float = Field(0.01, ge=0, le=1, description="The share of requests that are traced.")
    incoming: Incoming = Field(
        Incoming.JOIN,
        description="What a caller's traceparent decides. ignore: nothing, each request is a trace of its "
        "own; join: which trace it belongs to, but not whether it is traced; follow: that too, for callers "
        "who may have every request traced.",
    )
    propagate_to: tuple[str, ...] = Field(
        (), description="Keys of the sources that get a traceparent with each call; others get none."
    )
    service_name: str = Field(
        "helpdesk-gateway", min_length=1, description="What the spans call the gateway."
    )
