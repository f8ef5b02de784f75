"""What the ledger adds to the graph: writes, and what their sources don't show."""

from typing import Any

from gateway.domain.ids import EntityType, Ref, parse_global_id
from gateway.sandbox import Faults
from tests.e2e import ledger_stack
from tests.e2e.conftest import Stack
from tests.e2e.ledger_stack import (
    ERRORS,
    GUID,
    HUB,
    MESSAGE,
    NETEVIA,
    REPLY,
    THULIUM,
    WRITE,
    Deployment,
    Draws,
    codes,
    errors,
    key,
)

SUBSCRIBER = "66d986b4ad659dea5ceb9b62"
NETEVIA_TICKET = Ref(EntityType.TICKET, "netevia", ("123456",)).global_id
NO_LEDGER = "sqlite:////nowhere/ledger.db"


served = ledger_stack.served
deployment = ledger_stack.deployment
stack = ledger_stack.stack


async def reply(stack: Stack, to: dict[str, Any], **given: Any) -> dict[str, Any]:
    whole = {"body": "Hello", "idempotencyKey": key(), **to, **given}
    payload: dict[str, Any] = (await stack.data(REPLY, {"input": whole}))["reply"]
    assert payload["write"]["state"] == "CONFIRMED", payload
    return payload


def from_ledger(message: dict[str, Any]) -> dict[str, Any]:
    return {**message, "origin": {**message["origin"], "from": "LEDGER"}}


# -- a source that shows nothing


async def test_replies_that_their_source_never_shows_are_served_from_the_ledger(
    stack: Stack, deployment: Deployment
) -> None:
    first = await reply(stack, NETEVIA, body="One")
    second = await reply(stack, NETEVIA, body="Two")
    await reply(stack, {"toRef": {"source": "netevia", "nativeId": "123457"}}, body="Elsewhere")
    expected = [from_ledger(each["message"]) for each in (first, second)]
    stack.forget()
    query = f"""query($id: ID!) {{ ticket(id: $id) {{ messages {{ totalCount nodes {{ {MESSAGE} write {{ id }} }} }}
      lastMessage {{ id }} messageCount unconfirmedCount }} }}"""
    answer = await stack.data(query, {"id": NETEVIA_TICKET})
    writes = [{"write": {"id": each["write"]["id"]}} for each in (first, second)]
    assert answer["ticket"] == {
        "messages": {
            "totalCount": 2,
            "nodes": [{**each, **write} for each, write in zip(expected, writes, strict=True)],
        },
        "lastMessage": {"id": expected[1]["id"]},
        "messageCount": 2,
        "unconfirmedCount": None,
    }
    query = f"""query($id: ID!, $ids: [ID!]!) {{ message(id: $id) {{ {MESSAGE} conversation {{ id }} }}
      node(id: $id) {{ ... on Message {{ {MESSAGE} }} }} nodes(ids: $ids) {{ id }} }}"""
    ids = [each["id"] for each in expected]
    assert await stack.data(query, {"id": ids[0], "ids": ids}) == {
        "message": {**expected[0], "conversation": {"id": NETEVIA_TICKET}},
        "node": expected[0],
        "nodes": [{"id": each} for each in ids],
    }
    assert stack.calls() == {}
    # Whoever uses the same credentials sees them, and nobody else.
    async with deployment.gateway(host="localhost") as another:
        query = """query($ticket: ID!, $id: ID!) { ticket(id: $ticket) { number messages { nodes { id } }
          lastMessage { id } messageCount } message(id: $id) { id } node(id: $id) { id } }"""
        assert await another.data(query, {"ticket": NETEVIA_TICKET, "id": ids[0]}) == {
            "ticket": {"number": "123456", "messages": {"nodes": []}, "lastMessage": None, "messageCount": 0},
            "message": None,
            "node": None,
        }


async def test_what_is_in_doubt_is_not_served(stack: Stack) -> None:
    stack.sandbox.services["netevia"].faults = Faults(mishaps={"lost_answer": 1})
    given = {"body": "Lost", "idempotencyKey": key(), **NETEVIA}
    lost = (await stack.data(REPLY, {"input": given}))["reply"]
    assert lost["write"]["state"] == "IN_DOUBT"
    query = "query($id: ID!) { ticket(id: $id) { messageCount } }"
    assert await stack.data(query, {"id": NETEVIA_TICKET}) == {"ticket": {"messageCount": 0}}


