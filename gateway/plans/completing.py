"""Makes values of the answer of whole columns: objects, lists and interfaces. `leaves` has the rest.

A value that is wrong where null may stand costs itself, with an error. One that is wrong where it may not is
handed to graphql-core with everything that was fetched: see `Run.propagate`.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Protocol

from graphql import GraphQLAbstractType, GraphQLError, GraphQLObjectType, Undefined
from graphql.pyutils import inspect, is_iterable

from gateway.plans.kinds import all_plain
from gateway.plans.places import Column, Items, Picked, Place
from gateway.plans.shapes import Answer, Batch
from gateway.plans.telling import first_of, says_nothing, tries_types

if TYPE_CHECKING:
    from gateway.plans.run import Run


class Completing(Protocol):
    """Makes values of the answer."""

    def complete(self, run: "Run", values: list[Any], place: Place) -> list[Any]:
        """One value of the answer for each of a column."""


class ObjectCompleting:
    """Of a column of objects, all of one type."""

    __slots__ = ("_non_null", "_type")

    def __init__(self, type_: GraphQLObjectType, *, non_null: bool) -> None:
        self._type = type_
        self._non_null = non_null

    def complete(self, run: "Run", values: list[Any], place: Place) -> list[Any]:
        """See `Completing`."""
        picked = present(run, values, place, non_null=self._non_null)
        if self._type.is_type_of is not None:
            found = values if picked is None else [values[each] for each in picked]
            wrong = _of_other_types(run, self._type, found, place) if found else None
            if wrong:
                indexes = range(len(values)) if picked is None else picked
                for each, error in wrong.items():
                    run.fail(error, place, indexes[each], non_null=self._non_null)
                picked = [index for each, index in enumerate(indexes) if each not in wrong]
        return _read(run, self._type, values, picked, place)


class AbstractCompleting:
    """Of a column of objects of several types."""

    __slots__ = ("_non_null", "_type")

    def __init__(self, type_: GraphQLAbstractType, *, non_null: bool) -> None:
        self._type = type_
        self._non_null = non_null

    def complete(self, run: "Run", values: list[Any], place: Place) -> list[Any]:
        """See `Completing`."""
        picked = present(run, values, place, non_null=self._non_null)
        by_type: dict[GraphQLObjectType, list[int]] = {}
        indexes = range(len(values)) if picked is None else picked
        if not indexes:
            return [None] * len(values)
        resolve_type, info = run.type_resolver(self._type), run.info(place)
        candidates = self._candidates(run, values, indexes)
        for index in indexes:
            try:
                if candidates and (first := first_of(candidates, values[index], info)) is not None:
                    by_type.setdefault(first, []).append(index)
                    continue
                name = resolve_type(values[index], info, self._type)
                if run.must_wait(name, close=True):
                    continue
                type_ = run.valid_type(name, self._type, place.field, info, values[index])
                if type_.is_type_of is not None:
                    is_one = type_.is_type_of(values[index], info)
                    if run.must_wait(is_one, close=True):
                        continue
                    if not is_one:
                        raise _of_other_type(type_, values[index], place)
                by_type.setdefault(type_, []).append(index)
            except Exception as error:  # noqa: BLE001 - costs this value, whatever it is
                run.fail(error, place, index, non_null=self._non_null)
        answers: list[Any] = [None] * len(values)
        for type_, indexes in by_type.items():
            whole = None if len(indexes) == len(values) else indexes
            done = _read(run, type_, values, whole, place)
            if whole is None:
                return done
            for index in indexes:
                answers[index] = done[index]
        return answers

    def _candidates(
        self, run: "Run", values: list[Any], indexes: Iterable[int]
    ) -> Sequence[GraphQLObjectType]:
        """The types to try in turn, if Strawberry would do nothing else for these objects."""
        kinds: set[Any] = {type(values[each]) for each in indexes}
        if tries_types(self._type) and all(says_nothing(each) for each in kinds):
            return run.operation.schema.get_possible_types(self._type)
        return ()


class ListCompleting:
    """Of a column of lists."""

    __slots__ = ("_item", "_non_null")

    def __init__(self, item: Completing, *, non_null: bool) -> None:
        self._item = item
        self._non_null = non_null

    def complete(self, run: "Run", values: list[Any], place: Place) -> list[Any]:
        """See `Completing`."""
        if {*map(type, values)} != {list}:
            values, lengths = self._looked_at(run, values, place)
        else:
            lengths = [*map(len, values)]
        items = [*chain.from_iterable(values)]
        done = self._item.complete(run, items, Items(place, lengths)) if items else []
        if len(lengths) == 1 and lengths[0] >= 0:
            return [done]
        rest = iter(done)
        return [None if length < 0 else [*islice(rest, length)] for length in lengths]

    def _looked_at(self, run: "Run", values: list[Any], place: Place) -> tuple[list[Any], list[int]]:
        """The lists, with an empty one in the place of what isn't one, and the length of each."""
        lists: list[Any] = []
        lengths = []
        for index, value in enumerate(values):
            found = value if type(value) in {list, tuple} else self._list_of(run, values, index, place)
            lists.append(() if found is None else found)
            lengths.append(-1 if found is None else len(found))
        return lists, lengths

    def _list_of(self, run: "Run", values: list[Any], index: int, place: Place) -> Sequence[Any] | None:
        value = values[index]
        if value is None or value is Undefined:
            if self._non_null:
                run.propagate()
            return None
        if not isinstance(value, Exception) and (run.must_wait(value) or run.must_iterate(value)):
            return None
        try:
            if isinstance(value, Exception):
                raise value
            if not is_iterable(value):
                field = place.field
                raise GraphQLError(
                    f"Expected Iterable, but did not find one for field '{field.owner}.{field.name}'."
                )
        except Exception as error:  # noqa: BLE001 - costs this value, whatever it is
            run.fail(error, place, index, non_null=self._non_null)
            return None
        if isinstance(place, Items) and iter(value) is value:
            # It can be gone through once only, and what is left of it could not be kept for graphql-core.
            run.leave("an iterator inside a list")
            return None
        taken = Taken(value)
        if isinstance(place, Column):
            place.batch.columns[place.field.key] = values
        if taken.error is not None:
            # What came before the error counts too: graphql-core shall see all of it.
            values[index] = taken
            run.propagate()
            return None
        values[index] = taken.items
        return taken.items


