"""Each query of the graph, over HTTP on the `dev` process, at each source that supports it."""

from typing import Any

import pytest

from tests.dev import Dev

GUID = "1e0abcb7-b94c-4072-a9c0-37072a1ef015"
SUBSCRIBER = "66d986b4ad659dea5ceb9b62"
RESELLER = "1234567890ABCDEF12345678"


def found(answer: Any, *path: str | int) -> Any:
    for key in path:
        answer = answer[key]
    return answer


def test_sources_tell_what_they_can_do(dev: Dev) -> None:
    answer = dev.data('{ sources { key kind name capabilities } source(key: "netevia") { id docsUrl } }')
    assert {each["key"]: set(each["capabilities"]) for each in answer["sources"]} == {
        "tulo": {
            "READ_ACCOUNT", "FIND_ACCOUNT", "READ_TICKET", "LIST_TICKETS", "READ_MESSAGES", "READ_TEMPLATES",
            "CREATE_TICKET", "READ_SUBSCRIPTIONS", "LIST_SUBSCRIPTIONS",
        },
        "service_order_hub": {
            "READ_ACCOUNT", "FIND_ACCOUNT", "READ_CASE", "LIST_CASES", "SEARCH", "READ_MESSAGES",
            "CREATE_CASE_MESSAGE", "REPLY", "CONFIRM",
        },
        "netevia": {"READ_ACCOUNT", "LIST_ACCOUNTS", "REPLY"},
        "telecomx": {
            "READ_ACCOUNT", "FIND_ACCOUNT", "LIST_ACCOUNTS", "SEARCH", "READ_TICKET", "LIST_TICKETS",
            "READ_MESSAGES", "CHANGE_STATUS", "READ_SUBSCRIPTIONS", "LIST_SUBSCRIPTIONS", "READ_SUBSCRIBERS",
            "CREATE_SUBSCRIPTION", "UPDATE_SUBSCRIPTION", "DELETE_SUBSCRIPTION",
        },
        "thulium": {
            "READ_ACCOUNT", "FIND_ACCOUNT", "LIST_ACCOUNTS", "READ_TICKET", "LIST_TICKETS", "READ_MESSAGES",
            "CREATE_TICKET", "REPLY", "ATTACH", "CHANGE_STATUS",
        },
    }  # fmt: skip
    assert answer["source"]["docsUrl"] == "https://banking.docs.netevia.com"
    assert dev.data("query($id: ID!) { node(id: $id) { ... on Source { key } } }", answer["source"]) == {
        "node": {"key": "netevia"}
    }


@pytest.mark.parametrize(
    ("lookup", "expected"),
    [
        ({"source": "tulo", "nativeId": SUBSCRIBER}, ("SUBSCRIBER", "Maja Nordin")),
        ({"source": "tulo", "email": "maja.nordin0@post.example.org"}, ("SUBSCRIBER", "Maja Nordin")),
        ({"source": "tulo", "externalId": "crm=C-1000"}, ("SUBSCRIBER", "Maja Nordin")),
        ({"source": "telecomx", "nativeId": RESELLER, "kind": "RESELLER"}, ("RESELLER", None)),
        ({"source": "thulium", "login": "testowy.agent11", "kind": "AGENT"}, ("AGENT", None)),
    ],
)
def test_an_account_is_found_by_an_exact_key_and_again_by_its_id(
    dev: Dev, lookup: dict[str, str], expected: tuple[str, str | None]
) -> None:
    query = "query($lookup: AccountLookup!) { account(lookup: $lookup) { id kind name email phone status { value raw } } }"
    account = dev.data(query, {"lookup": lookup})["account"]
    assert account["kind"] == expected[0]
    assert account["name"] == (expected[1] or account["name"])
    again = "query($id: ID!) { account(id: $id) { id kind name email phone status { value raw } } }"
    assert dev.data(again, account)["account"] == account


