"""Each mutation of the graph, over HTTP on the `dev` process, at each source that supports it."""

import json
import uuid
from typing import Any

import pytest

from gateway.domain.ids import Ref, parse_global_id
from tests.dev import Dev

GUID = "1e0abcb7-b94c-4072-a9c0-37072a1ef015"
RESELLER = "1234567890ABCDEF12345678"

ERRORS = "userErrors { code message field source { key } sourceCode }"
REPLY = f"""mutation($input: ReplyInput!) {{ reply(input: $input) {{
  message {{ id body {{ text }} kind {{ value raw }} visibility parent {{ id }} externalId createdAt declaredAt
    author {{ role name email }} origin {{ nativeId from }} conversation {{ id }} }}
  conversation {{ id messageCount }} {ERRORS} }} }}"""


def key() -> str:
    return uuid.uuid4().hex


def posts(dev: Dev, kind: str, path: str) -> list[Any]:
    """The bodies that reached an endpoint by POST."""
    return [
        json.loads(each["body"])
        for each in dev.arrivals(kind)
        if each["method"] == "POST" and each["path"].endswith(path)
    ]


def case_message_ids(dev: Dev, guid: str = GUID) -> list[str]:
    query = "query($guid: ID!) { case(guid: $guid) { messages(first: 100) { nodes { id } } } }"
    return [each["id"] for each in dev.data(query, {"guid": guid})["case"]["messages"]["nodes"]]


def test_a_reply_to_a_case_message_shows_as_parent_and_reply(dev: Dev) -> None:
    parent = case_message_ids(dev)[0]
    answer = dev.data(REPLY, {"input": {"to": parent, "body": "Kommer i morgon.", "idempotencyKey": key()}})[
        "reply"
    ]
    assert answer["userErrors"] == []
    message = answer["message"]
    assert (message["body"], message["kind"], message["parent"]) == (
        {"text": "Kommer i morgon."},
        {"value": "MESSAGE", "raw": "serviceComment"},
        {"id": parent},
    )
    assert answer["conversation"]["messageCount"] == 3
    read = dev.data("query($id: ID!) { message(id: $id) { replies { nodes { id } } } }", {"id": parent})
    assert read["message"]["replies"]["nodes"] == [{"id": message["id"]}]
    (sent,) = posts(dev, "service_order_hub", "create")
    # Without a reference of the caller's, the hub is given the gateway's own.
    assert sent.pop("externalId").startswith("gw-")
    assert sent == {
        "guid": GUID,
        "type": "serviceComment",
        "content": "Kommer i morgon.",
        "parentMessageId": 1,
    }


def test_a_case_message_takes_every_field_of_the_hub(dev: Dev) -> None:
    query = f"""mutation($input: CreateCaseMessageInput!) {{ createCaseMessage(input: $input) {{
      message {{ id kind {{ raw }} body {{ text }} declaredAt externalId author {{ role name email }} visibility parent {{ id }} }} {ERRORS} }} }}"""
    parent = case_message_ids(dev)[1]
    given = {
        "guid": GUID,
        "type": "statusRequest",
        "content": "Test message",
        "declaredAt": "2017-07-25T10:12:54.003Z",
        "externalId": "test-42",
        "parent": parent,
        "author": {"name": "Ida Ek", "email": "ida@example.org"},
        "internal": False,
        "idempotencyKey": key(),
    }
    answer = dev.data(query, {"input": given})["createCaseMessage"]
    assert answer["userErrors"] == []
    message = answer["message"]
    assert message.pop("id") in case_message_ids(dev)
    assert message == {
        "kind": {"raw": "statusRequest"},
        "body": {"text": "Test message"},
        "declaredAt": "2017-07-25T10:12:54.003000+00:00",
        "externalId": "test-42",
        "author": {"role": "PARTNER", "name": "Ida Ek", "email": "ida@example.org"},
        "visibility": "PUBLIC",
        "parent": {"id": parent},
    }
    assert posts(dev, "service_order_hub", "create") == [
        {
            "guid": GUID,
            "type": "statusRequest",
            "content": "Test message",
            "declaredAt": "2017-07-25T10:12:54.003Z",
            "externalId": "test-42",
            "parentMessageId": 2,
            "userName": "Ida Ek",
            "userEmail": "ida@example.org",
            "isInternal": False,
        }
    ]


