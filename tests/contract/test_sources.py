"""What every registered source must hold to, with a healthy API behind it."""

import inspect
import math
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.domain.catalog import Catalog, Source
from gateway.domain.errors import BadInput
from gateway.domain.ids import EntityType, Ref, parse_global_id
from gateway.domain.pages import Feed, NoFeed, SliceState
from gateway.domain.ports import (
    AccountFilter,
    AccountFinder,
    AccountLister,
    CaseFilter,
    CaseLister,
    ConversationFilter,
    ConversationLister,
    ConversationNamer,
    MessageConfirmer,
    MessageReader,
    SubscriptionFilter,
    SubscriptionLister,
    TextSearch,
    TicketLister,
    TicketWithMessagesReader,
)
from gateway.domain.records import Conversation, Message, Origin, OriginKind
from gateway.domain.writes import (
    Confirmation,
    NewCaseMessage,
    NewNotificationSubscription,
    NewTicket,
    Reply,
)
from gateway.sources.registry import SOURCES
from tests.contract.ability import (
    all_ports,
    check,
    feeds,
    find,
    inside,
    members,
    outcome,
    prepare,
    readers,
    reads,
    send,
)
from tests.contract.conftest import KEY, NOW, SAMPLES, Bench, Fork, is_log_in, is_write

HOSTILE = (
    "",
    " ",
    ".",
    "..",
    "../x",
    "a/../b",
    "..\\x",
    "%",
    "%2e%2e",
    "x?y=1",
    "x#y",
    "x&y=1",
    "x;y",
    "x y",
    "\x00",
    "\x1f",
    "\n",
    "x" * 601,
    "1" * 601,
)
ENDINGS = ("\n", "\r\n", "\x00", " ", "%", "/..", "?x=1", "\u2028")


def test_every_registered_source_has_its_entry_in_the_samples() -> None:
    assert [spec.kind for spec in SOURCES] == list(SAMPLES)


class TestPorts:
    async def test_its_abilities_are_those_that_it_is_for(self, bench: Bench) -> None:
        assert " ".join(bench.source().capabilities) == bench.sample.capabilities

    async def test_its_client_has_whole_ports_and_nothing_else(self, bench: Bench) -> None:
        client = bench.source().client
        public = {name for name in dir(client) if not name.startswith("_")}
        whole = [members(port) for port in all_ports().values() if members(port) <= public]
        assert public == set().union(*whole)
        fulfilled = {name for name, port in all_ports().items() if isinstance(client, port)}
        assert fulfilled == {name for name, port in all_ports().items() if members(port) <= public}

    async def test_each_method_has_its_ports_signature(self, bench: Bench) -> None:
        client = bench.source().client
        different = [
            f"{port.__name__}.{name}"
            for port in all_ports().values()
            if isinstance(client, port)
            for name in members(port)
            if callable(declared := getattr(port, name, None))
            and _call_form(getattr(client, name)) != _call_form(declared)
        ]
        assert different == []

    async def test_what_callers_go_by_is_said(self, bench: Bench) -> None:
        source = bench.source()
        client: Any = source.client
        if source.port(AccountFinder):
            assert isinstance(client.account_keys, frozenset)
            assert {type(key) for key in client.account_keys} == {str}
        if source.port(MessageConfirmer):
            assert client.confirm_limit >= 1
        if source.port(TextSearch):
            assert client.search_fields
            assert {type(words) for words in client.search_fields} == {str}
        assert {key.name for key in bench.sample.keys} <= getattr(client, "account_keys", set())

    async def test_the_samples_reach_every_method(self, bench: Bench) -> None:
        source = bench.source()
        called: set[str] = set()

        def noted(name: str) -> Any:
            method = getattr(source.client, name)

            def call(*given: Any) -> Any:
                called.add(name)
                return method(*given)

            return call if callable(method) else method

        public = [name for name in dir(source.client) if not name.startswith("_")]
        heard = replace(source, client=SimpleNamespace(**{name: noted(name) for name in public}))
        for act in reads(heard, bench.refs, bench.sample.lists, bench.sample.keys).values():
            await act()
        for write in bench.writes:
            check(heard, write)
            await send(heard, write, await prepare(heard, write, NOW))
        for lost in bench.lookable:
            await find(heard, lost, await prepare(heard, lost, NOW))
        # It is called below, as it costs no call.
        assert {name for name in public if callable(getattr(source.client, name))} - called == {
            "name_conversation"
        }