def test_each_source_with_a_list_of_accounts_shows_it(dev: Dev) -> None:
    query = """query($key: String!, $kind: AccountKind) {
      accounts(first: 2, filter: {sources: [$key], kind: $kind}) { nodes { id kind name } totalCount sources { source { key } state } }
    }"""
    shown = {}
    for key, kind in [
        ("netevia", None),
        ("telecomx", "CUSTOMER"),
        ("thulium", "CUSTOMER"),
        ("thulium", "COMPANY"),
        ("thulium", "AGENT"),
    ]:
        page = dev.data(query, {"key": key, "kind": kind})["accounts"]
        assert {"source": {"key": key}, "state": "OK"} in page["sources"]
        shown[key, kind] = [each["kind"] for each in page["nodes"]]
    assert shown == {
        ("netevia", None): ["LINKED_USER"] * 2,
        ("telecomx", "CUSTOMER"): ["CUSTOMER"] * 2,
        ("thulium", "CUSTOMER"): ["CUSTOMER"] * 2,
        ("thulium", "COMPANY"): ["COMPANY"] * 2,
        ("thulium", "AGENT"): ["AGENT"] * 2,
    }


def test_all_accounts_can_be_paged_through_once(dev: Dev) -> None:
    query = """query($after: String) {
      accounts(first: 100, after: $after) { nodes { id } pageInfo { hasNextPage endCursor } }
    }"""
    seen: list[str] = []
    after = None
    while True:
        page = dev.data(query, {"after": after})["accounts"]
        seen += [each["id"] for each in page["nodes"]]
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    assert len(seen) == len(set(seen)) > 100


def test_a_case_is_read_by_guid_by_reference_and_by_id(dev: Dev) -> None:
    fields = """
      id guid number subject status { value raw } createdAt tags
      partner { name email } provider { name } requester { kind } assignee { kind }
      customer { name email phone } product { model serial problem manufacturer purchaseDate }
      origin { nativeId from stale source { key } } capabilities
    """
    by_guid = dev.data(f'{{ case(guid: "{GUID}") {{ {fields} }} }}')["case"]
    assert (by_guid["number"], by_guid["status"], by_guid["origin"]) == (
        7748,
        {"value": "OPEN", "raw": "arrived"},
        {"nativeId": GUID, "from": "SOURCE", "stale": False, "source": {"key": "service_order_hub"}},
    )
    assert (by_guid["requester"], by_guid["assignee"]) == ({"kind": "PARTNER"}, {"kind": "PROVIDER"})
    assert by_guid["capabilities"] == ["READ_MESSAGES", "CREATE_CASE_MESSAGE", "REPLY", "CONFIRM"]
    reference = f'ref: {{source: "service_order_hub", nativeId: "{GUID}"}}'
    assert dev.data(f"{{ case({reference}) {{ {fields} }} }}")["case"] == by_guid
    by_id = "query($id: ID!) { node(id: $id) { ... on Case { %s } } }" % fields  # noqa: UP031 - braces
    assert dev.data(by_id, {"id": by_guid["id"]})["node"] == by_guid


def test_cases_are_searched_and_filtered(dev: Dev) -> None:
    query = "query($filter: CaseFilter) { cases(filter: $filter, first: 50) { totalCount nodes { status { raw } partner { id } tags } } }"
    everything = dev.data(query)["cases"]
    arrived = dev.data(query, {"filter": {"status": ["SOLVED"]}})["cases"]
    assert {each["status"]["raw"] for each in arrived["nodes"]} <= {"repaired", "shipped"}
    assert 0 < arrived["totalCount"] < everything["totalCount"]
    partner = everything["nodes"][0]["partner"]["id"]
    theirs = dev.data(query, {"filter": {"partner": partner}})["cases"]
    assert {each["partner"]["id"] for each in theirs["nodes"]} == {partner}
    found_by_text = dev.data(query, {"filter": {"search": "Nordtek"}})["cases"]
    assert 0 < found_by_text["totalCount"] < everything["totalCount"]
    nobody = dev.data(query, {"filter": {"createdAfter": "2099-01-01T00:00:00Z"}})["cases"]
    assert nobody == {"totalCount": 0, "nodes": []}


