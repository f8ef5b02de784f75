"""A selection's steps: one for each field that needs no waiting, each a column; then the answers of all."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from gateway.plans.leaves import LeafCompleting
from gateway.plans.reading import Attribute, Call, Fetched, Resolved, Typename
from gateway.plans.shapes import Answer, Batch, FieldPlan, Read
from gateway.plans.source_code import From, attribute_of, builder
from gateway.plans.values import Values, attributes, called, resolved, settled

if TYPE_CHECKING:
    from gateway.plans.run import Run

_Step = Callable[["Run", Batch], Values]


def reading(fields: Mapping[str, FieldPlan], type_name: str) -> Read:
    """The function that reads these fields of objects of a type."""
    steps: list[_Step] = []
    later: list[FieldPlan] = []
    kinds: list[From | str] = []
    for field in fields.values():
        match field.way:
            case Typename():
                kinds.append(type_name)
                continue
            case Fetched():
                later.append(field)
                kinds.append(From.LATER)
                continue
            case Attribute(name):
                steps.append(_attribute(field, name))
            case Call():
                steps.append(_made(field, called))
            case Resolved():
                steps.append(_made(field, resolved))
        kinds.append(From.COLUMN)
    build = builder([*fields], kinds)

    def read(run: "Run", batch: Batch) -> list[Answer]:
        for each in later:
            run.ask(each, batch)
        return build(batch.objects, *[step(run, batch) for step in steps])

    return read


def _attribute(field: FieldPlan, name: str) -> _Step:
    read, exact = attribute_of(name), _goes_out_as_it_is(field)

    def step(run: "Run", batch: Batch) -> Values:
        objects = batch.objects
        if read is None:
            return settled(run, batch, field, attributes(objects, name))
        try:
            values = read(objects)
        except Exception:  # noqa: BLE001 - each object's comes up again in its own place
            values = attributes(objects, name)
        if exact.issuperset(map(type, values)):
            return values
        return settled(run, batch, field, values)

    return step


def _made(field: FieldPlan, make: Callable[["Run", Batch, FieldPlan], Values]) -> _Step:
    exact = _goes_out_as_it_is(field)

    def step(run: "Run", batch: Batch) -> Values:
        values = make(run, batch, field)
        if exact.issuperset(map(type, values)):
            # Kept all the same: it isn't asked for twice.
            batch.columns[field.key] = values
            return values
        return settled(run, batch, field, values)

    return step


def _goes_out_as_it_is(field: FieldPlan) -> frozenset[Any]:
    """The types of values that need no more work; none, where each column does."""
    leaf = field.completing
    return leaf.exact if isinstance(leaf, LeafCompleting) and field.check is None else frozenset()
