"""The prices of a whole schema, found once: which fields cost something, and which lead to those."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import strawberry
from graphql import (
    FieldNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    VariableValues,
    get_argument_values,
    get_named_type,
    is_abstract_type,
    is_input_object_type,
    is_introspection_type,
)
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.arguments import StrawberryArgument, convert_argument
from strawberry.types.field import StrawberryField

from gateway.plans.price import NO_CALLS, Calls, ListSize, Price


@dataclass(frozen=True, slots=True)
class CostlyField:
    """A field that costs something, or leads to one that does.

    Attributes:
        price: None for a plain field.
        told: The field with those arguments alone that its price depends on.
        arguments: These by their names in the document.
        is_list: Whether the field itself gives a list.
        at_most: How many objects a plain list holds.
        types: The object types it may give that cost something, or lead to it, in their turn.
    """

    price: Price | None
    told: GraphQLField
    arguments: Mapping[str, StrawberryArgument]
    is_list: bool
    at_most: int
    types: tuple[str, ...]


class PriceList:
    """The prices of one schema's fields."""

    def __init__(self, schema: GraphQLSchema) -> None:
        """Collect them.

        Raises:
            TypeError: A list that leads to fetching fields doesn't say how many objects it may hold, or a
                price depends on an argument that its field doesn't have.
        """
        self.schema = schema
        definition: strawberry.Schema = schema.extensions[GraphQLCoreConverter.DEFINITION_BACKREF]
        self._config = definition.config
        self._scalars = definition.schema_converter.scalar_registry
        objects = [
            each
            for each in schema.type_map.values()
            if isinstance(each, GraphQLObjectType) and not is_introspection_type(each)
        ]
        self.fields = {
            type_name: {
                name: self._described(f"{type_name}.{name}", *found) for name, found in fields.items()
            }
            for type_name, fields in _costly(schema, objects).items()
        }
        # What a fragment on an object of the type may be on.
        self.conditions = {
            each.name: frozenset(
                other.name for other in schema.type_map.values() if _includes(schema, other, each)
            )
            for each in objects
        }

    def arguments(self, field: CostlyField, node: FieldNode, variables: VariableValues) -> dict[str, Any]:
        """The arguments that a field's price depends on, in the form that the field's function gets."""
        given: dict[str, Any] = {}
        for name, value in get_argument_values(field.told, node, variables).items():
            argument = field.arguments[name]
            if is_input_object_type(get_named_type(field.told.args[name].type)):
                value = convert_argument(value, argument.type, self._scalars, self._config)  # noqa: PLW2901
            given[argument.python_name] = value
        return given

    def _described(self, name: str, field: GraphQLField, types: tuple[str, ...]) -> CostlyField:
        declared = _declared(field)
        price: Price | None = declared.metadata.get(Price)
        size: ListSize | None = declared.metadata.get(ListSize)
        bare = field.type.of_type if isinstance(field.type, GraphQLNonNull) else field.type
        is_list = isinstance(bare, GraphQLList)
        if price is None and is_list and size is None:
            raise TypeError(f"{name} leads to fetching fields: say how many objects it holds at most")
        arguments = {
            self._config.name_converter.from_argument(argument): argument for argument in declared.arguments
        }
        told = _told(price)
        if strange := told - {argument.python_name for argument in arguments.values()}:
            raise TypeError(f"{name} has no {', '.join(sorted(strange))}, on which its price depends")
        arguments = {key: argument for key, argument in arguments.items() if argument.python_name in told}
        return CostlyField(
            price,
            GraphQLField(field.type, {key: field.args[key] for key in arguments}),
            arguments,
            is_list=is_list,
            at_most=0 if size is None else size.at_most,
            types=types,
        )


_Found = tuple[GraphQLField, tuple[str, ...]]


def _costly(schema: GraphQLSchema, objects: list[GraphQLObjectType]) -> Mapping[str, Mapping[str, _Found]]:
    """Of each object type the fields that cost something, or lead to what does by the types given."""
    found: dict[str, dict[str, _Found]] = {each.name: {} for each in objects}
    while True:
        known = {name for name, fields in found.items() if fields}
        for each in objects:
            for name, field in each.fields.items():
                of = get_named_type(field.type)
                possible = schema.get_possible_types(of) if is_abstract_type(of) else [of]
                types = tuple(other.name for other in possible if other.name in known)
                if types or _declared(field).metadata.get(Price, _FREE).calls != NO_CALLS:
                    found[each.name][name] = field, types
        if known == {name for name, fields in found.items() if fields}:
            return found


_FREE = Price(NO_CALLS)


def _declared(field: GraphQLField) -> StrawberryField:
    declared: StrawberryField = field.extensions[GraphQLCoreConverter.DEFINITION_BACKREF]
    return declared


def _told(price: Price | None) -> set[str]:
    """The names of the arguments that a price depends on: what its function takes besides `fetch`."""
    if price is None or isinstance(price.calls, Calls):
        return set()
    return set(list(inspect.signature(price.calls).parameters)[1:])


def _includes(schema: GraphQLSchema, condition: object, each: GraphQLObjectType) -> bool:
    if isinstance(condition, GraphQLInterfaceType | GraphQLUnionType):
        return schema.is_sub_type(condition, each)
    return condition is each
