"""The figures that other tests and the documentation build on."""

from datetime import UTC, datetime

import pytest

from gateway.sandbox import KINDS, Sandbox
from gateway.sandbox.world import REFERENCE_NOW, World
from gateway.sandbox.world.thulium import HOSTILE_TICKETS


@pytest.fixture(scope="module")
def world() -> World:
    return World()


def test_two_sandboxes_hold_equal_worlds() -> None:
    later = Sandbox(now=lambda: datetime(2031, 1, 1, tzinfo=UTC))
    assert later.world == Sandbox().world
    later.world.thulium.tickets[1234].subject = "changed"
    assert later.world != Sandbox().world


def test_a_reseeded_part_is_as_it_was_and_leaves_the_others_alone() -> None:
    world = World()
    world.tulo.templates.clear()
    world.netevia.tickets.clear()
    world.reseed("tulo")
    assert world.tulo == World().tulo
    assert world.netevia.tickets == {}


def test_there_is_no_sixth_part(world: World) -> None:
    with pytest.raises(AttributeError, match="zendesk"):
        world.zendesk  # noqa: B018 - the access is the test


def test_totals(world: World) -> None:
    hub, thulium, tulo, netevia, telecomx = (
        world.service_order_hub,
        world.thulium,
        world.tulo,
        world.netevia,
        world.telecomx,
    )
    accounts = {
        "service_order_hub": len(hub.partners) + len(hub.providers) + len(hub.departments),
        "thulium": len(thulium.customers) + len(thulium.companies) + len(thulium.agents),
        "tulo": len(tulo.accounts),
        "netevia": len(netevia.linked_users),
        "telecomx": len(telecomx.customers) + len(telecomx.employees),
    }
    assert (accounts["service_order_hub"], accounts["thulium"]) == (30, 122)
    assert sum(accounts.values()) >= 200
    assert len(hub.cases) == 121
    pending = [m for m in tulo.helpdesk_messages.values() if m.state == "pending"]
    assert len(thulium.tickets) == 241
    assert (len(telecomx.cases) >= 80, len(pending) >= 20, len(netevia.tickets) >= 20) == (True, True, True)
    messages = {
        "service_order_hub": len(hub.messages),
        "thulium": sum(len(ticket.messages) for ticket in thulium.tickets.values()),
        "telecomx": sum(len(case.messages) for case in telecomx.cases.values()),
    }
    assert sum(messages.values()) >= 3000
    assert all(number >= 250 for number in messages.values())
    assert sum(map(len, tulo.subscriptions.values())) + len(telecomx.topics) >= 50


def test_the_hubs_parties(world: World) -> None:
    cases = world.service_order_hub.cases.values()
    assert [
        sum(case.partner_id == 12 for case in cases),
        sum(case.provider_id == 4 for case in cases),
        sum(case.partner_id == 12 and case.provider_id == 4 for case in cases),
    ] == [91, 81, 61]


def test_the_ten_newest_cases_of_the_partner_have_twenty_messages_each(world: World) -> None:
    hub = world.service_order_hub
    own = sorted(
        (c for c in hub.cases.values() if c.partner_id == 12), key=lambda c: c.created_at, reverse=True
    )
    assert [sum(not m.is_internal for m in hub.messages_of(case.guid)) for case in own[:10]] == [20] * 10


def test_the_hundred_newest_tickets_have_twenty_customers(world: World) -> None:
    tickets = sorted(world.thulium.tickets.values(), key=lambda t: t.updated_at, reverse=True)[:100]
    assert len({ticket.customer_id for ticket in tickets}) == 20
    assert None not in {ticket.customer_id for ticket in tickets}
    assert 1234 in {ticket.id for ticket in tickets}
    assert set(HOSTILE_TICKETS) <= {ticket.id for ticket in tickets}


