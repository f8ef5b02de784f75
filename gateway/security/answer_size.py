"""How many objects an answer may hold: told before the operation runs, from the document and its variables.

Worked out once per operation, as a sum of products that then only needs the variables. What an argument says
of a list's length counts (`first`, `last`, or how many ids are given); a list of which nothing says how long
it is counts as a page of the usual size. Introspection isn't counted: its answers are bounded by the schema.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLType,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    is_input_object_type,
    is_leaf_type,
)

from gateway.security.exceeding import DocumentTooLarge
from gateway.security.limit_settings import LimitSettings

_PAGING = ("first", "last")


@dataclass(frozen=True, slots=True)
class PageSizes:
    """How many objects a page has where nothing is said, and at most."""

    usual: int = 20
    largest: int = 100


@dataclass(frozen=True, slots=True)
class _Variable:
    """A length that a variable gives; `otherwise` is that of its default. 0: nothing is said."""

    name: str
    otherwise: int
    is_page: bool

    def length(self, variables: Mapping[str, Any], pages: PageSizes) -> int:
        value = variables.get(self.name)
        if self.is_page:
            # JSON's 100.0 is an Int too. What is none is refused before anything is listed.
            return _page(int(value), pages) if isinstance(value, int | float) else self.otherwise
        if isinstance(value, dict):
            return max((len(each) for each in value.values() if isinstance(each, list)), default=0)
        return len(value) if isinstance(value, list) else self.otherwise


class _Length(NamedTuple):
    """The largest of what the arguments say."""

    at_least: int
    variables: tuple[_Variable, ...] = ()

    def of(self, variables: Mapping[str, Any], pages: PageSizes) -> int:
        said = max((self.at_least, *(each.length(variables, pages) for each in self.variables)))
        return said or pages.usual


@dataclass(frozen=True, slots=True)
class _Sum:
    """Objects below one object: some that are there once, and lists of others."""

    once: int
    lists: tuple[tuple[_Length, "_Sum"], ...]

    def of(self, variables: Mapping[str, Any], pages: PageSizes) -> int:
        total = self.once
        for length, each in self.lists:
            total += length.of(variables, pages) * (1 + each.of(variables, pages))
        return total


@dataclass(frozen=True, slots=True)
class AnswerSize:
    """How many objects an operation's answer may hold, for any variables."""

    _sum: _Sum
    _pages: PageSizes

    def objects(self, variables: Mapping[str, Any] | None) -> int:
        """So many at most, with the variables as the client sent them."""
        return self._sum.of(variables or {}, self._pages)

    def check(self, variables: Mapping[str, Any] | None, limits: LimitSettings) -> None:
        """Look whether that is within the limit.

        Raises:
            DocumentTooLarge: It isn't.
        """
        found = self.objects(variables)
        if found > limits.max_objects:
            raise DocumentTooLarge(
                f"The answer may hold {found} objects and values, and {limits.max_objects} are allowed. "
                "Ask for smaller pages, or nest fewer lists."
            )


def answer_size(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    pages: PageSizes = PageSizes(),
) -> AnswerSize:
    """Work out an operation's answer size.

    Args:
        schema: What the document was validated against.
        document: Valid, and within the limits: this walks as far as they allow.
        operation: One of its operations.
        pages: The sizes of pages.
    """
    root = schema.get_root_type(operation.operation)
    walk = _Walk(schema, document, operation, pages)
    if root is None:
        return AnswerSize(_Sum(0, ()), pages)
    return AnswerSize(walk.below([(operation.selection_set, root)], None), pages)


_Place = list[tuple[SelectionSetNode, GraphQLNamedType]]


