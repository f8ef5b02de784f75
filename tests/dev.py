"""The handle on a running `helpdesk-gateway dev`."""

from dataclasses import dataclass
from typing import Any

import httpx


@dataclass(frozen=True)
class Dev:
    """A running `helpdesk-gateway dev`: its own address, and its sandbox's by kind."""

    url: str
    sandbox_urls: dict[str, str]
    http: httpx.Client

    def execute(self, query: str, variables: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run an operation over HTTP; the whole answer."""
        response = self.http.post(f"{self.url}/graphql", json={"query": query, "variables": variables})
        answer: dict[str, Any] = response.json()
        assert response.status_code == 200, answer
        return answer

    def data(self, query: str, variables: dict[str, Any] | None = None) -> Any:
        """Run an operation that must succeed; its data."""
        answer = self.execute(query, variables)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def arrivals(self, kind: str) -> list[dict[str, Any]]:
        """What the sandbox's service was asked, oldest first."""
        found: list[dict[str, Any]] = self.http.get(self._control(kind, "arrivals")).json()
        return found

    def reset(self) -> None:
        """The world as seeded, no arrivals, no faults."""
        for kind in self.sandbox_urls:
            self.http.post(self._control(kind, "reset")).raise_for_status()

    def _control(self, kind: str, what: str) -> str:
        return str(httpx.URL(self.sandbox_urls[kind]).join(f"/__sandbox__/{what}"))
