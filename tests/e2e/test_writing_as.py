"""Whom a write is from: its principal as the source knows them, and somebody else only with a scope."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.domain.access import Grants, Scope, WriteAs
from tests.e2e.permitted_writes import (
    OPERATOR,
    World,
    elsewhere,
    errors_of,
    everything_but,
    fresh_key,
    operator,
    refused_event,
    sending,
)
from tests.e2e.principals import Caller, open_desk

_WRITE_AS = Scope.MESSAGES_WRITE_AS
_HUB, _THULIUM = "service_order_hub", "thulium"
# The other one is the source's default.
_IDAS_AGENT, _DEFAULT_AGENT = "testowy.agent17", "testowy.agent11"
_IDA = {"name": "Ida Ek", "email": "ida@example.org"}
_SIGNS = {_THULIUM: WriteAs(agent=_IDAS_AGENT), _HUB: WriteAs(None, _IDA["name"], _IDA["email"])}
_MAY_NOT = everything_but(_WRITE_AS).scopes
_TO_TICKET = {"toRef": {"source": _THULIUM, "nativeId": "1234"}, "body": "Hello"}
_SELECTION = "{ write { state } userErrors { code field } }"
_DONE = {"write": {"state": "CONFIRMED"}, "userErrors": []}


@pytest.fixture(scope="module")
async def world() -> AsyncIterator[World]:
    callers = {
        OPERATOR: operator(),
        "ida": Caller(_MAY_NOT, _SIGNS),
        "only a name": Caller(_MAY_NOT, {_HUB: WriteAs(author_name="Ida Ek")}),
        "nobody": Caller(_MAY_NOT),
        "ida, free": Caller(operator().scopes, _SIGNS),
        "nobody, free": operator(),
        "not at thulium": Caller(elsewhere(_WRITE_AS, _THULIUM).scopes, _SIGNS),
        "not at service_order_hub": Caller(elsewhere(_WRITE_AS, _HUB).scopes, _SIGNS),
        "at thulium": Caller(Grants.of([*_MAY_NOT, f"{_WRITE_AS}@thulium"]), _SIGNS),
    }
    async with open_desk(callers) as desk:
        yield await World.of(desk)


def _case(world: World, mutation: str, **given: Any) -> dict[str, Any]:
    """A message for the hub's case."""
    if mutation == "reply":
        return {"to": world.ids["case"], "body": "Hello", **given}
    return {"case": world.ids["case"], "type": "reminder", "content": "Hello", **given}


async def _send(world: World, caller: str, mutation: str, source: str, given: dict[str, Any]) -> Any:
    each = sending(f"{mutation}@{source}")
    return await world.ask(caller, each, {**given, "idempotencyKey": fresh_key()}, _SELECTION)


def _posted(world: World, source: str) -> list[dict[str, Any]]:
    """The bodies of what was written to a source."""
    arrivals = world.desk.stack.sandbox.services[source].arrivals
    return [json.loads(each.body) for each in arrivals if each.method == "POST"]


async def _agent(world: World, caller: str, **given: Any) -> str:
    """The agent that a reply goes out under."""
    world.desk.stack.forget()
    answer = await _send(world, caller, "reply", _THULIUM, {**_TO_TICKET, **given})
    assert answer == {"data": {"reply": _DONE}}
    (sent,) = _posted(world, _THULIUM)
    agent: str = sent["user_login"]
    return agent


async def _author(world: World, caller: str, mutation: str = "reply", **given: Any) -> dict[str, Any]:
    """The author that a message at the hub is from."""
    world.desk.stack.forget()
    answer = await _send(world, caller, mutation, _HUB, _case(world, mutation, **given))
    assert answer == {"data": {mutation: _DONE}}
    (sent,) = _posted(world, _HUB)
    return {name: sent[name] for name in ("userName", "userEmail") if name in sent}


async def _is_refused(world: World, caller: str, mutation: str, source: str, given: dict[str, Any]) -> None:
    """Nothing is sent or recorded but the refusal."""
    each = sending(f"{mutation}@{source}")
    writes, events = await world.recorded(caller)
    world.desk.stack.forget()
    answer = await _send(world, caller, mutation, source, given)
    assert world.arrived() == []
    assert (answer["data"], errors_of(answer)) == ({mutation: None}, [([mutation], "FORBIDDEN")])
    assert answer["errors"][0]["message"] == (
        f"You may not do this at {source}: it needs the scope `messages:write_as`."
    )
    assert await world.recorded(caller) == (writes, [*events, refused_event(each, _WRITE_AS, source=source)])


# -- agents


async def test_what_is_left_out_is_ones_own_agent_else_the_sources_default(world: World) -> None:
    assert await _agent(world, "ida") == _IDAS_AGENT
    assert await _agent(world, "ida", agent=None) == _IDAS_AGENT
    assert await _agent(world, "ida, free") == _IDAS_AGENT
    assert await _agent(world, "nobody") == _DEFAULT_AGENT


