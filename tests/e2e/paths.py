"""Every way through the graph to a record: documents that take them all, and what their answers show."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_composite_type,
    is_object_type,
)

from gateway.domain.access import Scope

# What each scope shows.
SHOWN: Mapping[Scope, frozenset[str]] = {
    Scope.ACCOUNTS_READ: frozenset({"Account"}),
    Scope.CASES_READ: frozenset({"Case"}),
    Scope.TICKETS_READ: frozenset({"Ticket"}),
    Scope.MESSAGES_READ: frozenset({"Message"}),
    Scope.SUBSCRIPTIONS_READ: frozenset({"NotificationSubscription", "ProductSubscription"}),
    Scope.SUBSCRIBERS_READ: frozenset({"Subscribers"}),
    Scope.TEMPLATES_READ: frozenset({"MessageTemplate"}),
}
RECORDS = frozenset().union(*SHOWN.values()) - {"Subscribers"}
# They lead nowhere, or to no record.
_ASIDE = frozenset({"Source", "Origin", "PageInfo", "SourceSlice", "UserError", "Viewer"})
Path = tuple[str, ...]


class Paths:
    """Selections below a type that take every way which meets no kind of record twice."""

    def __init__(self, schema: GraphQLSchema, *, max_records: int) -> None:
        self._schema = schema
        self._max_records = max_records

    def below(self, type_name: str, met: frozenset[str] = frozenset()) -> str:
        """A selection set for a type, down to so many records deep."""
        met_here = met | {type_name}
        of_type = self._schema.type_map[type_name]
        parts = ["__typename"]
        if isinstance(of_type, GraphQLInterfaceType):
            parts += [
                f"... on {each.name} {self.below(each.name, met)}"
                for each in self._schema.get_possible_types(of_type)
                if each.name not in met and each.name not in _ASIDE
            ]
            return "{ " + " ".join(parts) + " }"
        assert isinstance(of_type, GraphQLObjectType)
        if type_name in RECORDS:
            parts.append("origin { source { key } }")
            if len(met_here & RECORDS) == self._max_records:
                return "{ " + " ".join(parts) + " }"
        if "sources" in of_type.fields:
            parts.append("sources { state }")
        if type_name in {"Case", "Ticket"}:
            parts.append("messageCount unconfirmedCount")
        for name, field in of_type.fields.items():
            target = get_named_type(field.type)
            if not is_composite_type(target) or target.name in _ASIDE or name == "origin":
                continue
            if is_object_type(target) and target.name in met:
                continue
            if name == "edges" and met & RECORDS:
                continue
            size = "(first: 2)" if "first" in field.args else ""
            # Inside a fragment, siblings of one name may differ in their type.
            parts.append(f"{_alias(type_name, name)}{name}{size} {self.below(target.name, met_here)}")
        return "{ " + " ".join(parts) + " }"


def _alias(type_name: str, name: str) -> str:
    return f"{type_name}_{name}: " if type_name in RECORDS else ""


@dataclass(frozen=True)
class Seen:
    """What an answer shows: the way to each record, its kind, and its source."""

    path: Path
    kind: str
    source: str | None


def seen(node: Any, path: Path = ()) -> Iterator[Seen]:
    """The records of an answer, wherever they stand. Places in lists don't count as different ways."""
    if isinstance(node, list):
        for each in node:
            yield from seen(each, path)
    elif isinstance(node, dict):
        kind = node.get("__typename", "")
        if kind in RECORDS or kind == "Subscribers":
            origin = node.get("origin")
            yield Seen(path, kind, origin and origin["source"]["key"])
        for name, value in node.items():
            yield from seen(value, (*path, name))


def counted(node: Any, path: Path = ()) -> Iterator[Path]:
    """Where an answer tells how many messages there are."""
    if isinstance(node, list):
        for each in node:
            yield from counted(each, path)
    elif isinstance(node, dict):
        for name, value in node.items():
            if name in {"messageCount", "unconfirmedCount"} and value is not None:
                yield (*path, name)
            yield from counted(value, (*path, name))


def refusals(answer: dict[str, Any]) -> set[Path]:
    """The ways that were refused: by an error, or of a list some source's part."""
    return {
        tuple(part for part in error["path"] if isinstance(part, str))
        for error in answer.get("errors", ())
        if error["extensions"]["code"] == "FORBIDDEN"
    } | set(_shortened(answer["data"]))


def _shortened(node: Any, path: Path = ()) -> Iterator[Path]:
    if isinstance(node, list):
        for each in node:
            yield from _shortened(each, path)
    elif isinstance(node, dict):
        if {"state": "FORBIDDEN"} in node.get("sources", ()):
            yield path
        for name, value in node.items():
            yield from _shortened(value, (*path, name))


def first_of(found: Iterable[Seen], kinds: frozenset[str]) -> set[Path]:
    """The ways to the first record of these kinds: what is behind one isn't reached any more."""
    ways = {each.path for each in found if each.kind in kinds}
    return {way for way in ways if not any(way[:length] in ways for length in range(1, len(way)))}
