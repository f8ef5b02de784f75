"""Case messages: the list of a case, new ones, and confirming them.

Page: https://docs.serviceorderhub.com/en/latest/Messages/
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

from gateway.domain.errors import Refusal, SourceAuthError, SourceError, SourceProtocolError
from gateway.domain.ids import Ref
from gateway.domain.ports import Slot
from gateway.domain.records import Message
from gateway.domain.rules import Rule, check
from gateway.domain.writes import Attempt, NewCaseMessage, Reply, given_fields
from gateway.sources.rest import Rest, each, fresh
from gateway.sources.service_order_hub import mapping, wire
from gateway.sources.service_order_hub.calls import NOT_VISIBLE, get, payload, post, timestamp
from gateway.sources.service_order_hub.refusals import NO_ACCESS, confirm_refusal

_DEFAULT_KIND = "serviceComment"
_TYPES = frozenset(mapping.MESSAGE_TYPES)

_MESSAGE_RULES = {
    "type": Rule(required=True, choices=_TYPES),
    "content": Rule(),
    "declaredAt": Rule(),
    "externalId": Rule(max_length=512),
    "parent": Rule(),
    "author.email": Rule(max_length=512),
    "author.name": Rule(max_length=512),
    "internal": Rule(),
}
_REPLY_RULES = {
    "body": Rule(required=True),
    "kind": Rule(choices=_TYPES),
    "format": Rule(choices=frozenset({"PLAIN"})),
    **{name: rule for name, rule in _MESSAGE_RULES.items() if name not in {"type", "content", "parent"}},
}


class Messages:
    """Reads and writes messages. `check` is a read that wrong credentials fail."""

    confirm_limit = 100  # No maximum is documented; a hundred ids keep a failed call's loss small.

    def __init__(self, rest: Rest, *, check: Callable[[], Awaitable[None]]) -> None:
        self._rest = rest
        self._source = rest.source
        self._check = check

    async def read_messages(self, conversations: Sequence[Ref]) -> list[Slot[tuple[Message, ...]]]:
        """GET case-messages?guid=, one call per case; it gives all of a case's messages."""
        return await each(self.of_case, conversations)

    async def of_case(self, case: Ref, *, anew: bool = False) -> tuple[Message, ...] | None:
        """All messages of a case; with `anew` from the hub itself and no cache in between."""
        call = get("case-messages", ("guid", case.parts[0]))
        reply = await self._rest.find(fresh(call) if anew else call, missing=NOT_VISIBLE)
        if reply is None:
            return None
        fetched, start = self._rest.fetched(reply), datetime.min.replace(tzinfo=UTC)
        records = (
            (sent.id, mapping.message_record(self._source, sent, fetched))
            for sent in payload(self._rest, reply, tuple[wire.Message, ...])
        )
        # The page promises no order.
        ordered = sorted(records, key=lambda each: (each[1].created_at or start, each[0]))
        return tuple(record for _, record in ordered)

    # -- writes

    def check_reply(self, reply: Reply) -> tuple[Refusal, ...]:
        """The limits of case-messages/create, by the reply's own names."""
        fields = given_fields(reply, without=frozenset({"conversation", "parent"}))
        # An empty list of attachments asks for nothing.
        given = {name: value for name, value in fields.items() if value != ()}
        return check(_REPLY_RULES, given, source=self._source)

    async def send_reply(self, reply: Reply, attempt: Attempt) -> Message:
        """A reply is a case message with a parent, or without one when it goes to the case."""
        return await self.create_case_message(as_case_message(reply), attempt)

    def check_case_message(self, message: NewCaseMessage) -> tuple[Refusal, ...]:
        """The limits of case-messages/create."""
        given = {
            {"kind": "type"}.get(name, name): value
            for name, value in given_fields(message, without=frozenset({"case"})).items()
        }
        return check(_MESSAGE_RULES, given, source=self._source)

    async def create_case_message(self, message: NewCaseMessage, attempt: Attempt) -> Message:
        """POST case-messages/create."""
        sent = {
            "guid": message.case.parts[0],
            "type": message.kind,
            "content": message.content,
            "declaredAt": message.declared_at and timestamp(message.declared_at),
            "externalId": external_id(message, attempt),
            "parentMessageId": message.parent and int(message.parent.parts[1]),
            "userName": message.author_name,
            "userEmail": message.author_email,
            # Newer than the original document: sent only when the caller asked for it.
            "isInternal": message.internal,
        }
        body = {name: value for name, value in sent.items() if value is not None}
        reply = await self._rest.send(post("case-messages/create", body, safe=False))
        made = payload(self._rest, reply, wire.Message)
        return mapping.message_record(self._source, made, self._rest.fetched(reply))

    async def confirm_messages(self, messages: Sequence[Ref]) -> list[Refusal | None]:
        """POST case-messages/confirm, for at most `confirm_limit` messages.

        Answered with 200 and `success` even if no id was confirmed, so only its `errors` count.

        Raises:
            SourceAuthError: The hub has no access to any of them, and it is the credentials' fault.
            SourceProtocolError: The answer says no success, or is about messages that weren't sent.
        """
        ids = [int(ref.parts[1]) for ref in messages]
        reply = await self._rest.send(post("case-messages/confirm", list(dict.fromkeys(ids)), safe=False))
        answer = self._rest.decode(reply, wire.Confirmation)
        if not answer.success:
            raise SourceProtocolError(self._source, detail="no success", json_path="$.success")
        refused = {error.id: error for error in answer.errors}
        if refused.keys() - set(ids):
            raise SourceProtocolError(
                self._source, detail="errors for ids that were not sent", json_path="$.errors"
            )
        if ids and all(
            message_id in refused and refused[message_id].message == NO_ACCESS for message_id in ids
        ):
            await self._suspect_credentials()
        return [
            confirm_refusal(self._source, refused[message_id]) if message_id in refused else None
            for message_id in ids
        ]

    async def _suspect_credentials(self) -> None:
        """Tell wrong credentials from messages of other parties' cases: `No access` means either.

        Nothing was confirmed by now, so this costs one read and no truth. If that can't tell, the hub's
        own words stand.
        """
        try:
            await self._check()
        except SourceAuthError:
            raise
        except SourceError:
            return


def as_case_message(reply: Reply) -> NewCaseMessage:
    """What a reply is to the hub."""
    return NewCaseMessage(
        case=reply.conversation,
        kind=(reply.kind or "").strip() or _DEFAULT_KIND,
        content=reply.body,
        declared_at=reply.declared_at,
        external_id=reply.external_id,
        parent=reply.parent,
        author_name=reply.author_name,
        author_email=reply.author_email,
        internal=reply.internal,
    )


def external_id(message: NewCaseMessage, attempt: Attempt) -> str:
    """What a message is known by at the hub: the caller's own word, else ours, so that it can be found."""
    given = message.external_id
    return given if given is not None and given.strip() else attempt.reference
