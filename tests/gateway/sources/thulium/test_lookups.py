"""Whether a write to Thulium landed, looked for over real sockets."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl

import msgspec
import pytest

from gateway.domain.errors import SourceProtocolError, SourceUnavailable
from gateway.domain.ids import EntityType, Ref
from gateway.domain.records import ConversationState, TextFormat
from gateway.domain.writes import (
    Attempt,
    NewTicket,
    Removal,
    Reply,
    Sighting,
    TicketChanges,
    WriteInput,
)
from gateway.sandbox import Faults, Sandbox
from gateway.sandbox.world.thulium import ThuliumMessage, ThuliumTicket
from gateway.sources.thulium.client import Thulium
from gateway.transport import Transport
from tests.sources import REFERENCE, Canned, Hands, open_transport, prepared

NOW = datetime(2026, 11, 22, 10, 30, 15, tzinfo=UTC)
AGENT = "testowy.agent11"
TICKET = Ref(EntityType.TICKET, "pl", ("1234",))
NO_TICKET = Ref(EntityType.TICKET, "pl", ("99999",))
EWA = Ref(EntityType.ACCOUNT, "pl", ("CUSTOMER", "40101"))
REPLY = Reply(conversation=TICKET, body="Wysyłam a < b.", agent=AGENT)
NEW_TICKET = NewTicket(subject="Brak faktury", body="Proszę o fakturę.", mailbox="pomoc@sklep.example")

NOT_THERE = Sighting(absence_proves=True)
NO_TICKET_SEEN = Sighting(reason="The ticket can't be found any more.")
DOUBTFUL = Sighting(
    near=(Ref(EntityType.MESSAGE, "pl", ("1234", "20000")),),
    absence_proves=True,
    reason="A new reply of this agent says the same and more, so it may be the one that was sent.",
)
CHANGED_SINCE = Sighting(
    reason="The ticket is not as wanted, but may have been changed by this write and then by others."
)

Build = Callable[..., Thulium]
Serve = Callable[[Mapping[str, str]], AbstractAsyncContextManager[Thulium]]


def calls(sandbox: Sandbox) -> list[tuple[str, str, str | None]]:
    """Method, path and what is said to caches."""
    return [
        (each.method, each.path, each.headers.get("cache-control"))
        for each in sandbox.services["thulium"].arrivals
    ]


def held(sandbox: Sandbox, ticket_id: int = 1234) -> ThuliumTicket:
    return sandbox.world.thulium.tickets[ticket_id]


def seen(*refs: Ref) -> Sighting:
    return Sighting(refs, absence_proves=True)


async def prepare(client: Thulium, write: WriteInput) -> Attempt:
    return await prepared(client, write, NOW)


class TestReplies:
    @pytest.mark.parametrize(
        "reply",
        [
            REPLY,
            replace(REPLY, body="<p>Wysyłam <b>dziś</b></p>", format=TextFormat.HTML),
            replace(REPLY, sent_at=NOW - timedelta(days=3)),
        ],
    )
    @pytest.mark.parametrize("status", ["unchanged", "in_progress"])
    async def test_one_that_landed_is_the_one_that_the_answer_would_have_named(
        self, serve: Serve, reply: Reply, status: str
    ) -> None:
        async with serve({"reply_status": status}) as client:
            attempt = await prepare(client, reply)
            assert await client.find_write(reply, attempt) == NOT_THERE
            made = await client.send_reply(reply, attempt)
            assert made is not None
            assert await client.find_write(reply, attempt) == seen(made.ref)

    async def test_it_costs_one_call_past_every_cache(self, client: Thulium, sandbox: Sandbox) -> None:
        attempt = await prepare(client, REPLY)
        await client.find_write(REPLY, attempt)
        assert calls(sandbox) == [("GET", "/api/tickets/1234", "no-cache")] * 2

    async def test_the_same_words_from_before_are_another_reply(self, client: Thulium) -> None:
        await client.send_reply(REPLY, await prepare(client, REPLY))
        attempt = await prepare(client, REPLY)
        assert await client.find_write(REPLY, attempt) == NOT_THERE
        made = await client.send_reply(REPLY, attempt)
        assert made is not None
        assert await client.find_write(REPLY, attempt) == seen(made.ref)

    async def test_two_are_two(self, client: Thulium) -> None:
        attempt = await prepare(client, REPLY)
        first = await client.send_reply(REPLY, attempt)
        await client.send_reply(REPLY, attempt)
        assert first is not None
        number = int(first.ref.parts[1])
        second = replace(first.ref, parts=("1234", str(number + 1)))
        found = await client.find_write(REPLY, attempt)
        assert (set(found.matches), replace(found, matches=())) == ({first.ref, second}, NOT_THERE)

    @pytest.mark.parametrize(
        "shown",
        [
            ThuliumMessage(20000, "REPLY", NOW, "testowy.agent17", REPLY.body),
            ThuliumMessage(20000, "COMMENT", NOW, AGENT, REPLY.body),
            ThuliumMessage(20000, "MAIL", NOW, AGENT, REPLY.body),
            ThuliumMessage(20000, "REPLY", NOW, AGENT, "Wysyłam."),
        ],
    )
    async def test_what_another_says_or_in_other_words_is_another_reply(
        self, client: Thulium, sandbox: Sandbox, shown: ThuliumMessage
    ) -> None:
        attempt = await prepare(client, REPLY)
        held(sandbox).messages.append(shown)
        assert await client.find_write(REPLY, attempt) == NOT_THERE

    @pytest.mark.parametrize(
        "shown",
        [
            ThuliumMessage(20000, "REPLY", NOW, AGENT, "Wysyłam a &lt; b.<br>-- <br>Pozdrawiam"),
            ThuliumMessage(20000, "REPLY", NOW, AGENT.upper(), REPLY.body),
        ],
    )
    async def test_what_says_the_same_and_more_is_neither_it_nor_proof(
        self, client: Thulium, sandbox: Sandbox, shown: ThuliumMessage
    ) -> None:
        """How Thulium may change a reply isn't documented, and one of ours is not to be sent twice."""
        attempt = await prepare(client, REPLY)
        held(sandbox).messages.append(shown)
        assert await client.find_write(REPLY, attempt) == DOUBTFUL
        made = await client.send_reply(REPLY, attempt)
        assert made is not None
        assert await client.find_write(REPLY, attempt) == replace(DOUBTFUL, matches=(made.ref,))

    async def test_the_agent_is_the_one_of_then(self, transport: Transport, connect: Build) -> None:
        reply = replace(REPLY, agent=None)
        client = connect(transport, default_agent=AGENT)
        attempt = await prepare(client, reply)
        made = await client.send_reply(reply, attempt)
        assert made is not None
        later = connect(transport, default_agent="testowy.agent17")
        assert await later.find_write(reply, attempt) == seen(made.ref)

    async def test_a_ticket_that_is_gone_or_has_lost_messages_proves_nothing(
        self, client: Thulium, sandbox: Sandbox
    ) -> None:
        attempt = await prepare(client, REPLY)
        made = await client.send_reply(REPLY, attempt)
        assert made is not None
        del held(sandbox).messages[0]
        gone = Sighting(
            reason="Messages that the ticket had before are gone from it, so the reply may be gone too."
        )
        assert await client.find_write(REPLY, attempt) == replace(gone, matches=(made.ref,))
        held(sandbox).messages.clear()
        assert await client.find_write(REPLY, attempt) == gone
        del sandbox.world.thulium.tickets[1234]
        assert await client.find_write(REPLY, attempt) == NO_TICKET_SEEN

    @pytest.mark.parametrize("baseline", [None, "x", "[]"])
    async def test_without_a_baseline_nothing_can_be_told(
        self, client: Thulium, sandbox: Sandbox, baseline: str | None
    ) -> None:
        assert await client.find_write(REPLY, Attempt(REFERENCE, baseline, NOW)) == Sighting(
            reason="Which messages the ticket had before is not known."
        )
        assert calls(sandbox) == []


