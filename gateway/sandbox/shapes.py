"""Sound JSON of a wrong shape, made from the real answer in one place that a drawn number chooses.

Nothing here knows an endpoint: every place at which a shape can go wrong is found by walking the answer, the
kinds of wrongness share the draw equally, and so do the places of each kind. So the same answer and the same
number give the same wrong shape, and a share of 1 meets every field sooner or later.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from gateway.sandbox.faults import Shape

_Path = tuple[str | int, ...]
_GONE = object()


def misshapen(body: bytes, *, shapes: Sequence[str], detail: float) -> bytes:
    """A body whose JSON breaks its contract in one place; one that is no JSON becomes null.

    Args:
        body: The real answer's.
        shapes: Which kinds may be chosen; none: any. Where the answer has no place for them: any.
        detail: 0 to below 1: chooses kind and place.
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return b"null"
    found = list(_places(value, ()))
    kinds = [each for each in Shape if any(kind is each for kind, _, _ in found)]
    kinds = [each for each in kinds if each in shapes] or kinds
    if not kinds:
        return b"null"
    chosen = kinds[int(detail * len(kinds))]
    places = [(path, wrong) for kind, path, wrong in found if kind is chosen]
    path, wrong = places[int(detail * len(kinds) % 1 * len(places))]
    return orjson.dumps(_put(value, path, wrong))


def _places(value: Any, path: _Path) -> Iterator[tuple[Shape, _Path, object]]:
    """Every place, how it can go wrong, and what stands there then."""
    match value:
        case dict():
            yield Shape.OBJECT_AS_LIST, path, list(value.values())
            yield Shape.NULL, path, None
            for key, inner in value.items():
                yield Shape.MISSING_KEY, (*path, key), _GONE
                yield from _places(inner, (*path, key))
        case list():
            yield Shape.LIST_AS_OBJECT, path, {str(number): each for number, each in enumerate(value)}
            yield Shape.NULL, path, None
            for number, inner in enumerate(value):
                yield from _places(inner, (*path, number))
        case bool():
            yield Shape.OTHER_TYPE, path, str(value).lower()
        case int() | float():
            yield Shape.OTHER_TYPE, path, str(value)
        case str():
            yield Shape.OTHER_TYPE, path, len(value)


def _put(value: Any, path: _Path, wrong: object) -> Any:
    """The value with another one at a place in it, which is changed where it stands."""
    if not path:
        return wrong
    holder = value
    for step in path[:-1]:
        holder = holder[step]
    if wrong is _GONE:
        del holder[path[-1]]
    else:
        holder[path[-1]] = wrong
    return value
