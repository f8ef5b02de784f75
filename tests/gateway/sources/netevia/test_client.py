"""Netevia over real sockets: what is sent, how often, and what is said about it."""

import json
import re
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from gateway.domain import ports
from gateway.domain.catalog import Capability, Source
from gateway.domain.errors import (
    BadInput,
    Refusal,
    RefusalCode,
    SourceAuthError,
    SourceProtocolError,
    SourceRejected,
    SourceTimeout,
    SourceUnavailable,
)
from gateway.domain.ids import EntityType, Ref
from gateway.domain.pages import Feed, NoFeed, SliceState
from gateway.domain.ports import AccountFilter
from gateway.domain.records import (
    Account,
    AccountKind,
    AuthorRole,
    Body,
    Coded,
    Message,
    MessageAuthor,
    MessageType,
    Origin,
    TextFormat,
)
from gateway.domain.writes import Reply
from gateway.sandbox import Faults, Sandbox
from gateway.sources.netevia import SPEC
from gateway.sources.netevia.client import Netevia, explain
from gateway.transport import Reply as HttpReply
from gateway.transport import Transport
from gateway.transport.httpx import HttpxOptions, HttpxTransport
from tests.sources import ATTEMPT, Canned

NOW = datetime(2026, 11, 22, 10, 30, 15, 250000, tzinfo=UTC)
TICKET = Ref(EntityType.TICKET, "us", ("123456",))
NO_TICKET = Ref(EntityType.TICKET, "us", ("999999",))
OF_ANOTHER = Ref(EntityType.TICKET, "us", ("200001",))
USER = Ref(EntityType.ACCOUNT, "us", ("LINKED_USER", "311"))
NOBODY = Ref(EntityType.ACCOUNT, "us", ("LINKED_USER", "1"))
REPLY = Reply(conversation=TICKET, body="Can you provide an update on the issue?")
GONE = Refusal(
    RefusalCode.NOT_FOUND,
    "us has no such ticket, or the credentials may not write to it.",
    ("to",),
    "us",
)

Build = Callable[..., Netevia]
Serve = Callable[[Mapping[str, str]], AbstractAsyncContextManager[Netevia]]


def asked(sandbox: Sandbox) -> list[str]:
    """The REST calls, in the order in which they came."""
    return [f"{arrival.method} {arrival.path}" for arrival in sandbox.services["netevia"].arrivals]


def comments(sandbox: Sandbox, ticket_id: int = 123456) -> list[str]:
    return [comment.text for comment in sandbox.world.netevia.tickets[ticket_id].comments]


def source(client: Netevia) -> Source:
    return Source("us", SPEC.kind, SPEC.title, SPEC.docs_url, client, SPEC.shapes)


def only(feeds: tuple[Feed[Account], ...] | NoFeed) -> Feed[Account]:
    assert isinstance(feeds, tuple)
    (feed,) = feeds
    return feed


