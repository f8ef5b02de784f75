"""Runs an operation by a plan and by graphql-core, and holds the two results against each other."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from inspect import isawaitable
from typing import Any

from graphql import DocumentNode, ExecutionResult, GraphQLError, GraphQLSchema, execute, parse

from gateway.plans.compile import Prepared
from gateway.plans.engine import Engine
from gateway.plans.fields import FieldLoaders, Needs

# graphql-core's own directive: every error is told, and costs its own field alone.
_ALL_ERRORS = "@experimental_disableErrorPropagation"


@dataclass
class Surroundings:
    """A context as batch fields need it."""

    apart: Callable[[object], Any] = lambda _: None
    loaders: FieldLoaders = field(init=False)
    refused: Callable[[Needs, object], Exception | None] = lambda *_: None

    def __post_init__(self) -> None:
        self.loaders = FieldLoaders(self.apart)

    def refusal(self, needs: Needs, parent: object | None) -> Exception | None:
        """Whatever the test says."""
        return self.refused(needs, parent)


async def by_core(
    schema: GraphQLSchema,
    document: DocumentNode,
    root: Any,
    context: Any,
    variables: Mapping[str, Any] | None = None,
    name: str | None = None,
) -> ExecutionResult:
    """What graphql-core makes of it."""
    result = execute(schema, document, root, context, dict(variables or {}), name)
    return await result if isawaitable(result) else result


async def by_plan(
    schema: GraphQLSchema,
    document: DocumentNode,
    root: Any,
    context: Any,
    variables: Mapping[str, Any] | None = None,
    name: str | None = None,
    engine: Engine | None = None,
) -> ExecutionResult:
    """What a plan makes of it."""
    engine = engine or Engine(schema)
    return await engine.run(
        Prepared(document), context=context, root=root, variables=variables, operation_name=name
    )


def told(errors: list[GraphQLError] | None) -> Counter[str]:
    """Errors without their order: message, path, places in the document, and what they come from."""
    return Counter(
        repr((each.message, each.path, each.locations, type(each.original_error))) for each in errors or ()
    )


async def same(
    schema: GraphQLSchema,
    query: str,
    make_root: Callable[[], Any] = lambda: None,
    make_context: Callable[[], Any] = Surroundings,
    variables: Mapping[str, Any] | None = None,
    name: str | None = None,
    engine: Engine | None = None,
) -> ExecutionResult:
    """Run both ways; everything must be the same."""
    document = parse(query)
    expected = await by_core(schema, document, make_root(), make_context(), variables, name)
    result = await by_plan(schema, document, make_root(), make_context(), variables, name, engine)
    assert result.data == expected.data
    assert _order(result.data) == _order(expected.data)
    assert told(result.errors) == told(expected.errors)
    return result


async def same_but_for_races(
    schema: GraphQLSchema,
    query: str,
    make_root: Callable[[], Any],
    make_context: Callable[[], Any],
    variables: Mapping[str, Any] | None = None,
    engine: Engine | None = None,
) -> bool:
    """Run both ways, where fields are resolved at the same time; whether everything is the same.

    Where an object is null because of one of its fields, which errors of its other fields are told depends
    on what came first, with graphql-core too. Then all that are told must be among those that there are, and
    the same objects must be null.
    """
    document = parse(query)
    expected = await by_core(schema, document, make_root(), make_context(), variables)
    result = await by_plan(schema, document, make_root(), make_context(), variables, engine=engine)
    assert result.data == expected.data
    assert _order(result.data) == _order(expected.data)
    if told(result.errors) == told(expected.errors):
        return True
    own, raced = _parted(result)
    own_expected, raced_expected = _parted(expected)
    assert told(own) == told(own_expected)
    assert raced.keys() == raced_expected.keys()
    every = await by_core(
        schema, parse(query.replace("{", f"{_ALL_ERRORS} {{", 1)), make_root(), make_context(), variables
    )
    known = {(each.message, tuple(each.path or ())) for each in every.errors or ()}
    for errors in raced.values():
        assert {(each.message, tuple(each.path or ())) for each in errors} <= known
    return False


def _parted(
    result: ExecutionResult,
) -> tuple[list[GraphQLError], dict[tuple[str | int, ...], list[GraphQLError]]]:
    """Errors that cost their own field alone, and the others by what is null in the end."""
    own: list[GraphQLError] = []
    raced: dict[tuple[str | int, ...], list[GraphQLError]] = {}
    for error in result.errors or ():
        path, found, null = error.path or [], result.data, 0
        while found is not None and null < len(path):
            found = found[path[null]]  # type: ignore[index]
            null += 1
        if null == len(path) and path:
            own.append(error)
        raced.setdefault(tuple(path[:null]), []).append(error)
    nulls = {
        where for where, errors in raced.items() if any(len(each.path or ()) > len(where) for each in errors)
    }
    return [each for each in own if tuple(each.path or ()) not in nulls], {
        where: errors for where, errors in raced.items() if where in nulls
    }


def _order(data: Any) -> Any:
    """The names in their order: dicts are equal in any."""
    if isinstance(data, dict):
        return [(key, _order(value)) for key, value in data.items()]
    return [_order(each) for each in data] if isinstance(data, list) else None
