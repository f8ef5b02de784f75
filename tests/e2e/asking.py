"""Asking as a particular caller does: with headers, and for what an answer says of its errors and sources."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from tests.answers import errors_of
from tests.e2e.conftest import Stack

# However slow the machine is: what takes longer hangs.
AT_MOST_S = 20.0


async def ask(
    http: httpx.AsyncClient,
    query: str,
    variables: Mapping[str, Any] | None = None,
    *,
    headers: Mapping[str, str] | None = None,
    within_s: float | None = None,
) -> dict[str, Any]:
    """Run an operation that is let in; the whole answer."""
    given = dict(headers or {})
    if within_s is not None:
        given["X-Request-Timeout"] = str(within_s)
    async with asyncio.timeout(AT_MOST_S):
        response = await http.post("/graphql", json={"query": query, "variables": variables}, headers=given)
    errors_of(response)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def problems(answer: Mapping[str, Any]) -> list[tuple[tuple[str | int, ...], str, str | None]]:
    """An answer's errors: where, of which code and source; in the order of their places."""
    found = [
        (tuple(each.get("path", ())), each["extensions"]["code"], each["extensions"].get("source"))
        for each in answer.get("errors", ())
    ]
    return sorted(found, key=str)


def slices(connection: Mapping[str, Any]) -> dict[str, tuple[str, str | None]]:
    """How each source took part in a list, and why it didn't."""
    return {
        each["source"]["key"]: (each["state"], each["error"] and each["error"]["code"])
        for each in connection["sources"]
    }


async def arrived(stack: Stack, kind: str, count: int) -> None:
    """Wait until a source has got so many requests."""
    await becomes(lambda: len(stack.sandbox.services[kind].arrivals) >= count)


async def becomes(condition: Callable[[], bool]) -> None:
    """Let the others run until something is so."""
    async with asyncio.timeout(AT_MOST_S):
        while not condition():  # noqa: ASYNC110 - the sandbox has no events for what tests look at
            await asyncio.sleep(0.005)
