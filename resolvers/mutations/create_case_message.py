"""`createCaseMessage`: a message on a repair case, with every field that the hub documents."""

from datetime import datetime
from functools import partial
from typing import Annotated, Any

import strawberry

from gateway.domain.catalog import Source
from gateway.domain.errors import BadInput, Refusal, RefusalCode
from gateway.domain.ids import EntityType, Ref
from gateway.domain.ports import CaseMessageCreator
from gateway.domain.writes import NewCaseMessage
from resolvers.access import WRITES
from resolvers.context import AnyFetch
from resolvers.mutations.authors import AuthorInput, writing_as
from resolvers.mutations.performing import (
    check_key,
    client_for,
    intend,
    known_message,
    payload,
    perform,
    refused,
    sent_message,
    unsupported,
)
from resolvers.references import by_guid, by_id, exactly_one


@strawberry.input(description="A message on a repair case.")
class CreateCaseMessageInput:
    case: strawberry.ID | None = strawberry.field(default=None, description="The case. Give this or `guid`.")
    guid: strawberry.ID | None = strawberry.field(
        default=None, description="The case by its own guid, where one source has cases. Give this or `case`."
    )
    type: str = strawberry.field(
        description="The hub's own word: serviceComment, customerCenterReply, costProposalRejectRur, "
        "costProposalRejectScrap, statusRequest, spareParts, reminder, costProposal, shipment or forwarding."
    )
    content: str | None = strawberry.field(default=None, description="The text.")
    declared_at: datetime | None = strawberry.field(
        default=None, description="When it really happened; now by default."
    )
    external_id: str | None = strawberry.field(
        default=None, description="Your own reference, at most 512 characters."
    )
    parent: strawberry.ID | None = strawberry.field(
        default=None, description="The message of the same case that it answers."
    )
    author: AuthorInput | None = strawberry.field(
        default=None,
        description="The human author, each part at most 512 characters; yourself by default. Another one "
        "needs the scope `messages:write_as`.",
    )
    internal: bool | None = strawberry.field(
        default=None, description="Only for the provider's eyes; partners can't read it back."
    )
    idempotency_key: str = strawberry.field(
        description="1 to 255 characters, new for each new message: a repeat with the same key and input "
        "tells the first one's outcome and sends nothing."
    )


async def create_case_message(
    fetch: AnyFetch,
    input: Annotated[CreateCaseMessageInput, strawberry.argument(description="The message.")],
) -> Any:
    """Send a case message once."""
    source, case = _case(fetch, input)
    creator = client_for(fetch, "createCaseMessage", source, CaseMessageCreator)
    if creator is None:
        return unsupported(source, "take case messages", message=None)
    parent, misplaced = await _parent(fetch, input, source, case)
    _, author = writing_as(fetch, source, author=input.author)
    wanted = NewCaseMessage(
        case=case,
        kind=input.type,
        content=input.content,
        declared_at=input.declared_at,
        external_id=input.external_id,
        parent=parent,
        author_name=author.name,
        author_email=author.email,
        internal=input.internal,
    )
    refusals = (*check_key(input.idempotency_key), *misplaced, *creator.check_case_message(wanted))
    if refusals:
        return refused(refusals, message=None)
    intent = intend(fetch, source, "createCaseMessage", wanted, key=input.idempotency_key, target=case)
    outcome = await perform(fetch, intent, partial(creator.create_case_message, wanted))
    fetch.context.forget(case)
    return payload(outcome, message=await sent_message(fetch, outcome))


def _case(fetch: AnyFetch, given: CreateCaseMessageInput) -> tuple[Source, Ref]:
    exactly_one("input.case", case=given.case, guid=given.guid)
    if given.guid is None:
        return by_id(fetch, given.case or "", "input.case", EntityType.CASE)
    refs = by_guid(fetch, given.guid, "input.guid", needs=WRITES["createCaseMessage"])
    if len(refs) > 1:
        keys = ", ".join(ref.source for ref in refs)
        raise BadInput(f"Several sources have cases ({keys}): give `case`.", argument="input.guid")
    return fetch.context.catalog.of(refs[0], argument="input.guid"), refs[0]


async def _parent(
    fetch: AnyFetch, given: CreateCaseMessageInput, source: Source, case: Ref
) -> tuple[Ref | None, tuple[Refusal, ...]]:
    """The message to answer; it has to be one of the same case."""
    if given.parent is None:
        return None, ()
    _, parent = by_id(fetch, given.parent, "input.parent", EntityType.MESSAGE)
    if parent.source == case.source and _guid(source.conversation_of(parent)) == _guid(case):
        return await known_message(fetch, parent, "parent")
    message = "`parent` is a message of another case."
    return parent, (Refusal(RefusalCode.INVALID, message, ("parent",), source.key),)


def _guid(case: Ref) -> str:
    return case.parts[0].casefold()
