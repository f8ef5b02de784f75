from collections.abc import Sequence
from typing import Any

import pytest
from graphql import GraphQLInterfaceType, GraphQLObjectType, parse, validate

from gateway.domain.catalog import Source
from gateway.domain.ids import EntityType, Ref
from gateway.domain.pages import Feed, NoFeed, Page, SliceState
from gateway.domain.ports import Slot
from gateway.domain.records import Account, Case, Message, Origin, Ticket
from gateway.plans.estimate import estimate
from gateway.plans.price import Price
from gateway.plans.price_list import PriceList
from resolvers.schema import build_schema
from tests.resolvers.contexts import context

SCHEMA = build_schema()._schema
PRICES = PriceList(SCHEMA)


def _feeds(count: int) -> tuple[Feed[Any], ...]:
    async def read(offset: int, limit: int) -> Page[Any]:
        raise AssertionError("an estimate reads nothing")

    return tuple(Feed("desk", str(number), read, max_limit=30) for number in range(count))


class Hub:
    """Has cases whose messages are read apart, takes replies, and tells what a reply has become."""

    confirm_limit = 2

    async def read_cases(self, refs: Sequence[Ref]) -> list[Slot[Case]]:
        raise NotImplementedError

    async def read_messages(self, conversations: Sequence[Ref]) -> list[Slot[tuple[Message, ...]]]:
        raise NotImplementedError

    async def read_accounts(self, refs: Sequence[Ref]) -> list[Slot[Account]]:
        raise NotImplementedError

    async def confirm_messages(self, messages: Sequence[Ref]) -> list[Any]:
        raise NotImplementedError

    def name_conversation(self, ref: Ref) -> Case:
        missing = frozenset({"subject", "requester"})
        return Case(ref=ref, origin=Origin(ref.source, ref.parts[0]), guid=ref.parts[0], missing=missing)

    def list_cases(self, _: Any) -> tuple[Feed[Any], ...] | NoFeed:
        return _feeds(1)

    def list_conversations(self, _: Any) -> tuple[Feed[Any], ...] | NoFeed:
        return _feeds(2)

    def check_reply(self, _: Any) -> tuple[Any, ...]:
        return ()

    async def send_reply(self, _: Any, __: Any) -> Any:
        raise NotImplementedError


class Desk:
    """Has tickets that come with their messages, and has to look before it writes."""

    async def read_tickets(self, refs: Sequence[Ref]) -> list[Slot[Ticket]]:
        raise NotImplementedError

    async def read_messages(self, conversations: Sequence[Ref]) -> list[Slot[tuple[Message, ...]]]:
        raise NotImplementedError

    async def read_ticket_with_messages(self, refs: Sequence[Ref]) -> list[Any]:
        raise NotImplementedError

    async def prepare(self, _: Any) -> str | None:
        raise NotImplementedError

    def list_tickets(self, wanted: Any) -> tuple[Feed[Any], ...] | NoFeed:
        return NoFeed(SliceState.UNSUPPORTED, "No search.") if wanted.search else _feeds(3)

    def list_accounts(self, _: Any) -> tuple[Feed[Any], ...] | NoFeed:
        return _feeds(2)

    def check_reply(self, _: Any) -> tuple[Any, ...]:
        return ()

    async def send_reply(self, _: Any, __: Any) -> Any:
        raise NotImplementedError

    def check_ticket(self, _: Any) -> tuple[Any, ...]:
        return ()

    async def create_ticket(self, _: Any, __: Any) -> Ref:
        raise NotImplementedError

    def check_changes(self, _: Any) -> tuple[Any, ...]:
        return ()

    async def update_ticket(self, _: Any) -> None:
        raise NotImplementedError

    async def read_templates(self) -> tuple[Any, ...]:
        raise NotImplementedError


class Mute:
    """Takes replies into tickets that nothing can be read of."""

    def name_conversation(self, ref: Ref) -> Ticket:
        return Ticket(ref=ref, origin=Origin(ref.source, ref.parts[0]))

    def check_reply(self, _: Any) -> tuple[Any, ...]:
        return ()

    async def send_reply(self, _: Any, __: Any) -> Any:
        raise NotImplementedError


