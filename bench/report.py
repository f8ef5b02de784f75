"""The results in Markdown and JSON."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path

from bench.chart import chart
from bench.comparison import Results, Section
from bench.measure import Figures
from bench.servers import TITLES

_COLUMNS = (
    "CPU a request",
    "least - most",
    "of the gateway's",
    "requests/s",
    "median",
    "p99",
    "REST calls",
    "memory",
)


def write(results: Results, folder: Path) -> None:
    """Table, data and chart."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.md").write_text("\n".join(markdown(results)) + "\n")
    data = asdict(results) | {"ratios": ratios(results)}
    (folder / "results.json").write_text(json.dumps(data, indent=1) + "\n")
    compared = next((each for each in results.sections if each.name == "compare"), None)
    if compared is not None:
        (folder / "cpu.svg").write_text(chart(compared.figures, results.titles))


def ratios(results: Results) -> list[dict[str, object]]:
    """CPU of each server in the gateway's, per section, workload and number of clients."""
    return [
        {"section": section.name, "workload": workload, "connections": connections}
        | {each.server: each.cpu_ms / own.cpu_ms for each in figures}
        for section in results.sections
        for (workload, connections), figures in _groups(section)
        for own in figures
        if own.server == "gateway"
    ]


def _groups(section: Section) -> Iterator[tuple[tuple[str, int], Sequence[Figures]]]:
    """A section's figures by workload and number of clients."""
    for what, figures in groupby(section.figures, key=lambda each: (each.workload, each.connections)):
        yield what, list(figures)


def markdown(results: Results) -> Iterator[str]:
    """One table per section and workload."""
    yield "# The gateway beside its peers"
    yield ""
    yield f"Written by `make bench`: {results.effort.rounds} rounds of {results.effort.seconds:g} s each,"
    yield "servers in turn; medians of the rounds. [How it is measured](../../bench/README.md)."
    yield ""
    yield ", ".join(f"{name} {said}" for name, said in results.machine.items()) + "."
    if results.absent:
        yield f"Not measured, as they are not installed: {', '.join(results.absent)}."
    if results.targets:
        yield ""
        yield "| set out to be reached | wanted | measured | |"
        yield "| --- | ---: | ---: | --- |"
    for each in results.targets:
        yield f"| {each.what} | {each.wanted} | {each.measured} | {'yes' if each.met else '**no**'} |"
    for section in results.sections:
        yield from _section(section, results)


def _section(section: Section, results: Results) -> Iterator[str]:
    yield ""
    yield f"## {section.title}"
    for problem in section.problems:
        yield ""
        yield f"Not measured: {problem.splitlines()[0][:300]}"
    for (workload, connections), figures in _groups(section):
        yield ""
        clients = "1 client" if connections == 1 else f"{connections} clients"
        yield f"**{workload}**: {results.titles[workload]}; {clients}"
        yield ""
        yield f"| server | {' | '.join(_COLUMNS)} |"
        yield f"| --- |{' ---: |' * len(_COLUMNS)}"
        yield from _rows(figures)


def _rows(figures: Sequence[Figures]) -> Iterator[str]:
    own = next((each.cpu_ms for each in figures if each.server == "gateway"), None)
    for each in figures:
        ratio = "" if not own else f"{each.cpu_ms / own:.2f}"
        yield (
            f"| {TITLES[each.server]} "
            f"| {_ms(each.cpu_ms)} | {_ms(each.cpu_least_ms)} - {_ms(each.cpu_most_ms)} | {ratio} "
            f"| {each.per_second:.0f} | {_ms(each.p50_ms)} | {_ms(each.p99_ms)} "
            f"| {'' if each.calls is None else f'{each.calls:.1f}'} | {each.rss_mb:.0f} MB |"
        )


def _ms(value: float) -> str:
    return f"{value:.{3 if value < 1 else 2 if value < 10 else 1}f} ms"
