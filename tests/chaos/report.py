"""What is printed of a run. Pure."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from gateway.domain.ledger import WriteState
from tests.chaos.plan import Phase
from tests.chaos.witness import Case, Verdict, Violation

# The four that no run may have, each with a column of its own.
_COLUMNS = {
    Verdict.SENT_TWICE: "twice",
    Verdict.CONFIRMED_MISSING: "missing",
    Verdict.REJECTED_LANDED: "landed",
    Verdict.NO_ROW: "no row",
}
_HEADS = ("source", "operation", "writes", "arrivals", "confirmed", "rejected", "in doubt", "told again")


@dataclass(frozen=True, slots=True)
class Result:
    """A run: what became of its writes, what may not be, and what it went through."""

    seed: int
    cases: Sequence[Case]
    violations: Sequence[Violation]
    seconds: float = 0.0
    events: Counter[str] = field(default_factory=Counter)


def lines(result: Result) -> Iterator[str]:
    """The whole report, line by line; it is Markdown."""
    for phase in Phase:
        cases = [each for each in result.cases if each.planned.phase is phase]
        if cases:
            yield from ("", f"**{phase}**", "", *_table(cases, result.violations))
    yield from _reasons(result.cases, WriteState.REJECTED)
    yield from _reasons(result.cases, WriteState.IN_DOUBT)
    yield from ("", f"Seed {result.seed}, {result.seconds:.0f} s. What happened:", "")
    yield from (f"- {event}: {count}" for event, count in sorted(result.events.items()))
    yield ""
    counts = Counter(each.verdict for each in result.violations)
    yield from (f"- {verdict}: {counts[verdict]}" for verdict in Verdict)
    for violation in result.violations:
        yield from ("", f"{violation.verdict.upper()}: {violation.what}")
        yield from (f"  {each}" for each in violation.evidence)


def _table(cases: Sequence[Case], violations: Sequence[Violation]) -> Iterator[str]:
    yield _row((*_HEADS, *_COLUMNS.values()))
    yield _row(("---", "---", *["---:"] * (len(_HEADS) - 2 + len(_COLUMNS))))
    broken = {(each.what, each.verdict) for each in violations}
    for kind in dict.fromkeys(each.planned.kind for each in cases):
        of_kind = [each for each in cases if each.planned.kind == kind]
        yield _row((kind.source, kind.name, *_counts(of_kind, broken)))
    yield _row(("**all**", "", *_counts(cases, broken)))


def _counts(cases: Sequence[Case], broken: set[tuple[str, Verdict]]) -> Iterator[str]:
    states = Counter(state for case in cases for state, _ in case.states().values())
    yield str(len(cases))
    yield str(sum(len(case.seen) for case in cases))
    for state in (WriteState.CONFIRMED, WriteState.REJECTED, WriteState.IN_DOUBT):
        yield str(states[state])
    yield str(sum(told.replayed for case in cases for told in case.told))
    for verdict in _COLUMNS:
        yield str(sum((case.name, verdict) in broken for case in cases))


def _reasons(cases: Sequence[Case], state: WriteState) -> Iterator[str]:
    """Why writes are in a state, by source and operation, and how many."""
    reasons = Counter(
        (case.planned.kind.source, case.planned.kind.name, problem.message if problem else "no reason")
        for case in cases
        for each, problem in case.states().values()
        if each is state
    )
    yield from ("", f"{state}, and why:", "")
    for (source, name, reason), count in sorted(reasons.items()):
        yield f"- {source} {name}: {count}: {reason}"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
