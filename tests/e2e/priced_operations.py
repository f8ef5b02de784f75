"""Operations that between them use every field that fetches, and what each is estimated to cost.

`$`-variables are taken from `known_ids`; the numbers are of the sandbox's sources, in REST calls.
"""

from dataclasses import dataclass, field
from typing import Any

from tests.e2e.conftest import Stack

GUID = "1e0abcb7-b94c-4072-a9c0-37072a1ef015"
SUBSCRIBER = "66d986b4ad659dea5ceb9b62"
RESELLER = "1234567890ABCDEF12345678"


@dataclass(frozen=True)
class Operation:
    """A document, its price, and variables beside the known ids."""

    name: str
    document: str
    calls: int
    variables: dict[str, Any] = field(default_factory=dict)


async def known_ids(stack: Stack) -> dict[str, Any]:
    """Ids of the seeded world, by the names of the variables that take them."""
    answer = await stack.data(
        """query($guid: ID!, $subscriber: String!) {
          ticket(ref: {source: "thulium", nativeId: "1234"}) {
            id requester { id } assignee { id } messages(first: 1) { nodes { id } } }
          case(guid: $guid) { id partner { id } messages { nodes { id } } }
          cases(first: 4) { nodes { guid } }
          account(lookup: {source: "tulo", nativeId: $subscriber}) {
            id subscriptions { nodes { id } } tickets { nodes { id } } }
          tickets(first: 1, filter: {sources: ["telecomx"]}) { nodes { id messages { nodes { id } } } }
          subscriptions(filter: {sources: ["telecomx"]}) { nodes { id account { id } } }
          messageTemplates { id }
          tenth: tickets(first: 10, filter: {sources: ["thulium"]}) { pageInfo { endCursor } }
        }""",
        {"guid": GUID, "subscriber": SUBSCRIBER},
    )
    return {
        "ticket": answer["ticket"]["id"],
        "customer": answer["ticket"]["requester"]["id"],
        "message": answer["ticket"]["messages"]["nodes"][0]["id"],
        "case": answer["case"]["id"],
        "partner": answer["case"]["partner"]["id"],
        "caseMessages": [each["id"] for each in answer["case"]["messages"]["nodes"]],
        "caseMessage": answer["case"]["messages"]["nodes"][0]["id"],
        "guid": GUID,
        "guids": [each["guid"] for each in answer["cases"]["nodes"]],
        "subscriber": answer["account"]["id"],
        "subscription": answer["account"]["subscriptions"]["nodes"][0]["id"],
        "pending": answer["account"]["tickets"]["nodes"][0]["id"],
        "helpCentreCase": answer["tickets"]["nodes"][0]["id"],
        "topic": answer["subscriptions"]["nodes"][0]["id"],
        "reseller": answer["subscriptions"]["nodes"][0]["account"]["id"],
        "template": answer["messageTemplates"][0]["id"],
        "tenth": answer["tenth"]["pageInfo"]["endCursor"],
    }


