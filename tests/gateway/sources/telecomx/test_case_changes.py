from collections.abc import Callable

import msgspec
import pytest

from gateway.domain.errors import Refusal, RefusalCode, SourceRejected
from gateway.domain.ids import EntityType, Ref
from gateway.domain.records import ConversationState
from gateway.domain.writes import TicketChanges
from gateway.sandbox import Sandbox
from gateway.sandbox.world.telecomx import HELP_CENTERS, OTHER_HELP_CENTER, TelecomxCase
from gateway.sources.telecomx.client import Telecomx
from gateway.transport import Call, Reply, Transport

Build = Callable[..., Telecomx]
Canned = Callable[..., Transport]


@pytest.fixture
def case(sandbox: Sandbox) -> TelecomxCase:
    return next(
        case
        for case in sandbox.world.telecomx.cases.values()
        if case.help_center_id == HELP_CENTERS[1] and case.state == "UNHANDLED"
    )


@pytest.fixture
def ref(case: TelecomxCase) -> Ref:
    return Ref(EntityType.TICKET, "tx", (case.help_center_id, case.conversation_id, case.id))


class Recorder:
    """A transport that remembers the calls it passes on."""

    def __init__(self, inner: Transport) -> None:
        self._inner = inner
        self.calls: list[Call] = []

    async def send(self, call: Call) -> Reply:
        self.calls.append(call)
        return await self._inner.send(call)

    async def close(self) -> None:
        pass


async def test_only_what_changes_is_sent_to_the_conversation(
    build: Build, wire: Transport, sandbox: Sandbox, case: TelecomxCase, ref: Ref
) -> None:
    recorder = Recorder(wire)
    assert not case.conversation_id.isalnum()

    await build(recorder).update_ticket(TicketChanges(ticket=ref, status_native="CLOSED"))

    assert sandbox.world.telecomx.cases[case.conversation_id].state == "CLOSED"
    call = recorder.calls[-1]
    encoded = case.conversation_id.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
    assert (call.method, call.path, call.safe) == ("POST", f"helpcenter/case/{encoded}", False)
    assert call.query == (("helpCenterId", HELP_CENTERS[1]), call.query[-1])
    arrival = sandbox.services["telecomx"].arrivals[-1]
    assert msgspec.json.decode(arrival.body) == {"state": "CLOSED"}
    assert arrival.headers["content-type"] == "application/json"


async def test_the_graphs_words_become_the_apis(telecomx: Telecomx, sandbox: Sandbox, ref: Ref) -> None:
    changes = TicketChanges(ticket=ref, status_value=ConversationState.OPEN, action_needed=False)
    assert telecomx.check_changes(changes) == ()

    await telecomx.update_ticket(changes)

    assert msgspec.json.decode(sandbox.services["telecomx"].arrivals[-1].body) == {
        "state": "HANDLING",
        "actionNeeded": False,
    }


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({"status_native": "DONE"}, [(RefusalCode.INVALID, ("status", "native"))]),
        ({"status_value": ConversationState.ON_HOLD}, [(RefusalCode.INVALID, ("status", "value"))]),
        (
            {"assignee": "eva", "queue": "x", "category": "y", "tags": ("z",), "status_native": "CLOSED"},
            [
                (RefusalCode.UNSUPPORTED_FIELD, ("assignee",)),
                (RefusalCode.UNSUPPORTED_FIELD, ("queue",)),
                (RefusalCode.UNSUPPORTED_FIELD, ("category",)),
                (RefusalCode.UNSUPPORTED_FIELD, ("tags",)),
            ],
        ),
        ({}, [(RefusalCode.REQUIRED, ())]),
        ({"status_native": ""}, [(RefusalCode.REQUIRED, ())]),
        ({"action_needed": False}, []),
    ],
)
async def test_what_the_api_does_not_know_is_refused_before_a_call(
    telecomx: Telecomx,
    sandbox: Sandbox,
    ref: Ref,
    changes: dict[str, object],
    refused: list[tuple[RefusalCode, tuple[str, ...]]],
) -> None:
    refusals = telecomx.check_changes(TicketChanges(ticket=ref, **changes))  # type: ignore[arg-type]

    assert [(refusal.code, refusal.field) for refusal in refusals] == refused
    assert sandbox.services["telecomx"].arrivals == []


async def test_a_value_that_stands_for_two_states_must_be_said_natively(build: Build, ref: Ref) -> None:
    client = build(statuses={"HANDLING": "NEW"})

    (refusal,) = client.check_changes(TicketChanges(ticket=ref, status_value=ConversationState.NEW))

    assert (refusal.code, refusal.field) == (RefusalCode.INVALID, ("status", "value"))


async def test_a_case_of_a_help_centre_that_is_not_configured_is_left_alone(telecomx: Telecomx) -> None:
    stranger = Ref(EntityType.TICKET, "tx", (OTHER_HELP_CENTER, "AAQkAGEx=", "0" * 24))

    assert telecomx.check_changes(TicketChanges(ticket=stranger, status_native="CLOSED")) == (
        Refusal(RefusalCode.NOT_FOUND, "tx has no such help centre.", ("id",), "tx"),
    )


async def test_a_case_that_is_not_there_is_refused(telecomx: Telecomx) -> None:
    absent = Ref(EntityType.TICKET, "tx", (HELP_CENTERS[0], "AAQkAGEx=", "0" * 24))

    with pytest.raises(SourceRejected) as caught:
        await telecomx.update_ticket(TicketChanges(ticket=absent, status_native="CLOSED"))

    assert caught.value.refusals == (
        Refusal(RefusalCode.NOT_FOUND, "tx has no such record.", ("id",), "tx", "id"),
    )


async def test_a_level_that_may_not_change_cases_is_refused(build: Build, sandbox: Sandbox, ref: Ref) -> None:
    login = sandbox.services["telecomx"].credentials
    client = build(username=login["resellerAdminUsername"], password=login["resellerAdminPassword"])

    with pytest.raises(SourceRejected) as caught:
        await client.update_ticket(TicketChanges(ticket=ref, status_native="CLOSED"))

    (refusal,) = caught.value.refusals
    assert (refusal.code, refusal.source_code) == (RefusalCode.NO_ACCESS, "access_denied")


async def test_an_answer_without_success_is_a_refusal(build: Build, canned: Canned, ref: Ref) -> None:
    client = build(canned(b'{"token": "t", "success": false}'))

    with pytest.raises(SourceRejected) as caught:
        await client.update_ticket(TicketChanges(ticket=ref, status_native="CLOSED"))

    assert caught.value.refusals == (
        Refusal(RefusalCode.REJECTED_BY_SOURCE, "tx did not change it.", (), "tx"),
    )
