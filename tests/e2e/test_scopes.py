"""What may not be seen isn't, on any way to it; and the rest stands."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from graphql import get_named_type

from gateway.domain.access import EVERYTHING, Scope
from resolvers.schema import build_schema
from tests.e2e.paths import RECORDS, SHOWN, Path, Paths, counted, first_of, refusals, seen
from tests.e2e.priced_operations import GUID, SUBSCRIBER, known_ids
from tests.e2e.principals import Caller, Desk, open_desk

_SOURCES = ("tulo", "service_order_hub", "netevia", "telecomx", "thulium")
_SCHEMA = build_schema()._schema


@dataclass(frozen=True)
class Entry:
    """A root field with arguments; `$x` is one of `known_ids`. `kind` is what an interface gives here."""

    field: str
    arguments: str = ""
    kind: str | None = None
    max_records: int = 3

    def __str__(self) -> str:
        return f"{self.field}{self.arguments}"


_ENTRIES = (
    Entry("node", "(id: $ticket)", "Ticket"),
    Entry("node", "(id: $pending)", "Ticket"),
    Entry("node", "(id: $helpCentreCase)", "Ticket"),
    Entry("node", "(id: $customer)", "Account"),
    Entry("node", "(id: $partner)", "Account"),
    Entry("node", "(id: $subscriber)", "Account"),
    Entry("node", "(id: $reseller)", "Account"),
    Entry("node", "(id: $message)", "Message"),
    Entry("node", "(id: $caseMessage)", "Message"),
    Entry("node", "(id: $case)", "Case"),
    Entry("node", "(id: $subscription)", "ProductSubscription"),
    Entry("node", "(id: $topic)", "NotificationSubscription"),
    Entry("node", "(id: $template)", "MessageTemplate"),
    Entry("nodes", "(ids: [$ticket, $case, $customer, $message, $topic, $template])", max_records=1),
    Entry("account", "(id: $customer)"),
    Entry("account", "(id: $partner)"),
    Entry("account", f'(lookup: {{source: "tulo", nativeId: "{SUBSCRIBER}"}})'),
    Entry("accounts", "(first: 3)"),
    Entry("case", "(id: $case)"),
    Entry("case", "(guid: $guid)"),
    Entry("case", f'(ref: {{source: "service_order_hub", nativeId: "{GUID}"}})'),
    Entry("cases", "(first: 2)"),
    Entry("cases", "(filter: {guids: [$guid]})"),
    Entry("ticket", "(id: $ticket)"),
    Entry("ticket", '(ref: {source: "thulium", nativeId: "1234"})'),
    Entry("tickets", "(first: 4)"),
    Entry("tickets", "(first: 2, filter: {account: $subscriber})"),
    Entry("conversations", "(first: 4)", max_records=2),
    Entry("message", "(id: $message)"),
    Entry("message", "(id: $caseMessage)"),
    Entry("subscription", "(id: $topic)"),
    Entry("subscription", "(id: $subscription)"),
    Entry("subscriptions", "(first: 2)"),
    Entry("subscriptions", "(first: 2, filter: {account: $subscriber})"),
    Entry("messageTemplates"),
    Entry("write", '(idempotencyKey: "walk")', max_records=2),
    Entry("writes", "(first: 1)", max_records=1),
)
# All ways at once are far more than one request may usually take.
_SETTINGS = {
    "limits": {
        "max_document_characters": 1_000_000,
        "max_tokens": 20_000,
        "max_aliases": 10_000,
        "max_depth": 50,
        "max_selections": 100_000,
        "max_repeats": 1_000,
        "max_estimated_calls": 1_000_000,
        "max_objects": 10_000_000,
    },
    "operations": {"timeout_s": 60, "max_timeout_s": 60, "max_calls": 1000, "max_calls_per_source": 1000},
}
_REPLY = """mutation($to: ID!) {
  reply(input: {to: $to, body: "Hello", idempotencyKey: "walk"}) { write { state } } }"""


@dataclass(frozen=True)
class Walk:
    """A desk, and ids of its world."""

    desk: Desk
    ids: dict[str, Any]

    async def ask(self, caller: str, entry: Entry) -> dict[str, Any]:
        """Take every way that begins at an entry."""
        used = {name: value for name, value in self.ids.items() if re.search(rf"\${name}\b", entry.arguments)}
        head = ", ".join(f"${name}: ID!" for name in used)
        answer = await self.desk.ask(caller, f"query{f'({head})' if used else ''} {_selected(entry)}", used)
        codes = {error["extensions"]["code"] for error in answer.get("errors", ())}
        assert codes <= {"FORBIDDEN"}, answer["errors"][:3]
        return answer


def _selected(entry: Entry) -> str:
    assert _SCHEMA.query_type is not None
    target = get_named_type(_SCHEMA.query_type.fields[entry.field].type).name
    paths = Paths(_SCHEMA, max_records=entry.max_records)
    if entry.kind is None:
        below = paths.below(target)
    else:
        below = f"{{ __typename ... on {entry.kind} {paths.below(entry.kind)} }}"
    return f"{{ {entry.field}{entry.arguments} {below} }}"


@pytest.fixture(scope="module")
async def walk() -> AsyncIterator[Walk]:
    callers = {"all": Caller(EVERYTHING), "none": Caller(())}
    callers |= {scope.value: Caller([each for each in Scope if each is not scope]) for scope in SHOWN}
    callers |= {source: Caller([f"{scope}@{source}" for scope in Scope]) for source in _SOURCES}
    kept = {"cache_ttl_s": 300, "max_connections": 50}
    async with open_desk(callers, each_source=kept, settings=_SETTINGS) as desk:
        ids = await known_ids(_Everything(desk))  # type: ignore[arg-type] # all that it needs of a stack
        for caller in ("all", "thulium", *(scope.value for scope in SHOWN)):
            written = await desk.ask(caller, _REPLY, {"to": ids["ticket"]})
            assert written["data"]["reply"]["write"]["state"] == "CONFIRMED", written
        yield Walk(desk, ids)


class _Everything:
    """Asks as who may do everything."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def data(self, query: str, variables: dict[str, Any] | None = None) -> Any:
        answer = await self._desk.ask("all", query, variables)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]