def _call_form(method: Any) -> tuple[bool, list[tuple[str, Any, bool]]]:
    """Whether it is a coroutine function, and its parameters by name, kind and whether they may be left out."""
    parameters = inspect.signature(method).parameters.values()
    return (
        inspect.iscoroutinefunction(method),
        [(each.name, each.kind, each.default is each.empty) for each in parameters if each.name != "self"],
    )


class TestReferences:
    async def test_what_it_gives_out_it_takes_back(self, bench: Bench) -> None:
        source = bench.source()
        refs = [ref for of_type in bench.mentioned.values() for ref in of_type]
        assert {ref.type for ref in refs} == set(source.shapes)
        for ref in refs:
            source.check_ref(ref, argument="id")
            assert ref.source == KEY
            assert parse_global_id(ref.global_id) == ref
        for ref in bench.sample.absent:
            source.check_ref(ref, argument="id")

    async def test_what_it_cannot_have_given_out_is_refused(self, bench: Bench) -> None:
        source = bench.source()
        taken = [
            forged
            for of_type in bench.mentioned.values()
            for ref in of_type[:3]
            for forged in _forgeries(ref)
            if not _refused(source, forged)
        ]
        assert taken == []

    async def test_types_that_it_does_not_have_are_refused(self, bench: Bench) -> None:
        source = bench.source()
        parts = next(iter(bench.refs.values()))[0].parts
        strange = [Ref(entity, KEY, parts) for entity in EntityType if entity not in source.shapes]
        assert [ref for ref in strange if not _refused(source, ref)] == []

    async def test_a_messages_conversation_is_the_one_that_it_came_from(self, bench: Bench) -> None:
        source = bench.source()
        found = [(of, message) for of, messages in bench.found.messages.items() for message in messages]
        assert bool(found) is (source.port(MessageReader) is not None)
        assert [
            message.ref
            for of, message in found
            if {source.conversation_of(message.ref), message.conversation} != {of}
        ] == []
        assert [
            message.ref
            for of, message in found
            if message.parent is not None and source.conversation_of(message.parent) != of
        ] == []

    async def test_a_conversation_is_named_without_a_call(self, bench: Bench) -> None:
        source = bench.source()
        namer = source.port(ConversationNamer)
        assert namer is not None
        for entity in (EntityType.CASE, EntityType.TICKET):
            for ref in bench.refs.get(entity, ())[:5]:
                named = namer.name_conversation(ref)
                assert (named.ref, named.origin.kind, named.origin.source) == (ref, OriginKind.REFERENCE, KEY)
                assert {each.name for each in fields(named)} > named.missing
                assert all(getattr(named, name) is None for name in named.missing)
        assert bench.service.arrivals == []


def _forgeries(ref: Ref) -> Iterator[Ref]:
    for index, part in enumerate(ref.parts):
        for wrong in (*HOSTILE, *(part + ending for ending in ENDINGS), "\n" + part):
            yield replace(ref, parts=(*ref.parts[:index], wrong, *ref.parts[index + 1 :]))
    yield replace(ref, parts=ref.parts[1:])
    yield replace(ref, parts=(*ref.parts, "1"))


def _refused(source: Source, ref: Ref) -> bool:
    try:
        source.check_ref(ref, argument="id")
    except BadInput:
        return True
    return False


