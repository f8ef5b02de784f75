"""The fields that are asked for, as fragments: each document has those that it needs."""

import re

_FRAGMENTS = {
    "Origin": "Origin { source { key } nativeId stale from }",
    "Person": "Account { __typename id name email phone }",
    "Account": "Account { ...Person origin { ...Origin } organization { ...Person } }",
    "Talk": """Conversation { __typename id subject tags origin { ...Origin } requester { ...Person }
      assignee { ...Person } ... on Case { customer { name organization email phone } partner { ...Person }
      device: product { model serial problem manufacturer } } }""",
    "Messages": """Conversation { lastMessage { ...Message } messages(first: 4) { nodes { ...Message }
      pageInfo { endCursor } } }""",
    "Message": """Message { __typename id heading preview(length: 80) body { text html } externalId
      origin { ...Origin } author { name email account { ...Person } }
      write { __typename id idempotencyKey source { key } } }""",
    "Topic": """ServiceSubscription { __typename id title origin { ...Origin } account { ...Person }
      ... on NotificationSubscription { description subscribers { emails phones } }
      ... on ProductSubscription { productName: product number provisionedBy } }""",
    "Below": """Account { tickets(first: 3) { nodes { ...Talk } }
      subscriptions(first: 3) { nodes { ...Topic } } }""",
    "Template": "MessageTemplate { __typename id heading text origin { ...Origin } }",
    # Validating a document takes the gateway longer than most of what it asks for, so this is short.
    "Glance": """Node { __typename id ... on Account { name email origin { ...Origin } }
      ... on Conversation { subject requester { name } origin { ...Origin } }
      ... on Message { body { text } origin { ...Origin } } ... on MessageTemplate { text }
      ... on ServiceSubscription { title origin { ...Origin } }
      ... on Write { idempotencyKey source { key } } }""",
    "Write": """Write { __typename id idempotencyKey state source { key } problem { code message }
      principal target { __typename id } result { __typename id ... on Message { body { text } }
      ... on Ticket { subject } } }""",
}
# By what an object is expected to be.
FIELDS = {
    "Account": "...Account ...Below",
    "Case": "...Talk ...Messages",
    "Ticket": "...Talk ...Messages",
    "Message": "...Message",
    "NotificationSubscription": "...Topic",
    "Write": "...Write",
}
ANY = "...Glance"
VIEWER = "me: viewer { who: subject scopes }"
EVENTS = """found: auditEvents(first: 20) { nodes { __typename principal owner operation where: source
  write target } }"""
SLICES = "sources { source { key } state error { code message } }"
REFUSALS = "userErrors { code message field source { key } }"
# Those of them that show a source's text.
TEXTS = frozenset(
    {
        *("name", "email", "phone", "organization", "emails", "phones"),
        *("subject", "tags", "heading", "preview", "text", "html"),
        *("model", "serial", "problem", "manufacturer"),
        *("title", "description", "productName", "number", "provisionedBy"),
    }
)


def document(query: str) -> str:
    """An operation with the fragments that it needs."""
    needed: dict[str, str] = {}
    waiting = [query]
    while waiting:
        for name in re.findall(r"\.\.\.(\w+)", waiting.pop()):
            if name not in needed:
                needed[name] = f"fragment {name} on {_FRAGMENTS[name]}"
                waiting.append(needed[name])
    return "\n".join([query, *needed.values()])
