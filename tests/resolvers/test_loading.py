import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from gateway.domain.catalog import Catalog, Source
from gateway.domain.errors import SourceFault, SourceTimeout, SourceUnavailable, Unsupported
from gateway.domain.ids import EntityType, Ref
from gateway.domain.ports import Slot
from gateway.domain.records import (
    Account,
    AccountKind,
    Case,
    Message,
    NotificationSubscription,
    Origin,
    ServiceSubscription,
    Subscribers,
    Ticket,
)
from resolvers.loading import RecordLoaders, SourceLoaders

Read = tuple[str, list[str]]


def _ref(entity: EntityType, source: str, *parts: str) -> Ref:
    return Ref(entity, source, parts)


def _account(ref: Ref) -> Account:
    return Account(ref, Origin(ref.source, ref.parts[-1]), AccountKind.CUSTOMER)


def _case(ref: Ref) -> Case:
    return Case(ref=ref, origin=Origin(ref.source, ref.parts[0]), guid=ref.parts[0])


def _ticket(ref: Ref) -> Ticket:
    return Ticket(ref=ref, origin=Origin(ref.source, ref.parts[0]))


def _message(conversation: Ref) -> Message:
    ref = Ref(EntityType.MESSAGE, conversation.source, (*conversation.parts, "1"))
    return Message(ref=ref, origin=Origin(ref.source, "1"), conversation=conversation)


def _subscription(ref: Ref) -> NotificationSubscription:
    return NotificationSubscription(ref=ref, origin=Origin(ref.source, ref.parts[0]))


@dataclass
class _Client:
    """Reads what it is told to have; everything whose id is `gone` isn't there."""

    failure: Exception | None = None
    slots: dict[str, Any] = field(default_factory=dict)
    reads: list[Read] = field(default_factory=list)

    async def _read(self, what: str, refs: Sequence[Ref], make: Any) -> list[Any]:
        self.reads.append((what, [ref.parts[-1] for ref in refs]))
        await asyncio.sleep(0)
        if self.failure is not None:
            raise self.failure
        return [None if ref.parts[-1] == "gone" else self.slots.get(ref.parts[-1], make(ref)) for ref in refs]

    async def read_accounts(self, refs: Sequence[Ref]) -> list[Slot[Account]]:
        return await self._read("accounts", refs, _account)

    async def read_cases(self, refs: Sequence[Ref]) -> list[Slot[Case]]:
        return await self._read("cases", refs, _case)

    async def read_subscriptions(self, refs: Sequence[Ref]) -> list[Slot[ServiceSubscription]]:
        return await self._read("subscriptions", refs, _subscription)

    async def read_subscribers(self, refs: Sequence[Ref]) -> list[Slot[Subscribers]]:
        return await self._read("subscribers", refs, lambda ref: Subscribers((f"{ref.parts[0]}@x.example",)))


class _Apart(_Client):
    """Tickets and their messages cost a call each."""

    async def read_tickets(self, refs: Sequence[Ref]) -> list[Slot[Ticket]]:
        return await self._read("tickets", refs, _ticket)

    async def read_messages(self, conversations: Sequence[Ref]) -> list[Slot[tuple[Message, ...]]]:
        return await self._read("messages", conversations, lambda ref: (_message(ref),))


class _Together(_Apart):
    """A ticket comes with its messages."""

    async def read_ticket_with_messages(
        self, refs: Sequence[Ref]
    ) -> list[Slot[tuple[Ticket, tuple[Message, ...]]]]:
        return await self._read("threads", refs, lambda ref: (_ticket(ref), (_message(ref),)))


def _loaders(**clients: object) -> RecordLoaders:
    return RecordLoaders(
        Catalog(tuple(Source(key, "thulium", key, "", client, {}) for key, client in clients.items()))
    )


def _accounts(source: str, *ids: str) -> list[Ref]:
    return [_ref(EntityType.ACCOUNT, source, "CUSTOMER", each) for each in ids]


async def _slots(*loads: Any) -> list[Any]:
    return list(await asyncio.gather(*loads, return_exceptions=True))


# -- batches


async def test_what_is_asked_at_once_is_one_read_per_source() -> None:
    a, b = _Client(), _Client()
    loaders = _loaders(a=a, b=b)
    [a1, a2], [b1] = _accounts("a", "1", "2"), _accounts("b", "1")

    slots = await _slots(*(loaders.accounts.load(ref) for ref in (a1, b1, a2)))

    assert slots == [_account(a1), _account(b1), _account(a2)]
    assert (a.reads, b.reads) == ([("accounts", ["1", "2"])], [("accounts", ["1"])])