def test_unconfirmed_messages_are_confirmed_and_read_back_confirmed(dev: Dev) -> None:
    ids = case_message_ids(dev)
    query = f"""mutation($input: ConfirmMessagesInput!) {{ confirmMessages(input: $input) {{
      confirmed {{ id confirmedAt conversation {{ unconfirmedCount }} }} alreadyConfirmed {{ id }} {ERRORS} }} }}"""
    answer = dev.data(query, {"input": {"messageIds": ids}})["confirmMessages"]
    assert [each["id"] for each in answer["confirmed"]] == ids
    assert all(each["confirmedAt"] for each in answer["confirmed"])
    assert {each["conversation"]["unconfirmedCount"] for each in answer["confirmed"]} == {0}
    assert (answer["alreadyConfirmed"], answer["userErrors"]) == ([], [])
    assert posts(dev, "service_order_hub", "confirm") == [[1, 2]]
    again = dev.data(query, {"input": {"messageIds": ids}})["confirmMessages"]
    assert ([each["id"] for each in again["alreadyConfirmed"]], again["confirmed"]) == (ids, [])
    assert posts(dev, "service_order_hub", "confirm") == [[1, 2]]


CONFIRM = f"""mutation($input: ConfirmMessagesInput!) {{ confirmMessages(input: $input) {{
  confirmed {{ id }} alreadyConfirmed {{ id }} {ERRORS} }} }}"""


def test_each_message_to_confirm_has_its_own_outcome(dev: Dev) -> None:
    known = case_message_ids(dev)[0]
    missing, other_party = _sibling(known, "11"), _sibling(known, "22")
    given = [missing, known, missing, other_party]
    answer = dev.data(CONFIRM, {"input": {"messageIds": given}})["confirmMessages"]
    assert [each["id"] for each in answer["confirmed"]] == [known]
    assert [(each["code"], each["field"], each["sourceCode"]) for each in answer["userErrors"]] == [
        ("NOT_FOUND", ["messageIds", "0"], "Not found"),
        ("NO_ACCESS", ["messageIds", "3"], "No access"),
    ]
    assert posts(dev, "service_order_hub", "confirm") == [[11, 1, 22]]


def test_messages_of_several_sources_are_not_confirmed_in_one_write(dev: Dev) -> None:
    known = case_message_ids(dev)[0]
    thulium = dev.data(
        '{ ticket(ref: {source: "thulium", nativeId: "1234"}) { messages(first: 1) { nodes { id } } } }'
    )
    foreign = thulium["ticket"]["messages"]["nodes"][0]["id"]
    answer = dev.data(CONFIRM, {"input": {"messageIds": [known, foreign]}})["confirmMessages"]
    assert [(each["code"], each["field"]) for each in answer["userErrors"]] == [
        ("UNSUPPORTED_BY_SOURCE", ["messageIds", "1"])
    ]
    assert (answer["confirmed"], answer["alreadyConfirmed"]) == ([], [])
    assert posts(dev, "service_order_hub", "confirm") == []


def _sibling(message_id: str, native_id: str) -> str:
    """The id of another message, as an id given out earlier would look."""
    ref = parse_global_id(message_id)
    return Ref(ref.type, ref.source, (ref.parts[0], native_id)).global_id


def test_a_reply_to_a_netevia_ticket_carries_its_comment_id(dev: Dev) -> None:
    given = {
        "toRef": {"source": "netevia", "nativeId": "123456"},
        "body": "Can you provide an update on the issue?",
        "idempotencyKey": key(),
    }
    answer = dev.data(REPLY.replace("messageCount", ""), {"input": given})["reply"]
    assert answer["userErrors"] == []
    assert answer["message"]["origin"] == {"nativeId": "987654", "from": "SOURCE"}
    assert answer["message"]["body"] == {"text": "Can you provide an update on the issue?"}
    assert posts(dev, "netevia", "/message") == [
        {"ticketId": 123456, "text": "Can you provide an update on the issue?"}
    ]


