"""Where the values of a column stand in the answer: worked out only when somebody asks.

A plan works on columns: one field's values for all objects of a batch. Paths are built from how the columns
came about, so that a run without errors builds none.
"""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from gateway.plans.shapes import Batch, FieldPlan

ResponsePath = tuple[str | int, ...]


class Place(Protocol):
    """Where each value of a column stands."""

    @property
    def field(self) -> "FieldPlan":
        """The field that the values are of."""

    @property
    def batch(self) -> "Batch":
        """The objects that the field is of."""

    def within(self, index: int) -> tuple[int, ...]:
        """The index of the object in its batch, and of the value in each list below the field."""


class Column:
    """One value for each object of a batch."""

    __slots__ = ("batch", "field")

    def __init__(self, batch: "Batch", field: "FieldPlan") -> None:
        self.batch = batch
        self.field = field

    def within(self, index: int) -> tuple[int, ...]:
        """See `Place`."""
        return (index,)


class Picked:
    """Some of the values of another column."""

    __slots__ = ("_indexes", "_place", "batch", "field")

    def __init__(self, place: Place, indexes: Sequence[int]) -> None:
        self._place = place
        self._indexes = indexes
        self.batch = place.batch
        self.field = place.field

    def within(self, index: int) -> tuple[int, ...]:
        """See `Place`."""
        return self._place.within(self._indexes[index])


class Items:
    """The items of a column of lists, one after the other; a length of -1 is no list."""

    __slots__ = ("_ends", "_lengths", "_place", "batch", "field")

    def __init__(self, place: Place, lengths: Sequence[int]) -> None:
        self._place = place
        self._lengths = lengths
        self._ends: list[int] | None = None
        self.batch = place.batch
        self.field = place.field

    def within(self, index: int) -> tuple[int, ...]:
        """See `Place`."""
        if self._ends is None:
            self._ends = list(accumulate(max(0, each) for each in self._lengths))
        which = bisect_right(self._ends, index)
        before = self._ends[which - 1] if which else 0
        return (*self._place.within(which), index - before)


def path_of(place: Place, index: int) -> ResponsePath:
    """The whole path of a value of a column."""
    owner, *indexes = place.within(index)
    return (*path_of_object(place.batch, owner), place.field.key, *indexes)


def path_of_object(batch: "Batch", index: int) -> ResponsePath:
    """The whole path of an object of a batch."""
    return () if batch.place is None else path_of(batch.place, index)