_CASES = {EntityType.CASE: ("[a-z]+",), EntityType.MESSAGE: ("[a-z]+", "[0-9]+"), EntityType.ACCOUNT: ("CUSTOMER", "[0-9]+")}  # fmt: skip
_TICKETS = {EntityType.TICKET: ("[0-9]+",), EntityType.MESSAGE: ("[0-9]+", "[0-9]+"), EntityType.ACCOUNT: ("CUSTOMER", "[0-9]+")}  # fmt: skip

HUB = Source("hub", "hub", "Hub", "", Hub(), _CASES)
DESK = Source("desk", "desk", "Desk", "", Desk(), _TICKETS)
MUTE = Source("mute", "mute", "Mute", "", Mute(), _TICKETS)
SECOND_HUB = Source("hub2", "hub", "Second hub", "", Hub(), _CASES)


def _id(entity: EntityType, source: str, *parts: str) -> str:
    return Ref(entity, source, parts).global_id


IDS = {
    "case": _id(EntityType.CASE, "hub", "a"),
    "ticket": _id(EntityType.TICKET, "desk", "1"),
    "mute": _id(EntityType.TICKET, "mute", "1"),
    "caseMessage": _id(EntityType.MESSAGE, "hub", "a", "1"),
    "ticketMessage": _id(EntityType.MESSAGE, "desk", "1", "1"),
    "muteMessage": _id(EntityType.MESSAGE, "mute", "1", "1"),
    "account": _id(EntityType.ACCOUNT, "hub", "CUSTOMER", "1"),
    "messages": [
        _id(EntityType.MESSAGE, "hub", case, number) for case, number in ("a1", "a2", "a3", "b1", "b2")
    ],
    "tooMany": [_id(EntityType.MESSAGE, "hub", "a", str(number)) for number in range(501)],
    "guids": ["a", "b", "c"],
}


async def _calls(document: str, *sources: Source, **variables: object) -> int:
    """Inside the running loop, where a context has to be made."""
    parsed = parse(document)
    assert validate(SCHEMA, parsed) == []
    return estimate(
        PRICES, parsed, None, {**IDS, **variables}, context(*(sources or (HUB, DESK, MUTE)))
    ).calls


# -- the schema


def test_every_field_that_may_fetch_declares_its_price() -> None:
    """Whatever awaits something, and every root field: a plain resolver is handed what it needs."""
    without = [
        f"{each.name}.{name}"
        for each in SCHEMA.type_map.values()
        if isinstance(each, GraphQLObjectType | GraphQLInterfaceType) and not each.name.startswith("__")
        for name, field in each.fields.items()
        if (declared := field.extensions["strawberry-definition"])
        and (each in {SCHEMA.query_type, SCHEMA.mutation_type} or declared.is_async)
        and not isinstance(declared.metadata.get(Price), Price)
    ]
    assert without == []


# -- single objects