class TestAbilities:
    async def test_it_can_do_what_its_pages_document_and_no_more(self, client: Netevia) -> None:
        assert set(source(client).capabilities) == {
            Capability.READ_ACCOUNT,
            Capability.LIST_ACCOUNTS,
            Capability.REPLY,
        }
        assert source(client).conversation_capabilities == (Capability.REPLY,)

    @pytest.mark.parametrize(
        ("port", "fulfilled"),
        [
            (ports.Checker, True),
            (ports.ConversationNamer, True),
            (ports.AccountFinder, False),
            (ports.TicketReader, False),
            (ports.TicketLister, False),
            (ports.TicketWithMessagesReader, False),
            (ports.MessageReader, False),
            (ports.TicketCreator, False),
            (ports.TicketUpdater, False),
            (ports.FileUploader, False),
            (ports.TextSearch, False),
        ],
    )
    async def test_nothing_reads_a_ticket_back(self, client: Netevia, port: type, fulfilled: bool) -> None:
        assert isinstance(client, port) is fulfilled

    @pytest.mark.parametrize(
        "number",
        [
            *(1, 9, 10, 999_999_999, 1_000_000_000, 1_999_999_999, 2_000_000_000, 2_099_999_999),
            *(2_139_999_999, 2_146_999_999, 2_147_399_999, 2_147_479_999, 2_147_482_999, 2_147_483_599),
            *(2_147_483_639, 2_147_483_640, 2_147_483_647),
        ],
    )
    async def test_every_int32_is_a_ticket_number(self, client: Netevia, number: int) -> None:
        source(client).check_ref(replace(TICKET, parts=(str(number),)), argument="to")

    @pytest.mark.parametrize(
        "part",
        [
            *("0", "01", "-1", "+1", " 1", "1\n", "1.0", "٣", "x", "2147483648", "2147483650", "2147483700"),
            *("2147484000", "2147490000", "2147500000", "2148000000", "2150000000", "2200000000"),
            *("3000000000", "10000000000"),
        ],
    )
    async def test_nothing_else_is_a_ticket_number(self, client: Netevia, part: str) -> None:
        with pytest.raises(BadInput):
            source(client).check_ref(replace(TICKET, parts=(part,)), argument="to")

    def test_the_pattern_and_the_number_agree_around_every_power_of_ten(self) -> None:
        (pattern,) = SPEC.shapes[EntityType.TICKET]
        limit = 2**31 - 1
        numbers = {
            limit // 10**k * 10**k + d * 10**k + e for k in range(11) for d in range(-9, 10) for e in (-1, 0)
        }
        for number in numbers:
            assert bool(re.fullmatch(pattern, str(number))) is (1 <= number <= limit), number

    @pytest.mark.parametrize(
        "ref",
        [USER, replace(USER, parts=("LINKED_USER", "0")), Ref(EntityType.MESSAGE, "us", ("1", "987654"))],
    )
    async def test_references_that_it_gives_out_are_taken_back(self, client: Netevia, ref: Ref) -> None:
        source(client).check_ref(ref, argument="id")


class TestSettings:
    def test_address_and_token_must_be_given(self) -> None:
        with pytest.raises(ValidationError) as refused:
            SPEC.settings.model_validate({"kind": "netevia"})
        assert {error["loc"] for error in refused.value.errors()} == {("base_url",)}
        assert list(SPEC.settings.credential_problems({"kind": "netevia"})) == [("token", "is missing")]

    def test_the_token_shows_in_no_repr(self) -> None:
        given = {"kind": "netevia", "base_url": "https://x.example", "token": "geheim"}
        assert "geheim" not in repr(SPEC.settings.model_validate(given))


class TestCheck:
    async def test_it_costs_one_read(self, client: Netevia, sandbox: Sandbox) -> None:
        await client.check()
        assert asked(sandbox) == ["GET /api/LinkedAccount/users"]

    async def test_a_wrong_token_is_told(self, transport: Transport, connect: Build) -> None:
        with pytest.raises(SourceAuthError):
            await connect(transport, token="wrong").check()