async def test_each_reply_of_an_operation_agrees_with_the_conversation_beside_it(stack: Stack) -> None:
    query = """mutation($one: ReplyInput!, $two: ReplyInput!) {
      one: reply(input: $one) { message { id } conversation { messageCount lastMessage { id } } }
      two: reply(input: $two) { message { id } conversation { messageCount lastMessage { id } } } }"""
    inputs = {name: {"body": name, "idempotencyKey": key(), **NETEVIA} for name in ("one", "two")}
    answer = await stack.data(query, inputs)
    for count, payload in enumerate(answer.values(), 1):
        assert payload["conversation"] == {"messageCount": count, "lastMessage": payload["message"]}


async def test_without_a_ledger_only_what_it_would_serve_is_missing(deployment: Deployment) -> None:
    case = Ref(EntityType.CASE, "service_order_hub", (GUID,)).global_id
    query = """query($id: ID!, $case: ID!) {
      ticket(id: $id) { number messages { nodes { id } } messageCount }
      case(id: $case) { subject messages { nodes { body { text } write { id } } } }
      writes { nodes { id } } }"""
    variables = {"id": NETEVIA_TICKET, "case": case}
    async with deployment.gateway() as healthy:
        whole = await healthy.data(query, variables)
    async with deployment.gateway(ledger_url=NO_LEDGER) as stack:
        answer = await stack.execute(query, variables)
    assert answer["data"] == {
        "ticket": {"number": "123456", "messages": None, "messageCount": None},
        "case": whole["case"],
        "writes": None,
    }
    # The messages of the case are many, their missing writes are one error.
    assert len(whole["case"]["messages"]["nodes"]) > 1
    code = "LEDGER_UNAVAILABLE"
    assert sorted(errors(answer), key=str) == sorted(
        [
            (["ticket", "messages"], code, True),
            (["ticket", "messageCount"], code, True),
            (["case", "messages", "nodes", 0, "write"], code, True),
            (["writes"], code, True),
        ],
        key=str,
    )


# -- a source that shows a thing only for a while


async def tulo_ticket(stack: Stack) -> dict[str, Any]:
    account = await stack.data(
        f'{{ account(lookup: {{source: "tulo", nativeId: "{SUBSCRIBER}"}}) {{ id }} }}'
    )
    query = f"""mutation($input: CreateTicketInput!) {{ createTicket(input: $input) {{
      ticket {{ {TICKET} }} {WRITE} {ERRORS} }} }}"""
    given = {
        "source": "tulo",
        "requester": account["account"]["id"],
        "subject": "Heading",
        "body": "Text",
        "idempotencyKey": key(),
    }
    payload: dict[str, Any] = (await stack.data(query, {"input": given}))["createTicket"]
    return payload


TICKET = f"""id origin {{ nativeId from }} subject status {{ value }} requester {{ id }}
  messages {{ nodes {{ {MESSAGE} heading write {{ id }} }} }}"""


async def test_a_ticket_that_its_source_shows_no_more_is_served_from_the_ledger(
    stack: Stack, deployment: Deployment
) -> None:
    payload = await tulo_ticket(stack)
    shown = payload["ticket"]
    (message,) = shown["messages"]["nodes"]
    assert message["write"] == {"id": payload["write"]["id"]}
    query = f"""query($id: ID!, $message: ID!) {{ ticket(id: $id) {{ {TICKET} }}
      node(id: $id) {{ ... on Ticket {{ {TICKET} }} }} message(id: $message) {{ {MESSAGE} heading write {{ id }} }}
      onlyMessages: ticket(id: $id) {{ messageCount lastMessage {{ id }} }} }}"""
    variables = {"id": shown["id"], "message": message["id"]}
    only = {"messageCount": 1, "lastMessage": {"id": message["id"]}}
    assert await stack.data(query, variables) == {
        "ticket": shown,
        "node": shown,
        "message": message,
        "onlyMessages": only,
    }
    stack.sandbox.world.tulo.helpdesk_messages[parse_global_id(shown["id"]).parts[1]].state = "resolved"
    stack.forget()
    answer = await stack.data(query, variables)
    served = from_ledger(
        {
            **message,
            "createdAt": answer["message"]["createdAt"],
            "author": {"role": "CUSTOMER", "name": None},
            "kind": {"value": "MESSAGE", "raw": None},
        }
    )
    ticket = from_ledger({**shown, "status": None, "messages": {"nodes": [served]}})
    assert answer == {"ticket": ticket, "node": ticket, "message": served, "onlyMessages": only}
    assert stack.calls() == {"tulo": 1}
    async with deployment.gateway(host="localhost") as another:
        assert await another.data(query, variables) == {
            "ticket": None,
            "node": None,
            "message": None,
            "onlyMessages": {"messageCount": None, "lastMessage": None},
        }


