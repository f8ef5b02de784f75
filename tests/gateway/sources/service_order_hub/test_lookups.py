"""Whether a write to the hub landed, looked for over real sockets."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.domain.errors import SourceProtocolError, SourceUnavailable
from gateway.domain.ids import EntityType, Ref
from gateway.domain.writes import Attempt, Confirmation, NewCaseMessage, Removal, Reply, Sighting
from gateway.sandbox import Faults, Sandbox
from gateway.sandbox.service_order_hub import PROVIDER_TOKEN
from gateway.sandbox.world.service_order_hub import HubMessage
from gateway.sources.service_order_hub.client import ServiceOrderHub
from gateway.transport import Transport
from tests.sources import REFERENCE, Canned, Hands

NOW = datetime(2026, 11, 22, 10, 30, 15, 250000, tzinfo=UTC)
ATTEMPT = Attempt(REFERENCE, None, NOW)
GUID = "bd1152c6-4bd9-4ec9-9b36-7fc1f6987c5e"
CASE = Ref(EntityType.CASE, "se", (GUID,))
PARENT = Ref(EntityType.MESSAGE, "se", (GUID, "4377"))
# Own words: whatever is not given here the hub fills itself.
PLAIN = NewCaseMessage(case=CASE, kind="reminder", content="Wann ist es fertig? ✓")
NAMED = replace(PLAIN, external_id="order-77")
WHOLE = replace(
    NAMED,
    declared_at=datetime(2026, 11, 20, 9, 30, 1, 2999, tzinfo=UTC),
    parent=PARENT,
    author_name="Ada Berg",
    author_email="ada@example.org",
)

NOT_THERE = Sighting(absence_proves=True)
INTERNAL = "Internal messages are not shown to partners through the API."

Build = Callable[..., ServiceOrderHub]
Serve = Callable[[Mapping[str, str]], AbstractAsyncContextManager[ServiceOrderHub]]


def calls(sandbox: Sandbox) -> list[tuple[str, str, str | None]]:
    """Method, path with query, and what is said to caches."""
    return [
        (each.method, f"{each.path.removeprefix('/api/v3/')}?{each.query}", each.headers.get("cache-control"))
        for each in sandbox.services["service_order_hub"].arrivals
    ]


def last(sandbox: Sandbox) -> HubMessage:
    messages = sandbox.world.service_order_hub.messages
    return messages[max(messages)]


def unlike(*near: Ref, matches: tuple[Ref, ...] = ()) -> Sighting:
    return Sighting(
        matches,
        near,
        absence_proves=True,
        reason="A new message has this externalId and type, but isn't exactly the one that was sent.",
    )


def seen(*refs: Ref) -> Sighting:
    return Sighting(refs, absence_proves=True)


class TestByOurReference:
    async def test_a_message_that_landed_is_the_one_that_the_answer_would_have_named(
        self, client: ServiceOrderHub, sandbox: Sandbox
    ) -> None:
        made = await client.create_case_message(PLAIN, ATTEMPT)
        sandbox.services["service_order_hub"].arrivals.clear()
        assert await client.find_write(PLAIN, ATTEMPT) == seen(made.ref)
        assert calls(sandbox) == [("GET", f"case-messages?guid={GUID}", "no-cache")]

    async def test_a_reply_is_looked_for_as_what_it_was_sent_as(self, client: ServiceOrderHub) -> None:
        reply = Reply(conversation=CASE, body="Danke!", parent=PARENT)
        made = await client.send_reply(reply, ATTEMPT)
        assert await client.find_write(reply, ATTEMPT) == seen(made.ref)

    async def test_the_same_words_under_another_reference_are_another_message(
        self, client: ServiceOrderHub
    ) -> None:
        await client.create_case_message(PLAIN, replace(ATTEMPT, reference=REFERENCE.replace("0a", "0b")))
        await client.create_case_message(replace(PLAIN, external_id="test-42"), ATTEMPT)
        assert await client.find_write(PLAIN, ATTEMPT) == NOT_THERE

    async def test_it_is_found_whatever_the_hub_did_to_the_rest(
        self, client: ServiceOrderHub, sandbox: Sandbox
    ) -> None:
        made = await client.create_case_message(PLAIN, ATTEMPT)
        last(sandbox).content, last(sandbox).created_at = "Wann?", NOW - timedelta(days=1)
        assert await client.find_write(PLAIN, ATTEMPT) == seen(made.ref)

    async def test_two_are_two(self, client: ServiceOrderHub) -> None:
        made = [await client.create_case_message(PLAIN, ATTEMPT) for _ in range(2)]
        assert await client.find_write(PLAIN, ATTEMPT) == seen(*(each.ref for each in made))

    @pytest.mark.parametrize("external_id", ["", " "])
    async def test_an_empty_external_id_leaves_the_place_to_ours(
        self, client: ServiceOrderHub, sandbox: Sandbox, external_id: str
    ) -> None:
        message = replace(PLAIN, external_id=external_id)
        made = await client.create_case_message(message, ATTEMPT)
        assert last(sandbox).external_id == REFERENCE
        assert await client.find_write(message, ATTEMPT) == seen(made.ref)

    async def test_an_internal_message_may_be_seen_but_its_absence_says_nothing(
        self, transport: Transport, connect: Build
    ) -> None:
        partner, provider = connect(transport), connect(transport, token=PROVIDER_TOKEN)
        internal = replace(PLAIN, internal=True)
        assert await provider.find_write(internal, ATTEMPT) == Sighting(reason=INTERNAL)
        made = await provider.create_case_message(internal, ATTEMPT)
        assert await provider.find_write(internal, ATTEMPT) == Sighting((made.ref,), reason=INTERNAL)
        assert await partner.find_write(internal, ATTEMPT) == Sighting(reason=INTERNAL)

    @pytest.mark.parametrize(
        "guid", ["00000000-0000-4000-8000-000000000000", "40586f06-c0fb-477f-a338-6b85e1fcf700"]
    )
    async def test_a_case_that_cannot_be_seen_says_nothing(self, client: ServiceOrderHub, guid: str) -> None:
        message = replace(PLAIN, case=replace(CASE, parts=(guid,)))
        assert await client.find_write(message, ATTEMPT) == Sighting(
            reason="The case can't be seen with these credentials any more."
        )


class TestByTheCallersExternalId:
    @pytest.mark.parametrize("message", [NAMED, WHOLE, replace(NAMED, content=None)])
    @pytest.mark.parametrize("optional_fields", ["when_set", "omit", "always"])
    async def test_one_that_landed_is_found_whatever_the_hub_shows(
        self, serve: Serve, message: NewCaseMessage, optional_fields: str
    ) -> None:
        async with serve({"optional_fields": optional_fields}) as client:
            made = await client.create_case_message(message, ATTEMPT)
            assert await client.find_write(message, ATTEMPT) == seen(made.ref)

    async def test_two_are_two(self, client: ServiceOrderHub) -> None:
        made = [await client.create_case_message(WHOLE, ATTEMPT) for _ in range(2)]
        assert await client.find_write(WHOLE, ATTEMPT) == seen(*(each.ref for each in made))

    async def test_one_from_before_the_write_is_another(self, client: ServiceOrderHub, hands: Hands) -> None:
        hands.moment = NOW - timedelta(minutes=5, seconds=1)
        await client.create_case_message(WHOLE, ATTEMPT)
        assert await client.find_write(WHOLE, ATTEMPT) == NOT_THERE

    async def test_a_hub_whose_clock_is_a_little_behind_still_shows_it(
        self, client: ServiceOrderHub, hands: Hands
    ) -> None:
        hands.moment = NOW - timedelta(minutes=4, seconds=59)
        made = await client.create_case_message(WHOLE, ATTEMPT)
        assert await client.find_write(WHOLE, ATTEMPT) == seen(made.ref)

    @pytest.mark.parametrize("changed", [{"type": "shipment"}, {"external_id": "order-78"}])
    async def test_another_type_or_external_id_is_another_message(
        self, client: ServiceOrderHub, sandbox: Sandbox, changed: dict[str, Any]
    ) -> None:
        await client.create_case_message(WHOLE, ATTEMPT)
        _change(last(sandbox), changed)
        assert await client.find_write(WHOLE, ATTEMPT) == NOT_THERE

    @pytest.mark.parametrize(
        "changed",
        [
            {"content": "Wann ist es fertig? ✓ "},
            {"content": None},
            {"user_name": "Bo"},
            {"user_email": "bo@example.org"},
            {"parent_message_id": 4378},
            {"declared_at": datetime(2026, 11, 20, 9, 30, 1, 3000, tzinfo=UTC)},
        ],
    )
    async def test_what_differs_elsewhere_is_neither_it_nor_proof(
        self, client: ServiceOrderHub, sandbox: Sandbox, changed: dict[str, Any]
    ) -> None:
        """How the hub may change a message isn't documented, and a message of ours is not to be sent twice."""
        near = (await client.create_case_message(WHOLE, ATTEMPT)).ref
        _change(last(sandbox), changed)
        assert await client.find_write(WHOLE, ATTEMPT) == unlike(near)
        made = await client.create_case_message(WHOLE, ATTEMPT)
        assert await client.find_write(WHOLE, ATTEMPT) == unlike(near, matches=(made.ref,))

    async def test_a_parent_or_an_author_that_was_not_sent_is_another_message(
        self, client: ServiceOrderHub
    ) -> None:
        answer = await client.create_case_message(replace(NAMED, parent=PARENT), ATTEMPT)
        named = await client.create_case_message(replace(NAMED, author_name="Ada"), ATTEMPT)
        assert await client.find_write(NAMED, ATTEMPT) == unlike(answer.ref, named.ref)

    async def test_an_internal_message_is_not_the_public_one(
        self, transport: Transport, connect: Build
    ) -> None:
        provider = connect(transport, token=PROVIDER_TOKEN)
        internal = await provider.create_case_message(replace(NAMED, internal=True), ATTEMPT)
        assert await provider.find_write(NAMED, ATTEMPT) == unlike(internal.ref)

    async def test_a_guid_in_capitals_names_the_same_parent(self, client: ServiceOrderHub) -> None:
        message = replace(WHOLE, parent=replace(PARENT, parts=(GUID.upper(), "4377")))
        made = await client.create_case_message(message, ATTEMPT)
        assert await client.find_write(message, ATTEMPT) == seen(made.ref)

    @pytest.mark.parametrize(
        "fields",
        [
            '"type": "reminder"',
            '"type": "reminder", "createdAt": null',
            '"createdAt": "2026-11-22T10:30:16.000Z"',
        ],
    )
    async def test_a_message_without_its_type_or_time_is_neither_it_nor_proof(
        self, connect: Build, canned: type[Canned], fields: str
    ) -> None:
        body = f'[{{"id": 7, "guid": "{GUID}", "externalId": "order-77", {fields}}}]'
        client = connect(canned(body.encode()))
        near = Ref(EntityType.MESSAGE, PARENT.source, (GUID, "7"))
        assert await client.find_write(replace(NAMED, content=None), ATTEMPT) == unlike(near)


