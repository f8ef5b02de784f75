"""One answer, given while one source is sick, against the same answer when all were well. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import orjson

from gateway.domain.errors import CircuitOpen, ErrorCode
from tests.failures.operations import Operation, Part, Shape

# What may be said of a source that is sick.
CODES = frozenset(
    {
        ErrorCode.SOURCE_UNAVAILABLE,
        ErrorCode.SOURCE_TIMEOUT,
        ErrorCode.SOURCE_OVERLOADED,
        ErrorCode.SOURCE_THROTTLED,
        ErrorCode.SOURCE_AUTH_FAILED,
        ErrorCode.SOURCE_PROTOCOL_ERROR,
        ErrorCode.DEADLINE_EXCEEDED,
    }
)
CallKey = tuple[str, str]  # the source, and method, path and query


class Flaw(StrEnum):
    """What no answer may have."""

    NO_ANSWER = "no answer"  # or one whose status isn't 200
    LOST = "lost"  # a field of a source that is well isn't what it was
    OWN_ERROR = "own error"  # without a code, or with one by which the gateway blames itself
    BLAMED = "blamed"  # an error that names a source that is well, or none
    WRONG = "wrong"  # the sick source's field holds what isn't so


@dataclass(frozen=True, slots=True)
class Reference:
    """An operation's answer when all is well.

    Attributes:
        data: Whole.
        without: Source to the data when merged lists are asked for without it.
        calls: What it costs, asked alone.
    """

    data: Mapping[str, Any]
    without: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    calls: Counter[CallKey] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Judged:
    """What an answer is worth.

    Attributes:
        flaws: With where and what, for people.
        complete: Nothing is missing, of the sick source neither.
        codes: Of its errors.
        refused: The sick source was not asked, since its circuit is open.
    """

    flaws: tuple[tuple[Flaw, str], ...] = ()
    complete: bool = False
    codes: tuple[str, ...] = ()
    refused: bool = False

    @property
    def others_complete(self) -> bool:
        """Whether all of the other sources is there."""
        return not any(flaw in {Flaw.NO_ANSWER, Flaw.LOST} for flaw, _ in self.flaws)


def judge(
    operation: Operation,
    reference: Reference,
    status: int,
    body: bytes,
    *,
    sick: str,
    lies: bool = False,
) -> Judged:
    """Compare field by field.

    Args:
        operation: What was asked.
        reference: Its answer when all was well.
        status: Of HTTP; 0 where there was no answer.
        body: The answer's.
        sick: The source that may be missing.
        lies: Its own fields may hold anything.
    """
    if status != 200:
        return Judged(((Flaw.NO_ANSWER, f"HTTP {status}: {body[:200]!r}"),))
    answer = orjson.loads(body)
    data, errors = answer.get("data") or {}, answer.get("errors", [])
    flaws: list[tuple[Flaw, str]] = []
    for part in operation.parts:
        flaws += _of_part(part, reference, data.get(part.alias), sick=sick, lies=lies)
    codes = [str(each["extensions"].get("code")) for each in errors]
    for each, code in zip(errors, codes, strict=True):
        said = f"{code} at {each.get('path')}: {each['message']}"
        if code not in CODES:
            flaws.append((Flaw.OWN_ERROR, said))
        elif each["extensions"].get("source") != sick:
            flaws.append((Flaw.BLAMED, f"{each['extensions'].get('source')}: {said}"))
    return Judged(
        tuple(flaws),
        complete=not errors and data == reference.data,
        codes=tuple(codes),
        refused=any(each["message"] == CircuitOpen.text for each in errors),
    )


def _of_part(
    part: Part, reference: Reference, actual: Any, *, sick: str, lies: bool
) -> list[tuple[Flaw, str]]:
    healthy = reference.data[part.alias]
    match part.shape:
        case Shape.ONE:
            return _of_value(part.alias, part.sources[0], healthy, actual, sick=sick, lies=lies)
        case Shape.SLOTS:
            if not isinstance(actual, list) or len(actual) != len(healthy):
                return [(Flaw.LOST, part.alias)]
            return [
                flaw
                for number, (source, before, now) in enumerate(
                    zip(part.sources, healthy, actual, strict=True)
                )
                for flaw in _of_value(f"{part.alias}.{number}", source, before, now, sick=sick, lies=lies)
            ]
        case Shape.MERGED:
            without = reference.without[sick][part.alias] if sick in part.sources else healthy
            return _of_merged(part.alias, healthy, without, actual, sick=sick, lies=lies)


def _of_value(
    where: str, source: str, healthy: Any, actual: Any, *, sick: str, lies: bool
) -> list[tuple[Flaw, str]]:
    if source != sick:
        return [] if actual == healthy else [(Flaw.LOST, f"{where}: {_brief(actual)}")]
    return [] if lies or is_part_of(actual, healthy) else [(Flaw.WRONG, f"{where}: {_brief(actual)}")]


def _of_merged(
    alias: str,
    healthy: Mapping[str, Any],
    without: Mapping[str, Any],
    actual: Any,
    *,
    sick: str,
    lies: bool,
) -> list[tuple[Flaw, str]]:
    """What the others feed is the beginning of the list without the sick source, and fills the page."""
    if not isinstance(actual, dict):
        return [(Flaw.LOST, alias)]
    own, others = _parted(actual["nodes"], sick)
    known = {each["id"]: each for each in healthy["nodes"]}
    flaws = []
    if others != without["nodes"][: len(others)]:
        different = next(
            now
            for now, before in zip(others, [*without["nodes"], *[None] * len(others)], strict=False)
            if now != before
        )
        flaws.append((Flaw.LOST, f"{alias}.nodes: {_brief(different)}"))
    elif len(others) + len(own) < len(without["nodes"]):
        flaws.append((Flaw.LOST, f"{alias}.nodes: {len(others)} and {len(own)} of {len(without['nodes'])}"))
    if _slices(actual, sick) != _slices(healthy, sick):
        flaws.append((Flaw.LOST, f"{alias}.sources: {_brief(actual['sources'])}"))
    if not lies:
        flaws += [
            (Flaw.WRONG, f"{alias}: {_brief(each)}")
            for each in own
            if each["id"] in known and not is_part_of(each, known[each["id"]])
        ]
    return flaws


def _parted(nodes: Sequence[Any], sick: str) -> tuple[list[Any], list[Any]]:
    own = [each for each in nodes if each["origin"]["source"]["key"] == sick]
    return own, [each for each in nodes if each["origin"]["source"]["key"] != sick]


def _slices(connection: Mapping[str, Any], sick: str) -> list[Any]:
    return [each for each in connection["sources"] if each["source"]["key"] != sick]


def is_part_of(actual: Any, healthy: Any) -> bool:
    """Whether a value is another one in which some things are missing."""
    match actual, healthy:
        case None, _:
            return True
        case dict(), dict():
            return all(name in healthy and is_part_of(value, healthy[name]) for name, value in actual.items())
        case list(), list():
            return all(any(is_part_of(each, one) for one in healthy) for each in actual)
        case _:
            return bool(actual == healthy)


def _brief(value: Any) -> str:
    return orjson.dumps(value).decode()[:160]