def test_a_forbidden_netevia_ticket_is_answered_like_a_missing_one(dev: Dev) -> None:
    refused = {}
    for ticket in ("200001", "777777"):
        given = {"toRef": {"source": "netevia", "nativeId": ticket}, "body": "Hello", "idempotencyKey": key()}
        answer = dev.data(REPLY.replace("messageCount", ""), {"input": given})["reply"]
        refused[ticket] = (answer["message"], answer["userErrors"])
    assert refused["200001"] == refused["777777"]
    assert refused["200001"][1][0]["code"] == "NOT_FOUND"


def test_an_agent_response_is_read_back_in_the_thulium_ticket(dev: Dev) -> None:
    ticket = dev.data('{ ticket(ref: {source: "thulium", nativeId: "1234"}) { id messageCount } }')["ticket"]
    upload = dev.http.post(
        f"{dev.url}/uploads",
        params={"source": "thulium", "filename": "faktura.pdf"},
        content=b"%PDF-1.7",
        headers={"content-type": "application/octet-stream"},
    )
    assert upload.status_code == 201
    handle = upload.json()
    assert (handle["source"], handle["filename"], handle["sizeBytes"]) == ("thulium", "faktura.pdf", 8)
    given = {
        "to": ticket["id"],
        "body": "<p>Hello <b>world</b>.</p><script>alert(1)</script>",
        "format": "HTML",
        "agent": "testowy.agent17",
        "attachments": [handle["id"]],
        "idempotencyKey": key(),
    }
    answer = dev.data(REPLY, {"input": given})["reply"]
    assert answer["userErrors"] == []
    assert answer["message"]["body"] == {"text": "Hello world."}
    assert answer["message"]["kind"] == {"value": "REPLY", "raw": "REPLY"}
    assert answer["conversation"] == {"id": ticket["id"], "messageCount": ticket["messageCount"] + 1}
    (sent,) = posts(dev, "thulium", "agent_response")
    assert sent.pop("attachments")
    assert sent == {
        "body": "<p>Hello <b>world</b>.</p>",
        "body_type": "HTML",
        "user_login": "testowy.agent17",
    }


def test_an_upload_serves_its_source_alone(dev: Dev) -> None:
    given = {
        "toRef": {"source": "thulium", "nativeId": "1234"},
        "body": "Hello",
        "attachments": ["no-such-handle"],
        "idempotencyKey": key(),
    }
    answer = dev.data(REPLY, {"input": given})["reply"]
    assert [(each["code"], each["field"]) for each in answer["userErrors"]] == [
        ("NOT_FOUND", ["attachments", "0"])
    ]
    assert posts(dev, "thulium", "agent_response") == []


def test_a_tulo_message_is_created_and_seen_among_the_pending(dev: Dev) -> None:
    account = dev.data('{ account(lookup: {source: "tulo", nativeId: "66d986b4ad659dea5ceb9b62"}) { id } }')[
        "account"
    ]
    query = f"mutation($input: CreateTicketInput!) {{ createTicket(input: $input) {{ ticket {{ id subject requester {{ id }} lastMessage {{ body {{ text }} }} }} {ERRORS} }} }}"
    given = {
        "source": "tulo",
        "requester": account["id"],
        "subject": "My heading",
        "body": "My message",
        "idempotencyKey": key(),
    }
    answer = dev.data(query, {"input": given})["createTicket"]
    assert answer["userErrors"] == []
    assert answer["ticket"]["requester"] == account
    pending = dev.data(
        "query($id: ID!) { tickets(filter: {account: $id}) { nodes { id subject requester { id } lastMessage { body { text } } } } }",
        account,
    )
    assert answer["ticket"] in pending["tickets"]["nodes"]
    assert (answer["ticket"]["subject"], answer["ticket"]["lastMessage"]) == (
        "My heading",
        {"body": {"text": "My message"}},
    )
    assert posts(dev, "tulo", "helpdesk_messages") == [
        {"account_id": "66d986b4ad659dea5ceb9b62", "heading": "My heading", "message": "My message"}
    ]


