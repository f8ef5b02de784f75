from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from gateway.domain.errors import Refusal, RefusalCode, SourceRejected, SourceUnavailable
from gateway.domain.ids import EntityType, Ref
from gateway.domain.pages import NoFeed, Page, SliceState
from gateway.domain.ports import ConversationFilter
from gateway.domain.records import (
    Account,
    AccountKind,
    AccountState,
    AuthorRole,
    Body,
    Coded,
    ConversationState,
    Fetched,
    Message,
    MessageAuthor,
    MessageTemplate,
    MessageType,
    Origin,
    OriginKind,
    TextFormat,
    Ticket,
)
from gateway.domain.writes import NewTicket
from gateway.sandbox import Faults, Sandbox
from gateway.sandbox.world.tulo import DOCUMENTED_ACCOUNT, TuloHelpdeskMessage
from gateway.sources.tulo.client import Tulo
from tests.sources import ATTEMPT

Build = Callable[..., Tulo]

NOW = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
STATES = {
    "created": AccountState.INACTIVE,
    "active": AccountState.ACTIVE,
    "inactive": AccountState.INACTIVE,
    "archived": AccountState.DELETED,
}
ACCOUNT = Ref(EntityType.ACCOUNT, "tulo", ("SUBSCRIBER", DOCUMENTED_ACCOUNT))
AGENT = Ref(EntityType.ACCOUNT, "tulo", ("AGENT", "0" * 24))
NOBODY = Ref(EntityType.ACCOUNT, "tulo", ("SUBSCRIBER", "0" * 24))
STRANGER = Ref(EntityType.ACCOUNT, "tx", ("CUSTOMER", "0" * 24))


def ref_of(message: TuloHelpdeskMessage) -> Ref:
    return Ref(EntityType.TICKET, "tulo", (message.account_id, message.id))


def account(kind: AccountKind, held: dict[str, Any]) -> Account:
    """What an inline account should become; the two tables of the sandbox name things differently."""
    name = " ".join(part for part in (held["first_name"], held["last_name"]) if part) or None
    return Account(
        ref=Ref(EntityType.ACCOUNT, "tulo", (kind.value, held["id"])),
        origin=Origin("tulo", held["id"], fetched_at=NOW),
        kind=kind,
        name=name,
        email=held.get("email", held.get("contact_email")),
        phone=held.get("mobile_phone_number", held.get("mobile_number")),
        status=Coded(STATES[held["status"]], held["status"]),
    )


def cut(moment: datetime) -> datetime:
    """Milliseconds are all that goes over the wire."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000).astimezone(UTC)


def ticket(sandbox: Sandbox, message: TuloHelpdeskMessage) -> Ticket:
    """The record that the sandbox's message should become."""
    world = sandbox.world.tulo
    return Ticket(
        ref=ref_of(message),
        origin=Origin("tulo", message.id, fetched_at=NOW),
        subject=message.heading,
        status=Coded(ConversationState.OPEN, "pending"),
        created_at=cut(message.created_at),
        updated_at=cut(message.updated_at),
        requester=account(AccountKind.SUBSCRIBER, world.accounts[message.account_id]),
        assignee=account(AccountKind.AGENT, world.staff[message.assignee_id])
        if message.assignee_id
        else None,
    )


def only_message(sandbox: Sandbox, message: TuloHelpdeskMessage) -> Message:
    sender = account(AccountKind.SUBSCRIBER, sandbox.world.tulo.accounts[message.account_id])
    return Message(
        ref=Ref(EntityType.MESSAGE, "tulo", (message.account_id, message.id, "0")),
        origin=Origin("tulo", message.id, fetched_at=NOW),
        conversation=ref_of(message),
        author=MessageAuthor(AuthorRole.CUSTOMER, name=sender.name, email=sender.email, account=sender),
        kind=Coded(MessageType.MESSAGE, "request"),
        heading=message.heading,
        body=Body(message.message, TextFormat.PLAIN),
        created_at=cut(message.created_at),
    )