class Taken:
    """What an iterable has given, and the error that it ended with, if it did: to be iterated anew."""

    def __init__(self, iterable: Any) -> None:
        self.items: list[Any] = []
        self.error: Exception | None = None
        try:
            self.items.extend(iterable)
        except Exception as error:  # noqa: BLE001 - raised again wherever this is iterated
            self.error = error

    def __iter__(self) -> Any:
        yield from self.items
        if self.error is not None:
            raise self.error


def present(run: "Run", values: list[Any], place: Place, *, non_null: bool) -> list[int] | None:
    """The indexes of those values that are there; None for all of them."""
    if all_plain({*map(type, values)}):
        return None
    indexes = []
    for index, value in enumerate(values):
        if value is None or value is Undefined:
            if non_null:
                run.propagate()
        elif isinstance(value, Exception):
            run.fail(value, place, index, non_null=non_null)
        elif not run.must_wait(value):
            indexes.append(index)
    return indexes


def _of_other_types(
    run: "Run", type_: GraphQLObjectType, values: list[Any], place: Place
) -> dict[int, Exception]:
    """Those values that aren't of the type, by their index, and what to say of each."""
    is_type_of, info = type_.is_type_of, run.info(place)
    assert is_type_of is not None
    with suppress(Exception):
        if all(is_type_of(each, info) is True for each in values):
            return {}
    wrong: dict[int, Exception] = {}
    for index, value in enumerate(values):
        try:
            is_one = is_type_of(value, info)
            if is_one is True or run.must_wait(is_one, close=True):
                continue
            if not is_one:
                wrong[index] = _of_other_type(type_, value, place)
        except Exception as error:  # noqa: BLE001 - costs this value, whatever it is
            wrong[index] = error
    return wrong


def _of_other_type(type_: GraphQLObjectType, value: Any, place: Place) -> GraphQLError:
    return GraphQLError(
        f"Expected value of type '{type_}' but got: {inspect(value)}.", list(place.field.nodes)
    )


def _read(
    run: "Run", type_: GraphQLObjectType, values: list[Any], picked: list[int] | None, place: Place
) -> list[Answer | None]:
    """Read the selection of those objects, and put what they become into their places."""
    objects = values if picked is None else [values[each] for each in picked]
    answers: list[Answer | None] = [None] * len(values)
    if not objects:
        return answers
    plan = run.plan_of(place.field, type_)
    if plan is None:
        return answers
    batch = Batch(plan, objects, place if picked is None else Picked(place, picked))
    done = run.read(batch)
    if picked is None:
        return [*done]
    for index, answer in zip(picked, done, strict=True):
        answers[index] = answer
    return answers
