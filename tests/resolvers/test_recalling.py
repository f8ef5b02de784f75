"""What an operation learns from the ledger: who may see it, and how many queries that takes."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from gateway.domain.catalog import Catalog, RefShapes, written_message
from gateway.domain.ids import EntityType, Ref
from gateway.domain.ledger import Entry, Ledger, LedgerUnavailable, WriteState
from gateway.domain.ports import Slot
from gateway.domain.records import Message
from gateway.domain.writes import NewTicket, Reply
from gateway.plans.fields import Fetch
from gateway.plans.selection import Selection
from gateway.writes import inputs
from gateway.writes.history import History
from resolvers.batches import messages as batches
from resolvers.recalling import Recall
from tests.gateway.writes.desk import TICKET, at, entry, message, source
from tests.resolvers.contexts import context

_SHAPES: RefShapes = {EntityType.TICKET: (r"\d+",), EntityType.MESSAGE: (r"\d+", r"\d+")}
_LISTED: RefShapes = {EntityType.TICKET: ("[a-z]+", r"\d+"), EntityType.MESSAGE: ("[a-z]+", r"\d+", "0")}
_CREATED = Ref(EntityType.TICKET, "desk", ("ola", "7"))
_ONLY = Ref(EntityType.MESSAGE, "desk", ("ola", "7", "0"))


class Book:
    """The reading half of a ledger, over a few entries; it counts what it is asked."""

    def __init__(self, *entries: Entry, failure: LedgerUnavailable | None = None) -> None:
        self.entries = entries
        self.failure = failure
        self.asked: Counter[str] = Counter()

    async def by_ids(self, entry_ids: Sequence[str]) -> list[Entry]:
        self._count("by_ids")
        return [each for each in self.entries if each.id in entry_ids]

    async def by_results(self, results: Sequence[Ref]) -> list[Entry]:
        self._count("by_results")
        return [each for each in self.entries if each.result in results]

    async def sent_to(self, target: Ref, credential: str) -> list[Entry]:
        self._count("sent_to")
        return [
            each
            for each in self.entries
            if (each.target, each.credential, each.state) == (target, credential, WriteState.CONFIRMED)
        ]

    async def by_key(self, principal: str, key: str) -> Entry | None:
        raise NotImplementedError

    def _count(self, what: str) -> None:
        self.asked[what] += 1
        if self.failure is not None:
            raise self.failure


class Silent:
    """Takes replies and shows nothing."""

    def check_reply(self, _reply: Reply) -> tuple[Any, ...]:
        return ()

    async def send_reply(self, reply: Reply, attempt: object) -> Message | None:
        raise NotImplementedError


class Forgetful(Silent):
    """Shows conversations without any message that was sent."""

    async def read_messages(self, conversations: Sequence[Ref]) -> list[Slot[tuple[Message, ...]]]:
        return [()] * len(conversations)


def book(*entries: Entry, **options: Any) -> Any:
    return Book(*entries, **options)


def recall(
    ledger: Ledger, *, client: object = None, shapes: RefShapes = _SHAPES, principal: str = "ola"
) -> Recall:
    catalog = Catalog((source(client or Silent(), shapes=shapes),))
    return Recall(History(ledger, catalog), catalog, principal)


def sent(number: int, state: WriteState = WriteState.CONFIRMED, **changes: Any) -> Entry:
    """A reply that has become the message of this number."""
    known = {"id": f"{number:032x}", "key": f"k{number}", "result": message(number), **changes}
    return entry(state, **known)


def created(**changes: Any) -> Entry:
    written = inputs.encode(NewTicket(subject="Heading", body="Text"))
    known = {"operation": "createTicket", "target": None, "result": _CREATED, "input": written, **changes}
    return entry(WriteState.CONFIRMED, **known)


async def test_the_writes_of_a_list_of_messages_are_one_query() -> None:
    ledger = book(sent(1), sent(2))
    desk = recall(ledger)

    found = await asyncio.gather(*(desk.write_of(message(number)) for number in (1, 2, 3)))

    assert found == [sent(1), sent(2), None]
    assert ledger.asked == {"by_results": 1}


async def test_what_was_sent_to_a_conversation_tells_whose_writes_it_was_in_the_same_query() -> None:
    ledger = book(sent(1), sent(2, result=None))
    desk = recall(ledger)

    served = await desk.messages_to(TICKET)
    again = await desk.messages_to(TICKET)
    writes = [await desk.write_of(each.ref) for each in served]

    assert [each.ref for each in served] == [message(1), written_message(TICKET, sent(2).id)]
    assert again == served
    assert writes == [sent(1), sent(2, result=None)]
    assert ledger.asked == {"sent_to": 1}


async def test_other_changes_of_a_conversation_are_no_messages() -> None:
    changed = entry(WriteState.CONFIRMED, operation="updateTicket", id="c" * 32)
    assert await recall(book(changed)).messages_to(TICKET) == ()


async def test_writes_are_their_principals_and_what_they_became_everybodys() -> None:
    ledger = book(sent(1), sent(2, result=None))
    stranger = recall(ledger, principal="ida")
    ours = written_message(TICKET, sent(2).id)

    for number in (1, 2):
        assert await recall(ledger).write(sent(number).ref) is not None
        assert await stranger.write(sent(number).ref) is None
    assert [await stranger.write_of(ref) for ref in (message(1), ours)] == [None, None]
    assert [await stranger.message(ref) is not None for ref in (message(1), ours)] == [True, True]
    assert len(await stranger.messages_to(TICKET)) == 2


async def test_a_write_is_found_by_its_whole_reference_alone() -> None:
    desk = recall(book(sent(1)))
    assert await desk.write(replace(sent(1).ref, source="elsewhere")) is None


async def test_nothing_is_shown_under_other_credentials() -> None:
    ledger = book(
        sent(1, credential="another"),
        sent(2, credential="another", result=None),
        created(credential="another", id="c" * 32),
    )
    ours = written_message(TICKET, sent(2).id)

    assert [await recall(ledger).message(ref) for ref in (message(1), ours)] == [None, None]
    assert await recall(ledger).resolved(ours) is None
    assert await recall(ledger, shapes=_LISTED).ticket(_CREATED) is None
    assert await recall(ledger, shapes=_LISTED).messages_of_ticket(_CREATED) is None
    assert await recall(ledger, shapes=_LISTED).message(_ONLY) is None


async def test_a_reference_of_the_sources_own_is_resolved_without_a_query() -> None:
    ledger = book(failure=LedgerUnavailable())
    assert await recall(ledger).resolved(message(1)) == message(1)
    assert ledger.asked == {}


@pytest.mark.parametrize(
    ("known", "resolved"),
    [
        (sent(1, result=None), written_message(TICKET, sent(1).id)),
        (sent(1), message(1)),
        (sent(1, WriteState.IN_DOUBT, result=None), None),
        (sent(1, operation="updateTicket", result=None), None),
        (sent(1, target=Ref(EntityType.TICKET, "desk", ("43",)), result=None), None),
        (sent(2), None),
    ],
    ids=["not told", "told", "in doubt", "no message", "another conversation", "unknown"],
)
async def test_a_reference_of_ours_is_resolved_to_what_it_has_become(
    known: Entry, resolved: Ref | None
) -> None:
    assert await recall(book(known)).resolved(written_message(TICKET, sent(1).id)) == resolved


async def test_what_a_source_would_show_is_not_served_in_its_place() -> None:
    shown, hidden = sent(1), sent(2, input=inputs.encode(Reply(conversation=TICKET, body="x", internal=True)))
    desk = recall(book(shown, hidden), client=Forgetful())

    assert await desk.message(message(1)) is None
    assert await desk.message(message(2)) is not None


async def test_a_ticket_is_served_only_where_its_source_finds_it_in_lists_alone() -> None:
    single = Ref(EntityType.TICKET, "desk", ("42",))
    ledger = book(created(), created(result=single, id="d" * 32, key="k2"))

    assert await recall(ledger, shapes=_LISTED).ticket(_CREATED) is not None
    assert await recall(ledger).ticket(single) is None
    assert await recall(ledger).messages_of_ticket(single) is None


async def test_a_ticket_of_one_message_is_that_message() -> None:
    ledger = book(created())
    desk = recall(ledger, client=Forgetful(), shapes=_LISTED)
    served = await desk.message(_ONLY)

    assert served is not None
    assert (served.ref, await desk.messages_of_ticket(_CREATED)) == (_ONLY, (served,))
    assert await desk.write_of(_ONLY) == created()
    assert ledger.asked == {"by_results": 1}


async def test_a_write_lets_the_next_look_see_it() -> None:
    ledger = book(sent(1))
    desk = recall(ledger)
    assert len(await desk.messages_to(TICKET)) == 1

    ledger.entries = (sent(1), sent(2, submitted_at=at(1)))
    assert len(await desk.messages_to(TICKET)) == 1
    desk.forget()
    assert len(await desk.messages_to(TICKET)) == 2


async def test_a_ledger_that_fails_is_one_error_and_leaves_the_messages() -> None:
    ledger = book(failure=LedgerUnavailable("disk full"))
    surroundings = context(source(Silent(), shapes=_SHAPES), ledger=ledger, principal="ola")
    fetch = Fetch(surroundings, Selection((), {}, {}), ("ticket", "messages", 0, "write"), ())
    parents: list[Any] = [served for number in (1, 2) if (served := _served(number)) is not None]

    assert await batches.writes_of(parents, fetch) == [None, None]
    assert [(each.error, each.path) for each in surroundings.reports] == [(ledger.failure, fetch.path)]


def _served(number: int) -> Message | None:
    catalog = Catalog((source(Silent(), shapes=_SHAPES),))
    return History(book(), catalog).message(sent(number))
