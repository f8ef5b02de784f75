"""What every registered source says of when and how an answer came, and for how long one may be used again."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from gateway.domain.ids import EntityType
from gateway.domain.ports import MessageReader, TicketWithMessagesReader
from gateway.domain.records import Fetched, Message, NotificationSubscription, Origin, OriginKind
from gateway.resilience.sharing import asks_anew
from gateway.sources.spec import DEFAULT_TTL_S
from gateway.transport import Call, Reply, Transport
from tests.contract.ability import feeds, inside, prepare, readers, reads, send
from tests.contract.conftest import NOW, Bench, Fork, is_log_in, is_write


class Aged:
    """A transport whose replies come as if from a cache, each a second older than the one before."""

    def __init__(self, inner: Transport) -> None:
        self._inner = inner
        self.fetched: list[Fetched] = []

    async def send(self, call: Call) -> Reply:
        if is_log_in(call):
            return await self._inner.send(call)
        age_s = len(self.fetched) + 1
        self.fetched.append(Fetched(NOW - timedelta(seconds=age_s), OriginKind.CACHE, stale=True))
        return replace(await self._inner.send(call), age_s=float(age_s), stale=True)

    async def close(self) -> None:
        pass


class TestOrigins:
    async def test_every_record_read_is_as_old_as_the_answer_that_it_was_made_of(self, bench: Bench) -> None:
        source = bench.source(aged := Aged(bench.wire()))
        conversations = [ref for ref in bench.refs.get(EntityType.TICKET, ()) if ref in bench.found.messages]
        conversations += [ref for ref in bench.refs.get(EntityType.CASE, ()) if ref in bench.found.messages]
        plural = [(read, list(bench.refs[entity][:5])) for entity, read in readers(source).items()]
        if messages := source.port(MessageReader):
            plural.append((messages.read_messages, conversations[:5]))
        if both := source.port(TicketWithMessagesReader):
            plural.append((both.read_ticket_with_messages, conversations[:5]))
        for read, refs in plural:
            aged.fetched.clear()
            of_each = [list(_fetched(slot)) for slot in await read(refs)]
            if len(aged.fetched) == len(refs):
                assert [set(of_one) for of_one in of_each] == [
                    {each} if of_one else set() for each, of_one in zip(aged.fetched, of_each, strict=True)
                ]
            else:
                assert {each for of_one in of_each for each in of_one} == set(aged.fetched)
            assert any(of_each)

    async def test_every_account_found_and_every_template_too(self, bench: Bench) -> None:
        source = bench.source(aged := Aged(bench.wire()))
        for name, act in reads(source, bench.refs, (), bench.sample.keys).items():
            if name.startswith("find_account") or name == "read_templates":
                aged.fetched.clear()
                assert set(_fetched(await act())) == set(aged.fetched)
                assert len(aged.fetched) == 1

    async def test_every_page_and_all_that_is_on_it(self, bench: Bench) -> None:
        source = bench.source(aged := Aged(bench.wire()))
        for wanted in bench.sample.lists:
            for feed in feeds(source, wanted):
                for offset, limit in ((0, 3), (2, 3), (10_000, 3)):
                    aged.fetched.clear()
                    page = await feed.read(offset, limit)
                    assert [page.fetched] == aged.fetched
                    assert {each for item in page.items for each in _fetched(item)} <= {page.fetched}

    async def test_what_comes_from_the_source_says_so(self, bench: Bench) -> None:
        source = bench.source()
        for wanted in bench.sample.lists:
            for feed in feeds(source, wanted):
                page = await feed.read(0, 3)
                assert {page.fetched, *(each for item in page.items for each in _fetched(item))} == {
                    Fetched(NOW)
                }

    async def test_a_record_made_of_a_writes_answer_comes_from_the_source(self, bench: Bench) -> None:
        for write in bench.writes:
            bench.service.reset()
            attempt = await prepare(bench.source(), write, NOW)
            result = await send(bench.source(), write, attempt)
            assert set(_fetched(result)) <= {Fetched(NOW)}
            assert bool(set(_fetched(result))) is isinstance(result, Message | NotificationSubscription)

    async def test_checks_and_all_reads_around_a_write_pass_by_any_cache(self, bench: Bench) -> None:
        """An answer kept from before says nothing of whether the source answers now, nor of what is there."""
        wire = bench.wire()
        source = bench.source(spy := Fork(wire, wire, diverted=is_write))
        await reads(source, bench.refs, (), ())["check"]()
        for write in bench.writes:
            bench.service.reset()
            await send(source, write, await prepare(source, write, NOW))
        assert [call.operation for call in spy.calls if call.safe and not asks_anew(call)] == []


def _fetched(record: object) -> Iterator[Fetched]:
    """How the answers came that a record and all within it were made of."""
    for each in inside(record):
        if isinstance(each, Origin):
            assert each.fetched_at is not None
            yield Fetched(each.fetched_at, each.kind, stale=each.stale)


class TestLives:
    async def test_each_life_is_of_an_endpoint_that_is_read(self, bench: Bench) -> None:
        wire = bench.wire()
        source = bench.source(spy := Fork(wire, wire, diverted=is_write))
        for act in reads(source, bench.refs, bench.sample.lists, bench.sample.keys).values():
            await act()
        # One of each kind of account, as each kind may have an endpoint of its own.
        accounts = {ref.parts[0]: ref for ref in bench.refs[EntityType.ACCOUNT]}
        await readers(source)[EntityType.ACCOUNT](list(accounts.values()))
        for write in bench.writes:
            await send(source, write, await prepare(source, write, NOW))
        assert set(bench.spec.ttl_s) - {call.operation for call in spy.calls if call.safe} == set()
        assert set(bench.spec.ttl_s) & {call.operation for call in spy.calls if not call.safe} == set()
        assert all(DEFAULT_TTL_S < ttl_s <= 300 for ttl_s in bench.spec.ttl_s.values())

    async def test_accounts_and_templates_live_longer_and_nothing_else_does(self, bench: Bench) -> None:
        wire = bench.wire()
        source = bench.source(spy := Fork(wire, wire, diverted=is_write))
        for name, act in reads(source, bench.refs, bench.sample.lists, bench.sample.keys).items():
            if name == "check":
                continue
            spy.calls.clear()
            await act()
            is_slow = name.startswith(("read Account", "find_account", "AccountFilter", "read_templates"))
            operations = {call.operation for call in spy.calls if not is_log_in(call)}
            assert (name, operations & set(bench.spec.ttl_s)) == (name, operations if is_slow else set())
