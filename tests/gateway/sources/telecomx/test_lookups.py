"""Whether a write to Telecomx landed, looked for over real sockets."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from gateway.domain.errors import (
    Refusal,
    RefusalCode,
    SourceAuthError,
    SourceCutShort,
    SourceProtocolError,
    SourceRejected,
    SourceUnavailable,
)
from gateway.domain.ids import EntityType, Ref
from gateway.domain.records import Channel, ConversationState
from gateway.domain.writes import (
    Attempt,
    Confirmation,
    NewNotificationSubscription,
    NotificationSubscriptionChanges,
    Removal,
    Sighting,
    TicketChanges,
    WriteInput,
)
from gateway.sandbox import Faults, Sandbox
from gateway.sandbox.world.telecomx import (
    DOCUMENTED_RESELLER,
    HELP_CENTERS,
    OTHER_HELP_CENTER,
    OTHER_RESELLERS,
    TelecomxCase,
    TelecomxTopic,
)
from gateway.sources.telecomx.client import Telecomx
from tests.sources import ATTEMPT, Canned, prepared

Build = Callable[..., Telecomx]

NOW = ATTEMPT.since
OWN = Ref(EntityType.ACCOUNT, "tx", ("RESELLER", DOCUMENTED_RESELLER))
NOBODY = Ref(EntityType.ACCOUNT, "tx", ("RESELLER", "0" * 24))
NEW = NewNotificationSubscription(
    reseller=OWN, title="Outages", description="As they come", channels=(Channel.SMS, Channel.EMAIL)
)
GLOBAL = replace(NEW, reseller=None)
NOT_THERE = Sighting(absence_proves=True)


def unlike(*near: Ref) -> Sighting:
    reason = "A new topic has this title, but isn't exactly the one that was sent."
    return Sighting(near=near, absence_proves=True, reason=reason)


def seen(*refs: Ref) -> Sighting:
    return Sighting(refs, absence_proves=True)


def calls(sandbox: Sandbox) -> list[tuple[str, str, str | None]]:
    """Method, path with query but for the token, and what is said to caches; without the log-ins."""
    return [
        (
            each.method,
            f"{each.path}?{each.query.partition('token=')[0].rstrip('&')}",
            each.headers.get("cache-control"),
        )
        for each in sandbox.services["telecomx"].arrivals
        if each.path != "/auth/login"
    ]


def held(sandbox: Sandbox, ref: Ref) -> TelecomxTopic:
    return sandbox.world.telecomx.topics[ref.parts[0]]


async def prepare(client: Telecomx, new: NewNotificationSubscription = NEW) -> Attempt:
    return await prepared(client, new, NOW)


async def make(client: Telecomx, attempt: Attempt = ATTEMPT, new: NewNotificationSubscription = NEW) -> Ref:
    return (await client.create_subscription(new, attempt)).ref


# -- new topics


async def test_before_a_new_topic_those_of_its_title_are_remembered(
    telecomx: Telecomx, sandbox: Sandbox
) -> None:
    older = [
        await make(telecomx),
        await make(telecomx, new=replace(NEW, title=" out AGES", channels=(Channel.SMS,))),
    ]
    await make(telecomx, new=replace(NEW, title="Outage"))
    sandbox.services["telecomx"].arrivals.clear()

    baseline = await telecomx.prepare(NEW)

    assert msgspec.json.decode(baseline or "") == {"topics": [ref.parts[0].lower() for ref in older]}
    assert calls(sandbox) == [("GET", f"/employeeSubscription?reseller={DOCUMENTED_RESELLER}", "no-cache")]


async def test_one_that_landed_is_the_one_that_the_answer_would_have_named(
    telecomx: Telecomx, sandbox: Sandbox
) -> None:
    attempt = await prepare(telecomx)
    ref = await make(telecomx, attempt)
    sandbox.services["telecomx"].arrivals.clear()

    assert await telecomx.find_write(NEW, attempt) == seen(ref)
    assert calls(sandbox) == [("GET", f"/employeeSubscription?reseller={DOCUMENTED_RESELLER}", "no-cache")]


async def test_one_that_was_there_before_is_another(telecomx: Telecomx) -> None:
    older = await make(telecomx)
    attempt = await prepare(telecomx)

    assert await telecomx.find_write(NEW, attempt) == NOT_THERE
    ref = await make(telecomx, attempt)
    assert ref != older
    assert await telecomx.find_write(NEW, attempt) == seen(ref)


async def test_ids_are_compared_without_case(telecomx: Telecomx, sandbox: Sandbox) -> None:
    older = held(sandbox, await make(telecomx))
    attempt = await prepare(telecomx)
    older.id = older.id.upper()
    assert older.id.lower() != older.id

    assert await telecomx.find_write(NEW, attempt) == NOT_THERE


async def test_two_are_two(telecomx: Telecomx) -> None:
    attempt = await prepare(telecomx)
    refs = [await make(telecomx, attempt) for _ in range(2)]

    assert await telecomx.find_write(NEW, attempt) == seen(*refs)


async def test_an_empty_description_may_be_left_out(telecomx: Telecomx) -> None:
    for description in ("", None):
        new = replace(NEW, title=f"No description {description}", description=description)
        attempt = await prepare(telecomx, new)
        assert await telecomx.find_write(new, attempt) == NOT_THERE
        ref = await make(telecomx, attempt, new)
        assert await telecomx.find_write(new, attempt) == seen(ref)


@pytest.mark.parametrize(
    "changed",
    [
        {"title": "Outages "},
        {"title": "outages"},
        {"description": None},
        {"description": "As they come."},
        {"email": False},
    ],
)
async def test_what_differs_a_little_is_neither_it_nor_proof(
    telecomx: Telecomx, sandbox: Sandbox, changed: dict[str, Any]
) -> None:
    attempt = await prepare(telecomx)
    near = await make(telecomx, attempt)
    topic = held(sandbox, near)
    for name, value in changed.items():
        setattr(topic, name, value)

    assert await telecomx.find_write(NEW, attempt) == unlike(near)


@pytest.mark.parametrize("changed", [{"title": "Outage"}, {"reseller": OTHER_RESELLERS[0]}])
async def test_another_title_or_owner_is_another_topic(
    admin: Telecomx, sandbox: Sandbox, changed: dict[str, Any]
) -> None:
    attempt = await prepare(admin)
    topic = held(sandbox, await make(admin, attempt))
    for name, value in changed.items():
        setattr(topic, name, value)

    assert await admin.find_write(NEW, attempt) == NOT_THERE


async def test_rows_of_a_list_that_do_not_name_their_reseller_may_be_it(
    build: Build, canned: type[Canned]
) -> None:
    others = '{"_id": "53a0f1c2d3e4b5a697880001", "reseller": "53a0f1c2d3e4b5a697880002", "title": "Outages"}'
    nameless = (
        '{"_id": "53a0f1c2d3e4b5a697880003", "title": "Outages", "description": "As they come", '
        '"email": true, "sms": true}'
    )
    client = build(canned(f"[{others}, {nameless}]".encode()), token="t", username=None, password=None)

    ref = Ref(EntityType.NOTIFICATION_SUBSCRIPTION, "tx", ("53a0f1c2d3e4b5a697880003",))
    assert await client.find_write(NEW, replace(ATTEMPT, baseline='{"topics": []}')) == unlike(ref)
    assert await client.find_write(GLOBAL, replace(ATTEMPT, baseline='{"topics": []}')) == seen(ref)


async def test_a_global_topic_is_looked_for_among_the_global_ones(admin: Telecomx, sandbox: Sandbox) -> None:
    await make(admin)
    attempt = await prepare(admin, GLOBAL)
    assert attempt.baseline == '{"topics":[]}'
    ref = await make(admin, attempt, GLOBAL)
    sandbox.services["telecomx"].arrivals.clear()

    assert await admin.find_write(GLOBAL, attempt) == seen(ref)
    assert calls(sandbox) == [("GET", "/employeeSubscription?common=true", "no-cache")]


async def test_who_may_not_list_global_topics_is_refused_by_the_write_itself(telecomx: Telecomx) -> None:
    attempt = await prepare(telecomx, GLOBAL)
    assert attempt.baseline is None

    with pytest.raises(SourceRejected) as caught:
        await make(telecomx, attempt, GLOBAL)

    assert [refusal.code for refusal in caught.value.refusals] == [RefusalCode.NO_ACCESS]
    with pytest.raises(SourceAuthError):
        await telecomx.find_write(GLOBAL, replace(ATTEMPT, baseline='{"topics": []}'))


@pytest.mark.parametrize("baseline", [None, "{}", '{"topics": "x"}'])
async def test_without_a_baseline_nothing_can_be_told(
    telecomx: Telecomx, sandbox: Sandbox, baseline: str | None
) -> None:
    await make(telecomx)
    sandbox.services["telecomx"].arrivals.clear()

    assert await telecomx.find_write(NEW, replace(ATTEMPT, baseline=baseline)) == Sighting(
        reason="The owner's topics could not be listed before, so a new one can't be told from an older one."
    )
    assert sandbox.services["telecomx"].arrivals == []


async def test_a_reseller_that_is_not_there_is_refused_before_and_proves_nothing_after(
    admin: Telecomx,
) -> None:
    nobodys = replace(NEW, reseller=NOBODY)

    with pytest.raises(SourceRejected) as caught:
        await admin.prepare(nobodys)

    assert caught.value.refusals == (
        Refusal(RefusalCode.NOT_FOUND, "tx has no such record.", ("owner", "reseller"), "tx", "reseller"),
    )
    assert await admin.find_write(nobodys, replace(ATTEMPT, baseline='{"topics": []}')) == Sighting(
        reason="The topic's reseller is not there any more."
    )


# -- changes and removals of topics


@pytest.mark.parametrize(
    ("changed", "other"),
    [
        ({"title": "Renamed"}, {"title": "Renamed "}),
        ({"description": ""}, {"description": "x"}),
        ({"channels": (Channel.SMS,)}, {"channels": (Channel.SMS, Channel.EMAIL)}),
        (
            {"title": "Renamed", "channels": (Channel.SMS,)},
            {"title": "Renamed", "channels": (Channel.EMAIL,)},
        ),
    ],
)
async def test_a_change_landed_if_the_topic_is_as_wanted(
    telecomx: Telecomx, sandbox: Sandbox, changed: dict[str, Any], other: dict[str, Any]
) -> None:
    ref = await make(telecomx)
    changes = NotificationSubscriptionChanges(subscription=ref, **changed)
    sandbox.services["telecomx"].arrivals.clear()

    assert await telecomx.find_write(changes, ATTEMPT) == NOT_THERE
    assert calls(sandbox) == [("GET", f"/employeeSubscription/{ref.parts[0]}?", "no-cache")]
    await telecomx.update_subscription(NotificationSubscriptionChanges(subscription=ref, **other))
    assert await telecomx.find_write(changes, ATTEMPT) == NOT_THERE
    await telecomx.update_subscription(changes)
    assert await telecomx.find_write(changes, ATTEMPT) == Sighting((ref,))


async def test_a_removal_landed_if_the_topic_is_gone(telecomx: Telecomx, sandbox: Sandbox) -> None:
    ref = await make(telecomx)
    removal = Removal(subscription=ref)
    sandbox.services["telecomx"].arrivals.clear()

    assert await telecomx.find_write(removal, ATTEMPT) == NOT_THERE
    assert calls(sandbox) == [("GET", f"/employeeSubscription/{ref.parts[0]}?", "no-cache")]
    await telecomx.delete_subscription(ref)
    assert await telecomx.find_write(removal, ATTEMPT) == Sighting((ref,))
    changes = NotificationSubscriptionChanges(subscription=ref, title="Renamed")
    assert await telecomx.find_write(changes, ATTEMPT) == Sighting(reason="The topic is not there any more.")


async def test_a_topic_that_may_not_be_seen_is_an_error(telecomx: Telecomx, sandbox: Sandbox) -> None:
    foreign = next(
        topic.id for topic in sandbox.world.telecomx.topics.values() if topic.reseller == OTHER_RESELLERS[0]
    )

    with pytest.raises(SourceAuthError):
        await telecomx.find_write(
            Removal(subscription=Ref(EntityType.NOTIFICATION_SUBSCRIPTION, "tx", (foreign,))), ATTEMPT
        )


# -- cases


@pytest.fixture
def case(sandbox: Sandbox) -> TelecomxCase:
    return next(
        case
        for case in sandbox.world.telecomx.cases.values()
        if case.help_center_id == HELP_CENTERS[1] and case.state == "UNHANDLED"
    )


@pytest.fixture
def changes(case: TelecomxCase) -> TicketChanges:
    ref = Ref(EntityType.TICKET, "tx", (case.help_center_id, case.conversation_id, case.id))
    return TicketChanges(ticket=ref, status_value=ConversationState.CLOSED, action_needed=False)


async def test_a_cases_change_landed_if_it_is_as_wanted(
    telecomx: Telecomx, sandbox: Sandbox, case: TelecomxCase, changes: TicketChanges
) -> None:
    case.action_needed = True
    assert await telecomx.find_write(changes, ATTEMPT) == NOT_THERE
    case.state = "CLOSED"
    assert await telecomx.find_write(changes, ATTEMPT) == NOT_THERE
    case.action_needed = False
    sandbox.services["telecomx"].arrivals.clear()

    assert await telecomx.find_write(changes, ATTEMPT) == Sighting((changes.ticket,))
    assert calls(sandbox) == [
        (
            "GET",
            f"/helpcenter/case?id={HELP_CENTERS[1]}&sortBy=CREATED&sortOrder=desc&offset=0&limit=500",
            "no-cache",
        )
    ]


async def test_a_case_that_does_not_show_what_was_changed_proves_nothing(
    build: Build, canned: type[Canned], changes: TicketChanges
) -> None:
    _, conversation, native_id = changes.ticket.parts

    def showing(state: str) -> Telecomx:
        row = f'{{"_id": "{native_id}", "conversationId": "{conversation}", "state": "{state}"}}'
        rows = f'{{"total": 1, "cases": [{row}]}}'
        return build(canned(rows.encode()), token="t", username=None, password=None)

    assert await showing("CLOSED").find_write(changes, ATTEMPT) == Sighting(
        reason="The case is shown without what was to be changed."
    )
    assert await showing("HANDLING").find_write(changes, ATTEMPT) == NOT_THERE


async def test_a_case_that_is_not_there_proves_nothing(
    telecomx: Telecomx, sandbox: Sandbox, case: TelecomxCase, changes: TicketChanges
) -> None:
    del sandbox.world.telecomx.cases[case.conversation_id]

    assert await telecomx.find_write(changes, ATTEMPT) == Sighting(
        reason="The case is not in its help centre's list any more."
    )


async def test_a_case_beyond_the_pages_that_are_looked_through_is_an_error(
    build: Build, sandbox: Sandbox, case: TelecomxCase, changes: TicketChanges
) -> None:
    for age in range(500):
        newer = replace(
            case, id=f"{0xABC000 + age:024x}", conversation_id=f"AAQkAGnew{age}==", created_at=NOW
        )
        sandbox.world.telecomx.cases[newer.conversation_id] = newer

    with pytest.raises(SourceCutShort):
        await build(scan_pages=1).find_write(changes, ATTEMPT)
    assert await build(scan_pages=2).find_write(changes, ATTEMPT) == NOT_THERE


@pytest.mark.parametrize(
    "changed",
    [{"statuses": {"HANDLING": "CLOSED"}}, {"help_centers": [{"id": OTHER_HELP_CENTER, "name": "x"}]}],
)
async def test_a_change_that_the_configuration_no_longer_allows_proves_nothing(
    build: Build, sandbox: Sandbox, changes: TicketChanges, changed: dict[str, Any]
) -> None:
    assert await build(**changed).find_write(changes, ATTEMPT) == Sighting(
        reason="By the configuration of now, such a change could not have been sent."
    )
    assert sandbox.services["telecomx"].arrivals == []


# -- any write


async def test_a_read_that_fails_is_an_error(
    telecomx: Telecomx, sandbox: Sandbox, changes: TicketChanges
) -> None:
    ref = await make(telecomx)
    attempt = await prepare(telecomx)
    writes: list[WriteInput] = [
        NEW,
        NotificationSubscriptionChanges(subscription=ref, title="x"),
        Removal(subscription=ref),
        changes,
    ]
    for write in writes:
        sandbox.services["telecomx"].faults = Faults(error_rate=1)
        with pytest.raises(SourceUnavailable):
            await telecomx.find_write(write, attempt)
        sandbox.services["telecomx"].faults = Faults(malformed_json=True)
        with pytest.raises(SourceProtocolError):
            await telecomx.find_write(write, attempt)
    with pytest.raises(SourceProtocolError):
        await telecomx.prepare(NEW)


async def test_only_a_new_topic_is_prepared(
    telecomx: Telecomx, sandbox: Sandbox, changes: TicketChanges
) -> None:
    ref = Ref(EntityType.NOTIFICATION_SUBSCRIPTION, "tx", ("0" * 24,))
    writes: list[WriteInput] = [
        NotificationSubscriptionChanges(subscription=ref, title="x"),
        Removal(subscription=ref),
        changes,
    ]
    assert [await telecomx.prepare(write) for write in writes] == [None] * 3
    assert sandbox.services["telecomx"].arrivals == []


async def test_one_that_telecomx_does_not_take_costs_no_call(telecomx: Telecomx, sandbox: Sandbox) -> None:
    assert await telecomx.find_write(Confirmation(messages=()), ATTEMPT) == Sighting(
        reason="Telecomx takes no such write."
    )
    assert sandbox.services["telecomx"].arrivals == []
