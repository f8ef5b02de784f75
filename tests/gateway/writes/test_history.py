"""The ledger as the graph reads it, over the real ledger."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from gateway.domain.audit import AuditFilter
from gateway.domain.catalog import Catalog, RefShapes, Source, entry_id_of, written_message
from gateway.domain.errors import BadInput
from gateway.domain.ids import EntityType, Ref
from gateway.domain.ledger import Entry, EntryFilter, Ledger, WriteState
from gateway.domain.writes import NewTicket
from gateway.writes import inputs
from gateway.writes.history import History
from tests.gateway.writes.conftest import FileLedger
from tests.gateway.writes.desk import START, TICKET, at, entry, message, source

_SHAPES: RefShapes = {EntityType.TICKET: (r"\d+",), EntityType.MESSAGE: (r"\d+", r"\d+")}
_OWN_ACCOUNTS: RefShapes = {
    EntityType.TICKET: ("[a-z]+", r"\d+"),
    EntityType.MESSAGE: ("[a-z]+", r"\d+", "0"),
}
_CREATED = Ref(EntityType.TICKET, "desk", ("ola", "7"))


def history(ledger: Ledger, **changes: Any) -> History:
    desk = source(**{"shapes": _SHAPES, **changes})
    return History(ledger, Catalog((desk,)))


async def put(ledger: Ledger, digit: str, moment: datetime = START, **changes: Any) -> Entry:
    """A reply that became message 1, 2, ... unless said otherwise."""
    made = replace(
        entry(WriteState.CONFIRMED, id=digit * 32, key=f"k{digit}", submitted_at=moment),
        **{"result": message(int(digit, 16)), **changes},
    )
    assert await ledger.insert(made) is None
    return made


async def test_entries_are_given_by_their_ids(ledger: FileLedger) -> None:
    one, two = await put(ledger, "1"), await put(ledger, "2")

    assert await history(ledger).entries([two.id, "f" * 32, one.id]) == [two, None, one]


async def test_the_writes_of_many_objects_are_one_query(ledger: FileLedger) -> None:
    one, two = await put(ledger, "1"), await put(ledger, "2")
    asked: list[int] = []
    by_results = ledger.by_results

    async def counted(results: Any) -> list[Entry]:
        asked.append(len(results))
        return await by_results(results)

    ledger.by_results = counted  # type: ignore[method-assign]

    assert await history(ledger).by_results([message(2), message(9), message(1)]) == [two, None, one]
    assert asked == [3]


async def test_what_was_sent_to_a_conversation_comes_oldest_first_and_under_its_sources_credentials(
    ledger: FileLedger,
) -> None:
    late, early = await put(ledger, "1", at(60)), await put(ledger, "2")
    await put(ledger, "3", credential="another")
    await put(ledger, "4", target=Ref(EntityType.TICKET, "desk", ("43",)), result=None)
    await put(ledger, "5", state=WriteState.IN_DOUBT, result=None)

    assert await history(ledger).sent_to(TICKET) == [early, late]


async def test_keys_and_pages_are_the_principals(ledger: FileLedger) -> None:
    one, two = await put(ledger, "1"), await put(ledger, "2", at(5))
    await put(ledger, "3", principal="ida")
    known = history(ledger)

    assert await known.by_key({"ola"}, "k1") == one
    assert await known.by_key({"ida"}, "k1") is None
    wanted = EntryFilter()
    assert await known.page(wanted, {"ola"}, limit=1, after=None) == [two]
    assert await known.page(wanted, {"ola"}, limit=5, after=(two.submitted_at, two.id)) == [one]


async def test_who_operates_sources_sees_everybodys_writes_to_them(ledger: FileLedger) -> None:
    own, hers = await put(ledger, "1", source="crm"), await put(ledger, "2", at(5), principal="ida")
    crm = await put(ledger, "3", at(10), principal="ida", source="crm")
    known, wanted = history(ledger), EntryFilter()

    async def page(operated: frozenset[str] | None, limit: int = 9, **narrower: Any) -> list[Entry]:
        narrowed = replace(wanted, **narrower)
        return await known.page(narrowed, {"ola"}, limit=limit, after=None, operated=operated)

    assert await page(frozenset()) == [own]
    assert await page(frozenset({"desk"})) == [hers, own]
    assert await page(frozenset({"desk"}), limit=1) == [hers]
    assert await page(frozenset({"crm"})) == [crm, own]
    assert await page(frozenset({"crm"}), source="desk") == []
    assert await page(None) == [crm, hers, own]
    assert await page(None, source="crm") == [crm, own]

    operators: list[frozenset[str] | None] = [frozenset(), frozenset({"desk"}), frozenset({"crm"}), None]
    seen = [
        [known.own(each, {"ola"}, operated=operated) for each in (own, hers, crm)] for operated in operators
    ]
    assert seen == [[own, None, None], [own, hers, None], [own, None, crm], [own, hers, crm]]


async def test_the_audit_log_is_read_newest_first(ledger: FileLedger) -> None:
    for digit in "123":
        await put(ledger, digit)
    wanted = AuditFilter(principal="system")
    events = await history(ledger).events(wanted, limit=9, after=None)

    assert [each.deed.write_id for each in events] == ["3" * 32, "2" * 32, "1" * 32]
    assert await history(ledger).events(wanted, limit=1, after=events[0].id) == events[1:2]


async def test_an_entry_is_seen_by_its_principal_alone(ledger: FileLedger) -> None:
    known = history(ledger)

    assert known.own(entry(), {"ola"}) == entry()
    assert known.own(entry(), {"ida"}) is None
    assert known.own(None, {"ola"}) is None


@pytest.mark.parametrize(
    ("changes", "shown"),
    [({}, True), ({"own_credential": "another"}, False), ({"key": "elsewhere"}, False)],
    ids=["as sent", "other credentials", "source gone"],
)
async def test_what_a_write_has_become_is_shown_under_its_credentials_alone(
    ledger: FileLedger, changes: dict[str, Any], shown: bool
) -> None:
    known = history(ledger, **{"shapes": _OWN_ACCOUNTS, **changes})
    written = inputs.encode(NewTicket(subject="Heading", body="Text"))
    made = entry(WriteState.CONFIRMED, operation="createTicket", target=None, result=_CREATED, input=written)

    assert (known.ticket(made) is not None, known.message(made) is not None) == (shown, shown)


async def test_a_message_has_its_sources_id_or_one_made_of_its_write(ledger: FileLedger) -> None:
    told = entry(WriteState.CONFIRMED, result=message(4))
    silent = entry(WriteState.CONFIRMED)

    assert _ref(history(ledger), told) == message(4)
    assert _ref(history(ledger), silent) == Ref(EntityType.MESSAGE, "desk", ("42", f"write-{silent.id}"))


async def test_a_new_tickets_message_has_the_id_that_its_source_gives_it(ledger: FileLedger) -> None:
    written = inputs.encode(NewTicket(subject="Heading", body="Text"))
    made = entry(WriteState.CONFIRMED, operation="createTicket", target=None, result=_CREATED, input=written)

    assert _ref(history(ledger, shapes=_OWN_ACCOUNTS), made) == Ref(
        EntityType.MESSAGE, "desk", ("ola", "7", "0")
    )
    several = {**_OWN_ACCOUNTS, EntityType.MESSAGE: ("[a-z]+", r"\d+", r"\d+")}
    assert _ref(history(ledger, shapes=several), made) == written_message(_CREATED, made.id)


def _ref(known: History, made: Entry) -> Ref:
    served = known.message(made)
    assert served is not None
    return served.ref


def _desk(shapes: RefShapes = _SHAPES) -> Source:
    return source(shapes=shapes)


def test_a_reference_of_our_own_is_one_of_every_source_with_conversations() -> None:
    ours = written_message(TICKET, "a" * 32)
    _desk().check_ref(ours, argument="id")

    assert entry_id_of(ours) == "a" * 32
    assert _desk().conversation_of(ours) == TICKET


@pytest.mark.parametrize(
    ("shapes", "parts"),
    [
        (_SHAPES, ("42", f"write-{'A' * 32}")),
        (_SHAPES, ("42", f"write-{'a' * 31}")),
        (_SHAPES, ("42", f"write-{'a' * 32}\n")),
        (_SHAPES, ("forty-two", f"write-{'a' * 32}")),
        (_SHAPES, (f"write-{'a' * 32}",)),
        (_SHAPES, ("42", "1", f"write-{'a' * 32}")),
        ({}, (f"write-{'a' * 32}",)),
    ],
)
def test_what_only_looks_like_one_is_refused(shapes: RefShapes, parts: tuple[str, ...]) -> None:
    with pytest.raises(BadInput):
        _desk(shapes).check_ref(Ref(EntityType.MESSAGE, "desk", parts), argument="id")


def test_a_conversation_of_one_message_says_so_by_its_shapes() -> None:
    assert _desk(_OWN_ACCOUNTS).only_message(_CREATED) == Ref(EntityType.MESSAGE, "desk", ("ola", "7", "0"))
    assert _desk().only_message(TICKET) is None
    assert _desk({}).only_message(TICKET) is None