def test_the_documents_own_ids(world: World) -> None:
    hub = world.service_order_hub
    assert hub.cases["1e0abcb7-b94c-4072-a9c0-37072a1ef015"].id == 7748
    assert [m.id for m in hub.messages_of("1e0abcb7-b94c-4072-a9c0-37072a1ef015")] == [1, 2]
    assert 11 not in hub.messages
    foreign = hub.cases[hub.messages[22].case_guid]
    assert (foreign.partner_id == 12, foreign.provider_id == 4) == (False, False)
    assert {"testowy.agent11", "testowy.agent17"} <= set(world.thulium.agents)
    assert "61527075253ba62a76ca5c" in world.thulium.files
    account = "66d986b4ad659dea5ceb9b62"
    assert [m.account_id for m in world.tulo.helpdesk_messages.values()].count(account) == 3
    assert (len(world.tulo.subscriptions[account]), len(world.tulo.comments[account])) == (2, 2)
    assert world.netevia.tickets[123456].writable
    assert not world.netevia.tickets[200001].writable
    assert "1234567890ABCDEF12345678" in world.telecomx.resellers


def test_every_reference_leads_somewhere(world: World) -> None:
    hub, thulium, tulo, telecomx = world.service_order_hub, world.thulium, world.tulo, world.telecomx
    assert {case.partner_id for case in hub.cases.values()} <= set(hub.partners)
    assert {case.provider_id for case in hub.cases.values()} <= set(hub.providers)
    assert {message.case_guid for message in hub.messages.values()} <= set(hub.cases)
    for message in hub.messages.values():
        if message.parent_message_id is not None:
            assert hub.messages[message.parent_message_id].case_guid == message.case_guid
    assert {ticket.customer_id for ticket in thulium.tickets.values()} <= {None, *thulium.customers}
    assert {ticket.user_login for ticket in thulium.tickets.values()} <= {"", *thulium.agents}
    assert {customer["company_id"] for customer in thulium.customers.values()} <= {"", *thulium.companies}
    assert {message.account_id for message in tulo.helpdesk_messages.values()} <= set(tulo.accounts)
    assert {employee["customer"] for employee in telecomx.employees.values()} <= set(telecomx.customers)
    assert {case.customer_id for case in telecomx.cases.values()} <= {None, *telecomx.customers}
    assert {login.employee_id for login in telecomx.logins.values()} <= set(telecomx.employees)
    assert {s for topic in telecomx.topics.values() for s in topic.subscribers} <= set(telecomx.employees)


def test_absence_appears_wherever_the_documents_allow_it(world: World) -> None:
    hub, thulium, tulo = world.service_order_hub, world.thulium, world.tulo
    messages = hub.messages.values()
    for field in ("sender_type", "content", "external_id", "confirmed_at", "parent_message_id", "user_name"):
        assert {getattr(message, field) is None for message in messages} == {True, False}, field
    assert {message.is_internal for message in messages} == {True, False}
    assert {case.status is None for case in hub.cases.values()} == {True, False}
    for field in ("customer_id", "closed_at", "first_agent_responded_at"):
        assert {getattr(ticket, field) is None for ticket in thulium.tickets.values()} == {True, False}, field
    for field in ("name", "email", "phone_number", "company_id", "identifier"):
        assert {customer[field] == "" for customer in thulium.customers.values()} == {True, False}, field
    for field in ("first_name", "customer_number", "mobile_phone_number"):
        assert {account[field] is None for account in tulo.accounts.values()} == {True, False}, field


def test_everything_happened_before_the_reference_moment(world: World) -> None:
    moments = [message.updated_at for message in world.service_order_hub.messages.values()]
    moments += [ticket.updated_at for ticket in world.thulium.tickets.values()]
    moments += [mail.sent_at for case in world.telecomx.cases.values() for mail in case.messages]
    moments += [message.updated_at for message in world.tulo.helpdesk_messages.values()]
    assert max(moments) < REFERENCE_NOW


def test_the_kinds_are_the_five_vendors() -> None:
    assert KINDS == ("tulo", "service_order_hub", "netevia", "telecomx", "thulium")
