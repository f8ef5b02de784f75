"""New and changed tickets and uploads at Thulium, over real sockets."""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.domain.errors import Refusal, RefusalCode, SourceFault, SourceProtocolError, SourceRejected
from gateway.domain.ids import EntityType, Ref
from gateway.domain.records import Attachment, ConversationState, Message, TextFormat
from gateway.domain.writes import NewTicket, Reply, TicketChanges, UploadedFile
from gateway.sandbox import Sandbox
from gateway.sources.thulium.client import Thulium
from gateway.transport import Transport
from tests.sources import ATTEMPT, REFERENCE, Canned, prepared

TOKEN = "61527075253ba62a76ca5c"
AGENT = "testowy.agent11"
TICKET = Ref(EntityType.TICKET, "pl", ("1234",))
NO_TICKET = Ref(EntityType.TICKET, "pl", ("99999",))
EWA = Ref(EntityType.ACCOUNT, "pl", ("CUSTOMER", "40101"))
REPLY = Reply(conversation=TICKET, body="Wysyłam.", agent=AGENT)
NEW_TICKET = NewTicket(subject="Brak faktury", body="Proszę o fakturę.", mailbox="pomoc@sklep.example")

Build = Callable[..., Thulium]


def asked(sandbox: Sandbox) -> list[str]:
    """The REST calls, in the order in which they came."""
    return [f"{arrival.method} {arrival.path}" for arrival in sandbox.services["thulium"].arrivals]


def written(sandbox: Sandbox) -> dict[str, Any]:
    """The body of the one write."""
    (arrival,) = (each for each in sandbox.services["thulium"].arrivals if each.method != "GET")
    assert arrival.headers["content-type"] == "application/json; charset=utf-8"
    body: dict[str, Any] = json.loads(arrival.body)
    return body


def paths(refusals: tuple[Refusal, ...]) -> list[tuple[RefusalCode, str]]:
    assert {refusal.source for refusal in refusals} <= {"pl"}
    return [(refusal.code, ".".join(refusal.field)) for refusal in refusals]


async def sent(client: Thulium, reply: Reply) -> Message | None:
    """Prepare a reply and send it, as the gateway does."""
    return await client.send_reply(reply, await prepared(client, reply, ATTEMPT.since))


async def created(client: Thulium, ticket: NewTicket) -> Ref:
    """Prepare a ticket and create it, as the gateway does."""
    return await client.create_ticket(ticket, await prepared(client, ticket, ATTEMPT.since))


def said(sandbox: Sandbox, ticket_id: int = 1234) -> list[str]:
    return [message.body for message in sandbox.world.thulium.tickets[ticket_id].messages]


class TestCheckTicket:
    async def test_everything_documented_may_be_given(self, client: Thulium) -> None:
        whole = replace(
            NEW_TICKET,
            format=TextFormat.HTML,
            requester=EWA,
            requester_email="o@k.example",
            queue="5",
            category="9",
            tags=("pilne",),
            cc=("szef@klient.example",),
            assignee=AGENT,
            channel="www",
            direction="out",
            attachments=(TOKEN,),
        )
        assert client.check_ticket(whole) == ()

    @pytest.mark.parametrize(
        ("ticket", "refused"),
        [
            (
                NewTicket(subject="", body=" "),
                [
                    (RefusalCode.REQUIRED, "subject"),
                    (RefusalCode.REQUIRED, "body"),
                    (RefusalCode.REQUIRED, "mailbox"),
                ],
            ),
            (replace(NEW_TICKET, queue="pomoc"), [(RefusalCode.INVALID, "queue")]),
            (replace(NEW_TICKET, category="07"), [(RefusalCode.INVALID, "category")]),
            (replace(NEW_TICKET, channel="fax"), [(RefusalCode.INVALID, "channel")]),
            (replace(NEW_TICKET, direction="in"), [(RefusalCode.INVALID, "direction")]),
            (replace(NEW_TICKET, format=TextFormat.UNKNOWN), [(RefusalCode.INVALID, "format")]),
            *(
                (replace(NEW_TICKET, requester=requester), [(RefusalCode.INVALID, "requester")])
                for requester in (
                    replace(EWA, parts=("COMPANY", "62")),
                    replace(EWA, parts=("CUSTOMER", "m.lis")),
                    replace(EWA, source="se"),
                )
            ),
        ],
    )
    async def test_what_it_does_not_take_is_refused(
        self, client: Thulium, ticket: NewTicket, refused: list[tuple[RefusalCode, str]]
    ) -> None:
        assert paths(client.check_ticket(ticket)) == refused

    async def test_a_default_mailbox_stands_in(self, transport: Transport, connect: Build) -> None:
        client = connect(transport, default_mailbox="pomoc@sklep.example")
        assert client.check_ticket(replace(NEW_TICKET, mailbox=None)) == ()