@pytest.mark.parametrize(
    ("document", "calls"),
    [
        ("query($case: ID!) { case(id: $case) { subject } }", 1),
        ("query($case: ID!) { case(id: $case) { id } }", 1),
        ("query($case: ID!) { case(id: $case) { id messageCount } }", 1),
        ("query($case: ID!) { case(id: $case) { subject messageCount } }", 2),
        ("query($case: ID!) { case(id: $case) { subject requester { id } assignee { name } } }", 2),
        ("query($ticket: ID!) { ticket(id: $ticket) { subject messageCount lastMessage { id } } }", 1),
        ('{ ticket(ref: {source: "desk", nativeId: "1"}) { id lastMessage { conversation { subject } } } }', 1),
        ("query($mute: ID!) { ticket(id: $mute) { subject messageCount } }", 0),
        ("query($caseMessage: ID!) { message(id: $caseMessage) { preview parent { id } conversation { subject } } }", 2),
        ("query($caseMessage: ID!) { message(id: $caseMessage) { preview conversation { id messageCount } } }", 1),
        ("query($caseMessage: ID!) { message(id: $caseMessage) { preview conversation { id } } }", 2),
        ("query($ticketMessage: ID!) { message(id: $ticketMessage) { replies { totalCount } conversation { subject } } }", 1),
        ("query($muteMessage: ID!) { message(id: $muteMessage) { preview replies { totalCount } } }", 0),
        ("query($account: ID!) { node(id: $account) { ... on Account { name cases { nodes { messageCount } } } } }", 1 + 1 + 20),
        ('query($account: ID!, $after: String = "x") { account(id: $account) { cases(first: 100, after: $after) { totalCount } } }', 1 + 2),
        ("query($case: ID!, $ticket: ID!) { nodes(ids: [$case, $ticket, $ticket]) { ... on Conversation { subject } } }", 3),
        ("query($case: ID!, $ticket: ID!) { nodes(ids: [$case, $ticket]) { ... on Conversation { subject messageCount } } }", 2 + 2),
        ("query($ticket: ID!) { nodes(ids: [$ticket, $ticket]) { ... on Conversation { subject messageCount } } }", 2),
        ("{ nodes(ids: []) { id } }", 0),
        ("{ messageTemplates { heading } }", 1),
        ('{ messageTemplates(source: "hub") { heading } }', 0),
        ('{ sources { key } source(key: "hub") { key } writes { nodes { target { id } } } }', 0),
        ("{ writes(first: 3) { nodes { target { __typename } result { ... on Ticket { subject } } } } }", 3),
    ],
)  # fmt: skip
async def test_single_objects(document: str, calls: int) -> None:
    assert await _calls(document) == calls


@pytest.mark.parametrize(
    "document",
    [
        '{ node(id: "nonsense") { id } }',
        '{ nodes(ids: ["nonsense"]) { id } }',
        '{ ticket(ref: {source: "nowhere", nativeId: "1"}) { subject } }',
        '{ ticket(ref: {source: "desk", nativeId: "x"}) { subject } }',
        "query($case: ID!) { ticket(id: $case) { subject messageCount } }",
        '{ case(guid: "1") { subject } }',
        "{ tickets(first: 101) { nodes { messageCount } } }",
        '{ tickets(filter: {account: "x"}) { nodes { messageCount } } }',
        "query($tooMany: [ID!]!) { nodes(ids: $tooMany) { id } }",
        "query($tooMany: [ID!]) { cases(filter: {guids: $tooMany}) { nodes { subject } } }",
        "query($case: ID!) { case(id: $case) { id messages(last: 0) { nodes { conversation { subject } } } } }",
    ],
)
async def test_what_will_be_refused_costs_nothing(document: str) -> None:
    assert await _calls(document) == 0


# -- lists


@pytest.mark.parametrize(
    ("document", "calls"),
    [
        ("{ tickets { nodes { subject } } }", 3),
        ('{ tickets(filter: {search: "x"}) { nodes { subject } } }', 0),
        ('{ tickets(filter: {sources: ["hub", "mute"]}) { nodes { subject } } }', 0),
        ("query($account: ID!) { tickets(filter: {account: $account}) { nodes { subject } } }", 0),
        ("query($account: ID!) { cases(filter: {partner: $account}) { nodes { subject } } }", 1),
        ("{ tickets(first: 30) { nodes { subject } } }", 3),
        ("{ tickets(first: 31) { nodes { subject } } }", 6),
        ('{ tickets(first: 30, after: "x") { nodes { subject } } }', 6),
        ('{ tickets(first: 25, after: "x") { nodes { subject } } }', 3),
        ("{ conversations { nodes { subject } } }", 2 + 3),
        ("{ accounts { nodes { name } } }", 2),
        ("{ subscriptions { nodes { title } } }", 0),
        ("{ cases(first: 4) { nodes { subject messages(first: 50) { nodes { author { account { name } } } } } } }", 1 + 4 + 4 * 50),
    ],
)  # fmt: skip
async def test_a_list_costs_a_call_for_each_feed_and_page(document: str, calls: int) -> None:
    assert await _calls(document) == calls


BY_GUIDS = "query($guids: [ID!]) { cases(filter: {guids: $guids}) { nodes { %s } } }"


