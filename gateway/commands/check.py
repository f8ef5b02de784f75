"""`check`: asks each configured source's cheapest read, and says in words what is wrong."""

import asyncio
import sys

from gateway.assembly import open_catalog
from gateway.config import Settings
from gateway.domain.catalog import Source
from gateway.domain.errors import (
    NotForwarded,
    SourceAuthError,
    SourceError,
    SourceProtocolError,
    SourceRejected,
    SourceThrottled,
    SourceTimeout,
)
from gateway.domain.ports import Checker


def check(settings: Settings) -> int:
    """Print a line per source. The exit code is 1 if one of them can't be used."""
    verdicts = asyncio.run(_check(settings))
    for key, verdict in verdicts:
        sys.stdout.write(f"{key}: {verdict or 'ok'}\n")
    if not verdicts:
        sys.stdout.write("No source is configured.\n")
    return 1 if any(verdict for _, verdict in verdicts) else 0


async def _check(settings: Settings) -> list[tuple[str, str | None]]:
    async with open_catalog(settings) as catalog:
        sources = list(catalog)
        verdicts = await asyncio.gather(*map(_verdict, sources))
    return [(source.key, verdict) for source, verdict in zip(sources, verdicts, strict=True)]


async def _verdict(source: Source) -> str | None:
    """What is wrong with a source, None if nothing."""
    checker = source.port(Checker)
    if checker is None:
        return "can't be checked"
    try:
        await checker.check()
    except SourceError as error:
        return f"{_in_words(error)} ({error.detail})"
    return None


def _in_words(error: SourceError) -> str:
    match error:
        case NotForwarded():
            return "it is asked with each caller's own credential, so it can't be checked without a caller"
        case SourceAuthError():
            return "it refuses the credentials, or their rights: check them in the configuration"
        case SourceRejected() | SourceProtocolError():
            return "something answers there, but not this API: check base_url and the tenant in it"
        case SourceThrottled():
            return "it asks for fewer requests: try again later"
        case SourceTimeout():
            return "it doesn't answer in time: check base_url, the network and the timeouts"
        case _:
            return "it can't be reached or fails: check base_url and the network"
