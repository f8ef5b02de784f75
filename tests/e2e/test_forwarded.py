"""Sources that each caller uses with a credential of its own: nothing of one caller's is another's."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway import config
from gateway.commands.dev import sandbox_sources
from gateway.commands.reconcile import reconcile
from gateway.domain.clock import utc_now
from gateway.domain.ids import EntityType, Ref, parse_global_id
from gateway.domain.ledger import WriteState
from gateway.sandbox import Faults
from gateway.sources.auth import basic
from gateway.sources.registry import SPECS
from gateway.sources.spec import SourceContext
from gateway.store import open_ledger
from tests.answers import errors_of
from tests.e2e import served as fixtures
from tests.e2e.asking import arrived, ask, problems, slices
from tests.e2e.conftest import Stack
from tests.e2e.ledger_stack import GUID, HUB, NETEVIA, REPLY, codes
from tests.e2e.served import HELD, Served
from tests.e2e.test_source_down import BIG, OWN_FIELD, linked_user
from tests.ledgers import new_ledger
from tests.sources import open_transport

served_sandbox, served = fixtures.served_sandbox, fixtures.served

KINDS = ("tulo", "service_order_hub", "netevia", "telecomx", "thulium")
HEADERS = {kind: f"X-{kind.replace('_', '-')}-Credential" for kind in KINDS}
OWN = {
    "tulo": ("client_id", "client_secret"),
    "service_order_hub": ("token",),
    "netevia": ("token",),
    "telecomx": ("username", "password"),
    "thulium": ("api_user", "api_password"),
}
KEPT = {"cache_ttl_s": 600, "max_stale_s": 600}
FORWARDING = {"forwarding": {"id_key": "a key for tests, of 32 characters"}}
NONE = "The source needs a credential of yours, and the request carried none for it."
CASE = f'{{ case(guid: "{GUID}") {{ number }} }}'
RECONCILE = """mutation($id: ID!) { reconcileWrite(input: {id: $id}) {
  write { id state } userErrors { code field } } }"""
LOOK = "query($key: String) { write(idempotencyKey: $key) { id state replayed } writes { nodes { id } } }"

Caller = Mapping[str, str]


def taking_credentials(kinds: Iterable[str]) -> dict[str, dict[str, Any]]:
    """What makes these sources take callers' credentials in place of their own."""
    return {
        kind: {"credentials": "forward", "forward_header": HEADERS[kind], **dict.fromkeys(OWN[kind], ...)}
        for kind in kinds
    }


@asynccontextmanager
async def forwarding(served: Served, *kinds: str, **changes: Any) -> AsyncIterator[Stack]:
    """A gateway whose callers forward what these sources need."""
    async with served.gateway(sources=taking_credentials(kinds), settings=FORWARDING, **changes) as stack:
        yield stack


async def credential(served: Served, kind: str, **changes: str) -> str:
    """One that a source takes, got as its users get it."""
    given = {**sandbox_sources(served.sandbox, served.running)[kind], **changes}
    settings = SPECS[kind].settings.model_validate(given)
    async with open_transport(kind, given["base_url"]) as transport:
        return await SPECS[kind].auth(SourceContext(kind, settings, transport, utc_now)).credential()


async def everything(served: Served) -> dict[str, str]:
    """The headers of a caller with a credential for each source."""
    return {HEADERS[kind]: await credential(served, kind) for kind in KINDS}


def hub_callers(served: Served) -> tuple[Caller, Caller]:
    """Two that Service Order Hub knows: a partner and a provider of the same case."""
    known = served.sandbox.services["service_order_hub"].credentials
    header = HEADERS["service_order_hub"]
    return {header: known["token"]}, {header: known["providerToken"]}


def netevia_callers(served: Served) -> tuple[Caller, Caller]:
    """One that Netevia knows, and one that it doesn't."""
    known = served.sandbox.services["netevia"].credentials["token"]
    return {HEADERS["netevia"]: known}, {HEADERS["netevia"]: "another"}


