"""What a mutation answers when its write is done, repeated, refused, not sent, or nobody knows."""

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.domain.ids import EntityType, Ref
from gateway.sandbox import Faults
from tests.e2e import ledger_stack
from tests.e2e.conftest import Stack
from tests.e2e.ledger_stack import (
    DOUBT,
    ERRORS,
    GUID,
    HUB,
    NETEVIA,
    REPLY,
    THULIUM,
    WRITE,
    Deployment,
    codes,
    errors,
    key,
)

RESELLER = "1234567890ABCDEF12345678"
CONFIRM = f"""mutation($input: ConfirmMessagesInput!) {{ confirmMessages(input: $input) {{
  confirmed {{ id }} alreadyConfirmed {{ id }} {WRITE} {ERRORS} }} }}"""
RECONCILE = (
    f"mutation($id: ID!) {{ reconcileWrite(input: {{id: $id}}) {{ {WRITE} userErrors {{ code field }} }} }}"
)


served = ledger_stack.served
deployment = ledger_stack.deployment
stack = ledger_stack.stack


async def reply(stack: Stack, to: dict[str, Any], **given: Any) -> dict[str, Any]:
    """The payload of a reply that has no errors beside it."""
    whole = {"body": "Hello", "idempotencyKey": "k", **to, **given}
    payload: dict[str, Any] = (await stack.data(REPLY, {"input": whole}))["reply"]
    return payload


def written(payload: dict[str, Any], **expected: Any) -> dict[str, Any]:
    """A payload's write as it should be: a sent and confirmed reply under the key `k`."""
    return {
        "id": payload["write"]["id"],
        "operation": "reply",
        "state": "CONFIRMED",
        "idempotencyKey": "k",
        "target": payload["write"]["target"],
        "result": payload["message"] and {"id": payload["message"]["id"]},
        "attempts": 1,
        "replayed": False,
        "problem": None,
        "parts": [],
        **expected,
    }


@pytest.mark.parametrize("to", [HUB, NETEVIA, THULIUM], ids=lambda to: to["toRef"]["source"])
async def test_a_write_that_is_done_says_so(stack: Stack, to: dict[str, Any]) -> None:
    payload = await reply(stack, to)
    source, native_id = to["toRef"]["source"], to["toRef"]["nativeId"]
    entity = EntityType.CASE if to is HUB else EntityType.TICKET
    target = {"id": Ref(entity, source, (native_id,)).global_id}
    assert payload["write"] == written(payload, source={"key": source}, target=target)
    assert payload["userErrors"] == []
    assert payload["message"]["body"] == {"text": "Hello"}


@pytest.mark.parametrize(
    ("to", "cost", "kind"),
    [
        (HUB, {"service_order_hub": 1}, "SOURCE"),
        (THULIUM, {"thulium": 1}, "SOURCE"),
        (NETEVIA, {}, "LEDGER"),
    ],
    ids=["service_order_hub", "thulium", "netevia"],
)
async def test_a_repeat_tells_what_is_recorded_and_costs_at_most_the_reading_back(
    stack: Stack, deployment: Deployment, to: dict[str, Any], cost: dict[str, int], kind: str
) -> None:
    first = await reply(stack, to)
    stack.forget()
    again = await reply(stack, to)
    assert stack.calls() == cost
    assert again == {
        "message": {**first["message"], "origin": {**first["message"]["origin"], "from": kind}},
        "write": {**first["write"], "replayed": True},
        "userErrors": [],
    }
    async with deployment.gateway() as another:
        assert await reply(another, to) == again
        conflict = await reply(another, to, body="Another text")
        assert codes(conflict) == [("IDEMPOTENCY_CONFLICT", ["idempotencyKey"])]
        assert (conflict["write"], conflict["message"]) == (None, None)