class TestAccounts:
    async def test_all_that_are_wanted_cost_one_call(self, client: Netevia, sandbox: Sandbox) -> None:
        first, nobody, last = await client.read_accounts(
            [USER, NOBODY, replace(USER, parts=("LINKED_USER", "324"))]
        )
        wire = sandbox.world.netevia.linked_users[0]
        assert first == Account(
            ref=USER,
            origin=Origin("us", "311", fetched_at=NOW),
            kind=AccountKind.LINKED_USER,
            name=f"{wire['firstName']} {wire['lastName']}",
        )
        assert nobody is None
        assert isinstance(last, Account)
        assert asked(sandbox) == ["GET /api/LinkedAccount/users"]

    async def test_a_source_that_is_down_is_every_slots_error(
        self, client: Netevia, sandbox: Sandbox
    ) -> None:
        sandbox.services["netevia"].faults = Faults(error_rate=1)
        slots = await client.read_accounts([USER, NOBODY])
        assert [type(slot) for slot in slots] == [SourceUnavailable, SourceUnavailable]
        assert len(asked(sandbox)) == 1

    async def test_the_whole_list_is_paged_here(self, client: Netevia, sandbox: Sandbox) -> None:
        feed = only(client.list_accounts(AccountFilter()))
        first, last = await feed.read(0, 10), await feed.read(10, 10)
        assert (first.total, first.exhausted, last.total, last.exhausted) == (14, False, 14, True)
        assert [account.origin.native_id for account in (*first.items, *last.items)] == [
            str(311 + number) for number in range(14)
        ]
        assert (feed.source, feed.ordered) == ("us", False)
        assert asked(sandbox) == ["GET /api/LinkedAccount/users"] * 2

    async def test_their_own_kind_may_be_asked_for(self, client: Netevia) -> None:
        feed = only(client.list_accounts(AccountFilter(kind=AccountKind.LINKED_USER)))
        assert (await feed.read(0, 100)).total == 14

    @pytest.mark.parametrize(
        "wanted",
        [
            AccountFilter(kind=AccountKind.CUSTOMER),
            AccountFilter(search="Ann"),
            AccountFilter(organization=USER),
        ],
    )
    async def test_what_it_cannot_list_is_said_before_any_call(
        self, client: Netevia, sandbox: Sandbox, wanted: AccountFilter
    ) -> None:
        feeds = client.list_accounts(wanted)
        assert isinstance(feeds, NoFeed)
        assert feeds.state is SliceState.UNSUPPORTED
        assert asked(sandbox) == []

    async def test_what_is_no_list_is_refused(self, connect: Build) -> None:
        with pytest.raises(SourceProtocolError):
            await connect(Canned(b'{"success": false}')).check()


class TestCheckReply:
    @pytest.mark.parametrize(
        "body", ["Hello", "One\r\n\ttwo\nthree", "Zażółć 🙂", "<b>not markup</b>", "\u202f"]
    )
    async def test_any_plain_text_may_be_sent(self, client: Netevia, body: str) -> None:
        expected = [] if body.strip() else [(RefusalCode.REQUIRED, ("body",))]
        refusals = client.check_reply(replace(REPLY, body=body))
        assert [(refusal.code, refusal.field) for refusal in refusals] == expected

    @pytest.mark.parametrize("control", ["\x00", "\x08", "\x0b", "\x1b", "\x7f", "\x9b", "\ud800"])
    async def test_control_characters_are_refused_rather_than_dropped(
        self, client: Netevia, control: str
    ) -> None:
        (refusal,) = client.check_reply(replace(REPLY, body=f"a{control}b"))
        assert (refusal.code, refusal.field) == (RefusalCode.INVALID, ("body",))

    async def test_what_asks_for_nothing_is_let_through(self, client: Netevia) -> None:
        assert client.check_reply(replace(REPLY, internal=False, attachments=(), parent=TICKET)) == ()

    @pytest.mark.parametrize(
        ("reply", "code", "field"),
        [
            (replace(REPLY, body=""), RefusalCode.REQUIRED, "body"),
            (replace(REPLY, body=" \n"), RefusalCode.REQUIRED, "body"),
            (replace(REPLY, format=TextFormat.HTML), RefusalCode.INVALID, "format"),
            (replace(REPLY, kind="comment"), RefusalCode.UNSUPPORTED_FIELD, "kind"),
            (replace(REPLY, declared_at=NOW), RefusalCode.UNSUPPORTED_FIELD, "declaredAt"),
            (replace(REPLY, external_id="x"), RefusalCode.UNSUPPORTED_FIELD, "externalId"),
            (replace(REPLY, internal=True), RefusalCode.UNSUPPORTED_FIELD, "internal"),
            (replace(REPLY, attachments=("t",)), RefusalCode.UNSUPPORTED_FIELD, "attachments"),
            (replace(REPLY, agent="m.lis"), RefusalCode.UNSUPPORTED_FIELD, "agent"),
            (replace(REPLY, sent_at=NOW), RefusalCode.UNSUPPORTED_FIELD, "sentAt"),
            (replace(REPLY, author_name="Ann"), RefusalCode.UNSUPPORTED_FIELD, "author.name"),
        ],
    )
    async def test_what_it_does_not_take_is_refused(
        self, client: Netevia, reply: Reply, code: RefusalCode, field: str
    ) -> None:
        refusals = client.check_reply(reply)
        assert [(refusal.code, ".".join(refusal.field)) for refusal in refusals] == [(code, field)]


