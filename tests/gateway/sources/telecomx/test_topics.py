from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import msgspec
import pytest

from gateway.domain.errors import Refusal, RefusalCode, SourceAuthError, SourceRejected
from gateway.domain.ids import EntityType, Ref
from gateway.domain.pages import NoFeed, Page, SliceState
from gateway.domain.ports import SubscriptionFilter
from gateway.domain.records import (
    Channel,
    Fetched,
    NotificationSubscription,
    Origin,
    ServiceSubscription,
    Subscribers,
)
from gateway.domain.writes import NewNotificationSubscription, NotificationSubscriptionChanges
from gateway.sandbox import Sandbox
from gateway.sandbox.world.telecomx import DOCUMENTED_RESELLER, OTHER_RESELLERS, TelecomxTopic
from gateway.sources.telecomx.client import Telecomx
from gateway.transport import Transport
from tests.sources import ATTEMPT

Build = Callable[..., Telecomx]
Canned = Callable[..., Transport]

NOW = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
OWN = Ref(EntityType.ACCOUNT, "tx", ("RESELLER", DOCUMENTED_RESELLER))
OWN_AS_CUSTOMER = Ref(EntityType.ACCOUNT, "tx", ("CUSTOMER", DOCUMENTED_RESELLER))
EMPLOYEE = Ref(EntityType.ACCOUNT, "tx", ("EMPLOYEE", "0" * 24))
STRANGER = Ref(EntityType.ACCOUNT, "tulo", ("SUBSCRIBER", "0" * 24))
ABSENT = Ref(EntityType.NOTIFICATION_SUBSCRIPTION, "tx", ("0" * 24,))


def ref_of(topic: TelecomxTopic) -> Ref:
    return Ref(EntityType.NOTIFICATION_SUBSCRIPTION, "tx", (topic.id,))


def record(topic: TelecomxTopic) -> NotificationSubscription:
    """The record that the sandbox's topic should become."""
    return NotificationSubscription(
        ref=ref_of(topic),
        origin=Origin("tx", topic.id, fetched_at=NOW),
        title=topic.title,
        account=Ref(EntityType.ACCOUNT, "tx", ("RESELLER", topic.reseller)) if topic.reseller else None,
        description=topic.description,
        channels=(Channel.EMAIL,) * topic.email + (Channel.SMS,) * topic.sms,
        is_global=topic.reseller is None,
    )


def topics(sandbox: Sandbox, *resellers: str | None) -> list[TelecomxTopic]:
    return [topic for topic in sandbox.world.telecomx.topics.values() if topic.reseller in resellers]


async def listed(
    client: Telecomx, wanted: SubscriptionFilter, offset: int = 0, limit: int = 100
) -> Page[ServiceSubscription]:
    feeds = client.list_subscriptions(wanted)
    assert isinstance(feeds, tuple)
    (feed,) = feeds
    assert (feed.source, feed.max_limit, feed.ordered) == ("tx", 500, False)
    return await feed.read(offset, limit)


def queries(sandbox: Sandbox) -> list[str]:
    """Queries of all calls but the log-ins, without tokens."""
    return [
        each.query.partition("token=")[0].rstrip("&")
        for each in sandbox.services["telecomx"].arrivals
        if each.path != "/auth/login"
    ]


def last_body(sandbox: Sandbox) -> object:
    arrival = sandbox.services["telecomx"].arrivals[-1]
    assert arrival.headers["content-type"] == "application/json"
    return msgspec.json.decode(arrival.body)


# -- reads


async def test_topics_are_read_one_by_one(telecomx: Telecomx, sandbox: Sandbox) -> None:
    own, common = topics(sandbox, DOCUMENTED_RESELLER)[0], topics(sandbox, None)[0]
    capitals = Ref(EntityType.NOTIFICATION_SUBSCRIPTION, "tx", (own.id.swapcase(),))

    slots = await telecomx.read_subscriptions([ref_of(own), ABSENT, ref_of(common), capitals])

    assert slots == [record(own), None, record(common), record(own)]
    assert len(queries(sandbox)) == 4


