"""Case messages: reading, creating, replying and confirming, over real sockets."""

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from gateway.domain.errors import (
    Refusal,
    RefusalCode,
    SourceAuthError,
    SourceProtocolError,
    SourceRejected,
)
from gateway.domain.ids import EntityType, Ref
from gateway.domain.records import (
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
from gateway.domain.writes import NewCaseMessage, Reply
from gateway.sandbox import Sandbox
from gateway.sandbox.service_order_hub import PROVIDER_TOKEN
from gateway.sources.service_order_hub.client import ServiceOrderHub
from gateway.transport import Transport
from tests.sources import ATTEMPT, REFERENCE

NOW = datetime(2026, 11, 22, 10, 30, 15, 250000, tzinfo=UTC)
GUID = "1e0abcb7-b94c-4072-a9c0-37072a1ef015"
CASE = Ref(EntityType.CASE, "se", (GUID,))
NO_CASE = Ref(EntityType.CASE, "se", ("00000000-0000-4000-8000-000000000000",))
FOREIGN_CASE = Ref(EntityType.CASE, "se", ("40586f06-c0fb-477f-a338-6b85e1fcf700",))
# The oldest case but one: the first conversation with internal messages, and with those to confirm.
TALKED = Ref(EntityType.CASE, "se", ("bd1152c6-4bd9-4ec9-9b36-7fc1f6987c5e",))

Build = Callable[..., ServiceOrderHub]
Serve = Callable[[Mapping[str, str]], AbstractAsyncContextManager[ServiceOrderHub]]


def message_ref(number: int, case: Ref = TALKED) -> Ref:
    return Ref(EntityType.MESSAGE, "se", (*case.parts, str(number)))


def sent(sandbox: Sandbox) -> list[tuple[str, Any]]:
    """Path and body of each call."""
    return [
        (each.path.removeprefix("/api/v3/"), json.loads(each.body or b"null"))
        for each in sandbox.services["service_order_hub"].arrivals
    ]


async def messages_of(client: ServiceOrderHub, case: Ref) -> tuple[Message, ...]:
    (found,) = await client.read_messages([case])
    assert isinstance(found, tuple)
    return found


class TestReadMessages:
    async def test_the_documented_case(self, client: ServiceOrderHub, sandbox: Sandbox) -> None:
        first = datetime(2017, 7, 26, 13, 43, 44, 512000, tzinfo=UTC)
        second = datetime(2017, 7, 26, 13, 54, 53, 58000, tzinfo=UTC)
        shared = {
            "conversation": CASE,
            "author": MessageAuthor(AuthorRole.PROVIDER),
            "kind": Coded(MessageType.MESSAGE, "serviceComment"),
            "visibility": Visibility.PUBLIC,
        }
        assert await messages_of(client, CASE) == (
            Message(
                ref=message_ref(1, CASE),
                origin=Origin("se", "1", fetched_at=NOW),
                body=Body("Hello!", TextFormat.UNKNOWN),
                external_id="test-42",
                created_at=first,
                updated_at=first,
                declared_at=first,
                **shared,  # type: ignore[arg-type]
            ),
            Message(
                ref=message_ref(2, CASE),
                origin=Origin("se", "2", fetched_at=NOW),
                body=Body("Test comemnt", TextFormat.UNKNOWN),
                created_at=second,
                updated_at=second,
                declared_at=second,
                **shared,  # type: ignore[arg-type]
            ),
        )
        (arrival,) = sandbox.services["service_order_hub"].arrivals
        assert (arrival.method, arrival.path, arrival.query) == (
            "GET",
            "/api/v3/case-messages",
            f"guid={GUID}",
        )

    async def test_a_case_that_is_not_there_or_of_another_party_leaves_the_others_alone(
        self, client: ServiceOrderHub, sandbox: Sandbox
    ) -> None:
        missing, found, foreign = await client.read_messages([NO_CASE, CASE, FOREIGN_CASE])
        assert isinstance(found, tuple)
        assert (missing, len(found), foreign) == (None, 2, None)
        assert len(sent(sandbox)) == 3

    @pytest.mark.parametrize("envelope", ["documented", "bare", "data"])
    @pytest.mark.parametrize("optional_fields", ["when_set", "omit", "always"])
    async def test_every_form_of_the_answer_gives_the_same_messages(
        self, client: ServiceOrderHub, serve: Serve, envelope: str, optional_fields: str
    ) -> None:
        usual = await messages_of(client, TALKED)
        if optional_fields == "omit":
            usual = tuple(
                replace(each, parent=None, author=MessageAuthor(each.author.role) if each.author else None)
                for each in usual
            )
        async with serve({"envelope": envelope, "optional_fields": optional_fields}) as other:
            assert await messages_of(other, TALKED) == usual
            assert await other.read_cases([TALKED]) == await client.read_cases([TALKED])
            partner = Ref(EntityType.ACCOUNT, "se", ("PARTNER", "12"))
            assert await other.read_accounts([partner]) == await client.read_accounts([partner])

    async def test_internal_messages_are_the_providers_alone(
        self, transport: Transport, connect: Build
    ) -> None:
        partners = await messages_of(connect(transport), TALKED)
        providers = await messages_of(connect(transport, token=PROVIDER_TOKEN), TALKED)
        internal = [each for each in providers if each.visibility is Visibility.INTERNAL]
        assert [each.origin.native_id for each in internal] == ["5005", "5011", "5017"]
        assert partners == tuple(each for each in providers if each not in internal)


WHOLE = NewCaseMessage(
    case=TALKED,
    kind="statusRequest",
    content="Wann ist es fertig? ✓",
    declared_at=datetime(2026, 11, 20, 9, 30, 1, 2999, tzinfo=timezone(timedelta(hours=1))),
    external_id="gw-1",
    parent=message_ref(4377),
    author_name="Ada Berg",
    author_email="ada@example.org",
    internal=False,
)


class TestCreate:
    async def test_every_field_goes_under_its_documented_name(
        self, client: ServiceOrderHub, sandbox: Sandbox
    ) -> None:
        assert client.check_case_message(WHOLE) == ()
        created = await client.create_case_message(WHOLE, ATTEMPT)
        assert sent(sandbox) == [
            (
                "case-messages/create",
                {
                    "guid": TALKED.parts[0],
                    "type": "statusRequest",
                    "content": "Wann ist es fertig? ✓",
                    "declaredAt": "2026-11-20T08:30:01.002Z",
                    "externalId": "gw-1",
                    "parentMessageId": 4377,
                    "userName": "Ada Berg",
                    "userEmail": "ada@example.org",
                    "isInternal": False,
                },
            )
        ]
        assert created == Message(
            ref=created.ref,
            origin=Origin("se", created.ref.parts[1], fetched_at=NOW),
            conversation=TALKED,
            author=MessageAuthor(AuthorRole.PARTNER, "Ada Berg", "ada@example.org"),
            kind=Coded(MessageType.STATUS_REQUEST, "statusRequest"),
            body=Body("Wann ist es fertig? ✓", TextFormat.UNKNOWN),
            parent=message_ref(4377),
            visibility=Visibility.PUBLIC,
            external_id="gw-1",
            created_at=NOW,
            updated_at=NOW,
            declared_at=datetime(2026, 11, 20, 8, 30, 1, 2000, tzinfo=UTC),
        )
        assert (await messages_of(client, TALKED))[-1] == created

    async def test_what_is_not_given_is_not_sent(self, client: ServiceOrderHub, sandbox: Sandbox) -> None:
        await client.create_case_message(NewCaseMessage(case=CASE, kind="reminder"), ATTEMPT)
        assert sent(sandbox) == [
            ("case-messages/create", {"guid": GUID, "type": "reminder", "externalId": REFERENCE})
        ]

    async def test_a_moment_has_milliseconds_and_a_z_also_where_they_are_none(
        self, client: ServiceOrderHub, sandbox: Sandbox
    ) -> None:
        moment = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
        await client.create_case_message(
            NewCaseMessage(case=CASE, kind="reminder", declared_at=moment), ATTEMPT
        )
        assert sent(sandbox)[0][1]["declaredAt"] == "2026-11-20T09:30:00.000Z"

    @pytest.mark.parametrize("envelope", ["bare", "data"])
    async def test_the_answer_is_read_with_and_without_its_wrapper(self, serve: Serve, envelope: str) -> None:
        async with serve({"envelope": envelope}) as client:
            created = await client.create_case_message(NewCaseMessage(case=CASE, kind="reminder"), ATTEMPT)
            assert (await messages_of(client, CASE))[-1] == created

    async def test_an_internal_message_of_a_provider(self, transport: Transport, connect: Build) -> None:
        provider = connect(transport, token=PROVIDER_TOKEN)
        created = await provider.create_case_message(replace(WHOLE, internal=True), ATTEMPT)
        assert created.visibility is Visibility.INTERNAL
        assert created.author == MessageAuthor(AuthorRole.PROVIDER, "Ada Berg", "ada@example.org")
        assert created in await messages_of(provider, TALKED)
        assert created not in await messages_of(connect(transport), TALKED)

    @pytest.mark.parametrize(
        ("case", "code", "text"),
        [
            (NO_CASE, RefusalCode.NOT_FOUND, "se refused it: Not found"),
            (FOREIGN_CASE, RefusalCode.NO_ACCESS, "se refused it: No access"),
        ],
    )
    @pytest.mark.parametrize("errors", ["object", "string"])
    async def test_a_case_that_cannot_be_written_to_is_a_refusal(
        self, serve: Serve, case: Ref, code: RefusalCode, text: str, errors: str
    ) -> None:
        async with serve({"errors": errors}) as client:
            with pytest.raises(SourceRejected) as refused:
                await client.create_case_message(NewCaseMessage(case=case, kind="reminder"), ATTEMPT)
            assert refused.value.refusals == (Refusal(code, text, (), "se"),)

    @pytest.mark.parametrize(
        ("changed", "refusals"),
        [
            ({"kind": ""}, [(RefusalCode.REQUIRED, ("type",))]),
            ({"kind": "servicecomment"}, [(RefusalCode.INVALID, ("type",))]),
            ({"external_id": "x" * 512, "author_name": "x" * 512, "author_email": "x" * 512}, []),
            ({"external_id": "x" * 513}, [(RefusalCode.TOO_LONG, ("externalId",))]),
            ({"author_name": "x" * 513}, [(RefusalCode.TOO_LONG, ("author", "name"))]),
            ({"author_email": "x" * 513}, [(RefusalCode.TOO_LONG, ("author", "email"))]),
            ({"content": ""}, []),
        ],
    )
    async def test_its_limits_are_held_before_a_call(
        self,
        client: ServiceOrderHub,
        sandbox: Sandbox,
        changed: dict[str, Any],
        refusals: list[tuple[RefusalCode, tuple[str, ...]]],
    ) -> None:
        found = client.check_case_message(replace(WHOLE, **changed))
        assert [(refusal.code, refusal.field) for refusal in found] == refusals
        assert sent(sandbox) == []


class TestReply:
    @pytest.mark.parametrize("kind", [None, "", " "])
    async def test_a_reply_to_a_case_is_a_service_comment(
        self, client: ServiceOrderHub, sandbox: Sandbox, kind: str | None
    ) -> None:
        reply = Reply(conversation=TALKED, body="Danke!", kind=kind)
        assert client.check_reply(reply) == ()
        created = await client.send_reply(reply, ATTEMPT)
        assert sent(sandbox) == [
            (
                "case-messages/create",
                {
                    "guid": TALKED.parts[0],
                    "type": "serviceComment",
                    "content": "Danke!",
                    "externalId": REFERENCE,
                },
            )
        ]
        assert (await messages_of(client, TALKED))[-1] == created

    async def test_a_reply_to_a_message_carries_all_that_is_given(
        self, client: ServiceOrderHub, sandbox: Sandbox
    ) -> None:
        reply = Reply(
            conversation=TALKED,
            body="Danke!",
            parent=message_ref(4378),
            kind="customerCenterReply",
            declared_at=datetime(2026, 11, 20, 9, 30, tzinfo=UTC),
            external_id="gw-2",
            internal=True,
            author_name="Ada",
            author_email="ada@example.org",
        )
        assert client.check_reply(reply) == ()
        assert (await client.send_reply(reply, ATTEMPT)).parent == message_ref(4378)
        assert sent(sandbox) == [
            (
                "case-messages/create",
                {
                    "guid": TALKED.parts[0],
                    "type": "customerCenterReply",
                    "content": "Danke!",
                    "declaredAt": "2026-11-20T09:30:00.000Z",
                    "externalId": "gw-2",
                    "parentMessageId": 4378,
                    "userName": "Ada",
                    "userEmail": "ada@example.org",
                    "isInternal": True,
                },
            )
        ]

    @pytest.mark.parametrize(
        ("changed", "refusals"),
        [
            ({"body": " "}, [(RefusalCode.REQUIRED, ("body",))]),
            ({"kind": "gossip"}, [(RefusalCode.INVALID, ("kind",))]),
            ({"format": TextFormat.HTML}, [(RefusalCode.INVALID, ("format",))]),
            ({"external_id": "x" * 513}, [(RefusalCode.TOO_LONG, ("externalId",))]),
            ({"author_name": "x" * 513}, [(RefusalCode.TOO_LONG, ("author", "name"))]),
            ({"author_email": "x" * 513}, [(RefusalCode.TOO_LONG, ("author", "email"))]),
            ({"agent": "ada"}, [(RefusalCode.UNSUPPORTED_FIELD, ("agent",))]),
            ({"sent_at": NOW}, [(RefusalCode.UNSUPPORTED_FIELD, ("sentAt",))]),
            ({"attachments": ("token",)}, [(RefusalCode.UNSUPPORTED_FIELD, ("attachments",))]),
            ({"attachments": ()}, []),
        ],
    )
    async def test_its_limits_are_held_before_a_call(
        self,
        client: ServiceOrderHub,
        sandbox: Sandbox,
        changed: dict[str, Any],
        refusals: list[tuple[RefusalCode, tuple[str, ...]]],
    ) -> None:
        found = client.check_reply(replace(Reply(conversation=TALKED, body="Danke!"), **changed))
        assert [(refusal.code, refusal.field) for refusal in found] == refusals
        assert sent(sandbox) == []


def refusal(code: RefusalCode, word: str) -> Refusal:
    return Refusal(code, f"se did not confirm it: {word}", (), "se", word)


NOT_FOUND = refusal(RefusalCode.NOT_FOUND, "Not found")
NO_ACCESS = refusal(RefusalCode.NO_ACCESS, "No access")


class TestConfirm:
    async def test_the_documented_ids_are_confirmed_in_one_call(
        self, client: ServiceOrderHub, sandbox: Sandbox
    ) -> None:
        refs = [message_ref(number) for number in range(4377, 4381)]
        assert await client.confirm_messages(refs) == [None] * 4
        assert sent(sandbox) == [("case-messages/confirm", [4377, 4378, 4379, 4380])]
        moments = {each.ref: each.confirmed_at for each in await messages_of(client, TALKED)}
        assert [moments[ref] for ref in refs] == [NOW] * 4

    async def test_each_message_has_its_own_outcome_in_the_order_asked(
        self, client: ServiceOrderHub, sandbox: Sandbox
    ) -> None:
        refs = [message_ref(number) for number in (11, 4377, 22, 4377)]
        assert await client.confirm_messages(refs) == [NOT_FOUND, None, NO_ACCESS, None]
        assert sent(sandbox) == [("case-messages/confirm", [11, 4377, 22])]

    async def test_no_access_to_any_with_good_credentials_stays_a_refusal(
        self, client: ServiceOrderHub, sandbox: Sandbox
    ) -> None:
        assert await client.confirm_messages([message_ref(22)]) == [NO_ACCESS]
        assert [path for path, _ in sent(sandbox)] == ["case-messages/confirm", "search-cases"]

    async def test_no_access_to_any_with_bad_credentials_is_the_credentials_fault(
        self, connect: Build, canned: Callable[..., Any]
    ) -> None:
        class Odd:
            """Answers a confirmation as the page has it for wrong credentials, and 401 to the rest."""

            def __init__(self, status: int) -> None:
                self.confirming = canned(
                    b'{"success": true, "errors": [{"id": 7, "message": "No access"}], "data": {}}'
                )
                self.rest = canned(b'{"error": {"message": "no"}}', status=status)

            async def send(self, call: Any) -> Any:
                return await (self.confirming if "confirm" in call.path else self.rest).send(call)

            async def close(self) -> None:
                pass

        with pytest.raises(SourceAuthError):
            await connect(Odd(401)).confirm_messages([message_ref(7)])
        # Where the question goes unanswered, the hub's own words are all that there is.
        assert await connect(Odd(503)).confirm_messages([message_ref(7)]) == [NO_ACCESS]

    async def test_an_unknown_or_missing_reason_is_a_refusal_too(
        self, connect: Build, canned: Callable[..., Any]
    ) -> None:
        body = b'{"success": true, "errors": [{"id": 7, "message": "Frozen"}, {"id": "8"}], "data": {}}'
        assert await connect(canned(body)).confirm_messages(
            [message_ref(7), message_ref(8), message_ref(9)]
        ) == [
            refusal(RefusalCode.REJECTED_BY_SOURCE, "Frozen"),
            Refusal(RefusalCode.REJECTED_BY_SOURCE, "se did not confirm it.", (), "se"),
            None,
        ]

    @pytest.mark.parametrize(
        ("body", "json_path"),
        [
            (b'{"success": true, "errors": [{"id": 8, "message": "Not found"}]}', "$.errors"),
            (b'{"success": false, "errors": []}', "$.success"),
            (b'{"success": true, "data": {}}', "$"),
            (b'{"success": true, "errors": [{"message": "Not found"}]}', "$.errors[0]"),
            (b'{"success": true, "errors": [{"id": "x"}]}', "$.errors[0].id"),
            (b'{"success": true, "errors": null}', "$.errors"),
            (b"[]", "$"),
            (b"", "$"),
        ],
    )
    async def test_an_answer_that_does_not_say_what_was_confirmed_leaves_it_in_doubt(
        self, connect: Build, canned: Callable[..., Any], body: bytes, json_path: str
    ) -> None:
        with pytest.raises(SourceProtocolError) as broken:
            await connect(canned(body)).confirm_messages([message_ref(7)])
        assert (broken.value.json_path, broken.value.sent) == (json_path, True)

    async def test_a_request_that_is_refused_as_a_whole(
        self, connect: Build, canned: Callable[..., Any]
    ) -> None:
        text = '"value" at position 0 fails because ["0" must be a number]'
        body = json.dumps({"error": {"message": text}}).encode()
        with pytest.raises(SourceRejected) as refused:
            await connect(canned(body, status=400)).confirm_messages([message_ref(7)])
        assert refused.value.refusals == (
            Refusal(RefusalCode.REJECTED_BY_SOURCE, f"se refused it: {text}", (), "se"),
        )
