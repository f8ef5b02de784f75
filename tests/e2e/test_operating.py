"""Who may see what others have written, and look for it: who operates the source it went to."""

from collections.abc import AsyncIterator, Mapping

import pytest

from gateway.domain.access import Scope
from gateway.domain.ids import Ref, parse_global_id
from gateway.sandbox import Faults
from tests.e2e.permitted_writes import (
    OPERATOR,
    World,
    errors_of,
    everything_but,
    fresh_key,
    operator,
    sending,
)
from tests.e2e.principals import Caller, open_desk

_ORDINARY = everything_but(Scope.OPERATE).scopes
_OF_THULIUM, _OF_HUB = "operates thulium", "operates the hub"
_LIST = """query($filter: WriteFilter, $after: String) { writes(filter: $filter, first: 100, after: $after) {
  nodes { id principal source { key } } } }"""
_LOOK = """mutation($id: ID!) { reconcileWrite(input: {id: $id}) {
  write { id state principal } userErrors { code field source { key } } } }"""
_NO_SUCH_WRITE = {"write": None, "userErrors": [{"code": "NOT_FOUND", "field": ["id"], "source": None}]}
_AUDIT = """query($filter: AuditFilter) { auditEvents(filter: $filter, first: 100) {
  nodes { kind principal owner source operation write state } } }"""
# Who writes, and where to.
_WRITTEN = (("ida", "thulium"), ("ida", "service_order_hub"), ("ola", "thulium"), ("ola", "netevia"))


@pytest.fixture(scope="module")
async def world() -> AsyncIterator[World]:
    callers = {
        OPERATOR: operator(),
        "operates alone": Caller([Scope.OPERATE]),
        _OF_THULIUM: Caller([*_ORDINARY, "operate@thulium"]),
        _OF_HUB: Caller([*_ORDINARY, "operate@service_order_hub"]),
        "ida": Caller(_ORDINARY),
        "ola": Caller(_ORDINARY),
        "nobody": Caller(()),
    }
    async with open_desk(callers) as desk:
        yield await World.of(desk)


@pytest.fixture(scope="module")
async def written(world: World) -> Mapping[tuple[str, str], dict[str, str]]:
    """One reply for each of `_WRITTEN`: the ids of its write and its message, and its key."""
    found = {}
    for caller, source in _WRITTEN:
        each = sending(f"reply@{source}")
        given = await world.prepare(each)
        answer = await world.ask(caller, each, given, "{ write { id state } message { id } }")
        payload = answer["data"]["reply"]
        assert payload["write"]["state"] == "CONFIRMED"
        found[caller, source] = {
            "write": payload["write"]["id"],
            "message": payload["message"]["id"],
            "key": given["idempotencyKey"],
        }
    return found


def _seen_by(caller: str) -> set[tuple[str, str]]:
    """Which of `_WRITTEN` a caller may see."""
    everything = caller in {OPERATOR, "operates alone"}
    operated = {_OF_THULIUM: "thulium", _OF_HUB: "service_order_hub"}.get(caller)
    return {(by, source) for by, source in _WRITTEN if everything or by == caller or source == operated}


_EVERYBODY = [OPERATOR, "operates alone", _OF_THULIUM, _OF_HUB, "ida", "ola", "nobody"]


@pytest.mark.parametrize("caller", _EVERYBODY)
async def test_writes_are_listed_to_their_owner_and_to_who_operates_their_source(
    world: World, written: Mapping[tuple[str, str], dict[str, str]], caller: str
) -> None:
    answer = await world.desk.ask(caller, _LIST)
    names = {each["write"]: who for who, each in written.items()}
    shown = {each["id"] for each in answer["data"]["writes"]["nodes"]}
    assert {names[each] for each in shown if each in names} == _seen_by(caller)
    assert "errors" not in answer
    for each in answer["data"]["writes"]["nodes"]:
        if each["id"] in names:
            assert (each["principal"], each["source"]["key"]) == (
                f"key:{names[each['id']][0]}",
                names[each["id"]][1],
            )


@pytest.mark.parametrize("caller", _EVERYBODY)
async def test_a_filter_by_principal_shows_no_more_than_one_may_see(
    world: World, written: Mapping[tuple[str, str], dict[str, str]], caller: str
) -> None:
    for owner in ("ida", "ola"):
        for more in ({}, {"source": "thulium"}, {"operation": "reply", "state": "CONFIRMED"}):
            wanted = {"principal": f"key:{owner}", **more}
            answer = await world.desk.ask(caller, _LIST, {"filter": wanted})
            shown = {each["id"] for each in answer["data"]["writes"]["nodes"]}
            expected = {
                written[by, source]["write"]
                for by, source in _seen_by(caller)
                if by == owner and more.get("source", source) == source
            }
            # Tests of looking have written too.
            assert shown & {each["write"] for each in written.values()} == expected
            assert all(each["principal"] == f"key:{owner}" for each in answer["data"]["writes"]["nodes"])