def test_a_ticket_is_read_by_its_id_at_each_source_that_can_read_one(dev: Dev) -> None:
    listed = dev.data("""{
      thulium: tickets(first: 1, filter: {sources: ["thulium"]}) { nodes { id } }
      telecomx: tickets(first: 1, filter: {sources: ["telecomx"]}) { nodes { id } }
      tulo: account(lookup: {source: "tulo", nativeId: "66d986b4ad659dea5ceb9b62"}) { tickets { nodes { id } } }
    }""")
    ids = {
        "thulium": found(listed, "thulium", "nodes", 0, "id"),
        "telecomx": found(listed, "telecomx", "nodes", 0, "id"),
        "tulo": found(listed, "tulo", "tickets", "nodes", 0, "id"),
    }
    query = """query($id: ID!) { ticket(id: $id) {
      id subject origin { source { key } } requester { name }
      messages(last: 1) { totalCount nodes { id body { text } author { role } conversation { id } } }
      lastMessage { id } messageCount unconfirmedCount
    } }"""
    for key, global_id in ids.items():
        ticket = dev.data(query, {"id": global_id})["ticket"]
        assert (ticket["id"], ticket["origin"]["source"]["key"]) == (global_id, key)
        assert ticket["messages"]["totalCount"] == ticket["messageCount"] > 0
        (last,) = ticket["messages"]["nodes"]
        assert (ticket["lastMessage"]["id"], last["conversation"]["id"]) == (last["id"], global_id)
        assert ticket["unconfirmedCount"] is None
        message = dev.data(
            "query($id: ID!) { message(id: $id) { id body { text } author { role } conversation { id } } }",
            last,
        )
        assert message["message"] == last


def test_a_netevia_ticket_is_known_by_reference_alone(dev: Dev) -> None:
    assert dev.data("""{
      ticket(ref: {source: "netevia", nativeId: "123456"}) {
        subject origin { from nativeId } capabilities lastMessage { id } messageCount messages { totalCount }
      }
    }""")["ticket"] == {
        "subject": None,
        "origin": {"from": "REFERENCE", "nativeId": "123456"},
        "capabilities": ["REPLY"],
        "lastMessage": None,
        "messageCount": 0,
        "messages": {"totalCount": 0},
    }
    assert dev.arrivals("netevia") == []


def test_html_mails_are_served_harmless(dev: Dev) -> None:
    query = """query($id: String!) { ticket(ref: {source: "thulium", nativeId: $id}) {
      messages(first: 1) { nodes { body { text html format } preview(length: 40) } } } }"""
    for ticket in range(88235, 88241):
        (message,) = dev.data(query, {"id": str(ticket)})["ticket"]["messages"]["nodes"]
        body = message["body"]
        for bad in (
            "<script",
            "onclick",
            "<img",
            "javascript:",
            "<style",
            "<iframe",
            "<svg",
            "onload",
            "url(",
        ):
            assert bad not in body["html"]
        assert "<" not in body["text"].replace("<pilne>", "")
        assert len(message["preview"]) <= 40


def test_replies_and_parents_are_linked(dev: Dev) -> None:
    query = """{ cases(first: 59) { nodes { messages(first: 50) { nodes {
      id parent { id } replies(first: 3) { nodes { id } totalCount } } } } } }"""
    messages = [
        message for case in dev.data(query)["cases"]["nodes"] for message in case["messages"]["nodes"]
    ]
    answers = {message["id"]: message["parent"]["id"] for message in messages if message["parent"]}
    assert answers
    for message in messages:
        expected = [answer for answer, parent in answers.items() if parent == message["id"]]
        assert [each["id"] for each in message["replies"]["nodes"]] == expected