def pending(sandbox: Sandbox, account_id: str = DOCUMENTED_ACCOUNT) -> list[TuloHelpdeskMessage]:
    """An account's pending messages, the newest change first."""
    held = [
        message
        for message in sandbox.world.tulo.helpdesk_messages.values()
        if message.account_id == account_id and message.state == "pending"
    ]
    return sorted(held, key=lambda message: message.updated_at, reverse=True)


def sent(sandbox: Sandbox) -> list[str]:
    """Paths below the base and queries of all calls but the log-ins."""
    return [
        f"{each.path.removeprefix('/external/api/v1/')}?{each.query}"
        for each in sandbox.services["tulo"].arrivals
        if each.path != "/api/authorization/access_token"
    ]


async def test_enabled_templates_are_read(tulo: Tulo, sandbox: Sandbox) -> None:
    assert await tulo.read_templates() == tuple(
        MessageTemplate(
            ref=Ref(EntityType.MESSAGE_TEMPLATE, "tulo", (held["id"],)),
            origin=Origin("tulo", held["id"], fetched_at=NOW),
            heading=held["heading"],
            text=held["message"],
            locale="sv-SE",
            enabled=True,
        )
        for held in sandbox.world.tulo.templates
        if held["enabled"]
    )


# -- lists


async def test_an_accounts_pending_messages_come_newest_first(tulo: Tulo, sandbox: Sandbox) -> None:
    first, second, third = (ticket(sandbox, each) for each in pending(sandbox))
    offer = tulo.list_tickets(ConversationFilter(account=ACCOUNT))
    assert isinstance(offer, tuple)
    (feed,) = offer

    assert (feed.source, feed.key, feed.max_limit, feed.ordered) == ("tulo", "pending", 500, True)
    assert await feed.read(0, 2) == Page((first, second), 3, exhausted=False, fetched=Fetched(NOW))
    assert await feed.read(2, 2) == Page((third,), 3, exhausted=True, fetched=Fetched(NOW))
    path = f"helpdesk_messages/get_pending_messages?account_id={DOCUMENTED_ACCOUNT}"
    assert sent(sandbox) == [path] * 2


async def test_an_account_that_is_not_there_has_no_messages(tulo: Tulo) -> None:
    offer = tulo.list_tickets(ConversationFilter(account=NOBODY, status=(ConversationState.OPEN,)))
    assert isinstance(offer, tuple)

    assert await offer[0].read(0, 20) == Page((), 0, exhausted=True, fetched=Fetched(NOW))


async def test_what_pending_means_is_configured(build: Build) -> None:
    client = build(statuses={"Pending": "PENDING"})

    offer = client.list_tickets(ConversationFilter(account=ACCOUNT, status=(ConversationState.PENDING,)))
    other = client.list_tickets(ConversationFilter(account=ACCOUNT, status=(ConversationState.OPEN,)))

    assert isinstance(offer, tuple)
    assert isinstance(other, NoFeed)
    page = await offer[0].read(0, 1)
    assert page.items[0].status == Coded(ConversationState.PENDING, "pending")


@pytest.mark.parametrize(
    ("wanted", "state"),
    [
        (ConversationFilter(), SliceState.UNSUPPORTED),
        (ConversationFilter(account=AGENT), SliceState.UNSUPPORTED),
        (ConversationFilter(account=ACCOUNT, assignee=AGENT), SliceState.UNSUPPORTED),
        (ConversationFilter(account=ACCOUNT, queue="x"), SliceState.UNSUPPORTED),
        (ConversationFilter(account=ACCOUNT, search="x"), SliceState.UNSUPPORTED),
        (ConversationFilter(account=ACCOUNT, updated_after=NOW), SliceState.UNSUPPORTED),
        (ConversationFilter(account=ACCOUNT, status=(ConversationState.SOLVED,)), SliceState.UNSUPPORTED),
        (ConversationFilter(account=STRANGER), SliceState.SKIPPED),
        (ConversationFilter(account=ACCOUNT, assignee=STRANGER), SliceState.SKIPPED),
    ],
)
async def test_a_list_that_cannot_be_had_says_so_without_a_call(
    tulo: Tulo, sandbox: Sandbox, wanted: ConversationFilter, state: SliceState
) -> None:
    offer = tulo.list_tickets(wanted)

    assert isinstance(offer, NoFeed)
    assert (offer.state, bool(offer.reason)) == (state, True)
    assert sandbox.services["tulo"].arrivals == []