async def test_a_topic_out_of_reach_costs_its_own_slot_only(telecomx: Telecomx, sandbox: Sandbox) -> None:
    foreign, own = topics(sandbox, OTHER_RESELLERS[0])[0], topics(sandbox, DOCUMENTED_RESELLER)[0]

    refused, read = await telecomx.read_subscriptions([ref_of(foreign), ref_of(own)])

    assert isinstance(refused, SourceAuthError)
    assert read == record(own)


async def test_subscribers_are_addresses_per_channel(telecomx: Telecomx, sandbox: Sandbox) -> None:
    topic = next(topic for topic in topics(sandbox, DOCUMENTED_RESELLER) if topic.email and topic.subscribers)
    topic.sms = False
    people = [sandbox.world.telecomx.employees[each] for each in topic.subscribers]

    slots = await telecomx.read_subscribers([ABSENT, ref_of(topic)])

    assert slots == [None, Subscribers(emails=tuple(each["emailAddress"] for each in people))]
    assert people[0]["emailAddress"] not in repr(slots)


@pytest.mark.parametrize("wanted", [SubscriptionFilter(reseller=OWN), SubscriptionFilter(account=OWN)])
async def test_a_resellers_topics_are_paged_here(
    telecomx: Telecomx, sandbox: Sandbox, wanted: SubscriptionFilter
) -> None:
    own = list(map(record, topics(sandbox, DOCUMENTED_RESELLER)))

    assert await listed(telecomx, wanted, 0, 3) == Page(
        tuple(own[:3]), len(own), exhausted=False, fetched=Fetched(NOW)
    )
    assert await listed(telecomx, wanted, 3, 100) == Page(
        tuple(own[3:]), len(own), exhausted=True, fetched=Fetched(NOW)
    )
    assert queries(sandbox) == [f"reseller={DOCUMENTED_RESELLER}"] * 2


async def test_a_customer_sees_what_its_employees_may_subscribe_to(
    telecomx: Telecomx, sandbox: Sandbox
) -> None:
    open_to_all = topics(sandbox, None, DOCUMENTED_RESELLER)

    page = await listed(telecomx, SubscriptionFilter(account=OWN_AS_CUSTOMER))

    assert page.items == tuple(map(record, open_to_all))
    assert queries(sandbox) == [f"customer={DOCUMENTED_RESELLER}"]


async def test_global_topics_can_be_left_out(telecomx: Telecomx, sandbox: Sandbox) -> None:
    own = topics(sandbox, DOCUMENTED_RESELLER)

    page = await listed(telecomx, SubscriptionFilter(account=OWN_AS_CUSTOMER, is_global=False))

    assert page == Page(tuple(map(record, own)), len(own), exhausted=True, fetched=Fetched(NOW))


async def test_global_topics_are_listed_for_an_admin(admin: Telecomx, sandbox: Sandbox) -> None:
    page = await listed(admin, SubscriptionFilter(is_global=True, kind="NotificationSubscription"))

    assert page.items == tuple(map(record, topics(sandbox, None)))
    assert queries(sandbox) == ["common=true"]


async def test_a_reseller_may_not_list_global_topics(telecomx: Telecomx) -> None:
    with pytest.raises(SourceAuthError):
        await listed(telecomx, SubscriptionFilter(is_global=True))


@pytest.mark.parametrize("wanted", [SubscriptionFilter(), SubscriptionFilter(is_global=False)])
async def test_without_a_filter_the_own_resellers_topics_are_listed(
    build: Build, sandbox: Sandbox, wanted: SubscriptionFilter
) -> None:
    page = await listed(build(reseller=DOCUMENTED_RESELLER), wanted)

    assert page.items == tuple(map(record, topics(sandbox, DOCUMENTED_RESELLER)))
    assert queries(sandbox) == [f"reseller={DOCUMENTED_RESELLER}"]


