"""How many REST calls nested queries cost: pinned, so that no field becomes N+1 unseen."""

import asyncio

from tests.e2e.conftest import Stack, open_stack

INBOX_ACCOUNTS = """{ tickets(first: 100, filter: {sources: ["thulium"]}) {
  nodes { subject requester { name } assignee { name } } } }"""


async def guids(stack: Stack, count: int) -> list[str]:
    answer = await stack.data("query($n: Int) { cases(first: $n) { nodes { guid } } }", {"n": count})
    return [each["guid"] for each in answer["cases"]["nodes"]]


async def test_ten_cases_by_guid_with_subject_and_messages_cost_ten_reads_and_ten_lists(stack: Stack) -> None:
    query = "query($g: [ID!]) { cases(filter: {guids: $g}) { nodes { subject messages { nodes { body { text } } } } } }"
    ten = await guids(stack, 10)
    assert await stack.cost(query, {"g": ten}) == {"service_order_hub": 20}
    paths = [each.path for each in stack.sandbox.services["service_order_hub"].arrivals]
    assert (paths.count("/api/v3/case"), paths.count("/api/v3/case-messages")) == (10, 10)


async def test_ten_cases_by_guid_with_messages_alone_cost_ten_lists(stack: Stack) -> None:
    query = """query($g: [ID!]) { cases(filter: {guids: $g}) { nodes {
      id guid messages { nodes { body { text } } } lastMessage { id } messageCount unconfirmedCount } } }"""
    assert await stack.cost(query, {"g": await guids(stack, 10)}) == {"service_order_hub": 10}


async def test_ten_cases_by_search_with_messages_cost_eleven_calls(stack: Stack) -> None:
    query = (
        "{ cases(first: 10) { nodes { subject customer { name } messages { nodes { body { text } } } } } }"
    )
    assert await stack.cost(query) == {"service_order_hub": 11}


async def test_ten_cases_by_edges_cost_the_same_as_by_nodes(stack: Stack) -> None:
    query = """query($g: [ID!]) { cases(filter: {guids: $g}) { edges { cursor node { ...F } } } }
      fragment F on Conversation { subject ... on Case { messages { totalCount } } }"""
    assert await stack.cost(query, {"g": await guids(stack, 10)}) == {"service_order_hub": 20}


async def test_fields_that_a_directive_leaves_out_cost_nothing(stack: Stack) -> None:
    query = """query($g: [ID!], $no: Boolean!) { cases(filter: {guids: $g}) { nodes {
      subject @skip(if: $no) number @include(if: false) messages { totalCount } } } }"""
    variables = {"g": await guids(stack, 10), "no": True}
    assert await stack.cost(query, variables) == {"service_order_hub": 10}


async def test_partners_named_in_search_rows_cost_nothing_unless_more_is_asked(stack: Stack) -> None:
    query = "{ cases(first: 10) { nodes { partner { id name } provider { name } } } }"
    assert await stack.cost(query) == {"service_order_hub": 1}
    query = (
        "{ cases(first: 10) { nodes { partner { name email } requester { name email } provider { name } } } }"
    )
    # The token is one partner's: all ten cases have the same one, and `requester` is that partner too.
    assert await stack.cost(query) == {"service_order_hub": 2}


async def test_a_hundred_tickets_with_their_people_cost_the_list_and_each_person_once(stack: Stack) -> None:
    answer = await stack.data(
        """{ tickets(first: 100, filter: {sources: ["thulium"]}) { nodes { requester { id } assignee { id } } } }"""
    )
    nodes = answer["tickets"]["nodes"]
    assert len(nodes) == 100
    customers = {each["requester"]["id"] for each in nodes}
    agents = {each["assignee"]["id"] for each in nodes if each["assignee"]}
    assert (len(customers), len(agents)) == (20, 12)
    assert await stack.cost(INBOX_ACCOUNTS) == {"thulium": 1 + 20 + 12}


async def test_ids_of_people_cost_nothing_beyond_the_list(stack: Stack) -> None:
    query = """{ tickets(first: 100, filter: {sources: ["thulium"]}) { nodes {
      requester { id kind origin { nativeId } } assignee { id } } } }"""
    assert await stack.cost(query) == {"thulium": 1}


