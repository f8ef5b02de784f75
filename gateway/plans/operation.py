"""An operation of a document, compiled: the selections met so far, each on the types it was met on."""

from collections.abc import Mapping
from dataclasses import dataclass

from graphql import (
    FragmentDefinitionNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    GraphQLUnionType,
    OperationDefinitionNode,
    TypeNameMetaFieldDef,
    VariableValues,
)
from graphql.execution.collect_fields import (
    FragmentDetails,
    GroupedFieldSet,
    collect_fields,
    collect_subfields,
)

from gateway.plans.completing import AbstractCompleting, Completing, ListCompleting, ObjectCompleting
from gateway.plans.guard import Check
from gateway.plans.leaves import LeafCompleting
from gateway.plans.reading import Typename, Way, way_of
from gateway.plans.shapes import FieldPlan, ObjectPlan
from gateway.plans.steps import reading

MAX_FIELDS = 20_000
"""In one plan. A document within its limits has far fewer, on as many types as there are."""


@dataclass(frozen=True, slots=True)
class _Known:
    definition: GraphQLField
    way: Way
    check: Check | None
    completing: Completing


class KnownFields:
    """What was told of a schema's fields so far: the same for all operations."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self.schema = schema
        self._known: dict[int, _Known] = {}

    def of(self, definition: GraphQLField) -> _Known:
        """A field's: how its values are come by, and what makes values of the answer of them."""
        known = self._known.get(id(definition))
        if known is None:
            way, check = (
                (Typename(), None) if definition is TypeNameMetaFieldDef else way_of(self.schema, definition)
            )
            known = _Known(definition, way, check, completing(definition.type))
            self._known[id(definition)] = known
        return known


class Operation:
    """One operation, for one answer to each of its `@skip` and `@include`.

    It grows as types are met in answers, and holds nothing of those who run it.
    """

    def __init__(
        self,
        known: "KnownFields",
        node: OperationDefinitionNode,
        fragments: Mapping[str, FragmentDefinitionNode],
        variables: VariableValues,
        *,
        hide_suggestions: bool,
    ) -> None:
        """Compile the root.

        Args:
            known: The fields of the schema that the document was validated against.
            node: Which operation.
            fragments: The document's.
            variables: Those of the run that it is compiled for; only what `@skip` and `@include` look at
                goes into the plan.
            hide_suggestions: For errors of arguments.
        """
        self.schema = schema = known.schema
        self._known = known
        self.node = node
        self.fragment_definitions = dict(fragments)
        self.fragments = {name: FragmentDetails(each) for name, each in fragments.items()}
        self.hide_suggestions = hide_suggestions
        self.size = 0
        root = schema.get_root_type(node.operation)
        assert root is not None
        collected = collect_fields(
            schema, self.fragments, variables, root, node, hide_suggestions=hide_suggestions
        )
        self.root = self._compiled(root, collected.grouped_field_set)

    def plan_below(
        self, field: FieldPlan, type_: GraphQLObjectType, variables: VariableValues
    ) -> ObjectPlan | None:
        """The selection below a field on a type that wasn't met there yet; None if that would be too much."""
        if self.size > MAX_FIELDS:
            return None
        collected = collect_subfields(
            self.schema,
            self.fragments,
            variables,
            self.node,
            type_,
            field.details,
            hide_suggestions=self.hide_suggestions,
        )
        plan = field.below[type_.name] = self._compiled(type_, collected.grouped_field_set)
        return plan

    def _compiled(self, type_: GraphQLObjectType, grouped: GroupedFieldSet) -> ObjectPlan:
        fields = {}
        for key, details in grouped.items():
            name = details[0].node.name.value
            definition = self.schema.get_field(type_, name)
            if definition is None:
                continue
            found = self._known.of(definition)
            fields[key] = FieldPlan(
                key=key,
                name=name,
                details=details,
                nodes=tuple(each.node for each in details),
                owner=type_,
                definition=definition,
                way=found.way,
                check=found.check,
                completing=found.completing,
            )
        self.size += len(fields)
        return ObjectPlan(type_, fields, reading(fields, type_.name))


def completing(type_: GraphQLOutputType, *, non_null: bool = False) -> Completing:
    """What makes values of the answer of a column of a type."""
    if isinstance(type_, GraphQLNonNull):
        return completing(type_.of_type, non_null=True)
    if isinstance(type_, GraphQLList):
        return ListCompleting(completing(type_.of_type), non_null=non_null)
    if isinstance(type_, GraphQLObjectType):
        return ObjectCompleting(type_, non_null=non_null)
    if isinstance(type_, GraphQLInterfaceType | GraphQLUnionType):
        return AbstractCompleting(type_, non_null=non_null)
    return LeafCompleting(type_, non_null=non_null)