@pytest.mark.parametrize(
    ("wanted", "state"),
    [
        (SubscriptionFilter(), SliceState.UNSUPPORTED),
        (SubscriptionFilter(is_global=False), SliceState.UNSUPPORTED),
        (SubscriptionFilter(account=OWN_AS_CUSTOMER, reseller=OWN), SliceState.UNSUPPORTED),
        (SubscriptionFilter(reseller=OWN, is_global=True), SliceState.UNSUPPORTED),
        (SubscriptionFilter(reseller=OWN_AS_CUSTOMER), SliceState.UNSUPPORTED),
        (SubscriptionFilter(account=EMPLOYEE), SliceState.UNSUPPORTED),
        (SubscriptionFilter(account=STRANGER), SliceState.SKIPPED),
        (SubscriptionFilter(reseller=STRANGER), SliceState.SKIPPED),
        (SubscriptionFilter(kind="ProductSubscription"), SliceState.SKIPPED),
    ],
)
async def test_a_list_that_cannot_be_had_says_so_without_a_call(
    telecomx: Telecomx, sandbox: Sandbox, wanted: SubscriptionFilter, state: SliceState
) -> None:
    offer = telecomx.list_subscriptions(wanted)

    assert isinstance(offer, NoFeed)
    assert (offer.state, bool(offer.reason)) == (state, True)
    assert sandbox.services["telecomx"].arrivals == []


# -- writes


async def test_a_new_topic_sends_reseller_and_both_channels(telecomx: Telecomx, sandbox: Sandbox) -> None:
    new = NewNotificationSubscription(reseller=OWN, title="Outages", channels=(Channel.SMS,))
    assert telecomx.check_new_subscription(new) == ()

    made = await telecomx.create_subscription(new, ATTEMPT)

    assert last_body(sandbox) == {
        "reseller": DOCUMENTED_RESELLER,
        "title": "Outages",
        "email": False,
        "sms": True,
    }
    (topic,) = [topic for topic in sandbox.world.telecomx.topics.values() if topic.title == "Outages"]
    assert made == record(topic)


async def test_a_global_topic_is_of_no_reseller(admin: Telecomx, sandbox: Sandbox) -> None:
    new = NewNotificationSubscription(
        reseller=None, title="Planned", description="14 days ahead", channels=(Channel.SMS, Channel.EMAIL)
    )
    assert admin.check_new_subscription(new) == ()

    made = await admin.create_subscription(new, ATTEMPT)

    assert last_body(sandbox) == {
        "reseller": None,
        "title": "Planned",
        "description": "14 days ahead",
        "email": True,
        "sms": True,
    }
    assert (made.is_global, made.account) == (True, None)


async def test_a_reseller_may_not_make_global_topics(telecomx: Telecomx) -> None:
    new = NewNotificationSubscription(reseller=None, title="Planned", channels=(Channel.EMAIL,))

    with pytest.raises(SourceRejected) as caught:
        await telecomx.create_subscription(new, ATTEMPT)

    (refusal,) = caught.value.refusals
    assert (refusal.code, refusal.source_code) == (RefusalCode.NO_ACCESS, "access_denied")


async def test_a_reseller_that_is_not_there_is_named(telecomx: Telecomx) -> None:
    nobody = Ref(EntityType.ACCOUNT, "tx", ("RESELLER", "0" * 24))

    with pytest.raises(SourceRejected) as caught:
        await telecomx.create_subscription(
            NewNotificationSubscription(reseller=nobody, title="Planned", channels=(Channel.EMAIL,)), ATTEMPT
        )

    assert caught.value.refusals == (
        Refusal(RefusalCode.NOT_FOUND, "tx has no such record.", ("owner", "reseller"), "tx", "reseller"),
    )


@pytest.mark.parametrize(
    ("new", "refused"),
    [
        ({"channels": ()}, [(RefusalCode.REQUIRED, ("channels",))]),
        ({"title": " \n"}, [(RefusalCode.REQUIRED, ("title",))]),
        ({"title": "x" * 513}, [(RefusalCode.TOO_LONG, ("title",))]),
        ({"title": "ø" * 512, "description": "x" * 10_000}, []),
        ({"description": "x" * 10_001}, [(RefusalCode.TOO_LONG, ("description",))]),
        ({"reseller": OWN_AS_CUSTOMER}, [(RefusalCode.INVALID, ("owner", "reseller"))]),
        ({"reseller": replace(OWN, source="tx2")}, [(RefusalCode.INVALID, ("owner", "reseller"))]),
        (
            {"title": "", "channels": (), "reseller": EMPLOYEE},
            [
                (RefusalCode.REQUIRED, ("title",)),
                (RefusalCode.REQUIRED, ("channels",)),
                (RefusalCode.INVALID, ("owner", "reseller")),
            ],
        ),
    ],
)
async def test_a_new_topic_that_cannot_be_is_refused_before_a_call(
    telecomx: Telecomx,
    sandbox: Sandbox,
    new: dict[str, object],
    refused: list[tuple[RefusalCode, tuple[str, ...]]],
) -> None:
    fields = {"reseller": OWN, "title": "Outages", "channels": (Channel.EMAIL,), **new}

    refusals = telecomx.check_new_subscription(NewNotificationSubscription(**fields))  # type: ignore[arg-type]

    assert [(refusal.code, refusal.field) for refusal in refusals] == refused
    assert sandbox.services["telecomx"].arrivals == []


