"""`keys`: make, see and revoke API keys."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from gateway.app import open_ledger
from gateway.config import Settings
from gateway.domain.access import Grants, UnknownScope, WriteAs, parse_scope
from gateway.domain.acting import OPERATOR, acting_as
from gateway.domain.api_keys import ApiKey, KeyStore
from gateway.domain.clock import utc_now
from gateway.security.keys import KEY_NAME, new_key

DEFAULT_DAYS = 365

T = TypeVar("T")

_IDENTITIES = ("agent", "author_name", "author_email")
_MAX_TEXT = 255
_COLUMNS = ("ID", "NAME", "SCOPES", "CREATED", "EXPIRES", "STATE")


def create_key(
    settings: Settings,
    name: str,
    *,
    scopes: Sequence[str],
    write_as: Sequence[str] = (),
    expires_days: int | None = DEFAULT_DAYS,
) -> int:
    """Make a key, and print it, once and alone on standard output; what there is to say goes to the other.

    Args:
        settings: With the ledger that holds it and the sources that scopes may name.
        name: Whose it is.
        scopes: What it may, such as `messages:read` or `messages:write@support`.
        write_as: Who it is at a source, such as `support:agent=ola`.
        expires_days: When it ends; None for never.
    Raises:
        LedgerUnavailable: The ledger can't be reached.
    """
    problems = _problems_of_name(name) + _problems_of_scopes(scopes, settings)
    identities = _identities(write_as, settings, problems)
    if problems:
        sys.stderr.writelines(f"{problem}\n" for problem in problems)
        return 2
    made, now = new_key(), utc_now()
    key = ApiKey(
        id=made.id,
        name=name,
        digest=made.digest,
        scopes=tuple(Grants.of(scopes)),
        writes_as=identities,
        created_at=now,
        expires_at=None if expires_days is None else now + timedelta(days=expires_days),
    )

    async def add(store: KeyStore) -> list[ApiKey]:
        others = [each for each in await store.keys() if each.name == name and _state(each, now) == "active"]
        await store.add_key(key)
        return others

    others = _with_keys(settings, add)
    ends = "never expires" if key.expires_at is None else f"expires on {key.expires_at:%Y-%m-%d}"
    sys.stderr.write(f"Key {key.id} of {name} {ends}. This is the only time that it is shown:\n")
    sys.stdout.write(f"{made.text}\n")
    sys.stdout.flush()
    if others:
        ids = ", ".join(each.id for each in others)
        sys.stderr.write(f"{name} has other keys too, which go on: {ids}. All of them are one caller.\n")
    return 0


def list_keys(settings: Settings) -> int:
    """Print all keys, the oldest first, a line each."""

    async def all_keys(store: KeyStore) -> list[ApiKey]:
        return await store.keys()

    keys, now = _with_keys(settings, all_keys), utc_now()
    if not keys:
        sys.stdout.write("No keys.\n")
        return 0
    rows = [_COLUMNS, *(_row(key, now) for key in keys)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        sys.stdout.write(f"{'  '.join(cells).rstrip()}\n")
    return 0


def revoke_key(settings: Settings, key_id: str) -> int:
    """Make a key worth nothing."""

    async def revoke(store: KeyStore) -> ApiKey | None:
        return await store.revoke_key(key_id, utc_now())

    key = _with_keys(settings, revoke)
    if key is None:
        sys.stderr.write("There is no key of that id. `keys list` prints them all.\n")
        return 1
    sys.stdout.write(f"{'  '.join(_row(key, utc_now()))}\n")
    return 0


def _with_keys(settings: Settings, act: Callable[[KeyStore], Awaitable[T]]) -> T:
    """Do something with the keys, as the operator."""

    async def run() -> T:
        with acting_as(OPERATOR):
            async with open_ledger(settings) as ledger:
                return await act(ledger)

    return asyncio.run(run())


def _row(key: ApiKey, now: datetime) -> tuple[str, ...]:
    expires = "never" if key.expires_at is None else f"{key.expires_at:%Y-%m-%d}"
    return (key.id, key.name, " ".join(key.scopes), f"{key.created_at:%Y-%m-%d}", expires, _state(key, now))


def _state(key: ApiKey, now: datetime) -> str:
    if key.revoked_at is not None:
        return "revoked"
    return "expired" if key.expires_at is not None and now >= key.expires_at else "active"


def _problems_of_name(name: str) -> list[str]:
    if KEY_NAME.fullmatch(name):
        return []
    said = "has up to 63 of a-z, 0-9, dot, hyphen and underscore, and begins with a letter or digit"
    return [f"{name!r} is no name for a key: such a name {said}."]


def _problems_of_scopes(scopes: Sequence[str], settings: Settings) -> list[str]:
    problems = []
    for text in scopes:
        try:
            _, source = parse_scope(text)
        except UnknownScope as error:
            problems.append(str(error))
        else:
            if source is not None:
                problems += _problems_of_source(source, settings)
    return problems


def _problems_of_source(source: str, settings: Settings) -> list[str]:
    if source in settings.sources:
        return []
    known = ", ".join(settings.sources) or "none"
    return [f"There is no source {source!r}. Configured: {known}."]


def _identities(given: Sequence[str], settings: Settings, problems: list[str]) -> Mapping[str, WriteAs]:
    """Who the key is at each source; what can't be read is added to the problems."""
    texts: dict[str, dict[str, str]] = {}
    for each in given:
        source, _, rest = each.partition(":")
        name, _, text = rest.partition("=")
        if name not in _IDENTITIES or not text.strip() or len(text) > _MAX_TEXT or not text.isprintable():
            problems.append(
                f"{each!r} doesn't say who the key is at a source. Write it like support:agent=ola, "
                "support:author_name=Ola Nowak or support:author_email=ola@example.org."
            )
            continue
        problems += _problems_of_source(source, settings)
        texts.setdefault(source, {})[name] = text
    return {source: WriteAs(**named) for source, named in texts.items()}