async def test_a_ticket_that_nobody_here_created_stays_unknown(stack: Stack) -> None:
    ticket = Ref(EntityType.TICKET, "tulo", (SUBSCRIBER, "f" * 24)).global_id
    query = "query($id: ID!) { ticket(id: $id) { subject messages { totalCount } } }"
    assert await stack.data(query, {"id": ticket}) == {"ticket": None}


# -- a source that doesn't tell what a write has become


async def untold_reply(stack: Stack) -> dict[str, Any]:
    """A reply that Thulium took, but whose message could not be looked up afterwards."""
    thulium = stack.sandbox.services["thulium"]
    draw, thulium.draw = thulium.draw, Draws([0.9, 0.9, 0.1])  # type: ignore[assignment]
    thulium.faults = Faults(error_rate=0.5)
    payload = await reply(stack, THULIUM, body=f"Hello {key()}")
    thulium.faults, thulium.draw = Faults(), draw
    return payload


async def test_an_id_given_out_before_the_sources_own_was_known_resolves_to_it_later(
    stack: Stack, deployment: Deployment
) -> None:
    payload = await untold_reply(stack)
    write, message = payload["write"], payload["message"]
    ours = parse_global_id(message["id"]).parts[-1]
    assert ours == f"write-{parse_global_id(write['id']).parts[0]}"
    assert (message["origin"], write["result"]) == ({"nativeId": ours, "from": "LEDGER"}, None)
    stack.forget()
    query = f"""query($id: ID!) {{ message(id: $id) {{ {MESSAGE} write {{ id }} }}
      node(id: $id) {{ ... on Message {{ {MESSAGE} }} }} }}"""
    assert await stack.data(query, message) == {
        "message": {**message, "write": {"id": write["id"]}},
        "node": message,
    }
    assert stack.calls() == {}
    async with deployment.gateway(host="localhost") as another:
        assert await another.data(query, message) == {"message": None, "node": None}

    reconcile = f"mutation($id: ID!) {{ reconcileWrite(input: {{id: $id}}) {{ {WRITE} }} }}"
    looked = (await stack.data(reconcile, write))["reconcileWrite"]["write"]
    assert looked == {**write, "result": looked["result"]}
    assert looked["result"] is not None
    stack.forget()
    told = await stack.data(query, message)
    assert (told["message"]["id"], told["message"]["origin"]["from"]) == (looked["result"]["id"], "SOURCE")
    assert told["message"]["body"] == message["body"]
    assert told["message"]["write"] == {"id": write["id"]}
    assert stack.calls() == {"thulium": 1}
    by_its_own = await stack.data(query, looked["result"])
    assert by_its_own == told