@pytest.mark.parametrize("entry", _ENTRIES, ids=str)
async def test_without_its_scope_no_way_leads_to_a_record_and_all_others_stand(
    walk: Walk, entry: Entry
) -> None:
    whole = await walk.ask("all", entry)
    assert refusals(whole) == set()
    found = set(seen(whole["data"]))
    assert found, "the entry leads nowhere"
    for scope, kinds in SHOWN.items():
        answer = await walk.ask(scope.value, entry)
        shown = set(seen(answer["data"]))
        firsts = first_of(found, kinds)
        assert {each.kind for each in shown}.isdisjoint(kinds), scope
        # Each way ends where its first such record stood, with an error there or at the list that it was in.
        refused = refusals(answer)
        for way in firsts:
            assert any(way[: len(each)] == each for each in refused), (scope, way, sorted(refused))
        others = {each for each in found if not any(each.path[: len(way)] == way for way in firsts)}
        missing = {each for each in others - shown if not _is_of_a_write(each.path)}
        assert missing == set(), scope
        if scope is Scope.MESSAGES_READ:
            assert list(counted(answer["data"])) == []


def _is_of_a_write(way: Path) -> bool:
    """Whether it leads over a message's write: each caller sees their own alone."""
    return "Message_write" in way


@pytest.mark.parametrize("entry", _ENTRIES, ids=str)
async def test_with_scopes_for_one_source_nothing_of_another_is_seen(walk: Walk, entry: Entry) -> None:
    found = {each for each in seen((await walk.ask("all", entry))["data"]) if each.source is not None}
    for source in _SOURCES:
        shown = {each for each in seen((await walk.ask(source, entry))["data"]) if each.source is not None}
        assert {each.source for each in shown} <= {source}
        # What doesn't stand below another source's record stands; of a shorter list more may be seen.
        if "first" not in entry.arguments:
            missing = {each for each in found if each.source == source} - shown
            assert {each for each in missing if not _is_of_a_write(each.path)} == set()


@pytest.mark.parametrize("entry", _ENTRIES, ids=str)
async def test_without_any_scope_nothing_is_seen_and_no_source_is_asked(walk: Walk, entry: Entry) -> None:
    walk.desk.stack.forget()
    answer = await walk.ask("none", entry)
    assert set(seen(answer["data"])) == set()
    assert walk.desk.stack.calls() == {}
    # One's own writes need no scope; there are none.
    assert refusals(answer) or entry.field in {"write", "writes"}


async def test_the_walk_meets_every_field_that_leads_to_a_record(walk: Walk) -> None:
    met: dict[tuple[str, str], set[str]] = {}
    ways = 0
    for entry in _ENTRIES:
        found = list(seen((await walk.ask("all", entry))["data"]))
        ways += len({each.path for each in found})
        for each in found:
            met.setdefault((each.path[-1], each.kind), set()).add(entry.field)
    assert {kind for _, kind in met} == RECORDS | {"Subscribers"}
    assert ways >= _WAYS


# How many different ways the walk has taken; more is fine.
_WAYS = 250