def test_a_thulium_ticket_is_created_with_all_its_fields(dev: Dev) -> None:
    customer = dev.data(
        '{ accounts(first: 1, filter: {sources: ["thulium"], kind: CUSTOMER}) { nodes { id email } } }'
    )
    requester = customer["accounts"]["nodes"][0]
    query = f"mutation($input: CreateTicketInput!) {{ createTicket(input: $input) {{ ticket {{ subject requester {{ id }} assignee {{ origin {{ nativeId }} }} category queue lastMessage {{ body {{ text }} }} }} {ERRORS} }} }}"
    given = {
        "source": "thulium",
        "requester": requester["id"],
        "subject": "Brak faktury",
        "body": "Proszę o fakturę.",
        "mailbox": "zwroty@sklep.example",
        "category": "9",
        "tags": ["vip"],
        "cc": ["szef@klient.example"],
        "assignee": "testowy.agent11",
        "channel": "WWW",
        "direction": "IN_BEHALF_OF",
        "idempotencyKey": key(),
    }
    answer = dev.data(query, {"input": given})["createTicket"]
    assert answer == {
        "ticket": {
            "subject": "Brak faktury",
            "requester": {"id": requester["id"]},
            "assignee": {"origin": {"nativeId": "testowy.agent11"}},
            "category": "9",
            "queue": "zwroty@sklep.example",
            "lastMessage": {"body": {"text": "Proszę o fakturę."}},
        },
        "userErrors": [],
    }
    (sent,) = posts(dev, "thulium", "/tickets")
    assert (sent["body_type"], sent["source"], sent["direction"], sent["cc"]) == (
        "PLAIN",
        "www",
        "in_behalf_of",
        ["szef@klient.example"],
    )


UPDATE = f"mutation($input: UpdateTicketInput!) {{ updateTicket(input: $input) {{ ticket {{ status {{ value raw }} category }} {ERRORS} }} }}"


def test_a_thulium_ticket_is_updated_and_read_back(dev: Dev) -> None:
    ticket = dev.data('{ ticket(ref: {source: "thulium", nativeId: "1234"}) { id } }')["ticket"]
    changes = {"id": ticket["id"], "status": {"value": "CLOSED"}, "category": "8"}
    assert dev.data(UPDATE, {"input": changes})["updateTicket"] == {
        "ticket": {"status": {"value": "CLOSED", "raw": "Zamknięte"}, "category": "8"},
        "userErrors": [],
    }
    (sent,) = [each for each in dev.arrivals("thulium") if each["method"] == "PUT"]
    assert json.loads(sent["body"]) == {"status_id": "6", "category_id": "8"}


def test_a_help_centre_case_is_updated_and_read_back(dev: Dev) -> None:
    page = dev.data('{ tickets(first: 1, filter: {sources: ["telecomx"], status: NEW}) { nodes { id } } }')
    ticket = page["tickets"]["nodes"][0]
    changes = {"id": ticket["id"], "status": {"native": "CLOSED"}, "actionNeeded": False}
    assert dev.data(UPDATE, {"input": changes})["updateTicket"] == {
        "ticket": {"status": {"value": "CLOSED", "raw": "CLOSED"}, "category": None},
        "userErrors": [],
    }


def reseller(dev: Dev) -> str:
    query = '{ account(lookup: {source: "telecomx", nativeId: "1234567890ABCDEF12345678", kind: RESELLER}) { id } }'
    return str(dev.data(query)["account"]["id"])


CREATE = f"mutation($input: CreateNotificationSubscriptionInput!) {{ createNotificationSubscription(input: $input) {{ subscription {{ id title description channels isGlobal account {{ id }} }} {ERRORS} }} }}"


