"""What a sight of the source says of a write."""

from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Any

import pytest

from gateway.domain.ids import EntityType, Ref
from gateway.domain.ledger import Entry, Part, Problem, WriteState
from gateway.domain.writes import Sighting
from gateway.writes.judging import judge
from tests.gateway.writes.desk import (
    ABSENT,
    DOUBT_TEXT,
    FINAL,
    TICKET,
    TIMED_OUT,
    at,
    entry,
    message,
    parted,
)

CONFIRMED, REJECTED = WriteState.CONFIRMED, WriteState.REJECTED
IN_DOUBT, PARTIAL = WriteState.IN_DOUBT, WriteState.PARTIAL

_NOW = at(1_000)
_DOUBT = entry(IN_DOUBT, problem=TIMED_OUT, looks=3)
_ABSENT = entry(REJECTED, problem=ABSENT, looks=3)
_NAMELESS = entry(CONFIRMED, looks=3)
_SEVERAL = "Several objects at the source could be it."
_NONE: AbstractSet[Ref] = frozenset()
_ABSENT_FOR_SURE = Sighting(absence_proves=True)
_BLIND = Sighting(reason="Resolved ones vanish.")
_SEEN = Sighting((message(7),), absence_proves=True)
_TWO = Sighting((message(7), message(8)), absence_proves=True)


def _because(known: Entry, reason: str) -> dict[str, Any]:
    assert known.problem is not None
    return {"problem": replace(known.problem, message=f"{known.problem.message} ({reason})")}


_LANDED: dict[str, Any] = {"state": CONFIRMED, "problem": None, "result": message(7), "settled_at": _NOW}
_GONE: dict[str, Any] = {"state": REJECTED, "problem": ABSENT, "settled_at": _NOW}

# An entry, what the source shows, what others have become, whether it has settled -> what changes.
_VERDICTS: list[tuple[Entry, Sighting, AbstractSet[Ref], bool, dict[str, Any]]] = [
    # One object that nobody else has become is it, at any time.
    (_DOUBT, _SEEN, _NONE, False, _LANDED),
    (_DOUBT, _SEEN, _NONE, True, _LANDED),
    (_DOUBT, _SEEN, {message(8)}, True, _LANDED),
    (_DOUBT, _TWO, {message(8)}, False, _LANDED),
    # Several could be it.
    (_DOUBT, _TWO, _NONE, False, _because(_DOUBT, _SEVERAL)),
    (_DOUBT, _TWO, _NONE, True, _because(_DOUBT, _SEVERAL)),
    (_DOUBT, replace(_TWO, reason="Odd."), _NONE, True, _because(_DOUBT, _SEVERAL)),
    (_DOUBT, Sighting((message(6), *_TWO.matches)), {message(6)}, True, _because(_DOUBT, _SEVERAL)),
    # None is there: that counts only late, and only where the source would show it.
    (_DOUBT, _ABSENT_FOR_SURE, _NONE, False, {}),
    (_DOUBT, _ABSENT_FOR_SURE, _NONE, True, _GONE),
    (_DOUBT, Sighting(), _NONE, True, {}),
    (_DOUBT, _BLIND, _NONE, False, _because(_DOUBT, _BLIND.reason)),
    (_DOUBT, _BLIND, _NONE, True, _because(_DOUBT, _BLIND.reason)),
    # What others have become is as good as not there.
    (_DOUBT, _SEEN, {message(7)}, False, {}),
    (_DOUBT, _SEEN, {message(7)}, True, _GONE),
    (_DOUBT, _TWO, {message(7), message(8)}, True, _GONE),
    (_DOUBT, Sighting((message(7),)), {message(7)}, True, {}),
    # A change has become its target, whoever has made that.
    (_DOUBT, Sighting((TICKET,)), _NONE, False, {**_LANDED, "result": None}),
    (_DOUBT, Sighting((TICKET,), absence_proves=True), {TICKET}, True, {**_LANDED, "result": None}),
    # Rejected by absence, and seen after all.
    (_ABSENT, _SEEN, _NONE, True, _LANDED),
    (_ABSENT, _ABSENT_FOR_SURE, _NONE, True, {}),
    (_ABSENT, _SEEN, {message(7)}, True, {}),
    (_ABSENT, _TWO, _NONE, True, {}),
    # Confirmed: all that can be learnt is what it has become.
    (_NAMELESS, _SEEN, _NONE, False, {"result": message(7)}),
    (_NAMELESS, _TWO, _NONE, True, {}),
    (_NAMELESS, _ABSENT_FOR_SURE, _NONE, True, {}),
    (_NAMELESS, _BLIND, _NONE, True, {}),
]


@pytest.mark.parametrize(("known", "sighting", "owned", "settled", "changes"), _VERDICTS)
def test_a_sight_says_what_the_table_says(
    known: Entry, sighting: Sighting, owned: AbstractSet[Ref], settled: bool, changes: dict[str, Any]
) -> None:
    assert judge(known, sighting, owned, settled=settled, now=_NOW) == replace(known, **changes)