class TestCreateTicket:
    async def test_every_field_reaches_the_source(self, client: Thulium, sandbox: Sandbox) -> None:
        whole = replace(
            NEW_TICKET,
            requester=EWA,
            queue="6",
            category="9",
            tags=("pilne",),
            cc=("szef@klient.example",),
            assignee=AGENT,
            channel="phone",
            direction="out",
            attachments=(TOKEN,),
        )
        ref = await created(client, whole)
        assert written(sandbox) == {
            "to": "pomoc@sklep.example",
            "from": "ewa.zielinski0@klient.example",
            "subject": "Brak faktury",
            "body": "Proszę o fakturę.",
            "body_type": "PLAIN",
            "cc": ["szef@klient.example"],
            "attachments": [TOKEN],
            "source": "phone",
            "direction": "out",
            "user_login": AGENT,
            "customer_id": 40101,
            "tags": ["pilne"],
            "category_id": 9,
            "ticket_queue_id": 6,
        }
        assert asked(sandbox) == ["GET /api/customers/40101", "POST /api/tickets"]
        assert ref == Ref(EntityType.TICKET, "pl", (str(max(sandbox.world.thulium.tickets)),))
        assert said(sandbox, int(ref.parts[0])) == ["Proszę o fakturę."]

    async def test_only_what_is_given_is_sent_in_one_call(self, client: Thulium, sandbox: Sandbox) -> None:
        ticket = replace(
            NEW_TICKET, requester_email="gosc@klient.example", format=TextFormat.HTML, queue="", cc=()
        )
        await created(client, ticket)
        assert written(sandbox) == {
            "to": "pomoc@sklep.example",
            "from": "gosc@klient.example",
            "subject": "Brak faktury",
            "body": "Proszę o fakturę.",
            "body_type": "HTML",
        }
        assert asked(sandbox) == ["POST /api/tickets"]

    async def test_a_requester_without_an_address_comes_from_nowhere(
        self, client: Thulium, sandbox: Sandbox
    ) -> None:
        customers = sandbox.world.thulium.customers.values()
        customer_id = next(each["customer_id"] for each in customers if each["email"] == "")
        requester = replace(EWA, parts=("CUSTOMER", str(customer_id)))
        await created(client, replace(NEW_TICKET, requester=requester))
        assert "from" not in written(sandbox)
        assert written(sandbox)["customer_id"] == customer_id

    async def test_the_default_mailbox_takes_what_names_none(
        self, transport: Transport, connect: Build, sandbox: Sandbox
    ) -> None:
        client = connect(transport, default_mailbox="zwroty@sklep.example")
        await created(client, replace(NEW_TICKET, mailbox=None))
        assert written(sandbox)["to"] == "zwroty@sklep.example"

    async def test_a_missing_requester_is_refused_when_it_is_prepared(
        self, client: Thulium, sandbox: Sandbox
    ) -> None:
        with pytest.raises(SourceRejected) as refused:
            await client.prepare(replace(NEW_TICKET, requester=replace(EWA, parts=("CUSTOMER", "1"))))
        assert refused.value.refusals == (
            Refusal(RefusalCode.NOT_FOUND, "pl has no such customer.", ("requester",), "pl"),
        )
        assert asked(sandbox) == ["GET /api/customers/1"]

    async def test_what_is_kept_of_before_is_the_address_and_the_field_for_the_reference(
        self, transport: Transport, connect: Build, sandbox: Sandbox
    ) -> None:
        client = connect(transport, reference_field="gateway_ref")
        ticket = replace(NEW_TICKET, requester=EWA)
        assert json.loads(await client.prepare(ticket) or "") == {
            "sender": "ewa.zielinski0@klient.example",
            "reference_field": "gateway_ref",
        }
        named = await client.prepare(replace(ticket, requester_email="gosc@klient.example"))
        assert json.loads(named or "") == {"sender": "gosc@klient.example", "reference_field": "gateway_ref"}
        assert json.loads(await connect(transport).prepare(NEW_TICKET) or "") == {
            "sender": None,
            "reference_field": None,
        }
        assert asked(sandbox) == ["GET /api/customers/40101"]

    async def test_our_reference_goes_into_the_custom_field_that_is_set_for_it(
        self, transport: Transport, connect: Build, sandbox: Sandbox
    ) -> None:
        ref = await created(connect(transport, reference_field="Numer zamówienia"), NEW_TICKET)
        assert written(sandbox)["custom_fields"] == {"Numer zamówienia": REFERENCE}
        made = sandbox.world.thulium.tickets[int(ref.parts[0])]
        assert made.custom_fields["Numer zamówienia"] == REFERENCE

    async def test_a_field_that_the_tenant_lacks_is_refused_with_its_name(
        self, transport: Transport, connect: Build
    ) -> None:
        with pytest.raises(SourceRejected) as refused:
            await created(connect(transport, reference_field="ref"), NEW_TICKET)
        assert [each.message for each in refused.value.refusals] == [
            "pl refused it: Custom field ref is not defined."
        ]

    @pytest.mark.parametrize("baseline", [None, "[]", '{"messages": [], "login": "x"}'])
    async def test_one_that_was_not_prepared_is_not_created(
        self, client: Thulium, sandbox: Sandbox, baseline: str | None
    ) -> None:
        with pytest.raises(SourceFault) as fault:
            await client.create_ticket(NEW_TICKET, replace(ATTEMPT, baseline=baseline))
        assert fault.value.sent is False
        assert asked(sandbox) == []

    @pytest.mark.parametrize("body", [b"[]", b"{}", b'{"ticket_id": ""}', b""])
    async def test_an_answer_without_the_number_leaves_it_in_doubt(self, connect: Build, body: bytes) -> None:
        with pytest.raises(SourceProtocolError) as broken:
            await created(connect(Canned(body)), NEW_TICKET)
        assert broken.value.sent is True

    async def test_a_refusal_carries_the_sources_reasons(self, client: Thulium) -> None:
        with pytest.raises(SourceRejected) as refused:
            await created(client, replace(NEW_TICKET, mailbox="x@sklep.example"))
        assert [refusal.message for refusal in refused.value.refusals] == [
            "pl refused it: Mailbox x@sklep.example is not defined."
        ]


