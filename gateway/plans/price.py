"""What a field costs in REST calls: declared beside it, told before it runs.

A price is that of one parent, and of all that the field may ask for: calls that a cache will answer, or
that turn out to be the same for several objects, are in it, as nobody knows of them beforehand. Not in it
are log-ins, retries, and what a source needs beyond its ordinary forms (rows that lack documented fields,
pages shorter than asked for).

Two things are known beforehand, and keep prices close to what will happen. Fields that are served from one
read share it (`shared`): below one conversation, `messages` and `lastMessage` are one call. And what stays
within one such whole (`same_whole`: a message's replies are of the same conversation) shares it too.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

LIMIT = 10**9
"""Where prices end: more calls than anybody could make."""


@dataclass(frozen=True, slots=True)
class Calls:
    """What a field comes to, for one parent.

    Attributes:
        count: REST calls, at most.
        objects: How many objects the field's list, or the lists of the page or payload that it gives, hold
            at most; None where it gives one object.
        paid: Shared reads that are included: fields below that share them cost nothing more.
    """

    count: int
    objects: int | None = None
    paid: frozenset[str] = frozenset()


NO_CALLS = Calls(0)

PriceOf: TypeAlias = Callable[..., Calls]
"""`def price(fetch, **arguments) -> Calls`, with those of the field's arguments that the price depends on."""


@dataclass(frozen=True, slots=True)
class Price:
    """A field's price.

    Attributes:
        calls: The same for every use, or worked out for each.
        shared: The name of a read that all fields of one whole share which name it.
        same_whole: Whether the field's objects belong to the same whole as its parent, so that what they
            share among them they share with the parent, however many they are.
    """

    calls: Calls | PriceOf
    shared: str | None = None
    same_whole: bool = False


free = Price(NO_CALLS)


def per_parent(count: int, *, shared: str | None = None, same_whole: bool = False) -> Price:
    """So many calls for each parent."""
    return Price(Calls(count), shared=shared, same_whole=same_whole)


@dataclass(frozen=True, slots=True)
class ListSize:
    """How many objects a list holds that is no fetching field itself."""

    at_most: int


def at_most(count: int) -> Mapping[type, object]:
    """Metadata of a plain list: as many as the field above says (`Calls.objects`), and never more than this.

    Every list that leads to fetching fields needs it, as each of its objects pays for them.
    """
    return {ListSize: ListSize(count)}