# -- reads


async def test_with_a_credential_for_each_source_all_is_there_as_with_the_gateways_own(
    served: Served,
) -> None:
    async with served.gateway() as own:
        variables = {"ids": [await linked_user(own)]}
        expected = await own.data(BIG, variables)
    headers = await everything(served)
    async with forwarding(served, *KINDS) as stack:
        stack.forget()
        answer = await ask(stack.http, BIG, variables, headers=headers)
        arrivals = [each for service in served.sandbox.services.values() for each in service.arrivals]
    assert answer == {"data": expected}
    # Nobody logs in on a caller's behalf.
    assert [each.path for each in arrivals if "auth" in each.path or "login" in each.path] == []


@pytest.mark.parametrize("missing", KINDS)
async def test_without_one_a_sources_own_fields_are_null_and_say_what_is_missing(
    served: Served, missing: str
) -> None:
    async with served.gateway() as own:
        variables = {"ids": [await linked_user(own)]}
        whole = await own.data(BIG, variables)
    headers = await everything(served)
    del headers[HEADERS[missing]]
    async with forwarding(served, *KINDS) as stack:
        stack.forget()
        answer = await ask(stack.http, BIG, variables, headers=headers)
        assert missing not in stack.calls()
    data = answer["data"]
    assert data["sources"] == whole["sources"]
    for kind in KINDS:
        name = OWN_FIELD.get(kind, kind)
        assert data[name] == (whole[name] if kind != missing else data[name]), kind
    assert data[OWN_FIELD.get(missing, missing)] in (None, [None])
    for field in ("conversations", "accounts"):
        expected = slices(whole[field])
        # Accounts come source after source: the first page needs Netevia's alone, where that can be asked.
        if expected[missing][0] == "OK" and (field == "conversations" or missing == "netevia"):
            expected[missing] = ("UNAVAILABLE", "SOURCE_AUTH_FAILED")
        assert slices(data[field]) == expected, field
        assert data[field]["nodes"]
    assert {(code, source) for _, code, source in problems(answer)} == {("SOURCE_AUTH_FAILED", missing)}
    assert {(each["message"], each["extensions"]["retryable"]) for each in answer["errors"]} == {
        (NONE, False)
    }


@pytest.mark.parametrize(
    "given",
    [
        ["good", "good"],
        ["s" * 4097],
        [""],
        ["with\ttab"],
        ["with\x7fdelete"],
        ["za\xbf\xf3\xb3\xe6"],
    ],
    ids=["twice", "too long", "empty", "a tab", "a control character", "not ASCII"],
)
async def test_a_header_that_cannot_be_one_credential_is_refused_and_nothing_is_asked(
    served: Served, given: list[str]
) -> None:
    header = HEADERS["netevia"]
    headers = [(header.encode(), value.encode("latin-1")) for value in given]
    async with forwarding(served, "netevia") as stack:
        response = await stack.http.post("/graphql", json={"query": CASE}, headers=headers)
        uploaded = await stack.http.post(
            "/uploads",
            params={"source": "thulium", "filename": "a.txt"},
            content=b"abc",
            headers=[*headers, (b"content-type", b"application/octet-stream")],
        )
        assert stack.calls() == {}
    for each in (response, uploaded):
        (error,) = errors_of(each)
        assert (each.status_code, error["extensions"]["code"], error["message"]) == (
            400,
            "BAD_USER_INPUT",
            f"{header.lower()} must be given once, with 1 to 4096 printable ASCII characters.",
        )


