"""Service Order Hub's REST API, one method per endpoint that the gateway uses.

Read from https://docs.serviceorderhub.com on 2026-05-06; API version 3.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

import msgspec

from gateway.domain.clock import Clock
from gateway.domain.errors import BadInput, Refusal, RefusalCode, SourceProtocolError
from gateway.domain.ids import EntityType, Ref
from gateway.domain.pages import Feed, NoFeed, Page, SliceState
from gateway.domain.ports import AccountKey, CaseFilter, ConversationFilter, Slot
from gateway.domain.records import Account, AccountKind, Case, ConversationState, Message
from gateway.domain.rules import Rule, check
from gateway.domain.writes import NewCaseMessage, Reply, given_fields
from gateway.sources.rest import Rest, each
from gateway.sources.service_order_hub import mapping, wire
from gateway.sources.status import StatusTable
from gateway.transport import Call
from gateway.transport import Reply as HttpReply

T = TypeVar("T")

MAX_LIMIT = 100
# An unknown guid and one of another party aren't told apart in the documents: for a reader both are
# absent.
_MISSING = frozenset({403, 404})
_PARTY_PATHS = {
    AccountKind.PARTNER: "partner",
    AccountKind.PROVIDER: "provider",
    AccountKind.DEPARTMENT: "department",
}
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


class ServiceOrderHub:
    """The client of one instance."""

    account_keys = frozenset({"nativeId"})
    confirm_limit = 100  # No maximum is documented; a hundred ids keep a failed call's loss small.
    search_fields = (
        "order data",
        "product data (not the problem text)",
        "contact names, phones and e-mail addresses",
        "postal code and city",
    )

    def __init__(self, rest: Rest, *, statuses: StatusTable, clock: Clock) -> None:
        self._rest = rest
        self._source = rest.source
        self._statuses = statuses
        self._clock = clock

    async def check(self) -> None:
        """Search for one case: the cheapest read that needs credentials."""
        await self._search({}, 0, 1)

    # -- accounts

    async def read_accounts(self, refs: Sequence[Ref]) -> list[Slot[Account]]:
        """GET partner|provider|department?id=, one call each."""
        return await each(self._party, refs)

    async def find_account(self, key: AccountKey) -> Account | None:
        """By the hub's own id; `kind` says in which of the three id spaces, PARTNER unless given."""
        kind = key.kind or AccountKind.PARTNER
        if kind not in _PARTY_PATHS:
            raise BadInput(f"{self._source} has no accounts of kind {kind.value}.", argument="lookup.kind")
        if not key.value.isdecimal() or len(key.value) > 10:
            raise BadInput(f"An account id of {self._source} is a number.", argument="lookup.nativeId")
        return await self._party(mapping.party_ref(self._source, kind, int(key.value)))

    async def _party(self, ref: Ref) -> Account | None:
        kind, native_id = AccountKind(ref.parts[0]), ref.parts[1]
        path = _PARTY_PATHS[kind]
        reply = await self._rest.find(
            Call(path, "GET", f"v3/{path}", safe=True, query=(("id", native_id),)), missing=_MISSING
        )
        if reply is None:
            return None
        return mapping.account_record(self._source, kind, self._payload(reply, wire.Party), self._clock())

    # -- cases

    def name_conversation(self, ref: Ref) -> Case:
        """A case by nothing but its guid."""
        return mapping.named_case(ref)

    async def read_cases(self, refs: Sequence[Ref]) -> list[Slot[Case]]:
        """GET case?guid=, one call each."""
        return await each(self._case, refs)

    async def _case(self, ref: Ref) -> Case | None:
        reply = await self._rest.find(
            Call("case", "GET", "v3/case", safe=True, query=(("guid", ref.parts[0]),)), missing=_MISSING
        )
        return None if reply is None else self._case_record(self._payload(reply, wire.Case))

    def list_cases(self, wanted: CaseFilter) -> tuple[Feed[Case], ...] | NoFeed:
        """POST search-cases. One feed per native status, as the search compares for equality only."""
        filters: dict[str, object] = {}
        if wanted.search:
            filters["commonSearch"] = wanted.search
        if wanted.tags:
            filters["tags"] = list(wanted.tags)
        created = {
            operator: _timestamp(moment)
            for operator, moment in (("$gt", wanted.created_after), ("$lt", wanted.created_before))
            if moment is not None
        }
        if created:
            filters["createdAt"] = created
        for name, kind, ref in (
            ("partnerId", AccountKind.PARTNER, wanted.partner),
            ("serviceProviderId", AccountKind.PROVIDER, wanted.provider),
        ):
            if ref is None:
                continue
            if ref.source != self._source:
                return NoFeed(SliceState.SKIPPED, "The account belongs to another source.")
            if ref.parts[0] != kind.value:
                return NoFeed(SliceState.UNSUPPORTED, f"Not an account of kind {kind.value}.")
            filters[name] = int(ref.parts[1])
        return self._feeds(filters, wanted.status)

    def list_conversations(self, wanted: ConversationFilter) -> tuple[Feed[Case], ...] | NoFeed:
        """Cases by what they have in common with tickets."""
        if wanted.assignee is not None or wanted.queue is not None or wanted.updated_after is not None:
            return NoFeed(
                SliceState.UNSUPPORTED, "Cases can't be filtered by assignee, queue or time of change."
            )
        partner = wanted.account
        if partner is not None and partner.source == self._source and partner.parts[0] != "PARTNER":
            return self.list_cases(CaseFilter(search=wanted.search, status=wanted.status, provider=partner))
        return self.list_cases(CaseFilter(search=wanted.search, status=wanted.status, partner=partner))

    def _feeds(
        self, filters: Mapping[str, object], status: tuple[ConversationState, ...] | None
    ) -> tuple[Feed[Case], ...] | NoFeed:
        if status is None:
            return (self._feed("", filters),)
        natives = self._statuses.natives(status)
        if not natives:
            return NoFeed(SliceState.UNSUPPORTED, "No native status is mapped to the wanted ones.")
        return tuple(self._feed(native, {**filters, "currentStatus": native}) for native in natives)

    def _feed(self, key: str, filters: Mapping[str, object]) -> Feed[Case]:
        return Feed(self._source, key, partial(self._search, filters), MAX_LIMIT, ordered=False)

    async def _search(self, filters: Mapping[str, object], offset: int, limit: int) -> Page[Case]:
        """POST search-cases: a read, although a POST. In the hub's own order, which has no name."""
        body = {"filters": filters, "pagination": {"offset": offset, "limit": limit}}
        reply = await self._rest.send(_post("search-cases", body, safe=True))
        found = self._rest.decode(reply, wire.Cases)
        count = None if found.pagination is None else found.pagination.count
        return Page(
            tuple(map(self._case_record, found.data)),
            count,
            exhausted=not found.data if count is None else offset + len(found.data) >= count,
        )

    def _case_record(self, sent: wire.Case) -> Case:
        return mapping.case_record(self._source, sent, self._statuses, self._clock())

    # -- messages

    async def read_messages(self, conversations: Sequence[Ref]) -> list[Slot[tuple[Message, ...]]]:
        """GET case-messages?guid=, one call per case; it gives all of a case's messages."""
        return await each(self._messages, conversations)

    async def _messages(self, case: Ref) -> tuple[Message, ...] | None:
        reply = await self._rest.find(
            Call("case-messages", "GET", "v3/case-messages", safe=True, query=(("guid", case.parts[0]),)),
            missing=_MISSING,
        )
        if reply is None:
            return None
        now = self._clock()
        sent = self._payload(reply, tuple[wire.Message, ...])
        # The page promises no order.
        ordered = sorted(
            sent, key=lambda each: (each.created_at or datetime.min.replace(tzinfo=UTC), each.id)
        )
        return tuple(mapping.message_record(self._source, each, now) for each in ordered)

    # -- writes

    def check_reply(self, reply: Reply) -> tuple[Refusal, ...]:
        """The limits of case-messages/create, by the reply's own names."""
        return check(
            _REPLY_RULES,
            given_fields(reply, without=frozenset({"conversation", "parent"})),
            source=self._source,
        )

    async def send_reply(self, reply: Reply) -> Message:
        """A reply is a case message with a parent, or without one when it goes to the case."""
        return await self.create_case_message(
            NewCaseMessage(
                case=reply.conversation,
                kind=reply.kind or "serviceComment",
                content=reply.body,
                declared_at=reply.declared_at,
                external_id=reply.external_id,
                parent=reply.parent,
                author_name=reply.author_name,
                author_email=reply.author_email,
                internal=reply.internal,
            )
        )

    def check_case_message(self, message: NewCaseMessage) -> tuple[Refusal, ...]:
        """The limits of case-messages/create."""
        given = {
            {"kind": "type"}.get(name, name): value
            for name, value in given_fields(message, without=frozenset({"case"})).items()
        }
        return check(_MESSAGE_RULES, given, source=self._source)

    async def create_case_message(self, message: NewCaseMessage) -> Message:
        """POST case-messages/create.

        Source: https://docs.serviceorderhub.com/en/latest/Messages/
        """
        sent = {
            "guid": message.case.parts[0],
            "type": message.kind,
            "content": message.content,
            "declaredAt": message.declared_at and _timestamp(message.declared_at),
            "externalId": message.external_id,
            "parentMessageId": message.parent and int(message.parent.parts[1]),
            "userName": message.author_name,
            "userEmail": message.author_email,
            # Newer than the original document: sent only when the caller asked for it.
            "isInternal": message.internal,
        }
        body = {name: value for name, value in sent.items() if value is not None}
        reply = await self._rest.send(_post("case-messages/create", body, safe=False))
        return mapping.message_record(self._source, self._payload(reply, wire.Message), self._clock())

    async def confirm_messages(self, messages: Sequence[Ref]) -> list[Refusal | None]:
        """POST case-messages/confirm, for at most `confirm_limit` messages.

        Answered with 200 even if every id failed, so only its `errors` count.

        Source: https://docs.serviceorderhub.com/en/latest/Messages/
        """
        ids = [int(ref.parts[1]) for ref in messages]
        reply = await self._rest.send(_post("case-messages/confirm", ids, safe=False))
        errors = self._rest.decode(reply, wire.Confirmation).errors
        refused = {error.id: _confirm_refusal(self._source, error) for error in errors}
        strangers = refused.keys() - set(ids)
        if strangers:
            raise SourceProtocolError(
                self._source, detail="errors for ids that were not sent", json_path="$.errors"
            )
        return [refused.get(message_id) for message_id in ids]

    def _payload(self, reply: HttpReply, into: type[T]) -> T:
        """Decode a payload with or without its `data` wrapper; no payload has a `data` field itself."""
        if reply.body.lstrip()[:1] == b"{" and "data" in self._rest.decode(reply, dict[str, msgspec.Raw]):
            return self._rest.decode(reply, wire.Enveloped[into]).data  # type: ignore[valid-type]
        return self._rest.decode(reply, into)


