"""The tables of docs/observability.md are what the code says."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from prometheus_client.metrics_core import Metric

from gateway.observability.metrics import Metrics
from gateway.observability.observing import Observing
from gateway.observability.settings import MetricsSettings, TracingSettings
from gateway.observability.tracing import ATTRIBUTES
from gateway.resilience.stats import Event, Stats
from tests.processes import ROOT

_LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}


def rows(heading: str) -> list[list[str]]:
    """The cells of the first table below a heading, without its head."""
    text = (ROOT / "docs/observability.md").read_text(encoding="utf-8")
    section = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def named(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def sources() -> Iterator[tuple[Path, ast.Module]]:
    for folder in ("gateway", "resolvers"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "sandbox" not in path.parts:
                yield path, ast.parse(path.read_text(encoding="utf-8"))


def test_the_table_of_events_is_complete() -> None:
    documented = {name for row in rows("Logs") for name in named(row[0])}
    logged: set[str] = set()
    texts: set[str] = set()
    for _, module in sources():
        for node in ast.walk(module):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.update(re.findall(r"[a-z]+(?:_[a-z]+)+|crashed", node.value))
            match node:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id="_log"), attr=level),
                    args=[ast.Constant(value=str(event)), *_],
                ) if level in _LEVELS:
                    logged.add(event)
    assert logged <= documented
    # Some are named in a variable first.
    assert documented <= logged | texts


def test_an_events_name_is_never_made_from_data() -> None:
    for path, module in sources():
        for node in ast.walk(module):
            match node:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id="_log"), attr=level), args=[first, *_]
                ) if level in _LEVELS:
                    assert isinstance(first, ast.Constant | ast.Name), f"{path}:{node.lineno}"


def test_the_table_of_metrics_is_complete() -> None:
    documented = {(*named(row[0]), row[1], row[2]) for row in rows("Metrics")}
    watched, stats = Observing(MetricsSettings(), TracingSettings()), Stats()
    watched.requests.ended("query", "ok", 0.1, ["SOURCE_TIMEOUT"])
    watched.writes.came_to("desk", "CONFIRMED")
    stats.ended(0.1, "503", 100.0)
    stats.happened(Event.HIT)
    watched.sources["desk"] = lambda: stats.reading(
        circuit="open", circuit_states=("open",), running=1, waiting=1
    )
    families = {described(each) for each in Metrics(watched).collect()}
    assert families == documented - {("helpdesk_gateway_writes_in_doubt", "gauge", "")}


def described(family: Metric) -> tuple[str, str, str]:
    labels = dict.fromkeys(name for sample in family.samples for name in sample.labels if name != "le")
    endings = {"counter": "_total", "info": "_info"}
    kind = "gauge" if family.type == "info" else family.type
    return family.name + endings.get(family.type, ""), kind, ", ".join(labels)


def test_the_table_of_spans_names_every_attribute() -> None:
    assert {name for row in rows("Traces") for name in named(row[3])} == ATTRIBUTES


def test_every_event_of_a_source_is_explained() -> None:
    (row,) = [each for each in rows("Metrics") if "source_events" in each[0]]
    assert {each.value for each in Event} <= set(re.findall(r"\w+", row[3]))
