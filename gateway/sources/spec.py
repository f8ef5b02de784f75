"""What a source declares of itself: all else in the gateway derives from it."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Generic, Literal, TypeVar
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, AnyHttpUrl, BaseModel, ConfigDict, Field

from gateway.domain.catalog import RefShapes
from gateway.domain.clock import Clock
from gateway.domain.records import ConversationState
from gateway.sources.auth import Auth, Put
from gateway.transport import Reply, Transport


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f"`{name}` is no IANA time zone; write it like Europe/Warsaw")
    return name


def _bare(url: AnyHttpUrl) -> AnyHttpUrl:
    if url.username or url.password or url.query or url.fragment:
        raise ValueError("has scheme, host, port and path alone; credentials have settings of their own")
    return url


_HEADER = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
# These have a meaning to the gateway or to HTTP itself.
_TAKEN = re.compile(
    "authorization|cookie|host|connection|upgrade|te|trailer|expect|forwarded|origin|referer|user-agent|via"
    "|traceparent|tracestate|baggage|x-api-key|(accept|content|transfer|proxy|sec|x-forwarded|x-request)(-.*)?"
)


def _free_header(name: str) -> str:
    name = name.lower()
    if not _HEADER.fullmatch(name) or _TAKEN.fullmatch(name):
        raise ValueError("must be a header of its own, such as X-Support-Token")
    return name


Header = Annotated[str, AfterValidator(_free_header)]
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
    max_waiting: int = Field(
        200, ge=0, le=10_000, description="Calls that may wait for their turn, at most 2 s; more are refused."
    )
    slow_call_s: float = Field(
        5.0,
        gt=0,
        le=300,
        description="A call that takes longer counts as slow; an API that is slow eight times out of ten is "
        "left alone for a while.",
    )
    max_retries: int = Field(
        2, ge=0, le=5, description="Further attempts at a read that failed for a reason that may pass."
    )
    cache_ttl_s: float | None = Field(
        None,
        ge=0,
        le=3600,
        description="How long an answer may be used again; default: as the product's endpoints change. "
        "0 keeps nothing.",
    )
    max_stale_s: float = Field(
        60.0,
        ge=0,
        le=86_400,
        description="How long after that it may stand in, marked as stale, while the API fails.",
    )
    cache_max_bytes: int = Field(
        8 * 1024 * 1024, ge=0, description="What the answers kept may take of each process's memory."
    )
    credentials: Literal["static", "forward"] = Field(
        "static",
        description="`static`: the account given here. `forward`: what a caller sends in `forward_header`.",
    )
    forward_header: Header | None = Field(
        None,
        description="With `forward`: the request header that holds the caller's credential, without a word "
        "such as Bearer before it.",
    )
    settling_s: float = Field(
        900.0,
        gt=0,
        description="How long after a write's connection died the API may still apply it: a write that "
        "can't be seen is called rejected only after that.",
    )
    statuses: Mapping[str, ConversationState] = Field(
        default_factory=dict, description="The API's own status word or id -> NEW, OPEN, PENDING, ..."
    )

    # The settings that make up the gateway's own credentials, where all of them are needed.
    own_credentials: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def credential_problems(cls, given: Mapping[str, object]) -> Iterator[tuple[str, str]]:
        """What is wrong with whose credentials are used: keys, and what to say of them."""
        forwards = given.get("credentials") == "forward"
        for name in cls.own_credentials:
            if not forwards and given.get(name) is None:
                yield name, "is missing"
            elif forwards and given.get(name) is not None:
                yield name, "is not used where callers forward their own credentials: leave it out"
        if forwards and given.get("forward_header") is None:
            yield "forward_header", "is missing; it names the request header with the caller's credential"
        elif not forwards and given.get("forward_header") is not None:
            yield "forward_header", 'is for `credentials = "forward"` alone'

    @property
    def forwards(self) -> bool:
        """Whether each caller uses the API with credentials of its own."""
        return self.credentials == "forward"

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


# Enough to serve a burst of operations about one object, and short enough to go unnoticed.
DEFAULT_TTL_S = 2.0

S = TypeVar("S", bound=SourceSettings)


@dataclass(frozen=True, slots=True)
class SourceContext(Generic[S]):
    """What an adapter is handed: its instance's key and settings, a transport and the clock.

    To its client the transport is all that lies around the source; to its `auth`, which logs in below
    that, the source alone. `reread` gives the settings with their secrets as the files hold them now, where
    they came from files (see `renewal.Renewal`).
    """

    key: str
    settings: S
    transport: Transport
    clock: Clock
    reread: Callable[[S], S] | None = None


@dataclass(frozen=True, slots=True)
class SourceSpec(Generic[S]):
    """One kind of source.

    Attributes:
        shapes: One pattern per part of each reference that the client takes.
        build: Makes the client; which ports it fulfils are the source's abilities.
        put: Where a credential goes on a call.
        auth: The gateway's own credentials.
        is_log_in_refused: Tells a 401 that is about the credentials from one that isn't.
        ttl_s: How long an endpoint's answer may be used again, by `Call.operation`, where that is not
            `DEFAULT_TTL_S`.
    """

    kind: str
    title: str
    docs_url: str
    settings: type[S]
    shapes: RefShapes
    build: Callable[[SourceContext[S]], object]
    put: Callable[[S], Put]
    auth: Callable[[SourceContext[S]], Auth]
    is_log_in_refused: Callable[[Reply], bool] = lambda _: True
    ttl_s: Mapping[str, float] = field(default_factory=dict)