async def test_a_repeat_that_is_not_asked_for_the_message_costs_nothing(stack: Stack) -> None:
    query = "mutation($input: ReplyInput!) { reply(input: $input) { write { state replayed target { id __typename } } } }"
    given = {"input": {"body": "Hello", "idempotencyKey": "k", **THULIUM}}
    await stack.data(query, given)
    stack.forget()
    answer = await stack.data(query, given)
    assert (answer["reply"]["write"]["replayed"], stack.calls()) == (True, {})
    assert answer["reply"]["write"]["target"]["__typename"] == "Ticket"


async def test_a_read_back_that_fails_is_told_beside_a_write_that_is_done(stack: Stack) -> None:
    first = await reply(stack, HUB)
    stack.sandbox.services["service_order_hub"].faults = Faults(error_rate=1, error_status=503)
    answer = await stack.execute(REPLY, {"input": {"body": "Hello", "idempotencyKey": "k", **HUB}})
    payload = answer["data"]["reply"]
    assert payload["write"] == {**first["write"], "replayed": True}
    assert (payload["message"]["id"], payload["message"]["origin"]["from"]) == (
        first["message"]["id"],
        "LEDGER",
    )
    assert errors(answer) == [(["reply"], "SOURCE_UNAVAILABLE", True)]


@pytest.mark.parametrize("mishap", ["lost_answer", "reset_after", "error_after", "malformed_json"])
@pytest.mark.parametrize("to", [HUB, NETEVIA, THULIUM], ids=lambda to: to["toRef"]["source"])
async def test_a_write_in_doubt_says_so_and_nothing_invites_a_repeat(
    stack: Stack, to: dict[str, Any], mishap: str
) -> None:
    source = to["toRef"]["source"]
    service = stack.sandbox.services[source]
    service.faults = Faults(mishaps={mishap: 1})
    payload = await reply(stack, to)  # Which has no `errors`.
    if source == "thulium" and mishap == "malformed_json":
        # What Thulium answers to a reply isn't read: its 200 alone says that it is done.
        assert payload["write"]["state"] == "CONFIRMED"
        return
    problem = {"code": payload["write"]["problem"]["code"], "message": DOUBT, "retryable": False}
    assert payload["write"] == written(payload, source={"key": source}, state="IN_DOUBT", problem=problem)
    assert (payload["message"], payload["userErrors"]) == (None, [])
    service.faults = Faults()
    stack.forget()
    again = await reply(stack, to)
    assert again == {**payload, "write": {**payload["write"], "replayed": True}}
    assert stack.calls() == {}
    listed = await stack.data("{ writes(filter: {state: IN_DOUBT}) { nodes { id } } }")
    assert listed == {"writes": {"nodes": [{"id": payload["write"]["id"]}]}}


async def test_a_look_at_the_source_settles_a_write_in_doubt(stack: Stack) -> None:
    stack.sandbox.services["service_order_hub"].faults = Faults(mishaps={"lost_answer": 1})
    lost = await reply(stack, HUB)
    stack.sandbox.services["service_order_hub"].faults = Faults()
    stack.forget()
    looked = await stack.data(RECONCILE, {"id": lost["write"]["id"]})
    assert stack.calls() == {"service_order_hub": 1}
    write = looked["reconcileWrite"]["write"]
    assert write == {**lost["write"], "state": "CONFIRMED", "result": write["result"], "problem": None}
    assert looked["reconcileWrite"]["userErrors"] == []
    query = "query($id: ID!) { message(id: $id) { body { text } origin { from } write { id } } }"
    assert await stack.data(query, write["result"]) == {
        "message": {"body": {"text": "Hello"}, "origin": {"from": "SOURCE"}, "write": {"id": write["id"]}}
    }
    # What is known is not asked for again.
    stack.forget()
    assert (await stack.data(RECONCILE, {"id": write["id"]}))["reconcileWrite"]["write"] == write
    assert stack.calls() == {}
    repeated = await reply(stack, HUB)
    assert repeated["message"]["id"] == write["result"]["id"]


async def test_what_nothing_reads_back_stays_in_doubt(stack: Stack) -> None:
    stack.sandbox.services["netevia"].faults = Faults(mishaps={"lost_answer": 1})
    lost = await reply(stack, NETEVIA)
    looked = await stack.data(RECONCILE, {"id": lost["write"]["id"]})
    assert looked["reconcileWrite"] == {"write": lost["write"], "userErrors": []}