async def test_a_caller_who_is_refused_costs_the_others_nothing_and_causes_no_log_in(served: Served) -> None:
    query = '{ tickets(first: 1, filter: {sources: ["telecomx"]}) { nodes { id } } }'
    good = {HEADERS["telecomx"]: await credential(served, "telecomx")}
    bad = {HEADERS["telecomx"]: "expired"}
    async with forwarding(served, "telecomx") as stack:
        stack.forget()
        callers = [bad, good, bad, good]
        answers = await asyncio.gather(*(ask(stack.http, query, headers=each) for each in callers))
        paths = [each.path for each in served.sandbox.services["telecomx"].arrivals]
    refused = [(("tickets",), "SOURCE_AUTH_FAILED", "telecomx")]
    assert [problems(each) for each in answers] == [refused, [], refused, []]
    assert [len(each["data"]["tickets"]["nodes"]) for each in answers] == [0, 1, 0, 1]
    assert {each["message"] for each in answers[0]["errors"]} == {"The source refused the credentials."}
    assert [each for each in paths if "auth" in each] == []


# -- sharing


async def test_what_one_caller_has_read_is_not_served_to_another(served: Served) -> None:
    partner, provider = hub_callers(served)
    async with forwarding(served, "service_order_hub", each_source=KEPT) as stack:
        calls = []
        for caller in (partner, provider, partner, provider, {HEADERS["service_order_hub"]: "nobody's"}):
            stack.forget()
            await ask(stack.http, CASE, headers=caller)
            calls.append(stack.calls().get("service_order_hub", 0))
        none = await ask(stack.http, CASE)
    assert calls == [1, 1, 0, 0, 1]
    assert (none["data"], problems(none)) == (
        {"case": None},
        [(("case",), "SOURCE_AUTH_FAILED", "service_order_hub")],
    )


async def test_what_one_caller_has_read_does_not_stand_in_for_another(served: Served) -> None:
    partner, provider = hub_callers(served)
    async with forwarding(
        served, "service_order_hub", each_source={"cache_ttl_s": 1e-9, "max_stale_s": 600}
    ) as stack:
        await ask(stack.http, CASE, headers=partner)
        await served.running.stop("service_order_hub")
        known, unknown = [await ask(stack.http, CASE, headers=each) for each in (partner, provider)]
    assert (known["data"], problems(known)) == ({"case": {"number": 7748}}, [])
    assert (unknown["data"], problems(unknown)) == (
        {"case": None},
        [(("case",), "SOURCE_UNAVAILABLE", "service_order_hub")],
    )


async def test_callers_who_ask_the_same_at_the_same_time_ask_each_for_themselves(served: Served) -> None:
    partner, provider = hub_callers(served)
    hub = served.sandbox.services["service_order_hub"]
    async with forwarding(served, "service_order_hub") as stack:
        hub.faults = HELD
        asking = [asyncio.ensure_future(ask(stack.http, CASE, headers=each)) for each in (partner, provider)]
        await arrived(stack, "service_order_hub", 2)
        served.gate.open()
        answers = await asyncio.gather(*asking)
        carried = {each.headers.get("x-hub-api-token") for each in hub.arrivals}
    assert [problems(each) for each in answers] == [[], []]
    assert carried == {*partner.values(), *provider.values()}


# -- writes


def given(to: Mapping[str, Any], body: str = "Hello", **more: Any) -> dict[str, Any]:
    return {"input": {**to, "body": body, "idempotencyKey": "k", **more}}


async def looked(stack: Stack, caller: Caller | None) -> tuple[str | None, list[str]]:
    """The write of the key as a caller sees it, and all that the caller sees."""
    found = (await ask(stack.http, LOOK, {"key": "k"}, headers=caller))["data"]
    return found["write"] and found["write"]["id"], [each["id"] for each in found["writes"]["nodes"]]


