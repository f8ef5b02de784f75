"""What the clients ask: operations whose every root field is known to be one source's, or fed by several."""

import itertools
import random
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import orjson

from gateway.sandbox import KINDS, Sandbox

Execute = Callable[[str, Mapping[str, Any]], Awaitable[Any]]


class Shape(StrEnum):
    """How a root field belongs to sources."""

    ONE = "one"  # all of it is one source's
    SLOTS = "slots"  # a list with a slot for each source
    MERGED = "merged"  # a connection that several sources feed


@dataclass(frozen=True, slots=True)
class Part:
    """A root field by its alias."""

    alias: str
    shape: Shape
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """A query, and whose its parts are."""

    name: str
    query: str
    variables: Mapping[str, Any]
    parts: tuple[Part, ...]

    @property
    def sources(self) -> frozenset[str]:
        """Those that it asks."""
        return frozenset(source for part in self.parts for source in part.sources)

    @property
    def key(self) -> str:
        """The same for what asks for the same."""
        return f"{self.query} {orjson.dumps(self.variables).decode()}"

    def limited_to(self, sources: Sequence[str]) -> "Operation":
        """The same, with merged lists that have these sources alone."""
        return replace(self, variables={**self.variables, "sources": list(sources)})


_FIELDS = {
    "tulo": "... on Account { name email tickets { nodes { subject } } subscriptions { nodes { title } } }",
    "service_order_hub": "... on Case { subject number status { raw } messages { nodes { body { text } } } }",
    "netevia": "... on Account { name email }",
    "telecomx": "... on Account { name email subscriptions { nodes { id } } }",
    "thulium": "... on Ticket { subject requester { name } messages { nodes { body { text } } } }",
}
_LOOKUP = """query($id: ID!) { found: node(id: $id) {
  id ... on Account { name email } ... on Case { subject } ... on Ticket { subject } } }"""
_SLOTS = """query($ids: [ID!]!) { found: nodes(ids: $ids) {
  id ... on Account { name email } ... on Case { subject } ... on Ticket { subject } } }"""
_SLICES = "sources { source { key } state error { code } }"
_INBOX = f"""query($sources: [String!]) {{ found: conversations(first: 10, filter: {{sources: $sources}}) {{
  nodes {{ id origin {{ source {{ key }} }} subject requester {{ name }} }} {_SLICES} }} }}"""
_PEOPLE = f"""query($sources: [String!]) {{ found: accounts(first: 40, filter: {{sources: $sources}}) {{
  nodes {{ id origin {{ source {{ key }} }} name email }} {_SLICES} }} }}"""
_INBOX_OF = ("service_order_hub", "telecomx", "thulium")
_PEOPLE_OF = ("netevia", "telecomx", "thulium")

Ids = Mapping[str, Sequence[str]]


async def learn_ids(execute: Execute) -> dict[str, list[str]]:
    """The global ids of some objects of each source; none of Thulium's that stand in the inbox's page."""
    listed = await execute(
        """query { service_order_hub: cases(first: 40) { nodes { id } }
          netevia: accounts(first: 40, filter: {sources: ["netevia"]}) { nodes { id } }
          telecomx: accounts(first: 40, filter: {sources: ["telecomx"]}) { nodes { id } }
          thulium: tickets(first: 60, filter: {sources: ["thulium"]}) { nodes { id } } }""",
        {},
    )
    ids = {source: [each["id"] for each in page["nodes"]] for source, page in listed.items()}
    ids["thulium"] = ids["thulium"][20:]
    found = await execute(
        "query { "
        + " ".join(
            f'a{number}: account(lookup: {{source: "tulo", nativeId: "{each}"}}) {{ id }}'
            for number, each in enumerate(list(Sandbox().world.tulo.accounts)[:40])
        )
        + " }",
        {},
    )
    ids["tulo"] = [each["id"] for each in found.values()]
    return {source: ids[source] for source in KINDS}


def lookup(source: str, node: str) -> Operation:
    """One object: one call to its source."""
    return Operation(f"lookup {source}", _LOOKUP, {"id": node}, (Part("found", Shape.ONE, (source,)),))


def slots(nodes: Mapping[str, str]) -> Operation:
    """An object of each source, by one field."""
    part = Part("found", Shape.SLOTS, tuple(nodes))
    return Operation("nodes", _SLOTS, {"ids": list(nodes.values())}, (part,))


def desk(nodes: Mapping[str, str]) -> Operation:
    """An object of each source with what hangs below it, side by side."""
    arguments = ", ".join(f"${source}: ID!" for source in nodes)
    fields = " ".join(f"{source}: node(id: ${source}) {{ id {_FIELDS[source]} }}" for source in nodes)
    parts = tuple(Part(source, Shape.ONE, (source,)) for source in nodes)
    return Operation(f"desk of {len(nodes)}", f"query({arguments}) {{ {fields} }}", dict(nodes), parts)


INBOX = Operation("inbox", _INBOX, {"sources": None}, (Part("found", Shape.MERGED, _INBOX_OF),))
PEOPLE = Operation("people", _PEOPLE, {"sources": None}, (Part("found", Shape.MERGED, _PEOPLE_OF),))

# Of a hundred operations: how many ask the sick source for one object, and so on.
_MIX = {"lookup": 35, "desk": 20, "nodes": 15, "inbox": 10, "people": 5, "apart": 15}


class Mix:
    """Draws operations by a seed; of two draws with one seed and one source, all are the same.

    So many different `objects` of a source are asked for, in turn.
    """

    def __init__(self, ids: Ids, *, seed: int, objects: int = 16) -> None:
        self._ids = ids
        self._seed = seed
        self._objects = objects

    def around(self, source: str, count: int) -> list[Operation]:
        """Operations of which most ask a source, and some don't."""
        draw = random.Random(f"failures {self._seed} {source}")  # noqa: S311 - repeatable, not secret
        kinds = draw.choices(list(_MIX), list(_MIX.values()), k=count)
        return [self._one(kind, source, number) for number, kind in enumerate(kinds)]

    def lookups(self, source: str) -> Iterator[Operation]:
        """One object of a source after the other, without an end."""
        return (self._one("lookup", source, number) for number in itertools.count())

    def apart(self, source: str) -> Iterator[Operation]:
        """What doesn't touch a source, without an end."""
        return (self._one("apart", source, number) for number in itertools.count())

    def all(self, sources: Iterable[str]) -> Iterator[Operation]:
        """Every one that can be drawn around these sources."""
        for source in sources:
            for kind in _MIX:
                for number in range(self._objects):
                    yield self._one(kind, source, number)

    def _one(self, kind: str, source: str, number: int) -> Operation:
        number %= self._objects
        everywhere = {each: nodes[number % len(nodes)] for each, nodes in self._ids.items()}
        match kind:
            case "lookup":
                return lookup(source, everywhere[source])
            case "desk":
                return desk(everywhere)
            case "nodes":
                return slots(everywhere)
            case "inbox":
                return INBOX
            case "people":
                return PEOPLE
            case _:
                del everywhere[source]
                return desk(everywhere)