class TestFeeds:
    async def test_pages_of_any_size_give_the_same_items_once_and_in_order(self, bench: Bench) -> None:
        source = bench.source()
        for number, wanted in enumerate(bench.sample.lists):
            keys = []
            for feed in feeds(source, wanted):
                keys.append(feed.key)
                whole = await _page_through(feed, feed.max_limit)
                assert whole[: feed.max_limit] == list(bench.found.lists[f"{number} {feed.key}"])
                assert len({item.ref for item in whole}) == len(whole)
                assert await _page_through(feed, 7) == whole
                await _one_by_one(feed, whole)
            assert len(set(keys)) == len(keys)

    async def test_the_same_filter_names_the_same_feeds(self, bench: Bench) -> None:
        source, other = bench.source(), bench.source()
        for wanted in bench.sample.lists:
            assert [(each.source, each.key, each.ordered) for each in feeds(source, wanted)] == [
                (KEY, each.key, each.ordered) for each in feeds(other, wanted)
            ]

    async def test_each_page_costs_one_call(self, bench: Bench) -> None:
        source = bench.source()
        await outcome(reads(source, bench.refs, (), ())["check"]())
        for wanted in bench.sample.lists:
            for feed in feeds(source, wanted):
                bench.service.arrivals.clear()
                await feed.read(0, 7)
                assert len(bench.service.arrivals) == 1

    async def test_an_ordered_feed_is_newest_first_as_far_as_it_says(self, bench: Bench) -> None:
        source = bench.source()
        for number, wanted in enumerate(bench.sample.lists):
            for feed in feeds(source, wanted):
                items = bench.found.lists[f"{number} {feed.key}"]
                moments = [
                    item.moment for item in items if isinstance(item, Conversation) and item.last_activity_at
                ]
                if feed.ordered:
                    assert moments == sorted(moments, key=lambda each: each or NOW, reverse=True)

    async def test_what_it_cannot_list_it_says_without_a_call(self, bench: Bench) -> None:
        source = bench.source()
        stranger = Ref(EntityType.ACCOUNT, "elsewhere", ("CUSTOMER", "1"))
        given: list[object] = []
        if accounts := source.port(AccountLister):
            given.append(accounts.list_accounts(AccountFilter(organization=stranger)))
        if cases := source.port(CaseLister):
            given += [
                cases.list_cases(CaseFilter(partner=stranger)),
                cases.list_cases(CaseFilter(provider=stranger)),
            ]
        for wanted in (ConversationFilter(account=stranger), ConversationFilter(assignee=stranger)):
            if tickets := source.port(TicketLister):
                given.append(tickets.list_tickets(wanted))
            if conversations := source.port(ConversationLister):
                given.append(conversations.list_conversations(wanted))
        if subscriptions := source.port(SubscriptionLister):
            given += [
                subscriptions.list_subscriptions(SubscriptionFilter(account=stranger)),
                subscriptions.list_subscriptions(SubscriptionFilter(reseller=stranger)),
            ]
        assert given
        for each in given:
            assert isinstance(each, NoFeed)
            assert each.state in {SliceState.SKIPPED, SliceState.UNSUPPORTED}
            assert each.reason.endswith(".")
        assert bench.service.arrivals == []


async def _one_by_one(feed: Feed[Any], whole: list[Any]) -> None:
    """Pages of one item; of a long list the beginning and the end."""
    if len(whole) <= 50:
        assert await _page_through(feed, 1) == whole
        return
    for offset in (*range(20), *range(len(whole) - 5, len(whole))):
        page = await feed.read(offset, 1)
        assert page.items == (whole[offset],)
        assert offset == len(whole) - 1 or not page.exhausted


