"""The gateway as JavaScript sees it: the official audits of GraphQL over HTTP, and the clients of frontends.

`dev` as it stands, and `serve` with its log-in, over the same sandbox. Needs node and, once, `npm ci` in this
directory.
"""

import io
import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway import config
from gateway.commands.dev import sandbox_sources
from gateway.commands.keys import create_key
from gateway.domain.access import Scope
from gateway.sandbox import Running, Sandbox
from tests.dev import Dev
from tests.ledgers import temporary_ledger
from tests.processes import LEDGER_URL, running

pytestmark = pytest.mark.e2e

# Audits that may fail, each with the reason; MUSTs never.
KNOWN_FAILURES: dict[str, str] = {}


@dataclass(frozen=True)
class Endpoint:
    """Where a graph is, and what its callers send along."""

    url: str
    headers: dict[str, str]
    dev: Dev


@pytest.fixture(scope="module")
def serve_process(dev_process: Dev) -> Iterator[Endpoint]:
    """`serve` with its log-in, over `dev`'s sandbox, and a key that may do everything."""
    asked = cast("Running", SimpleNamespace(base_urls=dev_process.sandbox_urls))
    sources = sandbox_sources(Sandbox(), asked, cache_ttl_s=0)
    with temporary_ledger() as ledger_url:
        settings = config.check({"ledger": {"url": ledger_url}, "sources": sources})
        with redirect_stdout(io.StringIO()) as key:
            assert create_key(settings, "frontend", scopes=list(Scope)) == 0
        with running(
            "serve",
            until="listens",
            HELPDESK_GATEWAY_SOURCES=json.dumps(sources),
            HELPDESK_GATEWAY_SERVER__PORT="0",
            # The audits of variables ask for `__type`.
            HELPDESK_GATEWAY_SERVER__INTROSPECTION="true",
            **{LEDGER_URL: ledger_url},
        ) as (_, said):
            listens = re.search(r"http://\S+/graphql", said[-1])
            assert listens
            headers = {"Authorization": f"Bearer {key.getvalue().strip()}"}
            yield Endpoint(listens[0], headers, dev_process)


@pytest.fixture(params=["dev", "serve"])
def endpoint(request: pytest.FixtureRequest, dev: Dev) -> Endpoint:
    """Each of the two, over the world as seeded."""
    if request.param == "dev":
        return Endpoint(f"{dev.url}/graphql", {}, dev)
    served: Endpoint = request.getfixturevalue("serve_process")
    return served


def node(script: str, endpoint: Endpoint, given: object = None) -> Any:
    """Run a script of this directory; what it prints."""
    done = subprocess.run(
        ["node", script, endpoint.url, json.dumps(endpoint.headers)],
        cwd=Path(__file__).parent,
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.stderr == ""
    assert done.returncode == 0
    return json.loads(done.stdout)


def test_every_audit_of_graphql_over_http_passes(endpoint: Endpoint) -> None:
    results = node("audit.js", endpoint)
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
STRICT = "application/graphql-response+json; charset=utf-8"
FIRST = 20


def test_the_clients_of_frontends_get_what_plain_http_gets(endpoint: Endpoint) -> None:
    given = {
        "toRef": {"source": "netevia", "nativeId": "123456"},
        "body": BODY,
        "idempotencyKey": "from-all-of-them",
    }
    refused = {**given, "body": " ", "idempotencyKey": "refused"}
    operations = [
        {"query": READ, "variables": {"first": FIRST}},
        {"query": WRITE, "variables": {"input": given}},
        {"query": WRITE, "variables": {"input": refused}},
        {"query": PARTLY, "variables": {}},
        {"query": BAD, "variables": {}},
    ]
    asked = [_plainly(endpoint, operation) for operation in operations[:3]]
    read, written, not_written = asked
    assert len(read["conversations"]["nodes"]) == FIRST
    assert written["reply"]["message"]["body"]["text"] == BODY
    assert not_written["reply"]["message"] is None
    assert [each["code"] for each in not_written["reply"]["userErrors"]] == ["REQUIRED"]
    expected = {
        # Node's fetch takes gzip, and the list is large enough.
        "types": [[STRICT, "gzip"], [STRICT, None], [STRICT, None], [STRICT, None], [STRICT, None]],
        "results": [
            {"data": read, "codes": []},
            {"data": written, "codes": []},
            {"data": not_written, "codes": []},
            {"data": {"node": None, "sources": read["sources"]}, "codes": ["BAD_USER_INPUT"]},
            {"data": None, "codes": ["GRAPHQL_VALIDATION_FAILED"]},
        ],
    }
    answers = node("clients.js", endpoint, given=operations)
    assert answers.keys() == {"urql", "apollo", "graphql-request", "urql by GET", "apollo by GET"}
    for name, answer in answers.items():
        assert answer == expected, name
    # All of them replied with one idempotency key, so the customer got one reply.
    assert [each["method"] for each in endpoint.dev.arrivals("netevia")].count("POST") == 1


def _plainly(endpoint: Endpoint, operation: dict[str, Any]) -> Any:
    answer = endpoint.dev.http.post(endpoint.url, json=operation, headers=endpoint.headers).json()
    assert "errors" not in answer, answer
    return answer["data"]
