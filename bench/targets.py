"""What was set out to be reached, against what was measured."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.measure import Figures

# Times less CPU than each peer, at least. Below 1: so much more is allowed.
_AT_LEAST = {
    "plain": {"W1": 25.0, "W2": 25.0, "W3": 12.0},
    "stock": {"W1": 5.0, "W2": 5.0},
    "mercurius": {"W1": 1.0, "W2": 1.0, "W3": 1 / 1.3},
}
_MEMORY_MB = 150.0
_ADDED_MS = 3.0
_GROWTH = 10.0

# By section, and there by workload and server.
Measured = Mapping[str, Sequence[Figures]]


@dataclass(frozen=True, slots=True)
class Target:
    """One of them."""

    what: str
    wanted: str
    measured: str
    met: bool


def targets(measured: Measured, *, source_ms: float | None) -> list[Target]:
    """All that can be judged by what was measured; `source_ms` is one round trip to the late sources."""
    return [
        *_ratios(_by_name(measured.get("compare", ()))),
        *_cached(_by_name(measured.get("compare", ()))),
        *_growth(_by_name(measured.get("messages", ()))),
        *(() if source_ms is None else _late(_by_name(measured.get("late", ())), source_ms)),
        *_memory([each for figures in measured.values() for each in figures]),
    ]


def _by_name(figures: Sequence[Figures]) -> Mapping[tuple[str, str], Figures]:
    return {(each.workload, each.server): each for each in figures}


def _ratios(figures: Mapping[tuple[str, str], Figures]) -> Iterator[Target]:
    for peer, workloads in _AT_LEAST.items():
        for workload, times in workloads.items():
            own, other = figures.get((workload, "gateway")), figures.get((workload, peer))
            if own is not None and other is not None:
                ratio = other.cpu_ms / own.cpu_ms
                what = f"{workload}: CPU of `{peer}`, in the gateway's"
                yield Target(what, f"{times:.3g} or more", f"{ratio:.2f}", ratio >= times)


def _cached(figures: Mapping[tuple[str, str], Figures]) -> Iterator[Target]:
    for workload in ("W1", "W2", "W3"):
        own, bare = figures.get((workload, "cached")), figures.get((workload, "bare"))
        if own is not None and bare is not None:
            most_ms = 2.5 * bare.cpu_ms + 0.3
            what = f"{workload}: CPU with the source cache on"
            yield Target(what, f"{most_ms:.2f} ms or less", f"{own.cpu_ms:.2f} ms", own.cpu_ms <= most_ms)


def _growth(figures: Mapping[tuple[str, str], Figures]) -> Iterator[Target]:
    for few, many in (("G1", "G10"), ("G10", "G100")):
        one, other = figures.get((few, "gateway")), figures.get((many, "gateway"))
        if one is not None and other is not None:
            times = other.cpu_ms / one.cpu_ms
            yield Target(f"{many}: CPU, in that of {few}", "10 or less", f"{times:.1f}", times <= _GROWTH)


def _late(figures: Mapping[tuple[str, str], Figures], source_ms: float) -> Iterator[Target]:
    own = figures.get(("W3", "gateway"))
    if own is not None:
        # The messages are asked for once the case is there.
        added_ms = own.p50_ms - 2 * source_ms
        what = "W3, late sources: median beyond two round trips"
        yield Target(what, f"less than {_ADDED_MS:g} ms", f"{added_ms:.1f} ms", added_ms < _ADDED_MS)
    for workload in ("W1", "W2"):
        own, other = figures.get((workload, "gateway")), figures.get((workload, "mercurius"))
        if own is not None and other is not None:
            yield Target(
                f"{workload}, late sources: median",
                f"{other.p50_ms:.1f} ms (Mercurius) or less",
                f"{own.p50_ms:.1f} ms",
                own.p50_ms <= other.p50_ms,
            )


def _memory(figures: Sequence[Figures]) -> Iterator[Target]:
    used = [each.rss_mb for each in figures if each.server == "gateway"]
    if used:
        yield Target(
            "Memory of the gateway, at most",
            f"less than {_MEMORY_MB:g} MB",
            f"{max(used):.0f} MB",
            max(used) < _MEMORY_MB,
        )
