"""A chart of CPU per request, as SVG: bars on a logarithmic scale, by workload."""

import math
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import groupby

from bench.measure import Figures
from bench.servers import TITLES

_COLOURS = {
    "gateway": "#0072b2",
    "cached": "#56b4e9",
    "plain": "#999999",
    "stock": "#cc79a7",
    "mercurius": "#e69f00",
    "bare": "#009e73",
}
_WIDTH, _LEFT, _RIGHT, _TOP = 860, 330, 70, 46
_BAR, _GAP, _HEAD = 15, 12, 22


def chart(figures: Sequence[Figures], titles: Mapping[str, str]) -> str:
    """One group of bars per workload."""
    groups = [(name, list(each)) for name, each in groupby(figures, key=lambda each: each.workload)]
    lowest = math.floor(math.log10(min(each.cpu_ms for each in figures)))
    highest = math.ceil(math.log10(max(each.cpu_ms for each in figures)))
    height = _TOP + sum(_HEAD + _BAR * len(each) + _GAP for _, each in groups) + 8
    scale = _Scale(lowest, max(highest, lowest + 1))
    return "\n".join(_lines(groups, titles, scale, height)) + "\n"


class _Scale:
    """From milliseconds to a place in the drawing."""

    def __init__(self, lowest: int, highest: int) -> None:
        self.decades = range(lowest, highest + 1)
        self._lowest = lowest
        self._step = (_WIDTH - _LEFT - _RIGHT) / (highest - lowest)

    def x(self, value_ms: float) -> float:
        return _LEFT + (math.log10(value_ms) - self._lowest) * self._step


def _lines(
    groups: Sequence[tuple[str, Sequence[Figures]]], titles: Mapping[str, str], scale: _Scale, height: int
) -> Iterator[str]:
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        f'width="{_WIDTH}" height="{height}" font-family="system-ui, sans-serif" font-size="12">'
    )
    yield "<title>CPU milliseconds per request; the scale is logarithmic</title>"
    yield f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>'
    yield '<text x="10" y="18" font-weight="bold">CPU milliseconds per request (logarithmic)</text>'
    for decade in scale.decades:
        x = scale.x(10.0**decade)
        yield f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP - 6}" y2="{height}" stroke="#dddddd"/>'
        yield f'<text x="{x:.1f}" y="{_TOP - 10}" text-anchor="middle" fill="#555555">{10.0**decade:g}</text>'
    y = _TOP
    for name, figures in groups:
        yield f'<text x="10" y="{y + 14}" font-weight="bold">{escape(f"{name}: {titles[name]}")}</text>'
        y += _HEAD
        for each in figures:
            end = scale.x(each.cpu_ms)
            yield (
                f'<text x="{_LEFT - 8}" y="{y + 11}" text-anchor="end">{escape(TITLES[each.server])}</text>'
                f'<rect x="{_LEFT}" y="{y + 1}" width="{max(1.0, end - _LEFT):.1f}" height="{_BAR - 3}" '
                f'fill="{_COLOURS[each.server]}"/>'
                f'<text x="{end + 5:.1f}" y="{y + 11}">{each.cpu_ms:.3g}</text>'
            )
            y += _BAR
        y += _GAP
    yield "</svg>"