async def _page_through(feed: Feed[Any], limit: int) -> list[Any]:
    """Read a feed to its end; each page is held to what it says of itself."""
    items: list[Any] = []
    page = await feed.read(0, limit)
    pages = 1
    while not page.exhausted:
        assert len(page.items) == limit, "a page that is neither full nor the last"
        items += page.items
        page = await feed.read(len(items), limit)
        pages += 1
    items += page.items
    # Where the last page is full, one more may have to be read to see that.
    assert pages in {math.ceil(len(items) / limit) or 1, len(items) // limit + 1}
    assert page.total in {None, len(items)}
    return items


class TestReads:
    async def test_reading_what_was_listed_gives_it(self, bench: Bench) -> None:
        source = bench.source()
        listed = {record.ref: record for page in bench.found.lists.values() for record in page}
        for entity, read in readers(source).items():
            refs = [ref for ref in listed if ref.type is entity][:20] or list(bench.refs[entity][:3])
            for ref, record in zip(refs, await read(refs), strict=True):
                assert record is not None
                assert not isinstance(record, Exception)
                assert record.ref == ref
                if ref in listed:
                    assert _lacking(listed[ref], record) == {}

    async def test_what_is_not_there_is_none(self, bench: Bench) -> None:
        source = bench.source()
        for entity, read in readers(source).items():
            absent = [ref for ref in bench.sample.absent if ref.type is entity]
            assert absent
            assert await read(absent) == [None] * len(absent)
        conversations = [
            ref for ref in bench.sample.absent if ref.type in {EntityType.CASE, EntityType.TICKET}
        ]
        if messages := source.port(MessageReader):
            assert await messages.read_messages(conversations) == [None] * len(conversations)
        if both := source.port(TicketWithMessagesReader):
            assert await both.read_ticket_with_messages(conversations) == [None] * len(conversations)

    async def test_slots_come_in_the_order_asked_and_twice_where_asked_twice(self, bench: Bench) -> None:
        source = bench.source()
        for entity, read in readers(source).items():
            there = bench.refs[entity]
            first, last = there[0], there[min(len(there) - 1, 5)]
            absent = next(ref for ref in bench.sample.absent if ref.type is entity)
            slots = await read([last, absent, first, last, absent])
            assert [getattr(slot, "ref", slot) for slot in slots] == [last, None, first, last, None]
            assert slots[0] == slots[3]
            assert await read([]) == []

    async def test_a_ticket_and_its_messages_are_the_same_together_and_apart(self, bench: Bench) -> None:
        source = bench.source()
        both, messages = source.port(TicketWithMessagesReader), source.port(MessageReader)
        if both is None or messages is None:
            return
        refs = list(bench.found.messages)[:3]
        together = await both.read_ticket_with_messages(refs)
        tickets = await readers(source)[EntityType.TICKET](refs)
        assert together == list(zip(tickets, await messages.read_messages(refs), strict=True))

    async def test_messages_come_oldest_first(self, bench: Bench) -> None:
        for messages in bench.found.messages.values():
            moments = [message.created_at for message in messages if message.created_at is not None]
            assert moments == sorted(moments)

    async def test_each_key_finds_its_account(self, bench: Bench) -> None:
        source = bench.source()
        acts = reads(source, bench.refs, (), bench.sample.keys)
        for key in bench.sample.keys:
            found: Any = await acts[f"find_account {key.name}"]()
            assert await readers(source)[EntityType.ACCOUNT]([found.ref]) == [found]


def _lacking(listed: Any, read: Any) -> dict[str, tuple[object, object]]:
    """Where a full read says another thing than the list did; what either lacks is left out."""
    return {
        each.name: (getattr(listed, each.name), getattr(read, each.name))
        for each in fields(listed)
        if each.name not in {"missing", *getattr(listed, "missing", ())}
        and getattr(listed, each.name) != getattr(read, each.name)
    }


class TestRecords:
    async def test_times_are_aware_and_utc(self, bench: Bench) -> None:
        moments = [
            each for record in bench.found.records for each in inside(record) if isinstance(each, datetime)
        ]
        assert moments
        assert {moment.utcoffset() for moment in moments} == {timedelta(0)}

    async def test_origins_name_the_source_and_the_records_own_id(self, bench: Bench) -> None:
        origins = [
            each for record in bench.found.records for each in inside(record) if isinstance(each, Origin)
        ]
        assert {(each.source, each.kind, each.stale) for each in origins} == {(KEY, OriginKind.SOURCE, False)}
        assert all(each.native_id and each.fetched_at for each in origins)

    async def test_no_record_shows_a_credential(self, bench: Bench) -> None:
        source = bench.source()
        shown = repr(bench.found.records)
        for act in reads(source, bench.refs, bench.sample.lists, bench.sample.keys).values():
            shown += repr(await act())
        assert [secret for secret in bench.secrets() if secret in shown] == []

    async def test_no_client_shows_a_credential(self, bench: Bench) -> None:
        source = bench.source()
        await outcome(reads(source, bench.refs, (), ())["check"]())
        assert [secret for secret in bench.secrets() if secret in f"{source!r} {vars(source.client)!r}"] == []


class TestWrites:
    async def test_a_check_costs_no_call(self, bench: Bench) -> None:
        source = bench.source()
        for write in bench.writes:
            assert check(source, write) == ()
        assert bench.service.arrivals == []

    async def test_each_is_one_write_of_which_each_call_arrives_once(self, bench: Bench) -> None:
        wire = bench.wire()
        for write in bench.writes:
            bench.service.reset()
            attempt = await prepare(bench.source(), write, NOW)
            bench.service.arrivals.clear()
            spy = Fork(wire, wire, diverted=is_write)
            result = await send(bench.source(spy), write, attempt)
            # Whatever has to be known before it was read when it was prepared.
            assert [is_write(call) for call in spy.calls if not is_log_in(call)][:1] == [True]
            assert [is_write(call) for call in spy.calls].count(True) == 1
            assert [each.method for each in bench.service.arrivals] == [call.method for call in spy.calls]
            if isinstance(write, Confirmation):
                assert result == [None] * len(write.messages)

    async def test_preparing_one_changes_nothing(self, bench: Bench) -> None:
        wire = bench.wire()
        for write in bench.writes:
            bench.service.reset()
            spy = Fork(wire, wire, diverted=is_write)
            attempt = await prepare(bench.source(spy), write, NOW)
            assert len((attempt.baseline or "").encode()) <= 64 * 1024
            assert [call for call in spy.calls if not call.safe and not is_log_in(call)] == []

    async def test_what_it_says_it_has_written_is_of_its_own_form(self, bench: Bench) -> None:
        source = bench.source()
        for write in bench.writes:
            bench.service.reset()
            result = await send(bench.source(), write, await prepare(source, write, NOW))
            for each in inside(result):
                if isinstance(each, Ref):
                    source.check_ref(each, argument="id")
                if isinstance(each, datetime):
                    assert each.utcoffset() == timedelta(0)
            if isinstance(result, Message):
                wanted = write.conversation if isinstance(write, Reply) else None
                wanted = write.case if isinstance(write, NewCaseMessage) else wanted
                assert source.conversation_of(result.ref) == result.conversation == wanted


class TestTwoTenants:
    async def test_one_does_not_see_the_others_references(self, bench: Bench) -> None:
        one, two = bench.source(), bench.source(key="two")
        catalog = Catalog((one, two))
        for refs in bench.refs.values():
            for ref in refs[:3]:
                assert catalog.of(ref) is one
                assert catalog.of(replace(ref, source="two")) is two
        for number, wanted in enumerate(bench.sample.lists):
            filters = _filtered_by(wanted, "two")
            for feed in feeds(two, filters):
                items = (await feed.read(0, feed.max_limit)).items
                own = bench.found.lists[f"{number} {feed.key}"]
                assert [item.ref for item in items] == [replace(item.ref, source="two") for item in own]
                named = {each for item in items for each in inside(item) if isinstance(each, Ref)}
                assert {ref.source for ref in named} <= {"two"}

    async def test_one_does_not_list_by_the_others_accounts(self, bench: Bench) -> None:
        two = bench.source(key="two")
        for wanted in bench.sample.lists:
            if wanted != _filtered_by(wanted, "two"):
                with pytest.raises(AssertionError, match="SKIPPED"):
                    feeds(two, wanted)

    async def test_one_does_not_write_in_the_others_name(self, bench: Bench) -> None:
        two = bench.source(key="two")
        for write in bench.writes:
            if isinstance(write, NewTicket) and write.requester is not None:
                assert [refusal.field for refusal in check(two, write)] == [("requester",)]
            if isinstance(write, NewNotificationSubscription):
                assert [refusal.field for refusal in check(two, write)] == [("owner", "reseller")]
        assert bench.service.arrivals == []


def _filtered_by(wanted: Any, key: str) -> Any:
    """The same filter by the accounts of another source."""
    moved = {
        each.name: replace(ref, source=key)
        for each in fields(wanted)
        if isinstance(ref := getattr(wanted, each.name), Ref)
    }
    return replace(wanted, **moved)
