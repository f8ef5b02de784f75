"""What is asked: the same operations of every server."""

import itertools
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from bench.load import UNIQUE
from bench.upstream import World

_CASE = "id guid number subject status { raw } createdAt"
# Eight of them.
_MESSAGE = """id createdAt declaredAt confirmedAt externalId
    kind { raw } body { text } author { role }"""

_CASES = f"""query Cases($guids: [ID!]!, $messages: Int) {{
  cases(filter: {{guids: $guids}}, first: 10) {{ nodes {{ {_CASE}
    messages(first: $messages) {{ nodes {{ {_MESSAGE} }} }} }} }} }}"""
_ONE_CASE = f"""query Case($guid: ID!, $messages: Int) {{
  case(guid: $guid) {{ {_CASE}
    messages(first: $messages) {{ nodes {{ {_MESSAGE} }} }} }} }}"""
_TICKETS = """query Tickets($queue: String!) {
  tickets(filter: {queue: $queue}, first: 100) { nodes { id number subject status { raw }
    requester { id name email } } } }"""
_INBOX = """query Inbox {
  conversations(first: 20) { nodes { __typename id subject status { raw }
    lastMessage { id createdAt body { text } author { role account { id name } } } } } }"""

_REPLY = """mutation Reply($input: ReplyInput!) {
  reply(input: $input) { write { state } message { id createdAt body { text } } userErrors { code } } }"""


@dataclass(frozen=True, slots=True)
class Workload:
    """One operation with many variables.

    Attributes:
        connections: How many clients ask at once where nothing else is said.
    """

    name: str
    title: str
    query: str
    variables: Sequence[Mapping[str, Any]]
    connections: int = 8

    @property
    def bodies(self) -> list[bytes]:
        """What is posted, once for each of the variables."""
        return [orjson.dumps({"query": self.query, "variables": each}) for each in self.variables]


def workloads(world: World) -> list[Workload]:
    """W1 to W5. What a server might share between requests of the same moment differs between them."""
    return [
        Workload("W1", "10 cases x 20 messages x 8 fields", _CASES, _tens(world.guids, 20, orders=10)),
        Workload(
            "W2",
            "100 tickets with requester (20 distinct)",
            _TICKETS,
            [{"queue": queue} for queue in world.queues],
        ),
        Workload("W3", "one case with 20 messages", _ONE_CASE, _ones(world.guids, 20)),
        Workload("W4", "{__typename}", "{__typename}", [{}]),
        # Lists of several sources take no filter that both know, so all requests are alike: one client.
        Workload("W5", "20 conversations with last message and author", _INBOX, [{}], connections=1),
    ]


def growth(world: World) -> list[Workload]:
    """One, ten and a hundred times as many messages."""
    few, many = world.grown[10], world.grown[100]
    return [
        Workload("G1", "1 case x 10 messages", _ONE_CASE, _ones(few, 10)),
        Workload("G10", "1 case x 100 messages", _ONE_CASE, _ones(many, 100)),
        Workload("G100", "10 cases x 100 messages", _CASES, _tens(many, 100, orders=1)),
    ]


def replies(guids: Sequence[str]) -> Workload:
    """W6, to the cases of these guids in turn."""
    inputs = [
        {
            "toRef": {"source": "hub", "nativeId": guid},
            "body": "Hello, your repair is done and can be fetched on Monday.",
            "idempotencyKey": UNIQUE,
        }
        for guid in guids
    ]
    return Workload("W6", "a reply, recorded on SQLite", _REPLY, [{"input": each} for each in inputs])


def _ones(guids: Sequence[str], messages: int) -> list[Mapping[str, Any]]:
    return [{"guid": guid, "messages": messages} for guid in guids]


def _tens(guids: Sequence[str], messages: int, *, orders: int) -> list[Mapping[str, Any]]:
    """All guids in so many orders, ten to a request. Where they are few, two orders would meet."""
    shuffled = random.Random(1)  # noqa: S311 - no secret
    shuffles = (shuffled.sample(guids, len(guids)) for _ in range(orders))
    return [
        {"guids": list(ten), "messages": messages}
        for order in shuffles
        for ten in itertools.zip_longest(*[iter(order)] * 10)
    ]