class _Walk:
    def __init__(
        self,
        schema: GraphQLSchema,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        pages: PageSizes,
    ) -> None:
        self._schema = schema
        self._pages = pages
        self._fragments = {
            each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)
        }
        self._defaults = {
            each.variable.name.value: each.default_value for each in operation.variable_definitions or ()
        }

    def below(self, place: _Place, page: _Length | None) -> _Sum:
        """What is selected of one object; `page` is the length of the next list, if something above says."""
        once = 0
        lists: list[tuple[_Length, _Sum]] = []
        for field, nodes in self._fields(place):
            named = get_named_type(field.type)
            if is_leaf_type(named):
                once += 1
                continue
            length = self._said(field, nodes[0]) or page
            inner: _Place = [(each.selection_set, named) for each in nodes if each.selection_set]
            if _is_list(field.type):
                lists.append((length or _Length(self._pages.usual), self.below(inner, None)))
            else:
                sum_ = self.below(inner, length)
                once += 1 + sum_.once
                lists += sum_.lists
        return _Sum(once, tuple(lists))

    def _fields(self, place: _Place) -> Iterable[tuple[GraphQLField, list[FieldNode]]]:
        """The fields of a place: nodes of one name are one, whatever type they are asked of."""
        found: dict[str, tuple[GraphQLField, list[FieldNode]]] = {}
        spread: set[str] = set()
        todo = list(place)
        while todo:
            selection_set, parent = todo.pop()
            for node in selection_set.selections:
                if isinstance(node, FieldNode):
                    field = _field(parent, node)
                    if field is not None:
                        found.setdefault((node.alias or node.name).value, (field, []))[1].append(node)
                elif isinstance(node, InlineFragmentNode):
                    condition = node.type_condition
                    of = parent if condition is None else self._schema.type_map[condition.name.value]
                    todo.append((node.selection_set, of))
                elif isinstance(node, FragmentSpreadNode) and node.name.value not in spread:
                    spread.add(node.name.value)
                    definition = self._fragments[node.name.value]
                    todo.append(
                        (
                            definition.selection_set,
                            self._schema.type_map[definition.type_condition.name.value],
                        )
                    )
        return found.values()

    def _said(self, field: GraphQLField, node: FieldNode) -> _Length | None:
        """What a field's arguments say of the length of its list, or of the lists of what it gives."""
        given = {each.name.value: each.value for each in node.arguments or ()}
        if not field.args.keys().isdisjoint(_PAGING):
            values = [given[name] for name in _PAGING if name in given]
            lengths = [self._page_length(each) for each in values]
            return _longest(lengths) or _Length(self._pages.usual)
        return _longest(
            length
            for name, value in given.items()
            if _may_hold_list(field.args[name].type)
            for length in self._list_lengths(value)
        )

    def _page_length(self, value: ValueNode | None) -> _Length:
        if isinstance(value, IntValueNode):
            return _Length(_page(int(value.value), self._pages))
        if isinstance(value, VariableNode):
            name = value.name.value
            default = self._defaults.get(name)
            otherwise = self._page_length(default).at_least
            return _Length(0, (_Variable(name, otherwise, is_page=True),))
        return _Length(self._pages.usual)

    def _list_lengths(self, value: ValueNode) -> Iterable[_Length]:
        if isinstance(value, ListValueNode):
            yield _Length(len(value.values))
        elif isinstance(value, ObjectValueNode):
            for each in value.fields:
                yield from self._list_lengths(each.value)
        elif isinstance(value, VariableNode):
            default = self._defaults.get(value.name.value)
            known = () if default is None else tuple(self._list_lengths(default))
            otherwise = max((each.at_least for each in known), default=0)
            yield _Length(0, (_Variable(value.name.value, otherwise, is_page=False),))


def _page(size: int, pages: PageSizes) -> int:
    """More than the largest page is refused where it is asked for, with words of its own."""
    return max(1, min(size, pages.largest))


def _longest(lengths: Iterable[_Length]) -> _Length | None:
    known = list(lengths)
    if not known:
        return None
    return _Length(
        max(each.at_least for each in known), tuple(variable for each in known for variable in each.variables)
    )


def _is_list(type_: GraphQLType) -> bool:
    bare = type_.of_type if isinstance(type_, GraphQLNonNull) else type_
    return isinstance(bare, GraphQLList)


def _may_hold_list(type_: GraphQLType) -> bool:
    return _is_list(type_) or is_input_object_type(get_named_type(type_))


def _field(parent: GraphQLNamedType, node: FieldNode) -> GraphQLField | None:
    """None for introspection."""
    if not isinstance(parent, GraphQLObjectType | GraphQLInterfaceType):
        return None
    found: GraphQLField | None = parent.fields.get(node.name.value)
    return found