async def test_a_write_that_is_not_ours_is_not_looked_for(stack: Stack) -> None:
    mine = await reply(stack, NETEVIA)
    other = await stack.data("query($id: ID!) { write(id: $id) { id } }", {"id": mine["write"]["id"]})
    assert other == {"write": {"id": mine["write"]["id"]}}
    unknown = Ref(EntityType.WRITE, "netevia", ("0" * 32,)).global_id
    assert await stack.data(RECONCILE, {"id": unknown}) == {
        "reconcileWrite": {"write": None, "userErrors": [{"code": "NOT_FOUND", "field": ["id"]}]}
    }
    answer = await stack.execute(RECONCILE, {"id": "nonsense"})
    assert errors(answer) == [(["reconcileWrite"], "BAD_USER_INPUT", False)]


async def test_a_write_that_certainly_was_not_applied_may_be_sent_again_under_its_key(stack: Stack) -> None:
    await stack.running.stop("netevia")
    answer = await stack.execute(REPLY, {"input": {"body": "Hello", "idempotencyKey": "k", **NETEVIA}})
    payload = answer["data"]["reply"]
    problem = {
        "code": "SOURCE_UNAVAILABLE",
        "message": "The source could not be reached. The write was not applied.",
        "retryable": True,
    }
    assert payload == {
        "message": None,
        "write": written(
            payload,
            source={"key": "netevia"},
            state="REJECTED",
            problem=problem,
        ),
        "userErrors": [],
    }
    assert errors(answer) == [(["reply"], "SOURCE_UNAVAILABLE", True)]
    await stack.running.start("netevia")
    done = await reply(stack, NETEVIA)
    assert done["write"] == written(done, id=payload["write"]["id"], source={"key": "netevia"}, attempts=2)
    assert stack.calls() == {"netevia": 1}


async def test_a_source_that_asks_for_fewer_requests_has_not_applied_the_write(stack: Stack) -> None:
    stack.sandbox.services["netevia"].faults = Faults(mishaps={"throttled": 1})
    answer = await stack.execute(REPLY, {"input": {"body": "Hello", "idempotencyKey": "k", **NETEVIA}})
    assert answer["data"]["reply"]["write"]["problem"]["retryable"] is True
    assert errors(answer) == [(["reply"], "SOURCE_THROTTLED", True)]


async def test_what_a_source_refuses_is_recorded_and_final(stack: Stack) -> None:
    to = {"toRef": {"source": "netevia", "nativeId": "200001"}}
    payload = await reply(stack, to)
    assert codes(payload) == [("NOT_FOUND", ["to"])]
    assert payload["message"] is None
    assert (payload["write"]["state"], payload["write"]["problem"]["retryable"]) == ("REJECTED", False)
    stack.forget()
    again = await reply(stack, to)
    assert again == {**payload, "write": {**payload["write"], "replayed": True}}
    assert stack.calls() == {}


async def test_what_is_refused_before_it_is_sent_is_not_recorded(stack: Stack) -> None:
    payload = await reply(stack, NETEVIA, internal=True)
    assert (codes(payload), payload["write"]) == ([("UNSUPPORTED_FIELD", ["internal"])], None)
    assert await stack.data("{ writes { nodes { id } } }") == {"writes": {"nodes": []}}


async def test_a_preparation_that_fails_leaves_nothing_behind(stack: Stack) -> None:
    stack.sandbox.services["thulium"].faults = Faults(error_rate=1, error_status=500)
    answer = await stack.execute(REPLY, {"input": {"body": "Hello", "idempotencyKey": "k", **THULIUM}})
    assert (answer["data"], errors(answer)) == (
        {"reply": None},
        [(["reply"], "SOURCE_UNAVAILABLE", True)],
    )
    assert await stack.data("{ writes { nodes { id } } }") == {"writes": {"nodes": []}}