READS = (
    Operation(
        "who asks",
        "{ viewer { subject scopes identities { source { key } } limits { maxDepth requestsPerMinute } } }",
        0,
    ),
    Operation("the sources themselves", '{ sources { key capabilities } source(key: "tulo") { name } }', 0),
    Operation("an inbox", "{ conversations { nodes { id subject status { value } updatedAt } } }", 4),
    Operation(
        "an inbox with the last message of each",
        "{ conversations(first: 10) { nodes { subject lastMessage { preview } messageCount unconfirmedCount } } }",
        4 + 10,
    ),
    Operation(
        "a search over all",
        '{ conversations(first: 5, filter: {search: "a"}) { nodes { subject } sources { state } } }',
        3,
    ),
    Operation(
        "tickets with their people",
        '{ tickets(first: 100, filter: {sources: ["thulium"]}) { nodes { requester { name } assignee { name } } } }',
        1 + 100 + 100,
    ),
    Operation(
        "tickets with the ids of their people",
        '{ tickets(first: 100, filter: {sources: ["thulium"]}) { nodes { requester { id kind } assignee { id } } } }',
        1,
    ),
    Operation(
        "tickets by status",
        "{ tickets(first: 5, filter: {status: [OPEN, PENDING]}) { edges { cursor node { subject } } } }",
        3,
    ),
    Operation(
        "the page behind",
        'query($tenth: String) { tickets(first: 10, after: $tenth, filter: {sources: ["thulium"]}) { nodes { id } } }',
        1,
    ),
    Operation(
        "a page behind that is read in two",
        'query($tenth: String) { tickets(first: 100, after: $tenth, filter: {sources: ["thulium"]}) { nodes { id } } }',
        2,
    ),
    Operation(
        "help centre cases with messages",
        '{ tickets(filter: {sources: ["telecomx"]}) { nodes { subject messages { nodes { body { text } } } } } }',
        2 + 20,
    ),
    Operation(
        "cases by search with messages",
        "{ cases(first: 10) { nodes { subject customer { name } messages { nodes { body { text } } } } } }",
        1 + 10,
    ),
    Operation(
        "cases with their parties",
        "{ cases(first: 10) { nodes { partner { name email } requester { name } provider { email } assignee { id } } } }",
        1 + 30,
    ),
    Operation(
        "cases by guid, with messages",
        "query($guids: [ID!]) { cases(filter: {guids: $guids}) { nodes { subject messages { nodes { body { text } } } } } }",
        4 + 4,
    ),
    Operation(
        "cases by guid, their messages alone",
        "query($guids: [ID!]) { cases(filter: {guids: $guids}) { nodes { id messages { nodes { id } } messageCount } } }",
        4,
    ),
    Operation(
        "a page of cases by guid",
        "query($guids: [ID!]) { cases(first: 3, filter: {guids: $guids}) { nodes { subject messageCount } } }",
        3 + 3,
    ),
    Operation(
        "a case and all around its messages",
        """query($guid: ID!) { case(guid: $guid) { subject messages { nodes {
          parent { preview } replies { nodes { id } } conversation { subject } write { state } } } } }""",
        2,
    ),
    Operation(
        "a case by its id, its messages alone",
        "query($case: ID!) { case(id: $case) { id messages(last: 2) { nodes { body { text } } } } }",
        1,
    ),
    Operation(
        "a ticket and all around its messages",
        """query($ticket: ID!) { ticket(id: $ticket) { subject messages { nodes {
          parent { preview } replies { nodes { id } } conversation { subject } } } lastMessage { id } } }""",
        1,
    ),
    Operation(
        "a ticket with the accounts of its authors",
        "query($ticket: ID!) { ticket(id: $ticket) { messages(first: 5) { nodes { author { account { name } } } } } }",
        1 + 5,
    ),
    Operation(
        "a ticket that nothing can be read of",
        '{ ticket(ref: {source: "netevia", nativeId: "123456"}) { id subject messages { nodes { id } } } }',
        0,
    ),
    Operation(
        "a pending message", "query($pending: ID!) { ticket(id: $pending) { subject messageCount } }", 1
    ),
    Operation(
        "a help centre case",
        "query($helpCentreCase: ID!) { ticket(id: $helpCentreCase) { subject messages { totalCount } } }",
        1,
    ),
    Operation(
        "one account by five ways",
        """query($customer: ID!, $ticket: ID!) {
          account(id: $customer) { name }
          node(id: $customer) { ... on Account { email } }
          nodes(ids: [$customer]) { ... on Account { phone } }
          ticket(id: $ticket) { requester { name } }
          other: ticket(id: $ticket) { messages(first: 1) { nodes { author { account { name } } } } }
        }""",
        1 + 1 + 1 + 2 + 2,
    ),
    Operation(
        "a customer and its company",
        "query($customer: ID!) { account(id: $customer) { name organization { name } tickets(first: 5) { nodes { subject } } } }",
        1 + 1 + 1,
    ),
    Operation(
        "a partner and its cases",
        "query($partner: ID!) { account(id: $partner) { name cases(first: 5) { nodes { subject messageCount } } } }",
        1 + 1 + 5,
    ),
    Operation(
        "a subscriber with everything",
        """query($subscriber: ID!) { account(id: $subscriber) { name
          tickets(first: 10) { nodes { subject requester { email } messages { nodes { body { text } } } } }
          subscriptions(first: 10) { nodes { title account { name } } } } }""",
        1 + (1 + 10 + 10) + (1 + 10),
    ),
    Operation(
        "an account by a key",
        '{ account(lookup: {source: "tulo", email: "maja.nordin0@post.example.org"}) { name } }',
        1,
    ),
    Operation("all accounts", "{ accounts { nodes { name organization { name } } } }", 5 + 20),
    Operation("agents", "{ accounts(filter: {kind: AGENT}) { nodes { name } } }", 1),
    Operation(
        "nodes of all kinds",
        """query($ticket: ID!, $case: ID!, $caseMessage: ID!, $template: ID!, $topic: ID!, $subscription: ID!) {
          nodes(ids: [$ticket, $case, $caseMessage, $template, $topic, $subscription]) {
            id ... on Conversation { subject } ... on Message { preview } } }""",
        6,
    ),
    Operation(
        "a message and its conversation",
        "query($caseMessage: ID!) { message(id: $caseMessage) { preview conversation { subject messageCount } replies { totalCount } } }",
        2,
    ),
    Operation(
        "a message of a ticket and its conversation",
        "query($message: ID!) { message(id: $message) { preview conversation { subject messageCount } } }",
        1,
    ),
    Operation(
        "a topic with those who get it",
        "query($topic: ID!) { subscription(id: $topic) { title account { name } ... on NotificationSubscription { subscribers { emails } } } }",
        3,
    ),
    Operation(
        "topics with those who get them",
        """query($reseller: ID!) { subscriptions(first: 5, filter: {reseller: $reseller}) { nodes {
          title ... on NotificationSubscription { subscribers { phones } } } } }""",
        1 + 5,
    ),
    Operation(
        "product subscriptions",
        "query($subscriber: ID!) { subscriptions(first: 5, filter: {account: $subscriber}) { nodes { title ... on ProductSubscription { number } } } }",
        1,
    ),
    Operation("templates", "{ messageTemplates { heading } }", 1),
    Operation(
        "what directives leave out",
        """query($guids: [ID!], $no: Boolean!) { cases(filter: {guids: $guids}) { nodes {
          id subject @skip(if: $no) messages @include(if: $no) { totalCount } partner @skip(if: $no) { email }
          provider @include(if: false) { email } } } }""",
        4,
        {"no": True},
    ),
)

