"""Replying at Thulium, over real sockets: what is sent, how often, and what is said about it."""

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.domain.errors import Refusal, RefusalCode, SourceFault, SourceRejected, SourceUnavailable
from gateway.domain.ids import EntityType, Ref
from gateway.domain.records import (
    Attachment,
    AuthorRole,
    Body,
    Coded,
    Message,
    MessageAuthor,
    MessageType,
    Origin,
    TextFormat,
    Visibility,
)
from gateway.domain.writes import Reply
from gateway.sandbox import Faults, Sandbox
from gateway.sandbox.world.thulium import ThuliumMessage
from gateway.sources.thulium.client import Thulium
from gateway.transport import Call, Transport
from gateway.transport import Reply as HttpReply
from tests.sources import ATTEMPT, prepared

NOW = datetime(2026, 11, 22, 10, 30, 15, tzinfo=UTC)
MINUTE = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
TOKEN = "61527075253ba62a76ca5c"
AGENT = "testowy.agent11"
TICKET = Ref(EntityType.TICKET, "pl", ("1234",))
NO_TICKET = Ref(EntityType.TICKET, "pl", ("99999",))
REPLY = Reply(conversation=TICKET, body="Wysyłam.", agent=AGENT)

Build = Callable[..., Thulium]
Serve = Callable[[Mapping[str, str]], AbstractAsyncContextManager[Thulium]]


class Then:
    """A transport after whose writes something happens."""

    def __init__(self, inner: Transport, happens: Callable[[], None]) -> None:
        self._inner = inner
        self._happens = happens

    async def send(self, call: Call) -> HttpReply:
        reply = await self._inner.send(call)
        if not call.safe:
            self._happens()
        return reply

    async def close(self) -> None:
        """The inner one belongs to another."""


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
    return await client.send_reply(reply, await prepared(client, reply, NOW))


def said(sandbox: Sandbox, ticket_id: int = 1234) -> list[str]:
    return [message.body for message in sandbox.world.thulium.tickets[ticket_id].messages]


class TestCheckReply:
    async def test_everything_documented_may_be_given(self, client: Thulium) -> None:
        whole = replace(
            REPLY, format=TextFormat.HTML, sent_at=NOW, attachments=(TOKEN,), internal=False, parent=TICKET
        )
        assert client.check_reply(whole) == ()

    @pytest.mark.parametrize(
        ("reply", "refused"),
        [
            (replace(REPLY, body=""), [(RefusalCode.REQUIRED, "body")]),
            (replace(REPLY, body=" \n"), [(RefusalCode.REQUIRED, "body")]),
            (replace(REPLY, agent=None), [(RefusalCode.REQUIRED, "agent")]),
            (replace(REPLY, agent=""), [(RefusalCode.REQUIRED, "agent")]),
            (replace(REPLY, format=TextFormat.UNKNOWN), [(RefusalCode.INVALID, "format")]),
            (replace(REPLY, kind="REPLY"), [(RefusalCode.UNSUPPORTED_FIELD, "kind")]),
            (replace(REPLY, declared_at=NOW), [(RefusalCode.UNSUPPORTED_FIELD, "declaredAt")]),
            (replace(REPLY, external_id="x"), [(RefusalCode.UNSUPPORTED_FIELD, "externalId")]),
            (replace(REPLY, internal=True), [(RefusalCode.UNSUPPORTED_FIELD, "internal")]),
            (
                replace(REPLY, author_name="Ola", author_email="o@k.example"),
                [
                    (RefusalCode.UNSUPPORTED_FIELD, "author.name"),
                    (RefusalCode.UNSUPPORTED_FIELD, "author.email"),
                ],
            ),
        ],
    )
    async def test_what_it_does_not_take_is_refused(
        self, client: Thulium, reply: Reply, refused: list[tuple[RefusalCode, str]]
    ) -> None:
        assert paths(client.check_reply(reply)) == refused

    async def test_a_default_agent_stands_in(self, transport: Transport, connect: Build) -> None:
        client = connect(transport, default_agent=AGENT)
        assert client.check_reply(replace(REPLY, agent=None)) == ()


