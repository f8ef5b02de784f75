"""Entries as rows and back: pure."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from gateway.domain.ids import Ref, parse_global_id
from gateway.domain.ledger import Entry, Part, Problem, WriteState

Columns = dict[str, Any]

# What a row of `writes` holds beside what is made of it; an entry is read in this order, its parts last.
STORED = (
    "id",
    "principal",
    "credential",
    "operation",
    "source",
    "target",
    "key",
    "fingerprint",
    "baseline",
    "input",
    "state",
    "submitted_at",
    "settled_at",
    "attempts",
    "leased_until",
    "looks",
    "next_look_at",
    "result",
    "applied_at",
    "problem",
    "version",
)
# What a key is bound to stays as it was; the version counts by itself.
_FIXED = frozenset({"id", "principal", "key", "claim", "fingerprint", "input", "version"})

_problems = msgspec.json.Decoder(Problem)
# Position, target, state, already, problem; databases have different booleans.
_parts = msgspec.json.Decoder(list[tuple[int, str, WriteState, bool | int, str | None]])


def columns_of(entry: Entry) -> Columns:
    """A row of `writes`, for a new entry."""
    return {
        "id": entry.id,
        "principal": entry.principal,
        "credential": entry.credential,
        "operation": entry.operation,
        "source": entry.source,
        "target": _id_of(entry.target),
        "key": entry.key,
        "claim": entry.key,
        "fingerprint": entry.fingerprint,
        "baseline": entry.baseline,
        "input": entry.input,
        "state": entry.state.value,
        "submitted_at": entry.submitted_at,
        "settled_at": entry.settled_at,
        "attempts": entry.attempts,
        "leased_until": entry.leased_until,
        "looks": entry.looks,
        "next_look_at": entry.next_look_at,
        "due_at": due_at(entry),
        "result": _id_of(entry.result),
        "applied_at": entry.applied_at,
        "problem": _text_of(entry.problem),
        "version": entry.version,
    }


def changes(old: Entry, new: Entry) -> Columns:
    """The columns in which two entries of one write differ, as far as they may."""
    before, after = columns_of(old), columns_of(new)
    return {name: value for name, value in after.items() if value != before[name] and name not in _FIXED}


def parts_of(entry: Entry) -> list[Columns]:
    """Its rows of `write_parts`."""
    return [
        {"write_id": entry.id, "position": position, **_part(part)}
        for position, part in enumerate(entry.parts)
    ]


def changed_parts(old: Entry, new: Entry) -> list[Columns]:
    """What has changed in rows of `write_parts`, under `old_id` and `old_position`.

    Raises:
        ValueError: There are more or fewer of them; a write's parts stay the same.
    """
    pairs = enumerate(zip(old.parts, new.parts, strict=True))
    return [
        {"old_id": old.id, "old_position": position, **_part(part)}
        for position, (was, part) in pairs
        if was is not part and was != part
    ]


def _part(part: Part) -> Columns:
    return {
        "target": part.target.global_id,
        "state": part.state.value,
        "already": part.already,
        "problem": _text_of(part.problem),
    }


def due_at(entry: Entry) -> datetime | None:
    """Since when somebody has to look at it.

    A PENDING entry is its sender's until the lease runs out; any other is due when its next look has
    come and nobody holds it any more.
    """
    if entry.state is WriteState.PENDING:
        return entry.leased_until or entry.submitted_at
    if entry.next_look_at is None:
        return None
    return max(entry.next_look_at, entry.leased_until or entry.next_look_at)


def entry_of(columns: Sequence[Any], parts: str | None) -> Entry:
    """An entry of its columns and its parts, those as the JSON that a database makes of them."""
    row = dict(zip(STORED, columns, strict=True))
    row["target"] = _ref_of(row["target"])
    row["state"] = WriteState(row["state"])
    row["result"] = _ref_of(row["result"])
    row["problem"] = _problem_of(row["problem"])
    return Entry(**row, parts=_parts_of(parts) if parts else ())


def _parts_of(text: str) -> tuple[Part, ...]:
    return tuple(
        Part(parse_global_id(target), state, bool(already), _problem_of(problem))
        for _, target, state, already, problem in sorted(_parts.decode(text))
    )


def _id_of(ref: Ref | None) -> str | None:
    return None if ref is None else ref.global_id


def _ref_of(text: str | None) -> Ref | None:
    return None if text is None else parse_global_id(text)


def _text_of(problem: Problem | None) -> str | None:
    return None if problem is None else msgspec.json.encode(problem).decode()


def _problem_of(text: str | None) -> Problem | None:
    return None if text is None else _problems.decode(text)
