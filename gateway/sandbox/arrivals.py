"""What a service remembers of each request: the witness of what really came in and was done."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from starlette.types import Scope

from gateway.sandbox.faults import Mishap


@dataclass(slots=True)
class Arrival:
    """One request as it reached the service, before any fault or login check, and what became of it.

    Attributes:
        method: Upper case.
        path: Percent-decoded.
        query: Raw, without the question mark.
        headers: Names in lower case; credentials are kept, they are invented.
        body: Whole.
        at: By the service's clock.
        mishap: What befell it; None where nothing did.
        applied: True once the vendor's app has carried it out with a 2xx; False where it refused it or was
            never asked; None while that is open (it waits for its latency, or is to be applied late).
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    at: datetime
    mishap: Mishap | None = None
    applied: bool | None = None

    @classmethod
    def of(cls, scope: Scope, body: bytes, at: datetime) -> "Arrival":
        """The arrival of an ASGI request."""
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
        }
        return cls(scope["method"], scope["path"], scope["query_string"].decode("latin-1"), headers, body, at)

    def as_json(self) -> dict[str, object]:
        """The arrival as the control endpoint tells it."""
        return {
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "headers": dict(self.headers),
            "body": self.body.decode("utf-8", "replace"),
            "at": self.at.isoformat(),
            "mishap": self.mishap,
            "applied": self.applied,
        }
