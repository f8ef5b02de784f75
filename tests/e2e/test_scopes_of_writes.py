"""What may not be written isn't: nothing is sent or recorded but the refusal. And a write that is done is
told to those, too, who may not see what it has become.
"""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.domain.access import Scope
from gateway.sandbox import Faults
from resolvers.access import WRITES
from tests.e2e.paths import SHOWN, first_of, refusals, seen
from tests.e2e.permitted_writes import (
    ASIDE,
    OPERATOR,
    SCHEMA,
    SENDINGS,
    Sending,
    World,
    elsewhere,
    errors_of,
    everything_but,
    fresh_key,
    operator,
    refused_event,
    sending,
    whole_payload,
)
from tests.e2e.principals import Caller, open_desk

_GLOBAL = Scope.SUBSCRIPTIONS_WRITE_GLOBAL
_MESSAGES_READ = Scope.MESSAGES_READ
_WRITERS = sorted({each.needs for each in SENDINGS})
_DONE = "{ write { state } userErrors { code } }"
# The walk over the payloads asks for all at once.
_AT_LENGTH = {
    "operations": {"timeout_s": 60, "max_timeout_s": 60, "max_calls": 1000, "max_calls_per_source": 1000},
    "limits": {
        "max_tokens": 20_000,
        "max_document_characters": 1024**2,
        "max_aliases": 10_000,
        "max_selections": 100_000,
        "max_depth": 50,
        "max_estimated_calls": 1_000_000,
        "max_objects": 10_000_000,
    },
}


@pytest.fixture(scope="module")
async def world() -> AsyncIterator[World]:
    callers = {OPERATOR: operator(), "reads": Caller([each for each in Scope if each.endswith(":read")])}
    callers |= {f"not {each}": everything_but(each) for each in (*_WRITERS, *SHOWN, _GLOBAL)}
    callers |= {_not_here(each): elsewhere(each.needs, each.source) for each in SENDINGS}
    callers |= {each.value: Caller([each]) for each in Scope}
    callers["confirms at the hub"] = Caller(["messages:read", "messages:confirm@service_order_hub"])
    callers["resellers' topics"] = everything_but(_GLOBAL)
    callers["global elsewhere"] = elsewhere(_GLOBAL, "telecomx")
    async with open_desk(callers, settings=_AT_LENGTH) as desk:
        yield await World.of(desk)


def _not_here(each: Sending) -> str:
    return f"{each.needs} not at {each.source}"


async def test_every_mutation_at_every_source_has_its_test(world: World) -> None:
    assert SCHEMA.mutation_type is not None
    mutations = set(SCHEMA.mutation_type.fields)
    assert {each.mutation for each in SENDINGS} == mutations - ASIDE == set(WRITES)
    assert {each.mutation: each.needs for each in SENDINGS} == WRITES
    found = await world.desk.ask(OPERATOR, "{ sources { key capabilities } }")
    able = {(each["key"], can) for each in found["data"]["sources"] for can in each["capabilities"]}
    named = {each.mutation: each.capability for each in SENDINGS}
    assert {(each.mutation, each.source) for each in SENDINGS} == {
        (mutation, source) for mutation, can in named.items() for source, has in able if has == can
    }


@pytest.mark.parametrize("each", SENDINGS, ids=str)
@pytest.mark.parametrize("limited", [False, True], ids=["without", "only elsewhere"])
async def test_without_its_scope_nothing_is_sent_or_recorded_but_the_refusal(
    world: World, each: Sending, *, limited: bool
) -> None:
    caller = _not_here(each) if limited else f"not {each.needs}"
    given = await world.prepare(each)
    writes, events = await world.recorded(caller)
    world.desk.stack.forget()
    answer = await world.ask(caller, each, given, whole_payload(each))
    assert world.arrived() == []
    assert answer["data"] == {each.mutation: None}
    assert errors_of(answer) == [([each.mutation], "FORBIDDEN")]
    refusal = refused_event(each, each.needs, source=each.source if limited else None)
    assert await world.recorded(caller) == (writes, [*events, refusal])