async def test_keys_and_writes_are_each_callers_own(served: Served) -> None:
    partner, provider = hub_callers(served)
    node = "query($id: ID!) { node(id: $id) { id } write(id: $id) { id } }"
    async with forwarding(served, "service_order_hub") as stack:
        # One key, two callers, two texts: neither a replay nor a conflict.
        done = [
            (await ask(stack.http, REPLY, given(HUB, body), headers=caller))["data"]["reply"]
            for caller, body in ((partner, "of the partner"), (provider, "of the provider"))
        ]
        first, second = (each["write"]["id"] for each in done)
        assert [(each["write"]["state"], each["write"]["replayed"]) for each in done] == [
            ("CONFIRMED", False)
        ] * 2
        again = (await ask(stack.http, REPLY, given(HUB, "of the partner"), headers=partner))["data"]["reply"]
        assert (again["write"]["id"], again["write"]["replayed"]) == (first, True)
        assert [await looked(stack, each) for each in (partner, provider, None)] == [
            (first, [first]),
            (second, [second]),
            (None, []),
        ]
        for caller, seen in ((partner, first), (provider, None), (None, None)):
            found = await ask(stack.http, node, {"id": first}, headers=caller)
            shown = None if seen is None else {"id": seen}
            assert found["data"] == {"node": shown, "write": shown}
    assert first != second


async def test_a_caller_without_a_credential_can_write_nothing_there(served: Served) -> None:
    async with forwarding(served, "service_order_hub") as stack:
        answer = await ask(stack.http, REPLY, given(HUB))
        assert stack.calls() == {}
        assert await looked(stack, None) == (None, [])
    assert answer["data"] == {"reply": None}
    assert problems(answer) == [(("reply",), "SOURCE_AUTH_FAILED", "service_order_hub")]
    assert answer["errors"][0]["message"] == NONE


async def test_a_write_that_the_source_refuses_for_its_credential_was_not_applied(served: Served) -> None:
    _, stranger = netevia_callers(served)
    async with forwarding(served, "netevia") as stack:
        answer = await ask(stack.http, REPLY, given(NETEVIA), headers=stranger)
        write = answer["data"]["reply"]["write"]
        assert stack.calls() == {"netevia": 1}
    assert (write["state"], write["problem"]["code"]) == ("REJECTED", "SOURCE_AUTH_FAILED")
    assert problems(answer) == [(("reply",), "SOURCE_AUTH_FAILED", "netevia")]


async def test_writes_to_sources_with_and_without_callers_credentials_are_seen_together(
    served: Served,
) -> None:
    partner, _ = hub_callers(served)
    netevia, _ = netevia_callers(served)
    async with forwarding(served, "service_order_hub") as stack:
        shared = await ask(stack.http, REPLY, given(NETEVIA, idempotencyKey="shared"))
        own = await ask(stack.http, REPLY, given(HUB), headers={**partner, **netevia})
        ids = [each["data"]["reply"]["write"]["id"] for each in (own, shared)]
        assert [(await looked(stack, each))[1] for each in (partner, None)] == [ids, ids[1:]]


async def test_what_only_the_ledger_shows_is_shown_to_its_writer_alone(served: Served) -> None:
    """Netevia reads nothing back, so nothing but the credential tells who may see what was sent."""
    writer, stranger = netevia_callers(served)
    ticket = Ref(EntityType.TICKET, "netevia", ("123456",)).global_id
    query = """query($ticket: ID!, $message: ID!) {
      ticket(id: $ticket) { messages { nodes { ...M } } } message(id: $message) { ...M } }
      fragment M on Message { body { text } origin { from } }"""
    async with forwarding(served, "netevia") as stack:
        sent = (await ask(stack.http, REPLY, given(NETEVIA), headers=writer))["data"]["reply"]
        variables = {"ticket": ticket, "message": sent["message"]["id"]}
        shown = [
            (await ask(stack.http, query, variables, headers=each))["data"]
            for each in (writer, stranger, None)
        ]
    message = {"body": {"text": "Hello"}, "origin": {"from": "LEDGER"}}
    assert shown == [
        {"ticket": {"messages": {"nodes": [message]}}, "message": message},
        {"ticket": {"messages": {"nodes": []}}, "message": None},
        {"ticket": {"messages": {"nodes": []}}, "message": None},
    ]