async def test_ones_own_agent_may_be_named(world: World) -> None:
    assert await _agent(world, "ida", agent=_IDAS_AGENT) == _IDAS_AGENT


@pytest.mark.parametrize(
    ("caller", "given"),
    [
        # The source's default stands for those alone who are nobody there, and who don't name it.
        ("ida", {"agent": _DEFAULT_AGENT}),
        ("ida", {"agent": ""}),
        ("ida", {"agent": f" {_IDAS_AGENT}"}),
        ("ida", {"agent": _IDAS_AGENT.upper()}),
        ("nobody", {"agent": _IDAS_AGENT}),
        ("nobody", {"agent": _DEFAULT_AGENT}),
        ("nobody", {"agent": ""}),
        ("ida", {"sentAt": "2026-11-01T09:00:00Z"}),
        ("ida", {"agent": _IDAS_AGENT, "sentAt": "2026-11-01T09:00:00Z"}),
        ("nobody", {"sentAt": "2099-11-01T09:00:00Z"}),
        ("ida", {"author": _IDA}),
        ("not at thulium", {"agent": _DEFAULT_AGENT}),
        ("not at thulium", {"sentAt": "2026-11-01T09:00:00Z"}),
    ],
)
async def test_without_the_scope_nobody_else_writes_and_at_no_other_time(
    world: World, caller: str, given: dict[str, Any]
) -> None:
    await _is_refused(world, caller, "reply", _THULIUM, {**_TO_TICKET, **given})


async def test_with_the_scope_another_agent_writes_at_another_time(world: World) -> None:
    assert await _agent(world, "nobody, free", agent=_IDAS_AGENT) == _IDAS_AGENT
    assert await _agent(world, "at thulium", agent=_DEFAULT_AGENT) == _DEFAULT_AGENT
    await _agent(world, "at thulium", sentAt="2026-11-01T09:00:00Z")
    (sent,) = _posted(world, _THULIUM)
    assert (sent["user_login"], sent["date"]) == (_IDAS_AGENT, "2026-11-01 10:00")


# -- authors

_MUTATIONS = ["reply", "createCaseMessage"]
_AS_IDA = {"userName": "Ida Ek", "userEmail": "ida@example.org"}


@pytest.mark.parametrize("mutation", _MUTATIONS)
@pytest.mark.parametrize("given", [{}, {"author": None}, {"author": _IDA}])
async def test_a_message_is_from_its_principal(world: World, mutation: str, given: dict[str, Any]) -> None:
    assert await _author(world, "ida", mutation, **given) == _AS_IDA


@pytest.mark.parametrize("mutation", _MUTATIONS)
@pytest.mark.parametrize("author", [{}, {"name": None, "email": None}, {"name": "Ida Ek"}])
async def test_what_is_left_out_of_an_author_is_ones_own(
    world: World, mutation: str, author: dict[str, Any]
) -> None:
    assert await _author(world, "ida", mutation, author=author) == _AS_IDA


@pytest.mark.parametrize("mutation", _MUTATIONS)
async def test_who_has_no_name_there_signs_with_none(world: World, mutation: str) -> None:
    assert await _author(world, "nobody", mutation) == {}
    assert await _author(world, "nobody", mutation, author={}) == {}
    assert await _author(world, "only a name", mutation) == {"userName": "Ida Ek"}


@pytest.mark.parametrize("mutation", _MUTATIONS)
@pytest.mark.parametrize(
    ("caller", "author"),
    [
        ("ida", {"name": "Ola Ek", "email": "ola@example.org"}),
        ("ida", {"name": "Ida Ek", "email": "ola@example.org"}),
        ("ida", {"name": "Ola Ek"}),
        ("ida", {"name": ""}),
        ("ida", {"email": "ola@example.org"}),
        ("only a name", {"name": "Ida Ek", "email": "ida@example.org"}),
        ("nobody", {"name": "Ida Ek"}),
        ("not at service_order_hub", {"name": "Ola Ek"}),
        ("at thulium", {"name": "Ola Ek"}),
    ],
)
async def test_without_the_scope_nobody_else_signs(
    world: World, mutation: str, caller: str, author: dict[str, str]
) -> None:
    await _is_refused(world, caller, mutation, _HUB, _case(world, mutation, author=author))


@pytest.mark.parametrize("mutation", _MUTATIONS)
async def test_with_the_scope_anybody_signs(world: World, mutation: str) -> None:
    ola = {"name": "Ola Ek", "email": "ola@example.org"}
    as_ola = {"userName": "Ola Ek", "userEmail": "ola@example.org"}
    for caller in ("nobody, free", "ida, free", "not at thulium"):
        assert await _author(world, caller, mutation, author=ola) == as_ola
    # What is left out beside somebody else's name is not one's own.
    assert await _author(world, "ida, free", mutation, author={"name": "Ola Ek"}) == {"userName": "Ola Ek"}
