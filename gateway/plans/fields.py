"""Declares the fields that fetch: once, as functions over parents.

A batch function gets every parent of one field at once and returns one slot per parent: the value,
None, or the exception that costs just that parent's field. A plan calls it per level; here the
Strawberry resolver is derived from it with an aiodataloader, so that no field can be N+1 by
accident. Root fields are functions of the same form without parents. Each field says what it costs in
REST calls (`gateway.plans.price`), and what one must be allowed to ask for it: none can be declared
without.

The operation's context must offer `loaders: FieldLoaders`, fresh per operation, and say who is refused.
"""

import inspect
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Protocol, TypeVar, cast

import strawberry
from aiodataloader import DataLoader
from graphql import FieldNode, GraphQLResolveInfo
from strawberry.parent import StrawberryParent
from strawberry.types import Info

from gateway.domain.access import Scope
from gateway.observability.tracing import span
from gateway.plans.price import Price
from gateway.plans.selection import Selection

Needs = tuple[Scope, ...]
"""Any of these scopes suffices."""

OPEN: Needs = ()
"""Whoever may ask at all may ask for this."""


class HasLoaders(Protocol):
    """What the derived resolvers need of a context."""

    loaders: "FieldLoaders"

    def refusal(self, needs: Needs, parent: object | None) -> Exception | None:
        """Why a field with these needs is refused below a parent (None: at the root), if it is."""


C = TypeVar("C", bound=HasLoaders)


@dataclass(frozen=True, slots=True)
class Fetch(Generic[C]):
    """What a fetching function is told: the operation's context and what is asked below the field.

    `path` and `nodes` say where in the answer and in the document the field stands (for a batch: the
    first of its parents'), for errors that go beside data.
    """

    context: C
    selection: Selection
    path: tuple[str | int, ...]
    nodes: tuple[FieldNode, ...]


@dataclass(frozen=True, slots=True)
class Fetching:
    """What a plan calls for a field that fetches; stands in the field's metadata.

    Attributes:
        call: `async def call(parents, fetch, **arguments)`, or without parents at the root. It refuses, too.
        at_root: Which of both.
        resolver: What was derived from it for graphql-core: a field that has another one by now is not
            described by this.
    """

    call: Callable[..., Awaitable[Any]]
    at_root: bool
    resolver: Callable[..., Awaitable[object]]


def _together(_: object) -> Hashable:
    return None


class FieldLoaders:
    """One loader per field of the operation. Make it inside the running loop, one per operation.

    `apart` tells which of a field's parents are loaded apart from the others: those that one slow source
    must not hold up.
    """

    def __init__(self, apart: Callable[[object], Hashable] = _together) -> None:
        self.apart = apart
        self._loaders: dict[tuple[object, ...], DataLoader[Any, Any]] = {}

    async def load(
        self,
        batch: Callable[..., Awaitable[Sequence[object]]],
        parent: object,
        info: "GraphQLResolveInfo[Any]",
        arguments: dict[str, object],
    ) -> object:
        """Load the field for one parent, together with its siblings.

        The same nodes of the document have the same arguments and selection, so they share a loader.
        """
        key = (batch, self.apart(parent), *map(id, info.field_nodes))
        loader = self._loaders.get(key)
        if loader is None:
            fetch = _fetch(info)

            async def load_all(parents: list[object]) -> list[object]:
                return await fetch_slots(info.field_name, batch, parents, fetch, arguments)

            # Parents need not be hashable, and each asks once: there is nothing to cache here.
            loader = self._loaders[key] = DataLoader(load_all, cache=False)
        return await loader.load(parent)


async def fetch_slots(
    field_name: str,
    batch: Callable[..., Awaitable[Sequence[object]]],
    parents: list[Any],
    fetch: Fetch[Any],
    arguments: dict[str, Any],
) -> list[Any]:
    """Call a batch function; a slot for each parent.

    Raises:
        Exception: Whatever it raises; or TypeError, if it gives another number of slots.
    """
    with span("batch", {"helpdesk.batch.field": field_name, "helpdesk.batch.size": len(parents)}):
        slots = list(await batch(parents, fetch, **arguments))
    if len(slots) != len(parents):
        raise TypeError(f"The batch of {field_name} gave {len(slots)} slots for {len(parents)} parents.")
    return slots