@pytest.mark.parametrize("each", SENDINGS, ids=str)
async def test_its_scope_alone_suffices_to_write(world: World, each: Sending) -> None:
    # What is confirmed already isn't sent, so that has to be read: see below.
    caller = OPERATOR if each.mutation == "confirmMessages" else _alone(each)
    given = await world.prepare(each)
    writes, _ = await world.recorded(caller)
    world.desk.stack.forget()
    answer = await world.ask(caller, each, given, _DONE)
    assert answer == {"data": {each.mutation: {"write": {"state": "CONFIRMED"}, "userErrors": []}}}
    assert {arrived.partition(":")[0] for arrived in world.arrived()} == {each.source}
    found, events = await world.recorded(caller)
    assert len(found) == len(writes) + 1
    assert [(event["kind"], event["operation"], event["source"]) for event in events[-2:]] == [
        ("WRITE_SUBMITTED", each.mutation, each.source),
        ("WRITE_SETTLED", each.mutation, each.source),
    ]


def _alone(each: Sending) -> str:
    return each.needs.value


@pytest.mark.parametrize("each", SENDINGS, ids=str)
async def test_who_may_read_alone_writes_nothing(world: World, each: Sending) -> None:
    given = await world.prepare(each)
    world.desk.stack.forget()
    answer = await world.ask("reads", each, given, _DONE)
    assert (answer["data"], errors_of(answer)) == (
        {each.mutation: None},
        [([each.mutation], "FORBIDDEN")],
    )
    assert world.arrived() == []


# -- forms of documents


async def test_of_several_mutations_the_allowed_are_done_and_the_others_are_not(world: World) -> None:
    document = """mutation($first: ReplyInput!, $second: CreateTicketInput!, $third: ReplyInput!, $fourth: UpdateTicketInput!) {
      first: reply(input: $first) { write { state } }
      second: createTicket(input: $second) { write { state } }
      third: reply(input: $third) { write { state } }
      updateTicket(input: $fourth) { write { state } } }"""
    given = {
        "first": await world.prepare(sending("reply@netevia")),
        "second": await world.prepare(sending("createTicket@thulium")),
        "third": await world.prepare(sending("reply@netevia")),
        "fourth": await world.prepare(sending("updateTicket@thulium")),
    }
    caller = Scope.MESSAGES_WRITE.value
    writes, events = await world.recorded(caller)
    world.desk.stack.forget()
    answer = await world.desk.ask(caller, document, given)
    done = {"write": {"state": "CONFIRMED"}}
    assert answer["data"] == {"first": done, "second": None, "third": done, "updateTicket": None}
    assert errors_of(answer) == [(["second"], "FORBIDDEN"), (["updateTicket"], "FORBIDDEN")]
    assert world.desk.stack.calls() == {"netevia": 2}
    found, later = await world.recorded(caller)
    assert len(found) == len(writes) + 2
    # Under their own names, whatever the document calls them.
    assert [each for each in later[len(events) :] if each["kind"] == "ACCESS_REFUSED"] == [
        refused_event(sending("createTicket@thulium"), Scope.TICKETS_WRITE, source=None),
        refused_event(sending("updateTicket@thulium"), Scope.TICKETS_WRITE, source=None),
    ]


@pytest.mark.parametrize(
    ("document", "path", "times"),
    [
        ("mutation($input: ReplyInput!) { ...A } fragment A on Mutation { ...B } fragment B on Mutation { reply(input: $input) { write { state } } }", "reply", 1),
        ("mutation($input: ReplyInput!) { ... on Mutation { ... { other: reply(input: $input) { write { state } } } } }", "other", 1),
        ("mutation($input: ReplyInput!) { reply(input: $input) { write { state } } ...A } fragment A on Mutation { reply(input: $input) { write { id } } }", "reply", 1),
        ("mutation($input: ReplyInput!) { reply(input: $input) { write { state } } ... @include(if: true) { reply(input: $input) { __typename } } }", "reply", 1),
        ("mutation($input: ReplyInput!) { reply(input: $input) @skip(if: true) { write { state } } __typename }", None, 0),
    ],
)  # fmt: skip
async def test_no_form_of_a_document_leads_around_it(
    world: World, document: str, path: str | None, times: int
) -> None:
    each = sending("reply@thulium")
    caller = f"not {each.needs}"
    given = await world.prepare(each)
    writes, events = await world.recorded(caller)
    world.desk.stack.forget()
    answer = await world.desk.ask(caller, document, {"input": given})
    assert errors_of(answer) == [([path], "FORBIDDEN")] * times
    assert [value for name, value in answer["data"].items() if name != "__typename"] == [None] * times
    assert world.arrived() == []
    refusal = refused_event(each, each.needs, source=None)
    assert await world.recorded(caller) == (writes, [*events, *[refusal] * times])