# -- single tickets


async def test_one_call_per_account_serves_all_its_tickets_and_messages(tulo: Tulo, sandbox: Sandbox) -> None:
    mine = pending(sandbox)
    other = next(
        message
        for message in sandbox.world.tulo.helpdesk_messages.values()
        if message.account_id != DOCUMENTED_ACCOUNT and message.state == "pending"
    )
    resolved = next(
        message for message in sandbox.world.tulo.helpdesk_messages.values() if message.state == "resolved"
    )
    nobodys = Ref(EntityType.TICKET, "tulo", ("0" * 24, mine[0].id))

    slots = await tulo.read_ticket_with_messages(
        [ref_of(mine[2]), ref_of(other), ref_of(resolved), nobodys, ref_of(mine[0])]
    )

    assert slots == [
        (ticket(sandbox, mine[2]), (only_message(sandbox, mine[2]),)),
        (ticket(sandbox, other), (only_message(sandbox, other),)),
        None,
        None,
        (ticket(sandbox, mine[0]), (only_message(sandbox, mine[0]),)),
    ]
    accounts = {DOCUMENTED_ACCOUNT, other.account_id, resolved.account_id, "0" * 24}
    assert sorted(sent(sandbox)) == sorted(
        f"helpdesk_messages/get_pending_messages?account_id={each}" for each in accounts
    )


async def test_tickets_and_messages_are_the_halves_of_it(tulo: Tulo, sandbox: Sandbox) -> None:
    message = pending(sandbox)[1]
    absent = Ref(EntityType.TICKET, "tulo", (DOCUMENTED_ACCOUNT, "0" * 24))

    assert await tulo.read_tickets([absent, ref_of(message)]) == [None, ticket(sandbox, message)]
    assert await tulo.read_messages([absent, ref_of(message)]) == [None, (only_message(sandbox, message),)]
    assert await tulo.read_tickets([]) == []
    assert len(sent(sandbox)) == 2


async def test_ids_are_compared_without_case_and_sent_as_given(tulo: Tulo, sandbox: Sandbox) -> None:
    message = pending(sandbox)[0]
    capitals = Ref(EntityType.TICKET, "tulo", (DOCUMENTED_ACCOUNT.upper(), message.id.upper()))

    assert await tulo.read_tickets([capitals, ref_of(message)]) == [ticket(sandbox, message)] * 2
    assert len(sent(sandbox)) == 1


async def test_a_dead_source_fills_every_slot(tulo: Tulo, sandbox: Sandbox) -> None:
    await tulo.check()
    sandbox.services["tulo"].faults = Faults(error_rate=1.0, error_status=502)

    slots = await tulo.read_messages([ref_of(message) for message in pending(sandbox)])

    assert [type(slot) for slot in slots] == [SourceUnavailable] * 3


async def test_a_ticket_is_named_without_a_call(tulo: Tulo, sandbox: Sandbox) -> None:
    ref = Ref(EntityType.TICKET, "tulo", (DOCUMENTED_ACCOUNT, "0" * 24))

    assert tulo.name_conversation(ref) == Ticket(
        ref=ref,
        origin=Origin("tulo", "0" * 24, kind=OriginKind.REFERENCE),
        requester=ACCOUNT,
        missing=frozenset({"subject", "status", "created_at", "updated_at", "assignee", "closed_at"}),
    )
    assert sandbox.services["tulo"].arrivals == []


# -- writes


