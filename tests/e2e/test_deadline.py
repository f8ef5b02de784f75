"""The answer comes in time with what has arrived by then, and no write that has begun is cut."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gateway.observability.logs import configure_logs
from gateway.sandbox import Faults
from tests.e2e import served as fixtures
from tests.e2e.asking import arrived, ask, problems, slices
from tests.e2e.conftest import Stack
from tests.e2e.ledger_stack import GUID, HUB, NETEVIA, REPLY, THULIUM, Draws
from tests.e2e.priced_operations import known_ids
from tests.e2e.served import HANGING, HELD, Served
from tests.e2e.test_source_down import BIG, OWN_FIELD, linked_user
from tests.ledgers import new_ledger

MISSED = "DEADLINE_EXCEEDED"
# For an operation that waits for nobody but the source that hangs.
SOON_S = 0.2
# For one that needs answers of others, or something begun, before that.
SHORT_S = 0.8


served_sandbox, served = fixtures.served_sandbox, fixtures.served


# -- reads


@pytest.mark.parametrize("away", [("thulium",), ("tulo", "service_order_hub", "telecomx")], ids=len)
async def test_sources_that_hang_cost_their_own_fields_and_nothing_else(
    served: Served, away: tuple[str, ...]
) -> None:
    async with served.gateway() as stack:
        variables = {"ids": [await linked_user(stack)]}
        healthy = await stack.data(BIG, variables)
        for each in away:
            stack.sandbox.services[each].faults = HANGING
        answer = await ask(stack.http, BIG, variables, within_s=SHORT_S)
    data = answer["data"]
    names = {
        key: OWN_FIELD.get(key, key)
        for key in ("tulo", "service_order_hub", "netevia", "telecomx", "thulium")
    }
    assert {names[key]: data[names[key]] for key in names} == {
        name: None if key in away else healthy[name] for key, name in names.items()
    }
    assert (data["sources"], data["accounts"]) == (healthy["sources"], healthy["accounts"])
    expected = slices(healthy["conversations"])
    expected |= {key: ("UNAVAILABLE", MISSED) for key in away if expected[key][0] == "OK"}
    assert slices(data["conversations"]) == expected
    assert {each["origin"]["source"]["key"] for each in data["conversations"]["nodes"]}.isdisjoint(away)
    lists = [(("conversations",), MISSED, key) for key in away if expected[key][0] == "UNAVAILABLE"]
    assert problems(answer) == sorted([*lists, *(((names[key],), MISSED, key) for key in away)], key=str)
    assert all(each["extensions"]["retryable"] for each in answer["errors"])
    assert {each["message"] for each in answer["errors"]} == {
        "The request's time ran out before the source had answered."
    }


async def test_whatever_the_path_to_a_source_that_hangs_its_fields_are_null(served: Served) -> None:
    query = f"""query($ticket: ID!, $customer: ID!, $message: ID!, $partner: ID!) {{
      ticket(id: $ticket) {{ subject }}
      again: ticket(ref: {{source: "thulium", nativeId: "1235"}}) {{ subject messages {{ totalCount }} }}
      node(id: $ticket) {{ ... on Ticket {{ subject }} }}
      nodes(ids: [$customer, $partner, $ticket]) {{ ... on Account {{ name }} ... on Ticket {{ subject }} }}
      account(id: $customer) {{ id name }}
      message(id: $message) {{ body {{ text }} }}
      found: account(lookup: {{source: "thulium", nativeId: "1"}}) {{ name }}
      tickets(first: 3) {{ nodes {{ origin {{ source {{ key }} }} }} sources {{ source {{ key }} state error {{ code }} }} }}
      case(guid: "{GUID}") {{ number }}
    }}"""
    async with served.gateway() as stack:
        known = await known_ids(stack)
        variables = {name: known[name] for name in ("ticket", "customer", "message", "partner")}
        healthy = await stack.execute(query, variables)
        stack.sandbox.services["thulium"].faults = HANGING
        answer = await ask(stack.http, query, variables, within_s=SHORT_S)
    data = answer["data"]
    single = ["ticket", "again", "node", "account", "message", "found"]
    assert {name: data[name] for name in single} == dict.fromkeys(single)
    assert data["nodes"] == [None, healthy["data"]["nodes"][1], None]
    assert data["case"] == healthy["data"]["case"]
    assert [each["origin"]["source"]["key"] for each in data["tickets"]["nodes"]] == ["telecomx"] * 3
    assert slices(data["tickets"])["thulium"] == ("UNAVAILABLE", MISSED)
    places = [*((name,) for name in single), ("nodes", 0), ("nodes", 2), ("tickets",)]
    assert problems(answer) == sorted([(place, MISSED, "thulium") for place in places], key=str)


async def test_a_nested_field_that_is_late_leaves_what_lies_around_it(served: Served) -> None:
    query = "{ cases(first: 2) { nodes { subject messages { nodes { body { text } } } } } }"
    async with served.gateway() as stack:
        healthy = await stack.data(query)
        hub = stack.sandbox.services["service_order_hub"]
        # The list and one case's messages come, the other case's don't.
        hub.read_draw = Draws([0.9, 0.9, 0.1])  # type: ignore[assignment]
        hub.faults = Faults(read_mishaps={"timeout_before": 0.5})
        answer = await ask(stack.http, query, within_s=SHORT_S)
    cases, whole = answer["data"]["cases"]["nodes"], healthy["cases"]["nodes"]
    (late,) = [index for index, each in enumerate(cases) if each["messages"] is None]
    assert cases[late] == {**whole[late], "messages": None}
    assert cases[1 - late] == whole[1 - late]
    assert problems(answer) == [(("cases", "nodes", late, "messages"), MISSED, "service_order_hub")]


async def test_cases_by_guid_that_are_late_stay_as_far_as_they_are_known(served: Served) -> None:
    query = f'{{ cases(filter: {{guids: ["{GUID}"]}}) {{ nodes {{ guid subject }} sources {{ source {{ key }} state ageMs error {{ code }} }} }} }}'
    served.sandbox.services["service_order_hub"].faults = HANGING
    async with served.gateway() as stack:
        answer = await ask(stack.http, query, within_s=SOON_S)
    assert answer["data"]["cases"] == {
        "nodes": [{"guid": GUID, "subject": None}],
        "sources": [
            {
                "source": {"key": "service_order_hub"},
                "state": "UNAVAILABLE",
                "ageMs": None,
                "error": {"code": MISSED},
            }
        ],
    }
    assert {each[1:] for each in problems(answer)} == {(MISSED, "service_order_hub")}


async def test_a_list_of_source_after_source_is_not_lost_to_the_first(served: Served) -> None:
    query = "{ accounts(first: 5) { nodes { id } sources { source { key } state error { code } } } }"
    served.sandbox.services["netevia"].faults = HANGING
    async with served.gateway() as stack:
        answer = await ask(stack.http, query, within_s=SHORT_S)
    assert len(answer["data"]["accounts"]["nodes"]) == 5
    assert problems(answer) == [(("accounts",), MISSED, "netevia")]


# -- how long that is


@pytest.mark.parametrize("value", ["0", "-1", "soon", "1e9", "", "5, 6"])
async def test_a_time_that_cannot_be_read_is_refused_and_nothing_is_asked(stack: Stack, value: str) -> None:
    response = await stack.http.post(
        "/graphql",
        json={"query": '{ ticket(ref: {source: "thulium", nativeId: "1234"}) { subject } }'},
        headers={"X-Request-Timeout": value},
    )
    (error,) = response.json()["errors"]
    assert (response.status_code, error["extensions"]["code"], error["message"]) == (
        400,
        "BAD_USER_INPUT",
        "X-Request-Timeout must be a number of seconds above 0, such as 2.5.",
    )
    assert stack.calls() == {}


@pytest.mark.parametrize(
    ("settings", "asked"),
    [
        ({"timeout_s": SOON_S, "max_timeout_s": 300}, None),
        ({"timeout_s": 0.1, "max_timeout_s": SOON_S}, 100.0),
    ],
    ids=["by default", "at most"],
)
async def test_the_time_is_what_is_configured(
    served: Served, settings: dict[str, float], asked: float | None
) -> None:
    served.sandbox.services["thulium"].faults = HANGING
    async with served.gateway(settings={"operations": settings}) as stack:
        # Were it the caller's, an attempt's time would run out first, and that is another code.
        answer = await ask(
            stack.http, '{ ticket(ref: {source: "thulium", nativeId: "1234"}) { subject } }', within_s=asked
        )
    assert problems(answer) == [(("ticket",), MISSED, "thulium")]


async def test_an_attempt_that_runs_out_of_time_before_the_operation_does_is_the_sources(
    served: Served,
) -> None:
    async with served.gateway(each_source={"attempt_timeout_s": 0.1}) as stack:
        stack.sandbox.services["thulium"].faults = HANGING
        answer = await ask(
            stack.http, '{ ticket(ref: {source: "thulium", nativeId: "1234"}) { subject } }', within_s=15
        )
    assert problems(answer) == [(("ticket",), "SOURCE_TIMEOUT", "thulium")]


# -- a flight belongs to no caller


async def test_an_answer_that_came_too_late_for_one_is_there_for_the_next(served: Served) -> None:
    query = '{ ticket(ref: {source: "thulium", nativeId: "1234"}) { subject origin { from } } }'
    async with served.gateway(each_source={"cache_ttl_s": 60}) as stack:
        stack.sandbox.services["thulium"].faults = HELD
        late = await ask(stack.http, query, within_s=SOON_S)
        served.gate.open()
        kept = await ask(stack.http, query)
        again = await ask(stack.http, query)
        arrivals = len(stack.sandbox.services["thulium"].arrivals)
    assert problems(late) == [(("ticket",), MISSED, "thulium")]
    assert kept["data"]["ticket"]["subject"] == again["data"]["ticket"]["subject"]
    assert (again["data"]["ticket"]["origin"]["from"], arrivals) == ("CACHE", 1)


async def test_one_callers_short_time_does_not_cut_what_another_waits_for(served: Served) -> None:
    query = '{ ticket(ref: {source: "thulium", nativeId: "1234"}) { subject } }'
    async with served.gateway() as stack:
        stack.sandbox.services["thulium"].faults = HELD
        impatient = asyncio.ensure_future(ask(stack.http, query, within_s=SOON_S))
        await arrived(stack, "thulium", 1)
        patient = asyncio.ensure_future(ask(stack.http, query))
        late = await impatient
        served.gate.open()
        came = await patient
        arrivals = len(stack.sandbox.services["thulium"].arrivals)
    assert problems(late) == [(("ticket",), MISSED, "thulium")]
    assert ("errors" in came, came["data"]["ticket"]["subject"] is None, arrivals) == (False, False, 1)


# -- writes

LOOK = "query($key: String) { write(idempotencyKey: $key) { id state replayed } }"


def given(to: dict[str, Any], key: str = "k") -> dict[str, Any]:
    return {"input": {**to, "body": "Hello", "idempotencyKey": key}}


def posts(stack: Stack, kind: str) -> int:
    """How many writes have reached a source."""
    arrivals = stack.sandbox.services[kind].arrivals
    return sum(each.method == "POST" and "search" not in each.path for each in arrivals)


async def confirmed(stack: Stack, key: str = "k") -> dict[str, Any]:
    """The write, once its outcome is known."""
    async with asyncio.timeout(20):
        while True:
            write: dict[str, Any] = (await stack.data(LOOK, {"key": key}))["write"]
            if write["state"] != "PENDING":
                return write


@pytest.mark.parametrize("to", [NETEVIA, HUB], ids=["netevia", "service_order_hub"])
async def test_a_write_that_has_begun_is_told_as_pending_and_comes_to_its_end(
    served: Served, to: dict[str, Any]
) -> None:
    kind = to["toRef"]["source"]
    served.sandbox.services[kind].faults = HELD
    async with served.gateway() as stack:
        answer = await ask(stack.http, REPLY, given(to), within_s=SHORT_S)
        payload = answer["data"]["reply"]
        assert problems(answer) == []
        assert (payload["message"], payload["userErrors"]) == (None, [])
        write = payload["write"]
        assert (write["state"], write["replayed"], write["attempts"], write["problem"]) == (
            "PENDING",
            False,
            1,
            None,
        )
        assert (await stack.data(LOOK, {"key": "k"}))["write"] == {
            "id": write["id"],
            "state": "PENDING",
            "replayed": False,
        }
        served.gate.open()
        assert await confirmed(stack) == {"id": write["id"], "state": "CONFIRMED", "replayed": False}
        repeated = (await ask(stack.http, REPLY, given(to)))["data"]["reply"]
        assert (repeated["write"]["state"], repeated["write"]["replayed"]) == ("CONFIRMED", True)
        assert repeated["message"]["body"]["text"] == "Hello"
        assert posts(stack, kind) == 1


async def test_a_mutation_that_has_not_begun_when_the_time_is_up_is_refused_and_may_be_tried_again(
    served: Served,
) -> None:
    query = """mutation($a: ReplyInput!, $b: ReplyInput!) {
      a: reply(input: $a) { write { state } userErrors { code } }
      b: reply(input: $b) { write { state } userErrors { code } } }"""
    both = {"a": given(NETEVIA, "a")["input"], "b": given(HUB, "b")["input"]}
    served.sandbox.services["netevia"].faults = HELD
    async with served.gateway() as stack:
        answer = await ask(stack.http, query, both, within_s=SHORT_S)
        assert answer["data"] == {"a": {"write": {"state": "PENDING"}, "userErrors": []}, "b": None}
        assert problems(answer) == [(("b",), MISSED, "service_order_hub")]
        assert answer["errors"][0]["message"] == "The request's time ran out before the source was asked."
        assert (await stack.data(LOOK, {"key": "b"}))["write"] is None
        assert stack.calls() == {"netevia": 1}
        served.gate.open()
        again = await ask(stack.http, query, both)
        assert again["data"]["b"] == {"write": {"state": "CONFIRMED"}, "userErrors": []}
        assert (posts(stack, "netevia"), posts(stack, "service_order_hub")) == (1, 1)


async def test_a_write_that_is_still_being_prepared_is_not_sent_and_its_key_stays_free(
    served: Served,
) -> None:
    served.sandbox.services["thulium"].faults = HELD
    async with served.gateway() as stack:
        answer = await ask(stack.http, REPLY, given(THULIUM), within_s=SOON_S)
        assert answer["data"] == {"reply": None}
        assert problems(answer) == [(("reply",), MISSED, "thulium")]
        served.gate.open()
        assert (await stack.data(LOOK, {"key": "k"}))["write"] is None
        again = (await ask(stack.http, REPLY, given(THULIUM)))["data"]["reply"]
        assert (again["write"]["state"], again["write"]["attempts"]) == ("CONFIRMED", 1)
    assert posts(stack, "thulium") == 1


async def test_a_write_given_up_before_it_began_is_not_sent_when_the_gateway_stops(served: Served) -> None:
    served.sandbox.services["thulium"].faults = HELD
    async with served.gateway() as stack:
        await ask(stack.http, REPLY, given(THULIUM), within_s=SOON_S)
        served.gate.open()
    # By now all that was under way has come to its end.
    assert posts(stack, "thulium") == 0


async def test_a_twin_with_more_time_has_it_sent_once(served: Served) -> None:
    served.sandbox.services["thulium"].faults = HELD
    async with served.gateway() as stack:
        impatient = asyncio.ensure_future(ask(stack.http, REPLY, given(THULIUM), within_s=SHORT_S))
        await arrived(stack, "thulium", 1)
        patient = asyncio.ensure_future(ask(stack.http, REPLY, given(THULIUM), within_s=15))
        late = await impatient
        served.gate.open()
        sent = (await patient)["data"]["reply"]
    assert problems(late) == [(("reply",), MISSED, "thulium")]
    assert (sent["write"]["state"], sent["write"]["replayed"]) == ("CONFIRMED", True)
    assert posts(stack, "thulium") == 1


async def test_a_twin_in_another_process_is_told_how_the_write_stands(served: Served, tmp_path: Path) -> None:
    ledger_url = new_ledger(tmp_path)
    served.sandbox.services["netevia"].faults = HELD
    async with served.gateway(ledger_url=ledger_url) as here, served.gateway(ledger_url=ledger_url) as there:
        first = asyncio.ensure_future(ask(here.http, REPLY, given(NETEVIA), within_s=15))
        await arrived(here, "netevia", 1)
        answer = await ask(there.http, REPLY, given(NETEVIA), within_s=SHORT_S)
        payload = answer["data"]["reply"]
        served.gate.open()
        sent = (await first)["data"]["reply"]
        again = await confirmed(there)
    assert problems(answer) == []
    assert (payload["message"], payload["write"]["state"], payload["write"]["replayed"]) == (
        None,
        "PENDING",
        True,
    )
    assert (sent["write"]["state"], sent["write"]["replayed"]) == ("CONFIRMED", False)
    assert again["id"] == payload["write"]["id"] == sent["write"]["id"]
    assert posts(here, "netevia") == 1


async def test_a_caller_that_goes_away_leaves_its_write_to_come_to_its_end(served: Served) -> None:
    served.sandbox.services["netevia"].faults = HELD
    async with served.gateway() as stack:
        caller = asyncio.ensure_future(ask(stack.http, REPLY, given(NETEVIA)))
        await arrived(stack, "netevia", 1)
        caller.cancel()
        await asyncio.gather(caller, return_exceptions=True)
        served.gate.open()
        assert (await confirmed(stack))["state"] == "CONFIRMED"
    assert posts(stack, "netevia") == 1


# -- the ledger


async def test_a_ledger_that_hangs_costs_what_it_feeds_and_nothing_else(
    served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    """A database that takes connections and never says a word."""
    configure_logs()
    taken: list[asyncio.StreamWriter] = []

    def take(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        taken.append(writer)

    query = f"""{{
      case(guid: "{GUID}") {{ number }}
      ticket(ref: {{source: "thulium", nativeId: "1234"}}) {{ subject }}
      writes {{ nodes {{ id }} }}
      write(idempotencyKey: "k") {{ id }}
    }}"""
    async with await asyncio.start_server(take, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        url = f"postgresql://gateway@127.0.0.1:{port}/gateway?sslmode=disable"
        async with served.gateway(ledger_url=url) as stack:
            answer = await ask(stack.http, query, within_s=SHORT_S)
        for each in taken:
            each.close()
    assert (answer["data"]["case"], answer["data"]["ticket"] is None) == ({"number": 7748}, False)
    assert (answer["data"]["writes"], answer["data"]["write"]) == (None, None)
    assert problems(answer) == [
        (("write",), "LEDGER_UNAVAILABLE", None),
        (("writes",), "LEDGER_UNAVAILABLE", None),
    ]
    # It was the operation's time that ran out, before any of the ledger's own.
    assert "no answer within the operation's time" in capsys.readouterr().err
    assert taken