def test_messages_are_paged_both_ways_and_filtered(dev: Dev) -> None:
    query = """query($filter: MessageFilter, $first: Int, $after: String, $last: Int, $before: String) {
      ticket(ref: {source: "thulium", nativeId: "1234"}) {
        messages(filter: $filter, first: $first, after: $after, last: $last, before: $before) {
          totalCount edges { cursor node { id kind { value } } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }"""

    def page(**variables: Any) -> Any:
        return dev.data(query, variables)["ticket"]["messages"]

    whole = page(first=100)
    edges = whole["edges"]
    assert whole["totalCount"] == len(edges) >= 4
    head = page(first=2)
    assert (head["edges"], head["pageInfo"]["hasNextPage"], head["pageInfo"]["hasPreviousPage"]) == (
        edges[:2],
        True,
        False,
    )
    assert page(first=2, after=head["pageInfo"]["endCursor"])["edges"] == edges[2:4]
    tail = page(last=2)
    assert (tail["edges"], tail["pageInfo"]["hasNextPage"], tail["pageInfo"]["hasPreviousPage"]) == (
        edges[-2:],
        False,
        True,
    )
    assert page(last=1, before=tail["pageInfo"]["startCursor"])["edges"] == edges[-3:-2]
    system = page(filter={"kinds": ["SYSTEM"]}, first=100)
    assert [edge for edge in edges if edge["node"]["kind"]["value"] == "SYSTEM"] == system["edges"]
    assert page(filter={"since": "2099-01-01T00:00:00Z"})["totalCount"] == 0


def test_the_inbox_merges_the_sources_newest_first_and_says_who_took_part(dev: Dev) -> None:
    query = """query($after: String) { conversations(first: 50, after: $after) {
      nodes { __typename id updatedAt createdAt lastActivityAt origin { source { key } } }
      pageInfo { hasNextPage endCursor } totalCount
      sources { source { key } state ordered error { code } } } }"""
    page = dev.data(query)["conversations"]
    assert page["sources"] == [
        {
            "source": {"key": "tulo"},
            "state": "UNSUPPORTED",
            "ordered": True,
            "error": {"code": "UNSUPPORTED"},
        },
        {"source": {"key": "service_order_hub"}, "state": "OK", "ordered": False, "error": None},
        {
            "source": {"key": "netevia"},
            "state": "UNSUPPORTED",
            "ordered": True,
            "error": {"code": "UNSUPPORTED"},
        },
        {"source": {"key": "telecomx"}, "state": "OK", "ordered": True, "error": None},
        {"source": {"key": "thulium"}, "state": "OK", "ordered": True, "error": None},
    ]
    seen = [each["id"] for each in page["nodes"]]
    keys = {each["origin"]["source"]["key"] for each in page["nodes"]}
    while page["pageInfo"]["hasNextPage"]:
        page = dev.data(query, {"after": page["pageInfo"]["endCursor"]})["conversations"]
        seen += [each["id"] for each in page["nodes"]]
        keys |= {each["origin"]["source"]["key"] for each in page["nodes"]}
    assert len(seen) == len(set(seen)) == page["totalCount"]
    assert keys == {"service_order_hub", "telecomx", "thulium"}


def test_ordered_sources_come_newest_first(dev: Dev) -> None:
    query = """{ tickets(first: 100, filter: {sources: ["thulium"]}) { nodes { updatedAt } } }"""
    moments = [each["updatedAt"] for each in dev.data(query)["tickets"]["nodes"]]
    assert moments == sorted(moments, reverse=True)
    assert len(moments) == 100


def test_tickets_are_filtered_by_account_assignee_status_and_time(dev: Dev) -> None:
    query = """query($filter: TicketFilter) { tickets(first: 20, filter: $filter) {
      totalCount nodes { status { value } requester { id } assignee { id } updatedAt }
      sources { source { key } state } } }"""
    first = dev.data(query, {"filter": {"sources": ["thulium"]}})["tickets"]["nodes"][1]
    requester = first["requester"]["id"]
    theirs = dev.data(query, {"filter": {"account": requester}})["tickets"]
    assert {each["requester"]["id"] for each in theirs["nodes"]} == {requester}
    assert {each["source"]["key"]: each["state"] for each in theirs["sources"]} == {
        "tulo": "SKIPPED",
        "service_order_hub": "UNSUPPORTED",
        "netevia": "UNSUPPORTED",
        "telecomx": "SKIPPED",
        "thulium": "OK",
    }
    assignee = first["assignee"]["id"]
    assigned = dev.data(query, {"filter": {"assignee": assignee}})["tickets"]
    assert {each["assignee"]["id"] for each in assigned["nodes"]} == {assignee}
    pending = dev.data(query, {"filter": {"status": ["PENDING"], "sources": ["thulium"]}})["tickets"]
    assert {each["status"]["value"] for each in pending["nodes"]} == {"PENDING"}
    recent = dev.data(query, {"filter": {"updatedAfter": first["updatedAt"], "sources": ["thulium"]}})[
        "tickets"
    ]
    assert recent["totalCount"] == 2