class TestNewTickets:
    @pytest.fixture
    def client(self, transport: Transport, connect: Build) -> Thulium:
        return connect(transport, reference_field="Numer zamówienia")

    @pytest.mark.parametrize("rows", ["rich", "bare", "full"])
    @pytest.mark.parametrize("container", ["result", "array", "tickets"])
    async def test_one_that_landed_is_found_by_our_reference(
        self, connect: Build, rows: str, container: str
    ) -> None:
        forms = {"rows": rows, "row_container": container}
        other = Sandbox(now=lambda: NOW, forms={"thulium": forms})
        async with other.serve() as running, open_transport("pl", running.base_urls["thulium"]) as transport:
            client = connect(transport, reference_field="gateway_ref")
            attempt = await prepare(client, NEW_TICKET)
            assert await client.find_write(NEW_TICKET, attempt) == NOT_THERE
            ref = await client.create_ticket(NEW_TICKET, attempt)
            assert await client.find_write(NEW_TICKET, attempt) == seen(ref)

    async def test_it_costs_one_call_past_every_cache(self, client: Thulium, sandbox: Sandbox) -> None:
        attempt = await prepare(client, NEW_TICKET)
        await client.find_write(NEW_TICKET, attempt)
        assert calls(sandbox) == [("GET", "/api/tickets", "no-cache")]
        assert parse_qsl(sandbox.services["thulium"].arrivals[0].query) == [
            ("custom_fields[Numer zamówienia]", REFERENCE),
            ("limit", "100"),
            ("offset", "0"),
        ]

    async def test_the_same_ticket_under_another_reference_is_another_one(self, client: Thulium) -> None:
        attempt = await prepare(client, NEW_TICKET)
        await client.create_ticket(NEW_TICKET, replace(attempt, reference=REFERENCE.replace("0a", "0b")))
        assert await client.find_write(NEW_TICKET, attempt) == NOT_THERE

    async def test_two_are_two(self, client: Thulium) -> None:
        attempt = await prepare(client, NEW_TICKET)
        refs = [await client.create_ticket(NEW_TICKET, attempt) for _ in range(2)]
        assert await client.find_write(NEW_TICKET, attempt) == seen(*reversed(refs))

    async def test_without_the_setting_nothing_can_be_told(
        self, transport: Transport, connect: Build, client: Thulium, sandbox: Sandbox
    ) -> None:
        """Nor with it, if it was set only after the ticket was sent: that one carries no reference."""
        unset = connect(transport)
        attempt = await prepare(unset, NEW_TICKET)
        await unset.create_ticket(NEW_TICKET, attempt)
        sandbox.services["thulium"].arrivals.clear()
        for each in (unset, client):
            for known in (attempt, replace(attempt, baseline=None)):
                assert await each.find_write(NEW_TICKET, known) == Sighting(
                    reason="New tickets can't be told from others: the setting `reference_field` was not given."
                )
        assert calls(sandbox) == []

    async def test_the_field_is_the_one_of_then(
        self, transport: Transport, connect: Build, client: Thulium
    ) -> None:
        attempt = await prepare(client, NEW_TICKET)
        ref = await client.create_ticket(NEW_TICKET, attempt)
        for later in (connect(transport), connect(transport, reference_field="gateway_ref")):
            assert await later.find_write(NEW_TICKET, attempt) == seen(ref)

    async def test_a_list_that_is_not_filtered_proves_nothing(
        self, connect: Build, canned: type[Canned]
    ) -> None:
        """What a filter by a field that the tenant lacks does isn't documented: perhaps nothing."""
        attempt = Attempt(REFERENCE, '{"sender": null, "reference_field": "gone"}', NOW)
        rows: list[dict[str, object]] = [{"ticket_id": 7, "subject": "Brak  faktury"}, {"ticket_id": 8}]

        def listing(*found: dict[str, object]) -> Thulium:
            return connect(canned(msgspec.json.encode({"count": 1, "result": found})))

        assert await listing(*rows).find_write(NEW_TICKET, attempt) == seen(
            replace(TICKET, parts=("7",)), replace(TICKET, parts=("8",))
        )
        other: dict[str, object] = {"ticket_id": 9, "subject": "Brak faktury 2"}
        assert await listing(*rows, other).find_write(NEW_TICKET, attempt) == Sighting(
            reason="Tickets can't be found by the custom field of the setting `reference_field`."
        )

    @pytest.mark.parametrize("name", ["", "a[b", "a]b"])
    async def test_a_name_that_a_filter_cannot_hold_is_refused(
        self, transport: Transport, connect: Build, name: str
    ) -> None:
        with pytest.raises(ValueError, match="reference_field"):
            connect(transport, reference_field=name)