def explain(source: str, reply: HttpReply) -> tuple[Refusal, ...]:
    """The hub's validator text as a refusal. It has no codes, so 404 and 403 go by the status."""
    code = {403: RefusalCode.NO_ACCESS, 404: RefusalCode.NOT_FOUND}.get(
        reply.status, RefusalCode.REJECTED_BY_SOURCE
    )
    try:
        error = msgspec.json.decode(reply.body, type=wire.Error).error
    except (msgspec.DecodeError, UnicodeDecodeError):
        error = ""
    said = error if isinstance(error, str) else error.message
    return (
        Refusal(
            code, f"{source} refused the message: {said}" if said else f"{source} refused it.", (), source
        ),
    )


def _confirm_refusal(source: str, error: wire.ConfirmError) -> Refusal:
    code = {
        "Not found": RefusalCode.NOT_FOUND,
        "No access": RefusalCode.NO_ACCESS,
    }.get(error.message, RefusalCode.REJECTED_BY_SOURCE)
    return Refusal(code, f"{source} did not confirm it: {error.message}", (), source, error.message)


def _post(action: str, body: object, *, safe: bool) -> Call:
    return Call(
        action,
        "POST",
        f"v3/{action}",
        safe=safe,
        headers={"content-type": "application/json"},
        body=msgspec.json.encode(body),
    )


def _timestamp(moment: datetime) -> str:
    """`yyyy-MM-ddTHH:mm:ss.SSSZ`, the documented form."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def shapes() -> Mapping[EntityType, tuple[str, ...]]:
    """What the parts of this source's references look like."""
    guid = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
    number = r"\d{1,10}"
    return {
        EntityType.CASE: (guid,),
        EntityType.MESSAGE: (guid, number),
        EntityType.ACCOUNT: ("PARTNER|PROVIDER|DEPARTMENT", number),
    }