@pytest.mark.parametrize(
    ("document", "of_one", "of_two"),
    [
        ('{ case(guid: "a") { id messageCount } }', 1, 3),
        ('{ case(guid: "a") { subject messageCount } }', 2, 3),
        (BY_GUIDS % "subject", 3, 6),
        (BY_GUIDS % "id messageCount", 3, 9),
        (BY_GUIDS % "id lastMessage { conversation { subject } }", 6, 9),
        ('{ cases(filter: {guids: ["a"], sources: ["hub"]}) { nodes { id messageCount } } }', 1, 1),
        ('{ cases(first: 1, filter: {guids: ["a", "b"]}) { nodes { subject } } }', 1, 2),
        ("{ cases(filter: {guids: []}) { nodes { subject messageCount } } }", 0, 0),
    ],
)
async def test_a_guid_is_asked_of_each_source_with_cases(document: str, of_one: int, of_two: int) -> None:
    assert (await _calls(document), await _calls(document, HUB, DESK, SECOND_HUB)) == (of_one, of_two)


# -- writes


def _reply(to: str, payload: str) -> str:
    return f'mutation(${to}: ID!) {{ reply(input: {{to: ${to}, body: "x", idempotencyKey: "k"}}) {{ {payload} }} }}'


@pytest.mark.parametrize(
    ("document", "calls"),
    [
        (_reply("case", "message { id }"), 1),
        (_reply("caseMessage", "message { parent { preview } } conversation { messageCount }"), 2),
        (_reply("case", "conversation { subject messageCount }"), 3),
        (_reply("ticket", "message { id }"), 3),
        (_reply("ticket", "conversation { subject messageCount }"), 4),
        (_reply("mute", "conversation { subject messageCount }"), 1),
        (_reply("account", "message { id }"), 0),
        ('mutation($case: ID!) { createCaseMessage(input: {case: $case, type: "x", idempotencyKey: "k"}) { message { id } } }', 0),
        ('mutation { createTicket(input: {source: "desk", subject: "x", body: "x", idempotencyKey: "k"}) { ticket { id } } }', 3),
        ('mutation { createTicket(input: {source: "desk", subject: "x", body: "x", idempotencyKey: "k"}) { write { id } } }', 2),
        ('mutation { createTicket(input: {source: "hub", subject: "x", body: "x", idempotencyKey: "k"}) { ticket { id } } }', 0),
        ('mutation($ticket: ID!) { updateTicket(input: {id: $ticket, queue: "1"}) { ticket { subject messageCount } } }', 3),
        ('mutation($mute: ID!) { updateTicket(input: {id: $mute, queue: "1"}) { ticket { subject } } }', 0),
        ('mutation { createNotificationSubscription(input: {owner: {global: true}, title: "x", channels: [EMAIL], idempotencyKey: "k"}) { write { id } } }', 0),
    ],
)  # fmt: skip
async def test_writes(document: str, calls: int) -> None:
    assert await _calls(document) == calls


CONFIRM = "mutation($messages: [ID!]!) { confirmMessages(input: {messageIds: $messages}) { %s } }"


@pytest.mark.parametrize(
    ("payload", "calls"),
    [
        ("confirmed { id }", 2 + 3),
        ("confirmed { confirmedAt } alreadyConfirmed { preview }", 2 + 3 + 2),
        ("confirmed { id replies { totalCount } }", 2 + 3 + 2),
        ("confirmed { id conversation { subject } }", 2 + 3 + 2 + 5),
        ("write { parts { target { id } } }", 2 + 3),
        ("write { parts { target { ... on Message { preview } } } }", 2 + 3 + 5),
    ],
)
async def test_a_confirmation_reads_each_case_and_sends_what_goes_into_one_call(
    payload: str, calls: int
) -> None:
    assert await _calls(CONFIRM % payload) == calls


async def test_a_confirmation_that_will_be_refused_costs_nothing() -> None:
    document = CONFIRM % "confirmed { preview }"

    assert [await _calls(document, messages=IDS[name]) for name in ("tooMany", "ticketMessage")] == [0, 0]
    assert await _calls(document, messages=[]) == 0
