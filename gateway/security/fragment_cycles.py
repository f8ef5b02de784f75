"""Fragments that lead back to themselves: refused before anything walks along them."""

from collections.abc import Iterator, Mapping

from graphql import FragmentSpreadNode, GraphQLError


def check_cycles(spreads: Mapping[str, list[FragmentSpreadNode]]) -> None:
    """Refuse fragments that lead back to themselves, in the words of graphql-core's validation.

    Args:
        spreads: What each fragment spreads.
    Raises:
        GraphQLError: One does.
    """
    done: set[str] = set()
    for start, spread_there in spreads.items():
        if start in done:
            continue
        path: list[tuple[str, Iterator[FragmentSpreadNode]]] = [(start, iter(spread_there))]
        way: dict[str, FragmentSpreadNode | None] = {start: None}
        while path:
            name, rest = path[-1]
            spread = next(rest, None)
            if spread is None:
                path.pop()
                del way[name]
                done.add(name)
                continue
            to = spread.name.value
            if to in way:
                raise _cycle(to, [*_after(to, way), spread])
            if to in spreads and to not in done:
                way[to] = spread
                path.append((to, iter(spreads[to])))


def _after(name: str, way: dict[str, FragmentSpreadNode | None]) -> list[FragmentSpreadNode]:
    names = list(way)
    taken = [way[each] for each in names[names.index(name) + 1 :]]
    return [each for each in taken if each is not None]


def _cycle(name: str, spreads: list[FragmentSpreadNode]) -> GraphQLError:
    via = ", ".join(f"'{each.name.value}'" for each in spreads[:-1])
    return GraphQLError(
        f"Cannot spread fragment '{name}' within itself{f' via {via}' if via else ''}.", spreads
    )