async def test_a_new_ticket_is_its_account_heading_and_message(tulo: Tulo, sandbox: Sandbox) -> None:
    new = NewTicket(requester=ACCOUNT, subject="Å" * 512, body="ö" * 1024)
    assert tulo.check_ticket(new) == ()

    ref = await tulo.create_ticket(new, ATTEMPT)

    arrival = sandbox.services["tulo"].arrivals[-1]
    assert (arrival.method, arrival.path) == ("POST", "/external/api/v1/helpdesk_messages")
    assert msgspec.json.decode(arrival.body) == {
        "account_id": DOCUMENTED_ACCOUNT,
        "heading": "Å" * 512,
        "message": "ö" * 1024,
    }
    made = sandbox.world.tulo.helpdesk_messages[ref.parts[1]]
    assert ref == ref_of(made)
    assert await tulo.read_tickets([ref]) == [ticket(sandbox, made)]


async def test_an_account_in_capitals_is_sent_so_but_the_ticket_has_one_name(
    tulo: Tulo, sandbox: Sandbox
) -> None:
    capitals = Ref(EntityType.ACCOUNT, "tulo", ("SUBSCRIBER", DOCUMENTED_ACCOUNT.upper()))

    ref = await tulo.create_ticket(NewTicket(requester=capitals, subject="Paper", body="Missing"), ATTEMPT)

    body = msgspec.json.decode(sandbox.services["tulo"].arrivals[-1].body)
    assert body["account_id"] == DOCUMENTED_ACCOUNT.upper()
    assert ref == ref_of(sandbox.world.tulo.helpdesk_messages[ref.parts[1]])


@pytest.mark.parametrize(
    ("changed", "refused"),
    [
        ({"subject": ""}, [(RefusalCode.REQUIRED, ("subject",))]),
        ({"subject": " \n"}, [(RefusalCode.REQUIRED, ("subject",))]),
        ({"body": ""}, [(RefusalCode.REQUIRED, ("body",))]),
        ({"subject": "x" * 513}, [(RefusalCode.TOO_LONG, ("subject",))]),
        ({"body": "x" * 1025}, [(RefusalCode.TOO_LONG, ("body",))]),
        ({"format": TextFormat.HTML}, [(RefusalCode.INVALID, ("format",))]),
        ({"requester": None}, [(RefusalCode.REQUIRED, ("requester",))]),
        ({"requester": AGENT}, [(RefusalCode.INVALID, ("requester",))]),
        ({"requester": replace(ACCOUNT, source="tulo2")}, [(RefusalCode.INVALID, ("requester",))]),
        (
            {
                "requester_email": "a@example.org",
                "mailbox": "1",
                "queue": "2",
                "category": "3",
                "tags": ("4",),
                "cc": ("b@example.org",),
                "assignee": "5",
                "channel": "6",
                "direction": "7",
                "attachments": ("8",),
            },
            [
                (RefusalCode.UNSUPPORTED_FIELD, (name,))
                for name in (
                    "requesterEmail",
                    "mailbox",
                    "queue",
                    "category",
                    "tags",
                    "cc",
                    "assignee",
                    "channel",
                    "direction",
                    "attachments",
                )
            ],
        ),
    ],
)
async def test_a_ticket_beyond_the_documents_is_refused_before_a_call(
    tulo: Tulo,
    sandbox: Sandbox,
    changed: dict[str, object],
    refused: list[tuple[RefusalCode, tuple[str, ...]]],
) -> None:
    fields = {"requester": ACCOUNT, "subject": "Paper", "body": "Missing", **changed}

    refusals = tulo.check_ticket(NewTicket(**fields))  # type: ignore[arg-type]

    assert [(refusal.code, refusal.field) for refusal in refusals] == refused
    assert sandbox.services["tulo"].arrivals == []


async def test_an_account_that_is_not_there_is_the_requesters_fault(tulo: Tulo) -> None:
    with pytest.raises(SourceRejected) as caught:
        await tulo.create_ticket(NewTicket(requester=NOBODY, subject="Paper", body="Missing"), ATTEMPT)

    assert caught.value.refusals == (
        Refusal(
            RefusalCode.NOT_FOUND, "tulo refused it: Account not found", ("requester",), "tulo", "not_found"
        ),
    )


async def test_an_unchecked_ticket_without_a_requester_is_not_sent(tulo: Tulo, sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match="check_ticket goes before"):
        await tulo.create_ticket(NewTicket(subject="Paper", body="Missing"), ATTEMPT)

    assert sandbox.services["tulo"].arrivals == []
