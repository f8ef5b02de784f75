"""What a document asks for that matters before it runs: looked at once, node by node."""

from collections.abc import Iterable
from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    SelectionSetNode,
    VariableNode,
)

_CONDITIONS = frozenset({"skip", "include"})
_INCREMENTAL = frozenset({"defer", "stream"})
_INTROSPECTION = frozenset({"__schema", "__type"})


@dataclass(frozen=True, slots=True)
class Scan:
    """What was found of an operation.

    Attributes:
        beyond: Why a plan can't run it, if it can't.
        conditions: The variables that decide what is skipped or included.
        selections: How many there are, as they are written.
    """

    beyond: str | None
    conditions: tuple[str, ...]
    selections: int


def scan(document: DocumentNode, operation: OperationDefinitionNode) -> Scan:
    """Look at an operation, and at all fragments of its document."""
    fragments = [each for each in document.definitions if isinstance(each, FragmentDefinitionNode)]
    looked = _Look()
    looked.through([operation.selection_set, *(each.selection_set for each in fragments)])
    beyond = looked.beyond
    if operation.operation is OperationType.SUBSCRIPTION:
        beyond = "subscription"
    elif any(each.variable_definitions for each in fragments):
        beyond = "fragment arguments"
    elif any(each.name.value not in _CONDITIONS for each in operation.directives or ()):
        beyond = "directive of the operation"
    own = [each.variable.name.value for each in operation.variable_definitions or ()]
    return Scan(beyond, tuple(name for name in own if name in looked.variables), looked.selections)


class _Look:
    def __init__(self) -> None:
        self.beyond: str | None = None
        self.variables: set[str] = set()
        self.selections = 0

    def through(self, selection_sets: Iterable[SelectionSetNode]) -> None:
        left = list(selection_sets)
        while left:
            for node in left.pop().selections:
                self.selections += 1
                if node.directives:
                    self._directives(node)
                if isinstance(node, FieldNode) and node.name.value in _INTROSPECTION:
                    self.beyond = self.beyond or "introspection"
                if isinstance(node, FieldNode | InlineFragmentNode) and node.selection_set:
                    left.append(node.selection_set)

    def _directives(self, node: SelectionNode) -> None:
        for directive in node.directives or ():
            if directive.name.value in _INCREMENTAL:
                self.beyond = "incremental delivery"
            elif directive.name.value in _CONDITIONS:
                values = [each.value for each in directive.arguments or ()]
                self.variables |= {each.name.value for each in values if isinstance(each, VariableNode)}
