"""Columns of raw values: how they are got, and what happens to them before they are completed."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, assert_never

from graphql.pyutils import is_awaitable

from gateway.plans.guard import seen
from gateway.plans.kinds import all_plain
from gateway.plans.places import Column
from gateway.plans.reading import Attribute, Call, Fetched, Resolved, Typename
from gateway.plans.shapes import Batch, FieldPlan

if TYPE_CHECKING:
    from gateway.plans.run import Run

Values = list[Any]
_NOTHING = type(None)
_NESTED = frozenset({list, tuple})


def attributes(objects: list[Any], name: str) -> Values:
    """An attribute of each object, or the error that came instead."""
    return _each(getattr, objects, name)


def called(run: "Run", batch: Batch, field: FieldPlan) -> Values:
    """What a Strawberry field's function gives for each object."""
    way = field.way
    assert isinstance(way, Call)
    arguments = run.arguments(field, batch)
    if isinstance(arguments, Exception):
        return [arguments] * len(batch.objects)
    function, named, info = way.function, way.named, way.info
    if info is None and way.positional and not named:
        return _each(function, batch.objects, **arguments)
    values: Values = []
    for index, each in enumerate(batch.objects):
        given = {**arguments, **dict.fromkeys(named, each)}
        if info is not None:
            given[info] = run.strawberry_info(field, way.given, batch, index)
        try:
            values.append(function(each, **given) if way.positional else function(**given))
        except Exception as error:  # noqa: BLE001 - costs this object's field
            values.append(error)
    return values


def resolved(run: "Run", batch: Batch, field: FieldPlan) -> Values:
    """What a resolver of graphql-core's form gives for each object."""
    way = field.way
    assert isinstance(way, Resolved)
    values: Values = []
    for index, each in enumerate(batch.objects):
        # Coerced for each, as nobody knows what it does to them.
        arguments = run.raw_arguments(field)
        if isinstance(arguments, Exception):
            values.append(arguments)
            continue
        try:
            values.append(way.resolve(each, run.info_of(field, batch, index), **arguments))
        except Exception as error:  # noqa: BLE001 - costs this object's field
            values.append(error)
    return values


def _each(function: Callable[..., Any], objects: list[Any], *more: Any, **arguments: Any) -> Values:
    values: Values = []
    append = values.append
    for each in objects:
        try:
            append(function(each, *more, **arguments))
        except Exception as error:  # noqa: BLE001 - costs this object's field
            append(error)
    return values


def settled(run: "Run", batch: Batch, field: FieldPlan, values: Values) -> Values:
    """The values of the answer for a column; nothing yet where some are still to be awaited."""
    kinds = {*map(type, values)}
    kinds.discard(_NOTHING)
    if not all_plain(kinds) and any(map(is_awaitable, values)):
        run.ask(field, batch, values)
        return [None] * len(values)
    if field.check is not None:
        values = checked(run, field, values)
    if not isinstance(field.way, Attribute) or not all_plain(kinds):
        batch.columns[field.key] = values
    return field.completing.complete(run, values, Column(batch, field))


def checked(run: "Run", field: FieldPlan, values: Values) -> Values:
    """The values with refusals in the place of objects that may not be seen."""
    check, context = field.check, run.context
    assert check is not None
    looked_at: Values = []
    for each in values:
        if each is None or isinstance(each, Exception):
            looked_at.append(each)
            continue
        try:
            if type(each) is list and _NESTED.isdisjoint(map(type, each)):
                looked_at.append([one if one is None else check(context, one) or one for one in each])
            else:
                looked_at.append(seen(each, context, check))
        except Exception as error:  # noqa: BLE001 - costs this object's field
            looked_at.append(error)
    return looked_at


def read_field(run: "Run", batch: Batch, field: FieldPlan) -> Any:
    """One field of a batch of one object, as the generated code reads it."""
    match field.way:
        case Typename():
            return batch.plan.type.name
        case Fetched():
            run.ask(field, batch)
            return None
        case Attribute(name):
            return settled(run, batch, field, attributes(batch.objects, name))[0]
        case Call():
            return settled(run, batch, field, called(run, batch, field))[0]
        case Resolved():
            return settled(run, batch, field, resolved(run, batch, field))[0]
        case _:
            assert_never(field.way)