async def test_uploads_are_each_callers_own(served: Served) -> None:
    known = served.sandbox.services["thulium"].credentials
    header = HEADERS["thulium"]
    ann = {header: basic(known["username"], known["password"])}
    bob = {header: basic(known["readerUsername"], known["readerPassword"])}

    async def upload(stack: Stack, caller: Caller) -> Any:
        return await stack.http.post(
            "/uploads",
            params={"source": "thulium", "filename": "a.txt"},
            content=b"abc",
            headers={**caller, "content-type": "application/octet-stream"},
        )

    query = """mutation($handle: ID!) { createTicket(input: {source: "thulium", subject: "s", body: "b",
      requesterEmail: "ada@example.org", attachments: [$handle], idempotencyKey: "k"}) { write { state } userErrors { code field } } }"""
    async with forwarding(served, "thulium") as stack:
        taken = await upload(stack, ann)
        without = await upload(stack, {})
        variables = {"handle": taken.json()["id"]}
        strange = (await ask(stack.http, query, variables, headers=bob))["data"]["createTicket"]
        own = (await ask(stack.http, query, variables, headers=ann))["data"]["createTicket"]
    assert (taken.status_code, without.status_code) == (201, 401)
    assert without.json()["errors"][0]["extensions"]["code"] == "SOURCE_AUTH_FAILED"
    assert without.json()["errors"][0]["message"] == NONE
    assert (strange["write"], codes(strange)) == (
        None,
        [("NOT_FOUND", ["attachments", "0"])],
    )
    assert own == {"write": {"state": "CONFIRMED"}, "userErrors": []}


async def test_what_nobody_knows_of_a_write_only_its_writer_can_find_out(
    served: Served, tmp_path: Path
) -> None:
    partner, provider = hub_callers(served)
    hub = served.sandbox.services["service_order_hub"]
    ledger_url = new_ledger(tmp_path)
    async with forwarding(served, "service_order_hub", ledger_url=ledger_url) as stack:
        hub.faults = Faults(mishaps={"lost_answer": 1})
        lost = (await ask(stack.http, REPLY, given(HUB), headers=partner))["data"]["reply"]["write"]
        hub.faults = Faults()
        assert lost["state"] == "IN_DOUBT"
        stack.forget()

        # The gateway by itself has no credential to ask with, so it leaves the write alone.
        sources = sandbox_sources(served.sandbox, served.running)
        changed = {
            **sources["service_order_hub"],
            **taking_credentials(["service_order_hub"])["service_order_hub"],
        }
        settings = config.check(
            {
                **FORWARDING,
                "ledger": {"url": ledger_url},
                "sources": {
                    "service_order_hub": {name: value for name, value in changed.items() if value is not ...}
                },
            }
        )
        entry_id = parse_global_id(lost["id"]).parts[0]
        assert await asyncio.to_thread(reconcile, settings, [entry_id]) == 0
        assert stack.calls() == {}
        ledger = open_ledger(ledger_url)
        known = await ledger.get(entry_id)
        await ledger.close()
        assert known is not None
        assert (known.state, known.looks) == (WriteState.IN_DOUBT, 0)

        for caller in (provider, None):
            refused = (await ask(stack.http, RECONCILE, {"id": lost["id"]}, headers=caller))["data"]
            assert refused == {
                "reconcileWrite": {"write": None, "userErrors": [{"code": "NOT_FOUND", "field": ["id"]}]}
            }
        assert stack.calls() == {}
        found = (await ask(stack.http, RECONCILE, {"id": lost["id"]}, headers=partner))["data"][
            "reconcileWrite"
        ]
        assert (found["write"]["id"], found["write"]["state"]) == (lost["id"], "CONFIRMED")
        assert stack.calls() == {"service_order_hub": 1}
