"""The operations that the explorer opens with, one tab each."""

from collections.abc import Mapping
from typing import NamedTuple


class ReadyQuery(NamedTuple):
    """One opening tab.

    Attributes:
        title: The comment on the tab's first line.
        query: One named operation; the explorer labels the tab with that name.
        variables: What the variables pane holds.
    """

    title: str
    query: str
    variables: Mapping[str, object] = {}


READY_QUERIES = (
    ReadyQuery(
        "The helpdesks behind this graph, and what each of them can do.",
        """\
query Sources {
  sources {
    key
    kind
    name
    capabilities
  }
}
""",
    ),
    ReadyQuery(
        "The newest conversations of every source. A source that is down costs its own rows only.",
        """\
query Inbox {
  conversations(first: 10) {
    nodes {
      __typename
      id
      subject
      status {
        value
        raw
      }
      requester {
        name
        email
      }
      lastMessage {
        createdAt
        preview
      }
    }
    pageInfo {
      endCursor
      hasNextPage
    }
    sources {
      source {
        key
      }
      state
    }
  }
}
""",
    ),
    ReadyQuery(
        "Customers, source after source. Other kinds are in the filter's documentation.",
        """\
query Accounts {
  accounts(first: 5, filter: { kind: CUSTOMER }) {
    nodes {
      id
      kind
      name
      email
      origin {
        source {
          key
        }
        nativeId
      }
    }
    sources {
      source {
        key
      }
      state
    }
  }
}
""",
    ),
    ReadyQuery(
        "One case with its messages. Its guid is in the variables pane below.",
        """\
query Case($guid: ID!) {
  case(guid: $guid) {
    subject
    messages(first: 5) {
      nodes {
        kind {
          value
        }
        author {
          name
        }
        body {
          text
        }
        confirmedAt
      }
    }
  }
}
""",
        {"guid": "1e0abcb7-b94c-4072-a9c0-37072a1ef015"},
    ),
)
