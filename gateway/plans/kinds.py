"""What can be told of a value by its class alone."""

from collections.abc import Iterable
from functools import lru_cache
from types import GeneratorType

from graphql.pyutils.undefined import UndefinedType


@lru_cache(maxsize=1024)
def is_plain(kind: type) -> bool:
    """Whether objects of a class are values: neither nothing, nor errors, nor to be awaited first."""
    return not (
        kind is type(None)
        or issubclass(kind, BaseException | UndefinedType | GeneratorType)
        or hasattr(kind, "__await__")
    )


def all_plain(kinds: Iterable[type]) -> bool:
    """Whether all of them are."""
    return all(map(is_plain, kinds))
