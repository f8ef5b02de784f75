"""`writes`: the ledger, for people who have to find out what became of a write."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any, TypeVar

import msgspec

from gateway.app import open_ledger
from gateway.config import Settings
from gateway.domain.acting import OPERATOR, acting_as
from gateway.domain.audit import AuditKind
from gateway.domain.clock import utc_now
from gateway.domain.errors import RefusalCode
from gateway.domain.ids import Ref
from gateway.domain.ledger import Entry, EntryFilter, Ledger, Problem, WriteState
from gateway.writes import states

T = TypeVar("T")

_UNKNOWN = "There is no such write.\n"
# Of what an entry holds: the input may be a customer's letter, and the rest is for the program.
_NOT_SHOWN = frozenset({"input", "baseline", "fingerprint", "version", "replayed"})


def list_writes(settings: Settings, wanted: EntryFilter, *, limit: int) -> int:
    """Print the newest writes, a line each."""

    async def newest(ledger: Ledger) -> list[Entry]:
        return await ledger.page(wanted, limit=limit)

    entries = with_ledger(settings, newest)
    sys.stdout.writelines(f"{line(entry)}\n" for entry in entries)
    if not entries:
        sys.stdout.write("No such writes.\n")
    return 0


def show_write(settings: Settings, entry_id: str, *, body: bool) -> int:
    """Print what the ledger knows of one write, as JSON; what was written only where `body` asks for it."""

    async def one(ledger: Ledger) -> Entry | None:
        return await ledger.get(entry_id)

    entry = with_ledger(settings, one)
    if entry is None:
        sys.stderr.write(_UNKNOWN)
        return 1
    shown = {name: value for name, value in _plain(entry).items() if name not in _NOT_SHOWN}
    if body:
        shown["input"] = None if entry.input is None else msgspec.json.decode(entry.input)
    sys.stdout.write(f"{msgspec.json.format(msgspec.json.encode(shown), indent=2).decode()}\n")
    return 0


def settle_write(settings: Settings, entry_id: str, *, applied: bool, reason: str) -> int:
    """Record what a person has found out about a write in doubt. Nothing is sent."""

    async def settle(ledger: Ledger) -> Entry | str:
        entry = await ledger.get(entry_id)
        if entry is None:
            return _UNKNOWN
        if entry.state is not WriteState.IN_DOUBT and not states.in_doubt(entry):
            return f"It is {entry.state.value}: only what is in doubt can be settled.\n"
        settled = _settled(entry, applied=applied, reason=reason)
        done = await ledger.replace(entry, settled, kind=AuditKind.WRITE_SETTLED_BY_HAND)
        return settled if done else "It has changed just now: look again.\n"

    done = with_ledger(settings, settle)
    if isinstance(done, str):
        sys.stderr.write(done)
        return 1
    sys.stdout.write(f"{line(done)}\n")
    return 0


def line(entry: Entry) -> str:
    """An entry on one line."""
    said = (
        f"{entry.submitted_at:%Y-%m-%d %H:%M:%S}",
        entry.id,
        f"{entry.state.value:9}",
        entry.source,
        entry.operation,
        entry.problem.message if entry.problem else "",
    )
    return "  ".join(said).rstrip()


def with_ledger(settings: Settings, act: Callable[[Ledger], Awaitable[T]]) -> T:
    """Do something with the ledger, as the operator.

    Raises:
        LedgerUnavailable: It can't be reached.
    """

    async def run() -> T:
        with acting_as(OPERATOR):
            async with open_ledger(settings) as ledger:
                return await act(ledger)

    return asyncio.run(run())


def _settled(entry: Entry, *, applied: bool, reason: str) -> Entry:
    text = f"Settled by hand as not applied: {reason}"
    event = (
        states.Landed() if applied else states.Refused(Problem(RefusalCode.REJECTED_BY_SOURCE.value, text))
    )
    if entry.parts:
        return states.settle_parts(entry, dict.fromkeys(states.in_doubt(entry), event), now=utc_now())
    return states.settle(entry, event, now=utc_now())


def _plain(entry: Entry) -> dict[str, Any]:
    """An entry in JSON's types, with global ids for references."""
    plain = asdict(entry)
    plain["target"] = _id(entry.target)
    plain["result"] = _id(entry.result)
    for part, each in zip(plain["parts"], entry.parts, strict=True):
        part["target"] = _id(each.target)
    return plain


def _id(ref: Ref | None) -> str | None:
    return None if ref is None else ref.global_id