class TestCheckChanges:
    STATUSES: Mapping[str, str] = {"6": "CLOSED", "5": "CLOSED", "3": "OPEN", "W toku": "OPEN"}

    @pytest.mark.parametrize(
        "changes",
        [
            TicketChanges(ticket=TICKET, status_native="17"),
            TicketChanges(ticket=TICKET, status_value=ConversationState.OPEN),
            TicketChanges(ticket=TICKET, assignee=AGENT, queue="5", category="9", tags=("pilne",)),
        ],
    )
    async def test_everything_documented_may_be_given(
        self, transport: Transport, connect: Build, changes: TicketChanges
    ) -> None:
        assert connect(transport, statuses=self.STATUSES).check_changes(changes) == ()

    @pytest.mark.parametrize(
        ("changes", "refused"),
        [
            (TicketChanges(ticket=TICKET), [(RefusalCode.REQUIRED, "")]),
            (
                TicketChanges(ticket=TICKET, status_native="Nowe"),
                [(RefusalCode.INVALID, "status.native")],
            ),
            (
                TicketChanges(ticket=TICKET, status_value=ConversationState.NEW),
                [(RefusalCode.INVALID, "status.value")],
            ),
            (TicketChanges(ticket=TICKET, queue="x"), [(RefusalCode.INVALID, "queue")]),
            (TicketChanges(ticket=TICKET, category="x"), [(RefusalCode.INVALID, "category")]),
            (TicketChanges(ticket=TICKET, assignee=""), [(RefusalCode.INVALID, "assignee")]),
            (TicketChanges(ticket=TICKET, tags=()), [(RefusalCode.INVALID, "tags")]),
            (
                TicketChanges(ticket=TICKET, action_needed=False),
                [(RefusalCode.UNSUPPORTED_FIELD, "actionNeeded")],
            ),
        ],
    )
    async def test_what_it_does_not_take_is_refused(
        self,
        transport: Transport,
        connect: Build,
        changes: TicketChanges,
        refused: list[tuple[RefusalCode, str]],
    ) -> None:
        assert paths(connect(transport, statuses=self.STATUSES).check_changes(changes)) == refused

    async def test_a_status_that_several_ids_mean_names_them(
        self, transport: Transport, connect: Build
    ) -> None:
        changes = TicketChanges(ticket=TICKET, status_value=ConversationState.CLOSED)
        assert connect(transport, statuses=self.STATUSES).check_changes(changes) == (
            Refusal(
                RefusalCode.INVALID,
                "pl has several statuses, 6, 5, mapped to CLOSED: pass `status.native`.",
                ("status", "value"),
                "pl",
            ),
        )