async def test_a_ticket_that_is_not_there_is_found_out_before_anything_is_sent(stack: Stack) -> None:
    payload = await reply(stack, {"toRef": {"source": "thulium", "nativeId": "99999999"}})
    assert (codes(payload), payload["write"]) == ([("NOT_FOUND", ["to"])], None)
    assert all(each.method == "GET" for each in stack.sandbox.services["thulium"].arrivals)


async def test_without_a_ledger_nothing_is_sent(deployment: Deployment) -> None:
    async with deployment.gateway(ledger_url="sqlite:////nowhere/ledger.db") as stack:
        stack.forget()
        answer = await stack.execute(REPLY, {"input": {"body": "Hello", "idempotencyKey": "k", **NETEVIA}})
        assert answer["data"] == {"reply": None}
        assert errors(answer) == [(["reply"], "LEDGER_UNAVAILABLE", True)]
        assert stack.calls() == {}


# -- each of the other mutations


async def account_of(stack: Stack, lookup: str) -> str:
    return str((await stack.data(f"{{ account(lookup: {lookup}) {{ id }} }}"))["account"]["id"])


async def new_topic(stack: Stack) -> dict[str, Any]:
    return {
        "owner": {
            "reseller": await account_of(
                stack, f'{{source: "telecomx", nativeId: "{RESELLER}", kind: RESELLER}}'
            )
        },
        "title": f"Service windows {key()}",
        "channels": ["EMAIL"],
        "idempotencyKey": key(),
    }


CREATE_TOPIC = f"""mutation($input: CreateNotificationSubscriptionInput!) {{ done: createNotificationSubscription(input: $input) {{
  subscription {{ id title channels }} {WRITE} {ERRORS} }} }}"""


async def topic(stack: Stack) -> str:
    done = await stack.data(CREATE_TOPIC, {"input": await new_topic(stack)})
    return str(done["done"]["subscription"]["id"])


async def case_message(_: Stack) -> tuple[str, dict[str, Any]]:
    query = f"""mutation($input: CreateCaseMessageInput!) {{ done: createCaseMessage(input: $input) {{
      message {{ id body {{ text }} kind {{ raw }} }} {WRITE} {ERRORS} }} }}"""
    case = Ref(EntityType.CASE, "service_order_hub", (GUID,)).global_id
    return query, {"case": case, "type": "statusRequest", "content": "?", "idempotencyKey": key()}


async def tulo_ticket(stack: Stack) -> tuple[str, dict[str, Any]]:
    query = f"""mutation($input: CreateTicketInput!) {{ done: createTicket(input: $input) {{
      ticket {{ id subject lastMessage {{ id body {{ text }} }} }} {WRITE} {ERRORS} }} }}"""
    requester = await account_of(stack, '{source: "tulo", nativeId: "66d986b4ad659dea5ceb9b62"}')
    return query, {
        "source": "tulo",
        "requester": requester,
        "subject": key(),
        "body": "Text",
        "idempotencyKey": key(),
    }


async def ticket_change(stack: Stack) -> tuple[str, dict[str, Any]]:
    query = f"""mutation($input: UpdateTicketInput!) {{ done: updateTicket(input: $input) {{
      ticket {{ id category }} {WRITE} {ERRORS} }} }}"""
    ticket = (await stack.data('{ ticket(ref: {source: "thulium", nativeId: "1234"}) { id } }'))["ticket"]
    return query, {"id": ticket["id"], "category": "8", "idempotencyKey": key()}


async def created_topic(stack: Stack) -> tuple[str, dict[str, Any]]:
    return CREATE_TOPIC, await new_topic(stack)


async def changed_topic(stack: Stack) -> tuple[str, dict[str, Any]]:
    query = f"""mutation($input: UpdateNotificationSubscriptionInput!) {{ done: updateNotificationSubscription(input: $input) {{
      subscription {{ id title channels }} {WRITE} {ERRORS} }} }}"""
    return query, {"id": await topic(stack), "title": f"New {key()}", "idempotencyKey": key()}