async def test_an_id_of_ours_goes_to_no_source(stack: Stack) -> None:
    message = (await untold_reply(stack))["message"]
    unknown = Ref(EntityType.MESSAGE, "thulium", ("1234", f"write-{'0' * 32}")).global_id
    elsewhere = Ref(
        EntityType.MESSAGE, "thulium", ("1235", parse_global_id(message["id"]).parts[-1])
    ).global_id
    hub = Ref(EntityType.MESSAGE, "service_order_hub", (GUID, f"write-{'0' * 32}")).global_id
    confirm = (
        f"mutation($ids: [ID!]!) {{ confirmMessages(input: {{messageIds: $ids}}) {{ {WRITE} {ERRORS} }} }}"
    )
    create = f"mutation($input: CreateCaseMessageInput!) {{ createCaseMessage(input: $input) {{ {WRITE} {ERRORS} }} }}"
    stack.forget()
    for id_ in (message["id"], unknown, elsewhere):
        given = {"to": id_, "body": "Hello", "idempotencyKey": key()}
        refused = (await stack.data(REPLY, {"input": given}))["reply"]
        assert (codes(refused), refused["write"]) == ([("NOT_FOUND", ["to"])], None)
    for id_ in (unknown, elsewhere, hub):
        assert await stack.data("query($id: ID!) { message(id: $id) { id } }", {"id": id_}) == {
            "message": None
        }
    refused = (await stack.data(confirm, {"ids": [hub]}))["confirmMessages"]
    assert (codes(refused), refused["write"]) == ([("NOT_FOUND", ["messageIds", "0"])], None)
    case = Ref(EntityType.CASE, "service_order_hub", (GUID,)).global_id
    given = {"case": case, "parent": hub, "type": "serviceComment", "idempotencyKey": key()}
    refused = (await stack.data(create, {"input": given}))["createCaseMessage"]
    assert (codes(refused), refused["write"]) == ([("NOT_FOUND", ["parent"])], None)
    assert stack.calls() == {}


async def test_an_internal_message_that_the_hub_does_not_show_is_served_from_the_ledger(stack: Stack) -> None:
    payload = await reply(stack, HUB, internal=True, body="For the workshop")
    query = "query($id: ID!) { message(id: $id) { id origin { from } body { text } visibility } }"
    assert await stack.data(query, payload["message"]) == {
        "message": {
            "id": payload["message"]["id"],
            "origin": {"from": "LEDGER"},
            "body": {"text": "For the workshop"},
            "visibility": "INTERNAL",
        }
    }


# -- writes themselves