async def test_a_refusal_does_not_tell_whether_there_is_such_a_thing(world: World) -> None:
    each = sending("reply@thulium")
    told = []
    for ticket in ("1234", "999999"):
        given = {
            "toRef": {"source": "thulium", "nativeId": ticket},
            "body": "Hello",
            "idempotencyKey": fresh_key(),
        }
        answer = await world.ask(_not_here(each), each, given, _DONE)
        told.append((answer["data"], answer["errors"][0]["message"]))
    assert told[0] == told[1]


async def test_a_case_by_its_guid_is_refused_like_one_by_its_id(world: World) -> None:
    each = sending("createCaseMessage@service_order_hub")
    given = {"guid": world.ids["guid"], "type": "reminder", "content": "Hi", "idempotencyKey": fresh_key()}
    world.desk.stack.forget()
    answer = await world.ask(_not_here(each), each, given, _DONE)
    assert errors_of(answer) == [([each.mutation], "FORBIDDEN")]
    assert world.arrived() == []


async def test_one_message_that_may_not_be_confirmed_keeps_the_others_from_being_sent(world: World) -> None:
    each = sending("confirmMessages@service_order_hub")
    given = await world.prepare(each)
    given["messageIds"].append(world.ids["message"])
    world.desk.stack.forget()
    answer = await world.ask("confirms at the hub", each, given, _DONE)
    assert (answer["data"], errors_of(answer)) == ({each.mutation: None}, [([each.mutation], "FORBIDDEN")])
    assert world.arrived() == []


async def test_a_repeat_tells_nothing_to_who_may_not_write_any_more(world: World) -> None:
    # A key belongs to its principal: another one's is no way to what it stands for.
    each = sending("reply@netevia")
    given = await world.prepare(each)
    await world.ask(OPERATOR, each, given, _DONE)
    world.desk.stack.forget()
    answer = await world.ask(f"not {each.needs}", each, given, "{ write { id } }")
    assert (answer["data"], errors_of(answer)) == ({"reply": None}, [(["reply"], "FORBIDDEN")])
    another = await world.ask(each.needs.value, each, given, "{ write { state replayed } }")
    assert another["data"]["reply"]["write"] == {"state": "CONFIRMED", "replayed": False}
    assert world.desk.stack.calls() == {"netevia": 1}


# -- what the payload shows

_READABLE = [each for each in SENDINGS if each.mutation != "confirmMessages"]


@pytest.mark.parametrize("each", _READABLE, ids=str)
async def test_what_may_not_be_seen_of_a_write_that_is_done_is_null_and_the_rest_stands(
    world: World, each: Sending
) -> None:
    whole = await world.ask(OPERATOR, each, await world.prepare(each), whole_payload(each))
    assert refusals(whole) == set()
    found = set(seen(whole["data"]))
    for scope, kinds in SHOWN.items():
        answer = await world.ask(f"not {scope}", each, await world.prepare(each), whole_payload(each))
        payload = answer["data"][each.mutation]
        assert payload["write"]["state"] == "CONFIRMED", (scope, answer.get("errors"))
        assert payload["userErrors"] == []
        assert {code for _, code in errors_of(answer)} <= {"FORBIDDEN"}, answer["errors"]
        shown = set(seen(answer["data"]))
        assert {one.kind for one in shown}.isdisjoint(kinds), scope
        firsts, refused = first_of(found, kinds), refusals(answer)
        for way in firsts:
            assert any(way[: len(one)] == one for one in refused), (scope, way, sorted(refused))
        others = {one for one in found if not any(one.path[: len(way)] == way for way in firsts)}
        assert others - shown == set(), scope


_SHOWN = [(each, field) for each in _READABLE for field in each.shows]


def _missing(each: Sending, field: str) -> str:
    return f"not {each.shows[field]}"


def _deep(field: str) -> str:
    """More of an object than an answer to a write holds."""
    of_ticket = "{ id ... on Ticket { createdAt } ... on Case { createdAt } }"
    wanted = {
        "message": "{ id body { text } replies { totalCount } }",
        "conversation": of_ticket,
        "ticket": "{ id createdAt messageCount }",
        "subscription": "{ id title account { name } }",
    }
    return f"{{ write {{ state }} {field} {wanted[field]} }}"


