"""Waits for fields: one call for all objects of a level that it can serve.

Each group of objects goes on by itself as soon as its call has answered: a source that is slow holds up
nobody else's objects. What is answered in the same turn of the loop is looked at together.
"""

import asyncio
from collections.abc import Callable, Coroutine, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from graphql.pyutils import is_awaitable

from gateway.plans.fields import Fetch, fetch_slots
from gateway.plans.places import ResponsePath, path_of_object
from gateway.plans.reading import Fetched
from gateway.plans.selection import Selection
from gateway.plans.shapes import Asked, Batch, FieldPlan
from gateway.plans.state import State

Values = list[Any]


@dataclass(slots=True, eq=False)
class Part:
    """Those objects of a batch that one call serves; all of them without `indexes`."""

    field: FieldPlan
    batch: Batch
    indexes: list[int] | None
    objects: list[Any]


@dataclass(slots=True, eq=False)
class Group:
    """What one call serves, and the call."""

    parts: list[Part]
    work: Coroutine[Any, Any, Values]


Deliver = Callable[[Part, Values], None]


class Waiting:
    """What a run is waiting for."""

    def __init__(self, state: State, deliver: Deliver) -> None:
        """Take who is told.

        Args:
            state: The run's.
            deliver: Takes the values that have come for objects.
        """
        self.asked: list[Asked] = []
        self._state = state
        self._deliver = deliver
        self._open: set[asyncio.Task[Values]] = set()
        self._closed: list[tuple[Group, asyncio.Task[Values]]] = []
        self._wake: asyncio.Future[None] | None = None

    async def finish(self) -> None:
        """Wait for everything that was asked for, and for what that asks for in its turn."""
        try:
            while self.asked or self._open:
                asked, self.asked = self.asked, []
                groups = self._groups(asked)
                if len(groups) == 1 and not self._open:
                    self._come(groups[0], await groups[0].work)
                    continue
                for group in groups:
                    self._start(group)
                if self._open and not self.asked:
                    await self._next()
        finally:
            await self._stop()

    def _start(self, group: Group) -> None:
        task = asyncio.create_task(group.work)
        self._open.add(task)

        def closed(task: asyncio.Task[Values]) -> None:
            self._closed.append((group, task))
            if self._wake is not None and not self._wake.done():
                self._wake.set_result(None)

        task.add_done_callback(closed)

    async def _next(self) -> None:
        if not self._closed:
            self._wake = asyncio.get_running_loop().create_future()
            await self._wake
        closed, self._closed = self._closed, []
        for group, task in closed:
            self._open.discard(task)
            self._come(group, task.result())

    async def _stop(self) -> None:
        """End what is still under way, and wait for its end: nothing of a run outlives it."""
        if not self._open:
            return
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        self._open.clear()

    def _come(self, group: Group, values: Values) -> None:
        begin = 0
        for part in group.parts:
            end = begin + len(part.objects)
            self._deliver(part, values if len(group.parts) == 1 else values[begin:end])
            begin = end

    # -- what is asked for together

    def _groups(self, asked: Sequence[Asked]) -> list[Group]:
        groups: list[Group] = []
        together: dict[Hashable, list[Part]] = {}
        for each in asked:
            way = each.field.way
            if each.values is not None:
                part = Part(each.field, each.batch, None, list(each.values))
                groups.append(Group([part], _awaited(part.objects)))
            elif isinstance(way, Fetched):
                arguments = self._state.arguments(each.field, each.batch)
                if isinstance(arguments, Exception):
                    part = Part(each.field, each.batch, None, each.batch.objects)
                    self._deliver(part, [arguments] * len(part.objects))
                elif way.at_root:
                    part = Part(each.field, each.batch, None, each.batch.objects)
                    groups.append(Group([part], self._at_root(way, part, arguments)))
                else:
                    self._part(together, each)
        groups += [Group(parts, self._fetched(parts)) for parts in together.values()]
        return groups

    def _part(self, together: dict[Hashable, list[Part]], asked: Asked) -> None:
        apart = self._state.context.loaders.apart
        field, batch = asked.field, asked.batch
        kinds: dict[Hashable, list[int]] = {}
        for index, each in enumerate(batch.objects):
            kinds.setdefault(apart(each), []).append(index)
        for kind, indexes in kinds.items():
            if len(kinds) == 1:
                part = Part(field, batch, None, batch.objects)
            else:
                part = Part(field, batch, indexes, [batch.objects[each] for each in indexes])
            together.setdefault((kind, field.load_key), []).append(part)

    # -- the calls

    async def _at_root(self, way: Fetched, part: Part, arguments: dict[str, Any]) -> Values:
        try:
            return [await way.call(self._fetch(part), **arguments)]
        except Exception as error:  # noqa: BLE001 - costs this field
            return [error]

    async def _fetched(self, parts: list[Part]) -> Values:
        first = parts[0] if len(parts) == 1 else min(parts, key=_order)
        way, arguments = first.field.way, self._state.arguments(first.field, first.batch)
        assert isinstance(way, Fetched)
        assert not isinstance(arguments, Exception)
        objects = first.objects if len(parts) == 1 else [each for part in parts for each in part.objects]
        try:
            return await fetch_slots(first.field.name, way.call, objects, self._fetch(first), arguments)
        except Exception as error:  # noqa: BLE001 - costs this field of these objects
            return [error] * len(objects)

    def _fetch(self, part: Part) -> Fetch[Any]:
        state, field = self._state, part.field
        selection = Selection(field.nodes, state.operation.fragment_definitions, state.variables.coerced)
        return Fetch(state.context, selection, _path(part), field.nodes)


def _path(part: Part) -> ResponsePath:
    """Where the field of the first object stands."""
    index = part.indexes[0] if part.indexes else 0
    return (*path_of_object(part.batch, index), part.field.key)


def _order(part: Part) -> list[tuple[int, str]]:
    """Its place among the parts of one call."""
    return [(each, "") if isinstance(each, int) else (-1, each) for each in _path(part)]


async def _awaited(values: Sequence[Any]) -> Values:
    """The same values, once they are there; errors in the place of what has failed."""
    done = list(values)
    indexes = [index for index, each in enumerate(values) if is_awaitable(each)]
    come = await asyncio.gather(*(done[each] for each in indexes), return_exceptions=True)
    for index, value in zip(indexes, come, strict=True):
        if isinstance(value, BaseException) and not isinstance(value, Exception):
            raise value
        done[index] = value
    return done