async def test_neither_a_principals_bare_name_nor_nothing_is_a_way_to_others(
    world: World, written: Mapping[tuple[str, str], dict[str, str]]
) -> None:
    assert written
    for name in ("ida", "", "key:", "%", "key:ida@", "key:%"):
        answer = await world.desk.ask("ola", _LIST, {"filter": {"principal": name}})
        assert answer == {"data": {"writes": {"nodes": []}}}


@pytest.mark.parametrize("caller", _EVERYBODY)
async def test_a_write_is_found_by_its_id_by_those_alone_who_may_see_it(
    world: World, written: Mapping[tuple[str, str], dict[str, str]], caller: str
) -> None:
    query = """query($id: ID!, $key: String!) { write(id: $id) { id } keyed: write(idempotencyKey: $key) { id }
      node(id: $id) { id } nodes(ids: [$id]) { id } }"""
    for (by, source), each in written.items():
        answer = await world.desk.ask(caller, query, {"id": each["write"], "key": each["key"]})
        shown = {"id": each["write"]} if (by, source) in _seen_by(caller) else None
        # A key is its owner's: there may be the same one of somebody else's.
        keyed = {"id": each["write"]} if by == caller else None
        assert answer == {"data": {"write": shown, "keyed": keyed, "node": shown, "nodes": [shown]}}


@pytest.mark.parametrize("caller", _EVERYBODY)
async def test_a_messages_write_is_shown_to_those_alone_who_may_see_it(
    world: World, written: Mapping[tuple[str, str], dict[str, str]], caller: str
) -> None:
    query = "query($id: ID!) { message(id: $id) { id write { id principal } } }"
    for (by, source), each in written.items():
        answer = await world.desk.ask(caller, query, {"id": each["message"]})
        if caller in {"operates alone", "nobody"}:
            # To operate is not to read.
            assert (answer["data"], errors_of(answer)) == ({"message": None}, [(["message"], "FORBIDDEN")])
            continue
        shown = {"id": each["write"], "principal": f"key:{by}"}
        assert answer == {
            "data": {
                "message": {
                    "id": each["message"],
                    "write": shown if (by, source) in _seen_by(caller) else None,
                }
            }
        }


async def test_to_operate_is_not_to_read_what_was_written_to(
    world: World, written: Mapping[tuple[str, str], dict[str, str]]
) -> None:
    query = """query($id: ID!) { write(id: $id) { state target { __typename ... on Ticket { subject } }
      result { __typename ... on Message { body { text } } } } }"""
    world.desk.stack.forget()
    answer = await world.desk.ask("operates alone", query, {"id": written["ida", "thulium"]["write"]})
    assert answer["data"] == {"write": {"state": "CONFIRMED", "target": None, "result": None}}
    assert sorted(errors_of(answer)) == [
        (["write", "result"], "FORBIDDEN"),
        (["write", "target"], "FORBIDDEN"),
    ]
    assert world.arrived() == []


async def test_a_page_behind_another_shows_no_more_either(world: World) -> None:
    page = "query($after: String) { writes(first: 1, after: $after) { nodes { id principal } pageInfo { endCursor } } }"
    foreign = (await world.desk.ask(OPERATOR, page))["data"]["writes"]["pageInfo"]["endCursor"]
    answer = await world.desk.ask("nobody", page, {"after": foreign})
    assert answer["data"]["writes"]["nodes"] == []


# -- the audit log


@pytest.mark.parametrize("caller", ["ida", "ola", "nobody"])
async def test_the_audit_log_is_for_who_operates(world: World, caller: str) -> None:
    answer = await world.desk.ask(caller, _AUDIT, {"filter": {"principal": f"key:{caller}"}})
    assert (answer["data"], errors_of(answer)) == (
        {"auditEvents": None},
        [(["auditEvents"], "FORBIDDEN")],
    )


