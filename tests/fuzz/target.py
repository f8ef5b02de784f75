"""The process that is fuzzed: `helpdesk-gateway dev`, as a user starts it."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.answers import _INSIDE, errors_of
from tests.processes import running

# Nothing that one asks of the sandbox takes as long; a process that does not answer has failed.
TIMEOUT_S = 20


@dataclass
class Target:
    """A running `dev`.

    Attributes:
        url: Its own.
        http: For requests in good form.
        complaints: What it has logged beside warnings.
    """

    url: str
    http: httpx.Client
    complaints: list[str] = field(default_factory=list)

    def ask(self, query: str) -> dict[str, Any]:
        """Run an operation that must succeed; its data."""
        answer: dict[str, Any] = self.http.post("/graphql", json={"query": query}).json()
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data


@contextmanager
def started() -> Iterator[Target]:
    """Start it on a free port; stop it, and see that it stops well."""
    with running("dev", "--port", "0", "--no-cache", until="Ctrl-C") as (process, said):
        assert process.stdout is not None
        url = next(line.split()[-1] for line in said if "endpoint:" in line).removesuffix("/graphql")
        with httpx.Client(base_url=url, timeout=TIMEOUT_S, trust_env=False) as http:
            target = Target(url, http)
            # Read all along: a full pipe would stop the process.
            reading = threading.Thread(target=_read, args=(process.stdout, target.complaints))
            reading.start()
            yield target
            process.terminate()
            assert process.wait(TIMEOUT_S) == 0
            reading.join(TIMEOUT_S)


def _read(stream: Any, complaints: list[str]) -> None:
    complaints += [
        line for line in stream if '"level": "warning"' not in line and '"level": "info"' not in line
    ]


def check(response: httpx.Response) -> dict[str, Any]:
    """What every answer of the graph must hold to, whatever was sent; the answer."""
    errors_of(response)
    answer = response.json()
    assert isinstance(answer, dict), answer
    assert answer.keys() <= {"data", "errors", "extensions"}, answer
    assert answer.get("errors") != [], answer
    assert "errors" in answer or isinstance(answer["data"], dict), answer
    for each in _user_errors(answer.get("data")):
        assert not _INSIDE.search(each["message"]), each
    return answer


def _user_errors(data: Any) -> Iterator[dict[str, Any]]:
    """Whatever has a message and a code, wherever a query has put it."""
    if isinstance(data, list):
        for each in data:
            yield from _user_errors(each)
    elif isinstance(data, dict):
        if isinstance(data.get("message"), str):
            yield data
        for value in data.values():
            yield from _user_errors(value)


def served(target: Target) -> None:
    """See that it still serves, and has nothing to complain of."""
    assert target.ask("{ __typename }") == {"__typename": "Query"}
    assert target.complaints == [], json.dumps(target.complaints[:3])[:4000]
