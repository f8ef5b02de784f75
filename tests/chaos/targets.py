"""What the plan's writes are about, put into the sandbox's world or found there."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from gateway.domain.ids import EntityType, Ref
from gateway.sandbox import Sandbox
from gateway.sandbox.world import REFERENCE_NOW
from gateway.sandbox.world.service_order_hub import HubMessage, HubWorld
from gateway.sandbox.world.telecomx import DOCUMENTED_RESELLER, TelecomxTopic, TelecomxWorld
from gateway.sandbox.world.thulium import ThuliumTicket
from tests.chaos.pieces import HUB, TELECOMX, THULIUM, TULO

# Whom the gateway's credentials act for at the hub.
_PARTNER = 12


@dataclass(frozen=True, slots=True)
class Targets:
    """Ids by what is done with them. Whatever says `once` is used up by one write.

    Attributes:
        guids: Hub cases that take messages.
        confirm_once: Unconfirmed hub messages.
        netevia_tickets: Tickets that take replies.
        tulo_accounts: Requesters of new tickets.
        thulium_tickets: Tickets that take replies.
        change_once: Thulium tickets to change, each with a category that it isn't in; no other write touches
            them, for the time of their last change tells something too.
        reseller: Owner of new topics.
        update_once: Topics to change.
        delete_once: Topics to delete.
        cases_once: Telecomx cases, each with a state that it isn't in.
    """

    guids: tuple[str, ...]
    confirm_once: tuple[Ref, ...]
    netevia_tickets: tuple[str, ...]
    tulo_accounts: tuple[Ref, ...]
    thulium_tickets: tuple[str, ...]
    change_once: tuple[tuple[Ref, str], ...]
    reseller: Ref
    update_once: tuple[Ref, ...]
    delete_once: tuple[Ref, ...]
    cases_once: tuple[tuple[Ref, str], ...]


def prepare(sandbox: Sandbox, *, writes: int) -> Targets:
    """Put in what a plan of so many writes may use up, and list it all in an order that never varies."""
    world = sandbox.world
    some = max(30, writes // 8)
    guids = tuple(guid for guid, case in world.service_order_hub.cases.items() if case.partner_id == _PARTNER)
    tickets = list(world.thulium.tickets.values())
    replied_to = len(tickets) // 2
    topics = tuple(_new_topics(world.telecomx, 2 * some))
    return Targets(
        guids=guids,
        confirm_once=tuple(_new_messages(world.service_order_hub, guids, 3 * some)),
        netevia_tickets=tuple(str(each.id) for each in world.netevia.tickets.values() if each.writable),
        tulo_accounts=tuple(
            Ref(EntityType.ACCOUNT, TULO, ("SUBSCRIBER", each)) for each in world.tulo.accounts
        ),
        thulium_tickets=tuple(str(each.id) for each in tickets[:replied_to]),
        change_once=tuple(_changes(tickets[replied_to:])),
        reseller=Ref(EntityType.ACCOUNT, TELECOMX, ("RESELLER", DOCUMENTED_RESELLER)),
        update_once=topics[:some],
        delete_once=topics[some:],
        cases_once=tuple(_cases(world.telecomx)),
    )


def _new_messages(hub: HubWorld, guids: tuple[str, ...], count: int) -> Iterator[Ref]:
    """Unconfirmed messages of the workshop, a few on every case."""
    for number in range(count):
        guid = guids[number // 3 % len(guids)]
        message_id = hub.next_message_id()
        at = REFERENCE_NOW - timedelta(minutes=number)
        hub.messages[message_id] = HubMessage(
            message_id, guid, 2004, "provider", "Is it ready?", "statusRequest", at, at, at
        )
        yield Ref(EntityType.MESSAGE, HUB, (guid, str(message_id)))


def _new_topics(telecomx: TelecomxWorld, count: int) -> Iterator[Ref]:
    for number in range(count):
        topic = TelecomxTopic(
            id=telecomx.next_id(),
            reseller=DOCUMENTED_RESELLER,
            title=f"Topic {number}",
            description=None,
            email=True,
            sms=False,
        )
        telecomx.topics[topic.id] = topic
        yield Ref(EntityType.NOTIFICATION_SUBSCRIPTION, TELECOMX, (topic.id,))


def _changes(tickets: Sequence[ThuliumTicket]) -> Iterator[tuple[Ref, str]]:
    for ticket in tickets:
        category = "8" if ticket.category_id == "7" else "7"
        yield Ref(EntityType.TICKET, THULIUM, (str(ticket.id),)), category


def _cases(telecomx: TelecomxWorld) -> Iterator[tuple[Ref, str]]:
    own = {
        center["id"] for center in telecomx.help_centers.values() if center["reseller"] == DOCUMENTED_RESELLER
    }
    for case in telecomx.cases.values():
        if case.help_center_id in own:
            ref = Ref(EntityType.TICKET, TELECOMX, (case.help_center_id, case.conversation_id, case.id))
            yield ref, "HANDLING" if case.state == "CLOSED" else "CLOSED"