def test_a_notification_subscription_lives_and_dies(dev: Dev) -> None:
    owner = reseller(dev)
    given = {
        "owner": {"reseller": owner},
        "title": "Planned service windows",
        "description": "14 days in advance.",
        "channels": ["EMAIL"],
        "idempotencyKey": key(),
    }
    answer = dev.data(CREATE, {"input": given})["createNotificationSubscription"]
    assert answer["userErrors"] == []
    created = answer["subscription"]
    topic = created.pop("id")
    assert created == {
        "title": "Planned service windows",
        "description": "14 days in advance.",
        "channels": ["EMAIL"],
        "isGlobal": False,
        "account": {"id": owner},
    }
    assert posts(dev, "telecomx", "/employeeSubscription") == [
        {
            "reseller": RESELLER,
            "title": "Planned service windows",
            "description": "14 days in advance.",
            "email": True,
            "sms": False,
        }
    ]
    update = f"mutation($input: UpdateNotificationSubscriptionInput!) {{ updateNotificationSubscription(input: $input) {{ subscription {{ title channels }} {ERRORS} }} }}"
    changes = {"id": topic, "title": "Service windows", "channels": ["SMS"]}
    assert dev.data(update, {"input": changes})["updateNotificationSubscription"] == {
        "subscription": {"title": "Service windows", "channels": ["SMS"]},
        "userErrors": [],
    }
    delete = f"mutation($input: DeleteNotificationSubscriptionInput!) {{ deleteNotificationSubscription(input: $input) {{ deletedId {ERRORS} }} }}"
    assert dev.data(delete, {"input": {"id": topic}})["deleteNotificationSubscription"] == {
        "deletedId": topic,
        "userErrors": [],
    }
    assert dev.data("query($id: ID!) { subscription(id: $id) { id } }", {"id": topic}) == {
        "subscription": None
    }


def test_a_global_subscription_is_made_only_when_asked_for(dev: Dev) -> None:
    reseller(dev)  # The reset has ended the gateway's session: it logs in anew here, and not in the write.
    given: dict[str, Any] = {"title": "Everyone", "channels": ["SMS"], "idempotencyKey": key()}
    answer = dev.data(CREATE, {"input": {**given, "owner": {"global": True}}})[
        "createNotificationSubscription"
    ]
    assert (answer["subscription"]["isGlobal"], answer["subscription"]["account"]) == (True, None)
    assert posts(dev, "telecomx", "/employeeSubscription")[0]["reseller"] is None
    refused = dev.data(CREATE, {"input": {**given, "owner": {"global": False}, "idempotencyKey": key()}})
    assert [
        (each["code"], each["field"]) for each in refused["createNotificationSubscription"]["userErrors"]
    ] == [("INVALID", ["owner", "global"])]
    for owner in ({}, {"global": True, "reseller": "x"}, {"reseller": None}):
        answer = dev.http.post(
            f"{dev.url}/graphql", json={"query": CREATE, "variables": {"input": {**given, "owner": owner}}}
        ).json()
        assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert len(posts(dev, "telecomx", "/employeeSubscription")) == 1


def test_a_subscription_without_a_channel_is_refused_with_its_path(dev: Dev) -> None:
    given = {"owner": {"reseller": reseller(dev)}, "title": "Silent", "channels": [], "idempotencyKey": key()}
    answer = dev.data(CREATE, {"input": given})["createNotificationSubscription"]
    assert answer["subscription"] is None
    assert [(each["code"], each["field"]) for each in answer["userErrors"]] == [("REQUIRED", ["channels"])]
    assert posts(dev, "telecomx", "/employeeSubscription") == []


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            {"toRef": {"source": "service_order_hub", "nativeId": GUID}, "externalId": "x" * 513},
            ("TOO_LONG", ["externalId"]),
        ),
        (
            {"toRef": {"source": "service_order_hub", "nativeId": GUID}, "kind": "letter"},
            ("INVALID", ["kind"]),
        ),
        (
            {"toRef": {"source": "service_order_hub", "nativeId": GUID}, "agent": "ola"},
            ("UNSUPPORTED_FIELD", ["agent"]),
        ),
        ({"toRef": {"source": "thulium", "nativeId": "1234"}, "body": "  "}, ("REQUIRED", ["body"])),
        (
            {"toRef": {"source": "thulium", "nativeId": "1234"}, "author": {"name": "Ola"}},
            ("UNSUPPORTED_FIELD", ["author", "name"]),
        ),
        ({"toRef": {"source": "netevia", "nativeId": "123456"}, "format": "HTML"}, ("INVALID", ["format"])),
        (
            {"toRef": {"source": "netevia", "nativeId": "123456"}, "internal": True},
            ("UNSUPPORTED_FIELD", ["internal"]),
        ),
        (
            {"toRef": {"source": "netevia", "nativeId": "123456"}, "idempotencyKey": ""},
            ("REQUIRED", ["idempotencyKey"]),
        ),
        (
            {"toRef": {"source": "netevia", "nativeId": "123456"}, "idempotencyKey": "k" * 256},
            ("TOO_LONG", ["idempotencyKey"]),
        ),
    ],
)
def test_a_reply_beyond_a_documented_limit_is_refused_with_its_path_and_not_sent(
    dev: Dev, given: dict[str, Any], expected: tuple[str, list[str]]
) -> None:
    whole = {"body": "Hello", "idempotencyKey": key(), **given}
    answer = dev.data(REPLY, {"input": whole})["reply"]
    assert answer["message"] is None
    assert [(each["code"], each["field"]) for each in answer["userErrors"]] == [expected]
    assert dev.arrivals(given["toRef"]["source"]) == []


