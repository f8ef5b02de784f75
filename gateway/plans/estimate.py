"""How many REST calls an operation may cause, told before it runs: see `gateway.plans.price`.

Each place of the document is worked out once, for one object, and multiplied: what stands in a fragment, or
under several aliases, is not walked again. Work that grows all the same (fragments can be combined into more
selections than they are) has an end, and the price is then the highest there is.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    SelectionSetNode,
    VariableValues,
    get_operation_ast,
    get_variable_values,
)
from strawberry.exceptions import StrawberryInputCoercionError

from gateway.domain.errors import GatewayError
from gateway.plans.fields import Fetch
from gateway.plans.price import LIMIT, Calls, Price
from gateway.plans.price_list import CostlyField, PriceList
from gateway.plans.selection import Selection, is_included

# No operation that a person wrote comes near it; see the limit of tokens.
MAX_STEPS = 10_000


@dataclass(frozen=True, slots=True)
class Estimate:
    """What an operation asks for, at most.

    Attributes:
        calls: In all.
        by_field: By root field, under its name in the answer.
        steps: How much of the document was looked at to tell.
    """

    calls: int
    by_field: Mapping[str, int]
    steps: int = field(default=0, compare=False)


class _Page(NamedTuple):
    """What a field says of the objects of the nearest list below it: see `Calls` and `Price`."""

    objects: int
    same_whole: bool
    paid: frozenset[str]


class _Cost(NamedTuple):
    """Of one object. `shared` are reads that others of the same whole share, by name."""

    calls: int = 0
    shared: Mapping[str, int] = MappingProxyType({})

    def plus(self, other: "_Cost") -> "_Cost":
        return _Cost(self.calls + other.calls, _largest(self.shared, other.shared))

    def either(self, other: "_Cost") -> "_Cost":
        return _Cost(max(self.calls, other.calls), _largest(self.shared, other.shared))

    def without(self, paid: frozenset[str]) -> "_Cost":
        if self.shared.keys().isdisjoint(paid):
            return self
        return _Cost(self.calls, {key: count for key, count in self.shared.items() if key not in paid})

    def of(self, count: int, *, same_whole: bool) -> "_Cost":
        """Of so many objects."""
        if same_whole:
            return _Cost(count * self.calls, self.shared)
        return _Cost(count * self.total)

    @property
    def total(self) -> int:
        return self.calls + sum(self.shared.values())


def _largest(one: Mapping[str, int], other: Mapping[str, int]) -> Mapping[str, int]:
    if not (one and other):
        return one or other
    return {key: max(one.get(key, 0), other.get(key, 0)) for key in one.keys() | other.keys()}


_NOTHING = _Cost()


def estimate(
    prices: PriceList,
    document: DocumentNode,
    operation_name: str | None,
    variables: Mapping[str, Any] | None,
    context: object,
) -> Estimate:
    """What an operation of a valid document costs at most; nothing, if it will be refused.

    Args:
        prices: Of the schema that the document was validated against.
        document: Validated.
        operation_name: Which operation, if there are several.
        variables: As the client sent them.
        context: The operation's, for the functions that work prices out.
    """
    operation = get_operation_ast(document, operation_name)
    if operation is None:
        return Estimate(0, {})
    root = prices.schema.get_root_type(operation.operation)
    # Whether they can be used is all that counts here: execution tells what is wrong with them.
    values = get_variable_values(
        prices.schema, operation.variable_definitions or (), dict(variables or {}), max_errors=1
    )
    if root is None or not isinstance(values, VariableValues):
        return Estimate(0, {})
    walk = _Walk(prices, document, values, context)
    try:
        costs = walk.fields_of(operation.selection_set, root.name)
    except (_TooIntricateError, RecursionError):
        return Estimate(LIMIT, {}, walk.steps)
    by_field = {key: min(LIMIT, cost.total) for key, cost in costs.items()}
    return Estimate(min(LIMIT, sum(by_field.values())), by_field, walk.steps)


class _TooIntricateError(Exception):
    """The walk has come to its end."""


class _Walk:
    """One operation's way through the prices."""

    def __init__(
        self, prices: PriceList, document: DocumentNode, variables: VariableValues, context: object
    ) -> None:
        self._prices = prices
        self._fragments = {
            each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)
        }
        self._variables = variables
        self._context = context
        # Nodes are known by their ids: as values they would be compared and hashed whole.
        self._found: dict[tuple[int, str], dict[int, FieldNode]] = {}
        self._below: dict[tuple[str, _Page | None, tuple[int, ...]], _Cost] = {}
        self._of: dict[tuple[str, _Page | None, tuple[int, ...]], _Cost] = {}
        self.steps = 0

    def fields_of(self, selection_set: SelectionSetNode, type_name: str) -> dict[str, _Cost]:
        """The cost of each field of an object, by its name in the answer."""
        groups = _grouped(self._find(selection_set, type_name).values())
        return {key: self._field(tuple(nodes), type_name, None) for key, nodes in groups.items()}

    def _step(self, looked_at: int = 1) -> None:
        self.steps += looked_at
        if self.steps > MAX_STEPS:
            raise _TooIntricateError

    def _field(self, nodes: tuple[FieldNode, ...], type_name: str, page: _Page | None) -> _Cost:
        """The cost of a field for one parent; several nodes are the same field written several times."""
        key = (type_name, page, tuple(map(id, nodes)))
        known = self._of.get(key)
        if known is None:
            self._step()
            field = self._prices.fields[type_name][nodes[0].name.value]
            known = self._of[key] = (
                self._plain(field, nodes, page)
                if field.price is None
                else self._priced(field, field.price, nodes)
            )
        return known

    def _plain(self, field: CostlyField, nodes: tuple[FieldNode, ...], page: _Page | None) -> _Cost:
        if not field.is_list:
            return self._objects(field, nodes, page)
        page = page or _Page(field.at_most, same_whole=False, paid=frozenset())
        one = self._objects(field, nodes, None).without(page.paid)
        return one.of(min(page.objects, field.at_most), same_whole=page.same_whole)

    def _priced(self, field: CostlyField, price: Price, nodes: tuple[FieldNode, ...]) -> _Cost:
        calls = self._calls(field, price, nodes)
        if calls is None:
            return _NOTHING
        count, page = 1, None
        if field.is_list:
            count = LIMIT if calls.objects is None else calls.objects
        elif calls.objects is not None:
            page = _Page(calls.objects, price.same_whole, calls.paid)
        one = self._objects(field, nodes, page).without(calls.paid)
        below = one.of(count, same_whole=price.same_whole)
        own = calls.count
        return below.plus(_Cost(own) if price.shared is None else _Cost(shared={price.shared: own}))

    def _calls(self, field: CostlyField, price: Price, nodes: tuple[FieldNode, ...]) -> Calls | None:
        """What the field itself comes to; None if it will refuse its arguments."""
        if isinstance(price.calls, Calls):
            return price.calls
        selection = Selection(nodes, self._fragments, self._variables.coerced)
        fetch: Fetch[Any] = Fetch(self._context, selection, (), nodes)
        try:
            return price.calls(fetch, **self._prices.arguments(field, nodes[0], self._variables))
        except (GatewayError, GraphQLError, StrawberryInputCoercionError):
            return None

    def _objects(self, field: CostlyField, nodes: tuple[FieldNode, ...], page: _Page | None) -> _Cost:
        """The cost of what is selected of one of the field's objects, of whichever type costs most."""
        cost = _NOTHING
        for type_name in field.types:
            of_type = self._object(nodes, type_name, page)
            cost = of_type if cost is _NOTHING else cost.either(of_type)
        return cost

    def _object(self, nodes: tuple[FieldNode, ...], type_name: str, page: _Page | None) -> _Cost:
        found = self._find(nodes[0].selection_set, type_name)
        for node in nodes[1:]:
            found = found | self._find(node.selection_set, type_name)
        if not found:
            return _NOTHING
        key = (type_name, page, tuple(found))
        known = self._below.get(key)
        if known is None:
            known = _NOTHING
            for group in _grouped(found.values()).values():
                self._step(len(group))
                known = known.plus(self._field(tuple(group), type_name, page))
            self._below[key] = known
        return known

    def _find(self, selection_set: SelectionSetNode | None, type_name: str) -> dict[int, FieldNode]:
        """The fields of a selection that cost something on an object of the type, fragments flattened."""
        if selection_set is None:
            return {}
        key = (id(selection_set), type_name)
        found = self._found.get(key)
        if found is None:
            # Known from the start, so that fragments which lead back to themselves end.
            found = self._found[key] = {}
            costly = self._prices.fields[type_name]
            for node in selection_set.selections:
                self._step()
                if node.directives and not is_included(node, self._variables.coerced):
                    continue
                if isinstance(node, FieldNode):
                    if node.name.value in costly:
                        found[id(node)] = node
                elif isinstance(node, FragmentSpreadNode):
                    found |= self._find_in(self._fragments[node.name.value], type_name)
                elif isinstance(node, InlineFragmentNode):
                    found |= self._find_in(node, type_name)
        return found

    def _find_in(
        self, fragment: FragmentDefinitionNode | InlineFragmentNode, type_name: str
    ) -> dict[int, FieldNode]:
        condition = fragment.type_condition
        if condition is not None and condition.name.value not in self._prices.conditions[type_name]:
            return {}
        return self._find(fragment.selection_set, type_name)


def _grouped(nodes: Iterable[FieldNode]) -> dict[str, list[FieldNode]]:
    groups: dict[str, list[FieldNode]] = {}
    for node in nodes:
        groups.setdefault((node.alias or node.name).value, []).append(node)
    return groups
