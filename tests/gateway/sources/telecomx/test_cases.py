from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import pytest

from gateway.domain.errors import SourceCutShort, SourceError, SourceProtocolError, SourceUnavailable
from gateway.domain.ids import EntityType, Ref
from gateway.domain.pages import Feed, NoFeed, Page, SliceState
from gateway.domain.ports import ConversationFilter
from gateway.domain.records import (
    AuthorRole,
    Body,
    Coded,
    ConversationState,
    Fetched,
    Message,
    MessageAuthor,
    MessageType,
    Origin,
    OriginKind,
    TextFormat,
    Ticket,
)
from gateway.sandbox import Faults, Sandbox
from gateway.sandbox.world.telecomx import HELP_CENTERS, OTHER_HELP_CENTER, TelecomxCase
from gateway.sources.telecomx.client import Telecomx
from gateway.transport import Call, Reply, Transport

Build = Callable[..., Telecomx]
Canned = Callable[..., Transport]

NOW = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
NAMES = {HELP_CENTERS[0]: "Kundeservice", HELP_CENTERS[1]: "Teknisk support"}
STATES = {
    "UNHANDLED": ConversationState.NEW,
    "HANDLING": ConversationState.OPEN,
    "CLOSED": ConversationState.CLOSED,
}


def ref_of(case: TelecomxCase) -> Ref:
    return Ref(EntityType.TICKET, "tx", (case.help_center_id, case.conversation_id, case.id))