@pytest.mark.parametrize(
    ("heading", "body", "expected"),
    [
        ("h" * 513, "ok", [("TOO_LONG", ["subject"])]),
        ("ok", "b" * 1025, [("TOO_LONG", ["body"])]),
        ("", " ", [("REQUIRED", ["subject"]), ("REQUIRED", ["body"])]),
    ],
)
def test_a_tulo_message_beyond_its_limits_is_refused(
    dev: Dev, heading: str, body: str, expected: list[tuple[str, list[str]]]
) -> None:
    account = dev.data('{ account(lookup: {source: "tulo", nativeId: "66d986b4ad659dea5ceb9b62"}) { id } }')[
        "account"
    ]
    query = f"mutation($input: CreateTicketInput!) {{ createTicket(input: $input) {{ ticket {{ id }} {ERRORS} }} }}"
    given = {
        "source": "tulo",
        "requester": account["id"],
        "subject": heading,
        "body": body,
        "idempotencyKey": key(),
    }
    answer = dev.data(query, {"input": given})["createTicket"]
    assert [(each["code"], each["field"]) for each in answer["userErrors"]] == expected
    assert posts(dev, "tulo", "helpdesk_messages") == []


def test_what_a_source_cannot_do_is_refused_with_nothing_sent(dev: Dev) -> None:
    telecomx = dev.data('{ tickets(first: 1, filter: {sources: ["telecomx"]}) { nodes { id } } }')["tickets"][
        "nodes"
    ][0]
    dev.reset()
    answer = dev.data(REPLY, {"input": {"to": telecomx["id"], "body": "Hej", "idempotencyKey": key()}})[
        "reply"
    ]
    assert [(each["code"], each["source"]) for each in answer["userErrors"]] == [
        ("UNSUPPORTED_BY_SOURCE", {"key": "telecomx"})
    ]
    assert dev.arrivals("telecomx") == []


def test_a_repeated_write_tells_the_first_outcome_and_sends_nothing(dev: Dev) -> None:
    given = {
        "toRef": {"source": "service_order_hub", "nativeId": GUID},
        "body": "Once",
        "idempotencyKey": key(),
    }
    first = dev.data(REPLY, {"input": given})["reply"]
    again = dev.data(REPLY, {"input": given})["reply"]
    # The sandbox was reset and the ledger wasn't: the hub may give a message's id for the second time, so
    # that only the ledger knows this one. See test_ledger_in_the_graph.py for the whole answer.
    assert (again["message"]["body"], again["userErrors"]) == (first["message"]["body"], [])
    conflict = dev.data(REPLY, {"input": {**given, "body": "Twice"}})["reply"]
    assert [(each["code"], each["field"]) for each in conflict["userErrors"]] == [
        ("IDEMPOTENCY_CONFLICT", ["idempotencyKey"])
    ]
    assert len(posts(dev, "service_order_hub", "create")) == 1
