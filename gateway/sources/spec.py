"""What a source declares of itself: all else in the gateway derives from it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, AnyHttpUrl, BaseModel, ConfigDict, Field

from gateway.domain.catalog import RefShapes
from gateway.domain.clock import Clock
from gateway.domain.records import ConversationState
from gateway.transport import Transport


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f"`{name}` is no IANA time zone; write it like Europe/Warsaw")
    return name


def _bare(url: AnyHttpUrl) -> AnyHttpUrl:
    if url.username or url.password or url.query or url.fragment:
        raise ValueError("has scheme, host, port and path alone; credentials have settings of their own")
    return url


TimeZone = Annotated[str, AfterValidator(_known_zone)]
BaseUrl = Annotated[AnyHttpUrl, AfterValidator(_bare)]


class SourceSettings(BaseModel):
    """The settings that every kind of source has. Kinds add their credentials and defaults."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    kind: str = Field(description="Which adapter: the product's name.")
    name: str | None = Field(None, description="What people call this instance; default: the product's name.")
    enabled: bool = Field(True, description="False leaves the instance out of the graph.")
    base_url: BaseUrl = Field(description="Where the API answers.")
    time_zone: TimeZone = Field("UTC", description="Zone of the API's times that carry none.")
    connect_timeout_s: float = Field(3.0, gt=0, le=60, description="For the TCP and TLS handshake.")
    read_timeout_s: float = Field(10.0, gt=0, le=120, description="Between two parts of an answer.")
    attempt_timeout_s: float = Field(15.0, gt=0, le=300, description="For one call as a whole.")
    max_connections: int = Field(20, ge=1, le=500, description="Calls at once; more wait.")
    settling_s: float = Field(
        900.0,
        gt=0,
        description="How long after a write's connection died the API may still apply it: a write that "
        "can't be seen is called rejected only after that.",
    )
    statuses: Mapping[str, ConversationState] = Field(
        default_factory=dict, description="The API's own status word or id -> NEW, OPEN, PENDING, ..."
    )

    @property
    def zone(self) -> ZoneInfo:
        """The configured zone."""
        return ZoneInfo(self.time_zone)

    @property
    def account_name(self) -> str | None:
        """What the API knows the credentials' account by, where the settings say it."""
        return None

    @property
    def identity(self) -> str:
        """Whose credentials these are, without any secret: the same after a password was changed."""
        place = str(self.base_url).rstrip("/")
        return place if self.account_name is None else f"{self.account_name} at {place}"


S = TypeVar("S", bound=SourceSettings)


@dataclass(frozen=True, slots=True)
class SourceContext(Generic[S]):
    """What an adapter is handed: its instance's key and settings, a transport and the clock."""

    key: str
    settings: S
    transport: Transport
    clock: Clock


@dataclass(frozen=True, slots=True)
class SourceSpec(Generic[S]):
    """One kind of source.

    `build` makes the client; which ports it fulfils are the source's abilities. `shapes` gives one
    pattern per part of each reference that the client takes.
    """

    kind: str
    title: str
    docs_url: str
    settings: type[S]
    shapes: RefShapes
    build: Callable[[SourceContext[S]], object]