async def test_bare_rows_cost_one_read_per_ticket_more_and_only_when_more_is_asked() -> None:
    async with open_stack(forms={"thulium": {"rows": "bare"}}) as stack:
        assert await stack.cost(INBOX_ACCOUNTS) == {"thulium": 1 + 100 + 20 + 12}
        bare = (
            """{ tickets(first: 100, filter: {sources: ["thulium"]}) { nodes { subject status { raw } } } }"""
        )
        assert (await stack.cost(bare))["thulium"] == 101


async def test_every_form_of_thuliums_list_gives_the_same_answer() -> None:
    answers = []
    for forms in (
        {},
        {"rows": "bare"},
        {"rows": "full"},
        {"row_container": "array"},
        {"row_container": "tickets"},
    ):
        async with open_stack(forms={"thulium": forms}) as stack:
            answers.append(await stack.data(INBOX_ACCOUNTS))
    assert all(answer == answers[0] for answer in answers)


async def test_an_account_asked_for_by_five_paths_is_read_once(stack: Stack) -> None:
    known = await stack.data('{ ticket(ref: {source: "thulium", nativeId: "1234"}) { id requester { id } } }')
    query = """query($account: ID!, $ticket: ID!) {
      account(id: $account) { name }
      node(id: $account) { ... on Account { email } }
      nodes(ids: [$account]) { ... on Account { phone } }
      ticket(id: $ticket) { requester { name } }
      lookup: ticket(id: $ticket) { messages(first: 1) { nodes { author { account { name } } } } }
    }"""
    variables = {"account": known["ticket"]["requester"]["id"], "ticket": known["ticket"]["id"]}
    assert await stack.cost(query, variables) == {"thulium": 2}
    paths = sorted(each.path.rsplit("/", 1)[0] for each in stack.sandbox.services["thulium"].arrivals)
    assert paths == ["/api/customers", "/api/tickets"]


async def test_a_ticket_and_its_messages_come_in_one_call(stack: Stack) -> None:
    query = """{ ticket(ref: {source: "thulium", nativeId: "1234"}) {
      subject messages { nodes { body { text } } } lastMessage { preview } messageCount } }"""
    assert await stack.cost(query) == {"thulium": 1}


async def test_the_tickets_of_one_tulo_account_come_in_one_call(stack: Stack) -> None:
    query = """{ account(lookup: {source: "tulo", nativeId: "66d986b4ad659dea5ceb9b62"}) {
      tickets { nodes { subject requester { name email } messages { nodes { body { text } } } } }
      subscriptions { nodes { title } } } }"""
    # The account, its pending list, that list again for the messages, and its subscriptions.
    assert await stack.cost(query) == {"tulo": 4}


async def test_help_centre_cases_with_messages_cost_a_list_and_a_scan_per_help_centre(stack: Stack) -> None:
    query = """{ tickets(first: 20, filter: {sources: ["telecomx"]}) { nodes { subject messages { nodes { body { text } } } } } }"""
    assert await stack.cost(query) == {"telecomx": 4}


async def test_an_inbox_page_asks_each_list_once(stack: Stack) -> None:
    query = """{ conversations(first: 20) { nodes { id subject status { value } updatedAt } } }"""
    assert await stack.cost(query) == {"service_order_hub": 1, "telecomx": 2, "thulium": 1}


async def test_a_reply_costs_the_write_and_what_thulium_needs_to_tell_its_id(stack: Stack) -> None:
    query = (
        """mutation($input: ReplyInput!) { reply(input: $input) { message { id } userErrors { code } } }"""
    )
    given = {"body": "Hello", "idempotencyKey": "k1"}
    hub = {"toRef": {"source": "service_order_hub", "nativeId": "1e0abcb7-b94c-4072-a9c0-37072a1ef015"}}
    assert await stack.cost(query, {"input": {**given, **hub}}) == {"service_order_hub": 1}
    thulium = {"toRef": {"source": "thulium", "nativeId": "1234"}, "idempotencyKey": "k2"}
    assert await stack.cost(query, {"input": {**given, **thulium}}) == {"thulium": 3}


async def test_twenty_concurrent_operations_cause_one_log_in() -> None:
    query = '{ tickets(first: 1, filter: {sources: ["telecomx"]}) { nodes { id } } }'
    async with open_stack() as stack:
        await asyncio.gather(*(stack.data(query) for _ in range(20)))
        paths = [each.path for each in stack.sandbox.services["telecomx"].arrivals]
        assert paths.count("/auth/login") == 1
