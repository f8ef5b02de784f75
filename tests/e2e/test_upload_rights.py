"""Who may upload files, and whose handles they are."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from gateway.domain.access import Scope
from tests.answers import errors_of, only_error
from tests.e2e.permitted_writes import OPERATOR, World, elsewhere, fresh_key, operator
from tests.e2e.permitted_writes import errors_of as places
from tests.e2e.principals import Caller, open_desk

_OTHERS = ("tulo", "service_order_hub", "netevia", "telecomx")
_FOR_FILES = (Scope.MESSAGES_WRITE, Scope.TICKETS_WRITE)
_ELSEWHERE = [f"{scope}@{source}" for scope in _FOR_FILES for source in _OTHERS]
_TYPE = {"Content-Type": "application/octet-stream"}
_TO_THULIUM = {"source": "thulium", "filename": "bill.pdf"}
_REPLY = """mutation($input: ReplyInput!) { reply(input: $input) {
  write { state } userErrors { code field source { key } } } }"""
_CREATE = """mutation($input: CreateTicketInput!) { createTicket(input: $input) {
  write { state } userErrors { code field source { key } } } }"""
_REFUSED = {
    "write": None,
    "userErrors": [{"code": "NOT_FOUND", "field": ["attachments", "0"], "source": {"key": "thulium"}}],
}


@pytest.fixture(scope="module")
async def world() -> AsyncIterator[World]:
    callers = {
        OPERATOR: operator(),
        "nobody": Caller(()),
        "all else": Caller([each for each in Scope if each not in _FOR_FILES]),
        "elsewhere": Caller([*(each for each in Scope if each not in _FOR_FILES), *_ELSEWHERE]),
        "replies elsewhere": Caller(elsewhere(Scope.MESSAGES_WRITE, "thulium").scopes),
        "replies": Caller(["messages:write@thulium"]),
        "creates": Caller(["tickets:write@thulium"]),
        "another": operator(),
    }
    # That an address waits after too many log-ins that failed has tests of its own.
    auth = {"required": True, "failed_logins_per_minute": 1000}
    async with open_desk(callers, settings={"auth": auth}) as desk:
        yield await World.of(desk)


@pytest.fixture(autouse=True)
def _afresh(world: World) -> None:
    world.desk.stack.forget()


class _File:
    """A body that knows how much of it was taken."""

    def __init__(self) -> None:
        self.taken = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for _ in range(3):
            self.taken += 1
            yield b"%PDF"


async def _upload(
    world: World, headers: dict[str, str], content: Any = b"%PDF", **parameters: str
) -> httpx.Response:
    return await world.desk.stack.http.post(
        "/uploads", params=_TO_THULIUM | parameters, content=content, headers=_TYPE | headers
    )


def _as(world: World, caller: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {world.desk.keys[caller]}"}


async def _handle(world: World, caller: str) -> str:
    answer = await _upload(world, _as(world, caller))
    assert answer.status_code == 201
    world.desk.stack.forget()
    found: str = answer.json()["id"]
    return found


@pytest.mark.parametrize("caller", ["nobody", "all else", "elsewhere"])
async def test_without_a_right_to_write_there_a_file_is_refused_unread(world: World, caller: str) -> None:
    file = _File()
    answer = await _upload(world, _as(world, caller), file)
    assert only_error(answer) == (
        403,
        "FORBIDDEN",
        "You may not do this at thulium: it needs the scope `messages:write`.",
    )
    assert (file.taken, world.arrived()) == (0, [])


@pytest.mark.parametrize("caller", ["replies", "creates", "replies elsewhere"])
async def test_a_right_to_reply_or_to_create_tickets_there_suffices(world: World, caller: str) -> None:
    file = _File()
    answer = await _upload(world, _as(world, caller), file)
    assert (answer.status_code, errors_of(answer), answer.json()["sizeBytes"]) == (201, [], 12)
    assert world.arrived() == ["thulium: POST /api/temporary_files"]


async def test_where_no_files_go_the_missing_right_is_told_first(world: World) -> None:
    answer = await _upload(world, _as(world, "replies"), source="netevia")
    assert only_error(answer)[:2] == (403, "FORBIDDEN")
    answer = await _upload(world, _as(world, OPERATOR), source="netevia")
    assert only_error(answer)[:2] == (400, "BAD_USER_INPUT")
    assert world.arrived() == []


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer hdgw_wrong"},
        {"Authorization": "Basic aWRhOmlkYQ=="},
        {"X-API-Key": "wrong"},
        {"Content-Type": "text/plain", "X-Requested-With": "test"},
    ],
)
@pytest.mark.parametrize("parameters", [{}, {"source": "nowhere"}, {"filename": "a/b"}])
async def test_without_a_login_a_file_is_refused_unread(
    world: World, headers: dict[str, str], parameters: dict[str, str]
) -> None:
    file = _File()
    answer = await _upload(world, headers, file, **parameters)
    assert only_error(answer)[:2] == (401, "UNAUTHENTICATED")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="helpdesk-gateway"'
    assert (file.taken, world.arrived()) == (0, [])


async def test_anothers_handle_is_none(world: World) -> None:
    handle = await _handle(world, OPERATOR)
    reply = {"toRef": {"source": "thulium", "nativeId": "1234"}, "body": "Hello", "attachments": [handle]}
    ticket = {
        "source": "thulium",
        "requesterEmail": "ada@example.org",
        "subject": "Hello",
        "body": "There",
        "attachments": [handle],
    }
    for document, field, given in ((_REPLY, "reply", reply), (_CREATE, "createTicket", ticket)):
        variables = {"input": {**given, "idempotencyKey": fresh_key()}}
        answer = await world.desk.ask("another", document, variables)
        assert answer == {"data": {field: _REFUSED}}
        # It is told in the same words as one that nobody has.
        unknown = {"input": {**variables["input"], "attachments": ["A" * len(handle)]}}
        assert await world.desk.ask("another", document, unknown) == answer
    assert world.arrived() == []
    # And it is still its owner's.
    done = await world.desk.ask(OPERATOR, _REPLY, {"input": {**reply, "idempotencyKey": fresh_key()}})
    assert done == {"data": {"reply": {"write": {"state": "CONFIRMED"}, "userErrors": []}}}


async def test_an_own_handle_gives_no_right_to_write(world: World) -> None:
    handle = await _handle(world, "creates")
    given = {
        "toRef": {"source": "thulium", "nativeId": "1234"},
        "body": "Hello",
        "attachments": [handle],
        "idempotencyKey": fresh_key(),
    }
    answer = await world.desk.ask("creates", _REPLY, {"input": given})
    assert (answer["data"], places(answer)) == ({"reply": None}, [(["reply"], "FORBIDDEN")])
    assert world.arrived() == []
