"""What is printed of a run. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from tests.failures.apart import AT_MOST
from tests.failures.cells import GRACE_S, STORM, Cell
from tests.failures.run import Result
from tests.failures.soak import Soak

_HEADS = (
    *("fault", "source", "answers", "others complete", "nothing missing", "p50 ms", "p99 ms", "idle p99 ms"),
    *("calls", "of", "repeated", "storm", "opened s", "recovered s", "verdict"),
)


def verdicts(result: Result) -> list[str]:
    """Everything that was missed; nothing is the aim."""
    missed = [
        f"{each.fault} on {each.source}{', kept' if each in result.kept else ''}: {what}"
        for each in (*result.cells, *result.kept)
        for what in each.missed()
    ]
    if result.apart is not None:
        missed += [f"apart from a hanging source: {what}" for what in result.apart.missed()]
    missed += [f"not tried, for want of time: {each}" for each in result.left_out]
    missed += [f"the gateway complained: {each[:300]}" for each in result.complaints[:10]]
    return missed + [f"the gateway has no setting {each}" for each in result.unknown]


def lines(result: Result) -> Iterator[str]:
    """The whole report, line by line; it is Markdown."""
    if result.cells:
        yield from ("", "**Each fault on each source, nothing kept**", "", *_table(result.cells))
    if result.kept:
        yield from (
            "",
            "**With a cache, and what is stale shown instead of an error**",
            "",
            *_table(result.kept),
        )
    yield from (
        "",
        (
            "Others complete: share of the answers with every field of the other four sources as when all is "
            "well. Calls, of: what came in at the sick source, and what the operations cause when it is well. "
            "Repeated: calls that came in more often than asked for. Storm: calls per call wanted, over the "
            f"cell and the 10 s before it; at most {STORM}, or 3 repeated calls in 10 s. p99: at most the "
            f"deadline and {GRACE_S * 1000:.0f} ms. Idle: requests to /healthz meanwhile, what the machine adds."
        ),
    )
    if result.apart is not None:
        yield from ("", "**One source hangs: operations that don't touch it**", "")
        apart = result.apart
        yield _row(("side", *(f"round {number + 1}" for number in range(len(apart.well_s))), "ratio"))
        yield _row(("---", *["---:"] * (len(apart.well_s) + 1)))
        yield _row(("all well, ms", *map(_ms, apart.well_s), ""))
        yield _row((f"{apart.source} hangs, ms", *map(_ms, apart.hanging_s), f"{apart.ratio:.3f}"))
        yield f"\n{apart.answers} answers; at most {AT_MOST}."
    examples = [
        f"- {each.fault} on {each.source}: {example}"
        for each in (*result.cells, *result.kept)
        for example in each.examples[:2]
    ]
    if examples:
        yield from ("", "**Examples of what was wrong**", "", *examples[:40])
    capacity = "not measured" if result.capacity is None else f"{result.capacity:.0f}"
    yield from (
        "",
        (
            f"Seed {result.seed}, {result.seconds:.0f} s, {result.rate:.0f} operations a second "
            f"(the machine's most: {capacity})."
        ),
    )
    missed = verdicts(result)
    yield from ("", f"**Missed: {len(missed)}**", "", *(f"- {each}" for each in missed))


def soak_lines(soak: Soak) -> Iterator[str]:
    """The same of a soak."""
    yield from ("", "**Soak**", "")
    yield _row(("requests", "a second", "RSS MB", "files", "sockets", "threads", "tasks", "idle"))
    yield _row(["---:"] * 8)
    for take in soak.takes:
        print_ = take.footprint
        yield _row(
            (
                *(str(take.requests), f"{take.rate:.0f}", f"{print_.rss_mb:.1f}", str(print_.files)),
                *(str(print_.sockets), str(print_.threads), str(print_.tasks), "yes" if take.idle else ""),
            )
        )
    yield from (
        "",
        (
            f"{soak.requests} requests and {soak.left} left in the middle, in {soak.seconds:.0f} s, with "
            f"{soak.faults} faults; {soak.growth_mb:+.1f} MB since the warm-up."
        ),
    )
    missed = soak.missed()
    yield from ("", f"**Missed: {len(missed)}**", "", *(f"- {each}" for each in missed))


def as_json(result: Result, soak: Soak | None) -> dict[str, Any]:
    """All of it, for programs."""
    return {
        **asdict(result),
        "ratio": None if result.apart is None else result.apart.ratio,
        "missed": verdicts(result),
        "soak": None if soak is None else {**asdict(soak), "missed": soak.missed()},
    }


def _table(cells: Sequence[Cell]) -> Iterator[str]:
    yield _row(_HEADS)
    yield _row(("---", "---", *["---:"] * (len(_HEADS) - 3), "---"))
    names = [each.fault for each in cells]
    for each in sorted(cells, key=lambda cell: names.index(cell.fault)):
        yield _row(
            (
                *(each.fault, each.source, str(each.answers)),
                *(_share(each.others_complete, each.answers), _share(each.own_complete, each.answers)),
                *(_ms(each.p50_s), _ms(each.p99_s), _ms(each.lag_p99_s)),
                *(str(each.calls), str(each.asked), str(each.repeats), f"{each.storm:.2f}"),
                *(_seconds(each.opened_s), _seconds(each.recovered_s)),
                "; ".join(each.missed()) or "holds",
            )
        )


def _share(count: int, of: int) -> str:
    # Never rounded up to everything.
    return "100 %" if count == of else f"{min(99.9, 100 * count / of):.1f} %"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f}"


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
