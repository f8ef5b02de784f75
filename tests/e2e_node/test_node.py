"""The `dev` process as JavaScript sees it: the official audits of GraphQL over HTTP, and two real clients.

Needs node and, once, `npm ci` in this directory.
"""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.dev import Dev

pytestmark = pytest.mark.e2e

# Audits that may fail, each with the reason; MUSTs never.
KNOWN_FAILURES: dict[str, str] = {}


def node(script: str, *arguments: str, given: object = None) -> Any:
    """Run a script of this directory; what it prints."""
    done = subprocess.run(
        ["node", script, *arguments],
        cwd=Path(__file__).parent,
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def test_every_audit_of_graphql_over_http_passes(dev: Dev) -> None:
    results = node("audit.js", f"{dev.url}/graphql")
    failed = {
        each["id"]: f"{each['name']}: {each.get('reason')}" for each in results if each["status"] != "ok"
    }
    assert failed.keys() == KNOWN_FAILURES.keys(), failed
    assert not [name for name in failed.values() if name.startswith("MUST")]
    levels = [each["name"].split()[0] for each in results]
    assert {level: levels.count(level) for level in levels} == {"MUST": 13, "SHOULD": 23, "MAY": 25}


READ = """query Inbox($first: Int!) {
  sources { __typename key }
  conversations(first: $first) { __typename nodes { __typename id subject ... on Ticket { number } } }
}"""
WRITE = """mutation Reply($input: ReplyInput!) {
  reply(input: $input) { __typename message { __typename id body { __typename text } } userErrors { __typename code } }
}"""
PARTLY = 'query { node(id: "x") { __typename id } sources { __typename key } }'
BAD = "query { nope }"
BODY = "Zażółć gęślą jaźń 🐈"


def test_urql_and_apollo_get_what_plain_http_gets(dev: Dev) -> None:
    given = {
        "toRef": {"source": "netevia", "nativeId": "123456"},
        "body": BODY,
        "idempotencyKey": "from-all-of-them",
    }
    operations = [
        {"query": READ, "variables": {"first": 3}},
        {"query": WRITE, "variables": {"input": given}},
        {"query": PARTLY, "variables": {}},
        {"query": BAD, "variables": {}},
    ]
    read = dev.data(READ, {"first": 3})
    assert len(read["conversations"]["nodes"]) == 3
    written = dev.data(WRITE, {"input": given})
    assert written["reply"]["message"]["body"]["text"] == BODY
    expected = {
        "contentTypes": ["application/graphql-response+json; charset=utf-8"] * 4,
        "results": [
            {"data": read, "codes": []},
            {"data": written, "codes": []},
            {"data": {"node": None, "sources": read["sources"]}, "codes": ["BAD_USER_INPUT"]},
            {"data": None, "codes": ["GRAPHQL_VALIDATION_FAILED"]},
        ],
    }
    answers = node("clients.js", f"{dev.url}/graphql", given=operations)
    assert answers == {"urql": expected, "apollo": expected}
    # All three replied with one idempotency key, so the customer got one reply.
    assert [each["method"] for each in dev.arrivals("netevia")].count("POST") == 1