LIST = """query($filter: WriteFilter, $first: Int, $after: String) { writes(filter: $filter, first: $first, after: $after) {
  edges { cursor node { id } } nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""


async def test_writes_are_listed_newest_first_page_by_page(stack: Stack) -> None:
    ids = [(await reply(stack, NETEVIA))["write"]["id"] for _ in range(5)]
    ids.reverse()
    stack.forget()
    seen: list[str] = []
    after = None
    for start in (0, 2, 4):
        page = (await stack.data(LIST, {"first": 2, "after": after}))["writes"]
        cursors = [each["cursor"] for each in page["edges"]]
        assert page == {
            "edges": [
                {"cursor": cursor, "node": {"id": id_}}
                for cursor, id_ in zip(cursors, ids[start : start + 2], strict=True)
            ],
            "nodes": [{"id": id_} for id_ in ids[start : start + 2]],
            "pageInfo": {
                "hasNextPage": start < 4,
                "hasPreviousPage": start > 0,
                "startCursor": cursors[0],
                "endCursor": cursors[-1],
            },
        }
        seen += [each["id"] for each in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
    assert seen == ids
    end = (await stack.data(LIST, {"after": after}))["writes"]
    assert (end["nodes"], end["pageInfo"]["endCursor"]) == ([], after)
    assert stack.calls() == {}
    for filter_, cursor in (({"source": "netevia"}, after), ({}, "nonsense"), ({}, "AAAA")):
        answer = await stack.execute(LIST, {"filter": filter_, "after": cursor})
        assert errors(answer) == [(["writes"], "BAD_USER_INPUT", False)]


async def test_writes_are_filtered(stack: Stack) -> None:
    banking = (await reply(stack, NETEVIA))["write"]["id"]
    repair = (await reply(stack, HUB))["write"]["id"]
    refused = {"toRef": {"source": "netevia", "nativeId": "200001"}}
    given = {"body": "Hello", "idempotencyKey": key(), **refused}
    rejected = (await stack.data(REPLY, {"input": given}))["reply"]["write"]["id"]
    moment = await stack.data("query($id: ID!) { write(id: $id) { submittedAt } }", {"id": repair})

    async def listed(**filter_: Any) -> list[str]:
        page = await stack.data(LIST, {"filter": filter_})
        return [each["id"] for each in page["writes"]["nodes"]]

    assert await listed() == [rejected, repair, banking]
    assert await listed(state="REJECTED") == [rejected]
    assert await listed(source="netevia") == [rejected, banking]
    assert await listed(source="netevia", state="CONFIRMED") == [banking]
    assert await listed(operation="createTicket") == []
    assert await listed(since=moment["write"]["submittedAt"]) == [rejected, repair]
    for filter_, argument in (({"source": "x"}, "filter.source"), ({"operation": "x"}, "filter.operation")):
        answer = await stack.execute(LIST, {"filter": filter_})
        assert answer["errors"][0]["extensions"]["argument"] == argument


async def test_a_write_is_found_by_its_id_and_by_its_key(stack: Stack) -> None:
    payload = await reply(stack, NETEVIA, idempotencyKey="my key")
    fields = WRITE.removeprefix("write ")
    query = f"""query($id: ID!) {{ byId: write(id: $id) {fields} byKey: write(idempotencyKey: "my key") {fields}
      node(id: $id) {{ __typename ... on Write {fields} }} another: write(idempotencyKey: "another") {{ id }} }}"""
    write = payload["write"]
    assert await stack.data(query, {"id": write["id"]}) == {
        "byId": write,
        "byKey": write,
        "node": {"__typename": "Write", **write},
        "another": None,
    }
    other_source = Ref(EntityType.WRITE, "thulium", parse_global_id(write["id"]).parts).global_id
    nowhere = await stack.data("query($id: ID!) { node(id: $id) { id } }", {"id": other_source})
    assert nowhere == {"node": None}
    for arguments in ("", '(id: "x", idempotencyKey: "y")'):
        answer = await stack.execute(f"{{ write{arguments} {{ id }} }}")
        assert errors(answer) == [(["write"], "BAD_USER_INPUT", False)]


async def test_targets_and_results_cost_nothing_unless_more_than_their_ids_is_asked(stack: Stack) -> None:
    for to in (HUB, THULIUM, NETEVIA, HUB):
        await reply(stack, to)
    ids = "{ writes { nodes { target { __typename id } result { __typename id } } } }"
    more = """{ writes { nodes { target { __typename ... on Conversation { subject } }
      result { __typename ... on Message { body { text } } } } } }"""
    assert await stack.cost(ids) == {}
    types = [("Case", "Message"), ("Ticket", "Message"), ("Ticket", "Message"), ("Case", "Message")]
    nodes = (await stack.data(ids))["writes"]["nodes"]
    assert [(each["target"]["__typename"], each["result"]["__typename"]) for each in nodes] == types
    # A case and its list of messages are two calls at the hub, a ticket has its messages with it at Thulium.
    assert await stack.cost(more) == {"service_order_hub": 2, "thulium": 1}
    nodes = (await stack.data(more))["writes"]["nodes"]
    assert [(each["target"]["__typename"], each["result"]["__typename"]) for each in nodes] == types
    assert all(each["result"]["body"] == {"text": "Hello"} for each in nodes)


async def test_a_target_that_can_not_be_read_costs_itself_alone(stack: Stack) -> None:
    await reply(stack, THULIUM)
    await reply(stack, HUB)
    stack.sandbox.services["service_order_hub"].faults = Faults(error_rate=1, error_status=503)
    answer = await stack.execute(
        "{ writes { nodes { state source { key } target { ... on Conversation { subject } } } } }"
    )
    hub, thulium = answer["data"]["writes"]["nodes"]
    assert hub == {"state": "CONFIRMED", "source": {"key": "service_order_hub"}, "target": None}
    assert thulium["target"]["subject"]
    assert errors(answer) == [(["writes", "nodes", 0, "target"], "SOURCE_UNAVAILABLE", True)]


async def test_a_write_outlives_its_sources_configuration(stack: Stack, deployment: Deployment) -> None:
    await reply(stack, NETEVIA)
    async with deployment.gateway(without={"netevia"}) as another:
        query = "{ writes { nodes { state source { key capabilities } target { id } result { id } } } }"
        gone = {"key": "netevia", "capabilities": []}
        write = {"state": "CONFIRMED", "source": gone, "target": None, "result": None}
        assert await another.data(query) == {"writes": {"nodes": [write]}}


async def test_messages_tell_which_of_ones_own_writes_they_were(stack: Stack) -> None:
    first, second = await reply(stack, THULIUM, body=key()), await reply(stack, THULIUM, body=key())
    query = """{ ticket(ref: {source: "thulium", nativeId: "1234"}) { messages(first: 100) { nodes { id write { id } } } } }"""
    assert await stack.cost(query) == {"thulium": 1}
    nodes = (await stack.data(query))["ticket"]["messages"]["nodes"]
    written = {each["id"]: each["write"]["id"] for each in nodes if each["write"] is not None}
    assert written == {each["message"]["id"]: each["write"]["id"] for each in (first, second)}
    assert len(nodes) > len(written)


# -- confirming


CONFIRM = f"""mutation($input: ConfirmMessagesInput!) {{ confirmMessages(input: $input) {{
  confirmed {{ id }} alreadyConfirmed {{ id }} {WRITE} {ERRORS} }} }}"""


async def unconfirmed(stack: Stack) -> list[str]:
    """Two messages of a case that nobody has confirmed yet."""
    found = await stack.data(
        """{ cases(first: 100, filter: {sources: ["service_order_hub"]}) { nodes {
          messages(first: 100, filter: {confirmed: false}) { nodes { id } } } } }"""
    )
    return next(
        [message["id"] for message in case["messages"]["nodes"][:2]]
        for case in found["cases"]["nodes"]
        if len(case["messages"]["nodes"]) > 1
    )


def part(id_: str, state: str = "CONFIRMED", **more: Any) -> dict[str, Any]:
    return {"target": {"id": id_}, "state": state, "alreadyConfirmed": False, "problem": None, **more}


async def test_confirming_is_one_write_with_a_part_for_each_message(
    stack: Stack, deployment: Deployment
) -> None:
    one, two = await unconfirmed(stack)
    await stack.data(CONFIRM, {"input": {"messageIds": [one]}})
    missing = Ref(EntityType.MESSAGE, "service_order_hub", (parse_global_id(one).parts[0], "11")).global_id
    given = {"messageIds": [two, missing, two, one], "idempotencyKey": key()}
    stack.forget()
    payload = (await stack.data(CONFIRM, {"input": given}))["confirmMessages"]
    assert stack.calls() == {"service_order_hub": 2}
    problem = {"code": "NOT_FOUND", "message": payload["write"]["problem"]["message"], "retryable": False}
    assert payload == {
        "confirmed": [{"id": two}],
        "alreadyConfirmed": [{"id": one}],
        "userErrors": [
            {
                "code": "NOT_FOUND",
                "field": ["messageIds", "1"],
                "source": {"key": "service_order_hub"},
                "sourceCode": "Not found",
            }
        ],
        "write": {
            "id": payload["write"]["id"],
            "operation": "confirmMessages",
            "source": {"key": "service_order_hub"},
            "state": "PARTIAL",
            "idempotencyKey": given["idempotencyKey"],
            "target": None,
            "result": None,
            "attempts": 1,
            "replayed": False,
            "problem": problem,
            "parts": [
                part(two),
                part(missing, "REJECTED", problem=problem),
                part(one, alreadyConfirmed=True),
            ],
        },
    }
    stack.forget()
    again = (await stack.data(CONFIRM, {"input": given}))["confirmMessages"]
    assert again == {**payload, "write": {**payload["write"], "replayed": True}}
    assert stack.calls() == {}
    async with deployment.gateway() as another:
        assert (await another.data(CONFIRM, {"input": given}))["confirmMessages"] == again


async def test_a_confirmation_in_doubt_is_in_no_list_until_a_look_tells(stack: Stack) -> None:
    one, two = await unconfirmed(stack)
    stack.sandbox.services["service_order_hub"].faults = Faults(mishaps={"lost_answer": 1})
    given = {"messageIds": [one, two], "idempotencyKey": key()}
    payload = (await stack.data(CONFIRM, {"input": given}))["confirmMessages"]
    assert (payload["confirmed"], payload["alreadyConfirmed"], payload["userErrors"]) == ([], [], [])
    assert [each["state"] for each in payload["write"]["parts"]] == ["IN_DOUBT", "IN_DOUBT"]
    stack.sandbox.services["service_order_hub"].faults = Faults()
    reconcile = f"mutation($id: ID!) {{ reconcileWrite(input: {{id: $id}}) {{ {WRITE} }} }}"
    looked = (await stack.data(reconcile, payload["write"]))["reconcileWrite"]["write"]
    assert (looked["state"], looked["parts"]) == ("CONFIRMED", [part(one), part(two)])
    stack.forget()
    again = (await stack.data(CONFIRM, {"input": given}))["confirmMessages"]
    assert again["confirmed"] == [{"id": one}, {"id": two}]
    assert stack.calls() == {}


async def test_a_confirmation_that_was_not_applied_is_told_beside_and_sent_by_the_same_key(
    stack: Stack,
) -> None:
    ids = await unconfirmed(stack)
    given = {"messageIds": ids, "idempotencyKey": key()}
    stack.sandbox.services["service_order_hub"].faults = Faults(mishaps={"throttled": 1})
    answer = await stack.execute(CONFIRM, {"input": given})
    payload = answer["data"]["confirmMessages"]
    assert (payload["confirmed"], payload["userErrors"]) == ([], [])
    assert [(each["state"], each["problem"]["retryable"]) for each in payload["write"]["parts"]] == [
        ("REJECTED", True),
        ("REJECTED", True),
    ]
    assert errors(answer) == [(["confirmMessages"], "SOURCE_THROTTLED", True)]
    stack.sandbox.services["service_order_hub"].faults = Faults()
    done = (await stack.data(CONFIRM, {"input": given}))["confirmMessages"]
    assert [each["id"] for each in done["confirmed"]] == ids
    assert (done["write"]["id"], done["write"]["attempts"]) == (payload["write"]["id"], 2)


async def test_a_confirmed_message_that_can_not_be_read_back_is_told_all_the_same(stack: Stack) -> None:
    one, two = await unconfirmed(stack)
    query = """mutation($ids: [ID!]!) { confirmMessages(input: {messageIds: $ids}) {
      confirmed { id confirmedAt origin { from } } write { state } } }"""
    hub = stack.sandbox.services["service_order_hub"]
    draw, hub.draw = hub.draw, Draws([0.9, 0.9, 0.1])  # type: ignore[assignment]
    hub.faults = Faults(error_rate=0.5)
    answer = await stack.execute(query, {"ids": [one, two]})
    hub.draw = draw
    named = {"confirmedAt": None, "origin": {"from": "REFERENCE"}}
    assert answer["data"]["confirmMessages"] == {
        "confirmed": [{"id": one, **named}, {"id": two, **named}],
        "write": {"state": "CONFIRMED"},
    }
    assert errors(answer) == [(["confirmMessages"], "SOURCE_UNAVAILABLE", True)]


async def test_what_is_confirmed_already_has_to_be_known_before_anything_is_sent(stack: Stack) -> None:
    ids = await unconfirmed(stack)
    stack.sandbox.services["service_order_hub"].faults = Faults(error_rate=1, error_status=503)
    answer = await stack.execute(CONFIRM, {"input": {"messageIds": ids}})
    assert (answer["data"], errors(answer)) == (
        {"confirmMessages": None},
        [(["confirmMessages"], "SOURCE_UNAVAILABLE", True)],
    )


async def test_messages_of_another_source_are_refused_with_nothing_sent(stack: Stack) -> None:
    ids = await unconfirmed(stack)
    ref = parse_global_id(ids[0])
    foreign = Ref(EntityType.MESSAGE, "provider", ref.parts).global_id
    stack.forget()
    payload = (await stack.data(CONFIRM, {"input": {"messageIds": [ids[0], foreign]}}))["confirmMessages"]
    assert (codes(payload), payload["write"]) == ([("INVALID", ["messageIds", "1"])], None)
    assert stack.calls() == {}
