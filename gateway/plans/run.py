"""Runs a plan breadth first: what needs no waiting at once, what does in one call for all of a level."""

from typing import Any

from graphql import GraphQLObjectType, OperationType, VariableValues

from gateway.plans.operation import Operation
from gateway.plans.places import Column, Picked, Place
from gateway.plans.shapes import Answer, Asked, Batch, FieldPlan, ObjectPlan
from gateway.plans.state import State
from gateway.plans.values import Values, checked, read_field
from gateway.plans.waiting import Part, Waiting


class Run(State):
    """One run of a plan; nothing of it stays in the plan.

    Attributes:
        batches: What was read, in order.
        waiting: What is still to come.
    """

    def __init__(
        self, operation: Operation, variables: VariableValues, *, root: object, context: Any
    ) -> None:
        super().__init__(operation, variables, root=root, context=context)
        self.batches: list[Batch] = []
        self.waiting = Waiting(self, self._arrived)

    async def data(self) -> Answer:
        """Run it. What it gives counts only if nothing is `lost`."""
        plan = self.operation.root
        answer: Answer = dict.fromkeys(plan.fields)
        batch = Batch(plan, [self.root], None)
        batch.answers = [answer]
        self.batches.append(batch)
        serially = self.operation.node.operation is OperationType.MUTATION
        for key, field in plan.fields.items():
            answer[key] = read_field(self, batch, field)
            if serially:
                await self.waiting.finish()
                if self.lost:
                    # Whether those that follow may run at all is for graphql-core to say.
                    break
        await self.waiting.finish()
        return answer

    def ask(self, field: FieldPlan, batch: Batch, values: Values | None = None) -> None:
        """Note down what has to be waited for: a field that fetches, or values that are still to come."""
        self.waiting.asked.append(Asked(field, batch, values))

    def read(self, batch: Batch) -> list[Answer]:
        """Read a selection of a batch, but for what has to be waited for."""
        self.batches.append(batch)
        batch.answers = answers = batch.plan.read(self, batch)
        return answers

    def plan_of(self, field: FieldPlan, type_: GraphQLObjectType) -> ObjectPlan | None:
        """The selection below a field on a type."""
        plan = field.below.get(type_.name) or self.operation.plan_below(field, type_, self.variables)
        if plan is None:
            self.leave("too large")
        return plan

    def _arrived(self, part: Part, values: Values) -> None:
        """Put what has come for some objects where it belongs."""
        field, batch = part.field, part.batch
        if field.check is not None:
            values = checked(self, field, values)
        batch.late.append(field.key)
        place: Place = Column(batch, field)
        if part.indexes is None:
            batch.columns[field.key] = values
            done = field.completing.complete(self, values, place)
            for answer, value in zip(batch.answers, done, strict=True):
                answer[field.key] = value
            return
        done = field.completing.complete(self, values, Picked(place, part.indexes))
        column = batch.columns.setdefault(field.key, [None] * len(batch.objects))
        for index, raw, value in zip(part.indexes, values, done, strict=True):
            column[index] = raw
            batch.answers[index][field.key] = value