class TestUpdateTicket:
    async def test_every_field_reaches_the_source_in_one_call(
        self, client: Thulium, sandbox: Sandbox
    ) -> None:
        await client.update_ticket(
            TicketChanges(
                ticket=TICKET, status_native="6", assignee=AGENT, queue="5", category="9", tags=("pilne",)
            )
        )
        assert asked(sandbox) == ["PUT /api/tickets/1234"]
        assert written(sandbox) == {
            "user_login": AGENT,
            "status_id": "6",
            "category_id": "9",
            "tags": ["pilne"],
            "ticket_queue_id": "5",
        }
        changed = sandbox.world.thulium.tickets[1234]
        assert (changed.status_id, changed.user_login, changed.queue_id) == ("6", AGENT, 5)

    async def test_only_what_is_given_is_sent(self, client: Thulium, sandbox: Sandbox) -> None:
        await client.update_ticket(TicketChanges(ticket=TICKET, category="9"))
        assert written(sandbox) == {"category_id": "9"}

    async def test_a_status_in_the_graphs_word_goes_by_the_one_id_that_means_it(
        self, transport: Transport, connect: Build, sandbox: Sandbox
    ) -> None:
        client = connect(transport, statuses={"6": "CLOSED"})
        await client.update_ticket(TicketChanges(ticket=TICKET, status_value=ConversationState.CLOSED))
        assert written(sandbox) == {"status_id": "6"}

    async def test_a_missing_ticket_is_refused(self, client: Thulium) -> None:
        with pytest.raises(SourceRejected) as refused:
            await client.update_ticket(TicketChanges(ticket=NO_TICKET, category="9"))
        assert paths(refused.value.refusals) == [(RefusalCode.NOT_FOUND, "")]

    async def test_a_right_that_the_api_user_lacks_is_no_access(
        self, transport: Transport, connect: Build
    ) -> None:
        client = connect(transport, api_user="api_reader", api_password="api_reader_pass")
        with pytest.raises(SourceRejected) as refused:
            await client.update_ticket(TicketChanges(ticket=TICKET, category="9"))
        assert paths(refused.value.refusals) == [(RefusalCode.NO_ACCESS, "")]


class TestUpload:
    @staticmethod
    async def content() -> AsyncIterator[bytes]:
        yield b"%PDF"
        yield b"\x00\xff"

    async def test_bytes_are_streamed_and_a_token_comes_back(self, client: Thulium, sandbox: Sandbox) -> None:
        file = await client.upload("faktura łódź & 1.pdf", self.content())
        (arrival,) = sandbox.services["thulium"].arrivals
        assert (arrival.method, arrival.path, arrival.body) == (
            "POST",
            "/api/temporary_files",
            b"%PDF\x00\xff",
        )
        assert arrival.headers["content-type"] == "application/octet-stream"
        assert "content-length" not in arrival.headers
        stored = sandbox.world.thulium.files[file.token]
        assert stored.filename == "faktura łódź & 1.pdf"
        assert file == UploadedFile(
            token=file.token,
            filename="faktura łódź & 1.pdf",
            size_bytes=6,
            expires_at=datetime(2026, 11, 23, 10, 30, 15, tzinfo=UTC),
        )

    async def test_the_token_goes_with_a_reply(self, client: Thulium) -> None:
        file = await client.upload("faktura.pdf", self.content())
        message = await sent(client, replace(REPLY, attachments=(file.token,)))
        assert message is not None
        assert message.attachments == (Attachment(),)

    @pytest.mark.parametrize("body", [b"[]", b'{"filename": "x"}', b'{"token": ""}'])
    async def test_an_answer_without_a_token_is_refused(self, connect: Build, body: bytes) -> None:
        with pytest.raises(SourceProtocolError):
            await connect(Canned(body)).upload("x", self.content())


class TestSafety:
    async def test_no_write_may_be_repeated_and_every_read_may(self, connect: Build) -> None:
        canned = Canned(b'{"ticket_id": 7, "token": "t", "messages": []}')
        client = connect(canned)
        await sent(client, REPLY)
        await created(client, NEW_TICKET)
        await client.update_ticket(TicketChanges(ticket=TICKET, category="9"))
        await client.upload("x", TestUpload.content())
        assert [(call.method, call.safe) for call in canned.calls] == [
            ("GET", True),
            ("POST", False),
            ("GET", True),
            ("POST", False),
            ("PUT", False),
            ("POST", False),
        ]

    async def test_credentials_show_in_no_repr(self, connect: Build) -> None:
        canned = Canned(b"[]")
        await connect(canned).check()
        assert "YXBpX3VzZXI6YXBpX3Bhc3M=" not in repr(canned.calls)
