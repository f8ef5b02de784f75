from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from gateway.domain.errors import BadInput, SourceRejected, SourceUnavailable
from gateway.domain.ids import EntityType, Ref
from gateway.domain.pages import NoFeed, Page, SliceState
from gateway.domain.ports import AccountKey, SubscriptionFilter
from gateway.domain.records import (
    Account,
    AccountKind,
    AccountState,
    Coded,
    Fetched,
    Origin,
    ProductSubscription,
    ServiceSubscription,
    SubscriptionState,
)
from gateway.sandbox import Faults, Sandbox
from gateway.sandbox.world.tulo import DOCUMENTED_ACCOUNT
from gateway.sources.tulo.client import Tulo

NOW = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
STATES = {
    "created": AccountState.INACTIVE,
    "active": AccountState.ACTIVE,
    "inactive": AccountState.INACTIVE,
    "archived": AccountState.DELETED,
}
SUBSCRIPTION_STATES = {"activated": SubscriptionState.ACTIVE, "cancelled": SubscriptionState.CANCELLED}


def ref(account_id: str) -> Ref:
    return Ref(EntityType.ACCOUNT, "tulo", ("SUBSCRIBER", account_id))


def record(held: dict[str, Any]) -> Account:
    """The record that the sandbox's account should become."""
    return Account(
        ref=ref(held["id"]),
        origin=Origin("tulo", held["id"], fetched_at=NOW),
        kind=AccountKind.SUBSCRIBER,
        name=f"{held['first_name']} {held['last_name']}" if held["first_name"] else None,
        email=held["email"],
        phone=held["mobile_phone_number"],
        status=Coded(STATES[held["status"]], held["status"]),
    )


def subscriptions(sandbox: Sandbox, account_id: str = DOCUMENTED_ACCOUNT) -> tuple[ServiceSubscription, ...]:
    return tuple(
        ProductSubscription(
            ref=Ref(EntityType.PRODUCT_SUBSCRIPTION, "tulo", (account_id, held["id"])),
            origin=Origin("tulo", held["id"], fetched_at=NOW),
            title=held["product_code"],
            status=Coded(SUBSCRIPTION_STATES[held["state"]], held["state"]),
            account=ref(account_id),
            product=held["product_code"],
            number=held["subscription_number"],
            valid_from=datetime.fromisoformat(held["valid_from"]).astimezone(UTC),
            valid_to=datetime.fromisoformat(held["valid_to"]).astimezone(UTC),
            next_price=Decimal(str(held["subscription_next_price"])),
            provisioned_by=held["provision_service"],
        )
        for held in sandbox.world.tulo.subscriptions[account_id]
    )


def sent(sandbox: Sandbox) -> list[str]:
    """Paths below the base and queries of all calls but the log-ins."""
    return [
        f"{each.path.removeprefix('/external/api/v1/')}?{each.query}"
        for each in sandbox.services["tulo"].arrivals
        if each.path != "/api/authorization/access_token"
    ]


# -- accounts


async def test_accounts_are_read_one_by_one(tulo: Tulo, sandbox: Sandbox) -> None:
    held = list(sandbox.world.tulo.accounts.values())[:8]  # one of them has no name
    refs = [ref(each["id"]) for each in held]

    slots = await tulo.read_accounts([*refs, ref("0" * 24)])

    assert slots == [*map(record, held), None]
    assert sorted(sent(sandbox)) == sorted(f"accounts?id={each.parts[1]}" for each in [*refs, ref("0" * 24)])


async def test_an_id_is_sent_in_the_case_it_was_given(tulo: Tulo, sandbox: Sandbox) -> None:
    (slot,) = await tulo.read_accounts([ref(DOCUMENTED_ACCOUNT.upper())])

    assert slot == record(sandbox.world.tulo.accounts[DOCUMENTED_ACCOUNT])
    assert sent(sandbox) == [f"accounts?id={DOCUMENTED_ACCOUNT.upper()}"]


async def test_a_helpdesk_user_is_not_looked_for_among_subscribers(tulo: Tulo, sandbox: Sandbox) -> None:
    agent = Ref(EntityType.ACCOUNT, "tulo", ("AGENT", DOCUMENTED_ACCOUNT))

    assert await tulo.read_accounts([agent]) == [None]
    assert sandbox.services["tulo"].arrivals == []


