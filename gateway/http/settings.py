"""What can be configured of the HTTP edge."""

import re
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

ANY_ORIGIN = "*"
# As browsers write it (RFC 6454, section 6.2): no path, no slash at the end, lower case.
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[1-9][0-9]{0,4})?")
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def _origin(text: str) -> str:
    if text == ANY_ORIGIN:
        return text
    if not _ORIGIN.fullmatch(text):
        raise ValueError("must be an origin such as https://desk.example.com: lower case, no path or slash")
    if text.endswith(_DEFAULT_PORTS.get(text.partition(":")[0], "/")):
        raise ValueError("leave out the port: browsers do, where it is the scheme's own")
    return text


class CorsSettings(BaseModel):
    """Which web pages of other origins may use the gateway."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    origins: tuple[Annotated[str, AfterValidator(_origin)], ...] = Field(
        (),
        description="Origins whose pages may ask and read the answers, such as https://desk.example.com. "
        'Empty: none but the gateway\'s own. ["*"]: every page there is, without cookies.',
    )
    headers: tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+$")], ...] = Field(
        (), description="Headers that they may send beside the usual ones, such as those of forward_header."
    )
    credentials: bool = Field(
        False,
        description="Whether browsers send cookies along, where something before the gateway logs people in "
        "with them. The gateway itself has none.",
    )
    max_age_s: int = Field(
        600, ge=0, le=86400, description="How long a browser may keep the answer to its first question."
    )

    @model_validator(mode="after")
    def _closed_enough(self) -> Self:
        if ANY_ORIGIN in self.origins and (len(self.origins) > 1 or self.credentials):
            raise ValueError('"*" stands alone, and without credentials')
        return self


class HeaderSettings(BaseModel):
    """What the answers' headers tell browsers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    hsts_max_age_s: int | None = Field(
        None,
        ge=0,
        le=63_072_000,
        description="Strict-Transport-Security: how long browsers are to use this host by HTTPS alone. "
        "Unset: none is sent, as whoever ends TLS before the gateway knows better.",
    )


class ConnectionSettings(BaseModel):
    """How long the gateway waits for its clients, and how much of a request's head it reads."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_connections: int = Field(
        1000,
        ge=1,
        description="Connections at a time, per process. Beyond it, a new one takes the place of the one "
        "that has been without a request for longest; while all are being served it gets a 503. Keep it "
        "well below the limit of open files.",
    )
    keep_alive_s: int = Field(
        75,
        ge=1,
        le=3600,
        description="How long a connection may stay between two requests. Longer than a load balancer in "
        "front keeps it (often 60 s), so that it is never closed under a request on its way.",
    )
    head_timeout_s: float = Field(
        10.0, gt=0, le=300, description="A request's line and headers have arrived within this, or 408."
    )
    body_timeout_s: float = Field(
        10.0,
        gt=0,
        le=300,
        description="Its body has, too; for what comes of it, min_body_bytes_per_s adds to the time.",
    )
    min_body_bytes_per_s: int = Field(
        16 * 1024, ge=1, description="How fast a body must come once body_timeout_s is over."
    )
    write_timeout_s: float = Field(
        20.0, gt=0, le=300, description="A client that takes nothing of its answer for this long is cut."
    )
    max_head_bytes: int = Field(
        32 * 1024, ge=1024, le=1024 * 1024, description="Size of the request's line and headers, else 431."
    )
    max_url_bytes: int = Field(
        16 * 1024, ge=256, le=1024 * 1024, description="Size of the request's target, else 414."
    )
    max_headers: int = Field(100, ge=10, le=10_000, description="Number of headers, else 431.")