def ticket(case: TelecomxCase) -> Ticket:
    """The record that the sandbox's case should become; its times are cut to milliseconds on the wire."""
    created_at = case.created_at.replace(microsecond=case.created_at.microsecond // 1000 * 1000)
    return Ticket(
        ref=ref_of(case),
        origin=Origin("tx", case.id, fetched_at=NOW),
        subject=case.subject,
        status=Coded(STATES[case.state], case.state),
        created_at=created_at.astimezone(UTC),
        requester=Ref(EntityType.ACCOUNT, "tx", ("CUSTOMER", case.customer_id)) if case.customer_id else None,
        number=str(case.case_number),
        queue=NAMES[case.help_center_id],
    )


def messages(case: TelecomxCase, staff: str | None = "hjaelp@telecomx.example.net") -> tuple[Message, ...]:
    roles = {case.email_address: AuthorRole.CUSTOMER, staff: AuthorRole.AGENT}
    return tuple(
        Message(
            ref=Ref(EntityType.MESSAGE, "tx", (*ref_of(case).parts, str(index))),
            origin=Origin("tx", f"{case.id}/{index}", fetched_at=NOW),
            conversation=ref_of(case),
            author=MessageAuthor(roles.get(mail.sent_by, AuthorRole.UNKNOWN), email=mail.sent_by),
            kind=Coded(MessageType.MESSAGE, None),
            body=Body(mail.content, TextFormat.UNKNOWN),
        )
        for index, mail in enumerate(case.messages)
    )


def cases(sandbox: Sandbox, help_center: str = HELP_CENTERS[0]) -> list[TelecomxCase]:
    """A help centre's cases, those with the newest mail first."""
    held = [case for case in sandbox.world.telecomx.cases.values() if case.help_center_id == help_center]
    return sorted(held, key=lambda case: case.messages[-1].sent_at, reverse=True)


def feeds(client: Telecomx, wanted: ConversationFilter) -> tuple[Feed[Ticket], ...]:
    offer = client.list_tickets(wanted)
    assert isinstance(offer, tuple)
    return offer


def sent(sandbox: Sandbox) -> list[str]:
    """Paths and queries of all calls but the log-ins, without tokens."""
    return [
        f"{each.path}?{each.query.partition('token=')[0].rstrip('&')}"
        for each in sandbox.services["telecomx"].arrivals
        if each.path != "/auth/login"
    ]


def grow(sandbox: Sandbox, number: int) -> None:
    """Older cases, until the first help centre has that many."""
    held = sandbox.world.telecomx.cases
    model = cases(sandbox)[0]
    for age in range(number - len(cases(sandbox))):
        old = replace(
            model,
            id=f"{0xABC000 + age:024x}",
            conversation_id=f"AAQkAGold{age}==",
            created_at=model.created_at - timedelta(days=1000 + age),
        )
        held[old.conversation_id] = old


# -- lists


async def test_each_help_centre_is_a_feed_by_its_newest_mail(telecomx: Telecomx, sandbox: Sandbox) -> None:
    first, second = feeds(telecomx, ConversationFilter())

    assert [(feed.source, feed.key, feed.max_limit, feed.ordered) for feed in (first, second)] == [
        ("tx", f"{HELP_CENTERS[0]}:", 500, True),
        ("tx", f"{HELP_CENTERS[1]}:", 500, True),
    ]
    held = cases(sandbox)
    assert await first.read(0, 3) == Page(
        tuple(map(ticket, held[:3])), len(held), exhausted=False, fetched=Fetched(NOW)
    )
    assert await second.read(46, 3) == Page(
        tuple(map(ticket, cases(sandbox, HELP_CENTERS[1])[46:])), 48, exhausted=True, fetched=Fetched(NOW)
    )
    assert sent(sandbox) == [
        f"/helpcenter/case?id={HELP_CENTERS[0]}&sortBy=SENT&sortOrder=desc&offset=0&limit=3",
        f"/helpcenter/case?id={HELP_CENTERS[1]}&sortBy=SENT&sortOrder=desc&offset=46&limit=3",
    ]


async def test_each_wanted_state_is_a_feed_of_its_own(telecomx: Telecomx, sandbox: Sandbox) -> None:
    wanted = (ConversationState.CLOSED, ConversationState.NEW, ConversationState.CLOSED)

    found = feeds(telecomx, ConversationFilter(status=wanted, queue="kundeservice"))

    assert [feed.key for feed in found] == [f"{HELP_CENTERS[0]}:CLOSED", f"{HELP_CENTERS[0]}:UNHANDLED"]
    closed = [case for case in cases(sandbox) if case.state == "CLOSED"]
    assert (await found[0].read(0, 100)).items == tuple(map(ticket, closed))
    assert sent(sandbox) == [
        f"/helpcenter/case?id={HELP_CENTERS[0]}&state=CLOSED&sortBy=SENT&sortOrder=desc&offset=0&limit=100"
    ]


async def test_states_follow_the_configured_table(build: Build) -> None:
    client = build(statuses={"handling": "NEW", "UNHANDLED": "NEW"})

    found = feeds(client, ConversationFilter(status=(ConversationState.NEW,), queue=HELP_CENTERS[1]))

    assert [feed.key for feed in found] == [f"{HELP_CENTERS[1]}:UNHANDLED", f"{HELP_CENTERS[1]}:HANDLING"]


@pytest.mark.parametrize(
    "queue", [HELP_CENTERS[1], HELP_CENTERS[1].upper(), "Teknisk support", "TEKNISK SUPPORT"]
)
async def test_a_help_centre_is_a_queue_by_its_id_or_name(telecomx: Telecomx, queue: str) -> None:
    (feed,) = feeds(telecomx, ConversationFilter(queue=queue))

    assert feed.key == f"{HELP_CENTERS[1]}:"


async def test_a_search_says_nothing_of_its_order(telecomx: Telecomx, sandbox: Sandbox) -> None:
    wanted = cases(sandbox)[4]

    first, _ = feeds(telecomx, ConversationFilter(search=wanted.email_address))
    page = await first.read(0, 50)

    same = [case for case in cases(sandbox) if case.email_address == wanted.email_address]
    assert (first.key, first.ordered) == (f"{HELP_CENTERS[0]}:search", False)
    assert page == Page(tuple(map(ticket, same)), len(same), exhausted=True, fetched=Fetched(NOW))
    address = wanted.email_address.replace("@", "%40")
    assert sent(sandbox) == [
        f"/helpcenter/case/search?id={HELP_CENTERS[0]}&searchFilter={address}&sortOrder=desc&offset=0&limit=50"
    ]


ACCOUNT = Ref(EntityType.ACCOUNT, "tx", ("CUSTOMER", "0" * 24))
STRANGER = Ref(EntityType.ACCOUNT, "tulo", ("SUBSCRIBER", "0" * 24))


@pytest.mark.parametrize(
    ("wanted", "state"),
    [
        (ConversationFilter(account=ACCOUNT), SliceState.UNSUPPORTED),
        (ConversationFilter(assignee=ACCOUNT), SliceState.UNSUPPORTED),
        (ConversationFilter(updated_after=NOW), SliceState.UNSUPPORTED),
        (
            ConversationFilter(search="router", status=(ConversationState.NEW,)),
            SliceState.UNSUPPORTED,
        ),
        (ConversationFilter(status=(ConversationState.ON_HOLD,)), SliceState.UNSUPPORTED),
        (ConversationFilter(account=STRANGER), SliceState.SKIPPED),
        (ConversationFilter(assignee=STRANGER), SliceState.SKIPPED),
        (ConversationFilter(queue="Faktura"), SliceState.SKIPPED),
    ],
)
async def test_a_list_that_cannot_be_had_says_so_without_a_call(
    telecomx: Telecomx, sandbox: Sandbox, wanted: ConversationFilter, state: SliceState
) -> None:
    offer = telecomx.list_tickets(wanted)

    assert isinstance(offer, NoFeed)
    assert (offer.state, bool(offer.reason)) == (state, True)
    assert sandbox.services["telecomx"].arrivals == []


async def test_without_help_centres_there_are_no_tickets(build: Build) -> None:
    assert build(help_centers=[]).list_tickets(ConversationFilter()) == NoFeed(
        SliceState.UNSUPPORTED, "No help centre is configured."
    )


# -- single cases


async def test_one_look_serves_all_cases_of_a_help_centre(telecomx: Telecomx, sandbox: Sandbox) -> None:
    here, there = cases(sandbox), cases(sandbox, HELP_CENTERS[1])
    wanted = [here[47], there[3], here[0], here[47]]

    slots = await telecomx.read_ticket_with_messages([ref_of(case) for case in wanted])

    assert slots == [
        (ticket(here[47]), messages(here[47])),
        (ticket(there[3]), messages(there[3], staff=None)),
        (ticket(here[0]), messages(here[0])),
        (ticket(here[47]), messages(here[47])),
    ]
    assert sorted(sent(sandbox)) == [
        f"/helpcenter/case?id={help_center}&sortBy=CREATED&sortOrder=desc&offset=0&limit=500"
        for help_center in HELP_CENTERS
    ]


async def test_tickets_and_messages_are_the_halves_of_it(telecomx: Telecomx, sandbox: Sandbox) -> None:
    case, absent = cases(sandbox)[7], replace(cases(sandbox)[7], id="0" * 24)
    refs = [ref_of(absent), ref_of(case)]

    assert await telecomx.read_tickets(refs) == [None, ticket(case)]
    assert await telecomx.read_messages(refs) == [None, messages(case)]
    assert await telecomx.read_tickets([]) == []
    assert len(sent(sandbox)) == 2


async def test_ids_are_compared_without_case_but_conversations_with_it(
    telecomx: Telecomx, sandbox: Sandbox
) -> None:
    case = cases(sandbox)[7]
    help_center, conversation, case_id = ref_of(case).parts
    capitals = Ref(EntityType.TICKET, "tx", (help_center.upper(), conversation, case_id.upper()))
    other = Ref(EntityType.TICKET, "tx", (help_center, conversation.swapcase(), case_id))

    assert await telecomx.read_tickets([capitals, other]) == [ticket(case), None]


@pytest.mark.parametrize("help_center", [OTHER_HELP_CENTER, "0" * 24])
async def test_a_help_centre_that_is_not_configured_has_no_cases(
    telecomx: Telecomx, sandbox: Sandbox, help_center: str
) -> None:
    ref = Ref(EntityType.TICKET, "tx", (help_center, "AAQkAGEx=", "65a0f1c2d3e4b5a697880030"))

    assert await telecomx.read_tickets([ref]) == [None]
    assert sandbox.services["telecomx"].arrivals == []


async def test_looking_stops_once_all_are_found(telecomx: Telecomx, sandbox: Sandbox) -> None:
    grow(sandbox, 1100)

    slots = await telecomx.read_tickets([ref_of(cases(sandbox, HELP_CENTERS[0])[0])])

    assert isinstance(slots[0], Ticket)
    assert len(sent(sandbox)) == 1


async def test_looking_to_the_end_proves_that_a_case_does_not_exist(build: Build, sandbox: Sandbox) -> None:
    grow(sandbox, 1100)
    oldest = min(cases(sandbox), key=lambda case: case.created_at)
    absent = replace(oldest, id="0" * 24)

    slots = await build(scan_pages=3).read_tickets([ref_of(oldest), ref_of(absent)])

    assert slots == [ticket(oldest), None]
    assert [path.partition("offset=")[2] for path in sent(sandbox)] == [
        "0&limit=500",
        "500&limit=500",
        "1000&limit=500",
    ]


async def test_a_look_cut_short_proves_nothing(build: Build, sandbox: Sandbox) -> None:
    grow(sandbox, 1100)
    oldest, newest = min(cases(sandbox), key=lambda case: case.created_at), cases(sandbox)[0]

    missed, found = await build(scan_pages=2).read_tickets([ref_of(oldest), ref_of(newest)])

    assert isinstance(missed, SourceCutShort)
    assert missed.detail == "not among the 1000 newest cases of its help centre"
    assert found == ticket(newest)
    assert len(sent(sandbox)) == 2


async def test_a_help_centre_out_of_reach_costs_its_own_cases_only(build: Build, sandbox: Sandbox) -> None:
    client = build(
        help_centers=[
            {"id": HELP_CENTERS[0], "name": "Kundeservice", "email": "hjaelp@telecomx.example.net"},
            {"id": OTHER_HELP_CENTER, "name": "Elsewhere"},
        ]
    )
    case = cases(sandbox)[0]
    other = Ref(EntityType.TICKET, "tx", (OTHER_HELP_CENTER, "AAQkAGEx=", "0" * 24))

    refused, found = await client.read_ticket_with_messages([other, ref_of(case)])

    assert isinstance(refused, SourceError)
    assert found == (ticket(case), messages(case))


async def test_what_was_found_before_a_failure_stands(build: Build, canned: Canned) -> None:
    """The first page comes; the second can't be read."""
    first = b'{"total": 2, "cases": [{"_id": "0aa", "conversationId": "AAQ="}]}'
    refs = [Ref(EntityType.TICKET, "tx", (HELP_CENTERS[0], "AAQ=", each)) for each in ("0AA", "0bb")]

    found, failed = await build(canned(b'{"token": "t"}', first, b"<html>")).read_tickets(refs)

    assert isinstance(found, Ticket)
    assert isinstance(failed, SourceProtocolError)


async def test_mails_of_another_form_cost_the_messages_but_not_the_list(build: Build, canned: Canned) -> None:
    """The mails' form is the least proven part of a case."""
    page = b"""{"total": 1, "cases": [{"_id": "0aa", "conversationId": "AAQ=",
                "messages": [{"content": "Hi", "sentBy": {"address": "bo@example.org"}}]}]}"""
    client = build(canned(b'{"token": "t"}', page))

    (ticket, *_) = (await feeds(client, ConversationFilter())[0].read(0, 10)).items
    (slot,) = await client.read_ticket_with_messages([ticket.ref])

    assert isinstance(slot, SourceProtocolError)
    assert slot.json_path == "$[0].messages[0].sentBy"


class Kept:
    """A transport that answers pages of cases as if they had been kept for so long, unless asked anew."""

    def __init__(self, inner: Transport, ages_s: Mapping[str, float]) -> None:
        self._inner = inner
        self._ages_s = ages_s

    async def send(self, call: Call) -> Reply:
        reply = await self._inner.send(call)
        age_s = self._ages_s.get(dict(call.query).get("offset", ""))
        if age_s is None or "cache-control" in call.headers:
            return reply
        return replace(reply, age_s=age_s, stale=True)

    async def close(self) -> None:
        pass


def page_calls(sandbox: Sandbox) -> list[tuple[str, bool]]:
    """The offsets of the pages that were read, and whether past every cache."""
    return [
        (parse_qs(each.query)["offset"][0], "cache-control" in each.headers)
        for each in sandbox.services["telecomx"].arrivals
        if each.path == "/helpcenter/case"
    ]


async def test_each_case_is_as_old_as_the_page_that_it_stood_on(
    build: Build, wire: Transport, sandbox: Sandbox
) -> None:
    grow(sandbox, 600)
    newest = max(cases(sandbox), key=lambda case: case.created_at)
    oldest = min(cases(sandbox), key=lambda case: case.created_at)
    client = build(Kept(wire, {"0": 9.0, "500": 4.0}))

    slots = await client.read_ticket_with_messages([ref_of(oldest), ref_of(newest)])

    ages_s = (4, 9)
    for case, age_s, slot in zip((oldest, newest), ages_s, slots, strict=True):
        assert isinstance(slot, tuple)
        found, mails = slot
        kept = Fetched(NOW - timedelta(seconds=age_s), OriginKind.CACHE, stale=True)
        assert found == replace(ticket(case), origin=kept.origin("tx", case.id))
        assert [mail.origin for mail in mails] == [
            kept.origin("tx", f"{case.id}/{index}") for index in range(len(case.messages))
        ]
    assert page_calls(sandbox) == [("0", False), ("500", False)]


async def test_a_page_kept_from_before_the_one_in_front_of_it_is_read_anew(
    build: Build, wire: Transport, sandbox: Sandbox
) -> None:
    """A case that was the last of the first page then may stand on neither of them."""
    grow(sandbox, 600)
    oldest = min(cases(sandbox), key=lambda case: case.created_at)

    slots = await build(Kept(wire, {"500": 1.5})).read_tickets([ref_of(oldest)])

    assert slots == [ticket(oldest)]
    assert page_calls(sandbox) == [("0", False), ("500", False), ("500", True)]


async def test_an_empty_page_before_the_total_proves_nothing(build: Build, canned: Canned) -> None:
    ref = Ref(EntityType.TICKET, "tx", (HELP_CENTERS[0], "AAQ=", "0aa"))

    (slot,) = await build(canned(b'{"token": "t", "total": 5, "cases": []}')).read_tickets([ref])

    assert isinstance(slot, SourceCutShort)


async def test_a_dead_source_fills_every_slot(telecomx: Telecomx, sandbox: Sandbox) -> None:
    await telecomx.check()
    sandbox.services["telecomx"].faults = Faults(error_rate=1.0, error_status=500)

    slots = await telecomx.read_messages([ref_of(case) for case in cases(sandbox)[:3]])

    assert [type(slot) for slot in slots] == [SourceUnavailable] * 3


async def test_a_case_is_named_without_a_call(telecomx: Telecomx, sandbox: Sandbox) -> None:
    ref = ref_of(cases(sandbox)[0])

    assert telecomx.name_conversation(ref) == Ticket(
        ref=ref,
        origin=Origin("tx", ref.parts[2], kind=OriginKind.REFERENCE),
        queue="Kundeservice",
        missing=frozenset({"subject", "status", "created_at", "requester", "number"}),
    )
    assert sandbox.services["telecomx"].arrivals == []


async def test_what_a_search_looks_at_is_told(telecomx: Telecomx) -> None:
    fields: Sequence[str] = telecomx.search_fields

    assert list(fields) == [
        "customer name",
        "subject",
        "phone number",
        "e-mail address",
        "text of the mails",
        "sender of the mails",
    ]