def batch_field(
    batch: Callable[..., Awaitable[Sequence[object]]],
    *,
    description: str,
    calls: Price,
    needs: Needs,
    **options: Any,
) -> Any:
    """A field that fetches, declared by its batch function.

    Args:
        batch: `async def batch(parents, fetch, **arguments) -> list`, one slot per parent.
        description: For the schema.
        calls: What it costs.
        needs: What one must be allowed at the parent's source. Of parents where one isn't, nothing is
            fetched.
        options: Anything else that `strawberry.field` takes.
    """
    allowed = _allowed(batch, needs) if needs else batch

    async def resolve(root: Any, info: Info[HasLoaders, Any], **arguments: object) -> object:
        return await info.context.loaders.load(allowed, root, info._raw_info, arguments)  # noqa: SLF001

    options = _declared(calls, needs, Fetching(allowed, at_root=False, resolver=resolve), options)
    return _field(resolve, batch, skip=2, parent=True, description=description, options=options)


def root_field(
    fetcher: Callable[..., Awaitable[object]],
    *,
    description: str,
    calls: Price,
    needs: Needs,
    **options: Any,
) -> Any:
    """A query's or mutation's root field.

    Args:
        fetcher: `async def fetcher(fetch, **arguments)`.
        description: For the schema.
        calls: What it costs.
        needs: What one must be allowed at some source. At which ones, the fetcher has to ask.
        options: Anything else that `strawberry.field` takes.
    """

    async def ask_if_allowed(fetch: Fetch[Any], **arguments: object) -> object:
        refusal = fetch.context.refusal(needs, None)
        if refusal is not None:
            raise refusal
        return await fetcher(fetch, **arguments)

    ask = ask_if_allowed if needs else fetcher

    async def resolve(info: Info[HasLoaders, Any], **arguments: object) -> object:
        return await ask(_fetch(info._raw_info), **arguments)  # noqa: SLF001

    options = _declared(calls, needs, Fetching(ask, at_root=True, resolver=resolve), options)
    return _field(resolve, fetcher, skip=1, parent=False, description=description, options=options)


def _allowed(
    batch: Callable[..., Awaitable[Sequence[object]]], needs: Needs
) -> Callable[..., Awaitable[Sequence[object]]]:
    """The same for those parents alone at whose sources it is allowed; the others' slots hold the refusal."""

    async def ask_where_allowed(
        parents: Sequence[object], fetch: "Fetch[Any]", **arguments: object
    ) -> Sequence[object]:
        refusals = [fetch.context.refusal(needs, parent) for parent in parents]
        asked = [parent for parent, refusal in zip(parents, refusals, strict=True) if refusal is None]
        if len(asked) == len(parents):
            return await batch(parents, fetch, **arguments)
        slots = iter(await batch(asked, fetch, **arguments) if asked else ())
        return [next(slots) if refusal is None else refusal for refusal in refusals]

    return ask_where_allowed


def _declared(calls: Price, needs: Needs, fetching: Fetching, options: dict[str, Any]) -> dict[str, Any]:
    """Put what is declared where the schema's walkers find it."""
    declared = {Price: calls, Scope: needs, Fetching: fetching}
    return {**options, "metadata": {**options.get("metadata", {}), **declared}}


def _fetch(info: "GraphQLResolveInfo[Any]") -> Fetch[Any]:
    return Fetch(info.context, Selection.of(info), tuple(info.path.as_list()), tuple(info.field_nodes))


def _field(
    resolve: Callable[..., Awaitable[object]],
    declared: Callable[..., Awaitable[object]],
    *,
    skip: int,
    parent: bool,
    description: str,
    options: dict[str, Any],
) -> Any:
    """Give the derived resolver the declared function's arguments, so that Strawberry sees them."""
    arguments = list(inspect.signature(declared).parameters.values())[skip:]
    reserved = [
        inspect.Parameter("info", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Info),
    ]
    if parent:
        reserved.insert(
            0,
            inspect.Parameter(
                "root", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Annotated[Any, StrawberryParent()]
            ),
        )
    resolver = cast("Any", resolve)
    resolver.__signature__ = inspect.Signature([*reserved, *arguments])
    resolver.__annotations__ = {each.name: each.annotation for each in (*reserved, *arguments)}
    resolver.__module__ = declared.__module__
    return strawberry.field(resolver=resolver, description=description, **options)
