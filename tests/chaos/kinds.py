"""The kinds of writes, and what makes one of each. Seeded by whoever supplies the draws."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from itertools import islice

from tests.chaos import pieces
from tests.chaos.pieces import HUB, NETEVIA, TELECOMX, THULIUM, TULO
from tests.chaos.targets import Targets

_CONFIRMED_AT_ONCE = 3


@dataclass(frozen=True, slots=True)
class Draft:
    """A write without its key: the mutation's input, and its pieces if its text isn't one."""

    input: Mapping[str, object]
    pieces: tuple[str, ...] = ()


class Supply:
    """Targets to draw from; those that serve one write only are used up, in their order."""

    def __init__(self, targets: Targets, draw: random.Random) -> None:
        self.targets = targets
        self.draw = draw
        self.confirm_once = iter(targets.confirm_once)
        self.change_once = iter(targets.change_once)
        self.update_once = iter(targets.update_once)
        self.delete_once = iter(targets.delete_once)
        self.cases_once = iter(targets.cases_once)


class Tells(Enum):
    """What a source can tell of a write whose answer was lost."""

    ALL = "all"  # Whether it arrived or not, always.
    MOST = "most"  # Both, unless others have written to the same place meanwhile.
    LITTLE = "little"  # At most that it arrived.


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of write; the table has a line for each.

    Attributes:
        source: Where it goes.
        operation: The mutation's name.
        note: What is special about it.
        weight: How often there is one, in proportion.
        tells: What its source can tell of it later.
        make: Makes one with a text of its own; None where the targets are used up.
    """

    source: str
    operation: str
    note: str = ""
    weight: int
    tells: Tells = Tells.LITTLE
    make: Callable[[Supply, str], Draft | None] = field(repr=False, compare=False)

    @property
    def name(self) -> str:
        """The operation, with what is special about it."""
        return f"{self.operation} ({self.note})" if self.note else self.operation


def _hub_reply(supply: Supply, text: str) -> Draft:
    guid = supply.draw.choice(supply.targets.guids)
    return Draft({"toRef": {"source": HUB, "nativeId": guid}, "body": text})


def _hub_reply_with_own_id(supply: Supply, text: str) -> Draft:
    return Draft({**_hub_reply(supply, text).input, "externalId": f"own-{text}"})


def _hub_reply_with_shared_id(supply: Supply, text: str) -> Draft:
    # The hub doesn't promise that it is unique, so callers may give one to many messages of a case.
    guid = supply.targets.guids[supply.draw.randrange(3)]
    return Draft({"toRef": {"source": HUB, "nativeId": guid}, "body": text, "externalId": "order 4711"})


def _hub_internal_reply(supply: Supply, text: str) -> Draft:
    return Draft({**_hub_reply(supply, text).input, "internal": True})


def _case_message(supply: Supply, text: str) -> Draft:
    guid = supply.draw.choice(supply.targets.guids)
    return Draft({"guid": guid, "type": "statusRequest", "content": text})


def _internal_case_message(supply: Supply, text: str) -> Draft:
    return Draft({**_case_message(supply, text).input, "internal": True})


def _confirmation(supply: Supply, _: str) -> Draft | None:
    refs = list(islice(supply.confirm_once, _CONFIRMED_AT_ONCE))
    if len(refs) < _CONFIRMED_AT_ONCE:
        return None
    return Draft(
        {"messageIds": [ref.global_id for ref in refs]}, tuple(pieces.message(ref.parts[1]) for ref in refs)
    )


def _netevia_reply(supply: Supply, text: str) -> Draft:
    ticket = supply.draw.choice(supply.targets.netevia_tickets)
    return Draft({"toRef": {"source": NETEVIA, "nativeId": ticket}, "body": text})


def _tulo_ticket(supply: Supply, text: str) -> Draft:
    account = supply.draw.choice(supply.targets.tulo_accounts)
    return Draft(
        {"source": TULO, "requester": account.global_id, "subject": "Utebliven tidning", "body": text}
    )


