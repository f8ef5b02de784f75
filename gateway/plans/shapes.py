"""What a plan consists of: the fields of a selection on one object type, and the objects read by it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graphql import FieldNode, GraphQLField, GraphQLObjectType
from graphql.execution.collect_fields import FieldDetails

from gateway.plans.guard import Check
from gateway.plans.places import Place
from gateway.plans.reading import Way

if TYPE_CHECKING:
    from gateway.plans.completing import Completing
    from gateway.plans.run import Run

Objects = list[Any]
Answer = dict[str, Any]


class Batch:
    """Objects of one type that a selection is read of, all at once.

    Attributes:
        plan: What is read.
        objects: Of which.
        place: Where they stand; None at the root.
        answers: What they become, one for each.
        columns: Values that can't be had again by reading them anew, by field.
        late: Those fields among them that were waited for.
    """

    __slots__ = ("answers", "columns", "late", "objects", "place", "plan")

    def __init__(self, plan: "ObjectPlan", objects: Objects, place: Place | None) -> None:
        self.plan = plan
        self.objects = objects
        self.place = place
        self.answers: list[Answer] = []
        self.columns: dict[str, list[Any]] = {}
        self.late: list[str] = []


@dataclass(slots=True, eq=False)
class FieldPlan:
    """A field of a selection on one object type; several nodes are the same field written several times.

    Attributes:
        key: Its name in the answer.
        name: In the schema.
        details: Its nodes, as graphql-core wants them for what is selected below.
        nodes: The same, alone.
        owner: The type that it is read of.
        definition: In the schema.
        way: How its values are come by.
        check: The guard's, if it gives guarded objects.
        completing: What makes values of the answer of them.
        below: The selections below, by the object type that they are read of.
    """

    key: str
    name: str
    details: list[FieldDetails]
    nodes: tuple[FieldNode, ...]
    owner: GraphQLObjectType
    definition: GraphQLField
    way: Way
    check: Check | None
    completing: "Completing"
    below: dict[str, "ObjectPlan"] = field(default_factory=dict)

    @property
    def load_key(self) -> tuple[object, ...]:
        """The same for fields that one call can serve: of one function, asked for by the same nodes."""
        return (getattr(self.way, "call", None), *map(id, self.nodes))


Read = Callable[["Run", Batch], list[Answer]]


@dataclass(slots=True, eq=False)
class ObjectPlan:
    """A selection on one object type.

    Attributes:
        type: Which.
        fields: By their names in the answer, in its order.
        read: Generated: fills in what needs no waiting, and notes down what does.
    """

    type: GraphQLObjectType
    fields: Mapping[str, FieldPlan]
    read: Read


@dataclass(slots=True, eq=False)
class Asked:
    """A field whose values have to be waited for.

    Attributes:
        field: Which.
        batch: Of which objects.
        values: What was given in their place, to be awaited; None for a field that fetches.
    """

    field: FieldPlan
    batch: Batch
    values: Sequence[Any] | None = None
