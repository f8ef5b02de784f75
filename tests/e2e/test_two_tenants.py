"""Two tenants of one product are two sources, and neither answers for the other."""

from collections.abc import AsyncIterator

import httpx
import pytest

from gateway import config
from gateway.app import create_app
from gateway.sandbox import Sandbox
from tests.callers import NO_LOGIN
from tests.e2e.conftest import Stack
from tests.ledgers import new_ledger


@pytest.fixture(scope="module")
async def tenants(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """One hub seen by a partner's token and by a provider's: each sees cases that the other doesn't."""
    sandbox = Sandbox()
    token = sandbox.services["service_order_hub"].credentials
    async with sandbox.serve() as running:
        hub = {"kind": "service_order_hub", "base_url": running.base_urls["service_order_hub"]}
        sources = {
            "as-partner": {**hub, "token": token["token"]},
            "as-provider": {**hub, "token": token["providerToken"]},
        }
        ledger_url = new_ledger(tmp_path_factory.mktemp("ledger"))
        app = create_app(config.check({**NO_LOGIN, "ledger": {"url": ledger_url}, "sources": sources}))
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://localhost") as http,
        ):
            yield Stack(sandbox, running, http)


async def guids(stack: Stack, source: str) -> set[str]:
    query = """query($source: String!, $after: String) { cases(first: 100, after: $after, filter: {sources: [$source]}) {
      nodes { guid } } }"""
    page = (await stack.data(query, {"source": source}))["cases"]
    return {each["guid"] for each in page["nodes"]}


async def test_a_case_by_guid_is_the_one_of_the_source_that_has_it(tenants: Stack) -> None:
    partners, providers = await guids(tenants, "as-partner"), await guids(tenants, "as-provider")
    (theirs, *_) = sorted(providers - partners)
    (ours, *_) = sorted(partners - providers)
    # Messages alone: which source has the case can't be known without reading it.
    query = "query($guid: ID!) { case(guid: $guid) { messages { totalCount } origin { source { key } } } }"
    for guid, key in ((ours, "as-partner"), (theirs, "as-provider")):
        case = (await tenants.data(query, {"guid": guid}))["case"]
        assert case["origin"]["source"]["key"] == key
        assert case["messages"]["totalCount"] > 0
    listed = await tenants.data(
        "query($guids: [ID!]!) { cases(filter: {guids: $guids}) { nodes { origin { source { key } } } } }",
        {"guids": [theirs, ours]},
    )
    assert [each["origin"]["source"]["key"] for each in listed["cases"]["nodes"]] == [
        "as-provider",
        "as-partner",
    ]


async def test_the_same_case_has_an_id_per_source(tenants: Stack) -> None:
    both = sorted(await guids(tenants, "as-partner") & await guids(tenants, "as-provider"))
    query = """query($guid: String!) {
      ours: case(ref: {source: "as-partner", nativeId: $guid}) { id guid }
      theirs: case(ref: {source: "as-provider", nativeId: $guid}) { id guid } }"""
    answer = await tenants.data(query, {"guid": both[0]})
    assert answer["ours"]["guid"] == answer["theirs"]["guid"]
    assert answer["ours"]["id"] != answer["theirs"]["id"]


async def test_a_message_by_guid_needs_to_know_the_source(tenants: Stack) -> None:
    query = """mutation($input: CreateCaseMessageInput!) { createCaseMessage(input: $input) { message { id } } }"""
    given = {"guid": "1e0abcb7-b94c-4072-a9c0-37072a1ef015", "type": "serviceComment", "idempotencyKey": "k"}
    tenants.forget()
    answer = await tenants.execute(query, {"input": given})
    (error,) = answer["errors"]
    assert (error["extensions"]["code"], error["extensions"]["argument"]) == ("BAD_USER_INPUT", "input.guid")
    assert tenants.calls() == {}