def _thulium_ticket(supply: Supply, text: str) -> Draft:
    sender = f"klient{supply.draw.randrange(10)}@klient.example"
    return Draft({"source": THULIUM, "requesterEmail": sender, "subject": "Faktura", "body": text})


def _thulium_reply(supply: Supply, text: str) -> Draft:
    ticket = supply.draw.choice(supply.targets.thulium_tickets)
    return Draft({"toRef": {"source": THULIUM, "nativeId": ticket}, "body": text})


def _thulium_category(supply: Supply, _: str) -> Draft | None:
    found = next(supply.change_once, None)
    if found is None:
        return None
    ticket, category = found
    return Draft({"id": ticket.global_id, "category": category}, (pieces.ticket(ticket.parts[0]),))


def _thulium_tags(supply: Supply, text: str) -> Draft | None:
    found = next(supply.change_once, None)
    return None if found is None else Draft({"id": found[0].global_id, "tags": [text]})


def _new_topic(supply: Supply, text: str) -> Draft:
    owner = {"reseller": supply.targets.reseller.global_id}
    return Draft({"source": TELECOMX, "owner": owner, "title": f"Topic {text}", "channels": ["EMAIL"]})


def _changed_topic(supply: Supply, text: str) -> Draft | None:
    ref = next(supply.update_once, None)
    return None if ref is None else Draft({"id": ref.global_id, "description": text})


def _deleted_topic(supply: Supply, _: str) -> Draft | None:
    ref = next(supply.delete_once, None)
    return None if ref is None else Draft({"id": ref.global_id}, (pieces.topic(ref.parts[0]),))


def _changed_case(supply: Supply, _: str) -> Draft | None:
    found = next(supply.cases_once, None)
    if found is None:
        return None
    case, state = found
    return Draft({"id": case.global_id, "status": {"native": state}}, (pieces.case(case.parts[1]),))


_SUBSCRIPTION = "NotificationSubscription"
KINDS = (
    Kind(source=HUB, operation="reply", weight=22, make=_hub_reply, tells=Tells.ALL),
    Kind(
        source=HUB,
        operation="reply",
        note="own externalId",
        weight=5,
        make=_hub_reply_with_own_id,
        tells=Tells.ALL,
    ),
    # A message of the same externalId and another text is taken for one that the hub may have changed.
    Kind(
        source=HUB,
        operation="reply",
        note="shared externalId",
        weight=2,
        make=_hub_reply_with_shared_id,
    ),
    Kind(source=HUB, operation="reply", note="internal", weight=4, make=_hub_internal_reply),
    Kind(source=HUB, operation="createCaseMessage", weight=10, make=_case_message, tells=Tells.ALL),
    Kind(source=HUB, operation="createCaseMessage", note="internal", weight=2, make=_internal_case_message),
    Kind(source=HUB, operation="confirmMessages", weight=6, make=_confirmation, tells=Tells.ALL),
    Kind(source=NETEVIA, operation="reply", weight=11, make=_netevia_reply),
    Kind(source=TULO, operation="createTicket", weight=8, make=_tulo_ticket),
    Kind(source=THULIUM, operation="createTicket", weight=6, make=_thulium_ticket, tells=Tells.MOST),
    Kind(source=THULIUM, operation="reply", weight=8, make=_thulium_reply, tells=Tells.MOST),
    Kind(source=THULIUM, operation="updateTicket", weight=3, make=_thulium_category, tells=Tells.MOST),
    # Tags are never shown, so what became of a lost answer can't be told.
    Kind(source=THULIUM, operation="updateTicket", note="tags", weight=2, make=_thulium_tags),
    Kind(source=TELECOMX, operation=f"create{_SUBSCRIPTION}", weight=4, make=_new_topic, tells=Tells.ALL),
    Kind(source=TELECOMX, operation=f"update{_SUBSCRIPTION}", weight=3, make=_changed_topic, tells=Tells.ALL),
    Kind(source=TELECOMX, operation=f"delete{_SUBSCRIPTION}", weight=2, make=_deleted_topic, tells=Tells.ALL),
    Kind(source=TELECOMX, operation="updateTicket", weight=3, make=_changed_case, tells=Tells.ALL),
)