async def test_a_length_refused_is_the_gateways_own_and_says_so(telecomx: Telecomx) -> None:
    new = NewNotificationSubscription(reseller=OWN, title="x" * 600, channels=(Channel.EMAIL,))

    assert telecomx.check_new_subscription(new) == (
        Refusal(
            RefusalCode.TOO_LONG,
            "`title` has 600 characters; the gateway sends at most 512, as tx documents no limit.",
            ("title",),
            "tx",
        ),
    )


@pytest.mark.parametrize(
    ("changed", "body"),
    [
        ({"title": "Renamed"}, {"title": "Renamed"}),
        ({"description": ""}, {"description": ""}),
        ({"channels": (Channel.SMS,)}, {"email": False, "sms": True}),
        (
            {"title": "All", "description": "of it", "channels": (Channel.EMAIL, Channel.SMS)},
            {"title": "All", "description": "of it", "email": True, "sms": True},
        ),
    ],
)
async def test_an_update_sends_what_changes_only(
    telecomx: Telecomx, sandbox: Sandbox, changed: dict[str, object], body: dict[str, object]
) -> None:
    topic = topics(sandbox, DOCUMENTED_RESELLER)[0]
    changes = NotificationSubscriptionChanges(subscription=ref_of(topic), **changed)  # type: ignore[arg-type]
    assert telecomx.check_subscription_changes(changes) == ()

    updated = await telecomx.update_subscription(changes)

    assert last_body(sandbox) == body
    assert updated == record(topic)


@pytest.mark.parametrize(
    ("changed", "refused"),
    [
        ({}, [(RefusalCode.REQUIRED, ())]),
        ({"title": ""}, [(RefusalCode.REQUIRED, ("title",))]),
        ({"channels": ()}, [(RefusalCode.REQUIRED, ("channels",))]),
        ({"title": "x" * 513}, [(RefusalCode.TOO_LONG, ("title",))]),
    ],
)
async def test_changes_that_cannot_be_are_refused_before_a_call(
    telecomx: Telecomx, changed: dict[str, object], refused: list[tuple[RefusalCode, tuple[str, ...]]]
) -> None:
    changes = NotificationSubscriptionChanges(subscription=ABSENT, **changed)  # type: ignore[arg-type]

    refusals = telecomx.check_subscription_changes(changes)

    assert [(refusal.code, refusal.field) for refusal in refusals] == refused


async def test_a_topic_is_deleted_once(telecomx: Telecomx, sandbox: Sandbox) -> None:
    topic = topics(sandbox, DOCUMENTED_RESELLER)[0]

    await telecomx.delete_subscription(ref_of(topic))

    assert topic.id not in sandbox.world.telecomx.topics
    with pytest.raises(SourceRejected) as caught:
        await telecomx.delete_subscription(ref_of(topic))
    assert caught.value.refusals == (
        Refusal(RefusalCode.NOT_FOUND, "tx has no such record.", ("id",), "tx", "employeeSubscription"),
    )


async def test_a_deletion_without_success_is_a_refusal(build: Build, canned: Canned) -> None:
    client = build(canned(b'{"token": "t", "success": false}'))

    with pytest.raises(SourceRejected) as caught:
        await client.delete_subscription(ABSENT)

    assert caught.value.refusals == (
        Refusal(RefusalCode.REJECTED_BY_SOURCE, "tx did not delete it.", (), "tx"),
    )