def test_only_the_latest_reason_is_told() -> None:
    known = _DOUBT
    for sighting in (_BLIND, _TWO, _BLIND, Sighting(reason="The list (of 100) was too short.")):
        known = judge(known, sighting, _NONE, settled=True, now=_NOW)

    reason = "The list (of 100) was too short."
    assert known == replace(_DOUBT, problem=Problem(TIMED_OUT.code, f"{DOUBT_TEXT} ({reason})"))

    known = judge(known, _BLIND, _NONE, settled=True, now=_NOW)
    assert known.problem == Problem(TIMED_OUT.code, f"{DOUBT_TEXT} ({_BLIND.reason})")


# -- several parts

_DONE = Part(message(1), CONFIRMED)
_SECOND = Part(message(2), IN_DOUBT, problem=TIMED_OUT)
_THIRD = replace(_SECOND, target=message(3))
_REFUSED = Part(message(4), REJECTED, problem=FINAL)
_VANISHED = Part(message(5), REJECTED, problem=ABSENT)
_OTHER = Ref(EntityType.MESSAGE, "desk", ("43", "1"))


def _sum(state: WriteState, *parts: Part, problem: Problem | None = TIMED_OUT) -> Entry:
    return parted(*parts, state=state, problem=problem, looks=3)


_PARTED: list[tuple[Entry, Sighting, bool, dict[str, Any]]] = [
    # What is confirmed by now, is.
    (
        _sum(IN_DOUBT, _SECOND, _THIRD),
        Sighting((message(2), message(3))),
        False,
        {
            "state": CONFIRMED,
            "problem": None,
            "settled_at": _NOW,
            "parts": (Part(message(2), CONFIRMED), Part(message(3), CONFIRMED)),
        },
    ),
    (
        _sum(IN_DOUBT, _SECOND, _THIRD),
        Sighting((message(3), _OTHER), absence_proves=True),
        False,
        {"state": PARTIAL, "settled_at": _NOW, "parts": (_SECOND, Part(message(3), CONFIRMED))},
    ),
    # The rest isn't, once it has settled and where absence says so.
    (
        _sum(IN_DOUBT, _SECOND, _THIRD),
        Sighting((message(3),), absence_proves=True),
        True,
        {
            "state": PARTIAL,
            "problem": ABSENT,
            "settled_at": _NOW,
            "parts": (Part(message(2), REJECTED, problem=ABSENT), Part(message(3), CONFIRMED)),
        },
    ),
    (
        _sum(IN_DOUBT, _SECOND, _THIRD),
        _ABSENT_FOR_SURE,
        True,
        {
            "state": REJECTED,
            "problem": ABSENT,
            "settled_at": _NOW,
            "parts": tuple(Part(each.target, REJECTED, problem=ABSENT) for each in (_SECOND, _THIRD)),
        },
    ),
    (_sum(IN_DOUBT, _SECOND, _THIRD), _ABSENT_FOR_SURE, False, {}),
    (_sum(IN_DOUBT, _SECOND, _THIRD), Sighting(), True, {}),
    # Only what is in doubt is judged.
    (
        _sum(PARTIAL, _DONE, _SECOND, _REFUSED),
        Sighting((message(2), message(4))),
        True,
        {"problem": FINAL, "parts": (_DONE, Part(message(2), CONFIRMED), _REFUSED)},
    ),
    (
        _sum(PARTIAL, _DONE, _SECOND, _REFUSED),
        _ABSENT_FOR_SURE,
        True,
        {
            "problem": ABSENT,
            "parts": (_DONE, Part(message(2), REJECTED, problem=ABSENT), _REFUSED),
        },
    ),
    # What was rejected by absence may be seen after all.
    (
        _sum(REJECTED, _VANISHED, _REFUSED, problem=ABSENT),
        Sighting((message(5),), absence_proves=True),
        True,
        {
            "state": PARTIAL,
            "problem": FINAL,
            "settled_at": _NOW,
            "parts": (Part(message(5), CONFIRMED), _REFUSED),
        },
    ),
    (_sum(REJECTED, _VANISHED, _REFUSED, problem=ABSENT), _ABSENT_FOR_SURE, True, {}),
]


@pytest.mark.parametrize(("known", "sighting", "settled", "changes"), _PARTED)
def test_each_part_is_judged_by_itself(
    known: Entry, sighting: Sighting, settled: bool, changes: dict[str, Any]
) -> None:
    assert judge(known, sighting, _NONE, settled=settled, now=_NOW) == replace(known, **changes)


def test_parts_are_not_taken_by_others() -> None:
    known = _sum(IN_DOUBT, _SECOND)

    assert judge(known, Sighting((message(2),)), {message(2)}, settled=True, now=_NOW) == replace(
        known, state=CONFIRMED, problem=None, settled_at=_NOW, parts=(Part(message(2), CONFIRMED),)
    )


@pytest.mark.parametrize(
    ("owned", "state"), [(set(), WriteState.IN_DOUBT), ({message(4)}, WriteState.REJECTED)]
)
def test_what_it_could_have_been_made_into_leaves_doubt_unless_another_write_has_become_it(
    owned: set[Ref], state: WriteState
) -> None:
    near = Sighting(near=(message(4),), absence_proves=True, reason="It looks like it")
    assert judge(_DOUBT, near, owned, settled=True, now=_NOW).state is state