class TestChanges:
    WANTED = TicketChanges(ticket=TICKET, status_native="6", assignee=AGENT, queue="7", category="9")

    @pytest.mark.parametrize(
        "changes",
        [
            WANTED,
            TicketChanges(ticket=TICKET, status_native="6"),
            TicketChanges(ticket=TICKET, status_value=ConversationState.CLOSED),
            TicketChanges(ticket=TICKET, assignee="testowy.agent17"),
            TicketChanges(ticket=TICKET, queue="7"),
            TicketChanges(ticket=TICKET, category="9"),
        ],
    )
    async def test_one_landed_if_the_ticket_is_as_wanted(
        self, transport: Transport, connect: Build, sandbox: Sandbox, changes: TicketChanges
    ) -> None:
        client = connect(transport, statuses={"6": "CLOSED"})
        ticket = held(sandbox)
        ticket.status_id, ticket.user_login, ticket.queue_id, ticket.category_id = "3", "m.lis", 5, ""
        attempt = await prepare(client, changes)
        assert attempt.baseline is None
        assert await client.find_write(changes, attempt) == NOT_THERE
        await client.update_ticket(changes)
        sandbox.services["thulium"].arrivals.clear()
        assert await client.find_write(changes, attempt) == Sighting((TICKET,))
        assert calls(sandbox) == [("GET", "/api/tickets/1234", "no-cache")]

    @pytest.mark.parametrize(
        "but", [{"status_id": "3"}, {"user_login": ""}, {"queue_id": 6}, {"category_id": ""}]
    )
    async def test_one_thing_that_is_otherwise_means_that_it_did_not(
        self, client: Thulium, sandbox: Sandbox, but: dict[str, object]
    ) -> None:
        await client.update_ticket(self.WANTED)
        attempt = await prepare(client, self.WANTED)
        for name, value in (but | {"updated_at": NOW - timedelta(minutes=1)}).items():
            setattr(held(sandbox), name, value)
        assert await client.find_write(self.WANTED, attempt) == NOT_THERE

    @pytest.mark.parametrize(
        ("age", "sighting"),
        [
            (timedelta(seconds=16), NOT_THERE),
            (timedelta(seconds=15), CHANGED_SINCE),
            (timedelta(seconds=-45), CHANGED_SINCE),
        ],
    )
    async def test_who_changed_the_ticket_since_may_have_changed_it_back(
        self, client: Thulium, sandbox: Sandbox, age: timedelta, sighting: Sighting
    ) -> None:
        """Times have minutes only, so a change within the write's own minute may be from before or after."""
        attempt = await prepare(client, self.WANTED)
        held(sandbox).updated_at = NOW - age
        assert await client.find_write(self.WANTED, attempt) == sighting

    async def test_tags_are_not_shown_so_they_prove_nothing(self, client: Thulium, hands: Hands) -> None:
        not_shown = Sighting(reason="The ticket is shown without all that was to be changed: tags never are.")
        tags = TicketChanges(ticket=TICKET, tags=("pilne",))
        both = replace(self.WANTED, tags=("pilne",))
        attempt = await prepare(client, both)
        assert await client.find_write(tags, attempt) == not_shown
        assert await client.find_write(both, attempt) == NOT_THERE
        hands.moment = NOW + timedelta(seconds=1)
        await client.update_ticket(both)
        assert await client.find_write(tags, attempt) == not_shown
        assert await client.find_write(both, attempt) == not_shown

    @pytest.mark.parametrize("shown", ['"updated_at": "2026-11-22 11:29"', '"updated_at": "x"', '"x": 1'])
    async def test_what_the_ticket_does_not_show_proves_nothing(
        self, connect: Build, canned: type[Canned], shown: str
    ) -> None:
        client = connect(canned(f'{{"ticket_id": 1234, "messages": [], {shown}}}'.encode()))
        attempt = await prepare(client, self.WANTED)
        assert (await client.find_write(self.WANTED, attempt)).reason.startswith(
            "The ticket is shown without"
        )
        client = connect(canned(f'{{"ticket_id": 1234, "messages": [], "status_id": 3, {shown}}}'.encode()))
        found = await client.find_write(self.WANTED, attempt)
        assert found == (NOT_THERE if "11:29" in shown else CHANGED_SINCE)

    async def test_a_ticket_that_is_gone_proves_nothing(self, client: Thulium) -> None:
        changes = replace(self.WANTED, ticket=NO_TICKET)
        assert await client.find_write(changes, await prepare(client, changes)) == NO_TICKET_SEEN

    @pytest.mark.parametrize("statuses", [{}, {"6": "CLOSED", "5": "CLOSED"}])
    async def test_a_status_that_the_configuration_no_longer_names_proves_nothing(
        self, transport: Transport, connect: Build, sandbox: Sandbox, statuses: dict[str, str]
    ) -> None:
        changes = TicketChanges(ticket=TICKET, status_value=ConversationState.CLOSED)
        client = connect(transport, statuses=statuses)
        assert await client.find_write(changes, Attempt(REFERENCE, None, NOW)) == Sighting(
            reason="By the configuration of now, such a change could not have been sent."
        )
        assert calls(sandbox) == []