async def test_sources_are_read_at_once() -> None:
    both = asyncio.Barrier(2)

    class Waiting(_Client):
        async def read_accounts(self, refs: Sequence[Ref]) -> list[Slot[Account]]:
            await both.wait()
            return [None] * len(refs)

    loaders = _loaders(a=Waiting(), b=Waiting())
    async with asyncio.timeout(5):
        assert await _slots(
            *(loaders.accounts.load(ref) for ref in _accounts("a", "1") + _accounts("b", "1"))
        ) == [None, None]


async def test_a_record_is_read_once_per_operation() -> None:
    client = _Client()
    loaders = _loaders(a=client)
    [one, two] = _accounts("a", "1", "2")

    await _slots(loaders.accounts.load(one), loaders.accounts.load(one))
    await _slots(loaders.accounts.load(two), loaders.accounts.load(one))

    assert client.reads == [("accounts", ["1"]), ("accounts", ["2"])]


async def test_operations_share_nothing() -> None:
    client = _Client()
    one, other = _loaders(a=client), _loaders(a=client)
    [ref] = _accounts("a", "1")

    await _slots(one.accounts.load(ref), other.accounts.load(ref))

    assert client.reads == [("accounts", ["1"])] * 2


async def test_records_of_every_kind_have_their_own_reads() -> None:
    client = _Apart()
    loaders = _loaders(a=client)
    case = _ref(EntityType.CASE, "a", "g")
    topic = _ref(EntityType.NOTIFICATION_SUBSCRIPTION, "a", "t")
    ticket = _ref(EntityType.TICKET, "a", "42")

    assert await loaders.cases.load(case) == _case(case)
    assert await loaders.subscriptions.load(topic) == _subscription(topic)
    assert await loaders.subscribers.load(topic) == Subscribers(("t@x.example",))
    assert await loaders.ticket(ticket) == _ticket(ticket)
    assert await loaders.messages(ticket) == (_message(ticket),)
    assert client.reads == [
        ("cases", ["g"]),
        ("subscriptions", ["t"]),
        ("subscribers", ["t"]),
        ("tickets", ["42"]),
        ("messages", ["42"]),
    ]


# -- failures


async def test_a_record_that_is_not_there_is_nothing() -> None:
    loaders = _loaders(a=_Together())
    ticket = _ref(EntityType.TICKET, "a", "gone")

    assert await loaders.accounts.load(_accounts("a", "gone")[0]) is None
    assert await loaders.ticket(ticket) is None
    assert await loaders.messages(ticket) is None


async def test_a_source_that_fails_fills_its_own_slots() -> None:
    failure = SourceUnavailable("a")
    a, b = _Client(failure), _Client()
    loaders = _loaders(a=a, b=b)
    [a1, a2], [b1] = _accounts("a", "1", "2"), _accounts("b", "1")

    slots = await _slots(*(loaders.accounts.load(ref) for ref in (a1, b1, a2)))

    assert slots == [failure, _account(b1), failure]


async def test_a_fault_of_an_adapter_fills_its_own_sources_slots() -> None:
    fault = KeyError("a field that nobody expected")
    loaders = _loaders(sick=_Client(failure=fault), well=_Client())
    sick, well = _accounts("sick", "1")[0], _accounts("well", "1")[0]

    failed, read = await _slots(loaders.accounts.load(sick), loaders.accounts.load(well))

    assert (type(failed), failed.source, failed.__cause__) == (SourceFault, "sick", fault)
    assert read == _account(well)


async def test_a_record_that_fails_fills_its_own_slot() -> None:
    failure = SourceTimeout("a")
    loaders = _loaders(a=_Client(slots={"2": failure}))
    refs = _accounts("a", "1", "2", "gone", "3")

    slots = await _slots(*(loaders.accounts.load(ref) for ref in refs))

    assert slots == [_account(refs[0]), failure, None, _account(refs[3])]


async def test_a_failure_is_not_tried_again_within_an_operation() -> None:
    client = _Client(SourceUnavailable("a"))
    loaders = _loaders(a=client)
    [ref] = _accounts("a", "1")
    [first] = await _slots(loaders.accounts.load(ref))
    client.failure = None

    assert await _slots(loaders.accounts.load(ref)) == [first]
    assert len(client.reads) == 1


