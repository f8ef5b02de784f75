"""From a valid document to what runs it: an operation for each answer to its `@skip` and `@include`."""

from collections import OrderedDict
from typing import Any

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    OperationDefinitionNode,
    VariableValues,
)

from gateway.plans.operation import KnownFields, Operation
from gateway.plans.scan import Scan, scan

_MAX_VARIANTS = 16
# Measured with tracemalloc on the project's own operations, rounded up.
_BYTES_PER_CHARACTER = 350
_BYTES_PER_FIELD = 2_500


class Prepared:
    """A document that was found valid, and what was made of it so far. It holds nothing of any caller.

    Attributes:
        document: Parsed.
        facts: What others have worked out of the document alone, under their own names.
    """

    def __init__(self, document: DocumentNode) -> None:
        self.document = document
        self.facts: dict[str, Any] = {}
        self._fragments = {
            each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)
        }
        self._scans: dict[str | None, tuple[OperationDefinitionNode, Scan]] = {}
        self._variants: OrderedDict[tuple[str | None, tuple[bool, ...]], Operation] = OrderedDict()

    @property
    def bytes(self) -> int:
        """About how much memory it takes."""
        text = self.document.loc.source.body if self.document.loc else ""
        return len(text) * _BYTES_PER_CHARACTER + _BYTES_PER_FIELD * sum(
            each.size for each in self._variants.values()
        )

    def scan(self, name: str | None, operation: OperationDefinitionNode) -> Scan:
        """What there is to know of one of its operations."""
        known = self._scans.get(name)
        if known is None:
            known = self._scans[name] = operation, scan(self.document, operation)
        return known[1]

    def operation(
        self,
        known: KnownFields,
        name: str | None,
        node: OperationDefinitionNode,
        variables: VariableValues,
        *,
        hide_suggestions: bool,
    ) -> Operation | None:
        """The compiled operation for these variables; None if a condition is neither true nor false."""
        conditions = self.scan(name, node).conditions
        given = [variables.coerced.get(each) for each in conditions]
        answers = tuple(each for each in given if isinstance(each, bool))
        if len(answers) < len(conditions):
            return None
        key = name, answers
        kept = self._variants.get(key)
        if kept is not None:
            self._variants.move_to_end(key)
            return kept
        made = Operation(known, node, self._fragments, variables, hide_suggestions=hide_suggestions)
        self._variants[key] = made
        while len(self._variants) > _MAX_VARIANTS:
            self._variants.popitem(last=False)
        return made
