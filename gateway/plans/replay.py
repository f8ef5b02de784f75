"""Lets graphql-core make an answer of what a run has fetched already.

Where null stands in a place that may not be null, what becomes of the objects around it, and which errors
are told, is graphql-core's own affair: it runs the operation once more, and is given the values that are
there. What a run hasn't come to is resolved as ever. So nothing is fetched twice, and nothing is sent twice.
"""

from collections.abc import Callable, Generator
from inspect import isawaitable
from typing import Any

from graphql import DocumentNode, ExecutionResult, GraphQLResolveInfo, execute
from graphql.pyutils import Path

from gateway.plans.run import Run
from gateway.plans.shapes import Batch

_Where = tuple[int, ...]


async def replay(
    run: Run, document: DocumentNode, variables: dict[str, Any] | None, operation_name: str | None
) -> ExecutionResult:
    """The result of an operation whose run is over."""
    result = execute(
        run.operation.schema,
        document,
        root_value=run.root,
        context_value=run.context,
        variable_values=variables,
        operation_name=operation_name,
        middleware=[_Recorded(run)],
        hide_suggestions=run.operation.hide_suggestions,
    )
    return await result if isawaitable(result) else result


class _Recorded:
    """What a run has come to know, by its place in the answer."""

    def __init__(self, run: Run) -> None:
        self._root = run.batches[0]
        self._below: dict[tuple[Batch, str, _Where], tuple[Batch, int]] = {}
        for batch in run.batches[1:]:
            place = batch.place
            assert place is not None
            for index in range(len(batch.objects)):
                self._below[place.batch, place.field.key, place.within(index)] = batch, index

    def resolve(
        self, following: Callable[..., Any], source: Any, info: "GraphQLResolveInfo[Any]", **arguments: Any
    ) -> Any:
        """The middleware: a value that is known, or whatever the field's resolver gives."""
        found = None if info.path.prev is None else self._object(info.path.prev)
        batch, index = (self._root, 0) if info.path.prev is None else found or (None, 0)
        key = info.path.key
        if batch is None or key not in batch.columns:
            return following(source, info, **arguments)
        value = batch.columns[str(key)][index]
        return _Later(value) if key in batch.late else value

    def _object(self, path: Path) -> tuple[Batch, int] | None:
        """The object that stands at a place of the answer."""
        indexes: list[int] = []
        while isinstance(path.key, int):
            indexes.insert(0, path.key)
            assert path.prev is not None
            path = path.prev
        owner = (self._root, 0) if path.prev is None else self._object(path.prev)
        if owner is None:
            return None
        batch, index = owner
        return self._below.get((batch, str(path.key), (index, *indexes)))


class _Later:
    """A value in its time: errors of what is resolved at once come first."""

    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        self._value = value

    def __await__(self) -> Generator[None, None, Any]:
        yield from ()
        if isinstance(self._value, Exception):
            raise self._value
        return self._value