@pytest.mark.parametrize("caller", [OPERATOR, "operates alone", _OF_THULIUM, _OF_HUB])
async def test_the_audit_log_tells_of_the_sources_that_one_operates(
    world: World, written: Mapping[tuple[str, str], dict[str, str]], caller: str
) -> None:
    answer = await world.desk.ask(caller, _AUDIT, {"filter": {"kind": "WRITE_SETTLED"}})
    events = answer["data"]["auditEvents"]["nodes"]
    settled = {each["write"] for each in events}
    assert {who for who, each in written.items() if each["write"] in settled} == _seen_by(caller)
    if caller == _OF_THULIUM:
        assert {each["source"] for each in events} == {"thulium"}
        # Neither what has no source nor another source's can be asked for.
        for wanted in ({"kind": "KEY_CREATED"}, {"source": "netevia"}, {"principal": "key:ida"}):
            found = (await world.desk.ask(caller, _AUDIT, {"filter": wanted}))["data"]["auditEvents"]["nodes"]
            assert {each["source"] for each in found} <= {"thulium"}


async def test_by_a_writes_id_its_events_are_told_to_who_operates_its_source(
    world: World, written: Mapping[tuple[str, str], dict[str, str]]
) -> None:
    wanted = {"filter": {"write": written["ola", "netevia"]["write"]}}
    told = [
        each["kind"]
        for each in (await world.desk.ask(OPERATOR, _AUDIT, wanted))["data"]["auditEvents"]["nodes"]
    ]
    assert told == ["WRITE_SETTLED", "WRITE_SUBMITTED"]
    answer = await world.desk.ask(_OF_THULIUM, _AUDIT, wanted)
    assert answer == {"data": {"auditEvents": {"nodes": []}}}


# -- looking for a write in doubt


async def _in_doubt(world: World, caller: str = "ida") -> str:
    """The id of a write to the hub that has landed there, which nobody knows."""
    hub = world.desk.stack.sandbox.services["service_order_hub"]
    each = sending("reply@service_order_hub")
    given = {**await world.prepare(each), "body": f"Hello {fresh_key()}"}
    hub.faults = Faults(mishaps={"lost_answer": 1})
    try:
        answer = await world.ask(caller, each, given, "{ write { id state } }")
    finally:
        hub.faults = Faults()
    write = answer["data"]["reply"]["write"]
    assert write["state"] == "IN_DOUBT"
    world.desk.stack.forget()
    found: str = write["id"]
    return found


@pytest.mark.parametrize("caller", ["ola", _OF_THULIUM, "nobody"])
async def test_who_may_not_see_a_write_can_not_look_for_it(world: World, caller: str) -> None:
    write = await _in_doubt(world)
    answer = await world.desk.ask(caller, _LOOK, {"id": write})
    assert answer == {"data": {"reconcileWrite": _NO_SUCH_WRITE}}
    assert world.arrived() == []
    seen = await world.desk.ask(OPERATOR, "query($id: ID!) { write(id: $id) { state } }", {"id": write})
    assert seen["data"]["write"]["state"] == "IN_DOUBT"


@pytest.mark.parametrize("caller", ["ida", OPERATOR, "operates alone", _OF_HUB])
async def test_its_owner_and_who_operates_its_source_look_for_a_write(world: World, caller: str) -> None:
    write = await _in_doubt(world)
    answer = await world.desk.ask(caller, _LOOK, {"id": write})
    assert answer == {
        "data": {
            "reconcileWrite": {
                "write": {"id": write, "state": "CONFIRMED", "principal": "key:ida"},
                "userErrors": [],
            }
        }
    }
    assert world.desk.stack.calls() == {"service_order_hub": 1}
    told = await world.desk.ask(OPERATOR, _AUDIT, {"filter": {"write": write, "kind": "WRITE_RECONCILED"}})
    assert told["data"]["auditEvents"]["nodes"] == [
        {
            "kind": "WRITE_RECONCILED",
            "principal": f"key:{caller}",
            "owner": "key:ida",
            "source": "service_order_hub",
            "operation": "reply",
            "write": write,
            "state": "CONFIRMED",
        }
    ]


@pytest.mark.parametrize("caller", ["ola", _OF_THULIUM, OPERATOR])
async def test_no_id_of_ones_own_making_leads_to_a_write(
    world: World, written: Mapping[tuple[str, str], dict[str, str]], caller: str
) -> None:
    # The same entry as if it had gone to another source: one that the caller may operate.
    ref = parse_global_id(written["ola", "netevia"]["write"])
    forged = Ref(ref.type, "thulium", ref.parts).global_id
    answer = await world.desk.ask(caller, "query($id: ID!) { write(id: $id) { id } }", {"id": forged})
    assert answer == {"data": {"write": None}}
    assert await world.desk.ask(caller, _LOOK, {"id": forged}) == {"data": {"reconcileWrite": _NO_SUCH_WRITE}}
