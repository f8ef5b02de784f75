"""Netevia's Banking API: messages into tickets that can't be read back, and linked users.

Read from https://banking.docs.netevia.com, whose pages carry no dates.
"""

import re
from collections.abc import Mapping, Sequence

import msgspec

from gateway.domain.errors import Refusal, RefusalCode, SourceError, SourceProtocolError
from gateway.domain.ids import EntityType, Ref
from gateway.domain.pages import Feed, NoFeed, Page, SliceState, whole
from gateway.domain.ports import AccountFilter, Slot
from gateway.domain.records import Account, AccountKind, Fetched, Message, Ticket
from gateway.domain.rules import Rule, check
from gateway.domain.writes import Attempt, Reply, given_fields
from gateway.sources.netevia import mapping, wire
from gateway.sources.rest import Rest, fresh
from gateway.transport import Call
from gateway.transport import Reply as HttpReply

MAX_LIMIT = 100

# 1 to 2147483647 and nothing else, so that every ticket has one id: a pattern, as shapes are patterns.
# After the first line, each branch is the limit's first digits, then a smaller one, then any.
_INT32 = (
    r"[1-9][0-9]{0,8}|1[0-9]{9}"
    r"|20[0-9]{8}|21[0-3][0-9]{7}|214[0-6][0-9]{6}|2147[0-3][0-9]{5}|21474[0-7][0-9]{4}"
    r"|214748[0-2][0-9]{3}|2147483[0-5][0-9]{2}|21474836[0-3][0-9]|214748364[0-7]"
)

_REPLY_RULES = {
    # Whether and how Netevia drops control characters isn't documented. A customer's letter is not to be
    # changed on the way, so they are refused rather than stripped.
    "body": Rule(
        required=True,
        pattern=re.compile(r"[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]*"),
        shape="text without control characters other than tabs and line breaks",
    ),
    "format": Rule(choices=frozenset({"PLAIN"})),
}


class Netevia:
    """The client of one instance."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._source = rest.source

    async def check(self) -> None:
        """List the linked users: the only read there is."""
        await self._linked_users(anew=True)

    # -- accounts

    async def read_accounts(self, refs: Sequence[Ref]) -> list[Slot[Account]]:
        """GET LinkedAccount/users, once for all of them: there is no read of one user."""
        try:
            users, _ = await self._linked_users()
        except SourceError as error:
            return [error] * len(refs)
        found = {account.ref: account for account in users}
        return [found.get(ref) for ref in refs]

    def list_accounts(self, wanted: AccountFilter) -> tuple[Feed[Account], ...] | NoFeed:
        """GET LinkedAccount/users, which gives all of them at once."""
        if wanted.kind not in {None, AccountKind.LINKED_USER}:
            return NoFeed(SliceState.UNSUPPORTED, "There are no accounts of that kind.")
        if wanted.search is not None or wanted.organization is not None:
            return NoFeed(SliceState.UNSUPPORTED, "Linked users can't be filtered.")
        return (Feed(self._source, "", self._page, MAX_LIMIT, ordered=False),)

    async def _page(self, offset: int, limit: int) -> Page[Account]:
        return whole(*await self._linked_users())(offset, limit)

    async def _linked_users(self, *, anew: bool = False) -> tuple[tuple[Account, ...], Fetched]:
        """GET api/LinkedAccount/users; with `anew` past every cache.

        Source: https://banking.docs.netevia.com/reference/get_api-linkedaccount-users
        """
        call = Call("linked users", "GET", "api/LinkedAccount/users", safe=True)
        reply = await self._rest.send(fresh(call) if anew else call)
        fetched = self._rest.fetched(reply)
        users = self._rest.decode(reply, tuple[wire.LinkedUser, ...])
        return tuple(mapping.account_record(self._source, user, fetched) for user in users), fetched

    # -- tickets

    def name_conversation(self, ref: Ref) -> Ticket:
        """A ticket by its number, which is all that anybody can know of it here."""
        return mapping.named_ticket(ref)

    def check_reply(self, reply: Reply) -> tuple[Refusal, ...]:
        """A ticket takes plain text and nothing else; what asks for nothing is let through."""
        given = {
            name: value
            for name, value in given_fields(reply, without=frozenset({"conversation", "parent"})).items()
            if value not in (False, ())
        }
        return check(_REPLY_RULES, given, source=self._source)

    async def send_reply(self, reply: Reply, attempt: Attempt) -> Message:  # noqa: ARG002 - the port's
        """POST api/tickets/message. There are no threads: a reply to a message goes to its ticket.

        `ticketId` is an int32 in the list of fields and a string in its example; the number is sent. The
        endpoint takes nothing to know the message by, and no other shows it again, so a message whose
        answer is lost can't be looked for.

        Raises:
            SourceProtocolError: The answer isn't 200 with `success` and an id, so nobody knows whether
                the message was added.

        Source: https://banking.docs.netevia.com/reference/post_api-tickets-message
        """
        sent = {"ticketId": int(reply.conversation.parts[0]), "text": reply.body}
        answer = await self._rest.send(
            Call(
                "add message",
                "POST",
                "api/tickets/message",
                safe=False,
                headers={"content-type": "application/json"},
                body=msgspec.json.encode(sent),
            )
        )
        if answer.status != 200:
            raise SourceProtocolError(self._source, detail=f"add message: {answer.status}")
        added = self._rest.decode(answer, wire.MessageAdded)
        if added.success is not True:
            raise SourceProtocolError(self._source, detail="no success", json_path="$.success")
        if added.comment_id in (None, ""):
            raise SourceProtocolError(self._source, detail="no id", json_path="$.commentId")
        fetched = self._rest.fetched(answer)
        return mapping.message_record(reply, str(added.comment_id), added.created_date, fetched)


def explain(source: str, reply: HttpReply) -> tuple[Refusal, ...]:
    """Refusals by status alone: what an error's body holds isn't documented.

    403 means that the ticket is somebody else's and 404 that there is none: one answer for both, as
    two would tell a stranger which numbers exist.
    """
    if reply.status in {403, 404}:
        return (
            Refusal(
                RefusalCode.NOT_FOUND,
                f"{source} has no such ticket, or the credentials may not write to it.",
                ("to",),
                source,
            ),
        )
    return (Refusal(RefusalCode.REJECTED_BY_SOURCE, f"{source} refused the message.", (), source),)


def shapes() -> Mapping[EntityType, tuple[str, ...]]:
    """What the parts of this source's references look like."""
    return {
        EntityType.TICKET: (_INT32,),
        EntityType.MESSAGE: (_INT32, r"[A-Za-z0-9_-]{1,64}"),
        EntityType.ACCOUNT: (AccountKind.LINKED_USER.value, r"0|[1-9][0-9]{0,9}"),
    }