class TestSendReply:
    async def test_a_message_is_sent_once_and_has_an_id(self, client: Netevia, sandbox: Sandbox) -> None:
        assert await client.send_reply(REPLY, ATTEMPT) == Message(
            ref=Ref(EntityType.MESSAGE, "us", ("123456", "987654")),
            origin=Origin("us", "987654", fetched_at=NOW),
            conversation=TICKET,
            author=MessageAuthor(AuthorRole.UNKNOWN),
            kind=Coded(MessageType.MESSAGE, None),
            body=Body("Can you provide an update on the issue?", TextFormat.PLAIN),
            created_at=datetime(2026, 11, 22, 10, 30, 15, tzinfo=UTC),
        )
        (arrival,) = sandbox.services["netevia"].arrivals
        assert (arrival.method, arrival.path) == ("POST", "/api/tickets/message")
        assert arrival.headers["content-type"] == "application/json"
        assert arrival.headers["authorization"] == "Bearer netevia-token-2c9e41f7b0"
        assert json.loads(arrival.body) == {
            "ticketId": 123456,
            "text": "Can you provide an update on the issue?",
        }

    async def test_text_arrives_as_it_was_written(self, client: Netevia, sandbox: Sandbox) -> None:
        body = 'One\r\n\t"two" <b>&amp;</b> Zażółć 🙂 '
        message = await client.send_reply(replace(REPLY, body=body), ATTEMPT)
        assert comments(sandbox) == [body]
        assert message.body == Body(body, TextFormat.PLAIN)

    async def test_a_reply_to_a_message_goes_to_its_ticket(self, client: Netevia, sandbox: Sandbox) -> None:
        parent = Ref(EntityType.MESSAGE, "us", ("123456", "987654"))
        message = await client.send_reply(replace(REPLY, parent=parent), ATTEMPT)
        assert message.parent is None
        assert len(comments(sandbox)) == 1

    @pytest.mark.parametrize("created_date", ["seconds", "milliseconds"])
    async def test_the_time_may_have_milliseconds(self, serve: Serve, created_date: str) -> None:
        async with serve({"created_date": created_date}) as client:
            message = await client.send_reply(REPLY, ATTEMPT)
        assert message.created_at is not None
        assert message.created_at.replace(microsecond=0) == NOW.replace(microsecond=0)

    @pytest.mark.parametrize("errors", ["envelope", "problem"])
    async def test_no_ticket_and_somebody_elses_give_one_answer(self, serve: Serve, errors: str) -> None:
        async with serve({"errors": errors}) as client:
            for conversation in (NO_TICKET, OF_ANOTHER):
                with pytest.raises(SourceRejected) as refused:
                    await client.send_reply(replace(REPLY, conversation=conversation), ATTEMPT)
                assert refused.value.refusals == (GONE,)

    async def test_any_other_refusal_keeps_the_vendors_text_to_itself(
        self, client: Netevia, sandbox: Sandbox
    ) -> None:
        with pytest.raises(SourceRejected) as refused:
            await client.send_reply(replace(REPLY, body=" "), ATTEMPT)
        assert refused.value.refusals == (
            Refusal(RefusalCode.REJECTED_BY_SOURCE, "us refused the message.", (), "us"),
        )
        assert len(asked(sandbox)) == 1

    async def test_a_wrong_token_is_the_gateways_fault(self, transport: Transport, connect: Build) -> None:
        with pytest.raises(SourceAuthError):
            await connect(transport, token="wrong").send_reply(REPLY, ATTEMPT)

    async def test_200_without_success_is_in_doubt(self, serve: Serve) -> None:
        async with serve({"refusals": "flag"}) as client:
            with pytest.raises(SourceProtocolError) as broken:
                await client.send_reply(replace(REPLY, conversation=OF_ANOTHER), ATTEMPT)
        assert (broken.value.json_path, broken.value.sent) == ("$.success", True)

    @pytest.mark.parametrize(
        ("status", "body"),
        [
            (200, b""),
            (200, b"[]"),
            (200, b"{}"),
            (200, b'{"commentId": "1"}'),
            (200, b'{"success": null, "commentId": "1"}'),
            (200, b'{"success": true}'),
            (200, b'{"success": true, "commentId": ""}'),
            (200, b'{"success": true, "commentId": null}'),
            (201, b'{"success": true, "commentId": "1"}'),
            (202, b'{"success": true, "commentId": "1"}'),
            (302, b'{"success": true, "commentId": "1"}'),
        ],
    )
    async def test_an_answer_that_confirms_nothing_is_in_doubt(
        self, connect: Build, status: int, body: bytes
    ) -> None:
        with pytest.raises(SourceProtocolError) as broken:
            await connect(Canned(body, status=status)).send_reply(REPLY, ATTEMPT)
        assert broken.value.sent is True

    @pytest.mark.parametrize(
        "body",
        [
            b'{"success": true, "commentId": 1, "ticketId": 123456, "createdDate": 7}',
            b'{"success": true, "commentId": "1", "message": "<b>Added</b>", "createdDate": "soon"}',
        ],
    )
    async def test_a_confirmed_message_is_not_put_in_doubt_by_the_rest(
        self, connect: Build, body: bytes
    ) -> None:
        message = await connect(Canned(body)).send_reply(REPLY, ATTEMPT)
        assert (message.origin.native_id, message.created_at) == ("1", None)

    @pytest.mark.parametrize(
        "faults", [Faults(error_rate=1), Faults(error_rate=1, error_status=503), Faults(malformed_json=True)]
    )
    async def test_a_failure_is_not_tried_again_and_may_have_arrived(
        self, client: Netevia, sandbox: Sandbox, faults: Faults
    ) -> None:
        sandbox.services["netevia"].faults = faults
        with pytest.raises((SourceUnavailable, SourceProtocolError)) as failed:
            await client.send_reply(REPLY, ATTEMPT)
        assert failed.value.sent is True
        assert asked(sandbox) == ["POST /api/tickets/message"]

    async def test_no_answer_in_time_may_have_arrived(self, connect: Build, sandbox: Sandbox) -> None:
        sandbox.services["netevia"].faults = Faults(timeout=True)
        async with sandbox.serve() as running:
            transport = HttpxTransport(
                "us", HttpxOptions(base_url=running.base_urls["netevia"], read_timeout_s=0.05)
            )
            with pytest.raises(SourceTimeout) as failed:
                await connect(transport).send_reply(REPLY, ATTEMPT)
            await transport.close()
        assert failed.value.sent is True
        assert asked(sandbox) == ["POST /api/tickets/message"]

    async def test_the_write_may_not_be_repeated_and_the_read_may(self, connect: Build) -> None:
        canned = Canned(b'{"success": true, "commentId": "1"}')
        await connect(canned).send_reply(REPLY, ATTEMPT)
        listed = Canned(b"[]")
        await connect(listed).check()
        assert [call.safe for call in (*canned.calls, *listed.calls)] == [False, True]
        assert "netevia-token" not in repr((canned.calls, listed.calls))

    async def test_a_ticket_is_named_without_a_call(self, client: Netevia, sandbox: Sandbox) -> None:
        assert client.name_conversation(TICKET).number == "123456"
        assert asked(sandbox) == []


def test_403_and_404_look_the_same_in_every_respect() -> None:
    forbidden = explain("us", HttpReply(403, {}, b'{"message": "not yours"}'))
    assert forbidden == explain("us", HttpReply(404, {}, b'{"message": "none"}')) == (GONE,)
