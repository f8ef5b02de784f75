"""How much a document asks for as it is run: fragments stand where they are spread, equal fields are one.

Fragments can be combined into more selections than they are written with. None is expanded twice in one
place, and the walk ends at the limit, so it takes no longer than the limit says.
"""

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    SelectionNode,
    SelectionSetNode,
)

from gateway.security.exceeding import DocumentTooLarge, place_of, too_deep, too_many
from gateway.security.limit_settings import LimitSettings

# The schema is large and free to ask for: once is enough, and no part of it twice under another name.
_MOST_INTROSPECTIONS = {"__schema": 1, "__type": 10}


class Expansion:
    """Walks a document as it is run, for all of its operations together.

    Attributes:
        seen: The fragments, by identity, that were come by.
    """

    def __init__(self, fragments: dict[str, FragmentDefinitionNode], limits: LimitSettings) -> None:
        self._fragments = fragments
        self._limits = limits
        self._selections = 0
        self.seen: set[int] = set()

    def check(self, root: SelectionSetNode, what: str = "", max_fields: int | None = None) -> None:
        """Go through all that is selected, one place (an object in the answer) after the other.

        Args:
            root: An operation's or a fragment's selection.
            what: The fields of its first place, in words.
            max_fields: How many of them there may be.
        Raises:
            DocumentTooLarge: A limit is passed.
        """
        places = [([root], 1, False)]
        while places:
            selection_sets, depth, introspecting = places.pop()
            fields = self._fields(selection_sets)
            if fields and depth > self._limits.max_depth:
                raise too_deep("A field", self._limits.max_depth, next(iter(fields.values()))[0])
            if depth == 1:
                if max_fields is not None and len(fields) > max_fields:
                    raise too_many(what, len(fields), max_fields, list(fields.values())[max_fields][0])
                _check_introspections(fields)
            for nodes in fields.values():
                if introspecting and nodes[0].alias is not None:
                    raise DocumentTooLarge("Below introspection there may be no alias.", place_of(nodes[0]))
                below = [each.selection_set for each in nodes if each.selection_set is not None]
                if below:
                    known = introspecting or nodes[0].name.value in _MOST_INTROSPECTIONS
                    places.append((below, depth + 1, known))

    def _fields(self, selection_sets: list[SelectionSetNode]) -> dict[str, list[FieldNode]]:
        """The fields of one place by their names in the answer: several nodes are one field."""
        fields: dict[str, list[FieldNode]] = {}
        spread: set[str] = set()
        todo = list(selection_sets)
        while todo:
            for node in todo.pop().selections:
                self._selections += 1
                if self._selections > self._limits.max_selections:
                    raise too_many(
                        "selections, with fragments in their places,",
                        self._selections,
                        self._limits.max_selections,
                        node,
                        or_more=True,
                    )
                if isinstance(node, FieldNode):
                    self._add(node, fields)
                else:
                    inner = self._inner(node, spread)
                    if inner is not None:
                        todo.append(inner)
        return fields

    def _add(self, node: FieldNode, fields: dict[str, list[FieldNode]]) -> None:
        name = (node.alias or node.name).value
        same = fields.setdefault(name, [])
        same.append(node)
        # Validation compares each of them with each other.
        if len(same) > self._limits.max_repeats:
            raise too_many(
                f"fields `{name}` in one place", len(same), self._limits.max_repeats, node, or_more=True
            )

    def _inner(self, node: SelectionNode, spread: set[str]) -> SelectionSetNode | None:
        if isinstance(node, InlineFragmentNode):
            return node.selection_set
        if not isinstance(node, FragmentSpreadNode) or node.name.value in spread:
            return None
        spread.add(node.name.value)
        definition = self._fragments.get(node.name.value)
        if definition is None:
            return None
        self.seen.add(id(definition))
        return definition.selection_set


def _check_introspections(fields: dict[str, list[FieldNode]]) -> None:
    for name, allowed in _MOST_INTROSPECTIONS.items():
        asked = [nodes[0] for nodes in fields.values() if nodes[0].name.value == name]
        if len(asked) > allowed:
            raise too_many(f"fields `{name}`", len(asked), allowed, asked[allowed])
