"""How much a parsed document may hold: checked before validation, whose time grows faster than documents do.

Two walks, neither of which calls itself. The first (here) sees each node once, as it is written. The second
(`selection_limits`) sees the document as it is run, with fragments in their places, and ends at the limit of
selections, however many there would be.
"""

from collections.abc import Iterable

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    ValueNode,
)
from graphql.language import ArgumentNode, DirectiveNode, ListValueNode, ObjectValueNode

from gateway.security.exceeding import too_deep, too_many
from gateway.security.fragment_cycles import check_cycles
from gateway.security.limit_settings import LimitSettings
from gateway.security.selection_limits import Expansion

_Spreads = list[FragmentSpreadNode]
_Executable = OperationDefinitionNode | FragmentDefinitionNode


def check_document(document: DocumentNode, limits: LimitSettings) -> None:
    """Look whether a document keeps within the limits. It need not be valid.

    Raises:
        DocumentTooLarge: It doesn't; the first limit found says so.
        GraphQLError: Its fragments lead back to themselves.
    """
    operations, fragments = _definitions(document, limits)
    written = _Written(limits)
    for operation in operations:
        written.check_variables(operation)
        written.check_selections(operation)
    spreads = {id(each): written.check_selections(each) for each in fragments}
    by_name = {each.name.value: each for each in fragments}
    check_cycles({name: spreads[id(each)] for name, each in by_name.items()})
    _check_as_run(operations, fragments, by_name, limits)


def _definitions(
    document: DocumentNode, limits: LimitSettings
) -> tuple[list[OperationDefinitionNode], list[FragmentDefinitionNode]]:
    operations: list[OperationDefinitionNode] = []
    fragments: list[FragmentDefinitionNode] = []
    for each in document.definitions:
        if isinstance(each, OperationDefinitionNode):
            operations.append(each)
        elif isinstance(each, FragmentDefinitionNode):
            fragments.append(each)
    for found, what, allowed in (
        (operations, "operations", limits.max_operations),
        (fragments, "fragments", limits.max_fragments),
    ):
        if len(found) > allowed:
            raise too_many(what, len(found), allowed, found[allowed])
    return operations, fragments


class _Written:
    """The document as it is written: what is counted over all of it, or nests in one place."""

    def __init__(self, limits: LimitSettings) -> None:
        self._limits = limits
        self._aliases = self._directives = 0

    def check_variables(self, operation: OperationDefinitionNode) -> None:
        defined = operation.variable_definitions or ()
        allowed = self._limits.max_variables
        if len(defined) > allowed:
            raise too_many("variables in one operation", len(defined), allowed, defined[allowed])
        for each in defined:
            self._check_directives(each.directives or ())
            if each.default_value is not None:
                self._check_value(each.default_value)

    def check_selections(self, definition: _Executable) -> _Spreads:
        """Check what a definition selects; tell which fragments it spreads."""
        self._check_directives(definition.directives or ())
        spreads: _Spreads = []
        todo = [definition.selection_set]
        while todo:
            for node in todo.pop().selections:
                if node.directives:
                    self._check_directives(node.directives)
                if isinstance(node, FragmentSpreadNode):
                    spreads.append(node)
                    continue
                if isinstance(node, FieldNode):
                    self._check_field(node)
                if isinstance(node, FieldNode | InlineFragmentNode) and node.selection_set is not None:
                    todo.append(node.selection_set)
        return spreads

    def _check_field(self, node: FieldNode) -> None:
        if node.alias is not None:
            self._aliases += 1
            if self._aliases > self._limits.max_aliases:
                raise too_many("aliases", self._aliases, self._limits.max_aliases, node, or_more=True)
        if node.arguments:
            self._check_arguments(node.arguments)

    def _check_directives(self, directives: tuple[DirectiveNode, ...]) -> None:
        if not directives:
            return
        allowed = self._limits.max_directives_per_place
        if len(directives) > allowed:
            raise too_many("directives in one place", len(directives), allowed, directives[allowed])
        self._directives += len(directives)
        if self._directives > self._limits.max_directives:
            raise too_many(
                "directives", self._directives, self._limits.max_directives, directives[-1], or_more=True
            )
        for each in directives:
            self._check_arguments(each.arguments or ())

    def _check_arguments(self, arguments: Iterable[ArgumentNode]) -> None:
        for each in arguments:
            self._check_value(each.value)

    def _check_value(self, value: ValueNode) -> None:
        todo: list[tuple[ValueNode, int]] = [(value, 1)]
        while todo:
            node, depth = todo.pop()
            inner: Iterable[ValueNode]
            if isinstance(node, ListValueNode):
                inner = node.values
            elif isinstance(node, ObjectValueNode):
                inner = (each.value for each in node.fields)
            else:
                continue
            if depth > self._limits.max_value_depth:
                raise too_deep("A value", self._limits.max_value_depth, node)
            todo += [(each, depth + 1) for each in inner]


def _check_as_run(
    operations: list[OperationDefinitionNode],
    fragments: list[FragmentDefinitionNode],
    by_name: dict[str, FragmentDefinitionNode],
    limits: LimitSettings,
) -> None:
    run = Expansion(by_name, limits)
    for operation in operations:
        if operation.operation is OperationType.MUTATION:
            run.check(operation.selection_set, "root fields in a mutation", limits.max_mutations)
        else:
            run.check(operation.selection_set, "root fields", limits.max_root_fields)
    for each in fragments:
        # Validation looks at those too that nothing spreads.
        if id(each) not in run.seen:
            run.check(each.selection_set)