async def test_a_dead_source_fills_every_slot(tulo: Tulo, sandbox: Sandbox) -> None:
    await tulo.check()
    sandbox.services["tulo"].faults = Faults(error_rate=1.0, error_status=500)

    slots = await tulo.read_accounts([ref(DOCUMENTED_ACCOUNT), ref("0" * 24)])

    assert [type(slot) for slot in slots] == [SourceUnavailable] * 2


@pytest.mark.parametrize(
    ("key", "query"),
    [
        (AccountKey("nativeId", DOCUMENTED_ACCOUNT), f"id={DOCUMENTED_ACCOUNT}"),
        (AccountKey("nativeId", DOCUMENTED_ACCOUNT, AccountKind.SUBSCRIBER), f"id={DOCUMENTED_ACCOUNT}"),
        (AccountKey("email", "ida+x@example.org"), "email=ida%2Bx%40example.org"),
        (AccountKey("customerNumber", "K-0_9"), "customer_number=K-0_9"),
        (AccountKey("externalId", "crm=C-1000"), "external_id_key=crm&external_id_value=C-1000"),
        (AccountKey("externalId", "crm=a=b&c"), "external_id_key=crm&external_id_value=a%3Db%26c"),
    ],
)
async def test_an_account_is_found_by_one_exact_key(
    tulo: Tulo, sandbox: Sandbox, key: AccountKey, query: str
) -> None:
    held = sandbox.world.tulo.accounts[DOCUMENTED_ACCOUNT]
    held["email"], held["customer_number"] = "ida+x@example.org", "K-0_9"
    sandbox.world.tulo.external_ids["crm", "a=b&c"] = DOCUMENTED_ACCOUNT

    assert await tulo.find_account(key) == record(held)
    assert sent(sandbox) == [f"accounts?{query}"]


@pytest.mark.parametrize("name", ["nativeId", "customerNumber"])
async def test_a_key_of_nobody_finds_nothing(tulo: Tulo, name: str) -> None:
    value = {"nativeId": "0" * 24, "customerNumber": "nobody"}[name]

    assert await tulo.find_account(AccountKey(name, value)) is None


@pytest.mark.parametrize(
    ("key", "argument"),
    [
        (AccountKey("nativeId", DOCUMENTED_ACCOUNT, AccountKind.AGENT), "lookup.kind"),
        (AccountKey("nativeId", DOCUMENTED_ACCOUNT[:-1]), "lookup.nativeId"),
        (AccountKey("email", ""), "lookup.email"),
        (AccountKey("email", "x" * 1025), "lookup.email"),
        (AccountKey("email", "a@b.c\n"), "lookup.email"),
        (AccountKey("customerNumber", "12345678901"), "lookup.customerNumber"),
        (AccountKey("customerNumber", "a b"), "lookup.customerNumber"),
        (AccountKey("externalId", "C-1000"), "lookup.externalId"),
        (AccountKey("externalId", "=C-1000"), "lookup.externalId"),
        (AccountKey("externalId", "crm="), "lookup.externalId"),
    ],
)
async def test_a_key_beyond_its_documented_form_is_not_sent(
    tulo: Tulo, sandbox: Sandbox, key: AccountKey, argument: str
) -> None:
    with pytest.raises(BadInput) as caught:
        await tulo.find_account(key)

    assert caught.value.argument == argument
    assert sandbox.services["tulo"].arrivals == []


async def test_the_keys_of_an_account_are_those_of_the_page(tulo: Tulo) -> None:
    assert tulo.account_keys == {"nativeId", "email", "customerNumber", "externalId"}


async def test_a_refused_read_is_not_an_absent_account(tulo: Tulo, sandbox: Sandbox) -> None:
    await tulo.check()
    sandbox.services["tulo"].faults = Faults(error_rate=1.0, error_status=400)

    (slot,) = await tulo.read_accounts([ref(DOCUMENTED_ACCOUNT)])

    assert isinstance(slot, SourceRejected)


# -- subscriptions