# In this order: later ones are about what earlier ones have written.
WRITES = (
    Operation(
        "a reply at the hub",
        """mutation($guid: String!) { reply(input: {toRef: {source: "service_order_hub", nativeId: $guid}, body: "Hi",
          idempotencyKey: "r1"}) { message { id } conversation { subject messageCount } userErrors { code } } }""",
        1 + 1 + 1,
    ),
    Operation(
        "a reply at Thulium",
        """mutation($ticket: ID!) { reply(input: {to: $ticket, body: "Hi", idempotencyKey: "r2"}) {
          message { id } userErrors { code } } }""",
        3,
    ),
    Operation(
        "a reply at Thulium, with the ticket as it is now",
        """mutation($message: ID!) { reply(input: {to: $message, body: "Hi again", idempotencyKey: "r3"}) {
          message { conversation { subject } } conversation { subject lastMessage { id } } userErrors { code } } }""",
        3 + 1,
    ),
    Operation(
        "a reply at Netevia",
        """mutation { reply(input: {toRef: {source: "netevia", nativeId: "123456"}, body: "Hi", idempotencyKey: "r4"}) {
          message { id } conversation { messages { nodes { id } } } userErrors { code } } }""",
        1,
    ),
    Operation(
        "a case message",
        """mutation($case: ID!, $caseMessage: ID!) { createCaseMessage(input: {case: $case, type: "reminder",
          parent: $caseMessage, content: "Hi", idempotencyKey: "m1"}) { message { id parent { preview } } userErrors { code } } }""",
        1 + 1,
    ),
    Operation(
        "a ticket at Tulo",
        """mutation($subscriber: ID!) { createTicket(input: {source: "tulo", requester: $subscriber, subject: "Hi",
          body: "There", idempotencyKey: "t1"}) { ticket { subject messageCount requester { name } } userErrors { code } } }""",
        1 + 1 + 1,
    ),
    Operation(
        "a ticket at Thulium",
        """mutation($customer: ID!) { createTicket(input: {source: "thulium", requester: $customer, subject: "Hi",
          body: "There", mailbox: "pomoc@sklep.example", idempotencyKey: "t2"}) { ticket { subject messageCount } userErrors { code } } }""",
        1 + 1 + 1,
    ),
    Operation(
        "a confirmation with the messages read back",
        """mutation($caseMessages: [ID!]!) { confirmMessages(input: {messageIds: $caseMessages}) {
          confirmed { preview replies { totalCount } } alreadyConfirmed { confirmedAt parent { id } } userErrors { code } } }""",
        1 + 1 + 1,
    ),
    Operation(
        "a confirmation",
        """mutation($caseMessages: [ID!]!) { confirmMessages(input: {messageIds: $caseMessages, idempotencyKey: "c1"}) {
          confirmed { id } alreadyConfirmed { id } write { parts { target { id } } } userErrors { code } } }""",
        1 + 1,
    ),
    Operation(
        "a change of a ticket",
        """mutation($ticket: ID!) { updateTicket(input: {id: $ticket, queue: "6"}) {
          ticket { subject messages { totalCount } } userErrors { code } } }""",
        1 + 1 + 1,
    ),
    Operation(
        "a change of a help centre case",
        """mutation($helpCentreCase: ID!) { updateTicket(input: {id: $helpCentreCase, actionNeeded: true}) {
          write { state } userErrors { code } } }""",
        1 + 1,
    ),
    Operation(
        "a new topic",
        """mutation($reseller: ID!) { createNotificationSubscription(input: {owner: {reseller: $reseller}, title: "Hi",
          channels: [EMAIL], idempotencyKey: "s1"}) { subscription { title subscribers { emails } } userErrors { code } } }""",
        1 + 1 + 1,
    ),
    Operation(
        "a change of a topic",
        """mutation($topic: ID!) { updateNotificationSubscription(input: {id: $topic, title: "Hi there"}) {
          subscription { title account { name } } userErrors { code } } }""",
        1 + 1 + 1,
    ),
    Operation(
        "a topic's end",
        """mutation($topic: ID!) { deleteNotificationSubscription(input: {id: $topic}) { deletedId userErrors { code } } }""",
        1 + 1,
    ),
    Operation(
        "the writes themselves",
        '{ writes { nodes { state target { id } result { id } parts { target { id } } } } write(idempotencyKey: "r1") { state } }',
        0,
    ),
    Operation(
        "the audit log",
        """{ auditEvents(first: 2, filter: {kind: WRITE_SUBMITTED}) {
          nodes { id at kind principal login credentialId requestId owner operation source target write state
            problem attempts key detail } edges { cursor node { id } } pageInfo { hasNextPage endCursor } } }""",
        0,
    ),
    Operation(
        "what writes were about",
        """{ writes(first: 2, filter: {operation: "reply"}) { nodes { target { ... on Ticket { subject } } result { ... on Message { preview } } } }
          write(idempotencyKey: "c1") { parts { target { ... on Message { preview } } } } }""",
        2 * (1 + 1) + 500,
    ),
    Operation(
        "a look for a write",
        """mutation($write: ID!) { reconcileWrite(input: {id: $write}) { write { state } userErrors { code } } }""",
        2,
    ),
)