@pytest.mark.parametrize(("each", "field"), _SHOWN, ids=[f"{each}.{field}" for each, field in _SHOWN])
async def test_what_may_not_be_seen_is_not_read_either(world: World, each: Sending, field: str) -> None:
    costs = []
    for selection in ("{ write { state } }", _deep(field)):
        given = await world.prepare(each)
        world.desk.stack.forget()
        answer = await world.ask(_missing(each, field), each, given, selection)
        payload = answer["data"][each.mutation]
        assert payload.pop("write") == {"state": "CONFIRMED"}
        hidden = [field] if payload else []
        assert payload == dict.fromkeys(hidden)
        assert errors_of(answer) == [([each.mutation, name], "FORBIDDEN") for name in hidden]
        costs.append(world.desk.stack.calls())
    assert costs[0] == costs[1]
    # It was allowed to write: of that alone the audit log tells.
    _, events = await world.recorded(_missing(each, field))
    assert [event["kind"] for event in events[-2:]] == ["WRITE_SUBMITTED", "WRITE_SETTLED"]


@pytest.mark.parametrize(("each", "field"), _SHOWN, ids=[f"{each}.{field}" for each, field in _SHOWN])
async def test_nor_is_it_when_the_same_write_is_asked_for_again(
    world: World, each: Sending, field: str
) -> None:
    given = await world.prepare(each)
    caller = _missing(each, field)
    await world.ask(caller, each, given, _DONE)
    world.desk.stack.forget()
    answer = await world.ask(caller, each, given, _deep(field))
    assert answer["data"] == {each.mutation: {"write": {"state": "CONFIRMED"}, field: None}}
    assert errors_of(answer) == [([each.mutation, field], "FORBIDDEN")]
    assert world.arrived() == []


async def test_what_is_to_be_confirmed_has_to_be_readable_before_anything_is_sent(world: World) -> None:
    each = sending("confirmMessages@service_order_hub")
    given = await world.prepare(each)
    caller = f"not {_MESSAGES_READ}"
    writes, events = await world.recorded(caller)
    world.desk.stack.forget()
    answer = await world.ask(caller, each, given, "{ write { state } confirmed { id } }")
    assert (answer["data"], errors_of(answer)) == (
        {each.mutation: None},
        [([each.mutation], "FORBIDDEN")],
    )
    assert world.arrived() == []
    refusal = refused_event(each, _MESSAGES_READ, source=each.source)
    assert await world.recorded(caller) == (writes, [*events, refusal])


@pytest.mark.parametrize("scope", [each for each in SHOWN if each is not _MESSAGES_READ])
async def test_what_was_confirmed_is_told_without_what_is_around_it(world: World, scope: Scope) -> None:
    each = sending("confirmMessages@service_order_hub")
    selection = "{ write { state } confirmed { preview conversation { subject } } userErrors { code } }"
    answer = await world.ask(f"not {scope}", each, await world.prepare(each), selection)
    payload = answer["data"][each.mutation]
    assert (payload["write"], payload["userErrors"]) == ({"state": "CONFIRMED"}, [])
    hidden = scope is Scope.CASES_READ
    assert [one["preview"] for one in payload["confirmed"]] == ["Hello"]
    assert [one["conversation"] is None for one in payload["confirmed"]] == [hidden]
    way = [each.mutation, "confirmed", 0, "conversation"]
    assert errors_of(answer) == ([(way, "FORBIDDEN")] if hidden else [])


# -- topics of all resellers

_CREATE = sending("createNotificationSubscription@telecomx")
_UPDATE = sending("updateNotificationSubscription@telecomx")
_DELETE = sending("deleteNotificationSubscription@telecomx")
_NOT_GLOBAL = ["resellers' topics", "global elsewhere"]


async def _global_topics(world: World) -> dict[str, str]:
    """The seeded topics of all resellers: id and title."""
    query = (
        '{ subscriptions(first: 50, filter: {sources: ["telecomx"], global: true}) { nodes { id title } } }'
    )
    answer = await world.desk.ask(OPERATOR, query)
    return {each["id"]: each["title"] for each in answer["data"]["subscriptions"]["nodes"]}


def _of_all(**given: Any) -> dict[str, Any]:
    return {"idempotencyKey": fresh_key(), **given}