async def test_an_accounts_subscriptions_are_paged_here(tulo: Tulo, sandbox: Sandbox) -> None:
    offer = tulo.list_subscriptions(
        SubscriptionFilter(account=ref(DOCUMENTED_ACCOUNT), kind="ProductSubscription", is_global=False)
    )
    assert isinstance(offer, tuple)
    (feed,) = offer

    held = subscriptions(sandbox)
    assert (feed.source, feed.key, feed.max_limit, feed.ordered) == ("tulo", "account", 500, False)
    assert await feed.read(0, 1) == Page(held[:1], 2, exhausted=False, fetched=Fetched(NOW))
    assert await feed.read(1, 1) == Page(held[1:], 2, exhausted=True, fetched=Fetched(NOW))
    assert sent(sandbox) == [f"subscription/get_by_account?account_id={DOCUMENTED_ACCOUNT}"] * 2


async def test_an_account_that_is_not_there_has_no_subscriptions(tulo: Tulo) -> None:
    offer = tulo.list_subscriptions(SubscriptionFilter(account=ref("0" * 24)))
    assert isinstance(offer, tuple)

    assert await offer[0].read(0, 20) == Page((), 0, exhausted=True, fetched=Fetched(NOW))


STRANGER = Ref(EntityType.ACCOUNT, "tx", ("CUSTOMER", "0" * 24))


@pytest.mark.parametrize(
    ("wanted", "state"),
    [
        (SubscriptionFilter(), SliceState.UNSUPPORTED),
        (
            SubscriptionFilter(account=Ref(EntityType.ACCOUNT, "tulo", ("AGENT", "0" * 24))),
            SliceState.UNSUPPORTED,
        ),
        (SubscriptionFilter(account=STRANGER), SliceState.SKIPPED),
        (SubscriptionFilter(account=ref("0" * 24), reseller=STRANGER), SliceState.SKIPPED),
        (SubscriptionFilter(account=ref("0" * 24), is_global=True), SliceState.SKIPPED),
        (SubscriptionFilter(account=ref("0" * 24), kind="NotificationSubscription"), SliceState.SKIPPED),
    ],
)
async def test_a_list_that_cannot_be_had_says_so_without_a_call(
    tulo: Tulo, sandbox: Sandbox, wanted: SubscriptionFilter, state: SliceState
) -> None:
    offer = tulo.list_subscriptions(wanted)

    assert isinstance(offer, NoFeed)
    assert (offer.state, bool(offer.reason)) == (state, True)
    assert sandbox.services["tulo"].arrivals == []


async def test_one_call_per_account_serves_all_its_subscriptions(tulo: Tulo, sandbox: Sandbox) -> None:
    other = list(sandbox.world.tulo.accounts)[1]
    first, second = subscriptions(sandbox)
    third = subscriptions(sandbox, other)[0]
    absent = Ref(EntityType.PRODUCT_SUBSCRIPTION, "tulo", (DOCUMENTED_ACCOUNT, "0" * 24))
    nobody = Ref(EntityType.PRODUCT_SUBSCRIPTION, "tulo", ("0" * 24, "0" * 24))
    capitals = Ref(
        EntityType.PRODUCT_SUBSCRIPTION,
        "tulo",
        (DOCUMENTED_ACCOUNT.upper(), second.origin.native_id.upper()),
    )

    slots = await tulo.read_subscriptions([second.ref, third.ref, absent, first.ref, nobody, capitals])

    assert slots[:5] == [second, third, None, first, None]
    # The answer doesn't name its account, so that keeps the case in which it was asked for.
    assert slots[5] == replace(
        second,
        ref=Ref(EntityType.PRODUCT_SUBSCRIPTION, "tulo", (DOCUMENTED_ACCOUNT.upper(), second.ref.parts[1])),
        account=ref(DOCUMENTED_ACCOUNT.upper()),
    )
    assert sorted(path.partition("=")[2].lower() for path in sent(sandbox)) == sorted(
        ["0" * 24, DOCUMENTED_ACCOUNT, other]
    )


async def test_a_failed_list_fills_its_own_slots(tulo: Tulo, sandbox: Sandbox) -> None:
    await tulo.check()
    sandbox.services["tulo"].faults = Faults(throttle=True)

    slots = await tulo.read_subscriptions([each.ref for each in subscriptions(sandbox)])

    assert [type(slot).__name__ for slot in slots] == ["SourceThrottled"] * 2
