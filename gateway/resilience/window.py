"""Counts of the recent past, at a fixed price."""

from collections.abc import Sequence


class Window:
    """Counts events of a few kinds over about the last `span_s`.

    They lie in buckets that fall out whole, so that adding one costs the same whatever the traffic. The
    past that is counted is between `span_s` less one bucket and `span_s` long.
    """

    def __init__(self, kinds: int, *, span_s: float, buckets: int = 10) -> None:
        self._width_s = span_s / buckets
        self._buckets = [[0] * kinds for _ in range(buckets)]
        self._totals = [0] * kinds
        self._tick = 0

    def add(self, kind: int, now_s: float) -> None:
        """Count one event."""
        self._move(now_s)
        self._buckets[self._tick % len(self._buckets)][kind] += 1
        self._totals[kind] += 1

    def totals(self, now_s: float) -> Sequence[int]:
        """How many there were, by kind. Good until the next call."""
        self._move(now_s)
        return self._totals

    def _move(self, now_s: float) -> None:
        tick = int(now_s // self._width_s)
        if tick <= self._tick:
            return
        size = len(self._buckets)
        for passed in range(max(self._tick + 1, tick - size + 1), tick + 1):
            bucket = self._buckets[passed % size]
            for kind, count in enumerate(bucket):
                self._totals[kind] -= count
                bucket[kind] = 0
        self._tick = tick