@pytest.mark.parametrize("caller", _NOT_GLOBAL)
async def test_a_topic_of_all_resellers_is_not_made_without_its_scope(world: World, caller: str) -> None:
    topics = await _global_topics(world)
    _, events = await world.recorded(caller)
    world.desk.stack.forget()
    given = _of_all(owner={"global": True}, title="Everyone", channels=["EMAIL"])
    answer = await world.ask(caller, _CREATE, given, _DONE)
    assert (answer["data"], errors_of(answer)) == (
        {_CREATE.mutation: None},
        [([_CREATE.mutation], "FORBIDDEN")],
    )
    assert world.arrived() == []
    assert await _global_topics(world) == topics
    assert (await world.recorded(caller))[1] == [
        *events,
        refused_event(_CREATE, _GLOBAL, source="telecomx"),
    ]


@pytest.mark.parametrize("caller", _NOT_GLOBAL)
@pytest.mark.parametrize("each", [_UPDATE, _DELETE], ids=str)
async def test_a_topic_of_all_resellers_stays_as_it_is_without_its_scope(
    world: World, each: Sending, caller: str
) -> None:
    topics = await _global_topics(world)
    changes = {"title": "Changed"} if each is _UPDATE else {}
    for topic in topics:
        writes, events = await world.recorded(caller)
        world.desk.stack.forget()
        answer = await world.ask(caller, each, _of_all(id=topic, **changes), _DONE)
        assert (answer["data"], errors_of(answer)) == (
            {each.mutation: None},
            [([each.mutation], "FORBIDDEN")],
        )
        # It was read, to know whose it is, and no more.
        assert world.arrived() == [f"telecomx: GET {_path(world)}"]
        refusal = refused_event(each, _GLOBAL, source="telecomx")
        assert await world.recorded(caller) == (writes, [*events, refusal])
    assert await _global_topics(world) == topics


@pytest.mark.parametrize("each", [_UPDATE, _DELETE], ids=str)
async def test_a_topic_of_which_nobody_knows_whose_it_is_stays_as_it_is(world: World, each: Sending) -> None:
    telecomx = world.desk.stack.sandbox.services["telecomx"]
    topics = await _global_topics(world)
    changes = {"title": "Changed"} if each is _UPDATE else {}
    world.desk.stack.forget()
    telecomx.faults = Faults(read_mishaps={"error_before": 1}, only_writes=False)
    try:
        answer = await world.ask("resellers' topics", each, _of_all(id=next(iter(topics)), **changes), _DONE)
    finally:
        telecomx.faults = Faults()
    assert (answer["data"], errors_of(answer)) == (
        {each.mutation: None},
        [([each.mutation], "SOURCE_UNAVAILABLE")],
    )
    assert {arrival.method for arrival in telecomx.arrivals} == {"GET"}
    assert await _global_topics(world) == topics


def _path(world: World) -> str:
    (arrival,) = world.desk.stack.sandbox.services["telecomx"].arrivals
    return arrival.path


async def test_with_its_scope_topics_of_all_resellers_are_made_changed_and_deleted(world: World) -> None:
    before = await _global_topics(world)
    given = _of_all(owner={"global": True}, title="Everyone", channels=["EMAIL"])
    made = await world.ask(OPERATOR, _CREATE, given, "{ write { state } subscription { id isGlobal } }")
    topic = made["data"][_CREATE.mutation]["subscription"]
    assert topic["isGlobal"]
    done = {"write": {"state": "CONFIRMED"}, "userErrors": []}
    changed = await world.ask(OPERATOR, _UPDATE, _of_all(id=topic["id"], title="All of us"), _DONE)
    assert changed == {"data": {_UPDATE.mutation: done}}
    assert await _global_topics(world) == {**before, topic["id"]: "All of us"}
    assert await world.ask(OPERATOR, _DELETE, _of_all(id=topic["id"]), _DONE) == {
        "data": {_DELETE.mutation: done}
    }
    assert await _global_topics(world) == before


@pytest.mark.parametrize("caller", _NOT_GLOBAL)
async def test_a_resellers_own_topic_needs_no_more_than_the_usual_scope(world: World, caller: str) -> None:
    for each in (_CREATE, _UPDATE, _DELETE):
        answer = await world.ask(caller, each, await world.prepare(each), _DONE)
        assert answer == {"data": {each.mutation: {"write": {"state": "CONFIRMED"}, "userErrors": []}}}
