"""Records that are known in part are read in full only when something of the rest is asked for."""

from collections.abc import Sequence
from typing import Any

from gateway.domain.ids import EntityType, Ref
from gateway.domain.ports import ConversationNamer
from gateway.domain.records import Account, AccountKind, Conversation, Origin, OriginKind
from gateway.plans.selection import Selection
from resolvers.context import AnyFetch
from resolvers.slots import gather_slots

_UNREAD_ACCOUNT = frozenset({"name", "email", "phone", "status", "organization"})
# Fields that a reference answers by itself. An object of which nothing else is asked has to be read
# all the same where its existence is the question.
_OF_REFERENCE = frozenset({"id", "guid", "origin", "kind", "capabilities", "__typename"})


def named_account(ref: Ref) -> Account:
    """An account by its reference alone."""
    kind, native_id = ref.parts
    return Account(
        ref=ref,
        origin=Origin(ref.source, native_id, kind=OriginKind.REFERENCE),
        kind=AccountKind(kind),
        missing=_UNREAD_ACCOUNT,
    )


async def accounts(fetch: AnyFetch, held: Sequence[Account | Ref | None]) -> list[Any]:
    """Accounts that records hold, whole, in part or by reference: one slot each.

    Costs one read per distinct account of which more is asked than the records hold.
    """

    async def one(holder: Account | Ref | None) -> Account | None:
        if holder is None:
            return None
        known = named_account(holder) if isinstance(holder, Ref) else holder
        if not known.missing & fetch.selection.attributes:
            return known
        # A record may name an account that its source no longer gives: its name still stands.
        return await fetch.context.records.accounts.load(known.ref) or (known if known.name else None)

    return await gather_slots([one(holder) for holder in held])


async def read_conversation(fetch: AnyFetch, ref: Ref) -> Conversation | None:
    """Read a case or ticket in full; where a source can't read it back, what its reference says.

    A ticket that its source doesn't show any more, but that was created here, comes from the ledger.
    """
    records = fetch.context.records
    source = fetch.context.catalog.of(ref)
    if ref.type is EntityType.CASE:
        return await records.cases.load(ref)
    named = name_conversation(fetch, ref)
    if named is not None and not named.missing and source.port(ConversationNamer) is not None:
        return named
    return await records.ticket(ref) or await fetch.context.recall.ticket(ref)


def name_conversation(fetch: AnyFetch, ref: Ref) -> Conversation | None:
    """A case or ticket by its reference alone, where its source can be named so."""
    namer = fetch.context.catalog.of(ref).port(ConversationNamer)
    return None if namer is None else namer.name_conversation(ref)


async def find_conversation(fetch: AnyFetch, ref: Ref, selection: Selection) -> Conversation | None:
    """The conversation that a caller named: read, unless all that is asked is fetched apart from it."""
    named = name_conversation(fetch, ref)
    wanted = selection.attributes
    if named is not None and not named.missing & wanted and not wanted <= _OF_REFERENCE:
        return named
    return await read_conversation(fetch, ref)


async def complete(
    fetch: AnyFetch, conversations: Sequence[Conversation], selection: Selection
) -> list[Conversation]:
    """Read in full those of which more is asked than is known.

    A conversation whose read fails stays as far as it is known, and the error goes beside the data.
    """
    wanted = selection.attributes

    async def one(known: Conversation) -> Conversation:
        if not known.missing & wanted:
            return known
        return await read_conversation(fetch, known.ref) or known

    slots = await gather_slots([one(each) for each in conversations])
    completed: list[Conversation] = []
    for known, slot in zip(conversations, slots, strict=True):
        if isinstance(slot, Exception):
            fetch.context.report_or_raise(slot, fetch)
        completed.append(known if isinstance(slot, Exception) else slot)
    return completed