async def test_a_source_without_the_ability_says_so() -> None:
    loaders = _loaders(a=_Client(), b=object())
    [a1], [b1] = _accounts("a", "1"), _accounts("b", "1")
    ticket = _ref(EntityType.TICKET, "b", "42")

    slots = await _slots(
        loaders.accounts.load(a1),
        loaders.accounts.load(b1),
        loaders.ticket(ticket),
        loaders.messages(ticket),
        loaders.accounts.load(_accounts("elsewhere", "1")[0]),
    )

    assert slots[0] == _account(a1)
    assert [(type(slot), slot.message, slot.source) for slot in slots[1:]] == [
        (Unsupported, "b can't read this.", "b"),
        (Unsupported, "b can't read this.", "b"),
        (Unsupported, "b can't read this.", "b"),
        (Unsupported, "elsewhere can't read this.", "elsewhere"),
    ]


async def test_a_client_that_breaks_its_promise_of_one_slot_each_mixes_nothing_up() -> None:
    class Short(_Client):
        async def read_accounts(self, refs: Sequence[Ref]) -> list[Slot[Account]]:
            return (await super().read_accounts(refs))[1:]

    loaders = _loaders(a=Short())

    slots = await _slots(*(loaders.accounts.load(ref) for ref in _accounts("a", "1", "2")))

    assert [type(slot) for slot in slots] == [SourceFault, SourceFault]


# -- tickets with their messages


async def test_where_messages_come_with_the_ticket_both_cost_one_read() -> None:
    client = _Together()
    loaders = _loaders(a=client)
    ticket = _ref(EntityType.TICKET, "a", "42")

    assert await _slots(loaders.messages(ticket), loaders.ticket(ticket)) == [
        (_message(ticket),),
        _ticket(ticket),
    ]
    assert client.reads == [("threads", ["42"])]


async def test_where_they_do_not_each_costs_one_read_and_only_if_it_is_asked() -> None:
    client = _Apart()
    loaders = _loaders(a=client)
    ticket = _ref(EntityType.TICKET, "a", "42")

    await loaders.ticket(ticket)
    assert client.reads == [("tickets", ["42"])]
    await loaders.messages(ticket)
    assert client.reads == [("tickets", ["42"]), ("messages", ["42"])]


async def test_a_thread_that_fails_fails_for_both() -> None:
    failure = SourceTimeout("a")
    loaders = _loaders(a=_Together(slots={"42": failure}))
    ticket = _ref(EntityType.TICKET, "a", "42")

    assert await _slots(loaders.ticket(ticket), loaders.messages(ticket)) == [failure, failure]


# -- writes


@pytest.mark.parametrize("client", [_Apart(), _Together()], ids=["apart", "together"])
async def test_what_a_write_has_touched_is_read_anew_and_nothing_else(client: _Apart) -> None:
    loaders = _loaders(a=client)
    ticket, other = (_ref(EntityType.TICKET, "a", number) for number in ("42", "43"))

    async def load_all() -> None:
        await _slots(*(load(ref) for load in (loaders.ticket, loaders.messages) for ref in (ticket, other)))

    await load_all()
    client.reads.clear()
    loaders.forget(ticket)
    await load_all()

    assert {ids for _, read in client.reads for ids in read} == {"42"}
    assert len(client.reads) == (1 if isinstance(client, _Together) else 2)


async def test_records_of_every_kind_can_be_forgotten() -> None:
    client = _Client()
    loaders = _loaders(a=client)
    loads: list[SourceLoaders[Any]] = [
        loaders.accounts,
        loaders.cases,
        loaders.subscriptions,
        loaders.subscribers,
    ]
    [ref] = _accounts("a", "1")

    for _ in range(2):
        await _slots(*(loader.load(ref) for loader in loads))
        loaders.forget(ref)

    assert sorted(what for what, _ in client.reads) == sorted(
        ["accounts", "cases", "subscriptions", "subscribers"] * 2
    )


async def test_a_failure_can_be_forgotten_too() -> None:
    client = _Client(SourceUnavailable("a"))
    loaders = _loaders(a=client)
    [ref] = _accounts("a", "1")
    await _slots(loaders.accounts.load(ref))
    client.failure = None

    loaders.forget(ref)

    assert await loaders.accounts.load(ref) == _account(ref)