async def deleted_topic(stack: Stack) -> tuple[str, dict[str, Any]]:
    query = f"""mutation($input: DeleteNotificationSubscriptionInput!) {{ done: deleteNotificationSubscription(input: $input) {{
      deletedId {WRITE} {ERRORS} }} }}"""
    return query, {"id": await topic(stack), "idempotencyKey": key()}


MUTATIONS = [case_message, tulo_ticket, ticket_change, created_topic, changed_topic, deleted_topic]


@pytest.mark.parametrize("mutation", MUTATIONS)
async def test_every_mutation_repeated_tells_the_same_and_sends_nothing(stack: Stack, mutation: Any) -> None:
    query, given = await mutation(stack)
    first = (await stack.data(query, {"input": given}))["done"]
    assert (first["write"]["state"], first["userErrors"]) == ("CONFIRMED", [])
    stack.forget()
    again = (await stack.data(query, {"input": given}))["done"]
    assert again == {**first, "write": {**first["write"], "replayed": True}}
    assert sends(stack) == 0


@pytest.mark.parametrize("mutation", MUTATIONS)
async def test_every_mutation_in_doubt_gives_no_object_and_no_error(stack: Stack, mutation: Any) -> None:
    query, given = await mutation(stack)
    for service in stack.sandbox.services.values():
        service.faults = Faults(mishaps={"lost_answer": 1})
    payload = (await stack.data(query, {"input": given}))["done"]
    objects = {name: value for name, value in payload.items() if name not in {"write", "userErrors"}}
    assert (payload["write"]["state"], payload["userErrors"]) == ("IN_DOUBT", [])
    assert set(objects.values()) == {None}
    found = await stack.data(
        "query($key: String) { write(idempotencyKey: $key) { id } }", {"key": given["idempotencyKey"]}
    )
    assert found["write"] == {"id": payload["write"]["id"]}


@pytest.mark.parametrize("mutation", MUTATIONS)
async def test_every_mutation_that_was_not_sent_says_so_beside_its_write(stack: Stack, mutation: Any) -> None:
    query, given = await mutation(stack)
    for service in stack.sandbox.services.values():
        service.faults = Faults(mishaps={"throttled": 1})
    answer = await stack.execute(query, {"input": given})
    payload = answer["data"]["done"]
    assert (payload["write"]["state"], payload["write"]["problem"]["retryable"]) == ("REJECTED", True)
    assert errors(answer) == [(["done"], "SOURCE_THROTTLED", True)]


def sends(stack: Stack) -> int:
    """How many requests reached the sources that may have changed something there."""
    arrivals = [each for service in stack.sandbox.services.values() for each in service.arrivals]
    return sum(
        each.method != "GET" and "auth" not in each.path and "search" not in each.path.lower()
        for each in arrivals
    )


# -- attachments


async def test_a_repeat_is_told_even_if_its_uploads_are_forgotten(
    deployment: Deployment, stack: Stack
) -> None:
    upload = await stack.http.post(
        "/uploads",
        params={"source": "thulium", "filename": "faktura.pdf"},
        content=b"%PDF-1.7",
        headers={"content-type": "application/octet-stream"},
    )
    handle = upload.json()["id"]
    first = await reply(stack, THULIUM, attachments=[handle])
    assert first["userErrors"] == []
    (token,) = _tokens(stack)
    database = Path(deployment.ledger_url.removeprefix("sqlite:///"))
    kept = b"".join(each.read_bytes() for each in database.parent.glob(f"{database.name}*"))
    assert (handle.encode() in kept, token.encode() in kept) == (True, False)
    async with deployment.gateway() as another:
        again = await reply(another, THULIUM, attachments=[handle])
        assert again == {**first, "write": {**first["write"], "replayed": True}}
        other = await reply(another, THULIUM, attachments=[handle], idempotencyKey="k2")
        assert (codes(other), other["write"]) == ([("NOT_FOUND", ["attachments", "0"])], None)


def _tokens(stack: Stack) -> list[str]:
    (sent,) = [
        each for each in stack.sandbox.services["thulium"].arrivals if each.path.endswith("agent_response")
    ]
    return list(json.loads(sent.body)["attachments"])