def test_text_search_asks_the_sources_that_search(dev: Dev) -> None:
    answer = dev.data("""{ conversations(first: 5, filter: {search: "Nordtek"}) {
      nodes { subject } sources { source { key } state } } }""")["conversations"]
    assert {each["source"]["key"]: each["state"] for each in answer["sources"]} == {
        "tulo": "UNSUPPORTED",
        "service_order_hub": "OK",
        "netevia": "UNSUPPORTED",
        "telecomx": "OK",
        "thulium": "UNSUPPORTED",
    }
    assert all("Nordtek" in each["subject"] for each in answer["nodes"])
    assert answer["nodes"]


def test_subscriptions_of_both_kinds_are_listed_and_read(dev: Dev) -> None:
    listed = dev.data("""query($id: ID!) {
      topics: subscriptions(first: 3, filter: {sources: ["telecomx"]}) { nodes { __typename id title account { kind }
        ... on NotificationSubscription { description channels isGlobal subscribers { emails phones } } } }
      everyones: subscriptions(filter: {global: true}) { nodes { ... on NotificationSubscription { isGlobal } } }
      products: account(id: $id) { subscriptions { nodes { __typename id title status { value raw }
        ... on ProductSubscription { product number validFrom validTo nextPrice provisionedBy } } } }
    }""", {"id": _subscriber(dev)})  # fmt: skip
    assert {each["__typename"] for each in listed["topics"]["nodes"]} == {"NotificationSubscription"}
    assert {each["isGlobal"] for each in listed["everyones"]["nodes"]} == {True}
    products = listed["products"]["subscriptions"]["nodes"]
    assert {each["__typename"] for each in products} == {"ProductSubscription"}
    query = "query($id: ID!) { subscription(id: $id) { __typename id title } }"
    for each in (listed["topics"]["nodes"][0], products[0]):
        expected = {name: each[name] for name in ("__typename", "id", "title")}
        assert dev.data(query, {"id": each["id"]})["subscription"] == expected


def test_message_templates_are_listed(dev: Dev) -> None:
    templates = dev.data("{ messageTemplates { id heading text locale enabled } }")["messageTemplates"]
    assert len(templates) == 4
    assert {each["enabled"] for each in templates} == {True}
    query = "query($id: ID!) { node(id: $id) { ... on MessageTemplate { id heading text locale enabled } } }"
    assert dev.data(query, templates[0])["node"] == templates[0]


def test_what_is_not_there_is_null_without_an_error(dev: Dev) -> None:
    assert dev.data("""{
      case(guid: "00000000-0000-4000-8000-000000000000") { subject }
      ticket(ref: {source: "thulium", nativeId: "999999"}) { subject }
      account(lookup: {source: "tulo", nativeId: "ffffffffffffffffffffffff"}) { name }
      source(key: "none") { name }
    }""") == {"case": None, "ticket": None, "account": None, "source": None}


def test_nodes_keep_the_order_of_their_ids(dev: Dev) -> None:
    ids = [
        dev.data(f'{{ case(guid: "{GUID}") {{ id subject }} }}')["case"]["id"],
        _subscriber(dev),
        dev.data('{ source(key: "tulo") { id } }')["source"]["id"],
    ]
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"
    kinds = ["Case", "Account", "Source"]
    assert dev.data(query, {"ids": ids})["nodes"] == [
        {"__typename": kind, "id": each} for kind, each in zip(kinds, ids, strict=True)
    ]


def _subscriber(dev: Dev) -> str:
    query = '{ account(lookup: {source: "tulo", nativeId: "66d986b4ad659dea5ceb9b62"}) { id } }'
    return str(dev.data(query)["account"]["id"])