class TestSendReply:
    async def test_a_reply_is_prepared_sent_once_and_found_again(
        self, client: Thulium, sandbox: Sandbox
    ) -> None:
        message = await sent(client, replace(REPLY, attachments=(TOKEN,)))
        native_id = str(sandbox.world.thulium.last_message_id)
        assert message == Message(
            ref=Ref(EntityType.MESSAGE, "pl", ("1234", native_id)),
            origin=Origin("pl", native_id, fetched_at=NOW),
            conversation=TICKET,
            author=MessageAuthor(
                AuthorRole.AGENT, account=Ref(EntityType.ACCOUNT, "pl", ("AGENT", "testowy.agent11"))
            ),
            kind=Coded(MessageType.REPLY, "REPLY"),
            body=Body("Wysyłam.", TextFormat.UNKNOWN),
            visibility=Visibility.PUBLIC,
            attachments=(Attachment(),),
            created_at=MINUTE,
        )
        assert asked(sandbox) == [
            "GET /api/tickets/1234",
            "POST /api/tickets/1234/agent_response",
            "GET /api/tickets/1234",
        ]
        assert written(sandbox) == {
            "body": "Wysyłam.",
            "body_type": "PLAIN",
            "user_login": AGENT,
            "attachments": [TOKEN],
        }

    async def test_both_reads_pass_by_any_cache(self, client: Thulium, sandbox: Sandbox) -> None:
        await sent(client, REPLY)
        before, _, after = sandbox.services["thulium"].arrivals
        assert (before.headers["cache-control"], after.headers["cache-control"]) == ("no-cache", "no-cache")

    async def test_html_is_sent_as_html(self, client: Thulium, sandbox: Sandbox) -> None:
        reply = replace(REPLY, body="<p>Wysyłam</p>", format=TextFormat.HTML)
        assert await sent(client, reply) is not None
        assert written(sandbox) == {
            "body": "<p>Wysyłam</p>",
            "body_type": "HTML",
            "user_login": AGENT,
        }

    async def test_a_date_goes_in_local_minutes(self, client: Thulium, sandbox: Sandbox) -> None:
        sent_at = datetime(2026, 7, 1, 10, 0, 59, tzinfo=UTC)
        message = await sent(client, replace(REPLY, sent_at=sent_at))
        assert written(sandbox)["date"] == "2026-07-01 12:00"
        assert message is not None
        assert message.created_at == datetime(2026, 7, 1, 10, tzinfo=UTC)

    async def test_the_default_agent_sends_what_names_none(
        self, transport: Transport, connect: Build, sandbox: Sandbox
    ) -> None:
        client = connect(transport, default_agent="testowy.agent17")
        assert await sent(client, replace(REPLY, agent=None)) is not None
        assert written(sandbox)["user_login"] == "testowy.agent17"

    async def test_the_agent_of_the_reply_goes_before_the_default(
        self, transport: Transport, connect: Build, sandbox: Sandbox
    ) -> None:
        await sent(connect(transport, default_agent="testowy.agent17"), REPLY)
        assert written(sandbox)["user_login"] == AGENT

    async def test_a_reply_to_a_message_goes_to_its_ticket(self, client: Thulium, sandbox: Sandbox) -> None:
        parent = Ref(EntityType.MESSAGE, "pl", ("1234", "10237"))
        message = await sent(client, replace(REPLY, parent=parent))
        assert message is not None
        assert message.parent is None
        assert asked(sandbox)[1] == "POST /api/tickets/1234/agent_response"

    @pytest.mark.parametrize("answer", ["array", "empty"])
    @pytest.mark.parametrize("status", ["unchanged", "in_progress"])
    async def test_every_form_of_the_answer_is_success(self, serve: Serve, answer: str, status: str) -> None:
        async with serve({"reply_answer": answer, "reply_status": status}) as client:
            message = await sent(client, REPLY)
        assert message is not None
        assert message.kind == Coded(MessageType.REPLY, "REPLY")
        assert message.body == Body("Wysyłam.", TextFormat.UNKNOWN)

    async def test_a_missing_ticket_is_refused_when_it_is_prepared(
        self, client: Thulium, sandbox: Sandbox
    ) -> None:
        with pytest.raises(SourceRejected) as refused:
            await client.prepare(replace(REPLY, conversation=NO_TICKET))
        assert refused.value.refusals == (
            Refusal(RefusalCode.NOT_FOUND, "pl has no such ticket.", ("to",), "pl"),
        )
        assert asked(sandbox) == ["GET /api/tickets/99999"]

    async def test_what_is_kept_of_before_is_the_messages_and_the_agent(
        self, transport: Transport, connect: Build, sandbox: Sandbox
    ) -> None:
        client = connect(transport, default_agent="testowy.agent17")
        known = [message.id for message in reversed(sandbox.world.thulium.tickets[1234].messages)]
        assert json.loads(await client.prepare(REPLY) or "") == {"messages": known, "login": AGENT}
        by_default = await client.prepare(replace(REPLY, agent=None))
        assert json.loads(by_default or "") == {"messages": known, "login": "testowy.agent17"}
        assert asked(sandbox) == ["GET /api/tickets/1234"] * 2

    @pytest.mark.parametrize("baseline", [None, "", "7", '{"sender": null, "reference_field": null}'])
    async def test_one_that_was_not_prepared_is_not_sent(
        self, client: Thulium, sandbox: Sandbox, baseline: str | None
    ) -> None:
        with pytest.raises(SourceFault) as fault:
            await client.send_reply(REPLY, replace(ATTEMPT, baseline=baseline))
        assert fault.value.sent is False
        assert asked(sandbox) == []

    async def test_a_refusal_carries_the_sources_reasons(self, client: Thulium, sandbox: Sandbox) -> None:
        with pytest.raises(SourceRejected) as refused:
            await sent(client, replace(REPLY, agent="n.n", attachments=("gone",)))
        assert refused.value.refusals == (
            Refusal(
                RefusalCode.REJECTED_BY_SOURCE,
                "pl refused it: Agent n.n does not exist.",
                (),
                "pl",
                "410026",
            ),
            Refusal(
                RefusalCode.REJECTED_BY_SOURCE,
                "pl refused it: Temporary file gone does not exist.",
                (),
                "pl",
                "410028",
            ),
        )
        assert refused.value.sent is True
        assert len(asked(sandbox)) == 2

    async def test_a_write_that_fails_is_not_sent_again_and_may_have_arrived(
        self, transport: Transport, connect: Build, sandbox: Sandbox
    ) -> None:
        class FailingWrite(Then):
            async def send(self, call: Call) -> HttpReply:
                sandbox.services["thulium"].faults = Faults(error_rate=0 if call.safe else 1)
                return await super().send(call)

        with pytest.raises(SourceUnavailable) as failed:
            await sent(connect(FailingWrite(transport, lambda: None)), REPLY)
        assert failed.value.sent is True
        assert asked(sandbox) == ["GET /api/tickets/1234", "POST /api/tickets/1234/agent_response"]

    @pytest.mark.parametrize(
        "faults",
        [
            Faults(error_rate=1),
            Faults(error_rate=1, error_status=401),
            Faults(error_rate=1, error_status=404),
            Faults(malformed_json=True),
        ],
    )
    async def test_a_second_read_that_fails_leaves_the_reply_accepted(
        self, transport: Transport, connect: Build, sandbox: Sandbox, faults: Faults
    ) -> None:
        def fail() -> None:
            sandbox.services["thulium"].faults = faults

        assert await sent(connect(Then(transport, fail)), REPLY) is None
        assert said(sandbox)[-1] == "Wysyłam."
        assert len(asked(sandbox)) == 3

    async def test_the_same_words_by_somebody_else_do_not_confuse(
        self, transport: Transport, connect: Build, sandbox: Sandbox
    ) -> None:
        ticket = sandbox.world.thulium.tickets[1234]
        own: list[int] = []

        def happens() -> None:
            own.append(ticket.messages[-1].id)
            ticket.messages.append(ThuliumMessage(20000, "REPLY", NOW, "testowy.agent17", "Wysyłam."))

        message = await sent(connect(Then(transport, happens)), REPLY)
        assert message is not None
        assert [message.origin.native_id] == [str(native_id) for native_id in own]

    async def test_the_same_words_said_before_are_not_taken_for_it(self, client: Thulium) -> None:
        first = await sent(client, REPLY)
        second = await sent(client, REPLY)
        assert first is not None
        assert second is not None
        assert int(second.origin.native_id) == int(first.origin.native_id) + 1

    async def test_two_that_could_be_it_are_accepted_with_the_id_unknown(
        self, transport: Transport, connect: Build, sandbox: Sandbox
    ) -> None:
        messages = sandbox.world.thulium.tickets[1234].messages

        def happens() -> None:
            messages.append(ThuliumMessage(20000, "REPLY", NOW, AGENT, "Wysyłam."))

        assert await sent(connect(Then(transport, happens)), REPLY) is None

    async def test_a_reply_that_does_not_show_up_is_accepted_with_the_id_unknown(
        self, transport: Transport, connect: Build, sandbox: Sandbox
    ) -> None:
        messages = sandbox.world.thulium.tickets[1234].messages
        client = connect(Then(transport, lambda: messages.__delitem__(-1)))
        assert await sent(client, REPLY) is None