class TestAnyWrite:
    async def test_a_read_that_fails_is_an_error(
        self, transport: Transport, connect: Build, sandbox: Sandbox
    ) -> None:
        client = connect(transport, reference_field="gateway_ref")
        writes: list[WriteInput] = [REPLY, NEW_TICKET, TestChanges.WANTED]
        attempts = [await prepare(client, write) for write in writes]
        for write, attempt in zip(writes, attempts, strict=True):
            sandbox.services["thulium"].faults = Faults(error_rate=1)
            with pytest.raises(SourceUnavailable):
                await client.find_write(write, attempt)
            sandbox.services["thulium"].faults = Faults(malformed_json=True)
            with pytest.raises(SourceProtocolError):
                await client.find_write(write, attempt)
        for write in (REPLY, replace(NEW_TICKET, requester=EWA)):
            with pytest.raises(SourceProtocolError):
                await client.prepare(write)

    async def test_one_that_thulium_does_not_take_costs_no_call(
        self, client: Thulium, sandbox: Sandbox
    ) -> None:
        removal = Removal(subscription=TICKET)
        assert await client.prepare(removal) is None
        assert await client.find_write(removal, Attempt(REFERENCE, None, NOW)) == Sighting(
            reason="Thulium takes no such write."
        )
        assert calls(sandbox) == []
