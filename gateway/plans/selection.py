"""What an operation asks for below a field, so that nothing more is fetched."""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLResolveInfo,
    InlineFragmentNode,
    SelectionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
)
from graphql.language import BooleanValueNode


class Selection:
    """The fields selected below some field, whatever type conditions they stand under.

    Merged fields and fragments are flattened: for an object behind an interface this may name a
    field of a sibling type, which at worst fetches something that isn't served.
    """

    __slots__ = ("_children", "_fragments", "_nodes", "_variables")

    def __init__(
        self,
        nodes: Iterable[FieldNode],
        fragments: Mapping[str, FragmentDefinitionNode],
        variables: Mapping[str, object],
    ) -> None:
        self._nodes = tuple(nodes)
        self._fragments = fragments
        self._variables = variables
        self._children: dict[str, list[FieldNode]] | None = None

    @classmethod
    def of(cls, info: "GraphQLResolveInfo[Any]") -> "Selection":
        """The selection below the field that is being resolved."""
        return cls(info.field_nodes, info.fragments, info.variable_values.coerced)

    @property
    def names(self) -> frozenset[str]:
        """The selected fields' names in the schema."""
        return frozenset(self._collected())

    @property
    def attributes(self) -> frozenset[str]:
        """The selected fields' names as Python writes them (`createdAt` -> `created_at`)."""
        return frozenset(map(_snake, self._collected()))

    def at(self, *names: str) -> "Selection":
        """The selection below the field that this path of names leads to; empty if not selected."""
        selection = self
        for name in names:
            nodes = selection._collected().get(name, ())
            selection = Selection(nodes, self._fragments, self._variables)
        return selection

    def __or__(self, other: "Selection") -> "Selection":
        """What either of two selections asks for."""
        return Selection((*self._nodes, *other._nodes), self._fragments, self._variables)

    @property
    def of_nodes(self) -> "Selection":
        """The selection of a connection's nodes, by either way to them."""
        return self.at("nodes") | self.at("edges", "node")

    def _collected(self) -> dict[str, list[FieldNode]]:
        if self._children is None:
            self._children = {}
            # One for all nodes, or fragments that spread others twice would double them at each level.
            visited: set[str] = set()
            for node in self._nodes:
                self._collect(node.selection_set, self._children, visited)
        return self._children

    def _collect(
        self, selection_set: SelectionSetNode | None, into: dict[str, list[FieldNode]], visited: set[str]
    ) -> None:
        for node in selection_set.selections if selection_set else ():
            if not is_included(node, self._variables):
                continue
            if isinstance(node, FieldNode):
                into.setdefault(node.name.value, []).append(node)
            elif isinstance(node, InlineFragmentNode):
                self._collect(node.selection_set, into, visited)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in visited:
                visited.add(node.name.value)
                self._collect(self._fragments[node.name.value].selection_set, into, visited)


def is_included(node: SelectionNode, variables: Mapping[str, object]) -> bool:
    """Whether `@skip` and `@include` leave a field or fragment in the document."""
    for directive in node.directives or ():
        if directive.name.value in {"skip", "include"}:
            [argument] = directive.arguments or ()
            condition = _boolean(argument.value, variables)
            if condition is (directive.name.value == "skip"):
                return False
    return True


def _boolean(value: ValueNode, variables: Mapping[str, object]) -> object:
    if isinstance(value, VariableNode):
        return variables.get(value.name.value)
    return value.value if isinstance(value, BooleanValueNode) else None


@cache
def _snake(name: str) -> str:
    return re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()