def _change(message: HubMessage, changed: dict[str, Any]) -> None:
    for name, value in changed.items():
        setattr(message, name, value)


def to_confirm(*numbers: int, guid: str = GUID) -> Confirmation:
    return Confirmation(messages=tuple(Ref(EntityType.MESSAGE, "se", (guid, str(each))) for each in numbers))


class TestConfirmation:
    async def test_what_is_confirmed_by_now_is_found_in_one_call_per_case(
        self, client: ServiceOrderHub, sandbox: Sandbox
    ) -> None:
        both = to_confirm(4377, 4378, 4379)
        elsewhere = Ref(EntityType.MESSAGE, "se", ("1e0abcb7-b94c-4072-a9c0-37072a1ef015", "1"))
        write = Confirmation(messages=(*both.messages, elsewhere))
        assert await client.find_write(write, ATTEMPT) == NOT_THERE
        await client.confirm_messages([both.messages[1], elsewhere])
        sandbox.services["service_order_hub"].arrivals.clear()
        assert await client.find_write(write, ATTEMPT) == seen(both.messages[1], elsewhere)
        assert calls(sandbox) == [
            ("GET", f"case-messages?guid={GUID}", "no-cache"),
            ("GET", "case-messages?guid=1e0abcb7-b94c-4072-a9c0-37072a1ef015", "no-cache"),
        ]

    async def test_a_message_is_named_as_the_write_names_it(self, client: ServiceOrderHub) -> None:
        write = to_confirm(4377, guid=GUID.upper())
        await client.confirm_messages(write.messages)
        assert await client.find_write(write, ATTEMPT) == seen(*write.messages)

    async def test_a_message_that_is_gone_makes_the_rest_prove_nothing(self, client: ServiceOrderHub) -> None:
        await client.confirm_messages(to_confirm(4377).messages)
        missing = "Not all of the messages can be seen any more."
        assert await client.find_write(to_confirm(4377, 11), ATTEMPT) == Sighting(
            to_confirm(4377).messages, reason=missing
        )
        out_of_sight = to_confirm(1, guid="00000000-0000-4000-8000-000000000000")
        assert await client.find_write(out_of_sight, ATTEMPT) == Sighting(reason=missing)


class TestAnyWrite:
    @pytest.mark.parametrize("write", [PLAIN, NAMED, to_confirm(4377)])
    async def test_a_read_that_fails_is_an_error(
        self, client: ServiceOrderHub, sandbox: Sandbox, write: NewCaseMessage | Confirmation
    ) -> None:
        sandbox.services["service_order_hub"].faults = Faults(error_rate=1)
        with pytest.raises(SourceUnavailable):
            await client.find_write(write, ATTEMPT)
        sandbox.services["service_order_hub"].faults = Faults(malformed_json=True)
        with pytest.raises(SourceProtocolError):
            await client.find_write(write, ATTEMPT)

    async def test_one_that_the_hub_does_not_take_costs_no_call(
        self, client: ServiceOrderHub, sandbox: Sandbox
    ) -> None:
        removal = Removal(subscription=PARENT)
        assert await client.find_write(removal, ATTEMPT) == Sighting(reason="The hub takes no such write.")
        assert calls(sandbox) == []
